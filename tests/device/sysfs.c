// SPDX-License-Identifier: GPL-2.0
/* /sys/class/stacq/NAME: what each file says, and what those take. */
#include <dirent.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)

static char *path_of(const struct queue *q, const char *attribute)
{
	static char path[256];

	snprintf(path, sizeof(path), "/sys/class/stacq/%s/%s", q->name,
		 attribute);
	return path;
}

/* One value with its newline; the newline is taken off. */
static const char *show(const struct queue *q, const char *attribute)
{
	static char buf[128];
	int fd = open(path_of(q, attribute), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		FAIL("%s: %s", attribute, strerrorname_np(errno));
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	ASSERT_TRUE(n > 1);
	ASSERT_EQ(buf[n - 1], '\n');
	buf[n - 1] = 0;
	ASSERT_TRUE(!strchr(buf, '\n'));
	return buf;
}

static unsigned long long number(const struct queue *q, const char *attribute)
{
	const char *text = show(q, attribute);
	unsigned long long value;
	char *end;

	ASSERT_TRUE(*text >= '0' && *text <= '9');
	value = strtoull(text, &end, 10);
	ASSERT_EQ(*end, 0);
	return value;
}

static int store(const struct queue *q, const char *attribute,
		 const char *text)
{
	int fd = open(path_of(q, attribute), O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int error;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	error = errno;
	close(fd);
	errno = error;
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

TEST(each_file_says_what_info_says)
{
	struct stacq_create c = create_defaults(STACQ_LIFO);
	struct queue q;
	int fd, reader;
	struct stacq_purge purge = { 0 };
	struct stacq_info i;
	char byte;

	c.max_msgs = 100;
	c.max_bytes = 5000;
	c.max_msg_size = 500;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	SEND(fd, 77, 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	for (unsigned int n = 0; n < 9; n++)
		SEND(fd, 10 + n, n);
	RECEIVE(fd, 18, 8);
	reader = queue_open(&q, NONBLOCK);
	ASSERT_EQ(read(reader, &byte, 1), 1);
	close(reader);
	reader = queue_open(&q, NONBLOCK);
	ASSERT_EQ(read(reader, &byte, 1), 1);
	i = info(fd);
	ASSERT_EQ(strcmp(show(&q, "order"), "lifo"), 0);
#define AGREES(field)	ASSERT_EQ(number(&q, #field), i.field)
	AGREES(depth);
	AGREES(bytes);
	AGREES(held);
	AGREES(capacity);
	AGREES(max_msgs);
	AGREES(max_bytes);
	AGREES(max_msg_size);
	AGREES(high_water);
	AGREES(memory);
	AGREES(sent);
	AGREES(received);
	AGREES(requeued);
	AGREES(discarded);
	AGREES(growths);
	AGREES(shrinks);
	AGREES(inflight);
	AGREES(lapsed);
	AGREES(lease_ms);
	AGREES(readers_waiting);
	AGREES(writers_waiting);
	ASSERT_EQ(number(&q, "sealed"), 0);
	/* none of these comparisons was of nothing with nothing */
	ASSERT_TRUE(i.depth && i.held && i.requeued && i.discarded &&
		    i.received && i.growths);
}

TEST(order_says_fifo)
{
	struct queue q = queue_new(STACQ_FIFO);

	ASSERT_EQ(strcmp(show(&q, "order"), "fifo"), 0);
}

TEST(sealed_follows_seal_and_unseal)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_EQ(number(&q, "sealed"), 0);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_EQ(number(&q, "sealed"), 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_UNSEAL, 0));
	ASSERT_EQ(number(&q, "sealed"), 0);
}

TEST(waiting_callers_are_counted)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	pid_t pid;
	int fd;

	c.max_msgs = 1;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	pid = start();
	if (!pid) {
		GET(fd, "x");
		done();
	}
	WAIT_FOR(number(&q, "readers_waiting") == 1);
	PUT(fd, "x");
	join(pid);
	ASSERT_EQ(number(&q, "readers_waiting"), 0);
	PUT(fd, "y");
	pid = start();
	if (!pid) {
		PUT(fd, "z");
		done();
	}
	WAIT_FOR(number(&q, "writers_waiting") == 1);
	GET(fd, "y");
	join(pid);
	ASSERT_EQ(number(&q, "writers_waiting"), 0);
}

TEST(an_unlimited_queue_reads_0)
{
	struct queue q = queue_new(STACQ_FIFO);

	ASSERT_OK(set_limits(queue_open(&q, NONBLOCK), 0, 0, 0));
	ASSERT_EQ(number(&q, "max_msgs"), 0);
	ASSERT_EQ(number(&q, "max_bytes"), 0);
	ASSERT_EQ(number(&q, "max_msg_size"), 0);
}

TEST(capacity_can_be_written)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_OK(store(&q, "capacity", "37\n"));
	ASSERT_EQ(info(fd).capacity, 37);
	ASSERT_OK(store(&q, "capacity", "5"));	/* echo -n */
	ASSERT_EQ(info(fd).capacity, 5);
}

