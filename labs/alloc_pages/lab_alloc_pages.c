// SPDX-License-Identifier: GPL-2.0
/*
 * Whole pages from the page allocator: taken when the module is loaded, looked
 * at, and given back when it is unloaded, each with the function that matches.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

/* Blocks of 4 MiB, with pages of 4 KiB: all kernels have them. */
#define LARGEST_ORDER	10
/* A line for each page, but not a thousand of them. */
#define MOST_LINES	8
/* How often to try to get back the very frame that was just freed. */
#define MOST_TRIES	1000
#define DIRT		0xaa

static unsigned int order = 3;
module_param(order, uint, 0444);
MODULE_PARM_DESC(order, "blocks of 2^order pages, 0 to 10 (default 3)");

static struct page *block;		/* from alloc_pages() */
static struct page *single;		/* from alloc_page() */
static unsigned long block_addr;	/* from __get_free_pages() */
static unsigned long single_addr;	/* from __get_free_page() */
static unsigned long zeroed_addr;	/* from get_zeroed_page() */
static unsigned int zeroed_tries;	/* how many it took to get a dirty frame */
static bool zeroed_was_dirty;

static int no_memory(const char *what)
{
	pr_err("no memory for %s\n", what);
	return -ENOMEM;
}

static unsigned long frame_of(unsigned long addr)
{
	return page_to_pfn(virt_to_page((void *)addr));
}

static unsigned int nonzero_bytes(unsigned long addr)
{
	const u8 *byte = (const u8 *)addr;
	unsigned int count = 0;
	size_t n;

	for (n = 0; n < PAGE_SIZE; n++)
		count += !!byte[n];
	return count;
}

/*
 * Takes a page, fills it with dirt, and gives it back. Returns its frame, 0 if
 * there was no page. The allocator likes to give out next what came back last,
 * since that may still be in the processor's cache.
 */
static unsigned long leave_dirty_frame(void)
{
	unsigned long addr = __get_free_page(GFP_KERNEL);
	unsigned long frame;

	if (!addr)
		return 0;
	frame = frame_of(addr);
	memset((void *)addr, DIRT, PAGE_SIZE);
	free_page(addr);
	return frame;
}

/* Until it is the frame that was dirty: a page that was zero before proves nothing. */
static int take_zeroed_page(void)
{
	unsigned long dirty;

	for (; !zeroed_was_dirty && zeroed_tries < MOST_TRIES; zeroed_tries++) {
		if (zeroed_addr)
			free_page(zeroed_addr);
		dirty = leave_dirty_frame();
		zeroed_addr = get_zeroed_page(GFP_KERNEL);
		if (!zeroed_addr)
			return no_memory("a zeroed page");
		zeroed_was_dirty = frame_of(zeroed_addr) == dirty;
	}
	return 0;
}

/*
 * Marks each page of the block by way of its own addresses. Then maps the frames
 * first, first + 1, first + 2 ... anew, at addresses that lead to them through
 * entries of the page table, one for each, and counts the marks found there.
 * Only if the block is those frames, in that order, is each mark in its place.
 */
static int marks_in_frames(struct page *first, unsigned int *found)
{
	unsigned int n, pages = 1U << order;
	struct page **frames;
	u32 *mark;
	void *view;

	frames = kmalloc_array(pages, sizeof(*frames), GFP_KERNEL);
	if (!frames)
		return no_memory("the list of frames");
	for (n = 0; n < pages; n++) {
		frames[n] = pfn_to_page(page_to_pfn(first) + n);
		mark = page_address(first) + n * PAGE_SIZE;
		*mark = n + 1;
	}
	view = vmap(frames, pages, VM_MAP, PAGE_KERNEL);
	kfree(frames);
	if (!view)
		return no_memory("the second mapping");
	*found = 0;
	for (n = 0; n < pages; n++) {
		mark = view + n * PAGE_SIZE;
		*found += *mark == n + 1;
	}
	vunmap(view);
	return 0;
}

/* @addr: as the kernel sees it. With %p a number made from it is printed instead. */
static void show_block(const char *by, unsigned long addr, unsigned int marks)
{
	unsigned long first = frame_of(addr);
	unsigned int n, consecutive = 0, pages = 1U << order;

	for (n = 0; n < pages; n++) {
		unsigned long frame = frame_of(addr + n * PAGE_SIZE);

		consecutive += frame == first + n;
		if (n < MOST_LINES)
			pr_info("by=%s page=%u pfn=%lu\n", by, n, frame);
	}
	pr_info("by=%s order=%u pages=%u consecutive=%u marks=%u aligned=%d address=%p (hashed)\n",
		by, order, pages, consecutive, marks, !(first & (pages - 1)), (void *)addr);
}

static void show_singles(void)
{
	pr_info("by=alloc_page pages=1 pfn=%lu\n", page_to_pfn(single));
	pr_info("by=__get_free_page pages=1 pfn=%lu\n", frame_of(single_addr));
	pr_info("by=get_zeroed_page bytes=%lu nonzero=%u was_dirty=%d tries=%u\n", PAGE_SIZE,
		nonzero_bytes(zeroed_addr), zeroed_was_dirty, zeroed_tries);
}

static int __init lab_init(void)
{
	unsigned int marks, marks_addr;
	int err;

	if (order > LARGEST_ORDER) {
		pr_err("order=%u: must be 0 to %d\n", order, LARGEST_ORDER);
		return -EINVAL;
	}
	block = alloc_pages(GFP_KERNEL, order);
	if (!block)
		return no_memory("the block of alloc_pages()");
	single = alloc_page(GFP_KERNEL);
	if (!single) {
		err = no_memory("the page of alloc_page()");
		goto free_block;
	}
	block_addr = __get_free_pages(GFP_KERNEL, order);
	if (!block_addr) {
		err = no_memory("the block of __get_free_pages()");
		goto free_single;
	}
	single_addr = __get_free_page(GFP_KERNEL);
	if (!single_addr) {
		err = no_memory("the page of __get_free_page()");
		goto free_block_addr;
	}
	err = take_zeroed_page();
	if (err)
		goto free_single_addr;
	err = marks_in_frames(block, &marks);
	if (err)
		goto free_zeroed_addr;
	err = marks_in_frames(virt_to_page((void *)block_addr), &marks_addr);
	if (err)
		goto free_zeroed_addr;

	show_block("alloc_pages", (unsigned long)page_address(block), marks);
	show_block("__get_free_pages", block_addr, marks_addr);
	show_singles();
	return 0;

free_zeroed_addr:
	free_page(zeroed_addr);
free_single_addr:
	free_page(single_addr);
free_block_addr:
	free_pages(block_addr, order);
free_single:
	__free_page(single);
free_block:
	__free_pages(block, order);
	return err;
}

/* What was given as a struct page goes back as one, what was an address as an address. */
static void __exit lab_exit(void)
{
	free_page(zeroed_addr);
	free_page(single_addr);
	free_pages(block_addr, order);
	__free_page(single);
	__free_pages(block, order);
	pr_info("freed pages=%u\n", 2 * (1U << order) + 3);
}

module_init(lab_init);
module_exit(lab_exit);

MODULE_DESCRIPTION("Lab: whole pages from the page allocator");
MODULE_LICENSE("GPL");
