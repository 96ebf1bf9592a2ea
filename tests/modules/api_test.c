// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of include/linux/stacq.h, from where its users are: another module.
 *
 * They run while the module is loaded, on queues that the module under test
 * makes by default: "stack" (lifo) and "msg_queue" (fifo, messages of at most
 * 1024 bytes). Results go to the log as KTAP; loading fails if one test fails.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stacq.h>

#define LIFO		"stack"
#define FIFO		"msg_queue"
#define FIFO_LONGEST	1024
#define POISON		0xcc
#define PATIENCE	(20 * HZ)

static bool check(bool holds, unsigned int line, const char *what)
{
	if (!holds)
		pr_info("# line %u: %s does not hold\n", line, what);
	return holds;
}

/* In a test: does it hold? If not, says where. */
#define CHECK(condition)	check(condition, __LINE__, #condition)

/* A caller that may have to wait, in a thread of its own. */
struct caller {
	struct stacq_queue *q;
	struct task_struct *task;
	struct completion done;
	char buf[16];
	ssize_t result;
};

static int receive_thread(void *data)
{
	struct caller *c = data;

	allow_signal(SIGTERM);
	c->result = stacq_receive(c->q, c->buf, sizeof(c->buf), 0);
	complete(&c->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 100 + 1);
	return 0;
}

static int send_thread(void *data)
{
	struct caller *c = data;

	allow_signal(SIGTERM);
	c->result = stacq_send(c->q, c->buf, strlen(c->buf), GFP_KERNEL, 0);
	complete(&c->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 100 + 1);
	return 0;
}

static bool caller_start(struct caller *c, struct stacq_queue *q,
			 int (*thread)(void *data))
{
	c->q = q;
	c->result = -EINPROGRESS;
	init_completion(&c->done);
	c->task = kthread_run(thread, c, "api_test");
	return !IS_ERR(c->task);
}

/* Has it not come back after a while? */
static bool caller_waits(struct caller *c)
{
	msleep(100);
	return !completion_done(&c->done);
}

static ssize_t caller_result(struct caller *c)
{
	if (!wait_for_completion_timeout(&c->done, PATIENCE)) {
		pr_info("# a caller does not come back\n");
		send_sig(SIGTERM, c->task, 1);
		wait_for_completion(&c->done);
	}
	kthread_stop(c->task);
	return c->result;
}

static bool drained(struct stacq_queue *q)
{
	char buf[FIFO_LONGEST];

	while (stacq_receive(q, buf, sizeof(buf), STACQ_NOWAIT) > 0)
		;
	return stacq_receive(q, buf, sizeof(buf), STACQ_NOWAIT) == -EAGAIN;
}

static bool put(struct stacq_queue *q, const char *text)
{
	return !stacq_send(q, text, strlen(text), GFP_KERNEL, STACQ_NOWAIT);
}

static bool got(struct stacq_queue *q, const char *text)
{
	size_t len = strlen(text);
	unsigned char buf[32];

	memset(buf, POISON, sizeof(buf));
	return stacq_receive(q, buf, sizeof(buf), STACQ_NOWAIT) == len &&
	       !memcmp(buf, text, len) && buf[len] == POISON;
}

static bool unknown_queue_is_enoent(struct stacq_queue *lifo,
				    struct stacq_queue *fifo)
{
	if (!CHECK(stacq_get("no-such-queue") == ERR_PTR(-ENOENT)))
		return false;
	if (!CHECK(stacq_get("") == ERR_PTR(-ENOENT)))
		return false;
	if (!CHECK(stacq_get("control") == ERR_PTR(-ENOENT)))
		return false;
	return true;
}

static bool same_queue_can_be_held_twice(struct stacq_queue *lifo,
					 struct stacq_queue *fifo)
{
	struct stacq_queue *again = stacq_get(LIFO);

	if (!CHECK(again == lifo))
		return false;
	stacq_put(again);
	if (!CHECK(put(lifo, "still held")))
		return false;
	if (!CHECK(got(lifo, "still held")))
		return false;
	return true;
}

