/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What `make bench` measures, inside the guest. docs/performance.md says what
 * the figures mean. To add a way of sending messages: peers.c. To add a
 * measurement: a file like pingpong.c, and a line in bench.c.
 */
#ifndef STACQ_BENCH_H
#define STACQ_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a figure is compared with is decided by this: see bench/table. */
enum kind {
	STACQ,
	PEER,		/* a message a call */
	PEER_BATCH,	/* many messages a call */
	SHOWN,		/* does less than a queue of messages: for orientation */
	FLOOR,		/* carries no message at all */
};

/* The message that most measurements use. */
#define SMALL		64
#define LARGEST		(1 << 20)

/* Less of everything; the figures are the same, less exact. */
extern bool quick;

/*
 * The guest's time stamp counter. Under vm/run --icount it counts
 * instructions: clock_check() makes sure of that.
 */
static inline uint64_t now(void)
{
	return __builtin_ia32_rdtsc();
}

void clock_check(void);

/*
 * Every message carries its number in its first eight bytes, and in the others
 * what follows from the number and the place. Sizes are multiples of eight.
 */
void stamp(void *buf, size_t size, uint64_t nr);
/* Every byte is as stamped, or the program ends. Returns the number. */
uint64_t check(const void *buf, size_t size);
/* The same, and it is the message with this number. */
void expect(const void *buf, size_t size, uint64_t nr);

/* A buffer of that size, all of it touched, with eight bytes before it. */
void *buffer(size_t size);

/* How often to do what takes so many instructions, about. */
uint64_t rounds_for(uint64_t instructions);

/* One figure. A value of NAN: this peer can't do it. */
void result(const char *group, const char *column, const char *peer,
	    enum kind kind, double value);

/* The groups of measurements, each in the file of its name. */
void one_thread(void);
void depth(void);
void batches(void);
void pingpong(void);
void death(void);
void uring(void);
void memory(void);
void growth(void);
void scale(void);

#endif
