/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A policy as a whole: every key accepted and refused, fragments, contradictions, warnings.
 * Run by `make unit`.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy_fixture.h"
#include "policy_keys.h"
#include "policy_model.h"
#include "policy_values.h"
#include "util.h"

struct load_case {
	const char *text;
	const char *expected; /* all complaints; "" for none */
};

static int place_make(void **state)
{
	*state = directory_make();
	return 0;
}

static int place_remove(void **state)
{
	directory_remove(*state);
	return 0;
}

static void load_check(const char *directory, const struct load_case *load)
{
	struct collected collected;
	struct policy *policy;
	int error = policy_load_text(directory, load->text, &collected, &policy);

	assert_string_equal(load->expected, collected.text);
	assert_int_equal(collected.errors > 0 ? -EINVAL : 0, error);
	if (error == 0)
		policy_free(policy);
}

static void load_check_all(void **state, const struct load_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		load_check(*state, &cases[i]);
}

static void fragment_make(void **state, const char *name, const char *text)
{
	free(file_make(*state, name, text, strlen(text)));
}

static void every_key_accepted(void **state)
{
	static const struct load_case all = {
		"[policy]\n"
		"description = \"ACME contractor: git; and the orders database\"\n"
		"require = signals ioctl tcp truncate abstract\n"
		"mode = enforce\n"
		"[session]\n"
		"shell = /bin/bash\n"
		"no_new_privs = auto\n"
		"capabilities = net_bind_service, cap_net_raw\n"
		"[network]\n"
		"net_allow = github.com:22,443 udp://@private:53 icmp://10.0.0.1\n"
		"net_allow.db = 10.20.0.15:5432\n"
		"net_deny = @linklocal:* 10.0.0.0/8:25, udp://*:1900 icmp://*\n"
		"allow_udp = yes\n"
		"allow_icmp = on\n"
		"net_bind = 8080,9000-9005 0\n"
		"net_bind.all = *\n"
		"net_bind.local = @loopback:8000-9000 [::1]:8080\n"
		"udp_answer = 60000-61000\n"
		"unix_allow = own x11 /run/*.sock %h/x\\x20y @abstract\n"
		"unix_dgram = no\n"
		"dns = system\n"
		"[filesystem]\n"
		"read = /\n"
		"write = %h /tmp -/srv\n"
		"exec = %h /usr\n"
		"[syscalls]\n"
		"deny = @mount keyctl\n"
		"allow = @userns bpf perf_event_open\n"
		"[limits]\n"
		"processes = 200\n"
		"open_files = 1024\n"
		"memory = 4G\n"
		"file_size = 100M\n"
		"cpu_time = 3600\n"
		"core = 0\n",
		"",
	};

	load_check(*state, &all);
}

static void example_of_the_manual_accepted(void **state)
{
	static const struct load_case example = {
		"# /etc/sandlock/policy.d/alice.conf\n"
		"[policy]\n"
		"description = \"ACME contractor: git and the orders database\"\n"
		"include = system\n"
		"[network]\n"
		"net_allow    = github.com:22,443\n"
		"net_allow.db = 10.20.0.15:5432\n"
		"[filesystem]\n"
		"write = %h\n"
		"exec  = %h\n"
		"[limits]\n"
		"processes = 200\n"
		"core = 0\n",
		"",
	};

	fragment_make(state, "system.inc", "[filesystem]\nread = /etc\nexec = /usr\n");
	load_check(*state, &example);
}

static void values_of_other_kinds_accepted(void **state)
{
	static const struct load_case cases[] = {
		{ "[session]\nno_new_privs = yes\n", "" },
		{ "[session]\nno_new_privs = no\n", "" },
		{ "[session]\nshell = %h/bin/sh\n", "" },
		{ "[network]\ndns = off\n", "" },
		{ "[network]\nallow_udp = no\n", "" },
		{ "[network]\nallow_udp = no\nnet_deny = udp://*:*\n", "" },
		{ "[network]\nallow_icmp = 0\n", "" },
		{ "[network]\nnet_allow = %u.example.com:%U\n", "" },
	};

	load_check_all(state, cases, ARRAY_SIZE(cases));
}

