// SPDX-License-Identifier: GPL-2.0
/* Reading a message in parts; what becomes of one that is not finished. */
#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)

#define PART(fd, text) do {						\
	char part_[sizeof(text)];					\
	memset(part_, POISON, sizeof(part_));				\
	ASSERT_EQ(read(fd, part_, sizeof(text) - 1), sizeof(text) - 1);	\
	ASSERT_MEM(part_, text "\xcc", sizeof(text));			\
} while (0)

TEST(next_read_returns_the_rest)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	PUT(fd, "0123456789");
	PUT(fd, "next");
	PART(fd, "012");
	PART(fd, "3456");
	GET(fd, "789");
	GET(fd, "next");
}

TEST(byte_by_byte)
{
	FOR_EACH_SIZE(s) {
		struct queue q;
		int fd;
		char c;

		if (*s > 4097)
			break;
		q = queue_new(STACQ_FIFO);
		fd = queue_open(&q, NONBLOCK);
		SEND(fd, *s, 9);
		for (size_t i = 0; i < *s; i++) {
			char wanted[4097];

			if (i == 0)
				ASSERT_EQ(info(fd).received, 0);
			fill(wanted, i + 1, 9);
			ASSERT_EQ(read(fd, &c, 1), 1);
			ASSERT_EQ(c, wanted[i]);
			if (i > 64 && i < *s - 3)	/* quadratic */
				for (; i < *s - 3; i++)
					ASSERT_EQ(read(fd, &c, 1), 1);
		}
		ASSERT_REFUSED(fd, read(fd, &c, 1), EAGAIN);
		ASSERT_EQ(info(fd).received, 1);
	}
}

TEST(large_message_in_uneven_parts)
{
	static unsigned char all[LARGEST];
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	size_t got = 0, step = 1;

	SEND(fd, LARGEST, 3);
	memset(all, POISON, sizeof(all));
	while (got < LARGEST) {
		size_t size = step < LARGEST - got ? step : LARGEST - got;

		ASSERT_EQ(read(fd, all + got, size), size);
		got += size;
		step = step * 3 % 65537 + 1;
	}
	ASSERT_TRUE(filled(all, LARGEST, 3));
	ASSERT_EQ(info(fd).held, 0);
}

TEST(two_open_files_read_two_messages_in_turns)
{
	struct queue q = queue_new(STACQ_FIFO);
	int a = queue_open(&q, NONBLOCK), b = queue_open(&q, NONBLOCK);

	PUT(a, "AAAaaa");
	PUT(a, "BBBbbb");
	PART(a, "AAA");
	PART(b, "BBB");
	ASSERT_EQ(info(a).held, 2);
	PART(a, "aa");
	PART(b, "bb");
	GET(a, "a");
	ASSERT_EQ(info(a).held, 1);
	GET(b, "b");
	ASSERT_EQ(info(a).held, 0);
}

TEST(info_counts_the_message_at_hand_as_held)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_info i;

	PUT(fd, "0123456789");
	PUT(fd, "abc");
	PART(fd, "01234");
	i = info(fd);
	ASSERT_EQ(i.depth, 1);
	ASSERT_EQ(i.bytes, 3);
	ASSERT_EQ(i.held, 1);
	ASSERT_EQ(i.held_bytes, 10);
	ASSERT_EQ(i.received, 0);
	GET(fd, "56789");
	i = info(fd);
	ASSERT_EQ(i.depth, 1);
	ASSERT_EQ(i.held + i.held_bytes, 0);
	ASSERT_EQ(i.received, 1);
	ASSERT_EQ(i.requeued, 0);
}

TEST(fionread_at_each_stage)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);

	ASSERT_EQ(available(fd), 0);
	PUT(fd, "0123456789");
	PUT(fd, "abc");
	ASSERT_EQ(available(fd), 10);
	PART(fd, "0123");
	ASSERT_EQ(available(fd), 6);
	ASSERT_EQ(available(other), 3);
	PART(fd, "45678");
	ASSERT_EQ(available(fd), 1);
	GET(fd, "9");
	ASSERT_EQ(available(fd), 3);
	GET(other, "abc");
	ASSERT_EQ(available(fd), 0);
	FOR_EACH_SIZE(s) {
		SEND(fd, *s, 1);
		ASSERT_EQ(available(fd), *s);
		RECEIVE(fd, *s, 1);
	}
}

TEST(fionread_needs_a_file_open_for_reading)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_WRONLY), n = 0x5a5a;

	PUT(fd, "abc");
	ASSERT_ERRNO(ioctl(fd, FIONREAD, &n), EBADF);
	ASSERT_EQ(n, 0x5a5a);
}

