// SPDX-License-Identifier: GPL-2.0
/*
 * Functions of the library and the command that need no module. Writes TAP; one
 * line a behaviour.
 */
#include "tool.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int count, failures;

void ok(bool good, const char *what)
{
	count++;
	if (!good)
		failures++;
	printf("%sok %d - %s\n", good ? "" : "not ", count, what);
}

static bool size_is(const char *text, uint64_t want)
{
	uint64_t value = 12345;

	return parse_size(text, &value) && value == want;
}

static bool no_size(const char *text)
{
	uint64_t value;

	return !parse_size(text, &value);
}

static bool seconds_are(const char *text, int want)
{
	int ms = -7;

	return parse_seconds(text, &ms) && ms == want;
}

static bool no_seconds(const char *text)
{
	int ms;

	return !parse_seconds(text, &ms);
}

static bool time_is(const char *text, uint64_t want)
{
	uint64_t ms = 77;

	return parse_time(text, &ms) && ms == want;
}

static bool no_time(const char *text)
{
	uint64_t ms;

	return !parse_time(text, &ms);
}

static bool mode_is(const char *text, uint32_t want)
{
	uint32_t mode = 0;

	return parse_mode(text, &mode) && mode == want;
}

static bool no_mode(const char *text)
{
	uint32_t mode;

	return !parse_mode(text, &mode);
}

static void test_names(void)
{
	char longest[STACQ_NAME_SIZE + 1];

	memset(longest, 'x', sizeof(longest));
	longest[STACQ_NAME_SIZE - 1] = '\0';
	ok(stacq_name_valid("a"), "name: one letter");
	ok(stacq_name_valid("Az09._-"), "name: every kind of character");
	ok(stacq_name_valid("_x") && stacq_name_valid("0"), "name: starts with _ or a digit");
	ok(stacq_name_valid(longest), "name: 63 characters");
	longest[STACQ_NAME_SIZE - 1] = 'x';
	longest[STACQ_NAME_SIZE] = '\0';
	ok(!stacq_name_valid(longest), "no name: 64 characters");
	ok(!stacq_name_valid(""), "no name: empty");
	ok(!stacq_name_valid(NULL), "no name: null pointer");
	ok(!stacq_name_valid(".") && !stacq_name_valid("..") && !stacq_name_valid(".x"),
	   "no name: starts with a dot");
	ok(!stacq_name_valid("-x"), "no name: starts with a dash");
	ok(!stacq_name_valid("a/b") && !stacq_name_valid("/a"), "no name: slash");
	ok(!stacq_name_valid("a b") && !stacq_name_valid("a\n"), "no name: space, newline");
	ok(!stacq_name_valid("\xc3\xa4") && !stacq_name_valid("\xe4"), "no name: letters beyond ASCII");
	ok(!stacq_name_valid("control"), "no name: control");
	ok(stacq_name_valid("control1") && stacq_name_valid("Control"), "name: nearly control");
}

