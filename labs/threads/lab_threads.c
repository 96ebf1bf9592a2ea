// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that add to one shared number, with the lock that the parameter lock
 * names, or without one. Loading waits for them, so that the log has the result
 * when insmod returns; Ctrl-C stops them, and then nothing is loaded.
 *
 * Locking: what guards *shared is the lesson. results_lock
 * guards the list of results in every case.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static unsigned int threads = 4;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "how many threads, 1 to 1000");
static unsigned int times = 100000;
module_param(times, uint, 0444);
MODULE_PARM_DESC(times, "how often each adds, 1 to 100000000");
static unsigned int increment = 1;
module_param(increment, uint, 0444);
MODULE_PARM_DESC(increment, "what it adds, 1 to 1000000");
static char *lock = "atomic";
module_param(lock, charp, 0444);
MODULE_PARM_DESC(lock, "none, atomic (made by hand), spin, mutex, atomic_t or percpu");
static unsigned int window = 20;
module_param(window, uint, 0444);
MODULE_PARM_DESC(window, "pauses between reading and writing the number, 0 to 1000");

/* Each way to add has a place and a lock of its own, and leaves the others at 0. */
static s64 *shared;			/* none, atomic, spin, mutex */
static atomic_t taken;			/* atomic: 1 while somebody holds the lock */
static DEFINE_SPINLOCK(spin);
static DEFINE_MUTEX(mutex);
static atomic64_t counter;		/* atomic_t */
static s64 __percpu *percpu;		/* each processor writes its own */
static struct task_struct **tasks;	/* with a reference each; those not made are NULL */
static DECLARE_COMPLETION(done);	/* once for each thread that has ended its work */
static int error;			/* of a thread, to be read when all are done */

struct result {
	struct list_head list;
	unsigned int thread;
	s64 added;
};

static DEFINE_MUTEX(results_lock);
static LIST_HEAD(results);

/*
 * Wrong on purpose, but right under a lock. Who reads between another's read and
 * write starts from the same number, and one sum is lost; the pauses widen that
 * window. Neither READ_ONCE() nor data_race() here: they would tell KCSAN that the
 * race is meant and harmless, and it should report this one.
 */
static void add_none(s64 n)
{
	s64 seen = *shared;
	unsigned int i;

	for (i = 0; i < window; i++)
		cpu_relax();
	*shared = seen + n;
}

/*
 * The lock made by hand. Acquire keeps what the holder does from moving up, before
 * it has the lock; release keeps it from moving down, after it gave the lock back:
 * so each holder sees all that the one before it wrote. Preemption is off, since
 * while a holder is put aside everybody else spins in vain.
 */
static void add_atomic(s64 n)
{
	preempt_disable();
	while (atomic_cmpxchg_acquire(&taken, 0, 1) != 0)
		while (atomic_read(&taken)) /* leaves the cache line with the holder */
			cpu_relax();
	add_none(n);
	atomic_set_release(&taken, 0);
	preempt_enable();
}

static void add_spin(s64 n)
{
	spin_lock(&spin);
	add_none(n);
	spin_unlock(&spin);
}

static void add_mutex(s64 n)
{
	mutex_lock(&mutex);
	add_none(n);
	mutex_unlock(&mutex);
}

static void add_atomic_t(s64 n)
{
	atomic64_add(n, &counter);
}

static void add_percpu(s64 n)
{
	this_cpu_add(*percpu, n);
}

static const struct way {
	const char *name;
	void (*add)(s64 n);
} ways[] = {
	{ "none", add_none }, { "atomic", add_atomic }, { "spin", add_spin },
	{ "mutex", add_mutex }, { "atomic_t", add_atomic_t }, { "percpu", add_percpu },
}, *way;

static int run(void *data)
{
	struct result *result = kzalloc(sizeof(*result), GFP_KERNEL);
	unsigned int i;

	for (i = 0; result && i < times; i++) {
		/* Not each time: it would cost more than the increment. */
		if (i % 1000 == 0) {
			if (kthread_should_stop())
				break;
			cond_resched();
		}
		way->add(increment);
	}
	if (result) {
		result->thread = (unsigned long)data;
		result->added = (s64)i * increment;
		mutex_lock(&results_lock);
		list_add_tail(&result->list, &results);
		mutex_unlock(&results_lock);
	} else {
		WRITE_ONCE(error, -ENOMEM);
	}
	complete(&done);
	return 0;
}

