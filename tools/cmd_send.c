// SPDX-License-Identifier: GPL-2.0
/* stacq send */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char send_help[] =
"Usage: stacq send NAME [OPTION]... [--] [MESSAGE]...\n"
"Send each MESSAGE, or without any, standard input as one message. Waits while\n"
"the queue is full.\n"
"\n"
"  -l, --lines            each line of standard input is a message, without its\n"
"                         newline; empty lines are skipped and counted, since a\n"
"                         message has at least one byte\n"
"  -0, --null             like --lines, for messages that end in a NUL\n"
"  -t, --timeout SECONDS  wait no longer than this for room, for each message\n"
"      --nonblock         do not wait: --timeout 0\n"
"  -h, --help             this text\n"
"\n"
"Standard input that is empty, and an empty MESSAGE, are errors. Each message is\n"
"sent whole or not at all; after an error nothing more is sent, and the messages\n"
"sent before it stay sent. With --lines a terminal shows how far it has got.\n"
"\n"
"Exit status: 3 when there was no room in the time allowed, 4 when sealed.\n"
"\n"
"  stacq send jobs one two 'number three'\n"
"  stacq send jobs < picture.png\n"
"  find . -name '*.c' -print0 | stacq send jobs --null\n";

/* ---- how far it has got ------------------------------------------------- */

struct progress {
	const char *name;
	bool on;		/* standard error is a terminal */
	bool drawn;
	int64_t next_ms;	/* when to draw again */
	uint64_t total;		/* bytes of input; 0 is unknown */
	uint64_t read;		/* bytes of input so far */
	uint64_t messages;
	uint64_t bytes;
};