static void bad_values_refused(void **state)
{
	static const struct load_case cases[] = {
		{ "[policy]\ndescription = 100% mine\n",
		  "error test.conf:2: description: unknown \"% \", expected %u %U %g %h or %%\n" },
		{ "[policy]\nmode = permissive\n",
		  "error test.conf:2: mode: permissive is not supported, expected enforce\n" },
		{ "[policy]\nmode = enforcing\n",
		  "error test.conf:2: mode: unknown mode \"enforcing\", did you mean \"enforce\"?\n" },
		{ "[policy]\nrequire = signals speed\n",
		  "error test.conf:2: require: unknown protection \"speed\", expected one of: tcp truncate "
		  "ioctl signals abstract dns\n" },
		{ "[session]\nshell = bash\n",
		  "error test.conf:2: shell: expected an absolute path, got \"bash\"\n" },
		{ "[session]\nshell = /bin/../sh\n",
		  "error test.conf:2: shell: \"..\" in the path \"/bin/../sh\", expected none\n" },
		{ "[session]\nno_new_privs = maybe\n",
		  "error test.conf:2: no_new_privs: unknown value \"maybe\", expected one of: auto yes "
		  "no\n" },
		{ "[session]\ncapabilities = net_row\n",
		  "error test.conf:2: capabilities: unknown capability \"net_row\", did you mean "
		  "\"net_raw\"?\n" },
		{ "[network]\nnet_allow = a:22 127.0.0.1\n",
		  "error test.conf:2: net_allow: expected host:port or :port, got \"127.0.0.1\"\n" },
		{ "[network]\nnet_allow = a:22, 443\n",
		  "error test.conf:2: net_allow: space in a list of ports, expected "
		  "\"a:22,443\"\n" },
		{ "[network]\nnet_allow = a:22, 80-90,443 b:1\n",
		  "error test.conf:2: net_allow: space in a list of ports, expected "
		  "\"a:22,80-90,443\"\n" },
		{ "[network]\nnet_allow = a:22 443\n",
		  "error test.conf:2: net_allow: expected host:port or :port, got \"443\"\n" },
		{ "[network]\nnet_allow = a:22,\n",
		  "error test.conf:2: net_allow: trailing comma in \"a:22,\", expected "
		  "an item after it\n" },
		{ "[network]\nnet_deny = example.com:80\n",
		  "error test.conf:2: net_deny: host name in \"example.com:80\", "
		  "expected an address, * or a class such as @private\n" },
		{ "[network]\nnet_allow = @own:53 tcp://@own:53 udp://@own:53\n",
		  "error test.conf:2: net_allow: \"udp://@own:53\": @own is TCP only, expected "
		  "@own:PORT or tcp://@own:PORT\n" },
		{ "[network]\nnet_allow = icmp://@own\n",
		  "error test.conf:2: net_allow: \"icmp://@own\": @own is TCP only, expected "
		  "@own:PORT or tcp://@own:PORT\n" },
		{ "[network]\nnet_deny = @own:53\n",
		  "error test.conf:2: net_deny: \"@own:53\": @own is for net_allow, expected "
		  "@loopback\n" },
		{ "[network]\nnet_deny = udp://@own:53\n",
		  "error test.conf:2: net_deny: \"udp://@own:53\": @own is for net_allow, expected "
		  "@loopback\n" },
		{ "[network]\nnet_bind = 70000\n",
		  "error test.conf:2: net_bind: port 70000 is above 65535 in \"70000\"\n" },
		{ "[network]\nallow_udp = maybe\n",
		  "error test.conf:2: allow_udp: expected yes or no, got \"maybe\"\n" },
		{ "[network]\nallow_icmp = 2\n",
		  "error test.conf:2: allow_icmp: expected yes or no, got \"2\"\n" },
		{ "[network]\nunix_dgram = nein\n",
		  "error test.conf:2: unix_dgram: expected yes or no, got \"nein\"\n" },
		{ "[network]\ndns = all\n",
		  "error test.conf:2: dns: unknown value \"all\", expected one of: filtered system "
		  "hosts off\n" },
		{ "[network]\nname_addresses = @global @special\n",
		  "error test.conf:2: name_addresses: unknown target \"@special\", expected one of: "
		  "@global @loopback @private @linklocal\n" },
		{ "[network]\nnet_allow = *.com:443\n",
		  "error test.conf:2: net_allow: \"com\" in \"*.com:443\" is a public "
		  "suffix, below which anybody can register a name; expected a domain of "
		  "one owner\n" },
		{ "[network]\nunix_allow = run/x\n",
		  "error test.conf:2: unix_allow: expected /path, @name, own or x11, got \"run/x\"\n" },
		{ "[filesystem]\nread = etc\n",
		  "error test.conf:2: read: expected an absolute path, got \"etc\"\n" },
		{ "[filesystem]\nwrite = /tmp/*\n",
		  "error test.conf:2: write: * in \"/tmp/*\", expected one path (\\x2a is a literal *)\n" },
		{ "[filesystem]\nexec = /a\\b\n",
		  "error test.conf:2: exec: bad escape \"\\b\", expected \\xNN (\\x20 is a space)\n" },
		{ "[syscalls]\ndeny = opne\n",
		  "error test.conf:2: deny: unknown system call \"opne\", expected a name or an @group\n" },
		{ "[syscalls]\ndeny = @mounts\n",
		  "error test.conf:2: deny: unknown group \"@mounts\", did you mean \"@mount\"?\n" },
		{ "[syscalls]\ndeny = @userns\n",
		  "error test.conf:2: deny: @userns is refused by default: remove it "
		  "from the list\n" },
		{ "[syscalls]\nallow = io_uring_setup\n",
		  "error test.conf:2: allow: \"io_uring_setup\": io_uring, listeners, tracing outside the "
		  "session and x32 can never be allowed\n" },
		{ "[syscalls]\nallow = @userns\n",
		  "error test.conf:2: allow: @userns needs a [filesystem] section\n" },
		{ "[limits]\nprocesses = 1K\n",
		  "error test.conf:2: processes: expected a decimal number, got \"1K\"\n" },
		{ "[limits]\nmemory = 010\n",
		  "error test.conf:2: memory: expected a size such as 0, 512K, 64M or 2G without leading "
		  "zeros, got \"010\"\n" },
	};

	load_check_all(state, cases, ARRAY_SIZE(cases));
}

