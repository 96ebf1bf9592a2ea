// SPDX-License-Identifier: GPL-2.0
/*
 * Readers under lease are killed at random moments, and others take their places: each message is
 * acknowledged exactly once, none is missing, and none comes again but after a kill.
 *
 * How that is known without a gap: all that a reader does is in memory that outlives it. It reads
 * into it, so what it was handed out is there though it was killed before its read returned. What
 * it is about to acknowledge is noted before the call, and the call itself notes there how many
 * that were. So whoever buries it knows of each message that it held whether it was acknowledged;
 * should it not (see DOUBT), what happens to the message later decides.
 *
 * Each delivery of a message has its own place, by the count that the kernel tells with it. At the
 * end these places must be filled without a gap, each by one reader that was killed before the next
 * one got the message, and the last by the reader that acknowledged it.
 *
 * STACQ_SCENARIO_SEED repeats the choices of an earlier run.
 */
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "crash.h"

static unsigned int priority_of(const struct crowd *c, unsigned int number)
{
	return c->order == STACQ_PRIORITY ? number / WRITERS % 4 : 0;
}

static void set_mode(int fd, unsigned int flags, unsigned int priority, unsigned int max_inflight)
{
	struct stacq_mode m = { .flags = flags, .priority = priority, .max_inflight = max_inflight };

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &m));
}

/*
 * Writers
 */

static void make(struct message *m, unsigned int number, unsigned int *seed)
{
	m->number = number;
	/* inline, copied with the lock held, and without it */
	m->size = HEAD + 1 + rand_r(seed) % (24 << 4 * (rand_r(seed) % 3));
	fill(m->body, m->size - HEAD, number);
	m->sum = sum(m);
}

static void send_one(const struct crowd *c, int fd, unsigned int number, unsigned int *seed)
{
	struct message m;

	make(&m, number, seed);
	if (c->order == STACQ_PRIORITY)
		set_mode(fd, 0, priority_of(c, number), 0);
	ASSERT_EQ(write(fd, &m, m.size), m.size);
}

/* Of @count messages: how many were sent. A queue that gets full ends the call. */
static unsigned int send_frames(const struct crowd *c, int fd, unsigned int number,
				unsigned int count, unsigned int *seed)
{
	static unsigned char buf[MOST_HELD * FRAME] __attribute__((aligned(8)));
	size_t size = 0, end[MOST_HELD] = { 0 };
	unsigned int sent = 0;
	ssize_t n;

	for (unsigned int i = 0; i < count; i++) {
		struct stacq_frame *f = (void *)(buf + size);
		struct message m;

		make(&m, number + i * WRITERS, seed);
		*f = (struct stacq_frame){
			.magic = htole16(STACQ_FRAME_MAGIC), .len = htole32(m.size),
			.priority = htole16(priority_of(c, m.number)),
		};
		memcpy(f + 1, &m, m.size);
		size += STACQ_FRAME_SIZE(m.size);
		end[i] = size;
	}
	n = write(fd, buf, size);
	while (sent < count && n >= (ssize_t)end[sent])
		sent++;
	if (!sent || n != (ssize_t)end[sent - 1])
		FAIL("write of %u frames: %zd %s", count, n, strerrorname_np(errno));
	return sent;
}

static void writer(const struct crowd *c, unsigned int slot, unsigned int seed)
{
	typeof(shared->writer[0]) *log = &shared->writer[slot];
	int fd = queue_open(&c->q, O_WRONLY);

	if (c->framed)
		set_mode(fd, STACQ_MODE_FRAMED, 0, 0);
	while (!LOAD(shared->stop)) {
		unsigned int number = log->sent * WRITERS + slot;
		unsigned int count = c->framed ? 1 + rand_r(&seed) % MOST_HELD : 1;

		if (LOAD(shared->rest) || number + count * WRITERS >= MOST) {
			STORE(log->resting, true);
			usleep(500);
			continue;
		}
		STORE(log->resting, false);
		STORE(log->begun, log->sent + count);
		if (c->framed)
			count = send_frames(c, fd, number, count, &seed);
		else
			send_one(c, fd, number, &seed);
		STORE(log->sent, log->sent + count);
		STORE(log->begun, log->sent);
	}
	STORE(log->resting, true);
}

/*
 * Readers
 */

