// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the container: the store and the queue, compiled into this module
 * so that everything in them can be seen, and every allocation made to fail.
 */
#define pr_fmt(fmt) fmt
#define STACQ_NO_TRACE

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

/* The allocation that fails, counted down from here; 0 for none. */
static int fail_at;

static bool fails(void)
{
	return fail_at && !--fail_at;
}

static void *test_kmalloc(size_t size, gfp_t gfp)
{
	return fails() ? NULL : kmalloc(size, gfp);
}

static void *test_kzalloc(size_t size, gfp_t gfp)
{
	return fails() ? NULL : kzalloc(size, gfp);
}

static void *test_kvmalloc(size_t size, gfp_t gfp)
{
	return fails() ? NULL : kvmalloc(size, gfp);
}

static void *test_vmalloc(size_t size, gfp_t gfp)
{
	return fails() ? NULL : __vmalloc(size, gfp);
}

#undef kmalloc
#undef kzalloc
#undef kvmalloc
#undef __vmalloc
#define kmalloc		test_kmalloc
#define kzalloc		test_kzalloc
#define kvmalloc	test_kvmalloc
#define __vmalloc	test_vmalloc

#include "core/clock.c"
#include "core/store.c"
#undef pr_fmt
#include "core/queue.c"
#undef pr_fmt
#include "core/returned.c"
#include "core/order.c"
#include "core/room.c"
#include "core/level.c"
#include "delivery/lease.c"
#include "core/note.c"
#include "delivery/dead.c"
#include "delivery/delivery.c"
#include "delivery/wait.c"
#include "io/inspect.c"

#include "queue_test.h"

static const struct stacq_limits no_limits;

static struct stacq_queue *new_queue(unsigned int order, u64 capacity)
{
	return stacq_queue_alloc("test", order, &no_limits, capacity);
}

/* As move.c has it, but without waiting or growing: the test makes the room. */
int stacq_hand_over(struct stacq_queue *to, struct stacq_msg *m, bool wait,
		    const struct stacq_attr *attr)
{
	void *buf = stacq_send_buf(to, m->len, GFP_KERNEL);
	struct stacq_msg *copy;
	int ret = -ENOMEM;

	if (!buf)
		goto free_note;
	memcpy(buf, stacq_msg_data(m), m->len);
	stacq_lock(to);
	copy = __stacq_send_begin(to, m->len, buf);
	ret = PTR_ERR_OR_ZERO(copy);
	if (!ret) {
		if (m->len <= STACQ_INLINE_SIZE) {
			memcpy(copy->data, buf, m->len);
			__stacq_store_buf_free(&to->store, buf, m->len);
		}
		__stacq_send_attr(&to->clock, copy, attr);
		__stacq_note_add(to, copy, attr->note);
		__stacq_send_commit(to, copy);
	}
	stacq_unlock(to);
	if (!ret)
		return 0;
	stacq_store_buf_free(&to->store, buf, m->len);
free_note:
	kfree(attr->note);
	return ret;
}

/* For what the rest of a case can't do without. */
static bool must(struct kunit *test, bool cond)
{
	KUNIT_EXPECT_TRUE(test, cond);
	return cond;
}

static u8 pattern(u64 seq, u32 i)
{
	return seq * 31 + i;
}

/* Messages have few priorities, so that there are several of each. */
#define PRIORITIES	5

static int priority_of(u64 seq)
{
	return (u32)seq * 3 % PRIORITIES;
}

/* Send a message of @len bytes that its number can be told from. */
static int put(struct stacq_queue *q, u32 len)
{
	struct stacq_msg *m;
	void *buf = NULL;
	u8 *data;
	int ret;
	u32 i;

	for (;;) {
		stacq_lock(q);
		m = __stacq_send_begin(q, len, buf);
		if (!IS_ERR(m)) {
			data = stacq_msg_data(m);
			for (i = 0; i < len; i++)
				data[i] = pattern(q->seq + 1, i);
			m->priority = priority_of(q->seq + 1);
			__stacq_send_commit(q, m);
			stacq_unlock(q);
			return 0;
		}
		stacq_unlock(q);
		ret = PTR_ERR(m);
		if (ret != -ENOBUFS)
			break;
		if (len > STACQ_INLINE_SIZE && !buf) {
			buf = stacq_store_buf(&q->store, len, GFP_KERNEL);
			ret = buf ? 0 : -ENOMEM;
		} else {
			ret = stacq_make_room(q, GFP_KERNEL);
		}
		if (ret)
			break;
	}
	stacq_store_buf_free(&q->store, buf, len);
	return ret;
}

