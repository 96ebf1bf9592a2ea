// SPDX-License-Identifier: GPL-2.0
/* ioctls: what each is asked, may say, and says */
#include <limits.h>
#include <sys/eventfd.h>
#include <time.h>

#include "parts.h"

#define KNOWN(cmd)	(((cmd) >> _IOC_SIZESHIFT) & _IOC_SIZEMASK)

/* What an argument may be, and who may ask. */
static const struct request {
	const char *name;
	unsigned int cmd, least, known;
	enum kind kind;
	bool in, out;		/* the structure is read, written */
	bool reads, writes;	/* the file must be open for it */
} requests[] = {
	{ "CREATE", STACQ_IOC_CREATE, STACQ_CREATE_SIZE_VER0, KNOWN(STACQ_IOC_CREATE),
	  CONTROL_FILE, true, false, false, true },
	{ "REMOVE", STACQ_IOC_REMOVE, STACQ_REMOVE_SIZE_VER0, KNOWN(STACQ_IOC_REMOVE),
	  CONTROL_FILE, true, false, false, true },
	{ "INFO", STACQ_IOC_INFO, STACQ_INFO_SIZE_VER0, KNOWN(STACQ_IOC_INFO),
	  QUEUE, false, true, false, false },
	{ "SET_CAPACITY", STACQ_IOC_SET_CAPACITY, STACQ_CAPACITY_SIZE_VER0, KNOWN(STACQ_IOC_SET_CAPACITY),
	  QUEUE, true, true, false, false },
	{ "SET_LIMITS", STACQ_IOC_SET_LIMITS, STACQ_LIMITS_SIZE_VER0, KNOWN(STACQ_IOC_SET_LIMITS),
	  QUEUE, true, false, false, false },
	{ "PEEK", STACQ_IOC_PEEK, STACQ_PEEK_SIZE_VER0, KNOWN(STACQ_IOC_PEEK),
	  QUEUE, true, true, true, false },
	{ "PURGE", STACQ_IOC_PURGE, STACQ_PURGE_SIZE_VER0, KNOWN(STACQ_IOC_PURGE),
	  QUEUE, true, true, true, false },
	{ "SET_MODE", STACQ_IOC_SET_MODE, STACQ_MODE_SIZE_VER0, KNOWN(STACQ_IOC_SET_MODE),
	  QUEUE, true, false, false, false },
	{ "ACK", STACQ_IOC_ACK, STACQ_SETTLEMENT_SIZE_VER0, KNOWN(STACQ_IOC_ACK),
	  QUEUE, true, true, true, false },
	{ "GIVE_BACK", STACQ_IOC_GIVE_BACK, STACQ_SETTLEMENT_SIZE_VER0, KNOWN(STACQ_IOC_GIVE_BACK),
	  QUEUE, true, true, true, false },
	{ "EXTEND", STACQ_IOC_EXTEND, STACQ_SETTLEMENT_SIZE_VER0, KNOWN(STACQ_IOC_EXTEND),
	  QUEUE, true, true, true, false },
	{ "SET_DELIVERY", STACQ_IOC_SET_DELIVERY, STACQ_DELIVERY_SIZE_VER0, KNOWN(STACQ_IOC_SET_DELIVERY),
	  QUEUE, true, false, false, false },
	{ "READ", STACQ_IOC_READ, STACQ_TRANSFER_SIZE_VER0, KNOWN(STACQ_IOC_READ),
	  QUEUE, true, false, true, false },
	{ "WRITE", STACQ_IOC_WRITE, STACQ_TRANSFER_SIZE_VER0, KNOWN(STACQ_IOC_WRITE),
	  QUEUE, true, false, false, true },
	{ "NOTIFY", STACQ_IOC_NOTIFY, STACQ_NOTICE_SIZE_VER0, KNOWN(STACQ_IOC_NOTIFY),
	  QUEUE, true, false, false, false },
	{ "MOVE", STACQ_IOC_MOVE, STACQ_MOVE_SIZE_VER0, KNOWN(STACQ_IOC_MOVE),
	  QUEUE, true, true, true, false },
	{ "SEAL", STACQ_IOC_SEAL, 0, 0, QUEUE, false, false, false, true },
	{ "UNSEAL", STACQ_IOC_UNSEAL, 0, 0, QUEUE, false, false, false, true },
};

#define SIZELESS(cmd)	((cmd) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT))

