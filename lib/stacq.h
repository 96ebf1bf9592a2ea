/* SPDX-License-Identifier: MIT */
/**
 * @file stacq.h
 * libstacq: message queues and stacks under /dev/stacq, from C.
 *
 * Installed as <libstacq.h>; link with -lstacq.
 *
 * A queue is used through an ordinary file descriptor, so everything that takes
 * one (poll, epoll, io_uring, close, fork) works on it, and these functions can
 * be mixed with read() and write(). Nothing here is needed to send and receive;
 * the library saves writing the loops.
 *
 * Errors: functions return -1 (or a null pointer) and set errno. Besides the
 * errors named at each function, any of those of stacq(4) for the call below it
 * can come up, among them EIDRM: the queue was removed.
 *
 * Threads: all functions may be called from several threads at once. Receiving
 * from ONE descriptor in several threads at once is the exception, since readers
 * of one open file share the message at hand; give each thread its own
 * stacq_open(). No function installs a signal handler, forks, or keeps state.
 *
 * Signals: a call that waits fails with EINTR when a handler without SA_RESTART
 * has run; nothing has been sent or received then.
 *
 * Times: timeouts are in milliseconds on CLOCK_MONOTONIC; -1 waits for as long
 * as it takes, 0 does not wait.
 */
#ifndef LIBSTACQ_H
#define LIBSTACQ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/stacq.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this header. */
#define LIBSTACQ_VERSION	"0.2.0"

/** Where the device nodes are. */
#define STACQ_DEV_DIR		"/dev/stacq"
/** The node for making and removing queues. */
#define STACQ_CONTROL		STACQ_DEV_DIR "/control"
/** Where the attributes are. */
#define STACQ_SYSFS_DIR		"/sys/class/stacq"

#define LIBSTACQ_API		__attribute__((visibility("default")))

/**
 * Version of the library in use, which may be newer than #LIBSTACQ_VERSION.
 *
 * @return a constant string, "major.minor.patch".
 */
LIBSTACQ_API const char *stacq_version(void);

/**
 * Is this a name that a queue can have?
 *
 * @param name	1 to 63 of letters, digits, '.', '_' and '-', not starting with
 *		'.' or '-', and not "control". A null pointer is no name.
 * @return 1 when it is, 0 when not. Does not say whether there is such a queue.
 */
LIBSTACQ_API int stacq_name_valid(const char *name);

/**
 * The word for an order.
 *
 * @param order	#STACQ_FIFO, #STACQ_LIFO or #STACQ_PRIORITY
 * @return "fifo", "lifo" or "priority"; a null pointer for anything else.
 */
LIBSTACQ_API const char *stacq_order_name(uint32_t order);

/**
 * The order that a word stands for.
 *
 * @param name		"fifo", "lifo" or "priority"
 * @param[out] order	#STACQ_FIFO, #STACQ_LIFO or #STACQ_PRIORITY
 * @return 0, or -1 with errno EINVAL: another word.
 */
LIBSTACQ_API int stacq_order_parse(const char *name, uint32_t *order);

/**
 * The word for what a write does when the queue is full.
 *
 * @param full	#STACQ_FULL_BLOCK and so on
 * @return "block", "fail", "drop_oldest" or "drop_newest"; a null pointer for
 *	anything else.
 */
LIBSTACQ_API const char *stacq_full_name(uint32_t full);

/**
 * What such a word stands for.
 *
 * @param name		as from stacq_full_name()
 * @param[out] full	#STACQ_FULL_BLOCK and so on
 * @return 0, or -1 with errno EINVAL: another word.
 */
LIBSTACQ_API int stacq_full_parse(const char *name, uint32_t *full);

/**
 * Prepare a request for stacq_create(): the module's default limits, room for
 * one message, owned by the caller, mode 0600.
 *
 * @param req	filled in; change what should be different before stacq_create()
 * @param name	the new queue's name; see stacq_name_valid()
 * @param order	#STACQ_FIFO, #STACQ_LIFO or #STACQ_PRIORITY
 * @return 0, or -1 with errno EINVAL: not a name.
 */
