// SPDX-License-Identifier: GPL-2.0
/* stacq top: puts what is known into words. */
#include "top.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

static const char *const key_names[TOP_KEYS] = {
	[BY_NAME] = "name",
	[BY_DEPTH] = "depth",
	[BY_IN] = "in",
	[BY_OUT] = "out",
	[BY_FLIGHT] = "flight",
	[BY_AGE] = "age",
	[BY_WAITING] = "waiting",
};

const char *top_key_name(enum top_key key)
{
	return key_names[key];
}

bool top_parse_key(const char *name, enum top_key *key)
{
	for (int i = 0; i < TOP_KEYS; i++) {
		if (strcmp(name, key_names[i]) == 0) {
			*key = (enum top_key)i;
			return true;
		}
	}
	return false;
}

/* ---- numbers ------------------------------------------------------------ */

const char *top_count(uint64_t n, char buf[TOP_TEXT])
{
	static const char units[] = "KMGTPE";
	size_t unit = 0;

	if (n < 100000) {
		snprintf(buf, TOP_TEXT, "%" PRIu64, n);
		return buf;
	}
	for (; n >= 1000000; unit++)
		n /= 1000;
	if (n < 10000)
		snprintf(buf, TOP_TEXT, "%u.%u%c", (unsigned int)(n / 1000),
			 (unsigned int)(n / 100 % 10), units[unit]);
	else
		snprintf(buf, TOP_TEXT, "%u%c", (unsigned int)(n / 1000), units[unit]);
	return buf;
}

const char *top_rate_text(double rate, char buf[TOP_TEXT])
{
	if (rate < 0)
		return strcpy(buf, "-");
	if (rate == 0)
		return strcpy(buf, "0");
	if (rate < 0.1)
		return strcpy(buf, "<0.1");
	if (rate < 9.95) {
		snprintf(buf, TOP_TEXT, "%.1f", rate);
		return buf;
	}
	return top_count((uint64_t)(rate + 0.5), buf);
}

const char *top_age(int64_t ns, bool older, char buf[TOP_TEXT])
{
	const char *more = older ? ">" : "";
	long long s = ns / 1000000000;

	if (ns < 0)
		return strcpy(buf, "-");
	if (s < 10)
		snprintf(buf, TOP_TEXT, "%s%lld.%us", more, s,
			 (unsigned int)(ns / 100000000 % 10));
	else if (s < 120)
		snprintf(buf, TOP_TEXT, "%s%llds", more, s);
	else if (s < 2 * 3600)
		snprintf(buf, TOP_TEXT, "%s%lldm", more, s / 60);
	else if (s < 2 * 86400)
		snprintf(buf, TOP_TEXT, "%s%lldh", more, s / 3600);
	else if (s < 9999LL * 86400)
		snprintf(buf, TOP_TEXT, "%s%lldd", more, s / 86400);
	else	/* its sender said when it was sent */
		strcpy(buf, ">9998d");
	return buf;
}

const char *top_waiting(const struct stacq_info *info, char buf[TOP_TEXT])
{
	char readers[TOP_TEXT], writers[TOP_TEXT];

	if (!info->readers_waiting && !info->writers_waiting)
		return strcpy(buf, "-");
	snprintf(buf, TOP_TEXT, "%.7s/%.7s", top_count(info->readers_waiting, readers),
		 top_count(info->writers_waiting, writers));
	return buf;
}

/* ---- words -------------------------------------------------------------- */

/* Adds to a text as much as there is room for. */
__attribute__((format(printf, 3, 4)))
static void add(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf + len, size - len, fmt, args);
	va_end(args);
}

const char *top_note(const struct stacq_info *info, char *buf, size_t size)
{
	const struct {
		const char *word;
		uint64_t count;
	} notes[] = {
		{ "dead", info->dead },
		{ "dropped", info->dropped_oldest + info->dropped_newest },
		{ "refused", info->refused },
		{ "expired", info->expired },
		{ "exhausted", info->exhausted },
		{ "held", info->held },
	};
	char number[TOP_TEXT];

	snprintf(buf, size, "%s", info->state & STACQ_STATE_SEALED ? "sealed" : "");
	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++)
		if (notes[i].count)
			add(buf, size, "%s%s=%s", *buf ? "," : "", notes[i].word,
			    top_count(notes[i].count, number));
	return buf;
}

