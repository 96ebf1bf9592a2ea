// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses that can't be read or written, in every argument; and memory that
 * can be, but is not there yet. Nothing may be lost, stored or counted.
 */
#include <sys/mman.h>
#include <sys/uio.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)
#define PAGE		4096

enum kind { NULL_POINTER, UNMAPPED, KERNEL, NO_ACCESS, ENDS_EARLY,
	    READ_ONLY, ENDS_READ_ONLY, NR_KINDS };
#define FOR_EACH_UNREADABLE(k)	for (enum kind k = 0; k < READ_ONLY; k++)
#define FOR_EACH_UNWRITABLE(k)	for (enum kind k = 0; k < NR_KINDS; k++)

/* A buffer of @size bytes; the ENDS kinds are good up to the last byte. */
static void *bad(enum kind kind, size_t size)
{
	size_t whole = (size + 2 * PAGE - 1) / PAGE * PAGE;
	char *p;

	if (kind == NULL_POINTER)
		return null_pointer;
	if (kind == KERNEL)
		return kernel_pointer;
	p = mmap(NULL, whole + PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(p != MAP_FAILED);
	memset(p, POISON, whole + PAGE);
	switch (kind) {
	case UNMAPPED:
		ASSERT_OK(munmap(p, whole + PAGE));
		return p;
	case NO_ACCESS:
		ASSERT_OK(mprotect(p, whole + PAGE, PROT_NONE));
		return p;
	case ENDS_EARLY:
		ASSERT_OK(munmap(p + whole, PAGE));
		return p + whole - (size - 1);
	case READ_ONLY:
		ASSERT_OK(mprotect(p, whole + PAGE, PROT_READ));
		return p;
	case ENDS_READ_ONLY:
		ASSERT_OK(mprotect(p + whole, PAGE, PROT_READ));
		return p + whole - (size - 1);
	default:
		FAIL("no such kind");
	}
}

/* For each order and size: a queue with two messages of that size; as a stack, with room for more. */
#define FOR_EACH_QUEUE(fd, s)						\
	for (unsigned int order_ = 0; order_ < 2; order_++)		\
		FOR_EACH_SIZE(s)					\
			for (int fd = two_stored(order_, *s); fd >= 0;	\
			     two_left(fd, order_, *s), fd = -1)

static int two_stored(unsigned int order, size_t size)
{
	struct queue q = queue_new(order);
	int fd = queue_open(&q, NONBLOCK);

	SEND(fd, size, 1);
	SEND(fd, size, 2);
	if (order == STACQ_LIFO)
		ASSERT_OK(set_capacity(fd, 8));
	return fd;
}

static void two_left(int fd, unsigned int order, size_t size)
{
	struct stacq_peek p;

	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_OK(peek(fd, i, NULL, 0, &p));
		ASSERT_EQ(p.deliveries, 0);
	}
	RECEIVE(fd, size, order == STACQ_FIFO ? 1 : 2);
	RECEIVE(fd, size, order == STACQ_FIFO ? 2 : 1);
	ASSERT_ERRNO(read(fd, &p, 1), EAGAIN);
	close(fd);
}

TEST(write_from_a_bad_address_is_efault)
{
	FOR_EACH_QUEUE(fd, s)
		FOR_EACH_UNREADABLE(k)
			ASSERT_REFUSED(fd, write(fd, bad(k, *s), *s), EFAULT);
}

TEST(a_bad_address_takes_no_room)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_OK(set_capacity(fd, 4));
	FOR_EACH_UNREADABLE(k)
		ASSERT_REFUSED(fd, write(fd, bad(k, 16), 16), EFAULT);
	for (unsigned int i = 0; i < 4; i++)
		SEND(fd, 16, i);
	ASSERT_EQ(info(fd).capacity, 4);
	ASSERT_EQ(info(fd).growths, 0);
}

TEST(writev_with_a_bad_address_is_efault)
{
	FOR_EACH_QUEUE(fd, s)
		FOR_EACH_UNREADABLE(k) {
			size_t size = *s > 4 ? *s - 4 : *s;
			struct iovec v[2] = {
				{ "good", 4 }, { bad(k, size), size },
			};

			ASSERT_REFUSED(fd, writev(fd, v, 2), EFAULT);
		}
}

TEST(writev_with_bad_vectors_is_efault)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	for (enum kind k = 0; k < ENDS_EARLY; k++) {
		ASSERT_REFUSED(fd, writev(fd, bad(k, 32), 2), EFAULT);
		ASSERT_REFUSED(fd, readv(fd, bad(k, 32), 2), EFAULT);
	}
}

