/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loading and unloading a module with faults: what the tests of stacq.ko and of
 * the labs have in common. Each says in module_name and module_file which it is.
 */
#ifndef STACQ_TEST_LOADING_H
#define STACQ_TEST_LOADING_H

#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "common.h"
#include "faults.h"

static const char *module_name;
static int module_file = -1;

static int load(const char *parameters)
{
	return syscall(SYS_finit_module, module_file, parameters, 0);
}

static int unload(void)
{
	return syscall(SYS_delete_module, module_name, O_NONBLOCK);
}

/* The lines of a file that have @word in them. */
static void list_lines(char *to, size_t size, const char *file, const char *word)
{
	size_t used = strlen(to);
	FILE *f = fopen(file, "re");
	char line[256];

	ASSERT_TRUE(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, word))
			used += snprintf(to + used, size - used, "%s: %s", file, line);
	ASSERT_TRUE(used < size);
	fclose(f);
}

/* Room for all that a module leaves in the world, as one text. */
#define TRACES	8192

static void same_traces(const char *seen, const char *wanted, unsigned int nth, const char *when)
{
	if (!strcmp(seen, wanted))
		return;
	test_note("it was: %.400s", wanted);
	test_note("it is: %.400s", seen);
	FAIL("fault %u: %s, what is there is not what should be", nth, when);
}

/*
 * Looks for leaks, and fails at one that is not @known. What is known is not
 * reported once more by guest-run's step "leaks". Returns how many those were.
 */
static unsigned int known_leaks(bool (*known)(char *object))
{
	static char text[1 << 20];
	int fd = open(FAULTS "kmemleak", O_RDWR | O_CLOEXEC);
	time_t first = time(NULL), left;
	unsigned int count = 0;
	char *object, *next;
	ssize_t n;
	size_t size = 0;

	if (fd < 0)
		SKIP("this kernel has no kmemleak");
	/* The second scan reports, but leaves those alone that are younger than 5 seconds. */
	ASSERT_EQ(write(fd, "scan", 4), 4);
	left = first + 7 - time(NULL);
	if (left > 0)
		sleep(left);
	ASSERT_EQ(write(fd, "scan", 4), 4);
	while ((n = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += n;
	ASSERT_EQ(n, 0);
	for (object = text; *object; object = next) {
		next = strstr(object + 1, "unreferenced object");
		if (!next)
			next = object + strlen(object);
		else
			next[-1] = 0;
		if (!known(object))
			FAIL("%s", object);
		count++;
	}
	ASSERT_EQ(write(fd, "clear", 5), 5);
	close(fd);
	return count;
}

#endif
