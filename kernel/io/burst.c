// SPDX-License-Identifier: GPL-2.0
/*
 * Bursts: many short frames in user memory, one after another.
 *
 * What frame.c does for any message and any memory is done here for messages that
 * fit into a struct stacq_msg, with nobody waiting: header and bytes are copied
 * in one go, a word at a time, and lists and counts change once for all of them.
 * That takes less than half the instructions. Whatever is out of the ordinary
 * ends a burst and is left to frame.c; so there is one place for each error.
 *
 * Between user_*_access_begin() and _end() no function may be called: what is used
 * there is __always_inline.
 *
 * Locking: the queue's lock is held, and page faults are off.
 */
#include <linux/fault-inject-usercopy.h>
#include <linux/instrumented.h>
#include <linux/uaccess.h>

#include "io/copy.h"
#include "io/frame.h"
#include "core/queue.h"

/* Frames and the room of a message end with a whole word: that is how they are copied. */
static_assert(STACQ_INLINE_SIZE % sizeof(u64) == 0);

/* Does anybody want to be told of copies? */
#define INSTRUMENTED	(IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN) || \
			 IS_ENABLED(CONFIG_KMSAN))

static u64 room(u64 limit, u64 used)
{
	return limit - min(limit, used);
}

/* Where of @len bytes of frames the last one may begin, plus one. */
static size_t last_begin(size_t len)
{
	size_t head = sizeof(struct stacq_head);

	return len < head ? 0 : min_t(size_t, len - head + 1, STACQ_FRAMES_LOCKED);
}

/*
 * Put a message at the end of a list that nobody else sees yet, or at the front.
 * (list_add() would look for corruption here, too, in a fifth of all instructions.)
 */
static __always_inline void put(struct list_head *link, struct list_head *list,
				bool front)
{
	struct list_head *prev = front ? list : list->prev;
	struct list_head *next = front ? list->next : list;

	link->prev = prev;
	link->next = next;
	prev->next = link;
	next->prev = link;
}

static void trace_arrived(struct stacq_queue *q, struct list_head *arrived)
{
	struct stacq_msg *m;

	list_for_each_entry(m, arrived, link)
		trace_stacq_send(q->name, m->seq, m->len, __stacq_stored(q) + m->seq - q->seq);
}

/**
 * __stacq_send_burst() - send the messages of short frames
 * @q: the queue
 * @from: the frames
 * @len: bytes of them. It stops after STACQ_FRAMES_LOCKED.
 *
 * Context: The lock is held, page faults are off.
 * Return: bytes of the frames whose messages were sent. Nobody has to be woken.
 */
size_t __stacq_send_burst(struct stacq_queue *q, const char __user *from,
			  size_t len)
{
	u64 most = min(room(q->msgs_max, __stacq_stored(q)),
		       room(q->store.capacity, q->store.live));
	const u32 longest = min_t(u64, STACQ_INLINE_SIZE, q->msg_max);
	const char __user *const stop = from + last_begin(len);
	const char __user *const end = from + len;
	struct stacq_segment *seg = q->store.current_segment;
	const struct stacq_clock *const now = __stacq_clock_now(&q->clock);
	const bool lifo = q->order == STACQ_LIFO;
	const char __user *at = from;
	u64 seq = q->seq, bytes = 0, nr;
	struct stacq_msg *m, *next;
	struct stacq_head head;
	struct stacq_attr attr;
	LIST_HEAD(arrived);
	bool more = true;
	u32 msg_len, i;

	stacq_assert_locked(q);
	/* With the lock held, waitqueue_active() pairs with the waiter's look: see wait.c. */
	if (q->special & ~STACQ_SPECIAL_RETURNED || waitqueue_active(&q->read_wait) ||
	    atomic_read(&q->writers_waiting) || !stacq_copy_short(longest) ||
	    room(q->bytes_max, __stacq_stored_bytes(q)) < STACQ_FRAMES_LOCKED + STACQ_INLINE_SIZE)
		return 0;
	/* Once for each segment that has some spare messages. */
	while (more && at < stop && most) {
		if (!seg->free)
			seg = __stacq_store_spare(&q->store);
		nr = seq;
		might_fault();
		if (should_fail_usercopy() || !user_read_access_begin(from, len))
			break;
		for (m = seg->free; m; m = next) {
			next = m->next_free;
			if (at >= stop || !most)
				break;
			unsafe_get_user(head.word[0], (__le64 __user *)at, fault);
			unsafe_get_user(head.word[2], (__le64 __user *)(at + 16), fault);
			unsafe_get_user(head.word[3], (__le64 __user *)(at + 24), fault);
			if (unlikely(!stacq_head_parse(&head, longest, false, &msg_len,
						       &attr) ||
				     at + STACQ_FRAME_SIZE(msg_len) > end))
				goto fault;
			at += sizeof(head);
			m->len = msg_len;
			m->seq = ++seq;
			m->sent_ns = now->real_ns;
			__stacq_msg_set_born(m, now->age);
			m->state = STACQ_MSG_READY;
			__stacq_send_attr(now, m, &attr);
			most--;
			bytes += msg_len;
			if (likely(msg_len == STACQ_COPY_UNROLLED)) {
				if (!stacq_get_unrolled((u64 *)m->data, (u64 __user *)at))
					goto fault_bytes;
				i = STACQ_COPY_UNROLLED;
			} else {
				for (i = 0; i < msg_len; i += 8)
					unsafe_get_user(*(u64 *)(m->data + i),
							(u64 __user *)(at + i), fault_bytes);
			}
			at += i;
			put(&m->link, &arrived, lifo);
		}
		goto end;
fault_bytes:
		/* Some may have come. */
		at -= sizeof(head);
		bytes -= msg_len;
		seq--;
		m->state = STACQ_MSG_FREE;
		m->next_free = next;
fault:
		more = false;
end:
		user_read_access_end();
		seg->free = m;
		seg->live += seq - nr;
	}
	if (trace_stacq_send_enabled())
		trace_arrived(q, &arrived);
	if (lifo)
		list_splice(&arrived, &q->msgs);
	else
		list_splice_tail(&arrived, &q->msgs);
	nr = seq - q->seq;
	q->store.live += nr;
	q->seq = seq;
	__stacq_count(q, STACQ_MSG_READY, nr, bytes);
	nr = __stacq_stored(q);
	if (nr > q->peak)
		q->peak = nr;
	return at - from;
}

