/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the machine looks host names up: resolv.conf(5), the order in nsswitch.conf(5), hosts(5).
 * The files are root's. What is not understood in them is passed over, as libc does.
 */
#ifndef SANDLOCK_DNS_CONFIG_H
#define SANDLOCK_DNS_CONFIG_H

#include "dns_name.h"

#define DNS_SERVERS_MAX 3
#define DNS_SEARCH_MAX  6

struct dns_server {
	struct address address;
	uint32_t scope; /* interface of a link-local address, else 0 */
};

struct dns_config {
	struct dns_server servers[DNS_SERVERS_MAX];
	uint32_t server_count; /* at least 1 */
	struct dns_name search[DNS_SEARCH_MAX];
	uint32_t search_count;
	uint32_t ndots; /* a name with fewer dots is looked up in the search domains */
	uint32_t timeout_ms;
	uint32_t attempts;
	bool rotate;
	bool use_tcp;
	bool hosts_file; /* /etc/hosts counts */
	bool hosts_file_first;
	bool dns; /* name servers are asked */
};

/* A file that is not there stands for what libc does without it. */
void dns_config_read(const char *resolv_conf, const char *nsswitch_conf,
		     struct dns_config *ret_config);

/* Calls `found` for each name in a file like /etc/hosts, with its address. */
void hosts_file_read(const char *path,
		     void (*found)(const struct dns_name *name, const struct address *address,
				   void *context),
		     void *context);

#endif
