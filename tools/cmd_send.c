// SPDX-License-Identifier: GPL-2.0
/* stacq send */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char send_help[] =
"Usage: stacq send NAME [OPTION]... [--] [MESSAGE]...\n"
"   or: stacq send NAME --framed [OPTION]... [--] [FILE]...\n"
"Send each MESSAGE, or without any, standard input as one message. Waits while\n"
"the queue is full.\n"
"\n"
"  -l, --lines            each line of standard input is a message, without its\n"
"                         newline; empty lines are skipped and counted, since a\n"
"                         message has at least one byte\n"
"  -0, --null             like --lines, for messages that end in a NUL\n"
"      --framed           each FILE, or without any, standard input, is made of\n"
"                         frames, as `stacq recv --framed` and `stacq save` write\n"
"                         them: messages that keep their priority, time and\n"
"                         deliveries. All files are checked before the first\n"
"                         message is sent; a pipe is checked as it comes\n"
"  -p, --priority N       0 (default) to 32767; in a queue with order priority\n"
"                         the highest is received first\n"
"      --ttl TIME         deliver them no longer than this after they were sent:\n"
"                         seconds, or with a unit: ms, s, m, h or d; the queue's\n"
"                         ttl_ms holds as well\n"
"  -t, --timeout SECONDS  wait no longer than this for room, for each message\n"
"      --nonblock         do not wait: --timeout 0\n"
"  -h, --help             this text\n"
"\n"
"Standard input that is empty, and an empty MESSAGE, are errors. (No frames are\n"
"none.) Each message is sent whole or not at all; after an error nothing more is\n"
"sent, and the messages sent before it stay sent. With --lines and --framed a\n"
"terminal shows how far it has got.\n"
"\n"
"Exit status: 3 when there was no room in the time allowed, 4 when sealed.\n"
"\n"
"  stacq send jobs one two 'number three'\n"
"  stacq send jobs < picture.png\n"
"  find . -name '*.c' -print0 | stacq send jobs --null\n"
"  stacq recv jobs --all --framed | ssh there stacq send jobs --framed\n";

static const char restore_help[] =
"Usage: stacq restore NAME [OPTION]... < FILE\n"
"Send the messages that `stacq save` wrote, in the order in which they were sent\n"
"first, so that a queue and a stack come back alike, after what is there already.\n"
"They keep priority, time and deliveries; they get new numbers (seq).\n"
"\n"
"  -t, --timeout SECONDS  wait no longer than this for room, each time\n"
"      --nonblock         do not wait: --timeout 0\n"
"  -h, --help             this text\n"
"\n"
"A file is checked first, as a whole: when there is anything wrong in it, nothing\n"
"is sent. A pipe is checked as it comes. When it has to stop half-way, it says\n"
"how many messages were restored: these are the first ones of the file.\n"
"\n"
"Exit status: 3 when there was no room in the time allowed, 4 when sealed.\n";

/* ---- sending ------------------------------------------------------------ */

