/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one ruleset_decide costs, by the kind and the number of rules.
 * Run by `make bench-match` and by bench.py, which names a kind and a number; a line a case: kind,
 * rules, hit or miss, then ns: minimum, median, maximum. Questions come in random order: at 100,000
 * rules the tables are not where the cache is.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "plan_build.h"
#include "ruleset_index.h"
#include "util.h"

#define HOSTS     64
#define SERVICES  49 /* ports that the mixed rules are about */
#define QUESTIONS 65536U
#define ROUNDS    9

struct shape {
	const char *name;
	/* The i-th rule, and where it is to be found. */
	void (*rule)(struct plan_builder *builder, uint32_t i, struct rule *rule,
		     struct endpoint *ret_hit);
};

/* xorshift64*: the same rules on every machine. */
static uint32_t random_below(uint64_t *seed, uint32_t limit)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (uint32_t)((*seed * 0x2545f4914f6cdd1dULL) >> 33) % limit;
}

static struct address inet(uint32_t number)
{
	struct address address = { .bytes = { [10] = 0xff, [11] = 0xff } };

	for (int i = 0; i < 4; i++)
		address.bytes[15 - i] = (uint8_t)(number >> (8 * i));
	return address;
}

/* Numbers spread over all addresses, 0.0.0.0/8 left out. */
static uint32_t spread(uint32_t i)
{
	return (i * 2654435761U) | 1U << 24;
}

static void rule_ports(struct plan_builder *builder, struct rule *rule, uint16_t low, uint16_t high)
{
	struct port_range range = { low, high };

	rule->ports_first = (uint32_t)plan_add_ports(builder, &range, 1);
	rule->ports_count = 1;
}

static void rule_prefix(struct rule *rule, const struct address *address, uint8_t length)
{
	rule->target = TARGET_PREFIX;
	rule->prefix.family = (uint8_t)address_family(address);
	rule->prefix.length = length;
	rule->prefix.address = address_mask(address, length);
}

static void shape_addresses(struct plan_builder *builder, uint32_t i, struct rule *rule,
			    struct endpoint *ret_hit)
{
	*ret_hit = (struct endpoint){ inet(spread(i)), 443 };
	rule_prefix(rule, &ret_hit->address, 32);
	rule_ports(builder, rule, 443, 443);
}

static void shape_ports(struct plan_builder *builder, uint32_t i, struct rule *rule,
			struct endpoint *ret_hit)
{
	uint16_t port = (uint16_t)(1 + 2 * i % 65534);

	*ret_hit = (struct endpoint){ inet(spread(i)), port };
	rule_ports(builder, rule, port, port);
}

static void shape_mixed(struct plan_builder *builder, uint32_t i, struct rule *rule,
			struct endpoint *ret_hit)
{
	static const uint8_t inet_lengths[] = { 8, 16, 20, 24, 28, 32, 32, 32, 32, 32 };
	static const uint8_t inet6_lengths[] = { 32, 48, 64, 128 };
	struct address address = inet(spread(i));
	uint16_t port = (uint16_t)(1 + i % SERVICES);

	*ret_hit = (struct endpoint){ address, port };
	rule_ports(builder, rule, port, (uint16_t)(i % 4 ? port : port + 10));
	if (i % 16 < 10) {
		rule_prefix(rule, &address, inet_lengths[i % 16]);
	} else if (i % 16 < 14) {
		memcpy(ret_hit->address.bytes, "\x20\x01\x0d\xb8\x12\x34\x56\x78\x9a", 9);
		ret_hit->address.bytes[(i & 7) + 4] ^= (uint8_t)(i >> 4);
		rule_prefix(rule, &ret_hit->address, inet6_lengths[i / 16 % 4]);
	} else if (i % 16 == 14) {
		rule->target = TARGET_CLASS;
		rule->value = CLASS_GLOBAL;
		ret_hit->address = inet(0x09000000U + i);
		rule->deny = i / 16 % 2;
	} else {
		rule->target = TARGET_HOST;
		rule->value = i / 16 % HOSTS;
		ret_hit->address = inet(0x08080000U + rule->value);
	}
}

/* Every length of a prefix, IPv4: as many lookups as there can be. */
static void shape_lengths(struct plan_builder *builder, uint32_t i, struct rule *rule,
			  struct endpoint *ret_hit)
{
	*ret_hit = (struct endpoint){ inet(spread(i)), 443 };
	rule_prefix(rule, &ret_hit->address, (uint8_t)(1 + i % 32));
	rule_ports(builder, rule, 443, 443);
}

