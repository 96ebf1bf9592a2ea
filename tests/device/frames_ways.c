// SPDX-License-Identifier: GPL-2.0
/* Framed mode: switching it, and frames by way of vectors, splice and sendfile. */
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "frames.h"

static struct batch out, in;

/*
 * Switching
 */

TEST(the_mode_is_of_the_open_file)
{
	struct queue q = queue_new(STACQ_FIFO);
	int plain = queue_open(&q, NONBLOCK), fd = framed(&q, NONBLOCK);
	int other = queue_open(&q, NONBLOCK), copy = dup(fd);

	/* what is a frame elsewhere is a message here */
	add_some(&out, 1, 11);
	WRITE_ALL(plain, &out);
	WRITE_ALL(other, &out);
	ASSERT_EQ(info(fd).bytes, 2 * FRAME(11));
	ASSERT_EQ(read(plain, in.bytes, 1000), FRAME(11));
	ASSERT_EQ(read(other, in.bytes, 1000), FRAME(11));
	WRITE_ALL(copy, &out);
	ASSERT_EQ(info(fd).bytes, 11);
	RECEIVE(plain, 11, 1);
}

TEST(the_mode_can_be_undone_and_set_twice)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);
	char part[4];

	ASSERT_OK(set_mode(fd, STACQ_MODE_FRAMED));
	add_some(&out, 2, 10);
	WRITE_ALL(fd, &out);
	ASSERT_OK(set_mode(fd, 0));
	ASSERT_OK(set_mode(fd, 0));
	ASSERT_EQ(available(fd), 10);
	ASSERT_EQ(read(fd, part, 4), 4);
	ASSERT_EQ(read(fd, in.bytes, 100), 6);
	PUT(fd, "plain");
	ASSERT_OK(set_mode(fd, STACQ_MODE_FRAMED));
	read_batch(fd, &in, 1000);
	NEXT(&in, 10, 2);
	ASSERT_EQ(in.size, FRAME(10) + FRAME(5));
}

TEST(with_part_of_a_message_read_framed_mode_cant_be_switched)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		unsigned char *rest = malloc(*s);
		char c;

		if (*s > 1) {
			SEND(fd, *s, 1);
			ASSERT_EQ(read(fd, &c, 1), 1);
			ASSERT_REFUSED(fd, set_mode(fd, STACQ_MODE_FRAMED), EBUSY);
			ASSERT_OK(set_mode(fd, 0)); /* nothing changes */
			/* it concerns no other open file */
			framed(&q, O_RDONLY);
			ASSERT_EQ(read(fd, rest, *s), *s - 1);
		}
		ASSERT_OK(set_mode(fd, STACQ_MODE_FRAMED));
		free(rest);
	}
}

TEST(set_mode_refuses_what_it_does_not_know)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct { struct stacq_mode mode; unsigned int more; } larger = {
		.mode.flags = STACQ_MODE_FRAMED,
	};
	const unsigned int request = _IOC(_IOC_WRITE, STACQ_IOC_MAGIC, 0x17,
					  sizeof(larger));

	ASSERT_REFUSED(fd, set_mode(fd, 4), EINVAL);
	ASSERT_REFUSED(fd, set_mode(fd, 0x80000001), EINVAL);
	ASSERT_REFUSED(fd, ioctl(fd, _IOC(_IOC_WRITE, STACQ_IOC_MAGIC, 0x17, 4),
				 &larger), EINVAL);
	larger.more = 1;
	ASSERT_REFUSED(fd, ioctl(fd, request, &larger), E2BIG);
	PUT(fd, "still plain");
	GET(fd, "still plain");
	larger.more = 0;
	ASSERT_OK(ioctl(fd, request, &larger));
	ASSERT_ERRNO(write(fd, "not plain", 9), EINVAL);
}

TEST(the_mode_gives_no_right_to_read_or_write)
{
	struct queue q = queue_new(STACQ_FIFO);
	int reader = framed(&q, O_RDONLY), writer = framed(&q, O_WRONLY);

	add_some(&out, 1, 10);
	ASSERT_REFUSED(writer, write(reader, out.bytes, out.size), EBADF);
	WRITE_ALL(writer, &out);
	ASSERT_REFUSED(writer, read(writer, in.bytes, 1000), EBADF);
	ASSERT_ERRNO(available(writer), EBADF);
	ASSERT_EQ(read_batch(reader, &in, 1000), out.size);
}

/* It would leave the rest of a message to a call that wants frames. */
TEST(a_plain_read_under_way_when_the_mode_is_set_is_ebusy)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), other = queue_open(&q, NONBLOCK);
	pid_t pid = start();
	char c;

	if (!pid) {
		ASSERT_ERRNO(read(fd, &c, 1), EBUSY);
		done();
	}
	WAIT_READERS(other, 1);
	ASSERT_OK(set_mode(fd, STACQ_MODE_FRAMED));
	SEND(other, 5000, 1);
	join(pid);
	ASSERT_EQ(read_batch(fd, &in, 10000), FRAME(5000));
	NEXT(&in, 5000, 1);
	ASSERT_EQ(info(other).requeued, 0);
}

