// SPDX-License-Identifier: GPL-2.0
/*
 * stacq top: draws what is known on a screen of any size. What does not fit is
 * left out, the least important columns first.
 */
#include "top.h"

#include <curses.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Lines above the table: totals, order and filter, titles. */
#define HEAD_LINES	3
#define NOTE_SIZE	80

enum { NAME, ORDER, DEPTH, HISTORY, IN, OUT, FLIGHT, AGE, WAITING, NOTE, COLUMNS };

static const struct {
	const char *title;
	int width;		/* at least */
	int rank;		/* those with high numbers are left out first */
	bool left;
	int key;		/* the rows can be in its order */
} columns[COLUMNS] = {
	[NAME]    = { "NAME",     8, 0, true,  BY_NAME },
	[ORDER]   = { "ORDER",    5, 7, true,  -1 },
	[DEPTH]   = { "DEPTH",    6, 1, false, BY_DEPTH },
	[HISTORY] = { "HISTORY",  8, 5, true,  -1 },
	[IN]      = { "IN/S",     6, 2, false, BY_IN },
	[OUT]     = { "OUT/S",    6, 3, false, BY_OUT },
	[FLIGHT]  = { "FLIGHT",   6, 6, false, BY_FLIGHT },
	[AGE]     = { "AGE",      6, 4, false, BY_AGE },
	[WAITING] = { "R/W",      5, 8, false, BY_WAITING },
	[NOTE]    = { "NOTE",     8, 9, true,  -1 },
};

static const char *const help_lines[] = {
	"up, down, k, j    select a queue; also Page Up, Page Down, Home, End",
	"s  >  <           order by the next column, by the one before",
	"r                 the other way round",
	"/                 show only names that match: a part, or a pattern with * ? [",
	"Esc               close the messages; show all names again",
	"p  Enter          look at the next messages of the queue; nothing is taken",
	"P                 purge: throw away all messages of the queue, after a question",
	"space             stop and go on",
	"+  -              look less often, more often",
	"q                 quit",
	"",
	"HISTORY is the depth, each queue's own maximum as the highest. AGE is how long",
	"ago the oldest message was sent; with > at least that. R/W: readers and writers",
	"that wait. FLIGHT: messages under lease.",
};

/* ---- pieces ------------------------------------------------------------- */

/* Text that may be wider than its columns: ~ at the end tells. @width is that of ASCII. */
static void put(int y, int x, int width, bool left, const char *text)
{
	int len = (int)strlen(text);

	if (width <= 0 || y < 0 || y >= LINES || x >= COLS)
		return;
	if (len > width)
		mvprintw(y, x, "%.*s~", width - 1, text);
	else
		mvprintw(y, x, "%*s", left ? -width : width, text);
}

/* A whole line. */
static void put_line(int y, int attributes, const char *text)
{
	attron(attributes);
	put(y, 0, COLS, true, text);
	attroff(attributes);
}

int top_pane_rows(const struct top_view *v)
{
	int rows;

	if (!v->pane)
		return 0;
	/* Its title takes a line. */
	rows = LINES / 2 - 1;
	return rows < 1 ? 1 : rows > TOP_PEEKED ? TOP_PEEKED : rows;
}

int top_table_rows(const struct top_view *v)
{
	int rows = LINES - HEAD_LINES - 1 - (v->pane ? top_pane_rows(v) + 1 : 0);

	return rows < 1 ? 1 : rows;
}

/* ---- table -------------------------------------------------------------- */

/* The longest names and notes. */
static void wanted(const struct top *t, int *name, int *note)
{
	char text[NOTE_SIZE];
	int len;

	*name = *note = 0;
	for (size_t i = 0; i < t->nr_rows; i++) {
		len = (int)strlen(t->rows[i]->info.name);
		if (len > *name)
			*name = len;
		len = (int)strlen(top_note(&t->rows[i]->info, text, sizeof(text)));
		if (len > *note)
			*note = len;
	}
}

