// SPDX-License-Identifier: GPL-2.0
/* The module comes and goes under traffic that comes and goes. */
#include <poll.h>
#include <sys/syscall.h>

#include "scenario.h"

#define TIMES		200
#define PROGRAMS	3
#define MODULE		"/modules/stacq.ko"

static bool *stop;
static unsigned long long *rounds;

static int unload(void)
{
	return syscall(SYS_delete_module, "stacq", O_NONBLOCK);
}

static void load(void)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);

	ASSERT_OK(fd);
	ASSERT_OK(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
}

/* Open what may not be there just now; any other error is one. */
static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0 && errno != ENOENT && errno != ENXIO && errno != ENODEV)
		FAIL("%s: %s", path, strerrorname_np(errno));
	return fd;
}

/* Once it is open the module stays, and everything works. */
static void exchange(int fd, bool alone)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	char buf[2000];
	ssize_t n;

	ASSERT_EQ(write(fd, "short", 5), 5);
	memset(buf, 'x', sizeof(buf));
	if (alone)
		ASSERT_EQ(write(fd, buf, 1500), 1500);
	ASSERT_OK(poll(&p, 1, 0));
	n = read(fd, buf, sizeof(buf));
	if (n < 0)
		ASSERT_EQ(errno, EAGAIN);
	else
		ASSERT_TRUE(n == 5 || n == 1500);
	/* Some of the rest stays, for the unloading to throw away. */
}

static void with_queue_of_its_own(const struct stacq_create *own)
{
	int control = try_open(CONTROL, O_WRONLY), fd;
	char path[STACQ_NAME_SIZE + 16];

	if (control < 0)
		return;
	if (ioctl(control, STACQ_IOC_CREATE, own))
		ASSERT_EQ(errno, EEXIST);
	snprintf(path, sizeof(path), "/dev/stacq/%s", own->name);
	fd = open(path, NONBLOCK);
	ASSERT_OK(fd);
	close(control);
	exchange(fd, true);
	close(fd);
}

static void with_common_queue(void)
{
	int fd = try_open("/dev/stacq/stack", NONBLOCK);

	if (fd < 0)
		return;
	exchange(fd, false);
	close(fd);
}

static void with_door(void)
{
	int fd = try_open("/proc/msg_queue", O_RDWR);

	if (fd < 0)
		return;
	exchange(fd, false);
	close(fd);
}

static void with_attribute(void)
{
	int fd = try_open("/sys/class/stacq/stack/depth", O_RDONLY);
	char buf[32];
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, buf, sizeof(buf));
	if (n < 0)
		ASSERT_EQ(errno, ENODEV);
	else
		ASSERT_TRUE(n >= 2 && buf[n - 1] == '\n');
	close(fd);
}

static void one_round(const struct stacq_create *own, unsigned int kind)
{
	switch (kind % 4) {
	case 0:
		with_queue_of_its_own(own);
		break;
	case 1:
		with_common_queue();
		break;
	case 2:
		with_door();
		break;
	case 3:
		with_attribute();
		break;
	}
	__atomic_fetch_add(rounds, 1, __ATOMIC_RELAXED);
}

/* Some rounds, then a rest that is longer: now and then all rest at once. */
static void traffic(unsigned int id)
{
	struct stacq_create own = create_defaults(id % 2);
	unsigned int seed = id;

	while (!__atomic_load_n(stop, __ATOMIC_SEQ_CST)) {
		unsigned int n = 1 + rand_r(&seed) % 8;
		double begun = now();

		while (n--)
			one_round(&own, rand_r(&seed));
		usleep((now() - begun) * (2 + rand_r(&seed) % 5) * 1e6);
	}
}

/* Until it works: how often it was refused. */
static unsigned int unload_at_last(void)
{
	unsigned int refused = 0;

	while (unload()) {
		ASSERT_EQ(errno, EWOULDBLOCK);
		refused++;
		usleep(200);
	}
	return refused;
}

TEST_WITHIN(loaded_and_unloaded_under_traffic, LIMIT)
{
	unsigned int times = scaled(TIMES), refused = 0;
	long long before, after;
	pid_t pid[PROGRAMS];
	double begun;

	if (access(MODULE, R_OK))
		SKIP("%s is not there", MODULE);
	stop = shared_memory(sizeof(*stop));
	rounds = shared_memory(sizeof(*rounds));
	unload_at_last();
	before = kernel_memory();
	load();
	for (unsigned int id = 0; id < PROGRAMS; id++) {
		pid[id] = start();
		if (!pid[id]) {
			traffic(id);
			done();
		}
	}
	begun = now();
	for (unsigned int i = 0; i < times; i++) {
		int fd = open(CONTROL, O_RDONLY | O_CLOEXEC);

		ASSERT_OK(fd);
		ASSERT_ERRNO(unload(), EWOULDBLOCK);
		close(fd);
		refused += unload_at_last();
		ASSERT_ERRNO(access("/dev/stacq/stack", F_OK), ENOENT);
		ASSERT_ERRNO(access("/proc/msg_queue", F_OK), ENOENT);
		load();
	}
	begun = now() - begun;
	__atomic_store_n(stop, true, __ATOMIC_SEQ_CST);
	for (unsigned int id = 0; id < PROGRAMS; id++)
		join(pid[id]);
	FIGURE("unloaded and loaded %u%s times in %.1f s", times,
	       of_full(times, TIMES), begun);
	FIGURE("refused %u times while in use, %llu rounds of traffic",
	       refused + times, *rounds);
	unload_at_last();
	after = memory_back_to(before + MEMORY_TOLERANCE);
	FIGURE("%lld kB of kernel memory before, %lld after", before / 1000,
	       after / 1000);
	load();
}
