// SPDX-License-Identifier: GPL-2.0
/*
 * A reader holds a message under lease and is killed, while another one waits: what that costs
 * until the other one has the message, and until the dead one is gone as well.
 *
 * Beside it, with the same processes: the holder has acknowledged its message before it is killed,
 * and the other reader is woken by a send right after. So that is a death and a wake-up, and the
 * difference is what giving back costs. And each of these two alone.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/stacq.h>

#include "peers.h"

#define MOST_ROUNDS	200
#define FIFO		"/tmp/bench-death"

static const struct way {
	const char *name;
	enum kind kind;
	bool holds, dies, sends, pipe;
} ways[] = {
	{ "given back by death", STACQ, .holds = true, .dies = true },
	{ "death and a send", STACQ, .dies = true, .sends = true },
	{ "send alone", STACQ, .sends = true },
	{ "pipe closed by death", FLOOR, .dies = true, .pipe = true },
	{ "death alone", FLOOR, .dies = true },
};

/* What the processes of this tell each other. */
static struct {
	volatile bool holding;
	volatile uint64_t received;	/* when the other reader had it */
	unsigned char bytes[SMALL];	/* what it had */
} *shared;

struct scene {
	const struct way *way;
	struct link queue;
	int go[2], done[2];	/* pipes: the other reader may read, and has read */
};

static bool has_reader(const struct way *w)
{
	return w->holds || w->sends || w->pipe;
}

static pid_t start(void (*body)(const struct scene *s), const struct scene *s)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(s);
	}
	return pid;
}

static int leasing(const struct scene *s)
{
	struct stacq_mode m = { .flags = STACQ_MODE_LEASE };
	int fd = open(s->queue.name, O_RDWR);

	if (fd < 0 || ioctl(fd, STACQ_IOC_SET_MODE, &m))
		err(1, "%s", s->queue.name);
	return fd;
}

static void acknowledge(int fd)
{
	struct stacq_settlement all = { .flags = STACQ_SETTLE_ALL };

	if (ioctl(fd, STACQ_IOC_ACK, &all))
		err(1, "STACQ_IOC_ACK");
}

static unsigned int readers_waiting(const struct scene *s)
{
	struct stacq_info i;

	if (ioctl(s->queue.to, STACQ_IOC_INFO, &i))
		err(1, "STACQ_IOC_INFO");
	return i.readers_waiting;
}

static void put_byte(int fd)
{
	if (write(fd, "", 1) != 1)
		err(1, "a pipe of the bench");
}

static void get_byte(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		err(1, "a pipe of the bench");
}

static void holder(const struct scene *s)
{
	unsigned char buf[SMALL];
	int fd = s->way->pipe ? open(FIFO, O_WRONLY) : leasing(s);

	if (fd < 0)
		err(1, FIFO);
	if (!s->way->pipe && read(fd, buf, SMALL) != SMALL)
		err(1, "read");
	if (!s->way->pipe && !s->way->holds)
		acknowledge(fd);
	shared->holding = true;
	for (;;)
		pause();
}

static void other_reader(const struct scene *s)
{
	unsigned char buf[SMALL];
	int fd = s->way->pipe ? -1 : leasing(s);

	for (;;) {
		get_byte(s->go[0]);
		if (s->way->pipe)
			fd = open(FIFO, O_RDONLY);
		if (read(fd, buf, SMALL) != (s->way->pipe ? 0 : SMALL))
			err(1, "read");
		shared->received = now();
		if (s->way->pipe) {
			close(fd);
		} else {
			memcpy(shared->bytes, buf, SMALL);
			acknowledge(fd);
		}
		put_byte(s->done[1]);
	}
}

static void send_number(struct scene *s, uint64_t nr)
{
	unsigned char buf[SMALL];

	stamp(buf, SMALL, nr);
	if (write(s->queue.to, buf, SMALL) != SMALL)
		err(1, "write");
}

/* Until the holder has its message, or none, the other reader waits, and all sleep. */
static pid_t take_places(struct scene *s, uint64_t nr)
{
	const struct way *w = s->way;
	pid_t pid = 0;

	shared->holding = false;
	if (w->dies) {
		if (!w->pipe)
			send_number(s, nr);
		pid = start(holder, s);
	}
	if (w->pipe)
		put_byte(s->go[1]);
	while (w->dies && !shared->holding)
		usleep(1000);
	if (has_reader(w) && !w->pipe) {
		put_byte(s->go[1]);
		while (readers_waiting(s) != 1)
			usleep(1000);
	}
	usleep(10000);
	return pid;
}

/* Instructions until the other reader has it, and until all is over. */
static void once(struct scene *s, uint64_t nr, uint64_t *received, uint64_t *over)
{
	const struct way *w = s->way;
	pid_t pid = take_places(s, 2 * nr);
	uint64_t start, gone;
	unsigned char buf[SMALL];

	stamp(buf, SMALL, 2 * nr + 1);
	start = now();
	if (w->dies)
		kill(pid, SIGKILL);
	if (w->sends && write(s->queue.to, buf, SMALL) != SMALL)
		err(1, "write");
	if (w->dies && waitpid(pid, NULL, 0) != pid)
		err(1, "waitpid");
	gone = w->dies ? now() : start;
	if (has_reader(w)) {
		get_byte(s->done[0]);
		if (!w->pipe)
			expect(shared->bytes, SMALL, 2 * nr + w->sends);
	} else {
		shared->received = start;
	}
	*received = shared->received - start;
	*over = gone - start > *received ? gone - start : *received;
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The timer interrupts some rounds, so this is the median. */
static void measure(const struct way *w)
{
	uint64_t received[MOST_ROUNDS], over[MOST_ROUNDS], unused;
	unsigned int rounds = quick ? MOST_ROUNDS / 4 : MOST_ROUNDS, middle = rounds / 2;
	struct scene s = { .way = w };
	pid_t reader;

	stacq_queue(&s.queue, STACQ_FIFO, STACQ_UNLIMITED);
	if (pipe2(s.go, O_CLOEXEC) || pipe2(s.done, O_CLOEXEC))
		err(1, "pipe");
	reader = start(other_reader, &s);
	for (unsigned int i = 0; i < 10; i++)
		once(&s, i, &unused, &unused);
	for (unsigned int i = 0; i < rounds; i++)
		once(&s, i, &received[i], &over[i]);
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
	for (int i = 0; i < 2; i++) {
		close(s.go[i]);
		close(s.done[i]);
	}
	peer_named("stacq fifo")->close(&s.queue);
	qsort(received, rounds, sizeof(*received), ascending);
	qsort(over, rounds, sizeof(*over), ascending);
	result("death", "received", w->name, w->kind,
	       has_reader(w) ? (double)received[middle] : NAN);
	result("death", "in all", w->name, w->kind, (double)over[middle]);
}

void death(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || (mkfifo(FIFO, 0600) && errno != EEXIST))
		err(1, "cannot make what is shared");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		measure(&ways[i]);
	unlink(FIFO);
}
