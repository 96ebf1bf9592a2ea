/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The queue: one named container of messages. It knows order, depth, limits,
 * waiting, sealing and removal; it knows no files and no user memory.
 *
 * Sending is __stacq_send_begin(), the bytes, and __stacq_send_commit(), with a
 * buffer and stacq_make_room() before it when it asks for them. Receiving is
 * __stacq_receive_begin(), the bytes, and either __stacq_receive_done(), all
 * with the lock held, or __stacq_hold() and, after any time without the lock,
 * __stacq_held_done() or __stacq_give_back(). transfer.c puts them together.
 *
 * Functions named __stacq_ expect the lock held. Those that return "whom to
 * wake" want stacq_wake() called with it once the lock is dropped.
 */
#ifndef _STACQ_QUEUE_H
#define _STACQ_QUEUE_H

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/stacq.h>

#include "delivery/dead.h"
#include "delivery/delivery.h"
#include "delivery/lease.h"
#include "core/clock.h"
#include "core/level.h"
#include "core/note.h"
#include "core/order.h"
#include "core/returned.h"
#include "core/store.h"
#include "trace.h"

struct device;

/* Whom to wake: one caller that waits, or all of them. */
#define STACQ_WAKE_READER	0x1
#define STACQ_WAKE_WRITER	0x2
#define STACQ_WAKE_READERS	0x4
#define STACQ_WAKE_WRITERS	0x8

/* stacq_queue.special: what the quick ways are not for */
#define STACQ_ENDED_SEALED	0x1
#define STACQ_ENDED_REMOVED	0x2
#define STACQ_SPECIAL_PRIORITY	0x4	/* the order is priority */
#define STACQ_SPECIAL_RETURNED	0x8	/* some messages were returned: returned.h */
#define STACQ_SPECIAL_NOTED	0x10	/* some messages have notes: note.h */
#define STACQ_SPECIAL_TTL	0x20	/* the queue gives messages a time: dead.h */
#define STACQ_SPECIAL_FULL	0x40	/* when it is full nobody waits: delivery.h */

/**
 * struct stacq_count - messages, and their bytes
 * @nr: how many
 * @bytes: the sum of their lengths
 */
struct stacq_count {
	u64 nr;
	u64 bytes;
};

/**
 * struct stacq_queue - one queue
 * @store: its room; the lock in it guards all fields but those said below
 * @msgs: the messages in state READY, in the order in which they are received. Oldest
 *	first in a fifo, newest first in a lifo; the highest priority first, and of
 *	each the oldest, in order priority.
 * @returned: those in state RETURNED
 * @count: the messages in each state
 * @others: those in any state but FREE, RESERVED and READY
 * @msgs_max: most messages, U64_MAX without limit
 * @bytes_max: most bytes, U64_MAX without limit
 * @msg_max: longest message, from @max_msg_size and @bytes_max
 * @max_msg_size: longest message as asked for, U64_MAX without limit
 * @seq: messages ever sent or resent
 * @clock: the present time
 * @received: messages ever received
 * @requeued: messages ever given back
 * @discarded: messages ever purged
 * @growths: times the capacity was raised on demand
 * @shrinks: times it was lowered because unused
 * @peak: most messages at once since the idle work last looked
 * @high_water: most messages at once before that
 * @floor: the capacity asked for, below which idle work does not go
 * @special: STACQ_ENDED_* and STACQ_SPECIAL_* bits, 0 of a queue like most
 * @order: STACQ_FIFO, STACQ_LIFO or STACQ_PRIORITY, never changes
 * @levels: of order priority: where the messages of each priority end
 * @leases: messages in flight
 * @notes: what is known of some messages
 * @dead: messages that are not delivered any more
 * @policy: what a full queue does
 * @resent: messages given back to the end of the queue, with a new @seq
 * @readers_waiting: callers of stacq_wait_readable(), changed without the lock
 * @writers_waiting: callers of stacq_wait_writable(), likewise
 * @room_bytes: for the wake function of writers, see stacq_wake_writer()
 * @room_msgs: likewise
 * @peeked: a message that must not be reused, being looked at
 * @peeked_gone: it was taken out of the queue meanwhile
 * @read_wait: where readers and pollers wait
 * @write_wait: where writers and pollers wait
 * @room_mutex: taken around changes of the capacity and peeks, before the lock
 * @idle_work: gives back room that stays unused
 * @log: limits the lines in the kernel log about this queue
 * @ref: the registry, open files and other modules hold it
 * @name: never changes
 * @node: the registry's and the device's part, see registry.c
 * @node.hash: in the table of names, guarded by the registry's mutex
 * @node.dev: the device; set before the queue can be found
 * @node.minor: its minor number
 * @node.mode: permission bits of the device node
 * @node.uid: its owner
 * @node.gid: its group
 */
