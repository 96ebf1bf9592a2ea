/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: what a queue is, said as simply as can be, from docs/abi.md and
 * not from the code. An array of messages, oldest first; in order priority the
 * highest first, and of each the oldest.
 */
#ifndef _MODEL_MODEL_H
#define _MODEL_MODEL_H

#include <linux/kernel.h>

#ifndef MODEL_MAX
#define MODEL_MAX	2048
#endif

struct model_msg {
	u64 seq;
	u64 sent_ns;
	u64 born;
	u32 len;
	u8 deliveries;
	u16 priority;
	bool held;
};

/**
 * struct model - a queue
 * @order: which message is taken first
 * @sealed: it takes no more
 * @removed: it does nothing any more
 * @max_msgs: limit, U64_MAX for none
 * @max_bytes: likewise
 * @max_msg_size: likewise
 * @capacity: messages there is room for
 * @floor: the capacity asked for
 * @peak: most messages since the idle work ran
 * @high_water: most messages ever
 * @sent: messages ever sent
 * @received: messages ever received
 * @requeued: times that messages were given back
 * @discarded: messages ever purged
 * @growths: times the capacity rose on demand
 * @shrinks: times it fell because unused
 * @bytes: of all messages
 * @held_bytes: of those in hand
 * @held: how many are in hand
 * @nr: how many there are
 * @msgs: the messages
 */
struct model {
	u32 order;
	bool sealed;
	bool removed;
	u64 max_msgs;
	u64 max_bytes;
	u64 max_msg_size;
	u64 capacity;
	u64 floor;
	u64 peak;
	u64 high_water;
	u64 sent;
	u64 received;
	u64 requeued;
	u64 discarded;
	u64 growths;
	u64 shrinks;
	u64 bytes;
	u64 held_bytes;
	u32 held;
	u32 nr;
	struct model_msg msgs[MODEL_MAX];
};

static inline bool model_full(const struct model *md, u64 len)
{
	return md->nr >= md->max_msgs || md->bytes + len > md->max_bytes;
}

/* How a send of @len bytes ends, but for memory. */
static inline int model_may_send(const struct model *md, u64 len)
{
	if (md->removed)
		return -EIDRM;
	if (md->sealed)
		return -EPIPE;
	if (len > md->max_msg_size || len > md->max_bytes || len >= MAX_RW_COUNT)
		return -EMSGSIZE;
	return model_full(md, len) ? -EAGAIN : 0;
}

static inline bool model_readable(const struct model *md)
{
	return md->nr > md->held || md->removed || (md->sealed && !md->nr);
}

static inline bool model_writable(const struct model *md)
{
	u64 len = md->max_msg_size;

	/* Without a limit on the length 4096 is what is promised. */
	if (len == U64_MAX)
		len = 4096;
	if (len > md->max_bytes)
		len = md->max_bytes;
	if (len >= MAX_RW_COUNT)
		len = MAX_RW_COUNT - 1;
	return md->removed || md->sealed || !model_full(md, len);
}

static inline void model_send(struct model *md, u32 len, u8 deliveries, u16 priority,
			      u64 sent_ns, u64 born)
{
	u32 at = md->nr;

	must(md->nr < MODEL_MAX);
	if (md->order == STACQ_PRIORITY)
		for (; at && md->msgs[at - 1].priority < priority; at--)
			md->msgs[at] = md->msgs[at - 1];
	md->msgs[at] = (struct model_msg){ .seq = ++md->sent, .len = len,
						.sent_ns = sent_ns, .born = born,
						.deliveries = deliveries,
						.priority = priority };
	md->nr++;
	md->bytes += len;
	if (md->nr > md->peak)
		md->peak = md->nr;
	if (md->nr > md->high_water)
		md->high_water = md->nr;
}

/* Where the n-th message is in the order in which they would be taken. */
static inline u32 model_nth(const struct model *md, u32 n)
{
	return md->order == STACQ_LIFO ? md->nr - 1 - n : n;
}

/* Index of the message at a position, those in hand not counted; -1 for none. */
static inline int model_at(const struct model *md, u64 position)
{
	u32 n;

	for (n = 0; n < md->nr; n++)
		if (!md->msgs[model_nth(md, n)].held && !position--)
			return model_nth(md, n);
	return -1;
}

static inline int model_find(const struct model *md, u64 seq)
{
	u32 i;

	for (i = 0; i < md->nr; i++)
		if (md->msgs[i].seq == seq)
			return i;
	return -1;
}

/* Two ways of saying it: one is faster to run, the other to reason about. */
static inline void move_down(struct model_msg *to, u32 nr)
{
#ifdef __CPROVER__
	for (; nr; nr--, to++)
		to[0] = to[1];
#else
	memmove(to, to + 1, nr * sizeof(*to));
#endif
}

static inline void model_remove(struct model *md, u32 at)
{
	must(at < md->nr);
	md->bytes -= md->msgs[at].len;
	md->nr--;
	move_down(&md->msgs[at], md->nr - at);
}

static inline void model_hold(struct model *md, u32 at)
{
	must(!md->msgs[at].held);
	md->msgs[at].held = true;
	md->held++;
	md->held_bytes += md->msgs[at].len;
}

static inline void model_let_go(struct model *md, u32 at)
{
	must(md->msgs[at].held);
	md->msgs[at].held = false;
	md->held--;
	md->held_bytes -= md->msgs[at].len;
}

static inline void model_give_back(struct model *md, u32 at, bool delivered)
{
	model_let_go(md, at);
	md->requeued += delivered;
	if (delivered && md->msgs[at].deliveries < 255)
		md->msgs[at].deliveries++;
}

/* Discard the @n first that are in nobody's hands and no newer than @last. */
static inline void model_purge(struct model *md, u64 n, u64 last)
{
	u32 from, to = 0;

	md->discarded += n;
	for (from = 0; from < md->nr; from++) {
		if (n && !md->msgs[from].held && md->msgs[from].seq <= last) {
			md->bytes -= md->msgs[from].len;
			n--;
		} else {
			md->msgs[to++] = md->msgs[from];
		}
	}
	md->nr = to;
	must(!n);
}

/* What the capacity becomes when there is no room left. */
static inline u64 model_grown(const struct model *md)
{
	u64 twice = 2 * md->capacity;
	u64 most = md->max_msgs > md->capacity ? md->max_msgs : md->capacity + 1;

	return twice < most ? twice : most;
}

/* What the capacity becomes when the idle work finds it unused. */
static inline u64 model_shrunk(const struct model *md)
{
	u64 want = 1;

	while (want < md->peak)
		want *= 2;
	if (want < md->floor)
		want = md->floor;
	return want <= md->capacity / 2 ? want : md->capacity;
}

#endif
