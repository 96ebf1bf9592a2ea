// SPDX-License-Identifier: MIT
/*
 * libstacq: see stacq.h, which is all the documentation of what these functions
 * promise; the comments here say why they are built as they are.
 */
#include "stacq.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* The smallest buffer stacq_recv() tries its luck with. */
#define RECV_LEAST	((size_t)4096)
/* And stacq_recv_frames(): what a pipe takes at once. */
#define RECV_FRAMES	((size_t)65536)

/* A name with directory in front of it. */
#define PATH_SIZE	(sizeof(STACQ_SYSFS_DIR "/") + STACQ_NAME_SIZE)

const char *stacq_version(void)
{
	return LIBSTACQ_VERSION;
}

int stacq_name_valid(const char *name)
{
	/* Not isalnum(), which depends on the locale. */
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t len;

	if (!name)
		return 0;
	len = strnlen(name, STACQ_NAME_SIZE);
	return len > 0 && len < STACQ_NAME_SIZE &&
	       strspn(name, allowed) == len &&
	       name[0] != '.' && name[0] != '-' && strcmp(name, "control") != 0;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

/* close() that keeps errno. */
static void close_quietly(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

/* ---- orders ------------------------------------------------------------- */

static const char *const orders[] = {
	[STACQ_FIFO] = "fifo",
	[STACQ_LIFO] = "lifo",
	[STACQ_PRIORITY] = "priority",
};

const char *stacq_order_name(uint32_t order)
{
	return order < sizeof(orders) / sizeof(*orders) ? orders[order] : NULL;
}

int stacq_order_parse(const char *name, uint32_t *order)
{
	for (uint32_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		if (strcmp(name, orders[i]) == 0) {
			*order = i;
			return 0;
		}
	}
	return fail(EINVAL);
}

/* ---- what a full queue does --------------------------------------------- */

static const char *const policies[] = {
	[STACQ_FULL_BLOCK] = "block",
	[STACQ_FULL_FAIL] = "fail",
	[STACQ_FULL_DROP_OLDEST] = "drop_oldest",
	[STACQ_FULL_DROP_NEWEST] = "drop_newest",
};

const char *stacq_full_name(uint32_t full)
{
	return full < sizeof(policies) / sizeof(*policies) ? policies[full] : NULL;
}

int stacq_full_parse(const char *name, uint32_t *full)
{
	for (uint32_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		if (strcmp(name, policies[i]) == 0) {
			*full = i;
			return 0;
		}
	}
	return fail(EINVAL);
}

/* ---- making and removing ------------------------------------------------ */

static int control(unsigned long request, const void *arg)
{
	int fd = open(STACQ_CONTROL, O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, request, arg);
	close_quietly(fd);
	return ret;
}

int stacq_create_init(struct stacq_create *req, const char *name, uint32_t order)
{
	if (!stacq_name_valid(name))
		return fail(EINVAL);
	*req = (struct stacq_create) {
		.order = order,
		.max_msgs = STACQ_UNCHANGED,
		.max_bytes = STACQ_UNCHANGED,
		.max_msg_size = STACQ_UNCHANGED,
		.uid = STACQ_CALLER,
		.gid = STACQ_CALLER,
		.mode = 0600,
	};
	strcpy(req->name, name);
	return 0;
}

int stacq_create(const struct stacq_create *req)
{
	return control(STACQ_IOC_CREATE, req);
}

int stacq_remove(const char *name)
{
	struct stacq_remove req = { 0 };

	if (!stacq_name_valid(name))
		return fail(EINVAL);
	strcpy(req.name, name);
	return control(STACQ_IOC_REMOVE, &req);
}

int stacq_open(const char *name, int flags)
{
	char path[PATH_SIZE];

	if (!stacq_name_valid(name))
		return fail(EINVAL);
	snprintf(path, sizeof(path), STACQ_DEV_DIR "/%s", name);
	return open(path, flags | O_CLOEXEC);
}

/* ---- waiting ------------------------------------------------------------ */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A wait with an end; made once per call, however often the call tries. */
struct wait {
	int fd;
	short events;
	int timeout_ms;
	int64_t deadline;	/* valid when timeout_ms > 0 */
	int pause_ms;		/* see wait_more() */
};

static int wait_start(struct wait *w, int fd, short events, int timeout_ms)
{
	int flags;

	*w = (struct wait) {
		.fd = fd, .events = events, .timeout_ms = timeout_ms,
	};
	if (timeout_ms < -1)
		return fail(EINVAL);
	if (timeout_ms == -1)
		return 0;
	/* Waiting in the call below would not end at the deadline. */
	flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -1;
	if (!(flags & O_NONBLOCK))
		return fail(EINVAL);
	if (timeout_ms > 0)
		w->deadline = now_ms() + timeout_ms;
	return 0;
}

/*
 * After EAGAIN: returns 0 when it is worth another try.
 *
 * What poll says about writing is meant for a message of max_msg_size, or for
 * one of 4096 bytes when there is no such limit. A shorter one may find room
 * before poll says so, a longer one may find none after it. So no poll lasts
 * longer than 50 ms, and between tries in vain there is a pause that grows
 * to 50 ms. Reading has no such problem: poll is exact there.
 */
static int wait_more(struct wait *w)
{
	struct pollfd p = { .fd = w->fd, .events = w->events };
	int ms = -1;
	int ret;

	if (w->timeout_ms == 0)
		return fail(EAGAIN);
	if (w->timeout_ms > 0) {
		int64_t left = w->deadline - now_ms();

		if (left <= 0)
			return fail(ETIMEDOUT);
		ms = (int)left;
	}
	if (w->events & POLLOUT) {
		if (ms < 0 || ms > 50)
			ms = 50;
		if (w->pause_ms && poll(NULL, 0, w->pause_ms < ms ? w->pause_ms : ms) < 0)
			return -1;
	}
	ret = poll(&p, 1, ms);
	if (ret < 0)
		return -1;
	if (ret > 0 && w->pause_ms < 50)
		w->pause_ms = w->pause_ms ? w->pause_ms * 2 : 1;
	return 0;
}

/* ---- messages ----------------------------------------------------------- */

int stacq_send(int fd, const void *buf, size_t len, int timeout_ms)
{
	struct wait w;
	ssize_t n;

	if (len == 0)
		return fail(EINVAL);
	/* The kernel would cut a longer write short: two messages, not one. */
	if (len > INT_MAX - 65536)
		return fail(EMSGSIZE);
	if (wait_start(&w, fd, POLLOUT, timeout_ms) < 0)
		return -1;
	for (;;) {
		n = write(fd, buf, len);
		if (n == (ssize_t)len)
			return 0;
		if (n >= 0)
			return fail(EIO);	/* not a queue */
		if (errno != EAGAIN || wait_more(&w) < 0)
			return -1;
	}
}

static int reserve(void **buf, size_t *size, size_t want)
{
	void *p;

	if (*buf && *size >= want)
		return 0;
	p = realloc(*buf, want);
	if (!p)
		return fail(ENOMEM);
	*buf = p;
	*size = want;
	return 0;
}

/* Read the rest of the message at hand, if there is one, behind @got bytes. */
static ssize_t recv_rest(int fd, void **buf, size_t *size, size_t got)
{
	struct stacq_peek hand = { .flags = STACQ_PEEK_HELD };
	size_t rest;
	ssize_t n;

	if (ioctl(fd, STACQ_IOC_PEEK, &hand) < 0)
		return errno == ENOMSG ? (ssize_t)got : -1;
	rest = (size_t)(hand.len - hand.position);
	if (reserve(buf, size, got + rest) < 0)
		return -1;
	n = read(fd, (char *)*buf + got, rest);
	return n < 0 ? -1 : (ssize_t)got + n;
}

ssize_t stacq_recv(int fd, void **buf, size_t *size, int timeout_ms)
{
	struct wait w;
	ssize_t n;
	int next;

	if (wait_start(&w, fd, POLLIN, timeout_ms) < 0)
		return -1;
	for (;;) {
		/* The next one may be another by the time it is read. */
		if (ioctl(fd, FIONREAD, &next) < 0)
			return -1;
		if (reserve(buf, size, (size_t)next + 1 > RECV_LEAST ?
			    (size_t)next + 1 : RECV_LEAST) < 0)
			return -1;
		n = read(fd, *buf, *size);
		if (n >= 0 && (size_t)n == *size)
			return recv_rest(fd, buf, size, *size);
		if (n >= 0)
			return n;
		if (errno != EAGAIN || wait_more(&w) < 0)
			return -1;
	}
}

ssize_t stacq_peek(int fd, uint64_t position, void **buf, size_t *size,
		   struct stacq_peek *desc)
{
	for (;;) {
		struct stacq_peek peek = {
			.position = position,
			.buf = buf ? (uintptr_t)*buf : 0,
			.buf_len = buf && *buf ? *size : 0,
		};

		if (ioctl(fd, STACQ_IOC_PEEK, &peek) < 0)
			return -1;
		if (!buf || peek.len <= peek.buf_len) {
			if (desc)
				*desc = peek;
			return (ssize_t)peek.len;
		}
		/* Another message may be there by the time it is large enough. */
		if (reserve(buf, size, (size_t)peek.len) < 0)
			return -1;
	}
}

/* ---- many messages a call ------------------------------------------------ */

int stacq_set_framed(int fd, int on)
{
	struct stacq_mode req = { .flags = on ? STACQ_MODE_FRAMED : 0 };

	return ioctl(fd, STACQ_IOC_SET_MODE, &req);
}

int stacq_set_priority(int fd, unsigned int priority)
{
	struct stacq_mode req = { .priority = priority };

	return ioctl(fd, STACQ_IOC_SET_MODE, &req);
}

int stacq_set_mode(int fd, const struct stacq_mode *mode)
{
	return ioctl(fd, STACQ_IOC_SET_MODE, mode);
}

ssize_t stacq_send_frames(int fd, const void *buf, size_t len, int timeout_ms)
{
	struct wait w;
	ssize_t n;

	if (len == 0)
		return fail(EINVAL);
	if (wait_start(&w, fd, POLLOUT, timeout_ms) < 0)
		return -1;
	for (;;) {
		n = write(fd, buf, len);
		if (n >= 0 || errno != EAGAIN)
			return n;
		if (wait_more(&w) < 0)
			return -1;
	}
}

ssize_t stacq_recv_frames(int fd, void **buf, size_t *size, int timeout_ms)
{
	struct wait w;
	ssize_t n;
	int next;

	if (wait_start(&w, fd, POLLIN, timeout_ms) < 0)
		return -1;
	if (!*buf && reserve(buf, size, RECV_FRAMES) < 0)
		return -1;
	for (;;) {
		n = read(fd, *buf, *size);
		if (n >= 0)
			return n;
		if (errno == EMSGSIZE) {
			/* The next one may be another by the time it is read. */
			if (ioctl(fd, FIONREAD, &next) < 0 ||
			    reserve(buf, size, (size_t)next) < 0)
				return -1;
		} else if (errno != EAGAIN || wait_more(&w) < 0) {
			return -1;
		}
	}
}

/* ---- leases ------------------------------------------------------------- */

int stacq_leased(int fd, struct stacq_peek *desc)
{
	*desc = (struct stacq_peek) { .flags = STACQ_PEEK_LEASED };
	return ioctl(fd, STACQ_IOC_PEEK, desc);
}

static int settle(int fd, unsigned long request, uint64_t id, unsigned int flags,
		  uint64_t *count)
{
	struct stacq_settlement req = { .id = id, .flags = flags };

	if (ioctl(fd, request, &req) < 0)
		return -1;
	if (count)
		*count = req.count;
	return 0;
}

int stacq_ack(int fd, uint64_t id, unsigned int flags, uint64_t *count)
{
	return settle(fd, STACQ_IOC_ACK, id, flags, count);
}

int stacq_give_back(int fd, uint64_t id, unsigned int flags, uint64_t *count)
{
	return settle(fd, STACQ_IOC_GIVE_BACK, id, flags, count);
}

int stacq_extend(int fd, uint64_t id, unsigned int flags, uint64_t *count)
{
	return settle(fd, STACQ_IOC_EXTEND, id, flags, count);
}

/* ---- queues ------------------------------------------------------------- */

int stacq_info(int fd, struct stacq_info *info)
{
	memset(info, 0, sizeof(*info));
	return ioctl(fd, STACQ_IOC_INFO, info);
}

/* The first line of an attribute, without the newline. */
static int read_attribute(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close_quietly(fd);
	if (n < 0)
		return -1;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static int read_number(int dir, const char *name, __u64 *value)
{
	char text[32];
	char *end;

	if (read_attribute(dir, name, text, sizeof(text)) < 0)
		return -1;
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno || end == text || *end)
		return fail(EIO);
	return 0;
}

/* What modules did not have from the start; 0, or nothing, if they do not. */
static int read_later(int dir, struct stacq_info *info)
{
	__u64 max_deliveries = 0;
	char full[16];
	const struct {
		const char *name;
		__u64 *field;
	} attributes[] = {
		{ "ttl_ms", &info->ttl_ms },
		{ "max_deliveries", &max_deliveries },
		{ "expired", &info->expired },
		{ "exhausted", &info->exhausted },
		{ "dead_lettered", &info->dead_lettered },
		{ "dead", &info->dead },
		{ "refused", &info->refused },
		{ "dropped_oldest", &info->dropped_oldest },
		{ "dropped_newest", &info->dropped_newest },
	};

	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
		if (read_number(dir, attributes[i].name, attributes[i].field) < 0 &&
		    errno != ENOENT)
			return -1;
	}
	info->max_deliveries = (uint32_t)max_deliveries;
	if (read_attribute(dir, "dead_letter", info->dead_letter,
			   sizeof(info->dead_letter)) < 0 && errno != ENOENT)
		return -1;
	if (read_attribute(dir, "full", full, sizeof(full)) < 0)
		return errno == ENOENT ? 0 : -1;
	return stacq_full_parse(full, &info->full);
}

static int read_all(int dir, struct stacq_info *info)
{
	__u64 readers, writers, sealed;
	char order[16];
	const struct {
		const char *name;
		__u64 *field;
	} attributes[] = {
		{ "depth", &info->depth },
		{ "bytes", &info->bytes },
		{ "held", &info->held },
		{ "capacity", &info->capacity },
		{ "max_msgs", &info->max_msgs },
		{ "max_bytes", &info->max_bytes },
		{ "max_msg_size", &info->max_msg_size },
		{ "high_water", &info->high_water },
		{ "memory", &info->memory },
		{ "sent", &info->sent },
		{ "received", &info->received },
		{ "requeued", &info->requeued },
		{ "discarded", &info->discarded },
		{ "growths", &info->growths },
		{ "shrinks", &info->shrinks },
		{ "inflight", &info->inflight },
		{ "lapsed", &info->lapsed },
		{ "lease_ms", &info->lease_ms },
	};

	/* First: a queue that is removed meanwhile is noticed by what must be there. */
	if (read_later(dir, info) < 0 ||
	    read_attribute(dir, "order", order, sizeof(order)) < 0 ||
	    read_number(dir, "readers_waiting", &readers) < 0 ||
	    read_number(dir, "writers_waiting", &writers) < 0 ||
	    read_number(dir, "sealed", &sealed) < 0)
		return -1;
	if (stacq_order_parse(order, &info->order) < 0)
		return -1;
	info->readers_waiting = (uint32_t)readers;
	info->writers_waiting = (uint32_t)writers;
	info->state = sealed ? STACQ_STATE_SEALED : 0;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
		if (read_number(dir, attributes[i].name, attributes[i].field) < 0)
			return -1;
	}
	return 0;
}

