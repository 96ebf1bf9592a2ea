/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small test harness in the manner of the kernel's selftests: each test is
 * a function, runs in a process and process group of its own with a time
 * limit, and prints one KTAP line.
 *
 * Every ASSERT_* ends the process that calls it. In a process that a test has
 * started with start() that shows when the test calls join().
 */
#ifndef STACQ_TEST_HARNESS_H
#define STACQ_TEST_HARNESS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

struct test {
	const char *name;
	void (*body)(void);
	unsigned int seconds;
	struct test *next;
};

void test_register(struct test *t);
void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void test_skip(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Programs may define it: done once before and after each test, as root. */
void test_after_each(void);

/* Only to bound a hang: an emulated machine on a busy host takes fifty times as long as this one. */
#define TEST_SECONDS	300

#define TEST_WITHIN(function, limit)					\
	static void function(void);					\
	static struct test function##_test = {				\
		.name = #function, .body = function, .seconds = (limit),\
	};								\
	__attribute__((constructor)) static void function##_register(void) \
	{								\
		test_register(&function##_test);			\
	}								\
	static void function(void)

#define TEST(function) TEST_WITHIN(function, TEST_SECONDS)

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define SKIP(...) test_skip(__VA_ARGS__)

/* Both sides are evaluated once. */
#define ASSERT_EQ(seen, wanted) do {					\
	long long seen_ = (long long)(seen);				\
	int errno_ = errno;						\
	long long wanted_ = (long long)(wanted);			\
	if (seen_ != wanted_)						\
		FAIL("%s is %lld%s%s, wanted %s = %lld", #seen, seen_,	\
		     seen_ == -1 ? " " : "",				\
		     seen_ == -1 ? strerrorname_np(errno_) : "",	\
		     #wanted, wanted_);					\
} while (0)

/* The call fails with this errno. */
#define ASSERT_ERRNO(call, wanted) do {					\
	long long result_;						\
	int errno_;							\
	errno = 0;							\
	result_ = (long long)(call);					\
	errno_ = errno;							\
	if (result_ != -1 || errno_ != (wanted))			\
		FAIL("%s returned %lld (%s), wanted -1 and %s", #call,	\
		     result_, result_ == -1 ? strerrorname_np(errno_) : "-", \
		     strerrorname_np(wanted));				\
} while (0)

#define ASSERT_TRUE(condition) do {					\
	if (!(condition))						\
		FAIL("%s does not hold", #condition);			\
} while (0)

#define ASSERT_OK(call) do {						\
	if ((call) < 0)							\
		FAIL("%s failed: %s", #call, strerrorname_np(errno));	\
} while (0)

#define ASSERT_MEM(seen, wanted, len) do {				\
	if (memcmp(seen, wanted, len))					\
		FAIL("%s and %s differ", #seen, #wanted);		\
} while (0)

/* Wait for something another process does; give up only after a long time. */
#define WAIT_FOR(condition) do {					\
	int tries_;							\
	for (tries_ = 0; !(condition); tries_++) {			\
		if (tries_ == 30000)					\
			FAIL("waited in vain for %s", #condition);	\
		usleep(2000);						\
	}								\
} while (0)

/* Long enough for a mistaken wake-up to show; never needed for a pass. */
#define SETTLE_US	150000

/* Another process of this test: 0 in it, which ends with done(). */
pid_t start(void);
void done(void) __attribute__((noreturn));
#define join(pid) test_join(__FILE__, __LINE__, pid)
void test_join(const char *file, int line, pid_t pid);
/* Kill it and wait until it is gone. */
void kill_now(pid_t pid);
/* True while it has not ended; reaps nothing. */
bool running(pid_t pid);

#endif
