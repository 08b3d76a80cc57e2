// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer. Threads of several processes make random calls on descriptors that they share,
 * while the lines fire, appear and go away. Each call must give a documented result, and at the
 * end all lines must work.
 *
 * What a worker does follows from the seed alone. The order between workers does not.
 *
 * IRQ_USER_FUZZ_SECONDS sets how long it runs, IRQ_USER_FUZZ_SEED sets the seed.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "file.h"
#include "fuzz.h"

/* A worker that has finished no operation for this many seconds is stuck. */
#define PATIENCE	180

static const struct op {
	const char *name;
	int weight;
	long (*run)(struct worker *worker);	/* returns at least 0, or -errno */
} ops[] = {
	{ "make",		20,	op_make },
	{ "dispose",		3,	op_dispose },
	{ "bind",		2,	op_bind },
	{ "choose",		2,	op_choose },
	{ "touch",		20,	op_touch },
	{ "forbid",		3,	op_forbid },
	{ "fire",		150,	op_fire },
	{ "quiet",		60,	op_quiet },
	{ "trigger",		20,	op_trigger },

	{ "open",		100,	op_open },
	{ "close",		25,	op_close },
	{ "dup",		10,	op_dup },
	{ "pass",		10,	op_pass },
	{ "receive",		12,	op_receive },
	{ "fork",		1,	op_fork },
	{ "other",		30,	op_other },

	{ "read",		120,	op_read },
	{ "write",		60,	op_write },
	{ "move",		5,	op_move },
	{ "map",		30,	op_map },
	{ "spin",		15,	op_spin },

	{ "poll",		40,	op_poll },
	{ "select",		20,	op_select },
	{ "epoll_ctl",		40,	op_epoll_ctl },
	{ "epoll_wait",		40,	op_epoll_wait },
	{ "uring_submit",	60,	op_uring_submit },
	{ "uring_cancel",	40,	op_uring_cancel },
	{ "uring_wait",		30,	op_uring_wait },

	{ "show",		10,	op_show },
	{ "list",		3,	op_list },
	{ "mode",		3,	op_mode },
	{ "affinity",		10,	op_affinity },
	{ "migrate",		10,	op_migrate },
	{ "rename",		5,	op_rename },
	{ "hotplug",		1,	op_hotplug },
};

static_assert(ARRAY_SIZE(ops) <= MAX_OPS, "there is no place for so many operations");

static int pick_op(struct worker *worker)
{
	int sum = 0, op;

	for (op = 0; op < ARRAY_SIZE(ops); op++)
		sum += ops[op].weight;
	sum = pick(worker, sum);
	for (op = 0; sum >= ops[op].weight; op++)
		sum -= ops[op].weight;
	return op;
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;

	setup_ring(worker);
	worker->pid = getpid();
	__atomic_store_n(&worker->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&fuzz->stop, __ATOMIC_SEQ_CST)) {
		struct trace *trace = begin(worker);
		int op = pick_op(worker);

		trace->name = ops[op].name;
		end(worker, op, ops[op].run(worker));
	}
	__atomic_store_n(&worker->tid, 0, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Starts the process of these workers. Returns 0 if it cannot. */
static pid_t start(struct worker *workers)
{
	pthread_t threads[THREADS];
	pid_t pid = fork();

	if (pid < 0)
		blame(&fuzz->workers[WORKERS], "fork failed: %s", strerror(errno));
	if (pid)
		return pid > 0 ? pid : 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setup_buffers();
	setup_epoll(workers);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, worker_main, &workers[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/* Kills a process, if it exists: 0 and -1 would be several processes. */
static void stop(pid_t pid)
{
	if (pid > 0)
		kill(pid, SIGKILL);
}

/* When the last change of a worker's number of operations was seen. */
struct pulse {
	uint64_t done;
	double time;
};

/* Signals a worker that may be asleep. Returns false if it is stuck. */
static bool wake(struct worker *worker, struct pulse *pulse)
{
	uint64_t done = __atomic_load_n(&worker->done, __ATOMIC_SEQ_CST);
	pid_t tid = __atomic_load_n(&worker->tid, __ATOMIC_SEQ_CST);

	if (!tid || done != pulse->done) {
		*pulse = (struct pulse) { done, seconds() };
		return true;
	}
	syscall(SYS_tgkill, worker->pid, tid, SIGUSR1);
	return seconds() - pulse->time < PATIENCE;
}

static void copy_out(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text));

	for (ssize_t i = 0; i < size; i++)
		printf("%s%c", !i || text[i - 1] == '\n' ? "#   " : "", text[i]);
	close(fd);
}

static void show_stuck(struct worker *worker)
{
	char path[64];

	blame(worker, "finished no operation for %d seconds", PATIENCE);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stack", worker->pid, worker->tid);
	copy_out(path);
	/* Write what runs on each CPU, and what sleeps, to the kernel's log. */
	write_file("/proc/sysrq-trigger", "l");
	write_file("/proc/sysrq-trigger", "w");
}

/*
 * Signals sleeping workers, kills a process now and then, and starts another one, until the
 * time is up and all processes have ended. Returns false if a worker is stuck.
 */
static bool watch(double time)
{
	const struct timespec tick = { .tv_nsec = 10 * 1000 * 1000 };
	struct worker *watcher = &fuzz->workers[WORKERS];
	struct pulse pulses[WORKERS] = {};
	pid_t processes[PROCESSES];
	int running = PROCESSES, status;
	double begun = seconds();

	begin(watcher);
	make_all(watcher);
	for (int i = 0; i < WORKERS; i++)
		pulses[i].time = begun;
	for (int i = 0; i < PROCESSES; i++) {
		processes[i] = start(&fuzz->workers[i * THREADS]);
		running -= !processes[i];
	}
	while (running) {
		pid_t pid;

		nanosleep(&tick, NULL);
		for (int i = 0; i < WORKERS; i++) {
			if (wake(&fuzz->workers[i], &pulses[i]))
				continue;
			show_stuck(&fuzz->workers[i]);
			for (int n = 0; n < PROCESSES; n++)
				stop(processes[n]);
			return false;
		}
		if (seconds() - begun > time)
			__atomic_store_n(&fuzz->stop, true, __ATOMIC_SEQ_CST);
		else if (!fuzz->stop && !pick(watcher, 100))
			stop(processes[0]);

		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			bool was_killed = pid == processes[0] && status == SIGKILL;

			for (int i = 0; was_killed && i < THREADS; i++)
				fuzz->workers[i].tid = 0;
			if (was_killed && !fuzz->stop) {
				processes[0] = start(fuzz->workers);
				if (processes[0])
					continue;
			}
			if (status && !was_killed)
				blame(watcher, "a process ended with status %#x", status);
			running--;
		}
	}
	return true;
}

