/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interface number in control messages: which addresses keep it. Run by `make unit`; needs no
 * root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "message_fixture.h"

#define INTERFACE 7

static struct message_fixture fixture;

static void address_set(const char *text)
{
	struct sockaddr_in *in = (void *)&fixture.request.address;
	struct sockaddr_in6 *in6 = (void *)&fixture.request.address;

	memset(&fixture.request.address, 0, sizeof(fixture.request.address));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		fixture.request.length = sizeof(*in);
	} else {
		assert_int_equal(1, inet_pton(AF_INET6, text, &in6->sin6_addr));
		in6->sin6_family = AF_INET6;
		fixture.request.length = sizeof(*in6);
	}
}

/* The interface of a message to this address, as it is sent; the rest of the control messages has
 * to stay. */
static unsigned interface_sent(int domain, const char *address)
{
	const struct in_pktinfo four = { .ipi_ifindex = INTERFACE, .ipi_spec_dst.s_addr = 0x01020304 };
	const struct in6_pktinfo six = { .ipi6_addr.s6_addr = { [15] = 9 },
					 .ipi6_ifindex = INTERFACE };
	const bool is_six = domain == AF_INET6 && strchr(address, ':') && !strchr(address, '.');
	const int hops = 3;
	unsigned char *sent = fixture.copies.message.control;
	size_t offset = CMSG_SPACE(sizeof(hops)) + CMSG_LEN(0);
	unsigned found;

	message_fixture_empty(&fixture);
	message_fixture_kind(&fixture, domain, SOCK_DGRAM, IPPROTO_UDP);
	message_fixture_add(&fixture, IPPROTO_IP, IP_TTL, &hops, sizeof(hops));
	if (is_six)
		message_fixture_add(&fixture, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof(six));
	else
		message_fixture_add(&fixture, IPPROTO_IP, IP_PKTINFO, &four, sizeof(four));
	assert_int_equal(0, message_fixture_copy(&fixture));
	address_set(address);
	message_clear_interface(&fixture.copies.message, &fixture.request);
	offset += is_six ? offsetof(struct in6_pktinfo, ipi6_ifindex)
			 : offsetof(struct in_pktinfo, ipi_ifindex);
	memcpy(&found, sent + offset, sizeof(found));
	memcpy(fixture.control + offset, &found, sizeof(found));
	message_fixture_assert_copied(&fixture, fixture.control_used);
	return found;
}

static void interface_of_a_plain_address_is_cleared(void **state)
{
	(void)state;
	assert_int_equal(0, interface_sent(AF_INET, "127.0.0.1"));
	assert_int_equal(0, interface_sent(AF_INET, "192.0.2.1"));
	assert_int_equal(0, interface_sent(AF_INET6, "::1"));
	assert_int_equal(0, interface_sent(AF_INET6, "2001:db8::1"));
	assert_int_equal(0, interface_sent(AF_INET6, "::ffff:127.0.0.1"));
}

static void interface_that_the_address_needs_is_kept(void **state)
{
	(void)state;
	assert_int_equal(INTERFACE, interface_sent(AF_INET, "224.0.0.251"));
	assert_int_equal(INTERFACE, interface_sent(AF_INET, "169.254.1.1"));
	assert_int_equal(INTERFACE, interface_sent(AF_INET, "255.255.255.255"));
	assert_int_equal(INTERFACE, interface_sent(AF_INET6, "ff02::fb"));
	assert_int_equal(INTERFACE, interface_sent(AF_INET6, "fe80::1"));
	assert_int_equal(INTERFACE, interface_sent(AF_INET6, "::ffff:224.0.0.251"));
}

/* As of a socket that is connected. */
static void interface_without_an_address_is_cleared(void **state)
{
	const struct in_pktinfo info = { .ipi_ifindex = INTERFACE };
	struct in_pktinfo sent;

	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	for (int i = 0; i < 2; i++)
		message_fixture_add(&fixture, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	assert_int_equal(0, message_fixture_copy(&fixture));
	message_clear_interface(&fixture.copies.message, &fixture.request);
	for (size_t i = 0; i < 2; i++) {
		memcpy(&sent,
		       fixture.copies.message.control + i * CMSG_SPACE(sizeof(sent)) + CMSG_LEN(0),
		       sizeof(sent));
		assert_int_equal(0, sent.ipi_ifindex);
	}
}

/* The kernel refuses it; what follows is not written to. */
static void interface_that_is_cut_off_is_left(void **state)
{
	const struct in_pktinfo info = { .ipi_ifindex = INTERFACE };

	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	address_set("127.0.0.1");
	for (size_t length = 0; length < sizeof(info.ipi_ifindex); length++) {
		message_fixture_empty(&fixture);
		message_fixture_add(&fixture, IPPROTO_IP, IP_PKTINFO, &info, length);
		assert_int_equal(0, message_fixture_copy(&fixture));
		message_clear_interface(&fixture.copies.message, &fixture.request);
		message_fixture_assert_copied(&fixture, fixture.control_used);
	}
	fixture.copies.message.control_length = sizeof(struct cmsghdr);
	memset(fixture.copies.message.control, 0, sizeof(struct cmsghdr));
	message_clear_interface(&fixture.copies.message, &fixture.request);
	assert_int_equal(sizeof(struct cmsghdr), fixture.copies.message.control_length);
}

#define TEST(name)                                                           \
	cmocka_unit_test_prestate_setup_teardown(name, message_fixture_open, \
						 message_fixture_close, &fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(interface_of_a_plain_address_is_cleared),
		TEST(interface_that_the_address_needs_is_kept),
		TEST(interface_without_an_address_is_cleared),
		TEST(interface_that_is_cut_off_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
