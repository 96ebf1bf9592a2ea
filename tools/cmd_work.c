// SPDX-License-Identifier: GPL-2.0
/* stacq work */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const char work_help[] =
"Usage: stacq work NAME [OPTION]... [--] COMMAND [ARGUMENT]...\n"
"Run COMMAND for each message, with the message as its standard input, or in the\n"
"place of each {} in the ARGUMENTs. Exit status 0 acknowledges the message; after\n"
"any other it is given back to the queue and delivered again.\n"
"\n"
"  -j, --jobs N           run up to N at once (default 1; 0: one a processor)\n"
"  -n, --count N          take N messages, then end\n"
"      --drain            end when the queue is empty\n"
"      --back             give back to the end of the queue, not to the old place\n"
"      --pause TIME       keep a message that failed so long before it is given\n"
"                         back, and its worker idle (default 100ms)\n"
"      --lease TIME       set the queue's: how long it waits for a worker that\n"
"                         hangs; for the owner of the queue\n"
"      --max-deliveries N set the queue's: how often a message may fail; likewise\n"
"  -q, --quiet            no progress and no summary; only what goes wrong\n"
"  -h, --help             this text\n"
"\n"
"TIME is seconds, or has a unit: ms, s, m, h or d. Without --count and --drain it\n"
"ends when the queue is sealed and empty. A message is under lease while COMMAND\n"
"runs, however long that is: when COMMAND or `stacq work` dies, by SIGKILL too,\n"
"the message is in the queue again. SIGINT or SIGTERM: no more is taken, and what\n"
"runs may finish. The second one: that is killed, and its messages given back.\n"
"\n"
"COMMAND has in its environment: STACQ_QUEUE, the name; STACQ_ID, the number of\n"
"the message, the same each time (but for --back); STACQ_DELIVERIES, how often it\n"
"was given back, 0 the first time; STACQ_PRIORITY; STACQ_SENT_NS.\n"
"\n"
"Exit status: 1 also when COMMAND could not be started, 5 when it failed for any\n"
"message, 128+N after signal N.\n"
"\n"
"  stacq work jobs -j 4 -- ./build.sh\n"
"  stacq work jobs --drain --max-deliveries 3 -- curl -fsS {}\n";

#define MAX_JOBS	4096

/* A worker, and the message that it has under lease. */
struct job {
	enum { FREE, RUNS, RESTS } state;
	pid_t pid;		/* while it runs */
	int64_t until;		/* while it rests: when to give back */
	uint64_t id;
	uint64_t seq;
	uint32_t deliveries;
};

struct runner {
	const char *name;
	struct work work;
	int fd;
	int signals;		/* signalfd */
	struct job *jobs;
	size_t n_jobs, busy, running;
	uint64_t left;		/* messages that may still be taken */
	bool drain, back, quiet;
	int pause_ms;
	bool ended;		/* no more are taken */
	int rc;
	uint64_t done, failed, late;
	struct stacq_info info;	/* of the last look */
	int64_t extended;	/* when leases began anew */
	/* what is shown */
	bool terminal, drawn;
	int64_t started, next_draw;
	int64_t counted;	/* when so many had ended: */
	uint64_t count;
	double rate;
};

/* ---- what is said ------------------------------------------------------- */

static void clear_line(struct runner *r)
{
	if (r->drawn)
		fputs("\r\033[K", stderr);
	r->drawn = false;
	r->next_draw = 0;
}

/* Ended in a second, over the last two or more; over all of it at the start. */
static double rate_now(struct runner *r, int64_t now)
{
	uint64_t ended = r->done + r->failed + r->late;
	double seconds = (double)(now - r->counted) / 1000;

	if (seconds >= 2 || r->counted == r->started)
		r->rate = seconds > 0 ? (double)(ended - r->count) / seconds : 0;
	if (seconds >= 2) {
		r->counted = now;
		r->count = ended;
	}
	return r->rate;
}