TEST(read_to_a_bad_address_is_efault_and_leaves_the_message)
{
	FOR_EACH_QUEUE(fd, s)
		FOR_EACH_UNWRITABLE(k)
			ASSERT_REFUSED(fd, read(fd, bad(k, *s), *s), EFAULT);
}

TEST(readv_to_a_bad_address_is_efault_and_leaves_the_message)
{
	FOR_EACH_QUEUE(fd, s)
		FOR_EACH_UNWRITABLE(k) {
			char good[1];
			struct iovec v[2] = {
				{ good, *s == 1 ? 0 : 1 }, { bad(k, *s), *s },
			};
			size_t left = *s - v[0].iov_len;

			/* the end of the buffer is bad, and not reached */
			if ((k == ENDS_EARLY || k == ENDS_READ_ONLY) &&
			    left < *s)
				continue;
			ASSERT_REFUSED(fd, readv(fd, v, 2), EFAULT);
		}
}

TEST(a_buffer_larger_than_the_message_may_be_bad_behind_its_end)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		char *p = bad(ENDS_EARLY, *s + 1);

		SEND(fd, *s, 4);
		ASSERT_EQ(read(fd, p, *s + 100000), *s);
		ASSERT_TRUE(filled(p, *s, 4));
	}
}

TEST(efault_in_the_middle_of_a_message_leaves_the_rest_at_hand)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		unsigned char *all;

		if (*s < 3)
			continue;
		all = malloc(*s);
		SEND(fd, *s, 4);
		ASSERT_EQ(read(fd, all, 1), 1);
		FOR_EACH_UNWRITABLE(k)
			ASSERT_REFUSED(fd, read(fd, bad(k, *s - 1), *s - 1),
				       EFAULT);
		ASSERT_EQ(available(fd), *s - 1);
		ASSERT_EQ(read(fd, all + 1, *s), *s - 1);
		ASSERT_TRUE(filled(all, *s, 4));
		free(all);
	}
}

TEST(read_of_an_empty_queue_to_a_bad_address_is_eagain)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_REFUSED(fd, read(fd, bad(UNMAPPED, 8), 8), EAGAIN);
}

/* Memory that is not there yet: the copy has to fault it in and go on. */
TEST(write_from_memory_not_yet_there_works)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		size_t room = *s + 2 * PAGE;
		char *p, *got = malloc(*s + 1), *zero = calloc(1, *s);

		p = mmap(NULL, room, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_TRUE(p != MAP_FAILED);
		ASSERT_EQ(write(fd, p + PAGE - 1, *s), *s);
		memset(got, POISON, *s + 1);
		ASSERT_EQ(read(fd, got, *s + 1), *s);
		ASSERT_MEM(got, zero, *s);
		free(got);
		free(zero);
		munmap(p, room);
	}
}

TEST(read_to_memory_not_yet_there_works)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		size_t room = *s + 2 * PAGE;
		char *p = mmap(NULL, room, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		ASSERT_TRUE(p != MAP_FAILED);
		SEND(fd, *s, 8);
		ASSERT_EQ(read(fd, p + PAGE - 1, *s), *s);
		ASSERT_TRUE(filled(p + PAGE - 1, *s, 8));
		ASSERT_EQ(info(fd).received, 1);
		ASSERT_EQ(info(fd).requeued, 0);
		munmap(p, room);
	}
}

TEST(write_straight_from_a_file_mapping_works)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char *p = mmap(NULL, 5 * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	char got[2 * PAGE];

	ASSERT_TRUE(p != MAP_FAILED);
	for (size_t size = 50; size < sizeof(got); size *= 3) {
		madvise(p, 5 * PAGE, MADV_DONTNEED);
		ASSERT_EQ(write(fd, p + PAGE - 20, size), size);
		ASSERT_EQ(read(fd, got, sizeof(got)), size);
		ASSERT_MEM(got, p + PAGE - 20, size);
	}
}

static void each_request_is_efault(int fd, unsigned long request, size_t size,
				   bool written)
{
	FOR_EACH_UNREADABLE(k)
		ASSERT_REFUSED(fd, ioctl(fd, request, bad(k, size)), EFAULT);
	if (written) {
		void *p = bad(READ_ONLY, size);

		/* a request that could be met, but for its answer */
		ASSERT_OK(mprotect(p, size, PROT_READ | PROT_WRITE));
		memset(p, 0, size);
		ASSERT_OK(mprotect(p, size, PROT_READ));
		ASSERT_REFUSED(fd, ioctl(fd, request, p), EFAULT);
	}
}