static void show_traces(struct worker *worker)
{
	uint64_t first = worker->done < TRACES ? 0 : worker->done - TRACES + 1;

	printf("# %s\n# The last operations of worker %d:\n", fuzz->verdict, worker->number);
	for (uint64_t i = first; i <= worker->done; i++) {
		struct trace *trace = &worker->traces[i % TRACES];

		/* The last operation has not ended, or its slot still has an old one. */
		if (!trace->name || (i == worker->done && trace->has_ended))
			continue;
		printf("#   %llu: %s %s: ", (unsigned long long)i, trace->name, trace->text);
		if (!trace->has_ended)
			printf("is not over\n");
		else if (trace->result < 0)
			printf("%s\n", strerrorname_np(-trace->result));
		else
			printf("%ld\n", trace->result);
	}
}

/* Returns how often an operation gave that error. */
static unsigned long long count(int op, int error)
{
	unsigned long long sum = 0;

	for (int i = 0; i < WORKERS; i++)
		sum += fuzz->workers[i].tally[op][error];
	return sum;
}

static void show_tally(double time)
{
	unsigned long long sum = 0;

	for (int op = 0; op < ARRAY_SIZE(ops); op++) {
		printf("# %-12s", ops[op].name);
		for (int error = 0; error < MAX_ERRORS; error++) {
			unsigned long long number = count(op, error);

			if (number)
				printf(" %s %llu", error ? strerrorname_np(error) : "ok", number);
			sum += number;
		}
		printf("\n");
	}
	printf("# %llu operations, %.0f a second\n", sum, sum / time);
}

FIXTURE(fuzz)
{
	double seconds;
};

/* Returns the value of a variable of the environment. */
static unsigned long long setting(const char *name, unsigned long long otherwise)
{
	const char *value = getenv(name);

	return value && *value ? strtoull(value, NULL, 0) : otherwise;
}

FIXTURE_SETUP(fuzz)
{
	const char *why = fake_setup();
	pthread_mutexattr_t attr;

	if (why)
		SKIP(return, "%s", why);
	self->seconds = setting("IRQ_USER_FUZZ_SECONDS", 10);
	fuzz = mmap(NULL, sizeof(*fuzz), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, fuzz);
	fuzz->seed = setting("IRQ_USER_FUZZ_SEED", 1);
	for (int i = 0; i <= WORKERS; i++) {
		fuzz->workers[i].number = i;
		fuzz->workers[i].is_mortal = i < THREADS;
	}
	/* No line has this number. */
	for (int i = 0; i < SLOTS; i++)
		fuzz->slots[i].irq = INT_MAX;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	ASSERT_EQ(0, pthread_mutex_init(&fuzz->making, &attr));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, fuzz->sockets));
	ignore_signal(SIGUSR1, 0);
	ignore_signal(SIGIO, 0);

	ASSERT_EQ(0, pthread_mutex_init(&fuzz->card.lock, &attr));
	fuzz->has_device = !line_setup(&fuzz->device);
	why = setup_card();
	fuzz->card.is_there = !why;
	if (fuzz->has_device)
		line_enable(&fuzz->device, false);
	printf("# %s\n", why ? why : "with a card");
	printf("# seed %llu, %.0f seconds\n# Again: make fuzz SEED=%llu TIME=%.0f\n",
	       (unsigned long long)fuzz->seed, self->seconds,
	       (unsigned long long)fuzz->seed, self->seconds);
	fflush(stdout);
}

