/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of hostile users share. Each of these tests lets one user do
 * what the rights allow, and looks at what another user notices of it.
 *
 * None of them measures a time against a number of seconds. They compare two
 * times of one run, or count how often a thread slept, or wait for a state.
 */
#ifndef STACQ_TEST_HOSTILE_H
#define STACQ_TEST_HOSTILE_H

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "frames.h"

/* As WAIT_FOR(), for what is there at once unless it never comes: gives up sooner. */
#define EVENTUALLY(condition) do {					\
	int left_ = debug_kernel() ? 20000 : 4000;			\
	while (!(condition)) {						\
		if (!left_--)						\
			FAIL("%s never became true", #condition);	\
		usleep(2000);						\
	}								\
} while (0)

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Shared with the processes that the test starts. */
static inline void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(p != MAP_FAILED);
	return p;
}

/*
 * Threads, seen from outside
 */

/* A file of a thread in /proc; false if the thread is gone. */
static inline bool read_of_thread(pid_t tid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	return n >= 0;
}

/* Does it sleep? */
static inline bool asleep(pid_t tid)
{
	char text[512], *end;

	if (!read_of_thread(tid, "stat", text, sizeof(text)))
		return false;
	end = strrchr(text, ')');
	return end && (end[2] == 'S' || end[2] == 'D');
}

/* Does it sleep in the system call of this number? */
static inline bool asleep_in(pid_t tid, long number)
{
	char text[256];

	if (!asleep(tid))
		return false;
	/* (some kernels have no such file) */
	return !read_of_thread(tid, "syscall", text, sizeof(text)) || atol(text) == number;
}

/* Is it in the module, running or not? */
static inline bool inside_the_module(pid_t tid)
{
	static char text[8192];

	return read_of_thread(tid, "stack", text, sizeof(text)) && strstr(text, "[stacq]");
}

/* How often it has slept. */
static inline unsigned long long times_asleep(pid_t tid)
{
	static const char key[] = "\nvoluntary_ctxt_switches:";
	char text[4096], *at;

	if (!read_of_thread(tid, "status", text, sizeof(text)))
		return 0;
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* How often the caller has slept. */
static inline long my_times_asleep(void)
{
	struct rusage usage;

	ASSERT_OK(getrusage(RUSAGE_THREAD, &usage));
	return usage.ru_nvcsw;
}

/*
 * Processors
 */

static inline int processors(void)
{
	return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static inline void stay_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	ASSERT_OK(sched_setaffinity(0, sizeof(set), &set));
}

/* Run only when a processor has nothing else to do. */
static inline void run_when_idle(void)
{
	struct sched_param none = { 0 };

	ASSERT_OK(sched_setscheduler(0, SCHED_IDLE, &none));
}

/* Run before all others of this processor. */
static inline void run_first(void)
{
	struct sched_param first = { .sched_priority = 1 };

	ASSERT_OK(sched_setscheduler(0, SCHED_FIFO, &first));
}

/* Two processes for each processor that use it all the time, until the test ends. */
#define MOST_BUSY	64
struct busy {
	pid_t pid[MOST_BUSY];
	int nr;
};

static inline struct busy keep_busy(void)
{
	struct busy b = { .nr = 2 * processors() };

	if (b.nr > MOST_BUSY)
		b.nr = MOST_BUSY;
	for (int i = 0; i < b.nr; i++) {
		b.pid[i] = start();
		if (!b.pid[i])
			for (volatile unsigned int n = 0; ; n++)
				;
	}
	return b;
}

static inline void end_busy(const struct busy *b)
{
	for (int i = 0; i < b->nr; i++)
		kill_now(b->pid[i]);
}

/*
 * The time of @op, for one call: the least of 40 times of 16 calls. What else
 * runs on the machine makes a time longer, never shorter.
 */
static inline double least_time(void (*op)(int fd), int fd)
{
	double least = 1e9;

	for (int i = 0; i < 40; i++) {
		double begun = now(), took;

		for (int n = 0; n < 16; n++)
			op(fd);
		took = (now() - begun) / 16;
		if (took < least)
			least = took;
	}
	return least;
}

/*
 * Messages in the hands of others
 */

static inline void allow_files(unsigned int n)
{
	struct rlimit limit = { n + 200, n + 200 };

	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Another open file takes the first byte of the next message, and keeps the rest. */
static inline int half_read(const struct queue *q)
{
	int fd = queue_open(q, NONBLOCK);
	char c;

	ASSERT_EQ(read(fd, &c, 1), 1);
	return fd;
}

/* @n open files that have a half-read message each, the oldest of the queue. */
static inline void let_others_hold(const struct queue *q, unsigned int n)
{
	int fd = queue_open(q, NONBLOCK);

	allow_files(n);
	for (unsigned int i = 0; i < n; i++) {
		PUT(fd, "ab");
		half_read(q);
	}
	ASSERT_EQ(info(fd).held, n);
	close(fd);
}

static inline int lease_mode(int fd, unsigned int flags, unsigned int max_inflight)
{
	struct stacq_mode request = {
		.flags = STACQ_MODE_LEASE | flags, .max_inflight = max_inflight,
	};

	return ioctl(fd, STACQ_IOC_SET_MODE, &request);
}

/* All that the open file holds. */
static inline int settle_all(int fd, unsigned long request)
{
	struct stacq_settlement s = { .flags = STACQ_SETTLE_ALL };

	return ioctl(fd, request, &s) ? -1 : (int)s.count;
}

static inline int set_delivery(int fd, struct stacq_delivery d)
{
	return ioctl(fd, STACQ_IOC_SET_DELIVERY, &d);
}

static inline void purge(int fd)
{
	struct stacq_purge request = { 0 };

	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &request));
}

/*
 * Memory cgroups
 */

#define CGROUPS	"/sys/fs/cgroup"

static inline bool try_put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A group of this name, made if it is not there. Skips the test on a kernel without. */
static inline void memory_group(const char *name)
{
	char path[128];

	if (!try_put_text(CGROUPS "/cgroup.subtree_control", "+memory"))
		SKIP("this kernel has no memory cgroups");
	snprintf(path, sizeof(path), CGROUPS "/%s", name);
	if (mkdir(path, 0755) && errno != EEXIST)
		FAIL("%s: %s", path, strerrorname_np(errno));
}

static inline void set_in_group(const char *name, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "/%s/%s", name, file);
	if (!try_put_text(path, text))
		FAIL("%s to %s: %s", text, path, strerrorname_np(errno));
}

static inline void join_group(const char *name)
{
	set_in_group(name, "cgroup.procs", "0");
}

/* A number in a file of a group: the first one, or the one behind @key. */
static inline long long of_group(const char *name, const char *file, const char *key)
{
	char path[128], word[64];
	long long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), CGROUPS "/%s/%s", name, file);
	f = fopen(path, "r");
	if (!f)
		FAIL("%s: %s", path, strerrorname_np(errno));
	if (!key)
		ASSERT_EQ(fscanf(f, "%lld", &value), 1);
	else
		while (fscanf(f, "%63s %lld", word, &value) == 2 && strcmp(word, key))
			value = -1;
	fclose(f);
	return value;
}

#endif
