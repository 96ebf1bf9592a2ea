// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on a queue, each compared with the model: what it returns,
 * what INFO then tells, each message in its place with its bytes, whether every
 * list, count and byte of the store adds up with what is allocated, and whether
 * everybody was woken who had a reason.
 *
 * The input is a program. Two things in it play the other threads: "preempt"
 * runs the operations that follow when the present one next drops a lock, and a
 * caller that waits has the operations that follow run until it is woken.
 */
#include "container.h"
#include "model.h"

#define MEMORY		(6u << 20)
/* Enough for each segment to be kept by a message in hand. */
#define HELD_MAX	80
#define DEPTH_MAX	5
#define PARKED_MAX	4
/* With more messages than this, all of them are looked at less often. */
#define FEW		40

/* A caller in a blocking call, asleep or woken. */
struct sleeper {
	struct task_struct task;
	bool writer;
	u32 len;
	struct sleeper *next;
};

/* One that waits beside the stack of calls, so that others can end before it. */
struct parked {
	struct sleeper who;
	struct stacq_writer w;
	bool used;
	bool running;
};

struct poller {
	struct wait_queue_entry wait;
	bool woken;
	bool ready;
};

/**
 * struct run - one input being run
 * @q: the queue
 * @md: what it should be
 * @in: the rest of the input
 * @end: its end
 * @held: messages in hand
 * @nr_held: how many
 * @spare: a lease for the next message that is held
 * @sleepers: callers in blocking calls
 * @parked: more of them
 * @reader: a poller for messages
 * @writer: a poller for room
 * @polled: they are there
 * @task: who runs when nobody else does
 * @depth: calls inside of which others are made
 * @preempted: those of them that were preempted, with a wake-up to come perhaps
 * @preempts: how often that happened
 * @preempt_after: locks to be dropped until it happens next, 0 for never
 * @preempt_ops: operations it is for
 * @flux: calls under way that may change the capacity
 * @purging: discarded at the last look, while a purge is under way
 * @purge_to: the newest message there was when it began
 * @is_purging: it is
 * @checking: the test itself has the lock
 * @ops: how many operations were run
 */
static struct run {
	struct stacq_queue *q;
	struct model md;
	const u8 *in;
	const u8 *end;
	struct {
		struct stacq_msg *m;
		u64 seq;
	} held[HELD_MAX];
	u32 nr_held;
	struct stacq_lease *spare;
	struct sleeper *sleepers;
	struct parked parked[PARKED_MAX];
	struct poller reader;
	struct poller writer;
	bool polled;
	struct task_struct task;
	u32 depth;
	u32 preempted;
	u32 preempts;
	u32 preempt_after;
	u32 preempt_ops;
	u32 flux;
	u64 purging;
	u64 purge_to;
	bool is_purging;
	bool checking;
	u32 ops;
} run;

static void step(void);

static u8 next(void)
{
	return run.in < run.end ? *run.in++ : 0;
}

static bool more(void)
{
	return run.in < run.end;
}

/*
 * Bytes
 */

static u8 pattern(u64 seq, u32 i)
{
	return seq * 31 + i + (i >> 8);
}

/* The ends of a message are looked at whole, the middle of a long one here and there. */
static u32 stride(u32 i, u32 len)
{
	return i < 256 || i + 256 >= len ? 1 : 251;
}

static void fill(u8 *data, u32 len, u64 seq)
{
	u32 i;

	for (i = 0; i < len; i += stride(i, len))
		data[i] = pattern(seq, i);
}

static void intact(const u8 *data, u32 len, u64 seq)
{
	u32 i;

	for (i = 0; i < len; i += stride(i, len))
		must(data[i] == pattern(seq, i));
}

/* Of some messages their sender says more, as frames do. */
static bool says_more(u64 seq)
{
	return seq % 3 == 0;
}

static struct stacq_attr attr_of(u64 seq)
{
	if (!says_more(seq))
		return (struct stacq_attr){};
	/* In order priority there are few, so that there is more than one of each. */
	return (struct stacq_attr){ .sent_ns = seq * 1000003 % 7 ? seq : 0,
				    .priority = seq * 31 % (run.md.order == STACQ_PRIORITY ?
							    7 : STACQ_PRIORITY_MAX + 1),
				    .deliveries = seq & 1 ? 255 : 2 };
}

/*
 * Time
 */

static u64 real_ns(void)
{
	return ktime_to_ns(ktime_get_coarse_real());
}

/* On the clock of lifetimes: a claim counts from then, but not from the future. */
static u64 born_of(u64 claim)
{
	u64 born = ktime_to_ns(ktime_get_coarse_boottime()) >> 20;

	return (1ULL << 41) + born - (claim && claim < real_ns() ? (real_ns() - claim) >> 20 : 0);
}

/*
 * What must hold at any time
 */

/* A purge that was preempted has come so far. */
static void follow_purge(void)
{
	u64 n = run.q->discarded - run.purging;

	if (!run.is_purging)
		return;
	model_purge(&run.md, n, run.purge_to);
	run.purging += n;
}