static bool intact(struct stacq_msg *m)
{
	u8 *data = stacq_msg_data(m);
	u32 i;

	for (i = 0; i < m->len; i++)
		if (data[i] != pattern(m->seq, i))
			return false;
	return m->len > 0;
}

/* Receive a message: its number, or a negative error. */
static s64 get(struct stacq_queue *q)
{
	struct stacq_msg *m;
	s64 ret;

	stacq_lock(q);
	m = __stacq_receive_begin(q);
	if (IS_ERR_OR_NULL(m)) {
		ret = PTR_ERR_OR_ZERO(m);
	} else {
		ret = intact(m) ? m->seq : -EBADMSG;
		__stacq_receive_done(q, m);
	}
	stacq_unlock(q);
	return ret;
}

static struct stacq_msg *hold(struct stacq_queue *q)
{
	struct stacq_lease *spare = NULL;
	struct stacq_msg *m;
	int at = fail_at;

	/* It is not what the test is about. */
	fail_at = 0;
	stacq_lease_alloc(&spare);
	fail_at = at;
	if (!spare)
		return NULL;
	stacq_lock(q);
	m = __stacq_receive_begin(q);
	if (!IS_ERR_OR_NULL(m))
		__stacq_hold(q, m, &spare);
	stacq_unlock(q);
	kfree(spare);
	return IS_ERR_OR_NULL(m) ? NULL : m;
}

static void give_back(struct stacq_queue *q, struct stacq_msg *m)
{
	stacq_lock(q);
	__stacq_give_back(q, m, true);
	stacq_unlock(q);
}

static void held_done(struct stacq_queue *q, struct stacq_msg *m)
{
	stacq_lock(q);
	__stacq_held_done(q, m);
	stacq_unlock(q);
}

static struct stacq_info info_of(struct stacq_queue *q)
{
	struct stacq_info info;

	stacq_get_info(q, &info);
	return info;
}

static void fifo_order(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 1);
	int i;

	if (!must(test, q))
		return;
	for (i = 1; i <= 100; i++)
		KUNIT_EXPECT_EQ(test, put(q, i), 0);
	for (i = 1; i <= 100; i++)
		KUNIT_EXPECT_EQ(test, get(q), i);
	KUNIT_EXPECT_EQ(test, get(q), -EAGAIN);
	stacq_queue_put(q);
}

static void lifo_order(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_LIFO, 1);
	int i;

	if (!must(test, q))
		return;
	for (i = 1; i <= 100; i++)
		KUNIT_EXPECT_EQ(test, put(q, i), 0);
	for (i = 100; i >= 1; i--)
		KUNIT_EXPECT_EQ(test, get(q), i);
	KUNIT_EXPECT_EQ(test, get(q), -EAGAIN);
	stacq_queue_put(q);
}

static void priority_order(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_PRIORITY, 1);
	int p, i;

	if (!must(test, q))
		return;
	for (i = 1; i <= 100; i++)
		KUNIT_EXPECT_EQ(test, put(q, i), 0);
	for (p = PRIORITIES - 1; p >= 0; p--)
		for (i = 1; i <= 100; i++)
			if (priority_of(i) == p)
				KUNIT_EXPECT_EQ(test, get(q), i);
	KUNIT_EXPECT_EQ(test, get(q), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&q->levels.root));
	stacq_queue_put(q);
}

static void capacity_doubles(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 1);
	u64 expected = 1;
	int i;

	if (!must(test, q))
		return;
	for (i = 1; i <= 1000; i++) {
		KUNIT_EXPECT_EQ(test, put(q, 8), 0);
		if (i > expected)
			expected *= 2;
		KUNIT_EXPECT_EQ(test, info_of(q).capacity, expected);
	}
	KUNIT_EXPECT_EQ(test, info_of(q).growths, 10);
	KUNIT_EXPECT_EQ(test, info_of(q).high_water, 1000);
	stacq_queue_put(q);
}