struct sender {
	const char *name;
	const char *done;	/* "sent", in words to the user */
	int fd;
	int timeout_ms;
	uint64_t priority;
	uint64_t ttl_ms;	/* if it is not 0, messages go in frames */
	size_t longest;		/* no message can be longer */
	size_t largest;		/* of the frames that were checked */
	uint64_t largest_at;	/* byte where that one begins, */
	const char *largest_in;	/* and of what */
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
	case ENOSPC:
		complain("%s: full; %s was not sent", s->name, what);
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

/* What read and write have no room for is in a frame. */
static int send_in_frame(struct sender *s, const void *buf, size_t len)
{
	struct stacq_peek desc = {
		.priority = (uint32_t)s->priority, .ttl_ms = (uint32_t)s->ttl_ms,
	};
	size_t size = STACQ_FRAME_SIZE(len);
	void *frame = malloc(size);
	ssize_t n = -1;
	int error;

	if (frame && stacq_frame_put(frame, size, buf, len, &desc) > 0)
		n = stacq_send_frames(s->fd, frame, size, s->timeout_ms);
	error = errno;
	free(frame);
	errno = error;
	return n < 0 ? -1 : 0;
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
		if ((s->ttl_ms ? send_in_frame(s, buf, len) :
		     stacq_send(s->fd, buf, len, s->timeout_ms)) == 0) {
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

/* Standard input, or a file, in pieces. */
struct input {
	const char *name;
	int fd;
	char *buf;
	size_t size;
	size_t start, end;	/* what is in it */
	bool eof;
};

static const struct input standard_input = {
	.name = "standard input", .fd = STDIN_FILENO,
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
		n = read(in->fd, in->buf + in->end, in->size - in->end);
	} while (n < 0 && errno == EINTR && !stop_signal);
	if (n < 0)
		return -1;
	in->end += (size_t)n;
	in->eof = n == 0;
	return 0;
}

static int input_error(struct sender *s, const struct input *in)
{
	progress_clear(&s->progress);
	if (errno == EINTR)
		complain("%s: interrupted", s->name);
	else
		complain("%s: %s", in->name, strerror(errno));
	return RC_FAILED;
}

static int send_input(struct sender *s)
{
	struct input in = standard_input;
	int rc = RC_FAILED;

	while (!in.eof && in.end <= s->longest) {
		if (input_more(&in, s->longest + 1) < 0) {
			rc = input_error(s, &in);
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
	struct input in = standard_input;
	size_t searched = 0;	/* so much of what is in the buffer */
	int rc = RC_OK;

	progress_start(&s->progress, s->name, in.fd);
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
				rc = input_error(s, &in);
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

/* ---- frames ------------------------------------------------------------- */

/* Whole frames; @at is the byte of the input where they begin. */
static int send_batch(struct sender *s, const struct input *in, const char *buf,
		      size_t len, uint64_t at)
{
	char what[512];
	ssize_t n;

	while (len > 0) {
		n = -1;
		errno = EINTR;
		if (!stop_signal)
			n = stacq_send_frames(s->fd, buf, len, s->timeout_ms);
		if (n < 0 && errno == EINTR && !stop_signal)
			continue;
		if (n < 0) {
			progress_clear(&s->progress);
			snprintf(what, sizeof(what), "the message at byte %llu of %s",
				 (unsigned long long)at, in->name);
			return send_error(s, what);
		}
		s->progress.read += (uint64_t)n;
		s->progress.messages += count_frames(buf, (size_t)n, &s->progress.bytes);
		progress_draw(&s->progress);
		buf += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return RC_OK;
}

/* Frames up to the end of the input: checked, and sent if @send. */
static int walk_frames(struct sender *s, struct input *in, bool send)
{
	unsigned long long at = 0;	/* where the next frame begins */
	struct stacq_peek desc;
	const void *data;
	char what[512];
	size_t whole;
	ssize_t len;
	int rc;

	for (;;) {
		if (input_more(in, (size_t)STACQ_FRAME_SIZE(s->longest)) < 0)
			return input_error(s, in);
		for (whole = 0;; whole += (size_t)len) {
			len = stacq_frame_next(in->buf + in->start + whole,
					       in->end - in->start - whole,
					       &data, &desc);
			if (len < 0 || desc.len > s->longest)
				break;
			if (desc.len > s->largest) {
				s->largest = (size_t)desc.len;
				s->largest_at = at + whole;
				s->largest_in = in->name;
			}
			if (len == 0)
				break;
		}
		if (send) {
			rc = send_batch(s, in, in->buf + in->start, whole, at);
			if (rc != RC_OK)
				return rc;
		}
		in->start += whole;
		at += whole;
		if (len < 0) {
			progress_clear(&s->progress);
			complain("%s: no frame begins at byte %llu; what `stacq save` and `stacq recv --framed` write is made of frames",
				 in->name, at);
			return RC_FAILED;
		}
		if (desc.len > s->longest) {
			progress_clear(&s->progress);
			snprintf(what, sizeof(what), "the message at byte %llu of %s",
				 at, in->name);
			say_too_long(s, what);
			return RC_FAILED;
		}
		if (!in->eof)
			continue;
		if (in->start == in->end)
			return RC_OK;
		progress_clear(&s->progress);
		complain("%s: the frame at byte %llu is cut short", in->name, at);
		return RC_FAILED;
	}
}

/* Check a file, standard input if @path is NULL; a pipe is checked as it comes. */
static int check_input(struct sender *s, const char *path)
{
	struct input in = standard_input;
	off_t start = 0;
	struct stat st;
	int rc;

	if (path)
		in.name = path;
	if ((path ? stat(path, &st) : fstat(in.fd, &st)) < 0)
		return input_error(s, &in);
	if (!S_ISREG(st.st_mode))
		return RC_OK;
	if (path)
		in.fd = open(path, O_RDONLY | O_CLOEXEC);
	else
		start = lseek(in.fd, 0, SEEK_CUR);
	if (in.fd < 0 || start < 0)
		return input_error(s, &in);
	rc = walk_frames(s, &in, false);
	free(in.buf);
	if (path)
		close(in.fd);
	else if (lseek(in.fd, start, SEEK_SET) < 0 && rc == RC_OK)
		rc = input_error(s, &in);
	return rc;
}

static int send_file(struct sender *s, const char *path)
{
	struct input in = standard_input;
	int rc;

	if (path) {
		in.name = path;
		in.fd = open(path, O_RDONLY | O_CLOEXEC);
		if (in.fd < 0)
			return input_error(s, &in);
	}
	rc = walk_frames(s, &in, true);
	free(in.buf);
	if (path)
		close(in.fd);
	return rc;
}

/* ---- the commands ------------------------------------------------------- */

/* Returns RC_OK with the queue open. */
static int open_queue(struct sender *s)
{
	/*
	 * Without an end to the waiting the kernel does it, which knows exactly
	 * when there is room; stacq_send() has to try now and then.
	 */
	s->fd = stacq_open(s->name, O_WRONLY | (s->timeout_ms < 0 ? 0 : O_NONBLOCK));
	if (s->fd < 0)
		return queue_error(s->name);
	if (stacq_info(s->fd, &s->info) < 0) {
		int rc = queue_error(s->name);

		close(s->fd);
		s->fd = -1;
		return rc;
	}
	/* So that endless input does not fill the memory before it is refused. */
	if (s->info.max_msg_size && s->info.max_msg_size < s->longest)
		s->longest = (size_t)s->info.max_msg_size;
	if (s->info.max_bytes && s->info.max_bytes < s->longest)
		s->longest = (size_t)s->info.max_bytes;
	return RC_OK;
}

static int send_framed(struct sender *s, int count, char **files)
{
	static char *standard[] = { NULL };
	char what[512];
	int rc;

	if (count == 0) {
		files = standard;
		count = 1;
	}
	for (int i = 0; i < count; i++) {
		rc = check_input(s, files[i]);
		if (rc != RC_OK) {
			complain("%s: nothing was %s", s->name, s->done);
			return rc;
		}
	}
	rc = open_queue(s);
	if (rc != RC_OK)
		return rc;
	if (s->largest > s->longest) {
		snprintf(what, sizeof(what), "the message at byte %llu of %s",
			 (unsigned long long)s->largest_at, s->largest_in);
		say_too_long(s, what);
		rc = RC_FAILED;
	} else if (stacq_set_framed(s->fd, 1) < 0) {
		rc = queue_error(s->name);
	}
	catch_signals();
	progress_start(&s->progress, s->name, files[0] ? -1 : STDIN_FILENO);
	for (int i = 0; i < count && rc == RC_OK; i++)
		rc = send_file(s, files[i]);
	progress_clear(&s->progress);
	close(s->fd);
	return rc;
}

static int send_messages(struct sender *s, bool lines, char delimiter,
			 int count, char **messages)
{
	int rc = open_queue(s);

	if (rc != RC_OK)
		return rc;
	if (s->ttl_ms ? stacq_set_framed(s->fd, 1) < 0 :
	    s->priority && stacq_set_priority(s->fd, (unsigned int)s->priority) < 0) {
		rc = queue_error(s->name);
		close(s->fd);
		return rc;
	}
	catch_signals();
	if (count)
		rc = send_arguments(s, count, messages);
	else if (lines)
		rc = send_lines(s, delimiter);
	else
		rc = send_input(s);
	close(s->fd);
	return rc;
}

static int send_command(int argc, char **argv, bool restore)
{
	enum { NONBLOCK = 256, FRAMED, TTL };
	static const struct option options[] = {
		{ "lines", no_argument, NULL, 'l' },
		{ "null", no_argument, NULL, '0' },
		{ "framed", no_argument, NULL, FRAMED },
		{ "priority", required_argument, NULL, 'p' },
		{ "ttl", required_argument, NULL, TTL },
		/* restore has those from here on */
		{ "nonblock", no_argument, NULL, NONBLOCK },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct sender s = {
		.done = restore ? "restored" : "sent",
		.fd = -1, .timeout_ms = -1, .longest = INT_MAX / 2,
	};
	bool lines = false, framed = restore;
	char delimiter = '\n';
	int opt, rc, count;
	uint64_t sent;

	while ((opt = getopt_long(argc, argv, restore ? "t:h" : "l0p:t:h",
				  restore ? options + 5 : options, NULL)) != -1) {
		switch (opt) {
		case '0':
			delimiter = '\0';
			lines = true;
			break;
		case 'l':
			lines = true;
			break;
		case FRAMED:
			framed = true;
			break;
		case 'p':
			if (!parse_size(optarg, &s.priority) || s.priority > STACQ_PRIORITY_MAX)
				return usage_error(argv, "'%s' is not a priority: 0 to %d",
						   optarg, STACQ_PRIORITY_MAX);
			break;
		case TTL:
			if (!parse_time(optarg, &s.ttl_ms) || s.ttl_ms > INT_MAX)
				return usage_error(argv, "'%s' is not a time for --ttl: " TIME_WORDS,
						   optarg);
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
			fputs(restore ? restore_help : send_help, stdout);
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
	if (restore && count)
		return usage_error(argv, "one queue at a time; the file is standard input");
	if (lines && framed)
		return usage_error(argv, "either --framed or --lines or --null");
	if (s.priority && framed)
		return usage_error(argv, "either --framed or --priority: a frame has its own");
	if (s.ttl_ms && framed)
		return usage_error(argv, "either --framed or --ttl: a frame has its own");
	if (lines && count)
		return usage_error(argv, "messages come either as arguments or from standard input");
	for (int i = optind; i < argc && !framed; i++)
		if (!*argv[i])
			return usage_error(argv, "message %d is empty, and a message has at least one byte",
					   i - optind + 1);

	rc = framed ? send_framed(&s, count, argv + optind) :
		send_messages(&s, lines, delimiter, count, argv + optind);
	sent = s.progress.messages;
	/* How much is done is news when it is not all, or took its time. */
	if (s.fd >= 0 &&
	    ((rc != RC_OK && (lines || framed || count > 1)) || s.progress.drawn))
		complain("%s: %llu message%s %s", s.name,
			 (unsigned long long)sent, plural(sent), s.done);
	return rc;
}

int cmd_send(int argc, char **argv)
{
	return send_command(argc, argv, false);
}

int cmd_restore(int argc, char **argv)
{
	return send_command(argc, argv, true);
}