LIBSTACQ_API int stacq_create_init(struct stacq_create *req, const char *name,
				   uint32_t order);

/**
 * Make a queue.
 *
 * @param req	see struct stacq_create in <linux/stacq.h>
 * @return 0, or -1 with errno EINVAL: bad name, order, mode, flag, or capacity
 *	above max_msgs; EEXIST: the name is taken; EPERM: above the module's
 *	ceiling, or an owner or group the caller may not give; ENOSPC: as many
 *	queues as the module allows; ENOMEM; ENOENT or ENXIO: the module is not
 *	loaded; EACCES: the caller may not write /dev/stacq/control.
 */
LIBSTACQ_API int stacq_create(const struct stacq_create *req);

/**
 * Remove a queue and what it holds. Whoever waits on it wakes with EIDRM.
 *
 * @param name	its name
 * @return 0, or -1 with errno EINVAL: not a name; ENOENT: no such queue, or the
 *	module is not loaded; EACCES: the caller may not write
 *	/dev/stacq/control.
 */
LIBSTACQ_API int stacq_remove(const char *name);

/**
 * Open a queue by name.
 *
 * @param name	its name; what is not a name never reaches the file system
 * @param flags	as for open(2): O_RDONLY to receive, O_WRONLY to send, O_RDWR for
 *		both; O_NONBLOCK, which timeouts other than -1 need. O_CLOEXEC
 *		is added.
 * @return a file descriptor for the caller to close(), or -1 with errno EINVAL:
 *	not a name; ENOENT: no such queue, or the module is not loaded; EACCES:
 *	owner, group and mode of the node do not allow it.
 */
LIBSTACQ_API int stacq_open(const char *name, int flags);

/**
 * Send one message, whole or not at all.
 *
 * @param fd		open for writing
 * @param buf		the bytes
 * @param len		how many: 1 up to the queue's max_msg_size
 * @param timeout_ms	longest wait for room; -1 for no end. Anything else needs
 *			a descriptor with O_NONBLOCK.
 * @return 0, or -1 with errno EINVAL: @p len is 0, or @p timeout_ms is not -1
 *	on a blocking descriptor; EMSGSIZE: longer than a message may be; EAGAIN:
 *	no room, and @p timeout_ms is 0; ETIMEDOUT: no room within the time;
 *	EPIPE: the queue is sealed; ENOMEM; EINTR; EIDRM. The queue is unchanged
 *	then.
 */
LIBSTACQ_API int stacq_send(int fd, const void *buf, size_t len, int timeout_ms);

/**
 * Receive one whole message, like getline(3): the buffer grows as needed.
 *
 * What an earlier read() on this descriptor left of a message counts as a
 * message. One read gets all of it in most cases; when another reader took the
 * message that was measured and the next one is longer, a second read does.
 *
 * @param fd		open for reading
 * @param[in,out] buf	a buffer from malloc() or a null pointer; may be replaced
 *			by a larger one; for the caller to free(), also after an
 *			error
 * @param[in,out] size	its size in bytes; 0 when @p buf is null
 * @param timeout_ms	longest wait for a message; -1 for no end. Anything else
 *			needs a descriptor with O_NONBLOCK.
 * @return the length, at least 1; 0 when the queue is sealed and empty; or -1
 *	with errno EAGAIN: no message, and @p timeout_ms is 0; ETIMEDOUT: none
 *	within the time; EINVAL: @p timeout_ms is not -1 on a blocking
 *	descriptor; ENOMEM: no memory for the buffer; EINTR; EIDRM. In all of
 *	these cases no message was taken. (Should ENOMEM come after bytes of one
 *	were read, close() gives the message back.)
 */
LIBSTACQ_API ssize_t stacq_recv(int fd, void **buf, size_t *size, int timeout_ms);

