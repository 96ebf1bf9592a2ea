// SPDX-License-Identifier: GPL-2.0
/*
 * Dead letters. What they are: dead.h.
 *
 * Locking: the queue's lock guards all of it. The work is one for each queue, and the
 * only one that takes messages out of the lists of the dead, so it may look at the
 * first one without the lock. It takes no two queues' locks at once.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "delivery/dead.h"
#include "io/move.h"
#include "core/queue.h"

/* How much is done in one go with the lock held. */
#define DEAD_BATCH	64

/*
 * Time
 */

/**
 * __stacq_end_after() - when is the time of a message over?
 * @m: the message
 * @ms: milliseconds that it has from when it was sent
 *
 * Context: The lock is held.
 * Return: units of lifetimes, not earlier than that.
 */
u64 __stacq_end_after(const struct stacq_msg *m, u32 ms)
{
	return stacq_msg_born(m) + stacq_age_of_ms(ms);
}

/* When the time that the queue gives a message is over. */
static u64 __end_of(struct stacq_queue *q, const struct stacq_msg *m)
{
	return q->dead.ttl_ms ? stacq_msg_born(m) + q->dead.ttl : U64_MAX;
}

/**
 * __stacq_expired() - is the time of a message over?
 * @q: the queue
 * @m: the message
 *
 * Context: The lock is held.
 * Return: true if it must not be delivered any more.
 */
bool __stacq_expired(struct stacq_queue *q, const struct stacq_msg *m)
{
	u64 now = __stacq_clock_now(&q->clock)->age;
	struct stacq_note *note;

	stacq_assert_locked(q);
	if (now >= __end_of(q, m))
		return true;
	if (!(q->special & STACQ_SPECIAL_NOTED))
		return false;
	note = __stacq_note_of(q, m);
	return note && now >= note->end;
}

/**
 * __stacq_dead_arm() - have the work run
 * @q: the queue
 * @when: units of lifetimes at which, or earlier; 0 for at once, U64_MAX for never
 *
 * Context: The lock is held.
 */
void __stacq_dead_arm(struct stacq_queue *q, u64 when)
{
	u64 now = __stacq_clock_now(&q->clock)->age;

	stacq_assert_locked(q);
	if (when == U64_MAX || q->special & STACQ_ENDED_REMOVED)
		return;
	if (q->dead.next && q->dead.next <= when)
		return;
	q->dead.next = max_t(u64, when, 1);
	mod_delayed_work(stacq_wq, &q->dead.work,
			 when > now ? stacq_age_to_jiffies(when - now) : 0);
}

/*
 * When the work runs again for the times that the queue gives. It looks at messages
 * that are not over yet, too, so not at each tick.
 */
static u64 __not_before(struct stacq_queue *q, u64 end)
{
	u64 pause = min_t(u64, q->dead.ttl / 16, STACQ_AGE_SECOND) + 1;

	return max(end, __stacq_clock_now(&q->clock)->age + pause);
}

/**
 * __stacq_dead_arm_ttl() - a message may be about to come
 * @q: the queue, which gives a time to messages
 *
 * Context: The lock is held.
 */
void __stacq_dead_arm_ttl(struct stacq_queue *q)
{
	__stacq_dead_arm(q, __stacq_clock_now(&q->clock)->age + q->dead.ttl);
}

/**
 * __stacq_dead_arm_told() - a message comes that says itself when it was sent
 * @q: the queue, which gives a time to messages
 * @m: the message
 *
 * Context: The lock is held.
 */
void __stacq_dead_arm_told(struct stacq_queue *q, const struct stacq_msg *m)
{
	__stacq_dead_arm(q, __not_before(q, __end_of(q, m)));
}

/*
 * Dying
 */

/**
 * __stacq_die() - a message is not delivered any more
 * @q: the queue
 * @m: the message, in nobody's hands
 * @cause: STACQ_CAUSE_*
 *
 * Context: The lock is held.
 */
