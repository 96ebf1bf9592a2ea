// SPDX-License-Identifier: GPL-2.0
/*
 * The store: segments of messages, and spare buffers. What it is: store.h.
 *
 * Locking: stacq_store.lock guards every field of the store, its segments and
 * its spare messages and buffers. Functions named __stacq_ expect it held; the
 * others take it, and allocate and free without it. Segments come and go in
 * stacq_store_grow(), _resize() and _reap() only, which the caller keeps from
 * running at the same time (stacq_queue.room_mutex), so these may read the
 * table of segments without the lock.
 */
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "core/store.h"

/* How much is done in one go with the lock held. */
#define STORE_BATCH	64

/* Below this it is not worth asking how much memory there is. */
#define STACQ_SMALL_ROOM	SZ_1M

struct stacq_block {
	struct stacq_block *next;
	u64 nr;
	struct stacq_msg msgs[];
};

struct stacq_spare {
	struct stacq_spare *next;
};

/* On 64 bits 112 bytes: 48 of header. docs/design.md says what more would cost. */
static_assert(sizeof(struct stacq_msg) ==
	      32 + 2 * sizeof(void *) + STACQ_INLINE_SIZE);

/*
 * Room is charged to the memory cgroup of whoever makes it grow. It fails
 * rather than having somebody killed: the writer gets ENOMEM.
 */
static void *room_alloc(size_t size, gfp_t gfp)
{
	bool may_block = gfpflags_allow_blocking(gfp);

	gfp |= __GFP_ACCOUNT | __GFP_NOWARN;
	if (may_block)
		gfp |= __GFP_RETRY_MAYFAIL;
	if (size <= STACQ_BLOCK_SIZE || !may_block)
		return kmalloc(size, gfp);
	if (size > STACQ_SMALL_ROOM && size >> PAGE_SHIFT > si_mem_available())
		return NULL;
	return __vmalloc(size, gfp);
}

static struct stacq_block *alloc_block(u64 nr, gfp_t gfp)
{
	const u64 most = (STACQ_BLOCK_SIZE - sizeof(struct stacq_block)) /
			 sizeof(struct stacq_msg);
	const u64 page = (PAGE_SIZE - sizeof(struct stacq_block)) /
			 sizeof(struct stacq_msg);
	struct stacq_block *block = NULL;

	nr = min(nr, most);
	if (nr > page)
		block = kmalloc(struct_size(block, msgs, nr),
				gfp | __GFP_ACCOUNT | __GFP_NOWARN |
				__GFP_NORETRY);
	if (!block) {
		nr = min(nr, page);
		block = room_alloc(struct_size(block, msgs, nr), gfp);
	}
	if (block) {
		block->next = NULL;
		block->nr = nr;
	}
	return block;
}

static void use_block(struct stacq_segment *seg, struct stacq_block *block)
{
	seg->block = block;
	seg->bump = block->msgs;
	seg->bump_end = block->msgs + block->nr;
}

static void free_segment(struct stacq_segment *seg)
{
	struct stacq_block *block, *next;

	if (!seg)
		return;
	for (block = seg->blocks; block; block = next) {
		next = block->next;
		kfree(block);
		cond_resched();
	}
	kfree(seg);
}

static struct stacq_segment *alloc_segment(u64 nr, gfp_t gfp)
{
	struct stacq_block **end, *block;
	struct stacq_segment *seg;
	u64 left;

	if (nr > STACQ_SMALL_ROOM / sizeof(struct stacq_msg) &&
	    div_u64(nr, PAGE_SIZE / sizeof(struct stacq_msg)) > si_mem_available())
		return NULL;
	seg = room_alloc(sizeof(*seg), gfp);
	if (!seg)
		return NULL;
	*seg = (struct stacq_segment){ .nr = nr, .bytes = sizeof(*seg) };
	end = &seg->blocks;
	left = nr;
	do {
		block = alloc_block(left, gfp);
		if (!block)
			goto fail;
		*end = block;
		end = &block->next;
		seg->bytes += struct_size(block, msgs, block->nr);
		left -= block->nr;
		if (gfpflags_allow_blocking(gfp)) {
			cond_resched();
			if (left && fatal_signal_pending(current))
				goto fail;
		}
	} while (left);
	use_block(seg, seg->blocks);
	return seg;

fail:
	free_segment(seg);
	return NULL;
}

