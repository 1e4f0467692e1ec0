/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What name servers have answered. The oldest entries make room for new ones.
 */
#include "cache.h"

#include <string.h>

#include "util.h"

#define FAILURE_S 1U /* so long nobody is asked again after a failure */

static uint32_t bucket_of(const struct dns_name *name, uint16_t type)
{
	uint64_t hash = hash_bytes(HASH_START, name->bytes, name->length);

	return (uint32_t)((hash + type) * 0x9e3779b97f4a7c15ULL >> (64 - CACHE_BITS));
}

struct cache_entry *cache_find(const struct cache *cache, const struct dns_name *name, uint16_t type)
{
	struct cache_entry *entry = cache->buckets[bucket_of(name, type)];

	while (entry && (entry->type != type || !dns_name_equals(&entry->name, name)))
		entry = entry->next;
	return entry;
}

bool cache_is_fresh(const struct cache_entry *entry, uint64_t now_ms, uint32_t *ret_age_s)
{
	uint32_t ttl = entry->answer ? entry->answer->ttl : FAILURE_S;
	uint64_t age = (now_ms - entry->stored_ms) / 1000;

	if (age >= ttl)
		return false;
	*ret_age_s = (uint32_t)age;
	return true;
}

static size_t answer_size(const struct dns_answer *answer)
{
	return answer ? offsetof(struct dns_answer, bytes) + answer->length : 0;
}

static void entry_remove(struct cache *cache, struct cache_entry *entry)
{
	struct cache_entry **link = &cache->buckets[bucket_of(&entry->name, entry->type)];

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	*(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
	cache->entries--;
	cache->bytes -= sizeof(*entry) + answer_size(entry->answer);
	free(entry->answer);
	free(entry);
}

static void entry_add(struct cache *cache, struct cache_entry *entry)
{
	struct cache_entry **bucket = &cache->buckets[bucket_of(&entry->name, entry->type)];

	entry->next = *bucket;
	*bucket = entry;
	entry->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
	cache->entries++;
	cache->bytes += sizeof(*entry) + answer_size(entry->answer);
}

void cache_store(struct cache *cache, const struct dns_name *name, uint16_t type,
		 const struct dns_answer *answer, uint64_t now_ms)
{
	struct cache_entry *old = cache_find(cache, name, type);
	struct cache_entry *entry = calloc(1, sizeof(*entry));

	if (old)
		entry_remove(cache, old);
	if (!entry)
		return;
	entry->name = *name;
	entry->type = type;
	entry->stored_ms = now_ms;
	entry->answer = answer ? malloc(answer_size(answer)) : NULL;
	if (answer && !entry->answer) {
		free(entry);
		return;
	}
	if (answer)
		memcpy(entry->answer, answer, answer_size(answer));
	entry_add(cache, entry);
	while (cache->entries > CACHE_ENTRIES_MAX || cache->bytes > CACHE_BYTES_MAX)
		entry_remove(cache, cache->oldest);
}

void cache_forget_failures(struct cache *cache)
{
	struct cache_entry *entry = cache->newest;

	while (entry) {
		struct cache_entry *older = entry->older;

		if (!entry->answer || entry->answer->records == 0)
			entry_remove(cache, entry);
		entry = older;
	}
}

bool cache_entry_has(const struct cache_entry *entry, const struct address *address)
{
	uint32_t position = 0;
	struct dns_record record;
	struct address one;

	if (!entry->answer || (entry->type != DNS_A && entry->type != DNS_AAAA))
		return false;
	while (dns_answer_next(entry->answer, &position, &record)) {
		if (dns_record_address(&record, &one) && memcmp(&one, address, sizeof(one)) == 0)
			return true;
	}
	return false;
}
