/* SPDX-License-Identifier: GPL-2.0 */
/* What the header of a frame says, for frame.c and burst.c. */
#ifndef _STACQ_FRAME_H
#define _STACQ_FRAME_H

#include "core/queue.h"

/* How much is copied with the lock held before others get their turn. */
#define STACQ_FRAMES_LOCKED	STACQ_COPY_LOCKED

/**
 * struct stacq_head - struct stacq_frame in as few words as there are
 * @word: magic, priority and length; seq; sent_ns; deliveries and ttl_ms; each
 *	from its least bit on
 *
 * A word can be copied at once, and looked at while it is in a register.
 */
struct stacq_head {
	__le64 word[4];
};

static_assert(sizeof(struct stacq_frame) == sizeof(struct stacq_head));
static_assert(offsetof(struct stacq_frame, priority) == 2);
static_assert(offsetof(struct stacq_frame, len) == 4);
static_assert(offsetof(struct stacq_frame, seq) == 8);
static_assert(offsetof(struct stacq_frame, sent_ns) == 16);
static_assert(offsetof(struct stacq_frame, deliveries) == 24);
static_assert(offsetof(struct stacq_frame, ttl_ms) == 28);

/**
 * stacq_head_parse() - what does a header say?
 * @head: the header; its seq may be missing
 * @most: longest message
 * @own_ttl: it may have a time of its own
 * @len: set to the length of the message
 * @attr: set to what it says beside that
 *
 * Return: false if it is no header, or has what it must not have.
 */
static __always_inline bool stacq_head_parse(const struct stacq_head *head,
					     u32 most, bool own_ttl, u32 *len,
					     struct stacq_attr *attr)
{
	const u64 fixed = U16_MAX | (u64)(u16)~STACQ_PRIORITY_MAX << 16;
	u64 first = le64_to_cpu(head->word[0]);
	u64 last = le64_to_cpu(head->word[3]);

	*len = first >> 32;
	attr->sent_ns = le64_to_cpu(head->word[2]);
	attr->priority = first >> 16;
	attr->deliveries = last;
	if (unlikely((first & fixed) != STACQ_FRAME_MAGIC))
		return false;
	if (unlikely(*len - 1 >= most)) /* 0 is, too */
		return false;
	if (unlikely(attr->sent_ns > STACQ_SENT_NS_MAX))
		return false;
	if (!own_ttl)
		return likely(last <= U8_MAX);
	attr->ttl_ms = last >> 32;
	return (u32)last <= U8_MAX && attr->ttl_ms <= INT_MAX;
}

/**
 * stacq_head_of() - the header of a message without a time of its own
 * @m: the message
 *
 * Context: The lock is held, or the message is in the caller's hands.
 * Return: the header.
 */
static __always_inline struct stacq_head
stacq_head_of(const struct stacq_msg *m)
{
	return (struct stacq_head){ {
		cpu_to_le64(STACQ_FRAME_MAGIC | m->priority << 16 |
			    (u64)m->len << 32),
		cpu_to_le64(m->seq),
		cpu_to_le64(m->sent_ns),
		cpu_to_le64(m->deliveries),
	} };
}

/* Short frames in user memory: burst.c */
size_t __stacq_send_burst(struct stacq_queue *q, const char __user *from,
			  size_t len);
size_t __stacq_receive_burst(struct stacq_queue *q, char __user *to, size_t len);

#endif /* _STACQ_FRAME_H */
