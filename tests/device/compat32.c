// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit program on a 64-bit kernel, without a C library: system calls by
 * hand, so that no 32-bit packages are needed to build it.
 */
#ifdef __arm__
#include <asm/unistd.h>
#else
#include <asm/unistd_32.h>
#endif
#include <linux/stacq.h>

#define O_RDWR		2
#define O_NONBLOCK	04000
#define F_SETFL		4
#define FIONREAD	0x541B
#define EAGAIN		11
#define EFAULT		14
#define EEXIST		17
#define EINVAL		22
#define ENOTTY		25
#define EIDRM		43
#define EMSGSIZE	90
#define ETIMEDOUT	110

_Static_assert(sizeof(long) == 4, "this is a 32-bit program");
_Static_assert(sizeof(struct stacq_create) == STACQ_CREATE_SIZE_VER0 + 32, "create");
_Static_assert(sizeof(struct stacq_remove) == STACQ_REMOVE_SIZE_VER0, "remove");
_Static_assert(sizeof(struct stacq_info) == STACQ_INFO_SIZE_VER0 + 168, "info");
_Static_assert(sizeof(struct stacq_capacity) == STACQ_CAPACITY_SIZE_VER0, "capacity");
_Static_assert(sizeof(struct stacq_limits) == STACQ_LIMITS_SIZE_VER0, "limits");
_Static_assert(sizeof(struct stacq_peek) == STACQ_PEEK_SIZE_VER0 + 88, "peek");
_Static_assert(sizeof(struct stacq_purge) == STACQ_PURGE_SIZE_VER0, "purge");
_Static_assert(sizeof(struct stacq_settlement) == STACQ_SETTLEMENT_SIZE_VER0, "settlement");
_Static_assert(sizeof(struct stacq_delivery) == STACQ_DELIVERY_SIZE_VER0, "delivery");
_Static_assert(sizeof(struct stacq_mode) == STACQ_MODE_SIZE_VER0 + 24, "mode");
_Static_assert(sizeof(struct stacq_transfer) == STACQ_TRANSFER_SIZE_VER0, "transfer");
_Static_assert(sizeof(struct stacq_notice) == STACQ_NOTICE_SIZE_VER0, "notice");
_Static_assert(sizeof(struct stacq_move) == STACQ_MOVE_SIZE_VER0, "move");
_Static_assert(sizeof(struct stacq_frame) == 32, "frame");

#ifdef __arm__
#define START	noreturn

static long call(long number, long a, long b, long c)
{
	register long r0 asm("r0") = a;
	register long r1 asm("r1") = b;
	register long r2 asm("r2") = c;
	register long r7 asm("r7") = number;

	asm volatile("svc 0" : "+r" (r0)
		     : "r" (r1), "r" (r2), "r" (r7) : "memory");
	return r0;
}
#else
#define START	force_align_arg_pointer, noreturn

static long call(long number, long a, long b, long c)
{
	long result;

	asm volatile("int $0x80" : "=a" (result)
		     : "0" (number), "b" (a), "c" (b), "d" (c) : "memory");
	return result;
}
#endif

/* The compiler may call these without a C library, too. */
void *memset(void *p, int c, __SIZE_TYPE__ n)
{
	for (char *q = p; n--; q++)
		*q = c;
	return p;
}

void *memcpy(void *to, const void *from, __SIZE_TYPE__ n)
{
	char *t = to;
	const char *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}

static unsigned int length(const char *s)
{
	unsigned int n = 0;

	while (s[n])
		n++;
	return n;
}

static int same(const char *a, const char *b, unsigned int n)
{
	while (n--)
		if (*a++ != *b++)
			return 0;
	return 1;
}

static void print(const char *s)
{
	call(__NR_write, 1, (long)s, length(s));
}

static void print_number(unsigned int n)
{
	char digit[2] = { '0' + n % 10, 0 };

	if (n >= 10)
		print_number(n / 10);
	print(digit);
}

static int tests, failed, broken, checks;

static void finish(const char *name)
{
	print(broken ? "not ok " : "ok ");
	print_number(++tests);
	print(" - ");
	print(name);
	print("\n");
	failed |= broken;
	broken = 0;
}

static void check(int good, const char *what)
{
	checks++;
	if (good)
		return;
	print("# does not hold: ");
	print(what);
	print("\n");
	broken = 1;
}
#define CHECK(condition)	check(condition, #condition)

