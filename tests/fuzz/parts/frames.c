// SPDX-License-Identifier: GPL-2.0
/*
 * Frames, good and hostile, on open files in framed mode: the two queues whose
 * messages describe themselves, and others with anything in them. What is a frame
 * is said here once more, after docs/abi.md, and the module has to agree.
 */
#include <limits.h>
#include <endian.h>
#include <sys/uio.h>

#include "parts.h"

#define HEAD	sizeof(struct stacq_frame)
#define ROOM	(12 * PAGE)	/* for frames, in the memory of a step */

static bool mode_is_framed[2];	/* of MODE_FD, which nobody else has */

static uint64_t filled_up(uint64_t len)
{
	return HEAD + len + (8 - len % 8) % 8;
}

/* The bytes of the frame at the start of @left bytes; 0 if it is none. */
static uint64_t frame_at(const unsigned char *p, uint64_t left)
{
	struct stacq_frame f;

	if (left < HEAD)
		return 0;
	memcpy(&f, p, HEAD);
	if (p[0] != 'S' || p[1] != 'q' || le32toh(f.ttl_ms) > INT_MAX || le16toh(f.priority) > 32767 ||
	    le32toh(f.deliveries) > 255 || le64toh(f.sent_ns) >> 63 || !f.len ||
	    filled_up(le32toh(f.len)) > left)
		return 0;
	return filled_up(le32toh(f.len));
}

/* The bytes of the frames at the start, and up to each of them. */
static uint64_t frames_in(const unsigned char *p, uint64_t size)
{
	uint64_t done = 0, n;

	while ((n = frame_at(p + done, size - done)))
		done += n;
	return done;
}

/* Of the frames in @size bytes those that don't need what is beyond @sound. */
static uint64_t sound_frames(const unsigned char *p, uint64_t size, uint64_t sound)
{
	uint64_t done = 0, n;
	struct stacq_frame f;

	while ((n = frame_at(p + done, size - done))) {
		memcpy(&f, p + done, HEAD);
		if (done + HEAD + le32toh(f.len) > sound)
			break;
		done += n;
	}
	return done;
}

static uint64_t odd_number(void)
{
	static const uint64_t some[] = {
		0, 1, 7, 8, 255, 256, 4096, 32767, 32768, 65535, 0x7fffffff,
		0x80000000, 0xffffffd8, 0xffffffe0, 0xfffffff8, 0xffffffff,
		1ull << 62, 1ull << 63, ~0ull >> 1, ~0ull,
	};

	return one_in(2) ? ANY_OF(some) : next();
}

/* A header for a message of @len bytes, with what a sender may choose. */
static struct stacq_frame good_header(uint32_t len)
{
	return (struct stacq_frame){
		.magic = htole16(STACQ_FRAME_MAGIC),
		.priority = htole16(one_in(2) ? 0 : below(32768)),
		.len = htole32(len),
		.seq = next(),
		.sent_ns = htole64(one_in(2) ? 0 : odd_number() >> 1),
		.deliveries = htole32(one_in(4) ? below(256) : 0),
	};
}

static void spoil_header(unsigned char *p)
{
	struct stacq_frame f;

	memcpy(&f, p, HEAD);
	switch (below(9)) {
	case 0:
		f.magic = odd_number();
		break;
	case 1:
		f.priority = htole16(odd_number());
		break;
	case 2:
		f.len = htole32(odd_number());
		break;
	case 3:
		f.len = htole32(le32toh(f.len) - 20 + below(40));
		break;
	case 4:
		f.sent_ns = htole64(odd_number());
		break;
	case 5:
		f.deliveries = htole32(odd_number());
		break;
	case 6:
		f.ttl_ms = odd_number() | htole32(1u << 31);
		break;
	case 7:
		memset(&f, next(), HEAD);
		break;
	default:	/* one bit */
		((unsigned char *)&f)[below(HEAD)] ^= 1 << below(8);
	}
	memcpy(p, &f, HEAD);
}

