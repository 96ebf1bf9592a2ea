/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store: where the messages of one queue live.
 *
 * A message is a struct stacq_msg with up to STACQ_INLINE_SIZE bytes of its
 * own; a longer one has a buffer beside it. Both are recycled: in the steady
 * state nothing is allocated or freed.
 *
 * Room for messages comes in segments. Growing adds one as large as all before
 * it together, so capacity doubles and nothing that is stored moves. A segment
 * is a chain of blocks of at most STACQ_BLOCK_SIZE bytes, so no allocation is
 * larger than that however large the capacity. Shrinking retires segments:
 * nothing new goes into them, what is stored in them is moved out, and what a
 * reader has in its hands is waited for.
 *
 * Buffers come in size classes, powers of two. A fresh one is allocated only
 * when none of its class is spare, and then as many bytes of spare ones of
 * other classes go: a store never keeps more than its busiest moment needed.
 */
#ifndef _STACQ_STORE_H
#define _STACQ_STORE_H

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* The messages a queue is mostly used for fit, and end on a cache line. */
#define STACQ_INLINE_SIZE	64
/* Smallest buffer, and how many powers of two there are from it to 2 GiB. */
#define STACQ_BUF_SHIFT		7
#define STACQ_BUF_CLASSES	(32 - STACQ_BUF_SHIFT)
/* Largest piece of memory messages are cut from: order 3, so not a costly one. */
#define STACQ_BLOCK_SIZE	32768
/* Doubling from 1 takes 31 of them to a thousand million messages. */
#define STACQ_MAX_SEGMENTS	64

/**
 * enum stacq_state - what becomes of a message, and where it is for that
 * @STACQ_MSG_FREE: it holds no message; the store has it
 * @STACQ_MSG_RESERVED: a sender fills it, with the lock held
 * @STACQ_MSG_READY: for any reader, in the list of the queue
 * @STACQ_MSG_RETURNED: the same, in the tree of returned messages
 * @STACQ_MSG_HELD: a file has begun to take it
 * @STACQ_MSG_LEASED: a file has taken it and answers for it; in the file's tree
 * @STACQ_MSG_DEAD: it waits for its dead-letter queue, in the order of dying
 * @STACQ_MSG_STATES: how many states there are
 *
 * __stacq_change() has the table of changes.
 */
enum stacq_state {
	STACQ_MSG_FREE,
	STACQ_MSG_RESERVED,
	STACQ_MSG_READY,
	STACQ_MSG_RETURNED,
	STACQ_MSG_HELD,
	STACQ_MSG_LEASED,
	STACQ_MSG_DEAD,
	STACQ_MSG_STATES
};

/**
 * struct stacq_msg - one message
 * @link: READY: in the queue's list; DEAD: in a list of the dead
 * @lease: RETURNED, HELD, LEASED: what is beside it; NULL if it is HELD and never
 *	comes back
 * @seq: place in the order of sending, from 1
 * @sent_ns: CLOCK_REALTIME at which it was sent, or as the sender said
 * @born: when that was on the clock of lifetimes: the lower bits
 * @len: length in bytes
 * @priority: 0 to STACQ_PRIORITY_MAX, as the sender said
 * @deliveries: times it was given back, at most 255
 * @state: &enum stacq_state, changed by __stacq_change() and the store only
 * @born_high: the upper bits of @born, see stacq_msg_born()
 * @segment: where it was cut from, index in &struct stacq_store.segments
 * @data: the bytes, when they fit
 * @buf: the bytes, when they do not
 * @next_free: the next spare one, while it holds no message
 *
 * The lock of the store guards it, except that the bytes of a message in state HELD
 * belong to the file that takes it.
 */
struct stacq_msg {
	union {
		struct list_head link;
		struct stacq_lease *lease;
	};
	u64 seq;
	u64 sent_ns;
	u32 born;
	u32 len;
	u16 priority;
	u8 deliveries;
	u8 state;
	u32 born_high:10;
	u32 segment:8;
	union {
		u8 data[STACQ_INLINE_SIZE];
		void *buf;
		struct stacq_msg *next_free;
	};
};

struct stacq_block;
struct stacq_lease;
struct stacq_spare;

/**
 * struct stacq_segment - room for a number of messages
 * @nr: how many
 * @live: how many are taken
 * @free: those taken once and spare again
 * @bump: the next one never taken yet
 * @bump_end: the end of its block
 * @block: its block; the blocks after it in the chain were never used
 * @blocks: the chain of all blocks
 * @bytes: memory it takes
 * @next: for chains of segments not in the table
 * @id: index in &struct stacq_store.segments
 * @retired: nothing new goes in; freed when @live reaches 0
 */
struct stacq_segment {
	u64 nr;
	u64 live;
	struct stacq_msg *free;
	struct stacq_msg *bump;
	struct stacq_msg *bump_end;
	struct stacq_block *block;
	struct stacq_block *blocks;
	size_t bytes;
	struct stacq_segment *next;
	u8 id;
	bool retired;
};

/**
 * struct stacq_store - the room of one queue
 * @lock: guards everything here and in the queue around it
 * @current_segment: where the next message is taken from; never retired
 * @segments: all of them, at the place that their messages name
 * @capacity: messages that fit in the segments that are not retired
 * @live: messages taken; never above @capacity
 * @reap: some retired segment has emptied and can be freed
 * @spare: buffers not in use, by class
 * @spare_bytes: their size
 * @spare_min: lowest @spare_bytes since stacq_store_trim() last looked
 * @buf_bytes: size of all buffers, in use or not
 * @bytes: all memory taken: segments, buffers, levels, leases and notes
 * @moved: called with the lock held when a message has moved in memory
 */