struct stacq_queue {
	struct stacq_store store;
	struct list_head msgs;
	struct stacq_returned returned;
	struct stacq_count count[STACQ_MSG_STATES];
	struct stacq_count others;
	u64 msgs_max;
	u64 bytes_max;
	u64 msg_max;
	u64 max_msg_size;
	u64 seq;
	struct stacq_clock clock;
	u64 received;
	u64 requeued;
	u64 discarded;
	u64 growths;
	u64 shrinks;
	u64 peak;
	u64 high_water;
	u64 floor;
	unsigned int special;
	unsigned int order;
	struct stacq_levels levels;
	struct stacq_leases leases;
	struct stacq_notes notes;
	struct stacq_dead dead;
	struct stacq_policy policy;
	u64 resent;
	atomic_t readers_waiting;
	atomic_t writers_waiting;
	u64 room_bytes;
	u64 room_msgs;
	struct stacq_msg *peeked;
	bool peeked_gone;

	wait_queue_head_t read_wait;
	wait_queue_head_t write_wait;
	struct mutex room_mutex;	/* before the lock */
	struct delayed_work idle_work;
	struct ratelimit_state log;
	struct kref ref;
	char name[STACQ_NAME_SIZE];
	struct {
		struct hlist_node hash;
		struct device *dev;
		int minor;
		umode_t mode;
		kuid_t uid;
		kgid_t gid;
	} node;
};

static inline void stacq_lock(struct stacq_queue *q)
{
	spin_lock(&q->store.lock);
}

static inline void stacq_unlock(struct stacq_queue *q)
{
	spin_unlock(&q->store.lock);
}

static inline void stacq_assert_locked(struct stacq_queue *q)
{
	lockdep_assert_held(&q->store.lock);
}

/* Is it sealed, or removed? */
static inline bool __stacq_ended(const struct stacq_queue *q)
{
	return q->special & (STACQ_ENDED_SEALED | STACQ_ENDED_REMOVED);
}

/* How many messages take room. */
static inline u64 __stacq_stored(const struct stacq_queue *q)
{
	return q->count[STACQ_MSG_READY].nr + q->others.nr;
}

/* Their bytes. */
static inline u64 __stacq_stored_bytes(const struct stacq_queue *q)
{
	return q->count[STACQ_MSG_READY].bytes + q->others.bytes;
}

/* How many messages any reader may have. */
static inline u64 __stacq_depth(const struct stacq_queue *q)
{
	return q->count[STACQ_MSG_READY].nr + q->count[STACQ_MSG_RETURNED].nr;
}

/* Is all gone that a reader could have, now or later? */
static inline bool __stacq_drained(const struct stacq_queue *q)
{
	return !(__stacq_depth(q) + q->count[STACQ_MSG_HELD].nr +
		 q->count[STACQ_MSG_LEASED].nr);
}

/* Would a message of @len bytes exceed a limit? */
static inline bool __stacq_full(const struct stacq_queue *q, u64 len)
{
	return __stacq_stored(q) >= q->msgs_max ||
	       __stacq_stored_bytes(q) + len > q->bytes_max;
}