/* How wide each column is, 0 for not there. */
static void lay_out(const struct top *t, int width[COLUMNS])
{
	int room = COLS + 1, name, note;
	bool grown = true;

	for (int rank = 0; rank < COLUMNS; rank++) {
		for (int c = 0; c < COLUMNS; c++) {
			if (columns[c].rank != rank)
				continue;
			width[c] = columns[c].width < room ? columns[c].width : 0;
			room -= width[c] ? width[c] + 1 : 0;
		}
	}
	wanted(t, &name, &note);
	while (room > 0 && grown) {
		grown = false;
		if (width[NAME] && width[NAME] < name)
			width[NAME]++, room--, grown = true;
		if (room > 0 && width[NOTE] && width[NOTE] < note)
			width[NOTE]++, room--, grown = true;
	}
	if (width[HISTORY] && room > 0)
		width[HISTORY] += room < TOP_HISTORY - width[HISTORY] ? room :
				  TOP_HISTORY - width[HISTORY];
}

static const char *cell(const struct top_queue *q, int column, char *buf)
{
	switch (column) {
	case NAME:
		return q->info.name;
	case ORDER:
		return q->info.order == STACQ_PRIORITY ? "prio" : order_name(q->info.order);
	case DEPTH:
		return top_count(q->info.depth, buf);
	case IN:
		return top_rate_text(q->in, buf);
	case OUT:
		return top_rate_text(q->out, buf);
	case FLIGHT:
		return top_count(q->info.inflight, buf);
	case AGE:
		return top_age(q->age_ns, q->older, buf);
	case WAITING:
		return top_waiting(&q->info, buf);
	default:
		return top_note(&q->info, buf, NOTE_SIZE);
	}
}

static void draw_row(const struct top_view *v, int y, const struct top_queue *q,
		     const int width[COLUMNS])
{
	/* A block takes three bytes. */
	char text[NOTE_SIZE], graph[TOP_HISTORY * 3 + 1];
	int x = 0;

	for (int c = 0; c < COLUMNS; c++) {
		if (!width[c])
			continue;
		if (c == HISTORY) {
			top_graph(q, width[c], v->utf8, graph, sizeof(graph));
			mvaddstr(y, x, graph);
		} else {
			put(y, x, width[c], columns[c].left, cell(q, c, text));
		}
		x += width[c] + 1;
	}
}

static void draw_titles(const struct top *t, const int width[COLUMNS])
{
	int x = 0;

	put_line(HEAD_LINES - 1, A_UNDERLINE, "");
	for (int c = 0; c < COLUMNS; c++) {
		int attributes = columns[c].key == (int)t->key ? A_REVERSE : A_UNDERLINE;

		attron(attributes);
		put(HEAD_LINES - 1, x, width[c], columns[c].left, columns[c].title);
		attroff(attributes);
		x += width[c] ? width[c] + 1 : 0;
	}
}

/* So that the selected row is shown, and no line is left free that a row could have. */
static void scroll_to_row(struct top_view *v, size_t rows)
{
	if (v->row < v->first)
		v->first = v->row;
	if (v->row >= v->first + rows)
		v->first = v->row - rows + 1;
	if (v->first + rows > v->top->nr_rows)
		v->first = v->top->nr_rows > rows ? v->top->nr_rows - rows : 0;
}

static void draw_table(struct top_view *v)
{
	int rows = top_table_rows(v);
	int width[COLUMNS];

	lay_out(v->top, width);
	draw_titles(v->top, width);
	scroll_to_row(v, (size_t)rows);
	for (int i = 0; i < rows && v->first + (size_t)i < v->top->nr_rows; i++) {
		const struct top_queue *q = v->top->rows[v->first + (size_t)i];
		int attributes = v->first + (size_t)i == v->row ? A_STANDOUT : A_NORMAL;

		if (HEAD_LINES + i >= LINES - 1)
			break;
		put_line(HEAD_LINES + i, attributes, "");
		attron(attributes);
		draw_row(v, HEAD_LINES + i, q, width);
		attroff(attributes);
	}
	if (v->top->nr_rows == 0)
		put_line(HEAD_LINES, A_NORMAL, v->top->count ? "No name matches the filter." :
			 "There is no queue; `stacq create NAME` makes one.");
}

