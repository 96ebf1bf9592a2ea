// SPDX-License-Identifier: GPL-2.0
/*
 * libstacq against the module. Each test makes its own queue "lib" and removes
 * it. Writes KTAP.
 */
#include "stacq.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define HANG_MS		600000	/* only bounds a hang */

static bool failed;

#define CHECK(condition) do {						\
	int errno_ = errno;						\
	if (!(condition)) {						\
		printf("# line %d: %s (errno %s)\n", __LINE__,		\
		       #condition, strerrorname_np(errno_));		\
		failed = true;						\
	}								\
} while (0)

#define FAILS(call, error) do {						\
	errno = 0;							\
	CHECK((call) == -1 && errno == (error));			\
} while (0)

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A queue with these limits (0: none), open both ways. */
static int queue(int flags, uint64_t max_msgs, uint64_t max_bytes,
		 uint64_t max_msg_size)
{
	struct stacq_create req;
	int fd;

	stacq_create_init(&req, "lib", STACQ_FIFO);
	req.max_msgs = max_msgs;
	req.max_bytes = max_bytes;
	req.max_msg_size = max_msg_size;
	CHECK(stacq_create(&req) == 0);
	fd = stacq_open("lib", O_RDWR | flags);
	CHECK(fd >= 0);
	return fd;
}

static void done(int fd)
{
	CHECK(stacq_remove("lib") == 0);
	close(fd);
}

/* A second one. */
static int other_queue(void)
{
	struct stacq_create req;
	int fd;

	stacq_create_init(&req, "other", STACQ_FIFO);
	req.max_msgs = 2;
	CHECK(stacq_create(&req) == 0);
	fd = stacq_open("other", O_RDWR | O_NONBLOCK);
	CHECK(fd >= 0);
	return fd;
}

static void other_done(int fd)
{
	CHECK(stacq_remove("other") == 0);
	close(fd);
}

static void fill(unsigned char *buf, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (unsigned char)((i + seed) * 2654435761U >> 24);
}

static void create_list_remove(void)
{
	struct stacq_create req;
	struct stacq_info info;
	char **names;
	ssize_t count;
	bool seen = false;
	int fd;

	CHECK(stacq_create_init(&req, "lib", STACQ_LIFO) == 0);
	req.capacity = 5;
	req.mode = 0640;
	CHECK(stacq_create(&req) == 0);
	FAILS(stacq_create(&req), EEXIST);
	fd = stacq_open("lib", O_WRONLY);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(stacq_info(fd, &info) == 0 && info.order == STACQ_LIFO &&
	      info.capacity == 5 && !strcmp(info.name, "lib") &&
	      info.abi_version == STACQ_ABI_VERSION);
	count = stacq_list(&names);
	CHECK(count >= 2);
	for (ssize_t i = 0; i < count; i++) {
		seen |= !strcmp(names[i], "lib");
		CHECK(i == 0 || strcmp(names[i - 1], names[i]) < 0);
	}
	CHECK(seen && !names[count]);
	stacq_list_free(names);
	done(fd);
	FAILS(stacq_info(fd, &info), EBADF);
	FAILS(stacq_remove("lib"), ENOENT);
	FAILS(stacq_open("lib", O_RDONLY), ENOENT);
	FAILS(stacq_info_sysfs("lib", &info), ENOENT);
}

static void whole_messages(void)
{
	static const size_t sizes[] = { 1, 2, 100, 4095, 4096, 4097, 1048575,
					1048576, 1048577, 3000000 };
	size_t n = sizeof(sizes) / sizeof(*sizes);
	unsigned char *want = malloc(3000000);
	int fd = queue(O_NONBLOCK, 0, 0, 0);
	void *buf = NULL;
	size_t size = 0;

	for (size_t i = 0; i < n; i++) {
		fill(want, sizes[i], (unsigned int)i);
		CHECK(stacq_send(fd, want, sizes[i], 0) == 0);
	}
	for (size_t i = 0; i < n; i++) {
		fill(want, sizes[i], (unsigned int)i);
		CHECK(stacq_recv(fd, &buf, &size, 0) == (ssize_t)sizes[i]);
		CHECK(size > sizes[i] && !memcmp(buf, want, sizes[i]));
	}
	FAILS(stacq_recv(fd, &buf, &size, 0), EAGAIN);
	free(buf);
	free(want);
	done(fd);
}