static bool fifo_and_lifo_keep_their_orders(struct stacq_queue *lifo,
					    struct stacq_queue *fifo)
{
	if (!CHECK(put(lifo, "one") && put(lifo, "two")))
		return false;
	if (!CHECK(got(lifo, "two") && got(lifo, "one")))
		return false;
	if (!CHECK(put(fifo, "one") && put(fifo, "two")))
		return false;
	if (!CHECK(got(fifo, "one") && got(fifo, "two")))
		return false;
	return true;
}

static bool every_size_arrives_as_it_was_sent(struct stacq_queue *lifo,
					      struct stacq_queue *fifo)
{
	static const size_t sizes[] = {
		1, 63, 64, 65, 1023, 1024, 1025, 4096, 4097, 65536,
	};
	unsigned char *out, *in;
	bool good = true;
	size_t i, n;

	out = kmalloc(65536, GFP_KERNEL);
	in = kmalloc(65536, GFP_KERNEL);
	for (n = 0; out && in && n < 65536; n++)
		out[n] = n * 31 + n / 256;
	for (i = 0; out && in && i < ARRAY_SIZE(sizes); i++) {
		memset(in, POISON, 65536);
		good &= !stacq_send(lifo, out, sizes[i], GFP_KERNEL, 0);
		good &= stacq_receive(lifo, in, 65536, 0) == sizes[i];
		good &= !memcmp(in, out, sizes[i]);
		good &= sizes[i] == 65536 || in[sizes[i]] == POISON;
	}
	good &= out && in;
	kfree(out);
	kfree(in);
	if (!CHECK(good))
		return false;
	return true;
}

static bool empty_queue_is_eagain_with_nowait(struct stacq_queue *lifo,
					      struct stacq_queue *fifo)
{
	char c = 'x';

	if (!CHECK(stacq_receive(lifo, &c, 1, STACQ_NOWAIT) == -EAGAIN))
		return false;
	if (!CHECK(c == 'x'))
		return false;
	return true;
}

static bool nowait_works_under_a_spin_lock(struct stacq_queue *lifo,
					   struct stacq_queue *fifo)
{
	static DEFINE_SPINLOCK(lock);
	ssize_t sent, received;
	char buf[8];

	spin_lock(&lock);
	sent = stacq_send(lifo, "hello", 5, GFP_ATOMIC, STACQ_NOWAIT);
	received = stacq_receive(lifo, buf, sizeof(buf), STACQ_NOWAIT);
	spin_unlock(&lock);
	if (!CHECK(sent == 0))
		return false;
	if (!CHECK(received == 5))
		return false;
	return true;
}

/* More than there was room for before, short ones and some with a buffer. */
static bool room_is_made_under_a_spin_lock(struct stacq_queue *lifo,
					   struct stacq_queue *fifo)
{
	static DEFINE_SPINLOCK(lock);
	static char buf[200];
	int i, sent = 0, received = 0;

	spin_lock(&lock);
	for (i = 0; i < 300; i++)
		sent += !stacq_send(lifo, buf, i % 2 ? 5 : sizeof(buf),
				    GFP_ATOMIC, STACQ_NOWAIT);
	while (stacq_receive(lifo, buf, sizeof(buf), STACQ_NOWAIT) > 0)
		received++;
	spin_unlock(&lock);
	if (!CHECK(sent == 300))
		return false;
	if (!CHECK(received == 300))
		return false;
	return true;
}

static bool too_long_a_message_is_emsgsize(struct stacq_queue *lifo,
					   struct stacq_queue *fifo)
{
	static char buf[FIFO_LONGEST + 1];

	if (!CHECK(stacq_send(fifo, buf, FIFO_LONGEST + 1, GFP_KERNEL,
			      STACQ_NOWAIT) == -EMSGSIZE))
		return false;
	if (!CHECK(stacq_send(fifo, buf, FIFO_LONGEST + 1, GFP_KERNEL, 0) ==
		   -EMSGSIZE))
		return false;
	if (!CHECK(drained(fifo)))
		return false;
	if (!CHECK(!stacq_send(fifo, buf, FIFO_LONGEST, GFP_KERNEL, STACQ_NOWAIT)))
		return false;
	if (!CHECK(stacq_receive(fifo, buf, sizeof(buf), STACQ_NOWAIT) ==
		   FIFO_LONGEST))
		return false;
	return true;
}

static bool too_short_a_buffer_is_emsgsize_and_keeps_it(struct stacq_queue *lifo,
							struct stacq_queue *fifo)
{
	unsigned char buf[4] = { POISON, POISON, POISON, POISON };

