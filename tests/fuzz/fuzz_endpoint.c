/*
 * Any bytes as the text of an address and as a sockaddr.
 * Run by `make fuzz`.
 * Checks: text and address are one to one, and prefixes and classes agree with the mask.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool sound)
{
	if (!sound)
		__builtin_trap();
}

static void check_text(const struct endpoint *endpoint)
{
	char text[ENDPOINT_TEXT_MAX];
	struct address again;

	address_format(&endpoint->address, text);
	demand(address_parse(text, &again) == 0 &&
	       memcmp(&again, &endpoint->address, sizeof(again)) == 0);
	endpoint_format(endpoint, text);
	demand(memchr(text, '\0', sizeof(text)) && strrchr(text, ':'));
}

/* A prefix holds the address it was made of, and not the one that differs in its last bit. */
static void check_prefixes(const struct address *address)
{
	enum address_family family = address_family(address);
	uint8_t bits = family == FAMILY_INET ? 32 : 128;
	uint8_t first = (uint8_t)(128 - bits);

	for (uint8_t length = 0; length <= bits; length++) {
		struct prefix prefix = { address_mask(address, length), (uint8_t)family, length };
		struct address other = *address;

		demand(prefix_contains(&prefix, address));
		if (length == 0)
			continue;
		other.bytes[(first + length - 1) / 8] ^= (uint8_t)(0x80U >> ((length - 1) % 8));
		demand(!prefix_contains(&prefix, &other));
	}
}

static void check(const struct endpoint *endpoint)
{
	demand(address_classify(&endpoint->address) <= CLASS_SPECIAL);
	demand(!address_is_unspecified(&endpoint->address) ||
	       address_classify(&endpoint->address) == CLASS_SPECIAL);
	check_text(endpoint);
	check_prefixes(&endpoint->address);
}

static void check_as_text(const uint8_t *data, size_t size)
{
	struct endpoint endpoint = { .port = 22 };
	char text[256];

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (address_parse(text, &endpoint.address) == 0)
		check(&endpoint);
}

/* Only what `length` covers may decide: the rest is filled differently each time. */
static void check_as_sockaddr(const uint8_t *data, size_t size)
{
	struct sockaddr_storage storage[2];
	struct endpoint endpoint[2] = { 0 };
	socklen_t length = (socklen_t)(size < sizeof(*storage) ? size : sizeof(*storage));
	int error[2];

	for (int i = 0; i < 2; i++) {
		memset(&storage[i], i ? 0xff : 0, sizeof(storage[i]));
		memcpy(&storage[i], data, length);
		error[i] = endpoint_from_sockaddr(&storage[i], length, &endpoint[i]);
	}
	demand(error[0] == error[1] && memcmp(&endpoint[0], &endpoint[1], sizeof(*endpoint)) == 0);
	if (error[0] == 0)
		check(&endpoint[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_as_text(data, size);
	check_as_sockaddr(data, size);
	return 0;
}