void __stacq_die(struct stacq_queue *q, struct stacq_msg *m, unsigned int cause)
{
	struct stacq_note *note;

	stacq_assert_locked(q);
	if (q->special & STACQ_SPECIAL_NOTED) {
		note = __stacq_note_of(q, m);
		if (note)
			__stacq_note_end(q, note);
	}
	__stacq_leave_place(q, m);
	__stacq_change(q, m, m->state, STACQ_MSG_DEAD);
	if (cause == STACQ_CAUSE_EXPIRED) {
		q->dead.nr_expired++;
		list_add_tail(&m->link, &q->dead.expired);
	} else {
		q->dead.nr_exhausted++;
		list_add_tail(&m->link, &q->dead.exhausted);
	}
	__stacq_dead_arm(q, 0);
}

/**
 * __stacq_dies_given_back() - does a message die that comes back?
 * @q: the queue
 * @m: the message, given back and counted, at its place
 * @delivered: it was counted; else nobody has seen anything of it
 *
 * Context: The lock is held.
 * Return: true if it did.
 */
bool __stacq_dies_given_back(struct stacq_queue *q, struct stacq_msg *m,
			     bool delivered)
{
	unsigned int most = q->dead.max_deliveries;

	stacq_assert_locked(q);
	if (q->special & STACQ_ENDED_REMOVED)
		return false;
	if (delivered && most && m->deliveries >= most) {
		__stacq_die(q, m, STACQ_CAUSE_EXHAUSTED);
		return true;
	}
	if (!(q->special & (STACQ_SPECIAL_TTL | STACQ_SPECIAL_NOTED)))
		return false;
	if (__stacq_expired(q, m)) {
		__stacq_die(q, m, STACQ_CAUSE_EXPIRED);
		return true;
	}
	if (q->special & STACQ_SPECIAL_TTL)
		__stacq_dead_arm(q, __not_before(q, __end_of(q, m)));
	return false;
}

/*
 * The work: to let die
 */

/**
 * struct sweep - looking for messages whose time is over
 * @left: how many may be looked at before others get their turn
 * @end: the first end of those that are not over
 * @after: the last level or message looked at, as a key of the order
 * @begun: is there one?
 */
struct sweep {
	unsigned int left;
	u64 end;
	struct stacq_msg after;
	bool begun;
};

/* Look at one: true if its time was over. */
static bool __sweep_one(struct stacq_queue *q, struct sweep *s, struct stacq_msg *m)
{
	s->left--;
	if (__stacq_expired(q, m)) {
		__stacq_die(q, m, STACQ_CAUSE_EXPIRED);
		return true;
	}
	s->end = min(s->end, __end_of(q, m));
	return false;
}

/* Those with a time of their own; who is in somebody's hands dies when it comes back. */
static void __sweep_own(struct stacq_queue *q, struct sweep *s)
{
	struct stacq_note *note;

	while (s->left && (note = __stacq_note_first_end(q)) &&
	       __stacq_clock_now(&q->clock)->age >= note->end) {
		if (note->msg->state != STACQ_MSG_READY &&
		    note->msg->state != STACQ_MSG_RETURNED) {
			__stacq_note_end(q, note);
			s->left--;
		} else {
			__sweep_one(q, s, note->msg);
		}
	}
}

/* From the oldest on, while their time is over. */
static void __sweep_oldest(struct stacq_queue *q, struct sweep *s)
{
	struct stacq_msg *m;

	while (s->left && (m = __stacq_oldest(q)))
		if (!__sweep_one(q, s, m))
			break;
}

/* Of each priority from the oldest on: first in the list, and then what came back. */
static void __sweep_levels(struct stacq_queue *q, struct sweep *s)
{
	struct stacq_msg *m;

	while (s->left && (m = __stacq_level_oldest(q, s->begun ? &s->after : NULL))) {
		if (__sweep_one(q, s, m))
			continue;
		s->after.priority = m->priority;
		s->begun = true;
	}
}

static void __sweep_returned(struct stacq_queue *q, struct sweep *s)
{
	struct stacq_msg *m;

	while (s->left && (m = __stacq_returned_after(q, s->begun ? &s->after : NULL))) {
		s->after.seq = m->seq;
		s->after.priority = m->priority;
		s->begun = true;
		__sweep_one(q, s, m);
	}
}

static u64 sweep(struct stacq_queue *q, void (*some)(struct stacq_queue *q,
						     struct sweep *s))
{
	struct sweep s = { .end = U64_MAX };