const char *top_error(int error)
{
	switch (error) {
	case EACCES:
		return "permission denied: to read is to receive";
	case ENOENT:
	case ENXIO:
	case ENODEV:
	case EIDRM:
		return "the queue was removed";
	default:
		return strerror(error);
	}
}

void top_totals(const struct top *t, char *buf, size_t size)
{
	uint64_t messages = 0, memory = 0;
	char host[65] = "", clock[16], text[16];
	time_t now = time(NULL);
	struct tm tm;

	for (size_t i = 0; i < t->count; i++) {
		messages += t->queues[i].info.depth;
		memory += t->queues[i].info.memory;
	}
	gethostname(host, sizeof(host) - 1);
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	snprintf(buf, size, "%s %s  %zu queue%s  %" PRIu64 " message%s  %s", host, clock, t->count,
		 plural(t->count), messages, plural(messages), human_size(memory, text));
}

/* ---- history ------------------------------------------------------------ */

unsigned int top_level(uint64_t depth, uint64_t most)
{
	if (depth == 0)
		return 0;
	return 1 + (unsigned int)((double)depth / (double)most * 7);
}

void top_graph(const struct top_queue *q, int width, bool utf8, char *buf, size_t size)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const signs[] = { " ", ".", ":", "-", "=", "+", "*", "#", "@" };
	int shown = q->samples < width ? q->samples : width;
	const uint64_t *depths = q->history + q->samples - shown;
	uint64_t most = 0;

	for (int i = 0; i < shown; i++)
		if (depths[i] > most)
			most = depths[i];
	snprintf(buf, size, "%*s", width - shown, "");
	for (int i = 0; i < shown; i++)
		add(buf, size, "%s", (utf8 ? blocks : signs)[top_level(depths[i], most)]);
}

/* ---- bytes of messages -------------------------------------------------- */

/*
 * The first character as text, and how many columns that takes. Returns how many
 * bytes it was.
 */
static size_t safe_character(const unsigned char *bytes, size_t len, bool utf8, char text[8],
			     int *columns)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t n;

	if (*bytes >= 0x20 && *bytes < 0x7f && *bytes != '\\') {
		*columns = snprintf(text, 8, "%c", *bytes);
		return 1;
	}
	if (*bytes >= 0x80 && utf8) {
		n = mbrtowc(&wide, (const char *)bytes, len < 4 ? len : 4, &state);
		/* No width: what changes its neighbours, or the direction. */
		if (n > 1 && n <= 4 && iswprint((wint_t)wide) && wcwidth(wide) > 0) {
			memcpy(text, bytes, n);
			text[n] = '\0';
			*columns = wcwidth(wide);
			return n;
		}
	}
	if (*bytes == '\\')
		*columns = snprintf(text, 8, "\\\\");
	else if (*bytes == '\n')
		*columns = snprintf(text, 8, "\\n");
	else if (*bytes == '\t')
		*columns = snprintf(text, 8, "\\t");
	else
		*columns = snprintf(text, 8, "\\x%02x", *bytes);
	return 1;
}

void top_safe(const void *bytes, size_t len, bool more, bool utf8, int width, char *buf,
	      size_t size)
{
	const unsigned char *in = bytes, *end = in + len;
	size_t used = 0, cut = 0;
	int at = 0, columns;
	char text[8];

	*buf = '\0';
	while (in < end) {
		in += safe_character(in, (size_t)(end - in), utf8, text, &columns);
		if (at + columns > width || used + strlen(text) + 4 > size) {
			more = true;
			break;
		}
		strcpy(buf + used, text);
		used += strlen(text);
		at += columns;
		/* Here the dots would still fit. */
		if (at + 3 <= width)
			cut = used;
	}
	if (more)
		snprintf(buf + cut, size - cut, "%.*s", width, "...");
}