struct stacq_store {
	spinlock_t lock;	/* see "Locking" in store.c and queue.c */
	struct stacq_segment *current_segment;
	struct stacq_segment *segments[STACQ_MAX_SEGMENTS];
	u64 capacity;
	u64 live;
	bool reap;
	struct stacq_spare *spare[STACQ_BUF_CLASSES];
	u64 spare_bytes;
	u64 spare_min;
	u64 buf_bytes;
	u64 bytes;
	void (*moved)(struct stacq_store *st, struct stacq_msg *old,
		      struct stacq_msg *m);
};

/**
 * stacq_msg_data() - the bytes of a message
 * @m: the message
 *
 * Return: address of @m->len bytes.
 */
static inline void *stacq_msg_data(struct stacq_msg *m)
{
	return m->len <= STACQ_INLINE_SIZE ? m->data : m->buf;
}

/**
 * stacq_msg_born() - when was a message sent?
 * @m: the message
 *
 * Return: units of lifetimes, as &struct stacq_clock.age.
 */
static inline u64 stacq_msg_born(const struct stacq_msg *m)
{
	return (u64)m->born_high << 32 | m->born;
}

static __always_inline void __stacq_msg_set_born(struct stacq_msg *m, u64 age)
{
	m->born = age;
	m->born_high = age >> 32;
}

static inline void __stacq_msg_init(struct stacq_msg *m, u32 len, void *buf)
{
	m->len = len;
	m->priority = 0;
	m->deliveries = 0;
	if (len > STACQ_INLINE_SIZE)
		m->buf = buf;
}

int stacq_store_init(struct stacq_store *st, u64 capacity, gfp_t gfp);
void stacq_store_destroy(struct stacq_store *st);
int stacq_store_grow(struct stacq_store *st, u64 capacity, gfp_t gfp);
int stacq_store_resize(struct stacq_store *st, u64 capacity, gfp_t gfp);
void stacq_store_reap(struct stacq_store *st);
u64 stacq_store_trim(struct stacq_store *st, bool all);
void *stacq_store_buf(struct stacq_store *st, u32 len, gfp_t gfp);
void stacq_store_buf_free(struct stacq_store *st, void *buf, u32 len);

struct stacq_msg *__stacq_store_get_any(struct stacq_store *st, u32 len,
					void *buf);
struct stacq_msg *__stacq_store_settle(struct stacq_store *st,
				       struct stacq_msg *m);
bool __stacq_store_has_room(struct stacq_store *st);
struct stacq_segment *__stacq_store_spare(struct stacq_store *st);
void *__stacq_store_buf(struct stacq_store *st, u32 len);
void __stacq_store_buf_free(struct stacq_store *st, void *buf, u32 len);

/**
 * __stacq_store_get() - take room for a message
 * @st: the store
 * @len: its length, at least 1
 * @buf: a buffer from stacq_store_buf() for it, or NULL to take a spare one.
 *	One that the message turns out not to need is left to the caller.
 *
 * Context: The lock is held.
 * Return: the message, or NULL if there is no room, or no spare buffer, at
 *	hand.
 */
static inline struct stacq_msg *__stacq_store_get(struct stacq_store *st,
						  u32 len, void *buf)
{
	struct stacq_segment *seg = st->current_segment;
	struct stacq_msg *m = seg->free;

	lockdep_assert_held(&st->lock);
	/* Shrinking may leave more spare than there is capacity. */
	if (unlikely(!m || st->live >= st->capacity))
		return __stacq_store_get_any(st, len, buf);
	if (unlikely(len > STACQ_INLINE_SIZE && !buf)) {
		buf = __stacq_store_buf(st, len);
		if (!buf)
			return NULL;
	}
	seg->free = m->next_free;
	seg->live++;
	st->live++;
	__stacq_msg_init(m, len, buf);
	return m;
}

static inline void __stacq_segment_put(struct stacq_segment *seg,
				       struct stacq_msg *m)
{
	m->state = STACQ_MSG_FREE;
	m->next_free = seg->free;
	seg->free = m;
	seg->live--;
}

/**
 * __stacq_store_put_short() - give back the room of a message without a buffer
 * @st: the store
 * @m: the message, in no list any more
 *
 * Context: The lock is held.
 */
static inline void __stacq_store_put_short(struct stacq_store *st,
					   struct stacq_msg *m)
{
	struct stacq_segment *seg = st->segments[m->segment];

	lockdep_assert_held(&st->lock);
	__stacq_segment_put(seg, m);
	st->live--;
	if (likely(!seg->retired))
		st->current_segment = seg;
	else if (!seg->live)
		st->reap = true;
}

/**
 * __stacq_store_put() - give back the room of a message, and its buffer
 * @st: the store
 * @m: the message, in no list any more
 *
 * Context: The lock is held.
 */
static inline void __stacq_store_put(struct stacq_store *st, struct stacq_msg *m)
{
	if (unlikely(m->len > STACQ_INLINE_SIZE))
		__stacq_store_buf_free(st, m->buf, m->len);
	__stacq_store_put_short(st, m);
}

#endif /* _STACQ_STORE_H */
