// SPDX-License-Identifier: GPL-2.0
/*
 * stacq top: numbers and words, and what is drawn of queues that are made up, on
 * a screen that nobody sees.
 */
#include "top.h"
#include "unit.h"

#include <curses.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool count_is(uint64_t n, const char *want)
{
	char buf[TOP_TEXT];

	return strcmp(top_count(n, buf), want) == 0;
}

static bool rate_is(double rate, const char *want)
{
	char buf[TOP_TEXT];

	return strcmp(top_rate_text(rate, buf), want) == 0;
}

static bool age_is(double seconds, const char *want)
{
	char buf[TOP_TEXT];

	return strcmp(top_age((int64_t)(seconds * 1e9), false, buf), want) == 0;
}

static void test_numbers(void)
{
	struct stacq_info info = { .readers_waiting = 2 };
	char buf[TOP_TEXT];

	ok(count_is(0, "0") && count_is(99999, "99999") && count_is(100000, "100K") &&
	   count_is(999999, "999K") && count_is(1000000, "1.0M") && count_is(1990000, "1.9M") &&
	   count_is(9999999, "9.9M") && count_is(10000000, "10M") && count_is(999999999, "999M") &&
	   count_is(1000000000, "1.0G"), "top_count: never more than it is, at most five characters");
	ok(count_is(UINT64_MAX, "18E"), "top_count: the highest number");
	ok(rate_is(-1, "-") && rate_is(0, "0") && rate_is(0.04, "<0.1") && rate_is(0.5, "0.5") &&
	   rate_is(9.94, "9.9") && rate_is(9.96, "10") && rate_is(123456, "123K"), "top_rate_text");
	ok(top_rate(10, 15, 2000000000) == 2.5 && top_rate(5, 5, 1) == 0, "top_rate");
	ok(top_rate(10, 9, 1000) == -1 && top_rate(1, 2, 0) == -1,
	   "top_rate: a counter that went down, no time");
	ok(age_is(-1, "-") && age_is(0.44, "0.4s") && age_is(9.99, "9.9s") && age_is(10, "10s") &&
	   age_is(119.9, "119s") && age_is(120, "2m") && age_is(7199, "119m") &&
	   age_is(7200, "2h") && age_is(172800, "2d") && age_is(1e9, ">9998d"), "top_age");
	ok(strcmp(top_age(125000000000, true, buf), ">2m") == 0, "top_age: at least");
	ok(strcmp(top_waiting(&info, buf), "2/0") == 0, "top_waiting");
	info.readers_waiting = 0;
	ok(strcmp(top_waiting(&info, buf), "-") == 0, "top_waiting: nobody");
	info.readers_waiting = info.writers_waiting = UINT32_MAX;
	ok(strcmp(top_waiting(&info, buf), "4.2G/4.2G") == 0, "top_waiting: many");
}

static void test_words(void)
{
	struct stacq_info info = { .state = STACQ_STATE_SEALED, .dead = 3, .dropped_oldest = 1,
				   .dropped_newest = 2, .expired = 4 };
	char buf[80], small[12];
	enum top_key key;

	ok(strcmp(top_note(&info, buf, sizeof(buf)), "sealed,dead=3,dropped=3,expired=4") == 0,
	   "top_note: what is not as usual");
	ok(strcmp(top_note(&info, small, sizeof(small)), "sealed,dead") == 0, "top_note: cut");
	info = (struct stacq_info) { .depth = 5 };
	ok(strcmp(top_note(&info, buf, sizeof(buf)), "") == 0, "top_note: all as usual");
	for (int i = 0; i < TOP_KEYS; i++)
		ok(top_parse_key(top_key_name((enum top_key)i), &key) && (int)key == i,
		   top_key_name((enum top_key)i));
	ok(!top_parse_key("", &key) && !top_parse_key("size", &key), "top_parse_key: no key");
	ok(top_matches("jobs", "") && top_matches("jobs", "ob") && !top_matches("jobs", "x") &&
	   top_matches("jobs", "j*") && !top_matches("jobs", "o*") && top_matches("jobs", "?ob[s]"),
	   "top_matches: a part, or a pattern for all of it");
}

