// SPDX-License-Identifier: GPL-2.0
/* Notes. What they are: note.h. The queue's lock guards all of it. */
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "core/note.h"
#include "core/queue.h"

static struct stacq_note *to_note(struct rb_node *node)
{
	return rb_entry(node, struct stacq_note, by_seq);
}

static struct stacq_note *end_to_note(struct rb_node *node)
{
	return rb_entry(node, struct stacq_note, by_end);
}

static size_t size_of(const struct stacq_note *note)
{
	return sizeof(*note) + (note->cause ? STACQ_NAME_SIZE : 0);
}

/**
 * stacq_note_alloc() - make a note
 * @ttl_ms: the time of its own that a message has, or 0
 * @origin: of a dead letter: name of the queue it comes from; the caller sets @cause
 *	and what else is to be said of it. Otherwise NULL
 *
 * Context: Sleeps.
 * Return: the note, to be kfree()d if it does not get a message, or NULL if there is
 *	no memory.
 */
struct stacq_note *stacq_note_alloc(u32 ttl_ms, const char *origin)
{
	size_t size = sizeof(struct stacq_note) + (origin ? STACQ_NAME_SIZE : 0);
	struct stacq_note *note = kzalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
					  __GFP_RETRY_MAYFAIL);

	if (!note)
		return NULL;
	note->ttl_ms = ttl_ms;
	note->end = U64_MAX;
	if (origin)
		strscpy(note->origin, origin, STACQ_NAME_SIZE);
	return note;
}

/* Put a note in the tree by numbers. */
static void link_by_seq(struct stacq_queue *q, struct stacq_note *note)
{
	struct rb_node **place = &q->notes.by_seq.rb_node, *parent = NULL;

	while (*place) {
		parent = *place;
		place = note->seq < to_note(parent)->seq ? &parent->rb_left :
							   &parent->rb_right;
	}
	rb_link_node(&note->by_seq, parent, place);
	rb_insert_color(&note->by_seq, &q->notes.by_seq);
}

static void link_by_end(struct stacq_queue *q, struct stacq_note *note)
{
	struct rb_node **place = &q->notes.by_end.rb_node, *parent = NULL;

	while (*place) {
		parent = *place;
		place = note->end < end_to_note(parent)->end ? &parent->rb_left :
							       &parent->rb_right;
	}
	rb_link_node(&note->by_end, parent, place);
	rb_insert_color(&note->by_end, &q->notes.by_end);
}

/**
 * __stacq_note_add() - a message that is about to be committed has a note
 * @q: the queue
 * @m: the message, with all that is said of it
 * @note: the note, the queue's from now on
 *
 * Context: The lock is held, until __stacq_send_commit().
 */
void __stacq_note_add(struct stacq_queue *q, struct stacq_msg *m,
		      struct stacq_note *note)
{
	stacq_assert_locked(q);
	note->msg = m;
	note->seq = q->seq + 1;
	link_by_seq(q, note);
	RB_CLEAR_NODE(&note->by_end);
	q->store.bytes += size_of(note);
	q->special |= STACQ_SPECIAL_NOTED;
	if (!note->ttl_ms)
		return;
	note->end = __stacq_end_after(m, note->ttl_ms);
	link_by_end(q, note);
	__stacq_dead_arm(q, note->end);
}

/**
 * __stacq_note_of() - the note of a message
 * @q: the queue
 * @m: the message
 *
 * Context: The lock is held.
 * Return: the note, or NULL if it has none.
 */
struct stacq_note *__stacq_note_of(struct stacq_queue *q,
				   const struct stacq_msg *m)
{
	struct rb_node *node = q->notes.by_seq.rb_node;

	stacq_assert_locked(q);
	while (node && to_note(node)->seq != m->seq)
		node = m->seq < to_note(node)->seq ? node->rb_left : node->rb_right;
	return node ? to_note(node) : NULL;
}

/**
 * __stacq_note_first_end() - the note of the message whose own time ends first
 * @q: the queue
 *
 * Context: The lock is held.
 * Return: the note, or NULL if there is none.
 */
struct stacq_note *__stacq_note_first_end(struct stacq_queue *q)
{
	struct rb_node *node = rb_first(&q->notes.by_end);

	return node ? end_to_note(node) : NULL;
}

/**
 * __stacq_note_end() - the own time of a message is over, or does not matter any more
 * @q: the queue
 * @note: its note
 *
 * Context: The lock is held.
 */
void __stacq_note_end(struct stacq_queue *q, struct stacq_note *note)
{
	stacq_assert_locked(q);
	if (RB_EMPTY_NODE(&note->by_end))
		return;
	rb_erase(&note->by_end, &q->notes.by_end);
	RB_CLEAR_NODE(&note->by_end);
}

/**
 * __stacq_note_drop() - a message goes, and its note if it has one
 * @q: the queue
 * @m: the message
 *
 * Context: The lock is held.
 */
void __stacq_note_drop(struct stacq_queue *q, const struct stacq_msg *m)
{
	struct stacq_note *note = __stacq_note_of(q, m);

	if (!note)
		return;
	__stacq_note_end(q, note);
	rb_erase(&note->by_seq, &q->notes.by_seq);
	q->store.bytes -= size_of(note);
	if (RB_EMPTY_ROOT(&q->notes.by_seq))
		q->special &= ~STACQ_SPECIAL_NOTED;
	kfree(note);
}

/**
 * __stacq_note_moved() - a message has moved within memory
 * @q: the queue
 * @m: where it is
 *
 * Context: The lock is held.
 */
void __stacq_note_moved(struct stacq_queue *q, struct stacq_msg *m)
{
	struct stacq_note *note = __stacq_note_of(q, m);

	if (note)
		note->msg = m;
}

/**
 * __stacq_note_renumber() - a message is about to get another number
 * @q: the queue
 * @m: the message
 * @seq: the number
 *
 * Context: The lock is held.
 */
void __stacq_note_renumber(struct stacq_queue *q, struct stacq_msg *m, u64 seq)
{
	struct stacq_note *note = __stacq_note_of(q, m);

	if (!note)
		return;
	rb_erase(&note->by_seq, &q->notes.by_seq);
	note->seq = seq;
	link_by_seq(q, note);
}

/**
 * __stacq_note_describe() - what is to be said of a message beyond its header
 * @q: the queue
 * @m: the message
 * @peek: @first_ns, @ttl_ms, @cause, @died_after and @origin are set
 *
 * Context: The lock is held.
 */
void __stacq_note_describe(struct stacq_queue *q, const struct stacq_msg *m,
			   struct stacq_peek *peek)
{
	struct stacq_note *note = __stacq_note_of(q, m);

	peek->first_ns = 0;
	peek->ttl_ms = note ? note->ttl_ms : 0;
	peek->cause = 0;
	peek->died_after = 0;
	memset(peek->origin, 0, sizeof(peek->origin));
	if (!note || !note->cause)
		return;
	peek->first_ns = note->first_ns;
	peek->cause = note->cause;
	peek->died_after = note->died_after;
	memcpy(peek->origin, note->origin, sizeof(peek->origin));
}

/**
 * stacq_notes_destroy() - free all notes
 * @q: the queue, which nobody uses any more
 */
void stacq_notes_destroy(struct stacq_queue *q)
{
	struct stacq_note *note, *next;

	rbtree_postorder_for_each_entry_safe(note, next, &q->notes.by_seq, by_seq)
		kfree(note);
}
