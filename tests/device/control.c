// SPDX-License-Identifier: GPL-2.0
/* /dev/stacq/control: making and removing queues; the shape of requests. */
#include <dirent.h>
#include <stdint.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)

static int control(int flags)
{
	int fd = open(CONTROL, flags | O_CLOEXEC);

	ASSERT_OK(fd);
	return fd;
}

static struct stat stat_of(const struct queue *q)
{
	struct stat st;

	ASSERT_OK(stat(q->path, &st));
	return st;
}

static bool exists(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/stacq/%s", name);
	return stat(path, &st) == 0;
}

TEST(layout_is_what_was_published)
{
	ASSERT_EQ(sizeof(struct stacq_create), STACQ_CREATE_SIZE_VER0 + 32);
	ASSERT_EQ(sizeof(struct stacq_remove), STACQ_REMOVE_SIZE_VER0);
	ASSERT_EQ(sizeof(struct stacq_info), STACQ_INFO_SIZE_VER0 + 168);
	ASSERT_EQ(sizeof(struct stacq_capacity), STACQ_CAPACITY_SIZE_VER0);
	ASSERT_EQ(sizeof(struct stacq_limits), STACQ_LIMITS_SIZE_VER0);
	ASSERT_EQ(sizeof(struct stacq_peek), STACQ_PEEK_SIZE_VER0 + 88);
	ASSERT_EQ(sizeof(struct stacq_purge), STACQ_PURGE_SIZE_VER0);
	ASSERT_EQ(STACQ_IOC_CREATE, 0x4098be00); /* 0x4078be00 in the first version */
	ASSERT_EQ(STACQ_IOC_REMOVE, 0x4048be01);
	ASSERT_EQ(STACQ_IOC_INFO, 0x8180be10); /* 0x80d8be10 in the first version */
	ASSERT_EQ(STACQ_IOC_SET_CAPACITY, 0xc018be11);
	ASSERT_EQ(STACQ_IOC_SET_LIMITS, 0x4020be12);
	ASSERT_EQ(STACQ_IOC_PEEK, 0xc098be13); /* 0xc040be13 in the first version */
	ASSERT_EQ(STACQ_IOC_PURGE, 0xc010be14);
	ASSERT_EQ(sizeof(struct stacq_settlement), STACQ_SETTLEMENT_SIZE_VER0);
	ASSERT_EQ(sizeof(struct stacq_delivery), STACQ_DELIVERY_SIZE_VER0);
	ASSERT_EQ(STACQ_IOC_SET_MODE, 0x4020be17); /* 0x4008be17 in the first version */
	ASSERT_EQ(STACQ_IOC_ACK, 0xc018be18);
	ASSERT_EQ(STACQ_IOC_GIVE_BACK, 0xc018be19);
	ASSERT_EQ(STACQ_IOC_EXTEND, 0xc018be1a);
	ASSERT_EQ(STACQ_IOC_SET_DELIVERY, 0x4020be1b);
	ASSERT_EQ(sizeof(struct stacq_transfer), STACQ_TRANSFER_SIZE_VER0);
	ASSERT_EQ(sizeof(struct stacq_notice), STACQ_NOTICE_SIZE_VER0);
	ASSERT_EQ(sizeof(struct stacq_move), STACQ_MOVE_SIZE_VER0);
	ASSERT_EQ(STACQ_IOC_READ, 0x4020be1c);
	ASSERT_EQ(STACQ_IOC_WRITE, 0x4020be1d);
	ASSERT_EQ(STACQ_IOC_NOTIFY, 0x4018be1e);
	ASSERT_EQ(STACQ_IOC_MOVE, 0xc018be1f);
	ASSERT_EQ(STACQ_IOC_SEAL, 0xbe15);
	ASSERT_EQ(STACQ_IOC_UNSEAL, 0xbe16);
}

TEST(create_makes_a_node_at_once)
{
	struct queue q = queue_new(STACQ_FIFO);
	struct stat st = stat_of(&q);

	ASSERT_TRUE(S_ISCHR(st.st_mode));
	ASSERT_EQ(st.st_mode & 07777, 0600);
	ASSERT_EQ(st.st_uid, getuid());
	ASSERT_EQ(st.st_gid, getgid());
}

