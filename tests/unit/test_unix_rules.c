/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What names decide about unix sockets, on plans made for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "plan.h"
#include "unix_rules.h"
#include "util.h"

/* A plan is only looked at through its header, strings and sockets here. */
static const char strings[] = "\0/home/alice\0alice\0/run/app/*\0bus-*\0/tmp/exact";
enum {
	HOME = 1,
	USER = 13,
	APP = 19,
	BUS = 30,
	EXACT = 36
};

static const struct plan_socket items[] = {
	{ SOCKET_OWN, 0, 0, 3 }, { SOCKET_PATH, APP, 0, 4 },   { SOCKET_ABSTRACT, BUS, 0, 5 },
	{ SOCKET_X11, 0, 0, 6 }, { SOCKET_PATH, EXACT, 0, 0 },
};

static const struct plan_header header = {
	.uid = 1000,
	.home = HOME,
	.user = USER,
	.sockets = { 0, ARRAY_SIZE(items) },
};
static const struct plan plan = { .header = &header, .strings = strings, .sockets = items };

static const struct plan_header closed_header = { .home = HOME, .user = USER };
static const struct plan closed = { .header = &closed_header, .strings = strings };

static void paths_judged(void **state)
{
	static const struct {
		const char *path;
		int display;
		enum unix_verdict_kind kind;
		const struct plan_socket *item;
	} cases[] = {
		{ "/run/app/socket", -1, UNIX_ALLOW, &items[1] },
		{ "/run/app/deep/socket", -1, UNIX_ALLOW, &items[1] },
		{ "/run/application", -1, UNIX_OWN, &items[0] },
		{ "/run/docker.sock", -1, UNIX_OWN, &items[0] },
		{ "/run/user/1000/bus", -1, UNIX_OWN, &items[0] },
		{ "/run/user/1000/systemd/private", -1, UNIX_OWN, &items[0] },
		{ "/run/user/1000/gnupg/S.gpg-agent", -1, UNIX_OWN, &items[0] },
		{ "/run/user/1001/gnupg/S.gpg-agent", -1, UNIX_OWN, &items[0] },
		{ "/run/screen/S-alice/1.tty", -1, UNIX_OWN, &items[0] },
		{ "/run/screen/S-bob/1.tty", -1, UNIX_OWN, &items[0] },
		{ "/home/alice/.ssh/control", -1, UNIX_OWN, &items[0] },
		{ "/home/alice", -1, UNIX_OWN, &items[0] },
		{ "/home/alice2/socket", -1, UNIX_OWN, &items[0] },
		{ "/tmp/tmux-1000/default", -1, UNIX_OWN, &items[0] },
		{ "/tmp/exact", -1, UNIX_ALLOW, &items[4] },
		{ "/var/tmp/x", -1, UNIX_OWN, &items[0] },
		{ "/tmp/.X11-unix/X0", -1, UNIX_OWN, &items[0] },
		{ "/tmp/.X11-unix/X0", 0, UNIX_ALLOW, &items[3] },
		{ "/tmp/.X11-unix/X0", 1, UNIX_OWN, &items[0] },
		{ "/tmp/.X11-unix/X10", 1, UNIX_OWN, &items[0] },
		{ "/tmp/.ICE-unix/1", -1, UNIX_OWN, &items[0] },
		{ "bus-1", -1, UNIX_OWN, &items[0] },
		{ "", -1, UNIX_OWN, &items[0] },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct unix_verdict verdict =
			unix_rules_decide_path(&plan, cases[i].path, cases[i].display);

		if (verdict.kind != cases[i].kind || verdict.item != cases[i].item)
			fail_msg("%s", cases[i].path);
	}
}

static struct unix_verdict judge_abstract(const struct plan *a_plan, const char *name, int display)
{
	return unix_rules_decide_abstract(a_plan, name, strlen(name), display);
}

static void abstract_names_judged(void **state)
{
	(void)state;
	assert_int_equal(UNIX_ALLOW, judge_abstract(&plan, "bus-7", -1).kind);
	assert_ptr_equal(&items[2], judge_abstract(&plan, "bus-7", -1).item);
	assert_int_equal(UNIX_OWN, judge_abstract(&plan, "bus", -1).kind);
	assert_int_equal(UNIX_OWN, judge_abstract(&plan, "/run/app/socket", -1).kind);
	assert_int_equal(UNIX_OWN, judge_abstract(&plan, "/tmp/tmux", -1).kind);
	assert_int_equal(UNIX_ALLOW, judge_abstract(&plan, "/tmp/.X11-unix/X3", 3).kind);
	assert_int_equal(UNIX_OWN, judge_abstract(&plan, "/tmp/.X11-unix/X3", -1).kind);
	assert_int_equal(UNIX_OWN, judge_abstract(&plan, "", -1).kind);
}

static void abstract_name_with_nul_judged_whole(void **state)
{
	(void)state;
	assert_int_equal(UNIX_ALLOW, unix_rules_decide_abstract(&plan, "bus-7\0x", 7, -1).kind);
	assert_int_equal(UNIX_OWN, unix_rules_decide_abstract(&plan, "bus\0-7", 6, -1).kind);
	assert_int_equal(UNIX_OWN,
			 unix_rules_decide_abstract(&plan, "/tmp/.X11-unix/X3\0", 18, 3).kind);
}

static void nothing_listed_opens_nothing(void **state)
{
	(void)state;
	assert_int_equal(UNIX_DENY, unix_rules_decide_path(&closed, "/tmp/x", 0).kind);
	assert_int_equal(UNIX_DENY, unix_rules_decide_path(&closed, "/tmp/.X11-unix/X0", 0).kind);
	assert_int_equal(UNIX_DENY, judge_abstract(&closed, "bus-1", 0).kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_judged),
		cmocka_unit_test(abstract_names_judged),
		cmocka_unit_test(abstract_name_with_nul_judged_whole),
		cmocka_unit_test(nothing_listed_opens_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
