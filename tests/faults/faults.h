/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's side of fault injection, Documentation/fault-injection of its
 * sources: the nth thing in this thread that can fail does, once. Things that
 * can fail are allocations of objects (failslab) and pages (fail_page_alloc),
 * and copies from and to user memory (fail_usercopy).
 */
#ifndef STACQ_TEST_FAULTS_H
#define STACQ_TEST_FAULTS_H

#include <dirent.h>
#include <sys/klog.h>

#include "common.h"

#define FAULTS		"/sys/kernel/debug/"
/* More than any call has. */
#define MOST_FAULTS	3000

static int nth_file = -1;

static void setting(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), FAULTS "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		FAIL("%s: %s", path, strerrorname_np(errno));
	ASSERT_EQ(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

static void faults_up(void)
{
	nth_file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_file < 0 || access(FAULTS "failslab", F_OK) ||
	    access(FAULTS "fail_page_alloc", F_OK) ||
	    access(FAULTS "fail_usercopy", F_OK))
		SKIP("this kernel has no fault injection");
	/* The console is slow, and information of no use there: warnings and worse go to it. */
	ASSERT_OK(klogctl(8, NULL, 5));
	/* By default, allocations that may wait are spared. */
	setting("failslab/ignore-gfp-wait", "N");
	setting("fail_page_alloc/ignore-gfp-wait", "N");
	setting("fail_page_alloc/ignore-gfp-highmem", "N");
	setting("failslab/verbose", "0");
	setting("fail_page_alloc/verbose", "0");
	setting("fail_usercopy/verbose", "0");
	/* Counted down at each fault; that tells a copy from an allocation. */
	setting("fail_usercopy/times", "1000000");
}

/*
 * Are pages among the things that can fail? When the kernel needs one more for
 * its small objects is a matter of chance. Without them the places are the same
 * each time, so that none is passed over.
 */
static void faults_in_pages(bool yes)
{
	setting("fail_page_alloc/min-order", yes ? "0" : "99");
}

/* Are objects? Without: only those of caches that slub_debug= names, and it names none. */
static inline void faults_in_objects(bool yes)
{
	setting("failslab/cache-filter", yes ? "N" : "Y");
}

/* From now on, the nth thing that can fail does. */
static void faults_from(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	ASSERT_EQ(pwrite(nth_file, text, len, 0), len);
}

/* So many more had to be asked for until it would have; ends the wait for it. */
static inline unsigned int faults_left(void)
{
	char text[16] = "";
	int tries = 0;

	ASSERT_TRUE(pread(nth_file, text, sizeof(text) - 1, 0) > 0);
	while (pwrite(nth_file, "0", 1, 0) != 1)
		ASSERT_TRUE(++tries < 3);
	return atoi(text);
}

/* Did it? If it was not its turn yet, the call that asks may be what fails. */
static bool faults_end(void)
{
	char text[16] = "";
	ssize_t n = pread(nth_file, text, sizeof(text) - 1, 0);
	int tries = 0;

	if (n > 0 && !strcmp(text, "0\n"))
		return true;
	while (pwrite(nth_file, "0", 1, 0) != 1)
		ASSERT_TRUE(++tries < 3);
	return false;
}

/* Running out of memory for itself switches kmemleak off for good. */
static void leaks_are_watched(void)
{
	int fd = open(FAULTS "kmemleak", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	ASSERT_EQ(write(fd, "scan=off", 8), 8);
	close(fd);
}

/* The names in a folder, as one line more of a text. */
static void list_names(char *to, size_t size, const char *folder)
{
	size_t used = strlen(to);
	struct dirent **entry;
	int n = scandir(folder, &entry, NULL, alphasort);

	used += snprintf(to + used, size - used, "%s:", folder);
	for (int i = 0; i < n; i++) {
		used += snprintf(to + used, size - used, " %s", entry[i]->d_name);
		ASSERT_TRUE(used < size);
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	snprintf(to + used, size - used, "\n");
}

#endif