static const struct request *known(unsigned int cmd)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++)
		if (SIZELESS(cmd) == SIZELESS(requests[i].cmd) &&
		    (requests[i].least || cmd == requests[i].cmd))
			return &requests[i];
	return NULL;
}

/* Mostly zero: flags and reserved fields. */
static uint32_t mostly_zero(void)
{
	static const uint32_t some[] = { 1, 2, 0x80000000, ~0u, 0x100 };

	return one_in(10) ? ANY_OF(some) : 0;
}

/* Small, or so large that it is refused at once: the machine is small. */
static uint64_t pick_capacity(void)
{
	static const uint64_t some[] = {
		0, 1, 2, 3, 8, 64, 256, 1000, 1ull << 34, 1ull << 40,
		1ull << 63, ~0ull, ~0ull - 1,
	};

	return below(2) ? 1 + below(300) : ANY_OF(some);
}

static uint64_t pick_limit(uint64_t usual)
{
	static const uint64_t some[] = {
		1, 2, 63, 64, 65, 1000, 4096, 65536, STACQ_UNCHANGED,
		STACQ_UNCHANGED, 1ull << 63, ~0ull - 1,
	};

	if (one_in(24))
		return STACQ_UNLIMITED;
	return below(2) ? usual : ANY_OF(some);
}

static uint32_t pick_owner(void)
{
	static const uint32_t some[] = { STACQ_CALLER, STACQ_CALLER, 0, ALICE, INT_MAX };

	return ANY_OF(some);
}

static void pick_name(char *to, bool any)
{
	const char *name = ANY_OF(names);

	if (any && one_in(5))
		name = ANY_OF(odd_names);
	memset(to, 0, STACQ_NAME_SIZE);
	memcpy(to, name, strnlen(name, STACQ_NAME_SIZE));
	if (one_in(40))
		memset(to, 'x', STACQ_NAME_SIZE);
}

/* A file of a queue, mostly, that nobody looks for its own messages in; or none. */
static int pick_other(void)
{
	return one_in(8) ? (int)below(3) - 2 : one_in(8) ? FD(3) : FD(pick_place(QUEUE));
}

static void fill_delivery(void *to)
{
	static const uint64_t some[] = { 0, 1, 50, STACQ_UNCHANGED, 1ull << 31, INT_MAX, ~0ull - 1 };
	struct stacq_delivery *d = to;

	*d = (struct stacq_delivery){
		.set = below(2 * STACQ_SET_DEAD_LETTER + 1), .full = below(5),
		.lease_ms = ANY_OF(some), .ttl_ms = ANY_OF(some),
		.max_deliveries = below(300), .dead_letter = one_in(4) ? -1 : pick_other(),
	};
}

static void fill_create(void *to)
{
	static const uint32_t modes[] = { 0666, 0666, 0666, 0600, 0, 0777, 01777, ~0u };
	struct stacq_create *c = to;

	pick_name(c->name, true);
	c->order = one_in(16) ? below(5) : below(3);
	c->flags = mostly_zero();
	c->max_msgs = pick_limit(100);
	c->max_bytes = pick_limit(100000);
	c->max_msg_size = pick_limit(4096);
	c->capacity = one_in(3) ? pick_capacity() : 0;
	c->uid = pick_owner();
	c->gid = pick_owner();
	c->mode = ANY_OF(modes);
	c->reserved = mostly_zero();
	memset(&c->delivery, 0, sizeof(c->delivery));
	if (one_in(4))
		fill_delivery(&c->delivery);
}

static void fill_remove(void *to)
{
	struct stacq_remove *r = to;

	/* Not those that are to stay. */
	pick_name(r->name, false);
	if (one_in(6))
		strcpy(r->name, odd_names[below(15)]);
	r->flags = mostly_zero();
	r->reserved = mostly_zero();
}

static void fill_capacity(void *to)
{
	struct stacq_capacity *c = to;

	c->capacity = pick_capacity();
	c->previous = next();
	c->flags = mostly_zero();
	c->reserved = mostly_zero();
}

static void fill_limits(void *to)
{
	struct stacq_limits *l = to;

	l->max_msgs = pick_limit(100);
	l->max_bytes = pick_limit(100000);
	l->max_msg_size = pick_limit(4096);
	l->flags = mostly_zero();
	l->reserved = mostly_zero();
}

