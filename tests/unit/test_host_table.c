/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What names have answered: kept sorted, each address once, never beyond its limits.
 * Run by `make test`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "host_table.h"
#include "ruleset_fixture.h"
#include "util.h"

static struct address numbered_address(uint32_t number)
{
	struct address address = address_of("10.0.0.0");

	address.bytes[14] = (uint8_t)(number >> 8);
	address.bytes[15] = (uint8_t)number;
	return address;
}

static void assert_sorted(const struct host_table *table)
{
	for (uint32_t i = 1; i < table->count; i++) {
		const struct host_address *a = &table->addresses[i - 1];
		const struct host_address *b = &table->addresses[i];
		int order = memcmp(&a->address, &b->address, sizeof(a->address));

		assert_true(order < 0 || (order == 0 && a->host < b->host));
	}
}

static void host_table_random_answers_stay_sorted(void **state)
{
	struct host_table table = { 0 };
	struct address answer[40];
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		uint32_t host = random_below(&seed, 60), count = random_below(&seed, 40);
		uint32_t dropped, held = 0, distinct = 0;

		for (uint32_t i = 0; i < count; i++) {
			answer[i] = numbered_address(random_below(&seed, 100));
			distinct++;
			for (uint32_t j = 0; j < i; j++) {
				if (memcmp(&answer[i], &answer[j], sizeof(*answer)) == 0) {
					distinct--;
					break;
				}
			}
		}
		dropped = host_table_replace(&table, host, answer, count);
		for (uint32_t i = 0; i < table.count; i++)
			held += table.addresses[i].host == host;
		assert_sorted(&table);
		assert_true(held <= HOST_ANSWER_MAX && table.count <= HOST_ADDRESSES_MAX);
		assert_true(dropped > 0 || held == distinct);
	}
}

static void host_table_repeated_address_is_held_once(void **state)
{
	struct host_table table = { 0 };
	struct address answer[] = { numbered_address(1), numbered_address(1), numbered_address(2) };

	(void)state;
	assert_int_equal(host_table_replace(&table, 4, answer, 3), 0);
	assert_int_equal(table.count, 2);
	assert_int_equal(host_table_replace(&table, 4, answer, 1), 0);
	assert_int_equal(table.count, 1);
}

static void host_table_long_answer_is_cut_and_counted(void **state)
{
	struct host_table table = { 0 };
	struct address answer[HOST_ANSWER_MAX + 3];

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(answer); i++)
		answer[i] = numbered_address(ARRAY_SIZE(answer) - i);
	assert_int_equal(host_table_replace(&table, 0, answer, ARRAY_SIZE(answer)), 3);
	assert_int_equal(table.count, HOST_ANSWER_MAX);
	assert_sorted(&table);
}

static void host_table_full_drops_and_keeps_the_others(void **state)
{
	enum {
		FULL = HOST_ADDRESSES_MAX / HOST_ANSWER_MAX
	};
	struct host_table table = { 0 };
	struct address answer[HOST_ANSWER_MAX];

	(void)state;
	for (uint32_t host = 0; host <= FULL; host++) {
		uint32_t dropped = host < FULL ? 0 : HOST_ANSWER_MAX;

		for (uint32_t i = 0; i < HOST_ANSWER_MAX; i++)
			answer[i] = numbered_address(host * HOST_ANSWER_MAX + i);
		assert_int_equal(host_table_replace(&table, host, answer, HOST_ANSWER_MAX), dropped);
	}
	assert_int_equal(table.count, HOST_ADDRESSES_MAX);
	assert_int_equal(table.addresses[HOST_ADDRESSES_MAX - 1].host, FULL - 1);
	assert_int_equal(host_table_replace(&table, 0, NULL, 0), 0);
	assert_int_equal(host_table_replace(&table, FULL, answer, HOST_ANSWER_MAX), 0);
	assert_sorted(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_table_random_answers_stay_sorted),
		cmocka_unit_test(host_table_repeated_address_is_held_once),
		cmocka_unit_test(host_table_long_answer_is_cut_and_counted),
		cmocka_unit_test(host_table_full_drops_and_keeps_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
