// SPDX-License-Identifier: GPL-2.0
/*
 * For CBMC: one operation on a small queue, in whatever state it is, agrees with
 * the model, reads and writes no byte that is not its own, and leaves a state
 * that agrees, too.
 *
 * There is no ring here that could wrap. What corresponds to the place of its
 * ends is where room is taken from next: how far the segment has been cut
 * (bump), in which order the messages that are spare again follow each other
 * (free), and which of them are stored, in whichever order they were sent.
 * start() makes all of these: it takes any number of messages, gives back any of
 * them and sends the others, in any order.
 *
 * tests/host/proof.sh makes the constants in store.h smaller: fewer segments, a
 * short message, and blocks of one message, so that the chain is walked. Bytes
 * of messages are left to fuzz.c: where they can be put together to a pointer,
 * as in spare room, the solver would have to take it for any.
 *
 * PROOF_CAPACITY, PROOF_LIFO and PROOF_OP, the operation, come from the command
 * line.
 */
#define MODEL_MAX	(PROOF_CAPACITY + 2)
#define PAGE_SIZE	STACQ_BLOCK_SIZE

#include "container.h"
#include "model.h"

#define LEN		2

struct standin standin;
static struct task_struct task;
static struct stacq_queue queue;
static struct model md;

_Bool nondet_bool(void);
unsigned char nondet_u8(void);

void standin_preempt(void)
{
}

void standin_sleep(void)
{
}

/*
 * Memory, of sizes that the solver knows beforehand
 */

struct one_block {
	struct stacq_block block;
	struct stacq_msg msgs[1];
};

void *kmalloc(size_t size, gfp_t gfp)
{
	must(gfp & __GFP_ACCOUNT);
	must(!standin.spins);
	standin.allocated += size;
	if (size == sizeof(struct stacq_lease))
		return malloc(sizeof(struct stacq_lease));
	if (size == sizeof(struct stacq_segment))
		return malloc(sizeof(struct stacq_segment));
	must(size == sizeof(struct one_block));
	return malloc(sizeof(struct one_block));
}

void *kzalloc(size_t size, gfp_t gfp)
{
	(void)gfp;
	must(size == sizeof(queue));
	return &queue;
}

void *__vmalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp);
}

void *kvmalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp);
}

void kfree(void *p)
{
	if (p)
		standin.allocated -= __CPROVER_OBJECT_SIZE(p);
	free(p);
}

void kvfree(void *p)
{
	kfree(p);
}

long si_mem_available(void)
{
	return 1 << 20;
}

static void check(void)
{
	const struct stacq_count *held = &queue.count[STACQ_MSG_HELD];
	const struct stacq_store *st = &queue.store;
	const struct list_head *at = queue.msgs.next;
	/* One operation returns one message at most. */
	const struct stacq_msg *back = __stacq_returned_first(&queue), *m;
	u32 n;

	for (n = 0; n < md.nr; n++) {
		const struct model_msg *w = &md.msgs[model_nth(&md, n)];

		if (w->held)
			continue;
		if (back && back->seq == w->seq) {
			must(back->state == STACQ_MSG_RETURNED);
			m = back;
		} else {
			m = list_entry(at, struct stacq_msg, link);
			must(at != &queue.msgs && m->state == STACQ_MSG_READY);
			at = at->next;
		}
		must(m->seq == w->seq && m->len == w->len);
		must(m->deliveries == w->deliveries);
		must(!st->segments[m->segment]->retired);
	}
	must(at == &queue.msgs);
	must(__stacq_stored(&queue) == md.nr && __stacq_stored_bytes(&queue) == md.bytes);
	must(held->nr == md.held && held->bytes == md.held_bytes);
	must(st->live == md.nr && md.nr <= st->capacity);
	must(st->capacity == md.capacity && !st->current_segment->retired);
	must(st->bytes + queue.returned.nr_spare * sizeof(struct stacq_lease) ==
	     standin.allocated);
}

/* Nothing of a segment is lost: what is not taken is spare or was never cut. */
static void check_segment(const struct stacq_segment *seg)
{
	const struct stacq_block *block;
	const struct stacq_msg *m;
	u64 spare = 0, cut = 0;

	if (!seg)
		return;
	for (block = seg->blocks; block != seg->block; block = block->next)
		cut += block->nr;
	cut += seg->bump - block->msgs;
	for (m = seg->free; m; m = m->next_free)
		spare++;
	must(cut <= seg->nr && seg->live + spare == cut);
}

