// SPDX-License-Identifier: GPL-2.0
/*
 * Messages from one queue to another, in the kernel: each is in the one or in the
 * other, whoever is killed meanwhile.
 *
 * Locking: no two queues' locks are held at once. A message that is on its way is in
 * hand, at its place in the queue it comes from.
 */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "io/copy.h"
#include "io/move.h"
#include "core/queue.h"
#include "io/transfer.h"

/**
 * stacq_hand_over() - send a message that is in hand to another queue
 * @to: the other queue
 * @m: the message; it stays in hand
 * @wait: wait for room
 * @attr: more about the message; its note is the queue's, or freed
 *
 * Context: Sleeps.
 * Return: 0 or a negative error as docs/abi.md says for write.
 */
int stacq_hand_over(struct stacq_queue *to, struct stacq_msg *m, bool wait,
		    const struct stacq_attr *attr)
{
	return stacq_send_buffered(to, m->len, GFP_KERNEL,
				   wait ? 0 : STACQ_XFER_NOWAIT, stacq_from_kernel,
				   stacq_msg_data(m), attr);
}

/* Move the next message: 1, 0 if there is none, or a negative error. */
static int move_next(struct stacq_queue *from, struct stacq_queue *to, bool wait,
		     struct stacq_lease **spare)
{
	struct stacq_attr attr = { };
	struct stacq_msg *m;
	unsigned int whom;
	bool lacks;
	int ret;

	do {
		stacq_lock(from);
		m = __stacq_receive_begin(from);
		lacks = !IS_ERR_OR_NULL(m) && !__stacq_lease_spare(from, spare);
		if (!IS_ERR_OR_NULL(m) && !lacks)
			__stacq_hold(from, m, spare);
		stacq_unlock(from);
		if (lacks && stacq_lease_alloc(spare))
			return -ENOMEM;
	} while (lacks);
	if (m == ERR_PTR(-EAGAIN))
		return 0;
	if (IS_ERR_OR_NULL(m))
		return PTR_ERR_OR_ZERO(m);
	attr.priority = m->priority;
	ret = stacq_hand_over(to, m, wait, &attr);
	stacq_lock(from);
	whom = ret ? __stacq_give_back(from, m, false) : __stacq_held_done(from, m);
	stacq_unlock(from);
	stacq_wake(from, whom);
	return ret ?: 1;
}

/**
 * stacq_move() - move messages to another queue
 * @from: the queue where they are
 * @to: the other queue
 * @most: how many at most; 0 for as many as there are now
 * @wait: wait for room, for the first one
 * @moved: set to how many that were
 *
 * They are taken in the order of receiving, and are new in the other queue.
 *
 * Context: Sleeps.
 * Return: 0 if some were moved or there were none; else -EINVAL if the queues are the
 *	same, or a negative error as docs/abi.md says for write, or -EIDRM.
 */
int stacq_move(struct stacq_queue *from, struct stacq_queue *to, u64 most,
	       bool wait, u64 *moved)
{
	struct stacq_lease *spare = NULL;
	int ret = 1;
	u64 there;

	*moved = 0;
	if (from == to)
		return -EINVAL;
	stacq_lock(from);
	there = __stacq_depth(from);
	stacq_unlock(from);
	if (!most || most > there)
		most = there;
	while (*moved < most && ret > 0 && !fatal_signal_pending(current)) {
		/* What has been moved is told, so it waits for the first one only. */
		ret = move_next(from, to, wait && !*moved, &spare);
		if (ret > 0)
			++*moved;
		cond_resched();
	}
	kfree(spare);
	return *moved || ret > 0 ? 0 : ret;
}
