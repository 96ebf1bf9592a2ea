// SPDX-License-Identifier: GPL-2.0
/* Words to numbers, errors in words, signals. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <math.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- words to numbers --------------------------------------------------- */

bool parse_size(const char *text, uint64_t *value)
{
	static const char units[] = "KMGT";
	unsigned long long n;
	unsigned int shift = 0;
	const char *unit;
	char *end;

	if (strcmp(text, "none") == 0) {
		*value = 0;
		return true;
	}
	/* strtoull() takes signs and spaces. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (*end) {
		unit = strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);
		if (!unit || end[1])
			return false;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	/* The highest number means "unchanged" to the module. */
	if (n > (UINT64_MAX - 1) >> shift)
		return false;
	*value = n << shift;
	return true;
}

bool parse_seconds(const char *text, int *ms)
{
	double seconds;
	char *end;

	if (!strchr("0123456789.", *text))
		return false;
	seconds = strtod(text, &end);
	if (end == text || *end || !(seconds >= 0 && seconds <= INT_MAX / 1000))
		return false;
	*ms = (int)ceil(seconds * 1000);
	return true;
}

bool parse_time(const char *text, uint64_t *ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60e3 },
		{ "h", 3600e3 }, { "d", 86400e3 },
	};
	double value;
	char *end;

	*ms = 0;
	if (strcmp(text, "none") == 0)
		return true;
	/* strtod() takes much more. */
	if (strspn(text, "0123456789.") == 0)
		return false;
	value = strtod(text, &end);
	if (strspn(text, "0123456789.") != (size_t)(end - text))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		value = ceil(value * units[i].ms);
		/* As far as doubles are exact. */
		if (!(value >= 1 && value <= 9e15))
			return false;
		*ms = (uint64_t)value;
		return true;
	}
	return false;
}

bool parse_mode(const char *text, uint32_t *mode)
{
	size_t len = strlen(text);

	if (len == 0 || len > 4 || strspn(text, "01234567") != len)
		return false;
	*mode = (uint32_t)strtoul(text, NULL, 8);
	return *mode <= 0777;
}

