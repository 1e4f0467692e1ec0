/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DNS messages (RFC 1035, 6891, 8914, 9460): what a session asks, what we ask instead, what a name
 * server answers, and what the session is told. Nothing of a message is ever passed on as it came:
 * each is taken apart and built anew. Pure, no allocation. Every message that is read is hostile.
 */
#ifndef SANDLOCK_DNS_MESSAGE_H
#define SANDLOCK_DNS_MESSAGE_H

#include "dns_name.h"

#define DNS_PORT        53
#define DNS_HEADER_SIZE 12
#define DNS_UDP_MIN     512U  /* what a client without EDNS takes */
#define DNS_UDP_MAX     4096U /* what we send at most */
#define DNS_EDNS_SIZE   1232U /* what we take by UDP */
#define DNS_TCP_MAX     65535U
#define DNS_QUERY_MAX   (DNS_HEADER_SIZE + DNS_NAME_MAX + 4 + 11)

enum dns_type {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_SVCB = 64,
	DNS_HTTPS = 65,
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16,
};

/* What a client asks; all but id and flags may be unset where it is not answered with data. */
struct dns_question {
	uint16_t id;
	uint16_t type; /* as asked, any number */
	bool recursion_desired;
	bool checking_disabled;
	bool edns;
	bool dnssec_ok;
	uint16_t size; /* of the longest reply by UDP */
	bool named;    /* `name` and `type` are set */
	struct dns_name name;
	uint8_t spelled[DNS_NAME_MAX]; /* the name in the client's own upper and lower case */
};

/* Reads what a client sent. DNS_NOERROR: one plain question of class IN; another rcode is to be
 * answered; -EBADMSG: nothing is to be answered, this is no question. Sets *ret_question wherever
 * there is something to answer. Options of EDNS are not looked at: they go nowhere. */
int dns_question_parse(const uint8_t *message, size_t length, struct dns_question *ret_question);

/* A question of our own for a name server. Returns its length. */
size_t dns_query_build(uint16_t id, const struct dns_name *name, uint16_t type, bool edns,
		       uint8_t message[DNS_QUERY_MAX]);

/* What a name server answered, as far as it is about the name that was asked: the aliases that lead
 * from it, then the records of the last of them. */
#define DNS_ALIASES_MAX 16
#define DNS_ANSWER_MAX  16384U
struct dns_answer {
	uint8_t rcode; /* DNS_NOERROR, DNS_NXDOMAIN, or what else the server had */
	bool authentic;
	uint16_t aliases;
	uint16_t records;
	uint32_t ttl;    /* how long it is true: the least of all, or what a negative answer says */
	uint32_t length; /* of `bytes` */
	/* Each alias: TTL (4 bytes), length of the name (1), the name. Each record: TTL (4), length
	 * (2), data, in which no name is compressed. */
	uint8_t bytes[DNS_ANSWER_MAX];
};

/* 0; -EAGAIN where the message is cut off (ask by TCP); -EBADMSG where it does not answer this very
 * question, or is not sound. Records that do not fit are left out. */
int dns_answer_parse(const uint8_t *message, size_t length, uint16_t id,
		     const struct dns_name *name, uint16_t type, struct dns_answer *ret_answer);

/* One record of an answer, in order; false after the last one. *position begins as 0. */
struct dns_record {
	uint32_t ttl;
	uint16_t length;
	uint8_t *data;
};
bool dns_answer_next(struct dns_answer *answer, uint32_t *position, struct dns_record *ret_record);

/* The address in a record of type A or AAAA; false where it has none. */
bool dns_record_address(const struct dns_record *record, struct address *ret_address);

/* Takes the records out for which `drops` is true. Returns how many. */
uint32_t dns_answer_drop(struct dns_answer *answer,
			 bool (*drops)(const struct dns_record *record, void *context),
			 void *context);

/* Why there is no more to be told, for clients with EDNS (RFC 8914). */
enum dns_reason {
	DNS_REASON_NONE = 0xffff,
	DNS_REASON_STALE = 3,
	DNS_REASON_PROHIBITED = 18,
	DNS_REASON_NO_SERVER = 22, /* no reachable authority */
};

/* The reply: `answer` NULL stands for none but `rcode`. `age` seconds are taken off every TTL. What
 * does not fit into `size` bytes leaves the truncation bit and no records. Returns the length, 0
 * where not even that fits. */
size_t dns_reply_build(const struct dns_question *question, unsigned rcode, enum dns_reason reason,
		       struct dns_answer *answer, uint32_t age, uint8_t *message, size_t size);

#endif