/* The buffer holds just one message of the longest length, and one byte. */
static void messages_of_the_longest_length(void)
{
	int fd = queue(O_NONBLOCK, 0, 0, 10);
	void *buf = NULL;
	size_t size = 0;

	for (int i = 0; i < 3; i++)
		CHECK(stacq_send(fd, "0123456789", 10, 0) == 0);
	FAILS(stacq_send(fd, "01234567890", 11, 0), EMSGSIZE);
	for (int i = 0; i < 3; i++)
		CHECK(stacq_recv(fd, &buf, &size, 0) == 10);
	free(buf);
	done(fd);
}

static void limit_lowered_below_what_is_stored(void)
{
	int fd = queue(O_NONBLOCK, 0, 0, 0);
	char text[5000];
	void *buf = NULL;
	size_t size = 0;

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 3; i++)
		CHECK(stacq_send(fd, text, sizeof(text), 0) == 0);
	CHECK(stacq_set_limits(fd, STACQ_UNCHANGED, STACQ_UNCHANGED, 10) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(stacq_recv(fd, &buf, &size, 0) == sizeof(text));
	free(buf);
	done(fd);
}

static void rest_after_a_read(void)
{
	int fd = queue(O_NONBLOCK, 0, 0, 0);
	void *buf = NULL;
	size_t size = 0;
	char two[2];

	CHECK(stacq_send(fd, "abcde", 5, 0) == 0);
	CHECK(stacq_send(fd, "next", 4, 0) == 0);
	CHECK(read(fd, two, 2) == 2);
	CHECK(stacq_recv(fd, &buf, &size, 0) == 3 && !memcmp(buf, "cde", 3));
	CHECK(stacq_recv(fd, &buf, &size, 0) == 4 && !memcmp(buf, "next", 4));
	free(buf);
	done(fd);
}

static void timeouts_of_receiving(void)
{
	int fd = queue(O_NONBLOCK, 0, 0, 0);
	void *buf = NULL;
	size_t size = 0;
	int64_t start = now_ms();

	FAILS(stacq_recv(fd, &buf, &size, 150), ETIMEDOUT);
	CHECK(now_ms() - start >= 150);
	FAILS(stacq_recv(fd, &buf, &size, 0), EAGAIN);
	FAILS(stacq_recv(fd, &buf, &size, -2), EINVAL);
	fcntl(fd, F_SETFL, 0);
	FAILS(stacq_recv(fd, &buf, &size, 10), EINVAL);
	FAILS(stacq_recv(fd, &buf, &size, 0), EINVAL);
	free(buf);
	done(fd);
}

static void timeouts_of_sending(void)
{
	int fd = queue(O_NONBLOCK, 1, 0, 0);
	int64_t start;

	CHECK(stacq_send(fd, "a", 1, 0) == 0);
	FAILS(stacq_send(fd, "b", 1, 0), EAGAIN);
	start = now_ms();
	FAILS(stacq_send(fd, "b", 1, 150), ETIMEDOUT);
	CHECK(now_ms() - start >= 150);
	done(fd);
}

static void *receive_later(void *unused)
{
	int fd = stacq_open("lib", O_RDONLY);
	void *buf = NULL;
	size_t size = 0;

	usleep(200000);
	CHECK(stacq_recv(fd, &buf, &size, -1) > 0);
	free(buf);
	close(fd);
	return unused;
}

