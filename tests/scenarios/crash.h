/* SPDX-License-Identifier: GPL-2.0 */
/* What crash.c notes of each message, and how that is held against each other: see there. */
#ifndef STACQ_TEST_CRASH_H
#define STACQ_TEST_CRASH_H

#include <endian.h>

#include "scenario.h"

#define WRITERS		3
#define READERS		8
#define SLOTS		(WRITERS + READERS)
#define MOST		(1u << 19)	/* messages */
#define MOST_READERS	(1u << 15)
#define MOST_HELD	8		/* by one reader */
#define MOST_DELIVERIES	24		/* of one message */

struct message {
	unsigned int number, size, sum;
	unsigned char body[6144];
};
#define HEAD	offsetof(struct message, body)
#define FRAME	STACQ_FRAME_SIZE(sizeof(struct message))

/* How a delivery ended. */
enum { NOT_YET, KILLED, ACKNOWLEDGED, DOUBT };

/* The slots are of processes that replace each other. */
static struct shared {
	bool stop;
	/* 1: writers rest, doomed readers keep what they have; 2: all readers do */
	unsigned int rest;
	unsigned int time;	/* counts what has to be put in order */
	struct {
		unsigned int begun, sent;
		bool resting;
	} writer[WRITERS];
	struct reader {
		unsigned int generation;
		bool keeping;
		struct {
			unsigned int message;	/* its number + 1, or 0 */
			unsigned int deliveries, granted;
			unsigned long long id;
		} held[MOST_HELD];
		unsigned int acknowledging;	/* which of them, as bits */
		struct stacq_settlement settlement;
		unsigned char at_hand[MOST_HELD * FRAME] __attribute__((aligned(8)));
	} reader[READERS];
	struct delivery {
		unsigned int reader;		/* its generation */
		unsigned int time;		/* after it was handed out */
		unsigned char end;
	} delivery[MOST][MOST_DELIVERIES];
} *shared;

/* Known to the process that kills only. */
struct crowd {
	struct queue q;
	unsigned int order, seed, generation;
	bool framed;
	int fd;
	pid_t pid[SLOTS];
	unsigned int killed[2];		/* writers, readers */
	unsigned int unseen, settled, doubtful;	/* what was found at burials */
	unsigned int condemned[MOST_READERS];	/* the time just before the kill */
	unsigned char unknown[MOST];		/* deliveries whose count nobody saw */
	unsigned char doubt[MOST];		/* 1: may have been sent; 2: the first of a call */
};

#define LOAD(x)		__atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define STORE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)
#define TICK()		__atomic_add_fetch(&shared->time, 1, __ATOMIC_SEQ_CST)

static inline unsigned int sum(const struct message *m)
{
	unsigned int s = m->number;

	for (unsigned int i = 0; i < m->size - HEAD; i++)
		s = s * 33 + m->body[i];
	return s;
}

static inline bool whole(const struct message *m)
{
	return m->size > HEAD && m->size <= sizeof(*m) && m->number < MOST && m->sum == sum(m);
}

/* A delivery is this reader's and nobody else's. To note it twice is to note it once. */
static inline void note(unsigned int message, unsigned int deliveries, unsigned int generation)
{
	struct delivery *d;
	unsigned int other;

	if (deliveries >= MOST_DELIVERIES)
		FAIL("message %u was given back %u times", message, deliveries);
	d = &shared->delivery[message][deliveries];
	other = __atomic_exchange_n(&d->reader, generation, __ATOMIC_SEQ_CST);
	if (other && other != generation)
		FAIL("message %u, given back %u times, was handed to readers %u and %u", message,
		     deliveries, other, generation);
	if (!d->time)
		STORE(d->time, TICK());
}

static inline bool holds(const struct reader *r, unsigned int message)
{
	for (unsigned int i = 0; i < MOST_HELD; i++)
		if (r->held[i].message == message + 1)
			return true;
	return false;
}

static inline void hold(struct reader *r, unsigned int message, unsigned long long seq,
		 unsigned int deliveries)
{
	static unsigned int granted;
	unsigned int i = 0;

	if (holds(r, message))
		FAIL("message %u came to its holder once more", message);
	while (i < MOST_HELD && r->held[i].message)
		i++;
	if (i == MOST_HELD)
		FAIL("a reader was given more than %d messages", MOST_HELD);
	r->held[i].deliveries = deliveries;
	r->held[i].granted = ++granted;
	r->held[i].id = STACQ_LEASE_ID(seq, deliveries);
	STORE(r->held[i].message, message + 1);
	note(message, deliveries, r->generation);
}