	do {
		s.left = DEAD_BATCH;
		stacq_lock(q);
		if (!(q->special & STACQ_ENDED_REMOVED))
			some(q, &s);
		stacq_unlock(q);
		cond_resched();
	} while (!s.left);
	return s.end;
}

/* Let all die whose time is over. Returns when that has to be done again. */
static u64 let_die(struct stacq_queue *q)
{
	struct stacq_note *note;
	u64 end, own = U64_MAX;
	bool ttl;

	sweep(q, __sweep_own);
	stacq_lock(q);
	ttl = q->special & STACQ_SPECIAL_TTL;
	note = __stacq_note_first_end(q);
	if (note)
		own = note->end;
	stacq_unlock(q);
	if (!ttl)
		return own;
	if (q->order == STACQ_PRIORITY)
		end = min(sweep(q, __sweep_levels), sweep(q, __sweep_returned));
	else
		end = sweep(q, __sweep_oldest);
	if (end == U64_MAX)
		return own;
	stacq_lock(q);
	end = min(own, __not_before(q, end));
	stacq_unlock(q);
	return end;
}

/*
 * The work: to bury
 */

/* There is room in the dead-letter queue, or it has ended: @wait of struct stacq_dead. */
static int room_for_the_dead(struct wait_queue_entry *wait, unsigned int mode,
			     int flags, void *key)
{
	struct stacq_dead *dead = container_of(wait, struct stacq_dead, wait);

	mod_delayed_work(stacq_wq, &dead->work, 0);
	return 0;
}

static void stop_waiting(struct stacq_queue *q)
{
	struct stacq_queue *full;

	stacq_lock(q);
	full = q->dead.full;
	q->dead.full = NULL;
	stacq_unlock(q);
	if (!full)
		return;
	remove_wait_queue(&full->write_wait, &q->dead.wait);
	stacq_queue_put(full);
}

static void wait_for_room(struct stacq_queue *q, struct stacq_queue *letter)
{
	stop_waiting(q);
	stacq_queue_get(letter);
	add_wait_queue(&letter->write_wait, &q->dead.wait);
	stacq_lock(q);
	q->dead.full = letter;
	stacq_unlock(q);
}

/* What is to be said of a dead letter: that of its first death, if it died before. */
static struct stacq_note *obituary(struct stacq_queue *q, struct stacq_msg *m,
				   unsigned int cause)
{
	struct stacq_note *note = stacq_note_alloc(0, q->name), *before;

	if (!note)
		return NULL;
	note->cause = cause;
	note->first_ns = m->sent_ns;
	note->died_after = m->deliveries;
	stacq_lock(q);
	before = __stacq_note_of(q, m);
	if (before && before->cause) {
		note->cause = before->cause;
		note->first_ns = before->first_ns;
		note->died_after = before->died_after;
		memcpy(note->origin, before->origin, STACQ_NAME_SIZE);
	}
	stacq_unlock(q);
	return note;
}

/* Send a dead letter on: 0, or why it can't be. */
static int send_on(struct stacq_queue *q, struct stacq_queue *letter,
		   struct stacq_msg *m, unsigned int cause)
{
	struct stacq_attr attr = { .priority = m->priority };

	attr.note = obituary(q, m, cause);
	if (!attr.note)
		return -ENOMEM;
	return stacq_hand_over(letter, m, false, &attr);
}

/* The first of the dead, and the queue where it goes, held. */
static struct stacq_msg *next_dead(struct stacq_queue *q, unsigned int *cause,
				   struct stacq_queue **letter)
{
	struct stacq_msg *m = NULL;

	stacq_lock(q);
	if (q->special & STACQ_ENDED_REMOVED)
		goto unlock;
	*cause = STACQ_CAUSE_EXPIRED;
	m = list_first_entry_or_null(&q->dead.expired, struct stacq_msg, link);
	if (m)
		goto letter;
	*cause = STACQ_CAUSE_EXHAUSTED;
	m = list_first_entry_or_null(&q->dead.exhausted, struct stacq_msg, link);
letter:
	*letter = m ? q->dead.letter : NULL;
	if (*letter)
		stacq_queue_get(*letter);
unlock:
	stacq_unlock(q);
	return m;
}

