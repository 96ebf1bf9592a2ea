// SPDX-License-Identifier: GPL-2.0
/*
 * Framed mode: callers that wait, several that share, and many at once. Each
 * message comes out exactly once, and each that waits for one gets it.
 *
 * STACQ_STRESS_SECONDS sets how long the last tests send (1).
 */
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

#include "frames.h"

static struct batch out, in;

/*
 * Waiting
 */

TEST(a_read_waits_for_the_first_message_only)
{
	for (size_t len = 10; len < 10000; len += 5000) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, O_RDWR);
		pid_t pid = start();

		if (!pid) {
			ASSERT_EQ(read_batch(fd, &in, 100000), FRAME(len));
			NEXT(&in, len, 1);
			done();
		}
		WAIT_READERS(fd, 1);
		usleep(SETTLE_US);
		ASSERT_TRUE(running(pid));
		SEND(queue_open(&q, O_WRONLY), len, 1);
		join(pid);
		ASSERT_EQ(info(fd).readers_waiting, 0);
	}
}

TEST(a_write_waits_with_the_first_frame_only)
{
	for (size_t len = 10; len < 10000; len += 5000) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, O_RDWR);
		pid_t pid;

		ASSERT_OK(set_limits(fd, 2, KEEP, KEEP));
		add_some(&out, 2, len);
		WRITE_ALL(fd, &out);
		pid = start();
		if (!pid) {
			ASSERT_EQ(write(fd, out.bytes, out.size), FRAME(len));
			done();
		}
		WAIT_WRITERS(fd, 1);
		usleep(SETTLE_US);
		ASSERT_TRUE(running(pid));
		read_batch(fd, &in, FRAME(len));
		join(pid);
		ASSERT_EQ(info(fd).depth, 2);
		ASSERT_EQ(info(fd).writers_waiting, 0);
	}
}

TEST(removal_ends_those_who_wait)
{
	struct queue q = queue_new(STACQ_FIFO), full = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDWR), to = framed(&full, O_RDWR);
	pid_t reader, writer;

	ASSERT_OK(set_limits(to, 1, KEEP, KEEP));
	add_some(&out, 1, 10);
	WRITE_ALL(to, &out);
	reader = start();
	if (!reader) {
		ASSERT_ERRNO(read(fd, in.bytes, 1000), EIDRM);
		done();
	}
	writer = start();
	if (!writer) {
		ASSERT_ERRNO(write(to, out.bytes, out.size), EIDRM);
		done();
	}
	WAIT_READERS(fd, 1);
	WAIT_WRITERS(to, 1);
	ASSERT_OK(queue_remove(q.name));
	ASSERT_OK(queue_remove(full.name));
	join(reader);
	join(writer);
}

TEST(sealing_ends_those_who_wait)
{
	struct queue q = queue_new(STACQ_FIFO), full = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDWR), to = framed(&full, O_RDWR);
	pid_t reader, writer;

	ASSERT_OK(set_limits(to, 1, KEEP, KEEP));
	add_some(&out, 1, 10);
	WRITE_ALL(to, &out);
	reader = start();
	if (!reader) {
		ASSERT_EQ(read(fd, in.bytes, 1000), 0);
		done();
	}
	writer = start();
	if (!writer) {
		ASSERT_ERRNO(write(to, out.bytes, out.size), EPIPE);
		done();
	}
	WAIT_READERS(fd, 1);
	WAIT_WRITERS(to, 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_OK(ioctl(to, STACQ_IOC_SEAL, 0));
	join(reader);
	join(writer);
	ASSERT_EQ(info(to).sent, 1);
}

static void ignore(int n)
{
	(void)n;
}

TEST(a_signal_interrupts_those_who_wait)
{
	struct queue q = queue_new(STACQ_FIFO);
	struct sigaction action = { .sa_handler = ignore };
	int fd = framed(&q, O_RDWR);
	pid_t pid;

	ASSERT_OK(sigaction(SIGUSR1, &action, NULL));
	ASSERT_OK(set_limits(fd, 1, KEEP, KEEP));
	add_some(&out, 2, 10);
	pid = start();
	if (!pid) {
		ASSERT_ERRNO(read(fd, in.bytes, 1000), EINTR);
		done();
	}
	WAIT_READERS(fd, 1);
	kill(pid, SIGUSR1);
	join(pid);
	ASSERT_EQ(write(fd, out.bytes, out.size), FRAME(10));
	pid = start();
	if (!pid) {
		ASSERT_ERRNO(write(fd, out.bytes, out.size), EINTR);
		done();
	}
	WAIT_WRITERS(fd, 1);
	kill(pid, SIGUSR1);
	join(pid);
	ASSERT_EQ(info(fd).sent, 1);
	ASSERT_EQ(info(fd).depth, 1);
}