static int totals(const struct runner *r, char *text, size_t size)
{
	int len = snprintf(text, size, "%s: %" PRIu64 " done, %" PRIu64 " failed",
			   r->name, r->done, r->failed);

	if (r->late)
		len += snprintf(text + len, size - (size_t)len, ", %" PRIu64 " late",
				r->late);
	return len;
}

static void draw_line(struct runner *r)
{
	int64_t now = now_ms();
	struct winsize ws;
	char line[256];
	int width = 80;
	int len;

	if (!r->terminal || now < r->next_draw)
		return;
	r->next_draw = now + (r->busy ? 200 : 1000);
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		width = ws.ws_col;
	len = totals(r, line, sizeof(line));
	snprintf(line + len, sizeof(line) - (size_t)len, ", %zu in flight, %.1f/s%s",
		 r->busy, rate_now(r, now), stop_signal ? "; stopping" : "");
	fprintf(stderr, "\r%.*s\033[K", width - 1, line);
	r->drawn = true;
}

static void say_summary(struct runner *r)
{
	double seconds = (double)(now_ms() - r->started) / 1000;
	char line[256];

	clear_line(r);
	if (r->quiet)
		return;
	totals(r, line, sizeof(line));
	complain("%s in %.1f s", line, seconds);
}

static void say_failed(struct runner *r, const struct job *job, const char *how)
{
	uint32_t most = r->info.max_deliveries;
	const char *then = "given back";

	if (most && job->deliveries + 1 >= most)
		then = "given up";
	clear_line(r);
	complain("%s: message %" PRIu64 " (delivery %u): %s; %s", r->name, job->seq,
		 job->deliveries + 1, how, then);
}

static void say_late(struct runner *r, const struct job *job)
{
	r->late++;
	clear_line(r);
	complain("%s: message %" PRIu64 " (delivery %u): its lease was over before it was done; it is delivered again",
		 r->name, job->seq, job->deliveries + 1);
}

/* Nothing more is taken; takes errno. */
static void fail(struct runner *r)
{
	r->ended = true;
	/* Said once: if the queue is gone, each lease is told so. */
	if (r->rc == RC_FAILED)
		return;
	clear_line(r);
	queue_error(r->name);
	r->rc = RC_FAILED;
}

/* ---- a message ---------------------------------------------------------- */

static void release(struct runner *r, struct job *job)
{
	*job = (struct job) { 0 };
	r->busy--;
}

static void give_back(struct runner *r, struct job *job)
{
	/* ESTALE: it was given back when its time was over. */
	if (stacq_give_back(r->fd, job->id, r->back ? STACQ_SETTLE_TO_BACK : 0, NULL) < 0 &&
	    errno != ESTALE)
		fail(r);
	release(r, job);
}

/* The command, or what had to be done before it, went wrong. */
static void job_failed(struct runner *r, struct job *job, const char *how)
{
	r->failed++;
	say_failed(r, job, how);
	if (!r->pause_ms || stop_signal) {
		give_back(r, job);
		return;
	}
	job->state = RESTS;
	job->until = now_ms() + r->pause_ms;
}

static void job_done(struct runner *r, struct job *job)
{
	if (stacq_ack(r->fd, job->id, 0, NULL) == 0)
		r->done++;
	else if (errno == ESTALE)
		say_late(r, job);
	else
		fail(r);
	release(r, job);
}

static void job_ended(struct runner *r, struct job *job, const siginfo_t *end)
{
	const char *signal_name;
	char how[PATH_MAX + 64];

	r->running--;
	if (end->si_code == CLD_EXITED && end->si_status == 0) {
		job_done(r, job);
		return;
	}
	signal_name = sigabbrev_np(end->si_status);
	if (end->si_code == CLD_EXITED)
		snprintf(how, sizeof(how), "`%s` exited with %d", r->work.command[0],
			 end->si_status);
	else if (signal_name)
		snprintf(how, sizeof(how), "`%s` was killed by SIG%s",
			 r->work.command[0], signal_name);
	else
		snprintf(how, sizeof(how), "`%s` was killed by signal %d",
			 r->work.command[0], end->si_status);
	job_failed(r, job, how);
}

