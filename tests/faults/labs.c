// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the labs' modules, with each allocation and user copy of the lab's own
 * made to fail, from the last one backwards into those of the kernel's loader.
 * A load that failed has left nothing, and the module has said no more about it
 * than one line.
 */
#include "loading.h"

/* So many places in a row of which the lab says nothing are the loader's. */
#define LOADERS	40
/* There may be so many places more in one load than in another. */
#define SHIFT	20

/*
 * What a lab is loaded with. @least: so often the lab itself must fail; one call
 * of it may be several places, and not in each load as many. @pages: it asks for
 * pages itself, so they fail, too; see faults_in_pages() for why not everywhere.
 */
struct lab {
	const char *name;
	const char *parameters;
	unsigned int least;
	bool pages;
};

/* Its own lines in the kernel's log since it was cleared; the errors among them. */
struct said {
	unsigned int lines;
	unsigned int errors;
};

static char kernel_log[1 << 20];

static struct said said_by(const struct lab *lab)
{
	struct said said = { 0 };
	char *line, *rest, prefix[64];
	int len = klogctl(3, kernel_log, sizeof(kernel_log) - 1);

	ASSERT_OK(len);
	kernel_log[len] = 0;
	snprintf(prefix, sizeof(prefix), "] lab_%s: ", lab->name);
	line = strtok_r(kernel_log, "\n", &rest);
	for (; line; line = strtok_r(NULL, "\n", &rest)) {
		const char *text = strstr(line, prefix);

		/* which the loader says */
		if (!text || strstr(text, "module taints kernel") || strstr(text, "tainting kernel"))
			continue;
		said.lines++;
		said.errors += line[1] >= '0' && line[1] <= '3' && line[2] == '>';
	}
	return said;
}

static void clear_log(void)
{
	ASSERT_OK(klogctl(5, NULL, 0));
}

/* What a lab might leave behind, apart from memory. */
static void traces(char text[TRACES])
{
	static const char *const folders[] = {
		"/dev", "/sys/class", "/sys/class/misc", "/sys/module",
	};

	text[0] = 0;
	for (size_t n = 0; n < sizeof(folders) / sizeof(folders[0]); n++)
		list_names(text, TRACES, folders[n]);
	list_lines(text, TRACES, "/proc/devices", "");
	list_lines(text, TRACES, "/proc/misc", "");
	list_lines(text, TRACES, "/proc/slabinfo", "lab_");
}

static void start_without(const struct lab *lab)
{
	static char name[64];
	char path[128];

	snprintf(name, sizeof(name), "lab_%s", lab->name);
	snprintf(path, sizeof(path), "/modules/%s.ko", name);
	module_name = name;
	module_file = open(path, O_RDONLY | O_CLOEXEC);
	if (module_file < 0)
		SKIP("there is no %s", path);
	faults_up();
	snprintf(path, sizeof(path), "/sys/module/%s", name);
	if (!access(path, F_OK))
		ASSERT_OK(unload());
	ASSERT_OK(mlockall(MCL_CURRENT));
}

/* Loads and unloads it, to see that it works; and how much it then says. */
static void rehearse(const struct lab *lab, const char *before)
{
	static char after[TRACES];

	clear_log();
	ASSERT_OK(load(lab->parameters));
	ASSERT_OK(unload());
	traces(after);
	same_traces(after, before, 0, "unloaded");
	ASSERT_TRUE(said_by(lab).lines > 0);
	ASSERT_EQ(said_by(lab).errors, 0);
}

/* Whether it was the module that found out. */
static bool failed_well(const struct lab *lab, unsigned int nth, int error, const char *before)
{
	static char seen[TRACES];
	struct said said = said_by(lab);

	if (error != ENOMEM && error != EFAULT)
		FAIL("fault %u: unexpected %s", nth, strerrorname_np(error));
	if (said.lines > 1 || said.lines != said.errors)
		FAIL("fault %u: it said %u lines, %u of them errors; wanted one error", nth,
		     said.lines, said.errors);
	traces(seen);
	same_traces(seen, before, nth, "not loaded");
	return said.errors;
}

