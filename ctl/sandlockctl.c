/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The administrator's and the user's tool: the table of its subcommands, and their options.
 * Exit status: 0 good, 1 no, 2 not understood.
 * Distrusts its arguments; as root it only reads what it is told to.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "ctl.h"
#include "util.h"

struct command {
	const char *name;
	const char *operands;
	const char *summary;
	int (*main)(const struct ctl_options *options, int argc, char **argv);
	int least; /* operands */
	int most;  /* operands, -1: any number */
	bool runs; /* what follows the first operand is another program's */
	bool json; /* knows --json */
};

static const struct command commands[] = {
	{ "check", "[FILE...]", "find the errors in FILE, or in every policy", check_main, 0, -1,
	  false, false },
	{ "status", "", "print what this kernel can enforce, and who is confined", status_main, 0,
	  0, false, false },
	{ "show", "USER|FILE", "print the policy that applies to USER, each value with its line",
	  show_main, 1, 1, false, false },
	{ "test",
	  "USER|FILE [tcp://]HOST:PORT|udp://HOST:PORT|icmp://HOST|bind:[ADDRESS:]PORT|"
	  "unix:PATH|read:PATH|write:PATH|exec:PATH",
	  "print whether USER may do it, and which rule decides", test_main, 2, 2, false, false },
	{ "run", "USER|FILE -- COMMAND...", "run COMMAND under a policy", run_main, 2, -1, true,
	  false },
	{ "pam", "[--json] [USER...]|--uses|--apply|--undo [--yes] SERVICE...",
	  "print which services confine USER, or all users to whom a policy applies", pam_main, 0,
	  -1, false, true },
};

static const struct option long_options[] = {
	{ "conf", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "apply", no_argument, NULL, 'a' },
	{ "undo", no_argument, NULL, 'n' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "uses", no_argument, NULL, 'u' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

int ctl_error(const char *format, ...)
{
	va_list arguments;

	fputs("sandlockctl: ", stderr);
	va_start(arguments, format);
	say_list(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return CTL_ERROR;
}

static void command_usage(const struct command *command, const char *lead)
{
	printf("%s sandlockctl %s%s%s\n", lead, command->name, *command->operands ? " " : "",
	       command->operands);
	printf("          %s\n", command->summary);
}

static void usage(const struct command *command)
{
	if (command) {
		command_usage(command, "usage:");
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
			command_usage(&commands[i], i == 0 ? "usage:" : "      ");
	}
	puts("options:\n"
	     "  --conf DIR   read policies from DIR instead of " POLICY_DIRECTORY "\n"
	     "  --json       of pam: print JSON\n"
	     "  --uses       of pam: only the lines that call the module; status 0 where there is none\n"
	     "  --apply      of pam: add the lines that SERVICE lacks, after showing them\n"
	     "  --undo       of pam: restore the files of SERVICE as before --apply\n"
	     "  --yes        of pam: do so without asking\n"
	     "  --help       print this\n"
	     "  --version    print the version");
}

/* Reads options, those of the whole program up to its subcommand. Returns CTL_GOOD, CTL_ERROR, or
 * -1 where an option was all that was asked. */
static int options_parse(int argc, char **argv, const struct command *command,
			 struct ctl_options *options)
{
	const char *order = command && !command->runs ? "" : "+";
	int option;

	optind = 0; /* glibc: start afresh */
	while ((option = getopt_long(argc, argv, order, long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->conf = optarg;
			break;
		case 'h':
			usage(command);
			return -1;
		case 'V':
			puts("sandlockctl " VERSION);
			return -1;
		case 'j':
			if (!command || !command->json)
				return ctl_error("--json is only supported by \"pam\"");
			options->json = true;
			break;
		case 'a':
		case 'n':
		case 'u':
		case 'y':
			if (!command || command->main != pam_main)
				return ctl_error(
					"--apply, --undo, --yes and --uses are only supported by "
					"\"pam\"");
			*(option == 'a'   ? &options->apply
			  : option == 'n' ? &options->undo
			  : option == 'u' ? &options->uses
					  : &options->yes) = true;
			break;
		default:
			return CTL_ERROR;
		}
	}
	return CTL_GOOD;
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int command_run(const struct command *command, struct ctl_options *options, int argc,
		       char **argv)
{
	int status;

	/* In whose name getopt complains. */
	argv[0] = (char *)(uintptr_t) "sandlockctl";
	status = options_parse(argc, argv, command, options);
	if (status != CTL_GOOD)
		return status;
	argc -= optind;
	argv += optind;
	if (argc < command->least || (command->most >= 0 && argc > command->most))
		return ctl_error("usage: sandlockctl %s%s%s", command->name,
				 *command->operands ? " " : "", command->operands);
	return command->main(options, argc, argv);
}

int main(int argc, char **argv)
{
	struct ctl_options options = { 0 };
	const struct command *command;
	int status = options_parse(argc, argv, NULL, &options);

	if (status == CTL_GOOD && optind == argc)
		status = ctl_error("missing subcommand; see sandlockctl --help");
	if (status == CTL_GOOD) {
		command = command_find(argv[optind]);
		if (command)
			status = command_run(command, &options, argc - optind, argv + optind);
		else
			status = ctl_error("unknown subcommand \"%s\"; see sandlockctl --help",
					   argv[optind]);
	}
	if (status < 0)
		status = CTL_GOOD;
	/* An answer that could not be written is none. */
	if (fflush(stdout) != 0 && status == CTL_GOOD)
		status = ctl_error("standard output: %m");
	return status;
}
