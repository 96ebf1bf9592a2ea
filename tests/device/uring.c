// SPDX-License-Identifier: GPL-2.0
/* io_uring: reads, writes, vectors and polls, that wait and that do not. */
#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "frames.h"

static struct io_uring ring;

static void ring_up(void)
{
	int error = io_uring_queue_init(32, &ring, 0);

	if (error == -ENOSYS || error == -EPERM)
		SKIP("io_uring is not to be had: %s", strerrorname_np(-error));
	ASSERT_EQ(error, 0);
}

static struct io_uring_sqe *entry(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	ASSERT_TRUE(sqe);
	return sqe;
}

/* A prep function clears user_data, so the name is given after it. */
#define SUBMIT(id, prep, ...) do {					\
	struct io_uring_sqe *sqe_ = entry();				\
	prep(sqe_, ##__VA_ARGS__);					\
	sqe_->user_data = (id);						\
	ASSERT_EQ(io_uring_submit(&ring), 1);				\
} while (0)

/* The result of the next request to end, which is to be that one. */
static int result(unsigned long long id)
{
	struct io_uring_cqe *cqe;
	int r;

	ASSERT_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
	ASSERT_EQ(cqe->user_data, id);
	r = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return r;
}

static void prep_read_nowait(struct io_uring_sqe *sqe, int fd, void *buf,
			     unsigned int size)
{
	io_uring_prep_read(sqe, fd, buf, size, -1);
	sqe->rw_flags = RWF_NOWAIT;
}

static void prep_write_nowait(struct io_uring_sqe *sqe, int fd,
			      const void *buf, unsigned int size)
{
	io_uring_prep_write(sqe, fd, buf, size, -1);
	sqe->rw_flags = RWF_NOWAIT;
}

static bool nothing_ended(void)
{
	struct io_uring_cqe *cqe;

	usleep(SETTLE_US);
	return io_uring_peek_cqe(&ring, &cqe) == -EAGAIN;
}

TEST(write_and_read)
{
	static unsigned char buf[LARGEST + 1];
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);

	ring_up();
	FOR_EACH_SIZE(s) {
		fill(buf, *s, 2);
		SUBMIT(1, io_uring_prep_write, fd, buf, *s, -1);
		ASSERT_EQ(result(1), *s);
		memset(buf, POISON, sizeof(buf));
		SUBMIT(2, io_uring_prep_read, fd, buf, sizeof(buf), -1);
		ASSERT_EQ(result(2), *s);
		ASSERT_TRUE(filled(buf, *s, 2));
		ASSERT_EQ(buf[*s], POISON);
	}
}

TEST(writev_and_readv)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	char a[6], b[6];
	struct iovec out[2] = { { "hello ", 6 }, { "world", 5 } };
	struct iovec in[2] = { { a, 6 }, { b, 6 } };

	ring_up();
	SUBMIT(1, io_uring_prep_writev, fd, out, 2, -1);
	ASSERT_EQ(result(1), 11);
	ASSERT_EQ(info(fd).depth, 1);
	SUBMIT(2, io_uring_prep_readv, fd, in, 2, -1);
	ASSERT_EQ(result(2), 11);
	ASSERT_MEM(a, "hello ", 6);
	ASSERT_MEM(b, "world", 5);
}

TEST(fixed_buffers)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), error;
	unsigned char *buf = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec all = { buf, 8192 };

	ASSERT_TRUE(buf != MAP_FAILED);
	ring_up();
	error = io_uring_register_buffers(&ring, &all, 1);
	ASSERT_EQ(error, 0);
	for (size_t size = 1; size <= 8192; size *= 9) {
		fill(buf, size, 4);
		SUBMIT(1, io_uring_prep_write_fixed, fd, buf, size, -1, 0);
		ASSERT_EQ(result(1), size);
		memset(buf, POISON, 8192);
		SUBMIT(2, io_uring_prep_read_fixed, fd, buf, 8192, -1,
		       0);
		ASSERT_EQ(result(2), size);
		ASSERT_TRUE(filled(buf, size, 4));
	}
}

