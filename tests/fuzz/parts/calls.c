// SPDX-License-Identifier: GPL-2.0
/* Chance, what is called, and what a call may return: see parts.h. */
#include "parts.h"

/*
 * Chance: each step has a stream of its own.
 */

uint64_t seed;
__thread uint64_t chance;

uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

uint64_t next(void)
{
	return mix(chance += 0x9e3779b97f4a7c15ull);
}

unsigned int below(unsigned int n)
{
	return next() % n;
}

bool one_in(unsigned int n)
{
	return !below(n);
}

/*
 * What was called, for the report and for the comparison of two runs
 */

struct fuzzer *fuzzers, *me;
unsigned int processes;
unsigned long long steps;
int log_fd = -1;
bool in_loop;

static void print_call(const struct fuzzer *f, const struct call *c)
{
	char result[64] = "has not returned";

	if (c->returned && c->result == -1)
		snprintf(result, sizeof(result), "= %s",
			 strerrorname_np(c->error) ?: "?");
	else if (c->returned)
		snprintf(result, sizeof(result), "= %ld", c->result);
	test_note("process %u: %s(%d, %#llx, %#llx, %#llx) %s", f->id, c->name,
		  c->fd, (unsigned long long)c->arg[0],
		  (unsigned long long)c->arg[1],
		  (unsigned long long)c->arg[2], result);
}

void print_last(const struct fuzzer *f, unsigned int n)
{
	for (; n; n--)
		if (f->calls >= n)
			print_call(f, &f->log[(f->calls - n) % KEPT]);
}

struct call *call_begins(const char *name, int fd, uint64_t a, uint64_t b,
			  uint64_t c)
{
	struct call *call = &me->log[me->calls++ % KEPT];

	*call = (struct call){ .name = name, .fd = fd, .arg = { a, b, c } };
	for (const char *p = name; *p && !in_loop; p++)
		me->hash = mix(me->hash + *p);
	for (int i = 0; i < 3 && !in_loop; i++)
		me->hash = mix(me->hash + call->arg[i]);
	if (log_fd >= 0)
		dprintf(log_fd, "<4>fuzz %u.%llu: %s(%d, %#llx, %#llx, %#llx)\n",
			me->id, me->calls, name, fd, (unsigned long long)a,
			(unsigned long long)b, (unsigned long long)c);
	errno = 0;
	return call;
}

/*
 * What a call may return
 */

void allow(struct expect *e, const int *errors)
{
	for (; *errors; errors++)
		e->errors[*errors / 64] |= 1ull << *errors % 64;
}

long call_returns(struct call *c, const struct expect *e, long result)
{
	c->error = errno;
	c->result = result;
	c->returned = true;
	if (result == -1) {
		if (c->error <= 0 || c->error >= 192 ||
		    !(e->errors[c->error / 64] & 1ull << c->error % 64))
			BROKEN("%s: an error that is not in abi.md: %d",
			       c->name, c->error);
	} else if (result < 0) {
		BROKEN("%s returned %ld", c->name, result);
	} else if (e->fails) {
		BROKEN("%s succeeded, but must not", c->name);
	} else {
		me->went_well++;
	}
	return result;
}
