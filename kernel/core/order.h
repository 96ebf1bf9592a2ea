/* SPDX-License-Identifier: GPL-2.0 */
/* Order: which message is taken next, and which one is the oldest. */
#ifndef _STACQ_ORDER_H
#define _STACQ_ORDER_H

#include "core/store.h"

struct stacq_queue;

/**
 * struct stacq_walk - finding all messages up to one, a few at a time
 * @last: the newest that counts
 * @steps: how many more may be looked at before others get the lock
 * @in_list: order priority: the priority in the list that has been passed over; none
 *	if its number is 0
 * @in_tree: the same of the returned messages
 */
struct stacq_walk {
	u64 last;
	unsigned int steps;
	struct stacq_msg in_list;
	struct stacq_msg in_tree;
};

struct stacq_msg *__stacq_next(struct stacq_queue *q);
struct stacq_msg *__stacq_oldest(struct stacq_queue *q);
struct stacq_msg *__stacq_walk(struct stacq_queue *q, struct stacq_walk *w);

#endif /* _STACQ_ORDER_H */
