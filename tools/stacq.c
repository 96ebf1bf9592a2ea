// SPDX-License-Identifier: GPL-2.0
/* The stacq command: finds the subcommand. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "create",	cmd_create,	"make a queue or stack" },
	{ "rm",		cmd_rm,		"remove queues and what they hold" },
	{ "ls",		cmd_ls,		"list the queues" },
	{ "send",	cmd_send,	"send messages" },
	{ "recv",	cmd_recv,	"receive messages" },
	{ "peek",	cmd_peek,	"look at messages without taking them" },
	{ "stat",	cmd_stat,	"show everything about a queue" },
	{ "top",	cmd_top,	"show all queues, live" },
	{ "set",	cmd_set,	"change capacity, limits and how messages are delivered" },
	{ "seal",	cmd_seal,	"refuse further messages; readers drain the rest" },
	{ "unseal",	cmd_unseal,	"accept messages again" },
	{ "purge",	cmd_purge,	"throw away all messages of a queue" },
	{ "save",	cmd_save,	"write all messages to a file" },
	{ "restore",	cmd_restore,	"send the messages of such a file" },
	{ "work",	cmd_work,	"run a command for each message" },
	{ "requeue",	cmd_requeue,	"move messages to another queue, as dead letters back" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

static void help(FILE *to)
{
	fputs("Usage: stacq COMMAND [OPTION]... [NAME]...\n"
	      "Message queues and stacks in the kernel, as files under /dev/stacq.\n"
	      "\n"
	      "Commands:\n", to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n"
	      "`stacq COMMAND --help` says more about each.\n"
	      "\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no message or no room in\n"
	      "the time allowed, 4 sealed, 5 the command of `work` failed for some, 128+N\n"
	      "ended by signal N.\n"
	      "\n"
	      "A session:\n"
	      "  $ stacq create jobs\n"
	      "  $ stacq send jobs 'build kernel 6.12'\n"
	      "  $ stacq recv jobs\n"
	      "  build kernel 6.12\n"
	      "\n"
	      "The manual: stacq(1) this command, stacq(4) the devices, libstacq(3) C.\n", to);
}

/* What buffered output could not be written is found out here at the latest. */
static int flush_output(int rc)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	fprintf(stderr, "stacq: standard output: %s\n", strerror(errno));
	return rc ? rc : RC_FAILED;
}

/*
 * A standard stream that is closed would be the next file to be opened: a queue.
 * What takes its place can be opened, but not used.
 */
static void fill_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			exit(RC_FAILED);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	static char help_option[] = "--help";
	char full_name[32];

	fill_standard_streams();
	if (name && strcmp(name, "help") == 0 && argc > 2) {
		/* stacq help send */
		name = argv[1] = argv[2];
		argv[2] = help_option;
	}
	if (!name) {
		help(stderr);
		return RC_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
	    strcmp(name, "help") == 0) {
		help(stdout);
		return flush_output(RC_OK);
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		printf("stacq %s\n", stacq_version());
		return flush_output(RC_OK);
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		snprintf(full_name, sizeof(full_name), "stacq %s", name);
		argv[1] = full_name;
		return finish_signals(flush_output(commands[i].run(argc - 1, argv + 1)));
	}
	complain("'%s' is not a command; `stacq --help` lists them", name);
	return RC_USAGE;
}