static u32 count_levels(const struct rb_node *node)
{
	return node ? 1 + count_levels(node->rb_left) + count_levels(node->rb_right) : 0;
}

static void check_list(bool bytes)
{
	struct stacq_msg *in_list = first_in_list(run.q), *m, *last = NULL;
	struct model *md = &run.md;
	struct model_msg *w;
	u32 n;

	for (n = 0; n < md->nr; n++) {
		w = &md->msgs[model_nth(md, n)];
		if (w->held)
			continue;
		m = next_in_order(run.q, &in_list, last);
		must(m && m->seq == w->seq && m->len == w->len);
		must(m->state == STACQ_MSG_READY || m->state == STACQ_MSG_RETURNED);
		must(m->deliveries == w->deliveries);
		must(m->priority == attr_of(m->seq).priority);
		must(m->sent_ns == w->sent_ns && stacq_msg_born(m) == w->born);
		if (bytes)
			intact(stacq_msg_data(m), m->len, m->seq);
		/* What stays behind in a retired segment keeps all of it. */
		must(!run.q->store.segments[m->segment]->retired ||
		     run.flux || m == run.q->peeked);
		last = m;
	}
	must(!next_in_order(run.q, &in_list, last));
}

/* Leases that no message has. */
static u64 spare_leases(void)
{
	struct stacq_lease *l;
	u64 nr = 0;

	for (l = run.q->returned.spare; l; l = l->next)
		nr++;
	must(nr == run.q->returned.nr_spare);
	return nr + !!run.spare;
}

/* There is a level for each priority in use, which knows the last of its messages. */
static void check_levels(void)
{
	struct stacq_queue *q = run.q;
	struct stacq_msg *m, *last = NULL;
	u32 nr = 0;

	if (q->order != STACQ_PRIORITY) {
		must(RB_EMPTY_ROOT(&q->levels.root) && !q->levels.spare);
		return;
	}
	list_for_each_entry(m, &q->msgs, link) {
		must(!last || last->priority >= m->priority);
		if (!last || last->priority != m->priority)
			nr++;
		if (last && last->priority != m->priority)
			must(find_level(q, last->priority)->last == last);
		last = m;
	}
	if (last)
		must(find_level(q, last->priority)->last == last);
	must(nr == count_levels(q->levels.root.rb_node));
}

static void check_segment(const struct stacq_segment *seg)
{
	const struct stacq_block *block;
	const struct stacq_msg *m;
	u64 room = 0, taken = 0;
	size_t bytes = sizeof(*seg);
	bool used = true;

	for (block = seg->blocks; block; block = block->next) {
		room += block->nr;
		bytes += struct_size(block, msgs, block->nr);
		if (block == seg->block) {
			taken += seg->bump - block->msgs;
			must(seg->bump_end == block->msgs + block->nr);
			used = false;
		} else if (used) {
			taken += block->nr;
		}
	}
	must(!used && room == seg->nr && bytes == seg->bytes);
	for (m = seg->free; m; m = m->next_free) {
		must(m->state == STACQ_MSG_FREE && taken--);
		must(m->segment == seg->id);
	}
	must(taken == seg->live);
}

static void check_spare(const struct stacq_store *st)
{
	const struct stacq_spare *spare;
	u64 bytes = 0;
	int class;

	for (class = 0; class < STACQ_BUF_CLASSES; class++)
		for (spare = st->spare[class]; spare; spare = spare->next)
			bytes += class_size(class);
	must(bytes == st->spare_bytes);
}

static void check_store(void)
{
	const struct stacq_store *st = &run.q->store;
	u64 room = 0, live = 0;
	int i;

	for (i = 0; i < STACQ_MAX_SEGMENTS; i++) {
		const struct stacq_segment *seg = st->segments[i];

		if (!seg)
			continue;
		must(seg->id == i);
		check_segment(seg);
		must(seg->live || !seg->retired || st->reap || run.flux);
		room += seg->retired ? 0 : seg->nr;
		live += seg->live;
	}
	must(room == st->capacity && live == st->live);
	must(st->live <= st->capacity);
	must(st->live == run.md.nr + run.q->peeked_gone);
	must(st->current_segment && !st->current_segment->retired);
	must(st->segments[st->current_segment->id] == st->current_segment);
	check_spare(st);
	/* Others have memory that is not in the store yet, or not any more. */
	if (!run.depth)
		must(sizeof(*run.q) + st->bytes + spare_leases() * sizeof(struct stacq_lease) ==
		     standin.allocated);
}

static u64 unlimited(u64 limit)
{
	return limit == U64_MAX ? 0 : limit;
}

static void check_info(void)
{
	const struct model *md = &run.md;
	struct stacq_info info;

	stacq_get_info(run.q, &info);
	must(!strcmp(info.name, "fuzz") && info.order == md->order);
	must(info.abi_version == 1 && !info.reserved);
	must(info.state == (md->sealed ? STACQ_STATE_SEALED : 0));
	must(info.depth == md->nr - md->held && info.held == md->held);
	must(info.bytes == md->bytes - md->held_bytes);
	must(info.held_bytes == md->held_bytes);
	must(info.max_msgs == unlimited(md->max_msgs));
	must(info.max_bytes == unlimited(md->max_bytes));
	must(info.max_msg_size == unlimited(md->max_msg_size));
	must(info.sent == md->sent && info.received == md->received);
	must(info.requeued == md->requeued && info.discarded == md->discarded);
	must(info.high_water == md->high_water);
	if (run.flux)
		return;
	must(info.capacity == md->capacity && info.memory == run.q->store.bytes);
	must(info.growths == md->growths && info.shrinks == md->shrinks);
}