static bool segment_has_room(const struct stacq_segment *seg)
{
	return seg && !seg->retired && seg->live < seg->nr;
}

/* Take a message from a segment that has one to give. */
static struct stacq_msg *segment_get(struct stacq_segment *seg)
{
	struct stacq_msg *m = seg->free;

	seg->live++;
	if (likely(m)) {
		seg->free = m->next_free;
		return m;
	}
	if (seg->bump == seg->bump_end)
		use_block(seg, seg->block->next);
	m = seg->bump++;
	m->segment = seg->id;
	m->state = STACQ_MSG_FREE;
	return m;
}

/* Find a segment to take from when the current one is exhausted: mostly the next. */
static void find_segment(struct stacq_store *st)
{
	int i = st->current_segment->id + 1;

	if (i == STACQ_MAX_SEGMENTS || !segment_has_room(st->segments[i]))
		for (i = 0; i < STACQ_MAX_SEGMENTS; i++)
			if (segment_has_room(st->segments[i]))
				break;
	if (i < STACQ_MAX_SEGMENTS)
		st->current_segment = st->segments[i];
}

static __always_inline struct stacq_msg *take(struct stacq_store *st)
{
	/* What was used last comes first: it is in the caches. */
	if (unlikely(!st->current_segment->free && !segment_has_room(st->current_segment)))
		find_segment(st);
	return segment_get(st->current_segment);
}

/**
 * __stacq_store_spare() - put a spare message at hand
 * @st: the store, with room
 *
 * Context: The lock is held.
 * Return: the current segment, which has a message in its list of free ones.
 */
struct stacq_segment *__stacq_store_spare(struct stacq_store *st)
{
	struct stacq_msg *m;

	lockdep_assert_held(&st->lock);
	if (!segment_has_room(st->current_segment))
		find_segment(st);
	if (!st->current_segment->free) {
		m = segment_get(st->current_segment);
		__stacq_segment_put(st->current_segment, m);
	}
	return st->current_segment;
}

static int buf_class(u32 len)
{
	return fls((len - 1) | BIT(STACQ_BUF_SHIFT - 1)) - STACQ_BUF_SHIFT;
}

static size_t class_size(int class)
{
	return (size_t)1 << (class + STACQ_BUF_SHIFT);
}

/* Add a segment to the table; false when there is no place in it. */
static bool install_segment(struct stacq_store *st, struct stacq_segment *seg)
{
	int i;

	lockdep_assert_held(&st->lock);
	for (i = 0; i < STACQ_MAX_SEGMENTS; i++) {
		if (st->segments[i])
			continue;
		seg->id = i;
		st->segments[i] = seg;
		st->bytes += seg->bytes;
		return true;
	}
	return false;
}

/**
 * stacq_store_init() - make an empty store
 * @st: the store, zeroed
 * @capacity: messages to make room for, at least 1
 * @gfp: allocation flags
 *
 * Context: As @gfp says.
 * Return: 0 or -ENOMEM.
 */
int stacq_store_init(struct stacq_store *st, u64 capacity, gfp_t gfp)
{
	struct stacq_segment *seg = alloc_segment(capacity, gfp);

	if (!seg)
		return -ENOMEM;
	spin_lock_init(&st->lock);
	st->segments[0] = seg;
	st->current_segment = seg;
	st->capacity = capacity;
	st->bytes = seg->bytes;
	return 0;
}

/**
 * stacq_store_destroy() - free all room, and the spare buffers
 * @st: the store, which nobody uses any more
 *
 * The buffers of messages not given back must have been: see
 * __stacq_store_put().
 *
 * Context: May sleep.
 */
void stacq_store_destroy(struct stacq_store *st)
{
	int i;

	stacq_store_trim(st, true);
	for (i = 0; i < STACQ_MAX_SEGMENTS; i++)
		free_segment(st->segments[i]);
}

/**
 * __stacq_store_has_room() - is there room for one more message?
 * @st: the store
 *
 * Context: The lock is held.
 * Return: true if __stacq_store_get() would find a message.
 */
