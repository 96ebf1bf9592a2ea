// SPDX-License-Identifier: GPL-2.0
/* One thread, a send and then a receive: by size, and by how much is stored. */
#include <err.h>
#include <math.h>
#include <stdio.h>

#include "peers.h"

/* Instructions for a send and a receive while so many messages are stored. */
static double cost(const struct peer *p, size_t size, uint64_t stored)
{
	static unsigned char *in, *out;
	uint64_t rounds = rounds_for(p->kind == FLOOR ? 1200 : 2500 + 3 * size);
	uint64_t warm = rounds / 8 + 4;
	uint64_t nr, total = 0;
	struct link l;

	if (!in) {
		in = buffer(LARGEST);
		out = buffer(LARGEST);
	}
	p->open(&l, size, stored + 1);
	for (nr = 0; nr < stored; nr++) {
		stamp(out, size, nr);
		p->send(&l, out, size);
	}
	for (uint64_t i = 0; i < warm + rounds; i++, nr++) {
		uint64_t start, end;

		stamp(out, size, nr);
		start = now();
		p->send(&l, out, size);
		p->receive(&l, in, size);
		end = now();
		if (i >= warm)
			total += end - start;
		if (p->kind != FLOOR)
			expect(in, size, p->lifo ? nr : nr - stored);
	}
	p->close(&l);
	return (double)total / (double)rounds;
}

void one_thread(void)
{
	static const struct {
		const char *name;
		size_t size;
	} sizes[] = {
		{ "8 B", 8 }, { "64 B", 64 }, { "512 B", 512 },
		{ "1 KiB", 1024 }, { "4 KiB", 4096 }, { "64 KiB", 65536 },
		{ "1 MiB", LARGEST },
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		FOR_EACH_PEER(p)
			result("one thread", sizes[i].name, p->name, p->kind,
			       sizes[i].size > p->largest ? NAN :
			       cost(p, sizes[i].size, 0));
}

void depth(void)
{
	static const uint64_t depths[] = { 1, 1000, 60000, 1000000 };

	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		char column[32];

		snprintf(column, sizeof(column), "%llu",
			 (unsigned long long)depths[i]);
		FOR_EACH_PEER(p)
			if (p->kind != FLOOR)
				result("depth", column, p->name, p->kind,
				       depths[i] >= peer_deepest(p) ? NAN :
				       cost(p, SMALL, depths[i]));
	}
}
