/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways to send a message that are measured beside each other. Each is used
 * as its own users would: default flags, blocking calls, the usual functions.
 */
#ifndef STACQ_BENCH_PEERS_H
#define STACQ_BENCH_PEERS_H

#include "bench.h"

/* One queue, pipe or pair of sockets. */
struct link {
	int to, from;
	char name[64];
};

struct peer {
	const char *name;
	enum kind kind;
	bool lifo;
	size_t largest;		/* message */
	uint64_t deepest;	/* most messages of 64 bytes to put into it */
	uint64_t deepest_quick;	/* the same with --quick */
	/* Room for so many messages of this size. What fails ends the program. */
	void (*open)(struct link *l, size_t size, uint64_t depth);
	/* A message, whole. There are eight bytes before buf for whom it helps. */
	void (*send)(struct link *l, void *buf, size_t size);
	void (*receive)(struct link *l, void *buf, size_t size);
	void (*close)(struct link *l);
};

/* Ends with one that has no name. */
extern const struct peer peers[];
/* Not among them: eight bytes without a message, to wake another process. */
extern const struct peer peer_eventfd;

const struct peer *peer_named(const char *name);

static inline uint64_t peer_deepest(const struct peer *p)
{
	return quick ? p->deepest_quick : p->deepest;
}

#define FOR_EACH_PEER(p) for (const struct peer *p = peers; p->name; p++)

/* A queue with these limits on the messages stored; 0 is none. */
void stacq_queue(struct link *l, unsigned int order, uint64_t max_msgs);

#endif
