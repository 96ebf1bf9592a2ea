// SPDX-License-Identifier: GPL-2.0
/*
 * The same array from kmalloc() and from vmalloc(), and which frames of memory
 * each lies in. With bench=1: what an allocation costs, by allocator and size.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define NR_INTS		20
#define NR_PAGES	15	/* of the larger arrays */
#define NR_LOOSE	64	/* see scatter() */
#define SMALLEST	8
#define LARGEST		(8UL << 20)
#define BATCH		16
#define BATCHES		8
#define ENOUGH_NS	2000000	/* of batches that take so long three will do */

static bool bench;
module_param(bench, bool, 0444);
MODULE_PARM_DESC(bench, "measure the time of an allocation and its free (default no)");

static int *small_k, *small_v;	/* NR_INTS ints */
static void *large_k, *large_v;	/* NR_PAGES pages */
static void *beyond;		/* twice of what kmalloc() can give */

/* kfree(NULL) and vfree(NULL) do nothing, so this serves however far loading came. */
static void free_all(void)
{
	vfree(beyond);
	vfree(large_v);
	kfree(large_k);
	vfree(small_v);
	kfree(small_k);
}

/* kmalloc()ed memory lies in the kernel's map of all memory, where neighbours are neighbours. */
static unsigned long frame_of(const void *addr)
{
	return is_vmalloc_addr(addr) ? vmalloc_to_pfn(addr) : page_to_pfn(virt_to_page(addr));
}

static void show_ints(const char *by, int *array)
{
	char text[NR_INTS * 4] = "";
	int n, len = 0;

	for (n = 0; n < NR_INTS; n++)
		array[n] = n * n;
	for (n = 0; n < NR_INTS; n++)
		len += scnprintf(text + len, sizeof(text) - len, "%s%d", n ? "," : "", array[n]);
	pr_info("by=%s ints=%d bytes=%zu frames=%d values=%s\n", by, NR_INTS,
		NR_INTS * sizeof(*array),
		1 + (frame_of(array) != frame_of(array + NR_INTS - 1)), text);
}

/* A run is as many pages as follow one another in memory, too. */
static void show_frames(const char *by, const void *array)
{
	unsigned int n, runs = 1;
	unsigned long frame, last = 0;

	for (n = 0; n < NR_PAGES; n++) {
		frame = frame_of(array + n * PAGE_SIZE);
		runs += n && frame != last + 1;
		last = frame;
		pr_info("by=%s page=%u pfn=%lu\n", by, n, frame);
	}
	pr_info("by=%s pages=%d runs=%u address=%p (hashed)\n", by, NR_PAGES, runs, array);
}

/*
 * Just after boot free pages lie in long rows, so that even pages taken singly
 * may come in order. This leaves loose ones: of a row of pages every other one
 * is given back, the rest afterwards. On a machine that has run for a day this
 * would be for nothing.
 */
static struct page *loose[NR_LOOSE];

static void scatter(void)
{
	int n;

	for (n = 0; n < NR_LOOSE; n++)
		loose[n] = alloc_page(GFP_KERNEL);
	for (n = 0; n < NR_LOOSE; n += 2)
		if (loose[n])
			__free_page(loose[n]);
}

static void gather(void)
{
	int n;

	for (n = 1; n < NR_LOOSE; n += 2)
		if (loose[n])
			__free_page(loose[n]);
}

/* Doubles until kmalloc() says no, which here is no reason for the kernel to warn. */
static size_t largest_kmalloc(void)
{
	size_t size;
	void *p;

	for (size = PAGE_SIZE; ; size *= 2) {
		p = kmalloc(size, GFP_KERNEL | __GFP_NOWARN);
		if (!p)
			return size / 2;
		kfree(p);
	}
}

/* What is measured. */
static const char *const allocators[] = { "page", "kmalloc", "vmalloc", "slab", "mempool" };
enum { PAGE, KMALLOC, VMALLOC, SLAB, MEMPOOL, NR_ALLOCATORS };
#define BENCH_GFP	(GFP_KERNEL | __GFP_NOWARN)