/*
 * What has just been received, as its lease says. Returns false if that is over
 * already: then the one held last is another.
 */
static bool describe(struct runner *r, struct job *job, struct stacq_peek *desc)
{
	if (stacq_leased(r->fd, desc) < 0) {
		if (errno != ENOMSG)
			fail(r);
		return false;
	}
	job->id = STACQ_LEASE_ID(desc->seq, desc->deliveries);
	job->seq = desc->seq;
	job->deliveries = desc->deliveries;
	for (size_t i = 0; i < r->n_jobs; i++)
		if (r->jobs[i].state != FREE && r->jobs[i].id == job->id)
			return false;
	return true;
}

static void start_job(struct runner *r, const void *buf, size_t len)
{
	struct stacq_peek desc;
	struct job job = { 0 };
	struct job *place = r->jobs;
	const char *say;
	int error;

	if (!describe(r, &job, &desc))
		return;
	while (place->state != FREE)
		place++;
	*place = job;
	r->busy++;
	r->left--;
	place->pid = spawn(&r->work, buf, len, &desc, &say);
	if (place->pid > 0) {
		place->state = RUNS;
		r->running++;
		return;
	}
	error = errno;
	if (r->work.as_argument && (error == EILSEQ || error == E2BIG)) {
		job_failed(r, place, say);
		return;
	}
	r->ended = true;
	r->rc = RC_FAILED;
	clear_line(r);
	complain("%s: %s; message %" PRIu64 " is given back", say, strerror(error),
		 job.seq);
	give_back(r, place);
}

/* ---- the loop ----------------------------------------------------------- */

static bool may_take(const struct runner *r)
{
	return !r->ended && r->left > 0 && r->busy < r->n_jobs;
}

static void take(struct runner *r, void **buf, size_t *size)
{
	size_t tries = r->n_jobs;	/* then signals have to be looked at */
	ssize_t len;

	while (may_take(r) && tries-- > 0) {
		len = stacq_recv(r->fd, buf, size, 0);
		if (len > 0) {
			start_job(r, *buf, (size_t)len);
		} else if (len == 0) {
			r->ended = true;
		} else if (errno == EAGAIN) {
			if (r->drain && !r->busy)
				r->ended = true;
			return;
		} else if (errno != EINTR) {
			fail(r);
		}
	}
	if (!r->left)
		r->ended = true;
}

static struct job *job_of(struct runner *r, pid_t pid)
{
	for (size_t i = 0; i < r->n_jobs; i++)
		if (r->jobs[i].state == RUNS && r->jobs[i].pid == pid)
			return &r->jobs[i];
	return NULL;
}

