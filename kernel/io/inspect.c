// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at a queue and at what is in it, without changing either.
 *
 * Locking: as in queue.c. A message that is being copied is pinned in
 * stacq_queue.peeked, with room_mutex held: if it is taken out meanwhile, it is
 * not used again before it is unpinned.
 */
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "core/queue.h"

/* How much is done in one go with the lock held. */
#define PEEK_BATCH	512

static u64 max_is_none(u64 limit)
{
	return limit == U64_MAX ? STACQ_UNLIMITED : limit;
}

/**
 * stacq_get_info() - all there is to know
 * @q: the queue
 * @info: filled
 *
 * Context: Any that may take the lock.
 */
void stacq_get_info(struct stacq_queue *q, struct stacq_info *info)
{
	memset(info, 0, sizeof(*info));
	strscpy(info->name, q->name, sizeof(info->name));
	info->abi_version = STACQ_ABI_VERSION;
	info->order = q->order;
	stacq_lock(q);
	if (q->special & STACQ_ENDED_SEALED)
		info->state |= STACQ_STATE_SEALED;
	info->readers_waiting = atomic_read(&q->readers_waiting);
	info->writers_waiting = atomic_read(&q->writers_waiting);
	info->depth = __stacq_depth(q);
	info->bytes = q->count[STACQ_MSG_READY].bytes + q->count[STACQ_MSG_RETURNED].bytes;
	info->held = q->count[STACQ_MSG_HELD].nr;
	info->held_bytes = q->count[STACQ_MSG_HELD].bytes;
	info->capacity = q->store.capacity;
	info->max_msgs = max_is_none(q->msgs_max);
	info->max_bytes = max_is_none(q->bytes_max);
	info->max_msg_size = max_is_none(q->max_msg_size);
	info->high_water = max(q->high_water, q->peak);
	info->memory = q->store.bytes;
	info->sent = q->seq - q->resent;
	info->received = q->received;
	info->requeued = q->requeued;
	info->discarded = q->discarded;
	info->growths = q->growths;
	info->shrinks = q->shrinks;
	info->inflight = q->count[STACQ_MSG_LEASED].nr;
	info->inflight_bytes = q->count[STACQ_MSG_LEASED].bytes;
	info->lapsed = q->leases.lapsed;
	info->lease_ms = q->leases.ms;
	info->ttl_ms = q->dead.ttl_ms;
	info->max_deliveries = q->dead.max_deliveries;
	info->full = q->policy.full;
	info->expired = q->dead.nr_expired;
	info->exhausted = q->dead.nr_exhausted;
	info->dead_lettered = q->dead.buried;
	info->dead = q->count[STACQ_MSG_DEAD].nr;
	info->refused = q->policy.refused;
	info->dropped_oldest = q->policy.dropped_oldest;
	info->dropped_newest = q->policy.dropped_newest;
	if (q->dead.letter)
		strscpy(info->dead_letter, q->dead.letter->name,
			sizeof(info->dead_letter));
	stacq_unlock(q);
}

/* Returns the message, which may have moved, or NULL if it was taken out. */
static struct stacq_msg *__unpin(struct stacq_queue *q)
{
	struct stacq_msg *m = q->peeked;

	q->peeked = NULL;
	if (q->peeked_gone) {
		__stacq_store_put(&q->store, m);
		q->peeked_gone = false;
		m = NULL;
	} else if (m->state != STACQ_MSG_HELD) {
		/* It could not move if it was given back while pinned. */
		m = __stacq_store_settle(&q->store, m);
	}
	__stacq_reap_soon(q);
	return m;
}

static struct stacq_msg *first_in_list(struct stacq_queue *q)
{
	return list_first_entry_or_null(&q->msgs, struct stacq_msg, link);
}

static struct stacq_msg *next_in_list(struct stacq_queue *q, struct stacq_msg *m)
{
	return list_is_last(&m->link, &q->msgs) ? NULL : list_next_entry(m, link);
}

/*
 * The next message in the order of the queue, of the list from @at on or of those
 * that came back after @last, which is NULL at the beginning. @at is moved on.
 */
