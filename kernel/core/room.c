// SPDX-License-Identifier: GPL-2.0
/*
 * The room of a queue: made on demand, set by hand, given back when unused.
 *
 * Locking: room_mutex is taken before the queue's lock, by callers that change the
 * capacity or pin a message to look at it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "core/level.h"
#include "core/queue.h"
#include "trace.h"

static unsigned int idle_ms = 10000;
module_param(idle_ms, uint, 0644);
MODULE_PARM_DESC(idle_ms,
		 "Give back room that stayed unused for so many milliseconds; 0 never (default 10000)");

static void arm_idle(struct stacq_queue *q)
{
	unsigned int ms = READ_ONCE(idle_ms);

	if (ms && !delayed_work_pending(&q->idle_work))
		queue_delayed_work(stacq_wq, &q->idle_work,
				   msecs_to_jiffies(ms));
}

static void log_capacity(struct stacq_queue *q, u64 from, u64 to)
{
	if (from == to)
		return;
	trace_stacq_grow(q->name, from, to);
	if (__ratelimit(&q->log))
		pr_info("%s: capacity %llu -> %llu\n", q->name, from, to);
}

static u64 round_up_pow2(u64 n)
{
	return n < 2 ? 1 : 1ULL << fls64(n - 1);
}

/* Give back what stayed unused since the last time. */
static void idle_work(struct work_struct *work)
{
	struct stacq_queue *q = container_of(to_delayed_work(work),
					     struct stacq_queue, idle_work);
	u64 capacity, want;
	bool more;

	mutex_lock(&q->room_mutex);
	stacq_store_reap(&q->store);
	stacq_lock(q);
	capacity = q->store.capacity;
	want = max(q->floor, round_up_pow2(q->peak));
	q->high_water = max(q->high_water, q->peak);
	q->peak = __stacq_stored(q);
	stacq_unlock(q);
	if (want <= capacity / 2 && !stacq_store_resize(&q->store, want, GFP_KERNEL)) {
		stacq_lock(q);
		q->shrinks++;
		stacq_unlock(q);
		log_capacity(q, capacity, want);
	}
	stacq_store_trim(&q->store, false);
	stacq_levels_trim(q);
	stacq_leases_trim(q);
	stacq_lock(q);
	/* Buffers and levels in use become spare without saying so. */
	more = q->store.capacity > q->floor || q->store.buf_bytes ||
	       q->levels.spare || !RB_EMPTY_ROOT(&q->levels.root);
	stacq_unlock(q);
	mutex_unlock(&q->room_mutex);
	if (more)
		arm_idle(q);
}

/**
 * stacq_room_init() - be ready to give back unused room
 * @q: the queue
 */
void stacq_room_init(struct stacq_queue *q)
{
	INIT_DELAYED_WORK(&q->idle_work, idle_work);
}

/**
 * stacq_send_buf() - take a buffer to bring a message in
 * @q: the queue
 * @len: its length, at least 1
 * @gfp: allocation flags
 *
 * Whatever becomes of the buffer, it is given back once it is unused.
 *
 * Context: As @gfp says. Takes the lock.
 * Return: the buffer, or NULL if there is no memory.
 */
void *stacq_send_buf(struct stacq_queue *q, size_t len, gfp_t gfp)
{
	void *buf = stacq_store_buf(&q->store, len, gfp);

	if (buf)
		arm_idle(q);
	return buf;
}

/**
 * __stacq_reap_soon() - free segments that have emptied, a little later
 * @q: the queue
 *
 * For after messages that were in hand or pinned while segments were retired.
 *
 * Context: The lock is held.
 */
void __stacq_reap_soon(struct stacq_queue *q)
{
	stacq_assert_locked(q);
	if (q->store.reap)
		mod_delayed_work(stacq_wq, &q->idle_work, 0);
}

/**
 * stacq_make_room() - make room for one more message
 * @q: the queue
 * @gfp: allocation flags
 *
 * Capacity doubles, but does not go beyond the limit on messages. With order
 * priority a spare level is seen to as well.
 *
 * Context: As @gfp says.
 * Return: 0; -ENOMEM; -EINTR for a fatal signal; -EAGAIN if somebody else is
 *	at it and @gfp does not allow waiting.
 */
int stacq_make_room(struct stacq_queue *q, gfp_t gfp)
{
	bool room, lacks_level;
	u64 capacity, want;
	int ret = 0;

	if (gfpflags_allow_blocking(gfp)) {
		if (mutex_lock_killable(&q->room_mutex))
			return -EINTR;
	} else if (!mutex_trylock(&q->room_mutex)) {
		return -EAGAIN;
	}
	stacq_lock(q);
	room = __stacq_store_has_room(&q->store);
	capacity = q->store.capacity;
	want = min(capacity * 2, max(q->msgs_max, capacity + 1));
	lacks_level = __stacq_lacks_level(q);
	stacq_unlock(q);
	if (lacks_level)
		ret = stacq_level_alloc(q, gfp);
	lacks_level &= !ret;
	if (!ret && !room) {
		ret = stacq_store_grow(&q->store, want, gfp);
		if (!ret) {
			stacq_lock(q);
			q->growths++;
			stacq_unlock(q);
			log_capacity(q, capacity, want);
		} else if (lacks_level) {
			/* Whoever fails leaves nothing behind. */
			stacq_levels_trim(q);
		}
	}
	mutex_unlock(&q->room_mutex);
	arm_idle(q);
	return ret;
}

/**
 * stacq_set_capacity() - set the room
 * @q: the queue
 * @capacity: messages to have room for
 * @previous: set to what it was
 *
 * Context: Sleeps.
 * Return: 0; -EINVAL if @capacity is 0 or above the limit on messages; -EBUSY
 *	if more is stored; -ENOMEM; -EINTR for a fatal signal; -EIDRM. On error
 *	nothing has changed.
 */
int stacq_set_capacity(struct stacq_queue *q, u64 capacity, u64 *previous)
{
	int ret = 0;

	if (!capacity)
		return -EINVAL;
	if (mutex_lock_killable(&q->room_mutex))
		return -EINTR;
	stacq_lock(q);
	if (q->special & STACQ_ENDED_REMOVED)
		ret = -EIDRM;
	else if (capacity > q->msgs_max)
		ret = -EINVAL;
	*previous = q->store.capacity;
	stacq_unlock(q);
	if (!ret)
		ret = stacq_store_resize(&q->store, capacity, GFP_KERNEL);
	if (!ret) {
		stacq_lock(q);
		q->floor = capacity;
		stacq_unlock(q);
		stacq_store_trim(&q->store, true);
		stacq_levels_trim(q);
		stacq_leases_trim(q);
		log_capacity(q, *previous, capacity);
	}
	mutex_unlock(&q->room_mutex);
	return ret;
}