	if (!CHECK(put(fifo, "hello")))
		return false;
	if (!CHECK(stacq_receive(fifo, buf, 4, STACQ_NOWAIT) == -EMSGSIZE))
		return false;
	if (!CHECK(stacq_receive(fifo, buf, 4, 0) == -EMSGSIZE))
		return false;
	if (!CHECK(buf[0] == POISON))
		return false;
	if (!CHECK(got(fifo, "hello")))
		return false;
	return true;
}

static bool no_bytes_and_unknown_flags_are_einval(struct stacq_queue *lifo,
						  struct stacq_queue *fifo)
{
	char c;

	if (!CHECK(stacq_send(fifo, "x", 0, GFP_KERNEL, 0) == -EINVAL))
		return false;
	if (!CHECK(stacq_send(fifo, "x", 1, GFP_KERNEL, 2) == -EINVAL))
		return false;
	if (!CHECK(stacq_send(fifo, "x", 1, GFP_KERNEL, ~0U) == -EINVAL))
		return false;
	if (!CHECK(stacq_receive(fifo, &c, 1, 2) == -EINVAL))
		return false;
	if (!CHECK(drained(fifo)))
		return false;
	return true;
}

static bool waiting_receiver_gets_the_message(struct stacq_queue *lifo,
					      struct stacq_queue *fifo)
{
	struct caller c;
	bool waits;

	if (!CHECK(caller_start(&c, lifo, receive_thread)))
		return false;
	waits = caller_waits(&c);
	put(lifo, "wake up");
	if (!CHECK(caller_result(&c) == 7))
		return false;
	if (!CHECK(waits))
		return false;
	if (!CHECK(!memcmp(c.buf, "wake up", 7)))
		return false;
	return true;
}

static bool signal_ends_the_wait(struct stacq_queue *lifo,
				 struct stacq_queue *fifo)
{
	struct caller c;

	if (!CHECK(caller_start(&c, lifo, receive_thread)))
		return false;
	if (caller_waits(&c))
		send_sig(SIGTERM, c.task, 1);
	else
		put(lifo, "x");
	if (!CHECK(caller_result(&c) == -ERESTARTSYS))
		return false;
	if (!CHECK(put(lifo, "not lost")))
		return false;
	if (!CHECK(got(lifo, "not lost")))
		return false;
	return true;
}

/* What takes a program: a shell command, run from here. */
static bool run(const char *command)
{
	char *argv[4], *envp[2];

	argv[0] = "/bin/sh";
	argv[1] = "-c";
	argv[2] = (char *)command;
	argv[3] = NULL;
	envp[0] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	envp[1] = NULL;
	return call_usermodehelper(argv[0], argv, envp, UMH_WAIT_PROC) == 0;
}

static bool programs_and_modules_share_a_queue(struct stacq_queue *lifo,
					       struct stacq_queue *fifo)
{
	if (!CHECK(run("printf 'from a shell' >/dev/stacq/" FIFO)))
		return false;
	if (!CHECK(got(fifo, "from a shell")))
		return false;
	if (!CHECK(put(fifo, "from a module")))
		return false;
	if (!CHECK(run("test \"$(stacq recv " FIFO ")\" = 'from a module'")))
		return false;
	return true;
}

static bool full_queue_is_eagain_or_waits(struct stacq_queue *lifo,
					  struct stacq_queue *fifo)
{
	struct caller c = { .buf = "second" };
	bool waits, first;

	if (!CHECK(run("echo 1 >/sys/class/stacq/" LIFO "/max_msgs")))
		return false;
	if (!CHECK(put(lifo, "first")))
		return false;
	if (!CHECK(stacq_send(lifo, "x", 1, GFP_KERNEL, STACQ_NOWAIT) == -EAGAIN))
		return false;
	if (!CHECK(caller_start(&c, lifo, send_thread)))
		return false;
	waits = caller_waits(&c);
	first = got(lifo, "first");
	if (!CHECK(caller_result(&c) == 0))
		return false;
	if (!CHECK(waits))
		return false;
	if (!CHECK(first))
		return false;
	if (!CHECK(got(lifo, "second")))
		return false;
	if (!CHECK(run("echo 0 >/sys/class/stacq/" LIFO "/max_msgs")))
		return false;
	return true;
}