static struct stacq_msg *next_in_order(struct stacq_queue *q,
				       struct stacq_msg **at,
				       const struct stacq_msg *last)
{
	struct stacq_msg *m, *back = NULL;

	m = *at;
	if (!RB_EMPTY_ROOT(&q->returned.root))
		back = __stacq_returned_after(q, last);
	if (back && (!m || __stacq_comes_before(q, back, m)))
		return back;
	if (m)
		*at = next_in_list(q, m);
	return m;
}

/* Let others in, with the message at @at pinned: false if it has left its place. */
static bool let_others_in(struct stacq_queue *q, struct stacq_msg **at)
{
	struct stacq_msg *m = *at;
	u64 seq = m ? m->seq : 0;

	q->peeked = m;
	stacq_unlock(q);
	cond_resched();
	stacq_lock(q);
	if (!m)
		return true;
	m = __unpin(q);
	*at = m;
	return m && m->state == STACQ_MSG_READY && m->seq == seq;
}

/*
 * Pin the message at @position. The walk lets others in now and then, pinning
 * where it is; if that message is taken meanwhile, it starts anew, and after
 * a few times goes on without letting others in.
 */
static struct stacq_msg *pin_position(struct stacq_queue *q, u64 position)
{
	struct stacq_msg *m, *at, last;
	int restarts = 0;
	u64 nr, steps;

again:
	nr = 0;
	steps = 0;
	at = first_in_list(q);
	while ((m = next_in_order(q, &at, nr ? &last : NULL))) {
		if (nr++ == position) {
			q->peeked = m;
			return m;
		}
		/* What the order is told by. */
		last.seq = m->seq;
		last.priority = m->priority;
		if (++steps % PEEK_BATCH == 0 && restarts < 8 &&
		    !let_others_in(q, &at)) {
			restarts++;
			goto again;
		}
	}
	return NULL;
}

/**
 * __stacq_describe() - what is to be said of a message beside its bytes
 * @q: the queue
 * @m: the message
 * @peek: all is set that the module sets of a message, but not the bytes
 *
 * Context: The lock is held.
 */
void __stacq_describe(struct stacq_queue *q, struct stacq_msg *m,
		      struct stacq_peek *peek)
{
	peek->len = m->len;
	peek->seq = m->seq;
	peek->sent_ns = m->sent_ns;
	peek->priority = m->priority;
	peek->deliveries = m->deliveries;
	__stacq_note_describe(q, m, peek);
}

/**
 * stacq_peek() - look at a message without taking it
 * @q: the queue
 * @position: 0 for the next one to be received
 * @size: bytes wanted
 * @peek: as by __stacq_describe()
 *
 * Context: Sleeps.
 * Return: the first bytes, at most @size, for the caller to kvfree(); NULL for
 *	none wanted; -ENOMSG if there is no message at @position; -ENOMEM;
 *	-EINTR for a fatal signal; -EIDRM.
 */
void *stacq_peek(struct stacq_queue *q, u64 position, u64 size,
		 struct stacq_peek *peek)
{
	void *copy = NULL;
	struct stacq_msg *m;

	if (mutex_lock_killable(&q->room_mutex))
		return ERR_PTR(-EINTR);
	stacq_lock(q);
	m = ERR_PTR(-EIDRM);
	if (!(q->special & STACQ_ENDED_REMOVED))
		m = pin_position(q, position) ?: ERR_PTR(-ENOMSG);
	if (!IS_ERR(m))
		__stacq_describe(q, m, peek);
	stacq_unlock(q);
	if (IS_ERR(m)) {
		mutex_unlock(&q->room_mutex);
		return m;
	}

	size = min_t(u64, size, peek->len);
	if (size) {
		copy = kvmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
				__GFP_RETRY_MAYFAIL);
		if (copy)
			memcpy(copy, stacq_msg_data(m), size);
		else
			copy = ERR_PTR(-ENOMEM);
	}
	stacq_lock(q);
	__unpin(q);
	stacq_unlock(q);
	mutex_unlock(&q->room_mutex);
	return copy;
}
