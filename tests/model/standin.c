// SPDX-License-Identifier: GPL-2.0
/* Memory for the container, and how a test ends that finds something wrong. */
#include <linux/slab.h>
#include <malloc.h>
#include <stdlib.h>

/* Above any block, and rare enough to be looked for one by one. */
#define VMALLOCS	64

/* What fresh memory holds: nobody may rely on it. */
#define POISON		0xa5

struct standin standin;
static void *vmallocs[VMALLOCS];

void standin_fail(const char *file, int line, const char *function,
		  const char *what)
{
	fprintf(stderr, "%s:%d: %s: wrong: %s\n", file, line, function, what);
	abort();
}

/* Exact only with the address sanitizer. */
static size_t size_of(void *p)
{
	return malloc_usable_size(p);
}

static bool refused(size_t size, gfp_t gfp)
{
	must(gfp & __GFP_ACCOUNT);
	must(!gfpflags_allow_blocking(gfp) || !standin.spins);
	if (standin.kill_at && !--standin.kill_at)
		standin.killed = true;
	if ((standin.fail_at && !--standin.fail_at) ||
	    size > standin.budget - standin.allocated) {
		standin.refused++;
		return true;
	}
	return false;
}

static void *allocate(size_t size, gfp_t gfp)
{
	void *p;

	if (refused(size, gfp))
		return NULL;
	p = malloc(size);
	must(p && size_of(p) == size);
	memset(p, POISON, size);
	standin.allocated += size;
	return p;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	return allocate(size, gfp);
}

void *kzalloc(size_t size, gfp_t gfp)
{
	void *p = allocate(size, gfp);

	return p ? memset(p, 0, size) : NULL;
}

void *kvmalloc(size_t size, gfp_t gfp)
{
	return size > PAGE_SIZE ? __vmalloc(size, gfp) : allocate(size, gfp);
}

void *__vmalloc(size_t size, gfp_t gfp)
{
	int i;

	must(gfpflags_allow_blocking(gfp));
	for (i = 0; i < VMALLOCS; i++)
		if (!vmallocs[i])
			return vmallocs[i] = allocate(size, gfp);
	standin.refused++;
	return NULL;
}

/* Forget that it came from vmalloc; false if it did not. */
static bool was_vmalloc(void *p)
{
	int i;

	for (i = 0; p && i < VMALLOCS; i++) {
		if (vmallocs[i] == p) {
			vmallocs[i] = NULL;
			return true;
		}
	}
	return false;
}

static void release(void *p)
{
	standin.allocated -= p ? size_of(p) : 0;
	free(p);
}

void kfree(void *p)
{
	must(!was_vmalloc(p));
	release(p);
}

/* Unlike the other it may sleep. */
void kvfree(void *p)
{
	must(!standin.spins);
	was_vmalloc(p);
	release(p);
}

long si_mem_available(void)
{
	return (standin.budget - standin.allocated) >> PAGE_SHIFT;
}
