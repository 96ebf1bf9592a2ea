// SPDX-License-Identifier: GPL-2.0
/* Messages and numbers to standard output. */
#include "tool.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* iovec takes no constants. */
static char newline[] = "\n";
static char nul[] = "";

static int write_all(struct iovec *iov, int count)
{
	while (count > 0) {
		ssize_t n = writev(STDOUT_FILENO, iov, count);

		if (n < 0 && (errno != EINTR || stop_signal))
			return -1;
		for (; n > 0 && count > 0; iov++, count--) {
			if ((size_t)n < iov->iov_len) {
				iov->iov_base = (char *)iov->iov_base + n;
				iov->iov_len -= (size_t)n;
				break;
			}
			n -= (ssize_t)iov->iov_len;
		}
	}
	return 0;
}

size_t write_bytes(const void *buf, size_t len)
{
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };

	return len == 0 || write_all(&iov, 1) == 0 ? len : len - iov.iov_len;
}

bool is_utf8(const void *buf, size_t len)
{
	const unsigned char *p = buf, *end = p + len;

	while (p < end) {
		unsigned int code, least;
		int more;

		if (*p < 0x80) {
			p++;
			continue;
		}
		if (*p >= 0xc2 && *p <= 0xdf) {
			more = 1, least = 0x80, code = *p & 0x1f;
		} else if (*p >= 0xe0 && *p <= 0xef) {
			more = 2, least = 0x800, code = *p & 0x0f;
		} else if (*p >= 0xf0 && *p <= 0xf4) {
			more = 3, least = 0x10000, code = *p & 0x07;
		} else {
			return false;
		}
		if (end - p <= more)
			return false;
		for (p++; more > 0; more--, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			code = code << 6 | (*p & 0x3f);
		}
		if (code < least || code > 0x10ffff ||
		    (code >= 0xd800 && code <= 0xdfff))
			return false;
	}
	return true;
}

char *base64(const void *buf, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = buf;
	char *text = malloc((len + 2) / 3 * 4 + 1);
	char *out = text;

	if (!text)
		return NULL;
	for (; len > 0; in += 3) {
		size_t n = len < 3 ? len : 3;
		unsigned int bits = (unsigned int)in[0] << 16;

		if (n > 1)
			bits |= (unsigned int)in[1] << 8;
		if (n > 2)
			bits |= in[2];
		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = n > 1 ? digits[bits >> 6 & 63] : '=';
		*out++ = n > 2 ? digits[bits & 63] : '=';
		len -= n;
	}
	*out = '\0';
	return text;
}

static int write_message_json(const void *buf, size_t len,
			      struct json_object *object)
{
	struct iovec iov[2] = { { 0 }, { .iov_base = newline, .iov_len = 1 } };
	struct json_object *data = NULL;
	bool text = is_utf8(buf, len);
	const char *string;
	int ret = -1;

	if (text) {
		data = json_object_new_string_len(buf, (int)len);
	} else {
		char *encoded = base64(buf, len);

		if (encoded)
			data = json_object_new_string(encoded);
		free(encoded);
	}
	if (!object)
		object = json_object_new_object();
	if (!object || !data) {
		json_object_put(data);
		errno = ENOMEM;
		goto out;
	}
	json_object_object_add(object, "length", json_object_new_uint64(len));
	json_object_object_add(object, "encoding",
			       json_object_new_string(text ? "utf-8" : "base64"));
	json_object_object_add(object, "data", data);
	string = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
						JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!string) {
		errno = ENOMEM;
		goto out;
	}
	iov[0].iov_base = (char *)string;
	iov[0].iov_len = strlen(string);
	ret = write_all(iov, 2);
out:
	json_object_put(object);
	return ret;
}

int write_message(enum framing framing, const void *buf, size_t len,
		  struct json_object *more)
{
	struct iovec iov[2] = { { .iov_base = (void *)buf, .iov_len = len } };
	int count = 1;

	if (framing == FRAME_JSON)
		return write_message_json(buf, len, more);
	json_object_put(more);
	if (framing == FRAME_NUL ||
	    (framing == FRAME_LINE && ((const char *)buf)[len - 1] != '\n')) {
		iov[1].iov_base = framing == FRAME_NUL ? nul : newline;
		iov[1].iov_len = 1;
		count = 2;
	}
	return write_all(iov, count);
}

const char *human_size(uint64_t bytes, char buf[16])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(buf, 16, "%u B", (unsigned int)bytes);
		return buf;
	}
	for (n /= 1024; n >= 1024 && unit < 3; n /= 1024)
		unit++;
	snprintf(buf, 16, "%.1f %s", n, units[unit]);
	return buf;
}