TEST(ioctls_with_a_bad_address_are_efault)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	PUT(fd, "hello");
	each_request_is_efault(fd, FIONREAD, sizeof(int), true);
	each_request_is_efault(fd, STACQ_IOC_INFO,
			       sizeof(struct stacq_info), true);
	each_request_is_efault(fd, STACQ_IOC_SET_CAPACITY,
			       sizeof(struct stacq_capacity), false);
	each_request_is_efault(fd, STACQ_IOC_SET_LIMITS,
			       sizeof(struct stacq_limits), false);
	each_request_is_efault(fd, STACQ_IOC_PEEK,
			       sizeof(struct stacq_peek), true);
	each_request_is_efault(fd, STACQ_IOC_PURGE,
			       sizeof(struct stacq_purge), false);
	each_request_is_efault(fd, STACQ_IOC_SET_MODE,
			       sizeof(struct stacq_mode), false);
	each_request_is_efault(fd, STACQ_IOC_ACK,
			       sizeof(struct stacq_settlement), false);
	each_request_is_efault(fd, STACQ_IOC_GIVE_BACK,
			       sizeof(struct stacq_settlement), false);
	each_request_is_efault(fd, STACQ_IOC_EXTEND,
			       sizeof(struct stacq_settlement), false);
	each_request_is_efault(fd, STACQ_IOC_SET_DELIVERY,
			       sizeof(struct stacq_delivery), false);
	each_request_is_efault(fd, STACQ_IOC_MOVE,
			       sizeof(struct stacq_move), false);
	each_request_is_efault(fd, STACQ_IOC_READ,
			       sizeof(struct stacq_transfer), false);
	each_request_is_efault(fd, STACQ_IOC_WRITE,
			       sizeof(struct stacq_transfer), false);
	each_request_is_efault(fd, STACQ_IOC_NOTIFY,
			       sizeof(struct stacq_notice), false);
	GET(fd, "hello");
}

TEST(reads_and_writes_by_request_with_a_bad_address_are_efault)
{
	FOR_EACH_QUEUE(fd, s)
		FOR_EACH_UNWRITABLE(k) {
			struct stacq_transfer t = {
				.buf = (unsigned long)bad(k, *s), .len = *s,
			};

			ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_READ, &t), EFAULT);
			if (k < READ_ONLY)
				ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_WRITE, &t), EFAULT);
		}
}

TEST(purge_whose_answer_cant_be_written_throws_nothing_away)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	PUT(fd, "hello");
	each_request_is_efault(fd, STACQ_IOC_PURGE,
			       sizeof(struct stacq_purge), true);
	GET(fd, "hello");
}

TEST(set_capacity_whose_answer_cant_be_written_changes_nothing)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_capacity *p = bad(READ_ONLY, sizeof(*p));

	ASSERT_OK(mprotect(p, sizeof(*p), PROT_READ | PROT_WRITE));
	memset(p, 0, sizeof(*p));
	p->capacity = 50;
	ASSERT_OK(mprotect(p, sizeof(*p), PROT_READ));
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SET_CAPACITY, p), EFAULT);
}

TEST(peek_to_a_bad_buffer_is_efault)
{
	FOR_EACH_QUEUE(fd, s)
		FOR_EACH_UNWRITABLE(k) {
			struct stacq_peek p;
			unsigned char *raw = (unsigned char *)&p;

			memset(&p, POISON, sizeof(p));
			p.position = 1;
			p.buf = (unsigned long)bad(k, *s);
			p.buf_len = *s;
			p.flags = p.reserved = p.reserved2 = 0;
			ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PEEK, &p),
				       EFAULT);
			/* nothing of the answer was written */
			for (size_t i = offsetof(struct stacq_peek, len);
			     i < offsetof(struct stacq_peek, flags); i++)
				ASSERT_EQ(raw[i], POISON);
		}
}

TEST(control_ioctls_with_a_bad_address_are_efault)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);

	ASSERT_OK(fd);
	FOR_EACH_UNREADABLE(k) {
		ASSERT_ERRNO(ioctl(fd, STACQ_IOC_CREATE,
				   bad(k, sizeof(struct stacq_create))),
			     EFAULT);
		ASSERT_ERRNO(ioctl(fd, STACQ_IOC_REMOVE,
				   bad(k, sizeof(struct stacq_remove))),
			     EFAULT);
	}
}
