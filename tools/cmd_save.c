// SPDX-License-Identifier: GPL-2.0
/*
 * stacq save
 *
 * Messages are looked at one after another, the oldest first, and never in
 * anybody's way. Positions shift meanwhile, so what counts is the number of a
 * message (seq): messages are stored in the order of their numbers.
 *
 * That is not so in order priority. There all of them are kept in memory until it
 * is known that nothing has changed meanwhile, and else looked at again.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* So often a queue may change under one look before that is given up. */
#define MOST_TRIES	1000
/* The same for looking at all of it. */
#define MOST_SNAPSHOTS	100

static const char save_help[] =
"Usage: stacq save NAME [--purge] > FILE\n"
"Write all messages of a queue to standard output for `stacq restore`, as frames:\n"
"with priority, time and deliveries. The oldest comes first, of a stack as well;\n"
"in order priority the highest priority.\n"
"Nothing is taken out of the queue. Never waits.\n"
"\n"
"  --purge                once all of it is in FILE, for good (fsync), take the\n"
"                         saved messages out, and no others; FILE has to be a\n"
"                         file, no pipe\n"
"  -h, --help             this text\n"
"\n"
"The queue may be in use. What was stored when this began and still is when it\n"
"ends is in FILE, once; what is sent meanwhile is not, and what is received\n"
"meanwhile may be. What was in the hands of a reader may be missing. Rather than\n"
"leave a hole, it fails when the queue changes too fast to be sure.\n"
"\n"
"--purge stops at a message that was not saved (on a stack, one that was sent\n"
"meanwhile is in front of all others), says so and fails; nothing is lost then.\n"
"\n"
"  stacq save jobs > jobs.saved && stacq rm jobs\n"
"  stacq create jobs && stacq restore jobs < jobs.saved\n";

struct range {
	uint64_t first, last;
};

struct saver {
	const char *name;
	int fd;
	struct stacq_info info;	/* as of when @age was found */
	uint64_t age;		/* how many are older than the next one to save */
	uint64_t last;		/* number of the last one saved; 0 is none */
	uint64_t end;		/* number of the newest one to save */
	void *buf;		/* the message at hand */
	size_t size;
	struct stacq_peek desc;
	char *out;		/* frames not written yet */
	size_t filled, room;
	bool keep;		/* write nothing before all is there */
	struct range *ranges;	/* what was saved, in order */
	size_t n_ranges, ranges_room;
	uint64_t saved;
};

/* ---- finding ------------------------------------------------------------ */

/*
 * Look at the message that so many are older than, with its bytes or without.
 * Returns -1 with ENOMSG if there is none.
 */
static ssize_t look(struct saver *s, uint64_t age, bool bytes)
{
	uint64_t position = age;

	if (age >= s->info.depth) {
		errno = ENOMSG;
		return -1;
	}
	if (s->info.order == STACQ_LIFO)
		position = s->info.depth - 1 - age;
	return stacq_peek(s->fd, position, bytes ? &s->buf : NULL, &s->size, &s->desc);
}

/* 1 if nothing has come, gone or shifted since s->info; -1 after an error. */
static int unchanged(struct saver *s)
{
	struct stacq_info now;

	if (stacq_info(s->fd, &now) < 0)
		return -1;
	return now.sent == s->info.sent && now.received == s->info.received &&
	       now.requeued == s->info.requeued &&
	       now.discarded == s->info.discarded && now.held == s->info.held;
}

/* Find the oldest message after s->last; another look has to confirm it. */
static int seek(struct saver *s)
{
	uint64_t low = 0, high, at, gone;
	struct stacq_info now;

	if (stacq_info(s->fd, &now) < 0)
		return -1;
	/* A queue loses its oldest ones, a stack its newest ones. */
	gone = s->info.depth + (now.sent - s->info.sent) - now.depth;
	at = s->age;
	if (now.order == STACQ_FIFO)
		at = gone <= at ? at - gone : 0;
	s->info = now;
	high = now.depth;
	if (at >= high)
		at = high / 2;
	for (; low < high; at = low + (high - low) / 2) {
		if (look(s, at, false) < 0)
			return -1;
		if (s->desc.seq == s->last + 1) {
			low = at;
			break;
		}
		if (s->desc.seq > s->last)
			high = at;
		else
			low = at + 1;
	}
	s->age = low;
	return 0;
}

/*
 * Look at the next message to save: 1, 0 if there are no more, or -1 with errno,
 * ECANCELED if that can't be told. It is the next one if its number is the next
 * one, if it is the first of a queue, or if all is as it was when it was found.
 */
static int find_next(struct saver *s)
{
	for (int tries = 0; tries < MOST_TRIES; tries++) {
		bool there, sure;
		int ret = 1;

		if (s->last == s->end)
			return 0;
		there = look(s, s->age, true) >= 0;
		if (!there && errno != ENOMSG)
			return -1;
		if (!there || s->desc.seq > s->last) {
			sure = there && (s->desc.seq == s->last + 1 ||
					 (s->age == 0 && s->info.order == STACQ_FIFO));
			if (!sure)
				ret = unchanged(s);
			if (ret < 0)
				return -1;
			if (ret > 0)
				return there && s->desc.seq <= s->end;
		}
		if (seek(s) < 0 && errno != ENOMSG)
			return -1;
	}
	errno = ECANCELED;
	return -1;
}