/* Does this kernel look for errors? Then the module does, too. */
#ifndef STACQ_DEBUG
#define STACQ_DEBUG	(IS_ENABLED(CONFIG_PROVE_LOCKING) || IS_ENABLED(CONFIG_KASAN) || \
			 IS_ENABLED(CONFIG_KCSAN) || IS_ENABLED(CONFIG_KMSAN))
#endif

#define stacq_assert(condition)	WARN_ON_ONCE(STACQ_DEBUG && !(condition))

void __stacq_check_change(const struct stacq_queue *q, const struct stacq_msg *m,
			  enum stacq_state from, enum stacq_state to);

static __always_inline void __stacq_count(struct stacq_queue *q, enum stacq_state state,
					  u64 nr, u64 bytes)
{
	if (state < STACQ_MSG_READY)
		return;
	q->count[state].nr += nr;
	q->count[state].bytes += bytes;
	if (state == STACQ_MSG_READY)
		return;
	q->others.nr += nr;
	q->others.bytes += bytes;
}

/**
 * __stacq_change() - change the state of a message, and with it the counts
 * @q: the queue
 * @m: the message
 * @from: its state
 * @to: its new state
 *
 *	FREE	  -> RESERVED	a sender takes room
 *	RESERVED  -> READY	the message is sent
 *	RESERVED  -> FREE	its bytes could not be fetched
 *	READY	  -> HELD	a file begins to take it
 *	READY	  -> DEAD	it expires
 *	READY	  -> FREE	it is received, purged or dropped
 *	RETURNED  -> HELD, DEAD, FREE	the same
 *	HELD	  -> LEASED	the file has taken it, in lease mode
 *	HELD	  -> FREE	the file has taken it
 *	HELD	  -> RETURNED	the file gives it back, or is closed
 *	LEASED	  -> FREE	it is acknowledged
 *	LEASED	  -> RETURNED	it is given back, or the lease ends
 *	LEASED	  -> READY	it is given back to the end of the queue
 *	READY, RETURNED -> DEAD	it was given back too often, or expires then
 *	DEAD	  -> FREE	it has been forwarded, or is discarded
 *
 * Its place in lists and trees is up to the caller.
 *
 * Context: The lock is held.
 */
static __always_inline void __stacq_change(struct stacq_queue *q, struct stacq_msg *m,
					   enum stacq_state from, enum stacq_state to)
{
	if (STACQ_DEBUG)
		__stacq_check_change(q, m, from, to);
	__stacq_count(q, from, -1, -(u64)m->len);
	__stacq_count(q, to, 1, m->len);
	m->state = to;
}

/* Life */
struct stacq_queue *stacq_queue_alloc(const char *name, unsigned int order,
				      const struct stacq_limits *limits,
				      u64 capacity);
void stacq_queue_get(struct stacq_queue *q);
void stacq_queue_put(struct stacq_queue *q);
void stacq_queue_end(struct stacq_queue *q, u64 *msgs, u64 *bytes);

/* Messages in and out */
int __stacq_may_send_specially(struct stacq_queue *q, size_t len);
struct stacq_msg *__stacq_receive_begin_specially(struct stacq_queue *q);
void __stacq_leave_place(struct stacq_queue *q, struct stacq_msg *m);
void __stacq_unlink_specially(struct stacq_queue *q, struct stacq_msg *m);
void *stacq_send_buf(struct stacq_queue *q, size_t len, gfp_t gfp);
void __stacq_send_abort(struct stacq_queue *q, struct stacq_msg *m);
void __stacq_hold(struct stacq_queue *q, struct stacq_msg *m,
		  struct stacq_lease **spare);
unsigned int __stacq_held_done(struct stacq_queue *q, struct stacq_msg *m);
unsigned int __stacq_give_back(struct stacq_queue *q, struct stacq_msg *m,
			       bool delivered);
