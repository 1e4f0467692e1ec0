/*
 * Serves the trapped calls of one session: decides, performs on behalf, answers.
 * Called by sandlock-supervisor. Allocates nothing; one struct holds all of its state.
 * Everything that comes from the session is hostile; what cannot be served is refused with EACCES and logged.
 */
#ifndef SANDLOCK_SUPERVISE_H
#define SANDLOCK_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "caller.h"
#include "denial.h"
#include "gate.h"
#include "loop.h"
#include "names.h"
#include "notify.h"
#include "plan.h"
#include "target.h"
#include "unix_listeners.h"

/* How many calls may be held at once (2,000 threads in connect to a black hole are 2,000). */
#define SUPERVISE_HELD_MAX 4096

struct socket_kind {
	int domain;
	int type;
	int protocol;
};
static inline bool kind_is_stream(const struct socket_kind *kind)
{
	return kind->type == SOCK_STREAM;
}

/* One trapped call while it is served; copied into a held slot when it has to wait. */
struct request {
	struct notification call;
	int socket; /* our copy of the caller's descriptor, or -1 */
	struct socket_kind kind;
	bool asked;       /* the names were asked for again on this call's behalf */
	bool interrupted; /* by a signal: it waits no longer */
	int started; /* connect: under way to `address`, and what it is if it waits no longer */
	uint64_t deadline; /* of SO_SNDTIMEO, monotonic ns; 0: none */
	size_t progress;   /* bytes of a stream message already sent */
	uint32_t messages; /* sendmmsg: already sent */
	socklen_t length;
	union {
		struct sockaddr generic;
		struct sockaddr_storage storage;
	} address;
};

/* What serving came to. A refusal is an ANSWER with an errno. */
enum outcome_kind {
	OUTCOME_ANSWER = 0,
	OUTCOME_GONE,     /* the caller is no longer there: no answer */
	OUTCOME_WRITABLE, /* serve again when the socket is writable */
	OUTCOME_RETRY,    /* serve again a little later */
	OUTCOME_MORE,     /* serve again at once, but others first */
	OUTCOME_CONTINUE, /* the kernel performs the call: gate.h */
};
struct outcome {
	enum outcome_kind kind;
	int error;     /* 0, or what the caller gets as errno */
	int64_t value; /* where error is 0 */
};

/* A call that waits. */
struct held {
	struct watch watch; /* fd -1: not watched */
	struct supervisor *supervisor;
	struct request request;
	bool used;
	bool more;   /* goes on when others have had their turn */
	bool queued; /* for that */
	uint32_t next_free;
	uint32_t next_more;
};

/* The socket that SSH_AUTH_SOCK named when the session started; who fills this in keeps it pinned. */
struct agent {
	bool known;
	dev_t device;
	ino_t inode;
};

/* Where messages are copied to; nothing in it outlives the serving of one call. */
#define SCRATCH_VECTORS     1024         /* UIO_MAXIOV */
#define SCRATCH_CONTROL     4096         /* bytes */
#define SCRATCH_DESCRIPTORS 253          /* SCM_MAX_FD */
#define SCRATCH_PAYLOAD     (512U << 10) /* a datagram of the largest default buffer, twice over */
struct message {
	int flags;
	size_t vector_count;
	size_t total;
	size_t payload_length;
	bool unreadable; /* the payload, or it is too long for us */
	size_t control_length;
	size_t descriptor_count;
};
struct scratch {
	struct message message;
	struct iovec vectors[SCRATCH_VECTORS];
	int descriptors[SCRATCH_DESCRIPTORS];
	unsigned char control[SCRATCH_CONTROL] __attribute__((aligned(8)));
	unsigned char payload[SCRATCH_PAYLOAD] __attribute__((aligned(4096)));
};

struct supervisor {
	struct loop *loop;
	struct loop waiting; /* of the sockets of calls that wait; the loop watches it */
	struct watch waiting_watch;
	const struct plan *plan;
	struct ruleset ruleset;
	struct names names;
	struct agent agent;
	struct gate gate;
	uid_t uid;   /* our real one: the user's, or under PAM the service user's */
	bool mixed;  /* processes of other uids than the user's may be in the session */
	int display; /* number of the session's X11 display, -1: none */
	struct watch listener;
	struct watch timer;
	struct denials denials;
	struct unix_listeners listeners;
	struct target_kept kept;
	struct caller caller; /* of the call that is served now */
	struct watch more;    /* in turn with the loop's descriptors, while calls go on */
	uint32_t more_first;
	uint32_t more_last;
	uint32_t held_count;
	uint32_t free_first;
	uint32_t fresh; /* slots from here on were never used */
	uint32_t sweep_next;
	uint32_t sweep_round;
	struct held held[SUPERVISE_HELD_MAX];
	struct scratch scratch;
};

/* All that can be done while the session still confines itself. Takes `resolver` over (-1: none). */
int supervise_open(struct supervisor *supervisor, struct loop *loop, const struct plan *plan,
		   int resolver);

/* Takes `listener` over, and serves it from the loop, which ends when the last confined process is
 * gone. */
int supervise_listen(struct supervisor *supervisor, int listener);

#endif