struct waiting {
	u64 readers_asleep;
	u64 readers_woken;
	u64 writers_woken;
	bool writer_fits;
};

static void count_waiting(struct waiting *n, const struct sleeper *s)
{
	if (s->task.state == TASK_RUNNING)
		*(s->writer ? &n->writers_woken : &n->readers_woken) += 1;
	else if (!s->writer)
		n->readers_asleep++;
	else if (model_may_send(&run.md, s->len) != -EAGAIN)
		n->writer_fits = true;
}

/* One message wakes one reader, and room wakes one writer whose message fits. */
static void check_sleepers(void)
{
	struct waiting n = {};
	struct sleeper *s;
	int i;

	for (s = run.sleepers; s; s = s->next)
		count_waiting(&n, s);
	for (i = 0; i < PARKED_MAX; i++)
		if (run.parked[i].used)
			count_waiting(&n, &run.parked[i].who);
	must(!n.writer_fits || (n.writers_woken && !run.md.sealed && !run.md.removed));
	if (!n.readers_asleep)
		return;
	must(n.readers_woken >= run.md.nr - run.md.held);
	must(!run.md.removed && !(run.md.sealed && !run.md.nr));
}

static void check_poller(struct poller *p, bool ready)
{
	must(!ready || p->ready || p->woken);
	p->ready = ready;
	p->woken = false;
}

static void check_pollers(void)
{
	check_poller(&run.reader, model_readable(&run.md));
	check_poller(&run.writer, model_writable(&run.md));
}

static void check_idle(void)
{
	const struct stacq_queue *q = run.q;

	if (idle_ms && (q->store.spare_bytes || q->levels.spare || q->store.capacity > q->floor ||
			q->store.reap))
		must(q->idle_work.pending);
}

static void check(void)
{
	struct stacq_queue *q = run.q;
	bool all = run.md.nr <= FEW || run.ops % 16 == 0;
	u32 i;

	run.checking = true;
	stacq_lock(q);
	if (all)
		check_list(run.md.nr <= FEW);
	if (all)
		check_levels();
	if (all)
		check_store();
	for (i = 0; i < run.nr_held; i++) {
		must(run.held[i].m->state == STACQ_MSG_HELD);
		intact(stacq_msg_data(run.held[i].m), run.held[i].m->len,
		       run.held[i].seq);
	}
	must(__stacq_readable(q, NULL) == model_readable(&run.md));
	must(__stacq_writable(q) == model_writable(&run.md));
	stacq_unlock(q);
	must(stacq_removed(q) == run.md.removed);
	check_info();
	if (!run.preempted) {
		check_sleepers();
		if (run.polled)
			check_pollers();
		if (!run.depth)
			check_idle();
	}
	run.checking = false;
}

/*
 * Others
 */

void standin_preempt(void)
{
	struct task_struct *me = current;
	bool killed = standin.killed;
	u32 n;

	if (run.checking || !run.preempt_after || --run.preempt_after ||
	    run.depth >= DEPTH_MAX)
		return;
	standin.killed = false;
	run.preempts++;
	run.preempted++;
	run.depth++;
	follow_purge();
	for (n = run.preempt_ops; n && more(); n--) {
		current = &run.task;
		step();
	}
	run.depth--;
	run.preempted--;
	current = me;
	standin.killed = killed;
}

void standin_sleep(void)
{
	struct task_struct *me = current;
	bool killed = standin.killed;

	standin.killed = false;
	run.depth++;
	while (me->state != TASK_RUNNING && !me->signal && more()) {
		current = &run.task;
		step();
	}
	run.depth--;
	current = me;
	standin.killed = killed;
	/* At the end of the input whoever still waits is told to stop. */
	if (me->state != TASK_RUNNING) {
		me->signal = true;
		me->state = TASK_RUNNING;
	}
}

static int poller_woken(struct wait_queue_entry *wait, unsigned int mode, int flags,
			void *key)
{
	struct poller *p = container_of(wait, struct poller, wait);

	(void)mode;
	(void)flags;
	must(key_to_poll(key) & (p == &run.reader ? EPOLLIN : EPOLLOUT));
	p->woken = true;
	return 1;
}

static void poller_init(struct poller *p, wait_queue_head_t *wq, bool ready)
{
	*p = (struct poller){ .wait.func = poller_woken, .ready = ready };
	add_wait_queue(wq, &p->wait);
}

static void pollers_init(void)
{
	poller_init(&run.reader, &run.q->read_wait, model_readable(&run.md));
	poller_init(&run.writer, &run.q->write_wait, model_writable(&run.md));
}