static void test_graph(void)
{
	struct top_queue q = { .history = { 0, 1, 50, 100 }, .samples = 4 };
	char buf[TOP_HISTORY * 3 + 1];

	ok(top_level(0, 10) == 0 && top_level(1, 1000000) == 1 && top_level(10, 10) == 8 &&
	   top_level(5, 10) == 4 && top_level(UINT64_MAX, UINT64_MAX) == 8, "top_level");
	top_graph(&q, 8, false, buf, sizeof(buf));
	ok(strcmp(buf, "     .=@") == 0, "top_graph: the latest at the right");
	top_graph(&q, 2, true, buf, sizeof(buf));
	ok(strcmp(buf, "▄█") == 0, "top_graph: what has room, in blocks");
	q.samples = 2;
	top_graph(&q, 2, false, buf, sizeof(buf));
	ok(strcmp(buf, " @") == 0, "top_graph: the own maximum");
	q.samples = 0;
	top_graph(&q, 3, false, buf, sizeof(buf));
	ok(strcmp(buf, "   ") == 0, "top_graph: nothing yet");
	q.samples = TOP_HISTORY;
	for (int i = 0; i < TOP_HISTORY; i++)
		q.history[i] = UINT64_MAX;
	top_graph(&q, TOP_HISTORY, true, buf, sizeof(buf));
	ok(strlen(buf) == (size_t)TOP_HISTORY * 3, "top_graph: the whole width in blocks");
}

static bool safe_is(const void *bytes, size_t len, bool utf8, int width, const char *want)
{
	char buf[TOP_MESSAGE * 4 + 8];

	top_safe(bytes, len, false, utf8, width, buf, sizeof(buf));
	return strcmp(buf, want) == 0;
}

static void test_safe(void)
{
	char all[256], buf[32];
	bool good = true;

	ok(safe_is("a b\n\t\\", 6, false, 40, "a b\\n\\t\\\\"), "top_safe: text");
	ok(safe_is("\33[2J\0\177\200\377", 8, false, 40, "\\x1b[2J\\x00\\x7f\\x80\\xff"),
	   "top_safe: what terminals obey");
	ok(safe_is("€é", 5, false, 40, "\\xe2\\x82\\xac\\xc3\\xa9"), "top_safe: no UTF-8 here");
	ok(safe_is("0123456789", 10, false, 10, "0123456789") &&
	   safe_is("0123456789", 10, false, 9, "012345...") &&
	   safe_is("0123456\n\n", 9, false, 9, "012345..."), "top_safe: too long");
	ok(safe_is("0123456789", 10, false, 2, "..") && safe_is("01", 2, false, 0, ""),
	   "top_safe: no room");
	top_safe("abc", 3, true, false, 10, buf, sizeof(buf));
	ok(strcmp(buf, "abc...") == 0, "top_safe: there is more");
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	for (int width = 0; width < 90; width++) {
		top_safe(all, sizeof(all), true, true, width, buf, sizeof(buf));
		good = good && strlen(buf) < sizeof(buf);
		for (char *c = buf; *c; c++)
			good = good && *c >= ' ' && *c < 127;
	}
	ok(good, "top_safe: any bytes in a small buffer");
	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		ok(true, "top_safe: UTF-8 # SKIP there is no C.UTF-8 here");
		return;
	}
	ok(safe_is("€é漢", 8, true, 4, "€é漢") && safe_is("€é漢字", 11, true, 5, "€é...") &&
	   safe_is("\xe2\x80\xae", 3, true, 40, "\\xe2\\x80\\xae") &&	/* right to left */
	   safe_is("\xc2\x85", 2, true, 40, "\\xc2\\x85") &&		/* a control character */
	   safe_is("\xe2\x82", 2, true, 40, "\\xe2\\x82"), "top_safe: UTF-8");
	setlocale(LC_CTYPE, "C");
}

/* ---- screen ------------------------------------------------------------- */

#define QUEUES	5

static bool line_has(int y, const char *text)
{
	char line[512];

	mvinnstr(y, 0, line, sizeof(line) - 1);
	return strstr(line, text);
}

