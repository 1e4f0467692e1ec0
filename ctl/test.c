/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl test`: what a session of a user would decide, by the very code that would decide
 * it. Distrusts its operands.
 */
#include <ctype.h>
#include <string.h>

#include "ctl.h"
#include "util.h"

enum question {
	QUESTION_CONNECTION,
	QUESTION_BIND,
	QUESTION_SOCKET,
	QUESTION_FILE,
};

/* What stands before the target, and what it asks. */
static const struct scheme {
	const char *prefix;
	enum question question;
	uint32_t argument; /* enum protocol, or a right of files */
} schemes[] = {
	{ "tcp://", QUESTION_CONNECTION, PROTOCOL_TCP },
	{ "udp://", QUESTION_CONNECTION, PROTOCOL_UDP },
	{ "icmp://", QUESTION_CONNECTION, PROTOCOL_ICMP },
	{ "bind:", QUESTION_BIND, 0 },
	{ "unix:", QUESTION_SOCKET, 0 },
	{ "read:", QUESTION_FILE, FILE_READ },
	{ "write:", QUESTION_FILE, FILE_WRITE },
	{ "exec:", QUESTION_FILE, FILE_EXEC },
};

/* HOST:PORT without a scheme is TCP, as in a rule. */
static const struct scheme *scheme_find(const char *operand)
{
	static const struct scheme none = { "", QUESTION_CONNECTION, PROTOCOL_TCP };
	const char *colon = strrchr(operand, ':');

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strncmp(operand, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
			return &schemes[i];
	return colon && colon > operand && !strchr(operand, '/') && isdigit((unsigned char)colon[1])
		       ? &none
		       : NULL;
}

/* What is to be answered. */
struct test {
	const struct plan *plan;
	const struct scheme *scheme;
	const char *operand;
};

static int question_answer(void *context)
{
	const struct test *test = context;
	const struct plan *plan = test->plan;
	const struct scheme *scheme = test->scheme;
	const char *operand = test->operand;
	const char *target = operand + strlen(scheme->prefix);

	switch (scheme->question) {
	case QUESTION_CONNECTION:
		return test_connection(plan, (enum protocol)scheme->argument, operand, target);
	case QUESTION_BIND:
		return test_bind(plan, operand, target);
	case QUESTION_SOCKET:
		return test_socket(plan, operand, target);
	case QUESTION_FILE:
		return test_file(plan, scheme->argument, operand, target);
	}
	return CTL_ERROR;
}

int test_main(const struct ctl_options *options, int argc, char **argv)
{
	cleanup_person struct person person = { 0 };
	struct policy *policy;
	struct plan plan;
	struct test test = { &plan, scheme_find(argv[1]), argv[1] };

	(void)argc;
	if (!test.scheme)
		return ctl_error("expected HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT, icmp://HOST, "
				 "bind:[ADDRESS:]PORT, unix:PATH, read:PATH, write:PATH or exec:PATH, "
				 "got \"%s\"",
				 argv[1]);
	if (operand_load(options, argv[0], &person, &policy, &plan) != CTL_GOOD)
		return CTL_ERROR;
	policy_free(policy);
	/* What the session could reach, the user can: root would tell what is in places of others. */
	if (test.scheme->question == QUESTION_FILE || test.scheme->question == QUESTION_SOCKET)
		return reader_run(READER_USER, &person, question_answer, &test);
	return question_answer(&test);
}
