// SPDX-License-Identifier: GPL-2.0
/* The rest of what can be done with a file, and the parameters */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/time.h>

#include "parts.h"

void step_open(void)
{
	int place = SHARED_PLACES + below(PLACES - SHARED_PLACES);
	int flags = mode_of(place) | pick_flags(), fd;
	struct expect e = { 0 };
	char path[128] = "";

	MAY(&e, ENOENT, EACCES, ENXIO, ENOMEM);
	if (kind_of(place) == ATTRIBUTE)
		MAY(&e, ENODEV);	/* of the kernel: just removed */
	if (kind_of(place) == ATTRIBUTE)
		MAY(&e, EINVAL);	/* of the kernel: opened against its mode */
	if (one_in(40)) {
		flags |= O_DIRECTORY;
		MUST(&e, ENOTDIR);
	}
	if (one_in(40)) {
		flags |= O_DIRECT;
		MUST(&e, EINVAL);
	}
	pick_path(place, path, sizeof(path));
	fd = CALL(&e, "open", FD(place), flags, *(uint64_t *)(path + 11), 0,
		  open(path, flags | O_CLOEXEC));
	put_in_place(fd, place);
}

void step_close(void)
{
	int place = 5 + below(PLACES - 5);
	struct expect e = { 0 };

	MAY(&e, EBADF);
	CALL(&e, "close", FD(place), 0, 0, 0, close(FD(place)));
}

/* One file in two places; both have the same mode and kind. */
void step_dup(void)
{
	int from = 5 + below(17), to = from + 4;
	struct expect e = { 0 };

	MAY(&e, EBADF, EBUSY);
	CALL(&e, "dup2", FD(from), FD(to), 0, 0, dup2(FD(from), FD(to)));
}

void step_poll(void)
{
	struct pollfd fds[8] = { 0 };
	unsigned int n = 1 + below(8);
	struct expect e = { 0 };

	MAY(&e, EINTR);
	for (unsigned int i = 0; i < n; i++)
		fds[i] = (struct pollfd){ FD(any_place()), next(), 0 };
	CALL(&e, "poll", fds[0].fd, fds[0].events, n, 0, poll(fds, n, one_in(50)));
	for (unsigned int i = 0; i < n; i++)
		HOLDS(!(fds[i].revents &
			~(fds[i].events | POLLERR | POLLHUP | POLLNVAL)));
}

void step_select(void)
{
	struct timeval none = { 0, one_in(50) ? 500 : 0 };
	fd_set in, out, odd;
	struct expect e = { 0 };
	int fd = FD(any_place());

	MAY(&e, EINTR, EBADF);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&odd);
	FD_SET(fd, &in);
	FD_SET(FD(any_place()), &out);
	FD_SET(fd, &odd);
	CALL(&e, "select", fd, 0, 0, 0, select(FD(PLACES), &in, &out, &odd, &none));
}

void step_epoll(void)
{
	static const int what[] = { EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, 77 };
	struct epoll_event event = { .events = next() }, events[8];
	int place = pick_place(below(3) ? QUEUE : DOOR), op = ANY_OF(what);
	struct expect e = { 0 };

	if (below(2)) {
		MAY(&e, EINTR);
		CALL(&e, "epoll_wait", EPOLL_FD, 0, 0, 0,
		     epoll_wait(EPOLL_FD, events, 8, 0));
		return;
	}
	MAY(&e, EBADF, EEXIST, ENOENT, EINVAL, ENOSPC, ENOMEM);
	CALL(&e, "epoll_ctl", FD(place), op, event.events, 0,
	     epoll_ctl(EPOLL_FD, op, FD(place), &event));
}

/* What can't be done with a queue. */
void step_refused(void)
{
	int place = pick_place(one_in(4) ? DOOR : QUEUE), fd = FD(place);
	uint64_t a = next(), b = pick_length();
	struct expect e = { 0 };

	MUST(&e, EBADF, EINVAL);
	switch (below(7)) {
	case 0:
		MAY(&e, ESPIPE);
		CALL(&e, "lseek", fd, a, b, 0, lseek(fd, a, below(6)));
		break;
	case 1:
		MAY(&e, ENODEV, EACCES, ENOMEM, EPERM, EOVERFLOW);
		CALL(&e, "mmap", fd, a, b, 0,
		     mmap(NULL, b, a & 7, a & 8 ? MAP_SHARED : MAP_PRIVATE, fd,
			  a & PAGE));
		break;
	case 2:
		CALL(&e, "fsync", fd, 0, 0, 0, below(2) ? fsync(fd) : fdatasync(fd));
		break;
	case 3:
		MAY(&e, EPERM, EFBIG);
		CALL(&e, "ftruncate", fd, a, 0, 0, ftruncate(fd, a));
		break;
	case 4:
		MAY(&e, ESPIPE, ENODEV, EOPNOTSUPP, EFBIG, EPERM);
		CALL(&e, "fallocate", fd, a, b, 0, fallocate(fd, a & 1, a, b));
		break;
	case 5:
		CALL(&e, "tee", fd, 0, 0, 0, tee(fd, FD(any_place()), 100, 0));
		break;
	case 6:
		MAY(&e, ENOTDIR);
		CALL(&e, "openat", fd, 0, 0, 0, openat(fd, "x", 0));
		break;
	}
}

