/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Collects a plan in memory, one growing table a section, and seals it into a memfd.
 */
#include "plan_build.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "util.h"

#define BUILD_SEALS    (F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)
#define INDEX_SIZE_MIN 64U

/* A growing section. */
struct table {
	char *elements;
	uint32_t count;
	uint32_t capacity;
};

/* Where a run of elements is stored; count 0 is an empty slot. */
struct run {
	uint32_t first;
	uint32_t count;
};

/* Open addressing by content, over the runs of one table; at most half full. */
struct index {
	struct run *slots;
	uint32_t size; /* a power of two, or 0 */
	uint32_t used;
};

struct plan_builder {
	struct plan_header header;
	struct table tables[SECTION_COUNT];
	struct index strings;
	struct index ports;
	struct index hosts;
};

/* ---- tables ---- */

static void *table_element(const struct table *table, enum plan_section section, uint32_t i)
{
	return table->elements + i * plan_layout[section].element;
}

/* Room for `count` more; the plan's limit is each table's too, so no product can overflow. */
static int table_reserve(struct plan_builder *builder, enum plan_section section, uint32_t count)
{
	struct table *table = &builder->tables[section];
	size_t element = plan_layout[section].element;
	uint64_t needed = (uint64_t)table->count + count;
	uint32_t capacity = table->capacity > 0 ? table->capacity : 16;
	char *elements;

	if (needed * element > PLAN_SIZE_MAX)
		return -E2BIG;
	if (needed <= table->capacity)
		return 0;
	while (capacity < needed)
		capacity *= 2;
	elements = realloc(table->elements, capacity * element);
	if (!elements)
		return -ENOMEM;
	table->elements = elements;
	table->capacity = capacity;
	return 0;
}

/* Returns the index of the first element added. */
static int64_t table_append(struct plan_builder *builder, enum plan_section section,
			    const void *elements, uint32_t count)
{
	struct table *table = &builder->tables[section];
	int error = table_reserve(builder, section, count);

	if (error < 0)
		return error;
	memcpy(table_element(table, section, table->count), elements,
	       count * plan_layout[section].element);
	table->count += count;
	return table->count - count;
}

/* ---- equal runs once ---- */

static struct run *index_slot(const struct index *index, const struct table *table, size_t element,
			      const void *elements, uint32_t count)
{
	uint64_t i = hash_bytes(HASH_START, elements, count * element);

	for (;; i++) {
		struct run *slot = &index->slots[i & (index->size - 1)];

		if (slot->count == 0)
			return slot;
		if (slot->count == count &&
		    memcmp(table->elements + slot->first * element, elements, count * element) == 0)
			return slot;
	}
}

static int index_grow(struct index *index, const struct table *table, size_t element)
{
	struct index grown = { .size = index->size > 0 ? 2 * index->size : INDEX_SIZE_MIN };

	grown.slots = calloc(grown.size, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < index->size; i++) {
		struct run run = index->slots[i];

		if (run.count > 0)
			*index_slot(&grown, table, element, table->elements + run.first * element,
				    run.count) = run;
	}
	grown.used = index->used;
	free(index->slots);
	*index = grown;
	return 0;
}

/* The index of the first element of the run, added where no equal one is there. */
static int64_t index_intern(struct plan_builder *builder, struct index *index,
			    enum plan_section section, const void *elements, uint32_t count)
{
	struct table *table = &builder->tables[section];
	size_t element = plan_layout[section].element;
	struct run *slot;
	int64_t first;

	if (2 * index->used >= index->size) {
		int error = index_grow(index, table, element);

		if (error < 0)
			return error;
	}
	slot = index_slot(index, table, element, elements, count);
	if (slot->count > 0)
		return slot->first;
	first = table_append(builder, section, elements, count);
	if (first >= 0) {
		*slot = (struct run){ (uint32_t)first, count };
		index->used++;
	}
	return first;
}

/* ---- collect ---- */

struct plan_builder *plan_builder_new(void)
{
	struct plan_builder *builder = calloc(1, sizeof(*builder));

	if (builder && plan_add_string(builder, "") < 0) {
		plan_builder_free(builder);
		return NULL;
	}
	return builder;
}

void plan_builder_free(struct plan_builder *builder)
{
	if (!builder)
		return;
	for (size_t i = 0; i < SECTION_COUNT; i++)
		free(builder->tables[i].elements);
	free(builder->strings.slots);
	free(builder->ports.slots);
	free(builder->hosts.slots);
	free(builder);
}

struct plan_header *plan_builder_header(struct plan_builder *builder)
{
	return &builder->header;
}

int64_t plan_add_string(struct plan_builder *builder, const char *text)
{
	size_t length = strlen(text) + 1;

	if (length > PLAN_SIZE_MAX)
		return -E2BIG;
	return index_intern(builder, &builder->strings, SECTION_STRINGS, text, (uint32_t)length);
}