/* Queues with the highest numbers and the longest names there are. */
static void make_up(struct top *t)
{
	t->count = QUEUES;
	t->queues = calloc(QUEUES, sizeof(*t->queues));
	t->rows = calloc(QUEUES, sizeof(struct top_queue *));
	for (int i = 0; i < QUEUES; i++) {
		struct top_queue *q = &t->queues[i];

		*q = (struct top_queue) { .in = i, .out = 1e300, .age_ns = i, .samples = i };
		memset(&q->info, i == 0 ? 0xff : 0, sizeof(q->info));
		memset(q->info.name, 'a' + i, i == 0 ? STACQ_NAME_SIZE - 1 : 3);
		q->info.name[i == 0 ? STACQ_NAME_SIZE - 1 : 3] = '\0';
		q->info.depth = (uint64_t)(i == 3 ? 70 : i);
	}
	top_arrange(t);
}

static bool in_order(const struct top *t, const char *letters)
{
	for (size_t i = 0; i < t->nr_rows; i++)
		if (t->rows[i]->info.name[0] != letters[i])
			return false;
	return t->nr_rows == strlen(letters);
}

static void test_order(struct top *t)
{
	ok(in_order(t, "abcde"), "top_arrange: by name");
	t->key = BY_DEPTH;
	top_arrange(t);
	ok(in_order(t, "decba"), "top_arrange: the highest number first");
	t->key = BY_OUT;
	t->reverse = true;
	top_arrange(t);
	ok(in_order(t, "abcde"), "top_arrange: of the same number by name");
	t->key = BY_NAME;
	top_arrange(t);
	ok(in_order(t, "edcba"), "top_arrange: reversed");
	t->reverse = false;
	strcpy(t->filter, "c");
	top_arrange(t);
	ok(in_order(t, "c"), "top_arrange: filtered");
	*t->filter = '\0';
	top_arrange(t);
}

static void test_drawing(void)
{
	struct top t = { .interval_ms = 2000 };
	static struct top_view view;
	struct top_view *v = &view;
	FILE *null = fopen("/dev/null", "r+");
	SCREEN *screen = null ? newterm("vt100", null, null) : NULL;

	if (!screen) {
		ok(true, "top_draw # SKIP there is no vt100 here");
		return;
	}
	make_up(&t);
	test_order(&t);
	v->top = &t;
	strcpy(v->selected, "bbb");
	v->row = 1;
	resizeterm(24, 80);
	top_draw(v);
	ok(line_has(0, "5 queues  77 messages") && line_has(1, "every 2 s  by name") &&
	   line_has(2, "NAME ") && line_has(2, "R/W") && line_has(2, "NOTE") &&
	   line_has(3, "aaaaaaaa~") && line_has(3, "sealed") && line_has(4, "bbb") &&
	   line_has(23, "q quit"), "top_draw: 80 columns have it all");
	v->pane = true;
	v->nr_messages = TOP_PEEKED;
	memset(v->messages, 0xff, sizeof(v->messages));
	v->messages[0].desc = (struct stacq_peek) { .len = 5, .priority = 3, .deliveries = 2 };
	memcpy(v->messages[0].bytes, "hello", 5);
	top_draw(v);
	ok(line_has(11, "next messages of bbb") && line_has(12, "    5 B p3 back 2x hello") &&
	   line_has(13, "18E B p4294967295 back 4294967295x \\xff\\xff"), "top_draw: messages");
	for (int rows = 1; rows < 40; rows++) {
		for (int columns = 1; columns < 140; columns += 3) {
			resizeterm(rows, columns);
			v->row = (size_t)(rows % QUEUES);
			v->pane = columns & 1;
			v->utf8 = columns & 2;
			v->mode = (enum top_mode)(columns % 4);
			top_draw(v);
		}
	}
	ok(true, "top_draw: any size");
	v->mode = TOP_TABLE;
	v->pane = false;
	resizeterm(8, 40);
	v->row = 4;
	top_draw(v);
	ok(line_has(2, "NAME") && line_has(2, "AGE") && !line_has(2, "R/W") && line_has(6, "eee") &&
	   line_has(7, "q quit"), "top_draw: 40 columns of 8 lines have what matters");
	endwin();
	delscreen(screen);
	fclose(null);
	top_free(&t);
}

void test_top(void)
{
	test_numbers();
	test_words();
	test_graph();
	test_safe();
	test_drawing();
}