/*
 * Operations
 */

/* May memory have been short since @refused was noted, with @nr messages asked for? */
static bool short_of_memory(u32 refused, u64 nr)
{
	u32 i, segments = 0;

	for (i = 0; i < STACQ_MAX_SEGMENTS; i++)
		segments += !!run.q->store.segments[i];
	return standin.refused != refused || fatal_signal_pending(current) ||
	       segments == STACQ_MAX_SEGMENTS ||
	       nr > STACQ_SMALL_ROOM / sizeof(struct stacq_msg);
}

static int make_room(gfp_t gfp)
{
	struct stacq_queue *q = run.q;
	u64 capacity = q->store.capacity, growths = q->growths;
	u64 want = model_grown(&run.md);
	u32 preempts = run.preempts, refused = standin.refused;
	bool contended = q->room_mutex.held;
	bool room = q->store.live < capacity;
	int ret;

	run.flux++;
	ret = stacq_make_room(q, gfp);
	run.flux--;
	if (contended) {
		must(ret == (gfpflags_allow_blocking(gfp) ? -EINTR : -EAGAIN));
		return ret;
	}
	must(!ret || ret == -ENOMEM || (ret == -EINTR && fatal_signal_pending(current)));
	must(ret != -ENOMEM || short_of_memory(refused, want));
	run.md.growths = q->growths;
	run.md.capacity = q->store.capacity;
	if (q->growths == growths) {
		must(q->store.capacity == capacity);
		must(ret || room || preempts != run.preempts);
		return ret;
	}
	must(!ret && q->growths == growths + 1 && q->store.capacity > capacity);
	must(preempts != run.preempts || (!room && q->store.capacity == want));
	return 0;
}

/* With the lock held: put the bytes into a message that there is room for. */
static void send_filled(struct stacq_msg *m, u32 len, void *buf, bool aborted)
{
	struct stacq_attr attr = attr_of(run.md.sent + 1);
	struct stacq_queue *q = run.q;
	unsigned int whom = 0;

	fill(stacq_msg_data(m), len, run.md.sent + 1);
	if (says_more(run.md.sent + 1))
		__stacq_send_attr(&q->clock, m, &attr);
	/* As transfer.c has it: the bytes came by way of a buffer. */
	if (buf && len <= STACQ_INLINE_SIZE)
		__stacq_store_buf_free(&q->store, buf, len);
	if (aborted) {
		__stacq_send_abort(q, m);
	} else {
		whom = __stacq_send_commit(q, m);
		model_send(&run.md, len, attr.deliveries, attr.priority,
			   attr.sent_ns ?: real_ns(), born_of(attr.sent_ns));
	}
	stacq_unlock(q);
	stacq_wake(q, whom);
}

/* One try to send: 0, or why not. */
static int try_send(u32 len, void *buf, bool aborted)
{
	struct stacq_queue *q = run.q;
	struct stacq_msg *m;
	int expected;

	stacq_lock(q);
	expected = model_may_send(&run.md, len);
	/* A level is for making room, which comes after what the model knows. */
	must(__stacq_may_send(q, len) == (expected ? expected : __stacq_lacks_level(q) ? -ENOBUFS : 0));
	/* As burst.c has it, before it takes one. */
	if (!expected && says_more(run.md.sent + 1) && __stacq_store_has_room(&q->store)) {
		must(__stacq_store_spare(&q->store) == q->store.current_segment);
		must(q->store.current_segment->free);
	}
	m = __stacq_send_begin(q, len, buf);
	if (!IS_ERR(m)) {
		must(!expected);
		send_filled(m, len, buf, aborted);
		return 0;
	}
	if (!expected) {
		must(PTR_ERR(m) == -ENOBUFS);
		must(q->store.live == q->store.capacity ||
		     (len > STACQ_INLINE_SIZE && !buf) || __stacq_lacks_level(q));
		expected = -ENOBUFS;
	}
	must(PTR_ERR(m) == expected);
	stacq_unlock(q);
	return expected;
}

/* A fresh one only if none is spare, and then others go that take as much. */
static void check_fresh(u64 size, const struct stacq_store *was, bool spare,
			bool others_go)
{
	const struct stacq_store *st = &run.q->store;
	u64 gone = was->spare_bytes - st->spare_bytes, left = 0;
	int class;

	if (spare) {
		must(st->bytes == was->bytes && gone == size);
		return;
	}
	must(st->bytes == was->bytes + size - gone);
	if (!others_go) {
		must(!gone);
		return;
	}
	for (class = 0; class < STACQ_BUF_CLASSES; class++)
		if (st->spare[class] && class_size(class) <= size - gone)
			left += class_size(class);
	/* No more than so many at a time. */
	must(gone <= size && (!left || gone >= STORE_BATCH * class_size(0)));
}

static void *get_buffer(u32 len, gfp_t gfp)
{
	u32 preempts = run.preempts, refused = standin.refused;
	struct stacq_store was = run.q->store;
	bool spare = was.spare[buf_class(len)];
	void *buf = stacq_send_buf(run.q, len, gfp);

	if (!buf)
		must(standin.refused != refused || len > SZ_1M);
	else if (preempts == run.preempts && standin.refused == refused &&
		 len <= SZ_1M)
		check_fresh(class_size(buf_class(len)), &was, spare,
			    gfpflags_allow_blocking(gfp));
	return buf;
}