static void trace_received(struct stacq_queue *q, struct stacq_msg *end,
			   char __user *to)
{
	struct stacq_msg *m;
	u64 nr = __stacq_stored(q);

	for (m = list_first_entry(&q->msgs, struct stacq_msg, link); m != end;
	     m = list_next_entry(m, link)) {
		/* For the detectors: unsafe_put_user() tells them nothing. */
		instrument_copy_to_user(to, m->data, m->len);
		trace_stacq_receive(q->name, m->seq, m->len, --nr);
	}
}

/* Messages that were copied to user memory, those before @end, are gone. */
static void __received(struct stacq_queue *q, struct stacq_msg *end)
{
	struct stacq_msg *m, *next;
	u64 nr = 0, bytes = 0;
	LIST_HEAD(gone);

	for (m = list_first_entry(&q->msgs, struct stacq_msg, link); m != end; m = next) {
		next = list_next_entry(m, link);
		nr++;
		bytes += m->len;
		__stacq_store_put_short(&q->store, m);
	}
	list_cut_before(&gone, &q->msgs, &end->link);
	__stacq_count(q, STACQ_MSG_READY, -nr, -bytes);
	q->received += nr;
}

/**
 * __stacq_receive_burst() - receive short messages as frames
 * @q: the queue
 * @to: where to
 * @len: room there. It stops after STACQ_FRAMES_LOCKED.
 *
 * Context: The lock is held, page faults are off.
 * Return: bytes of the frames received. Nobody has to be woken.
 */
size_t __stacq_receive_burst(struct stacq_queue *q, char __user *to, size_t len)
{
	const char __user *const stop = to + last_begin(len);
	const char __user *const end = to + len;
	struct stacq_head head;
	char __user *at = to;
	struct stacq_msg *m;
	u32 msg_len, i;
	__le64 rest;

	stacq_assert_locked(q);
	/* With the lock held, waitqueue_active() pairs with the waiter's look: see wait.c. */
	if (q->special || waitqueue_active(&q->write_wait) || q->peeked ||
	    !stacq_copy_short(STACQ_INLINE_SIZE))
		return 0;
	might_fault();
	if (should_fail_usercopy() || !user_write_access_begin(to, len))
		return 0;
	for (m = list_first_entry(&q->msgs, struct stacq_msg, link);
	     &m->link != &q->msgs && at < stop; m = list_next_entry(m, link)) {
		msg_len = m->len;
		if (unlikely(msg_len > STACQ_INLINE_SIZE ||
			     at + STACQ_FRAME_SIZE(msg_len) > end))
			break;
		head = stacq_head_of(m);
		unsafe_put_user(head.word[0], (__le64 __user *)at, fault);
		unsafe_put_user(head.word[1], (__le64 __user *)(at + 8), fault);
		unsafe_put_user(head.word[2], (__le64 __user *)(at + 16), fault);
		unsafe_put_user(head.word[3], (__le64 __user *)(at + 24), fault);
		if (likely(msg_len == STACQ_COPY_UNROLLED)) {
			if (!stacq_put_unrolled((u64 __user *)(at + sizeof(head)),
						(u64 *)m->data))
				goto fault;
			i = STACQ_COPY_UNROLLED;
		} else {
			for (i = 0; i + 8 < msg_len; i += 8)
				unsafe_put_user(*(u64 *)(m->data + i),
						(u64 __user *)(at + sizeof(head) + i), fault);
			/* Fill it up with zeroes, not with what a message before left. */
			rest = *(__le64 *)(m->data + i) &
			       cpu_to_le64(~0ULL >> (-msg_len & 7) * 8);
			unsafe_put_user(rest, (__le64 __user *)(at + sizeof(head) + i), fault);
			i += 8;
		}
		at += sizeof(head) + i;
	}
fault:
	user_write_access_end();
	if (trace_stacq_receive_enabled() || INSTRUMENTED)
		trace_received(q, m, to);
	__received(q, m);
	return at - to;
}