TEST(limits_can_be_written)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_info i;

	ASSERT_OK(store(&q, "max_msgs", "12\n"));
	ASSERT_OK(store(&q, "max_bytes", "3456\n"));
	ASSERT_OK(store(&q, "max_msg_size", "78\n"));
	i = info(fd);
	ASSERT_EQ(i.max_msgs, 12);
	ASSERT_EQ(i.max_bytes, 3456);
	ASSERT_EQ(i.max_msg_size, 78);
	ASSERT_OK(store(&q, "max_msgs", "0\n"));
	ASSERT_EQ(info(fd).max_msgs, 0);
}

TEST(how_messages_are_delivered_can_be_written)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_info i;

	ASSERT_OK(store(&q, "lease_ms", "1500\n"));
	ASSERT_OK(store(&q, "ttl_ms", "2147483647\n"));
	ASSERT_OK(store(&q, "max_deliveries", "255\n"));
	ASSERT_OK(store(&q, "full", "drop_oldest\n"));
	i = info(fd);
	ASSERT_EQ(i.lease_ms, 1500);
	ASSERT_EQ(i.ttl_ms, 2147483647);
	ASSERT_EQ(i.max_deliveries, 255);
	ASSERT_EQ(i.full, STACQ_FULL_DROP_OLDEST);
	ASSERT_OK(store(&q, "full", "block"));	/* echo -n */
	ASSERT_EQ(info(fd).full, STACQ_FULL_BLOCK);
	ASSERT_REFUSED(fd, store(&q, "full", "drop\n"), EINVAL);
	ASSERT_REFUSED(fd, store(&q, "full", "1\n"), EINVAL);
	ASSERT_REFUSED(fd, store(&q, "lease_ms", "2147483648\n"), EINVAL);
	ASSERT_REFUSED(fd, store(&q, "ttl_ms", "4294967296\n"), EINVAL);
	ASSERT_REFUSED(fd, store(&q, "max_deliveries", "256\n"), EINVAL);
	ASSERT_REFUSED(fd, store(&q, "max_deliveries", "4294967297\n"), EINVAL);
}

TEST(writing_a_limit_lets_blocked_writers_in)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	pid_t pid;
	int fd;

	c.max_msgs = 1;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	PUT(fd, "1");
	pid = start();
	if (!pid) {
		PUT(fd, "2");
		done();
	}
	WAIT_WRITERS(fd, 1);
	ASSERT_OK(store(&q, "max_msgs", "2\n"));
	join(pid);
}

TEST(nonsense_is_einval_and_too_large_is_erange)
{
	static const char *const writable[] = {
		"capacity", "max_msgs", "max_bytes", "max_msg_size", "lease_ms", "ttl_ms",
		"max_deliveries",
	};
	static const char *const nonsense[] = {
		"", "\n", "x", "1x", "-1", "1 2", "0x", "1.5", " ", "12k",
	};
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	for (size_t a = 0; a < sizeof(writable) / sizeof(writable[0]); a++) {
		for (size_t n = 1; n < sizeof(nonsense) / 8; n++) {
			struct stacq_info before = info(fd), after;

			if (store(&q, writable[a], nonsense[n]) != -1 ||
			    errno != EINVAL)
				FAIL("%s took \"%s\"", writable[a],
				     nonsense[n]);
			after = info(fd);
			ASSERT_SAME(before, after);
		}
		ASSERT_REFUSED(fd, store(&q, writable[a],
					 "18446744073709551616"), ERANGE);
		ASSERT_REFUSED(fd, store(&q, writable[a],
					 "99999999999999999999999"), ERANGE);
	}
}