/* The number of things that can fail in one load. */
static unsigned int places(const struct lab *lab)
{
	unsigned int n;

	faults_from(MOST_FAULTS);
	ASSERT_OK(load(lab->parameters));
	n = MOST_FAULTS - faults_left();
	ASSERT_TRUE(n && n < MOST_FAULTS);
	ASSERT_OK(unload());
	return n;
}

static void load_with_faults(const struct lab *lab)
{
	static char before[TRACES], seen[TRACES];
	unsigned int nth, last, faults = 0, told = 0, silent = 0;
	bool hit;

	start_without(lab);
	faults_in_pages(lab->pages);
	traces(before);
	rehearse(lab, before);
	last = places(lab) + SHIFT;
	for (nth = last; nth && silent < LOADERS; nth--) {
		int result, error;

		clear_log();
		faults_from(nth);
		result = load(lab->parameters);
		error = errno;
		hit = faults_end();
		if (nth == last)
			ASSERT_TRUE(!hit);
		faults += hit;
		if (result) {
			ASSERT_TRUE(hit);
			if (failed_well(lab, nth, error, before)) {
				told++;
				silent = 0;
				continue;
			}
		} else {
			ASSERT_OK(unload());
			traces(seen);
			same_traces(seen, before, nth, "unloaded");
		}
		silent += hit;
	}
	/* And without any: again and again, with no difference. */
	for (unsigned int n = 0; n < 20; n++)
		rehearse(lab, before);
	test_note("lab_%s: %u faults of %u, %u of them told by the lab",
		  lab->name, faults, last - SHIFT, told);
	if (told < lab->least)
		FAIL("the lab failed %u times, wanted %u", told, lab->least);
	leaks_are_watched();
}

#define LAB(...) do {							\
	static const struct lab lab_ = { __VA_ARGS__ };			\
	load_with_faults(&lab_);					\
} while (0)

TEST_WITHIN(alloc_pages, 600)
{
	LAB("alloc_pages", "order=3", 12, true);
}

TEST_WITHIN(slab_cache, 600)
{
	LAB("slab_cache", "", 100, false);
}

TEST_WITHIN(mempool, 600)
{
	LAB("mempool", "reserve=5", 35, false);
}

TEST_WITHIN(kmalloc_vmalloc, 600)
{
	LAB("kmalloc_vmalloc", "", 10, true);
}

TEST_WITHIN(containers, 600)
{
	LAB("containers", "values=1,2", 11, false);
}

TEST_WITHIN(threads, 600)
{
	LAB("threads", "threads=2 times=10", 2, false);
}

TEST_WITHIN(scull, 600)
{
	LAB("scull", "", 1, false);
}

TEST_WITHIN(complete, 600)
{
	LAB("complete", "", 2, false);
}

TEST_WITHIN(deadlock, 600)
{
	LAB("deadlock", "how=none", 2, false);
}

/*
 * In kernel 6.1 sysfs_slab_add() (mm/slub.c) has a name for the cache's folder
 * allocated, and when it fails after that, nobody frees the name: the cache is
 * freed by create_cache(), which knows nothing of the folder. That is looked for
 * here, and nothing else is let pass.
 */
static bool known_leak(char *object)
{
	char *name = strstr(object, " kobject_set_name_vargs+");
	char *init = strstr(object, " kobject_init_and_add+");
	char *add = strstr(object, " sysfs_slab_add+");

	/* each calls the one before, nothing in between */
	return name && init && add && strchr(strchr(name, '\n') + 1, '\n') > init && name < init &&
	       init < add && strchr(strchr(init, '\n') + 1, '\n') > add;
}

TEST_WITHIN(loading_the_labs_leaves_no_memory_behind, 240)
{
	unsigned int known = known_leaks(known_leak);

	test_note("%u names of caches are lost in sysfs_slab_add()", known);
	ASSERT_TRUE(known < 300);
}
