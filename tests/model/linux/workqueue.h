/* SPDX-License-Identifier: GPL-2.0 */
/* Delayed work: it is queued, or not; the test runs it when its time has come. */
#ifndef _MODEL_LINUX_WORKQUEUE_H
#define _MODEL_LINUX_WORKQUEUE_H

#include <linux/jiffies.h>

struct work_struct {
	void (*func)(struct work_struct *work);
};

struct delayed_work {
	struct work_struct work;
	bool pending;
	u64 at;
};

#define system_wq	NULL
#define system_percpu_wq NULL

static inline struct delayed_work *to_delayed_work(struct work_struct *work)
{
	return container_of(work, struct delayed_work, work);
}

#define INIT_DELAYED_WORK(w, f) \
	(*(w) = (struct delayed_work){ .work.func = (f) })

static inline bool delayed_work_pending(const struct delayed_work *w)
{
	return w->pending;
}

static inline bool queue_delayed_work(void *wq, struct delayed_work *w,
				      unsigned long delay)
{
	(void)wq;
	if (w->pending)
		return false;
	w->pending = true;
	w->at = get_jiffies_64() + delay;
	return true;
}

static inline bool mod_delayed_work(void *wq, struct delayed_work *w,
				    unsigned long delay)
{
	bool was = w->pending;

	w->pending = false;
	queue_delayed_work(wq, w, delay);
	return was;
}

static inline bool cancel_delayed_work_sync(struct delayed_work *w)
{
	bool was = w->pending;

	must(!standin.spins);
	w->pending = false;
	return was;
}

/* Run the work if it is due; true if it ran. */
static inline bool standin_run_work(struct delayed_work *w)
{
	if (!w->pending || w->at > get_jiffies_64())
		return false;
	w->pending = false;
	w->work.func(&w->work);
	return true;
}

#endif