static void fill_peek(void *to, uint64_t addr)
{
	static const uint64_t positions[] = { 0, 0, 1, 2, 600, 900, ~0ull, 1ull << 63 };
	struct stacq_peek *p = to;

	memset(p, POISON, sizeof(*p));
	p->position = below(2) ? ANY_OF(positions) : below(40);
	p->buf_len = pick_length();
	p->buf = pick_address(p->buf_len);
	if (one_in(10))		/* over the structure itself */
		p->buf = addr - 32 + below(96);
	p->flags = one_in(8) ? STACQ_PEEK_HELD : mostly_zero();
	if (p->flags == STACQ_PEEK_HELD && below(4))
		p->position = p->buf_len = 0;
	p->reserved = mostly_zero();
	p->reserved2 = mostly_zero();
}

static uint64_t pick_time(void)
{
	static const uint64_t some[] = { 0, 0, 1, 100000, 1ull << 63, ~0ull };

	return ANY_OF(some);
}

/* Never framed: that would be another contract for all who share the file. See frames.c. */
static void fill_mode(void *to)
{
	static const uint32_t some[] = { 0, 0, 4, 5, 0x80000000, ~0u };
	struct stacq_mode *m = to;

	m->flags = ANY_OF(some);
	m->priority = one_in(4) ? mostly_zero() : below(STACQ_PRIORITY_MAX + 2);
	m->max_inflight = mostly_zero();
	m->reserved = mostly_zero();
	m->read_timeout_ns = pick_time();
	m->write_timeout_ns = pick_time();
}

static void fill_settlement(void *to)
{
	static const uint32_t some[] = {
		0, STACQ_SETTLE_UP_TO, STACQ_SETTLE_ALL, STACQ_SETTLE_TO_BACK,
		STACQ_SETTLE_ALL | STACQ_SETTLE_TO_BACK, 7, 8, ~0u,
	};
	struct stacq_settlement *s = to;

	*s = (struct stacq_settlement){
		.id = one_in(3) ? 0 : STACQ_LEASE_ID(below(2000), below(3)),
		.flags = ANY_OF(some), .reserved = mostly_zero(),
	};
}

static void fill_move(void *to)
{
	struct stacq_move *m = to;

	*m = (struct stacq_move){ .most = below(5), .to = pick_other(), .flags = mostly_zero() };
}

static void fill_transfer(void *to)
{
	struct stacq_transfer *t = to;
	uint64_t len = pick_length();
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	*t = (struct stacq_transfer){
		.buf = pick_address(len), .len = len, .deadline_ns = one_in(8) ? pick_time() : 1,
		.flags = mostly_zero(), .reserved = mostly_zero(),
	};
	if (one_in(3))
		t->deadline_ns = now.tv_sec * 1000000000ull + now.tv_nsec + below(1000000);
}

static void fill_notice(void *to)
{
	static const uint64_t depths[] = { 1, 2, 5, 100, ~0ull };
	struct stacq_notice *n = to;

	for (int i = 0; i < 2; i++)
		if (fcntl(NOTICE_FD + i, F_GETFD) < 0) {
			int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

			dup2(fd, NOTICE_FD + i);
			close(fd);
		}
	*n = (struct stacq_notice){
		.fd = one_in(8) ? (int)below(140) - 1 : NOTICE_FD + (int)below(2),
		.events = one_in(10) ? next() : below(16),
		.flags = mostly_zero(), .reserved = mostly_zero(),
	};
	if (n->events & STACQ_NOTICE_DEPTH ? below(16) : one_in(16))
		n->depth = ANY_OF(depths);
}

static void fill_struct(const struct request *r, uint64_t addr)
{
	unsigned char *p = seen_at(addr, 512);

	if (!p)
		return;
	switch (r->cmd) {
	case STACQ_IOC_CREATE:
		fill_create(p);
		break;
	case STACQ_IOC_REMOVE:
		fill_remove(p);
		break;
	case STACQ_IOC_SET_CAPACITY:
		fill_capacity(p);
		break;
	case STACQ_IOC_SET_LIMITS:
		fill_limits(p);
		break;
	case STACQ_IOC_PEEK:
		fill_peek(p, addr);
		break;
	case STACQ_IOC_PURGE:
		memset(p, 0, sizeof(struct stacq_purge));
		((struct stacq_purge *)p)->flags = mostly_zero();
		((struct stacq_purge *)p)->reserved = mostly_zero();
		break;
	case STACQ_IOC_SET_MODE:
		fill_mode(p);
		break;
	case STACQ_IOC_ACK:
	case STACQ_IOC_GIVE_BACK:
	case STACQ_IOC_EXTEND:
		fill_settlement(p);
		break;
	case STACQ_IOC_SET_DELIVERY:
		fill_delivery(p);
		break;
	case STACQ_IOC_MOVE:
		fill_move(p);
		break;
	case STACQ_IOC_READ:
	case STACQ_IOC_WRITE:
		fill_transfer(p);
		break;
	case STACQ_IOC_NOTIFY:
		fill_notice(p);
		break;
	}
}