/**
 * Look at a message without taking it.
 *
 * @param fd		open for reading
 * @param position	0 is the message the next read would take, 1 the one
 *			after it, and so on
 * @param[in,out] buf	as for stacq_recv(); a null pointer for @p buf itself
 *			skips the bytes
 * @param[in,out] size	as for stacq_recv()
 * @param[out] desc	length, number, time, deliveries; may be null
 * @return the length, or -1 with errno ENOMSG: no message at this position;
 *	EBADF: not open for reading; ENOMEM; EIDRM.
 */
LIBSTACQ_API ssize_t stacq_peek(int fd, uint64_t position, void **buf,
				size_t *size, struct stacq_peek *desc);

/**
 * Switch framed mode on or off: then read() and write() on this open file carry
 * frames, many messages a call, each with its number, time, priority and
 * deliveries. stacq_send() and stacq_recv() are for open files without it. A
 * priority that was set goes back to 0.
 *
 * @param fd	open in any way
 * @param on	0 is off, anything else is on
 * @return 0, or -1 with errno EBUSY: part of a message has been read; EINTR;
 *	EIDRM; ENOTTY: not a queue, or a module without framed mode.
 */
LIBSTACQ_API int stacq_set_framed(int fd, int on);

/**
 * Set the priority of the messages that are sent through an open file, in a queue
 * with order priority and in any other. Framed mode is switched off by this, as
 * frames have priorities of their own.
 *
 * @param fd		open in any way
 * @param priority	0, as without this call, to #STACQ_PRIORITY_MAX
 * @return 0, or -1 with errno EINVAL: too high; EINTR; EIDRM; ENOTTY: not a queue.
 */
LIBSTACQ_API int stacq_set_priority(int fd, unsigned int priority);

/**
 * Set all that an open file's mode has at once: framed mode, lease mode, priority and
 * timeouts. stacq_set_framed() and stacq_set_priority() set the others back.
 *
 * @param fd	open in any way
 * @param mode	see struct stacq_mode in <linux/stacq.h>. Timeouts are in nanoseconds
 *		on CLOCK_MONOTONIC, and are for blocking descriptors: a read() or
 *		write() that has waited for so long fails with ETIMEDOUT. They go with
 *		stacq_send() and the others when their timeout_ms is -1.
 * @return 0, or -1 with errno EINVAL: a flag, priority or max_inflight that cannot
 *	be; EBUSY: part of a message has been read; EINTR; EIDRM; ENOTTY: not a queue.
 */
LIBSTACQ_API int stacq_set_mode(int fd, const struct stacq_mode *mode);

/**
 * Describe the message that this open file holds under lease, the last of them:
 * after stacq_recv() in lease mode the one that was received, unless its lease has
 * ended already. The id of its lease is STACQ_LEASE_ID(desc.seq, desc.deliveries).
 *
 * @param fd		open for reading, with #STACQ_MODE_LEASE
 * @param[out] desc	as for stacq_peek()
 * @return 0, or -1 with errno ENOMSG: it holds none; EBADF: not open for reading;
 *	EIDRM.
 */
LIBSTACQ_API int stacq_leased(int fd, struct stacq_peek *desc);

/**
 * Acknowledge: the message of a lease is done with, and gone.
 *
 * @param fd		the open file that holds the lease
 * @param id		of the lease; 0 with #STACQ_SETTLE_ALL
 * @param flags		0 for this lease, #STACQ_SETTLE_UP_TO for those granted
 *			before it as well, #STACQ_SETTLE_ALL for all that the file
 *			holds
 * @param[out] count	how many leases those were; may be null
 * @return 0, or -1 with errno ESTALE: the lease has ended, and somebody else may
 *	have the message; EINVAL: an id that never was, or flags that do not go
 *	together; EBADF: not open for reading; EIDRM.
 */
LIBSTACQ_API int stacq_ack(int fd, uint64_t id, unsigned int flags, uint64_t *count);

