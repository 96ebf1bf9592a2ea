// SPDX-License-Identifier: GPL-2.0
/*
 * Readers and writers are killed at random moments and others take their
 * places: no message is lost, torn or doubled.
 *
 * What is asserted is exact. A reader reads into memory that outlives it, so
 * that afterwards one sees what it had: a message that is whole there was its
 * own and comes to nobody else; any other comes again. A writer notes the
 * number of a message before and after it writes it: if it is killed between
 * the two the message may have been sent or not, and all of it.
 */
#include <poll.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "scenario.h"

#define WRITERS		3
#define READERS		4
#define MOST		(1u << 20)	/* messages of one writer */

struct message {
	unsigned int writer, number, size, sum;
	unsigned char body[10240];
};
#define HEAD	offsetof(struct message, body)

/* The slots are of processes that replace each other. */
static struct shared {
	bool rest, stop;
	struct {
		unsigned int begun, sent;
		bool resting;
	} writer[WRITERS];
	struct {
		struct message at_hand;
		unsigned int deliveries;
	} reader[READERS];
	/* who took it: see token(); and if it is in doubt */
	unsigned int taken[WRITERS][MOST];
	bool doubt[WRITERS][MOST];
} *shared;

#define LOAD(x)		__atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define STORE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)

static unsigned int sum(const struct message *m)
{
	unsigned int s = m->writer * 31 + m->number;

	for (unsigned int i = 0; i < m->size - HEAD; i++)
		s = s * 33 + m->body[i];
	return s;
}

static bool whole(const struct message *m)
{
	return m->size > HEAD && m->size <= sizeof(*m) &&
	       m->writer < WRITERS && m->number < MOST && m->sum == sum(m);
}

static void writer(const struct queue *q, unsigned int slot, unsigned int seed)
{
	typeof(shared->writer[0]) *log = &shared->writer[slot];
	int fd = queue_open(q, O_WRONLY);
	struct message m = { .writer = slot };

	while (!LOAD(shared->stop) && log->begun < MOST) {
		if (LOAD(shared->rest)) {
			STORE(log->resting, true);
			usleep(500);
			continue;
		}
		STORE(log->resting, false);
		m.number = log->begun;
		/* inline, copied with the lock held, and without it */
		m.size = HEAD + 1 + rand_r(&seed) % (40 << 4 * (rand_r(&seed) % 3));
		fill(m.body, m.size - HEAD, m.number * WRITERS + slot);
		m.sum = sum(&m);
		STORE(log->begun, m.number + 1);
		ASSERT_EQ(write(fd, &m, m.size), m.size);
		STORE(log->sent, m.number + 1);
	}
	STORE(log->resting, true);
}

/* Of one delivery: the same when it is noted twice. Never 0. */
static unsigned int token(unsigned int slot)
{
	return (slot + 1) << 24 | (shared->reader[slot].deliveries & 0xffffff);
}

/* Note what the reader has taken; after its death, in its place. */
static void take(unsigned int slot)
{
	struct message *m = &shared->reader[slot].at_hand;
	unsigned int mine = token(slot), other;

	if (!whole(m))
		return;
	other = __atomic_exchange_n(&shared->taken[m->writer][m->number], mine,
				    __ATOMIC_SEQ_CST);
	if (other && other != mine)
		FAIL("message %u of writer %u came out twice", m->number,
		     m->writer);
}

static void put_down(unsigned int slot)
{
	/* The size first: from here on it is no message any more. */
	STORE(shared->reader[slot].at_hand.size, 0);
	memset(&shared->reader[slot].at_hand, 0, sizeof(struct message));
	STORE(shared->reader[slot].deliveries,
	      shared->reader[slot].deliveries + 1);
}

/* Up to @part bytes, by a plain call or into two places. */
static ssize_t get(int fd, void *to, size_t part)
{
	struct iovec two[2] = {
		{ .iov_base = to, .iov_len = part / 2 },
		{ .iov_base = to + part / 2, .iov_len = part - part / 2 },
	};
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	do
		n = part % 2 ? readv(fd, two, 2) : read(fd, to, part);
	while (n < 0 && errno == EAGAIN && poll(&p, 1, -1) == 1);
	return n;
}

/* Readers that do not live through a rest: see settle(). */
static bool doomed(unsigned int slot)
{
	return slot % 2 == 0;
}

/* Take one message, in parts of at most @most: false at the end of the queue. */
static bool read_one(int fd, unsigned int slot, size_t most,
		     unsigned int *seed)
{
	struct message *m = &shared->reader[slot].at_hand;
	size_t got = 0;
	ssize_t n;

	do {
		/* Some moments with a part of it, to be killed in. */
		if (got && rand_r(seed) % 8 == 0)
			usleep(rand_r(seed) % 2000);
		while (got && doomed(slot) && LOAD(shared->rest))
			usleep(500);
		n = get(fd, (char *)m + got,
			most < sizeof(*m) - got ? most : sizeof(*m) - got);
		if (!n && !got)
			return false;
		if (n <= 0)
			FAIL("read after %zu bytes: %zd %s", got, n,
			     strerrorname_np(errno));
		got += n;
	} while (got < HEAD || got < m->size);
	ASSERT_EQ(got, m->size);
	ASSERT_TRUE(whole(m));
	take(slot);
	put_down(slot);
	return true;
}

static void reader(const struct queue *q, unsigned int slot, unsigned int seed)
{
	unsigned int kind = rand_r(&seed);
	int fd = queue_open(q, O_RDONLY | (kind & 1 ? O_NONBLOCK : 0));
	size_t most = 1 + rand_r(&seed) % (16 << 2 * (kind >> 2) % 4);

	if (kind & 2)
		most = sizeof(struct message);
	/* Touch it here, so that the kernel's copies meet no page faults. */
	put_down(slot);
	while (read_one(fd, slot, most, &seed))
		;
}