/* For each size, since small and large messages are kept in different ways. */
TEST(fifo_close_in_the_middle_puts_it_back_in_front)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		int reader = queue_open(&q, O_RDONLY);
		struct stacq_info i;
		char c;

		if (*s == 1)
			continue;
		SEND(fd, *s, 1);
		SEND(fd, *s, 2);
		ASSERT_EQ(read(reader, &c, 1), 1);
		SEND(fd, *s, 3);
		ASSERT_EQ(close(reader), 0);
		i = info(fd);
		ASSERT_EQ(i.depth, 3);
		ASSERT_EQ(i.bytes, 3 * *s);
		ASSERT_EQ(i.held, 0);
		ASSERT_EQ(i.requeued, 1);
		ASSERT_EQ(i.received, 0);
		RECEIVE(fd, *s, 1);
		RECEIVE(fd, *s, 2);
		RECEIVE(fd, *s, 3);
	}
}

TEST(lifo_close_in_the_middle_puts_it_back_in_its_place)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_LIFO);
		int fd = queue_open(&q, NONBLOCK);
		int reader = queue_open(&q, O_RDONLY);
		char c;

		if (*s == 1)
			continue;
		SEND(fd, *s, 1);
		SEND(fd, *s, 2);
		ASSERT_EQ(read(reader, &c, 1), 1);	/* takes 2 */
		SEND(fd, *s, 3);
		SEND(fd, *s, 4);
		ASSERT_EQ(close(reader), 0);
		ASSERT_EQ(info(fd).depth, 4);
		RECEIVE(fd, *s, 4);
		RECEIVE(fd, *s, 3);
		RECEIVE(fd, *s, 2);
		RECEIVE(fd, *s, 1);
	}
}

TEST(fifo_messages_given_back_in_any_order_keep_their_order)
{
	static const int orders[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};

	for (int o = 0; o < 6; o++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK), reader[3];
		char c;

		for (unsigned int i = 0; i < 5; i++)
			SEND(fd, 100, i);
		for (int i = 0; i < 3; i++) {
			reader[i] = queue_open(&q, O_RDONLY);
			ASSERT_EQ(read(reader[i], &c, 1), 1);
		}
		for (int i = 0; i < 3; i++)
			close(reader[orders[o][i]]);
		for (unsigned int i = 0; i < 5; i++)
			RECEIVE(fd, 100, i);
	}
}

TEST(lifo_messages_given_back_in_any_order_keep_their_order)
{
	static const int orders[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};

	for (int o = 0; o < 6; o++) {
		struct queue q = queue_new(STACQ_LIFO);
		int fd = queue_open(&q, NONBLOCK), reader[3];
		char c;

		for (unsigned int i = 0; i < 5; i++)
			SEND(fd, 100, i);
		for (int i = 0; i < 3; i++) {
			reader[i] = queue_open(&q, O_RDONLY);
			ASSERT_EQ(read(reader[i], &c, 1), 1);
			SEND(fd, 100, 10 + i);
			RECEIVE(fd, 100, 10 + i);
		}
		SEND(fd, 100, 5);
		for (int i = 0; i < 3; i++)
			close(reader[orders[o][i]]);
		for (int i = 5; i >= 0; i--)
			RECEIVE(fd, 100, i);
	}
}

TEST(a_message_given_back_goes_behind_older_ones_still_in_hand)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	int a = queue_open(&q, O_RDONLY), b = queue_open(&q, O_RDONLY);

	PUT(fd, "first");
	PUT(fd, "second");
	PUT(fd, "third");
	PART(a, "fi");
	PART(b, "se");
	close(b);
	GET(fd, "second");	/* first is still with a */
	close(a);
	GET(fd, "first");
	GET(fd, "third");
}

TEST(giving_back_raises_the_delivery_count_of_that_message)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_peek p;

	PUT(fd, "first");
	PUT(fd, "second");
	for (unsigned int i = 0; i < 3; i++) {
		int reader = queue_open(&q, O_RDONLY);

		ASSERT_EQ(peek(fd, 0, NULL, 0, &p), 0);
		ASSERT_EQ(p.deliveries, i);
		PART(reader, "fir");
		close(reader);
		ASSERT_EQ(info(fd).requeued, i + 1);
	}
	ASSERT_EQ(peek(fd, 1, NULL, 0, &p), 0);
	ASSERT_EQ(p.deliveries, 0);
	/* the next messages in their slots start from none */
	GET(fd, "first");
	GET(fd, "second");
	PUT(fd, "third");
	PUT(fd, "fourth");
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(peek(fd, i, NULL, 0, &p), 0);
		ASSERT_EQ(p.deliveries, 0);
	}
}