/**
 * Give the message of a lease back: to its place, or with #STACQ_SETTLE_TO_BACK in
 * @p flags to the end of the queue.
 *
 * @param fd		as for stacq_ack()
 * @param id		likewise
 * @param flags		likewise
 * @param[out] count	likewise
 * @return as for stacq_ack(), and -1 with errno EINVAL: a stack has no end;
 *	ENOMEM.
 */
LIBSTACQ_API int stacq_give_back(int fd, uint64_t id, unsigned int flags,
				 uint64_t *count);

/**
 * Have the time of a lease begin anew.
 *
 * @param fd		as for stacq_ack()
 * @param id		likewise
 * @param flags		likewise
 * @param[out] count	likewise
 * @return as for stacq_ack().
 */
LIBSTACQ_API int stacq_extend(int fd, uint64_t id, unsigned int flags, uint64_t *count);

/**
 * read() that ends at a deadline, in the mode of the open file. Its timeouts do not
 * count.
 *
 * @param fd		open for reading, blocking
 * @param buf		where to
 * @param len		room there
 * @param deadline_ns	on CLOCK_MONOTONIC, in nanoseconds; 0 is without end. One that
 *			has passed tries once.
 * @return what read() returns; or -1 with errno ETIMEDOUT: nothing came in time.
 */
LIBSTACQ_API ssize_t stacq_read_until(int fd, void *buf, size_t len,
				      uint64_t deadline_ns);

/**
 * write() that ends at a deadline, likewise.
 *
 * @param fd		open for writing, blocking
 * @param buf		the message, or frames
 * @param len		bytes of it
 * @param deadline_ns	as for stacq_read_until()
 * @return what write() returns; or -1 with errno ETIMEDOUT: there was no room in
 *	time, and nothing was sent.
 */
LIBSTACQ_API ssize_t stacq_write_until(int fd, const void *buf, size_t len,
				       uint64_t deadline_ns);

/**
 * Have an eventfd(2) told of what happens to a queue, also at once if it is so
 * already. Ends when @p fd is closed.
 *
 * @param fd		open for reading, for #STACQ_NOTICE_NOT_EMPTY and
 *			#STACQ_NOTICE_DEPTH; for writing, for #STACQ_NOTICE_NOT_FULL
 * @param eventfd	the eventfd; what was asked for with it before is replaced
 * @param events	STACQ_NOTICE_* bits; 0 ends it
 * @param depth		with #STACQ_NOTICE_DEPTH: how many messages, at least 1; else 0
 * @return 0, or -1 with errno EBADF: @p eventfd is not open, or @p fd not in the way
 *	it should be; EINVAL: no eventfd, or no such events; ENOENT: nothing to end;
 *	ENOSPC: 16 eventfds already; ENOMEM; EIDRM; ENOTTY: not a queue.
 */
LIBSTACQ_API int stacq_notify(int fd, int eventfd, uint32_t events,
			      uint64_t depth);

/**
 * Put a message into a frame.
 *
 * @param buf	where the frame goes; at any address. @p data may be in it.
 * @param size	bytes there; STACQ_FRAME_SIZE(@p len) of them are written
 * @param data	the bytes of the message
 * @param len	how many: 1 to 4294967295
 * @param desc	seq, sent_ns, priority, deliveries and ttl_ms as stacq_peek() or
 *		stacq_frame_next() filled them in; the rest is not looked at. A
 *		null pointer is a message of priority 0, sent when it is written.
 * @return the size of the frame in bytes, a multiple of 8; or -1 with errno
 *	EINVAL: @p len out of range, priority above #STACQ_PRIORITY_MAX,
 *	deliveries above 255, sent_ns from 2^63 on, or ttl_ms from 2^31 on; ENOBUFS: @p size is too
 *	small. Nothing has been written then.
 */
LIBSTACQ_API ssize_t stacq_frame_put(void *buf, size_t size, const void *data,
				     size_t len, const struct stacq_peek *desc);