#define NAME	"test.compat32"
#define PATH	"/dev/stacq/" NAME

static long ioctl(long fd, unsigned int request, void *p)
{
	return call(__NR_ioctl, fd, request, (long)p);
}

static struct stacq_info info(long fd)
{
	struct stacq_info i;

	memset(&i, 0xcc, sizeof(i));
	CHECK(ioctl(fd, STACQ_IOC_INFO, &i) == 0);
	return i;
}

/* struct iovec and struct pollfd as a 32-bit program has them. */
struct vector {
	void *base;
	unsigned long len;
};

struct pollfd {
	int fd;
	short events, revents;
};
#define POLLIN		1
#define POLLOUT		4

static void vectors(long fd)
{
	char a[4] = "abc", b[8] = "defghi";
	struct vector out[2] = { { a, 3 }, { b, 6 } }, in[2] = { { b, 5 }, { a, 4 } };
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	CHECK(call(__NR_poll, (long)&p, 1, 0) == 1);
	CHECK(p.revents == POLLOUT);
	CHECK(call(__NR_writev, fd, (long)out, 2) == 9);
	CHECK(call(__NR_poll, (long)&p, 1, 0) == 1);
	CHECK(p.revents == (POLLIN | POLLOUT));
	CHECK(call(__NR_readv, fd, (long)in, 2) == 9);
	CHECK(same(b, "abcde", 5));
	CHECK(same(a, "fghi", 4));
}

/* Two messages a call, with and without vectors. */
static void frames(long fd)
{
	struct {
		struct stacq_frame head;
		char text[8];
	} out[2] = {
		{ { .magic = STACQ_FRAME_MAGIC, .priority = 7, .len = 5,
		    .sent_ns = 1ull << 40 | 3 }, "hello" },
		{ { .magic = STACQ_FRAME_MAGIC, .deliveries = 9, .len = 8 }, "whatever" },
	}, in[2];
	struct stacq_mode mode = { .flags = STACQ_MODE_FRAMED };
	struct vector v[2] = { { in, 50 }, { (char *)in + 50, sizeof(in) - 50 } };
	int left = 0;

	CHECK(ioctl(fd, STACQ_IOC_SET_MODE, &mode) == 0);
	CHECK(call(__NR_write, fd, (long)out, sizeof(out)) == sizeof(out));
	CHECK(info(fd).depth == 2);
	CHECK(ioctl(fd, FIONREAD, &left) == 0 && left == sizeof(in[0]));
	CHECK(call(__NR_read, fd, (long)in, 1) == -EMSGSIZE);
	memset(in, 0xcc, sizeof(in));
	CHECK(call(__NR_readv, fd, (long)v, 2) == sizeof(in));
	/* it is a stack */
	CHECK(in[0].head.len == 8 && in[0].head.deliveries == 9);
	CHECK(in[0].head.sent_ns > 1ull << 32);
	CHECK(same(in[0].text, "whatever", 8));
	CHECK(in[1].head.len == 5 && in[1].head.priority == 7);
	CHECK(in[1].head.sent_ns == (1ull << 40 | 3));
	CHECK(in[1].head.seq + 1 == in[0].head.seq);
	CHECK(same(in[1].text, "hello\0\0", 8));
	out[0].head.len = 0xffffffff;
	CHECK(call(__NR_write, fd, (long)out, sizeof(out)) == -EINVAL);
	CHECK(call(__NR_read, fd, (long)in, sizeof(in)) == -EAGAIN);
	mode.flags = 0;
	CHECK(ioctl(fd, STACQ_IOC_SET_MODE, &mode) == 0);
}