TEST(capacity_has_the_errors_of_the_ioctl)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	for (unsigned int i = 0; i < 3; i++)
		SEND(fd, 5, i);
	ASSERT_REFUSED(fd, store(&q, "capacity", "0"), EINVAL);
	ASSERT_REFUSED(fd, store(&q, "capacity", "2"), EBUSY);
	ASSERT_OK(set_limits(fd, 10, STACQ_UNCHANGED, STACQ_UNCHANGED));
	ASSERT_REFUSED(fd, store(&q, "capacity", "11"), EINVAL);
	ASSERT_OK(set_limits(fd, 0, STACQ_UNCHANGED, STACQ_UNCHANGED));
	ASSERT_EQ(store(&q, "capacity", "4611686018427387904"), -1);
	ASSERT_TRUE(errno == ENOMEM || errno == EINVAL);
	for (unsigned int i = 0; i < 3; i++)
		RECEIVE(fd, 5, i);
}

TEST(only_the_writable_ones_can_be_written)
{
	static const char *const fixed[] = {
		"order", "depth", "bytes", "held", "high_water", "memory",
		"sent", "received", "requeued", "discarded", "growths",
		"shrinks", "inflight", "lapsed", "readers_waiting", "writers_waiting", "sealed",
	};
	struct queue q = queue_new(STACQ_FIFO);
	struct stat st;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		ASSERT_OK(stat(path_of(&q, fixed[i]), &st));
		ASSERT_EQ(st.st_mode & 0222, 0);
		ASSERT_EQ(store(&q, fixed[i], "1\n"), -1);
	}
}

TEST(the_owner_may_write_and_others_may_not)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	pid_t pid;
	int fd;

	c.uid = ALICE;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	pid = start();
	if (!pid) {
		become(ALICE);
		ASSERT_OK(store(&q, "capacity", "9"));
		ASSERT_OK(store(&q, "max_msgs", "90"));
		done();
	}
	join(pid);
	ASSERT_EQ(info(fd).capacity, 9);
	ASSERT_EQ(info(fd).max_msgs, 90);
	pid = start();
	if (!pid) {
		become(BOB);
		ASSERT_REFUSED(fd, store(&q, "capacity", "10"), EACCES);
		ASSERT_REFUSED(fd, store(&q, "max_msgs", "10"), EACCES);
		done();
	}
	join(pid);
}

TEST(the_ceiling_holds_here_as_well)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	char text[32];
	pid_t pid;
	int fd;

	c.uid = ALICE;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	snprintf(text, sizeof(text), "%llu", parameter("ceiling_max_bytes") + 1);
	pid = start();
	if (!pid) {
		become(ALICE);
		ASSERT_REFUSED(fd, store(&q, "max_bytes", text), EPERM);
		ASSERT_REFUSED(fd, store(&q, "max_bytes", "0"), EPERM);
		ASSERT_REFUSED(fd, store(&q, "max_msgs", "0"), EPERM);
		done();
	}
	join(pid);
	ASSERT_OK(store(&q, "max_bytes", text));
}

/* A writable file kept open by one who passed it on is not a way around. */
TEST(the_ceiling_is_the_writer_s_not_the_opener_s)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	pid_t pid;
	int fd, attribute;

	c.uid = ALICE;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	attribute = open(path_of(&q, "max_msgs"), O_WRONLY);
	ASSERT_OK(attribute);
	pid = start();
	if (!pid) {
		become(ALICE);
		ASSERT_REFUSED(fd, write(attribute, "0", 1), EPERM);
		done();
	}
	join(pid);
}