bool __stacq_store_has_room(struct stacq_store *st)
{
	lockdep_assert_held(&st->lock);
	return st->live < st->capacity;
}

/**
 * __stacq_store_get_any() - take room for a message, from wherever there is some
 * @st: the store
 * @len: as for __stacq_store_get()
 * @buf: likewise
 *
 * Context: The lock is held.
 * Return: the message, or NULL if there is no room, or no spare buffer, at
 *	hand.
 */
struct stacq_msg *__stacq_store_get_any(struct stacq_store *st, u32 len,
					void *buf)
{
	struct stacq_msg *m;

	lockdep_assert_held(&st->lock);
	if (unlikely(st->live >= st->capacity))
		return NULL;
	if (len > STACQ_INLINE_SIZE && !buf) {
		buf = __stacq_store_buf(st, len);
		if (!buf)
			return NULL;
	}
	m = take(st);
	st->live++;
	__stacq_msg_init(m, len, buf);
	return m;
}

/* Move a stored message out of a retired segment, keeping its place. */
static struct stacq_msg *move(struct stacq_store *st, struct stacq_msg *old)
{
	struct stacq_segment *seg = st->segments[old->segment];
	struct stacq_msg *m = take(st);
	u8 id = m->segment;

	*m = *old;
	m->segment = id;
	if (m->state == STACQ_MSG_READY)
		list_replace(&old->link, &m->link);
	if (st->moved)
		st->moved(st, old, m);
	__stacq_segment_put(seg, old);
	if (!seg->live)
		st->reap = true;
	return m;
}

/**
 * __stacq_store_settle() - see that a message is where it can stay
 * @st: the store
 * @m: a message in its list that was in hand while segments were retired
 *
 * Context: The lock is held.
 * Return: the message, which may have moved.
 */
struct stacq_msg *__stacq_store_settle(struct stacq_store *st,
				       struct stacq_msg *m)
{
	lockdep_assert_held(&st->lock);
	return st->segments[m->segment]->retired ? move(st, m) : m;
}

static void move_batch(struct stacq_store *st, struct stacq_msg *m,
		       struct stacq_msg *end)
{
	spin_lock(&st->lock);
	for (; m < end; m++)
		/* Somebody has a pointer to those that are held or dead. */
		if (m->state >= STACQ_MSG_READY && m->state != STACQ_MSG_HELD &&
		    m->state != STACQ_MSG_DEAD)
			move(st, m);
	spin_unlock(&st->lock);
}

/* Move all out of a retired segment but what is in hand. */
static void move_out(struct stacq_store *st, struct stacq_segment *seg)
{
	struct stacq_msg *m, *end, *stop;
	struct stacq_block *block;

	for (block = seg->blocks; block; block = block->next) {
		/* Blocks after the one in use hold nothing. */
		end = block == seg->block ? seg->bump : block->msgs + block->nr;
		for (m = block->msgs; m < end; m = stop) {
			stop = min(m + STORE_BATCH, end);
			move_batch(st, m, stop);
			cond_resched();
		}
		if (block == seg->block)
			break;
	}
}

/**
 * stacq_store_grow() - make more room
 * @st: the store
 * @capacity: how many messages there shall be room for; above the present
 * @gfp: allocation flags
 *
 * Nothing stored moves or waits. The caller keeps other changes of the
 * capacity out.
 *
 * Context: As @gfp says. Takes the lock.
 * Return: 0 or -ENOMEM, and then nothing has changed.
 */
int stacq_store_grow(struct stacq_store *st, u64 capacity, gfp_t gfp)
{
	struct stacq_segment *seg;
	bool ok;

	seg = alloc_segment(capacity - st->capacity, gfp);
	if (!seg)
		return -ENOMEM;
	spin_lock(&st->lock);
	ok = install_segment(st, seg);
	if (ok) {
		st->current_segment = seg;
		st->capacity = capacity;
	}
	spin_unlock(&st->lock);
	if (ok)
		return 0;
	free_segment(seg);
	return -ENOMEM;
}