static void got_frames(const struct crowd *c, struct reader *r, size_t size)
{
	const struct stacq_frame *f;
	size_t off = 0;

	for (; off < size; off += STACQ_FRAME_SIZE(le32toh(f->len))) {
		const struct message *m;

		f = frame_at(r, off);
		ASSERT_TRUE(f);
		m = (const void *)(f + 1);
		ASSERT_EQ(le16toh(f->priority), priority_of(c, m->number));
		hold(r, m->number, le64toh(f->seq), le32toh(f->deliveries));
	}
	ASSERT_EQ(off, size);
	put_down(r, size);
}

static void got_message(const struct crowd *c, struct reader *r, int fd, size_t size)
{
	struct stacq_peek p = { .flags = STACQ_PEEK_LEASED };
	const struct message *m = (const void *)r->at_hand;

	ASSERT_TRUE(whole(m));
	ASSERT_EQ(m->size, size);
	ASSERT_OK(ioctl(fd, STACQ_IOC_PEEK, &p));
	ASSERT_EQ(p.len, size);
	ASSERT_EQ(p.priority, priority_of(c, m->number));
	hold(r, m->number, p.seq, p.deliveries);
	put_down(r, sizeof(*m));
}

/* Take what there is, once: false if that is nothing. Only who holds nothing waits. */
static bool receive(const struct crowd *c, struct reader *r, int fd, bool wait, unsigned int *seed)
{
	size_t room = c->framed ? FRAME * (1 + rand_r(seed) % MOST_HELD) : sizeof(struct message);
	struct iovec to = { .iov_base = r->at_hand, .iov_len = room };
	ssize_t n = wait ? read(fd, r->at_hand, room) : preadv2(fd, &to, 1, -1, RWF_NOWAIT);

	if (!n || (n < 0 && errno == EAGAIN && !wait))
		return false;
	if (n < 0)
		FAIL("read: %s", strerrorname_np(errno));
	if (c->framed)
		got_frames(c, r, n);
	else
		got_message(c, r, fd, n);
	return true;
}

/* One of those held, it and those granted before it, or all: as bits, and how to say it. */
static unsigned int choose(const struct reader *r, struct stacq_settlement *s, unsigned int *seed)
{
	unsigned int kind = rand_r(seed) % 3, one = rand_r(seed) % MOST_HELD, which = 0;

	while (!r->held[one].message)
		one = (one + 1) % MOST_HELD;
	s->flags = kind == 0 ? 0 : kind == 1 ? STACQ_SETTLE_UP_TO : STACQ_SETTLE_ALL;
	s->id = kind == 2 ? 0 : r->held[one].id;
	for (unsigned int i = 0; i < MOST_HELD; i++)
		if (r->held[i].message && (kind == 2 || i == one ||
		    (kind == 1 && r->held[i].granted < r->held[one].granted)))
			which |= 1u << i;
	return which;
}

static void acknowledge(struct reader *r, int fd, unsigned int *seed)
{
	struct stacq_settlement *s = &r->settlement;
	unsigned int which;

	memset(s, 0, sizeof(*s));
	STORE(s->count, POISON);
	which = choose(r, s, seed);
	STORE(r->acknowledging, which);
	ASSERT_OK(ioctl(fd, STACQ_IOC_ACK, s));
	ASSERT_EQ(s->count, __builtin_popcount(which));
	for (unsigned int i = 0; i < MOST_HELD; i++)
		if (which & 1u << i) {
			ended(r, i, ACKNOWLEDGED);
			STORE(r->held[i].message, 0);
		}
	STORE(r->acknowledging, 0);
}

/* Readers that do not live through a rest: see settle(). */
static bool doomed(const struct reader *r)
{
	return (r - shared->reader) % 2 == 0;
}

static void work(unsigned int *seed)
{
	double end = now() + rand_r(seed) % 1000 * 1e-6;

	switch (rand_r(seed) % 4) {
	case 0:
		break;
	case 1:
		while (now() < end)
			;
		break;
	default:
		usleep(rand_r(seed) % 3000);
	}
}

static void keep(const struct crowd *c, struct reader *r, int fd, unsigned int most,
		 unsigned int *seed)
{
	while (LOAD(shared->rest) > !doomed(r)) {
		/* (when a lease of one that may have no more ends, all are woken) */
		while (doomed(r) && nr_held(r) + 1 < most && receive(c, r, fd, false, seed))
			;
		STORE(r->keeping, true);
		usleep(500);
	}
	STORE(r->keeping, false);
}