/* Deadlines and notices. */
static void deadlines(long fd)
{
	struct stacq_mode mode = { .read_timeout_ns = 1000000 };
	long event = call(__NR_eventfd2, 0, O_NONBLOCK, 0);
	struct stacq_notice notice = { .fd = event, .events = STACQ_NOTICE_DEPTH, .depth = 1 };
	char buf[8] = "hello";
	struct stacq_transfer t = {
		.buf = (unsigned long)buf, .len = 5, .deadline_ns = 1ull << 40,
	};
	unsigned long long told = 0;

	CHECK(ioctl(fd, STACQ_IOC_NOTIFY, &notice) == 0);
	CHECK(ioctl(fd, STACQ_IOC_WRITE, &t) == 5);
	CHECK(call(__NR_read, event, (long)&told, sizeof(told)) == sizeof(told));
	CHECK(told == 1);
	t.len = sizeof(buf);
	memset(buf, 0xcc, sizeof(buf));
	t.buf |= 1ull << 40;
	CHECK(ioctl(fd, STACQ_IOC_READ, &t) == -EFAULT);
	t.buf = (unsigned long)buf;
	CHECK(ioctl(fd, STACQ_IOC_READ, &t) == 5);
	CHECK(same(buf, "hello\xcc", 6));
	t.deadline_ns = 1;
	CHECK(call(__NR_fcntl, fd, F_SETFL, 0) == 0);
	CHECK(ioctl(fd, STACQ_IOC_READ, &t) == -ETIMEDOUT);
	CHECK(ioctl(fd, STACQ_IOC_SET_MODE, &mode) == 0);
	CHECK(call(__NR_read, fd, (long)buf, sizeof(buf)) == -ETIMEDOUT);
	mode.read_timeout_ns = 0;
	CHECK(ioctl(fd, STACQ_IOC_SET_MODE, &mode) == 0);
	CHECK(call(__NR_fcntl, fd, F_SETFL, O_NONBLOCK) == 0);
	CHECK(call(__NR_close, event, 0, 0) == 0);
}

/* Messages from one 32-bit process to another, which wait for each other. */
#define MESSAGES	300

static unsigned int size_of(unsigned int i)
{
	return sizeof(i) + i % 50 * (i % 50) * 3;
}

static void send_messages(void)
{
	static char buf[8192];
	long fd = call(__NR_open, (long)PATH, O_RDWR, 0);

	for (unsigned int i = 0; i < MESSAGES; i++) {
		memset(buf, i, sizeof(buf));
		memcpy(buf, &i, sizeof(i));
		if (call(__NR_write, fd, (long)buf, size_of(i)) != (long)size_of(i))
			call(__NR_exit, 1, 0, 0);
	}
	call(__NR_exit, 0, 0, 0);
}