/* poll is about messages of max_msg_size; a shorter one finds room before. */
static void short_message_finds_room_that_poll_does_not_see(void)
{
	int fd = queue(O_NONBLOCK, 0, 1000, 1000);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	char text[500] = "";
	pthread_t thread;

	CHECK(stacq_send(fd, text, 500, 0) == 0);
	CHECK(stacq_send(fd, text, 300, 0) == 0);
	FAILS(stacq_send(fd, text, 400, 0), EAGAIN);
	pthread_create(&thread, NULL, receive_later, NULL);
	CHECK(stacq_send(fd, text, 400, HANG_MS) == 0);
	pthread_join(thread, NULL);
	CHECK(poll(&p, 1, 0) == 0);
	done(fd);
}

/* And a long one may find none after it has said so. */
static void long_message_waits_though_poll_sees_room(void)
{
	int fd = queue(O_NONBLOCK, 0, 100000, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	char *text = calloc(1, 60000);
	pthread_t thread;

	CHECK(stacq_send(fd, text, 60000, 0) == 0);
	CHECK(poll(&p, 1, 0) == 1);
	FAILS(stacq_send(fd, text, 60000, 100), ETIMEDOUT);
	pthread_create(&thread, NULL, receive_later, NULL);
	CHECK(stacq_send(fd, text, 60000, HANG_MS) == 0);
	pthread_join(thread, NULL);
	free(text);
	done(fd);
}

static void *remove_later(void *unused)
{
	usleep(200000);
	CHECK(stacq_remove("lib") == 0);
	return unused;
}

static void removed_while_waiting(void)
{
	void *buf = NULL;
	size_t size = 0;
	pthread_t thread;

	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		int fd = queue(flags, 0, 0, 0);

		pthread_create(&thread, NULL, remove_later, NULL);
		FAILS(stacq_recv(fd, &buf, &size, -1), EIDRM);
		pthread_join(thread, NULL);
		FAILS(stacq_send(fd, "x", 1, -1), EIDRM);
		close(fd);
	}
	free(buf);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void interrupted_while_waiting(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	/* Again and again: the first may come before it waits. */
	struct itimerval soon = { .it_value.tv_usec = 200000, .it_interval.tv_usec = 200000 };
	struct itimerval never = { 0 };
	void *buf = NULL;
	size_t size = 0;

	sigaction(SIGALRM, &action, NULL);
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		int fd = queue(flags, 0, 0, 0);

		setitimer(ITIMER_REAL, &soon, NULL);
		FAILS(stacq_recv(fd, &buf, &size, -1), EINTR);
		setitimer(ITIMER_REAL, &never, NULL);
		done(fd);
	}
	free(buf);
}

static void sealing(void)
{
	int fd = queue(O_NONBLOCK, 0, 0, 0);
	struct stacq_info info;
	void *buf = NULL;
	size_t size = 0;

	CHECK(stacq_send(fd, "last", 4, 0) == 0);
	CHECK(stacq_seal(fd) == 0);
	CHECK(stacq_info(fd, &info) == 0 && info.state == STACQ_STATE_SEALED);
	FAILS(stacq_send(fd, "x", 1, -1), EPIPE);
	CHECK(stacq_recv(fd, &buf, &size, -1) == 4);
	CHECK(stacq_recv(fd, &buf, &size, -1) == 0);
	CHECK(stacq_unseal(fd) == 0);
	CHECK(stacq_send(fd, "x", 1, 0) == 0);
	free(buf);
	done(fd);
}

static void peeking(void)
{
	int fd = queue(O_NONBLOCK, 0, 0, 0);
	struct stacq_peek desc;
	void *buf = NULL;
	size_t size = 0;

	CHECK(stacq_send(fd, "one", 3, 0) == 0);
	CHECK(stacq_send(fd, "number two", 10, 0) == 0);
	CHECK(stacq_peek(fd, 0, &buf, &size, NULL) == 3 && !memcmp(buf, "one", 3));
	CHECK(stacq_peek(fd, 1, &buf, &size, &desc) == 10 &&
	      !memcmp(buf, "number two", 10));
	CHECK(desc.len == 10 && desc.seq == 2 && desc.deliveries == 0 &&
	      desc.sent_ns > 0);
	CHECK(stacq_peek(fd, 1, NULL, NULL, &desc) == 10);
	FAILS(stacq_peek(fd, 2, &buf, &size, NULL), ENOMSG);
	free(buf);
	done(fd);
}

