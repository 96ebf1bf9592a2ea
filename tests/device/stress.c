// SPDX-License-Identifier: GPL-2.0
/*
 * Many writers and readers at once, while others look, resize and quit in the
 * middle: each message comes out exactly once, whole, and in its order.
 *
 * STACQ_STRESS_SECONDS sets how long each test sends (1).
 */
#include <sys/mman.h>
#include <time.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)
#define WRITERS		4
#define READERS		4
#define MOST		(1u << 20)	/* messages of one writer */

struct message {
	unsigned int writer, number, size, sum;
	unsigned char body[9000];
};
#define HEAD	offsetof(struct message, body)

/* Shared by all processes of a test. */
static struct shared {
	unsigned int sent[WRITERS];
	unsigned int ready, go;
	double end;		/* set before go */
	unsigned char seen[WRITERS][MOST];
} *shared;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double seconds(void)
{
	const char *s = getenv("STACQ_STRESS_SECONDS");

	return s ? atof(s) : 1;
}

static unsigned int sum(const struct message *m)
{
	unsigned int s = m->writer * 31 + m->number;

	for (unsigned int i = 0; i < m->size - HEAD; i++)
		s = s * 33 + m->body[i];
	return s;
}

static void line_up(void)
{
	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&shared->go, __ATOMIC_SEQ_CST))
		usleep(100);
}

static void writer(const struct queue *q, unsigned int id)
{
	int fd = queue_open(q, O_WRONLY);
	unsigned int seed = id + 1;
	struct message m = { .writer = id };

	line_up();
	/* At least some, however slow the machine is. */
	for (unsigned int n = 0; n < MOST && (n < 50 || now() < shared->end); n++) {
		m.number = n;
		m.size = HEAD + 1 + rand_r(&seed) % 8900;
		if (rand_r(&seed) % 2)
			m.size = HEAD + 1 + rand_r(&seed) % 60;
		fill(m.body, m.size - HEAD, n);
		m.sum = sum(&m);
		ASSERT_EQ(write(fd, &m, m.size), m.size);
		shared->sent[id] = n + 1;
	}
}

static void take(const struct message *m, ssize_t size)
{
	ASSERT_TRUE(size > (ssize_t)HEAD);
	ASSERT_EQ(m->size, size);
	ASSERT_TRUE(m->writer < WRITERS && m->number < MOST);
	ASSERT_EQ(m->sum, sum(m));
	ASSERT_EQ(__atomic_fetch_add(&shared->seen[m->writer][m->number], 1,
				     __ATOMIC_SEQ_CST), 0);
}

/* Whole messages; @ordered: each writer's come in their order. */
static void reader(const struct queue *q, bool ordered)
{
	int fd = queue_open(q, O_RDONLY);
	long long last[WRITERS] = { -1, -1, -1, -1 };
	struct message m;
	ssize_t n;

	line_up();
	while ((n = read(fd, &m, sizeof(m))) > 0) {
		take(&m, n);
		if (ordered)
			ASSERT_TRUE(m.number > last[m.writer]);
		last[m.writer] = m.number;
	}
	ASSERT_EQ(n, 0);
}

/* In parts; and now and then it gives up in the middle. */
static void fickle_reader(const struct queue *q)
{
	unsigned int seed = 99;
	struct message m;

	line_up();
	for (;;) {
		int fd = queue_open(q, O_RDONLY);
		size_t got = 0;
		ssize_t n;

		for (;;) {
			size_t part = 1 + rand_r(&seed) % 2000;

			if (part > sizeof(m) - got)
				part = sizeof(m) - got;
			n = read(fd, (char *)&m + got, part);
			if (n <= 0)
				break;
			got += n;
			if (got >= HEAD && got == m.size) {
				take(&m, got);
				got = 0;
			} else if (rand_r(&seed) % 4 == 0) {
				break;
			}
		}
		close(fd);
		if (n == 0)
			break;
		ASSERT_TRUE(n > 0);
	}
}

/* A reader that is killed: what it has not finished comes back. */
static void doomed_reader(const struct queue *q)
{
	int fd = queue_open(q, O_RDONLY);
	char c;

	if (read(fd, &c, 1) == 1)
		pause();
}