static int send(u32 len, gfp_t gfp, bool copied, bool aborted)
{
	struct stacq_queue *q = run.q;
	void *buf = NULL;
	int ret;

	if (run.md.nr >= MODEL_MAX - DEPTH_MAX)
		return -EAGAIN;
	/* Long messages and faulting callers fetch the bytes first. */
	if (copied && !model_may_send(&run.md, len)) {
		buf = get_buffer(len, gfp);
		if (!buf)
			return -ENOMEM;
	}
	for (;;) {
		ret = try_send(len, buf, aborted);
		if (!ret)
			return 0;
		if (ret != -ENOBUFS)
			break;
		if (len > STACQ_INLINE_SIZE && !buf) {
			buf = get_buffer(len, gfp);
			ret = buf ? 0 : -ENOMEM;
		} else {
			ret = make_room(gfp);
		}
		if (ret)
			break;
	}
	stacq_store_buf_free(&q->store, buf, len);
	return ret;
}

static int receive(void)
{
	int at = model_at(&run.md, 0);
	struct stacq_queue *q = run.q;
	struct stacq_msg *m;
	unsigned int whom;

	stacq_lock(q);
	m = __stacq_receive_begin(q);
	if (run.md.removed)
		must(m == ERR_PTR(-EIDRM));
	else if (at < 0)
		must(m == (run.md.sealed && !run.md.nr ? NULL : ERR_PTR(-EAGAIN)));
	if (IS_ERR_OR_NULL(m)) {
		must(at < 0 || run.md.removed);
		stacq_unlock(q);
		return PTR_ERR(m);
	}
	must(at >= 0 && m->seq == run.md.msgs[at].seq);
	must(m->len == run.md.msgs[at].len);
	intact(stacq_msg_data(m), m->len, m->seq);
	whom = __stacq_receive_done(q, m);
	model_remove(&run.md, at);
	run.md.received++;
	stacq_unlock(q);
	stacq_wake(q, whom);
	return 1;
}

/* A call that waits, as transfer.c makes it. */
static void blocking(bool writer, u32 len)
{
	struct sleeper me = { .writer = writer, .len = len, .next = run.sleepers };
	struct task_struct *before = current;
	bool waited = false;
	int ret;

	if (run.depth >= DEPTH_MAX)
		return;
	run.sleepers = &me;
	current = &me.task;
	for (;;) {
		ret = writer ? send(len, GFP_KERNEL, false, false) : receive();
		if (ret != -EAGAIN || run.md.nr >= MODEL_MAX - DEPTH_MAX)
			break;
		waited = true;
		ret = writer ? stacq_wait_writable(run.q, len) :
			       stacq_wait_readable(run.q, NULL);
		if (ret)
			break;
	}
	must(ret != -ERESTARTSYS || me.task.signal);
	run.sleepers = me.next;
	current = before;
	if (ret < 0 && waited)
		stacq_pass_on(run.q);
}

/* Wait as stacq_wait_readable() and stacq_wait_writable() do, but for sleeping. */
static void lie_down(struct parked *p)
{
	struct stacq_queue *q = run.q;
	bool writer = p->who.writer;

	run.checking = true;
	current = &p->who.task;
	init_wait_entry(&p->w.wait, WQ_FLAG_EXCLUSIVE);
	if (writer)
		p->w.wait.func = stacq_wake_writer;
	atomic_inc(writer ? &q->writers_waiting : &q->readers_waiting);
	prepare_to_wait_event(writer ? &q->write_wait : &q->read_wait, &p->w.wait,
			      TASK_INTERRUPTIBLE);
	if (writer ? model_may_send(&run.md, p->who.len) != -EAGAIN :
		     model_readable(&run.md))
		current->state = TASK_RUNNING;
	current = &run.task;
	run.checking = false;
}

static void get_up(struct parked *p)
{
	struct stacq_queue *q = run.q;

	current = &p->who.task;
	finish_wait(NULL, &p->w.wait);
	current = &run.task;
	atomic_dec(p->who.writer ? &q->writers_waiting : &q->readers_waiting);
}

static void park(bool writer, u32 len)
{
	struct parked *p = run.parked;

	while (p < run.parked + PARKED_MAX && p->used)
		p++;
	if (p == run.parked + PARKED_MAX)
		return;
	*p = (struct parked){ .used = true, .who = { .writer = writer, .len = len },
			      .w = { .q = run.q, .len = len } };
	lie_down(p);
}

/* One that was woken goes on, or one goes away for a signal. */
static void unpark(struct parked *p, bool signal)
{
	int ret = -ERESTARTSYS;

	if (!p->used || p->running || (p->who.task.state && !signal))
		return;
	get_up(p);
	p->running = true;
	if (!signal)
		ret = p->who.writer ? send(p->who.len, GFP_KERNEL, false, false) :
				      receive();
	if (ret == -EAGAIN) {
		lie_down(p);
	} else {
		if (ret < 0)
			stacq_pass_on(run.q);
		p->used = false;
	}
	p->running = false;
}

