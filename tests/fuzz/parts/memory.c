// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parts.h"

/*
 * Memory. All of it is one file, mapped twice: at MEMORY, with holes, as the
 * calls see it; and whole at ALIAS, where the fuzzer prepares and looks.
 */

#define AT(page, pages)							\
	.start = MEMORY + (page) * PAGE,				\
	.end = MEMORY + ((page) + (pages)) * PAGE

/* What is not in here is not mapped. */
const struct region regions[NR_REGIONS] = {
	[STABLE]	= { AT(0, 16), true, true, false, false },
	[READ_ONLY]	= { AT(20, 2), true, false, false, false },
	[CLOSED]	= { AT(22, 1), false, false, false, false },
	[FLIPPING]	= { AT(24, 16), true, true, true, false },
	[SCRIBBLED]	= { AT(44, 1), true, true, false, true },
	[LARGE]		= { AT(48, 258), true, true, false, false },
	[PAST_END]	= { AT(PAGES, 2), false, false, false, false },
	[ZERO]		= { ZEROS, ZEROS + (4ul << 30), true, false, false, false },
};

/* Behind the last address that a program can have; user-mode Linux has less, and not always the same. */
#define USER_END	0x7ffffffff000ul
#define USER_MIDDLE	(1ul << 46)
static uint64_t user_end = USER_END;

__attribute__((constructor)) static void find_the_end(void)
{
	void *p = mmap((void *)USER_MIDDLE, PAGE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED)
		user_end = regions[ZERO].end;
	else
		munmap(p, PAGE);
}

static void move_stacks(const char *how)
{
	const char *file = "/proc/sys/kernel/randomize_va_space";
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, how, 1) != 1) {
		perror(file);
		abort();
	}
	close(fd);
}

/*
 * The last address is one of the bad ones, so nothing may be there. Where stacks
 * are not moved (vm/run says norandmaps) ours is: then begin again with one that is.
 */
__attribute__((constructor)) static void leave_the_end_alone(int argc, char **argv)
{
	const char *moved = "STACQ_FUZZ_MOVED";
	unsigned char seen;

	(void)argc;
	if (getenv(moved)) {
		move_stacks("0");
		unsetenv(moved);
	} else if (!mincore((void *)(USER_END - PAGE), PAGE, &seen)) {
		setenv(moved, "1", 1);
		move_stacks("2");
		execv("/proc/self/exe", argv);
		abort();
	}
}

const struct region *region_at(uint64_t addr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(regions); i++)
		if (addr >= regions[i].start && addr < regions[i].end)
			return &regions[i];
	return NULL;
}

/* @sound is set to the number of bytes before the first that faults for sure. */
enum access access_up_to(uint64_t addr, uint64_t len, bool write, uint64_t *sound)
{
	enum access a = FINE;

	for (*sound = 0; *sound < len;) {
		const struct region *r = region_at(addr);

		if (!r || !(write ? r->writable : r->readable))
			return FAULTS;
		if (r->flips)
			a = MAY_FAULT;
		*sound += r->end - addr;
		addr = r->end;
	}
	*sound = len;
	return a;
}

enum access access_to(uint64_t addr, uint64_t len, bool write)
{
	uint64_t sound;

	return access_up_to(addr, len, write, &sound);
}

/* A length of 0 touches nothing, but the kernel may look at the address. */
bool user_address(uint64_t addr, uint64_t len)
{
	return addr < user_end && len < user_end - addr;
}

void expect_memory(struct expect *e, uint64_t addr, uint64_t len, bool write)
{
	enum access a = access_to(addr, len, write);

	if (a != FINE || !user_address(addr, len))
		MAY(e, EFAULT);
	if (a == FAULTS)
		MUST(e, EFAULT);
}

/* A read of a shorter message touches its length only. */
void expect_room(struct expect *e, uint64_t addr, uint64_t len)
{
	if (access_to(addr, len, true) != FINE || !user_address(addr, len))
		MAY(e, EFAULT);
}

/* Where the bytes at @addr can be seen; NULL if not all are in the file. */
unsigned char *seen_at(uint64_t addr, uint64_t len)
{
	if (addr < MEMORY || len > PAGES * PAGE ||
	    addr - MEMORY > PAGES * PAGE - len)
		return NULL;
	return (unsigned char *)(addr - MEMORY + ALIAS);
}

/* Copy what is at @addr; false if that can't be told. */
bool look(uint64_t addr, uint64_t len, void *to)
{
	const struct region *r = region_at(addr);
	const unsigned char *p = seen_at(addr, len);

	memset(to, 0, len);
	if (!r || r->scribbled || access_to(addr, len, false) == FAULTS)
		return false;
	if (p)
		memcpy(to, p, len);
	return p || r == &regions[ZERO];
}

static unsigned char poison[2 * MARGIN + POISONED];

/* The bytes that are poisoned around a buffer: the part in the file. */
void poisoned(uint64_t addr, uint64_t len, uint64_t *from, uint64_t *to)
{
	uint64_t last = MEMORY + PAGES * PAGE;

	*from = addr - MEMORY < MARGIN ? MEMORY : addr - MARGIN;
	*to = addr + (len < POISONED ? len + MARGIN : POISONED);
	if (*to > last)
		*to = last;
}