static void capacity_stops_at_limit(struct kunit *test)
{
	static const struct stacq_limits ten = { .max_msgs = 10 };
	struct stacq_queue *q = stacq_queue_alloc("test", STACQ_FIFO, &ten, 1);
	int i;

	if (!must(test, q))
		return;
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, put(q, 8), 0);
	KUNIT_EXPECT_EQ(test, put(q, 8), -EAGAIN);
	KUNIT_EXPECT_EQ(test, info_of(q).capacity, 10);
	stacq_queue_put(q);
}

static void room_is_recycled(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 4);
	u64 memory;
	int i;

	if (!must(test, q))
		return;
	for (i = 0; i < 3; i++)
		put(q, 1000);
	memory = info_of(q).memory;
	fail_at = 1;
	/* Many times round, and no allocation: it would fail. */
	for (i = 0; i < 1000; i++) {
		KUNIT_EXPECT_EQ(test, get(q), i + 1);
		KUNIT_EXPECT_EQ(test, put(q, 1000), 0);
	}
	KUNIT_EXPECT_EQ(test, fail_at, 1);
	fail_at = 0;
	KUNIT_EXPECT_EQ(test, info_of(q).memory, memory);
	stacq_queue_put(q);
}

static void buffers_of_other_sizes_make_way(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 16);
	u64 memory;
	int i;

	if (!must(test, q))
		return;
	memory = info_of(q).memory;
	for (i = 0; i < 16; i++)
		put(q, 4096);
	KUNIT_EXPECT_EQ(test, info_of(q).memory, memory + 16 * 4096);
	for (i = 0; i < 16; i++)
		get(q);
	for (i = 0; i < 4; i++)
		put(q, 8192);
	KUNIT_EXPECT_TRUE(test, info_of(q).memory <= memory + 16 * 4096);
	stacq_queue_put(q);
}

static void shrink_below_depth_is_busy(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 1);
	struct stacq_msg *m;
	u64 was;
	int i;

	if (!must(test, q))
		return;
	for (i = 0; i < 10; i++)
		put(q, 100);
	m = hold(q);
	KUNIT_EXPECT_EQ(test, stacq_set_capacity(q, 9, &was), -EBUSY);
	KUNIT_EXPECT_EQ(test, info_of(q).capacity, 16);
	KUNIT_EXPECT_EQ(test, stacq_set_capacity(q, 10, &was), 0);
	KUNIT_EXPECT_EQ(test, was, 16);
	KUNIT_EXPECT_EQ(test, info_of(q).capacity, 10);
	KUNIT_EXPECT_EQ(test, stacq_set_capacity(q, 0, &was), -EINVAL);
	held_done(q, m);
	for (i = 2; i <= 10; i++)
		KUNIT_EXPECT_EQ(test, get(q), i);
	stacq_queue_put(q);
}

static void shrink_moves_what_is_stored(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 1);
	u64 was, small = info_of(q).memory;
	int i;

	if (!must(test, q))
		return;
	for (i = 0; i < 3000; i++)
		put(q, i % 200 + 1);
	for (i = 1; i <= 2990; i++)
		KUNIT_EXPECT_EQ(test, get(q), i);
	/* The last ten are far out in the room that goes. */
	KUNIT_EXPECT_EQ(test, stacq_set_capacity(q, 10, &was), 0);
	for (i = 2991; i <= 3000; i++)
		KUNIT_EXPECT_EQ(test, get(q), i);
	KUNIT_EXPECT_EQ(test, stacq_set_capacity(q, 1, &was), 0);
	KUNIT_EXPECT_EQ(test, info_of(q).memory, small);
	stacq_queue_put(q);
}

static void shrink_waits_for_what_is_in_hand(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 1);
	struct stacq_msg *a, *b;
	u64 was, memory;
	int i;

	if (!must(test, q))
		return;
	for (i = 0; i < 100; i++)
		put(q, 50);
	for (i = 1; i <= 97; i++)
		get(q);
	a = hold(q);
	b = hold(q);
	if (!must(test, a && b))
		return;
	KUNIT_EXPECT_EQ(test, stacq_set_capacity(q, 3, &was), 0);
	KUNIT_EXPECT_TRUE(test, intact(a) && intact(b));
	memory = info_of(q).memory;
	give_back(q, b);
	held_done(q, a);
	flush_delayed_work(&q->idle_work);
	KUNIT_EXPECT_TRUE(test, info_of(q).memory < memory);
	KUNIT_EXPECT_EQ(test, get(q), 99);
	KUNIT_EXPECT_EQ(test, get(q), 100);
	KUNIT_EXPECT_EQ(test, get(q), -EAGAIN);
	stacq_queue_put(q);
}