static void attributes_and_request_agree(void)
{
	int fd = queue(O_NONBLOCK, 100, 200, 50);
	struct stacq_delivery delivery = {
		.set = STACQ_SET_FULL | STACQ_SET_LEASE_MS | STACQ_SET_TTL_MS |
		       STACQ_SET_MAX_DELIVERIES | STACQ_SET_DEAD_LETTER,
		.full = STACQ_FULL_DROP_NEWEST, .lease_ms = 70000, .ttl_ms = 80000,
		.max_deliveries = 9, .dead_letter = other_queue(),
	};
	struct stacq_info a, b;
	char two[2];

	CHECK(stacq_set_delivery(fd, &delivery) == 0);
	for (int i = 0; i < 60; i++)
		CHECK(stacq_send(fd, "hello", 5, 0) == 0);
	CHECK(read(fd, two, 2) == 2);
	CHECK(stacq_seal(fd) == 0);
	CHECK(stacq_info(fd, &a) == 0);
	CHECK(stacq_info_sysfs("lib", &b) == 0);
	CHECK(a.held == 1 && a.held_bytes > 0);
	CHECK(a.full == STACQ_FULL_DROP_NEWEST && a.lease_ms == 70000 && a.ttl_ms == 80000 &&
	      a.max_deliveries == 9 && !strcmp(a.dead_letter, "other") &&
	      a.dropped_newest == 20);
	b.held_bytes = a.held_bytes;
	b.abi_version = a.abi_version;
	CHECK(!memcmp(&a, &b, sizeof(a)));
	done(fd);
	other_done(delivery.dead_letter);
}

static void settings(void)
{
	int fd = queue(O_NONBLOCK, 0, 0, 0);
	struct stacq_info info;
	uint64_t n = 77;

	CHECK(stacq_set_capacity(fd, 64, &n) == 0 && n == 1);
	CHECK(stacq_set_capacity(fd, 8, &n) == 0 && n == 64);
	for (int i = 0; i < 8; i++)
		CHECK(stacq_send(fd, "x", 1, 0) == 0);
	n = 77;
	FAILS(stacq_set_capacity(fd, 7, &n), EBUSY);
	CHECK(n == 77);
	CHECK(stacq_set_lease_ms(fd, 1500) == 0);
	CHECK(stacq_info(fd, &info) == 0 && info.lease_ms == 1500);
	CHECK(stacq_set_lease_ms(fd, 1ull << 31) == -1 && errno == EINVAL);
	CHECK(stacq_set_priority(fd, 9) == 0);
	CHECK(stacq_set_priority(fd, STACQ_PRIORITY_MAX + 1) == -1 && errno == EINVAL);
	CHECK(stacq_set_priority(fd, 0) == 0);
	CHECK(stacq_set_limits(fd, 10, 20, STACQ_UNCHANGED) == 0);
	FAILS(stacq_set_capacity(fd, 11, NULL), EINVAL);
	CHECK(stacq_info(fd, &info) == 0 && info.max_msgs == 10 &&
	      info.max_bytes == 20 && info.max_msg_size == 0 &&
	      info.capacity == 8 && info.depth == 8);
	CHECK(stacq_purge(fd, &n) == 0 && n == 8);
	CHECK(stacq_purge(fd, NULL) == 0);
	done(fd);
}

/*
 * Several receivers with a descriptor each: what one measures another takes, and
 * still nobody gets parts of two messages. Lengths are such that many fill the
 * buffer a careless reader would have.
 */
#define MESSAGES	4000
static int seen[MESSAGES];

struct message {
	unsigned int number;
	unsigned int len;
	unsigned char bytes[];
};

