// SPDX-License-Identifier: GPL-2.0
/* How a queue delivers. What that is: delivery.h. Locking: as in queue.c. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>

#include "delivery/delivery.h"
#include "core/queue.h"

/* How much is done in one go with the lock held. */
#define EVICT_BATCH	64

/*
 * What is set
 */

/**
 * stacq_delivery_valid() - can this be set?
 * @d: how messages shall be delivered; of @dead_letter nothing is said here
 *
 * Return: 0 or -EINVAL.
 */
int stacq_delivery_valid(const struct stacq_delivery *d)
{
	if (d->set & ~(STACQ_SET_FULL | STACQ_SET_LEASE_MS | STACQ_SET_TTL_MS |
		       STACQ_SET_MAX_DELIVERIES | STACQ_SET_DEAD_LETTER))
		return -EINVAL;
	if (d->set & STACQ_SET_FULL && d->full > STACQ_FULL_DROP_NEWEST)
		return -EINVAL;
	if (d->set & STACQ_SET_LEASE_MS && d->lease_ms > INT_MAX)
		return -EINVAL;
	if (d->set & STACQ_SET_TTL_MS && d->ttl_ms > INT_MAX)
		return -EINVAL;
	if (d->set & STACQ_SET_MAX_DELIVERIES && d->max_deliveries > STACQ_MAX_DELIVERIES)
		return -EINVAL;
	return 0;
}

static void __set_special(struct stacq_queue *q, unsigned int bit, bool on)
{
	if (on)
		q->special |= bit;
	else
		q->special &= ~bit;
}

static void __set(struct stacq_queue *q, const struct stacq_delivery *d)
{
	if (d->set & STACQ_SET_FULL) {
		q->policy.full = d->full;
		__set_special(q, STACQ_SPECIAL_FULL, d->full != STACQ_FULL_BLOCK);
	}
	if (d->set & STACQ_SET_LEASE_MS)
		__stacq_set_lease_ms(q, d->lease_ms);
	if (d->set & STACQ_SET_TTL_MS) {
		q->dead.ttl_ms = d->ttl_ms;
		q->dead.ttl = stacq_age_of_ms(d->ttl_ms);
		__set_special(q, STACQ_SPECIAL_TTL, d->ttl_ms);
	}
	if (d->set & STACQ_SET_MAX_DELIVERIES)
		q->dead.max_deliveries = d->max_deliveries;
	if (d->set & (STACQ_SET_TTL_MS | STACQ_SET_DEAD_LETTER))
		__stacq_dead_arm(q, 0);
}

/**
 * stacq_set_delivery() - set how messages are delivered
 * @q: the queue
 * @d: how, valid. Holds for the messages that are there, too
 * @letter: for STACQ_SET_DEAD_LETTER: the dead-letter queue, held, or NULL. This
 *	function holds it itself
 *
 * Context: Sleeps.
 * Return: 0; -EINVAL if a queue is to be its own dead-letter queue; -EIDRM.
 */
int stacq_set_delivery(struct stacq_queue *q, const struct stacq_delivery *d,
		       struct stacq_queue *letter)
{
	struct stacq_queue *before = NULL;
	int ret = 0;

	if (d->set & STACQ_SET_DEAD_LETTER && letter == q)
		return -EINVAL;
	stacq_lock(q);
	if (q->special & STACQ_ENDED_REMOVED) {
		ret = -EIDRM;
		goto unlock;
	}
	if (d->set & STACQ_SET_DEAD_LETTER) {
		if (letter)
			stacq_queue_get(letter);
		before = q->dead.letter;
		q->dead.letter = letter;
	}
	if (d->set)
		__set(q, d);
unlock:
	stacq_unlock(q);
	if (before)
		stacq_queue_put(before);
	/* It may be that nobody has to wait any more. */
	if (d->set & STACQ_SET_FULL)
		stacq_wake(q, STACQ_WAKE_WRITERS);
	return ret;
}

/*
 * When it is full
 */

/* The messages that can't make room: others have taken them, or they are dead. */
static struct stacq_count __stays(const struct stacq_queue *q)
{
	const struct stacq_count *held = &q->count[STACQ_MSG_HELD];
	const struct stacq_count *leased = &q->count[STACQ_MSG_LEASED];
	const struct stacq_count *dead = &q->count[STACQ_MSG_DEAD];

	return (struct stacq_count){
		.nr = held->nr + leased->nr + dead->nr,
		.bytes = held->bytes + leased->bytes + dead->bytes,
	};
}

/**
 * __stacq_when_full() - what becomes of a message for which there is no room
 * @q: the queue, too full for it
 * @len: its length, allowed
 *
 * Context: The lock is held.
 * Return: -EAGAIN, -ENOSPC, -EXFULL or -ENOBUFS, as __stacq_may_send() says.
 */
int __stacq_when_full(struct stacq_queue *q, size_t len)
{
	struct stacq_count stays;

	stacq_assert_locked(q);
	switch (q->policy.full) {
	case STACQ_FULL_FAIL:
		return -ENOSPC;
	case STACQ_FULL_DROP_NEWEST:
		return -EXFULL;
	case STACQ_FULL_DROP_OLDEST:
		stays = __stays(q);
		if (stays.nr < q->msgs_max && stays.bytes + len <= q->bytes_max)
			return -ENOBUFS;
	}
	return -EAGAIN;
}

/**
 * __stacq_evict() - throw away what is oldest, for a message
 * @q: the queue, for which __stacq_may_send() says -ENOBUFS
 * @len: its length
 *
 * Context: The lock is held. If very many have to go, not all are: the caller lets
 *	others have the lock and comes again.
 */
void __stacq_evict(struct stacq_queue *q, size_t len)
{
	struct stacq_msg *m;
	int i;

	stacq_assert_locked(q);
	for (i = 0; i < EVICT_BATCH && __stacq_full(q, len) &&
	     __stacq_when_full(q, len) == -ENOBUFS; i++) {
		m = __stacq_oldest(q);
		q->policy.dropped_oldest++;
		pr_debug("%s: removed message of size %u\n", q->name, m->len);
		/* Who waits is woken for what is left when the message is in. */
		__stacq_take_out(q, m);
	}
}

/**
 * stacq_turned_away() - count a message that was not sent because the queue was full
 * @q: the queue
 * @why: what __stacq_may_send() said
 *
 * Context: Takes the lock.
 * Return: what the sender is told: 0 if the message was dropped, else @why.
 */
int stacq_turned_away(struct stacq_queue *q, int why)
{
	if (why != -ENOSPC && why != -EXFULL)
		return why;
	stacq_lock(q);
	if (why == -ENOSPC)
		q->policy.refused++;
	else
		q->policy.dropped_newest++;
	stacq_unlock(q);
	return why == -EXFULL ? 0 : why;
}