static void reap(struct runner *r)
{
	siginfo_t end = { 0 };
	struct job *job;

	while (waitid(P_ALL, 0, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid) {
		job = job_of(r, end.si_pid);
		/* What it has started must not go on with a message that is given back. */
		if (job && end.si_code != CLD_EXITED)
			kill(-end.si_pid, SIGKILL);
		waitpid(end.si_pid, NULL, 0);
		if (job)
			job_ended(r, job, &end);
		end.si_pid = 0;
	}
}

static void stop(struct runner *r, int sig)
{
	bool again = stop_signal;

	stop_signal = sig;
	r->ended = true;
	for (size_t i = 0; i < r->n_jobs; i++) {
		if (r->jobs[i].state == RESTS)
			give_back(r, &r->jobs[i]);
		else if (r->jobs[i].state == RUNS && again)
			kill(-r->jobs[i].pid, SIGKILL);
	}
	if (!again && r->running && !r->quiet) {
		clear_line(r);
		complain("%s: stopping; %zu still run%s (again to kill)", r->name,
			 r->running, r->running == 1 ? "s" : "");
	}
}

static void take_signals(struct runner *r)
{
	struct signalfd_siginfo info;

	while (read(r->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			stop(r, (int)info.ssi_signo);
	reap(r);
}

static void end_rests(struct runner *r, int64_t now)
{
	for (size_t i = 0; i < r->n_jobs; i++)
		if (r->jobs[i].state == RESTS && r->jobs[i].until <= now)
			give_back(r, &r->jobs[i]);
}

/* How long until leases have to begin anew; the queue's time may change any moment. */
static int64_t tick(const struct runner *r)
{
	int64_t third = (int64_t)(r->info.lease_ms / 3);

	if (!r->info.lease_ms || third > 1000)
		return 1000;
	return third ? third : 1;
}

static void extend(struct runner *r, int64_t now)
{
	if (!r->busy || now - r->extended < tick(r))
		return;
	/* Of a queue that is gone the next settlement tells. */
	stacq_info(r->fd, &r->info);
	stacq_extend(r->fd, 0, STACQ_SETTLE_ALL, NULL);
	r->extended = now;
}

/* Milliseconds until something has to be done though nothing happens; -1 is never. */
static int next_time(const struct runner *r, int64_t now)
{
	int64_t next = INT64_MAX;

	if (r->terminal)
		next = r->next_draw;
	if (r->busy && r->extended + tick(r) < next)
		next = r->extended + tick(r);
	for (size_t i = 0; i < r->n_jobs; i++)
		if (r->jobs[i].state == RESTS && r->jobs[i].until < next)
			next = r->jobs[i].until;
	if (next == INT64_MAX)
		return -1;
	return next > now ? (int)(next - now) : 0;
}

static void run(struct runner *r)
{
	enum { SIGNALS, QUEUE };
	struct pollfd fds[] = {
		[SIGNALS] = { .fd = r->signals, .events = POLLIN },
		[QUEUE] = { .events = POLLIN },
	};
	void *buf = NULL;
	size_t size = 0;
	int64_t now;

	for (;;) {
		take(r, &buf, &size);
		if (r->ended && !r->busy)
			break;
		draw_line(r);
		/* Without a free worker it is of no interest that there are messages. */
		fds[QUEUE].fd = may_take(r) ? r->fd : -1;
		poll(fds, 2, next_time(r, now_ms()));
		take_signals(r);
		now = now_ms();
		end_rests(r, now);
		extend(r, now);
	}
	free(buf);
}

/* ---- the command -------------------------------------------------------- */

/* Leases and what else has to be set; RC_OK, or what it said why not. */
static int prepare_queue(struct runner *r, const struct stacq_delivery *delivery)
{
	struct stacq_mode mode = {
		.flags = STACQ_MODE_LEASE, .max_inflight = (uint32_t)r->n_jobs,
	};
	char owner[128];
	struct stat st;

	if (delivery->set && stacq_set_delivery(r->fd, delivery) < 0) {
		if (errno != EPERM || fstat(r->fd, &st) < 0)
			return queue_error(r->name);
		describe_node(&st, owner, sizeof(owner));
		complain("%s: not permitted: " STACQ_DEV_DIR "/%s is %s; only its owner and root may set --lease and --max-deliveries",
			 r->name, r->name, owner);
		return RC_FAILED;
	}
	if (stacq_info(r->fd, &r->info) < 0 || stacq_set_mode(r->fd, &mode) < 0)
		return queue_error(r->name);
	if (r->back && r->info.order == STACQ_LIFO) {
		complain("%s: --back is not for a stack, which has no end to give back to",
			 r->name);
		return RC_FAILED;
	}
	return RC_OK;
}

/* From now on signals come by the signalfd; @old is the mask that commands get. */
static int prepare_signals(struct runner *r, sigset_t *old)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	/* Whoever started us may have it ignored, and nobody would be left to wait for. */
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		/* nohup, and background jobs of plain shells, ignore some. */
		if (sigaction(signals[i], NULL, &action) == 0 &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&mask, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &mask, old);
	r->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals < 0 ? -1 : 0;
}

static int work(struct runner *r, const struct stacq_delivery *delivery)
{
	sigset_t mask;
	int rc;

	r->fd = stacq_open(r->name, O_RDONLY | O_NONBLOCK);
	if (r->fd < 0)
		return queue_error(r->name);
	rc = prepare_queue(r, delivery);
	if (rc != RC_OK)
		goto close;
	r->jobs = calloc(r->n_jobs, sizeof(*r->jobs));
	if (!r->jobs || prepare_signals(r, &mask) < 0) {
		complain("%s", strerror(errno));
		rc = RC_FAILED;
		goto close;
	}
	r->work.mask = &mask;
	r->started = r->counted = now_ms();
	r->terminal = !r->quiet && isatty(STDERR_FILENO);
	run(r);
	say_summary(r);
	rc = r->rc;
	if (rc == RC_OK && (r->failed || r->late))
		rc = RC_SOME;
	close(r->signals);
	sigprocmask(SIG_SETMASK, &mask, NULL);
close:
	free(r->jobs);
	close(r->fd);
	return rc;
}

static bool parse_jobs(const char *text, size_t *jobs)
{
	cpu_set_t cpus;
	uint64_t n;

	if (!parse_size(text, &n) || n > MAX_JOBS)
		return false;
	if (n == 0)
		n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ?
			(uint64_t)CPU_COUNT(&cpus) : 1;
	*jobs = (size_t)n;
	return true;
}

int cmd_work(int argc, char **argv)
{
	enum { DRAIN = 256, BACK, PAUSE };
	static const struct option options[] = {
		{ "jobs", required_argument, NULL, 'j' },
		{ "count", required_argument, NULL, 'n' },
		{ "drain", no_argument, NULL, DRAIN },
		{ "back", no_argument, NULL, BACK },
		{ "pause", required_argument, NULL, PAUSE },
		OPTIONS_WORK,
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct runner r = { .n_jobs = 1, .left = UINT64_MAX, .pause_ms = 100 };
	struct delivery delivery = { 0 };
	uint64_t ms;
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "j:n:qh", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			if (!parse_jobs(optarg, &r.n_jobs))
				return usage_error(argv, "'%s' is not a number of jobs: 1 to %d, or 0 for one a processor",
						   optarg, MAX_JOBS);
			break;
		case 'n':
			if (!parse_size(optarg, &r.left) || r.left == 0)
				return usage_error(argv, "'%s' is not a number of messages from 1 on",
						   optarg);
			break;
		case DRAIN:
			r.drain = true;
			break;
		case BACK:
			r.back = true;
			break;
		case PAUSE:
			ms = 0;
			if (strcmp(optarg, "0") && (!parse_time(optarg, &ms) || ms > INT_MAX))
				return usage_error(argv, "'%s' is not a time for --pause: " TIME_WORDS,
						   optarg);
			r.pause_ms = (int)ms;
			break;
		case 'q':
			r.quiet = true;
			break;
		case 'h':
			fputs(work_help, stdout);
			return RC_OK;
		case OPT_LEASE:
		case OPT_MAX_DELIVERIES:
			rc = delivery_option(argv, opt, &delivery);
			if (rc != RC_OK)
				return rc;
			break;
		default:
			return usage_hint(argv);
		}
	}
	if (optind == argc)
		return usage_error(argv, "a name is missing");
	r.name = argv[optind++];
	if (!check_name(r.name))
		return RC_USAGE;
	if (optind == argc)
		return usage_error(argv, "a command is missing");
	r.work = (struct work) {
		.queue = r.name, .command = argv + optind,
		.as_argument = takes_argument(argv + optind),
	};
	return work(&r, &delivery.req);
}
