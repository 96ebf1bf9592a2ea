// SPDX-License-Identifier: GPL-2.0
/* read, write, and their like */
#include <limits.h>
#include <sys/uio.h>

#include "parts.h"

struct expect expect_read(int place)
{
	struct expect e = expect_file(place);

	expect_mode(&e, place, false);
	switch (kind_of(place)) {
	case QUEUE:
		MAY(&e, EAGAIN, EINTR, ETIMEDOUT);
		break;
	case CONTROL_FILE:
		MUST(&e, EINVAL);
		break;
	case DOOR:
		MAY(&e, EINTR);
		break;
	case ATTRIBUTE:
		MAY(&e, EIO);	/* of the kernel: dev and uevent */
		break;
	}
	return e;
}

static struct expect expect_write(int place)
{
	struct expect e = expect_file(place);

	expect_mode(&e, place, true);
	switch (kind_of(place)) {
	case QUEUE:
	case DOOR:
		MAY(&e, EMSGSIZE, EAGAIN, ENOMEM, ENOSPC, EPIPE, EINTR, ETIMEDOUT);
		break;
	case CONTROL_FILE:
		MUST(&e, EINVAL);
		break;
	case ATTRIBUTE:
		MAY(&e, EINVAL, ERANGE, EPERM, EBUSY, ENOMEM, EIO);
		break;
	}
	return e;
}

/* What the kernel says of lengths before the module is asked. */
static void expect_length(struct expect *e, uint64_t len)
{
	if (len > SSIZE_MAX)
		MUST(e, EINVAL, EFAULT);
}

void check_read(uint64_t addr, uint64_t len, long n)
{
	uint64_t done = n > 0 ? n : 0;

	HOLDS(done <= len);
	if (done && access_to(addr, done, true) == FAULTS)
		BROKEN("read %ld bytes into memory that is not there", n);
	check_poison(addr, len, done);
}

void step_read(void)
{
	int place = any_place();
	uint64_t len = pick_length(), addr = pick_address(len);
	struct expect e = expect_read(place);

	expect_length(&e, len);
	expect_room(&e, addr, len);
	lay_poison(addr, len);
	check_read(addr, len, CALL(&e, "read", FD(place), addr, len, 0,
				   read(FD(place), (void *)addr, len)));
}

static void put_text(uint64_t addr, uint64_t *len)
{
	static const char *const texts[] = {
		"0", "1\n", "2", "10\n", "100", "300", "4096", "65536\n", "0x10",
		"-1", "18446744073709551615", "18446744073709551614",
		"18446744073709551616", "99999999999999999999999999", " 7", "7 ",
		"abc", "\n", "1e3", "+5", "07", "8 9", "\xff\xfe", "9223372036854775808",
	};
	const char *text = ANY_OF(texts);
	void *p = seen_at(addr, 64);

	*len = strlen(text) + one_in(8);
	if (p)
		strcpy(p, text);
}

void step_write(void)
{
	int place = any_place();
	uint64_t len = pick_length(), addr = pick_address(len);
	struct expect e = expect_write(place);
	long n;

	if (kind_of(place) == ATTRIBUTE && !one_in(4))
		put_text(addr, &len);
	expect_length(&e, len);
	if (len)
		expect_memory(&e, addr, len, false);
	else
		expect_room(&e, addr, len);
	if (kind_of(place) == ATTRIBUTE && len > PAGE)
		e.fails = false;	/* the kernel passes on a page of it */
	if (kind_of(place) == QUEUE && len >= LONGEST)
		e.fails = true;
	n = CALL(&e, "write", FD(place), addr, len, 0,
		 write(FD(place), (void *)addr, len));
	if (n >= 0 && kind_of(place) != ATTRIBUTE)
		HOLDS((uint64_t)n == len);
	HOLDS(n < 0 || (uint64_t)n <= len);
	if (n == -1 && kind_of(place) == QUEUE && len <= 1)
		HOLDS(me->log[(me->calls - 1) % KEPT].error != EMSGSIZE);
}

struct vector {
	struct iovec iov[16];
	int count;
	uint64_t sum;
	bool overflow;		/* the sum */
	bool all_user;
	enum access access;	/* to all of it */
	uint64_t sound;		/* bytes before the first that faults */
};