static void progress_start(struct progress *p, const char *name)
{
	struct stat st;
	off_t start;

	*p = (struct progress) { .name = name, .on = isatty(STDERR_FILENO) };
	/* What takes less than half a second needs no bar. */
	p->next_ms = now_ms() + 500;
	start = lseek(STDIN_FILENO, 0, SEEK_CUR);
	if (start >= 0 && fstat(STDIN_FILENO, &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size > start)
		p->total = (uint64_t)(st.st_size - start);
}

static void progress_draw(struct progress *p)
{
	char line[512], size[16], bar[64];
	struct winsize ws;
	int width = 80;
	int len, room;

	if (!p->on || now_ms() < p->next_ms)
		return;
	p->next_ms = now_ms() + 100;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		width = ws.ws_col;
	len = snprintf(line, sizeof(line), "%s: %llu message%s, %s", p->name,
		       (unsigned long long)p->messages, plural(p->messages),
		       human_size(p->bytes, size));
	/* "  [#####.....] 100%", and a column that stays free */
	room = width - len - 10;
	if (p->total && room >= 10) {
		double part = (double)p->read / (double)p->total;
		int filled;

		if (part > 1)	/* the file has grown */
			part = 1;
		if (room > (int)sizeof(bar) - 1)
			room = sizeof(bar) - 1;
		filled = (int)(part * room);
		memset(bar, '.', (size_t)room);
		memset(bar, '#', (size_t)filled);
		snprintf(line + len, sizeof(line) - (size_t)len, "  [%.*s] %3d%%",
			 room, bar, (int)(part * 100));
	}
	fprintf(stderr, "\r%.*s\033[K", width - 1, line);
	p->drawn = true;
}

static void progress_clear(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
}

/* ---- sending ------------------------------------------------------------ */

struct sender {
	const char *name;
	int fd;
	int timeout_ms;
	size_t longest;		/* no message can be longer */
	struct stacq_info info;	/* as of the start */
	struct progress progress;
};

static void say_too_long(struct sender *s, const char *what)
{
	struct stacq_info *info = &s->info;
	unsigned long long most = info->max_msg_size;
	const char *limit = "max_msg_size";

	if (!most || (info->max_bytes && info->max_bytes < most)) {
		most = info->max_bytes;
		limit = "max_bytes";
	}
	if (most)
		complain("%s: %s is too long for this queue: %s is %llu bytes",
			 s->name, what, limit, most);
	else
		complain("%s: %s is too long for a message", s->name, what);
}

static int send_error(struct sender *s, const char *what)
{
	switch (errno) {
	case EAGAIN:
	case ETIMEDOUT:
		complain("%s: full%s; %s was not sent", s->name,
			 errno == EAGAIN ? "" : " until the time was up", what);
		return RC_NOTHING;
	case EMSGSIZE:
		/* The limits may have changed since the start. */
		stacq_info(s->fd, &s->info);
		say_too_long(s, what);
		return RC_FAILED;
	case EINTR:
		if (stop_signal) {
			complain("%s: interrupted; %s was not sent", s->name, what);
			return RC_FAILED;
		}
		break;
	case ENOMEM:
		complain("%s: the kernel has no memory for %s", s->name, what);
		return RC_FAILED;
	}
	return queue_error(s->name);
}

/* @what names the message in errors. */
static int send_one(struct sender *s, const void *buf, size_t len,
		    const char *what)
{
	do {
		if (stop_signal) {
			errno = EINTR;
			break;
		}
		if (stacq_send(s->fd, buf, len, s->timeout_ms) == 0) {
			s->progress.messages++;
			s->progress.bytes += len;
			return RC_OK;
		}
	} while (errno == EINTR);
	progress_clear(&s->progress);
	return send_error(s, what);
}

static int send_arguments(struct sender *s, int count, char **messages)
{
	char what[32];
	int rc = RC_OK;

	for (int i = 0; i < count && rc == RC_OK; i++) {
		snprintf(what, sizeof(what), "message %d", i + 1);
		rc = send_one(s, messages[i], strlen(messages[i]), what);
	}
	return rc;
}

/* Standard input, in pieces. */
struct input {
	char *buf;
	size_t size;
	size_t start, end;	/* what is in it */
	bool eof;
};

/* Reads more; returns 0 at the end of the input as well, with eof set. */
static int input_more(struct input *in, size_t most)
{
	ssize_t n;

	if (in->start > 0) {
		memmove(in->buf, in->buf + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	if (in->end == in->size) {
		size_t size = in->size ? in->size * 2 : 65536;
		char *buf;

		if (size > most && most > in->size)
			size = most;
		buf = realloc(in->buf, size);
		if (!buf) {
			errno = ENOMEM;
			return -1;
		}
		in->buf = buf;
		in->size = size;
	}
	do {
		n = read(STDIN_FILENO, in->buf + in->end, in->size - in->end);
	} while (n < 0 && errno == EINTR && !stop_signal);
	if (n < 0)
		return -1;
	in->end += (size_t)n;
	in->eof = n == 0;
	return 0;
}

static int input_error(struct sender *s)
{
	progress_clear(&s->progress);
	if (errno == EINTR)
		complain("%s: interrupted", s->name);
	else
		complain("standard input: %s", strerror(errno));
	return RC_FAILED;
}

static int send_input(struct sender *s)
{
	struct input in = { 0 };
	int rc = RC_FAILED;

	while (!in.eof && in.end <= s->longest) {
		if (input_more(&in, s->longest + 1) < 0) {
			rc = input_error(s);
			goto out;
		}
	}
	if (in.end == 0)
		complain("%s: standard input is empty, and a message has at least one byte",
			 s->name);
	else if (in.end > s->longest)
		say_too_long(s, "standard input");
	else
		rc = send_one(s, in.buf, in.end, "standard input");
out:
	free(in.buf);
	return rc;
}

static int send_lines(struct sender *s, char delimiter)
{
	const char *unit = delimiter == '\n' ? "line" : "message";
	uint64_t number = 0, empty = 0;
	struct input in = { 0 };
	size_t searched = 0;	/* so much of what is in the buffer */
	int rc = RC_OK;

	progress_start(&s->progress, s->name);
	for (;;) {
		size_t stored = in.end - in.start;
		char *line = in.buf ? in.buf + in.start : NULL;
		char *stop = NULL;
		char what[48];
		size_t len;

		if (line && stored > searched)
			stop = memchr(line + searched, delimiter, stored - searched);
		len = stop ? (size_t)(stop - line) : stored;
		snprintf(what, sizeof(what), "%s %llu", unit,
			 (unsigned long long)number + 1);
		if (len > s->longest) {
			progress_clear(&s->progress);
			say_too_long(s, what);
			rc = RC_FAILED;
			break;
		}
		if (!stop && !in.eof) {
			searched = stored;
			if (input_more(&in, s->longest + 2) < 0) {
				rc = input_error(s);
				break;
			}
			continue;
		}
		if (!stop && len == 0)
			break;
		number++;
		if (len == 0)
			empty++;
		else
			rc = send_one(s, line, len, what);
		if (rc != RC_OK)
			break;
		searched = 0;
		in.start += len + (stop ? 1 : 0);
		s->progress.read += len + (stop ? 1 : 0);
		progress_draw(&s->progress);
	}
	free(in.buf);
	progress_clear(&s->progress);
	if (empty)
		complain("%s: %llu empty %s%s skipped", s->name,
			 (unsigned long long)empty, unit, plural(empty));
	return rc;
}

int cmd_send(int argc, char **argv)
{
	enum { NONBLOCK = 256 };
	static const struct option options[] = {
		{ "lines", no_argument, NULL, 'l' },
		{ "null", no_argument, NULL, '0' },
		{ "nonblock", no_argument, NULL, NONBLOCK },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct sender s = { .timeout_ms = -1, .longest = INT_MAX / 2 };
	bool lines = false;
	char delimiter = '\n';
	int opt, rc, count;
	uint64_t sent;

	while ((opt = getopt_long(argc, argv, "l0t:h", options, NULL)) != -1) {
		switch (opt) {
		case '0':
			delimiter = '\0';
			lines = true;
			break;
		case 'l':
			lines = true;
			break;
		case NONBLOCK:
			s.timeout_ms = 0;
			break;
		case 't':
			if (!parse_seconds(optarg, &s.timeout_ms))
				return usage_error(argv, "'%s' is not a number of seconds",
						   optarg);
			break;
		case 'h':
			fputs(send_help, stdout);
			return RC_OK;
		default:
			return usage_hint(argv);
		}
	}
	if (optind == argc)
		return usage_error(argv, "a name is missing");
	s.name = argv[optind++];
	if (!check_name(s.name))
		return RC_USAGE;
	count = argc - optind;
	if (lines && count)
		return usage_error(argv, "messages come either as arguments or from standard input");
	for (int i = optind; i < argc; i++)
		if (!*argv[i])
			return usage_error(argv, "message %d is empty, and a message has at least one byte",
					   i - optind + 1);

	/*
	 * Without an end to the waiting the kernel does it, which knows exactly
	 * when there is room; stacq_send() has to try now and then.
	 */
	s.fd = stacq_open(s.name, O_WRONLY | (s.timeout_ms < 0 ? 0 : O_NONBLOCK));
	if (s.fd < 0)
		return queue_error(s.name);
	if (stacq_info(s.fd, &s.info) < 0) {
		rc = queue_error(s.name);
		goto out;
	}
	/* So that endless input does not fill the memory before it is refused. */
	if (s.info.max_msg_size && s.info.max_msg_size < s.longest)
		s.longest = (size_t)s.info.max_msg_size;
	if (s.info.max_bytes && s.info.max_bytes < s.longest)
		s.longest = (size_t)s.info.max_bytes;

	catch_signals();
	if (count)
		rc = send_arguments(&s, count, argv + optind);
	else if (lines)
		rc = send_lines(&s, delimiter);
	else
		rc = send_input(&s);
	sent = s.progress.messages;
	/* How much is done is news when it is not all, or took its time. */
	if ((rc != RC_OK && (lines || count > 1)) || s.progress.drawn)
		complain("%s: %llu message%s sent", s.name,
			 (unsigned long long)sent, plural(sent));
out:
	close(s.fd);
	return rc;
}