/*
 * Operations: what PROOF_OP may be
 */

static void commit(struct stacq_msg *m)
{
	__stacq_send_commit(&queue, m);
	model_send(&md, LEN, 0, 0, 0, 0);
}

static void send(void)
{
	int expected = model_may_send(&md, LEN);
	struct stacq_msg *m;

	stacq_lock(&queue);
	m = __stacq_send_begin(&queue, LEN, NULL);
	if (!expected && md.nr == md.capacity)
		expected = -ENOBUFS;
	must(IS_ERR(m) ? PTR_ERR(m) == expected : !expected);
	if (!IS_ERR(m))
		commit(m);
	stacq_unlock(&queue);
}

/* The message that comes next, by the model. */
static struct stacq_msg *first(int at)
{
	struct stacq_msg *m = __stacq_receive_begin(&queue);

	if (at < 0) {
		must(m == ERR_PTR(-EAGAIN));
		return NULL;
	}
	must(m->seq == md.msgs[at].seq);
	return m;
}

static void receive(void)
{
	int at = model_at(&md, 0);
	struct stacq_msg *m;

	stacq_lock(&queue);
	m = first(at);
	if (m) {
		__stacq_receive_done(&queue, m);
		model_remove(&md, at);
	}
	stacq_unlock(&queue);
}

static struct stacq_msg *hold(int at)
{
	struct stacq_lease *lease = NULL;
	struct stacq_msg *m;

	stacq_lease_alloc(&lease);
	stacq_lock(&queue);
	m = first(at);
	if (m) {
		__stacq_hold(&queue, m, &lease);
		model_hold(&md, at);
	}
	must(!m || !lease);
	kfree(lease);
	stacq_unlock(&queue);
	return m;
}

static void hold_done(void)
{
	int at = model_at(&md, 0);
	struct stacq_msg *m = hold(at);

	if (!m)
		return;
	stacq_lock(&queue);
	__stacq_held_done(&queue, m);
	stacq_unlock(&queue);
	model_let_go(&md, at);
	model_remove(&md, at);
}

static void give_back(void)
{
	int at = model_at(&md, 0);
	struct stacq_msg *m = hold(at);

	if (!m)
		return;
	stacq_lock(&queue);
	__stacq_give_back(&queue, m, true);
	stacq_unlock(&queue);
	model_give_back(&md, at, true);
}

static void grow(void)
{
	must(!stacq_store_grow(&queue.store, PROOF_CAPACITY + 1, GFP_KERNEL));
	md.capacity = PROOF_CAPACITY + 1;
	check();
	send();
}

/*
 * States
 */

static void start(void)
{
	struct stacq_limits limits = { .max_msgs = PROOF_CAPACITY + nondet_bool() };
	struct stacq_msg *taken[PROOF_CAPACITY];
	u32 i, at, nr = 0;

	current = &task;
	md = (struct model){ .order = PROOF_LIFO, .capacity = PROOF_CAPACITY,
			     .max_msgs = limits.max_msgs, .max_bytes = U64_MAX,
			     .max_msg_size = U64_MAX };
	stacq_queue_alloc("p", PROOF_LIFO, &limits, PROOF_CAPACITY);
	stacq_lock(&queue);
	for (i = 0; i < PROOF_CAPACITY; i++)
		if (nondet_bool())
			taken[nr++] = __stacq_send_begin(&queue, LEN, NULL);
	for (i = 0; i < PROOF_CAPACITY && nr; i++) {
		at = nondet_u8();
		__CPROVER_assume(at < nr);
		if (nondet_bool())
			commit(taken[at]);
		else
			__stacq_send_abort(&queue, taken[at]);
		taken[at] = taken[--nr];
	}
	stacq_unlock(&queue);
	check();
}

int main(void)
{
	int i;

	start();
	PROOF_OP();
	check();
	for (i = 0; i < STACQ_MAX_SEGMENTS; i++)
		check_segment(queue.store.segments[i]);
	return 0;
}