static void limits_that_start_nothing_refused(void **state)
{
	static const struct load_case cases[] = {
		{ "[limits]\nprocesses = 0\n",
		  "error test.conf:2: processes: with \"0\" no program could start, "
		  "expected 1 or more\n" },
		{ "[limits]\nopen_files = 0\n",
		  "error test.conf:2: open_files: with \"0\" no program could start, "
		  "expected 1 or more\n" },
		{ "[limits]\nmemory = 0K\n",
		  "error test.conf:2: memory: with \"0K\" no program could start, "
		  "expected 1 or more\n" },
		{ "[limits]\ncpu_time = 0\n",
		  "error test.conf:2: cpu_time: with \"0\" no program could start, "
		  "expected 1 or more\n" },
		{ "[limits]\ncore = 0\nfile_size = 0\n", "" },
	};

	load_check_all(state, cases, ARRAY_SIZE(cases));
}

#define CONTINUED ": only a list may continue in the next line: remove the \\ at the end\n"

/* It would take the next line, a `require` say, for a part of itself. */
static void single_value_that_goes_on_refused(void **state)
{
	static const struct load_case cases[] = {
		{ "[policy]\ndescription = text\\\nrequire = tcp\n",
		  "error test.conf:2: description" CONTINUED },
		{ "[policy]\ndescription = text\\\n\nrequire = tcp\n",
		  "error test.conf:2: description" CONTINUED },
		{ "[policy]\ndescription = \\\ninclude = web\n",
		  "error test.conf:2: description" CONTINUED },
		{ "[policy]\ndescription = \"text \\\n more\"\n",
		  "error test.conf:2: description" CONTINUED },
		{ "[limits]\nprocesses = 1\\\n0\n", "error test.conf:2: processes" CONTINUED },
		{ "[session]\nno_new_privs = yes\\\n\n", "error test.conf:2: no_new_privs" CONTINUED },
		{ "[network]\nallow_udp = no\\\n\n", "error test.conf:2: allow_udp" CONTINUED },
		{ "[network]\nnet_allow = a:1 \\\n b:1\n", "" },
		{ "[policy]\nrequire = tcp \\\n truncate\n", "" },
	};

	load_check_all(state, cases, ARRAY_SIZE(cases));
}