static void reader(const struct crowd *c, struct reader *r, unsigned int seed)
{
	unsigned int most = 1 + rand_r(&seed) % MOST_HELD;
	int fd = queue_open(&c->q, O_RDONLY);

	set_mode(fd, STACQ_MODE_LEASE | (c->framed ? STACQ_MODE_FRAMED : 0), 0, most);
	/* Touch it here, so that the kernel's copies meet no page faults. */
	put_down(r, sizeof(r->at_hand));
	memset(&r->settlement, 0, sizeof(r->settlement));
	while (nr_held(r) || receive(c, r, fd, true, &seed)) {
		unsigned int want = 1 + rand_r(&seed) % most;

		while (nr_held(r) < want && receive(c, r, fd, false, &seed))
			;
		if (nr_held(r) == most)
			ASSERT_TRUE(!receive(c, r, fd, false, &seed));
		work(&seed);
		keep(c, r, fd, most, &seed);
		acknowledge(r, fd, &seed);
	}
}

/*
 * Whoever kills
 */

static void launch(struct crowd *c, unsigned int slot)
{
	unsigned int seed = rand_r(&c->seed);

	if (slot >= WRITERS) {
		struct reader *r = &shared->reader[slot - WRITERS];

		if (++c->generation == MOST_READERS)
			FAIL("more than %u readers", MOST_READERS);
		r->generation = c->generation;
	}
	c->pid[slot] = start();
	if (c->pid[slot])
		return;
	ASSERT_OK(setpriority(PRIO_PROCESS, 0, 0));
	if (slot < WRITERS)
		writer(c, slot, seed);
	else
		reader(c, &shared->reader[slot - WRITERS], seed);
	done();
}

static void end_one(struct crowd *c, unsigned int slot)
{
	bool writes = slot < WRITERS;

	if (!running(c->pid[slot]))
		FAIL("%s %u has ended", writes ? "writer" : "reader", slot);
	if (!writes)
		c->condemned[shared->reader[slot - WRITERS].generation] = TICK();
	kill_now(c->pid[slot]);
	if (writes)
		bury_writer(c, slot);
	else
		bury_reader(c, &shared->reader[slot - WRITERS]);
	c->killed[!writes]++;
}

static bool all_rest(void)
{
	for (unsigned int w = 0; w < WRITERS; w++)
		if (!LOAD(shared->writer[w].resting))
			return false;
	return true;
}

/* Nothing is there for readers, and each that keeps nothing waits. */
static bool readers_wait(const struct crowd *c)
{
	struct stacq_info i = info(c->fd);
	unsigned int busy = 0;

	for (unsigned int r = 0; r < READERS; r++)
		busy += LOAD(shared->reader[r].keeping);
	return i.depth + i.held == 0 && i.readers_waiting + busy == READERS;
}

/* No message lies there while a reader waits for one. */
static bool nothing_lies(const struct crowd *c)
{
	struct stacq_info i = info(c->fd);

	return !i.depth || !i.readers_waiting;
}

static bool drained(const struct crowd *c)
{
	struct stacq_info i = info(c->fd);

	return i.depth + i.held + i.inflight == 0;
}

/*
 * The writers rest, half of the readers keep what they have, and the others wait. Then the first
 * half is killed: what comes back of each has to wake as many of the others as there is work for,
 * and these keep it, so that nobody does the work of somebody who sleeps. Nobody is replaced before
 * that, since a new reader looks by itself.
 */
static void settle(struct crowd *c)
{
	STORE(shared->rest, 1);
	WAIT_FOR(all_rest());
	WAIT_FOR(readers_wait(c));
	STORE(shared->rest, 2);
	for (unsigned int slot = WRITERS; slot < SLOTS; slot++)
		if (doomed(&shared->reader[slot - WRITERS])) {
			end_one(c, slot);
			WAIT_FOR(nothing_lies(c));
		}
	STORE(shared->rest, 1);
	WAIT_FOR(drained(c));
	for (unsigned int slot = WRITERS; slot < SLOTS; slot++)
		if (doomed(&shared->reader[slot - WRITERS]))
			launch(c, slot);
	STORE(shared->rest, 0);
}