unsigned int __stacq_give_back_to_end(struct stacq_queue *q, struct stacq_msg *m);

/**
 * __stacq_may_send() - could a message be sent now?
 * @q: the queue
 * @len: its length
 *
 * Context: The lock is held.
 * Return: 0; -EIDRM or -EPIPE if the queue is removed or sealed; -EMSGSIZE if
 *	it is too long; -EAGAIN if the queue is full; -ENOBUFS if stacq_make_room()
 *	is needed for a level. If the queue is full and nobody shall wait: -ENOSPC;
 *	-EXFULL if the message is to be dropped; -ENOBUFS if __stacq_evict() would
 *	make room.
 */
static inline int __stacq_may_send(struct stacq_queue *q, size_t len)
{
	stacq_assert_locked(q);
	if (unlikely(q->special))
		return __stacq_may_send_specially(q, len);
	if (unlikely(len > q->msg_max))
		return -EMSGSIZE;
	if (unlikely(__stacq_full(q, len)))
		return -EAGAIN;
	return 0;
}

/* Is there no spare level for a message of any priority? */
static inline bool __stacq_lacks_level(struct stacq_queue *q)
{
	return q->order == STACQ_PRIORITY && !q->levels.spare;
}

/**
 * __stacq_send_begin() - take room for a message
 * @q: the queue
 * @len: its length, at least 1
 * @buf: see __stacq_store_get()
 *
 * Context: The lock is held, and stays so until commit or abort.
 * Return: the message to fill, or what __stacq_may_send() says, or -ENOBUFS
 *	without @buf if a buffer or stacq_make_room() is needed, with @buf if
 *	the latter is. Its priority is 0.
 */
static inline struct stacq_msg *__stacq_send_begin(struct stacq_queue *q,
						   size_t len, void *buf)
{
	int ret = __stacq_may_send(q, len);
	const struct stacq_clock *now;
	struct stacq_msg *m;

	if (unlikely(ret))
		return ERR_PTR(ret);
	m = __stacq_store_get(&q->store, len, buf);
	if (unlikely(!m))
		return ERR_PTR(-ENOBUFS);
	__stacq_change(q, m, STACQ_MSG_FREE, STACQ_MSG_RESERVED);
	now = __stacq_clock_now(&q->clock);
	m->sent_ns = now->real_ns;
	__stacq_msg_set_born(m, now->age);
	return m;
}

/* Latest time of sending that a sender may say. */
#define STACQ_SENT_NS_MAX	S64_MAX

/**
 * struct stacq_attr - what a sender may say of a message beside its bytes
 * @sent_ns: when it was sent, CLOCK_REALTIME in nanoseconds, at most
 *	STACQ_SENT_NS_MAX; 0 for now
 * @priority: 0 to STACQ_PRIORITY_MAX
 * @deliveries: times it was given back before, at most 255
 * @ttl_ms: time of its own in milliseconds, 0 for none; for @note
 * @note: its note, which stacq_send_buffered() takes over; or NULL
 */
struct stacq_attr {
	u64 sent_ns;
	u16 priority;
	u8 deliveries;
	u32 ttl_ms;
	struct stacq_note *note;
};

/**
 * __stacq_send_attr() - say more of a message, of a queue that gives it no time
 * @now: the time at __stacq_send_begin()
 * @m: from __stacq_send_begin(), not committed yet
 * @attr: what
 *
 * Context: The lock is held.
 */
static __always_inline void __stacq_send_attr(const struct stacq_clock *now,
					      struct stacq_msg *m,
					      const struct stacq_attr *attr)
{
	m->priority = attr->priority;
	m->deliveries = attr->deliveries;
	if (unlikely(attr->sent_ns)) {
		m->sent_ns = attr->sent_ns;
		__stacq_msg_set_born(m, stacq_age_claimed(now, attr->sent_ns));
	}
}