TEST(one_write_wakes_as_many_readers_as_it_has_messages)
{
	enum { READERS = 6 };

	/* readers of frames, with room for one, and plain ones */
	for (size_t len = 10; len < 10000; len += 5000) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, O_WRONLY);
		pid_t pid[READERS];

		for (int i = 0; i < READERS; i++) {
			pid[i] = start();
			if (!pid[i]) {
				int mine = i % 2 ? framed(&q, O_RDONLY) :
						   queue_open(&q, O_RDONLY);

				ASSERT_EQ(read(mine, in.bytes, FRAME(len)),
					  i % 2 ? FRAME(len) : len);
				done();
			}
		}
		WAIT_READERS(fd, READERS);
		add_some(&out, READERS, len);
		WRITE_ALL(fd, &out);
		for (int i = 0; i < READERS; i++)
			join(pid[i]);
		ASSERT_EQ(info(fd).depth, 0);
	}
}

TEST(one_read_wakes_as_many_writers_as_it_makes_room_for)
{
	enum { WRITERS = 6 };

	for (size_t len = 10; len < 10000; len += 5000) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, O_RDWR);
		pid_t pid[WRITERS];

		ASSERT_OK(set_limits(fd, WRITERS, KEEP, KEEP));
		add_some(&out, WRITERS, len);
		WRITE_ALL(fd, &out);
		for (int i = 0; i < WRITERS; i++) {
			pid[i] = start();
			if (!pid[i]) {
				if (i % 2)
					SEND(queue_open(&q, O_WRONLY), len, 1);
				else
					ASSERT_EQ(write(fd, out.bytes, FRAME(len)),
						  FRAME(len));
				done();
			}
		}
		WAIT_WRITERS(fd, WRITERS);
		ASSERT_EQ(read_batch(fd, &in, out.size), out.size);
		for (int i = 0; i < WRITERS; i++)
			join(pid[i]);
		ASSERT_EQ(info(fd).depth, WRITERS);
	}
}

/* Writers whose messages together take what one message took. */
TEST(one_frame_read_lets_several_writers_in)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDWR);
	pid_t pid[5];

	ASSERT_OK(set_limits(fd, KEEP, 1000, KEEP));
	add_some(&out, 1, 1000);
	WRITE_ALL(fd, &out);
	add_some(&out, 1, 200);
	for (int i = 0; i < 5; i++) {
		pid[i] = start();
		if (!pid[i]) {
			WRITE_ALL(fd, &out);
			done();
		}
	}
	WAIT_WRITERS(fd, 5);
	ASSERT_EQ(read_batch(fd, &in, FRAME(1000)), FRAME(1000));
	for (int i = 0; i < 5; i++)
		join(pid[i]);
	ASSERT_EQ(info(fd).bytes, 1000);
}

/*
 * Who waits first is woken, can't take the message, and has to wake the next.
 */

static void passed_on(size_t room, int error)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	pid_t first = start(), second;

	if (!first) {
		ASSERT_ERRNO(read(framed(&q, O_RDONLY), error == EFAULT ?
				  null_pointer : in.bytes, room), error);
		done();
	}
	WAIT_READERS(fd, 1);
	second = start();
	if (!second) {
		RECEIVE(queue_open(&q, O_RDONLY), 100, 1);
		done();
	}
	WAIT_READERS(fd, 2);
	SEND(fd, 100, 1);
	join(second);
	/* It may not have been quick enough to see that one. */
	SEND(fd, 100, 1);
	join(first);
}

TEST(a_reader_with_too_little_room_passes_the_wake_up_on)
{
	passed_on(FRAME(100) - 1, EMSGSIZE);
}

TEST(a_reader_without_memory_passes_the_wake_up_on)
{
	passed_on(FRAME(100), EFAULT);
}

TEST(a_writer_without_its_bytes_passes_the_wake_up_on)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDWR);
	/* a header at the end of what is there */
	unsigned char *p = (unsigned char *)page_pair() + sysconf(_SC_PAGESIZE) - HEAD;
	pid_t first, second;

	ASSERT_OK(set_limits(fd, 1, KEEP, KEEP));
	add_some(&out, 1, 100);
	WRITE_ALL(fd, &out);
	memcpy(p, out.bytes, HEAD);
	first = start();
	if (!first) {
		ASSERT_ERRNO(write(fd, p, FRAME(100)), EFAULT);
		done();
	}
	WAIT_WRITERS(fd, 1);
	second = start();
	if (!second) {
		SEND(queue_open(&q, O_WRONLY), 5, 2);
		done();
	}
	WAIT_WRITERS(fd, 2);
	read_batch(fd, &in, FRAME(100));
	read_batch(fd, &in, 1000);
	NEXT(&in, 5, 2);
	join(second);
	/* Either of them may have been first. */
	join(first);
}

