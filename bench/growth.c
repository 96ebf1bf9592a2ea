// SPDX-License-Identifier: GPL-2.0
/*
 * Filling from empty, 64 bytes a message: what a send costs, and the longest.
 *
 * A send that makes the queue grow spends most of its time in the kernel's
 * allocator. How much, /dev/floor is asked: it allocates as much memory as the
 * queue grew by, in pieces of the same size, and says how long that took.
 */
#include <err.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/stacq.h>

#include "module/floor.h"
#include "peers.h"

/* Longer than this, and it is looked at more closely: some ten usual sends. */
#define LONG	10000
/* Sends are counted by what they took, up to here. */
#define COUNTED	65536

struct fill {
	double mean, median, longest, outside;
};

static uint64_t stacq_memory(int fd)
{
	struct stacq_info info;

	if (ioctl(fd, STACQ_IOC_INFO, &info))
		err(1, "STACQ_IOC_INFO");
	return info.memory;
}

/* More than a queue of 10^6 messages grows by at once. */
#define FRESH	(64 << 20)

/* What allocating so many bytes takes. */
static uint64_t allocator(uint64_t bytes)
{
	int fd = open("/dev/floor", O_RDWR);

	if (fd < 0 || ioctl(fd, FLOOR_ALLOCATE, &bytes))
		err(1, "/dev/floor");
	close(fd);
	return bytes;
}

static double median_of(const uint32_t *count, uint64_t n)
{
	uint64_t below = 0;
	unsigned int i = 0;

	while (below + count[i] <= n / 2)
		below += count[i++];
	return i;
}

static struct fill fill(const struct peer *p, uint64_t n)
{
	uint32_t *count = buffer(COUNTED * sizeof(*count));
	unsigned char *in = buffer(SMALL), *out = buffer(SMALL);
	uint64_t total = 0, longest = 0, outside = 0, room = 0;
	struct fill f;
	struct link l;

	for (unsigned int i = 0; i < COUNTED; i++)
		count[i] = 0;
	p->open(&l, SMALL, n);
	if (p->kind == STACQ)
		room = stacq_memory(l.to);
	for (uint64_t nr = 0; nr < n; nr++) {
		uint64_t start, took;

		stamp(out, SMALL, nr);
		start = now();
		p->send(&l, out, SMALL);
		took = now() - start;
		total += took;
		count[took < COUNTED ? took : COUNTED - 1]++;
		if (took > longest)
			longest = took;
		if (took > LONG && p->kind == STACQ) {
			uint64_t grown = stacq_memory(l.to) - room;
			uint64_t share = grown ? allocator(grown) : 0;

			room += grown;
			took -= share < took ? share : took;
		}
		if (took > outside)
			outside = took;
	}
	for (uint64_t nr = 0; nr < n; nr++) {
		p->receive(&l, in, SMALL);
		expect(in, SMALL, p->lifo ? n - 1 - nr : nr);
	}
	p->close(&l);
	f.mean = (double)total / (double)n;
	f.median = median_of(count, n);
	f.longest = (double)longest;
	f.outside = (double)outside;
	return f;
}

void growth(void)
{
	/* Memory that was never used yet takes the allocator longer. */
	allocator(FRESH);
	FOR_EACH_PEER(p) {
		uint64_t n = peer_deepest(p) < 1000000 ? peer_deepest(p) : 1000000;
		struct fill f;

		if (p->kind == FLOOR || n < 60000)
			continue;
		f = fill(p, n);
		result("growth", "mean", p->name, p->kind, f.mean);
		result("growth", "median", p->name, p->kind, f.median);
		result("growth", "longest", p->name, p->kind, f.longest);
		result("growth", "longest/median", p->name, p->kind,
		       f.longest / f.median);
		result("growth", "outside/median", p->name, p->kind,
		       p->kind == STACQ ? f.outside / f.median : NAN);
	}
}