int64_t plan_add_host(struct plan_builder *builder, const char *name)
{
	int64_t offset = plan_add_string(builder, name);
	uint32_t string = (uint32_t)offset;
	int64_t host;

	if (offset < 0)
		return offset;
	host = index_intern(builder, &builder->hosts, SECTION_HOSTS, &string, 1);
	return host < PLAN_HOSTS_MAX ? host : -E2BIG;
}

int64_t plan_add_ports(struct plan_builder *builder, const struct port_range *ports, uint32_t count)
{
	if (count == 0)
		return 0;
	if (count > PLAN_SIZE_MAX / sizeof(*ports))
		return -E2BIG;
	return index_intern(builder, &builder->ports, SECTION_PORTS, ports, count);
}

static int add_one(struct plan_builder *builder, enum plan_section section, const void *element)
{
	int64_t added = table_append(builder, section, element, 1);

	return added < 0 ? (int)added : 0;
}

int plan_add_rule(struct plan_builder *builder, const struct rule *rule)
{
	return add_one(builder, SECTION_RULES, rule);
}

int plan_add_bind(struct plan_builder *builder, struct port_range range)
{
	return add_one(builder, SECTION_BINDS, &range);
}

int plan_add_local_bind(struct plan_builder *builder, const struct plan_local_bind *bind)
{
	return add_one(builder, SECTION_LOCAL_BINDS, bind);
}

int plan_add_answer(struct plan_builder *builder, struct port_range range)
{
	return add_one(builder, SECTION_ANSWERS, &range);
}

int plan_add_socket(struct plan_builder *builder, const struct plan_socket *socket)
{
	return add_one(builder, SECTION_SOCKETS, socket);
}

int plan_add_file(struct plan_builder *builder, const struct plan_file *file)
{
	return add_one(builder, SECTION_FILES, file);
}

int plan_add_limit(struct plan_builder *builder, const struct plan_limit *limit)
{
	return add_one(builder, SECTION_LIMITS, limit);
}

int plan_add_call(struct plan_builder *builder, const struct plan_call *call)
{
	return add_one(builder, SECTION_CALLS, call);
}

/* ---- seal ---- */

static int bind_compare(const void *left, const void *right)
{
	const struct port_range *a = left;
	const struct port_range *b = right;

	return a->low - b->low;
}

/* Sorts, and joins what overlaps or touches. */
static void binds_sort(struct table *table)
{
	struct port_range *binds = (void *)table->elements;
	uint32_t kept = 0;

	if (table->count == 0)
		return;
	qsort(binds, table->count, sizeof(*binds), bind_compare);
	for (uint32_t i = 1; i < table->count; i++) {
		if (binds[i].low > binds[kept].high + 1)
			binds[++kept] = binds[i];
		else if (binds[i].high > binds[kept].high)
			binds[kept].high = binds[i].high;
	}
	table->count = kept + 1;
}

static int call_compare(const void *left, const void *right)
{
	const struct plan_call *a = left;
	const struct plan_call *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return (a->action > b->action) - (a->action < b->action);
}

/* Sorts, and keeps of each number the first: the denial, where there is one. */
static void calls_sort(struct table *table)
{
	struct plan_call *calls = (void *)table->elements;
	uint32_t kept = 0;

	if (table->count == 0)
		return;
	qsort(calls, table->count, sizeof(*calls), call_compare);
	for (uint32_t i = 1; i < table->count; i++) {
		if (calls[i].number != calls[kept].number)
			calls[++kept] = calls[i];
	}
	table->count = kept + 1;
}

/* Lays the sections out in `header`; -E2BIG beyond PLAN_SIZE_MAX. */
static int spans_set(const struct plan_builder *builder, struct plan_header *header)
{
	uint64_t end = sizeof(*header);

	for (size_t i = 0; i < SECTION_COUNT; i++) {
		uint64_t offset = plan_align(end);
		struct plan_span span = { (uint32_t)offset, builder->tables[i].count };

		end = offset + span.count * (uint64_t)plan_layout[i].element;
		if (end > PLAN_SIZE_MAX)
			return -E2BIG;
		memcpy((char *)header + plan_layout[i].span, &span, sizeof(span));
	}
	header->size = (uint32_t)end;
	return 0;
}

void plan_builder_excess(const struct plan_builder *builder, char text[PLAN_EXCESS_MAX])
{
	const struct ruleset rules = {
		.rules = (const struct rule *)(const void *)builder->tables[SECTION_RULES].elements,
		.ports = (const struct port_range *)(const void *)builder->tables[SECTION_PORTS].elements,
		.rule_count = builder->tables[SECTION_RULES].count,
		.port_count = builder->tables[SECTION_PORTS].count,
	};
	uint32_t pairs = ruleset_count_pairs(&rules);

	if (builder->tables[SECTION_HOSTS].count > PLAN_HOSTS_MAX)
		snprintf(text, PLAN_EXCESS_MAX,
			 "the policy is too large: more than %u host names, expected no more",
			 PLAN_HOSTS_MAX);
	else if (pairs > RULESET_PAIRS_MAX)
		snprintf(text, PLAN_EXCESS_MAX,
			 "the policy is too large: %u pairs of rule and port range, expected at most %u: "
			 "write ranges (8000-8099)",
			 pairs, RULESET_PAIRS_MAX);
	else
		snprintf(text, PLAN_EXCESS_MAX,
			 "the policy is too large: its rules and paths take more than %u bytes",
			 PLAN_SIZE_MAX);
}

