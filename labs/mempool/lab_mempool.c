// SPDX-License-Identifier: GPL-2.0
/*
 * A memory pool over a cache of objects. While the module is loaded the
 * allocator under the pool is made to fail; the pool's reserve then serves, runs
 * dry, and fills up again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/types.h>

#define MOST_RESERVE	64

static unsigned int reserve = 5;
module_param(reserve, uint, 0444);
MODULE_PARM_DESC(reserve, "objects that the pool holds back, 1 to 64 (default 5)");

static bool sabotage = true;
module_param(sabotage, bool, 0444);
MODULE_PARM_DESC(sabotage, "make the allocator under the pool fail (default yes)");

struct thing {
	int id;
	char text[60];
};

/* One row of numbers: ids of objects, in the order in which they were had. */
struct row {
	unsigned int count;
	int id[MOST_RESERVE + 1];
};

static struct kmem_cache *cache;
static mempool_t *pool;
static struct thing *taken[MOST_RESERVE + 2];
static unsigned int nr_taken;

static struct row filled;		/* what the pool took for its reserve */
static atomic_t constructed = ATOMIC_INIT(0);
static unsigned int asked;		/* how often the pool asked the allocator */
static bool failing;			/* it has to say no */

static void construct(void *object)
{
	struct thing *thing = object;

	thing->id = atomic_inc_return(&constructed) - 1;
}

static int no_memory(const char *what)
{
	pr_err("no memory for %s\n", what);
	return -ENOMEM;
}

static void add(struct row *row, int id)
{
	if (row->count < ARRAY_SIZE(row->id))
		row->id[row->count++] = id;
}

/* What mempool_alloc_slab() does, and a way to make it fail. */
static void *lab_alloc(gfp_t gfp, void *data)
{
	struct thing *thing;

	asked++;
	if (failing)
		return NULL;
	thing = kmem_cache_alloc(data, gfp);
	if (thing && !pool)
		add(&filled, thing->id);
	return thing;
}

/* The pool calls it for what its reserve has no room for. */
static void lab_free(void *object, void *data)
{
	kmem_cache_free(data, object);
}

/*
 * GFP_NOWAIT: the caller can't wait, so it gets NULL when the reserve is used up.
 * With GFP_KERNEL it would sleep until somebody gives an object back; here the
 * only one to do so would be the sleeper, who would sleep for ever.
 */
static bool take(struct row *row)
{
	struct thing *thing = mempool_alloc(pool, GFP_NOWAIT);

	if (!thing)
		return false;
	taken[nr_taken++] = thing;
	add(row, thing->id);
	return true;
}

static void give_back(void)
{
	while (nr_taken)
		mempool_free(taken[--nr_taken], pool);
}

/* As a text, in a buffer that only loading uses. */
static const char *ids(const struct row *row)
{
	static char text[8 * (MOST_RESERVE + 1)];
	unsigned int n;
	int len = 0;

	text[0] = 0;
	for (n = 0; n < row->count; n++)
		len += scnprintf(text + len, sizeof(text) - len, "%s%d", n ? "," : "", row->id[n]);
	return text;
}

static void show(const char *step, const struct row *row, bool empty)
{
	pr_info("step=%s served=%u null=%d left=%d ids=%s\n", step, row->count, empty,
		pool->curr_nr, ids(row));
}

/* One more than the reserve has, or until there is none. */
static void take_all(const char *step)
{
	struct row row = { 0 };
	unsigned int n;
	bool empty = false;

	for (n = 0; n <= reserve && !empty; n++)
		empty = !take(&row);
	show(step, &row, empty);
}

/* The allocator still fails; what comes back fills the reserve, not the cache. */
static void give_back_one(void)
{
	struct row row = { 0 };
	int id;

	if (!nr_taken)
		return;
	id = taken[nr_taken - 1]->id;
	mempool_free(taken[--nr_taken], pool);
	pr_info("step=returned id=%d left=%d\n", id, pool->curr_nr);
	show("once-more", &row, !take(&row));
}

static void go_through(void)
{
	struct row row = { 0 };

	show("filled", &filled, false);
	take_all("working");
	give_back();

	failing = sabotage;
	asked = 0;
	take_all("failing");
	pr_info("step=asked times=%u\n", asked);
	give_back_one();
	failing = false;

	show("recovered", &row, !take(&row));
	give_back();
	pr_info("step=refilled left=%d\n", pool->curr_nr);
}

static int __init lab_init(void)
{
	if (reserve < 1 || reserve > MOST_RESERVE) {
		pr_err("reserve=%u: must be 1 to %d\n", reserve, MOST_RESERVE);
		return -EINVAL;
	}
	cache = kmem_cache_create("lab_pool", sizeof(struct thing), 0, 0, construct);
	if (!cache)
		return no_memory("the cache");
	pool = mempool_create(reserve, lab_alloc, lab_free, cache);
	if (!pool) {
		kmem_cache_destroy(cache);
		return no_memory("the pool");
	}
	go_through();
	return 0;
}

/* The pool gives its reserve back to the cache; only then is the cache empty. */
static void __exit lab_exit(void)
{
	pr_info("freed reserve=%d\n", pool->curr_nr);
	mempool_destroy(pool);
	kmem_cache_destroy(cache);
}

module_init(lab_init);
module_exit(lab_exit);

MODULE_DESCRIPTION("Lab: a memory pool, when its allocator fails");
MODULE_LICENSE("GPL");