/* It waits by polling, and has timeouts of its own. */
TEST(a_timeout_of_the_file_ends_nothing_that_waits_by_polling)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	struct stacq_mode m = { .read_timeout_ns = 1000000 };
	char buf[16];

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &m));
	ring_up();
	SUBMIT(1, io_uring_prep_read, fd, buf, sizeof(buf), -1);
	ASSERT_TRUE(nothing_ended());
	PUT(fd, "x");
	ASSERT_EQ(result(1), 1);
}

TEST(read_waits_for_a_message)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), other = queue_open(&q, NONBLOCK);
	char buf[16];

	ring_up();
	SUBMIT(1, io_uring_prep_read, fd, buf, sizeof(buf), -1);
	ASSERT_TRUE(nothing_ended());
	PUT(other, "hello");
	ASSERT_EQ(result(1), 5);
	ASSERT_MEM(buf, "hello", 5);
}

TEST(several_reads_get_one_message_each)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd[4], other = queue_open(&q, NONBLOCK);
	char buf[4][16];

	ring_up();
	for (int i = 0; i < 4; i++) {
		fd[i] = queue_open(&q, O_RDONLY);
		SUBMIT(i, io_uring_prep_read, fd[i], buf[i], 16, -1);
	}
	ASSERT_TRUE(nothing_ended());
	for (int i = 0; i < 4; i++) {
		struct io_uring_cqe *cqe;

		PUT(other, "hello");
		ASSERT_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
		ASSERT_EQ(cqe->res, 5);
		io_uring_cqe_seen(&ring, cqe);
	}
	ASSERT_EQ(info(other).received, 4);
}

TEST(write_waits_for_room)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd, other;

	c.max_msgs = 1;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	other = queue_open(&q, NONBLOCK);
	ring_up();
	PUT(other, "one");
	SUBMIT(1, io_uring_prep_write, fd, "two", 3, -1);
	ASSERT_TRUE(nothing_ended());
	GET(other, "one");
	ASSERT_EQ(result(1), 3);
	GET(other, "two");
}

/* io_uring waits on O_NONBLOCK files as well, if they can be polled. */
TEST(rwf_nowait_gets_eagain)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	char buf[16];
	int fd;

	c.max_msgs = 1;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	ring_up();
	SUBMIT(1, prep_read_nowait, fd, buf, sizeof(buf));
	ASSERT_EQ(result(1), -EAGAIN);
	PUT(fd, "one");
	SUBMIT(2, prep_write_nowait, fd, "two", 3);
	ASSERT_EQ(result(2), -EAGAIN);
	SUBMIT(3, prep_read_nowait, fd, buf, sizeof(buf));
	ASSERT_EQ(result(3), 3);
	ASSERT_MEM(buf, "one", 3);
	SUBMIT(4, prep_write_nowait, fd, "two", 3);
	ASSERT_EQ(result(4), 3);
	GET(fd, "two");
}

TEST(poll_add_waits_in_both_directions)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd;

	c.max_msgs = 1;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	ring_up();
	SUBMIT(1, io_uring_prep_poll_add, fd, POLLIN);
	ASSERT_TRUE(nothing_ended());
	PUT(fd, "x");
	ASSERT_TRUE(result(1) & POLLIN);
	SUBMIT(2, io_uring_prep_poll_add, fd, POLLOUT);
	ASSERT_TRUE(nothing_ended());
	GET(fd, "x");
	ASSERT_TRUE(result(2) & POLLOUT);
}

