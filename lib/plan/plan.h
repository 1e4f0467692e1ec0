/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A policy in flat form: what the planner hands to the shell, the supervisor and the resolver. One
 * sealed memfd of bounded size; offsets instead of pointers; names and numbers already checked.
 * plan_map distrusts every byte: the process that maps a plan may have more privilege than the one
 * that made it.
 */
#ifndef SANDLOCK_PLAN_H
#define SANDLOCK_PLAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ruleset.h"

#define PLAN_MAGIC       0x6b636c73U /* "slck" */
#define PLAN_VERSION     5U
#define PLAN_SIZE_MAX    (32U << 20)
#define PLAN_HOSTS_MAX   10000U
#define PLAN_DIGEST_NONE 0ULL

/* Header flags. */
#define PLAN_UDP         (1U << 0)  /* inet datagram sockets may be created */
#define PLAN_ICMP        (1U << 1)  /* ping sockets may be created */
#define PLAN_ICMP_RAW    (1U << 2)  /* raw ICMP sockets may be created */
#define PLAN_UNIX_DGRAM  (1U << 3)  /* unix datagram sockets may be created */
#define PLAN_DNS         (1U << 4)  /* the session may reach the system's name servers */
#define PLAN_BIND_ANY    (1U << 5)  /* net_bind = * */
#define PLAN_FILES       (1U << 6)  /* there is a [filesystem] */
#define PLAN_USERNS      (1U << 7)  /* [syscalls] allow = @userns */
#define PLAN_DRAFT       (1U << 8)  /* made from the caller's own file, by sandlockctl run */
#define PLAN_SETUID      (1U << 9)  /* no_new_privs may stay off where PAM starts the session */
#define PLAN_ROOT_LEAVES (1U << 10) /* and a process that becomes root then can undo the sandbox */
/* Those that the supervisor decides by. */
#define PLAN_ENDPOINT_FLAGS \
	(PLAN_UDP | PLAN_ICMP | PLAN_ICMP_RAW | PLAN_UNIX_DGRAM | PLAN_DNS | PLAN_BIND_ANY)
#define PLAN_FLAGS ((PLAN_ROOT_LEAVES << 1) - 1)

/* Protections listed in the policy's `require`: what the kernel must be able to enforce. */
#define REQUIRE_TCP      (1U << 0)
#define REQUIRE_TRUNCATE (1U << 1)
#define REQUIRE_IOCTL    (1U << 2)
#define REQUIRE_SIGNALS  (1U << 3)
#define REQUIRE_ABSTRACT (1U << 4)
#define REQUIRE_DNS      (1U << 5) /* look-ups show no name server more than the names in the rules */
#define REQUIRE_ALL      ((REQUIRE_DNS << 1) - 1)

/* How names are looked up: by the session, and by us for the rules that name hosts. */
enum plan_dns {
	PLAN_DNS_OFF = 0, /* the session has no look-ups */
	PLAN_DNS_HOSTS,   /* only /etc/hosts */
	PLAN_DNS_SYSTEM,  /* the session asks the system's name servers */
	PLAN_DNS_FILTERED, /* answered for the names in the rules. With PLAN_DNS: not available, as PLAN_DNS_SYSTEM */
};

/* The classes that an address of a name can ever have: a set of 1 << enum address_class. */
#define PLAN_NAME_CLASSES \
	(1U << CLASS_GLOBAL | 1U << CLASS_LOOPBACK | 1U << CLASS_PRIVATE | 1U << CLASS_LINKLOCAL)

struct plan_span {
	uint32_t offset; /* bytes from the start of the plan, aligned to 8 */
	uint32_t count;  /* elements */
};

/* An item of net_bind that is limited to local addresses. */
struct plan_local_bind {
	uint32_t target; /* TARGET_CLASS or TARGET_PREFIX */
	uint32_t class;
	struct prefix prefix;
	struct port_range ports;
	uint16_t unused;
};

enum plan_socket_kind {
	SOCKET_PATH = 0, /* pattern over canonical paths, `*` matches any characters */
	SOCKET_ABSTRACT, /* pattern over the name after the leading @ */
	SOCKET_OWN,
	SOCKET_X11,
};

/* One item of unix_allow, or one that is always allowed (line 0). */
struct plan_socket {
	uint32_t kind;    /* enum plan_socket_kind */
	uint32_t pattern; /* string; "" for the words */
	uint32_t file;    /* string */
	uint32_t line;
};

#define FILE_READ  (1U << 0)
#define FILE_WRITE (1U << 1)
#define FILE_EXEC  (1U << 2)
struct plan_file {
	uint32_t path; /* string, absolute */
	uint32_t rights;
	uint32_t file; /* string: the policy's, and the line there */
	uint32_t line;
};

struct plan_limit {
	uint32_t resource; /* RLIMIT_* */
	uint32_t unused;
	uint64_t value;
};

#define CALL_DENY  0U
#define CALL_ALLOW 1U
struct plan_call {
	uint32_t number; /* of the native ABI */
	uint32_t action;
};