static bool name_is_valid(const char *name)
{
	size_t n = strnlen(name, STACQ_NAME_SIZE);

	return n > 0 && n < STACQ_NAME_SIZE && name[0] != '.' && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789._-") == n;
}

static bool is_one_of(const char *name, const char *a, const char *b, const char *c)
{
	return !strcmp(name, a) || !strcmp(name, b) || !strcmp(name, c);
}

static void expect_delivery(struct expect *e, const struct stacq_delivery *d)
{
	if (d->set >= STACQ_SET_DEAD_LETTER << 1 ||
	    (d->set & STACQ_SET_FULL && d->full > STACQ_FULL_DROP_NEWEST) ||
	    (d->set & STACQ_SET_LEASE_MS && d->lease_ms > INT_MAX) ||
	    (d->set & STACQ_SET_TTL_MS && d->ttl_ms > INT_MAX) ||
	    (d->set & STACQ_SET_MAX_DELIVERIES && d->max_deliveries > STACQ_MAX_DELIVERIES))
		MUST(e, EINVAL);
	/* What the file is depends on who was quicker. */
	if (d->set & STACQ_SET_DEAD_LETTER && d->dead_letter != -1)
		MAY(e, EBADF, EINVAL, EIDRM);
}

static void expect_move(struct expect *e, const struct stacq_move *m)
{
	if (m->flags)
		MUST(e, EINVAL);
	MAY(e, EBADF, EINVAL, EIDRM, EAGAIN, EINTR, EMSGSIZE, ENOMEM, EPIPE, ENOSPC);
}

static void expect_create(struct expect *e, const struct stacq_create *c)
{
	if (!name_is_valid(c->name) || c->order > STACQ_PRIORITY || c->flags ||
	    c->reserved || c->mode & ~0777u)
		MUST(e, EINVAL);
	if (c->max_msgs == STACQ_UNCHANGED ? c->capacity > 1 :
	    c->max_msgs && c->capacity > c->max_msgs)
		MAY(e, EINVAL);
	if (c->max_msgs != STACQ_UNCHANGED && c->max_msgs &&
	    c->capacity > c->max_msgs)
		e->fails = true;
	if (!strcmp(c->name, "control") ||
	    is_one_of(c->name, KEEP, CHECK_FIFO, CHECK_LIFO))
		MUST(e, EEXIST);
	MAY(e, EEXIST, ENOSPC, ENOMEM);
	expect_delivery(e, &c->delivery);
	if (!ROOTS(me->id))
		MAY(e, EPERM);
}

static void expect_remove(struct expect *e, const struct stacq_remove *r)
{
	if (!name_is_valid(r->name) || r->flags || r->reserved)
		MUST(e, EINVAL);
	if (!strcmp(r->name, "control"))
		MUST(e, ENOENT);
	MAY(e, ENOENT);
}

static void expect_owner(struct expect *e, int place)
{
	if (ROOTS(me->id))
		return;
	MAY(e, EPERM);
	if (strict(place))
		e->fails = true;
}

static void expect_capacity(struct expect *e, const struct stacq_capacity *c)
{
	if (c->flags || c->reserved || !c->capacity)
		MUST(e, EINVAL);
	if (c->capacity > 1)
		MAY(e, EINVAL);
	MAY(e, EBUSY, ENOMEM);
}

static void expect_peek(struct expect *e, const struct stacq_peek *p)
{
	if (p->flags > STACQ_PEEK_LEASED || p->reserved || p->reserved2 ||
	    (p->flags && (p->position || p->buf_len)))
		MUST(e, EINVAL);
	/* How much of the buffer is written depends on the message. */
	if (access_to(p->buf, p->buf_len, true) != FINE ||
	    !user_address(p->buf, p->buf_len))
		MAY(e, EFAULT);
	MAY(e, ENOMSG, ENOMEM);
}

