// SPDX-License-Identifier: GPL-2.0
/*
 * The peers. To add one: its four functions, and a line in the table at the
 * end; all measurements and the table of the results then have it.
 */
#include <err.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/stacq.h>

#include "peers.h"

/* Names for those that have them. */
static void new_name(struct link *l, const char *before)
{
	static int last;

	snprintf(l->name, sizeof(l->name), "%sbench-%d-%d", before, getpid(),
		 ++last);
}

/*
 * Files: stacq, pipes, the device that does nothing.
 */

static void file_send(struct link *l, void *buf, size_t size)
{
	if (write(l->to, buf, size) != (ssize_t)size)
		err(1, "write of %zu bytes", size);
}

static void file_receive(struct link *l, void *buf, size_t size)
{
	if (read(l->from, buf, size) != (ssize_t)size)
		err(1, "read of %zu bytes", size);
}

static void file_close(struct link *l)
{
	close(l->to);
	if (l->from != l->to)
		close(l->from);
}

static int stacq_control(void)
{
	int fd = open("/dev/stacq/control", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "/dev/stacq/control");
	return fd;
}

void stacq_queue(struct link *l, unsigned int order, uint64_t max_msgs)
{
	struct stacq_create c = {
		.order = order, .max_msgs = max_msgs, .mode = 0600,
		.max_bytes = STACQ_UNLIMITED, .max_msg_size = STACQ_UNLIMITED,
		.uid = STACQ_CALLER, .gid = STACQ_CALLER,
	};
	int control = stacq_control();

	new_name(l, "/dev/stacq/");
	strcpy(c.name, strrchr(l->name, '/') + 1);
	if (ioctl(control, STACQ_IOC_CREATE, &c))
		err(1, "cannot create the queue %s", c.name);
	close(control);
	l->to = open(l->name, O_RDWR);
	l->from = l->to;
	if (l->to < 0)
		err(1, "%s", l->name);
}

static void fifo_open(struct link *l, size_t size, uint64_t depth)
{
	(void)size;
	(void)depth;
	stacq_queue(l, STACQ_FIFO, STACQ_UNLIMITED);
}

static void lifo_open(struct link *l, size_t size, uint64_t depth)
{
	(void)size;
	(void)depth;
	stacq_queue(l, STACQ_LIFO, STACQ_UNLIMITED);
}

static void stacq_close(struct link *l)
{
	struct stacq_remove r = { .flags = 0 };
	int control = stacq_control();

	strcpy(r.name, strrchr(l->name, '/') + 1);
	if (ioctl(control, STACQ_IOC_REMOVE, &r))
		err(1, "cannot remove the queue %s", r.name);
	close(control);
	file_close(l);
}

static void pipe_flags(struct link *l, int flags, uint64_t bytes)
{
	int fds[2];

	if (pipe2(fds, flags))
		err(1, "pipe");
	if (bytes > 65536 && fcntl(fds[0], F_SETPIPE_SZ, (int)bytes) < 0)
		err(1, "cannot make a pipe of %llu bytes",
		    (unsigned long long)bytes);
	l->from = fds[0];
	l->to = fds[1];
}

/* Pages are filled in turn, so what is stored may begin and end within one. */
static void pipe_open(struct link *l, size_t size, uint64_t depth)
{
	pipe_flags(l, 0, size * depth + (depth > 1 ? 4096 : 0));
}

/* Each packet has a page of its own. */
static void direct_open(struct link *l, size_t size, uint64_t depth)
{
	(void)size;
	pipe_flags(l, O_DIRECT, 4096 * depth);
}

static void nothing_open(struct link *l, size_t size, uint64_t depth)
{
	(void)size;
	(void)depth;
	l->to = open("/dev/floor", O_RDWR);
	l->from = l->to;
	if (l->to < 0)
		err(1, "/dev/floor");
}

/*
 * AF_UNIX sockets
 */