static void many_resizes_leave_growth_its_place(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_LIFO, 1);
	u64 was;
	int i;

	if (!must(test, q))
		return;
	put(q, 64);
	for (i = 2; i < 200; i++)
		KUNIT_EXPECT_EQ(test, stacq_set_capacity(q, i, &was), 0);
	for (i = 2; i < 4000; i++)
		KUNIT_EXPECT_EQ(test, put(q, 64), 0);
	for (i = 3999; i >= 1; i--)
		KUNIT_EXPECT_EQ(test, get(q), i);
	stacq_queue_put(q);
}

static void unused_room_goes_by_itself(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 2);
	struct work_struct *work;
	int i;

	if (!must(test, q))
		return;
	work = &q->idle_work.work;
	for (i = 0; i < 500; i++)
		put(q, 300);
	for (i = 0; i < 497; i++)
		get(q);
	cancel_delayed_work_sync(&q->idle_work);
	/* The first time the busy period is not over, the second it is. */
	work->func(work);
	KUNIT_EXPECT_EQ(test, info_of(q).capacity, 512);
	work->func(work);
	KUNIT_EXPECT_EQ(test, info_of(q).capacity, 4);
	KUNIT_EXPECT_EQ(test, info_of(q).shrinks, 1);
	KUNIT_EXPECT_EQ(test, info_of(q).high_water, 500);
	KUNIT_EXPECT_EQ(test, q->store.spare_bytes, 0);
	for (i = 498; i <= 500; i++)
		KUNIT_EXPECT_EQ(test, get(q), i);
	work->func(work);
	work->func(work);
	KUNIT_EXPECT_EQ(test, info_of(q).capacity, 2);
	stacq_queue_put(q);
}

static void limits_hold(struct kunit *test)
{
	static const struct stacq_limits l = { .max_msgs = 4, .max_bytes = 100,
					       .max_msg_size = 60 };
	static const struct stacq_limits more = { STACQ_UNCHANGED, 0,
						  STACQ_UNCHANGED };
	struct stacq_queue *q = stacq_queue_alloc("test", STACQ_FIFO, &l, 1);

	if (!must(test, q))
		return;
	KUNIT_EXPECT_EQ(test, put(q, 61), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, put(q, 60), 0);
	KUNIT_EXPECT_EQ(test, put(q, 41), -EAGAIN);
	KUNIT_EXPECT_EQ(test, put(q, 40), 0);
	KUNIT_EXPECT_EQ(test, put(q, 1), -EAGAIN);
	KUNIT_EXPECT_EQ(test, stacq_set_limits(q, &more), 0);
	KUNIT_EXPECT_EQ(test, put(q, 1), 0);
	KUNIT_EXPECT_EQ(test, put(q, 1), 0);
	KUNIT_EXPECT_EQ(test, put(q, 1), -EAGAIN);
	KUNIT_EXPECT_EQ(test, info_of(q).depth, 4);
	KUNIT_EXPECT_EQ(test, info_of(q).bytes, 102);
	stacq_queue_put(q);
}

static void given_back_to_its_place(struct kunit *test)
{
	static const unsigned int orders[] = { STACQ_FIFO, STACQ_LIFO };
	static const int expected[][5] = { { 1, 2, 3, 4, 5 }, { 5, 4, 3, 2, 1 } };
	int o, i;

	for (o = 0; o < 2; o++) {
		struct stacq_queue *q = new_queue(orders[o], 1);
		struct stacq_msg *a, *b;

		if (!must(test, q))
			return;
		for (i = 0; i < 3; i++)
			put(q, 10);
		a = hold(q);
		b = hold(q);
		if (!must(test, a && b))
			return;
		KUNIT_EXPECT_EQ(test, info_of(q).depth, 1);
		KUNIT_EXPECT_EQ(test, info_of(q).held, 2);
		KUNIT_EXPECT_EQ(test, info_of(q).held_bytes, 20);
		put(q, 10);
		put(q, 10);
		give_back(q, b);
		give_back(q, a);
		KUNIT_EXPECT_EQ(test, a->deliveries, 1);
		KUNIT_EXPECT_EQ(test, info_of(q).requeued, 2);
		for (i = 0; i < 5; i++)
			KUNIT_EXPECT_EQ(test, get(q), expected[o][i]);
		stacq_queue_put(q);
	}
}

