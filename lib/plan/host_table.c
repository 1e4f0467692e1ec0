/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses that host names have answered: rows without gaps, in chains by the hash of the
 * address. Distrusts nothing; what is hostile in an address is only where it leads.
 */
#include "host_table.h"

#include <string.h>

#define BITS_MIN 4U

static uint32_t *head_of(const struct host_table *table, const struct address *address)
{
	struct address_bits bits = address_bits(address);
	/* Each bit reaches the top ones; who picks addresses that meet slows himself down. */
	uint64_t hash = (bits.high ^ bits.high >> 29) * 0x9e3779b97f4a7c15ULL +
			(bits.low ^ bits.low >> 31) * 0xc2b2ae3d27d4eb4fULL;

	return &table->heads[hash >> (64 - table->bits)];
}

static void row_link(struct host_table *table, uint32_t row)
{
	uint32_t *head = head_of(table, &table->rows[row].address);

	table->rows[row].next = *head;
	*head = row + 1;
}

static void row_unlink(struct host_table *table, uint32_t row)
{
	uint32_t *link = head_of(table, &table->rows[row].address);

	while (*link != row + 1)
		link = &table->rows[*link - 1].next;
	*link = table->rows[row].next;
}

static void heads_set(struct host_table *table, uint32_t bits)
{
	table->bits = bits;
	memset(table->heads, 0, sizeof(*table->heads) << bits);
	for (uint32_t row = 0; row < table->count; row++)
		row_link(table, row);
}

void host_table_open(struct host_table *table, struct host_row *rows, uint32_t capacity,
		     uint32_t *heads, uint32_t bits_max)
{
	*table = (struct host_table){
		.rows = rows,
		.heads = heads,
		.capacity = capacity,
		.bits_max = bits_max,
		.earliest = UINT32_MAX,
	};
	heads_set(table, bits_max < BITS_MIN ? bits_max : BITS_MIN);
}

/* The first row of the address from `link` on, which is a number + 1. */
static uint32_t chain_find(const struct host_table *table, uint32_t link,
			   const struct address *address)
{
	for (; link != 0; link = table->rows[link - 1].next) {
		if (memcmp(&table->rows[link - 1].address, address, sizeof(*address)) == 0)
			return link - 1;
	}
	return HOST_ROW_NONE;
}

uint32_t host_table_find(const struct host_table *table, const struct address *address)
{
	return table->count ? chain_find(table, *head_of(table, address), address) : HOST_ROW_NONE;
}

uint32_t host_table_next(const struct host_table *table, uint32_t row)
{
	return chain_find(table, table->rows[row].next, &table->rows[row].address);
}

bool host_table_add(struct host_table *table, uint32_t host, const struct address *address,
		    uint32_t now, uint32_t until)
{
	for (uint32_t row = host_table_find(table, address); row != HOST_ROW_NONE;
	     row = host_table_next(table, row)) {
		if (table->rows[row].host != host)
			continue;
		if (until > table->rows[row].until)
			table->rows[row].until = until;
		return true;
	}
	if (table->count == table->capacity)
		return false;
	if (table->count >> table->bits != 0 && table->bits < table->bits_max)
		heads_set(table, table->bits + 1);
	table->rows[table->count] = (struct host_row){
		.address = *address,
		.host = host,
		.since = now,
		.until = until,
	};
	row_link(table, table->count++);
	if (until < table->earliest)
		table->earliest = until;
	return true;
}

void host_table_extend(struct host_table *table, const struct address *address, uint32_t until)
{
	for (uint32_t row = host_table_find(table, address); row != HOST_ROW_NONE;
	     row = host_table_next(table, row)) {
		if (until > table->rows[row].until)
			table->rows[row].until = until;
	}
}

/* The last row takes its place. */
static void row_remove(struct host_table *table, uint32_t row)
{
	uint32_t last = table->count - 1;

	row_unlink(table, row);
	if (row != last) {
		row_unlink(table, last);
		table->rows[row] = table->rows[last];
		row_link(table, row);
	}
	table->count--;
}

uint32_t host_table_expire(struct host_table *table, uint32_t now)
{
	uint32_t before = table->count;

	if (now <= table->earliest)
		return 0;
	table->earliest = UINT32_MAX;
	for (uint32_t row = 0; row < table->count;) {
		if (table->rows[row].until < now) {
			row_remove(table, row);
			continue;
		}
		if (table->rows[row].until < table->earliest)
			table->earliest = table->rows[row].until;
		row++;
	}
	return before - table->count;
}
