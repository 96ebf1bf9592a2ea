/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notes: what is known of a message beyond its header. Few messages have one: those
 * with a time of their own, and dead letters.
 *
 * A message does not point to its note, as that would make the header of all longer.
 * Notes are in a tree by the numbers of their messages, and a queue without notes
 * pays nothing. Those with a time of their own are in a second tree by when it ends,
 * so no message needs a timer.
 */
#ifndef _STACQ_NOTE_H
#define _STACQ_NOTE_H

#include <linux/gfp.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "core/store.h"

struct stacq_peek;
struct stacq_queue;

/**
 * struct stacq_note - what is known of a message beyond its header
 * @by_seq: in stacq_notes.by_seq
 * @by_end: in stacq_notes.by_end, or cleared
 * @msg: the message
 * @seq: its number
 * @end: units of lifetimes from which on it is not delivered; U64_MAX for never
 * @first_ns: of a dead letter: when it was sent to the queue in which it died
 * @ttl_ms: the time of its own that its sender gave it, or 0
 * @cause: of a dead letter: STACQ_CAUSE_*, else 0
 * @died_after: of a dead letter: times it was given back there
 * @origin: of a dead letter: the name of that queue
 */
struct stacq_note {
	struct rb_node by_seq;
	struct rb_node by_end;
	struct stacq_msg *msg;
	u64 seq;
	u64 end;
	u64 first_ns;
	u32 ttl_ms;
	u8 cause;
	u8 died_after;
	char origin[];
};

/**
 * struct stacq_notes - the notes of a queue; its lock guards them
 * @by_seq: all
 * @by_end: those whose messages have a time of their own, not over yet
 */
struct stacq_notes {
	struct rb_root by_seq;
	struct rb_root by_end;
};

struct stacq_note *stacq_note_alloc(u32 ttl_ms, const char *origin);
void stacq_notes_destroy(struct stacq_queue *q);

void __stacq_note_add(struct stacq_queue *q, struct stacq_msg *m,
		      struct stacq_note *note);
struct stacq_note *__stacq_note_of(struct stacq_queue *q,
				   const struct stacq_msg *m);
struct stacq_note *__stacq_note_first_end(struct stacq_queue *q);
void __stacq_note_end(struct stacq_queue *q, struct stacq_note *note);
void __stacq_note_drop(struct stacq_queue *q, const struct stacq_msg *m);
void __stacq_note_moved(struct stacq_queue *q, struct stacq_msg *m);
void __stacq_note_renumber(struct stacq_queue *q, struct stacq_msg *m, u64 seq);
void __stacq_note_describe(struct stacq_queue *q, const struct stacq_msg *m,
			   struct stacq_peek *peek);

#endif /* _STACQ_NOTE_H */