static void check(const struct crowd *c, double took)
{
	unsigned long long came = 0, again = 0, doubtful = 0, arrived = 0;
	struct stacq_info i = info(c->fd);

	for (unsigned int w = 0; w < WRITERS; w++) {
		bool goes_on = true;

		for (unsigned int n = 0; n < shared->writer[w].sent; n++) {
			unsigned int message = n * WRITERS + w, nr = deliveries_of(c, message);

			if (!nr && !c->doubt[message])
				FAIL("message %u is missing", message);
			/* Of one call those before another are sent before it. */
			if (c->doubt[message] && nr && c->doubt[message] != 2 && !goes_on)
				FAIL("message %u was sent, and not the one before it", message);
			goes_on = nr;
			came += nr > 0;
			again += nr ? nr - 1 : 0;
			doubtful += c->doubt[message] > 0;
			arrived += c->doubt[message] && nr;
		}
	}
	/* The kernel has counted the same. */
	ASSERT_EQ(i.sent, came);
	ASSERT_EQ(i.received, came);
	ASSERT_EQ(i.requeued, again);
	ASSERT_EQ(i.depth + i.held + i.inflight + i.bytes + i.inflight_bytes + i.lapsed, 0);
	FIGURE("%u readers and %u writers killed in %.0f s among %llu messages: each acknowledged once",
	       c->killed[1], c->killed[0], took, came);
	FIGURE("%llu deliveries after a kill; killed before it saw %u messages, before it noted %u acknowledgements, %u in doubt",
	       again, c->unseen, c->settled, c->doubtful);
	if (c->killed[0])
		FIGURE("messages that a writer was killed with: %llu sent, %llu not", arrived,
		       doubtful - arrived);
}

static unsigned int chosen_seed(void)
{
	const char *s = getenv("STACQ_SCENARIO_SEED");
	unsigned int seed;

	ASSERT_EQ(getrandom(&seed, sizeof(seed), 0), sizeof(seed));
	return s ? strtoul(s, NULL, 0) : seed;
}

static void begin(struct crowd *c)
{
	struct stacq_create request = create_defaults(c->order);

	c->seed = chosen_seed();
	test_note("seed %u", c->seed);
	shared = shared_memory(sizeof(*shared));
	/* Whoever kills comes first, or there would be few deaths. */
	ASSERT_OK(setpriority(PRIO_PROCESS, 0, -15));
	request.max_msgs = 50;
	c->q = queue_from(&request);
	c->fd = queue_open(&c->q, NONBLOCK);
	for (unsigned int slot = 0; slot < SLOTS; slot++)
		launch(c, slot);
}

static void end(struct crowd *c)
{
	settle(c);
	STORE(shared->stop, true);
	for (unsigned int slot = 0; slot < WRITERS; slot++)
		join(c->pid[slot]);
	WAIT_FOR(drained(c));
	ASSERT_OK(ioctl(c->fd, STACQ_IOC_SEAL, 0));
	for (unsigned int slot = WRITERS; slot < SLOTS; slot++)
		join(c->pid[slot]);
}

static void run(unsigned int order, bool framed, bool writers_too)
{
	static struct crowd c;
	double begun = now(), time = seconds() / 3;

	c.order = order;
	c.framed = framed;
	begin(&c);
	/* At least some, however slow the machine is. */
	for (unsigned int n = 1; n <= 25 || now() < begun + time; n++) {
		unsigned int slot = rand_r(&c.seed) % SLOTS;

		if (!writers_too)
			slot = WRITERS + slot % READERS;
		usleep(rand_r(&c.seed) % 4000);
		end_one(&c, slot);
		launch(&c, slot);
		if (n % 25 == 0)
			settle(&c);
	}
	end(&c);
	check(&c, now() - begun);
}

TEST_WITHIN(fifo_each_message_is_acknowledged_once, LIMIT)
{
	run(STACQ_FIFO, false, false);
}

TEST_WITHIN(fifo_in_frames_each_message_is_acknowledged_once, LIMIT)
{
	run(STACQ_FIFO, true, false);
}

TEST_WITHIN(lifo_each_message_is_acknowledged_once, LIMIT)
{
	run(STACQ_LIFO, false, false);
}

TEST_WITHIN(lifo_in_frames_each_message_is_acknowledged_once, LIMIT)
{
	run(STACQ_LIFO, true, false);
}

TEST_WITHIN(priority_each_message_is_acknowledged_once, LIMIT)
{
	run(STACQ_PRIORITY, false, false);
}

TEST_WITHIN(priority_in_frames_each_message_is_acknowledged_once, LIMIT)
{
	run(STACQ_PRIORITY, true, false);
}

TEST_WITHIN(writers_are_killed_as_well, LIMIT)
{
	run(STACQ_FIFO, false, true);
}

TEST_WITHIN(writers_of_frames_are_killed_as_well, LIMIT)
{
	run(STACQ_PRIORITY, true, true);
}