/* ---- the rest ----------------------------------------------------------- */

static void draw_head(const struct top_view *v)
{
	const struct top *t = v->top;
	char line[256], totals[192];

	top_totals(t, totals, sizeof(totals));
	snprintf(line, sizeof(line), "stacq top  %s", totals);
	put_line(0, A_BOLD, line);
	snprintf(line, sizeof(line), "%severy %g s  by %s%s%s%s", v->paused ? "PAUSED  " : "",
		 t->interval_ms / 1000.0, top_key_name(t->key), t->reverse ? ", reversed" : "",
		 *t->filter ? "  filter: " : "", t->filter);
	put_line(1, A_NORMAL, line);
}

/* "   12s    40 B p3 back 2x text": with a priority, and given back twice */
static void draw_message(const struct top_view *v, int y, const struct top_message *m)
{
	char age[TOP_TEXT], length[TOP_TEXT], line[80], text[TOP_MESSAGE * 4 + 8];
	size_t bytes = m->desc.len < TOP_MESSAGE ? m->desc.len : TOP_MESSAGE;
	struct timespec now;
	int64_t ns;
	int x;

	clock_gettime(CLOCK_REALTIME, &now);
	ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - (int64_t)m->desc.sent_ns;
	x = snprintf(line, sizeof(line), "%6s %5s B ", top_age(ns < 0 ? 0 : ns, false, age),
		     top_count(m->desc.len, length));
	if (m->desc.priority)
		x += snprintf(line + x, sizeof(line) - (size_t)x, "p%u ", m->desc.priority);
	if (m->desc.deliveries)
		x += snprintf(line + x, sizeof(line) - (size_t)x, "back %ux ", m->desc.deliveries);
	put(y, 0, COLS, true, line);
	top_safe(m->bytes, bytes, bytes < m->desc.len, v->utf8, COLS - x, text, sizeof(text));
	if (x < COLS)
		mvaddstr(y, x, text);
}

static void draw_pane(const struct top_view *v)
{
	int y = HEAD_LINES + top_table_rows(v);
	char line[160];

	if (y >= LINES - 1)
		return;
	if (!*v->selected)
		snprintf(line, sizeof(line), "no queue is selected");
	else if (v->nr_messages < 0)
		snprintf(line, sizeof(line), "%s: %s", v->selected, top_error(v->peek_errno));
	else
		snprintf(line, sizeof(line), v->nr_messages ?
			 "next messages of %s: age, bytes, text" : "%s: empty", v->selected);
	put_line(y, A_UNDERLINE, line);
	for (int i = 0; i < v->nr_messages && y + 1 + i < LINES - 1; i++)
		draw_message(v, y + 1 + i, &v->messages[i]);
}

static void draw_bottom(const struct top_view *v)
{
	char line[sizeof(v->top->filter) + 64];

	if (v->mode == TOP_FILTER) {
		snprintf(line, sizeof(line), "Names that match: %s_   (Enter: done, Esc: all)",
			 v->top->filter);
		put_line(LINES - 1, A_BOLD, line);
	} else if (*v->status) {
		put_line(LINES - 1, A_BOLD, v->status);
	} else {
		put_line(LINES - 1, A_NORMAL,
			 "q quit  ? help  / filter  s sort  r reverse  p peek  P purge  space pause");
	}
}

static void draw_help(void)
{
	int lines = (int)(sizeof(help_lines) / sizeof(*help_lines));

	put_line(0, A_BOLD, "stacq top: keys");
	for (int i = 0; i < lines && 2 + i < LINES - 1; i++)
		put_line(2 + i, A_NORMAL, help_lines[i]);
	put_line(LINES - 1, A_BOLD, "any key goes back");
}

void top_draw(struct top_view *v)
{
	erase();
	if (v->mode == TOP_HELP) {
		draw_help();
	} else {
		draw_head(v);
		draw_table(v);
		draw_pane(v);
		draw_bottom(v);
	}
	refresh();
}
