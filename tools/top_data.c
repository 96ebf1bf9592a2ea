// SPDX-License-Identifier: GPL-2.0
/*
 * stacq top: looks at the queues. Nothing is kept open between two looks, so that
 * queues and the module can be removed meanwhile.
 */
#include "top.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/*
 * A message is looked for from the front, so the back of a long queue is not
 * asked for; and of a queue with priorities only a few.
 */
#define AGE_REACH	1024
#define AGE_PRIORITIES	32

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

double top_rate(uint64_t before, uint64_t after, int64_t ns)
{
	if (after < before || ns <= 0)
		return -1;
	return (double)(after - before) * 1e9 / (double)ns;
}

bool top_matches(const char *name, const char *filter)
{
	if (strpbrk(filter, "*?["))
		return fnmatch(filter, name, 0) == 0;
	return strstr(name, filter);
}

/* ---- a queue ------------------------------------------------------------ */

/* Takes the time of a message into account; false if there is none, or no right to see it. */
static bool look_at_age(int fd, uint64_t position, int64_t now, struct top_queue *q)
{
	struct stacq_peek desc;
	int64_t age;

	if (stacq_peek(fd, position, NULL, NULL, &desc) < 0)
		return false;
	age = now - (int64_t)desc.sent_ns;
	/* The kernel's clock is as fine as its tick, and a sender may say anything. */
	if (age < 0)
		age = 0;
	if (age > q->age_ns)
		q->age_ns = age;
	return true;
}

/* The first of a fifo is the oldest, and the last of a stack; else it may be any. */
static void find_age(int fd, struct top_queue *q)
{
	int64_t now = clock_ns(CLOCK_REALTIME);
	uint64_t depth = q->info.depth;

	if (depth == 0 || !look_at_age(fd, 0, now, q) || q->info.order == STACQ_FIFO)
		return;
	if (q->info.order == STACQ_PRIORITY) {
		for (uint64_t i = 1; i < depth && i < AGE_PRIORITIES; i++)
			look_at_age(fd, i, now, q);
		q->older = depth > AGE_PRIORITIES;
		if (!q->older)
			return;
	}
	if (depth > AGE_REACH) {
		q->older = true;
		depth = AGE_REACH;
	}
	/* Received meanwhile: then the first one has to do. */
	if (depth > 1 && !look_at_age(fd, depth - 1, now, q))
		q->older = true;
}

static int look(const char *name, struct top_queue *q)
{
	char path[sizeof(STACQ_SYSFS_DIR "/") + STACQ_NAME_SIZE];
	struct stat st;
	int fd, ret;

	snprintf(path, sizeof(path), STACQ_SYSFS_DIR "/%s", name);
	if (stat(path, &st) < 0)
		return -1;
	*q = (struct top_queue) { .id = st.st_ino, .in = -1, .out = -1, .age_ns = -1 };
	fd = open_any(name);
	ret = fd < 0 ? -1 : stacq_info(fd, &q->info);
	if (ret == 0)
		find_age(fd, q);
	else
		ret = stacq_info_sysfs(name, &q->info);
	q->at_ns = clock_ns(CLOCK_MONOTONIC);
	if (fd >= 0)
		close(fd);
	return ret;
}

/* What only the sample before can tell. */
static void inherit(struct top_queue *q, const struct top_queue *old)
{
	if (old && old->id == q->id) {
		int64_t ns = q->at_ns - old->at_ns;
		int kept = old->samples < TOP_HISTORY ? old->samples : TOP_HISTORY - 1;

		q->in = top_rate(old->info.sent, q->info.sent, ns);
		q->out = top_rate(old->info.received, q->info.received, ns);
		memcpy(q->history, old->history + old->samples - kept,
		       (size_t)kept * sizeof(*q->history));
		q->samples = kept;
	}
	q->history[q->samples++] = q->info.depth;
}

static int compare_name(const void *name, const void *queue)
{
	return strcmp(name, ((const struct top_queue *)queue)->info.name);
}

int top_sample(struct top *t)
{
	struct top_queue *queues, **rows;
	size_t count = 0;
	ssize_t listed;
	char **names;

	listed = stacq_list(&names);
	if (listed < 0)
		return -1;
	queues = calloc((size_t)listed + 1, sizeof(*queues));
	rows = calloc((size_t)listed + 1, sizeof(struct top_queue *));
	if (!queues || !rows) {
		free(queues);
		free(rows);
		stacq_list_free(names);
		errno = ENOMEM;
		return -1;
	}
	for (char **name = names; *name; name++) {
		/* Removed meanwhile. */
		if (look(*name, &queues[count]) < 0)
			continue;
		inherit(&queues[count], !t->count ? NULL :
			bsearch(*name, t->queues, t->count, sizeof(*queues), compare_name));
		count++;
	}
	stacq_list_free(names);
	top_free(t);
	t->queues = queues;
	t->count = count;
	t->rows = rows;
	top_arrange(t);
	return 0;
}

void top_free(struct top *t)
{
	free(t->queues);
	free(t->rows);
	t->queues = NULL;
	t->rows = NULL;
	t->count = t->nr_rows = 0;
}

/* ---- which, in which order ---------------------------------------------- */

static double value(const struct top_queue *q, enum top_key key)
{
	switch (key) {
	case BY_DEPTH:
		return (double)q->info.depth;
	case BY_IN:
		return q->in;
	case BY_OUT:
		return q->out;
	case BY_FLIGHT:
		return (double)q->info.inflight;
	case BY_AGE:
		return (double)q->age_ns;
	case BY_WAITING:
		return (double)q->info.readers_waiting + q->info.writers_waiting;
	default:
		return 0;
	}
}

/* The highest number first; of the same ones the first name. */
static int compare_rows(const void *left, const void *right, void *top)
{
	const struct top_queue *a = *(struct top_queue *const *)left;
	const struct top_queue *b = *(struct top_queue *const *)right;
	const struct top *t = top;
	double va = value(a, t->key), vb = value(b, t->key);
	int order = va > vb ? -1 : va < vb;

	if (order == 0 && t->key != BY_NAME)
		return strcmp(a->info.name, b->info.name);
	if (order == 0)
		order = strcmp(a->info.name, b->info.name);
	return t->reverse ? -order : order;
}

void top_arrange(struct top *t)
{
	t->nr_rows = 0;
	for (size_t i = 0; i < t->count; i++)
		if (top_matches(t->queues[i].info.name, t->filter))
			t->rows[t->nr_rows++] = &t->queues[i];
	if (t->nr_rows)
		qsort_r(t->rows, t->nr_rows, sizeof(struct top_queue *), compare_rows, t);
}

/* ---- messages ----------------------------------------------------------- */

int top_peek(const char *name, struct top_message *messages, int most)
{
	int fd = stacq_open(name, O_RDONLY | O_NONBLOCK);
	int count, error;

	if (fd < 0)
		return -1;
	for (count = 0; count < most; count++) {
		struct top_message *m = &messages[count];

		/* Not by stacq_peek(), which wants all bytes, and there may be many. */
		m->desc = (struct stacq_peek) {
			.position = (uint64_t)count,
			.buf = (uintptr_t)m->bytes,
			.buf_len = sizeof(m->bytes),
		};
		if (ioctl(fd, STACQ_IOC_PEEK, &m->desc) < 0)
			break;
	}
	error = count < most && errno != ENOMSG ? errno : 0;
	close(fd);
	errno = error;
	return error ? -1 : count;
}