/**
 * stacq_store_resize() - set the room, up or down
 * @st: the store
 * @capacity: how many messages there shall be room for, at least 1
 * @gfp: allocation flags, which must allow sleeping
 *
 * The caller keeps other changes of the capacity out.
 *
 * Context: May sleep. Takes the lock, for short times.
 * Return: 0, -EBUSY if more is stored, or -ENOMEM; on error nothing has
 *	changed.
 */
int stacq_store_resize(struct stacq_store *st, u64 capacity, gfp_t gfp)
{
	struct stacq_segment *seg = NULL, *fresh = NULL;
	u64 used = 0, kept = 0, keep = 0;
	int i, ret = -EBUSY;
	bool busy;

	BUILD_BUG_ON(STACQ_MAX_SEGMENTS > 64);
	for (i = 0; i < STACQ_MAX_SEGMENTS; i++)
		used += !!st->segments[i];
	/*
	 * Past half the table, all is moved into one segment, so that any
	 * number of calls leaves growth on demand the other half.
	 */
	for (i = 0; i < STACQ_MAX_SEGMENTS && used < STACQ_MAX_SEGMENTS / 2; i++) {
		seg = st->segments[i];
		if (!seg || seg->retired || seg->nr > capacity - kept)
			continue;
		kept += seg->nr;
		keep |= BIT_ULL(i);
	}
	/* Asked again below; here it saves an allocation in vain. */
	spin_lock(&st->lock);
	busy = st->live > capacity;
	spin_unlock(&st->lock);
	if (busy)
		return -EBUSY;
	if (kept < capacity) {
		fresh = alloc_segment(capacity - kept, gfp);
		if (!fresh)
			return -ENOMEM;
	}

	spin_lock(&st->lock);
	if (st->live > capacity)
		goto unlock;
	if (fresh && !install_segment(st, fresh)) {
		ret = -ENOMEM;
		goto unlock;
	}
	if (fresh)
		keep |= BIT_ULL(fresh->id);
	for (i = 0; i < STACQ_MAX_SEGMENTS; i++) {
		seg = st->segments[i];
		if (seg && !(keep & BIT_ULL(i)))
			seg->retired = true;
		else if (seg)
			st->current_segment = seg;
	}
	st->capacity = capacity;
	fresh = NULL;
	ret = 0;
unlock:
	spin_unlock(&st->lock);
	free_segment(fresh);
	if (ret)
		return ret;

	for (i = 0; i < STACQ_MAX_SEGMENTS; i++) {
		seg = st->segments[i];
		if (seg && seg->retired)
			move_out(st, seg);
	}
	stacq_store_reap(st);
	return 0;
}

/**
 * stacq_store_reap() - free retired segments that have emptied
 * @st: the store
 *
 * The caller keeps changes of the capacity out.
 *
 * Context: May sleep. Takes the lock.
 */
void stacq_store_reap(struct stacq_store *st)
{
	struct stacq_segment *chain = NULL, *seg;
	int i;

	spin_lock(&st->lock);
	st->reap = false;
	for (i = 0; i < STACQ_MAX_SEGMENTS; i++) {
		seg = st->segments[i];
		if (!seg || !seg->retired || seg->live)
			continue;
		st->segments[i] = NULL;
		st->bytes -= seg->bytes;
		seg->next = chain;
		chain = seg;
	}
	spin_unlock(&st->lock);
	while ((seg = chain)) {
		chain = seg->next;
		free_segment(seg);
	}
}

/**
 * __stacq_store_buf() - take a spare buffer
 * @st: the store
 * @len: bytes it must hold
 *
 * Context: The lock is held.
 * Return: the buffer, or NULL if there is none.
 */
void *__stacq_store_buf(struct stacq_store *st, u32 len)
{
	int class = buf_class(len);
	struct stacq_spare *spare = st->spare[class];

	lockdep_assert_held(&st->lock);
	if (!spare)
		return NULL;
	st->spare[class] = spare->next;
	st->spare_bytes -= class_size(class);
	if (st->spare_bytes < st->spare_min)
		st->spare_min = st->spare_bytes;
	return spare;
}

/**
 * __stacq_store_buf_free() - make a buffer spare
 * @st: the store
 * @buf: the buffer
 * @len: what it was taken for
 *
 * Context: The lock is held.
 */
