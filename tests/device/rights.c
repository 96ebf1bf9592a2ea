// SPDX-License-Identifier: GPL-2.0
/* Owner, group and mode; what an open file may do. */
#include <grp.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)

/* A queue of alice's, with this group and mode. */
static struct queue queue_with(unsigned int gid, unsigned int mode)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);

	c.uid = ALICE;
	c.gid = gid;
	c.mode = mode;
	return queue_from(&c);
}

/* What an open by this user gives: 0 or an errno. */
static int open_as(unsigned int uid, unsigned int gid, const struct queue *q,
		   int flags)
{
	pid_t pid = start();
	int status;

	if (!pid) {
		gid_t group = gid;

		ASSERT_OK(setgroups(1, &group));
		ASSERT_OK(setresgid(uid, uid, uid));
		ASSERT_OK(setresuid(uid, uid, uid));
		_exit(open(q->path, flags) < 0 ? errno : 0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_TRUE(WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(others_get_eacces_by_default)
{
	struct queue q = queue_with(STACQ_CALLER, 0600);

	ASSERT_EQ(open_as(BOB, BOB, &q, O_RDONLY), EACCES);
	ASSERT_EQ(open_as(BOB, BOB, &q, O_WRONLY), EACCES);
	ASSERT_EQ(open_as(BOB, BOB, &q, O_RDWR), EACCES);
	ASSERT_EQ(open_as(ALICE, ALICE, &q, O_RDWR), 0);
}

TEST(read_and_write_permission_are_separate)
{
	struct queue q = queue_with(STACQ_CALLER, 0604);

	ASSERT_EQ(open_as(BOB, BOB, &q, O_RDONLY), 0);
	ASSERT_EQ(open_as(BOB, BOB, &q, O_WRONLY), EACCES);
	q = queue_with(STACQ_CALLER, 0602);
	ASSERT_EQ(open_as(BOB, BOB, &q, O_RDONLY), EACCES);
	ASSERT_EQ(open_as(BOB, BOB, &q, O_WRONLY), 0);
	ASSERT_EQ(open_as(BOB, BOB, &q, O_RDWR), EACCES);
}

TEST(the_group_has_its_own_rights)
{
	struct queue q = queue_with(2000, 0640);

	ASSERT_EQ(open_as(BOB, 2000, &q, O_RDONLY), 0);
	ASSERT_EQ(open_as(BOB, 2000, &q, O_WRONLY), EACCES);
	ASSERT_EQ(open_as(BOB, BOB, &q, O_RDONLY), EACCES);
	q = queue_with(2000, 0620);
	ASSERT_EQ(open_as(BOB, 2000, &q, O_WRONLY), 0);
	ASSERT_EQ(open_as(BOB, 2000, &q, O_RDONLY), EACCES);
}

TEST(control_is_not_for_everybody)
{
	pid_t pid = start();

	if (!pid) {
		become(BOB);
		ASSERT_ERRNO(open(CONTROL, O_WRONLY), EACCES);
		ASSERT_ERRNO(open(CONTROL, O_RDWR), EACCES);
		done();
	}
	join(pid);
}

TEST(file_open_for_reading_only_cant_send)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDONLY | O_NONBLOCK);

	ASSERT_REFUSED(fd, write(fd, "x", 1), EBADF);
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SEAL, 0), EBADF);
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_UNSEAL, 0), EBADF);
}

TEST(file_open_for_writing_only_cant_receive)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_WRONLY | O_NONBLOCK);
	struct stacq_purge purge = { 0 };
	char buf[8];
	int n;

	PUT(fd, "x");
	ASSERT_REFUSED(fd, read(fd, buf, sizeof(buf)), EBADF);
	ASSERT_REFUSED(fd, peek(fd, 0, buf, sizeof(buf), NULL), EBADF);
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PURGE, &purge), EBADF);
	ASSERT_REFUSED(fd, ioctl(fd, FIONREAD, &n), EBADF);
}

TEST(info_works_however_the_file_is_open)
{
	struct queue q = queue_new(STACQ_FIFO);

	info(queue_open(&q, O_RDONLY));
	info(queue_open(&q, O_WRONLY));
	info(queue_open(&q, O_RDWR));
}

TEST(owner_sets_capacity_and_limits_whatever_the_file_is_open_for)
{
	struct queue q = queue_with(STACQ_CALLER, 0600);
	pid_t pid = start();

	if (!pid) {
		become(ALICE);
		ASSERT_OK(set_capacity(queue_open(&q, O_RDONLY), 4));
		ASSERT_OK(set_limits(queue_open(&q, O_WRONLY), 50, 500, 50));
		ASSERT_EQ(info(queue_open(&q, O_RDONLY)).capacity, 4);
		done();
	}
	join(pid);
}

TEST(a_user_may_use_what_was_opened_by_another)
{
	struct queue q = queue_with(STACQ_CALLER, 0600);
	int fd = queue_open(&q, NONBLOCK);
	pid_t pid = start();

	if (!pid) {
		become(BOB);
		PUT(fd, "x");
		GET(fd, "x");
		ASSERT_REFUSED(fd, set_capacity(fd, 10), EPERM);
		done();
	}
	join(pid);
}