static void test_parsing(void)
{
	uint32_t id;

	ok(size_is("0", 0) && size_is("none", 0), "size: 0 and none");
	ok(size_is("1", 1) && size_is("0012", 12), "size: plain");
	ok(size_is("1K", 1024) && size_is("1k", 1024), "size: K in both cases");
	ok(size_is("64M", 64ULL << 20) && size_is("2G", 2ULL << 30) && size_is("1T", 1ULL << 40),
	   "size: M, G, T");
	ok(size_is("18446744073709551614", UINT64_MAX - 1), "size: the highest");
	ok(no_size("18446744073709551615"), "no size: the number for unchanged");
	ok(no_size("18446744073709551616"), "no size: beyond 64 bits");
	ok(size_is("16777215T", 16777215ULL << 40) && no_size("16777216T"),
	   "size: a suffix does not overflow");
	ok(no_size("") && no_size("K") && no_size("x"), "no size: no digits");
	ok(no_size("-1") && no_size("+1") && no_size(" 1"), "no size: sign, space");
	ok(no_size("1KB") && no_size("1 K") && no_size("1.5M") && no_size("1Q") && no_size("0x10"),
	   "no size: other endings");
	ok(no_size("NONE"), "no size: none is lower case");

	ok(seconds_are("0", 0) && seconds_are("2", 2000), "seconds: whole");
	ok(seconds_are("0.25", 250) && seconds_are(".5", 500), "seconds: parts");
	ok(seconds_are("0.0001", 1), "seconds: rounded up, never to not waiting");
	ok(seconds_are("2147483", 2147483000) && no_seconds("2147484"), "seconds: the highest");
	ok(no_seconds("") && no_seconds("x") && no_seconds("1s") && no_seconds("-1"),
	   "no seconds: not a number");
	ok(no_seconds("nan") && no_seconds("inf"), "no seconds: nan, inf");

	ok(time_is("30", 30000) && time_is("30s", 30000) && time_is("0.25", 250) &&
	   time_is(".5s", 500), "time: seconds");
	ok(time_is("20ms", 20) && time_is("2m", 120000) && time_is("1.5h", 5400000) &&
	   time_is("7d", 604800000), "time: other units");
	ok(time_is("none", 0) && no_time("0") && no_time("0ms") && no_time("0.0d"),
	   "time: none is 0, and nothing else is");
	ok(time_is("0.0001", 1) && time_is("0.1ms", 1), "time: rounded up");
	ok(no_time("") && no_time("s") && no_time(".") && no_time("1 s") && no_time("1S") &&
	   no_time("1sec") && no_time("1ms2") && no_time("1..2"), "no time: other words");
	ok(no_time("-1") && no_time("+1") && no_time(" 1") && no_time("nan") &&
	   no_time("1e3") && no_time("0x10") && no_time("1e3s"), "no time: other numbers");
	ok(time_is("9000000000000", 9000000000000000) && no_time("9000000000001") &&
	   no_time("999999999999999999999d"), "time: the highest");

	ok(mode_is("0600", 0600) && mode_is("660", 0660) && mode_is("0", 0), "mode: octal");
	ok(no_mode("0888") && no_mode("") && no_mode("rw") && no_mode("-1"), "no mode: not octal");
	ok(no_mode("1777") && no_mode("01000") && no_mode("4755"), "no mode: above 0777");

	ok(parse_user("root", &id) && id == 0, "user: name");
	ok(parse_user("4242", &id) && id == 4242, "user: number");
	ok(!parse_user("no such user", &id) && !parse_user("", &id), "no user: unknown");
	ok(!parse_user("4294967295", &id) && !parse_user("-1", &id), "no user: out of range");
	ok(parse_group("root", &id) && id == 0, "group: name");
}

static bool utf8(const char *text)
{
	/* On the heap, so that the sanitizer sees a read beyond the end. */
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	bool good;

	if (!copy)
		abort();
	memcpy(copy, text, len);
	good = is_utf8(copy, len);
	free(copy);
	return good;
}

static bool base64_is(const char *in, size_t len, const char *want)
{
	char *copy = malloc(len ? len : 1);
	bool good;
	char *out;

	if (!copy)
		abort();
	memcpy(copy, in, len);
	out = base64(copy, len);
	good = out && strcmp(out, want) == 0;
	free(copy);
	free(out);
	return good;
}