/*
 * Many at once
 */

#define WRITERS		4
#define READERS		4
#define MOST		(1u << 20)	/* messages of one writer */

/* A message; it ends with as many bytes as its number says. */
struct message {
	unsigned int writer, number;
	unsigned char body[6000];
};
#define BODY		offsetof(struct message, body)

static struct shared {
	unsigned int sent[WRITERS];
	double end;
	unsigned int latest;
	unsigned char seen[WRITERS][MOST];
} *shared;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void share(void)
{
	const char *s = getenv("STACQ_STRESS_SECONDS");

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(shared != MAP_FAILED);
	shared->end = now() + (s ? atof(s) : 1);
}

static size_t length_of(unsigned int number)
{
	return BODY + 1 + (number % 16 ? number % 300 : number % 6000);
}

static void make(struct message *m, unsigned int writer, unsigned int number)
{
	m->writer = writer;
	m->number = number;
	fill(m->body, length_of(number) - BODY, number + writer);
}

/* Some frames at a time; what a full queue did not take is sent again. */
static void framed_writer(const struct queue *q, unsigned int id)
{
	int fd = framed(q, O_WRONLY);
	unsigned int sent = 0, seed = id;

	while (sent < MOST - 100 && (sent < 50 || now() < shared->end)) {
		unsigned int count = 1 + rand_r(&seed) % 30;
		size_t done = 0;

		out.size = 0;
		for (unsigned int i = 0; i < count; i++)
			make((void *)(add(&out, length_of(sent + i), 0) + 1), id, sent + i);
		while (done < out.size) {
			ssize_t n = write(fd, out.bytes + done, out.size - done);

			ASSERT_TRUE(n > 0);
			done += n;
		}
		sent += count;
		shared->sent[id] = sent;
	}
}

static void plain_writer(const struct queue *q, unsigned int id)
{
	int fd = queue_open(q, O_WRONLY);
	struct message m;

	for (unsigned int n = 0; n < MOST && (n < 50 || now() < shared->end); n++) {
		make(&m, id, n);
		ASSERT_EQ(write(fd, &m, length_of(n)), length_of(n));
		shared->sent[id] = n + 1;
	}
}

/* It is right, came once, and after those of the same writer that came here. */
static void take(const struct message *m, size_t len, long long *last)
{
	ASSERT_TRUE(len > BODY && m->writer < WRITERS && m->number < MOST);
	ASSERT_EQ(len, length_of(m->number));
	ASSERT_TRUE(filled(m->body, len - BODY, m->number + m->writer));
	ASSERT_EQ(__atomic_fetch_add(&shared->seen[m->writer][m->number], 1,
				     __ATOMIC_SEQ_CST), 0);
	if (last) {
		ASSERT_TRUE(m->number > last[m->writer]);
		last[m->writer] = m->number;
	}
}

static void take_frames(struct batch *b, long long *last)
{
	while (b->off < b->size) {
		struct stacq_frame *f = (void *)(b->bytes + b->off);

		take((void *)(f + 1), le32toh(f->len), last);
		b->off += FRAME(le32toh(f->len));
	}
	ASSERT_EQ(b->off, b->size);
}

static void framed_reader(int fd, bool ordered)
{
	long long last[WRITERS] = { -1, -1, -1, -1 };
	unsigned int seed = getpid();
	ssize_t n;

	do {
		size_t room = FRAME(sizeof(struct message)) + rand_r(&seed) % 20000;

		in.off = 0;
		n = read(fd, in.bytes, room);
		ASSERT_TRUE(n >= 0);
		in.size = n;
		take_frames(&in, ordered ? last : NULL);
	} while (n);
}

static void plain_reader(int fd)
{
	long long last[WRITERS] = { -1, -1, -1, -1 };
	struct message m;
	ssize_t n;

	while ((n = read(fd, &m, sizeof(m))) > 0)
		take(&m, n, last);
	ASSERT_EQ(n, 0);
}

