// SPDX-License-Identifier: GPL-2.0
/*
 * Many writers and readers at once, on several processors: messages a second.
 * By the wall clock of an emulated machine, so only ratios within a run mean
 * anything, and these are noisy.
 */
#include <err.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <linux/stacq.h>

#include "peers.h"

#define MOST	8
/* Each is given room for so many: as many as a pipe has. */
#define ROOM	1024
/* The number of a message that tells a reader to end. */
#define STOP	UINT64_MAX

/* Shared by the processes of one measurement. */
static struct shared {
	atomic_uint ready, go;
	atomic_ullong received, sum;
} *shared;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_for_start(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	atomic_fetch_add(&shared->ready, 1);
	while (!atomic_load(&shared->go))
		sched_yield();
}

/* The number of a message: who sent it, and which of his it is. */
static void writer(const struct peer *p, struct link *l, uint64_t me, uint64_t n)
{
	unsigned char *out = buffer(SMALL);

	wait_for_start();
	for (uint64_t i = 0; i < n; i++) {
		stamp(out, SMALL, me << 32 | i);
		p->send(l, out, SMALL);
	}
}

/* Every byte is right, and each writer's messages are in their order. */
static void reader(const struct peer *p, struct link *l)
{
	unsigned char *in = buffer(SMALL);
	uint64_t next[MOST] = { 0 }, received = 0, sum = 0;

	wait_for_start();
	for (;;) {
		uint64_t nr, from, which;

		p->receive(l, in, SMALL);
		nr = check(in, SMALL);
		if (nr == STOP)
			break;
		from = nr >> 32;
		which = nr & UINT32_MAX;
		if (from >= MOST || which < next[from])
			errx(1, "%s: message %llu of writer %llu came late",
			     p->name, (unsigned long long)which,
			     (unsigned long long)from);
		next[from] = which + 1;
		received++;
		sum += nr;
	}
	atomic_fetch_add(&shared->received, received);
	atomic_fetch_add(&shared->sum, sum);
}

/* One of them ends. If it has failed all do, since they would wait for it. */
static void one_ends(void)
{
	int status;

	if (wait(&status) < 0 || status) {
		signal(SIGTERM, SIG_IGN);
		kill(0, SIGTERM);
		errx(1, "a writer or reader failed");
	}
}

static double messages_a_second(const struct peer *p, unsigned int width,
				uint64_t each)
{
	static unsigned char *out;
	pid_t child;
	uint64_t sum = 0, all = width * each;
	double start, took;
	struct link l = { .name = "" };

	if (!out) {
		out = buffer(SMALL);
		stamp(out, SMALL, STOP);
	}
	memset(shared, 0, sizeof(*shared));
	if (p->kind == STACQ)
		stacq_queue(&l, STACQ_FIFO, ROOM);
	else
		p->open(&l, SMALL, ROOM);
	for (unsigned int i = 0; i < 2 * width; i++) {
		child = fork();
		if (child < 0)
			err(1, "fork");
		if (child)
			continue;
		if (i < width)
			writer(p, &l, i, each);
		else
			reader(p, &l);
		exit(0);
	}
	while (atomic_load(&shared->ready) < 2 * width)
		sched_yield();
	start = seconds();
	atomic_store(&shared->go, 1);
	for (unsigned int ended = 1; ended <= 2 * width; ended++) {
		one_ends();
		/* Readers do not end before they are told to: that was the last writer. */
		if (ended == width)
			for (unsigned int i = 0; i < width; i++)
				p->send(&l, out, SMALL);
	}
	took = seconds() - start;
	for (uint64_t i = 0; i < width; i++)
		sum += (i << 32) * each + each * (each - 1) / 2;
	if (shared->received != all || shared->sum != sum)
		errx(1, "%s: %llu messages came of %llu, or not each of them once",
		     p->name, (unsigned long long)shared->received,
		     (unsigned long long)all);
	p->close(&l);
	return (double)all / took;
}

void scale(void)
{
	static const char *const names[] = {
		"stacq fifo", "pipe", "POSIX queue",
	};
	unsigned int runs = quick ? 3 : 5;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	setpgid(0, 0);
	for (unsigned int run = 0; run < runs; run++)
		for (unsigned int width = 1; width <= MOST; width *= 2)
			/* (each is first in turn) */
			for (unsigned int i = 0; i < 3; i++) {
				const struct peer *p = peer_named(names[(i + run) % 3]);
				uint64_t each = (quick ? 8000 : 32000) / width;
				char column[32];

				snprintf(column, sizeof(column), "%u", width);
				result("many at once", column, p->name, p->kind,
				       messages_a_second(p, width, each));
			}
}
