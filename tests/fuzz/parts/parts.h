/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the fuzzer know of each other. What it does: fuzz.c. */
#ifndef STACQ_FUZZ_PARTS_H
#define STACQ_FUZZ_PARTS_H

#include <stdint.h>

#include "common.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MOST_PROCESSES	8
#define ROOTS(id)	((id) % 4 < 2)	/* which processes stay root */

/*
 * calls.c: chance. Each step has a stream of its own.
 */

extern uint64_t seed;
extern __thread uint64_t chance;

uint64_t mix(uint64_t x);
uint64_t next(void);
unsigned int below(unsigned int n);
bool one_in(unsigned int n);
#define ANY_OF(array)	((array)[below(ARRAY_SIZE(array))])

/*
 * calls.c: what was called, for the report and for the comparison of two runs
 */

#define KEPT	48

struct call {
	const char *name;
	int fd;
	uint64_t arg[3];
	long result;
	int error;
	bool returned;
};

/* A process; shared with the parent. */
struct fuzzer {
	unsigned int id;
	unsigned long long calls, went_well, hash;
	struct call log[KEPT];
};

extern struct fuzzer *fuzzers, *me;
extern unsigned int processes;
extern unsigned long long steps;	/* of each */
extern int log_fd;
extern bool in_loop;	/* calls that depend on results are not hashed */

void print_last(const struct fuzzer *f, unsigned int n);

#define BROKEN(...) do {						\
	print_last(me, 16);						\
	FAIL(__VA_ARGS__);						\
} while (0)

#define HOLDS(condition) do {						\
	if (!(condition))						\
		BROKEN("%s does not hold", #condition);			\
} while (0)

/*
 * calls.c: what a call may return
 */

struct expect {
	uint64_t errors[3];	/* one bit for each that is allowed */
	bool fails;		/* it can't succeed */
};

void allow(struct expect *e, const int *errors);
#define MAY(e, ...) allow(e, (const int[]){ __VA_ARGS__, 0 })
#define MUST(e, ...) do { MAY(e, __VA_ARGS__); (e)->fails = true; } while (0)

struct call *call_begins(const char *name, int fd, uint64_t a, uint64_t b, uint64_t c);
long call_returns(struct call *c, const struct expect *e, long result);

/* Make a call: what it may return; name and up to three arguments for the log. */
#define CALL(e, name, fd, a, b, c, made) ({				\
	struct call *begun_ = call_begins(name, fd, (uint64_t)(a),	\
					  (uint64_t)(b), (uint64_t)(c));	\
	call_returns(begun_, e, (long)(made));				\
})

/*
 * memory.c
 */

#define PAGE	4096ul
#define MEMORY	0x1000000000ul
#define ALIAS	0x1800000000ul
#define ZEROS	0x2000000000ul
#define PAGES	320u
#define MEMORY_FD	95

enum {
	STABLE, READ_ONLY, CLOSED, FLIPPING, SCRIBBLED, LARGE, PAST_END, ZERO, NR_REGIONS
};

struct region {
	uint64_t start, end;
	bool readable, writable;
	bool flips;		/* a thread unmaps it and maps it again */
	bool scribbled;		/* a thread changes its bytes all the time */
};
extern const struct region regions[NR_REGIONS];

enum access { FINE, MAY_FAULT, FAULTS };

/* Around a buffer, and in it, so many bytes are poisoned. */
#define MARGIN		64
#define POISONED	8192

void make_memory(void);
void map_at(uint64_t addr, uint64_t len, int prot, int flags, int fd, uint64_t offset);
const struct region *region_at(uint64_t addr);
enum access access_to(uint64_t addr, uint64_t len, bool write);
enum access access_up_to(uint64_t addr, uint64_t len, bool write, uint64_t *sound);
bool user_address(uint64_t addr, uint64_t len);
void expect_memory(struct expect *e, uint64_t addr, uint64_t len, bool write);
void expect_room(struct expect *e, uint64_t addr, uint64_t len);
unsigned char *seen_at(uint64_t addr, uint64_t len);
bool look(uint64_t addr, uint64_t len, void *to);
void poisoned(uint64_t addr, uint64_t len, uint64_t *from, uint64_t *to);
void lay_poison(uint64_t addr, uint64_t len);
void check_poison(uint64_t addr, uint64_t len, uint64_t done);
uint64_t address_in(int region, uint64_t len);
uint64_t bad_address(void);
uint64_t pick_address(uint64_t len);
uint64_t pick_length(void);

/*
 * files.c
 */

enum kind { QUEUE, CONTROL_FILE, DOOR, ATTRIBUTE };

#define FD(place)	(100 + (place))
#define PLACES		38
#define SHARED_PLACES	10	/* opened before the processes part */
#define STRICT_QUEUES	3	/* on the queue that stays; never closed */
#define EPOLL_FD	90
#define CHECK_FD	80
#define FRAMED_FD	82	/* the same two queues, in framed mode */
#define MODE_FD		84	/* two whose mode is switched */
#define NOTICE_FD	86	/* two eventfds */

#define KEEP		"fuzz.keep"
#define CHECK_FIFO	"fuzz.check.fifo"
#define CHECK_LIFO	"fuzz.check.lifo"

#define NR_NAMES	9
#define NR_ODD_NAMES	18
extern const char *const names[NR_NAMES], *const odd_names[NR_ODD_NAMES];

enum kind kind_of(int place);
bool strict(int place);
int mode_of(int place);
int pick_place(enum kind kind);
int any_place(void);
struct expect expect_file(int place);
void expect_mode(struct expect *e, int place, bool write);
void pick_path(int place, char *path, size_t size);
int pick_flags(void);
void put_in_place(int fd, int place);

/*
 * The steps, and what is shared of them
 */

/* As long as a message can be: a longer write is cut by the kernel, and refused. */
#define LONGEST	(INT_MAX - 4096ul)

struct expect expect_read(int place);
void check_read(uint64_t addr, uint64_t len, long n);
void check_info(const struct stacq_info *i, bool whole);

/*
 * messages.c: for each process, step and message of it, 0x80 when sent, and how
 * often received
 */
#define MESSAGES_A_STEP	4
#define MESSAGE_LEAST	20
#define MESSAGE_MOST	6020
extern unsigned char *traffic;
extern uint32_t this_step;

void make_message(void *to, uint32_t size, uint32_t part);
void message_sent(uint32_t part);
void take_message(const void *p, uint64_t size);
void reopen_check(int fd);
void drain(const char *name);
unsigned long long account(void);

/* transfers.c */
void step_read(void);
void step_write(void);
void step_vector(void);
void step_bad_vector(void);
void step_positioned(void);

/* ioctls.c */
void step_ioctl(void);
void step_control(void);
void step_fionread(void);
void step_unknown_ioctl(void);
void step_misplaced_ioctl(void);

/* others.c */
void step_open(void);
void step_close(void);
void step_dup(void);
void step_poll(void);
void step_select(void);
void step_epoll(void);
void step_refused(void);
void step_splice(void);
void step_flags(void);
void step_flock(void);
void step_fork(void);
void step_parameter(void);

/* frames.c */
void open_framed(void);
void step_send_frames(void);
void step_receive_frames(void);
void step_frames_anywhere(void);
void step_mode(void);
void step_splice_frames(void);

/* messages.c */
void step_send(void);
void step_send_bad(void);
void step_receive(void);
void step_receive_bad(void);
void step_receive_parts(void);
void step_look(void);
void step_meddle(void);

#endif