TEST(remove_takes_the_node_away_at_once)
{
	struct queue q = queue_new(STACQ_FIFO);

	ASSERT_OK(queue_remove(q.name));
	ASSERT_TRUE(!exists(q.name));
}

TEST(good_names_are_taken)
{
	static const char *const good[] = {
		"a", "Z", "0", "_", "_x", "a.b-c_d", "a..b", "a-", "a.", "9-9",
		"controls", "Control", "stack2",
		("0123456789012345678901234567890123456789012345678901234567"
		 "89abc"),	/* 63 */
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct stacq_create c = create_defaults(STACQ_FIFO);

		memset(c.name, 0, sizeof(c.name));
		memcpy(c.name, good[i], strlen(good[i]));
		remember(c.name);
		if (create(&c))
			FAIL("%s: %s", good[i], strerrorname_np(errno));
		ASSERT_TRUE(exists(good[i]));
		ASSERT_OK(queue_remove(good[i]));
	}
}

TEST(bad_names_are_einval)
{
	static const char *const bad[] = {
		"", ".", "..", ".a", "-", "-a", "a/b", "/", "../x", "a b", " a",
		"a\n", "a!b", "a:b", "a,b", "a*", "\x80", "\xc3\xa4", "a\x7f",
		"a\x01", "%s", "a=b", "a+b", "a@b", "a~", "a\\b", "a'b",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct stacq_create c = create_defaults(STACQ_FIFO);
		struct stacq_remove r = { 0 };

		strcpy(c.name, bad[i]);
		if (create(&c) != -1 || errno != EINVAL)
			FAIL("create of \"%s\" was not EINVAL", bad[i]);
		strcpy(r.name, bad[i]);
		ASSERT_ERRNO(ioctl(control(O_WRONLY), STACQ_IOC_REMOVE, &r),
			     EINVAL);
	}
}

TEST(a_name_without_its_end_is_einval)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct stacq_remove r = { 0 };

	memset(c.name, 'a', sizeof(c.name));
	ASSERT_ERRNO(create(&c), EINVAL);
	memset(r.name, 'a', sizeof(r.name));
	ASSERT_ERRNO(ioctl(control(O_WRONLY), STACQ_IOC_REMOVE, &r), EINVAL);
}

TEST(bytes_behind_the_end_of_a_name_do_not_count)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	size_t used = strlen(c.name);

	memset(c.name + used + 1, '/', sizeof(c.name) - used - 1);
	q = queue_from(&c);
	info(queue_open(&q, NONBLOCK));	/* which wants them to be zero */
}

TEST(a_taken_name_is_eexist)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q = queue_from(&c);
	int fd = queue_open(&q, NONBLOCK);

	PUT(fd, "safe");
	c.order = STACQ_LIFO;
	ASSERT_REFUSED(fd, create(&c), EEXIST);
	GET(fd, "safe");
}

TEST(control_is_a_taken_name)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);

	memset(c.name, 0, sizeof(c.name));
	strcpy(c.name, "control");
	ASSERT_ERRNO(create(&c), EEXIST);
	ASSERT_EQ(queue_remove("control"), -1);
	ASSERT_TRUE(errno == ENOENT || errno == EINVAL);
	ASSERT_TRUE(exists("control"));
}

TEST(remove_of_an_unknown_name_is_enoent)
{
	struct queue q = queue_new(STACQ_FIFO);

	ASSERT_ERRNO(queue_remove("no-such-queue"), ENOENT);
	ASSERT_OK(queue_remove(q.name));
	ASSERT_ERRNO(queue_remove(q.name), ENOENT);
}

TEST(a_name_is_free_again_after_removal_though_a_file_is_open)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q = queue_from(&c);
	int old = queue_open(&q, NONBLOCK), fd;

	PUT(old, "old");
	ASSERT_OK(queue_remove(q.name));
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	ASSERT_EQ(info(fd).depth, 0);
	PUT(fd, "new");
	ASSERT_ERRNO(write(old, "x", 1), EIDRM);
	GET(fd, "new");
}