/* Cut into two or three vectors, or one. */
static int cut_up(struct iovec *iov, uint64_t addr, uint64_t size)
{
	uint64_t a = below(size + 1), b = a + below(size - a + 1);

	iov[0] = (struct iovec){ (void *)addr, a };
	iov[1] = (struct iovec){ (void *)addr + a, b - a };
	iov[2] = (struct iovec){ (void *)addr + b, size - b };
	return 3;
}

static long write_frames(struct expect *e, int fd, uint64_t addr, uint64_t size)
{
	struct iovec iov[3];

	if (below(2))
		return CALL(e, "write frames", fd, addr, size, 0,
			    write(fd, (void *)addr, size));
	cut_up(iov, addr, size);
	return CALL(e, "writev frames", fd, addr, size, iov[0].iov_len,
		    writev(fd, iov, 3));
}

static long read_frames(struct expect *e, int fd, uint64_t addr, uint64_t size)
{
	struct iovec iov[3];

	if (below(2))
		return CALL(e, "read frames", fd, addr, size, 0,
			    read(fd, (void *)addr, size));
	cut_up(iov, addr, size);
	return CALL(e, "readv frames", fd, addr, size, iov[0].iov_len,
		    readv(fd, iov, 3));
}

/* Whether a write of these bytes may or must fail, and how much it may do. */
static uint64_t expect_frames(struct expect *e, const unsigned char *p, uint64_t addr,
			      uint64_t size)
{
	uint64_t sound, most;
	bool fine = access_up_to(addr, size, false, &sound) == FINE;

	most = sound_frames(p, size, sound);
	/* Not if there is a frame, in memory that stays. */
	if (!fine && (!most || region_at(addr)->flips))
		MAY(e, EFAULT);
	if (!size)
		return 0;
	if (!frame_at(p, size))
		MAY(e, EINVAL);
	if (!most)
		e->fails = true;
	return most;
}

/* It stopped at the end of a frame. */
static void check_written(const unsigned char *p, uint64_t n, uint64_t most)
{
	HOLDS(n <= most);
	HOLDS(frames_in(p, n) == n);
}

/* Where frames are: memory that stays, comes and goes, or ends in the middle. */
static uint64_t pick_frames_address(uint64_t size)
{
	switch (below(4)) {
	case 0:
		return address_in(FLIPPING, size);
	case 1:
		return regions[STABLE].end - below(size + 1);
	default:
		return address_in(STABLE, size);
	}
}

/* Messages that describe themselves, and among them, now and then, what is no frame. */
void step_send_frames(void)
{
	static unsigned char bytes[MESSAGES_A_STEP * (MESSAGE_MOST + HEAD + 8)];
	unsigned int count = 1 + below(MESSAGES_A_STEP), bad = one_in(3) ? below(count) : count;
	int fd = FRAMED_FD + below(2);
	uint64_t size = 0, addr, most, done;
	struct expect e = { 0 };
	long n;

	for (unsigned int i = 0; i < count; i++) {
		uint32_t len = MESSAGE_LEAST + (one_in(6) ? below(6000) : below(120));
		struct stacq_frame f = good_header(len);
		unsigned char *p = bytes + size;

		memset(p, next(), filled_up(len));
		memcpy(p, &f, HEAD);
		make_message(p + HEAD, len, i);
		if (i == bad) {
			spoil_header(p);
			/* Of another length it would be another message; with a time it might die. */
			memcpy(&f, p, HEAD);
			if ((le32toh(f.len) != len || f.ttl_ms) && frame_at(p, sizeof(bytes) - size))
				memset(p, 0, HEAD);
		}
		size += filled_up(len);
	}
	if (one_in(8))
		size -= below(size);
	addr = pick_frames_address(size);
	memcpy(seen_at(addr, size), bytes, size);
	MAY(&e, EAGAIN, EINTR, EPIPE, ENOMEM);
	most = expect_frames(&e, bytes, addr, size);
	n = write_frames(&e, fd, addr, size);
	if (n <= 0)
		return;
	check_written(bytes, n, most);
	done = 0;
	for (unsigned int i = 0; done < (uint64_t)n; i++) {
		message_sent(i);
		done += frame_at(bytes + done, size - done);
	}
}