static inline unsigned int nr_held(const struct reader *r)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < MOST_HELD; i++)
		nr += r->held[i].message != 0;
	return nr;
}

/* The frame at @off of what was read, if there is one with a whole message. */
static inline const struct stacq_frame *frame_at(const struct reader *r, size_t off)
{
	const struct stacq_frame *f = (const void *)(r->at_hand + off);
	const struct message *m = (const void *)(f + 1);

	if (off + sizeof(*f) + HEAD > sizeof(r->at_hand) ||
	    f->magic != htole16(STACQ_FRAME_MAGIC) ||
	    off + STACQ_FRAME_SIZE(le32toh(f->len)) > sizeof(r->at_hand))
		return NULL;
	return m->size == le32toh(f->len) && whole(m) ? f : NULL;
}

static inline void put_down(struct reader *r, size_t size)
{
	struct message *m = (void *)r->at_hand;

	/* The first two numbers of a message, or of a frame, make it none. */
	STORE(m->number, 0);
	STORE(m->size, 0);
	memset(r->at_hand, 0, size);
}

static inline void ended(const struct reader *r, unsigned int i, unsigned int how)
{
	struct delivery *d = &shared->delivery[r->held[i].message - 1][r->held[i].deliveries];

	if (d->end != NOT_YET && d->end != how)
		FAIL("message %u was settled twice", r->held[i].message - 1);
	STORE(d->end, how);
}

/*
 * After a death
 */

static inline void bury_writer(struct crowd *c, unsigned int slot)
{
	typeof(shared->writer[0]) *log = &shared->writer[slot];

	for (unsigned int n = log->sent; n < log->begun; n++)
		c->doubt[n * WRITERS + slot] = n == log->sent ? 2 : 1;
	if (log->sent < log->begun)
		log->sent = log->begun;
	log->resting = false;
}

/* What it was handed out, but did not come to note. */
static inline void find_at_hand(struct crowd *c, struct reader *r)
{
	const struct message *m = (const void *)r->at_hand;
	const struct stacq_frame *f;

	if (!c->framed && whole(m) && !holds(r, m->number)) {
		c->unknown[m->number]++;
		c->unseen++;
	}
	for (size_t off = 0; c->framed && (f = frame_at(r, off));
	     off += STACQ_FRAME_SIZE(le32toh(f->len))) {
		m = (const void *)(f + 1);
		if (holds(r, m->number))
			continue;
		note(m->number, le32toh(f->deliveries), r->generation);
		STORE(shared->delivery[m->number][le32toh(f->deliveries)].end, KILLED);
		c->unseen++;
	}
}

static inline void bury_reader(struct crowd *c, struct reader *r)
{
	for (unsigned int i = 0; i < MOST_HELD; i++) {
		if (!r->held[i].message)
			continue;
		note(r->held[i].message - 1, r->held[i].deliveries, r->generation);
		if (!(r->acknowledging & 1u << i)) {
			ended(r, i, KILLED);
		} else if (r->settlement.count != POISON) {
			ended(r, i, ACKNOWLEDGED);
			c->settled++;
		} else {
			ended(r, i, DOUBT);
			c->doubtful++;
		}
	}
	find_at_hand(c, r);
	memset(r->held, 0, sizeof(r->held));
	r->acknowledging = 0;
	r->keeping = false;
	put_down(r, sizeof(r->at_hand));
}

/* How often a message came out: the last time to who acknowledged it. 0 if it never did. */
static inline unsigned int deliveries_of(const struct crowd *c, unsigned int message)
{
	const struct delivery *d = shared->delivery[message];
	unsigned int nr = MOST_DELIVERIES, unseen = 0;

	while (nr && !d[nr - 1].reader)
		nr--;
	for (unsigned int i = 0; i < nr; i++) {
		if (!d[i].reader) {
			unseen++;
			continue;
		}
		if (d[i].end == (i + 1 < nr ? ACKNOWLEDGED : KILLED) || d[i].end == NOT_YET)
			FAIL("message %u, delivery %u of %u: %s", message, i + 1, nr,
			     d[i].end == ACKNOWLEDGED ? "came again after its acknowledgement" :
			     d[i].end == KILLED ? "lost with its reader" : "still with its reader");
		if (i + 1 < nr && d[i + 1].reader &&
		    (!c->condemned[d[i].reader] || c->condemned[d[i].reader] > d[i + 1].time))
			FAIL("message %u came again before reader %u was killed", message,
			     d[i].reader);
	}
	if (unseen != c->unknown[message])
		FAIL("message %u came out %u times with nobody to see it, wanted %u", message,
		     unseen, c->unknown[message]);
	return nr;
}

#endif
