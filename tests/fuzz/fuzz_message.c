/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as the arguments of a trapped call, made by a thread under a real filter and served by
 * the real supervisor. Run by `make fuzz`. Checks: every call is answered, nothing arrives where
 * the plan lets nothing arrive, no descriptor stays open.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "compat.h"
#include "fuzz_input.h"
#include "log.h"
#include "plan_build.h"
#include "supervise.h"
#include "util.h"

#define ARENA_SIZE      (64U << 10)
#define DESCRIPTORS_MAX 512 /* more than this process ever has, SCM_MAX_FD copies among them */

static int made(int fd)
{
	demand(fd >= 0);
	return fd;
}

/* ---- the session: one thread, its filter, its supervisor ---- */

static struct {
	struct supervisor supervisor;
	struct loop loop;
	struct plan plan;
	struct watch done;
	sem_t go;
	int listener;
	long call;
	bool served;
	uint64_t arguments[6];
	uint8_t *arena; /* behind it no memory is */
	size_t placed;  /* of the arena */
	int directory;
	int witness_datagram; /* on port `refused` */
	int witness_stream;
	int witness_unix;
	struct sockaddr_un unix_name;
	in_port_t refused, allowed;
} world;

static const uint16_t trapped[] = {
	__NR_connect, __NR_sendto, __NR_sendmsg, __NR_sendmmsg, __NR_listen, __NR_bind,
};