union argument {
	struct stacq_create create;
	struct stacq_remove remove;
	struct stacq_info info;
	struct stacq_capacity capacity;
	struct stacq_limits limits;
	struct stacq_peek peek;
	struct stacq_purge purge;
	struct stacq_mode mode;
	struct stacq_settlement settlement;
	struct stacq_delivery delivery;
	struct stacq_transfer transfer;
	struct stacq_notice notice;
	struct stacq_move move;
	unsigned char bytes[512];
};

/* Nobody here holds anything under lease: of an id it depends on what was sent. */
static void expect_settlement(struct expect *e, unsigned int cmd,
			      const struct stacq_settlement *s)
{
	bool all = s->flags & STACQ_SETTLE_ALL;

	if (s->flags & ~7u || s->reserved || (all && (s->id || s->flags & STACQ_SETTLE_UP_TO)) ||
	    (s->flags & STACQ_SETTLE_TO_BACK && cmd != STACQ_IOC_GIVE_BACK))
		MUST(e, EINVAL);
	if (all && !(s->flags & STACQ_SETTLE_TO_BACK))
		return;
	MAY(e, EINVAL);	/* of a stack, or never was */
	if (!all) {
		MAY(e, ESTALE);
		e->fails = true;
	}
}

static void expect_transfer(struct expect *e, unsigned int cmd, const struct stacq_transfer *t)
{
	bool write = cmd == STACQ_IOC_WRITE;
	enum access access = access_to(t->buf, t->len, !write);

	MAY(e, EAGAIN, EINTR, ETIMEDOUT);
	if (t->flags || t->reserved || t->len > SSIZE_MAX)
		MUST(e, EINVAL);
	if (access != FINE || !user_address(t->buf, t->len))
		MAY(e, EFAULT);
	if (write)
		MAY(e, EMSGSIZE, ENOMEM, ENOSPC, EPIPE);
	if (write && ((t->len && access == FAULTS) || t->len >= LONGEST))
		e->fails = true;
}

static void expect_notice(struct expect *e, int place, const struct stacq_notice *n)
{
	if (n->events > 15 || n->flags || n->reserved ||
	    !(n->events & STACQ_NOTICE_DEPTH) != !n->depth)
		MUST(e, EINVAL);
	if ((n->events & (STACQ_NOTICE_NOT_EMPTY | STACQ_NOTICE_DEPTH) && mode_of(place) == O_WRONLY) ||
	    (n->events & STACQ_NOTICE_NOT_FULL && mode_of(place) == O_RDONLY))
		MUST(e, EBADF);
	if (n->fd != NOTICE_FD && n->fd != NOTICE_FD + 1)
		MUST(e, EBADF, EINVAL);
	MAY(e, ENOENT, ENOSPC, ENOMEM);
}

/* What the fields say. */
static void expect_fields(struct expect *e, const struct request *r, int place,
			  const union argument *a)
{
	switch (r->cmd) {
	case STACQ_IOC_CREATE:
		expect_create(e, &a->create);
		break;
	case STACQ_IOC_REMOVE:
		expect_remove(e, &a->remove);
		break;
	case STACQ_IOC_SET_CAPACITY:
		expect_capacity(e, &a->capacity);
		expect_owner(e, place);
		break;
	case STACQ_IOC_SET_LIMITS:
		if (a->limits.flags || a->limits.reserved)
			MUST(e, EINVAL);
		expect_owner(e, place);
		break;
	case STACQ_IOC_PEEK:
		expect_peek(e, &a->peek);
		break;
	case STACQ_IOC_PURGE:
		if (a->purge.flags || a->purge.reserved)
			MUST(e, EINVAL);
		break;
	case STACQ_IOC_SET_MODE:
		if (a->mode.flags & ~STACQ_MODE_FRAMED || a->mode.priority > STACQ_PRIORITY_MAX ||
		    a->mode.max_inflight || a->mode.reserved)
			MUST(e, EINVAL);
		MAY(e, EBUSY, EINTR);
		break;
	case STACQ_IOC_ACK:
	case STACQ_IOC_GIVE_BACK:
	case STACQ_IOC_EXTEND:
		expect_settlement(e, r->cmd, &a->settlement);
		break;
	case STACQ_IOC_SET_DELIVERY:
		expect_delivery(e, &a->delivery);
		expect_owner(e, place);
		break;
	case STACQ_IOC_MOVE:
		expect_move(e, &a->move);
		break;
	case STACQ_IOC_READ:
	case STACQ_IOC_WRITE:
		expect_transfer(e, r->cmd, &a->transfer);
		break;
	case STACQ_IOC_NOTIFY:
		expect_notice(e, place, &a->notice);
		break;
	}
}