static void localhost_in_a_denial_refused(void **state)
{
	static const struct load_case localhost = {
		"[network]\nnet_deny = localhost:80\n",
		"error test.conf:2: net_deny: localhost in \"localhost:80\", expected "
		"127.0.0.1 and [::1], or @loopback\n"
	};

	load_check(*state, &localhost);
}

static void never_allowed_calls_refused(void **state)
{
	static const char *const never[] = { "io_uring_enter",
					     "io_uring_register",
					     "seccomp",
					     "ptrace",
					     "process_vm_readv",
					     "process_vm_writev",
					     "pidfd_getfd",
					     "kcmp",
					     "x32",
					     "@aio",
					     "@debug",
					     "@known",
					     "@sandbox" };

	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		char text[128];
		struct collected collected;
		struct policy *policy;

		snprintf(text, sizeof(text), "[syscalls]\nallow = %s\n", never[i]);
		assert_int_equal(-EINVAL, policy_load_text(*state, text, &collected, &policy));
		assert_non_null(strstr(collected.text, "can never be allowed"));
	}
}

static void unknown_keys_and_sections_refused(void **state)
{
	static const struct load_case cases[] = {
		{ "[network]\nnet_alow = a:1\n",
		  "error test.conf:2: unknown key \"net_alow\", did you mean \"net_allow\"?\n" },
		{ "[network]\ncolour = red\n",
		  "error test.conf:2: unknown key \"colour\", expected one of: net_allow net_deny net_bind udp_answer "
		  "allow_udp allow_icmp dns name_addresses unix_allow unix_dgram\n" },
		{ "[netwrok]\nnet_allow = a\n",
		  "error test.conf:1: unknown section \"netwrok\", did you mean \"network\"?\n" },
		{ "[colour]\n", "error test.conf:1: unknown section \"colour\", expected one of: policy "
				"session network filesystem syscalls limits\n" },
		{ "[session]\nnet_allow = a:1\n",
		  "error test.conf:2: \"net_allow\" is in [session], expected it in [network]\n" },
		{ "[network]\ndns.x = off\n",
		  "error test.conf:2: \"dns.x\" has a label, but dns is a single value\n" },
		{ "[session]\nshell.x = /bin/sh\n",
		  "error test.conf:2: \"shell.x\" has a label, but shell is a single value\n" },
	};

	load_check_all(state, cases, ARRAY_SIZE(cases));
}