/**
 * Find the message in the first of the frames in a buffer. Whatever is in the
 * buffer, nothing outside of it is read.
 *
 * @param buf		the frames; at any address. May be a null pointer if
 *			@p size is 0.
 * @param size		bytes there
 * @param[out] data	set to the bytes of the message, which stay in @p buf
 *			(at any address), when the frame is there as a whole
 * @param[out] desc	len, seq, sent_ns, priority, deliveries and ttl_ms, also
 *			when the header is there and the end of the frame is not;
 *			the rest is 0. All of it is 0 when part of the header is missing.
 * @return the size of the frame, at least 40: so far on is the next one; 0 when
 *	its end is not in the buffer yet; or -1 with errno EBADMSG: this is no
 *	frame, and whatever follows will not make it one.
 */
LIBSTACQ_API ssize_t stacq_frame_next(const void *buf, size_t size,
				      const void **data,
				      struct stacq_peek *desc);

/**
 * Send the messages of frames, as many as there is room for, and at least one.
 * Each is sent whole or not at all, in the order of the frames.
 *
 * @param fd		open for writing, in framed mode; without it the frames are
 *			one message
 * @param buf		whole frames
 * @param len		bytes of them, at least 1
 * @param timeout_ms	as for stacq_send(): longest wait for room for the first
 * @return bytes of the frames whose messages were sent, always whole frames:
 *	call again for the rest. Or -1 with the errors of stacq_send(), which
 *	then are about the first frame, and EINVAL also for what is no whole
 *	frame. No message has been sent then.
 */
LIBSTACQ_API ssize_t stacq_send_frames(int fd, const void *buf, size_t len,
				       int timeout_ms);

/**
 * Receive as many messages as there are and fit, and at least one, as frames for
 * stacq_frame_next(). The buffer grows when the first of them does not fit.
 *
 * A buffer of less than 40 * (n + 1) bytes never holds more than n messages.
 *
 * @param fd		open for reading, in framed mode
 * @param[in,out] buf	as for stacq_recv()
 * @param[in,out] size	as for stacq_recv(); without a buffer it becomes 65536,
 *			or as much as the first frame takes
 * @param timeout_ms	as for stacq_recv(): longest wait for the first
 * @return the bytes of the frames, always whole frames; 0 when the queue is
 *	sealed and empty; or -1 with the errors of stacq_recv(). No message was
 *	taken then.
 */
LIBSTACQ_API ssize_t stacq_recv_frames(int fd, void **buf, size_t *size,
				       int timeout_ms);

/**
 * All there is to know of a queue, as of one moment.
 *
 * @param fd	open in any way
 * @param info	filled in; fields that the module does not know are 0
 * @return 0, or -1 with errno EIDRM.
 */
LIBSTACQ_API int stacq_info(int fd, struct stacq_info *info);

/**
 * The same from /sys/class/stacq, also for a queue that the caller may not
 * open. The values are read one after the other, so they need not fit together;
 * abi_version and held_bytes are 0, since they are not there.
 *
 * @param name	the queue's name
 * @param info	filled in
 * @return 0, or -1 with errno EINVAL: not a name; ENOENT: no such queue, or the
 *	module is not loaded.
 */
LIBSTACQ_API int stacq_info_sysfs(const char *name, struct stacq_info *info);

/**
 * Make the room exactly so large, up or down.
 *
 * @param fd		open in any way; the caller owns the node or has
 *			CAP_SYS_ADMIN
 * @param capacity	in messages, from 1 to max_msgs
 * @param[out] previous	the room before; may be null
 * @return 0, or -1 with errno EPERM: neither owner nor CAP_SYS_ADMIN; EINVAL: 0
 *	or above max_msgs; EBUSY: fewer than are stored; ENOMEM; EIDRM. The room
 *	is unchanged then.
 */
LIBSTACQ_API int stacq_set_capacity(int fd, uint64_t capacity,
				    uint64_t *previous);