static void meddler(const struct queue *q)
{
	int fd = queue_open(q, NONBLOCK);
	unsigned int seed = 7;
	struct message m;

	line_up();
	for (;;) {
		struct stacq_info i = info(fd);	/* checks its sums */
		struct stacq_peek p;

		switch (rand_r(&seed) % 4) {
		case 0:
			if (set_capacity(fd, i.depth + i.held +
					 1 + rand_r(&seed) % 20))
				ASSERT_TRUE(errno == EBUSY || errno == EINVAL);
			break;
		case 1:
			if (peek(fd, rand_r(&seed) % (i.depth + 1), &m,
				 sizeof(m), &p) == 0)
				ASSERT_TRUE(p.len == m.size &&
					    m.sum == sum(&m));
			else
				ASSERT_EQ(errno, ENOMSG);
			break;
		case 2:
			ASSERT_TRUE(available(fd) >= 0);
			break;
		case 3:
			ASSERT_OK(set_limits(fd, 50 + rand_r(&seed) % 100,
					     STACQ_UNCHANGED,
					     STACQ_UNCHANGED));
			break;
		}
		usleep(rand_r(&seed) % 500);
	}
}

static void run(unsigned int order, bool fickle, bool meddling, bool dying)
{
	struct stacq_create c = create_defaults(order);
	pid_t writers[WRITERS], readers[READERS], helper = 0;
	unsigned long long total = 0;
	unsigned int count = WRITERS + READERS + meddling;
	struct stacq_info i;
	struct queue q;
	int fd;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(shared != MAP_FAILED);
	c.max_msgs = 100;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	for (unsigned int n = 0; n < WRITERS; n++) {
		writers[n] = start();
		if (!writers[n]) {
			close(fd);
			writer(&q, n);
			done();
		}
	}
	for (unsigned int n = 0; n < READERS; n++) {
		readers[n] = start();
		if (!readers[n]) {
			close(fd);
			if (fickle && n % 2)
				fickle_reader(&q);
			else
				reader(&q, order == STACQ_FIFO && !fickle &&
				       !dying);
			done();
		}
	}
	if (meddling) {
		helper = start();
		if (!helper)
			meddler(&q);
	}
	WAIT_FOR(__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) == count);
	shared->end = now() + seconds();
	__atomic_store_n(&shared->go, 1, __ATOMIC_SEQ_CST);
	while (dying && now() < shared->end) {
		pid_t doomed = start();

		if (!doomed) {
			doomed_reader(&q);
			done();
		}
		usleep(3000);
		kill_now(doomed);
	}
	for (unsigned int n = 0; n < WRITERS; n++)
		join(writers[n]);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	for (unsigned int n = 0; n < READERS; n++)
		join(readers[n]);
	if (helper) {
		ASSERT_TRUE(running(helper));
		kill_now(helper);
	}
	for (unsigned int n = 0; n < WRITERS; n++) {
		for (unsigned int k = 0; k < shared->sent[n]; k++)
			if (shared->seen[n][k] != 1)
				FAIL("message %u of writer %u came out %u times",
				     k, n, shared->seen[n][k]);
		total += shared->sent[n];
	}
	i = info(fd);
	ASSERT_EQ(i.depth + i.held, 0);
	ASSERT_EQ(i.sent, total);
	ASSERT_EQ(i.received, total);
	ASSERT_TRUE(total > 0);
	test_note("%llu messages, %llu given back, %llu growths", total,
		  (unsigned long long)i.requeued,
		  (unsigned long long)i.growths);
}

#define LIMIT	3600

TEST_WITHIN(fifo_each_once_and_in_order, LIMIT)
{
	run(STACQ_FIFO, false, false, false);
}

TEST_WITHIN(lifo_each_once, LIMIT)
{
	run(STACQ_LIFO, false, false, false);
}

TEST_WITHIN(fifo_with_readers_that_quit_in_the_middle, LIMIT)
{
	run(STACQ_FIFO, true, false, false);
}

TEST_WITHIN(lifo_with_readers_that_quit_in_the_middle, LIMIT)
{
	run(STACQ_LIFO, true, false, false);
}

TEST_WITHIN(fifo_while_it_is_resized_and_looked_at, LIMIT)
{
	run(STACQ_FIFO, false, true, false);
}

TEST_WITHIN(lifo_with_everything_at_once, LIMIT)
{
	run(STACQ_LIFO, true, true, true);
}

TEST_WITHIN(fifo_with_everything_at_once, LIMIT)
{
	run(STACQ_FIFO, true, true, true);
}