FIXTURE_TEARDOWN(fuzz)
{
	plug_cpu();
	if (fuzz->card.is_there)
		unbind_card();
	if (!fuzz->has_device)
		return;
	/* A line that stays keeps the mode that op_mode() has set. */
	chmod(fuzz->device.path, 0600);
	line_teardown(&fuzz->device);
}

/*
 * Opens a line as soon as it is free: io_uring closes its files some time after its process has
 * ended.
 */
static int open_when_free(const struct view *view)
{
	double begun = seconds();
	char path[64];
	int fd;

	name_file(view, true, path, sizeof(path));
	do {
		fd = outcome(open(path, O_RDWR | O_NONBLOCK));
	} while (fd == -EBUSY && seconds() - begun < PATIENCE);
	return fd;
}

/* Takes pending events and those that still come. Returns whether the line is armed then. */
static bool settle(struct line *line, int fd)
{
	double begun = seconds();

	while (seconds() - begun < PATIENCE) {
		if (read_count(fd) == -EAGAIN && !line_expects_edge(line) && !line_depth(line))
			return true;
	}
	return false;
}

/* Makes an event, waits for it and takes it. */
static bool serve(const struct view *view, int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return !line_fire(view) && poll(&pollfd, 1, PATIENCE * 1000) == 1 &&
	       !line_quiet(view) && read_count(fd) > 0;
}

/* Uses a line as a new owner does. Returns what does not work, or NULL. */
static const char *try_line(const struct view *view, int fd)
{
	struct line line = { .irq = view->irq };

	/*
	 * The edu device may assert without QEMU's IO-APIC having seen it: the pin must rise
	 * again.
	 */
	if (!view->slot)
		line_quiet(view);
	/* Events from before have come when the line is quiet after this. */
	if (!serve(view, fd))
		return "a first event";
	if (!settle(&line, fd))
		return "to settle";
	/* A level line is disabled; an edge line is masked by a mark. */
	if (write_value(fd, 0) || line_depth(&line) != !is_edge(view))
		return "to mask";
	if (write_value(fd, 1) || line_depth(&line) != 0)
		return "to arm";
	if (!serve(view, fd))
		return "an event";
	return NULL;
}

static void check_line(struct __test_metadata *_metadata, const struct view *view)
{
	int fd = open_when_free(view);
	const char *what = NULL;

	if (kinds[view->kind].error)
		what = fd == -kinds[view->kind].error ? NULL : "the documented error of open";
	else
		what = fd < 0 ? "to open" : try_line(view, fd);
	EXPECT_EQ(NULL, what)
		TH_LOG("line %d (%s): failed: %s: %s", view->irq, kinds[view->kind].name, what,
		       line_state(&(struct line){ .irq = view->irq }));
	if (fd >= 0)
		close(fd);
}

/* Checks that no line has an owner. */
static void check_no_owner(struct __test_metadata *_metadata)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char row[1024];

	ASSERT_NE(NULL, file);
	while (fgets(row, sizeof(row), file)) {
		EXPECT_EQ(NULL, strstr(row, "user:"))
			TH_LOG("%s", row);
	}
	fclose(file);
}

/* Removes a line: its owner gets EIO, and its file is gone. */
static void check_end(struct __test_metadata *_metadata, const struct view *view)
{
	int fd = open_when_free(view);

	EXPECT_EQ(0, line_dispose(view));
	if (fd >= 0)
		EXPECT_EQ(-EIO, read_count(fd));
	EXPECT_EQ(-ENOENT, open_when_free(view));
	close(fd);
}

/* Random calls of all workers give documented results, and all lines work afterwards. */
TEST_F_TIMEOUT(fuzz, random_calls, INT_MAX / 1000)
{
	double begun = seconds();
	bool ended = watch(self->seconds);

	show_tally(seconds() - begun);
	EXPECT_FALSE(fuzz->failed)
		show_traces(fuzz->culprit);
	fflush(stdout);
	ASSERT_TRUE(ended);
	close(fuzz->sockets[0]);
	close(fuzz->sockets[1]);
	plug_cpu();
	EXPECT_EQ(NULL, restore_card());
	for (int i = 0; i < SLOTS; i++) {
		struct view view = look_at(i);

		if (is_there(&view))
			check_line(_metadata, &view);
	}
	check_no_owner(_metadata);
	for (int i = 0; i < SLOTS; i++) {
		struct view view = look_at(i);

		if (is_there(&view) && can_dispose(&view))
			check_end(_metadata, &view);
	}
}

TEST_HARNESS_MAIN