static void in_hand_is_passed_over(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 1);
	struct stacq_msg *a;

	if (!must(test, q))
		return;
	put(q, 10);
	a = hold(q);
	KUNIT_EXPECT_EQ(test, get(q), -EAGAIN);
	put(q, 10);
	KUNIT_EXPECT_EQ(test, get(q), 2);
	KUNIT_EXPECT_EQ(test, get(q), -EAGAIN);
	/* The end is not reached while something may come back. */
	stacq_seal(q, true);
	KUNIT_EXPECT_EQ(test, get(q), -EAGAIN);
	held_done(q, a);
	KUNIT_EXPECT_EQ(test, get(q), 0);
	stacq_queue_put(q);
}

static void delivery_count_stops(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 1);
	struct stacq_peek peek;
	int i;

	if (!must(test, q))
		return;
	put(q, 1);
	for (i = 0; i < 300; i++)
		give_back(q, hold(q));
	KUNIT_EXPECT_TRUE(test, !stacq_peek(q, 0, 0, &peek));
	KUNIT_EXPECT_EQ(test, peek.deliveries, 255);
	KUNIT_EXPECT_EQ(test, info_of(q).requeued, 300);
	stacq_queue_put(q);
}

static void purge_spares_what_is_in_hand(struct kunit *test)
{
	static const unsigned int orders[] = { STACQ_FIFO, STACQ_LIFO };
	int o, i;

	for (o = 0; o < 2; o++) {
		struct stacq_queue *q = new_queue(orders[o], 1);
		struct stacq_msg *m;

		if (!must(test, q))
			return;
		for (i = 0; i < 200; i++)
			put(q, 70);
		m = hold(q);
		KUNIT_EXPECT_EQ(test, stacq_purge(q), 199);
		KUNIT_EXPECT_EQ(test, stacq_purge(q), 0);
		KUNIT_EXPECT_EQ(test, info_of(q).depth, 0);
		KUNIT_EXPECT_EQ(test, info_of(q).discarded, 199);
		KUNIT_EXPECT_TRUE(test, m && intact(m));
		give_back(q, m);
		KUNIT_EXPECT_EQ(test, get(q), o ? 200 : 1);
		stacq_queue_put(q);
	}
}

static void sealed_and_removed(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_FIFO, 1);
	u64 msgs, bytes, was;
	struct stacq_peek peek;

	if (!must(test, q))
		return;
	put(q, 5);
	stacq_seal(q, true);
	KUNIT_EXPECT_EQ(test, put(q, 5), -EPIPE);
	stacq_seal(q, false);
	KUNIT_EXPECT_EQ(test, put(q, 5), 0);
	stacq_queue_end(q, &msgs, &bytes);
	KUNIT_EXPECT_EQ(test, msgs, 2);
	KUNIT_EXPECT_EQ(test, bytes, 10);
	KUNIT_EXPECT_EQ(test, put(q, 5), -EIDRM);
	KUNIT_EXPECT_EQ(test, get(q), -EIDRM);
	KUNIT_EXPECT_EQ(test, stacq_seal(q, true), -EIDRM);
	KUNIT_EXPECT_EQ(test, stacq_set_capacity(q, 8, &was), -EIDRM);
	KUNIT_EXPECT_EQ(test, PTR_ERR(stacq_peek(q, 0, 9, &peek)), -EIDRM);
	stacq_queue_put(q);
}