int stacq_info_sysfs(const char *name, struct stacq_info *info)
{
	char path[PATH_SIZE];
	int dir, ret;

	if (!stacq_name_valid(name))
		return fail(EINVAL);
	snprintf(path, sizeof(path), STACQ_SYSFS_DIR "/%s", name);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	memset(info, 0, sizeof(*info));
	strcpy(info->name, name);
	ret = read_all(dir, info);
	close_quietly(dir);
	/* Removed while its attributes were being read. */
	if (ret < 0 && errno == ENODEV)
		errno = ENOENT;
	return ret;
}

int stacq_set_capacity(int fd, uint64_t capacity, uint64_t *previous)
{
	struct stacq_capacity req = { .capacity = capacity };

	if (ioctl(fd, STACQ_IOC_SET_CAPACITY, &req) < 0)
		return -1;
	if (previous)
		*previous = req.previous;
	return 0;
}

int stacq_set_limits(int fd, uint64_t max_msgs, uint64_t max_bytes,
		     uint64_t max_msg_size)
{
	struct stacq_limits req = {
		.max_msgs = max_msgs,
		.max_bytes = max_bytes,
		.max_msg_size = max_msg_size,
	};

	return ioctl(fd, STACQ_IOC_SET_LIMITS, &req);
}

int stacq_set_lease_ms(int fd, uint64_t lease_ms)
{
	struct stacq_delivery req = { .set = STACQ_SET_LEASE_MS, .lease_ms = lease_ms };

	return ioctl(fd, STACQ_IOC_SET_DELIVERY, &req);
}