static void hold(void)
{
	struct stacq_lease *fresh = NULL;
	struct stacq_queue *q = run.q;
	struct stacq_msg *m;
	bool lacks;
	int at;

	do {
		at = model_at(&run.md, 0);
		if (run.nr_held == HELD_MAX || run.md.removed || at < 0)
			break;
		stacq_lock(q);
		if (!run.spare)
			swap(run.spare, fresh);
		m = __stacq_receive_begin(q);
		must(!IS_ERR_OR_NULL(m) && m->seq == run.md.msgs[at].seq);
		lacks = !__stacq_lease_spare(q, &run.spare);
		if (!lacks) {
			__stacq_hold(q, m, &run.spare);
			model_hold(&run.md, at);
			run.held[run.nr_held].m = m;
			run.held[run.nr_held++].seq = m->seq;
		}
		stacq_unlock(q);
	} while (lacks && !stacq_lease_alloc(&fresh));
	kfree(fresh);
}

/* One of the messages in hand: received, or given back. */
static void let_go(u32 which, bool done, bool delivered)
{
	struct stacq_queue *q = run.q;
	struct stacq_msg *m;
	unsigned int whom;
	int at;

	if (!run.nr_held)
		return;
	stacq_lock(q);
	which %= run.nr_held;
	m = run.held[which].m;
	at = model_find(&run.md, run.held[which].seq);
	must(at >= 0);
	run.held[which] = run.held[--run.nr_held];
	if (done) {
		whom = __stacq_held_done(q, m);
		model_let_go(&run.md, at);
		model_remove(&run.md, at);
		run.md.received++;
	} else {
		whom = __stacq_give_back(q, m, delivered);
		model_give_back(&run.md, at, delivered);
	}
	stacq_unlock(q);
	stacq_wake(q, whom);
}

static void check_peek(const struct stacq_peek *peek, const u8 *copy, u64 size,
		       int at)
{
	struct stacq_attr attr = attr_of(peek->seq);

	must(peek->seq >= 1 && peek->seq <= run.md.sent);
	must(peek->priority == attr.priority);
	if (attr.sent_ns)
		must(peek->sent_ns == attr.sent_ns);
	else
		must(peek->sent_ns);
	must(!copy == !min_t(u64, size, peek->len));
	if (copy)
		intact(copy, min_t(u32, min_t(u64, size, 256), peek->len), peek->seq);
	if (at < 0)
		return;
	must(peek->seq == run.md.msgs[at].seq && peek->len == run.md.msgs[at].len);
	must(peek->sent_ns == run.md.msgs[at].sent_ns);
	must(peek->deliveries == run.md.msgs[at].deliveries);
}

static void peek(u64 position, u64 size)
{
	u32 preempts = run.preempts, refused = standin.refused;
	int at = model_at(&run.md, position);
	bool contended = run.q->room_mutex.held;
	struct stacq_peek peek = {};
	void *copy;
	long ret;

	copy = stacq_peek(run.q, position, size, &peek);
	ret = IS_ERR(copy) ? PTR_ERR(copy) : 0;
	if (contended) {
		must(ret == -EINTR);
		return;
	}
	if (ret == -ENOMEM)
		must(standin.refused != refused);
	else if (ret == -EINTR)
		must(fatal_signal_pending(current));
	else if (preempts == run.preempts)
		must(ret == (run.md.removed ? -EIDRM : at < 0 ? -ENOMSG : 0));
	if (ret)
		return;
	/* If others were at it meanwhile, it may have moved, but not changed. */
	check_peek(&peek, copy, size, preempts == run.preempts ? at : -1);
	kvfree(copy);
}

static void peek_failing(u64 position)
{
	standin.fail_at = 1;
	peek(position, 64);
	standin.fail_at = 0;
}

static void purge(void)
{
	u64 before = run.md.nr - run.md.held, n;
	u32 preempts = run.preempts;

	if (run.is_purging)
		return;
	run.is_purging = true;
	run.purging = run.q->discarded;
	run.purge_to = run.md.sent;
	n = stacq_purge(run.q);
	follow_purge();
	run.is_purging = false;
	if (preempts == run.preempts)
		must(n == before && run.md.nr == run.md.held);
}

static u64 limit_of(u8 code)
{
	static const u64 some[] = { STACQ_UNCHANGED, STACQ_UNLIMITED, 1, 2, 5, 64,
				    65, 128, 1000, 5000, 100000, SZ_1M };

	return some[code % (sizeof(some) / sizeof(some[0]))];
}

static struct stacq_limits limits_of(u8 a, u8 b)
{
	return (struct stacq_limits){ .max_msgs = limit_of(a & 15),
				      .max_bytes = limit_of(a >> 4),
				      .max_msg_size = limit_of(b & 63) };
}

static void model_limit(u64 *limit, u64 to)
{
	if (to == STACQ_UNLIMITED)
		*limit = U64_MAX;
	else if (to != STACQ_UNCHANGED)
		*limit = to;
}

