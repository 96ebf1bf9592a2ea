// SPDX-License-Identifier: GPL-2.0
/*
 * bench [--quick] [--spoil N] [--suffix TEXT] GROUP...: measure, and print a line of
 * CSV for each figure: group, column, peer, kind, value.
 */
#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Seconds of the guest after which a group that is stuck ends. */
#define STUCK	2000

bool quick;

static const char *suffix = "";

/* Counts down to the message of which a byte is spoilt, to see that noticed. */
static uint64_t spoil;

static const struct {
	const char *name;
	void (*run)(void);
	bool counts;	/* instructions, so the clock has to */
} groups[] = {
	{ "one-thread", one_thread, true },
	{ "batches", batches, true },
	{ "pingpong", pingpong, true },
	{ "death", death, true },
	{ "depth", depth, true },
	{ "memory", memory, false },
	{ "growth", growth, true },
	{ "uring", uring, true },
	{ "scale", scale, false },
};

/*
 * A loop of two instructions, a million times. The timer may interrupt it, but not
 * each time.
 */
void clock_check(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t n = 1000000, start = now(), took;

		asm volatile("1: dec %0\n\tjnz 1b" : "+r" (n) : : "cc");
		took = now() - start;
		if (took < best)
			best = took;
	}
	if (best < 2000000 || best > 2010000)
		errx(1, "two million instructions take %llu ticks of the clock: this is for vm/run --icount",
		     (unsigned long long)best);
}

/* Messages are not always aligned. */
typedef uint64_t __attribute__((aligned(1), may_alias)) word;

static uint64_t word_of(uint64_t nr, size_t i)
{
	return (nr + 1) * 0x9e3779b97f4a7c15 ^ i * 0x0101010101010101;
}

void stamp(void *buf, size_t size, uint64_t nr)
{
	word *w = buf;

	w[0] = nr;
	for (size_t i = 1; i < size / 8; i++)
		w[i] = word_of(nr, i);
}

uint64_t check(const void *buf, size_t size)
{
	const word *w = buf;
	uint64_t nr;

	if (spoil && !--spoil)
		((unsigned char *)buf)[size - 1] ^= 1;
	nr = w[0];
	for (size_t i = 1; i < size / 8; i++)
		if (w[i] != word_of(nr, i))
			errx(1, "message %llu: bytes %zu to %zu are not as sent",
			     (unsigned long long)nr, 8 * i, 8 * i + 7);
	return nr;
}

void expect(const void *buf, size_t size, uint64_t nr)
{
	uint64_t seen = check(buf, size);

	if (seen != nr)
		errx(1, "message %llu is not as sent: it is the turn of %llu",
		     (unsigned long long)seen, (unsigned long long)nr);
}

void *buffer(size_t size)
{
	char *p = aligned_alloc(4096, (size + 8192) & ~4095UL);

	if (!p)
		err(1, "no memory");
	memset(p, 0x5a, size + 4096);
	return p + 4096;
}

uint64_t rounds_for(uint64_t instructions)
{
	uint64_t rounds = (quick ? 10000000 : 60000000) / instructions;

	return rounds < 4 ? 4 : rounds;
}

void result(const char *group, const char *column, const char *peer,
	    enum kind kind, double value)
{
	static const char *const kinds[] = {
		[STACQ] = "stacq", [PEER] = "peer", [PEER_BATCH] = "batch",
		[SHOWN] = "shown", [FLOOR] = "floor",
	};

	printf("%s%s,%s,%s,%s,", group, suffix, column, peer, kinds[kind]);
	if (isnan(value))
		puts("-");
	else
		printf("%.*f\n", value < 1000 ? 2 : 0, value);
	fflush(stdout);
}

int main(int argc __attribute__((unused)), char **argv)
{
	for (argv++; *argv && argv[0][0] == '-'; argv++) {
		if (!strcmp(*argv, "--quick"))
			quick = true;
		else if (!strcmp(*argv, "--spoil") && argv[1])
			spoil = strtoull(*++argv, NULL, 10);
		else if (!strcmp(*argv, "--suffix") && argv[1])
			suffix = *++argv;
		else
			errx(2, "%s: unknown option", *argv);
	}
	if (!*argv)
		errx(2, "usage: bench [--quick] [--spoil N] [--suffix TEXT] GROUP...");
	for (; *argv; argv++) {
		size_t i = 0, n = sizeof(groups) / sizeof(groups[0]);

		while (i < n && strcmp(groups[i].name, *argv))
			i++;
		if (i == n)
			errx(2, "%s: no such group", *argv);
		if (groups[i].counts)
			clock_check();
		alarm(STUCK);
		groups[i].run();
	}
	return 0;
}