static void receive_messages(void)
{
	static char buf[8192];
	long fd = call(__NR_open, (long)PATH, O_RDWR, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned int wrong = 0, number, size;

	for (unsigned int i = 0; i < MESSAGES; i++) {
		/* If the other one fails this must not wait for good. */
		if (call(__NR_poll, (long)&p, 1, 30000) != 1) {
			wrong++;
			break;
		}
		size = call(__NR_read, fd, (long)buf, sizeof(buf));
		memcpy(&number, buf, sizeof(number));
		wrong += number != i || size != size_of(i) ||
			 (size > sizeof(number) && buf[size - 1] != (char)i);
	}
	CHECK(wrong == 0);
	call(__NR_close, fd, 0, 0);
}

/* One at a time, so that even a stack gives them in their order. */
static void traffic(long fd)
{
	struct stacq_limits limits = {
		.max_msgs = 1, .max_bytes = STACQ_UNCHANGED, .max_msg_size = 8192,
	};
	long pid;

	CHECK(ioctl(fd, STACQ_IOC_SET_LIMITS, &limits) == 0);
	pid = call(__NR_fork, 0, 0, 0);
	if (pid == 0)
		send_messages();
	CHECK(pid > 0);
	receive_messages();
}

static void tests_run(void)
{
	struct stacq_create create = {
		.name = NAME, .order = STACQ_LIFO, .max_msgs = 1000,
		.max_bytes = 1ull << 40, .max_msg_size = STACQ_UNCHANGED,
		.uid = STACQ_CALLER, .gid = STACQ_CALLER, .mode = 0640,
	};
	struct stacq_remove remove = { .name = NAME };
	struct stacq_capacity capacity = { .capacity = 77 };
	struct stacq_limits limits = {
		.max_msgs = STACQ_UNCHANGED, .max_bytes = 1ull << 33,
		.max_msg_size = 500,
	};
	struct stacq_peek peek = { .position = 1 };
	struct stacq_purge purge = { .discarded = 99 };
	struct stacq_info i;
	char buf[16];
	int left = 0;
	long control, fd;

	print("KTAP version 1\n1..15\n");
	control = call(__NR_open, (long)"/dev/stacq/control", O_RDWR, 0);
	CHECK(control >= 0);
	CHECK(ioctl(control, STACQ_IOC_CREATE, &create) == 0);
	CHECK(ioctl(control, STACQ_IOC_CREATE, &create) == -EEXIST);
	fd = call(__NR_open, (long)PATH, O_RDWR | O_NONBLOCK, 0);
	CHECK(fd >= 0);
	finish("create");

	i = info(fd);
	CHECK(same(i.name, NAME, sizeof(NAME)));
	CHECK(i.order == STACQ_LIFO);
	CHECK(i.max_msgs == 1000);
	CHECK(i.max_bytes == 1ull << 40);
	CHECK(i.capacity == 1);
	finish("info");

	CHECK(call(__NR_write, fd, (long)"hello", 5) == 5);
	CHECK(call(__NR_write, fd, (long)"worlds", 6) == 6);
	CHECK(info(fd).depth == 2);
	CHECK(info(fd).bytes == 11);
	finish("send");

	memset(buf, 0xcc, sizeof(buf));
	peek.buf = (unsigned long)buf;
	peek.buf_len = 3;
	CHECK(ioctl(fd, STACQ_IOC_PEEK, &peek) == 0);
	CHECK(peek.len == 5 && peek.seq == 1);
	CHECK(same(buf, "hel\xcc", 4));
	CHECK(peek.sent_ns > 1ull << 32);
	peek.buf = 1ull << 40 | (unsigned long)buf;
	CHECK(ioctl(fd, STACQ_IOC_PEEK, &peek) < 0);
	finish("peek");

	CHECK(ioctl(fd, STACQ_IOC_SET_CAPACITY, &capacity) == 0);
	CHECK(capacity.previous == 2);
	CHECK(info(fd).capacity == 77);
	finish("set capacity");

	CHECK(ioctl(fd, STACQ_IOC_SET_LIMITS, &limits) == 0);
	i = info(fd);
	CHECK(i.max_msgs == 1000);
	CHECK(i.max_bytes == 1ull << 33);
	CHECK(i.max_msg_size == 500);
	finish("set limits");

	CHECK(ioctl(fd, FIONREAD, &left) == 0);
	CHECK(left == 6);
	CHECK(call(__NR_read, fd, (long)buf, 4) == 4);
	CHECK(same(buf, "worl", 4));
	CHECK(ioctl(fd, FIONREAD, &left) == 0);
	CHECK(left == 2);
	CHECK(call(__NR_read, fd, (long)buf, sizeof(buf)) == 2);
	CHECK(same(buf, "ds", 2));
	finish("receive in parts");

	CHECK(ioctl(fd, STACQ_IOC_PURGE, &purge) == 0);
	CHECK(purge.discarded == 1);
	CHECK(call(__NR_read, fd, (long)buf, sizeof(buf)) == -EAGAIN);
	finish("purge");

	vectors(fd);
	finish("vectors and poll");

	frames(fd);
	finish("frames");

	deadlines(fd);
	finish("deadlines and notices");

	traffic(fd);
	finish("messages between two processes");

	CHECK(ioctl(fd, STACQ_IOC_SEAL, 0) == 0);
	CHECK(info(fd).state == STACQ_STATE_SEALED);
	CHECK(ioctl(fd, STACQ_IOC_SEAL, (void *)1) == -EINVAL);
	CHECK(ioctl(fd, STACQ_IOC_UNSEAL, 0) == 0);
	finish("seal and unseal");

	CHECK(ioctl(fd, STACQ_IOC_INFO, (void *)0xfffff000) == -EFAULT);
	CHECK(ioctl(fd, _IO(STACQ_IOC_MAGIC, 0x7f), 0) == -ENOTTY);
	limits.flags = 1;
	CHECK(ioctl(fd, STACQ_IOC_SET_LIMITS, &limits) == -EINVAL);
	finish("errors");

	CHECK(ioctl(control, STACQ_IOC_REMOVE, &remove) == 0);
	CHECK(call(__NR_read, fd, (long)buf, sizeof(buf)) == -EIDRM);
	finish("remove");
	print("# figure: ");
	print_number(checks);
	print(" checks in a 32-bit program, ");
	print_number(MESSAGES);
	print(" messages between two of them\n");
}

void __attribute__((START)) _start(void)
{
	tests_run();
	call(__NR_exit, failed, 0, 0);
	__builtin_unreachable();
}