TEST(bad_order_flags_mode_and_reserved_are_einval)
{
	static const uint32_t orders[] = { 3, 4, 255, 1u << 31, ~0u };
	static const uint32_t modes[] = {
		01000, 02000, 04000, 010600, 020600, ~0u,
	};
	struct stacq_create c;

	for (size_t i = 0; i < sizeof(orders) / 4; i++) {
		c = create_defaults(orders[i]);
		ASSERT_ERRNO(create(&c), EINVAL);
	}
	for (size_t i = 0; i < sizeof(modes) / 4; i++) {
		c = create_defaults(STACQ_FIFO);
		c.mode = modes[i];
		ASSERT_ERRNO(create(&c), EINVAL);
	}
	for (unsigned int bit = 0; bit < 32; bit++) {
		c = create_defaults(STACQ_FIFO);
		c.flags = 1u << bit;
		ASSERT_ERRNO(create(&c), EINVAL);
		c.flags = 0;
		c.reserved = 1u << bit;
		ASSERT_ERRNO(create(&c), EINVAL);
		ASSERT_TRUE(!exists(c.name));
	}
}

TEST(capacity_above_max_msgs_is_einval)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);

	c.max_msgs = 4;
	c.capacity = 5;
	ASSERT_ERRNO(create(&c), EINVAL);
	c.capacity = 4;
	ASSERT_OK(create(&c));
}

TEST(remove_refuses_flags_and_reserved_fields)
{
	struct queue q = queue_new(STACQ_FIFO);
	struct stacq_remove r = { 0 };
	int fd = control(O_WRONLY);

	strcpy(r.name, q.name);
	r.flags = 1;
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_REMOVE, &r), EINVAL);
	r.flags = 0;
	r.reserved = 1;
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_REMOVE, &r), EINVAL);
	ASSERT_TRUE(exists(q.name));
}

TEST(limits_are_as_asked_for)
{
	struct stacq_create c = create_defaults(STACQ_LIFO);
	struct queue q;
	struct stacq_info i;

	c.max_msgs = 3;
	c.max_bytes = 0;
	c.max_msg_size = 1ull << 40;
	q = queue_from(&c);
	i = info(queue_open(&q, NONBLOCK));
	ASSERT_EQ(i.order, STACQ_LIFO);
	ASSERT_EQ(i.max_msgs, 3);
	ASSERT_EQ(i.max_bytes, 0);
	ASSERT_EQ(i.max_msg_size, 1ull << 40);
}

TEST(owner_group_and_mode_show_in_stat)
{
	static const unsigned int modes[] = { 0777, 0640, 0602, 0, 0066 };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct stacq_create c = create_defaults(STACQ_FIFO);
		struct queue q;
		struct stat st;

		c.uid = ALICE;
		c.gid = BOB;
		c.mode = modes[i];
		umask(077);	/* is for files, not for these */
		q = queue_from(&c);
		st = stat_of(&q);
		ASSERT_EQ(st.st_uid, ALICE);
		ASSERT_EQ(st.st_gid, BOB);
		ASSERT_EQ(st.st_mode & 07777, modes[i]);
	}
}

/* A file open for control, then only alice's rights. */
static int control_of_alice(void)
{
	int fd = control(O_WRONLY);

	become(ALICE);
	return fd;
}

TEST(queue_of_an_ordinary_user_is_the_user_s)
{
	int fd = control_of_alice();
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct stat st;
	char path[128];

	ASSERT_OK(ioctl(fd, STACQ_IOC_CREATE, &c));
	snprintf(path, sizeof(path), "/dev/stacq/%s", c.name);
	ASSERT_OK(stat(path, &st));
	ASSERT_EQ(st.st_uid, ALICE);
	ASSERT_EQ(st.st_gid, ALICE);
	ASSERT_OK(open(path, NONBLOCK));
}

TEST(giving_a_queue_away_needs_cap_chown)
{
	int fd = control_of_alice();
	struct stacq_create c = create_defaults(STACQ_FIFO);

	c.uid = BOB;
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_CREATE, &c), EPERM);
	c.uid = 0;
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_CREATE, &c), EPERM);
	c.uid = STACQ_CALLER;
	c.gid = BOB;
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_CREATE, &c), EPERM);
	c.gid = 0;
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_CREATE, &c), EPERM);
	ASSERT_TRUE(!exists(c.name));
	/* naming oneself is not giving */
	c.uid = ALICE;
	c.gid = ALICE;
	ASSERT_OK(ioctl(fd, STACQ_IOC_CREATE, &c));
}

