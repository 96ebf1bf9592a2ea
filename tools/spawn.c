// SPDX-License-Identifier: GPL-2.0
/*
 * Starts a command for a message: with the message on its standard input, which is
 * a file in memory, so that there is no pipe that anybody would have to feed; or as
 * an argument.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char mark[] = "{}";

bool takes_argument(char **command)
{
	for (char **arg = command + 1; *arg; arg++)
		if (strstr(*arg, mark))
			return true;
	return false;
}

/* @arg with @text in the place of each {}; NULL without memory. */
static char *substitute(const char *arg, const char *text, size_t len)
{
	size_t count = 0, size;
	const char *at;
	char *out, *to;

	for (at = arg; (at = strstr(at, mark)); at += 2)
		count++;
	size = strlen(arg) + 1;
	if (len && count > (SIZE_MAX - size) / len)
		return NULL;
	out = to = malloc(size + count * len);
	if (!out)
		return NULL;
	for (; (at = strstr(arg, mark)); arg = at + 2) {
		to = mempcpy(to, arg, (size_t)(at - arg));
		to = mempcpy(to, text, len);
	}
	strcpy(to, arg);
	return out;
}

static void free_arguments(char **args)
{
	for (char **arg = args; arg && *arg; arg++)
		free(*arg);
	free(args);
}

/* The command with the message in it. NULL without memory. */
static char **arguments(char **command, const char *text, size_t len)
{
	size_t count = 0;
	char **args;

	do {
		count++;
	} while (command[count]);
	args = calloc(count + 1, sizeof(*args));
	for (size_t i = 0; args && i < count; i++) {
		/* Which program is run, no message decides. */
		args[i] = i ? substitute(command[i], text, len) : strdup(command[i]);
		if (!args[i]) {
			free_arguments(args);
			return NULL;
		}
	}
	return args;
}

/* A file in memory with the message, to be read from the start. */
static int message_file(const void *buf, size_t len)
{
	int fd = memfd_create("stacq message", MFD_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	while (len > 0) {
		n = write(fd, buf, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			goto fail;
		buf = (const char *)buf + n;
		len -= (size_t)n;
	}
	if (lseek(fd, 0, SEEK_SET) == 0)
		return fd;
fail:
	close(fd);
	return -1;
}

static void set_number(const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	setenv(name, text, 1);
}

/* In the child. Says in @report why it could not become the command. */
static _Noreturn void become(const struct work *work, char **args, int input,
			     const struct stacq_peek *desc, pid_t parent, int report)
{
	int error;

	/* Not to go on alone while somebody else has the message again. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	/* What the keyboard sends to us is not for it. */
	setpgid(0, 0);
	sigprocmask(SIG_SETMASK, work->mask, NULL);
	setenv("STACQ_QUEUE", work->queue, 1);
	set_number("STACQ_ID", desc->seq);
	set_number("STACQ_DELIVERIES", desc->deliveries);
	set_number("STACQ_PRIORITY", desc->priority);
	set_number("STACQ_SENT_NS", desc->sent_ns);
	if (dup2(input, STDIN_FILENO) >= 0)
		execvp(args[0], args);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

static pid_t start(const struct work *work, char **args, int input,
		   const struct stacq_peek *desc)
{
	pid_t parent = getpid(), pid;
	int report[2], error = 0;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -1;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(work, args, input, desc, parent, report[1]);
	close(report[1]);
	if (pid > 0) {
		/* Ends when it has become the command, or is dead. */
		do {
			n = read(report[0], &error, sizeof(error));
		} while (n < 0 && errno == EINTR);
	} else {
		error = errno;
	}
	close(report[0]);
	if (pid > 0 && error)
		waitpid(pid, NULL, 0);
	errno = error;
	return error ? -1 : pid;
}

pid_t spawn(const struct work *work, const void *buf, size_t len,
	    const struct stacq_peek *desc, const char **say)
{
	char **args = NULL;
	int input, error;
	pid_t pid = -1;

	*say = "starting it";
	if (work->as_argument) {
		const char *text = buf;

		/* What `echo` ends with is not meant, as in $(...). */
		if (len > 1 && text[len - 1] == '\n')
			len--;
		*say = "it holds a NUL, which no argument can";
		errno = EILSEQ;
		if (memchr(text, '\0', len))
			return -1;
		*say = "arguments";
		errno = ENOMEM;
		args = arguments(work->command, text, len);
		if (!args)
			return -1;
		*say = "standard input";
		input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} else {
		*say = "standard input";
		input = message_file(buf, len);
	}
	if (input >= 0) {
		*say = work->command[0];
		pid = start(work, args ? args : work->command, input, desc);
	}
	error = errno;
	if (error == E2BIG)
		*say = "it is too long for an argument";
	if (input >= 0)
		close(input);
	free_arguments(args);
	errno = error;
	return pid;
}