static void peek_at_positions(struct kunit *test)
{
	struct stacq_queue *q = new_queue(STACQ_LIFO, 1);
	struct stacq_peek peek;
	struct stacq_msg *m;
	u8 *copy;
	int i;

	if (!must(test, q))
		return;
	for (i = 1; i <= 2000; i++)
		put(q, i % 100 + 1);
	m = hold(q);
	for (i = 0; i < 1999; i += 333) {
		copy = stacq_peek(q, i, 50, &peek);
		if (!must(test, !IS_ERR_OR_NULL(copy)))
			return;
		KUNIT_EXPECT_EQ(test, peek.seq, 1999 - i);
		KUNIT_EXPECT_EQ(test, peek.len, (1999 - i) % 100 + 1);
		KUNIT_EXPECT_EQ(test, copy[0], pattern(peek.seq, 0));
		kvfree(copy);
	}
	KUNIT_EXPECT_EQ(test, PTR_ERR(stacq_peek(q, 1999, 9, &peek)), -ENOMSG);
	KUNIT_EXPECT_EQ(test, info_of(q).depth, 1999);
	held_done(q, m);
	stacq_queue_put(q);
}

/* Grow, shrink, fill, peek; each allocation in it fails once. */
static void each_allocation_fails(struct kunit *test)
{
	int n, left = 0, failures = 0;

	for (n = 1; !left; n++) {
		struct stacq_queue *q;
		struct stacq_info info;
		struct stacq_peek peek;
		u64 was, sent = 0;
		void *copy;
		int i, ret;

		if (!must(test, n < 1000))
			return;
		fail_at = n;
		q = new_queue(STACQ_FIFO, 1);
		if (!q) {
			KUNIT_EXPECT_EQ(test, fail_at, 0);
			failures++;
			continue;
		}
		for (i = 0; i < 100; i++) {
			info = info_of(q);
			ret = put(q, i % 2 ? 40 : 4000);
			sent += !ret;
			if (ret) {
				KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
				KUNIT_EXPECT_EQ(test, info_of(q).depth, info.depth);
				KUNIT_EXPECT_EQ(test, info_of(q).bytes, info.bytes);
				failures++;
			}
		}
		info = info_of(q);
		for (i = 1; i < 2000; i += 199) {
			ret = stacq_set_capacity(q, info.capacity + i, &was);
			if (ret) {
				KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
				KUNIT_EXPECT_EQ(test, info_of(q).capacity, was);
				failures++;
			}
		}
		ret = stacq_set_capacity(q, info.depth + 1, &was);
		if (ret) {
			KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
			KUNIT_EXPECT_EQ(test, info_of(q).capacity, was);
			failures++;
		}
		copy = stacq_peek(q, 5, 100, &peek);
		if (IS_ERR(copy)) {
			KUNIT_EXPECT_EQ(test, PTR_ERR(copy), -ENOMEM);
			failures++;
		} else {
			kvfree(copy);
		}
		left = fail_at;
		fail_at = 0;
		KUNIT_EXPECT_EQ(test, info_of(q).depth, sent);
		for (i = 1; i <= sent; i++)
			KUNIT_EXPECT_EQ(test, get(q), i);
		stacq_queue_put(q);
	}
	fail_at = 0;
	/* High-order blocks fall back to pages, spare buffers to a trim. */
	KUNIT_EXPECT_TRUE(test, failures > 50);
}

#define MODEL_MAX	600

struct model {
	struct {
		u64 seq;
		struct stacq_msg *held;
	} msgs[MODEL_MAX];
	int nr;
	int held;
};

static int model_first(const struct model *model, unsigned int order)
{
	int i, best = -1;

	for (i = 0; i < model->nr; i++) {
		int at = order == STACQ_LIFO ? model->nr - 1 - i : i;

		if (model->msgs[at].held)
			continue;
		if (order != STACQ_PRIORITY)
			return at;
		if (best < 0 || priority_of(model->msgs[at].seq) >
				priority_of(model->msgs[best].seq))
			best = at;
	}
	return best;
}

static void model_drop(struct model *model, int at)
{
	model->nr--;
	memmove(&model->msgs[at], &model->msgs[at + 1],
		(model->nr - at) * sizeof(model->msgs[0]));
}

/* A held message, chosen by chance. */
static int model_held(const struct model *model, u32 nth)
{
	int i;

	nth %= model->held;
	for (i = 0; i < model->nr; i++)
		if (model->msgs[i].held && !nth--)
			return i;
	return -1;
}