/* What a read may return: well formed, and filled up with zeros. */
static void check_frames(const unsigned char *p, uint64_t n, void (*each)(const void *p, uint64_t len))
{
	static const unsigned char zeros[8];
	struct stacq_frame f;
	uint64_t done, size;

	for (done = 0; done < n; done += size) {
		size = frame_at(p + done, n - done);
		if (!size)
			BROKEN("no frame at %llu of %llu", (unsigned long long)done,
			       (unsigned long long)n);
		memcpy(&f, p + done, HEAD);
		HOLDS(f.seq && f.sent_ns);
		HOLDS(!memcmp(p + done + HEAD + le32toh(f.len), zeros,
			      size - HEAD - le32toh(f.len)));
		if (each)
			each(p + done + HEAD, le32toh(f.len));
	}
}

void step_receive_frames(void)
{
	uint64_t room = one_in(3) ? 1 + below(200) : 1 + below(20000), sound;
	uint64_t addr = pick_frames_address(room);
	int fd = FRAMED_FD + below(2);
	struct expect e = { 0 };
	enum access a = access_up_to(addr, room, true, &sound);
	long n;

	MAY(&e, EAGAIN, EINTR);
	if (room < filled_up(MESSAGE_MOST))
		MAY(&e, EMSGSIZE);
	if (a != FINE)
		MAY(&e, EFAULT);
	lay_poison(addr, room);
	n = read_frames(&e, fd, addr, room);
	if (n > 0) {
		HOLDS((uint64_t)n <= sound);
		check_frames(seen_at(addr, n), n, take_message);
	}
	check_poison(addr, room, n > 0 ? n : 0);
}

/*
 * Anything, anywhere
 */

void open_framed(void)
{
	struct stacq_mode m = { .flags = STACQ_MODE_FRAMED };
	static const char *const paths[] = { "/dev/stacq/" CHECK_FIFO, "/dev/stacq/" CHECK_LIFO };

	for (int i = 0; i < 2; i++) {
		put_in_place(open(paths[i], O_RDWR | O_NONBLOCK | O_CLOEXEC),
			     FRAMED_FD + i - 100);
		ASSERT_OK(ioctl(FRAMED_FD + i, STACQ_IOC_SET_MODE, &m));
		put_in_place(open("/dev/stacq/" KEEP, O_RDWR | O_NONBLOCK | O_CLOEXEC),
			     MODE_FD + i - 100);
		mode_is_framed[i] = false;
	}
}

void step_mode(void)
{
	static const uint32_t some[] = { 0, 1, 1, 1, 1, 4, 5, 0x80000001 };
	struct stacq_mode m = { .flags = ANY_OF(some), .priority = one_in(10) ? 32768 : below(5) };
	struct expect e = { 0 };
	int i = below(2);

	MAY(&e, EBUSY, EINTR);
	if (m.flags > 1 || m.priority > STACQ_PRIORITY_MAX)
		MUST(&e, EINVAL);
	/* Nothing of a message is left for the next call. */
	if (mode_is_framed[i])
		e.errors[EBUSY / 64] &= ~(1ull << EBUSY % 64);
	if (!CALL(&e, "SET_MODE", MODE_FD + i, m.flags, m.priority, 0,
		  ioctl(MODE_FD + i, STACQ_IOC_SET_MODE, &m)))
		mode_is_framed[i] = m.flags;
}