struct json_object *info_json(const struct stacq_info *info,
			      const struct stat *node, bool partial)
{
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{ "depth", info->depth },
		{ "bytes", info->bytes },
		{ "held", info->held },
		{ "held_bytes", info->held_bytes },
		{ "capacity", info->capacity },
		{ "max_msgs", info->max_msgs },
		{ "max_bytes", info->max_bytes },
		{ "max_msg_size", info->max_msg_size },
		{ "high_water", info->high_water },
		{ "memory", info->memory },
		{ "sent", info->sent },
		{ "received", info->received },
		{ "requeued", info->requeued },
		{ "discarded", info->discarded },
		{ "growths", info->growths },
		{ "shrinks", info->shrinks },
		{ "inflight", info->inflight },
		{ "inflight_bytes", info->inflight_bytes },
		{ "lapsed", info->lapsed },
		{ "lease_ms", info->lease_ms },
		{ "ttl_ms", info->ttl_ms },
		{ "max_deliveries", info->max_deliveries },
		{ "expired", info->expired },
		{ "exhausted", info->exhausted },
		{ "dead_lettered", info->dead_lettered },
		{ "dead", info->dead },
		{ "refused", info->refused },
		{ "dropped_oldest", info->dropped_oldest },
		{ "dropped_newest", info->dropped_newest },
		{ "readers_waiting", info->readers_waiting },
		{ "writers_waiting", info->writers_waiting },
	};
	struct json_object *object = json_object_new_object();
	struct passwd *pw;
	struct group *gr;
	char mode[8];

	json_object_object_add(object, "name", json_object_new_string(info->name));
	json_object_object_add(object, "order",
			       json_object_new_string(order_name(info->order)));
	json_object_object_add(object, "sealed",
			       json_object_new_boolean(info->state &
						       STACQ_STATE_SEALED));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (partial && (strcmp(numbers[i].key, "held_bytes") == 0 ||
				strcmp(numbers[i].key, "inflight_bytes") == 0))
			continue;
		json_object_object_add(object, numbers[i].key,
				       json_object_new_uint64(numbers[i].value));
	}
	json_object_object_add(object, "full",
			       json_object_new_string(full_name(info->full)));
	json_object_object_add(object, "dead_letter",
			       json_object_new_string(info->dead_letter));
	if (node) {
		pw = getpwuid(node->st_uid);
		gr = getgrgid(node->st_gid);
		snprintf(mode, sizeof(mode), "%04o", node->st_mode & 07777);
		json_object_object_add(object, "uid",
				       json_object_new_uint64(node->st_uid));
		json_object_object_add(object, "gid",
				       json_object_new_uint64(node->st_gid));
		json_object_object_add(object, "owner",
				       pw ? json_object_new_string(pw->pw_name) : NULL);
		json_object_object_add(object, "group",
				       gr ? json_object_new_string(gr->gr_name) : NULL);
		json_object_object_add(object, "mode", json_object_new_string(mode));
	}
	return object;
}

void print_json(struct json_object *object, int flags)
{
	puts(json_object_to_json_string_ext(object, flags |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

void progress_start(struct progress *p, const char *name, int fd)
{
	struct stat st;
	off_t start;

	*p = (struct progress) { .name = name, .on = isatty(STDERR_FILENO) };
	/* What takes less than half a second needs no bar. */
	p->next_ms = now_ms() + 500;
	start = lseek(fd, 0, SEEK_CUR);
	if (start >= 0 && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size > start)
		p->total = (uint64_t)(st.st_size - start);
}

void progress_draw(struct progress *p)
{
	char line[512], size[16], bar[64];
	struct winsize ws;
	int width = 80;
	int len, room;

	if (!p->on || now_ms() < p->next_ms)
		return;
	p->next_ms = now_ms() + 100;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		width = ws.ws_col;
	len = snprintf(line, sizeof(line), "%s: %llu message%s, %s", p->name,
		       (unsigned long long)p->messages, plural(p->messages),
		       human_size(p->bytes, size));
	/* "  [#####.....] 100%", and a column that stays free */
	room = width - len - 10;
	if (p->total && room >= 10) {
		double part = (double)p->read / (double)p->total;
		int filled;

		if (part > 1)	/* the file has grown */
			part = 1;
		if (room > (int)sizeof(bar) - 1)
			room = sizeof(bar) - 1;
		filled = (int)(part * room);
		memset(bar, '.', (size_t)room);
		memset(bar, '#', (size_t)filled);
		snprintf(line + len, sizeof(line) - (size_t)len, "  [%.*s] %3d%%",
			 room, bar, (int)(part * 100));
	}
	fprintf(stderr, "\r%.*s\033[K", width - 1, line);
	p->drawn = true;
}

void progress_clear(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
}