static void against_model(struct kunit *test, unsigned int order, u32 seed)
{
	struct stacq_queue *q = new_queue(order, 1);
	struct model *model = kzalloc(sizeof(*model), GFP_KERNEL);
	struct rnd_state rnd;
	u64 seq = 0, was;
	int step, i, at;

	if (!must(test, q && model))
		return;
	prandom_seed_state(&rnd, seed);
	for (step = 0; step < 20000; step++) {
		u32 r = prandom_u32_state(&rnd), dice = r % 100;
		/* Fill and drain in turns, so that it wraps and resizes. */
		u32 fill = step / 500 % 2 ? 55 : 25;

		r /= 100;
		if (dice < fill && model->nr < MODEL_MAX) {
			u32 len = r % 8 ? r % 130 + 1 : r % 5000 + 1;

			KUNIT_EXPECT_EQ(test, put(q, len), 0);
			model->msgs[model->nr++].seq = ++seq;
		} else if (dice < 80) {
			at = model_first(model, order);
			KUNIT_EXPECT_EQ(test, get(q),
					at < 0 ? -EAGAIN : model->msgs[at].seq);
			if (at >= 0)
				model_drop(model, at);
		} else if (dice < 85) {
			at = model_first(model, order);
			if (at < 0 || model->held > 20)
				continue;
			model->msgs[at].held = hold(q);
			if (!must(test, model->msgs[at].held))
				return;
			KUNIT_EXPECT_EQ(test, model->msgs[at].held->seq,
					model->msgs[at].seq);
			model->held++;
		} else if (dice < 90 && model->held) {
			at = model_held(model, r);
			KUNIT_EXPECT_TRUE(test, intact(model->msgs[at].held));
			if (r % 3) {
				held_done(q, model->msgs[at].held);
				model_drop(model, at);
			} else {
				give_back(q, model->msgs[at].held);
				model->msgs[at].held = NULL;
			}
			model->held--;
		} else if (dice < 99) {
			u64 capacity = r % 700 + 1;
			int ret = stacq_set_capacity(q, capacity, &was);

			KUNIT_EXPECT_EQ(test, ret,
					capacity < model->nr ? -EBUSY : 0);
		} else if (r % 16 == 0) {
			KUNIT_EXPECT_EQ(test, stacq_purge(q),
					model->nr - model->held);
			for (i = 0, at = 0; i < model->nr; i++)
				if (model->msgs[i].held)
					model->msgs[at++] = model->msgs[i];
			for (i = at; i < model->nr; i++)
				model->msgs[i].held = NULL;
			model->nr = at;
		}
		if (model->nr < MODEL_MAX)
			model->msgs[model->nr].held = NULL;
		KUNIT_EXPECT_EQ(test, __stacq_stored(q), model->nr);
		KUNIT_EXPECT_EQ(test, q->count[STACQ_MSG_HELD].nr, model->held);
		KUNIT_EXPECT_TRUE(test, q->store.live == __stacq_stored(q) &&
				  q->store.live <= q->store.capacity);
	}
	for (i = 0; i < model->nr; i++)
		if (model->msgs[i].held)
			held_done(q, model->msgs[i].held);
	stacq_queue_put(q);
	kfree(model);
}

static void fifo_against_model(struct kunit *test)
{
	against_model(test, STACQ_FIFO, 1);
	against_model(test, STACQ_FIFO, 2);
}

static void lifo_against_model(struct kunit *test)
{
	against_model(test, STACQ_LIFO, 3);
	against_model(test, STACQ_LIFO, 4);
}

static void priority_against_model(struct kunit *test)
{
	against_model(test, STACQ_PRIORITY, 5);
	against_model(test, STACQ_PRIORITY, 6);
}

/* Give a message back until it is dead. */
static void kill_next(struct stacq_queue *q)
{
	give_back(q, hold(q));
}

static void bury_now(struct stacq_queue *q)
{
	mod_delayed_work(stacq_wq, &q->dead.work, 0);
	flush_work(&q->dead.work.work);
}

