/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the devices share: queues, their state, test data. */
#ifndef STACQ_TEST_COMMON_H
#define STACQ_TEST_COMMON_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/stacq.h>

#include "harness.h"

#define CONTROL	"/dev/stacq/control"
#define POISON	0xcc

/* Users that the guest has. */
#define ALICE	1000
#define BOB	1001

/* Lengths where the path taken in the module may change. */
#define FOR_EACH_SIZE(s)						\
	for (const size_t *s = test_sizes; s < test_sizes + NR_SIZES; s++)
#define NR_SIZES 12
#define LARGEST	((size_t)1 << 20)
extern const size_t test_sizes[NR_SIZES];

struct queue {
	char name[STACQ_NAME_SIZE];
	char path[STACQ_NAME_SIZE + 16];
};

/* A name no other test uses; the queue is removed after the test. */
void unique_name(char name[STACQ_NAME_SIZE]);
/* Remove @name after the test, whether it was made or not. */
void remember(const char *name);

/* A request to create with the defaults and a unique name. */
struct stacq_create create_defaults(unsigned int order);
int create(const struct stacq_create *request);
struct queue queue_from(const struct stacq_create *request);
struct queue queue_new(unsigned int order);
int queue_open(const struct queue *q, int flags);
int queue_remove(const char *name);

/* Fails the test if a byte of the answer was left unset. */
struct stacq_info info(int fd);
int set_capacity(int fd, unsigned long long capacity);
/* STACQ_UNCHANGED leaves one as it is. */
int set_limits(int fd, unsigned long long msgs, unsigned long long bytes,
	       unsigned long long msg_size);
/* Describe the message at @position; -1 and errno if there is none. */
int peek(int fd, unsigned long long position, void *buf, size_t size,
	 struct stacq_peek *answer);
int available(int fd);	/* FIONREAD */

/*
 * The call fails with this errno and what INFO on @fd says before and after
 * is the same.
 */
#define ASSERT_REFUSED(fd, call, wanted) do {				\
	struct stacq_info before_ = info(fd), after_;			\
	ASSERT_ERRNO(call, wanted);					\
	after_ = info(fd);						\
	ASSERT_SAME(before_, after_);					\
} while (0)

#define ASSERT_SAME(before, after) do {					\
	const char *field_ = info_difference(&(before), &(after));	\
	if (field_)							\
		FAIL("%s changed", field_);				\
} while (0)

/* The first field that differs, NULL if none does. */
const char *info_difference(const struct stacq_info *a,
			    const struct stacq_info *b);

/* Bytes that depend on the seed and on their place. */
void fill(void *buf, size_t size, unsigned int seed);
bool filled(const void *buf, size_t size, unsigned int seed);

/* Send or receive a message of that seed, to be whole and right. */
#define SEND(fd, size, seed) test_send(__FILE__, __LINE__, fd, size, seed)
#define RECEIVE(fd, size, seed) test_receive(__FILE__, __LINE__, fd, size, seed)
void test_send(const char *file, int line, int fd, size_t size,
	       unsigned int seed);
void test_receive(const char *file, int line, int fd, size_t size,
		  unsigned int seed);
/* The same for short texts. */
#define PUT(fd, text) ASSERT_EQ(write(fd, text, strlen(text)), strlen(text))
#define GET(fd, text) test_get(__FILE__, __LINE__, fd, text)
void test_get(const char *file, int line, int fd, const char *text);

/* Become this user, with the group of the same number and no other. */
void become(unsigned int uid);

/* Wait until so many callers are blocked. */
#define WAIT_READERS(fd, n) WAIT_FOR(info(fd).readers_waiting == (n))
#define WAIT_WRITERS(fd, n) WAIT_FOR(info(fd).writers_waiting == (n))

/* A module parameter; what it was is put back after the test. */
unsigned long long parameter(const char *name);
void set_parameter(const char *name, unsigned long long value);

/* Kernels with detectors take ten times as long for the same. */
static inline bool debug_kernel(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK) ||
	       !access("/sys/kernel/debug/kcsan", F_OK) ||
	       !access("/sys/module/kmsan", F_OK);
}

/* Memory that compilers can't see through. */
void *page_pair(void);		/* one writable page, then an unmapped one */
extern void *volatile null_pointer, *volatile kernel_pointer;

#endif