/* All strings are offsets into `strings`; offset 0 is "". */
struct plan_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size;
	uint32_t flags;
	uint64_t digest; /* of all that restricts; equal digests are the same confinement. Never 0 */
	uint64_t endpoints; /* digest of what the supervisor decides by: rules, names, binds, unix sockets */
	uint64_t session; /* random; names the session in every log line */
	uint64_t capabilities; /* that a process can have that becomes root in the session; bit = number */
	uint32_t uid;
	uint32_t gid;
	uint32_t user;
	uint32_t home;
	uint32_t shell;       /* the real shell, absolute */
	uint32_t policy;      /* the file that applies */
	uint32_t require;     /* REQUIRE_* */
	uint8_t dns;          /* enum plan_dns */
	uint8_t name_classes; /* that an address from a name server may have */
	uint16_t unused;
	struct plan_span rules;
	struct plan_span ports;
	struct plan_span hosts; /* uint32_t: string, the name; "*." before it: all names below */
	struct plan_span binds; /* struct port_range, sorted, disjoint */
	struct plan_span local_binds; /* struct plan_local_bind */
	struct plan_span answers;     /* struct port_range, sorted, disjoint: udp_answer */
	struct plan_span sockets;     /* struct plan_socket */
	struct plan_span files;       /* struct plan_file */
	struct plan_span limits;      /* struct plan_limit */
	struct plan_span calls;       /* struct plan_call, sorted by number */
	struct plan_span strings;     /* bytes; the last one is NUL */
};

/* The typed view of a mapped plan; everything points into the mapping. */
struct plan {
	const struct plan_header *header;
	const char *strings;
	const uint32_t *hosts;
	const struct port_range *binds;
	const struct plan_local_bind *local_binds;
	const struct port_range *answers;
	const struct plan_socket *sockets;
	const struct plan_file *files;
	const struct plan_limit *limits;
	const struct plan_call *calls;
	struct ruleset ruleset; /* rules and ports; no hosts and no index */
};

/* The tables after the header, in this order, each aligned to 8. */
enum plan_section {
	SECTION_RULES = 0,
	SECTION_PORTS,
	SECTION_HOSTS,
	SECTION_BINDS,
	SECTION_LOCAL_BINDS,
	SECTION_ANSWERS,
	SECTION_SOCKETS,
	SECTION_FILES,
	SECTION_LIMITS,
	SECTION_CALLS,
	SECTION_STRINGS,
	SECTION_COUNT,
};

/* Where the header has the span of a section, and the size of one element. */
struct plan_layout {
	size_t span;
	size_t element;
};
extern const struct plan_layout plan_layout[SECTION_COUNT];

/* Where a section may begin, once `end` bytes are taken. */
uint64_t plan_align(uint64_t end);

/* The typed view of `size` bytes, aligned to 8; -EINVAL for content that is not sound, -E2BIG
 * beyond RULESET_PAIRS_MAX. Hostile input. */
int plan_validate(const void *bytes, size_t size, struct plan *ret_plan);

/* Maps and validates. The memfd must carry F_SEAL_WRITE, GROW and SHRINK, so that what was
 * validated stays; -EPERM otherwise, -EINVAL for content that is not sound, -E2BIG beyond
 * PLAN_SIZE_MAX or RULESET_PAIRS_MAX. The mapping is read-only and lives until the process ends or
 * plan_unmap. */
int plan_map(int fd, struct plan *ret_plan);
void plan_unmap(struct plan *plan);

/* A string of the plan; `offset` comes from the plan itself. */
const char *plan_string(const struct plan *plan, uint32_t offset);

/* True where `path` is in the user's home or in a directory for temporary files: there the user can
 * replace what a path names, though not by a link (path.h). */
bool plan_is_user_directory(const char *home, uid_t uid, const char *path);

/* Those for temporary files; ends in NULL. */
extern const char *const plan_temporary[];

/* True for a home and what is below it; of / and "", which are nobody's home, nothing is. */
bool plan_home_contains(const char *home, const char *path);

/* True where the item lists the port; 0 is one that the kernel chooses, and no other. */
bool plan_local_bind_has(const struct plan_local_bind *bind, uint16_t port);

/* True where TCP port `port` may be bound at any address (0: an ephemeral one). */
bool plan_binds(const struct plan *plan, uint16_t port);

/* The same of one local address; an unspecified one is every address, which an item for one does
 * not allow. */
bool plan_binds_at(const struct plan *plan, const struct endpoint *local);

/* True where the port may be bound at some address at least. */
bool plan_binds_somewhere(const struct plan *plan, uint16_t port);

/* True where a TCP socket that is bound to `local` may listen. What is listed at no address can
 * only be a port that the kernel chose; of a port that is listed for another address this cannot be
 * told, and it does not count as chosen. Port 0: listen(2) binds it, to every address. */
bool plan_listens_at(const struct plan *plan, const struct endpoint *local);

/* True where UDP sockets of this port may send to any address. */
bool plan_answers(const struct plan *plan, uint16_t port);

/* True where a line of the policy opens UDP: dns = filtered is then not available. */
bool plan_opens_udp(const struct plan *plan);

#endif