/* ---- writing ------------------------------------------------------------ */

/* NULL, with the array as it was, if there is no memory. */
static void *grow(void *array, size_t *room, size_t want, size_t item)
{
	void *more;

	if (want <= *room)
		return array;
	more = reallocarray(array, want, item);
	if (more)
		*room = want;
	return more;
}

static int output_error(struct saver *s)
{
	complain("standard output: %s; nothing was taken out of %s",
		 strerror(errno), s->name);
	return RC_FAILED;
}

static int flush(struct saver *s)
{
	if (write_bytes(s->out, s->filled) < s->filled)
		return output_error(s);
	s->filled = 0;
	return RC_OK;
}

static int note_saved(struct saver *s, uint64_t seq)
{
	struct range *more;

	if (s->n_ranges && s->ranges[s->n_ranges - 1].last + 1 == seq) {
		s->ranges[s->n_ranges - 1].last = seq;
		return 0;
	}
	if (s->n_ranges == s->ranges_room) {
		more = grow(s->ranges, &s->ranges_room, s->n_ranges * 2 + 16,
			    sizeof(*more));
		if (!more)
			return -1;
		s->ranges = more;
	}
	s->ranges[s->n_ranges++] = (struct range) { seq, seq };
	return 0;
}

static int save_one(struct saver *s)
{
	size_t size = (size_t)STACQ_FRAME_SIZE(s->desc.len), want = OUTPUT_ROOM;
	char *more;
	int rc;

	if (s->keep) {
		want = s->filled + size <= s->room ? s->room : s->room * 2 + size;
	} else if (s->filled && s->filled + size > s->room) {
		rc = flush(s);
		if (rc != RC_OK)
			return rc;
	}
	more = grow(s->out, &s->room, size > want ? size : want, 1);
	if (more)
		s->out = more;
	if (!more || note_saved(s, s->desc.seq) < 0) {
		complain("%s: %s", s->name, strerror(ENOMEM));
		return RC_FAILED;
	}
	stacq_frame_put(s->out + s->filled, s->room - s->filled, s->buf,
			(size_t)s->desc.len, &s->desc);
	s->filled += size;
	s->saved++;
	s->last = s->desc.seq;
	s->age++;
	return RC_OK;
}

static int too_fast(struct saver *s)
{
	complain("%s: it changes too fast to be saved without a hole; stop who sends and receives, or try again",
		 s->name);
	return RC_FAILED;
}

