// SPDX-License-Identifier: GPL-2.0
/* stacq recv, stacq peek */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- recv --------------------------------------------------------------- */

static const char recv_help[] =
"Usage: stacq recv NAME [OPTION]...\n"
"Receive messages and write them to standard output: one, waiting for it, if the\n"
"options do not say otherwise. What is received is gone from the queue.\n"
"\n"
"  -n, --count N          receive N messages, waiting for each\n"
"  -a, --all              receive until the queue is empty, without waiting\n"
"  -f, --follow           receive on and on, until the queue is sealed and empty\n"
"  -t, --timeout SECONDS  wait no longer than this, for each message\n"
"      --nonblock         do not wait: --timeout 0\n"
"  -h, --help             this text\n"
"\n"
"A newline follows each message that does not end in one, unless:\n"
"\n"
"  -r, --raw              write the bytes as they are\n"
"  -0, --null             write a NUL after each message\n"
"      --json             write one object a line: \"data\" has the message as text\n"
"                         when \"encoding\" is \"utf-8\", else in \"base64\"\n"
"      --framed           write frames, for `stacq send --framed`: messages with\n"
"                         number, priority, time and deliveries; many at once\n"
"\n"
"No message is taken while standard output cannot be written. One that could not\n"
"be written after all is sent back to the queue if that is possible.\n"
"\n"
"Exit status: 3 when the time went by without a message (not for --all), 4 when\n"
"the queue was sealed and empty before enough came (not for --all, --follow).\n"
"\n"
"  while job=$(stacq recv jobs); do run \"$job\"; done\n"
"  stacq recv jobs --follow --json | jq -r .data\n"
"  stacq recv jobs --follow --framed | stacq send others --framed\n";

struct receiver {
	const char *name;
	int fd;
	int timeout_ms;		/* for each message; -1 is none */
	enum framing framing;
	uint64_t wanted;	/* so many in all */
	uint64_t received;
};

/* poll() until @deadline (-1: none); EINTR only when a signal told to stop. */
static int poll_until(struct pollfd *fds, nfds_t count, int64_t deadline)
{
	int ret;

	do {
		int64_t left = deadline < 0 ? -1 : deadline - now_ms();

		if (stop_signal) {
			errno = EINTR;
			return -1;
		}
		if (deadline >= 0 && left < 0)
			left = 0;
		ret = poll(fds, count, (int)left);
	} while (ret < 0 && errno == EINTR);
	return ret;
}

/*
 * Waits until there is a message and standard output takes one. Returns 0, or -1
 * with errno: EAGAIN when the time is up, EPIPE when nobody reads standard
 * output any more, also while no message comes.
 */
static int wait_for_both(struct receiver *r, int64_t deadline)
{
	enum { QUEUE, OUTPUT };
	struct pollfd fds[] = {
		[QUEUE] = { .fd = r->fd, .events = POLLIN },
		[OUTPUT] = { .fd = STDOUT_FILENO, .events = POLLOUT },
	};
	int ret;

	for (;;) {
		ret = poll_until(fds, 2, 0);
		if (ret < 0)
			return -1;
		if (fds[OUTPUT].revents & (POLLERR | POLLHUP | POLLNVAL)) {
			errno = fds[OUTPUT].revents & POLLNVAL ? EBADF : EPIPE;
			return -1;
		}
		if (!(fds[OUTPUT].revents & POLLOUT)) {
			/* Full: a reader of ours is slow. */
			if (poll_until(&fds[OUTPUT], 1, -1) < 0)
				return -1;
			continue;
		}
		if (fds[QUEUE].revents)
			return 0;
		if (deadline >= 0 && now_ms() >= deadline) {
			errno = EAGAIN;
			return -1;
		}
		/* Of the output only its end is of interest now. */
		fds[OUTPUT].events = 0;
		ret = poll_until(fds, 2, deadline);
		fds[OUTPUT].events = POLLOUT;
		if (ret < 0)
			return -1;
	}
}