/* What somebody has begun to read by then is not for the call. */
TEST(a_framed_read_under_way_when_the_mode_is_undone_is_ebusy)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDWR), other = queue_open(&q, NONBLOCK);
	unsigned char part[5001];
	pid_t pid = start();

	if (!pid) {
		ASSERT_ERRNO(read(fd, in.bytes, sizeof(in.bytes)), EBUSY);
		done();
	}
	WAIT_READERS(other, 1);
	ASSERT_OK(set_mode(fd, 0));
	SEND(other, 5000, 1);
	join(pid);
	ASSERT_EQ(read(fd, part, 1), 1);
	ASSERT_EQ(read(fd, part + 1, 5000), 4999);
	ASSERT_TRUE(filled(part, 5000, 1));
	ASSERT_EQ(info(other).requeued, 0);
}

/*
 * Vectors
 */

static void three_frames(void)
{
	out.size = 0;
	add(&out, 5, 1);
	add(&out, 64, 2);
	add(&out, 9, 3);
}

TEST(writev_may_cut_frames_at_any_byte)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), plain = queue_open(&q, NONBLOCK);

	three_frames();
	for (size_t cut = 0; cut <= out.size; cut++) {
		struct iovec v[2] = {
			{ out.bytes, cut }, { out.bytes + cut, out.size - cut },
		};

		ASSERT_EQ(writev(fd, v, 2), out.size);
		RECEIVE(plain, 5, 1);
		RECEIVE(plain, 64, 2);
		RECEIVE(plain, 9, 3);
		ASSERT_EQ(info(fd).depth, 0);
	}
}

TEST(readv_may_cut_frames_at_any_byte)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	three_frames();
	for (size_t cut = 0; cut <= out.size; cut++) {
		struct iovec v[2] = {
			{ in.bytes, cut }, { in.bytes + cut, 1000 },
		};

		WRITE_ALL(fd, &out);
		memset(in.bytes, POISON, 2000);
		ASSERT_EQ(got(&in, readv(fd, v, 2)), out.size);
		NEXT(&in, 5, 1);
		NEXT(&in, 64, 2);
		NEXT(&in, 9, 3);
	}
}

/* Short frames and long ones, whole and not, in vectors of a byte or of 3000. */
TEST(vectors_of_one_size_carry_all_frames)
{
	static const size_t parts[] = { 1, 7, 33, 3000 };
	static struct iovec v[1024];

	for (int i = 0; i < 4; i++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, NONBLOCK);
		size_t each = parts[i], n, sent;

		out.size = 0;
		for (unsigned int k = 1; out.size + FRAME(6000) < 1000 * each; k++)
			add(&out, k % 4 ? k * 5 : 6000, k);
		if (!out.size)
			three_frames();
		for (n = 0; n * each < out.size; n++)
			v[n] = (struct iovec){ out.bytes + n * each, each };
		v[n - 1].iov_len = out.size - (n - 1) * each;
		sent = writev(fd, v, n);
		ASSERT_EQ(sent, out.size);
		for (size_t k = 0; k < n; k++)
			v[k].iov_base = in.bytes + k * each;
		memset(in.bytes, POISON, out.size + 100);
		ASSERT_EQ(got(&in, readv(fd, v, n)), out.size);
		for (unsigned int k = 1; in.off < in.size; k++)
			NEXT(&in, le32toh(((struct stacq_frame *)(in.bytes + in.off))->len), k);
	}
}

/*
 * splice and sendfile
 */

static int in_pipe(int end)
{
	return available(end);
}

TEST(splice_takes_frames_from_a_pipe_to_a_queue_and_on)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), pipes[2];

	ASSERT_OK(pipe2(pipes, O_NONBLOCK));
	out.size = 0;
	for (unsigned int i = 1; i <= 50; i++)
		add(&out, i % 10 ? i * 3 : 5000, i);
	WRITE_ALL(pipes[1], &out);
	ASSERT_EQ(splice(pipes[0], NULL, fd, NULL, 1 << 20, 0), out.size);
	ASSERT_EQ(info(fd).depth, 50);
	ASSERT_EQ(splice(fd, NULL, pipes[1], NULL, 1 << 20, 0), out.size);
	ASSERT_EQ(info(fd).depth + info(fd).held, 0);
	ASSERT_EQ(info(fd).requeued, 0);
	ASSERT_EQ(read_batch(pipes[0], &in, out.size), out.size);
	for (unsigned int i = 1; i <= 50; i++)
		NEXT(&in, i % 10 ? i * 3 : 5000, i);
}

