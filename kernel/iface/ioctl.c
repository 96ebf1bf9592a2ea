// SPDX-License-Identifier: GPL-2.0
/*
 * ioctls on /dev/stacq/NAME, as docs/abi.md lists them.
 *
 * The size of a structure is part of the request's number. Requests are told
 * apart without it, so that programs built with older and newer headers are
 * understood: copy_struct_from_user() has the rules.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/ioctls.h>

#include "iface/chardev.h"
#include "compat.h"
#include "iface/ioctl.h"
#include "iface/limits.h"
#include "io/move.h"
#include "iface/notice.h"
#include "core/queue.h"
#include "io/transfer.h"

/**
 * stacq_args_in() - read the argument of a request
 * @to: the structure, in full
 * @size: its size here
 * @least: its size in its first version
 * @cmd: the request
 * @from: the caller's
 *
 * Return: 0, -EINVAL, -E2BIG or -EFAULT.
 */
int stacq_args_in(void *to, size_t size, size_t least, unsigned int cmd,
		  const void __user *from)
{
	if (_IOC_SIZE(cmd) < least)
		return -EINVAL;
	return copy_struct_from_user(to, size, from, _IOC_SIZE(cmd));
}

static int args_out(void __user *to, const void *from, size_t size,
		    unsigned int cmd)
{
	size_t theirs = _IOC_SIZE(cmd);

	if (copy_to_user(to, from, min(size, theirs)))
		return -EFAULT;
	if (theirs > size && clear_user(to + size, theirs - size))
		return -EFAULT;
	return 0;
}

/*
 * Answer a request that is done, in a structure that args_out() could write
 * before: only the number itself, which is all that is new. It can't be written
 * any more if the caller takes the memory away meanwhile.
 */
static int answer(u64 number, __u64 __user *to)
{
	return put_user(number, to);
}

/* Is the caller the owner of the node it opened? */
static bool is_owner(struct file *file)
{
	return uid_eq(current_fsuid(), file_inode(file)->i_uid) ||
	       capable(CAP_SYS_ADMIN);
}

/* The queue of a file that is open for writing, held. */
static int get_writable(int fd, struct stacq_queue **q)
{
	struct file *file = fget(fd);
	struct stacq_queue *found;
	int ret = -EBADF;

	if (!file)
		return ret;
	found = stacq_file_queue(file);
	if (!found)
		ret = -EINVAL;
	else if (file->f_mode & FMODE_WRITE)
		ret = stacq_removed(found) ? -EIDRM : 0;
	if (!ret) {
		stacq_queue_get(found);
		*q = found;
	}
	fput(file);
	return ret;
}

/**
 * stacq_dead_letter_get() - the dead-letter queue that is to be set
 * @d: what is to be set
 * @letter: set to the queue, held; or to NULL
 *
 * Context: Sleeps.
 * Return: 0; -EBADF if it is no file that is open for writing; -EINVAL if that is no
 *	queue; -EIDRM.
 */
int stacq_dead_letter_get(const struct stacq_delivery *d, struct stacq_queue **letter)
{
	*letter = NULL;
	if (!(d->set & STACQ_SET_DEAD_LETTER) || d->dead_letter == -1)
		return 0;
	return get_writable(d->dead_letter, letter);
}

static int ioctl_fionread(struct stacq_reader *r, int __user *arg)
{
	u64 len = 0;
	int ret = stacq_reader_next(r, &len);

	if (len && READ_ONCE(r->mode) & STACQ_MODE_FRAMED)
		len = STACQ_FRAME_SIZE(len);
	return ret ?: put_user((int)min_t(u64, len, INT_MAX), arg);
}

static int ioctl_info(struct stacq_queue *q, unsigned int cmd, void __user *arg)
{
	struct stacq_info info;

	if (_IOC_SIZE(cmd) < STACQ_INFO_SIZE_VER0)
		return -EINVAL;
	stacq_get_info(q, &info);
	return args_out(arg, &info, sizeof(info), cmd);
}