static void *receive_all(void *unused)
{
	int fd = stacq_open("lib", O_RDONLY | O_NONBLOCK);
	void *buf = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = stacq_recv(fd, &buf, &size, HANG_MS)) > 0) {
		struct message *m = buf;
		bool good = len >= (ssize_t)sizeof(*m) && m->len == len &&
			    m->number < MESSAGES;

		CHECK(good);
		if (!good)
			continue;
		__atomic_add_fetch(&seen[m->number], 1, __ATOMIC_RELAXED);
		for (size_t i = 0; i < len - sizeof(*m); i++)
			good &= m->bytes[i] == (unsigned char)m->number;
		CHECK(good);
	}
	CHECK(len == 0);
	free(buf);
	close(fd);
	return unused;
}

static void many_receivers(void)
{
	struct message *m = malloc(70000);
	int fd = queue(0, 64, 0, 0);
	pthread_t threads[4];

	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, receive_all, NULL);
	for (unsigned int i = 0; i < MESSAGES; i++) {
		m->number = i;
		m->len = (unsigned int)sizeof(*m) + i * 7919 % (i % 16 ? 40 : 60000);
		memset(m->bytes, (int)i, m->len - sizeof(*m));
		CHECK(stacq_send(fd, m, m->len, -1) == 0);
	}
	CHECK(stacq_seal(fd) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < MESSAGES; i++)
		if (seen[i] != 1) {
			printf("# message %d came %d times\n", i, seen[i]);
			failed = true;
			break;
		}
	free(m);
	done(fd);
}

static void frames_there_and_back(void)
{
	const struct stacq_peek want = { .sent_ns = 1234567890123456789, .priority = 7, .deliveries = 3 };
	int fd = queue(O_NONBLOCK, 3, 0, 0);
	struct stacq_peek desc;
	const void *data;
	char frames[200];
	size_t size = 0;
	void *buf = NULL;

	CHECK(stacq_set_framed(fd, 1) == 0);
	CHECK(stacq_frame_put(frames, 200, "number one", 10, &want) == 48);
	for (int at = 48; at < 168; at += 40)
		CHECK(stacq_frame_put(frames + at, 40, "hello", 5, NULL) == 40);
	/* three, and then it is full */
	CHECK(stacq_send_frames(fd, frames, 168, 0) == 128);
	FAILS(stacq_send_frames(fd, frames + 128, 40, 0), EAGAIN);
	FAILS(stacq_send_frames(fd, frames + 128, 40, 30), ETIMEDOUT);
	FAILS(stacq_send_frames(fd, frames, 47, 0), EINVAL);
	CHECK(stacq_recv_frames(fd, &buf, &size, 0) == 128 && size == 65536);
	CHECK(stacq_frame_next(buf, 128, &data, &desc) == 48 && desc.len == 10 &&
	      !memcmp(data, "number one", 10) && desc.seq == 1 && desc.priority == 7 &&
	      desc.sent_ns == want.sent_ns && desc.deliveries == 3);
	CHECK(stacq_frame_next((char *)buf + 48, 80, &data, &desc) == 40 && desc.seq == 2 &&
	      !memcmp(data, "hello", 5) && desc.sent_ns > want.sent_ns);
	FAILS(stacq_recv_frames(fd, &buf, &size, 0), EAGAIN);
	FAILS(stacq_recv_frames(fd, &buf, &size, 30), ETIMEDOUT);
	/* and without frames again */
	CHECK(stacq_set_framed(fd, 0) == 0);
	CHECK(stacq_send(fd, "plain", 5, 0) == 0);
	CHECK(stacq_recv(fd, &buf, &size, 0) == 5 && !memcmp(buf, "plain", 5));
	CHECK(stacq_seal(fd) == 0);
	CHECK(stacq_set_framed(fd, 1) == 0);
	CHECK(stacq_recv_frames(fd, &buf, &size, 0) == 0);
	FAILS(stacq_send_frames(fd, frames, 48, 0), EPIPE);
	free(buf);
	done(fd);
}