TEST(limits_above_the_ceiling_need_cap_sys_resource)
{
	unsigned long long bytes = parameter("ceiling_max_bytes");
	unsigned long long msgs = parameter("ceiling_max_msgs");
	unsigned long long size = parameter("ceiling_max_msg_size");
	int fd = control_of_alice();
	struct stacq_create c = create_defaults(STACQ_FIFO), ask;

#define REFUSED(field, value) do {					\
	ask = c;							\
	ask.field = (value);						\
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_CREATE, &ask), EPERM);		\
} while (0)
	REFUSED(max_msgs, msgs + 1);
	REFUSED(max_msgs, 0);
	REFUSED(max_bytes, bytes + 1);
	REFUSED(max_bytes, 0);
	REFUSED(max_msg_size, size + 1);
	REFUSED(max_msg_size, 0);
#undef REFUSED
	ASSERT_TRUE(!exists(c.name));
	c.max_msgs = msgs;
	c.max_bytes = bytes;
	c.max_msg_size = size;
	ASSERT_OK(ioctl(fd, STACQ_IOC_CREATE, &c));
}

TEST(first_capacity_above_the_ceiling_needs_cap_sys_resource)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	int fd;

	set_parameter("ceiling_max_msgs", 100);
	fd = control_of_alice();
	c.max_msgs = 100;
	c.capacity = 101;
	ASSERT_EQ(ioctl(fd, STACQ_IOC_CREATE, &c), -1);
	ASSERT_TRUE(errno == EPERM || errno == EINVAL);
	c.capacity = 100;
	ASSERT_OK(ioctl(fd, STACQ_IOC_CREATE, &c));
}

/* All that there are: some from the load, and those of this test. */
static unsigned int queues(void)
{
	DIR *dir = opendir("/sys/class/stacq");
	struct dirent *entry;
	unsigned int n = 0;

	ASSERT_TRUE(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

TEST(more_queues_than_max_queues_is_enospc)
{
	struct stacq_create c, last = { 0 };
	unsigned int before = queues();

	ASSERT_TRUE(before < 20);
	set_parameter("max_queues", 20);
	for (unsigned int i = before; i < 20; i++) {
		last = create_defaults(STACQ_FIFO);
		ASSERT_OK(create(&last));
	}
	ASSERT_EQ(queues(), 20);
	c = create_defaults(STACQ_FIFO);
	ASSERT_ERRNO(create(&c), ENOSPC);
	ASSERT_TRUE(!exists(c.name));
	ASSERT_OK(queue_remove(last.name));
	ASSERT_OK(create(&c));
}

TEST(control_open_for_reading_only_is_ebadf)
{
	struct queue q = queue_new(STACQ_FIFO);
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct stacq_remove r = { 0 };
	int fd = control(O_RDONLY);

	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_CREATE, &c), EBADF);
	ASSERT_TRUE(!exists(c.name));
	strcpy(r.name, q.name);
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_REMOVE, &r), EBADF);
	ASSERT_TRUE(exists(q.name));
}

TEST(control_neither_reads_nor_writes)
{
	int fd = control(O_RDWR);
	char c = 0;

	ASSERT_EQ(write(fd, &c, 1), -1);
	ASSERT_EQ(read(fd, &c, 1), -1);
}

TEST(unknown_ioctls_are_enotty)
{
	static const unsigned long unknown[] = {
		0, 1, 0x5401 /* TCGETS */, FIONBIO + 1, ~0u,
		_IO(STACQ_IOC_MAGIC, 0x02), _IO(STACQ_IOC_MAGIC, 0x0f),
		_IO(STACQ_IOC_MAGIC, 0x17), _IO(STACQ_IOC_MAGIC, 0xff),
		_IOWR(STACQ_IOC_MAGIC, 0x17, struct stacq_info),
		_IO(STACQ_IOC_MAGIC + 1, 0x10),
		_IOR(STACQ_IOC_MAGIC + 1, 0x10, struct stacq_info),
	};
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), ctl = control(O_RDWR);
	struct stacq_info i = { 0 };

	for (size_t n = 0; n < sizeof(unknown) / sizeof(unknown[0]); n++) {
		ASSERT_REFUSED(fd, ioctl(fd, unknown[n], &i), ENOTTY);
		ASSERT_ERRNO(ioctl(ctl, unknown[n], &i), ENOTTY);
	}
	/* each node has its own */
	ASSERT_ERRNO(ioctl(ctl, STACQ_IOC_INFO, &i), ENOTTY);
	ASSERT_ERRNO(ioctl(ctl, STACQ_IOC_SEAL, 0), ENOTTY);
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_CREATE, &i), ENOTTY);
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_REMOVE, &i), ENOTTY);
}