static void pick_vector(struct vector *v, bool write)
{
	*v = (struct vector){ .all_user = true };
	v->count = below(5) ? below(4) : below(17);
	for (int i = 0; i < v->count; i++) {
		uint64_t len = pick_length(), addr = pick_address(len);
		uint64_t sound;
		enum access a;

		if (i && one_in(4))	/* overlapping */
			addr = (uint64_t)v->iov[i - 1].iov_base + below(2) * 16;
		a = access_up_to(addr, len, !write, &sound);
		v->iov[i] = (struct iovec){ (void *)addr, len };
		v->all_user &= user_address(addr, len);
		if (len > SSIZE_MAX || v->sum + len > SSIZE_MAX)
			v->overflow = true;
		if (v->access != FAULTS)
			v->sound += sound;
		if (a > v->access)
			v->access = a;
		v->sum += len;
	}
}

static void expect_vector(struct expect *e, const struct vector *v)
{
	if (v->overflow)
		MUST(e, EINVAL, EFAULT);
	if (v->access != FINE || !v->all_user)
		MAY(e, EFAULT);
}

/* preadv2 and pwritev2 with flags; -1 stands for no position. */
static int pick_rwf(struct expect *e, int place, uint64_t len, long *position)
{
	static const int flags[] = {
		0, 0, 0, RWF_NOWAIT, RWF_NOWAIT, RWF_HIPRI, RWF_SYNC, RWF_DSYNC,
		RWF_APPEND, RWF_NOWAIT | RWF_APPEND, 0x1000, 0x8000, -1,
	};
	int rwf = ANY_OF(flags);

	*position = one_in(4) ? (long)below(100) : -1;
	if (*position >= 0)
		MAY(e, ESPIPE);
	if (*position >= 0 && kind_of(place) != ATTRIBUTE)
		e->fails = true;
	if (rwf)
		MAY(e, EOPNOTSUPP, EINVAL);
	if (rwf & RWF_NOWAIT)
		MAY(e, EAGAIN);
	if (rwf & ~0xff && len)
		e->fails = true;
	return rwf;
}

static long vector_call(int place, bool write, const struct vector *v,
			const struct iovec *iov, int count, struct expect *e)
{
	long position;
	int rwf;

	if (below(2))
		return CALL(e, write ? "writev" : "readv", FD(place),
			    v->iov[0].iov_base, count, v->sum,
			    write ? writev(FD(place), iov, count) :
				    readv(FD(place), iov, count));
	rwf = pick_rwf(e, place, v->sum, &position);
	return CALL(e, write ? "pwritev2" : "preadv2", FD(place),
		    v->iov[0].iov_base, v->sum, rwf,
		    write ? pwritev2(FD(place), iov, count, position, rwf) :
			    preadv2(FD(place), iov, count, position, rwf));
}

void step_vector(void)
{
	bool write = below(2);
	int place = any_place();
	struct expect e = write ? expect_write(place) : expect_read(place);
	struct vector v;
	long n;

	pick_vector(&v, write);
	expect_vector(&e, &v);
	if (write && v.access == FAULTS && kind_of(place) == QUEUE)
		e.fails = true;
	if (write && v.sum >= LONGEST && kind_of(place) == QUEUE) {
		e.fails = true;
		MAY(&e, EMSGSIZE);
	}
	n = vector_call(place, write, &v, v.iov, v.count, &e);
	if (n < 0)
		return;
	HOLDS((uint64_t)n <= v.sum);
	/* Elsewhere the kernel makes a call of each part. */
	if (write && kind_of(place) == QUEUE)
		HOLDS((uint64_t)n == v.sum);
	HOLDS((uint64_t)n <= v.sound);
}

/* The array itself in bad memory, or of an absurd length. */
void step_bad_vector(void)
{
	static const int counts[] = { -1, INT_MIN, INT_MAX, 1025, 1024, 1 };
	bool write = below(2);
	int place = any_place(), count = ANY_OF(counts);
	struct expect e = write ? expect_write(place) : expect_read(place);
	struct vector v = { 0 };

	MUST(&e, EFAULT, EINVAL);
	vector_call(place, write, &v, (struct iovec *)bad_address(), count, &e);
}

void step_positioned(void)
{
	int place = pick_place(QUEUE);
	uint64_t len = pick_length(), addr = pick_address(len);
	struct expect e = expect_file(place);

	MUST(&e, ESPIPE, EINVAL);
	if (below(2))
		CALL(&e, "pread", FD(place), addr, len, 0,
		     pread(FD(place), (void *)addr, len, below(2)));
	else
		CALL(&e, "pwrite", FD(place), addr, len, 0,
		     pwrite(FD(place), (void *)addr, len, below(2)));
}