/* Of all bytes but what differs between two sessions of equal confinement. */
static uint64_t image_digest(const struct plan_header *image)
{
	struct plan_header header = *image;
	uint64_t digest;

	header.size = 0;
	header.digest = 0;
	header.endpoints = 0;
	header.session = 0;
	digest = hash_bytes(HASH_START, &header, sizeof(header));
	digest = hash_bytes(digest, image + 1, image->size - sizeof(header));
	return digest == PLAN_DIGEST_NONE ? PLAN_DIGEST_NONE + 1 : digest;
}

static uint64_t hash_text(uint64_t hash, const struct plan *plan, uint32_t offset)
{
	const char *text = plan_string(plan, offset);

	return hash_bytes(hash, text, strlen(text) + 1);
}

static uint64_t hash_number(uint64_t hash, uint32_t number)
{
	return hash_bytes(hash, &number, sizeof(number));
}

static uint64_t hash_rule(uint64_t hash, const struct plan *plan, const struct rule *rule)
{
	hash = hash_number(hash, (uint32_t)rule->protocols << 16 | (uint32_t)rule->deny << 8 |
					 rule->target);
	hash = hash_bytes(hash, &rule->prefix, sizeof(rule->prefix));
	hash = rule->target == TARGET_HOST ? hash_text(hash, plan, plan->hosts[rule->value])
					   : hash_number(hash, rule->value);
	hash = hash_number(hash, rule->ports_count);
	return hash_bytes(hash, plan->ruleset.ports + rule->ports_first,
			  rule->ports_count * sizeof(struct port_range));
}

/* Of the decisions, not of the text: another comment does not make another confinement. */
static uint64_t endpoints_digest(const struct plan *plan)
{
	uint64_t hash = hash_number(HASH_START, plan->header->flags & PLAN_ENDPOINT_FLAGS);

	hash = hash_number(hash, (uint32_t)plan->header->dns << 8 | plan->header->name_classes);
	hash = hash_number(hash, plan->ruleset.rule_count);
	hash = hash_number(hash, plan->header->binds.count);
	for (uint32_t i = 0; i < plan->ruleset.rule_count; i++)
		hash = hash_rule(hash, plan, &plan->ruleset.rules[i]);
	hash = hash_bytes(hash, plan->binds, plan->header->binds.count * sizeof(*plan->binds));
	hash = hash_number(hash, plan->header->local_binds.count);
	hash = hash_bytes(hash, plan->local_binds,
			  plan->header->local_binds.count * sizeof(*plan->local_binds));
	hash = hash_number(hash, plan->header->answers.count);
	hash = hash_bytes(hash, plan->answers, plan->header->answers.count * sizeof(*plan->answers));
	for (uint32_t i = 0; i < plan->header->sockets.count; i++) {
		hash = hash_number(hash, plan->sockets[i].kind);
		hash = hash_text(hash, plan, plan->sockets[i].pattern);
	}
	return hash == PLAN_DIGEST_NONE ? PLAN_DIGEST_NONE + 1 : hash;
}

static void image_fill(const struct plan_builder *builder, const struct plan_header *header,
		       struct plan_header *image)
{
	*image = *header;
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		const struct table *table = &builder->tables[i];
		struct plan_span span;

		memcpy(&span, (const char *)header + plan_layout[i].span, sizeof(span));
		if (span.count > 0)
			memcpy((char *)image + span.offset, table->elements,
			       span.count * plan_layout[i].element);
	}
	image->digest = image_digest(image);
}

int plan_seal(struct plan_builder *builder, int memfd)
{
	struct plan_header header = builder->header;
	cleanup_free struct plan_header *image = NULL;
	struct plan plan;
	int error;

	binds_sort(&builder->tables[SECTION_BINDS]);
	binds_sort(&builder->tables[SECTION_ANSWERS]);
	calls_sort(&builder->tables[SECTION_CALLS]);
	error = spans_set(builder, &header);
	if (error < 0)
		return error;
	header.magic = PLAN_MAGIC;
	header.version = PLAN_VERSION;
	image = calloc(1, header.size);
	if (!image)
		return -ENOMEM;
	image_fill(builder, &header, image);
	/* The plan's own view makes the digest simple; the placeholder is only for
	 * plan_validate. */
	image->endpoints = PLAN_DIGEST_NONE + 1;
	error = plan_validate(image, header.size, &plan);
	if (error == 0) {
		image->endpoints = endpoints_digest(&plan);
		error = write_exact(memfd, image, header.size);
	}
	if (error < 0)
		return error;
	return fcntl(memfd, F_ADD_SEALS, BUILD_SEALS) < 0 ? -errno : 0;
}