/* Readers of their own open files, or all of one. */
static void run(bool one_file)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), common = framed(&q, O_RDONLY);
	pid_t writers[WRITERS], readers[READERS];
	unsigned long long total = 0;
	struct stacq_info i;

	share();
	ASSERT_OK(set_limits(fd, 100, KEEP, KEEP));
	for (unsigned int n = 0; n < WRITERS; n++) {
		writers[n] = start();
		if (!writers[n]) {
			if (n % 2)
				plain_writer(&q, n);
			else
				framed_writer(&q, n);
			done();
		}
	}
	for (unsigned int n = 0; n < READERS; n++) {
		readers[n] = start();
		if (!readers[n]) {
			if (one_file)
				framed_reader(common, false);
			else if (n % 2)
				plain_reader(queue_open(&q, O_RDONLY));
			else
				framed_reader(framed(&q, O_RDONLY), true);
			done();
		}
	}
	for (unsigned int n = 0; n < WRITERS; n++)
		join(writers[n]);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	for (unsigned int n = 0; n < READERS; n++)
		join(readers[n]);
	for (unsigned int n = 0; n < WRITERS; n++) {
		for (unsigned int k = 0; k < shared->sent[n]; k++)
			if (shared->seen[n][k] != 1)
				FAIL("message %u of writer %u came out %u times",
				     k, n, shared->seen[n][k]);
		total += shared->sent[n];
	}
	i = info(fd);
	ASSERT_EQ(i.depth + i.held, 0);
	ASSERT_EQ(i.received, total);
	ASSERT_EQ(i.requeued, 0);
	test_note("%llu messages", total);
}

TEST_WITHIN(framed_and_plain_callers_get_each_message_once_and_in_order, 3600)
{
	run(false);
}

TEST_WITHIN(readers_of_one_open_file_get_each_frame_once, 3600)
{
	run(true);
}

/* Read single frames until the end: none comes after a later one that was read before. */
static void read_in_order(const struct queue *q, size_t room)
{
	int fd = framed(q, NONBLOCK);
	unsigned int before, number;
	ssize_t n;

	do {
		before = __atomic_load_n(&shared->latest, __ATOMIC_SEQ_CST);
		n = read(fd, in.bytes, room);
		ASSERT_TRUE(n >= 0 || errno == EMSGSIZE || errno == EAGAIN);
		if (n > 0) {
			memcpy(&number, in.bytes + HEAD, sizeof(number));
			ASSERT_TRUE(number > before);
			while (before < number &&
			       !__atomic_compare_exchange_n(&shared->latest, &before, number, false,
							    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
				;
		}
	} while (n);
}

/*
 * Who has no room for the next message leaves it where it is: nobody gets it after a later
 * one. (All are too long to be copied with the lock held.)
 */
TEST_WITHIN(what_does_not_fit_keeps_its_place, 3600)
{
	enum { SHORT = 4500, LONG = 5500 };
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_WRONLY);
	pid_t readers[READERS];

	share();
	ASSERT_OK(set_limits(fd, 20, KEEP, KEEP));
	for (int i = 0; i < READERS; i++) {
		readers[i] = start();
		if (!readers[i]) {
			read_in_order(&q, FRAME(i % 2 ? SHORT : LONG));
			done();
		}
	}
	for (unsigned int n = 1; n < 100 || now() < shared->end; n++) {
		memcpy(out.bytes, &n, sizeof(n));
		ASSERT_TRUE(write(fd, out.bytes, n % 2 ? SHORT : LONG) > 0);
	}
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	for (int i = 0; i < READERS; i++)
		join(readers[i]);
	test_note("%u messages", shared->latest);
}

/*
 * Readers of frames that are killed at any time: only what the last call of each
 * had taken is gone with it, and what is left is whole and in order.
 */
TEST_WITHIN(killed_readers_lose_what_their_last_call_had_taken_and_no_more, 3600)
{
	enum { ROUNDS = 30, COUNT = 200 };
	const size_t room = FRAME(sizeof(struct message));
	unsigned int seed = 1;

	share();
	for (int round = 0; round < ROUNDS; round++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, NONBLOCK);
		long long last[WRITERS] = { -1, -1, -1, -1 };
		unsigned int seen = 0;
		size_t lost = 0;
		pid_t pid;

		memset(shared->seen[0], 0, COUNT);
		out.size = 0;
		for (unsigned int n = 0; n < COUNT; n++)
			make((void *)(add(&out, length_of(n), 0) + 1), 0, n);
		WRITE_ALL(fd, &out);
		pid = start();
		if (!pid) {
			int mine = framed(&q, O_RDONLY);

			for (;;) {
				in.off = 0;
				in.size = read(mine, in.bytes, room);
				take_frames(&in, NULL);
			}
		}
		usleep(rand_r(&seed) % 3000);
		kill_now(pid);
		WAIT_FOR(info(fd).held == 0);
		in.size = 0;
		in.off = 0;
		if (info(fd).depth)
			ASSERT_TRUE(read_batch(fd, &in, sizeof(in.bytes)) > 0);
		take_frames(&in, last);
		for (unsigned int n = 0; n < COUNT; n++) {
			seen += shared->seen[0][n];
			if (!shared->seen[0][n])
				lost += FRAME(length_of(n));
		}
		ASSERT_TRUE(lost <= room);
		ASSERT_TRUE(seen <= COUNT);
		close(fd);
		queue_remove(q.name);
	}
}
