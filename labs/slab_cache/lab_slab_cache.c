// SPDX-License-Identifier: GPL-2.0
/*
 * Three caches of objects of one kind. One has a constructor, and is asked
 * whether objects come out in the order in which they were constructed. One has
 * poison and red zones, and its bytes are looked at. One has a constructor and
 * poison, which do not go together.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/poison.h>
#include <linux/slab.h>
#include <linux/types.h>

#include "../../kernel/compat.h"

#define NR_TAKEN	5
#define GUARDED_SIZE	40

/* An object knows as the how-manieth of its cache it was constructed. */
struct thing {
	int id;
	char text[36];
};

static bool overrun;
module_param(overrun, bool, 0444);
MODULE_PARM_DESC(overrun, "write one byte past an object with a red zone, to see it reported");

static struct kmem_cache *things;	/* with a constructor */
static struct kmem_cache *guarded;	/* with poison and red zones */
static struct kmem_cache *both;		/* with a constructor and poison */
/* Held from load to unload, so that /proc/slabinfo has something to count. */
static struct thing *taken[NR_TAKEN];
static int first[NR_TAKEN], again[NR_TAKEN];	/* their ids */
static const struct thing *was[NR_TAKEN];	/* where the first ones were */
static int made, made_again;			/* objects, while they were taken */
static u8 *guarded_object;
static struct thing *both_object;

/*
 * A constructor may run on several processors at once, for it is called whenever
 * anybody's allocation needs a new slab; here that is only a matter of style.
 */
static atomic_t constructed = ATOMIC_INIT(0);

/* Runs once for each object of a new slab, not once for each allocation. */
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

/* In the order of taken[]. */
static void give_back_things(void)
{
	int n;

	for (n = 0; n < NR_TAKEN; n++) {
		if (taken[n])
			kmem_cache_free(things, taken[n]);
		taken[n] = NULL;
	}
}

static int take_things(int id[NR_TAKEN])
{
	int n;

	for (n = 0; n < NR_TAKEN; n++) {
		taken[n] = kmem_cache_alloc(things, GFP_KERNEL);
		if (!taken[n]) {
			give_back_things();
			return no_memory("an object");
		}
		id[n] = taken[n]->id;
	}
	return 0;
}

/* The byte after the object. KASAN knows that it is not ours, and would say so. */
static int byte_after(const u8 *object)
{
	return IS_ENABLED(CONFIG_KASAN) ? -1 : object[GUARDED_SIZE];
}

/* As they come from a cache without a constructor, never written to. */
static void show_guarded(void)
{
	unsigned int n, poisoned = 0;

	for (n = 0; n < GUARDED_SIZE - 1; n++)
		poisoned += guarded_object[n] == POISON_FREE;
	pr_info("cache=lab_guarded bytes=%d poisoned=%u first=%#x last=%#x after=%#x\n",
		GUARDED_SIZE, poisoned, guarded_object[0], guarded_object[GUARDED_SIZE - 1],
		byte_after(guarded_object));
}

/* What the constructor wrote is there, and what it did not write is not this poison. */
static void show_both(void)
{
	unsigned int n, poisoned = 0;

	for (n = 0; n < sizeof(both_object->text); n++)
		poisoned += (u8)both_object->text[n] == POISON_FREE;
	pr_info("cache=lab_both id_kept=%d poisoned=%u\n",
		both_object->id >= 0 && both_object->id < atomic_read(&constructed), poisoned);
}

static void show_ids(const char *when, const int id[NR_TAKEN])
{
	pr_info("taken=%s ids=%d,%d,%d,%d,%d\n", when, id[0], id[1], id[2], id[3], id[4]);
}

static void show_order(void)
{
	unsigned int n, by_id = 1, by_address = 1, aligned = 0;

	for (n = 0; n < NR_TAKEN; n++) {
		aligned += IS_ALIGNED((unsigned long)was[n], cache_line_size());
		if (!n)
			continue;
		by_id += first[n] == first[n - 1] + 1;
		by_address += was[n] > was[n - 1];
	}
	show_ids("first", first);
	show_ids("again", again);
	pr_info("in_order=%d addresses_rise=%d random=%d kasan=%d\n", by_id == NR_TAKEN,
		by_address == NR_TAKEN, IS_ENABLED(CONFIG_SLAB_FREELIST_RANDOM),
		IS_ENABLED(CONFIG_KASAN));
	pr_info("cache=lab_things size=%zu line=%d aligned=%u constructed=%d constructed_again=%d\n",
		sizeof(struct thing), cache_line_size(), aligned, made, made_again);
}

/* Five from a new cache; then all back, and five once more. */
static int take_twice(void)
{
	int n, err;

	err = take_things(first);
	if (err)
		return err;
	made = atomic_read(&constructed);
	for (n = 0; n < NR_TAKEN; n++)
		was[n] = taken[n];
	give_back_things();
	err = take_things(again);
	made_again = atomic_read(&constructed) - made;
	return err;
}

/* All or none of them. */
static int create_caches(void)
{
	/* The constructor keeps it from being merged with another cache of that size. */
	things = kmem_cache_create("lab_things", sizeof(struct thing), 0,
				   SLAB_HWCACHE_ALIGN, construct);
	if (!things)
		return no_memory("the cache lab_things");
	/* Without the last flag red zones are there, and nobody looks at them. */
	guarded = kmem_cache_create("lab_guarded", GUARDED_SIZE, 0,
				    stacq_slab_debug(SLAB_POISON | SLAB_RED_ZONE |
						     SLAB_CONSISTENCY_CHECKS), NULL);
	if (!guarded)
		goto destroy_things;
	both = kmem_cache_create("lab_both", sizeof(struct thing), 0,
				 stacq_slab_debug(SLAB_POISON | SLAB_RED_ZONE), construct);
	if (!both)
		goto destroy_guarded;
	return 0;

destroy_guarded:
	kmem_cache_destroy(guarded);
destroy_things:
	kmem_cache_destroy(things);
	return no_memory("another cache");
}

static void destroy_caches(void)
{
	kmem_cache_destroy(both);
	kmem_cache_destroy(guarded);
	kmem_cache_destroy(things);
}

static int __init lab_init(void)
{
	int err;

	err = create_caches();
	if (err)
		return err;
	guarded_object = kmem_cache_alloc(guarded, GFP_KERNEL);
	if (!guarded_object) {
		err = no_memory("an object with red zones");
		goto destroy_caches;
	}
	err = take_twice();
	if (err)
		goto free_guarded_object;
	both_object = kmem_cache_alloc(both, GFP_KERNEL);
	if (!both_object) {
		err = no_memory("an object of the third cache");
		goto give_back_things;
	}
	show_order();
	show_guarded();
	show_both();
	return 0;

give_back_things:
	give_back_things();
free_guarded_object:
	kmem_cache_free(guarded, guarded_object);
destroy_caches:
	destroy_caches();
	return err;
}

/* A cache must be empty when it is destroyed. */
static void __exit lab_exit(void)
{
	if (overrun)
		guarded_object[GUARDED_SIZE] = 0;
	give_back_things();
	kmem_cache_free(both, both_object);
	kmem_cache_free(guarded, guarded_object);
	destroy_caches();
	pr_info("freed objects=%d caches=3\n", NR_TAKEN + 2);
}

module_init(lab_init);
module_exit(lab_exit);

MODULE_DESCRIPTION("Lab: a cache of objects of one kind");
MODULE_LICENSE("GPL");