/* A dead letter has been sent on, or is thrown away. */
static void gone(struct stacq_queue *q, struct stacq_msg *m, bool buried)
{
	unsigned int whom;

	if (!buried)
		pr_debug("%s: removed message of size %u\n", q->name, m->len);
	stacq_lock(q);
	q->dead.buried += buried;
	__list_del_entry(&m->link);
	if (q->special & STACQ_SPECIAL_NOTED)
		__stacq_note_drop(q, m);
	whom = __stacq_forget(q, m, STACQ_MSG_DEAD);
	__stacq_reap_soon(q);
	stacq_unlock(q);
	stacq_wake(q, whom);
}

static u64 in_a_second(struct stacq_queue *q)
{
	u64 age;

	stacq_lock(q);
	age = __stacq_clock_now(&q->clock)->age + STACQ_AGE_SECOND;
	stacq_unlock(q);
	return age;
}

/* Bury all the dead. Returns when to try again; U64_MAX for not before it is told. */
static u64 bury(struct stacq_queue *q)
{
	struct stacq_queue *letter;
	struct stacq_msg *m;
	unsigned int cause;
	int ret;

	stop_waiting(q);
	while ((m = next_dead(q, &cause, &letter))) {
		ret = letter ? send_on(q, letter, m, cause) : -EIDRM;
		if (ret == -EAGAIN && q->dead.full != letter)
			/* And once more, as room may have come meanwhile. */
			wait_for_room(q, letter);
		else if (ret == -EAGAIN || ret == -ENOMEM)
			m = NULL;
		else
			gone(q, m, !ret);
		if (letter)
			stacq_queue_put(letter);
		if (!m)
			return ret == -ENOMEM ? in_a_second(q) : U64_MAX;
		cond_resched();
	}
	stop_waiting(q);
	return U64_MAX;
}

static void dead_work(struct work_struct *work)
{
	struct stacq_queue *q = container_of(to_delayed_work(work),
					     struct stacq_queue, dead.work);
	unsigned int whom = 0;
	u64 next;

	stacq_lock(q);
	q->dead.next = 0;
	stacq_unlock(q);
	next = let_die(q);
	next = min(next, bury(q));
	stacq_lock(q);
	__stacq_dead_arm(q, next);
	/* Those who met too many of the dead to go on, or wait for the end. */
	if (__stacq_readable(q, NULL))
		whom = STACQ_WAKE_READERS;
	stacq_unlock(q);
	stacq_wake(q, whom);
}

/**
 * stacq_dead_init() - be ready for dead letters
 * @q: the queue
 */
void stacq_dead_init(struct stacq_queue *q)
{
	INIT_LIST_HEAD(&q->dead.expired);
	INIT_LIST_HEAD(&q->dead.exhausted);
	init_waitqueue_func_entry(&q->dead.wait, room_for_the_dead);
	INIT_DELAYED_WORK(&q->dead.work, dead_work);
}

/**
 * stacq_dead_end() - bury no more, and let go of the dead-letter queue
 * @q: the queue, which is removed or was never found
 *
 * Two queues may be each other's: this ends that.
 *
 * Context: Sleeps.
 */
void stacq_dead_end(struct stacq_queue *q)
{
	struct stacq_queue *letter;

	cancel_delayed_work_sync(&q->dead.work);
	stop_waiting(q);
	/* It may have been told of room before that. */
	cancel_delayed_work_sync(&q->dead.work);
	stacq_lock(q);
	letter = q->dead.letter;
	q->dead.letter = NULL;
	stacq_unlock(q);
	if (letter)
		stacq_queue_put(letter);
}

/**
 * stacq_dead_forget() - a queue is removed: it is nobody's dead-letter queue any more
 * @q: another queue
 * @letter: the one that is removed
 *
 * So it is not kept, with all its messages, until somebody dies in @q.
 *
 * Context: Sleeps.
 */
void stacq_dead_forget(struct stacq_queue *q, struct stacq_queue *letter)
{
	bool was;

	stacq_lock(q);
	was = q->dead.letter == letter;
	if (was)
		q->dead.letter = NULL;
	stacq_unlock(q);
	if (was)
		stacq_queue_put(letter);
}