static void frames_make_a_small_buffer_grow(void)
{
	int fd = queue(O_NONBLOCK, 0, 0, 0);
	char *big = calloc(1, 100000);
	size_t size = 79;
	void *buf = malloc(size);

	for (int i = 0; i < 3; i++)
		CHECK(stacq_send(fd, "x", 1, 0) == 0);
	CHECK(stacq_send(fd, big, 100000, 0) == 0);
	CHECK(stacq_set_framed(fd, 1) == 0);
	/* not more than one fits */
	CHECK(stacq_recv_frames(fd, &buf, &size, 0) == 40 && size == 79);
	CHECK(stacq_recv_frames(fd, &buf, &size, 0) == 40);
	CHECK(stacq_recv_frames(fd, &buf, &size, 0) == 40);
	CHECK(stacq_recv_frames(fd, &buf, &size, 0) == 100032 && size == 100032);
	free(buf);
	free(big);
	done(fd);
}

static void leases(void)
{
	struct stacq_mode mode = { .flags = STACQ_MODE_LEASE, .max_inflight = 3 };
	int fd = queue(O_NONBLOCK, 0, 0, 0);
	struct stacq_peek desc;
	void *buf = NULL;
	size_t size = 0;
	uint64_t id[4], count = 77;

	for (int i = 0; i < 4; i++)
		CHECK(stacq_send(fd, &"abcd"[i], 1, 0) == 0);
	CHECK(stacq_set_mode(fd, &mode) == 0);
	FAILS(stacq_leased(fd, &desc), ENOMSG);
	for (int i = 0; i < 3; i++) {
		CHECK(stacq_recv(fd, &buf, &size, 0) == 1);
		CHECK(stacq_leased(fd, &desc) == 0 && desc.seq == (uint64_t)i + 1);
		id[i] = STACQ_LEASE_ID(desc.seq, desc.deliveries);
	}
	FAILS(stacq_recv(fd, &buf, &size, 0), EAGAIN);
	CHECK(stacq_extend(fd, id[1], 0, &count) == 0 && count == 1);
	CHECK(stacq_give_back(fd, id[0], 0, &count) == 0 && count == 1);
	count = 77;
	FAILS(stacq_ack(fd, id[0], 0, &count), ESTALE);
	FAILS(stacq_give_back(fd, id[0], 0, NULL), ESTALE);
	FAILS(stacq_extend(fd, id[0], 0, NULL), ESTALE);
	FAILS(stacq_ack(fd, 99, 0, NULL), EINVAL);
	CHECK(count == 77);
	CHECK(stacq_recv(fd, &buf, &size, 0) == 1 && *(char *)buf == 'a');
	CHECK(stacq_leased(fd, &desc) == 0 && desc.seq == 1 && desc.deliveries == 1);
	CHECK(stacq_give_back(fd, id[2], STACQ_SETTLE_TO_BACK, NULL) == 0);
	CHECK(stacq_ack(fd, 0, STACQ_SETTLE_ALL, &count) == 0 && count == 2);
	CHECK(stacq_recv(fd, &buf, &size, 0) == 1 && *(char *)buf == 'd');
	CHECK(stacq_recv(fd, &buf, &size, 0) == 1 && *(char *)buf == 'c');
	mode.flags = 0;
	FAILS(stacq_set_mode(fd, &mode), EINVAL);
	free(buf);
	done(fd);
}

static void moving(void)
{
	int from = queue(O_NONBLOCK, 0, 0, 0), to = other_queue();
	uint64_t moved = 77;

	CHECK(stacq_move(from, to, 0, &moved) == 0 && moved == 0);
	for (int i = 0; i < 4; i++)
		CHECK(stacq_send(from, "x", 1, 0) == 0);
	CHECK(stacq_move(from, to, 1, &moved) == 0 && moved == 1);
	CHECK(stacq_move(from, to, 0, &moved) == 0 && moved == 1);
	moved = 77;
	FAILS(stacq_move(from, to, 0, &moved), EAGAIN);
	FAILS(stacq_move(from, from, 0, &moved), EINVAL);
	FAILS(stacq_move(from, -1, 0, &moved), EBADF);
	CHECK(stacq_purge(to, NULL) == 0);
	CHECK(moved == 77 && stacq_move(from, to, 0, NULL) == 0);
	done(from);
	other_done(to);
}