TEST(a_known_number_with_another_direction_is_enotty)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_info i = { 0 };

	ASSERT_REFUSED(fd, ioctl(fd, _IOW(STACQ_IOC_MAGIC, 0x10,
					  struct stacq_info), &i), ENOTTY);
	ASSERT_REFUSED(fd, ioctl(fd, _IOR(STACQ_IOC_MAGIC, 0x12,
					  struct stacq_limits), &i), ENOTTY);
	ASSERT_REFUSED(fd, ioctl(fd, _IO(STACQ_IOC_MAGIC, 0x14), &i), ENOTTY);
}

#define RESIZED(request, size)						\
	_IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), size)

/* Requests with a structure that is read, the size it has, and had at first. */
static const struct {
	unsigned long request;
	size_t size;
	size_t least;
} sized[] = {
	{ STACQ_IOC_SET_CAPACITY, sizeof(struct stacq_capacity), STACQ_CAPACITY_SIZE_VER0 },
	{ STACQ_IOC_SET_LIMITS, sizeof(struct stacq_limits), STACQ_LIMITS_SIZE_VER0 },
	{ STACQ_IOC_PEEK, sizeof(struct stacq_peek), STACQ_PEEK_SIZE_VER0 },
	{ STACQ_IOC_PURGE, sizeof(struct stacq_purge), STACQ_PURGE_SIZE_VER0 },
	{ STACQ_IOC_SET_DELIVERY, sizeof(struct stacq_delivery), STACQ_DELIVERY_SIZE_VER0 },
};

/* Met as it is: the capacity as it was, no limits changed, nothing copied. */
static void harmless(unsigned long request, void *buf)
{
	if (request == STACQ_IOC_SET_CAPACITY)
		((struct stacq_capacity *)buf)->capacity = 1;
	if (request == STACQ_IOC_SET_LIMITS)
		memset(buf, 0xff, offsetof(struct stacq_limits, flags));
}

TEST(a_larger_structure_with_a_zero_tail_is_taken)
{
	for (size_t n = 0; n < sizeof(sized) / sizeof(sized[0]); n++) {
		static const size_t more[] = { 1, 7, 8, 64, 1000, 8192 };

		for (size_t m = 0; m < sizeof(more) / sizeof(more[0]); m++) {
			struct queue q = queue_new(STACQ_FIFO);
			int fd = queue_open(&q, NONBLOCK);
			char buf[16384] = { 0 };
			size_t size = sized[n].size + more[m];

			PUT(fd, "x");
			harmless(sized[n].request, buf);
			memset(buf + size, POISON, sizeof(buf) - size);
			ASSERT_OK(ioctl(fd, RESIZED(sized[n].request, size),
					buf));
			ASSERT_EQ((unsigned char)buf[size], POISON);
		}
	}
}

TEST(a_larger_structure_with_something_in_its_tail_is_e2big)
{
	for (size_t n = 0; n < sizeof(sized) / sizeof(sized[0]); n++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);

		PUT(fd, "x");
		for (size_t more = 1; more < 8000; more = more * 3 + 1) {
			char buf[16384] = { 0 };
			size_t size = sized[n].size + more;

			harmless(sized[n].request, buf);
			buf[size - 1] = 1;
			ASSERT_REFUSED(fd, ioctl(fd,
				RESIZED(sized[n].request, size), buf), E2BIG);
			buf[size - 1] = 0;
			buf[sized[n].size] = 1;
			ASSERT_REFUSED(fd, ioctl(fd,
				RESIZED(sized[n].request, size), buf), E2BIG);
		}
		GET(fd, "x");
	}
}

