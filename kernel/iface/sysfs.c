// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/stacq/NAME/: one value a file. The device goes before the queue,
 * and waits for those who are in here.
 */
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/sysfs.h>

#include "iface/chardev.h"
#include "iface/limits.h"
#include "core/queue.h"

static struct stacq_queue *to_queue(struct device *dev)
{
	return dev_get_drvdata(dev);
}

/**
 * struct stacq_attribute - a number in struct stacq_info
 * @dev: the attribute
 * @offset: where it is
 */
struct stacq_attribute {
	struct device_attribute dev;
	size_t offset;
};

static size_t offset_of(struct device_attribute *attr)
{
	return container_of(attr, struct stacq_attribute, dev)->offset;
}

static ssize_t show_u64(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct stacq_info info;

	stacq_get_info(to_queue(dev), &info);
	return sysfs_emit(buf, "%llu\n",
			  *(u64 *)((void *)&info + offset_of(attr)));
}

static ssize_t show_u32(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct stacq_info info;

	stacq_get_info(to_queue(dev), &info);
	return sysfs_emit(buf, "%u\n",
			  *(u32 *)((void *)&info + offset_of(attr)));
}

static ssize_t store_capacity(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct stacq_queue *q = to_queue(dev);
	u64 capacity, previous;
	int ret = kstrtou64(buf, 0, &capacity);

	if (!ret)
		ret = stacq_capacity_may(q, capacity);
	return ret ?: stacq_set_capacity(q, capacity, &previous) ?: count;
}

static ssize_t store_limit(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct stacq_limits limits = {
		.max_msgs = STACQ_UNCHANGED,
		.max_bytes = STACQ_UNCHANGED,
		.max_msg_size = STACQ_UNCHANGED,
	};
	struct stacq_queue *q = to_queue(dev);
	u64 value;
	int ret = kstrtou64(buf, 0, &value);

	if (ret)
		return ret;
	if (value == STACQ_UNCHANGED)
		return -EINVAL;
	switch (offset_of(attr)) {
	case offsetof(struct stacq_info, max_msgs):
		limits.max_msgs = value;
		break;
	case offsetof(struct stacq_info, max_bytes):
		limits.max_bytes = value;
		break;
	default:
		limits.max_msg_size = value;
	}
	return stacq_limits_may(q, &limits) ?: stacq_set_limits(q, &limits) ?: count;
}

static ssize_t store_delivery(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct stacq_delivery d = { };
	u64 value;
	int ret = kstrtou64(buf, 0, &value);

	if (ret)
		return ret;
	switch (offset_of(attr)) {
	case offsetof(struct stacq_info, lease_ms):
		d.set = STACQ_SET_LEASE_MS;
		d.lease_ms = value;
		break;
	case offsetof(struct stacq_info, ttl_ms):
		d.set = STACQ_SET_TTL_MS;
		d.ttl_ms = value;
		break;
	default:
		if (value > STACQ_MAX_DELIVERIES)
			return -EINVAL;
		d.set = STACQ_SET_MAX_DELIVERIES;
		d.max_deliveries = value;
	}
	return stacq_delivery_valid(&d) ?:
	       stacq_set_delivery(to_queue(dev), &d, NULL) ?: count;
}

#define STACQ_ATTR(_name, _mode, _show, _store)				\
	struct stacq_attribute attr_##_name = {				\
		.dev.attr = { .name = #_name, .mode = _mode },		\
		.dev.show = _show,					\
		.dev.store = _store,					\
		.offset = offsetof(struct stacq_info, _name),		\
	}

