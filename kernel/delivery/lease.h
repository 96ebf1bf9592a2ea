/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leases: messages that were handed out and are not gone yet.
 *
 * An open file in lease mode is a holder. What it reads stays the queue's, in
 * flight, until it is acknowledged, given back, or the lease ends because its
 * time is over or the file is closed. It is out of the list meanwhile, so nobody
 * has to step over it.
 *
 * What comes back is kept in a tree beside the list, in the order of the queue.
 * The next message is the first of the list or the first of the tree, whichever
 * comes first in that order: so each has its old place, and none is looked for.
 * A message outside the list points to its lease, and the lease to it.
 */
#ifndef _STACQ_LEASE_H
#define _STACQ_LEASE_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "core/returned.h"

struct stacq_peek;
struct stacq_queue;

/**
 * struct stacq_holder - what an open file holds under lease
 * @on: what it reads is leased. Changes with stacq_reader.mutex held, too.
 * @max_inflight: it gets nothing while it holds so many; 0 is no limit
 * @inflight: how many it holds
 * @by_seq: its leases, by the numbers of their messages
 * @granted: the same, in the order in which they were granted or extended
 * @spare: a lease for what is read next. Changes with stacq_reader.mutex and the
 *	queue's lock held
 *
 * The queue's lock guards what is not said to be guarded otherwise. wait.c reads some
 * without it.
 */
struct stacq_holder {
	bool on;
	u32 max_inflight;
	u32 inflight;
	struct rb_root by_seq;
	struct list_head granted;
	struct stacq_lease *spare;
};

/**
 * struct stacq_leases - what a queue knows of leases
 * @by_time: all that are held, in the order in which they were granted or extended
 * @nr: leases ever granted or extended
 * @lapsed: leases that ended because their time was over
 * @ms: how long a lease lasts; 0 is without end
 * @work: ends those whose time is over
 *
 * The queue's lock guards them.
 */
struct stacq_leases {
	struct list_head by_time;
	u64 nr;
	u64 lapsed;
	unsigned int ms;
	struct delayed_work work;
};

/* What may become of a message under lease. */
enum stacq_settle {
	STACQ_ACKNOWLEDGE,
	STACQ_RETURN,
	STACQ_EXTEND,
};

/* May a holder have no more? */
static inline bool __stacq_holder_full(const struct stacq_holder *h)
{
	return h->on && h->max_inflight && h->inflight >= h->max_inflight;
}

void stacq_leases_init(struct stacq_queue *q);
void stacq_leases_destroy(struct stacq_queue *q);
void __stacq_set_lease_ms(struct stacq_queue *q, unsigned int ms);

void stacq_holder_init(struct stacq_holder *h);
void stacq_holder_end(struct stacq_queue *q, struct stacq_holder *h);
int stacq_holder_peek(struct stacq_queue *q, struct stacq_holder *h,
		      struct stacq_peek *peek);
int stacq_settle(struct stacq_queue *q, struct stacq_holder *h,
		 enum stacq_settle what, u64 id, unsigned int flags, u64 *count);

void __stacq_lease(struct stacq_queue *q, struct stacq_holder *h,
		   struct stacq_msg *m);

#endif /* _STACQ_LEASE_H */