static int ioctl_set_capacity(struct file *file, struct stacq_queue *q,
			      unsigned int cmd, void __user *arg)
{
	struct stacq_capacity __user *to = arg;
	struct stacq_capacity c;
	u64 previous;
	int ret;

	ret = stacq_args_in(&c, sizeof(c), STACQ_CAPACITY_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (c.flags || c.reserved)
		return -EINVAL;
	if (!is_owner(file))
		return -EPERM;
	/* Be sure to be able to answer before doing it. */
	ret = stacq_capacity_may(q, c.capacity) ?:
	      args_out(arg, &c, sizeof(c), cmd) ?:
	      stacq_set_capacity(q, c.capacity, &previous);
	return ret ?: answer(previous, &to->previous);
}

static int ioctl_set_limits(struct file *file, struct stacq_queue *q,
			    unsigned int cmd, void __user *arg)
{
	struct stacq_limits l;
	int ret;

	ret = stacq_args_in(&l, sizeof(l), STACQ_LIMITS_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (l.flags || l.reserved)
		return -EINVAL;
	if (!is_owner(file))
		return -EPERM;
	return stacq_limits_may(q, &l) ?: stacq_set_limits(q, &l);
}

static int ioctl_peek(struct stacq_reader *r, unsigned int cmd,
		      void __user *arg)
{
	struct stacq_peek p;
	void *copy;
	int ret;

	ret = stacq_args_in(&p, sizeof(p), STACQ_PEEK_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (p.flags & ~(STACQ_PEEK_HELD | STACQ_PEEK_LEASED) || p.reserved ||
	    p.reserved2)
		return -EINVAL;
	if (p.flags) {
		if (p.position || p.buf_len || p.flags == (STACQ_PEEK_HELD | STACQ_PEEK_LEASED))
			return -EINVAL;
		if (p.flags & STACQ_PEEK_HELD)
			ret = stacq_reader_peek(r, &p);
		else
			ret = stacq_holder_peek(r->q, &r->holder, &p);
		return ret ?: args_out(arg, &p, sizeof(p), cmd);
	}
	copy = stacq_peek(r->q, p.position, p.buf_len, &p);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	if (copy && copy_to_user(u64_to_user_ptr(p.buf), copy,
				 min(p.buf_len, p.len)))
		ret = -EFAULT;
	kvfree(copy);
	return ret ?: args_out(arg, &p, sizeof(p), cmd);
}

static int ioctl_purge(struct stacq_queue *q, unsigned int cmd,
		       void __user *arg)
{
	struct stacq_purge __user *to = arg;
	struct stacq_purge p;
	int ret;

	ret = stacq_args_in(&p, sizeof(p), STACQ_PURGE_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (p.flags || p.reserved)
		return -EINVAL;
	/* Be sure to be able to answer before doing it. */
	ret = args_out(arg, &p, sizeof(p), cmd);
	if (ret)
		return ret;
	return answer(stacq_purge(q), &to->discarded);
}

static int ioctl_set_mode(struct stacq_reader *r, unsigned int cmd,
			  void __user *arg)
{
	struct stacq_mode m;
	int ret;

	ret = stacq_args_in(&m, sizeof(m), STACQ_MODE_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (m.flags & ~(STACQ_MODE_FRAMED | STACQ_MODE_LEASE) ||
	    m.priority > STACQ_PRIORITY_MAX || m.reserved)
		return -EINVAL;
	if (m.max_inflight && !(m.flags & STACQ_MODE_LEASE))
		return -EINVAL;
	return stacq_reader_set_mode(r, &m);
}

static int ioctl_settle(struct stacq_reader *r, enum stacq_settle what,
			unsigned int cmd, void __user *arg)
{
	struct stacq_settlement __user *to = arg;
	struct stacq_settlement s;
	u64 count;
	int ret;

	ret = stacq_args_in(&s, sizeof(s), STACQ_SETTLEMENT_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (s.flags & ~(STACQ_SETTLE_UP_TO | STACQ_SETTLE_ALL | STACQ_SETTLE_TO_BACK) ||
	    s.reserved)
		return -EINVAL;
	/* Be sure to be able to answer before doing it. */
	ret = args_out(arg, &s, sizeof(s), cmd) ?:
	      stacq_settle(r->q, &r->holder, what, s.id, s.flags, &count);
	return ret ?: answer(count, &to->count);
}

static int ioctl_set_delivery(struct file *file, struct stacq_queue *q,
			      unsigned int cmd, void __user *arg)
{
	struct stacq_queue *letter = NULL;
	struct stacq_delivery d;
	int ret;

	ret = stacq_args_in(&d, sizeof(d), STACQ_DELIVERY_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	ret = stacq_delivery_valid(&d);
	if (ret)
		return ret;
	if (!is_owner(file))
		return -EPERM;
	ret = stacq_dead_letter_get(&d, &letter) ?:
	      stacq_set_delivery(q, &d, letter);
	if (letter)
		stacq_queue_put(letter);
	return ret;
}

static int ioctl_move(struct file *file, struct stacq_queue *q, unsigned int cmd,
		      void __user *arg)
{
	struct stacq_move __user *to = arg;
	struct stacq_queue *other;
	struct stacq_move m;
	u64 moved;
	int ret;

	ret = stacq_args_in(&m, sizeof(m), STACQ_MOVE_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (m.flags)
		return -EINVAL;
	/* Be sure to be able to answer before doing it. */
	ret = args_out(arg, &m, sizeof(m), cmd) ?: get_writable(m.to, &other);
	if (ret)
		return ret;
	ret = stacq_move(q, other, m.most, !(file->f_flags & O_NONBLOCK), &moved);
	stacq_queue_put(other);
	return ret ?: answer(moved, &to->moved);
}

/* What read() and write() of the kernel look after before they call us. */
static ssize_t transfer_memory(const struct stacq_transfer *t, char __user **buf)
{
	if (t->flags || t->reserved || t->len > LONG_MAX)
		return -EINVAL;
	*buf = u64_to_user_ptr(t->buf);
	if (!access_ok(*buf, t->len))
		return -EFAULT;
	return min_t(size_t, t->len, MAX_RW_COUNT);
}

static ssize_t ioctl_transfer(struct file *file, bool writes, unsigned int cmd,
			      void __user *arg)
{
	unsigned int flags = file->f_flags & STACQ_XFER_NOWAIT;
	struct stacq_reader *r = file->private_data;
	struct stacq_transfer t;
	char __user *buf;
	ssize_t len;

	len = stacq_args_in(&t, sizeof(t), STACQ_TRANSFER_SIZE_VER0, cmd, arg) ?:
	      transfer_memory(&t, &buf);
	if (len < 0)
		return len;
	return writes ? stacq_send_until(r, buf, len, t.deadline_ns, flags) :
			stacq_receive_until(r, buf, len, t.deadline_ns, flags);
}

static int ioctl_notify(struct file *file, unsigned int cmd, void __user *arg)
{
	struct stacq_notice n;
	int ret;

	ret = stacq_args_in(&n, sizeof(n), STACQ_NOTICE_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (n.events & ~(STACQ_NOTICE_NOT_EMPTY | STACQ_NOTICE_NOT_FULL |
			 STACQ_NOTICE_EMPTY | STACQ_NOTICE_DEPTH) ||
	    !(n.events & STACQ_NOTICE_DEPTH) != !n.depth || n.flags || n.reserved)
		return -EINVAL;
	if (n.events & (STACQ_NOTICE_NOT_EMPTY | STACQ_NOTICE_DEPTH) &&
	    !(file->f_mode & FMODE_READ))
		return -EBADF;
	if (n.events & STACQ_NOTICE_NOT_FULL && !(file->f_mode & FMODE_WRITE))
		return -EBADF;
	return stacq_notify(file->private_data, &n);
}

static int ioctl_seal(struct stacq_queue *q, bool seal, unsigned long arg)
{
	return arg ? -EINVAL : stacq_seal(q, seal);
}

/**
 * stacq_ioctl() - ioctl on a queue
 * @file: the open file
 * @cmd: the request
 * @arg: its argument
 *
 * Context: Sleeps.
 * Return: as docs/abi.md says.
 */
long stacq_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct stacq_reader *r = file->private_data;
	bool may_write = file->f_mode & FMODE_WRITE;
	bool may_read = file->f_mode & FMODE_READ;
	void __user *p = (void __user *)arg;

	if (cmd == FIONREAD)
		return may_read ? ioctl_fionread(r, p) : -EBADF;
	if (_IOC_TYPE(cmd) != STACQ_IOC_MAGIC)
		return -ENOTTY;

	switch (STACQ_IOC_SIZELESS(cmd)) {
	case STACQ_IOC_SIZELESS(STACQ_IOC_INFO):
	case STACQ_IOC_SIZELESS(STACQ_IOC_SET_CAPACITY):
	case STACQ_IOC_SIZELESS(STACQ_IOC_SET_LIMITS):
	case STACQ_IOC_SIZELESS(STACQ_IOC_PEEK):
	case STACQ_IOC_SIZELESS(STACQ_IOC_PURGE):
	case STACQ_IOC_SIZELESS(STACQ_IOC_SET_MODE):
	case STACQ_IOC_SIZELESS(STACQ_IOC_ACK):
	case STACQ_IOC_SIZELESS(STACQ_IOC_GIVE_BACK):
	case STACQ_IOC_SIZELESS(STACQ_IOC_EXTEND):
	case STACQ_IOC_SIZELESS(STACQ_IOC_SET_DELIVERY):
	case STACQ_IOC_SIZELESS(STACQ_IOC_MOVE):
	case STACQ_IOC_SIZELESS(STACQ_IOC_NOTIFY):
	case STACQ_IOC_SEAL:
	case STACQ_IOC_UNSEAL:
		if (stacq_removed(r->q))
			return -EIDRM;
	}

	switch (STACQ_IOC_SIZELESS(cmd)) {
	case STACQ_IOC_SIZELESS(STACQ_IOC_INFO):
		return ioctl_info(r->q, cmd, p);
	case STACQ_IOC_SIZELESS(STACQ_IOC_SET_CAPACITY):
		return ioctl_set_capacity(file, r->q, cmd, p);
	case STACQ_IOC_SIZELESS(STACQ_IOC_SET_LIMITS):
		return ioctl_set_limits(file, r->q, cmd, p);
	case STACQ_IOC_SIZELESS(STACQ_IOC_PEEK):
		return may_read ? ioctl_peek(r, cmd, p) : -EBADF;
	case STACQ_IOC_SIZELESS(STACQ_IOC_PURGE):
		return may_read ? ioctl_purge(r->q, cmd, p) : -EBADF;
	case STACQ_IOC_SIZELESS(STACQ_IOC_SET_MODE):
		return ioctl_set_mode(r, cmd, p);
	case STACQ_IOC_SIZELESS(STACQ_IOC_ACK):
		return may_read ? ioctl_settle(r, STACQ_ACKNOWLEDGE, cmd, p) : -EBADF;
	case STACQ_IOC_SIZELESS(STACQ_IOC_GIVE_BACK):
		return may_read ? ioctl_settle(r, STACQ_RETURN, cmd, p) : -EBADF;
	case STACQ_IOC_SIZELESS(STACQ_IOC_EXTEND):
		return may_read ? ioctl_settle(r, STACQ_EXTEND, cmd, p) : -EBADF;
	case STACQ_IOC_SIZELESS(STACQ_IOC_SET_DELIVERY):
		return ioctl_set_delivery(file, r->q, cmd, p);
	case STACQ_IOC_SIZELESS(STACQ_IOC_MOVE):
		return may_read ? ioctl_move(file, r->q, cmd, p) : -EBADF;
	case STACQ_IOC_SIZELESS(STACQ_IOC_READ):
		return may_read ? ioctl_transfer(file, false, cmd, p) : -EBADF;
	case STACQ_IOC_SIZELESS(STACQ_IOC_WRITE):
		return may_write ? ioctl_transfer(file, true, cmd, p) : -EBADF;
	case STACQ_IOC_SIZELESS(STACQ_IOC_NOTIFY):
		return ioctl_notify(file, cmd, p);
	}
	/* Those without a structure have one number only. */
	switch (cmd) {
	case STACQ_IOC_SEAL:
		return may_write ? ioctl_seal(r->q, true, arg) : -EBADF;
	case STACQ_IOC_UNSEAL:
		return may_write ? ioctl_seal(r->q, false, arg) : -EBADF;
	}
	return -ENOTTY;
}