static int by_number(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Save what is stored at one moment, in the order in which it would be received. */
static int save_snapshot(struct saver *s)
{
	int ret, rc;

	s->keep = true;
	for (int tries = 0; tries < MOST_SNAPSHOTS; tries++) {
		s->age = s->saved = 0;
		s->filled = s->n_ranges = 0;
		if (stacq_info(s->fd, &s->info) < 0)
			return queue_error(s->name);
		s->end = s->info.sent;
		while ((ret = look(s, s->age, true) < 0 ? -1 : 0) == 0) {
			rc = save_one(s);
			if (rc != RC_OK)
				return rc;
		}
		if (errno == ENOMSG)
			ret = unchanged(s);
		if (ret < 0)
			return queue_error(s->name);
		if (ret > 0 && s->saved == s->info.depth) {
			if (s->n_ranges)
				qsort(s->ranges, s->n_ranges, sizeof(*s->ranges), by_number);
			return flush(s);
		}
	}
	return too_fast(s);
}

static int save_all(struct saver *s)
{
	int ret, rc;

	if (stacq_info(s->fd, &s->info) < 0)
		return queue_error(s->name);
	s->end = s->info.sent;
	if (s->info.held)
		complain("%s: %" PRIu64 " message%s in the hands of readers, and may not be saved",
			 s->name, (uint64_t)s->info.held,
			 s->info.held == 1 ? " is" : "s are");
	if (s->info.order == STACQ_PRIORITY)
		return save_snapshot(s);
	while ((ret = find_next(s)) > 0) {
		rc = save_one(s);
		if (rc != RC_OK)
			return rc;
	}
	if (ret < 0 && errno == ECANCELED)
		return too_fast(s);
	return ret < 0 ? queue_error(s->name) : flush(s);
}

/* ---- purging ------------------------------------------------------------ */

static bool was_saved(const struct saver *s, uint64_t seq)
{
	size_t low = 0, high = s->n_ranges;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->ranges[mid].last < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n_ranges && s->ranges[low].first <= seq;
}

/* It was received, though not saved: it can't be given back, so it is sent. */
static void send_back(struct saver *s, const void *data, size_t len,
		      const struct stacq_peek *desc)
{
	int fd = stacq_open(s->name, O_WRONLY | O_NONBLOCK);
	char frame[STACQ_FRAME_SIZE(8)];
	ssize_t size = stacq_frame_put(frame, sizeof(frame), data, len, desc);

	if (fd >= 0 && size > 0 && stacq_set_framed(fd, 1) == 0 &&
	    stacq_send_frames(fd, frame, (size_t)size, 0) > 0)
		complain("%s: a message that was not saved was received, and sent back",
			 s->name);
	else
		complain("%s: a message that was not saved was received, and is lost: sending it back: %s",
			 s->name, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/*
 * Take the next message if it was saved. With one byte of it read it is in hand,
 * and nobody else's: if it is another one by now, closing the file gives it back
 * to its place. Returns 1 if it was taken, 0 to look again, -1 with errno.
 */
static int take_long(struct saver *s)
{
	struct stacq_peek hand = { .flags = STACQ_PEEK_HELD };
	char first;
	ssize_t n = read(s->fd, &first, 1);

	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	if (n == 0)
		return 0;
	if (ioctl(s->fd, STACQ_IOC_PEEK, &hand) < 0) {
		if (errno != ENOMSG)
			return -1;
		/* Another one by now, and that was all of it. */
		send_back(s, &first, 1, NULL);
		return 0;
	}
	if (was_saved(s, hand.seq))
		return read(s->fd, s->buf, s->size) < 0 ? -1 : 1;
	close(s->fd);
	s->fd = stacq_open(s->name, O_RDONLY | O_NONBLOCK);
	return s->fd < 0 ? -1 : 0;
}

/* The same for a message of one byte, which can't be held: its frame tells. */
static int take_short(struct saver *s, int framed)
{
	char frame[STACQ_FRAME_SIZE(1)];
	struct stacq_peek desc;
	const void *data;
	ssize_t n = read(framed, frame, sizeof(frame));

	if (n < 0)
		return errno == EAGAIN || errno == EMSGSIZE ? 0 : -1;
	if (stacq_frame_next(frame, (size_t)n, &data, &desc) <= 0)
		return 0;
	if (was_saved(s, desc.seq))
		return 1;
	send_back(s, data, (size_t)desc.len, &desc);
	return 0;
}

static int take_saved(struct saver *s, uint64_t *taken)
{
	int framed = stacq_open(s->name, O_RDONLY | O_NONBLOCK);
	int ret = framed < 0 ? -1 : stacq_set_framed(framed, 1);

	while (ret >= 0) {
		ret = stacq_peek(s->fd, 0, NULL, NULL, &s->desc) < 0 ? -1 : 0;
		if (ret < 0 || !was_saved(s, s->desc.seq))
			break;
		ret = s->desc.len == 1 ? take_short(s, framed) : take_long(s);
		*taken += ret > 0;
	}
	if (framed >= 0)
		close(framed);
	return ret < 0 && errno == ENOMSG ? 0 : ret;
}

static int purge(struct saver *s)
{
	uint64_t taken = 0;

	if (fsync(STDOUT_FILENO) < 0)
		return output_error(s);
	if (take_saved(s, &taken) < 0 || stacq_info(s->fd, &s->info) < 0)
		return queue_error(s->name);
	/* In order priority what was sent meanwhile may be in front of what was saved. */
	for (uint64_t at = 0; ; at++) {
		if (look(s, at, false) < 0)
			return errno == ENOMSG ? RC_OK : queue_error(s->name);
		if (s->desc.seq <= s->end)
			break;
		if (s->info.order != STACQ_PRIORITY)
			return RC_OK;
	}
	complain("%s: %" PRIu64 " of %" PRIu64 " saved messages purged; the others are behind one that was not saved, and still there",
		 s->name, taken, s->saved);
	return RC_FAILED;
}

/* Before anything is done: can what is written there be relied on? */
static bool output_fits(bool purging)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) < 0 ||
	    (fcntl(STDOUT_FILENO, F_GETFL) & O_ACCMODE) == O_RDONLY) {
		complain("standard output: %s", strerror(EBADF));
		return false;
	}
	if (isatty(STDOUT_FILENO)) {
		complain("standard output is a terminal, and frames are no text; > FILE puts them into a file");
		return false;
	}
	if (purging && !S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		complain("standard output is not a file, and --purge needs one: what is in a pipe may never arrive");
		return false;
	}
	return true;
}

int cmd_save(int argc, char **argv)
{
	static const struct option options[] = {
		{ "purge", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct saver s = { 0 };
	bool purging = false;
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			purging = true;
			break;
		case 'h':
			fputs(save_help, stdout);
			return RC_OK;
		default:
			return usage_hint(argv);
		}
	}
	if (optind != argc - 1)
		return usage_error(argv, optind == argc ? "a name is missing" :
				   "one queue at a time");
	s.name = argv[optind];
	if (!check_name(s.name))
		return RC_USAGE;
	if (!output_fits(purging))
		return RC_FAILED;

	s.fd = stacq_open(s.name, O_RDONLY | O_NONBLOCK);
	if (s.fd < 0)
		return queue_error(s.name);
	signal(SIGPIPE, SIG_IGN);
	rc = save_all(&s);
	if (rc == RC_OK && purging)
		rc = purge(&s);
	free(s.buf);
	free(s.out);
	free(s.ranges);
	if (s.fd >= 0)
		close(s.fd);
	return rc;
}
