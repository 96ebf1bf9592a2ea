/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection: a system call is made again and again, and each time one
 * more of the allocations and user copies inside it is made to fail (the first,
 * the second, ...), until a call passes in which nothing was left to fail.
 *
 * The kernel does it: /proc/thread-self/fail-nth. Each time the call starts
 * from the same, and afterwards one of three things must hold:
 *
 *  - the call has failed with the errno of that kind of fault, and everything
 *    to be seen is as before; and the same call, nothing failing now, then does
 *    what it should;
 *  - it has succeeded in spite of the fault, and everything is as after a call
 *    without one;
 *  - nothing was made to fail, and it has succeeded.
 *
 * In all three cases the memory of the emptied queue is what it was when new.
 * Memory that nobody knows of any more is for kmemleak to find, afterwards:
 * guest-run's step "leaks".
 */
#ifndef STACQ_TEST_INJECT_H
#define STACQ_TEST_INJECT_H

#include <sys/mman.h>

#include "common.h"
#include "faults.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)
#define BUF_SIZE	65536
#define MOST_MSGS	160

/* Where a scene takes place. */
enum place {
	QUEUE,		/* on /dev/stacq/faulty, emptied each time */
	NEW_QUEUE,	/* the same, made anew each time: the counters start at 0 */
	DOOR,		/* on /proc/msg_queue, and the queue behind it emptied */
	NOWHERE,	/* there is no queue yet */
};

/**
 * struct call - a system call, and what it should do
 * @what: for people
 * @ready: makes what there is before it
 * @call: the system call and nothing else
 * @after: tidies up what differs from time to time, and what the call opened;
 *	returns the result to compare
 * @result: its result when nothing fails: -errno, or what it returns
 * @also: an error it may end with besides ENOMEM for an allocation and EFAULT for
 *	a user copy
 * @len: of its message
 * @text: of whatever it wants
 * @number: likewise
 * @capacity: of the queue
 * @place: see there
 * @lifo: the queue is one
 * @priority: its order is priority
 * @spares: no allocation is needed: there is something else to take instead
 * @allocations: how many there are to fail, at least
 * @copies: likewise, of user copies
 */
struct call {
	const char *what;
	void (*ready)(const struct call *c);
	long (*call)(const struct call *c);
	long (*after)(const struct call *c, long result);
	long result;
	int also;
	size_t len;
	const char *text;
	unsigned long long number;
	unsigned long long capacity;
	enum place place;
	bool lifo;
	bool priority;
	bool spares;
	unsigned int allocations;
	unsigned int copies;
};

/* What is there before a call, for its functions to use. */
static struct {
	int fd;			/* the call's own open file */
	int watch;		/* another one, to look through */
	int control;
	struct queue q;
	struct stacq_info base;	/* when new */
	char *in, *out;		/* BUF_SIZE each */
} at = { .fd = -1, .watch = -1, .control = -1, };

/* All that can be seen of the queue, its messages and the names around it. */
struct state {
	bool there;
	struct stacq_info info;
	int held;
	struct stacq_peek in_hand;
	unsigned int nr;
	struct {
		unsigned long long seq, len, hash, deliveries, priority;
	} msg[MOST_MSGS];
	mode_t mode;
	dev_t device;
	uid_t owner;
	char names[4096];
};

/* How a call has ended. */
struct outcome {
	long result;
	bool hit;		/* something in it was made to fail */
	bool copy;		/* and that was a user copy */
	char out[BUF_SIZE];
	struct state state;
};

