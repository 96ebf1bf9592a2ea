/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a queue delivers: what can be set of that, and what happens when it is full.
 *
 * A full queue has its writers wait, or refuses what they send, or throws something
 * away: the message that comes, or the oldest ones. Then it is a ring of the last
 * messages. When such a queue is full a message is sent from a copy, see transfer.c:
 * its bytes are known to be there before any is thrown away for it.
 */
#ifndef _STACQ_DELIVERY_H
#define _STACQ_DELIVERY_H

#include <linux/types.h>

struct stacq_delivery;
struct stacq_queue;

/**
 * struct stacq_policy - what a full queue does
 * @full: STACQ_FULL_*
 * @refused: messages refused
 * @dropped_oldest: messages thrown away for others
 * @dropped_newest: messages thrown away instead of being sent
 *
 * The queue's lock guards them.
 */
struct stacq_policy {
	unsigned int full;
	u64 refused;
	u64 dropped_oldest;
	u64 dropped_newest;
};

int stacq_delivery_valid(const struct stacq_delivery *d);
int stacq_set_delivery(struct stacq_queue *q, const struct stacq_delivery *d,
		       struct stacq_queue *letter);

int __stacq_when_full(struct stacq_queue *q, size_t len);
void __stacq_evict(struct stacq_queue *q, size_t len);
int stacq_turned_away(struct stacq_queue *q, int why);

#endif /* _STACQ_DELIVERY_H */