static bool sealed_queue_is_epipe_and_ends(struct stacq_queue *lifo,
					   struct stacq_queue *fifo)
{
	char buf[16];

	if (!CHECK(put(lifo, "last")))
		return false;
	if (!CHECK(run("stacq seal " LIFO)))
		return false;
	if (!CHECK(stacq_send(lifo, "x", 1, GFP_KERNEL, 0) == -EPIPE))
		return false;
	if (!CHECK(got(lifo, "last")))
		return false;
	if (!CHECK(stacq_receive(lifo, buf, sizeof(buf), 0) == 0))
		return false;
	if (!CHECK(stacq_receive(lifo, buf, sizeof(buf), STACQ_NOWAIT) == 0))
		return false;
	if (!CHECK(run("stacq unseal " LIFO)))
		return false;
	if (!CHECK(stacq_receive(lifo, buf, sizeof(buf), STACQ_NOWAIT) == -EAGAIN))
		return false;
	return true;
}

static bool removed_queue_is_eidrm_while_it_is_held(struct stacq_queue *lifo,
						    struct stacq_queue *fifo)
{
	struct caller c;
	char buf[16];
	bool waits, removed;

	if (!CHECK(drained(lifo)))
		return false;
	if (!CHECK(caller_start(&c, lifo, receive_thread)))
		return false;
	waits = caller_waits(&c);
	removed = run("stacq rm " LIFO);
	if (!removed)
		put(lifo, "x");
	if (!CHECK(caller_result(&c) == -EIDRM))
		return false;
	if (!CHECK(waits))
		return false;
	if (!CHECK(stacq_send(lifo, "x", 1, GFP_KERNEL, 0) == -EIDRM))
		return false;
	if (!CHECK(stacq_receive(lifo, buf, sizeof(buf), 0) == -EIDRM))
		return false;
	if (!CHECK(stacq_receive(lifo, buf, sizeof(buf), STACQ_NOWAIT) == -EIDRM))
		return false;
	if (!CHECK(stacq_get(LIFO) == ERR_PTR(-ENOENT)))
		return false;
	return true;
}

#define TEST(name)	{ #name, name }
static const struct {
	const char *name;
	bool (*run)(struct stacq_queue *lifo, struct stacq_queue *fifo);
} tests[] = {
	TEST(unknown_queue_is_enoent),
	TEST(same_queue_can_be_held_twice),
	TEST(fifo_and_lifo_keep_their_orders),
	TEST(every_size_arrives_as_it_was_sent),
	TEST(empty_queue_is_eagain_with_nowait),
	TEST(nowait_works_under_a_spin_lock),
	TEST(room_is_made_under_a_spin_lock),
	TEST(too_long_a_message_is_emsgsize),
	TEST(too_short_a_buffer_is_emsgsize_and_keeps_it),
	TEST(no_bytes_and_unknown_flags_are_einval),
	TEST(waiting_receiver_gets_the_message),
	TEST(signal_ends_the_wait),
	TEST(programs_and_modules_share_a_queue),
	TEST(full_queue_is_eagain_or_waits),
	TEST(sealed_queue_is_epipe_and_ends),
	TEST(removed_queue_is_eidrm_while_it_is_held),
};

static int __init api_test_init(void)
{
	struct stacq_queue *lifo, *fifo;
	unsigned int i, failed = 0;

	lifo = stacq_get(LIFO);
	if (IS_ERR(lifo))
		return PTR_ERR(lifo);
	fifo = stacq_get(FIFO);
	if (IS_ERR(fifo)) {
		stacq_put(lifo);
		return PTR_ERR(fifo);
	}
	pr_info("KTAP version 1\n");
	pr_info("1..%zu\n", ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		bool good = tests[i].run(lifo, fifo);

		pr_info("%s %u - %s\n", good ? "ok" : "not ok", i + 1,
			tests[i].name);
		failed += !good;
	}
	stacq_put(fifo);
	stacq_put(lifo);
	return failed ? -EINVAL : 0;
}

static void __exit api_test_exit(void)
{
}

module_init(api_test_init);
module_exit(api_test_exit);
MODULE_DESCRIPTION("Tests of the functions that stacq has for other modules");
MODULE_LICENSE("GPL");
