// SPDX-License-Identifier: GPL-2.0
/* stacq top: the full screen, from the first key to the last. */
#include "top.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

#define ESCAPE		27
/* Between the end of a terminal and the signal that tells of it, at most. */
#define HANGUP_MS	500

struct screen {
	struct top *top;
	struct top_view view;
	bool over;
	bool lost;		/* nobody is at the terminal any more */
	bool failed;		/* the last look failed */
	int purge_fd;		/* the queue that the question is about */
	int64_t next_ms;	/* when to look again */
};

bool top_has_screen(void)
{
	const char *name = getenv("TERM");
	const char *position;
	int error;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !name || !*name)
		return false;
	if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
		return false;
	position = tigetstr("cup");
	if (position == (char *)-1)
		position = NULL;
	del_curterm(cur_term);
	return position;
}

__attribute__((format(printf, 2, 3)))
static void say(struct screen *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->view.status, sizeof(s->view.status), fmt, args);
	va_end(args);
}

/* ---- the selected queue ------------------------------------------------- */

static void select_row(struct screen *s, size_t row)
{
	struct top *t = s->top;

	s->view.row = 0;
	*s->view.selected = '\0';
	if (t->nr_rows == 0)
		return;
	s->view.row = row < t->nr_rows ? row : t->nr_rows - 1;
	strcpy(s->view.selected, t->rows[s->view.row]->info.name);
}

/* It stays selected wherever it goes; if it is gone, what is in its place is. */
static void find_selected(struct screen *s)
{
	for (size_t i = 0; i < s->top->nr_rows; i++) {
		if (strcmp(s->top->rows[i]->info.name, s->view.selected) == 0) {
			s->view.row = i;
			return;
		}
	}
	select_row(s, s->view.row);
}

static void move_by(struct screen *s, int rows)
{
	if (rows < 0 && s->view.row < (size_t)-rows)
		select_row(s, 0);
	else
		select_row(s, s->view.row + (size_t)rows);
}

/* ---- looking ------------------------------------------------------------ */

static void look(struct screen *s)
{
	if (top_sample(s->top) < 0) {
		top_free(s->top);
		say(s, "%s", errno == ENOENT ? "the stacq module is not loaded" : strerror(errno));
		s->failed = true;
	} else if (s->failed) {
		*s->view.status = '\0';
		s->failed = false;
	}
	find_selected(s);
}

static void look_at_messages(struct screen *s)
{
	struct top_view *v = &s->view;

	if (!v->pane || !*v->selected) {
		v->nr_messages = 0;
		return;
	}
	v->nr_messages = top_peek(v->selected, v->messages, top_pane_rows(v));
	v->peek_errno = errno;
}

static void arrange(struct screen *s)
{
	top_arrange(s->top);
	find_selected(s);
}

/* ---- purge -------------------------------------------------------------- */

/* Asks. The file stays open, so that it is that queue and no other of this name. */
static void ask_purge(struct screen *s)
{
	const char *name = s->view.selected;
	char bytes[TOP_TEXT];
	struct stacq_info info;

	if (!*name)
		return;
	s->purge_fd = stacq_open(name, O_RDONLY | O_NONBLOCK);
	if (s->purge_fd < 0 || stacq_info(s->purge_fd, &info) < 0) {
		say(s, "%s: %s", name, top_error(errno));
	} else if (info.depth == 0) {
		say(s, "%s: empty", name);
	} else {
		say(s, "Throw away %llu message%s (%s) of %s? y/n", (unsigned long long)info.depth,
		    plural(info.depth), human_size(info.bytes, bytes), name);
		s->view.mode = TOP_PURGE;
		return;
	}
	if (s->purge_fd >= 0)
		close(s->purge_fd);
	s->purge_fd = -1;
}

static void answer_purge(struct screen *s, int key)
{
	struct stacq_info info;
	uint64_t discarded;

	s->view.mode = TOP_TABLE;
	if (key != 'y' && key != 'Y')
		say(s, "nothing thrown away");
	else if (stacq_info(s->purge_fd, &info) < 0 || stacq_purge(s->purge_fd, &discarded) < 0)
		say(s, "%s", top_error(errno));
	else
		say(s, "%s: %llu message%s thrown away", info.name, (unsigned long long)discarded,
		    plural(discarded));
	close(s->purge_fd);
	s->purge_fd = -1;
	look(s);
}

/* ---- keys --------------------------------------------------------------- */

static void filter_key(struct screen *s, int key)
{
	char *filter = s->top->filter;
	size_t len = strlen(filter);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		s->view.mode = TOP_TABLE;
	} else if (key == ESCAPE) {
		s->view.mode = TOP_TABLE;
		*filter = '\0';
	} else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		if (len)
			filter[len - 1] = '\0';
	} else if (key > ' ' && key < 127 && len + 1 < sizeof(s->top->filter)) {
		filter[len] = (char)key;
		filter[len + 1] = '\0';
	}
	arrange(s);
}