/* The kernel counts what a message takes, with its headers, not its bytes. */
static void unix_open(struct link *l, int type, size_t size, uint64_t depth)
{
	uint64_t want = (2 * size + 1024) * depth;
	int fds[2], bytes = (int)want;

	if (socketpair(AF_UNIX, type, 0, fds))
		err(1, "socketpair");
	if (want > 200000 &&
	    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		err(1, "SO_SNDBUFFORCE");
	l->to = fds[0];
	l->from = fds[1];
}

static void seqpacket_open(struct link *l, size_t size, uint64_t depth)
{
	unix_open(l, SOCK_SEQPACKET, size, depth);
}

static void dgram_open(struct link *l, size_t size, uint64_t depth)
{
	unix_open(l, SOCK_DGRAM, size, depth);
}

static void socket_send(struct link *l, void *buf, size_t size)
{
	if (send(l->to, buf, size, 0) != (ssize_t)size)
		err(1, "send of %zu bytes", size);
}

static void socket_receive(struct link *l, void *buf, size_t size)
{
	if (recv(l->from, buf, size, 0) != (ssize_t)size)
		err(1, "recv of %zu bytes", size);
}

/*
 * System V: the type of a message stands before its bytes.
 */

static void sysv_open(struct link *l, size_t size, uint64_t depth)
{
	struct msqid_ds d;

	l->to = msgget(IPC_PRIVATE, 0600);
	if (l->to < 0 || msgctl(l->to, IPC_STAT, &d))
		err(1, "msgget");
	if (size * depth > d.msg_qbytes) {
		d.msg_qbytes = size * depth;
		if (msgctl(l->to, IPC_SET, &d))
			err(1, "msg_qbytes");
	}
}

static void sysv_send(struct link *l, void *buf, size_t size)
{
	long *type = (long *)buf - 1;

	*type = 1;
	if (msgsnd(l->to, type, size, 0))
		err(1, "msgsnd of %zu bytes", size);
}

static void sysv_receive(struct link *l, void *buf, size_t size)
{
	if (msgrcv(l->to, (long *)buf - 1, size, 0, 0) != (ssize_t)size)
		err(1, "msgrcv of %zu bytes", size);
}

static void sysv_close(struct link *l)
{
	if (msgctl(l->to, IPC_RMID, NULL))
		err(1, "IPC_RMID");
}

/*
 * POSIX: no room beyond what is asked for, so that is asked for.
 */

static void posix_open(struct link *l, size_t size, uint64_t depth)
{
	struct mq_attr a = { .mq_maxmsg = (long)depth, .mq_msgsize = (long)size };
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MSGQUEUE, &none))
		err(1, "RLIMIT_MSGQUEUE");
	new_name(l, "/");
	l->to = mq_open(l->name, O_RDWR | O_CREAT | O_EXCL, 0600, &a);
	if (l->to < 0)
		err(1, "cannot make a POSIX queue of %ld messages", a.mq_maxmsg);
}

static void posix_send(struct link *l, void *buf, size_t size)
{
	if (mq_send(l->to, buf, size, 0))
		err(1, "mq_send of %zu bytes", size);
}

static void posix_receive(struct link *l, void *buf, size_t size)
{
	if (mq_receive(l->to, buf, size, NULL) != (ssize_t)size)
		err(1, "mq_receive of %zu bytes", size);
}

static void posix_close(struct link *l)
{
	mq_close(l->to);
	mq_unlink(l->name);
}

/*
 * Floors
 */

static void empty_open(struct link *l, size_t size, uint64_t depth)
{
	(void)l;
	(void)size;
	(void)depth;
}

static void empty_call(struct link *l, void *buf, size_t size)
{
	(void)l;
	(void)buf;
	(void)size;
	syscall(SYS_getppid);
}

static void empty_close(struct link *l)
{
	(void)l;
}

static void eventfd_open(struct link *l, size_t size, uint64_t depth)
{
	(void)size;
	(void)depth;
	l->to = eventfd(0, 0);
	l->from = l->to;
	if (l->to < 0)
		err(1, "eventfd");
}

static void eventfd_send(struct link *l, void *buf, size_t size)
{
	uint64_t one = 1;

	(void)buf;
	(void)size;
	if (write(l->to, &one, 8) != 8)
		err(1, "write to an eventfd");
}

static void eventfd_receive(struct link *l, void *buf, size_t size)
{
	uint64_t count;

	(void)buf;
	(void)size;
	if (read(l->from, &count, 8) != 8 || count != 1)
		err(1, "read from an eventfd");
}

/* As many as memory and the kernel's limits allow; a POSIX queue takes 65536. */
#define MILLION		1000001
#define MANY		65536
#define FEW		1001

/* Their names are also in bench/wanted and bench/plot. */
const struct peer peers[] = {
	{ "stacq fifo", STACQ, false, LARGEST, MILLION, MILLION,
	  fifo_open, file_send, file_receive, stacq_close },
	{ "stacq lifo", STACQ, true, LARGEST, MILLION, FEW,
	  lifo_open, file_send, file_receive, stacq_close },
	{ "pipe", PEER, false, LARGEST, MILLION, FEW,
	  pipe_open, file_send, file_receive, file_close },
	{ "pipe O_DIRECT", PEER, false, 4096, FEW, FEW,
	  direct_open, file_send, file_receive, file_close },
	{ "AF_UNIX seqpacket", PEER, false, LARGEST, MANY, FEW,
	  seqpacket_open, socket_send, socket_receive, file_close },
	{ "AF_UNIX dgram", PEER, false, LARGEST, MANY, FEW,
	  dgram_open, socket_send, socket_receive, file_close },
	{ "SysV queue", PEER, false, LARGEST, MILLION, MANY,
	  sysv_open, sysv_send, sysv_receive, sysv_close },
	{ "POSIX queue", PEER, false, LARGEST, MANY, MANY,
	  posix_open, posix_send, posix_receive, posix_close },
	{ "two empty system calls", FLOOR, false, LARGEST, 1, 1,
	  empty_open, empty_call, empty_call, empty_close },
	{ "device that does nothing", FLOOR, false, LARGEST, 1, 1,
	  nothing_open, file_send, file_receive, file_close },
	{ .name = NULL },
};

const struct peer peer_eventfd = {
	"eventfd (no message)", FLOOR, false, 8, 1, 1,
	eventfd_open, eventfd_send, eventfd_receive, file_close,
};

const struct peer *peer_named(const char *name)
{
	FOR_EACH_PEER(p)
		if (!strcmp(p->name, name))
			return p;
	errx(1, "no peer is named %s", name);
}