TEST(errors_are_those_of_read_and_write)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	char buf[16];

	ring_up();
	PUT(fd, "hello");
	SUBMIT(1, io_uring_prep_read, fd, null_pointer, 16, -1);
	ASSERT_EQ(result(1), -EFAULT);
	SUBMIT(2, io_uring_prep_write, fd, kernel_pointer, 16, -1);
	ASSERT_EQ(result(2), -EFAULT);
	ASSERT_EQ(info(fd).depth, 1);
	ASSERT_EQ(info(fd).requeued, 0);
	ASSERT_OK(set_limits(fd, STACQ_UNCHANGED, STACQ_UNCHANGED, 10));
	SUBMIT(3, io_uring_prep_write, fd, "0123456789a", 11, -1);
	ASSERT_EQ(result(3), -EMSGSIZE);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	SUBMIT(4, io_uring_prep_write, fd, "x", 1, -1);
	ASSERT_EQ(result(4), -EPIPE);
	SUBMIT(5, io_uring_prep_read, fd, buf, 16, -1);
	ASSERT_EQ(result(5), 5);
	SUBMIT(6, io_uring_prep_read, fd, buf, 16, -1);
	ASSERT_EQ(result(6), 0);
	ASSERT_OK(queue_remove(q.name));
	SUBMIT(7, io_uring_prep_read, fd, buf, 16, -1);
	ASSERT_EQ(result(7), -EIDRM);
}

TEST(removal_ends_a_read_that_waits)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	char buf[16];

	ring_up();
	SUBMIT(1, io_uring_prep_read, fd, buf, sizeof(buf), -1);
	ASSERT_TRUE(nothing_ended());
	ASSERT_OK(queue_remove(q.name));
	ASSERT_EQ(result(1), -EIDRM);
}

TEST(a_read_that_waits_can_be_cancelled)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), other = queue_open(&q, NONBLOCK);
	struct io_uring_cqe *cqe;
	char buf[16];

	ring_up();
	SUBMIT(1, io_uring_prep_read, fd, buf, sizeof(buf), -1);
	ASSERT_TRUE(nothing_ended());
	SUBMIT(2, io_uring_prep_cancel64, 1, 0);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
		if (cqe->user_data == 1)
			ASSERT_TRUE(cqe->res == -ECANCELED ||
				    cqe->res == -EINTR);
		io_uring_cqe_seen(&ring, cqe);
	}
	PUT(other, "not lost");
	GET(other, "not lost");
}

TEST(closing_the_ring_leaves_messages_alone)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), other = queue_open(&q, NONBLOCK);
	char buf[16];

	ring_up();
	SUBMIT(1, io_uring_prep_read, fd, buf, sizeof(buf), -1);
	io_uring_queue_exit(&ring);
	close(fd);
	PUT(other, "mine");
	WAIT_FOR(info(other).readers_waiting == 0);
	WAIT_FOR(info(other).held == 0);
	/* the cancelled read may have been first, but not lost it twice */
	ASSERT_TRUE(info(other).depth + info(other).received == 1);
}

/*
 * Framed mode
 */

static struct batch out, in;

TEST(framed_write_and_read)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDWR);

	ring_up();
	FOR_EACH_SIZE(s) {
		add_some(&out, 2, *s);
		SUBMIT(1, io_uring_prep_write, fd, out.bytes, out.size, -1);
		ASSERT_EQ(result(1), out.size);
		ASSERT_EQ(info(fd).depth, 2);
		memset(in.bytes, POISON, sizeof(in.bytes));
		SUBMIT(2, io_uring_prep_read, fd, in.bytes, sizeof(in.bytes), -1);
		ASSERT_EQ(got(&in, result(2)), out.size);
		NEXT(&in, *s, 1);
		NEXT(&in, *s, 2);
	}
}

