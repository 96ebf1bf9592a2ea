// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel memory for each stored message of 64 bytes.
 *
 * It is stored by a process in a memory cgroup of its own, and read from the
 * line "kernel" of the cgroup's memory.stat: pages charged for the kernel, and
 * brought up to date by reading it. Others are not exact: memory.current counts
 * up to 64 pages that each processor has charged in advance, and MemFree does
 * not see memory that slab caches kept from what was freed before.
 */
#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peers.h"

#define GROUP	"/sys/fs/cgroup/bench-memory"

/* In bytes; NAN: this kernel does not say. */
static double memory_used(void)
{
	FILE *f = fopen(GROUP "/memory.stat", "r");
	double bytes = NAN;
	char line[128];

	if (!f)
		err(1, GROUP "/memory.stat");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "kernel %lf", &bytes) == 1)
			break;
	fclose(f);
	return bytes;
}

/* In a process of its own: join the group, store, tell the difference. */
static void store(const struct peer *p, uint64_t n, int to)
{
	FILE *procs = fopen(GROUP "/cgroup.procs", "w");
	unsigned char *in = buffer(SMALL), *out = buffer(SMALL);
	struct link l;
	double bytes;

	if (!procs || fprintf(procs, "%d", getpid()) < 0 || fclose(procs))
		err(1, GROUP "/cgroup.procs");
	p->open(&l, SMALL, n);
	p->send(&l, out, SMALL);
	p->receive(&l, in, SMALL);
	memory_used();
	bytes = -memory_used();
	for (uint64_t nr = 0; nr < n; nr++) {
		stamp(out, SMALL, nr);
		p->send(&l, out, SMALL);
	}
	bytes += memory_used();
	for (uint64_t nr = 0; nr < n; nr++) {
		p->receive(&l, in, SMALL);
		expect(in, SMALL, p->lifo ? n - 1 - nr : nr);
	}
	p->close(&l);
	if (write(to, &bytes, sizeof(bytes)) != sizeof(bytes))
		err(1, "write");
}

static double per_message(const struct peer *p, uint64_t n)
{
	int fds[2], status;
	double bytes;
	pid_t child;

	if (n > peer_deepest(p))
		return NAN;
	if (mkdir(GROUP, 0755) || pipe(fds))
		err(1, GROUP);
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		store(p, n, fds[1]);
		exit(0);
	}
	if (waitpid(child, &status, 0) != child || rmdir(GROUP))
		err(1, GROUP);
	if (status || read(fds[0], &bytes, sizeof(bytes)) != sizeof(bytes))
		errx(1, "could not measure the memory of %s", p->name);
	close(fds[0]);
	close(fds[1]);
	return bytes / (double)n;
}

void memory(void)
{
	static const uint64_t depths[] = { 1000, 60000, 1000000 };

	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++)
		FOR_EACH_PEER(p) {
			char column[32];

			snprintf(column, sizeof(column), "%llu",
				 (unsigned long long)depths[i]);
			if (p->kind != FLOOR)
				result("memory", column, p->name, p->kind,
				       per_message(p, depths[i]));
		}
}