/**
 * Set limits. What is stored stays, also when it is above a new limit.
 *
 * For each: 0 (#STACQ_UNLIMITED) is none, #STACQ_UNCHANGED keeps it.
 *
 * @param fd		as for stacq_set_capacity()
 * @param max_msgs	most messages stored
 * @param max_bytes	most bytes of messages stored
 * @param max_msg_size	most bytes of one message
 * @return 0, or -1 with errno EPERM: neither owner nor CAP_SYS_ADMIN, or above
 *	the module's ceiling without CAP_SYS_RESOURCE; EIDRM. No limit is changed
 *	then.
 */
LIBSTACQ_API int stacq_set_limits(int fd, uint64_t max_msgs, uint64_t max_bytes,
				  uint64_t max_msg_size);

/**
 * Set how long a lease of a message lasts; see "Lease mode" in stacq(4).
 *
 * @param fd		open in any way, by the owner of the queue
 * @param lease_ms	milliseconds, up to 2147483647; 0 is without end
 * @return 0, or -1 with errno EINVAL: too long; EPERM: not the owner; EIDRM; ENOTTY:
 *	not a queue, or a module without leases.
 */
LIBSTACQ_API int stacq_set_lease_ms(int fd, uint64_t lease_ms);

/**
 * Set how messages are delivered: what a full queue does, how long leases and
 * messages last, how often a message may be given back, and where it goes then.
 *
 * @param fd		open in any way, by the owner of the queue
 * @param delivery	see struct stacq_delivery in <linux/stacq.h>; only what its
 *			member set names is set, all of it or nothing
 * @return 0, or -1 with errno EINVAL: a value out of range; EPERM: not the owner;
 *	EBADF: the dead-letter queue is not open for writing; E2BIG: the module
 *	does not know one of the fields; EIDRM; ENOTTY: not a queue.
 */
LIBSTACQ_API int stacq_set_delivery(int fd, const struct stacq_delivery *delivery);

/**
 * Move messages to another queue, in the order of reading: each is in one of the
 * two at any time, and never in both, however the caller ends.
 *
 * @param fd		open for reading
 * @param to		the other queue, open for writing
 * @param most		how many at most; 0 is all that are stored now
 * @param[out] moved	how many that were; may be null
 * @return 0, or -1 when not even one could be moved, with errno EAGAIN: no
 *	room in the other queue; EBADF: not open for reading, or writing; EPIPE:
 *	the other queue is sealed; EMSGSIZE: the first message is too long for it;
 *	ENOMEM; EINTR; EIDRM; ENOTTY: a module that can't.
 */
LIBSTACQ_API int stacq_move(int fd, int to, uint64_t most, uint64_t *moved);

/**
 * Throw away all messages stored now.
 *
 * @param fd			open for reading
 * @param[out] discarded	how many; may be null
 * @return 0, or -1 with errno EBADF: not open for reading; EIDRM.
 */
LIBSTACQ_API int stacq_purge(int fd, uint64_t *discarded);

/**
 * Seal a queue: further sends fail with EPIPE, and receivers get end of file
 * once it is empty. Sealing a sealed queue does nothing.
 *
 * @param fd	open for writing
 * @return 0, or -1 with errno EBADF: not open for writing; EIDRM.
 */
LIBSTACQ_API int stacq_seal(int fd);

/**
 * Undo stacq_seal().
 *
 * @param fd	open for writing
 * @return 0, or -1 with errno EBADF: not open for writing; EIDRM.
 */
LIBSTACQ_API int stacq_unseal(int fd);

/**
 * Names of all queues, in order of their bytes.
 *
 * @param[out] names	an array that ends with a null pointer; for the caller to
 *			give to stacq_list_free(). Unchanged after an error.
 * @return how many, or -1 with errno ENOENT: the module is not loaded; ENOMEM.
 */
LIBSTACQ_API ssize_t stacq_list(char ***names);

/**
 * Free what stacq_list() returned.
 *
 * @param names	the array; a null pointer does nothing
 */
LIBSTACQ_API void stacq_list_free(char **names);

#ifdef __cplusplus
}
#endif

#endif /* LIBSTACQ_H */