/* How many user copies are left to fail, of very many. */
static long copies_left(void)
{
	char text[32] = "";
	int fd = open(FAULTS "fail_usercopy/times", O_RDONLY | O_CLOEXEC);

	ASSERT_OK(fd);
	ASSERT_TRUE(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atol(text);
}

/*
 * Looking
 */

static unsigned long long hash(const void *data, size_t len)
{
	unsigned long long h = 14695981039346656037ull;
	const unsigned char *p = data;

	while (len--)
		h = (h ^ *p++) * 1099511628211ull;
	return h;
}

/* Counters of a queue go on from call to call. */
static void since_base(struct stacq_info *i)
{
	i->sent -= at.base.sent;
	i->received -= at.base.received;
	i->requeued -= at.base.requeued;
	i->discarded -= at.base.discarded;
	i->growths -= at.base.growths;
	i->shrinks -= at.base.shrinks;
	i->lapsed -= at.base.lapsed;
}

static void look_at_messages(int fd, struct state *s)
{
	static char bytes[BUF_SIZE];
	struct stacq_peek p;

	ASSERT_TRUE(s->info.depth <= MOST_MSGS);
	for (s->nr = 0; s->nr < s->info.depth; s->nr++) {
		ASSERT_OK(peek(fd, s->nr, bytes, sizeof(bytes), &p));
		s->msg[s->nr].seq = p.seq - at.base.sent;
		s->msg[s->nr].len = p.len;
		s->msg[s->nr].deliveries = p.deliveries;
		s->msg[s->nr].priority = p.priority;
		s->msg[s->nr].hash = hash(bytes, p.len);
	}
	ASSERT_ERRNO(peek(fd, s->nr, NULL, 0, &p), ENOMSG);
}

/* What the call's own file has in hand. */
static void look_in_hand(struct state *s)
{
	struct stacq_peek p = { .flags = STACQ_PEEK_HELD };

	if (at.fd < 0 || ioctl(at.fd, STACQ_IOC_PEEK, &p))
		return;
	s->held = 1;
	p.seq -= at.base.sent;
	p.sent_ns = 0;
	s->in_hand = p;
}

static void look(struct state *s)
{
	int fd = at.watch;
	struct stat st;

	memset(s, 0, sizeof(*s));
	list_names(s->names, sizeof(s->names), "/dev");
	list_names(s->names, sizeof(s->names), "/dev/stacq");
	list_names(s->names, sizeof(s->names), "/sys/class/stacq");
	if (!access("/proc/msg_queue", F_OK))
		strcat(s->names, "/proc/msg_queue\n");
	if (stat(at.q.path, &st))
		return;
	s->mode = st.st_mode;
	s->device = st.st_rdev;
	s->owner = st.st_uid;
	if (fd < 0)
		fd = queue_open(&at.q, NONBLOCK);
	if (ioctl(fd, STACQ_IOC_INFO, &s->info) && errno == EIDRM)
		return;		/* its node should have gone with it */
	s->there = true;
	s->info = info(fd);
	look_at_messages(fd, s);
	look_in_hand(s);
	since_base(&s->info);
	if (fd != at.watch)
		close(fd);
}

/* What differs; NULL if nothing does. */
static const char *difference(const struct state *a, const struct state *b)
{
	static char text[128];

	if (a->there != b->there)
		return "whether the queue is there";
	if (strcmp(a->names, b->names)) {
		test_note("names were %s and are %s", a->names, b->names);
		return "a name";
	}
	if (a->mode != b->mode || a->owner != b->owner)
		return "owner or mode of the node";
	if (a->device != b->device)
		return "the number of the node";
	if (info_difference(&a->info, &b->info))
		return info_difference(&a->info, &b->info);
	if (a->held != b->held || memcmp(&a->in_hand, &b->in_hand, sizeof(a->in_hand)))
		return "the message in hand";
	for (unsigned int i = 0; i < a->nr; i++) {
		snprintf(text, sizeof(text), "message %u", i);
		if (memcmp(&a->msg[i], &b->msg[i], sizeof(a->msg[i])))
			return text;
	}
	return NULL;
}

/*
 * The scene
 */

static void make_queue(const struct call *c)
{
	struct stacq_create r = create_defaults(c->priority ? STACQ_PRIORITY :
						 c->lifo ? STACQ_LIFO : STACQ_FIFO);

	memset(r.name, 0, sizeof(r.name));
	strcpy(r.name, at.q.name);
	r.capacity = c->capacity;
	r.max_msgs = STACQ_UNLIMITED;
	r.max_bytes = STACQ_UNLIMITED;
	r.max_msg_size = STACQ_UNLIMITED;
	queue_from(&r);
}

/* Empty, and with the room it was made with: what memory does it take? */
static unsigned long long memory_when_empty(const struct call *c)
{
	struct stacq_purge purge = { 0 };
	struct stacq_info i;

	ASSERT_OK(ioctl(at.watch, STACQ_IOC_PURGE, &purge));
	ASSERT_OK(set_limits(at.watch, 0, 0, STACQ_UNCHANGED));
	ASSERT_OK(ioctl(at.watch, STACQ_IOC_UNSEAL, 0));
	ASSERT_OK(set_capacity(at.watch, c->capacity ?: 1));
	i = info(at.watch);
	ASSERT_EQ(i.depth + i.held + i.inflight, 0);
	return i.memory;
}

static void drop_queue(const struct call *c)
{
	if (at.watch >= 0)
		close(at.watch);
	at.watch = -1;
	if (c->place != DOOR)
		queue_remove(at.q.name);
}

static bool removed(void)
{
	struct stat st;

	return stat(at.q.path, &st);
}

static void take_queue(const struct call *c)
{
	if (c->place == NEW_QUEUE || removed())
		drop_queue(c);
	if (c->place != DOOR && removed())
		make_queue(c);
	if (at.watch < 0) {
		at.watch = queue_open(&at.q, NONBLOCK);
		memory_when_empty(c);
	}
	at.base = info(at.watch);
	at.fd = c->place == DOOR ? open("/proc/msg_queue", NONBLOCK | O_CLOEXEC) :
				   queue_open(&at.q, NONBLOCK);
	ASSERT_OK(at.fd);
}

static void scene_up(const struct call *c)
{
	memset(at.in, 0, BUF_SIZE);
	memset(at.out, POISON, BUF_SIZE);
	memset(&at.base, 0, sizeof(at.base));
	if (c->place != NOWHERE)
		take_queue(c);
	if (c->ready)
		c->ready(c);
}

static void scene_down(const struct call *c)
{
	if (at.fd >= 0)
		close(at.fd);
	at.fd = -1;
	if (c->place == NOWHERE)
		drop_queue(c);
	else if (!removed())
		ASSERT_EQ(memory_when_empty(c), at.base.memory);
}

static struct outcome *attempt(const struct call *c, unsigned int nth)
{
	static struct outcome o;
	long result, copies = copies_left();
	int error;

	if (nth)
		faults_from(nth);
	errno = 0;
	result = c->call(c);
	error = errno;
	o.hit = nth && faults_end();
	o.result = result < 0 ? -error : result;
	o.copy = o.hit && copies != copies_left();
	if (c->after)
		o.result = c->after(c, o.result);
	memcpy(o.out, at.out, BUF_SIZE);
	look(&o.state);
	return &o;
}

static bool allowed(const struct call *c, const struct outcome *o)
{
	int error = -o->result;

	return error == (o->copy ? EFAULT : ENOMEM) ||
	       (error && error == c->also);
}

/* As if nothing had failed. */
static void expect_good(const struct call *c, unsigned int nth, const char *when,
			const struct outcome *o, const struct outcome *good)
{
	const char *wrong = difference(&good->state, &o->state);

	if (o->result != good->result)
		FAIL("%s, fault %u: %s, result is %ld (%s), wanted %ld", c->what, nth, when,
		     o->result, o->result < 0 ? strerrorname_np(-o->result) : "-", good->result);
	if (memcmp(o->out, good->out, BUF_SIZE))
		FAIL("%s, fault %u: %s, what it wrote is not right", c->what, nth, when);
	if (wrong)
		FAIL("%s, fault %u: %s, not right: %s", c->what, nth, when, wrong);
}

static void expect_nothing_done(const struct call *c, unsigned int nth,
				const struct outcome *o, const struct state *before,
				const char *out)
{
	const char *wrong = difference(before, &o->state);

	if (!allowed(c, o) || (c->spares && !o->copy))
		FAIL("%s, fault %u, of %s: unexpected %s", c->what, nth,
		     o->copy ? "a copy" : "an allocation", strerrorname_np(-o->result));
	if (wrong)
		FAIL("%s, fault %u: failed with %s, but has changed %s", c->what, nth,
		     strerrorname_np(-o->result), wrong);
	if (memcmp(o->out, out, BUF_SIZE))
		FAIL("%s, fault %u: failed, but has written something", c->what, nth);
}

/* How many faults there were. */
struct count {
	unsigned int allocations, copies, refused, survived;
};

/* The nth fault; false when there is none any more. */
static bool fault(const struct call *c, unsigned int nth, const struct outcome *good,
		  struct count *count)
{
	static char out[BUF_SIZE];
	static struct state before;
	struct outcome *o;
	bool hit;

	scene_up(c);
	memcpy(out, at.out, BUF_SIZE);
	look(&before);
	o = attempt(c, nth);
	hit = o->hit;
	count->allocations += hit && !o->copy;
	count->copies += hit && o->copy;
	if (hit && o->result < 0 && o->result != good->result) {
		count->refused++;
		expect_nothing_done(c, nth, o, &before, out);
		expect_good(c, nth, "tried again", attempt(c, 0), good);
	} else {
		count->survived += hit;
		expect_good(c, nth, hit ? "survived" : "without a fault", o, good);
	}
	scene_down(c);
	return hit;
}

/* Once without a fault, to see what is right. */
static void rehearse(const struct call *c, struct outcome *good)
{
	scene_up(c);
	*good = *attempt(c, 0);
	if (good->result != c->result)
		FAIL("%s: without a fault, result is %ld (%s), wanted %ld", c->what, good->result,
		     good->result < 0 ? strerrorname_np(-good->result) : "-", c->result);
	scene_down(c);
}

static void once_only(const struct call *c)
{
	static bool done;

	strcpy(at.q.name, c->place == DOOR ? "msg_queue" : "faulty");
	snprintf(at.q.path, sizeof(at.q.path), "/dev/stacq/%s", at.q.name);
	if (done)
		return;
	done = true;
	faults_up();
	if (c->place != DOOR)
		remember(at.q.name);
	set_parameter("idle_ms", 0);
	at.in = mmap(NULL, 2 * BUF_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(at.in != MAP_FAILED);
	at.out = at.in + BUF_SIZE;
	at.control = open(CONTROL, O_RDWR | O_CLOEXEC);
	ASSERT_OK(at.control);
	/* No faults but those of the call itself. */
	ASSERT_OK(mlockall(MCL_CURRENT));
}

static void sweep(const struct call *c, const struct outcome *good, struct count *count)
{
	unsigned int nth = 1;

	while (fault(c, nth, good, count))
		ASSERT_TRUE(nth++ < MOST_FAULTS);
}

/*
 * How many copies of a name fail when a file is opened. Fetching the name is
 * the kernel's part, and user-mode Linux does it without a place to fail.
 */
static inline unsigned int copies_of_names(void)
{
	char text[256] = "";
	int fd = open("/proc/cpuinfo", O_RDONLY);

	ASSERT_TRUE(fd >= 0);
	ASSERT_TRUE(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strstr(text, "User Mode Linux") ? 0 : 1;
}

static void inject(const struct call *c)
{
	static struct outcome good;
	struct count count = { 0 };

	once_only(c);
	rehearse(c, &good);
	faults_in_pages(false);
	faults_in_objects(true);
	sweep(c, &good, &count);
	if (count.allocations < c->allocations || count.copies < c->copies)
		FAIL("%s: %u allocations and %u copies failed, wanted %u and %u", c->what,
		     count.allocations, count.copies, c->allocations, c->copies);
	/* Each object has failed once: now the pages. */
	faults_in_pages(true);
	faults_in_objects(false);
	sweep(c, &good, &count);
	test_note("%s: %u allocations and %u copies failed, %u refused, %u survived", c->what,
		  count.allocations, count.copies, count.refused, count.survived);
	drop_queue(c);
	leaks_are_watched();
}

/* The call, with each of these lengths. */
#define FOR_LENGTHS(c, name, ...) do {					\
	static const size_t lens_[] = { __VA_ARGS__ };			\
	for (size_t n_ = 0; n_ < sizeof(lens_) / sizeof(lens_[0]); n_++) { \
		char what_[128];					\
		snprintf(what_, sizeof(what_), "%s, %zu bytes", name, lens_[n_]); \
		(c).what = what_;					\
		(c).len = lens_[n_];					\
		inject(&(c));						\
	}								\
} while (0)

#endif
