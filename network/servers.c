/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the name servers out of resolv.conf, which is root's. A line that is none is passed over,
 * as the C library does.
 */
#include "servers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include "util.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define TEXT_MAX    8192
#define BLANKS      " \t"

static bool scope_read(int probe, const char *name, uint32_t *ret_scope)
{
	struct ifreq interface = { 0 };
	uint64_t number;

	if (parse_unsigned(name, INT32_MAX, &number) == 0) {
		*ret_scope = (uint32_t)number;
		return true;
	}
	if (strlen(name) >= sizeof(interface.ifr_name))
		return false;
	memcpy(interface.ifr_name, name, strlen(name));
	if (ioctl(probe, SIOCGIFINDEX, &interface))
		return false;
	*ret_scope = (uint32_t)interface.ifr_ifindex;
	return true;
}

/* ADDRESS or ADDRESS%INTERFACE */
static bool server_read(int probe, char *text, struct server *ret_server)
{
	char *percent = strchr(text, '%');
	struct server server = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (percent) {
		*percent = '\0';
		if (!scope_read(probe, percent + 1, &server.scope))
			return false;
	}
	if (inet_pton(server.family, text, server.address) != 1)
		return false;
	*ret_server = server;
	return true;
}

uint32_t servers_read(int probe, struct server ret_servers[SERVERS_MAX])
{
	static const char key[] = "nameserver";
	char text[TEXT_MAX];
	cleanup_fd int fd = open(RESOLV_CONF, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	uint32_t count = 0;
	char *rest = text;

	text[length > 0 ? length : 0] = '\0';
	for (char *line; count < SERVERS_MAX && (line = strsep(&rest, "\n"));) {
		if (strncmp(line, key, sizeof(key) - 1) != 0 ||
		    !strchr(BLANKS, line[sizeof(key) - 1]))
			continue;
		line += sizeof(key) - 1 + strspn(line + sizeof(key) - 1, BLANKS);
		line[strcspn(line, BLANKS "\r#;")] = '\0';
		if (server_read(probe, line, &ret_servers[count]))
			count++;
	}
	return count;
}
