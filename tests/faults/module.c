// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading the module, with each allocation and user copy made to
 * fail from where its own code begins to run.
 */
#include "loading.h"

#define MODULE		"/modules/stacq.ko"
/* From how many faults before the end of a load that fails to begin. */
#define LATE		150
#define NONBLOCK	(O_RDWR | O_NONBLOCK)

/*
 * Kernel 6.1 warns (WARN_ON_ONCE in event_define_fields(), kernel/trace) when it
 * can't allocate the description of a field of a module's tracepoint, and our
 * kernels are told to panic at a warning. So what is loaded is a copy in which
 * the section that lists the trace events has a name that the kernel does not
 * look for: they get no folder in tracefs. All else is the same.
 */
#define TRACE_EVENTS	"_ftrace_events"

static int copy_without_trace_events(void)
{
	int from = open(MODULE, O_RDONLY | O_CLOEXEC), to;
	char *image, *name, *rest;
	unsigned int found = 0;
	struct stat st;

	ASSERT_OK(from);
	ASSERT_OK(fstat(from, &st));
	image = malloc(st.st_size);
	ASSERT_EQ(read(from, image, st.st_size), st.st_size);
	close(from);
	for (rest = image; ; rest = name) {
		name = memmem(rest, image + st.st_size - rest, TRACE_EVENTS, sizeof(TRACE_EVENTS));
		if (!name)
			break;
		name[1] = 'F';
		found++;
	}
	ASSERT_TRUE(found > 0);
	to = open("/tmp/stacq-faults.ko", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ASSERT_OK(to);
	ASSERT_EQ(write(to, image, st.st_size), st.st_size);
	close(to);
	free(image);
	to = open("/tmp/stacq-faults.ko", O_RDONLY | O_CLOEXEC);
	ASSERT_OK(to);
	ASSERT_OK(unlink("/tmp/stacq-faults.ko"));
	return to;
}

/* guest-run has loaded it, or the test before this one was ended half-way. */
static void start_without(void)
{
	faults_up();
	module_name = "stacq";
	if (!access("/sys/module/stacq", F_OK))
		ASSERT_OK(unload());
	unlink(CONTROL);
	rmdir("/dev/stacq");
	module_file = copy_without_trace_events();
	ASSERT_OK(mlockall(MCL_CURRENT));
}

/* All that a module leaves in the world, as one text. */
static void traces(char text[TRACES])
{
	static const char *const folders[] = {
		"/dev", "/dev/stacq", "/sys/class/stacq", "/sys/class/misc",
		"/sys/module", "/sys/module/stacq/parameters",
	};
	static const char *const files[] = { "/proc/devices", "/proc/misc" };
	struct stat st;

	text[0] = 0;
	for (size_t n = 0; n < sizeof(folders) / sizeof(folders[0]); n++)
		list_names(text, TRACES, folders[n]);
	for (size_t n = 0; n < sizeof(files) / sizeof(files[0]); n++)
		list_lines(text, TRACES, files[n], "stacq");
	if (!stat("/proc/letters", &st) || !stat("/proc/msg_queue", &st))
		sprintf(text + strlen(text), "in /proc: mode %o\n", st.st_mode);
}

/*
 * In kernel 6.1 misc_devnode() (drivers/char/misc.c) says the name of a node in
 * a string that it allocates; when it can't, the node of control is made as
 * /dev/stacq-control, or stays when the module goes, and nobody is told. That
 * is not ours to mend: see to it that no more than that is amiss.
 */
static unsigned int misplaced;

static void mend_control(bool loaded)
{
	struct stat st;

	if (loaded && !stat("/dev/stacq-control", &st)) {
		ASSERT_ERRNO(access(CONTROL, F_OK), ENOENT);
		ASSERT_OK(unlink("/dev/stacq-control"));
		ASSERT_OK(mknod(CONTROL, S_IFCHR | 0600, st.st_rdev));
		misplaced++;
	} else if (!loaded && !access(CONTROL, F_OK)) {
		ASSERT_OK(unlink(CONTROL));
		ASSERT_OK(rmdir("/dev/stacq"));
		misplaced++;
	}
	/* one place, but now and then it is met twice */
	ASSERT_TRUE(misplaced <= 3);
}

/* Each queue in the list can be used. */
static void queues_work(const char *const names[])
{
	for (int n = 0; names[n]; n++) {
		struct queue q = { 0 };
		int fd;

		snprintf(q.path, sizeof(q.path), "/dev/stacq/%s", names[n]);
		fd = queue_open(&q, NONBLOCK);
		ASSERT_EQ(info(fd).capacity, 1);
		SEND(fd, 500, n);
		RECEIVE(fd, 500, n);
		close(fd);
	}
}

/* Loads and unloads it: what is there before, and what in between. */
static void rehearse_load(const char *parameters, char *before, char *loaded)
{
	char after[TRACES];

	traces(before);
	ASSERT_OK(load(parameters));
	traces(loaded);
	ASSERT_OK(unload());
	traces(after);
	same_traces(after, before, 0, "unloaded");
}

/* It has failed, for that reason, and left nothing. */
static void not_loaded(unsigned int nth, int error, const char *before)
{
	char seen[TRACES];

	if (error != ENOMEM && error != EFAULT)
		FAIL("fault %u: unexpected %s", nth, strerrorname_np(error));
	traces(seen);
	same_traces(seen, before, nth, "not loaded");
}

static void loaded_well(unsigned int nth, const char *loaded, const char *before,
			const char *const names[])
{
	char seen[TRACES];

	mend_control(true);
	traces(seen);
	same_traces(seen, loaded, nth, "loaded");
	queues_work(names);
	ASSERT_OK(unload());
	/* the kernel removes the node it has made, not one made by us */
	if (!access(CONTROL, F_OK)) {
		ASSERT_TRUE(misplaced > 0);
		ASSERT_OK(unlink(CONTROL));
		rmdir("/dev/stacq");
	}
	traces(seen);
	same_traces(seen, before, nth, "unloaded");
}

/* How many things in a load that fails with this errno could be made to fail. */
static unsigned int places(const char *parameters, int error)
{
	const unsigned int many = 1000000;
	char text[16] = "";

	faults_from(many);
	ASSERT_ERRNO(load(parameters), error);
	ASSERT_TRUE(pread(nth_file, text, sizeof(text) - 1, 0) > 0);
	faults_end();
	return many - atoi(text);
}

/*
 * With which fault to begin, given a load that fails: @late faults before its end.
 * What comes before is the kernel's loader, with nothing of ours in it yet.
 */
static unsigned int places_before(const char *parameters, int error, unsigned int late)
{
	unsigned int n = places(parameters, error);

	return n > late ? n - late : 1;
}

static void load_with_faults(const char *parameters, const char *const names[])
{
	static char before[TRACES], loaded[TRACES];
	unsigned int nth, first, refused = 0;
	bool hit = true;

	start_without();
	faults_in_pages(false);
	rehearse_load(parameters, before, loaded);
	first = places_before("queues=/", EINVAL, LATE);
	for (nth = first; hit; nth++) {
		int result, error;

		ASSERT_TRUE(nth < MOST_FAULTS);
		faults_from(nth);
		result = load(parameters);
		error = errno;
		hit = faults_end();
		ASSERT_TRUE(hit || !result);
		refused += !!result;
		if (result)
			not_loaded(nth, error, before);
		else
			loaded_well(nth, loaded, before, names);
	}
	test_note("load: faults %u to %u, %u refused", first, nth - 2, refused);
	ASSERT_TRUE(refused > 100);
	leaks_are_watched();
}

TEST_WITHIN(loading_with_parameters, 2000)
{
	static const char *const names[] = { "a", "letters", NULL };

	load_with_faults("queues=a:lifo procfs_name=letters procfs_mode=0600 default_max_msgs=7",
			 names);
}

/* It does not load, whatever else fails. That is found out late. */
TEST_WITHIN(loading_with_a_name_that_proc_has_already, 2000)
{
	static const char parameters[] = "procfs_name=cpuinfo";
	static char before[TRACES], seen[TRACES];
	unsigned int nth;
	bool hit = true;

	start_without();
	faults_in_pages(false);
	traces(before);
	for (nth = places_before(parameters, EEXIST, LATE); hit; nth++) {
		int error;

		ASSERT_TRUE(nth < MOST_FAULTS);
		faults_from(nth);
		ASSERT_EQ(load(parameters), -1);
		error = errno;
		hit = faults_end();
		if (error != EEXIST && (!hit || (error != ENOMEM && error != EFAULT)))
			FAIL("fault %u: unexpected %s", nth, strerrorname_np(error));
		traces(seen);
		same_traces(seen, before, nth, "not loaded");
	}
	ASSERT_OK(access("/proc/cpuinfo", F_OK));
}

static void store_some_messages(void)
{
	struct queue q = { .path = "/dev/stacq/stack", };
	int fd = queue_open(&q, NONBLOCK);

	for (int n = 0; n < 20; n++)
		SEND(fd, n % 3 ? 30 : 3000, n);
	SEND(fd, 100000, 20);
	close(fd);
}

TEST_WITHIN(unloading_with_messages_stored, 2000)
{
	static char before[TRACES], loaded[TRACES], seen[TRACES];
	unsigned int nth, refused = 0;
	bool hit = true;

	start_without();
	faults_in_pages(false);
	rehearse_load("", before, loaded);
	for (nth = 1; hit; nth++) {
		int result, error;

		ASSERT_TRUE(nth < MOST_FAULTS);
		ASSERT_OK(load(""));
		store_some_messages();
		faults_from(nth);
		result = unload();
		error = errno;
		hit = faults_end();
		if (!result)
			mend_control(false);
		traces(seen);
		if (result) {
			ASSERT_TRUE(hit);
			/* only the name could not be read */
			ASSERT_EQ(error, EFAULT);
			same_traces(seen, loaded, nth, "not unloaded");
			ASSERT_OK(unload());
			traces(seen);
			refused++;
		}
		same_traces(seen, before, nth, "unloaded");
	}
	test_note("unload: %u faults, %u refused", nth - 2, refused);
	ASSERT_TRUE(nth - 2 > 3);
}

/* It does not come back before the module is loaded anew, so each time it is. */
TEST_WITHIN(removing_the_queue_behind_the_door, 2000)
{
	static const struct stacq_remove request = { .name = "msg_queue" };
	unsigned int nth;
	bool hit = true;

	start_without();
	faults_in_pages(false);
	for (nth = 1; hit; nth++) {
		int control, result, error;

		ASSERT_TRUE(nth < MOST_FAULTS);
		ASSERT_OK(load(""));
		control = open(CONTROL, O_RDWR | O_CLOEXEC);
		ASSERT_OK(control);
		faults_from(nth);
		result = ioctl(control, STACQ_IOC_REMOVE, &request);
		error = errno;
		hit = faults_end();
		if (result) {
			ASSERT_TRUE(hit);
			ASSERT_EQ(error, EFAULT);
			ASSERT_OK(access("/proc/msg_queue", F_OK));
			ASSERT_OK(access("/dev/stacq/msg_queue", F_OK));
		} else {
			ASSERT_ERRNO(access("/proc/msg_queue", F_OK), ENOENT);
			ASSERT_ERRNO(access("/dev/stacq/msg_queue", F_OK), ENOENT);
		}
		close(control);
		ASSERT_OK(unload());
	}
	ASSERT_TRUE(nth - 2 > 2);
}

/*
 * In kernel 6.1 __class_register() does not free the name of the class, which
 * kobject_set_name() has allocated, when kset_register() fails (mended in 6.2).
 * That is looked for here, and nothing else is let pass; what is known is not
 * reported once more by guest-run's step "leaks".
 */
static bool known_leak(char *object)
{
	char *name = strstr(object, " kobject_set_name+");
	char *class = strstr(object, " __class_register+");

	/* one calls the other, nothing in between */
	return name && class && name < class && strchr(strchr(name, '\n') + 1, '\n') > class;
}

TEST_WITHIN(loading_and_unloading_leave_no_memory_behind, 240)
{
	unsigned int known = known_leaks(known_leak);

	test_note("%u names of the class are lost in __class_register()", known);
	ASSERT_TRUE(known < 10);
}