static uint64_t now_ns(void)
{
	return (uint64_t)now_ms() * 1000000;
}

static void deadlines(void)
{
	struct stacq_mode mode = { .priority = 5, .write_timeout_ns = 1000000 };
	struct stacq_peek desc;
	int fd = queue(0, 1, 0, 0);
	char buf[8];

	FAILS(stacq_read_until(fd, buf, sizeof(buf), now_ns() + 20000000), ETIMEDOUT);
	CHECK(stacq_set_mode(fd, &mode) == 0);
	CHECK(stacq_write_until(fd, "hello", 5, 0) == 5);
	CHECK(stacq_peek(fd, 0, NULL, NULL, &desc) == 5 && desc.priority == 5);
	FAILS(stacq_write_until(fd, "world", 5, now_ns()), ETIMEDOUT);
	FAILS(stacq_send(fd, "world", 5, -1), ETIMEDOUT);
	CHECK(stacq_read_until(fd, buf, sizeof(buf), 0) == 5 && memcmp(buf, "hello", 5) == 0);
	mode.priority = STACQ_PRIORITY_MAX + 1;
	FAILS(stacq_set_mode(fd, &mode), EINVAL);
	done(fd);
}

static void notices(void)
{
	int fd = queue(O_NONBLOCK, 0, 0, 0);
	int event = eventfd(0, EFD_NONBLOCK);
	eventfd_t told;

	CHECK(stacq_notify(fd, event, STACQ_NOTICE_DEPTH, 2) == 0);
	CHECK(stacq_send(fd, "a", 1, 0) == 0);
	FAILS(eventfd_read(event, &told), EAGAIN);
	CHECK(stacq_send(fd, "b", 1, 0) == 0);
	CHECK(eventfd_read(event, &told) == 0 && told == 1);
	CHECK(stacq_notify(fd, event, 0, 0) == 0);
	FAILS(stacq_notify(fd, event, 0, 0), ENOENT);
	FAILS(stacq_notify(fd, -1, STACQ_NOTICE_EMPTY, 0), EBADF);
	close(event);
	done(fd);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "create, list, remove", create_list_remove },
	{ "messages of all sizes come whole", whole_messages },
	{ "messages of the longest length", messages_of_the_longest_length },
	{ "a limit lowered below what is stored", limit_lowered_below_what_is_stored },
	{ "the rest after a read", rest_after_a_read },
	{ "timeouts of receiving", timeouts_of_receiving },
	{ "timeouts of sending", timeouts_of_sending },
	{ "a short message finds room that poll does not see",
	  short_message_finds_room_that_poll_does_not_see },
	{ "a long message waits though poll sees room",
	  long_message_waits_though_poll_sees_room },
	{ "removed while waiting", removed_while_waiting },
	{ "interrupted while waiting", interrupted_while_waiting },
	{ "sealing", sealing },
	{ "peeking", peeking },
	{ "attributes and request agree", attributes_and_request_agree },
	{ "settings", settings },
	{ "frames there and back", frames_there_and_back },
	{ "frames make a small buffer grow", frames_make_a_small_buffer_grow },
	{ "leases", leases },
	{ "moving", moving },
	{ "deadlines", deadlines },
	{ "notices", notices },
	{ "many receivers: every message once, whole", many_receivers },
};

int main(void)
{
	const size_t count = sizeof(tests) / sizeof(*tests);
	int status = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		failed = false;
		tests[i].run();
		printf("%sok %zu - %s\n", failed ? "not " : "", i + 1, tests[i].name);
		status |= failed;
	}
	return status;
}
