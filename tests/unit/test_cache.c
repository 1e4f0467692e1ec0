/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What name servers have answered: found while it is true, bounded. Run by `make unit`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../resolver/cache.h"
#include "util.h"

static struct cache cache;
static struct dns_answer answer;

static int clear(void **state)
{
	(void)state;
	memset(&cache, 0, sizeof(cache));
	return 0;
}

static int drop(void **state)
{
	struct cache_entry *older;

	(void)state;
	for (struct cache_entry *entry = cache.newest; entry; entry = older) {
		older = entry->older;
		free(entry->answer);
		free(entry);
	}
	return 0;
}

static struct dns_name numbered_name(unsigned number)
{
	struct dns_name name;
	char text[32];

	snprintf(text, sizeof(text), "n%u.example", number);
	assert_int_equal(0, dns_name_parse(text, &name));
	return name;
}

/* An answer of one address. */
static const struct dns_answer *answer_of(uint32_t ttl, uint8_t last)
{
	answer = (struct dns_answer){ .records = 1, .ttl = ttl, .length = 10 };
	memcpy(answer.bytes, (const uint8_t[]){ 0, 0, 0, (uint8_t)ttl, 0, 4, 192, 0, 2, last }, 10);
	return &answer;
}

static void answer_is_fresh_for_its_ttl(void **state)
{
	struct dns_name name = numbered_name(1);
	const struct cache_entry *entry;
	struct address address;
	uint32_t age = 99;

	(void)state;
	assert_null(cache_find(&cache, &name, DNS_A));
	cache_store(&cache, &name, DNS_A, answer_of(30, 7), 1000);
	entry = cache_find(&cache, &name, DNS_A);
	assert_non_null(entry);
	assert_null(cache_find(&cache, &name, DNS_AAAA));
	assert_true(cache_is_fresh(entry, 1000, &age));
	assert_int_equal(0, age);
	assert_true(cache_is_fresh(entry, 30999, &age));
	assert_int_equal(29, age);
	assert_false(cache_is_fresh(entry, 31000, &age));
	assert_int_equal(0, address_parse("192.0.2.7", &address));
	assert_true(cache_entry_has(entry, &address));
	assert_int_equal(0, address_parse("192.0.2.8", &address));
	assert_false(cache_entry_has(entry, &address));
}

static void newer_answer_takes_the_place(void **state)
{
	struct dns_name name = numbered_name(1);

	(void)state;
	cache_store(&cache, &name, DNS_A, answer_of(30, 7), 1000);
	cache_store(&cache, &name, DNS_A, answer_of(60, 8), 2000);
	assert_int_equal(1, cache.entries);
	assert_int_equal(60, cache_find(&cache, &name, DNS_A)->answer->ttl);
}

static void failure_counts_for_a_second_and_is_forgotten(void **state)
{
	struct dns_name name = numbered_name(1), other = numbered_name(2);
	uint32_t age;

	(void)state;
	cache_store(&cache, &name, DNS_A, NULL, 1000);
	cache_store(&cache, &other, DNS_A, answer_of(30, 7), 1000);
	assert_true(cache_is_fresh(cache_find(&cache, &name, DNS_A), 1999, &age));
	assert_false(cache_is_fresh(cache_find(&cache, &name, DNS_A), 2000, &age));
	cache_forget_failures(&cache);
	assert_null(cache_find(&cache, &name, DNS_A));
	assert_non_null(cache_find(&cache, &other, DNS_A));
}

static void oldest_make_room(void **state)
{
	const unsigned count = CACHE_ENTRIES_MAX + 100;
	size_t bytes = 0;
	uint32_t entries = 0;

	(void)state;
	for (unsigned i = 0; i < count; i++) {
		struct dns_name name = numbered_name(i);

		cache_store(&cache, &name, DNS_A, answer_of(30, 1), i);
	}
	assert_true(cache.entries <= CACHE_ENTRIES_MAX && cache.bytes <= CACHE_BYTES_MAX);
	for (const struct cache_entry *entry = cache.newest; entry; entry = entry->older) {
		entries++;
		bytes += sizeof(*entry) + offsetof(struct dns_answer, bytes) + 10;
	}
	assert_int_equal(entries, cache.entries);
	assert_int_equal(bytes, cache.bytes);
	for (unsigned i = 0; i < count; i++) {
		struct dns_name name = numbered_name(i);

		assert_int_equal(i >= count - entries, cache_find(&cache, &name, DNS_A) != NULL);
	}
}

#define cache_test(test) cmocka_unit_test_setup_teardown(test, clear, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cache_test(answer_is_fresh_for_its_ttl),
		cache_test(newer_answer_takes_the_place),
		cache_test(failure_counts_for_a_second_and_is_forgotten),
		cache_test(oldest_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