static bool all_zero(const unsigned char *p, size_t n)
{
	for (; n; n--)
		if (*p++)
			return false;
	return true;
}

/* The part that this module does not know must be zero. */
static void expect_tail(struct expect *e, const struct request *r, uint64_t addr,
			unsigned int size)
{
	static unsigned char tail[1 << 14];

	if (size <= r->known)
		return;
	if (!look(addr + r->known, size - r->known, tail))
		MAY(e, E2BIG);
	else if (!all_zero(tail, size - r->known))
		MUST(e, E2BIG);
}

static void expect_struct(struct expect *e, const struct request *r, int place,
			  uint64_t addr, unsigned int size)
{
	union argument a = { 0 };

	if (size < r->least)
		MUST(e, EINVAL);
	if (r->in)
		expect_memory(e, addr, size, false);
	if (r->out)
		expect_memory(e, addr, size, true);
	if (!r->in)
		return;
	/* What an older program does not have is zero. */
	if (look(addr, size < r->least ? r->least : size < r->known ? size : r->known, &a)) {
		expect_tail(e, r, addr, size);
		expect_fields(e, r, place, &a);
	} else {
		/* Any of its errors. */
		MAY(e, EINVAL, E2BIG, EFAULT, EEXIST, ENOSPC, ENOMEM, ENOENT, EPERM,
		    EBUSY, ENOMSG, EINTR, ESTALE, EAGAIN, ETIMEDOUT, EMSGSIZE, EPIPE, EBADF, EIDRM);
	}
}

static struct expect expect_ioctl(int place, unsigned int cmd, uint64_t arg)
{
	const struct request *r = known(cmd);
	struct expect e = expect_file(place);

	if (!r || r->kind != kind_of(place)) {
		MUST(&e, ENOTTY);
		return e;
	}
	if ((r->reads && mode_of(place) == O_WRONLY) ||
	    (r->writes && mode_of(place) == O_RDONLY)) {
		MUST(&e, EBADF);
		return e;
	}
	if (r->least)
		expect_struct(&e, r, place, arg, _IOC_SIZE(cmd));
	else if (arg)
		MUST(&e, EINVAL);
	return e;
}

void check_info(const struct stacq_info *i, bool whole)
{
	size_t used = strnlen(i->name, sizeof(i->name));

	HOLDS(used && used < sizeof(i->name));
	HOLDS(all_zero((void *)i->name + used, sizeof(i->name) - used));
	HOLDS(i->abi_version == STACQ_ABI_VERSION);
	HOLDS(i->order <= STACQ_PRIORITY);
	HOLDS(!(i->state & ~STACQ_STATE_SEALED) && !i->reserved);
	HOLDS(i->depth + i->held + i->inflight + i->dead <= i->capacity);
	HOLDS(i->depth + i->held + i->dead <= i->high_water);
	HOLDS(!whole || i->sent == i->received + i->discarded + i->depth + i->held + i->expired +
				    i->exhausted + i->dropped_oldest);
	HOLDS(i->dead_lettered + i->dead <= i->expired + i->exhausted);
	HOLDS(i->full <= STACQ_FULL_DROP_NEWEST && memchr(i->dead_letter, 0, STACQ_NAME_SIZE));
	HOLDS(i->bytes >= i->depth && i->held_bytes >= i->held);
	HOLDS(i->readers_waiting + i->writers_waiting <= 2 * MOST_PROCESSES);
}

/* Is the buffer, with what is poisoned around it, apart from the structure? */
static bool buffer_apart(const struct stacq_peek *p, uint64_t addr, uint64_t size)
{
	uint64_t from, to;

	if (!seen_at(p->buf, 1))
		return false;
	poisoned(p->buf, p->buf_len, &from, &to);
	return to <= addr || from >= addr + size + 2 * MARGIN + sizeof(*p);
}