/**
 * __stacq_send_tell() - __stacq_send_attr(), for any queue
 * @q: the queue
 * @m: from __stacq_send_begin(), not committed yet
 * @attr: what
 *
 * Context: The lock is held.
 */
static __always_inline void __stacq_send_tell(struct stacq_queue *q,
					      struct stacq_msg *m,
					      const struct stacq_attr *attr)
{
	__stacq_send_attr(&q->clock, m, attr);
	if (unlikely(q->special & STACQ_SPECIAL_TTL && attr->sent_ns))
		__stacq_dead_arm_told(q, m);
}

/**
 * __stacq_receive_begin() - the message a reader gets next
 * @q: the queue
 *
 * Context: The lock is held.
 * Return: the message, not taken yet; NULL at the end of a sealed queue;
 *	-EIDRM if the queue is removed, -EAGAIN if there is none.
 */
static inline struct stacq_msg *__stacq_receive_begin(struct stacq_queue *q)
{
	stacq_assert_locked(q);
	if (unlikely(q->special))
		return __stacq_receive_begin_specially(q);
	if (unlikely(list_empty(&q->msgs)))
		return ERR_PTR(-EAGAIN);
	return list_first_entry(&q->msgs, struct stacq_msg, link);
}

/* Waiting: wait.c. The first two say whom to wake, and want the lock held. */
static inline unsigned int __stacq_wake_reader(struct stacq_queue *q)
{
	/* With the lock held, this pairs with the waiter's look: see wait.c. */
	return waitqueue_active(&q->read_wait) ? STACQ_WAKE_READER : 0;
}

/*
 * stacq_wake_writer() runs without the lock. Whatever room it reads was noted
 * by its own waker or a later one, and each change for the better notes again
 * and wakes again, so a writer that fits is not left asleep.
 */
static inline unsigned int __stacq_wake_writer(struct stacq_queue *q)
{
	u64 msgs, bytes;

	/* With the lock held, this pairs with the waiter's look: see wait.c. */
	if (likely(!waitqueue_active(&q->write_wait)))
		return 0;
	msgs = q->msgs_max - min(__stacq_stored(q), q->msgs_max);
	bytes = q->bytes_max - min(__stacq_stored_bytes(q), q->bytes_max);
	WRITE_ONCE(q->room_msgs, __stacq_ended(q) ? U64_MAX : msgs);
	WRITE_ONCE(q->room_bytes, __stacq_ended(q) ? U64_MAX : bytes);
	return STACQ_WAKE_WRITER;
}

void stacq_wake_up(struct stacq_queue *q, unsigned int whom);

/**
 * stacq_wake() - wake those who wait
 * @q: the queue
 * @whom: STACQ_WAKE_* bits
 *
 * Context: The lock is not held.
 */
static inline void stacq_wake(struct stacq_queue *q, unsigned int whom)
{
	if (unlikely(whom))
		stacq_wake_up(q, whom);
}

/**
 * __stacq_enqueue() - put a message in the list, where new ones go
 * @q: the queue, with a spare level in order priority
 * @m: the message
 *
 * Context: The lock is held.
 */
static __always_inline void __stacq_enqueue(struct stacq_queue *q,
					    struct stacq_msg *m)
{
	if (likely(q->order == STACQ_FIFO))
		list_add_tail(&m->link, &q->msgs);
	else if (q->order == STACQ_LIFO)
		list_add(&m->link, &q->msgs);
	else
		__stacq_level_add(q, m);
}

/**
 * __stacq_send_commit() - the message takes effect
 * @q: the queue
 * @m: from __stacq_send_begin(), filled
 *
 * Context: The lock is held.
 * Return: whom to wake.
 */