static int make_and_wait(void)
{
	struct task_struct *task;
	unsigned long i;
	int ret = 0;

	for (i = 0; i < threads; i++) {
		task = kthread_create(run, (void *)i, KBUILD_MODNAME "/%lu", i);
		if (IS_ERR(task))
			return PTR_ERR(task);
		/* It may end before it is stopped, and kthread_stop() looks at it then. */
		tasks[i] = get_task_struct(task);
		/* On one processor alone they would hardly meet. */
		kthread_bind(task, cpumask_local_spread(i, NUMA_NO_NODE));
	}
	for (i = 0; i < threads; i++)
		wake_up_process(tasks[i]);
	for (i = 0; i < threads && !ret; i++)
		ret = wait_for_completion_interruptible(&done) ? -EINTR : 0;
	return ret ?: READ_ONCE(error);
}

/* Also for a load that failed: what was not made yet is NULL, and may be freed as that. */
static void clean_up(void)
{
	struct result *result, *next;
	unsigned int i;

	for (i = 0; tasks && i < threads && tasks[i]; i++) {
		kthread_stop(tasks[i]);
		put_task_struct(tasks[i]);
	}
	list_for_each_entry_safe(result, next, &results, list) {
		pr_info("thread=%u added=%lld\n", result->thread, result->added);
		list_del(&result->list);
		kfree(result);
	}
	kfree(tasks);
	free_percpu(percpu);
	kfree(shared);
}

static int __init threads_init(void)
{
	s64 expected, actual, ns;
	int ret = -ENOMEM, i;

	for (i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(ways[i].name, lock))
			way = &ways[i];
	if (!way || !threads || threads > 1000 || window > 1000 ||
	    !times || times > 100000000 || !increment || increment > 1000000) {
		pr_err("lock=%s threads=%u times=%u increment=%u window=%u: not possible, see modinfo\n",
		       lock, threads, times, increment, window);
		return -EINVAL;
	}
	/*
	 * The type flag GFP_KERNEL is the action modifiers __GFP_RECLAIM, __GFP_IO and
	 * __GFP_FS in one: sleep, write out, free other memory until there is room. Here,
	 * and in run(), no lock is held, so that is allowed. Under a spin lock or in an
	 * interrupt it takes GFP_ATOMIC, which fails sooner. No zone modifier such as
	 * __GFP_DMA: memory from anywhere will do.
	 */
	shared = kzalloc(sizeof(*shared), GFP_KERNEL);
	percpu = alloc_percpu(s64);
	tasks = kcalloc(threads, sizeof(*tasks), GFP_KERNEL);
	if (!shared || !percpu || !tasks)
		goto clean_up;
	ns = ktime_get_ns();
	ret = make_and_wait();
	if (ret)
		goto clean_up;
	ns = ktime_get_ns() - ns;
	expected = (s64)threads * times * increment;
	actual = *shared + atomic64_read(&counter);
	for_each_possible_cpu(i)
		actual += *per_cpu_ptr(percpu, i);
	pr_info("lock=%s threads=%u times=%u increment=%u\n", lock, threads, times, increment);
	pr_info("expected=%lld actual=%lld lost=%lld: %s\n", expected, actual, expected - actual,
		actual == expected ? "exact" : "wrong");
	kfree(NULL);
	pr_info("ns=%lld ns_each=%llu kfree_null=1: kfree(NULL) did nothing\n", ns,
		div64_u64(ns, (u64)threads * times));
	return 0;

clean_up:
	clean_up();
	pr_err("not loaded: error %d\n", ret);
	return ret;
}

module_init(threads_init);
module_exit(clean_up);
MODULE_DESCRIPTION("Lab: threads that add to one number, with and without a lock");
MODULE_LICENSE("GPL");
