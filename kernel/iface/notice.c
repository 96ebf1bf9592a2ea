// SPDX-License-Identifier: GPL-2.0
/*
 * Notices: an eventfd is signalled when something happens to a queue.
 *
 * A notice waits in the queue's wait queues like somebody who polls, with
 * functions of its own in place of being woken. So a queue without notices pays
 * nothing, and whatever wakes a reader or writer is seen here, too. What is told
 * is decided anew by what the queue is like then: one who looks after it was
 * told finds it so, unless somebody else was quicker, and none is left untold.
 *
 * Locking: notices_mutex guards the notices of all open files. The functions run
 * with the lock of a wait queue held, take the queue's lock inside of it, and
 * signal after that. So a wait queue's lock is never taken, and nobody woken,
 * with a queue's lock held.
 */
#include <linux/eventfd.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "compat.h"
#include "iface/notice.h"
#include "core/queue.h"
#include "io/transfer.h"

/* What an open file may have: whoever sends runs through all of them. */
#define MOST_NOTICES	16

#define NOTICE_READS	(STACQ_NOTICE_NOT_EMPTY | STACQ_NOTICE_DEPTH)
#define NOTICE_WRITES	(STACQ_NOTICE_NOT_FULL | STACQ_NOTICE_EMPTY)

static DEFINE_MUTEX(notices_mutex);

/**
 * struct notice - what an open file wants an eventfd to tell
 * @of_file: in stacq_reader.notices, guarded by notices_mutex
 * @q: the queue, which the open file holds
 * @ctx: the eventfd, held
 * @events: STACQ_NOTICE_* bits
 * @depth: for STACQ_NOTICE_DEPTH
 * @seen: messages there to be taken when last looked; guarded by the queue's lock
 * @came: messages that had ever come or come back then, likewise
 * @sent: messages that had ever been sent when the queue was last seen empty, likewise
 * @read_wait: among those who wait for messages
 * @write_wait: among those who wait for room
 */
struct notice {
	struct hlist_node of_file;
	struct stacq_queue *q;
	struct eventfd_ctx *ctx;
	u32 events;
	u64 depth;
	u64 seen;
	u64 came;
	u64 sent;
	struct wait_queue_entry read_wait;
	struct wait_queue_entry write_wait;
};

/* Messages ever sent. */
static u64 __sent(const struct stacq_queue *q)
{
	return q->seq - q->resent;
}

/*
 * Has the depth come to what was asked for since it was last looked at, from below?
 * Not all that happens is seen, but how many came is known, and so how many went:
 * it may have been as low as if they had gone first.
 */
static bool __depth_reached(struct notice *n)
{
	struct stacq_queue *q = n->q;
	u64 came = __sent(q) + q->requeued, depth = __stacq_depth(q);
	u64 went = max(n->seen + came - n->came, depth) - depth;
	bool reached = depth >= n->depth && n->seen < n->depth + went;

	n->seen = depth;
	n->came = came;
	return reached;
}

/* Has the last message gone? Others may wake writers of an empty queue. */
static bool __emptied(struct notice *n)
{
	struct stacq_queue *q = n->q;

	if (__stacq_stored(q) || n->sent == __sent(q))
		return false;
	n->sent = __sent(q);
	return true;
}

/* A message came, or the queue was sealed, ends, or was removed: then @hup. */
static bool __tell_of_messages(struct notice *n, bool hup)
{
	struct stacq_queue *q = n->q;
	bool reached = n->events & STACQ_NOTICE_DEPTH && __depth_reached(n);

	stacq_assert_locked(q);
	if (__stacq_ended(q) && hup)
		return n->events & NOTICE_READS;
	if (q->special & STACQ_ENDED_REMOVED)
		return false;
	return reached ||
	       (n->events & STACQ_NOTICE_NOT_EMPTY && __stacq_depth(q));
}

/* A message went, or there may be room for another reason. */
static bool __tell_of_room(struct notice *n, bool hup)
{
	struct stacq_queue *q = n->q;
	bool emptied = n->events & STACQ_NOTICE_EMPTY && __emptied(n);

	stacq_assert_locked(q);
	if (q->special & STACQ_ENDED_REMOVED)
		return hup;
	return emptied || (n->events & STACQ_NOTICE_NOT_FULL &&
			   (!__stacq_full(q, 1) || (__stacq_ended(q) && hup)));
}

static int notice_message(struct wait_queue_entry *wait, unsigned int mode,
			  int flags, void *key)
{
	struct notice *n = container_of(wait, struct notice, read_wait);
	bool tell;

	stacq_lock(n->q);
	tell = __tell_of_messages(n, key_to_poll(key) & EPOLLHUP);
	stacq_unlock(n->q);
	if (tell)
		stacq_eventfd_signal(n->ctx);
	return 0;
}