static void change_key(struct screen *s, int step)
{
	s->top->key = (enum top_key)(((int)s->top->key + step + TOP_KEYS) % TOP_KEYS);
	arrange(s);
}

/* Up to what keys reach; what an option has set beyond that comes back into it. */
static void change_interval(struct screen *s, bool longer)
{
	int64_t ms = s->top->interval_ms;

	ms = longer ? ms * 2 : ms / 2;
	if (ms < TOP_INTERVAL_MIN)
		ms = TOP_INTERVAL_MIN;
	if (ms > TOP_INTERVAL_MAX)
		ms = TOP_INTERVAL_MAX;
	s->top->interval_ms = (int)ms;
	s->next_ms = now_ms() + ms;
}

static void escape(struct screen *s)
{
	if (s->view.pane)
		s->view.pane = false;
	else
		*s->top->filter = '\0';
	arrange(s);
}

static void table_key(struct screen *s, int key)
{
	int page = top_table_rows(&s->view);

	switch (key) {
	case 'q':
		s->over = true;
		break;
	case KEY_UP: case 'k':
		move_by(s, -1);
		break;
	case KEY_DOWN: case 'j':
		move_by(s, 1);
		break;
	case KEY_PPAGE:
		move_by(s, -page);
		break;
	case KEY_NPAGE:
		move_by(s, page);
		break;
	case KEY_HOME: case 'g':
		select_row(s, 0);
		break;
	case KEY_END: case 'G':
		select_row(s, SIZE_MAX);
		break;
	case 's': case '>':
		change_key(s, 1);
		break;
	case '<':
		change_key(s, -1);
		break;
	case 'r':
		s->top->reverse = !s->top->reverse;
		arrange(s);
		break;
	case '/':
		s->view.mode = TOP_FILTER;
		break;
	case ESCAPE:
		escape(s);
		break;
	case 'p': case '\n': case '\r': case KEY_ENTER:
		s->view.pane = !s->view.pane;
		break;
	case 'P':
		ask_purge(s);
		break;
	case ' ':
		s->view.paused = !s->view.paused;
		s->next_ms = 0;
		break;
	case '+': case '=':
		change_interval(s, true);
		break;
	case '-':
		change_interval(s, false);
		break;
	case '?': case 'h':
		s->view.mode = TOP_HELP;
		break;
	case '\f':
		clearok(curscr, TRUE);
		break;
	default:
		say(s, "no such key; ? lists them");
	}
}

static void take_key(struct screen *s, int key)
{
	if (key == KEY_RESIZE)
		return;
	switch (s->view.mode) {
	case TOP_FILTER:
		filter_key(s, key);
		break;
	case TOP_PURGE:
		answer_purge(s, key);
		break;
	case TOP_HELP:
		s->view.mode = TOP_TABLE;
		break;
	default:
		if (!s->failed)
			*s->view.status = '\0';
		table_key(s, key);
	}
}

/* Waits for a key, a signal or the time of the next look, and takes the keys. */
static void wait_for_keys(struct screen *s)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t ms = s->view.paused ? -1 : s->next_ms - now_ms();
	int key;

	if (!s->view.paused && ms < 0)
		ms = 0;
	poll(&input, 1, (int)ms);
	if (stop_signal)
		return;
	while (!s->over && (key = getch()) != ERR)
		take_key(s, key);
	if (input.revents & (POLLHUP | POLLERR | POLLNVAL)) {
		/* The signal comes a moment later; or not at all, if it is ignored: nohup. */
		poll(NULL, 0, HANGUP_MS);
		s->lost = true;
	}
}

/* ---- all of it ---------------------------------------------------------- */

static void run(struct screen *s)
{
	struct top *t = s->top;

	while (!s->over && !s->lost && !stop_signal) {
		if (!s->view.paused && now_ms() >= s->next_ms) {
			if (s->next_ms && t->left && --t->left == 0)
				break;
			look(s);
			s->next_ms = now_ms() + t->interval_ms;
		}
		look_at_messages(s);
		top_draw(&s->view);
		wait_for_keys(s);
	}
}

int top_screen(struct top *t)
{
	struct screen *s = calloc(1, sizeof(*s));
	SCREEN *terminal;
	bool lost;

	if (!s) {
		complain("%s", strerror(errno));
		return RC_FAILED;
	}
	s->top = t;
	s->purge_fd = -1;
	s->view.top = t;
	/* Not of numbers, which are written with a point everywhere here. */
	setlocale(LC_CTYPE, "");
	s->view.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	/* Before the library looks whether somebody does. */
	catch_signals();
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		complain("the terminal cannot be used; --plain does without");
		free(s);
		return RC_FAILED;
	}
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	run(s);
	endwin();
	delscreen(terminal);
	lost = s->lost;
	if (s->purge_fd >= 0)
		close(s->purge_fd);
	free(s);
	return lost ? RC_FAILED : RC_OK;
}