static void model_limits(const struct stacq_limits *l)
{
	model_limit(&run.md.max_msgs, l->max_msgs);
	model_limit(&run.md.max_bytes, l->max_bytes);
	model_limit(&run.md.max_msg_size, l->max_msg_size);
}

static void set_limits(u8 a, u8 b)
{
	struct stacq_limits l = limits_of(a, b);
	bool removed = run.md.removed;

	if (!removed)
		model_limits(&l);
	must(stacq_set_limits(run.q, &l) == (removed ? -EIDRM : 0));
}

static u64 capacity_of(u8 code)
{
	static const u64 some[] = { 0, 1, 2, 3, 4, 7, 8, 39, 40, 64, 65, 314, 315,
				    400, 1000, 2000, 20000, 1ull << 40, U64_MAX };

	return code < sizeof(some) / sizeof(some[0]) ? some[code] : code - 18;
}

static int capacity_error(u64 capacity)
{
	if (!capacity)
		return -EINVAL;
	if (run.md.removed)
		return -EIDRM;
	if (capacity > run.md.max_msgs)
		return -EINVAL;
	return capacity < run.md.nr ? -EBUSY : 0;
}

static void set_capacity(u64 capacity)
{
	u32 preempts = run.preempts, refused = standin.refused;
	bool contended = run.q->room_mutex.held;
	int ret, expected = capacity_error(capacity);
	u64 was = 0;

	run.flux++;
	ret = stacq_set_capacity(run.q, capacity, &was);
	run.flux--;
	if (contended) {
		must(ret == (capacity ? -EINTR : -EINVAL));
		return;
	}
	if (ret == -ENOMEM)
		must(!expected ? short_of_memory(refused, capacity) :
				 preempts != run.preempts);
	else if (ret == -EINTR)
		must(fatal_signal_pending(current));
	else if (preempts == run.preempts)
		must(ret == expected);
	if (ret != -EINTR && capacity)
		must(was == run.md.capacity);
	if (!ret) {
		run.md.capacity = capacity;
		run.md.floor = capacity;
		must(preempts != run.preempts || !run.q->store.spare_bytes);
	}
	must(run.q->store.capacity == run.md.capacity);
	must(run.q->floor == run.md.floor);
}

static void pass_time(u32 how_long)
{
	u32 preempts = run.preempts, refused = standin.refused;
	u64 want = model_shrunk(&run.md), was = run.md.capacity;
	struct stacq_queue *q = run.q;

	standin.ticks += how_long;
	standin.suspended += how_long & 2 ? NSEC_PER_SEC : 0;
	standin.set += how_long & 1 ? -(long long)NSEC_PER_SEC / 2 : 0;
	if (q->room_mutex.held)
		return;
	run.flux++;
	if (standin_run_work(&q->idle_work)) {
		run.md.peak = q->peak;
		run.md.capacity = q->store.capacity;
		run.md.shrinks += was != run.md.capacity;
		if (preempts == run.preempts && standin.refused == refused &&
		    !short_of_memory(refused, 0))
			must(run.md.capacity == want && run.md.peak == run.md.nr);
		must(run.md.capacity == want || run.md.capacity == was ||
		     preempts != run.preempts);
	}
	run.flux--;
}

static void seal(bool seal)
{
	bool removed = run.md.removed;

	if (!removed)
		run.md.sealed = seal;
	must(stacq_seal(run.q, seal) == (removed ? -EIDRM : 0));
}

static void end(void)
{
	u64 msgs, bytes;

	run.md.removed = true;
	stacq_queue_end(run.q, &msgs, &bytes);
	must(run.preempts || (msgs == run.md.nr && bytes == run.md.bytes));
}

/* Tell the innermost caller that waits of a signal, after it was woken perhaps. */
static void interrupt(bool fatal)
{
	if (!run.sleepers)
		return;
	run.sleepers->task.signal = true;
	run.sleepers->task.killed = fatal;
}

static u32 length_of(u8 code)
{
	static const u32 some[] = { 1, 63, 64, 65, 127, 128, 129, 256, 1023, 1024,
				    1025, 4000, 4096, 4097, 8192, 32768, 32769,
				    100000, SZ_1M, SZ_1M + 1, MAX_RW_COUNT - 1,
				    MAX_RW_COUNT, U32_MAX };

	return code < sizeof(some) / sizeof(some[0]) ? some[code] : code;
}

static void burst(u32 n, u32 len)
{
	while (n-- && !send(len, GFP_KERNEL, false, false))
		;
}

/* More often than is counted. */
static void hold_often(void)
{
	u32 n;

	for (n = 0; n < 300 && run.nr_held; n++) {
		let_go(run.nr_held - 1, false, true);
		hold();
	}
}

static void drain(u32 n)
{
	while (n-- && receive() > 0)
		;
}