static void put_back(struct receiver *r, const void *buf, size_t len)
{
	int fd = stacq_open(r->name, O_WRONLY | O_NONBLOCK);

	if (fd >= 0 && stacq_send(fd, buf, len, 0) == 0)
		complain("%s: the message that could not be written (%zu bytes) was sent back to the queue",
			 r->name, len);
	else
		complain("%s: the message that could not be written (%zu bytes) is lost: sending it back: %s",
			 r->name, len, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/*
 * Frames: to a queue in the order in which they were received; to a stack the
 * last one first, so that what was on top is on top again.
 */
static void put_back_frames(struct receiver *r, const char *buf, size_t len)
{
	uint64_t count = count_frames(buf, len, NULL), sent = 0;
	int fd = stacq_open(r->name, O_WRONLY | O_NONBLOCK);
	struct stacq_info info;
	size_t at, size;
	int error;

	if (fd < 0 || stacq_info(fd, &info) < 0 || stacq_set_framed(fd, 1) < 0)
		goto out;
	for (; sent < count; sent++) {
		at = info.order == STACQ_LIFO ? skip_frames(buf, len, count - 1 - sent) : 0;
		size = skip_frames(buf + at, len - at, 1);
		if (stacq_send_frames(fd, buf + at, size, 0) < 0)
			break;
		if (at == 0)
			buf += size;
		len -= size;
	}
out:
	error = errno;
	if (sent)
		complain("%s: %" PRIu64 " message%s that could not be written: sent back to the queue",
			 r->name, sent, plural(sent));
	if (sent < count)
		complain("%s: %" PRIu64 " message%s that could not be written: lost: sending back: %s",
			 r->name, count - sent, plural(count - sent), strerror(error));
	if (fd >= 0)
		close(fd);
}

/* As stacq_recv(), and no more messages than are wanted. */
static ssize_t take_frames(struct receiver *r, void **buf, size_t *size)
{
	const size_t least = STACQ_FRAME_SIZE(1);
	uint64_t left = r->wanted - r->received;
	size_t room, asked;
	ssize_t len;

	if (!*buf) {
		*buf = malloc(OUTPUT_ROOM);
		if (!*buf)
			return -1;
		*size = OUTPUT_ROOM;
	}
	asked = *size < OUTPUT_ROOM ? *size : OUTPUT_ROOM;
	/* Where one more does not fit, no more come. */
	if (left < asked / least)
		asked = (left + 1) * least - 8;
	room = asked;
	len = stacq_recv_frames(r->fd, buf, &room, 0);
	if (room != asked)
		*size = room;
	return len;
}

static int write_frames(struct receiver *r, const void *buf, size_t len)
{
	size_t written = write_bytes(buf, len), done;
	int error = errno;

	if (written == len)
		return 0;
	done = skip_frames(buf, written, UINT64_MAX);
	r->received += count_frames(buf, done, NULL);
	if (!stop_signal)
		complain("standard output: %s", strerror(error));
	put_back_frames(r, (const char *)buf + done, len - done);
	return -1;
}

static int write_one(struct receiver *r, const void *buf, size_t len)
{
	if (write_message(r->framing, buf, len, NULL) == 0)
		return 0;
	if (!stop_signal)
		complain("standard output: %s", strerror(errno));
	put_back(r, buf, len);
	return -1;
}

/* One message, or some in frames. Returns RC_OK, RC_NOTHING and RC_SEALED in silence. */
static int receive(struct receiver *r, void **buf, size_t *size)
{
	int64_t deadline = r->timeout_ms < 0 ? -1 : now_ms() + r->timeout_ms;
	bool framed = r->framing == FRAME_FRAMED;
	ssize_t len;

	for (;;) {
		if (wait_for_both(r, deadline) < 0) {
			if (errno == EAGAIN)
				return RC_NOTHING;
			if (!stop_signal)
				complain("standard output: %s", strerror(errno));
			return RC_FAILED;
		}
		len = framed ? take_frames(r, buf, size) :
			stacq_recv(r->fd, buf, size, 0);
		if (len >= 0)
			break;
		/* EAGAIN: another reader was faster. */
		if (errno != EAGAIN && errno != EINTR)
			return queue_error(r->name);
	}
	if (len == 0)
		return RC_SEALED;
	if ((framed ? write_frames : write_one)(r, *buf, (size_t)len) < 0)
		return RC_FAILED;
	r->received += framed ? count_frames(*buf, (size_t)len, NULL) : 1;
	return RC_OK;
}

static bool output_open(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) {
		errno = EBADF;
		return false;
	}
	return flags >= 0;
}

static void say_interrupted(const char *name, const char *done, uint64_t count)
{
	complain("%s: interrupted; %llu message%s %s", name,
		 (unsigned long long)count, plural(count), done);
}

int cmd_recv(int argc, char **argv)
{
	enum { NONBLOCK = 256, JSON, FRAMED };
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "all", no_argument, NULL, 'a' },
		{ "follow", no_argument, NULL, 'f' },
		{ "timeout", required_argument, NULL, 't' },
		{ "nonblock", no_argument, NULL, NONBLOCK },
		{ "raw", no_argument, NULL, 'r' },
		{ "null", no_argument, NULL, '0' },
		{ "json", no_argument, NULL, JSON },
		{ "framed", no_argument, NULL, FRAMED },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct receiver r = { .timeout_ms = -1, .framing = FRAME_LINE };
	bool all = false, follow = false, counted = false, framed = false;
	uint64_t count = 1;
	void *buf = NULL;
	size_t size = 0;
	int rc = RC_OK;
	int opt;

	while ((opt = getopt_long(argc, argv, "n:aft:r0h", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			if (!parse_size(optarg, &count) || count == 0)
				return usage_error(argv, "'%s' is not a number of messages from 1 on",
						   optarg);
			counted = true;
			break;
		case 'a':
			all = true;
			break;
		case 'f':
			follow = true;
			break;
		case 't':
			if (!parse_seconds(optarg, &r.timeout_ms))
				return usage_error(argv, "'%s' is not a number of seconds",
						   optarg);
			break;
		case NONBLOCK:
			r.timeout_ms = 0;
			break;
		case 'r':
			r.framing = FRAME_RAW;
			break;
		case '0':
			r.framing = FRAME_NUL;
			break;
		case JSON:
			r.framing = FRAME_JSON;
			break;
		case FRAMED:
			framed = true;
			break;
		case 'h':
			fputs(recv_help, stdout);
			return RC_OK;
		default:
			return usage_hint(argv);
		}
	}
	if (optind != argc - 1)
		return usage_error(argv, optind == argc ? "a name is missing" :
				   "one queue at a time");
	if (counted && (all || follow))
		return usage_error(argv, "either --count or --all or --follow");
	if (framed && r.framing != FRAME_LINE)
		return usage_error(argv, "either --framed or --raw or --null or --json");
	if (framed)
		r.framing = FRAME_FRAMED;
	r.name = argv[optind];
	if (!check_name(r.name))
		return RC_USAGE;
	r.wanted = all || follow ? UINT64_MAX : count;
	/* --all --follow is --follow */
	if (follow)
		all = false;
	if (all)
		r.timeout_ms = 0;

	if (!output_open()) {
		complain("standard output: %s", strerror(errno));
		return RC_FAILED;
	}
	r.fd = stacq_open(r.name, O_RDONLY | O_NONBLOCK);
	if (r.fd < 0)
		return queue_error(r.name);
	if (framed && stacq_set_framed(r.fd, 1) < 0) {
		rc = queue_error(r.name);
		goto out;
	}
	catch_signals();
	signal(SIGPIPE, SIG_IGN);
	while (rc == RC_OK && r.received < r.wanted && !stop_signal)
		rc = receive(&r, &buf, &size);

	if (stop_signal && r.received < r.wanted) {
		say_interrupted(r.name, "received", r.received);
		rc = RC_FAILED;
	} else if (rc == RC_NOTHING && all) {
		rc = RC_OK;
	} else if (rc == RC_SEALED && (all || follow)) {
		rc = RC_OK;
	} else if (rc == RC_NOTHING) {
		complain("%s: %s", r.name, r.timeout_ms ?
			 "no message until the time was up" : "empty");
	} else if (rc == RC_SEALED) {
		complain("%s: sealed and empty", r.name);
	}
out:
	free(buf);
	close(r.fd);
	return rc;
}

/* ---- peek --------------------------------------------------------------- */

static const char peek_help[] =
"Usage: stacq peek NAME [OPTION]...\n"
"Look at messages without taking them: the one that would be received next, if\n"
"the options do not say otherwise. Never waits.\n"
"\n"
"  -p, --position N       begin with this one; 0 is the next (default)\n"
"  -n, --count N          look at up to N messages (default 1)\n"
"  -a, --all              look at all from there on\n"
"  -h, --help             this text\n"
"\n"
"A newline follows each message that does not end in one, unless:\n"
"\n"
"  -r, --raw              write the bytes as they are\n"
"  -0, --null             write a NUL after each message\n"
"      --json             write one object a line: what `stacq recv --json` has,\n"
"                         the position, the number the message was given when\n"
"                         sent (seq), when that was (sent_ns: nanoseconds since\n"
"                         1970, UTC), how often it was given back (deliveries),\n"
"                         how long it is delivered (ttl_ms: 0 is without end);\n"
"                         of a dead letter where it died (origin), of what\n"
"                         (cause: expired or exhausted), given back how often\n"
"                         there (died_after), and when it was sent to there\n"
"                         (first_ns)\n"
"\n"
"Messages that are received meanwhile shift the positions: some may not be seen.\n"
"\n"
"Exit status: 3 when there is no message at the position.\n";

static const char *cause_name(uint32_t cause)
{
	switch (cause) {
	case STACQ_CAUSE_EXPIRED:
		return "expired";
	case STACQ_CAUSE_EXHAUSTED:
		return "exhausted";
	}
	return "unknown";
}

static struct json_object *peek_json(const struct stacq_peek *desc)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "position",
			       json_object_new_uint64(desc->position));
	json_object_object_add(object, "seq", json_object_new_uint64(desc->seq));
	json_object_object_add(object, "sent_ns",
			       json_object_new_uint64(desc->sent_ns));
	json_object_object_add(object, "priority",
			       json_object_new_uint64(desc->priority));
	json_object_object_add(object, "deliveries",
			       json_object_new_uint64(desc->deliveries));
	json_object_object_add(object, "ttl_ms", json_object_new_uint64(desc->ttl_ms));
	if (!desc->cause)
		return object;
	json_object_object_add(object, "origin", json_object_new_string(desc->origin));
	json_object_object_add(object, "cause",
			       json_object_new_string(cause_name(desc->cause)));
	json_object_object_add(object, "died_after",
			       json_object_new_uint64(desc->died_after));
	json_object_object_add(object, "first_ns",
			       json_object_new_uint64(desc->first_ns));
	return object;
}