/* Some bytes: frames, or hardly. */
static uint64_t fill_bytes(unsigned char *p, uint64_t room)
{
	uint64_t size = 0;

	for (unsigned int count = below(12); count; count--) {
		uint32_t len = one_in(4) ? 1 + below(9000) : 1 + below(300);
		struct stacq_frame f = good_header(len);

		if (size + filled_up(len) > room)
			break;
		memset(p + size, next(), filled_up(len));
		memcpy(p + size, &f, HEAD);
		if (one_in(4))
			spoil_header(p + size);
		size += filled_up(len);
	}
	if (one_in(8))
		for (uint64_t i = 0; i < size; i++)
			p[i] = next();
	return size && one_in(4) ? below(size) : size;
}

static void write_anything(int i)
{
	static unsigned char bytes[ROOM];
	uint64_t size = fill_bytes(bytes, ROOM), addr = pick_frames_address(size), most;
	struct expect e = { 0 };
	long n;

	memcpy(seen_at(addr, size), bytes, size);
	MAY(&e, EMSGSIZE, EAGAIN, ENOMEM, ENOSPC, EPIPE, EINTR);
	if (!mode_is_framed[i]) {
		expect_memory(&e, addr, size, false);
		if (!size)
			e.fails = false;
		n = write_frames(&e, MODE_FD + i, addr, size);
		HOLDS(n < 0 || (uint64_t)n == size);
		return;
	}
	most = expect_frames(&e, bytes, addr, size);
	n = write_frames(&e, MODE_FD + i, addr, size);
	if (n > 0)
		check_written(bytes, n, most);
}

static void read_anything(int i)
{
	uint64_t room = one_in(3) ? below(100) : below(ROOM), sound;
	uint64_t addr = one_in(4) ? pick_address(room) : pick_frames_address(room);
	struct expect e = { 0 };
	long n;

	MAY(&e, EAGAIN, EINTR);
	if (mode_is_framed[i])
		MAY(&e, EMSGSIZE);
	expect_room(&e, addr, room);
	lay_poison(addr, room);
	n = read_frames(&e, MODE_FD + i, addr, room);
	if (n > 0) {
		access_up_to(addr, room, true, &sound);
		HOLDS((uint64_t)n <= sound);
		if (mode_is_framed[i] && seen_at(addr, n) && !region_at(addr)->scribbled &&
		    region_at(addr) == region_at(addr + n - 1))
			check_frames(seen_at(addr, n), n, NULL);
	}
	check_poison(addr, room, n > 0 ? n : 0);
}

void step_frames_anywhere(void)
{
	if (below(2))
		write_anything(below(2));
	else
		read_anything(below(2));
}

/* From a pipe and to a pipe, which take whole frames only. */
void step_splice_frames(void)
{
	static unsigned char bytes[ROOM];
	int pipes[2], fd = MODE_FD + below(2);
	bool framed = mode_is_framed[fd - MODE_FD];
	struct expect e = { 0 };
	uint64_t size, most;
	long n;

	if (pipe2(pipes, O_NONBLOCK | O_CLOEXEC))
		return;
	MAY(&e, EAGAIN, EINTR, EMSGSIZE, ENOMEM);
	if (!framed)
		MUST(&e, EINVAL);
	if (below(2)) {
		n = CALL(&e, "splice from", fd, 0, 0, 0,
			 splice(fd, NULL, pipes[1], NULL, ROOM, 0));
		if (n > 0) {
			HOLDS(read(pipes[0], bytes, ROOM) == n);
			check_frames(bytes, n, NULL);
		}
	} else {
		size = fill_bytes(bytes, ROOM);
		HOLDS(!size || write(pipes[1], bytes, size) == (long)size);
		close(pipes[1]);
		pipes[1] = -1;
		MAY(&e, EPIPE, ENOSPC);
		most = frames_in(bytes, size);
		if (size && !most)
			MUST(&e, EINVAL);
		if (!size)
			e.fails = false;
		n = CALL(&e, "splice to", fd, size, 0, 0,
			 splice(pipes[0], NULL, fd, NULL, ROOM, 0));
		if (n > 0)
			check_written(bytes, n, most);
	}
	close(pipes[0]);
	close(pipes[1]);
}
