/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the scenarios share: how much to do, and how much memory the kernel
 * uses. Each scenario prints what it did as "# figure: ...".
 *
 * STACQ_SCENARIO_PERCENT	of the full counts (100; 5 on a debug kernel)
 * STACQ_SCENARIO_SECONDS	of what goes on for a time (20; 10 on a debug kernel)
 */
#ifndef STACQ_TEST_SCENARIO_H
#define STACQ_TEST_SCENARIO_H

#include <glob.h>
#include <sys/mman.h>
#include <time.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)
#define LIMIT		3600
#define FIGURE(format, ...) test_note("figure: " format, ##__VA_ARGS__)

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static inline double seconds(void)
{
	const char *s = getenv("STACQ_SCENARIO_SECONDS");

	return s ? atof(s) : debug_kernel() ? 10 : 20;
}

static inline unsigned int scaled(unsigned int full)
{
	const char *percent = getenv("STACQ_SCENARIO_PERCENT");
	unsigned int n;

	n = full / 100.0 * (percent ? atof(percent) : debug_kernel() ? 5 : 100);
	return n ? n : 1;
}

/* For a figure: that this was not the full count. */
static inline const char *of_full(unsigned int n, unsigned int full)
{
	static char text[32];

	snprintf(text, sizeof(text), " (of %u)", full);
	return n == full ? "" : text;
}

static inline void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_TRUE(p != MAP_FAILED);
	return p;
}

static inline void put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		FAIL("%s to %s: %s", text, path, strerrorname_np(errno));
	close(fd);
}

/* One line of /proc/meminfo, in bytes. */
static inline long long meminfo(const char *key)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long long kib = -1;

	ASSERT_TRUE(f);
	while (kib < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kib = atoll(line + strlen(key) + 1);
	fclose(f);
	ASSERT_TRUE(kib >= 0);
	return kib * 1024;
}

/*
 * KASAN keeps objects that were freed, to catch late uses, and to make it let
 * go of them takes minutes. Where it is, kmemleak is, and looks for what was
 * not freed: the step leaks of tests/guest-run.
 */
static inline bool memory_tells_nothing(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

/*
 * What the kernel has allocated for itself, when it has given up what it only
 * keeps: names of files that are gone, slabs with nothing in them.
 */
static inline long long kernel_memory(void)
{
	glob_t caches;

	put_text("/proc/sys/vm/drop_caches", "3");
	if (!memory_tells_nothing() &&
	    !glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches)) {
		for (size_t i = 0; i < caches.gl_pathc; i++)
			put_text(caches.gl_pathv[i], "1");
		globfree(&caches);
	}
	return meminfo("Slab") + meminfo("VmallocUsed") + meminfo("Percpu");
}

/*
 * What may be in use afterwards that was not before, whatever the counts: the
 * kernel's own business goes on meanwhile. Seen on the stock kernel was 0.25 MB
 * at most, so a leak of 50 bytes a queue shows with 10,000 of them.
 */
#define MEMORY_TOLERANCE	(512 << 10)

/* Wait until the kernel uses no more than that. */
static inline long long memory_back_to(long long most)
{
	long long used = kernel_memory();

	if (memory_tells_nothing())
		return used;
	for (int tries = 0; used > most && tries < 50; tries++) {
		usleep(200000);
		used = kernel_memory();
	}
	if (used > most)
		FAIL("the kernel uses %lld bytes, wanted %lld at most", used,
		     most);
	return used;
}

#endif
