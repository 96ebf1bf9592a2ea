// SPDX-License-Identifier: GPL-2.0
/* Messages that describe themselves, on two queues of their own */
#include <sys/uio.h>

#include "parts.h"

#define MAGIC	0x51ac0de5u
#define BODY	6000

struct message {
	uint32_t magic, writer, number, size, sum;
	unsigned char body[BODY];
};
#define HEAD	offsetof(struct message, body)
_Static_assert(HEAD == MESSAGE_LEAST && sizeof(struct message) == MESSAGE_MOST, "size");

unsigned char *traffic;
uint32_t this_step;

static unsigned char *trace_of(uint32_t writer, uint32_t number)
{
	if (writer >= processes || number >= steps * MESSAGES_A_STEP)
		BROKEN("a message that nobody sent: %u of %u", number, writer);
	return &traffic[writer * steps * MESSAGES_A_STEP + number];
}

static uint32_t sum(const struct message *m)
{
	uint32_t s = m->writer * 31 + m->number * 7 + m->size;

	for (uint32_t i = 0; i < m->size - HEAD; i++)
		s = s * 33 + m->body[i];
	return s;
}

static uint64_t check_fd(void)
{
	return CHECK_FD + below(2);
}

static struct expect expect_check(bool write)
{
	struct expect e = { 0 };

	MAY(&e, EAGAIN, EINTR);
	if (write)
		MAY(&e, EPIPE, ENOMEM);
	return e;
}

/* One of those that this step may send. It need not be aligned. */
void make_message(void *to, uint32_t size, uint32_t part)
{
	static struct message m;

	m.magic = MAGIC;
	m.writer = me->id;
	m.number = this_step * MESSAGES_A_STEP + part;
	m.size = size;
	memset(m.body, next(), size - HEAD);
	for (uint32_t i = 0; i < size - HEAD; i += 17)
		m.body[i] = i + this_step;
	m.sum = sum(&m);
	memcpy(to, &m, size);
}

void message_sent(uint32_t part)
{
	__atomic_fetch_or(trace_of(me->id, this_step * MESSAGES_A_STEP + part), 0x80,
			  __ATOMIC_RELAXED);
}

/* In memory that comes and goes, with these bytes whenever it is there. */
void step_send(void)
{
	uint32_t size = HEAD + (one_in(6) ? below(BODY) : below(120));
	int region = below(2) ? FLIPPING : STABLE, fd = check_fd();
	uint64_t addr = address_in(region, size);
	uint32_t cut = below(size);
	struct expect e = expect_check(true);
	long n;

	make_message(seen_at(addr, size), size, 0);
	expect_memory(&e, addr, size, false);
	if (below(2)) {
		n = CALL(&e, "send", fd, addr, size, 0, write(fd, (void *)addr, size));
	} else {
		struct iovec iov[] = {
			{ (void *)addr, cut }, { (void *)addr + cut, size - cut },
		};

		n = CALL(&e, "sendv", fd, addr, size, cut, writev(fd, iov, 2));
	}
	if (n >= 0) {
		HOLDS(n == size);
		message_sent(0);
	}
}

/* Half of a message, and then nonsense: none of it may arrive. */
void step_send_bad(void)
{
	uint32_t size = HEAD + below(BODY), sound = 1 + below(size - 1);
	uint64_t addr = regions[STABLE].end - sound;
	struct message m = { MAGIC, me->id, this_step * MESSAGES_A_STEP, size, 0, "" };
	struct iovec iov[3] = {
		{ (void *)address_in(STABLE, 3000), 1 + below(3000) },
		{ (void *)bad_address(), 1 + below(3000) },
		{ (void *)address_in(STABLE, 3000), 1 + below(3000) },
	};
	struct expect e = expect_check(true);
	int fd = check_fd();

	memcpy(seen_at(addr, sound), &m, sound < HEAD ? sound : HEAD);
	MUST(&e, EFAULT);
	if (below(2))
		CALL(&e, "bad send", fd, addr, size, sound, write(fd, (void *)addr, size));
	else
		CALL(&e, "bad sendv", fd, iov[1].iov_base, iov[1].iov_len, 0,
		     writev(fd, iov, 2 + below(2)));
}

static void check_message(const struct message *m, uint64_t size)
{
	if (size < HEAD || m->magic != MAGIC || m->size != size ||
	    m->writer >= processes || m->sum != sum(m))
		BROKEN("not a message that was sent: %llu bytes, magic %#x, writer %u, number %u, size %u",
		       (unsigned long long)size, m->magic, m->writer, m->number, m->size);
}

static void take(const struct message *m, uint64_t size)
{
	check_message(m, size);
	if (__atomic_fetch_add(trace_of(m->writer, m->number), 1, __ATOMIC_RELAXED) & 0x7f)
		BROKEN("message %u of writer %u came twice", m->number, m->writer);
}

/* The same for one that need not be aligned. */
void take_message(const void *p, uint64_t size)
{
	static struct message m;

	memcpy(&m, p, size < sizeof(m) ? size : sizeof(m));
	take(&m, size);
}

/* Receive whole messages, also to where memory comes and goes. */
void step_receive(void)
{
	uint64_t room = sizeof(struct message);
	int region = below(2) ? FLIPPING : STABLE, fd = check_fd();
	uint64_t addr = address_in(region, room);
	struct expect e = expect_check(false);
	long n;

	expect_memory(&e, addr, room, true);
	lay_poison(addr, room);
	n = CALL(&e, "receive", fd, addr, room, 0, read(fd, (void *)addr, room));
	if (n > 0)
		take((void *)seen_at(addr, n), n);
	check_poison(addr, room, n > 0 ? n : 0);
}

