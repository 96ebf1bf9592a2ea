/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of `stacq top` share: what is known of the queues (top_data.c),
 * how that is put into words (top_text.c), drawn (top_view.c) and steered
 * (top_screen.c). cmd_top.c has the options, and the tables.
 */
#ifndef STACQ_TOP_H
#define STACQ_TOP_H

#include "tool.h"

/* Samples of the depth that are kept, and bytes of a message that are looked at. */
#define TOP_HISTORY	60
#define TOP_MESSAGE	256
/* Messages in the pane at most. */
#define TOP_PEEKED	16
/* Shortest and, by keys, longest time between samples. */
#define TOP_INTERVAL_MIN	100
#define TOP_INTERVAL_MAX	60000

enum top_key { BY_NAME, BY_DEPTH, BY_IN, BY_OUT, BY_FLIGHT, BY_AGE, BY_WAITING, TOP_KEYS };

struct top_queue {
	struct stacq_info info;
	uint64_t id;		/* tells it from another one of this name */
	int64_t at_ns;		/* CLOCK_MONOTONIC of this sample */
	double in, out;		/* messages a second since the last sample, or -1 */
	int64_t age_ns;		/* of the oldest message, or -1 */
	bool older;		/* it may be older than that */
	uint64_t history[TOP_HISTORY];	/* depths, the latest last */
	int samples;		/* how many of them there are */
};

/* What is known, and which of it is wanted. */
struct top {
	struct top_queue *queues;	/* by name */
	size_t count;
	struct top_queue **rows;	/* those that match, in order */
	size_t nr_rows;
	enum top_key key;
	bool reverse;
	char filter[STACQ_NAME_SIZE];
	int interval_ms;
	uint64_t left;			/* samples to take, if not 0 */
};

/* A message in the pane. */
struct top_message {
	struct stacq_peek desc;
	unsigned char bytes[TOP_MESSAGE];
};

/* ---- top_data.c --------------------------------------------------------- */

/* Looks at all queues. Returns 0, or -1 with errno: what was known stays. */
int top_sample(struct top *t);
/* Filters and sorts anew. */
void top_arrange(struct top *t);
void top_free(struct top *t);
bool top_matches(const char *name, const char *filter);
/* Messages a second, or -1 if the counter has not gone up in time. */
double top_rate(uint64_t before, uint64_t after, int64_t ns);
/* The next messages of a queue, at most @most. Returns how many, or -1 with errno. */
int top_peek(const char *name, struct top_message *messages, int most);

/* ---- top_text.c --------------------------------------------------------- */

#define TOP_TEXT	16	/* room for a number */

const char *top_key_name(enum top_key key);
bool top_parse_key(const char *name, enum top_key *key);
/* "99999", "123K", "4.5M": at most five characters. */
const char *top_count(uint64_t n, char buf[TOP_TEXT]);
/* "-", "0", "0.4", "12": at most five. */
const char *top_rate_text(double rate, char buf[TOP_TEXT]);
/* "-", "0.4s", "12s", ">5m": at most six. */
const char *top_age(int64_t ns, bool older, char buf[TOP_TEXT]);
/* "2/0": readers and writers that wait; "-" for none. */
const char *top_waiting(const struct stacq_info *info, char buf[TOP_TEXT]);
/* "sealed,dead=3": what is not as usual, or nothing. */
const char *top_note(const struct stacq_info *info, char *buf, size_t size);
/* 0 for nothing, 1 to 8 for anything up to @most. */
unsigned int top_level(uint64_t depth, uint64_t most);
/* The last @width depths as so many characters, the latest at the right end. */
void top_graph(const struct top_queue *q, int width, bool utf8, char *buf, size_t size);
/*
 * The bytes of a message as text that does nothing to a terminal, in at most @width
 * columns; "..." at the end of what is cut, or if there is @more.
 */
void top_safe(const void *bytes, size_t len, bool more, bool utf8, int width, char *buf,
	      size_t size);
/* Why something with a queue failed. */
const char *top_error(int error);
/* "vm 12:34:56  3 queues  12 messages  36.0 KiB" */
void top_totals(const struct top *t, char *buf, size_t size);

/* ---- top_view.c --------------------------------------------------------- */

enum top_mode { TOP_TABLE, TOP_FILTER, TOP_PURGE, TOP_HELP };

struct top_view {
	const struct top *top;
	enum top_mode mode;
	bool utf8;
	bool paused;
	bool pane;			/* messages are shown */
	char selected[STACQ_NAME_SIZE];	/* the queue */
	size_t row;			/* where that is */
	size_t first;			/* row at the top */
	char status[160];		/* what there is to say or ask */
	struct top_message messages[TOP_PEEKED];
	int nr_messages;		/* or -1 */
	int peek_errno;			/* and why */
};

/* How many rows of the table, and messages of the pane, the screen has. */
int top_table_rows(const struct top_view *v);
int top_pane_rows(const struct top_view *v);
void top_draw(struct top_view *v);

/* ---- top_screen.c ------------------------------------------------------- */

/* Can a full screen be drawn there? */
bool top_has_screen(void);
/* Until it is told to end; returns the exit status. */
int top_screen(struct top *t);

#endif /* STACQ_TOP_H */