TEST(splice_out_of_a_queue_takes_whole_frames_that_fit)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), pipes[2];

	ASSERT_OK(pipe2(pipes, O_NONBLOCK));
	add_some(&out, 3, 5000);
	WRITE_ALL(fd, &out);
	ASSERT_REFUSED(fd, splice(fd, NULL, pipes[1], NULL, FRAME(5000) - 1, 0),
		       EMSGSIZE);
	ASSERT_EQ(in_pipe(pipes[0]), 0);
	ASSERT_EQ(splice(fd, NULL, pipes[1], NULL, 3 * FRAME(5000) - 1, 0),
		  2 * FRAME(5000));
	ASSERT_EQ(info(fd).depth, 1);
	ASSERT_EQ(read_batch(pipes[0], &in, 20000), 2 * FRAME(5000));
	NEXT(&in, 5000, 1);
	NEXT(&in, 5000, 2);
	ASSERT_EQ(splice(fd, NULL, pipes[1], NULL, 20000, 0), FRAME(5000));
	ASSERT_ERRNO(splice(fd, NULL, pipes[1], NULL, 20000, 0), EAGAIN);
}

TEST(splice_leaves_a_frame_that_is_cut_in_the_pipe)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), pipes[2];

	ASSERT_OK(pipe2(pipes, O_NONBLOCK));
	add_some(&out, 3, 100);
	ASSERT_EQ(write(pipes[1], out.bytes, out.size - 9), out.size - 9);
	ASSERT_EQ(splice(pipes[0], NULL, fd, NULL, 1 << 20, 0), 2 * FRAME(100));
	ASSERT_EQ(in_pipe(pipes[0]), FRAME(100) - 9);
	ASSERT_REFUSED(fd, splice(pipes[0], NULL, fd, NULL, 1 << 20, 0), EINVAL);
	/* and the rest of it comes */
	ASSERT_EQ(write(pipes[1], out.bytes + out.size - 9, 9), 9);
	ASSERT_EQ(splice(pipes[0], NULL, fd, NULL, 1 << 20, 0), FRAME(100));
	read_batch(fd, &in, 1000);
	NEXT(&in, 100, 1);
	NEXT(&in, 100, 2);
	NEXT(&in, 100, 3);
}

TEST(without_framed_mode_splice_and_sendfile_are_einval)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), pipes[2];
	int file = memfd_create("frames", 0);

	ASSERT_OK(pipe2(pipes, O_NONBLOCK));
	PUT(fd, "stays");
	ASSERT_REFUSED(fd, splice(fd, NULL, pipes[1], NULL, 1000, 0), EINVAL);
	PUT(pipes[1], "stays, too");
	ASSERT_REFUSED(fd, splice(pipes[0], NULL, fd, NULL, 1000, 0), EINVAL);
	ASSERT_EQ(in_pipe(pipes[0]), 10);
	PUT(file, "not a frame");
	ASSERT_EQ(lseek(file, 0, SEEK_SET), 0);
	ASSERT_REFUSED(fd, sendfile(fd, file, NULL, 100), EINVAL);
	GET(fd, "stays");
}

TEST(sendfile_takes_frames_from_a_file)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), file = memfd_create("frames", 0);
	off_t off = 0;
	size_t sent = 0;

	out.size = 0;
	for (unsigned int i = 1; i <= 300; i++)
		add(&out, i % 7 ? i : 7000, i);
	WRITE_ALL(file, &out);
	/* as much a call as the pipe between them holds */
	while (sent < out.size) {
		ssize_t n = sendfile(fd, file, &off, out.size - sent);

		ASSERT_TRUE(n > 0);
		sent += n;
		ASSERT_EQ(off, sent);
	}
	ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), out.size);
	for (unsigned int i = 1; i <= 300; i++)
		NEXT(&in, i % 7 ? i : 7000, i);
}

TEST(sendfile_stops_before_what_is_no_frame)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), file = memfd_create("frames", 0);
	off_t off = 0;

	add_some(&out, 2, 100);
	WRITE_ALL(file, &out);
	ASSERT_EQ(write(file, out.bytes, 50), 50);
	ASSERT_EQ(sendfile(fd, file, &off, 1 << 20), out.size);
	ASSERT_EQ(off, out.size);
	ASSERT_REFUSED(fd, sendfile(fd, file, &off, 1 << 20), EINVAL);
	ASSERT_EQ(off, out.size);
	ASSERT_EQ(info(fd).depth, 2);
}

/* Save and restore, without a copy of ours in between. */
TEST(a_pipe_carries_one_queue_to_another)
{
	struct queue a = queue_new(STACQ_FIFO), b = queue_new(STACQ_FIFO);
	int from = framed(&a, NONBLOCK), to = framed(&b, NONBLOCK), pipes[2];
	ssize_t n;

	ASSERT_OK(pipe2(pipes, O_NONBLOCK));
	out.size = 0;
	for (unsigned int i = 1; i <= 200; i++)
		add(&out, i % 20 ? i : 20000, i)->priority = htole16(i);
	WRITE_ALL(from, &out);
	while ((n = splice(from, NULL, pipes[1], NULL, 1 << 20, 0)) > 0)
		ASSERT_EQ(splice(pipes[0], NULL, to, NULL, n, 0), n);
	ASSERT_EQ(errno, EAGAIN);
	ASSERT_EQ(info(from).depth, 0);
	ASSERT_EQ(read_batch(to, &in, sizeof(in.bytes)), out.size);
	for (unsigned int i = 1; i <= 200; i++)
		ASSERT_EQ(NEXT(&in, i % 20 ? i : 20000, i)->priority, htole16(i));
}