int cmd_peek(int argc, char **argv)
{
	enum { JSON = 256 };
	static const struct option options[] = {
		{ "position", required_argument, NULL, 'p' },
		{ "count", required_argument, NULL, 'n' },
		{ "all", no_argument, NULL, 'a' },
		{ "raw", no_argument, NULL, 'r' },
		{ "null", no_argument, NULL, '0' },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	enum framing framing = FRAME_LINE;
	uint64_t position = 0, count = 1, seen = 0;
	bool all = false;
	const char *name;
	void *buf = NULL;
	size_t size = 0;
	int rc = RC_OK;
	int opt, fd;

	while ((opt = getopt_long(argc, argv, "p:n:ar0h", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!parse_size(optarg, &position))
				return usage_error(argv, "'%s' is not a position: a number from 0 on",
						   optarg);
			break;
		case 'n':
			if (!parse_size(optarg, &count) || count == 0)
				return usage_error(argv, "'%s' is not a number of messages from 1 on",
						   optarg);
			break;
		case 'a':
			all = true;
			break;
		case 'r':
			framing = FRAME_RAW;
			break;
		case '0':
			framing = FRAME_NUL;
			break;
		case JSON:
			framing = FRAME_JSON;
			break;
		case 'h':
			fputs(peek_help, stdout);
			return RC_OK;
		default:
			return usage_hint(argv);
		}
	}
	if (optind != argc - 1)
		return usage_error(argv, optind == argc ? "a name is missing" :
				   "one queue at a time");
	name = argv[optind];
	if (!check_name(name))
		return RC_USAGE;

	fd = stacq_open(name, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return queue_error(name);
	for (; all || seen < count; seen++) {
		struct stacq_peek desc;
		ssize_t len = stacq_peek(fd, position + seen, &buf, &size, &desc);

		if (len < 0 && errno == ENOMSG && seen > 0)
			break;
		if (len < 0 && errno == ENOMSG) {
			if (position)
				complain("%s: no message at position %" PRIu64,
					 name, position);
			else
				complain("%s: empty", name);
			rc = RC_NOTHING;
			break;
		}
		if (len < 0) {
			rc = queue_error(name);
			break;
		}
		if (write_message(framing, buf, (size_t)len,
				  framing == FRAME_JSON ? peek_json(&desc) : NULL) < 0) {
			complain("standard output: %s", strerror(errno));
			rc = RC_FAILED;
			break;
		}
	}
	free(buf);
	close(fd);
	return rc;
}