TEST(delivery_count_stops_at_255)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_peek p;

	PUT(fd, "again and again");
	for (unsigned int i = 0; i < 260; i++) {
		int reader = queue_open(&q, O_RDONLY);

		PART(reader, "a");
		close(reader);
	}
	ASSERT_EQ(peek(fd, 0, NULL, 0, &p), 0);
	ASSERT_EQ(p.deliveries, 255);
	ASSERT_EQ(info(fd).requeued, 260);
	GET(fd, "again and again");
}

TEST(close_with_nothing_at_hand_gives_nothing_back)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	int reader = queue_open(&q, NONBLOCK);
	struct stacq_peek p;

	PUT(fd, "a");
	PUT(fd, "b");
	GET(reader, "a");
	close(reader);
	ASSERT_EQ(info(fd).requeued, 0);
	ASSERT_EQ(info(fd).depth, 1);
	ASSERT_EQ(peek(fd, 0, NULL, 0, &p), 0);
	ASSERT_EQ(p.deliveries, 0);
}

TEST(killed_reader_gives_its_message_back)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		pid_t pid;

		if (*s == 1)
			continue;
		SEND(fd, *s, 1);
		SEND(fd, *s, 2);
		pid = start();
		if (!pid) {
			int reader = queue_open(&q, O_RDONLY);
			char c;

			ASSERT_EQ(read(reader, &c, 1), 1);
			pause();
		}
		WAIT_FOR(info(fd).held == 1);
		kill_now(pid);
		WAIT_FOR(info(fd).held == 0);
		ASSERT_EQ(info(fd).requeued, 1);
		RECEIVE(fd, *s, 1);
		RECEIVE(fd, *s, 2);
	}
}

TEST(blocked_reader_gets_a_message_given_back)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	int reader = queue_open(&q, O_RDONLY);
	pid_t pid;

	PUT(fd, "whole");
	PART(reader, "who");
	pid = start();
	if (!pid) {
		close(reader);
		GET(fd, "whole");
		done();
	}
	WAIT_READERS(fd, 1);
	close(reader);
	join(pid);
}

TEST(dup_shares_the_message_at_hand)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), copy;

	PUT(fd, "0123456789");
	PUT(fd, "next");
	PART(fd, "012");
	copy = dup(fd);
	PART(copy, "345");
	close(fd);	/* not the last */
	ASSERT_EQ(info(copy).held, 1);
	ASSERT_EQ(info(copy).requeued, 0);
	GET(copy, "6789");
	GET(copy, "next");
}

TEST(forked_processes_share_the_message_at_hand)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	pid_t pid;

	PUT(fd, "0123456789");
	PART(fd, "012");
	pid = start();
	if (!pid) {
		PART(fd, "345");
		done();
	}
	join(pid);
	ASSERT_EQ(info(other).held, 1);
	PART(fd, "678");
	close(fd);
	ASSERT_EQ(info(other).requeued, 1);
	GET(other, "0123456789");
}

/* Threads that share one open file take the bytes of a message in turns. */
TEST(readers_of_one_open_file_take_each_byte_once)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	unsigned int sum = 0, wanted = 0;
	unsigned char message[1000];
	pid_t pid[4];
	int pipes[2];

	fill(message, sizeof(message), 1);
	for (size_t i = 0; i < sizeof(message); i++)
		wanted += message[i];
	SEND(fd, sizeof(message), 1);
	ASSERT_OK(pipe(pipes));
	for (int i = 0; i < 4; i++) {
		pid[i] = start();
		if (!pid[i]) {
			unsigned int mine[2] = { 0 };
			unsigned char c;

			while (read(fd, &c, 1) == 1) {
				mine[0] += c;
				mine[1]++;
			}
			ASSERT_EQ(errno, EAGAIN);
			ASSERT_EQ(write(pipes[1], mine, sizeof(mine)),
				  sizeof(mine));
			done();
		}
	}
	for (int i = 0; i < 4; i++) {
		unsigned int mine[2];

		ASSERT_EQ(read(pipes[0], mine, sizeof(mine)), sizeof(mine));
		sum += mine[0];
		join(pid[i]);
	}
	ASSERT_EQ(sum, wanted);
	ASSERT_EQ(info(fd).received, 1);
}

TEST(exec_with_close_on_exec_gives_the_message_back)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	pid_t pid;

	PUT(fd, "hello");
	pid = start();
	if (!pid) {
		int reader = queue_open(&q, O_RDONLY);

		PART(reader, "he");
		execl("/bin/sleep", "sleep", "1000", NULL);
		FAIL("execl: %s", strerrorname_np(errno));
	}
	WAIT_FOR(info(fd).requeued == 1);
	ASSERT_TRUE(running(pid));
	GET(fd, "hello");
	kill_now(pid);
}