TEST(framed_writev_and_readv)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDWR);
	struct iovec to[2] = { { in.bytes, 50 }, { in.bytes + 50, 100000 } };
	struct iovec from[2];

	ring_up();
	out.size = 0;
	for (unsigned int i = 1; i <= 20; i++)
		add(&out, i % 5 ? i : 5000, i);
	from[0] = (struct iovec){ out.bytes, 77 };
	from[1] = (struct iovec){ out.bytes + 77, out.size - 77 };
	SUBMIT(1, io_uring_prep_writev, fd, from, 2, -1);
	ASSERT_EQ(result(1), out.size);
	memset(in.bytes, POISON, 100100);
	SUBMIT(2, io_uring_prep_readv, fd, to, 2, -1);
	ASSERT_EQ(got(&in, result(2)), out.size);
	for (unsigned int i = 1; i <= 20; i++)
		NEXT(&in, i % 5 ? i : 5000, i);
}

TEST(framed_fixed_buffers)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDWR);
	unsigned char *buf = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec all = { buf, 65536 };

	ASSERT_TRUE(buf != MAP_FAILED);
	ring_up();
	ASSERT_EQ(io_uring_register_buffers(&ring, &all, 1), 0);
	for (size_t len = 10; len < 20000; len += 5000) {
		add_some(&out, 3, len);
		memcpy(buf, out.bytes, out.size);
		SUBMIT(1, io_uring_prep_write_fixed, fd, buf, out.size, -1, 0);
		ASSERT_EQ(result(1), out.size);
		memset(buf, POISON, 65536);
		SUBMIT(2, io_uring_prep_read_fixed, fd, buf, 65536, -1, 0);
		in.size = result(2);
		ASSERT_EQ(in.size, out.size);
		in.off = 0;
		memcpy(in.bytes, buf, in.size);
		for (unsigned int i = 1; i <= 3; i++)
			NEXT(&in, len, i);
	}
}

TEST(a_framed_read_waits_for_a_message)
{
	for (size_t len = 10; len < 10000; len += 5000) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, O_RDWR), other = queue_open(&q, NONBLOCK);

		ring_up();
		memset(in.bytes, POISON, 100100);
		SUBMIT(1, io_uring_prep_read, fd, in.bytes, 100000, -1);
		ASSERT_TRUE(nothing_ended());
		SEND(other, len, 1);
		ASSERT_EQ(got(&in, result(1)), FRAME(len));
		NEXT(&in, len, 1);
		io_uring_queue_exit(&ring);
	}
}

TEST(a_framed_write_waits_for_room_for_the_first_frame)
{
	for (size_t len = 10; len < 10000; len += 5000) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, O_RDWR), other = queue_open(&q, NONBLOCK);

		ASSERT_OK(set_limits(fd, 1, KEEP, KEEP));
		SEND(other, len, 9);
		ring_up();
		add_some(&out, 2, len);
		SUBMIT(1, io_uring_prep_write, fd, out.bytes, out.size, -1);
		ASSERT_TRUE(nothing_ended());
		RECEIVE(other, len, 9);
		ASSERT_EQ(result(1), FRAME(len));
		RECEIVE(other, len, 1);
		io_uring_queue_exit(&ring);
	}
}

TEST(framed_errors_are_those_of_read_and_write)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	ring_up();
	add_some(&out, 1, 100);
	WRITE_ALL(fd, &out);
	SUBMIT(1, io_uring_prep_read, fd, in.bytes, FRAME(100) - 1, -1);
	ASSERT_EQ(result(1), -EMSGSIZE);
	SUBMIT(2, io_uring_prep_read, fd, null_pointer, 1000, -1);
	ASSERT_EQ(result(2), -EFAULT);
	SUBMIT(3, io_uring_prep_write, fd, "no frame", 8, -1);
	ASSERT_EQ(result(3), -EINVAL);
	ASSERT_OK(set_limits(fd, 1, KEEP, KEEP));
	SUBMIT(4, prep_write_nowait, fd, out.bytes, out.size);
	ASSERT_EQ(result(4), -EAGAIN);
	ASSERT_EQ(info(fd).depth, 1);
	ASSERT_EQ(info(fd).requeued, 0);
	read_batch(fd, &in, 1000);
	SUBMIT(5, prep_read_nowait, fd, in.bytes, 1000);
	ASSERT_EQ(result(5), -EAGAIN);
}