/* The lower bits of a byte say what, the upper ones how. */
static void operation(u8 op, u32 how)
{
	u8 code;

	switch (op) {
	case 0 ... 4:
		send(length_of(next()), GFP_KERNEL, how & 1, how == 6);
		break;
	case 5:
		standin.fail_at = how + 1;
		send(length_of(next()), GFP_KERNEL, how & 1, false);
		standin.fail_at = 0;
		break;
	case 6:
		send(length_of(next()), GFP_NOWAIT, how & 1, false);
		break;
	case 7:
		burst(1 << (how + 3), length_of(next()));
		break;
	case 8 ... 10:
		receive();
		break;
	case 11:
		drain(1 << (how + 3));
		break;
	case 12:
		hold();
		break;
	case 13:
		hold();
		if (how == 7)
			hold_often();
		break;
	case 14:
		let_go(how, true, false);
		break;
	case 15:
		let_go(how, false, false);
		break;
	case 16:
		let_go(next(), how & 1, true);
		break;
	case 17:
		code = next();
		peek(how == 7 ? code * 8 : how, code);
		break;
	case 18:
		purge();
		break;
	case 19:
		code = next();
		set_limits(code, next());
		break;
	case 20 ... 22:
		set_capacity(capacity_of(next()));
		break;
	case 23:
		standin.fail_at = how + 1;
		set_capacity(capacity_of(next()));
		standin.fail_at = 0;
		break;
	case 24:
		make_room(how & 1 ? GFP_NOWAIT : GFP_KERNEL);
		break;
	case 25:
		standin.fail_at = how & 1 ? how / 2 + 1 : 0;
		pass_time(how & 4 ? 3000 : how);
		standin.fail_at = 0;
		break;
	case 26:
		seal(how & 1);
		break;
	case 27:
		blocking(how & 1, length_of(next()));
		break;
	case 28:
		if (how < 2)
			interrupt(how);
		else if (how < 4)
			park(how & 1, length_of(next()));
		else
			unpark(&run.parked[next() % PARKED_MAX], how == 7);
		break;
	case 29:
		code = next();
		run.preempt_after = how + 1 + (code & 1) * 8;
		run.preempt_ops = code % 5 + 1;
		break;
	case 30:
		standin.killed = how < 2;
		standin.kill_at = how / 2;
		if (how & 1)
			set_capacity(capacity_of(next()));
		else
			send(length_of(next()), GFP_KERNEL, false, false);
		standin.kill_at = 0;
		standin.killed = false;
		break;
	case 31:
		if (how == 7 && next() % 4 == 0)
			end();
		else
			peek_failing(how);
		break;
	}
}

static void step(void)
{
	u8 code = next();

	run.ops++;
	operation(code & 31, code >> 5);
	check();
}

static bool start(void)
{
	u8 how = next(), a = next(), b = next();
	struct stacq_limits l = limits_of(a, b);
	u32 order = how & 1;
	u64 capacity = capacity_of(how >> 3);

	/* The real time can be set back and is still one. */
	standin.set = 1000000 * NSEC_PER_SEC;
	if ((how & 7) == 3)
		order = STACQ_PRIORITY;
	run.md = (struct model){ .order = order, .max_msgs = U64_MAX,
				 .max_bytes = U64_MAX, .max_msg_size = U64_MAX,
				 .capacity = capacity, .floor = capacity };
	/* The registry puts defaults where nothing is said. */
	if (l.max_msgs == STACQ_UNCHANGED)
		l.max_msgs = STACQ_UNLIMITED;
	if (l.max_bytes == STACQ_UNCHANGED)
		l.max_bytes = STACQ_UNLIMITED;
	if (l.max_msg_size == STACQ_UNCHANGED)
		l.max_msg_size = STACQ_UNLIMITED;
	model_limits(&l);
	idle_ms = (how & 6) == 6 ? 0 : 10000;
	run.polled = !(how & 4);
	standin.fail_at = b >> 6;
	if (!capacity)
		return false;
	run.q = stacq_queue_alloc("fuzz", order, &l, capacity);
	must(run.q || standin.refused || capacity > MEMORY);
	standin.fail_at = 0;
	return run.q;
}

static void finish(void)
{
	struct parked *p;

	run.ops = 0;
	check();
	run.checking = true;
	while (run.nr_held)
		let_go(0, run.nr_held & 1, true);
	kfree(run.spare);
	if (run.polled) {
		list_del(&run.reader.wait.entry);
		list_del(&run.writer.wait.entry);
	}
	for (p = run.parked; p < run.parked + PARKED_MAX; p++)
		if (p->used)
			get_up(p);
	stacq_queue_get(run.q);
	stacq_queue_put(run.q);
	must(list_empty(&run.q->read_wait.head));
	must(list_empty(&run.q->write_wait.head));
	must(!atomic_read(&run.q->readers_waiting) && !atomic_read(&run.q->writers_waiting));
	stacq_queue_put(run.q);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	memset(&run, 0, sizeof(run));
	memset(&standin, 0, sizeof(standin));
	standin.budget = MEMORY;
	run.in = data;
	run.end = data + size;
	run.checking = true;
	current = &run.task;
	if (start()) {
		if (run.polled)
			pollers_init();
		while (more())
			step();
		finish();
	}
	must(!standin.allocated && !standin.spins);
	return 0;
}
