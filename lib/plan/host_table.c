/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses that host names have answered.
 */
#include "host_table.h"

#include <string.h>

static bool address_is_below(const struct address *left, struct address_bits right)
{
	struct address_bits bits = address_bits(left);

	return bits.high < right.high || (bits.high == right.high && bits.low < right.low);
}

uint32_t host_table_find(const struct host_table *table, const struct address *address)
{
	struct address_bits bits = address_bits(address);
	uint32_t low = 0;
	uint32_t high = table->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (address_is_below(&table->addresses[middle].address, bits))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void host_table_forget(struct host_table *table, uint32_t host)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < table->count; i++) {
		if (table->addresses[i].host != host)
			table->addresses[kept++] = table->addresses[i];
	}
	table->count = kept;
}

/* The index of (address, host), or where it would be inserted. */
static uint32_t host_table_position(const struct host_table *table, const struct address *address,
				    uint32_t host)
{
	uint32_t i = host_table_find(table, address);

	while (i < table->count && table->addresses[i].host < host &&
	       memcmp(&table->addresses[i].address, address, sizeof(*address)) == 0)
		i++;
	return i;
}

uint32_t host_table_replace(struct host_table *table, uint32_t host,
			    const struct address *addresses, uint32_t count)
{
	uint32_t dropped = 0;
	uint32_t stored = 0;

	host_table_forget(table, host);
	for (uint32_t i = 0; i < count; i++) {
		struct host_address entry = { addresses[i], host };
		uint32_t index = host_table_position(table, &addresses[i], host);
		struct host_address *slot = &table->addresses[index];

		if (index < table->count && memcmp(slot, &entry, sizeof(entry)) == 0)
			continue;
		if (stored == HOST_ANSWER_MAX || table->count == HOST_ADDRESSES_MAX) {
			dropped++;
			continue;
		}
		memmove(slot + 1, slot, (table->count - index) * sizeof(*slot));
		*slot = entry;
		table->count++;
		stored++;
	}
	return dropped;
}
