/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which host names the rules cover: a table by the hash of names in wire form, of those names, of
 * what has all below it covered, and of all that is above one.
 */
#include "covered.h"

#include <errno.h>
#include <string.h>

#include "plan.h"
#include "util.h"

#define BITS_MIN 6U

enum coverage {
	COVERED_ITSELF = 0,
	COVERED_BELOW, /* the names below this one */
	COVERED_ABOVE, /* nothing of its own */
};

struct covered_name {
	struct covered_name *next;
	enum coverage coverage;
	uint32_t host;
	uint8_t length;
	uint8_t bytes[];
};

/* The part of a name from a label on is a name. */
static struct covered_name **bucket_of(const struct covered *covered, const uint8_t *name,
				       size_t length)
{
	uint64_t hash = hash_bytes(HASH_START, name, length) * 0x9e3779b97f4a7c15ULL;

	return &covered->buckets[hash >> (64 - covered->bits)];
}

static const struct covered_name *name_find(const struct covered_name *from, const uint8_t *bytes,
					    size_t length, enum coverage coverage)
{
	for (; from; from = from->next) {
		if (from->coverage == coverage && from->length == length &&
		    memcmp(from->bytes, bytes, length) == 0)
			return from;
	}
	return NULL;
}

static int name_add(struct covered *covered, const uint8_t *bytes, uint8_t length,
		    enum coverage coverage, uint32_t host)
{
	struct covered_name **bucket = bucket_of(covered, bytes, length);
	struct covered_name *name = malloc(sizeof(*name) + length);

	if (!name)
		return -ENOMEM;
	*name = (struct covered_name){ *bucket, coverage, host, length };
	memcpy(name->bytes, bytes, length);
	*bucket = name;
	return 0;
}

/* All names that `name` is below, up to one that is there already: with it are those above it. */
static int add_above(struct covered *covered, const struct dns_name *name, size_t at)
{
	int error = 0;

	for (; name->bytes[at] != 0 && !error; at += name->bytes[at] + 1U) {
		const uint8_t *above = name->bytes + at + name->bytes[at] + 1U;
		uint8_t length = (uint8_t)(name->length - (above - name->bytes));

		if (name_find(*bucket_of(covered, above, length), above, length, COVERED_ABOVE))
			break;
		error = name_add(covered, above, length, COVERED_ABOVE, 0);
	}
	return error;
}

static bool is_below_rule(const char *text)
{
	return strncmp(text, "*.", 2) == 0;
}

uint32_t covered_names(const struct plan *plan, uint32_t host, const struct dns_config *config,
		       struct dns_name ret_names[COVERED_NAMES_MAX])
{
	const char *text = plan_string(plan, plan->hosts[host]);
	uint32_t count = 0;
	uint32_t dots = 0;

	if (is_below_rule(text) || dns_name_parse(text, &ret_names[0]))
		return 0;
	for (const char *dot = strchr(text, '.'); dot; dot = strchr(dot + 1, '.'))
		dots++;
	for (uint32_t i = 0; dots < config->ndots && i < config->search_count; i++) {
		const struct dns_name *domain = &config->search[i];
		struct dns_name *name = &ret_names[count];
		size_t length = strlen(text) + 1; /* its labels, without the root's */

		if (length + domain->length > DNS_NAME_MAX || dns_name_parse(text, name))
			continue;
		memcpy(name->bytes + length, domain->bytes, domain->length);
		name->length = (uint8_t)(length + domain->length);
		count++;
	}
	if (dns_name_parse(text, &ret_names[count]) == 0)
		count++;
	return count;
}

static int host_add(struct covered *covered, const struct plan *plan, uint32_t host,
		    const struct dns_config *config)
{
	const char *text = plan_string(plan, plan->hosts[host]);
	struct dns_name names[COVERED_NAMES_MAX];
	uint32_t count;
	int error = 0;

	if (is_below_rule(text)) {
		if (dns_name_parse(text + 2, &names[0]))
			return 0;
		error = name_add(covered, names[0].bytes, names[0].length, COVERED_BELOW, host);
		if (!error)
			error = name_add(covered, names[0].bytes, names[0].length, COVERED_ABOVE, 0);
		return error ? error : add_above(covered, &names[0], 0);
	}
	count = covered_names(plan, host, config, names);
	for (uint32_t i = 0; i < count && !error; i++) {
		error = name_add(covered, names[i].bytes, names[i].length, COVERED_ITSELF, host);
		if (!error)
			error = add_above(covered, &names[i], 0);
	}
	return error;
}

int covered_open(struct covered *covered, const struct plan *plan, const struct dns_config *config)
{
	uint32_t count = plan->header->hosts.count;
	int error = 0;

	covered->bits = BITS_MIN;
	while (count >> covered->bits)
		covered->bits++;
	covered->buckets = calloc((size_t)1 << covered->bits, sizeof(struct covered_name *));
	if (!covered->buckets)
		return -ENOMEM;
	for (uint32_t host = 0; host < count && !error; host++)
		error = host_add(covered, plan, host, config);
	if (error)
		covered_close(covered);
	return error;
}

void covered_close(struct covered *covered)
{
	for (size_t i = 0; covered->buckets && i < (size_t)1 << covered->bits; i++) {
		while (covered->buckets[i]) {
			struct covered_name *name = covered->buckets[i];

			covered->buckets[i] = name->next;
			free(name);
		}
	}
	free(covered->buckets);
	covered->buckets = NULL;
}

static uint32_t hosts_collect(const struct covered *covered, const uint8_t *bytes, size_t length,
			      enum coverage coverage, uint32_t count,
			      uint32_t hosts[COVERED_HOSTS_MAX])
{
	const struct covered_name *name = *bucket_of(covered, bytes, length);

	while (count < COVERED_HOSTS_MAX && (name = name_find(name, bytes, length, coverage))) {
		hosts[count++] = name->host;
		name = name->next;
	}
	return count;
}

uint32_t covered_find(const struct covered *covered, const struct dns_name *name,
		      uint32_t ret_hosts[COVERED_HOSTS_MAX])
{
	uint32_t count =
		hosts_collect(covered, name->bytes, name->length, COVERED_ITSELF, 0, ret_hosts);

	for (size_t at = 0; name->bytes[at] != 0;) {
		at += name->bytes[at] + 1U;
		count = hosts_collect(covered, name->bytes + at, name->length - at, COVERED_BELOW,
				      count, ret_hosts);
	}
	return count;
}

bool covered_is_above(const struct covered *covered, const struct dns_name *name)
{
	return name_find(*bucket_of(covered, name->bytes, name->length), name->bytes, name->length,
			 COVERED_ABOVE);
}