static int filter_load(void)
{
	struct sock_filter program[3 + 2 * ARRAY_SIZE(trapped)];
	struct sock_fprog loaded = { 0, program };

	program[loaded.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							     offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_SIZE(trapped); i++) {
		program[loaded.len++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, trapped[i], 0, 1);
		program[loaded.len++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	program[loaded.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
			    &loaded);
}

/* The confined thread: each turn is one call. */
static void *session(void *unused)
{
	const uint64_t *arguments = world.arguments;

	world.listener = filter_load();
	eventfd_write(world.done.fd, 1);
	while (sem_wait(&world.go) == 0) {
		syscall(world.call, arguments[0], arguments[1], arguments[2], arguments[3],
			arguments[4], arguments[5]);
		eventfd_write(world.done.fd, 1);
	}
	return unused;
}

static void done_ready(struct watch *watch, uint32_t events)
{
	eventfd_t value;

	(void)events;
	eventfd_read(watch->fd, &value);
	loop_stop(&world.loop);
}

static int witness(int kind, in_port_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = *port };
	socklen_t length = sizeof(in);
	int fd = made(socket(AF_INET, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	demand(bind(fd, (struct sockaddr *)&in, length) == 0);
	demand(getsockname(fd, (struct sockaddr *)&in, &length) == 0);
	*port = in.sin_port;
	return fd;
}

/* Datagrams and connections to 127.0.0.1 on one port, and nothing else. */
static void plan_make(uint16_t port)
{
	struct plan_builder *builder = plan_builder_new();
	const struct port_range ports = { port, port };
	cleanup_fd int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct rule rule = {
		.protocols = PROTOCOL_TCP | PROTOCOL_UDP,
		.target = TARGET_PREFIX,
		.prefix = { .address = { .bytes = { [10] = 0xff, 0xff, 127, 0, 0, 1 } },
			    .family = FAMILY_INET,
			    .length = 32 },
		.ports_count = 1,
	};
	struct plan_header *header = plan_builder_header(builder);

	rule.ports_first = (uint32_t)plan_add_ports(builder, &ports, 1);
	header->flags = PLAN_UDP;
	header->uid = getuid();
	header->shell = (uint32_t)plan_add_string(builder, "/bin/sh");
	demand(plan_add_rule(builder, &rule) == 0 && plan_seal(builder, fd) == 0);
	plan_builder_free(builder);
	demand(plan_map(fd, &world.plan) == 0);
}

static void world_make(void)
{
	static const struct supervise_helpers no_helpers = { -1, -1 };
	pthread_t thread;
	eventfd_t value;
	char *end;

	signal(SIGPIPE, SIG_IGN); /* of sends on behalf, and those that the caller gets */
	world.directory = made(open(".", O_PATH | O_CLOEXEC));
	world.witness_datagram = witness(SOCK_DGRAM, &world.refused);
	world.witness_stream = witness(SOCK_STREAM, &world.refused);
	close(witness(SOCK_DGRAM, &world.allowed));
	world.witness_unix = made(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	world.unix_name.sun_family = AF_UNIX;
	end = memccpy(world.unix_name.sun_path + 1, "sandlock-fuzz", '\0', 100);
	demand(end && bind(world.witness_unix, (struct sockaddr *)&world.unix_name,
			   offsetof(struct sockaddr_un, sun_path) + 14) == 0);
	demand(listen(world.witness_stream, 8) == 0);
	plan_make(ntohs(world.allowed));
	world.arena = mmap(NULL, ARENA_SIZE + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	demand(world.arena != MAP_FAILED &&
	       mprotect(world.arena, ARENA_SIZE, PROT_READ | PROT_WRITE) == 0);
	world.done.fd = made(eventfd(0, EFD_CLOEXEC));
	world.done.ready = done_ready;
	demand(sem_init(&world.go, 0, 0) == 0 && pthread_create(&thread, NULL, session, NULL) == 0);
	demand(eventfd_read(world.done.fd, &value) == 0 && world.listener >= 0);
	log_open(-1);
	demand(loop_open(&world.loop) == 0 && loop_add(&world.loop, &world.done, EPOLLIN) == 0);
	demand(supervise_open(&world.supervisor, &world.loop, &world.plan, &no_helpers) == 0 &&
	       supervise_listen(&world.supervisor, world.listener) == 0);
}

/* ---- the bytes ---- */

/* Where `length` bytes may be written to that the call is given; what it is given in *ret_address
 * may be somewhere else. */
static uint8_t *place(struct input *input, size_t length, uint64_t *ret_address)
{
	uint8_t *at = world.arena + world.placed;

	demand(world.placed + length <= ARENA_SIZE);
	world.placed += (length + 15) & ~(size_t)15;
	switch (take(input)) {
	default:
		*ret_address = (uintptr_t)at;
		break;
	case 1:
		*ret_address = 0;
		break;
	case 2:
		*ret_address = (uintptr_t)world.arena + ARENA_SIZE - take(input);
		break;
	case 3:
		*ret_address = UINT64_MAX - take(input);
		break;
	}
	return at;
}

static int take_socket(struct input *input, int ret_ends[2])
{
	static const struct {
		int domain, type, protocol;
	} kinds[] = {
		{ AF_INET, SOCK_DGRAM, 0 },     { AF_INET6, SOCK_DGRAM, 0 },
		{ AF_INET, SOCK_STREAM, 0 },    { AF_INET6, SOCK_STREAM, 0 },
		{ AF_UNIX, SOCK_DGRAM, 0 },     { AF_UNIX, SOCK_STREAM, 0 },
		{ AF_UNIX, SOCK_DGRAM, 1 },     { AF_UNIX, SOCK_STREAM, 1 },
		{ AF_UNIX, SOCK_SEQPACKET, 1 }, { AF_NETLINK, SOCK_RAW, 0 },
	};
	uint8_t kind = take(input);

	ret_ends[0] = ret_ends[1] = -1;
	if (kind >= ARRAY_SIZE(kinds))
		return kind == ARRAY_SIZE(kinds) ? world.directory : -1;
	if (kinds[kind].protocol)
		demand(socketpair(kinds[kind].domain, kinds[kind].type | SOCK_NONBLOCK, 0,
				  ret_ends) == 0);
	else
		ret_ends[0] = made(socket(kinds[kind].domain, kinds[kind].type | SOCK_NONBLOCK, 0));
	return ret_ends[0];
}

static socklen_t name_make(uint8_t which, struct sockaddr_storage *name)
{
	struct sockaddr_in *in = (void *)name;
	struct sockaddr_in6 *in6 = (void *)name;
	in_port_t port = which & 1 ? world.allowed : world.refused;

	memset(name, 0, sizeof(*name));
	in->sin_port = port;
	switch (which >> 1) {
	case 0:
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*in);
	case 1:
		in->sin_family = AF_INET;
		return sizeof(*in);
	case 2:
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*in);
	case 3:
		in6->sin6_family = AF_INET6;
		demand(inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6->sin6_addr) == 1);
		return sizeof(*in6);
	case 4:
		in6->sin6_family = AF_INET6;
		return sizeof(*in6);
	case 5:
		memcpy(name, &world.unix_name, sizeof(world.unix_name));
		return offsetof(struct sockaddr_un, sun_path) + 14;
	case 6:
		name->ss_family = AF_NETLINK;
		return sizeof(struct sockaddr_nl);
	default:
		return sizeof(*name);
	}
}

/* A sound name, in some of whose bytes another value stands; its length as the call says it. */
static uint32_t take_name(struct input *input, uint64_t *ret_address)
{
	struct sockaddr_storage name;
	socklen_t length = name_make(take(input) & 15, &name);
	uint8_t said = take(input);

	for (uint8_t changes = take(input) & 3; changes > 0; changes--) {
		uint8_t at = take(input) % sizeof(name);

		((uint8_t *)&name)[at] ^= take(input);
	}
	memcpy(place(input, sizeof(name), ret_address), &name, sizeof(name));
	return said == 0 ? length : said < 200 ? said : (uint32_t)(int32_t)(said - 256);
}

static size_t take_control(struct input *input, uint64_t *ret_address)
{
	static const int levels[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP };
	uint8_t *start = place(input, 2048, ret_address);
	size_t used = 0;

	for (uint8_t count = take(input) & 7; count > 0; count--) {
		struct cmsghdr *control = (void *)(start + used);
		uint8_t level = take(input), items = take(input) % 64;

		control->cmsg_level = level < ARRAY_SIZE(levels) ? levels[level] : level;
		control->cmsg_type = take(input);
		control->cmsg_len = CMSG_LEN(items * sizeof(int));
		for (uint8_t i = 0; i < items; i++) {
			int number = (int8_t)take(input);

			memcpy(CMSG_DATA(control) + i * sizeof(int), &number, sizeof(number));
		}
		used += CMSG_ALIGN(control->cmsg_len);
		control->cmsg_len += (size_t)(int8_t)take(input); /* some lie */
	}
	return take(input) & 1 ? take_word(input) : used;
}

static void take_header(struct input *input, struct msghdr *header)
{
	uint8_t vectors = take(input) % 32;
	uint64_t address;
	struct iovec *vector;

	header->msg_namelen = take_name(input, &address);
	header->msg_name = (void *)(uintptr_t)address;
	vector = (void *)place(input, vectors * sizeof(*vector), &address);
	header->msg_iov = (void *)(uintptr_t)address;
	for (uint8_t i = 0; i < vectors; i++) {
		vector[i].iov_len = take(input) & 1 ? take_word(input) : take(input);
		place(input, 16, &address);
		vector[i].iov_base = (void *)(uintptr_t)address;
	}
	header->msg_iovlen = take(input) == 1 ? take_word(input) : vectors;
	header->msg_controllen = take_control(input, &address);
	header->msg_control = (void *)(uintptr_t)address;
}

static void take_arguments(struct input *input)
{
	uint64_t *arguments = world.arguments;
	struct mmsghdr *messages;

	switch (world.call) {
	case __NR_sendmsg:
		take_header(input, (void *)place(input, sizeof(struct msghdr), &arguments[1]));
		arguments[2] = take_word(input);
		break;
	case __NR_sendmmsg:
		messages = (void *)place(input, 4 * sizeof(*messages), &arguments[1]);
		for (int i = 0; i < 4; i++)
			take_header(input, &messages[i].msg_hdr);
		arguments[2] = take(input) & 1 ? UINT32_MAX : 4;
		arguments[3] = take_word(input);
		break;
	case __NR_sendto:
		place(input, 512, &arguments[1]);
		arguments[2] = take(input) & 1 ? UINT64_MAX : take_word(input);
		arguments[3] = take_word(input);
		arguments[5] = take_name(input, &arguments[4]);
		break;
	case __NR_listen:
		arguments[1] = take_word(input);
		break;
	default: /* connect, bind */
		arguments[2] = take_name(input, &arguments[1]);
		break;
	}
}

/* ---- the judgement ---- */

static void nothing_arrived(void)
{
	char byte;

	demand(recv(world.witness_datagram, &byte, 1, 0) < 0 && errno == EAGAIN);
	demand(recv(world.witness_unix, &byte, 1, 0) < 0 && errno == EAGAIN);
	demand(accept(world.witness_stream, NULL, NULL) < 0 && errno == EAGAIN);
}

/* One left behind may stand anywhere: the lowest free number does not tell. */
static size_t count_descriptors(void)
{
	struct pollfd every[DESCRIPTORS_MAX];
	size_t count = 0;

	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		every[fd] = (struct pollfd){ .fd = fd };
	demand(poll(every, DESCRIPTORS_MAX, 0) >= 0);
	for (size_t i = 0; i < DESCRIPTORS_MAX; i++)
		count += !(every[i].revents & POLLNVAL);
	return count;
}

static bool makes_a_file(int fd)
{
	int domain;
	socklen_t size = sizeof(domain);

	return world.call == __NR_bind &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

/* The first call leaves the pidfd of its thread, which is kept for the next ones. */
static void call_and_serve(void)
{
	size_t before = count_descriptors();

	world.loop.stopped = false;
	sem_post(&world.go);
	demand(loop_run(&world.loop) == 0);
	demand(!world.served || count_descriptors() == before);
	world.served = true;
	/* Serving a bind leaves it in the root directory. */
	demand(fchdir(world.directory) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	int ends[2];

	if (!world.arena)
		world_make();
	memset(world.arena, 0, ARENA_SIZE);
	world.placed = 0;
	world.call = trapped[take(&input) % ARRAY_SIZE(trapped)];
	memset(world.arguments, 0, sizeof(world.arguments));
	world.arguments[0] = (uint64_t)take_socket(&input, ends);
	take_arguments(&input);
	if (!makes_a_file(ends[0]))
		call_and_serve();
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
	nothing_arrived();
	return 0;
}