static STACQ_ATTR(capacity, 0644, show_u64, store_capacity);
static STACQ_ATTR(max_msgs, 0644, show_u64, store_limit);
static STACQ_ATTR(max_bytes, 0644, show_u64, store_limit);
static STACQ_ATTR(max_msg_size, 0644, show_u64, store_limit);
static STACQ_ATTR(depth, 0444, show_u64, NULL);
static STACQ_ATTR(bytes, 0444, show_u64, NULL);
static STACQ_ATTR(held, 0444, show_u64, NULL);
static STACQ_ATTR(high_water, 0444, show_u64, NULL);
static STACQ_ATTR(memory, 0444, show_u64, NULL);
static STACQ_ATTR(sent, 0444, show_u64, NULL);
static STACQ_ATTR(received, 0444, show_u64, NULL);
static STACQ_ATTR(requeued, 0444, show_u64, NULL);
static STACQ_ATTR(discarded, 0444, show_u64, NULL);
static STACQ_ATTR(growths, 0444, show_u64, NULL);
static STACQ_ATTR(shrinks, 0444, show_u64, NULL);
static STACQ_ATTR(inflight, 0444, show_u64, NULL);
static STACQ_ATTR(lapsed, 0444, show_u64, NULL);
static STACQ_ATTR(lease_ms, 0644, show_u64, store_delivery);
static STACQ_ATTR(ttl_ms, 0644, show_u64, store_delivery);
static STACQ_ATTR(max_deliveries, 0644, show_u32, store_delivery);
static STACQ_ATTR(expired, 0444, show_u64, NULL);
static STACQ_ATTR(exhausted, 0444, show_u64, NULL);
static STACQ_ATTR(dead_lettered, 0444, show_u64, NULL);
static STACQ_ATTR(dead, 0444, show_u64, NULL);
static STACQ_ATTR(refused, 0444, show_u64, NULL);
static STACQ_ATTR(dropped_oldest, 0444, show_u64, NULL);
static STACQ_ATTR(dropped_newest, 0444, show_u64, NULL);
static STACQ_ATTR(readers_waiting, 0444, show_u32, NULL);
static STACQ_ATTR(writers_waiting, 0444, show_u32, NULL);

static ssize_t order_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	static const char * const names[] = {
		[STACQ_FIFO] = "fifo",
		[STACQ_LIFO] = "lifo",
		[STACQ_PRIORITY] = "priority",
	};

	return sysfs_emit(buf, "%s\n", names[to_queue(dev)->order]);
}
static DEVICE_ATTR_RO(order);

static ssize_t sealed_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct stacq_info info;

	stacq_get_info(to_queue(dev), &info);
	return sysfs_emit(buf, "%d\n", !!(info.state & STACQ_STATE_SEALED));
}
static DEVICE_ATTR_RO(sealed);

static const char * const full_names[] = {
	[STACQ_FULL_BLOCK] = "block",
	[STACQ_FULL_FAIL] = "fail",
	[STACQ_FULL_DROP_OLDEST] = "drop_oldest",
	[STACQ_FULL_DROP_NEWEST] = "drop_newest",
};

static ssize_t full_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct stacq_info info;

	stacq_get_info(to_queue(dev), &info);
	return sysfs_emit(buf, "%s\n", full_names[info.full]);
}

static ssize_t full_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	struct stacq_delivery d = { .set = STACQ_SET_FULL };
	int ret = sysfs_match_string(full_names, buf);

	if (ret < 0)
		return ret;
	d.full = ret;
	return stacq_set_delivery(to_queue(dev), &d, NULL) ?: count;
}
static DEVICE_ATTR_RW(full);

/* Set by an open file, not by a name: who sets it must be allowed to write there. */
static ssize_t dead_letter_show(struct device *dev, struct device_attribute *attr,
				char *buf)
{
	struct stacq_info info;

	stacq_get_info(to_queue(dev), &info);
	return sysfs_emit(buf, "%s\n", info.dead_letter);
}
static DEVICE_ATTR_RO(dead_letter);

static struct attribute *stacq_attrs[] = {
	&dev_attr_order.attr,
	&attr_capacity.dev.attr,
	&attr_max_msgs.dev.attr,
	&attr_max_bytes.dev.attr,
	&attr_max_msg_size.dev.attr,
	&attr_depth.dev.attr,
	&attr_bytes.dev.attr,
	&attr_held.dev.attr,
	&attr_high_water.dev.attr,
	&attr_memory.dev.attr,
	&attr_sent.dev.attr,
	&attr_received.dev.attr,
	&attr_requeued.dev.attr,
	&attr_discarded.dev.attr,
	&attr_growths.dev.attr,
	&attr_shrinks.dev.attr,
	&attr_inflight.dev.attr,
	&attr_lapsed.dev.attr,
	&attr_lease_ms.dev.attr,
	&attr_ttl_ms.dev.attr,
	&attr_max_deliveries.dev.attr,
	&dev_attr_dead_letter.attr,
	&attr_expired.dev.attr,
	&attr_exhausted.dev.attr,
	&attr_dead_lettered.dev.attr,
	&attr_dead.dev.attr,
	&dev_attr_full.attr,
	&attr_refused.dev.attr,
	&attr_dropped_oldest.dev.attr,
	&attr_dropped_newest.dev.attr,
	&attr_readers_waiting.dev.attr,
	&attr_writers_waiting.dev.attr,
	&dev_attr_sealed.attr,
	NULL
};

static const struct attribute_group stacq_group = {
	.attrs = stacq_attrs,
};

/* What every queue's device has. */
const struct attribute_group *stacq_groups[] = {
	&stacq_group,
	NULL
};