/* @asked is the structure before the call, @p after. */
static void check_peek(const struct stacq_peek *asked, const struct stacq_peek *p,
		       uint64_t addr, uint64_t size)
{
	uint64_t n = p->len < asked->buf_len ? p->len : asked->buf_len;

	HOLDS(p->flags == asked->flags && !p->reserved);
	HOLDS(p->priority <= STACQ_PRIORITY_MAX);
	HOLDS(p->buf == asked->buf && p->buf_len == asked->buf_len);
	HOLDS(p->len && p->len < LONGEST && p->seq && p->sent_ns);
	HOLDS(p->deliveries <= 255);
	if (p->flags & STACQ_PEEK_HELD)
		HOLDS(p->position < p->len);
	else
		HOLDS(p->position == asked->position);
	if (n && access_to(asked->buf, n, true) == FAULTS)
		BROKEN("peek wrote to memory that is not there");
	if (buffer_apart(asked, addr, size))
		check_poison(asked->buf, asked->buf_len, n);
}

static void prepare_buffer(const struct request *r, uint64_t addr, uint64_t size)
{
	struct stacq_peek p = { 0 };

	/* (what the oldest programs know says where it is, and the rest may not be there) */
	if (r->cmd == STACQ_IOC_PEEK && look(addr, STACQ_PEEK_SIZE_VER0, &p) &&
	    buffer_apart(&p, addr, size))
		lay_poison(p.buf, p.buf_len);
}

static void check_answer(const struct request *r, const union argument *asked,
			 const union argument *a, uint64_t addr, uint64_t size)
{
	struct stacq_info info = { 0 };

	switch (r->cmd) {
	case STACQ_IOC_INFO:
		memcpy(&info, &a->info, size < sizeof(info) ? size : sizeof(info));
		check_info(&info, size >= sizeof(info));
		break;
	case STACQ_IOC_SET_CAPACITY:
		HOLDS(a->capacity.previous >= 1);
		HOLDS(a->capacity.capacity == asked->capacity.capacity);
		HOLDS(!a->capacity.flags && !a->capacity.reserved);
		break;
	case STACQ_IOC_PEEK:
		check_peek(&asked->peek, &a->peek, addr, size);
		break;
	case STACQ_IOC_PURGE:
		HOLDS(!a->purge.flags && !a->purge.reserved);
		HOLDS(a->purge.discarded < 1ull << 40);
		break;
	case STACQ_IOC_MOVE:
		HOLDS(a->move.to == asked->move.to && a->move.most == asked->move.most);
		HOLDS(!a->move.most || a->move.moved <= a->move.most);
		break;
	case STACQ_IOC_ACK:
	case STACQ_IOC_GIVE_BACK:
	case STACQ_IOC_EXTEND:
		/* Nobody here leases. */
		HOLDS(a->settlement.count == 0 && a->settlement.id == asked->settlement.id);
		break;
	}
}

/*
 * An ioctl with a structure at @addr, which is there already: its result, the
 * answer, and that nothing else was written.
 */
static void structure_call(const struct request *r, int place, unsigned int cmd,
			   uint64_t addr)
{
	struct expect e = expect_ioctl(place, cmd, addr);
	uint64_t size = _IOC_SIZE(cmd);
	const uint64_t around = sizeof(union argument) + MARGIN;
	unsigned char before[sizeof(union argument) + MARGIN];
	unsigned char *p = seen_at(addr, around);
	bool steady;
	struct stacq_transfer t;
	long result;

	/* A queue's buffer may be where the structure's neighbours are. */
	steady = p && region_at(addr) && !region_at(addr)->scribbled;
	prepare_buffer(r, addr, size);
	/* What is received may go over the structure, or one page may be mapped twice. */
	if (r->cmd == STACQ_IOC_READ)
		steady &= look(addr, sizeof(t), &t) && !t.len;
	if (p)
		memcpy(before, p, around);
	result = CALL(&e, r->name, FD(place), cmd, addr, size,
		      ioctl(FD(place), cmd, addr));
	if (!steady)
		return;
	if (result == 0 && r->out && size >= r->least) {
		check_answer(r, (void *)before, (void *)p, addr, size);
		/* What it does not know of a larger one is zero now. */
		if (size < around) {
			HOLDS(size <= r->known || all_zero(p + r->known, size - r->known));
			if (r->cmd != STACQ_IOC_PEEK)
				HOLDS(!memcmp(p + size, before + size,
					      around - size));
		}
	} else if (result == 0 || me->log[(me->calls - 1) % KEPT].error != EFAULT) {
		if (memcmp(p, before, around))
			BROKEN("%s has written to its argument", r->name);
	}
}