static int notice_room(struct wait_queue_entry *wait, unsigned int mode,
		       int flags, void *key)
{
	struct notice *n = container_of(wait, struct notice, write_wait);
	bool tell;

	stacq_lock(n->q);
	tell = __tell_of_room(n, key_to_poll(key) & EPOLLHUP);
	stacq_unlock(n->q);
	if (tell)
		stacq_eventfd_signal(n->ctx);
	return 0;
}

/* What holds already is told at once. */
static int look(struct notice *n)
{
	struct stacq_queue *q = n->q;
	bool tell = false;
	int ret = 0;

	stacq_lock(q);
	if (q->special & STACQ_ENDED_REMOVED) {
		ret = -EIDRM;
	} else {
		if (n->events & NOTICE_READS)
			tell |= __tell_of_messages(n, true);
		if (n->events & NOTICE_WRITES)
			tell |= __tell_of_room(n, true);
	}
	stacq_unlock(q);
	if (tell)
		stacq_eventfd_signal(n->ctx);
	return ret;
}

static void init(struct notice *n, struct stacq_queue *q,
		 struct eventfd_ctx *ctx, const struct stacq_notice *want)
{
	n->q = q;
	n->ctx = ctx;
	n->events = want->events;
	n->depth = want->depth;
	/* It has not been seen empty yet. */
	n->sent = U64_MAX;
	init_waitqueue_func_entry(&n->read_wait, notice_message);
	init_waitqueue_func_entry(&n->write_wait, notice_room);
}

/* From here on the functions are called: before the look, so that nothing is missed. */
static void begin(struct notice *n)
{
	if (n->events & NOTICE_READS)
		add_wait_queue(&n->q->read_wait, &n->read_wait);
	if (n->events & NOTICE_WRITES)
		add_wait_queue(&n->q->write_wait, &n->write_wait);
}

/* From here on they are not, and none is under way. */
static void end(struct notice *n)
{
	if (n->events & NOTICE_READS)
		remove_wait_queue(&n->q->read_wait, &n->read_wait);
	if (n->events & NOTICE_WRITES)
		remove_wait_queue(&n->q->write_wait, &n->write_wait);
}

static void drop(struct notice *n)
{
	eventfd_ctx_put(n->ctx);
	kfree(n);
}

/* The notice of an open file by an eventfd, and how many the file has. */
static struct notice *find(struct stacq_reader *r, struct eventfd_ctx *ctx,
			   unsigned int *count)
{
	struct notice *n, *found = NULL;

	*count = 0;
	hlist_for_each_entry(n, &r->notices, of_file) {
		++*count;
		if (n->ctx == ctx)
			found = n;
	}
	return found;
}

/* Have @new, which may be NULL, in place of what there is for @ctx. */
static int replace(struct stacq_reader *r, struct eventfd_ctx *ctx,
		   struct notice *new)
{
	unsigned int count;
	struct notice *old = find(r, ctx, &count);
	int ret;

	if (!old && !new)
		return -ENOENT;
	if (!old && count == MOST_NOTICES)
		return -ENOSPC;
	if (new) {
		begin(new);
		ret = look(new);
		if (ret) {
			end(new);
			return ret;
		}
		hlist_add_head(&new->of_file, &r->notices);
	}
	if (old) {
		hlist_del(&old->of_file);
		end(old);
		drop(old);
	}
	return 0;
}

/**
 * stacq_notify() - have an eventfd told of events, or of none any more
 * @r: the open file
 * @want: the eventfd and the events, valid but for the former
 *
 * Context: Sleeps.
 * Return: 0; -EBADF for what is no open file; -EINVAL for what is no eventfd; -ENOENT
 *	if there was nothing to end; -ENOSPC for too many; -ENOMEM; -EIDRM.
 */
int stacq_notify(struct stacq_reader *r, const struct stacq_notice *want)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(want->fd);
	struct notice *new = NULL;
	int ret;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	if (want->events) {
		new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
		if (!new) {
			eventfd_ctx_put(ctx);
			return -ENOMEM;
		}
		init(new, r->q, ctx, want);
	}
	mutex_lock(&notices_mutex);
	ret = replace(r, ctx, new);
	mutex_unlock(&notices_mutex);
	if (!new)
		eventfd_ctx_put(ctx);
	else if (ret)
		drop(new);
	return ret;
}

/**
 * stacq_notices_end() - end all notices of an open file
 * @r: the open file, which nobody else uses any more
 *
 * Context: Sleeps.
 */
void stacq_notices_end(struct stacq_reader *r)
{
	struct hlist_node *next;
	struct notice *n;

	hlist_for_each_entry_safe(n, next, &r->notices, of_file) {
		end(n);
		drop(n);
	}
	INIT_HLIST_HEAD(&r->notices);
}