/* Without framed mode none of it works. */
void step_splice(void)
{
	int place = pick_place(QUEUE), pipes[2];
	struct expect e = expect_read(place);
	long n;

	if (pipe2(pipes, O_NONBLOCK | O_CLOEXEC))
		return;
	MUST(&e, EINVAL, EBADF, ENOMEM);
	switch (below(3)) {
	case 0:
		n = CALL(&e, "splice from", FD(place), 0, 0, 0,
			 splice(FD(place), NULL, pipes[1], NULL, 1000, 0));
		break;
	case 1:
		ASSERT_EQ(write(pipes[1], "spliced", 7), 7);
		n = CALL(&e, "splice to", FD(place), 0, 0, 0,
			 splice(pipes[0], NULL, FD(place), NULL, 1000, 0));
		break;
	default:
		n = CALL(&e, "sendfile", FD(place), 0, 0, 0,
			 sendfile(FD(place), MEMORY_FD, &(off_t){ 0 }, 1000));
	}
	HOLDS(n == -1);
	close(pipes[0]);
	close(pipes[1]);
}

void step_flags(void)
{
	static const int flags[] = {
		0, O_NONBLOCK, O_NONBLOCK, O_NONBLOCK, O_NONBLOCK, O_NONBLOCK | O_APPEND,
		O_NONBLOCK | O_ASYNC, O_DIRECT, -1,
	};
	int place = any_place(), value = ANY_OF(flags);
	struct expect e = { 0 };

	if (!strict(place))
		MAY(&e, EBADF);
	if (value & O_DIRECT)
		MUST(&e, EINVAL, EBADF);
	if (value & O_NOATIME)
		MAY(&e, EPERM);
	MAY(&e, ENOTTY);
	CALL(&e, "fcntl", FD(place), value, 0, 0, fcntl(FD(place), F_SETFL, value));
}

void step_flock(void)
{
	int place = any_place(), op = (below(2) ? LOCK_EX : LOCK_UN) | LOCK_NB;
	struct expect e = { 0 };

	MAY(&e, EAGAIN, EBADF, EINTR);
	CALL(&e, "flock", FD(place), op, 0, 0, flock(FD(place), op));
}

/*
 * A child with copies of all files ends in the middle of something. It may wait
 * for ever, and timers are not inherited: its own one kills it.
 */
void step_fork(void)
{
	const struct itimerval soon = { { 0, 20000 }, { 0, 20000 } };
	char path[128];
	int place = pick_place(QUEUE);
	pid_t pid;

	pick_path(place, path, sizeof(path));
	call_begins("fork", FD(place), 0, 0, 0)->returned = true;
	pid = fork();
	if (pid == 0) {
		char c[3];
		int fd;

		signal(SIGALRM, SIG_DFL);
		setitimer(ITIMER_REAL, &soon, NULL);
		fd = open(path, O_RDWR | O_NONBLOCK);
		if (read(fd, c, sizeof(c)) == sizeof(c))
			kill(getpid(), SIGKILL);
		if (write(FD(place), c, below(3)) < 0)
			read(FD(place), (void *)regions[FLIPPING].start, 8192);
		_exit(0);
	}
	if (pid < 0)
		BROKEN("fork: %s", strerrorname_np(errno));
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Module parameters, by root, within what the machine bears. */
void step_parameter(void)
{
	static const struct {
		const char *name;
		const char *value[4];
	} some[] = {
		{ "default_max_msgs", { "1", "10", "100", "18446744073709551615" } },
		{ "default_max_bytes", { "1", "4096", "100000", "70000" } },
		{ "default_max_msg_size", { "1", "64", "4096", "0" } },
		{ "ceiling_max_msgs", { "1", "10", "1000", "1000" } },
		{ "ceiling_max_bytes", { "1", "4096", "100000", "200000" } },
		{ "ceiling_max_msg_size", { "1", "64", "4096", "65536" } },
		{ "max_queues", { "0", "8", "16", "20" } },
		{ "idle_ms", { "0", "1", "1", "50" } },
	};
	static const char *const junk[] = {
		"", "x", "-1", "99999999999999999999999", "1 2", "\n", "4294967296000000000000",
	};
	unsigned int n = below(ARRAY_SIZE(some));
	struct expect e = { 0 };
	bool bad = one_in(3);
	const char *text = bad ? ANY_OF(junk) : some[n].value[below(4)];
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/stacq/parameters/%s", some[n].name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	HOLDS(ROOTS(me->id) ? fd >= 0 : fd < 0 && errno == EACCES);
	if (fd < 0)
		return;
	if (bad && *text)
		MUST(&e, EINVAL, ERANGE);
	CALL(&e, some[n].name, fd, *text, 0, 0, write(fd, text, strlen(text)));
	close(fd);
}