static struct kmem_cache *cache;	/* of objects of the size in turn, NULL if too large */
static mempool_t *pool;			/* over it */

static void *take(int allocator, size_t size)
{
	switch (allocator) {
	case PAGE:
		return (void *)__get_free_pages(BENCH_GFP, get_order(size));
	case KMALLOC:
		return kmalloc(size, BENCH_GFP);
	case VMALLOC:
		return vmalloc(size);
	case SLAB:
		return cache ? kmem_cache_alloc(cache, BENCH_GFP) : NULL;
	default:
		return pool ? mempool_alloc(pool, BENCH_GFP) : NULL;
	}
}

static void give_back(int allocator, void *p, size_t size)
{
	switch (allocator) {
	case PAGE:
		return free_pages((unsigned long)p, get_order(size));
	case KMALLOC:
		return kfree(p);
	case VMALLOC:
		return vfree(p);
	case SLAB:
		return kmem_cache_free(cache, p);
	default:
		return mempool_free(p, pool);
	}
}

/* The quickest of some batches: whatever else runs on the machine only adds. */
static void measure(int allocator, size_t size)
{
	u64 best = U64_MAX, start;
	int batch, n;
	void *p;

	for (batch = 0; batch < BATCHES && (batch < 3 || best < ENOUGH_NS); batch++) {
		start = ktime_get_ns();
		for (n = 0; n < BATCH; n++) {
			p = take(allocator, size);
			if (!p) {
				pr_info("bench allocator=%s size=%zu failed\n",
					allocators[allocator], size);
				return;
			}
			give_back(allocator, p, size);
		}
		best = min(best, ktime_get_ns() - start);
		cond_resched();
	}
	pr_info("bench allocator=%s size=%zu ns=%llu\n", allocators[allocator], size,
		div_u64(best, BATCH));
}

static void measure_all(void)
{
	size_t size;
	int n;

	for (size = SMALLEST; size <= LARGEST; size *= 2) {
		/* The kernel logs a trace when asked for a cache of what no slab can hold. */
		if (size <= KMALLOC_MAX_SIZE)
			cache = kmem_cache_create("lab_bench", size, 0, 0, NULL);
		if (cache)
			pool = mempool_create_slab_pool(1, cache);
		for (n = 0; n < NR_ALLOCATORS; n++)
			measure(n, size);
		mempool_destroy(pool);
		kmem_cache_destroy(cache);
		pool = NULL;
		cache = NULL;
	}
}

static int __init lab_init(void)
{
	size_t largest;

	small_k = kmalloc_array(NR_INTS, sizeof(*small_k), GFP_KERNEL);
	small_v = vmalloc(NR_INTS * sizeof(*small_v));
	scatter();
	large_k = kmalloc(NR_PAGES * PAGE_SIZE, GFP_KERNEL);
	large_v = vmalloc(NR_PAGES * PAGE_SIZE);
	gather();
	largest = largest_kmalloc();
	beyond = vmalloc(2 * largest);
	if (!small_k || !small_v || !large_k || !large_v || !beyond) {
		free_all();
		pr_err("no memory for the arrays\n");
		return -ENOMEM;
	}
	show_ints("kmalloc", small_k);
	show_ints("vmalloc", small_v);
	show_frames("kmalloc", large_k);
	show_frames("vmalloc", large_v);
	pr_info("largest_kmalloc=%zu beyond_by_vmalloc=%zu debug=%d\n", largest, 2 * largest,
		IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN));
	if (bench)
		measure_all();
	return 0;
}

static void __exit lab_exit(void)
{
	free_all();
	pr_info("freed arrays=5\n");
}

module_init(lab_init);
module_exit(lab_exit);

MODULE_DESCRIPTION("Lab: memory that is contiguous, or only looks so");
MODULE_LICENSE("GPL");