static __always_inline unsigned int
__stacq_send_commit(struct stacq_queue *q, struct stacq_msg *m)
{
	u64 nr;

	stacq_assert_locked(q);
	m->seq = ++q->seq;
	__stacq_enqueue(q, m);
	__stacq_change(q, m, STACQ_MSG_RESERVED, STACQ_MSG_READY);
	nr = __stacq_stored(q);
	if (nr > q->peak)
		q->peak = nr;
	trace_stacq_send(q->name, m->seq, m->len, nr);
	if (unlikely(atomic_read(&q->writers_waiting)))
		return __stacq_wake_reader(q) | __stacq_wake_writer(q);
	return __stacq_wake_reader(q);
}

/* A message has left its place. Whom to wake: writers, and who waits for the end. */
static __always_inline unsigned int
__stacq_forget(struct stacq_queue *q, struct stacq_msg *m, enum stacq_state from)
{
	unsigned int whom;

	stacq_assert_locked(q);
	__stacq_change(q, m, from, STACQ_MSG_FREE);
	if (unlikely(m == q->peeked))
		q->peeked_gone = true;
	else
		__stacq_store_put(&q->store, m);
	whom = __stacq_wake_writer(q);
	if (unlikely(q->special) && __stacq_ended(q) && __stacq_drained(q))
		whom |= STACQ_WAKE_READERS;
	return whom;
}

/* Take a message out. Whom to wake: as __stacq_forget(). */
static __always_inline unsigned int
__stacq_take_out(struct stacq_queue *q, struct stacq_msg *m)
{
	stacq_assert_locked(q);
	if (unlikely(q->special || m->state != STACQ_MSG_READY)) {
		__stacq_unlink_specially(q, m);
		return __stacq_forget(q, m, m->state);
	}
	__list_del_entry(&m->link);
	return __stacq_forget(q, m, STACQ_MSG_READY);
}

/**
 * __stacq_receive_done() - the message has been received
 * @q: the queue
 * @m: from __stacq_receive_begin(); gone after this
 *
 * Context: The lock is held, since __stacq_receive_begin().
 * Return: whom to wake.
 */
static __always_inline unsigned int
__stacq_receive_done(struct stacq_queue *q, struct stacq_msg *m)
{
	q->received++;
	trace_stacq_receive(q->name, m->seq, m->len, __stacq_stored(q) - 1);
	return __stacq_take_out(q, m);
}

int stacq_wait_readable_until(struct stacq_queue *q, struct stacq_holder *h,
			      ktime_t *deadline);
int stacq_wait_writable_until(struct stacq_queue *q, size_t len,
			      ktime_t *deadline);

static inline int stacq_wait_readable(struct stacq_queue *q,
				      struct stacq_holder *h)
{
	return stacq_wait_readable_until(q, h, NULL);
}

static inline int stacq_wait_writable(struct stacq_queue *q, size_t len)
{
	return stacq_wait_writable_until(q, len, NULL);
}

void stacq_pass_on(struct stacq_queue *q);
bool __stacq_readable(struct stacq_queue *q, const struct stacq_holder *h);
bool __stacq_writable(struct stacq_queue *q);

/* Room: room.c */
void stacq_room_init(struct stacq_queue *q);
int stacq_make_room(struct stacq_queue *q, gfp_t gfp);
void __stacq_reap_soon(struct stacq_queue *q);
int stacq_set_capacity(struct stacq_queue *q, u64 capacity, u64 *previous);

int stacq_set_limits(struct stacq_queue *q,
		     const struct stacq_limits *limits);

/* Looking: inspect.c */
void stacq_get_info(struct stacq_queue *q, struct stacq_info *info);
void __stacq_describe(struct stacq_queue *q, struct stacq_msg *m,
		      struct stacq_peek *peek);
void *stacq_peek(struct stacq_queue *q, u64 position, u64 size,
		 struct stacq_peek *peek);

/* All at once */
u64 stacq_purge(struct stacq_queue *q);
bool stacq_removed(struct stacq_queue *q);
int stacq_seal(struct stacq_queue *q, bool seal);

#endif /* _STACQ_QUEUE_H */