static void every_bad_line_reported(void **state)
{
	static const struct load_case many = {
		"[network]\n"
		"net_allow = a b:22 \\\n"
		"  c:0\n"
		"nonsense\n"
		"dns = maybe\n"
		"net_allow.x = :80 ; y\n",
		"error test.conf:4: \"nonsense\", expected key = value or [section]\n"
		"error test.conf:6: net_allow.x: ; or # in a value: put the value in "
		"\"...\", or the comment on a line of its own\nerror test.conf:2: "
		"net_allow: expected host:port or :port, got \"a\"\nerror test.conf:3: "
		"net_allow: port 0 in \"c:0\", expected 1 to 65535\nerror test.conf:5: "
		"dns: unknown value \"maybe\", expected one of: filtered system hosts "
		"off\n",
	};

	load_check(*state, &many);
}

static void contradictions_refused(void **state)
{
	static const struct load_case cases[] = {
		{ "[network]\nallow_udp = no\nnet_allow = a:1 udp://b:2\n",
		  "error test.conf:3: net_allow: \"udp://b:2\" contradicts allow_udp = no in " },
		{ "[network]\nnet_allow.x = icmp://b\nallow_icmp = off\n",
		  "error test.conf:2: net_allow.x: \"icmp://b\" contradicts allow_icmp = off in " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct collected collected;
		struct policy *policy;

		assert_int_equal(-EINVAL,
				 policy_load_text(*state, cases[i].text, &collected, &policy));
		assert_int_equal(0, strncmp(cases[i].expected, collected.text,
					    strlen(cases[i].expected)));
		assert_int_equal(1, collected.errors);
	}
}

static void missing_paths_warned_of_where_they_are_looked_at(void **state)
{
	static const char text[] = "[filesystem]\nread = /nonexistent /etc %h/nonexistent -/absent\n";
	struct collected collected = { 0 };
	struct policy *policy;

	assert_int_equal(0, policy_load_text(*state, text, &collected, &policy));
	policy_lint_paths(policy, 0, collect, &collected);
	assert_string_equal("warning test.conf:2: read: \"/nonexistent\" does not exist\n",
			    collected.text);
	policy_free(policy);
}

static void warnings_given(void **state)
{
	static const struct load_case cases[] = {
		{ "", "warning test.conf:0: empty policy: no network; files are not restricted\n" },
		{ "# nothing\n",
		  "warning test.conf:0: empty policy: no network; files are not restricted\n" },
		{ "[network]\n",
		  "warning test.conf:0: empty policy: no network; files are not restricted\n" },
		{ "[filesystem]\n",
		  "warning test.conf:0: empty policy: no network, and no file can be opened\n" },
		{ "[network]\nnet_allow = *:80\n",
		  "warning test.conf:2: net_allow: \"*:80\" includes loopback and the "
		  "metadata address 169.254.169.254; @global is the internet only\n" },
		{ "[network]\nnet_allow = a:1 \\\n 0.0.0.0/0:80\n",
		  "warning test.conf:3: net_allow: \"0.0.0.0/0:80\" includes loopback "
		  "and the metadata address 169.254.169.254; @global is the internet "
		  "only\n" },
		/* Who loads it may see what nobody is to be told. */
		{ "[filesystem]\nread = /nonexistent /etc %h/nonexistent\n", "" },
		{ "[syscalls]\nallow = personality\n",
		  "warning test.conf:2: allow: \"personality\" is not refused by "
		  "default: allowing it changes nothing\n" },
		{ "[network]\nnet_allow = @global:80 icmp://* 10.0.0.%U:80\n", "" },
	};

	load_check_all(state, cases, ARRAY_SIZE(cases));
}

/* Fragments ------------------------------------------------------------------- */

static void fragments_add_up(void **state)
{
	static const struct load_case load = {
		"[policy]\ninclude = one, two\ndescription = mine\n[network]\nnet_allow = a:1\n", ""
	};
	struct collected collected;
	struct policy *policy;
	unsigned lists = 0, singles = 0;

	fragment_make(state, "one.inc", "[policy]\ndescription = one\n[network]\nnet_allow = b:1\n");
	fragment_make(state, "two.inc", "[network]\nnet_allow = c:1\nnet_allow.x = d:1\ndns = off\n");
	assert_int_equal(0, policy_load_text(*state, load.text, &collected, &policy));
	assert_string_equal("", collected.text);
	for (size_t i = 0; i < policy->setting_count; i++) {
		const struct setting *setting = &policy->settings[i];

		if (setting->key == key_get("network", "net_allow"))
			lists += !setting->superseded;
		if (setting->key == key_get("policy", "description") && !setting->superseded) {
			singles++;
			assert_string_equal("mine", setting->items[0].text);
		}
	}
	assert_int_equal(4, lists);
	assert_int_equal(1, singles);
	policy_free(policy);
}

static void fragments_that_contradict_refused(void **state)
{
	struct collected collected;
	struct policy *policy;

	fragment_make(state, "one.inc", "[network]\ndns = off\n");
	fragment_make(state, "two.inc", "\n[network]\ndns = off\n");
	assert_int_equal(-EINVAL, policy_load_text(*state, "[policy]\ninclude = one two\n",
						   &collected, &policy));
	assert_non_null(strstr(collected.text, "error two.inc:3: dns: also set in "));
	assert_non_null(strstr(collected.text, "one.inc:2; set it in one fragment only\n"));
	assert_int_equal(1, collected.errors);
	assert_int_equal(0, policy_load_text(*state,
					     "[policy]\ninclude = one two\n[network]\ndns = system\n",
					     &collected, &policy));
	policy_free(policy);
}

/* The whole policy is judged, wherever a line stands. */
static void contradiction_across_fragments_refused(void **state)
{
	struct collected collected;
	struct policy *policy;

	fragment_make(state, "one.inc", "[network]\nnet_allow = udp://a:1\n");
	assert_int_equal(-EINVAL,
			 policy_load_text(*state,
					  "[policy]\ninclude = one\n[network]\nallow_udp = no\n",
					  &collected, &policy));
	assert_non_null(
		strstr(collected.text, "error one.inc:2: net_allow: \"udp://a:1\" contradicts"));
	fragment_make(state, "two.inc", "[network]\nallow_udp = no\n");
	assert_int_equal(0,
			 policy_load_text(*state,
					  "[policy]\ninclude = one two\n[network]\nallow_udp = yes\n",
					  &collected, &policy));
	policy_free(policy);
}

static void bad_fragments_refused(void **state)
{
	static const struct load_case cases[] = {
		{ "[policy]\ninclude = bad\n",
		  "error bad.inc:2: net_allow: expected host:port or :port, got \"a\"\n" },
		{ "[policy]\ninclude = nested\n",
		  "error nested.inc:2: include: not allowed in a fragment, only in .conf files\n" },
		{ "[policy]\ninclude = good good\n",
		  "error test.conf:2: include: \"good\" is listed twice\n" },
		{ "[policy]\ninclude = good \\\n ../good\n",
		  "error test.conf:3: include: bad name \"../good\", expected the NAME "
		  "of a NAME.inc in the same directory\n" },
		{ "[policy]\ninclude = /etc/good\n",
		  "error test.conf:2: include: bad name \"/etc/good\", expected the NAME "
		  "of a NAME.inc in the same directory\n" },
		{ "[policy]\ninclude = .good\n",
		  "error test.conf:2: include: bad name \".good\", expected the NAME of "
		  "a NAME.inc in the same directory\n" },
		{ "[policy]\ninclude = %u\n",
		  "error test.conf:2: include: bad name \"%u\", expected the NAME of a "
		  "NAME.inc in the same directory\n" },
		{ "[policy]\ninclude = good.inc\n",
		  "error test.conf:2: include: \"good.inc\", expected the name without .inc\n" },
		{ "[policy]\ninclude = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
		  "error test.conf:2: include: more than 16 fragments\n" },
	};

	fragment_make(state, "good.inc", "[network]\nnet_allow = a:1\n");
	fragment_make(state, "bad.inc", "[network]\nnet_allow = a\n");
	fragment_make(state, "nested.inc", "[policy]\ninclude = good\n");
	for (int i = 1; i <= 17; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d.inc", i);
		fragment_make(state, name, "");
	}
	load_check_all(state, cases, ARRAY_SIZE(cases));
}

static void missing_fragment_named_at_its_include(void **state)
{
	struct collected collected;
	struct policy *policy;

	assert_int_equal(-EINVAL, policy_load_text(*state, "[policy]\ninclude = nosuch\n",
						   &collected, &policy));
	assert_int_equal(0, strncmp("error test.conf:2: include: ", collected.text, 28));
	assert_non_null(strstr(collected.text, "/nosuch.inc: No such file or directory\n"));
}

static void fragment_writable_by_others_refused(void **state)
{
	struct collected collected;
	struct policy *policy;
	char *path = file_make(*state, "open.inc", "", 0);

	assert_int_equal(0, chmod(path, 0666));
	assert_int_equal(-EINVAL, policy_load_text(*state, "[policy]\ninclude = open\n", &collected,
						   &policy));
	assert_non_null(strstr(collected.text, "/open.inc: writable by others (mode 0666)"));
	free(path);
}

static void fragment_loaded_alone_includes_nothing(void **state)
{
	char *path;
	struct collected collected = { 0 };
	struct policy *policy;

	fragment_make(state, "good.inc", "");
	path = file_make(*state, "alone.inc", "[policy]\ninclude = good\n", 24);
	assert_int_equal(-EINVAL, policy_load(path, NULL, POLICY_OWN, collect, &collected, &policy));
	assert_string_equal("error alone.inc:2: include: not allowed in a fragment, only in .conf files\n",
			    collected.text);
	free(path);
}

static void standard_input_includes_from_the_given_directory(void **state)
{
	static const char text[] = "[policy]\ninclude = good\n";
	struct collected collected = { 0 };
	struct policy *policy;
	int saved = dup(STDIN_FILENO);
	int ends[2];

	fragment_make(state, "good.inc", "[network]\ndns = off\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(0, pipe(ends));
		assert_int_equal(sizeof(text) - 1, write(ends[1], text, sizeof(text) - 1));
		close(ends[1]);
		assert_true(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
		close(ends[0]);
		if (i == 0) {
			assert_int_equal(0, policy_load("-", *state, POLICY_OWN, collect,
							&collected, &policy));
			policy_free(policy);
		} else {
			assert_int_equal(-EINVAL, policy_load("-", NULL, POLICY_OWN, collect,
							      &collected, &policy));
		}
	}
	assert_string_equal("error -:2: include: not possible in a policy that is read from "
			    "standard input\n",
			    collected.text);
	assert_true(dup2(saved, STDIN_FILENO) == STDIN_FILENO);
	close(saved);
}

#define place_test(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(every_key_accepted),
		place_test(example_of_the_manual_accepted),
		place_test(values_of_other_kinds_accepted),
		place_test(bad_values_refused),
		place_test(limits_that_start_nothing_refused),
		place_test(single_value_that_goes_on_refused),
		place_test(localhost_in_a_denial_refused),
		place_test(never_allowed_calls_refused),
		place_test(unknown_keys_and_sections_refused),
		place_test(every_bad_line_reported),
		place_test(contradictions_refused),
		place_test(missing_paths_warned_of_where_they_are_looked_at),
		place_test(warnings_given),
		place_test(fragments_add_up),
		place_test(fragments_that_contradict_refused),
		place_test(contradiction_across_fragments_refused),
		place_test(bad_fragments_refused),
		place_test(missing_fragment_named_at_its_include),
		place_test(fragment_writable_by_others_refused),
		place_test(fragment_loaded_alone_includes_nothing),
		place_test(standard_input_includes_from_the_given_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