/* An id; the highest one means "the caller's" to the module. */
static bool parse_id(const char *text, uint32_t *id)
{
	unsigned long n;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || n >= UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

bool parse_user(const char *text, uint32_t *uid)
{
	struct passwd *pw = getpwnam(text);

	if (!pw)
		return parse_id(text, uid);
	*uid = pw->pw_uid;
	return true;
}

bool parse_group(const char *text, uint32_t *gid)
{
	struct group *gr = getgrnam(text);

	if (!gr)
		return parse_id(text, gid);
	*gid = gr->gr_gid;
	return true;
}

/* ---- errors in words ---------------------------------------------------- */

void complain(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("stacq: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

int usage_hint(char **argv)
{
	fprintf(stderr, "Try `%s --help`.\n", argv[0]);
	return RC_USAGE;
}

int usage_error(char **argv, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", argv[0]);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return usage_hint(argv);
}

bool check_name(const char *name)
{
	if (stacq_name_valid(name))
		return true;
	if (strcmp(name, "control") == 0)
		complain("control: no queue can have this name");
	else
		complain("'%s' is not a name: 1 to %d letters, digits, '.', '_' or '-', not starting with '.' or '-'",
			 name, STACQ_NAME_SIZE - 1);
	return false;
}

const char *order_name(uint32_t order)
{
	const char *name = stacq_order_name(order);

	return name ? name : "unknown";
}

const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void describe_node(const struct stat *st, char *buf, size_t size)
{
	struct passwd *pw = getpwuid(st->st_uid);
	char user[16], group[16];
	struct group *gr;

	snprintf(user, sizeof(user), "%u", st->st_uid);
	snprintf(group, sizeof(group), "%u", st->st_gid);
	gr = getgrgid(st->st_gid);
	snprintf(buf, size, "%s:%s, mode %04o", pw ? pw->pw_name : user,
		 gr ? gr->gr_name : group, st->st_mode & 07777);
}

static bool module_loaded(void)
{
	return access(STACQ_SYSFS_DIR, F_OK) == 0;
}

static int not_loaded(void)
{
	complain("is the stacq module loaded? Try: modprobe stacq");
	return RC_FAILED;
}

int queue_error(const char *name)
{
	char path[sizeof(STACQ_DEV_DIR "/") + STACQ_NAME_SIZE];
	int error = errno;
	char owner[128];
	struct stat st;

	switch (error) {
	case ENOENT:
	case ENXIO:
		if (!module_loaded())
			return not_loaded();
		complain("%s: no such queue; `stacq ls` lists them", name);
		return RC_FAILED;
	case EACCES:
		snprintf(path, sizeof(path), STACQ_DEV_DIR "/%s", name);
		if (stat(path, &st) < 0)
			break;
		describe_node(&st, owner, sizeof(owner));
		complain("%s: permission denied: %s is %s (reading receives, writing sends)",
			 name, path, owner);
		return RC_FAILED;
	case EIDRM:
		complain("%s: the queue was removed", name);
		return RC_FAILED;
	case EPIPE:
		complain("%s: the queue is sealed; `stacq unseal %s` opens it again",
			 name, name);
		return RC_SEALED;
	case ENOTTY:
		complain("%s: " STACQ_DEV_DIR "/%s is not a queue", name, name);
		return RC_FAILED;
	}
	complain("%s: %s", name, strerror(error));
	return RC_FAILED;
}

int control_error(void)
{
	int error = errno;
	char owner[128];
	struct stat st;

	if (error == EACCES && stat(STACQ_CONTROL, &st) == 0) {
		describe_node(&st, owner, sizeof(owner));
		complain("permission denied: " STACQ_CONTROL " is %s; root may create and remove queues, and so may group stacq where the udev rule is installed",
			 owner);
		return RC_FAILED;
	}
	if (error == ENOENT || error == ENXIO || error == ENODEV)
		return not_loaded();
	complain(STACQ_CONTROL ": %s", strerror(error));
	return RC_FAILED;
}

int open_any(const char *name)
{
	int fd = stacq_open(name, O_RDONLY | O_NONBLOCK);

	if (fd < 0 && errno == EACCES)
		fd = stacq_open(name, O_WRONLY | O_NONBLOCK);
	return fd;
}

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- frames ------------------------------------------------------------- */

size_t skip_frames(const void *buf, size_t len, uint64_t count)
{
	struct stacq_peek desc;
	const void *data;
	size_t at = 0;
	ssize_t n;

	for (; count > 0; count--) {
		n = stacq_frame_next((const char *)buf + at, len - at, &data, &desc);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	return at;
}

uint64_t count_frames(const void *buf, size_t len, uint64_t *bytes)
{
	struct stacq_peek desc;
	uint64_t count = 0;
	const void *data;
	ssize_t n;

	while ((n = stacq_frame_next(buf, len, &data, &desc)) > 0) {
		buf = (const char *)buf + n;
		len -= (size_t)n;
		count++;
		if (bytes)
			*bytes += desc.len;
	}
	return count;
}

/* ---- signals ------------------------------------------------------------ */

volatile int stop_signal;

/*
 * A signal that comes just before a call that waits does not interrupt it; so
 * the alarm comes after it, every second, until somebody has looked.
 */
static void on_signal(int sig)
{
	if (sig != SIGALRM)
		stop_signal = sig;
	alarm(1);
}

void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction old;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		/* nohup, and background jobs of plain shells, ignore some. */
		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler == SIG_IGN && signals[i] != SIGALRM)
			continue;
		sigaction(signals[i], &action, NULL);
	}
}

int finish_signals(int rc)
{
	if (stop_signal) {
		fflush(NULL);
		signal(stop_signal, SIG_DFL);
		raise(stop_signal);
	}
	return rc;
}