static unsigned int pick_size(const struct request *r)
{
	const unsigned int some[] = {
		0, 1, 4, 8, r->least - 8, r->least - 1, r->least, r->least + 1, r->least + 8,
		r->known - 1, r->known + 8, r->known + 64, 4095, 4096, 8192, 16383, below(16384),
	};

	return one_in(3) ? ANY_OF(some) & _IOC_SIZEMASK : r->known;
}

static void structure_step(const struct request *r, int place)
{
	unsigned int size = pick_size(r);
	uint64_t addr = pick_address(size < 512 ? 512 : size);
	unsigned char *p = seen_at(addr, size);
	unsigned int cmd = _IOC(_IOC_DIR(r->cmd), _IOC_TYPE(r->cmd),
				_IOC_NR(r->cmd), size);

	/* Mostly zero behind the structure, as it must be. */
	if (p && below(4))
		memset(p, 0, size);
	else if (p && below(2))
		memset(p + size / 2, 1, size - size / 2);
	fill_struct(r, addr);
	structure_call(r, place, cmd, addr);
}

void step_ioctl(void)
{
	const struct request *r = &requests[2 + below(ARRAY_SIZE(requests) - 2)];
	int place = pick_place(QUEUE);
	uint64_t arg = one_in(6) ? next() : 0;
	struct expect e;

	if (r->least) {
		structure_step(r, place);
		return;
	}
	/* Sealed for a short while only, or little else would be tried. */
	if (r->cmd == STACQ_IOC_SEAL && below(3))
		return;
	e = expect_ioctl(place, r->cmd, arg);
	CALL(&e, r->name, FD(place), arg, 0, 0, ioctl(FD(place), r->cmd, arg));
	if (arg || below(4))
		return;
	e = expect_ioctl(place, STACQ_IOC_UNSEAL, 0);
	CALL(&e, "UNSEAL", FD(place), 0, 0, 0, ioctl(FD(place), STACQ_IOC_UNSEAL, 0));
}

void step_control(void)
{
	structure_step(&requests[below(2)], pick_place(CONTROL_FILE));
}

void step_fionread(void)
{
	int place = any_place();
	uint64_t addr = pick_address(sizeof(int));
	struct expect e = expect_file(place);
	int *seen = (int *)seen_at(addr, sizeof(int));
	long result;

	expect_memory(&e, addr, sizeof(int), true);
	if (kind_of(place) == QUEUE)
		expect_mode(&e, place, false);
	else if (kind_of(place) == CONTROL_FILE)
		MUST(&e, ENOTTY);
	else
		MAY(&e, ENOTTY);
	lay_poison(addr, sizeof(int));
	result = CALL(&e, "FIONREAD", FD(place), addr, 0, 0,
		      ioctl(FD(place), FIONREAD, addr));
	if (seen && !result && !region_at(addr)->scribbled)
		HOLDS(*seen >= 0);
	check_poison(addr, sizeof(int), result ? 0 : sizeof(int));
}

/* Numbers that are nobody's: wrong direction, type, or number. */
static unsigned int unknown_request(void)
{
	/* Types whose requests the kernel answers for any file. */
	static const unsigned char others[] = { 0, 'T', 'X', 'f', 0x94, 0x12, 0x15 };
	unsigned int dir = below(4), nr = below(256), size = one_in(3) ? below(16384) : 64;
	unsigned int type = one_in(3) ? below(256) : STACQ_IOC_MAGIC;

	if (below(2))
		nr = _IOC_NR(ANY_OF(requests).cmd);
	if (memchr(others, type, sizeof(others)))
		type = 0xbf;
	return _IOC(dir, type, nr, size);
}

void step_unknown_ioctl(void)
{
	int place = any_place();
	unsigned int cmd = unknown_request();
	uint64_t arg = one_in(2) ? next() : pick_address(64);
	struct expect e = expect_file(place);

	if (known(cmd))
		return;
	MUST(&e, ENOTTY);
	CALL(&e, "unknown ioctl", FD(place), cmd, arg, 0, ioctl(FD(place), cmd, arg));
}

/* Requests where they do not belong. */
void step_misplaced_ioctl(void)
{
	const struct request *r = &ANY_OF(requests);
	int place = any_place();

	if (r->kind != kind_of(place) && r->least)
		structure_step(r, place);
}