int stacq_set_delivery(int fd, const struct stacq_delivery *delivery)
{
	return ioctl(fd, STACQ_IOC_SET_DELIVERY, delivery);
}

int stacq_move(int fd, int to, uint64_t most, uint64_t *moved)
{
	struct stacq_move req = { .most = most, .to = to };

	if (ioctl(fd, STACQ_IOC_MOVE, &req) < 0)
		return -1;
	if (moved)
		*moved = req.moved;
	return 0;
}

int stacq_purge(int fd, uint64_t *discarded)
{
	struct stacq_purge req = { 0 };

	if (ioctl(fd, STACQ_IOC_PURGE, &req) < 0)
		return -1;
	if (discarded)
		*discarded = req.discarded;
	return 0;
}

int stacq_seal(int fd)
{
	return ioctl(fd, STACQ_IOC_SEAL, 0);
}

int stacq_unseal(int fd)
{
	return ioctl(fd, STACQ_IOC_UNSEAL, 0);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

ssize_t stacq_list(char ***names)
{
	size_t count = 0, room = 0;
	char **list = NULL;
	int saved;
	struct dirent *entry;
	DIR *dir = opendir(STACQ_SYSFS_DIR);

	if (!dir)
		return -1;
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry && errno)
			goto fail;
		if (entry && !stacq_name_valid(entry->d_name))
			continue;
		if (count == room) {
			char **more;

			room = room ? room * 2 : 16;
			more = realloc(list, room * sizeof(*list));
			if (!more)
				goto fail;
			list = more;
		}
		if (!entry) {
			list[count] = NULL;
			break;
		}
		list[count] = strdup(entry->d_name);
		if (!list[count])
			goto fail;
		count++;
	}
	closedir(dir);
	qsort(list, count, sizeof(*list), by_name);
	*names = list;
	return (ssize_t)count;

fail:
	saved = errno;
	while (count > 0)
		free(list[--count]);
	free(list);
	closedir(dir);
	return fail(saved);
}

void stacq_list_free(char **names)
{
	if (!names)
		return;
	for (char **name = names; *name; name++)
		free(*name);
	free(names);
}
