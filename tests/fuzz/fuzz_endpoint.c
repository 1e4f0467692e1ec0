/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any text as an address, and any bytes as the sockaddr of a confined process.
 * Run by `make fuzz`.
 * Checks: what is accepted comes back from its text, and inet_pton agrees on what an address is.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "endpoint.h"
#include "fuzz_input.h"

static bool same(const struct address *left, const struct address *right)
{
	return memcmp(left, right, sizeof(*left)) == 0;
}

static void check_address(const struct address *address)
{
	bool inet = address_family(address) == FAMILY_INET;
	struct prefix prefix = { .family = inet ? FAMILY_INET : FAMILY_INET6 };
	char text[ADDRESS_TEXT_MAX];
	struct address again;

	address_format(address, text);
	demand(address_parse(text, &again) == 0 && same(&again, address));
	demand(inet == (strchr(text, ':') == NULL));
	demand(address_classify(address) <= CLASS_SPECIAL);
	for (prefix.length = 0; prefix.length <= (inet ? 32 : 128); prefix.length++) {
		prefix.address = address_mask(address, prefix.length);
		demand(address_family(&prefix.address) == prefix.family);
		demand(prefix_contains(&prefix, address));
	}
	demand(same(&prefix.address, address));
}

static void check_text(const uint8_t *data, size_t size)
{
	char text[256], other[16];
	struct address address;
	bool known;

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	known = inet_pton(AF_INET, text, other) == 1 || inet_pton(AF_INET6, text, other) == 1;
	demand(known == (address_parse(text, &address) == 0));
	if (known)
		check_address(&address);
}

static void check_sockaddr(const uint8_t *data, size_t size)
{
	struct sockaddr_storage storage = { 0 };
	size_t length = size < sizeof(storage) ? size : sizeof(storage);
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT_MAX];
	int error;

	memcpy(&storage, data, length);
	error = endpoint_from_sockaddr(&storage, (socklen_t)length, &endpoint);
	demand((error == 0) == ((storage.ss_family == AF_INET && length >= 16) ||
				(storage.ss_family == AF_INET6 && length >= 28)));
	if (error < 0)
		return;
	check_address(&endpoint.address);
	endpoint_format(&endpoint, text);
	demand(strrchr(text, ':') != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_text(data, size);
	if (size > 0)
		check_sockaddr(data, size);
	return 0;
}
