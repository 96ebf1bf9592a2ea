// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

enum { PASSED = 0, FAILED = 1, SKIPPED = 4 };

static struct test *first, **last = &first;
static char *skip_reason;	/* shared with the process of the test */
#define REASON_SIZE	256

void test_register(struct test *t)
{
	*last = t;
	last = &t->next;
}

__attribute__((weak)) void test_after_each(void)
{
}

void test_note(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	printf("# %s\n", line);
	fflush(stdout);
}

void test_fail(const char *file, int line, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	test_note("%s:%d: %s", file, line, text);
	_exit(FAILED);
}

void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(skip_reason, REASON_SIZE, format, args);
	va_end(args);
	_exit(SKIPPED);
}

pid_t start(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		FAIL("fork: %s", strerrorname_np(errno));
	return pid;
}

void done(void)
{
	fflush(stdout);
	_exit(PASSED);
}

void test_join(const char *file, int line, pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		test_fail(file, line, "waitpid: %s", strerrorname_np(errno));
	if (WIFSIGNALED(status))
		test_fail(file, line, "process was killed by signal %d",
			  WTERMSIG(status));
	if (WEXITSTATUS(status) == SKIPPED)
		_exit(SKIPPED);
	if (WEXITSTATUS(status))
		test_fail(file, line, "process ended with status %d",
			  WEXITSTATUS(status));
}

void kill_now(pid_t pid)
{
	int status;

	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
}

bool running(pid_t pid)
{
	siginfo_t info = { 0 };

	ASSERT_OK(waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return info.si_pid == 0;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Wait for @pid until @seconds are over: true when it has ended. */
static bool wait_within(pid_t pid, int *status, double seconds)
{
	const struct timespec step = { .tv_nsec = 2000000 };
	double end = now() + seconds;

	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		if (now() > end)
			return false;
		nanosleep(&step, NULL);
	}
}

/* How long a test may take; STACQ_TEST_SECONDS is for one that is expected to fail, and may hang. */
static double seconds_for(const struct test *t)
{
	const char *given = getenv("STACQ_TEST_SECONDS");

	return given ? atof(given) : t->seconds;
}

static int run_test(struct test *t)
{
	double seconds = seconds_for(t);
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(FAILED);
	}
	if (pid == 0) {
		setpgid(0, 0);
		t->body();
		fflush(stdout);
		_exit(PASSED);
	}
	setpgid(pid, pid);
	if (!wait_within(pid, &status, seconds)) {
		test_note("%s: not done after %g s", t->name, seconds);
		kill(-pid, SIGKILL);
		if (!wait_within(pid, &status, 20))
			test_note("%s: can't be killed", t->name);
		return FAILED;
	}
	/* What the test left running; we are their parent now. */
	kill(-pid, SIGKILL);
	while (waitpid(-pid, NULL, 0) > 0)
		;
	if (WIFSIGNALED(status)) {
		test_note("%s: killed by signal %d", t->name, WTERMSIG(status));
		return FAILED;
	}
	return WEXITSTATUS(status);
}

static bool chosen(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]))
			return true;
	return false;
}

/* Arguments are parts of names: run the tests that have one of them. */
int main(int argc, char **argv)
{
	unsigned int n = 0, count = 0, failed = 0;
	struct test *t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	skip_reason = mmap(NULL, REASON_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (skip_reason == MAP_FAILED)
		return FAILED;
	for (t = first; t; t = t->next)
		count += chosen(t->name, argc, argv);
	printf("KTAP version 1\n1..%u\n", count);
	for (t = first; t; t = t->next) {
		int result;

		if (!chosen(t->name, argc, argv))
			continue;
		result = run_test(t);
		test_after_each();
		n++;
		if (result == PASSED) {
			printf("ok %u - %s\n", n, t->name);
		} else if (result == SKIPPED) {
			printf("ok %u - %s # SKIP %s\n", n, t->name,
			       skip_reason);
		} else {
			printf("not ok %u - %s\n", n, t->name);
			failed++;
		}
	}
	return failed || !count ? FAILED : PASSED;
}