static void dead_letters(struct kunit *test)
{
	struct stacq_delivery d = {
		.set = STACQ_SET_MAX_DELIVERIES | STACQ_SET_DEAD_LETTER,
		.max_deliveries = 1,
	};
	struct stacq_queue *q = new_queue(STACQ_FIFO, 8);
	struct stacq_queue *letter = new_queue(STACQ_FIFO, 8);
	struct stacq_peek peek;
	struct stacq_info info;

	if (!must(test, q && letter))
		return;
	KUNIT_EXPECT_EQ(test, stacq_set_delivery(q, &d, q), -EINVAL);
	KUNIT_EXPECT_EQ(test, stacq_set_delivery(q, &d, letter), 0);
	must(test, !put(q, 10));
	must(test, !put(q, 200));
	kill_next(q);
	flush_work(&q->dead.work.work);
	stacq_get_info(q, &info);
	KUNIT_EXPECT_EQ(test, info.dead, 0);
	KUNIT_EXPECT_EQ(test, info.dead_lettered, 1);
	KUNIT_EXPECT_EQ(test, info.depth, 1);
	/* Without memory for the history it stays, and is tried again. */
	fail_at = 1;
	kill_next(q);
	flush_work(&q->dead.work.work);
	KUNIT_EXPECT_EQ(test, fail_at, 0);
	stacq_get_info(q, &info);
	KUNIT_EXPECT_EQ(test, info.dead, 1);
	KUNIT_EXPECT_EQ(test, info.dead_lettered, 1);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&q->dead.work));
	/* Nor without memory for its bytes. */
	stacq_store_trim(&letter->store, true);
	fail_at = 2;
	bury_now(q);
	KUNIT_EXPECT_EQ(test, fail_at, 0);
	stacq_get_info(q, &info);
	KUNIT_EXPECT_EQ(test, info.dead, 1);
	bury_now(q);
	stacq_get_info(q, &info);
	KUNIT_EXPECT_EQ(test, info.dead, 0);
	KUNIT_EXPECT_EQ(test, info.dead_lettered, 2);
	KUNIT_EXPECT_TRUE(test, !stacq_peek(letter, 1, 0, &peek));
	KUNIT_EXPECT_EQ(test, peek.len, 200);
	KUNIT_EXPECT_EQ(test, peek.cause, STACQ_CAUSE_EXHAUSTED);
	KUNIT_EXPECT_EQ(test, strcmp(peek.origin, "test"), 0);
	/* Freed with the dead-letter queue full, and one dead. */
	letter->msgs_max = 2;
	must(test, !put(q, 10));
	kill_next(q);
	flush_work(&q->dead.work.work);
	stacq_get_info(q, &info);
	KUNIT_EXPECT_EQ(test, info.dead, 1);
	stacq_queue_put(q);
	stacq_queue_put(letter);
}

static struct kunit_case queue_cases[] = {
	KUNIT_CASE(fifo_order),
	KUNIT_CASE(lifo_order),
	KUNIT_CASE(priority_order),
	KUNIT_CASE(capacity_doubles),
	KUNIT_CASE(capacity_stops_at_limit),
	KUNIT_CASE(room_is_recycled),
	KUNIT_CASE(buffers_of_other_sizes_make_way),
	KUNIT_CASE(shrink_below_depth_is_busy),
	KUNIT_CASE(shrink_moves_what_is_stored),
	KUNIT_CASE(shrink_waits_for_what_is_in_hand),
	KUNIT_CASE(many_resizes_leave_growth_its_place),
	KUNIT_CASE(unused_room_goes_by_itself),
	KUNIT_CASE(limits_hold),
	KUNIT_CASE(given_back_to_its_place),
	KUNIT_CASE(in_hand_is_passed_over),
	KUNIT_CASE(delivery_count_stops),
	KUNIT_CASE(purge_spares_what_is_in_hand),
	KUNIT_CASE(sealed_and_removed),
	KUNIT_CASE(peek_at_positions),
	KUNIT_CASE(dead_letters),
	KUNIT_CASE(each_allocation_fails),
	KUNIT_CASE(fifo_against_model),
	KUNIT_CASE(lifo_against_model),
	KUNIT_CASE(priority_against_model),
	{}
};

static struct kunit_suite queue_suite = {
	.name = "stacq_queue",
	.test_cases = queue_cases,
};

#if IS_ENABLED(CONFIG_KUNIT)
kunit_test_suite(queue_suite);
#else
static int __init queue_test_init(void)
{
	return kunit_run_suite(&queue_suite);
}

static void __exit queue_test_exit(void)
{
}

module_init(queue_test_init);
module_exit(queue_test_exit);
#endif

MODULE_DESCRIPTION("Tests of the container of stacq");
MODULE_LICENSE("GPL");
