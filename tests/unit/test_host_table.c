/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What names have answered: each address once, until its time has passed, never beyond its memory.
 * Run by `make unit`.
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

#define ROWS  600
#define KEYS  40 /* addresses in the random test */
#define NAMES 30

static struct {
	struct host_table table;
	struct host_row rows[ROWS];
	uint32_t heads[256];
} fixture;

static int open_table(void **state)
{
	(void)state;
	memset(&fixture, 0xaa, sizeof(fixture));
	host_table_open(&fixture.table, fixture.rows, ROWS, fixture.heads, 8);
	return 0;
}

static struct address numbered_address(uint32_t number)
{
	struct address address = address_of("10.0.0.0");

	address.bytes[13] = (uint8_t)(number >> 16);
	address.bytes[14] = (uint8_t)(number >> 8);
	address.bytes[15] = (uint8_t)number;
	return address;
}

/* Until when the address is the name's; 0: not at all. */
static uint32_t until_of(uint32_t host, const struct address *address)
{
	const struct host_table *table = &fixture.table;
	uint32_t until = 0;

	for (uint32_t row = host_table_find(table, address); row != HOST_ROW_NONE;
	     row = host_table_next(table, row)) {
		if (table->rows[row].host != host)
			continue;
		assert_int_equal(0, until);
		until = table->rows[row].until;
	}
	return until;
}

static void address_is_kept_until_its_time_has_passed(void **state)
{
	struct address address = numbered_address(1);

	(void)state;
	assert_int_equal(0, until_of(1, &address));
	assert_true(host_table_add(&fixture.table, 1, &address, 10, 100));
	assert_int_equal(100, until_of(1, &address));
	assert_int_equal(0, until_of(2, &address));
	assert_int_equal(0, host_table_expire(&fixture.table, 100));
	assert_int_equal(1, host_table_expire(&fixture.table, 101));
	assert_int_equal(0, until_of(1, &address));
}

static void later_answer_never_shortens(void **state)
{
	struct address address = numbered_address(1);

	(void)state;
	host_table_add(&fixture.table, 1, &address, 10, 100);
	host_table_add(&fixture.table, 1, &address, 20, 50);
	assert_int_equal(100, until_of(1, &address));
	host_table_add(&fixture.table, 1, &address, 30, 200);
	assert_int_equal(200, until_of(1, &address));
	assert_int_equal(1, fixture.table.count);
	assert_int_equal(10, fixture.table.rows[0].since);
	host_table_extend(&fixture.table, &address, 150);
	assert_int_equal(200, until_of(1, &address));
	host_table_extend(&fixture.table, &address, 300);
	assert_int_equal(300, until_of(1, &address));
	assert_int_equal(0, host_table_expire(&fixture.table, 201));
}

static void every_name_of_an_address_is_found(void **state)
{
	struct address address = numbered_address(1);

	(void)state;
	for (uint32_t host = 0; host < 5; host++)
		host_table_add(&fixture.table, host, &address, 0, 100 + host);
	for (uint32_t host = 0; host < 5; host++)
		assert_int_equal(100 + host, until_of(host, &address));
	assert_int_equal(2, host_table_expire(&fixture.table, 102));
	assert_int_equal(0, until_of(1, &address));
	assert_int_equal(102, until_of(2, &address));
	host_table_extend(&fixture.table, &address, 500);
	assert_int_equal(500, until_of(3, &address));
}

static void full_table_keeps_what_it_has(void **state)
{
	struct address address = numbered_address(ROWS);

	(void)state;
	for (uint32_t i = 0; i < ROWS; i++) {
		struct address one = numbered_address(i);

		assert_true(host_table_add(&fixture.table, i, &one, 0, 100));
	}
	assert_false(host_table_add(&fixture.table, 0, &address, 0, 100));
	for (uint32_t i = 0; i < ROWS; i++) {
		struct address one = numbered_address(i);

		assert_true(host_table_add(&fixture.table, i, &one, 0, 200));
		assert_int_equal(200, until_of(i, &one));
	}
	assert_int_equal(ROWS, host_table_expire(&fixture.table, 300));
	assert_true(host_table_add(&fixture.table, 0, &address, 0, 400));
}

/* Beside a plain list of all there could be. */
static void random_answers_agree_with_a_list(void **state)
{
	static uint32_t expected[NAMES][KEYS];
	uint64_t seed = 7;
	uint32_t now = 0;

	(void)state;
	memset(expected, 0, sizeof(expected));
	for (int round = 0; round < 20000; round++) {
		uint32_t host = random_below(&seed, NAMES), key = random_below(&seed, KEYS);
		uint32_t until = now + 1 + random_below(&seed, 50);
		struct address address = numbered_address(key);

		now += random_below(&seed, 4) == 0;
		if (until_of(host, &address) || fixture.table.count < ROWS) {
			assert_true(host_table_add(&fixture.table, host, &address, now, until));
			if (until > expected[host][key])
				expected[host][key] = until;
		}
		host_table_expire(&fixture.table, now);
		host = random_below(&seed, NAMES);
		key = random_below(&seed, KEYS);
		address = numbered_address(key);
		assert_int_equal(expected[host][key] >= now ? expected[host][key] : 0,
				 until_of(host, &address));
	}
}

#define table_test(test) cmocka_unit_test_setup(test, open_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		table_test(address_is_kept_until_its_time_has_passed),
		table_test(later_answer_never_shortens),
		table_test(every_name_of_an_address_is_found),
		table_test(full_table_keeps_what_it_has),
		table_test(random_answers_agree_with_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