/* To memory that is not there: the message must stay. */
void step_receive_bad(void)
{
	struct expect e = expect_check(false);
	uint64_t addr = one_in(2) ? bad_address() : address_in(READ_ONLY, 100);
	int fd = check_fd();
	long n;

	MAY(&e, EFAULT);
	n = CALL(&e, "bad receive", fd, addr, 100, 0, read(fd, (void *)addr, 100));
	HOLDS(n <= 0);
}

void reopen_check(int fd)
{
	put_in_place(open(fd == CHECK_FD ? "/dev/stacq/" CHECK_FIFO :
			  "/dev/stacq/" CHECK_LIFO, O_RDWR | O_NONBLOCK | O_CLOEXEC),
		     fd - 100);
}

/* What this open file has at hand is where we are in it. */
static void check_held(int fd, uint64_t got)
{
	struct stacq_peek p = { .flags = STACQ_PEEK_HELD };
	struct expect e = { 0 };
	long result;

	if (!got)
		MUST(&e, ENOMSG);
	result = CALL(&e, "PEEK_HELD", fd, got, 0, 0, ioctl(fd, STACQ_IOC_PEEK, &p));
	if (!result)
		HOLDS(p.position == got && p.len <= sizeof(struct message));
}

/* In parts, through memory of all kinds; or give up in the middle. */
void step_receive_parts(void)
{
	static struct message m;
	uint64_t got = 0;
	int fd = check_fd();

	in_loop = true;
	for (int tries = 0; tries < 100; tries++) {
		uint64_t part = 1 + below(one_in(4) ? 4000 : 100), addr;
		struct expect e = expect_check(false);
		long n;

		if (part > sizeof(m) - got)
			part = sizeof(m) - got;
		addr = pick_address(part);
		expect_room(&e, addr, part);
		/* A read elsewhere could not be looked at. */
		if (!seen_at(addr, part) || region_at(addr) == &regions[SCRIBBLED])
			addr = address_in(STABLE, part);
		lay_poison(addr, part);
		n = CALL(&e, "receive part", fd, addr, part, got,
			 read(fd, (void *)addr, part));
		check_read(addr, part, n);
		if (n == 0 || (n < 0 && !got && errno != EFAULT))
			break;
		if (n > 0)
			memcpy((void *)&m + got, seen_at(addr, n), n);
		if (n > 0)
			got += n;
		if (got >= HEAD && got >= m.size) {
			take(&m, got);
			got = 0;
			check_held(fd, 0);
			break;
		}
		if (one_in(8))
			check_held(fd, got);
		if (one_in(16))
			break;
	}
	in_loop = false;
	if (got)
		reopen_check(fd);
}

void step_look(void)
{
	static struct message m;
	struct stacq_peek p = {
		.position = one_in(2) ? 0 : below(20), .buf = (uint64_t)&m,
		.buf_len = below(2) ? sizeof(m) : below(200),
	};
	struct expect e = { 0 };
	int fd = check_fd();

	MAY(&e, ENOMSG, ENOMEM);
	memset(&m, POISON, sizeof(m));
	if (CALL(&e, "look", fd, p.position, p.buf_len, 0, ioctl(fd, STACQ_IOC_PEEK, &p)))
		return;
	if (p.len <= p.buf_len)
		check_message(&m, p.len);
	else if (p.buf_len >= HEAD)
		HOLDS(m.magic == MAGIC && m.size == p.len);
}

/* Disturb those who send and receive, without taking anything away. */
void step_meddle(void)
{
	struct stacq_capacity c = { .capacity = 1 + below(100) };
	struct stacq_info i;
	struct expect e = { 0 };
	int fd = check_fd();

	switch (below(4)) {
	case 0:
		CALL(&e, "seal", fd, 0, 0, 0, ioctl(fd, STACQ_IOC_SEAL, 0));
		CALL(&e, "unseal", fd, 0, 0, 0, ioctl(fd, STACQ_IOC_UNSEAL, 0));
		break;
	case 1:
		memset(&i, POISON, sizeof(i));
		CALL(&e, "info", fd, 0, 0, 0, ioctl(fd, STACQ_IOC_INFO, &i));
		check_info(&i, true);
		break;
	default:
		MAY(&e, EBUSY, EINVAL, ENOMEM);
		if (!ROOTS(me->id))
			MUST(&e, EPERM);
		CALL(&e, "set capacity", fd, c.capacity, 0, 0,
		     ioctl(fd, STACQ_IOC_SET_CAPACITY, &c));
	}
}

/* Receive the rest: then each message sent has come once. */
void drain(const char *name)
{
	static struct message m;
	char path[128];
	int fd;
	long n;

	snprintf(path, sizeof(path), "/dev/stacq/%s", name);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ASSERT_OK(fd);
	ASSERT_OK(ioctl(fd, STACQ_IOC_UNSEAL, 0));
	while ((n = read(fd, &m, sizeof(m))) > 0)
		take(&m, n);
	ASSERT_TRUE(n == -1 && errno == EAGAIN);
	ASSERT_EQ(info(fd).held, 0);
	ASSERT_EQ(info(fd).discarded, 0);
	close(fd);
}

unsigned long long account(void)
{
	unsigned long long sent = 0, each = steps * MESSAGES_A_STEP;

	for (unsigned long long i = 0; i < processes * each; i++) {
		if (traffic[i] && traffic[i] != 0x81)
			FAIL("message %llu of writer %llu: %s, received %d times", i % each,
			     i / each, traffic[i] & 0x80 ? "sent" : "not sent",
			     traffic[i] & 0x7f);
		sent += !!traffic[i];
	}
	return sent;
}