TEST(a_smaller_structure_than_the_first_is_einval)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	char buf[256] = { 0 };

	PUT(fd, "x");
	for (size_t n = 0; n < sizeof(sized) / sizeof(sized[0]); n++)
		for (size_t size = 0; size < sized[n].least; size++) {
			harmless(sized[n].request, buf);
			ASSERT_REFUSED(fd, ioctl(fd,
				RESIZED(sized[n].request, size), buf), EINVAL);
		}
	memset(buf, POISON, sizeof(buf));
	for (size_t size = 0; size < STACQ_INFO_SIZE_VER0; size++)
		ASSERT_ERRNO(ioctl(fd, RESIZED(STACQ_IOC_INFO, size), buf),
			     EINVAL);
	for (size_t i = 0; i < sizeof(buf); i++)
		ASSERT_EQ((unsigned char)buf[i], POISON);
}

TEST(the_first_info_is_still_answered)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_info i;

	PUT(fd, "x");
	memset(&i, POISON, sizeof(i));
	ASSERT_OK(ioctl(fd, RESIZED(STACQ_IOC_INFO, STACQ_INFO_SIZE_VER0), &i));
	ASSERT_EQ(i.depth, 1);
	ASSERT_EQ(i.inflight, 0xccccccccccccccccull);
}

TEST(a_larger_info_is_filled_with_zero_behind_what_is_known)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	unsigned char buf[512];
	struct stacq_info i;

	memset(buf, 0, sizeof(buf));
	memset(buf + 400, POISON, sizeof(buf) - 400);
	ASSERT_OK(ioctl(fd, RESIZED(STACQ_IOC_INFO, 400), buf));
	memcpy(&i, buf, sizeof(i));
	ASSERT_EQ(strcmp(i.name, q.name), 0);
	ASSERT_EQ(i.capacity, 1);
	for (size_t n = sizeof(i); n < 400; n++)
		ASSERT_EQ(buf[n], 0);
	ASSERT_EQ(buf[400], POISON);
}

TEST(create_and_remove_take_larger_structures_as_well)
{
	int fd = control(O_WRONLY);
	union {
		struct stacq_create c;
		struct stacq_remove r;
		char raw[1024];
	} u = { .raw = { 0 } };
	struct stacq_create c = create_defaults(STACQ_FIFO);

	u.c = c;
	u.raw[sizeof(c)] = 1;
	ASSERT_ERRNO(ioctl(fd, RESIZED(STACQ_IOC_CREATE, 300), &u), E2BIG);
	ASSERT_ERRNO(ioctl(fd, RESIZED(STACQ_IOC_CREATE, 119), &u), EINVAL);
	ASSERT_TRUE(!exists(c.name));
	u.raw[sizeof(c)] = 0;
	ASSERT_OK(ioctl(fd, RESIZED(STACQ_IOC_CREATE, 300), &u));
	ASSERT_TRUE(exists(c.name));
	memset(&u, 0, sizeof(u));
	strcpy(u.r.name, c.name);
	u.raw[299] = 1;
	ASSERT_ERRNO(ioctl(fd, RESIZED(STACQ_IOC_REMOVE, 300), &u), E2BIG);
	ASSERT_ERRNO(ioctl(fd, RESIZED(STACQ_IOC_REMOVE, 71), &u), EINVAL);
	ASSERT_TRUE(exists(c.name));
	u.raw[299] = 0;
	ASSERT_OK(ioctl(fd, RESIZED(STACQ_IOC_REMOVE, 300), &u));
	ASSERT_TRUE(!exists(c.name));
}

TEST(processes_that_create_the_same_name_at_once_make_one)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);

	for (int round = 0; round < 20; round++) {
		pid_t pid[4];
		int made = 0, status;

		for (int i = 0; i < 4; i++) {
			pid[i] = start();
			if (!pid[i])
				_exit(create(&c) == 0 ? 3 : errno == EEXIST ?
				      5 : 1);
		}
		for (int i = 0; i < 4; i++) {
			ASSERT_EQ(waitpid(pid[i], &status, 0), pid[i]);
			ASSERT_TRUE(WIFEXITED(status));
			ASSERT_TRUE(WEXITSTATUS(status) == 3 ||
				    WEXITSTATUS(status) == 5);
			made += WEXITSTATUS(status) == 3;
		}
		ASSERT_EQ(made, 1);
		ASSERT_OK(queue_remove(c.name));
	}
}