void lay_poison(uint64_t addr, uint64_t len)
{
	uint64_t from, to;

	if (!seen_at(addr, 1))
		return;
	poisoned(addr, len, &from, &to);
	memset(seen_at(from, to - from), POISON, to - from);
}

static void still_poison(uint64_t from, uint64_t to)
{
	if (from >= to || (to > regions[SCRIBBLED].start && from < regions[SCRIBBLED].end))
		return;
	if (memcmp(seen_at(from, to - from), poison, to - from))
		BROKEN("bytes were written in %#llx to %#llx",
		       (unsigned long long)from, (unsigned long long)to);
}

/* After a call on @len bytes: only the first @done have been written to. */
void check_poison(uint64_t addr, uint64_t len, uint64_t done)
{
	uint64_t from, to;

	if (!seen_at(addr, 1))
		return;
	/* A copy that faulted in the middle has written something. */
	if (access_to(addr, len, true) != FINE)
		done = len;
	poisoned(addr, len, &from, &to);
	still_poison(from, addr);
	if (done < to - addr)
		still_poison(addr + done, to);
}

void map_at(uint64_t addr, uint64_t len, int prot, int flags, int fd,
		   uint64_t offset)
{
	void *p = mmap((void *)addr, len, prot, flags | MAP_FIXED, fd, offset);

	if (p == MAP_FAILED)
		FAIL("mmap: %s", strerrorname_np(errno));
}

void make_memory(void)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	ASSERT_OK(fd);
	ASSERT_OK(dup2(fd, MEMORY_FD));
	close(fd);
	ASSERT_OK(ftruncate(MEMORY_FD, PAGES * PAGE));
	memset(poison, POISON, sizeof(poison));
	map_at(ALIAS, PAGES * PAGE, PROT_READ | PROT_WRITE,
	       MAP_SHARED | MAP_POPULATE, MEMORY_FD, 0);
	for (unsigned int i = 0; i < ZERO; i++) {
		const struct region *r = &regions[i];
		int prot = (r->readable ? PROT_READ : 0) |
			   (r->writable ? PROT_WRITE : 0);

		if (i == PAST_END)
			prot = PROT_READ | PROT_WRITE;
		map_at(r->start, r->end - r->start, prot,
		       MAP_SHARED | MAP_POPULATE, MEMORY_FD, r->start - MEMORY);
	}
	map_at(regions[ZERO].start, regions[ZERO].end - regions[ZERO].start,
	       PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_OK(mlock((void *)regions[STABLE].start, 16 * PAGE));
}

uint64_t address_in(int region, uint64_t len)
{
	uint64_t size = regions[region].end - regions[region].start;

	if (len > size)
		len = size;
	return regions[region].start + next() % (size - len + 1);
}

uint64_t bad_address(void)
{
	static const uint64_t bad[] = {
		0, 1, 8, PAGE, USER_END - 1, USER_END,
		0x800000000000, 1ul << 63, 0xffff888000001000, 0xffff888000000ff0,
		0xffffffff81000000, 0xffffc90000000000, 0xffffffffff600000, -1, -8,
		-PAGE, INT_MAX, MEMORY + 17 * PAGE, MEMORY + 42 * PAGE,
	};

	return ANY_OF(bad);
}

uint64_t pick_address(uint64_t len)
{
	unsigned int n = below(100);

	if (n < 52)
		return address_in(STABLE, len < POISONED ? len : POISONED);
	if (n < 66)
		return address_in(FLIPPING, len);
	if (n < 72)	/* into the hole */
		return regions[STABLE].end - below(len < PAGE ? len + 1 : PAGE);
	if (n < 76)	/* from what is there to what may not be */
		return regions[FLIPPING].end - below(2 * PAGE);
	if (n < 80)
		return address_in(READ_ONLY, len);
	if (n < 82)
		return address_in(CLOSED, len);
	if (n < 84)
		return address_in(PAST_END, len);
	if (n < 87)
		return address_in(SCRIBBLED, len);
	if (n < 90)
		return address_in(LARGE, len);
	if (n < 92)
		return address_in(ZERO, len);
	return bad_address();
}

uint64_t pick_length(void)
{
	static const uint64_t usual[] = {
		0, 1, 2, 7, 8, 63, 64, 65, 100, 500, 1023, 1024, 1025, 2048,
	};
	static const uint64_t large[] = {
		4095, 4096, 4097, 8192, 65535, 65536, 65537, 1 << 20,
		(1 << 20) + 1,
	};
	static const uint64_t absurd[] = {
		INT_MAX - 4095, INT_MAX - 4096, INT_MAX, UINT_MAX, 1ul << 32,
		SSIZE_MAX, SSIZE_MAX + 1ul, -1ul, -4096ul, MEMORY,
	};

	switch (below(16)) {
	case 0:
		return ANY_OF(large);
	case 1:
		return ANY_OF(absurd);
	case 2 ... 5:
		return 1 + below(2000);
	}
	return ANY_OF(usual);
}
