/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a value of each key means: the same function checks it in `check` and at a login. Distrusts
 * the values, and the account they are expanded for.
 */
#ifndef SANDLOCK_POLICY_APPLY_H
#define SANDLOCK_POLICY_APPLY_H

#include "plan_build.h"
#include "policy_task.h"
#include "policy_values.h"

#define PLANNING_CALLS 1024 /* more than any machine's numbers */
enum call_state {
	CALL_STATE_NONE = 0,
	CALL_STATE_DENIED,
	CALL_STATE_ALLOWED,
};

/* What a plan in the making knows beside the builder. Single values are applied before lists. */
struct planning {
	const struct account *account;
	struct plan_builder *builder;
	bool udp;  /* allow_udp = yes */
	bool icmp; /* allow_icmp = yes */
	bool dns_written;
	enum plan_dns dns;    /* where `dns` is written */
	uint8_t name_classes; /* of name_addresses; 0: not written */
	bool names_host;
	uint8_t opened; /* enum protocol: what some net_allow rule carries */
	bool unix_dgram;
	bool unix_listed; /* unix_allow stands */
	bool userns;      /* [syscalls] allow = @userns */
	uint32_t require; /* REQUIRE_* */
	enum {
		PRIVILEGES_AUTO = 0,
		PRIVILEGES_NEVER, /* no_new_privs = yes */
		PRIVILEGES_ALWAYS,
	} privileges;
	bool writes_system; /* some `write` opens what is not the user's */
	bool capabilities_listed;
	bool capabilities_none;
	uint64_t capabilities;
	uint8_t calls[PLANNING_CALLS]; /* enum call_state, by number */
	char shell[VALUE_MAX];
};

int apply_text(const struct task *task, char why[WHY_MAX]);
int apply_include(const struct task *task, char why[WHY_MAX]);
int apply_require(const struct task *task, char why[WHY_MAX]);
int apply_mode(const struct task *task, char why[WHY_MAX]);
int apply_shell(const struct task *task, char why[WHY_MAX]);
int apply_privileges(const struct task *task, char why[WHY_MAX]);
int apply_capability(const struct task *task, char why[WHY_MAX]);
int apply_net_allow(const struct task *task, char why[WHY_MAX]);
int apply_net_deny(const struct task *task, char why[WHY_MAX]);
int apply_udp_answer(const struct task *task, char why[WHY_MAX]);
int apply_net_bind(const struct task *task, char why[WHY_MAX]);
int apply_allow_udp(const struct task *task, char why[WHY_MAX]);
int apply_allow_icmp(const struct task *task, char why[WHY_MAX]);
int apply_dns(const struct task *task, char why[WHY_MAX]);
int apply_name_addresses(const struct task *task, char why[WHY_MAX]);
int apply_unix_allow(const struct task *task, char why[WHY_MAX]);
int apply_unix_dgram(const struct task *task, char why[WHY_MAX]);
int apply_file(const struct task *task, char why[WHY_MAX]);        /* argument: FILE_* */
int apply_system_call(const struct task *task, char why[WHY_MAX]); /* argument: CALL_* */
int apply_count(const struct task *task, char why[WHY_MAX]);       /* argument: RLIMIT_* */
int apply_size(const struct task *task, char why[WHY_MAX]);        /* argument: RLIMIT_* */

/* Adds `rule`, whose file, label and text are strings yet, to the plan. */
int planning_add_rule(struct planning *planning, struct rule *rule, const char *file,
		      const char *label, const char *text);

#endif
