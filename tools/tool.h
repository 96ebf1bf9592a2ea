/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the stacq command share. A subcommand is one function in a
 * cmd_*.c file; stacq.c has the table of them.
 */
#ifndef STACQ_TOOL_H
#define STACQ_TOOL_H

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include "stacq.h"

/* Exit statuses; part of the interface, see stacq(1). */
enum {
	RC_OK		= 0,
	RC_FAILED	= 1,	/* the operation failed */
	RC_USAGE	= 2,	/* the command line makes no sense */
	RC_NOTHING	= 3,	/* no message, or no room, in the time allowed */
	RC_SEALED	= 4,	/* the queue is sealed (and empty, to receive) */
	RC_SOME		= 5,	/* done, but the command failed for some messages */
};

/* Subcommands: argv[0] is "stacq NAME", for getopt's messages. */
int cmd_create(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_recv(int argc, char **argv);
int cmd_peek(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_set(int argc, char **argv);
int cmd_seal(int argc, char **argv);
int cmd_unseal(int argc, char **argv);
int cmd_purge(int argc, char **argv);
int cmd_save(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_work(int argc, char **argv);
int cmd_requeue(int argc, char **argv);

/* ---- util.c: words to numbers, errors, signals -------------------------- */

/* "64", "64K", "1M", "2G", "1T" (powers of 1024); "none" is 0. */
bool parse_size(const char *text, uint64_t *value);
/* "2", "0.25": seconds to milliseconds, rounded up. */
bool parse_seconds(const char *text, int *ms);
/*
 * "30", "1.5s", "500ms", "2m", "1h", "7d" to milliseconds, rounded up; seconds
 * without a unit; "none" is 0, and nothing else is.
 */
bool parse_time(const char *text, uint64_t *ms);
#define TIME_WORDS "seconds above 0, or with ms, s, m, h or d, or none"
/* "0660": octal, at most 0777. */
bool parse_mode(const char *text, uint32_t *mode);
/* Name or number. */
bool parse_user(const char *text, uint32_t *uid);
bool parse_group(const char *text, uint32_t *gid);

/* "stacq: ..." and a newline on standard error. */
__attribute__((format(printf, 1, 2)))
void complain(const char *fmt, ...);
/* The same with a pointer to `COMMAND --help`; returns RC_USAGE. */
__attribute__((format(printf, 2, 3)))
int usage_error(char **argv, const char *fmt, ...);
/* For getopt's '?', after getopt has said what is wrong. */
int usage_hint(char **argv);
/* Says what is wrong with a bad name. */
bool check_name(const char *name);

/*
 * Says why a call on a queue failed, in words that lead on, and returns the exit
 * status. Takes errno.
 */
int queue_error(const char *name);
/* The same for /dev/stacq/control. */
int control_error(void);
/* Opens a queue for its attributes only: for reading, else for writing. */
int open_any(const char *name);
/* "root:staff, mode 0660" of a node. */
void describe_node(const struct stat *st, char *buf, size_t size);
/* "fifo", or "unknown" for one of a newer module. */
const char *order_name(uint32_t order);
/* "1 message", "2 messages", "" for the plural ending. */
const char *plural(uint64_t n);

/* The size of the first @count frames in a buffer, or of as many as are there whole. */
size_t skip_frames(const void *buf, size_t len, uint64_t count);
/* How many whole frames begin a buffer. The bytes of their messages are added to @bytes, if not NULL. */
uint64_t count_frames(const void *buf, size_t len, uint64_t *bytes);

/* ---- delivery.c: how messages are delivered ------------------------------ */

struct delivery {
	struct stacq_delivery req;
	const char *dead_letter;	/* name, NULL for none */
};

enum { OPT_FULL = 512, OPT_LEASE, OPT_TTL, OPT_MAX_DELIVERIES, OPT_DEAD_LETTER };

/* For getopt: the options of work, and those that only create and set have. */
#define OPTIONS_WORK \
	{ "lease", required_argument, NULL, OPT_LEASE }, \
	{ "max-deliveries", required_argument, NULL, OPT_MAX_DELIVERIES }
#define OPTIONS_DELIVERY OPTIONS_WORK, \
	{ "full", required_argument, NULL, OPT_FULL }, \
	{ "ttl", required_argument, NULL, OPT_TTL }, \
	{ "dead-letter", required_argument, NULL, OPT_DEAD_LETTER }

/* Takes one of them, with optarg. RC_OK, or RC_USAGE after saying what is wrong. */
int delivery_option(char **argv, int opt, struct delivery *d);
/* Opens the dead-letter queue, if there is one. RC_OK, or what it said why not. */
int delivery_open(struct delivery *d);
void delivery_close(struct delivery *d);
/* "block", or "unknown" for one of a newer module. */
const char *full_name(uint32_t full);

/* ---- spawn.c: a command for a message ------------------------------------ */

struct work {
	const char *queue;
	char **command;		/* ends with a null pointer */
	bool as_argument;	/* {} stands for the message */
	const sigset_t *mask;	/* of signals, for the command */
};

/* Whether an argument of the command has {} in it. */
bool takes_argument(char **command);
/*
 * Starts the command with a message, which @desc describes. Returns its process,
 * the leader of a group of its own that is killed with this process; or -1 with
 * errno, and *@say for the user: EILSEQ and E2BIG when the message can't be an
 * argument.
 */
pid_t spawn(const struct work *work, const void *buf, size_t len,
	    const struct stacq_peek *desc, const char **say);

/* CLOCK_MONOTONIC in milliseconds. */
int64_t now_ms(void);

/*
 * From now on SIGINT, SIGTERM and SIGHUP set stop_signal and interrupt calls
 * that wait, until finish_signals() lets the signal do what it does.
 */
extern volatile int stop_signal;
void catch_signals(void);
int finish_signals(int rc);

/* ---- output.c: messages and numbers ------------------------------------- */

/* For frames on their way out: what a pipe takes at once. */
#define OUTPUT_ROOM	65536

enum framing {
	FRAME_LINE,	/* a newline after each message that does not end in one */
	FRAME_RAW,	/* the bytes */
	FRAME_NUL,	/* a NUL after each */
	FRAME_JSON,	/* one object a line */
	FRAME_FRAMED,	/* as the kernel makes them; not for write_message() */
};

/*
 * Writes one message to standard output, unbuffered. Returns 0, or -1 with
 * errno, EINTR when a signal told to stop. @more is added to the JSON object and
 * released; it may be NULL.
 */
int write_message(enum framing framing, const void *buf, size_t len,
		  struct json_object *more);
/* The same with bytes; returns how many, with errno when not all. */
size_t write_bytes(const void *buf, size_t len);
bool is_utf8(const void *buf, size_t len);
char *base64(const void *buf, size_t len);
/* "3.4 MiB" */
const char *human_size(uint64_t bytes, char buf[16]);
/* Everything in @info; @node may be NULL. @partial leaves out what sysfs lacks. */
struct json_object *info_json(const struct stacq_info *info,
			      const struct stat *node, bool partial);
void print_json(struct json_object *object, int flags);

/* How far sending has got, shown on a terminal. */
struct progress {
	const char *name;
	bool on;		/* standard error is a terminal */
	bool drawn;
	int64_t next_ms;	/* when to draw again */
	uint64_t total;		/* bytes of input; 0 is unknown */
	uint64_t read;		/* bytes of input so far */
	uint64_t messages;
	uint64_t bytes;
};

/* @fd is the input. */
void progress_start(struct progress *p, const char *name, int fd);
void progress_draw(struct progress *p);
void progress_clear(struct progress *p);

#endif /* STACQ_TOOL_H */