/* A process of these slots: the writers', then the readers'. */
#define SLOTS	(WRITERS + READERS)

static pid_t launch(const struct queue *q, unsigned int slot, unsigned int seed)
{
	pid_t pid = start();

	if (pid)
		return pid;
	ASSERT_OK(setpriority(PRIO_PROCESS, 0, 0));
	if (slot < WRITERS)
		writer(q, slot, seed);
	else
		reader(q, slot - WRITERS, seed);
	done();
}

static void bury(unsigned int slot)
{
	if (slot < WRITERS) {
		typeof(shared->writer[0]) *log = &shared->writer[slot];

		if (log->begun != log->sent)
			shared->doubt[slot][log->begun - 1] = true;
		log->sent = log->begun;
		log->resting = false;
	} else {
		take(slot - WRITERS);
		put_down(slot - WRITERS);
	}
}

static bool all_rest(void)
{
	for (unsigned int w = 0; w < WRITERS; w++)
		if (!LOAD(shared->writer[w].resting))
			return false;
	return true;
}

struct crowd {
	struct queue q;
	pid_t pid[SLOTS];
	unsigned int seed, killed[2];
	int fd;
};

static void end_one(struct crowd *c, unsigned int slot)
{
	if (!running(c->pid[slot]))
		FAIL("%s %u has ended", slot < WRITERS ? "writer" : "reader",
		     slot);
	kill_now(c->pid[slot]);
	bury(slot);
	c->killed[slot >= WRITERS]++;
}

static void replace(struct crowd *c, unsigned int slot)
{
	c->pid[slot] = launch(&c->q, slot, rand_r(&c->seed));
}

/*
 * The writers rest, and all that was sent arrives. When nothing is left but
 * what half of the readers have in hand these are killed: what they give back
 * has to wake one of the others. They are not replaced before that, since a
 * new reader looks by itself.
 */
static void settle(struct crowd *c)
{
	unsigned int slot;

	STORE(shared->rest, true);
	WAIT_FOR(all_rest());
	WAIT_FOR(info(c->fd).depth == 0);
	usleep(5000);
	for (slot = 0; slot < READERS; slot++)
		if (doomed(slot))
			end_one(c, WRITERS + slot);
	WAIT_FOR(info(c->fd).depth + info(c->fd).held == 0);
	for (slot = 0; slot < READERS; slot++)
		if (doomed(slot))
			replace(c, WRITERS + slot);
	STORE(shared->rest, false);
}

static void check(int fd, unsigned int killed[2], double took)
{
	unsigned long long sent = 0, doubtful = 0, taken = 0, arrived = 0;
	struct stacq_info i = info(fd);

	for (unsigned int w = 0; w < WRITERS; w++) {
		for (unsigned int n = 0; n < shared->writer[w].begun; n++) {
			bool came = shared->taken[w][n], doubt = shared->doubt[w][n];

			if (!came && !doubt)
				FAIL("message %u of writer %u is lost", n, w);
			sent++;
			taken += came;
			doubtful += doubt;
			arrived += doubt && came;
		}
	}
	/* The kernel's counts leave no doubt. */
	ASSERT_EQ(i.sent, taken);
	ASSERT_EQ(i.received, taken);
	ASSERT_EQ(i.depth + i.held, 0);
	ASSERT_TRUE(i.requeued <= killed[1]);
	FIGURE("%u writers and %u readers killed in %.0f s, among %llu messages", killed[0],
	       killed[1], took, taken);
	FIGURE("%llu messages given back, none lost, torn or doubled",
	       (unsigned long long)i.requeued);
	FIGURE("%llu writers were in the middle of a write: %llu messages sent, %llu not",
	       doubtful, arrived, doubtful - arrived);
}

static void begin(struct crowd *c, unsigned int order)
{
	struct stacq_create request = create_defaults(order);

	shared = shared_memory(sizeof(*shared));
	/* Whoever kills comes first, or there would be few deaths. */
	ASSERT_OK(setpriority(PRIO_PROCESS, 0, -15));
	request.max_msgs = 50;
	c->q = queue_from(&request);
	for (unsigned int s = 0; s < SLOTS; s++)
		replace(c, s);
	c->fd = queue_open(&c->q, NONBLOCK);
}

static void end(struct crowd *c)
{
	settle(c);
	STORE(shared->stop, true);
	for (unsigned int s = 0; s < WRITERS; s++)
		join(c->pid[s]);
	WAIT_FOR(info(c->fd).depth + info(c->fd).held == 0);
	ASSERT_OK(ioctl(c->fd, STACQ_IOC_SEAL, 0));
	for (unsigned int s = WRITERS; s < SLOTS; s++)
		join(c->pid[s]);
}

static void run(unsigned int order, double time)
{
	struct crowd c = { .seed = 1 };
	double begun = now();

	begin(&c, order);
	/* At least some, however slow the machine is. */
	for (unsigned int n = 1; n < 50 || now() < begun + time; n++) {
		unsigned int slot = rand_r(&c.seed) % SLOTS;

		usleep(rand_r(&c.seed) % 4000);
		end_one(&c, slot);
		replace(&c, slot);
		if (n % 25 == 0)
			settle(&c);
	}
	end(&c);
	check(c.fd, c.killed, now() - begun);
}

TEST_WITHIN(fifo_readers_and_writers_killed_at_random, LIMIT)
{
	run(STACQ_FIFO, seconds() / 2);
}

TEST_WITHIN(lifo_readers_and_writers_killed_at_random, LIMIT)
{
	run(STACQ_LIFO, seconds() / 2);
}