void __stacq_store_buf_free(struct stacq_store *st, void *buf, u32 len)
{
	int class = buf_class(len);
	struct stacq_spare *spare = buf;

	lockdep_assert_held(&st->lock);
	spare->next = st->spare[class];
	st->spare[class] = spare;
	st->spare_bytes += class_size(class);
}

/* Cut up to @bytes of spare buffers, largest first, off into a chain. */
static u64 cut(struct stacq_store *st, u64 bytes, struct stacq_spare **chain)
{
	int class, n = 0;
	u64 done = 0;

	lockdep_assert_held(&st->lock);
	for (class = STACQ_BUF_CLASSES - 1; class >= 0; class--) {
		while (st->spare[class] && n < STORE_BATCH &&
		       class_size(class) <= bytes - done) {
			struct stacq_spare *spare = st->spare[class];

			st->spare[class] = spare->next;
			spare->next = *chain;
			*chain = spare;
			done += class_size(class);
			n++;
		}
	}
	st->spare_bytes -= done;
	st->buf_bytes -= done;
	st->bytes -= done;
	return done;
}

/* Free up to @bytes of spare buffers. */
static u64 shed(struct stacq_store *st, u64 bytes)
{
	struct stacq_spare *chain, *spare;
	u64 done, sum = 0;

	do {
		chain = NULL;
		spin_lock(&st->lock);
		done = cut(st, bytes - sum, &chain);
		spin_unlock(&st->lock);
		while ((spare = chain)) {
			chain = spare->next;
			kvfree(spare);
		}
		sum += done;
		cond_resched();
	} while (done);
	return sum;
}

/**
 * stacq_store_trim() - free spare buffers
 * @st: the store
 * @all: all of them, not only those unused since the last call
 *
 * Context: May sleep. Takes the lock.
 * Return: how many bytes were freed.
 */
u64 stacq_store_trim(struct stacq_store *st, bool all)
{
	u64 want, done;

	spin_lock(&st->lock);
	want = all ? st->spare_bytes : min(st->spare_min, st->spare_bytes);
	spin_unlock(&st->lock);
	done = shed(st, want);
	spin_lock(&st->lock);
	st->spare_min = st->spare_bytes;
	spin_unlock(&st->lock);
	return done;
}

/* Allocate a buffer, in place of as many bytes of spare ones. */
static void *fresh_buf(struct stacq_store *st, u32 len, gfp_t gfp)
{
	size_t size = class_size(buf_class(len));
	struct stacq_spare *chain = NULL, *spare;
	void *buf = room_alloc(size, gfp);

	if (!buf && gfpflags_allow_blocking(gfp) && stacq_store_trim(st, true))
		buf = room_alloc(size, gfp);
	if (!buf)
		return NULL;
	spin_lock(&st->lock);
	if (gfpflags_allow_blocking(gfp))
		cut(st, size, &chain);
	st->buf_bytes += size;
	st->bytes += size;
	spin_unlock(&st->lock);
	while ((spare = chain)) {
		chain = spare->next;
		kvfree(spare);
	}
	return buf;
}

/**
 * stacq_store_buf() - take a spare buffer, or allocate one
 * @st: the store
 * @len: bytes it must hold, at least 1
 * @gfp: allocation flags
 *
 * Context: As @gfp says. Takes the lock.
 * Return: the buffer, or NULL if there is no memory.
 */
void *stacq_store_buf(struct stacq_store *st, u32 len, gfp_t gfp)
{
	void *buf;

	spin_lock(&st->lock);
	buf = __stacq_store_buf(st, len);
	spin_unlock(&st->lock);
	return buf ?: fresh_buf(st, len, gfp);
}

/**
 * stacq_store_buf_free() - make a buffer spare
 * @st: the store
 * @buf: the buffer, or NULL
 * @len: what it was taken for
 *
 * Context: Any that may take the lock.
 */
void stacq_store_buf_free(struct stacq_store *st, void *buf, u32 len)
{
	if (!buf)
		return;
	spin_lock(&st->lock);
	__stacq_store_buf_free(st, buf, len);
	spin_unlock(&st->lock);
}