static void test_text(void)
{
	char size[16];

	ok(utf8("") && utf8("plain") && utf8("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "UTF-8: 1 to 4 bytes");
	ok(is_utf8("a\0b", 3), "UTF-8: NUL is a character");
	ok(!utf8("\x80") && !utf8("\xff") && !utf8("a\xc3"), "no UTF-8: stray, cut short");
	ok(!utf8("\xe2\x82") && !utf8("\xf0\x9f\x98"), "no UTF-8: cut short at the end");
	ok(!utf8("\xc0\xaf") && !utf8("\xe0\x80\xaf") && !utf8("\xf0\x80\x80\xaf"), "no UTF-8: overlong");
	ok(!utf8("\xed\xa0\x80"), "no UTF-8: surrogate");
	ok(!utf8("\xf4\x90\x80\x80") && utf8("\xf4\x8f\xbf\xbf"), "no UTF-8: above U+10FFFF");
	ok(base64_is("", 0, "") && base64_is("f", 1, "Zg==") && base64_is("fo", 2, "Zm8=") &&
	   base64_is("foo", 3, "Zm9v") && base64_is("foob", 4, "Zm9vYg=="), "base64: every remainder");
	ok(base64_is("\xff\xfe\xfd\0", 4, "//79AA=="), "base64: bytes");
	ok(!strcmp(human_size(1023, size), "1023 B") && !strcmp(human_size(1536, size), "1.5 KiB") &&
	   !strcmp(human_size(64ULL << 20, size), "64.0 MiB") &&
	   !strcmp(human_size(UINT64_MAX, size), "16777216.0 TiB"), "human sizes");
}

static void test_orders(void)
{
	static const char *const names[] = { "fifo", "lifo", "priority" };
	uint32_t order = 77;

	for (uint32_t i = 0; i < 3; i++)
		ok(!strcmp(stacq_order_name(i), names[i]) &&
		   stacq_order_parse(names[i], &order) == 0 && order == i, names[i]);
	ok(!stacq_order_name(3) && !stacq_order_name(UINT32_MAX), "no name for another order");
	ok(stacq_order_parse("LIFO", &order) == -1 && errno == EINVAL &&
	   stacq_order_parse("", &order) == -1 && order == STACQ_PRIORITY, "other words are no order");
}

static void test_policies(void)
{
	static const char *const names[] = { "block", "fail", "drop_oldest", "drop_newest" };
	uint32_t full = 77;

	for (uint32_t i = 0; i < 4; i++)
		ok(!strcmp(stacq_full_name(i), names[i]) &&
		   stacq_full_parse(names[i], &full) == 0 && full == i, names[i]);
	ok(!stacq_full_name(4) && !stacq_full_name(UINT32_MAX), "no name for another policy");
	errno = 0;
	ok(stacq_full_parse("drop-oldest", &full) == -1 && errno == EINVAL &&
	   stacq_full_parse("", &full) == -1 && full == STACQ_FULL_DROP_NEWEST,
	   "other words are no policy");
}

static void test_requests(void)
{
	struct stacq_create req;

	ok(sizeof(struct stacq_create) == STACQ_CREATE_SIZE_VER0 + 32 &&
	   sizeof(struct stacq_remove) == STACQ_REMOVE_SIZE_VER0 &&
	   sizeof(struct stacq_info) == STACQ_INFO_SIZE_VER0 + 168 &&
	   sizeof(struct stacq_capacity) == STACQ_CAPACITY_SIZE_VER0 &&
	   sizeof(struct stacq_limits) == STACQ_LIMITS_SIZE_VER0 &&
	   sizeof(struct stacq_peek) == STACQ_PEEK_SIZE_VER0 + 88 &&
	   sizeof(struct stacq_purge) == STACQ_PURGE_SIZE_VER0, "sizes of the structures");

	memset(&req, 0xaa, sizeof(req));
	ok(stacq_create_init(&req, "jobs", STACQ_LIFO) == 0 && !strcmp(req.name, "jobs") &&
	   req.order == STACQ_LIFO && req.flags == 0 && req.reserved == 0 &&
	   req.max_msgs == STACQ_UNCHANGED && req.max_bytes == STACQ_UNCHANGED &&
	   req.max_msg_size == STACQ_UNCHANGED && req.capacity == 0 &&
	   req.uid == STACQ_CALLER && req.gid == STACQ_CALLER && req.mode == 0600,
	   "stacq_create_init: the defaults");
	errno = 0;
	ok(stacq_create_init(&req, "a/b", STACQ_FIFO) == -1 && errno == EINVAL,
	   "stacq_create_init: bad name");
	errno = 0;
	ok(stacq_open("../null", O_RDONLY) == -1 && errno == EINVAL,
	   "stacq_open: a path is not a name");
	errno = 0;
	ok(stacq_open("control", O_RDWR) == -1 && errno == EINVAL,
	   "stacq_open: control is not a queue");
	errno = 0;
	ok(stacq_remove("") == -1 && errno == EINVAL, "stacq_remove: bad name");
}

/* stacq_frame_next() of a copy that ends where it ends, for the sanitizer. */
static ssize_t next_in(const void *bytes, size_t size, struct stacq_peek *desc,
		       char *text)
{
	void *copy = malloc(size ? size : 1);
	const void *data = NULL;
	ssize_t n;

	if (!copy)
		abort();
	memcpy(copy, bytes, size);
	n = stacq_frame_next(copy, size, &data, desc);
	if (n > 0)
		memcpy(text, data, (size_t)desc->len);
	free(copy);
	return n;
}

static bool no_frame(const unsigned char *good, size_t size, size_t at, int byte)
{
	unsigned char bad[64];
	struct stacq_peek desc;
	char text[64];

	memcpy(bad, good, size);
	bad[at] = (unsigned char)byte;
	errno = 0;
	return next_in(bad, size, &desc, text) == -1 && errno == EBADMSG;
}

/* A frame, whole. */
static const unsigned char a_frame[40] = {
	'S', 'q', 0x34, 0x12, 5, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
	8, 7, 6, 5, 4, 3, 2, 1, 200, 0, 0, 0, 4, 3, 2, 1, 'h', 'e', 'l', 'l', 'o',
};

static const struct stacq_peek a_desc = {
	.seq = 0x0807060504030201, .sent_ns = 0x0102030405060708,
	.priority = 0x1234, .deliveries = 200, .ttl_ms = 0x01020304,
};

static void test_frame_put(void)
{
	struct stacq_peek desc = a_desc;
	unsigned char buf[48];
	char *message;

	memset(buf, 0xcc, sizeof(buf));
	ok(stacq_frame_put(buf, sizeof(buf), "hello", 5, &desc) == 40 &&
	   !memcmp(buf, a_frame, 40) && buf[40] == 0xcc, "stacq_frame_put: every byte");
	ok(stacq_frame_put(buf, 40, "12345678", 8, NULL) == 40 && buf[39] == '8' &&
	   buf[2] == 0 && buf[16] == 0, "stacq_frame_put: without a description");
	memcpy(buf, "123456789", 9);
	ok(stacq_frame_put(buf, 48, buf, 9, NULL) == 48 && !memcmp(buf + 32, "123456789\0", 10),
	   "stacq_frame_put: a message that is in the buffer");
	memset(buf, 0xcc, sizeof(buf));
	errno = 0;
	ok(stacq_frame_put(buf, 39, "hello", 5, &desc) == -1 && errno == ENOBUFS && buf[0] == 0xcc,
	   "stacq_frame_put: too small a buffer");
	errno = 0;
	ok(stacq_frame_put(buf, 48, "", 0, &desc) == -1 && errno == EINVAL, "stacq_frame_put: no bytes");
	desc.priority = STACQ_PRIORITY_MAX + 1;
	ok(stacq_frame_put(buf, 48, "x", 1, &desc) == -1 && errno == EINVAL, "stacq_frame_put: priority");
	desc = a_desc;
	desc.deliveries = 256;
	ok(stacq_frame_put(buf, 48, "x", 1, &desc) == -1 && errno == EINVAL, "stacq_frame_put: deliveries");
	desc = a_desc;
	desc.sent_ns = 1ULL << 63;
	ok(stacq_frame_put(buf, 48, "x", 1, &desc) == -1 && errno == EINVAL && buf[0] == 0xcc,
	   "stacq_frame_put: time");
	desc = a_desc;
	desc.ttl_ms = 1U << 31;
	ok(stacq_frame_put(buf, 48, "x", 1, &desc) == -1 && errno == EINVAL && buf[0] == 0xcc,
	   "stacq_frame_put: time to live");
	message = calloc(1, 1);
	ok(stacq_frame_put(buf, 48, message, (size_t)UINT32_MAX + 1, NULL) == -1 && errno == EINVAL &&
	   stacq_frame_put(buf, 48, message, UINT32_MAX, NULL) == -1 && errno == ENOBUFS,
	   "stacq_frame_put: longer than a frame can say");
	free(message);
}

static void test_frame_next(void)
{
	struct stacq_peek desc, none = { 0 };
	unsigned char buf[41];
	bool good = true;
	char text[64];

	ok(next_in(a_frame, 40, &desc, text) == 40 && desc.len == 5 && !memcmp(text, "hello", 5) &&
	   desc.seq == a_desc.seq && desc.sent_ns == a_desc.sent_ns &&
	   desc.priority == a_desc.priority && desc.deliveries == 200 &&
	   desc.ttl_ms == a_desc.ttl_ms && !desc.position && !desc.buf && !desc.flags, "stacq_frame_next: every field");
	ok(stacq_frame_next(NULL, 0, NULL, &desc) == 0, "stacq_frame_next: an empty buffer");
	for (size_t size = 0; size < 32; size++)
		good &= next_in(a_frame, size, &desc, text) == 0 && !memcmp(&desc, &none, sizeof(desc));
	ok(good, "stacq_frame_next: part of a header");
	for (size_t size = 32; size < 40; size++)
		good &= next_in(a_frame, size, &desc, text) == 0 && desc.len == 5;
	ok(good, "stacq_frame_next: a header, and not all of the rest");
	memcpy(buf, a_frame, 40);
	buf[37] = buf[39] = 0xff;
	ok(next_in(buf, 40, &desc, text) == 40, "stacq_frame_next: what fills it up is not looked at");
	memcpy(buf, a_frame, 40);
	memset(buf + 4, 0xff, 4);
	ok(next_in(buf, 40, &desc, text) == 0 && desc.len == UINT32_MAX,
	   "stacq_frame_next: the longest length");
	ok(no_frame(a_frame, 40, 0, 's') && no_frame(a_frame, 40, 1, 'Q') &&
	   no_frame(a_frame, 1, 0, 's') && no_frame(a_frame, 2, 1, 'Q'), "no frame: magic");
	ok(no_frame(a_frame, 40, 3, 0x80), "no frame: priority");
	ok(no_frame(a_frame, 40, 4, 0), "no frame: no bytes");
	ok(no_frame(a_frame, 40, 23, 0x80), "no frame: time");
	ok(no_frame(a_frame, 40, 25, 1) && no_frame(a_frame, 32, 27, 1), "no frame: deliveries");
	ok(no_frame(a_frame, 40, 31, 0x80) && !no_frame(a_frame, 40, 31, 0x7f),
	   "no frame: time to live");
}

/* Whatever is in a buffer: nothing outside is read, and what is a frame can be made again. */
static void test_any_bytes(void)
{
	unsigned int random = 1, frames = 0;
	bool good = true;

	for (int round = 0; round < 300000; round++) {
		size_t size = (random >> 8) % 120, at = 0;
		unsigned char *buf = malloc(size ? size : 1), again[256];
		struct stacq_peek desc;
		const void *data;
		ssize_t n = 0;

		if (!buf)
			abort();
		for (size_t i = 0; i < size; i++)
			buf[i] = a_frame[i % 40];
		/* mostly nearly right */
		for (unsigned int i = 0; i < (random >> 16) % 4 && size; i++) {
			random = random * 1664525 + 1013904223;
			buf[(random >> 8) % size] = (unsigned char)(random >> 24) &
				(random & 0x8000 ? 0xff : 0x0f);
		}
		random = random * 1664525 + 1013904223;
		while (at < size && (n = stacq_frame_next(buf + at, size - at, &data, &desc)) > 0) {
			good &= (size_t)n <= size - at && n % 8 == 0 && desc.len >= 1 &&
				(const unsigned char *)data == buf + at + 32 &&
				desc.len + 32 <= (uint64_t)n && desc.len + 40 > (uint64_t)n;
			good &= stacq_frame_put(again, sizeof(again), data, (size_t)desc.len, &desc) == n &&
				!memcmp(again, buf + at, 32 + (size_t)desc.len);
			at += (size_t)n;
			frames++;
		}
		good &= n >= 0 || errno == EBADMSG;
		free(buf);
	}
	ok(good && frames > 10000, "stacq_frame_next: 300000 buffers of nearly frames");
}

/* What can be seen of sending and receiving with a pipe for a queue. */
static void test_calls(void)
{
	void *buf = NULL;
	size_t size = 0;
	int64_t start;
	char big[4096];
	int p[2], null;

	if (pipe2(p, O_NONBLOCK) < 0)
		abort();
	errno = 0;
	ok(stacq_send(p[1], "", 0, -1) == -1 && errno == EINVAL, "stacq_send: no bytes");
	ok(stacq_send(p[1], "hello", 5, -1) == 0, "stacq_send: sent");
	errno = 0;
	ok(stacq_send(p[1], "x", 1, -2) == -1 && errno == EINVAL, "stacq_send: bad timeout");
	memset(big, 'x', sizeof(big));
	while (write(p[1], big, sizeof(big)) > 0)
		;
	errno = 0;
	ok(stacq_send(p[1], big, sizeof(big), 0) == -1 && errno == EAGAIN, "stacq_send: full");
	start = now_ms();
	errno = 0;
	ok(stacq_send(p[1], big, sizeof(big), 120) == -1 && errno == ETIMEDOUT &&
	   now_ms() - start >= 120 && now_ms() - start < 5000, "stacq_send: waits for so long");
	errno = 0;
	null = open("/dev/null", O_RDONLY);
	ok(stacq_recv(null, &buf, &size, -1) == -1 && errno == ENOTTY && !buf,
	   "stacq_recv: not a queue");
	close(null);
	fcntl(p[1], F_SETFL, 0);
	errno = 0;
	ok(stacq_send(p[1], "x", 1, 10) == -1 && errno == EINVAL,
	   "stacq_send: a timeout on a blocking file");
	errno = 0;
	ok(stacq_send_frames(p[1], a_frame, 40, 10) == -1 && errno == EINVAL &&
	   stacq_send_frames(p[1], a_frame, 0, -1) == -1 && errno == EINVAL,
	   "stacq_send_frames: a timeout on a blocking file, no bytes");
	errno = 0;
	ok(stacq_set_framed(p[0], 1) == -1 && errno == ENOTTY, "stacq_set_framed: not a queue");
	close(p[0]);
	close(p[1]);
	free(buf);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("TAP version 13");
	test_names();
	test_parsing();
	test_text();
	test_orders();
	test_policies();
	test_requests();
	test_frame_put();
	test_frame_next();
	test_any_bytes();
	test_calls();
	test_top();
	printf("1..%d\n", count);
	return failures > 0;
}