static const struct shape shapes[] = {
	{ "addresses", shape_addresses },
	{ "ports", shape_ports },
	{ "mixed", shape_mixed },
	{ "lengths", shape_lengths },
};

static struct plan plan_of(const struct shape *shape, uint32_t rules, struct endpoint *hits)
{
	int memfd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct plan_builder *builder = plan_builder_new();
	struct plan plan = { 0 };

	plan_builder_header(builder)->shell = (uint32_t)plan_add_string(builder, "/bin/sh");
	for (uint32_t i = 0; i < HOSTS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "h%u", i);
		plan_add_host(builder, name);
	}
	for (uint32_t i = 0; i < rules; i++) {
		struct rule rule = { .protocols = PROTOCOL_TCP };

		shape->rule(builder, i, &rule, &hits[i]);
		plan_add_rule(builder, &rule);
	}
	if (plan_seal(builder, memfd) || plan_map(memfd, &plan)) {
		perror("plan");
		exit(1);
	}
	plan_builder_free(builder);
	close(memfd);
	return plan;
}

/* A question without the answer that was expected is a bug, and its time means nothing. */
static double round_ns(const struct ruleset *ruleset, const struct endpoint *questions, bool hit)
{
	struct timespec begin, end;
	uint32_t found = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (uint32_t i = 0; i < QUESTIONS; i++)
		found += ruleset_decide(ruleset, PROTOCOL_TCP, &questions[i]).rule != NULL;
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (found != (hit ? QUESTIONS : 0)) {
		fprintf(stderr, "match: %u of %u questions hit a rule\n", found, QUESTIONS);
		exit(1);
	}
	return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
	       QUESTIONS;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void measure(const struct ruleset *ruleset, const struct endpoint *questions,
		    const char *name, uint32_t rules, bool hit)
{
	double ns[ROUNDS];

	round_ns(ruleset, questions, hit);
	for (int i = 0; i < ROUNDS; i++)
		ns[i] = round_ns(ruleset, questions, hit);
	qsort(ns, ROUNDS, sizeof(*ns), compare);
	printf("match %-10s %6u %-4s %6.1f %6.1f %6.1f\n", name, rules, hit ? "hit" : "miss", ns[0],
	       ns[ROUNDS / 2], ns[ROUNDS - 1]);
}

static void bench(const struct shape *shape, uint32_t rules)
{
	cleanup_free struct endpoint *hits = calloc(rules, sizeof(*hits));
	cleanup_free struct endpoint *questions = calloc(QUESTIONS, sizeof(*questions));
	static struct host_row rows[HOSTS];
	static uint32_t heads[HOSTS];
	struct host_table table;
	struct plan plan = plan_of(shape, rules, hits);
	cleanup_free void *index = malloc(ruleset_index_size(&plan.ruleset));
	uint64_t seed = 20261124;

	ruleset_index(&plan.ruleset, index);
	host_table_open(&table, rows, HOSTS, heads, 31U - (uint32_t)__builtin_clz(HOSTS));

	for (uint32_t host = 0; host < HOSTS; host++) {
		struct address address = inet(0x08080000U + host);

		host_table_add(&table, host, &address, 0, UINT32_MAX);
	}
	plan.ruleset.hosts = &table;
	for (uint32_t i = 0; i < QUESTIONS; i++)
		questions[i] = hits[random_below(&seed, rules)];
	measure(&plan.ruleset, questions, shape->name, rules, true);
	for (uint32_t i = 0; i < QUESTIONS; i++)
		questions[i] = (struct endpoint){ inet(random_below(&seed, UINT32_MAX)), 65535 };
	measure(&plan.ruleset, questions, shape->name, rules, false);
	plan_unmap(&plan);
}

int main(int argc, char **argv)
{
	static const uint32_t counts[] = { 10, 1000, 100000 };
	uint64_t wanted = 0;

	if (argc == 3 && parse_unsigned(argv[2], UINT32_MAX, &wanted))
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (size_t j = 0; j < ARRAY_SIZE(counts); j++)
			if (argc != 3 ||
			    (strcmp(argv[1], shapes[i].name) == 0 && wanted == counts[j]))
				bench(&shapes[i], counts[j]);
	return 0;
}
