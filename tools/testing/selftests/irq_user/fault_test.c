// SPDX-License-Identifier: GPL-2.0
/*
 * Tests callers that make errors, lack a privilege, run out of a resource or die: no event is
 * lost, and no line stays claimed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/irq_user.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "edge_fixture.h"
#include "file.h"
#include "line_fixture.h"
#include "rounds.h"

#define FILL		0x5a

/* The exit status of a child that could not prepare the test. */
#define CANNOT		255

/* Makes an event and leaves it pending, with the device quiet. */
static bool make_event(struct line *line, int fd)
{
	line_raise(line);
	if (!wait_event(fd))
		return false;
	line_ack(line);
	return true;
}

/* Checks that the line has no owner, and that its next owner gets its events. */
static void check_free(struct __test_metadata *_metadata, struct line *line)
{
	char *row = line_row(line);
	int fd;

	EXPECT_EQ(NULL, strstr(row, "user:"))
		TH_LOG("\"%s\"", row);
	free(row);
	fd = open(line->path, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(make_event(line, fd));
	EXPECT_EQ(1, read_count(fd));
	close(fd);
}

/* Whatever is wrong with a buffer, the event stays for the next read. */
TEST_F(intx, unwritable_buffer_keeps_the_event)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	char *page = map_edge(), *constant;
	unsigned int before = line_hw_count(&self->line);

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, page);
	constant = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, constant);
	void *const buffers[] = {
		NULL, constant, page + PAGE - 1, page + PAGE - 3, page + PAGE,
		(void *)-PAGE, (void *)-1,
	};

	ASSERT_TRUE(make_event(&self->line, fd));
	for (int i = 0; i < ARRAY_SIZE(buffers); i++) {
		EXPECT_EQ(-1, read(fd, buffers[i], sizeof(int)));
		EXPECT_EQ(EFAULT, errno)
			TH_LOG("for buffer %d", i);
	}
	EXPECT_EQ(before + 1, line_hw_count(&self->line));
	EXPECT_EQ(1, read_count(fd));
	EXPECT_EQ(-EAGAIN, read_count(fd));
}

/* Makes an event in addition to pending events. */
static void make_another(struct line *line, int fd)
{
	unsigned int before = line_hw_count(line);

	write_value(fd, 1);
	line_raise(line);
	line_wait_handled(line, before);
	line_ack(line);
}

/* Several events that a bad buffer could not take all stay. */
TEST_F(intx, unwritable_buffer_keeps_several_events)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK), sum = 0;
	const int events = 5;

	ASSERT_LE(0, fd);
	if (line_depth(&self->line) < 0)
		SKIP(return, "debugfs does not show whether a line is masked");
	ASSERT_TRUE(make_event(&self->line, fd));
	for (int i = 1; i < events; i++) {
		make_another(&self->line, fd);
		EXPECT_EQ(-1, read(fd, NULL, sizeof(int)));
		EXPECT_EQ(EFAULT, errno);
	}
	/* The last interrupt may have masked the line without being counted yet. */
	while (sum < events) {
		int count = read_count(fd);

		ASSERT_TRUE(count > 0 || count == -EAGAIN);
		if (count > 0)
			sum += count;
	}
	EXPECT_EQ(events, sum);
	EXPECT_EQ(-EAGAIN, read_count(fd));
}

/* A read in its own thread, which sleeps until an event comes. */
struct sleeper {
	pthread_t thread;
	pid_t tid;
	long sleeps;
	int fd, result;
	void *buffer;
};

static void *sleeper_main(void *arg)
{
	struct sleeper *sleeper = arg;
	struct rusage usage;
	ssize_t len;

	getrusage(RUSAGE_THREAD, &usage);
	sleeper->sleeps = usage.ru_nvcsw;
	__atomic_store_n(&sleeper->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	len = read(sleeper->fd, sleeper->buffer, sizeof(int));
	sleeper->result = len < 0 ? -errno : len;
	return NULL;
}

/* Returns how often the thread has gone to sleep. */
static long count_sleeps(pid_t tid)
{
	static const char key[] = "\nvoluntary_ctxt_switches:";
	char path[64], text[4096], *value;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	value = read_file(path, text, sizeof(text)) ? strstr(text, key) : NULL;
	return value ? atol(value + strlen(key)) : LONG_MAX;
}

/*
 * Waits until the sleeper has gone to sleep again. The thread's state is not enough: it already
 * says "sleeping" before the read arms the line.
 */
static void sleeper_wait(struct sleeper *sleeper)
{
	long sleeps;

	while ((sleeps = count_sleeps(sleeper->tid)) <= sleeper->sleeps)
		sched_yield();
	sleeper->sleeps = sleeps;
}

/* Starts a read and waits until it sleeps. */
static void sleeper_start(struct sleeper *sleeper, int fd, void *buffer)
{
	memset(sleeper, 0, sizeof(*sleeper));
	sleeper->fd = fd;
	sleeper->buffer = buffer;
	pthread_create(&sleeper->thread, NULL, sleeper_main, sleeper);
	while (!__atomic_load_n(&sleeper->tid, __ATOMIC_ACQUIRE))
		;
	sleeper_wait(sleeper);
}

/* A sleeper that is woken but cannot write its buffer leaves the event. */
TEST_F(intx, sleeper_with_a_bad_buffer_keeps_the_event)
{
	int fd = open(self->line.path, O_RDWR);
	struct sleeper sleeper;

	ASSERT_LE(0, fd);
	for (int i = 0; i < rounds_of(50, 10); i++) {
		sleeper_start(&sleeper, fd, NULL);
		line_raise(&self->line);
		pthread_join(sleeper.thread, NULL);
		ASSERT_EQ(-EFAULT, sleeper.result);
		line_ack(&self->line);
		ASSERT_EQ(1, read_count(fd));
	}
}

/* A sleeper with a bad buffer does not keep an event from a sleeper with a good one. */
TEST_F(intx, bad_buffer_does_not_block_another_sleeper)
{
	int fd = open(self->line.path, O_RDWR);
	struct sleeper bad, good;

	ASSERT_LE(0, fd);
	for (int i = 0; i < rounds_of(50, 10); i++) {
		int count = 0;

		/* In both orders: one sleeper is woken, and it may be either. */
		if (i & 1)
			sleeper_start(&bad, fd, NULL);
		sleeper_start(&good, fd, &count);
		if (!(i & 1))
			sleeper_start(&bad, fd, NULL);
		line_raise(&self->line);
		pthread_join(good.thread, NULL);
		ASSERT_EQ(sizeof(count), good.result);
		ASSERT_EQ(1, count);
		line_ack(&self->line);

		/*
		 * The bad sleeper fails with the last event or with this one. It takes no
		 * event.
		 */
		ASSERT_EQ(0, write_value(fd, 1));
		line_raise(&self->line);
		pthread_join(bad.thread, NULL);
		ASSERT_EQ(-EFAULT, bad.result);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
}

/* Reads that fail in a loop, without sleeping. */
struct faulter {
	pthread_t thread;
	int fd, limit;			/* 0: no limit */
	int faults, others;
	bool stop;
};

static void *faulter_main(void *arg)
{
	struct faulter *faulter = arg;
	struct iovec iov = { .iov_base = NULL, .iov_len = sizeof(int) };

	while (!__atomic_load_n(&faulter->stop, __ATOMIC_RELAXED) &&
	       (!faulter->limit || faulter->faults + faulter->others < faulter->limit)) {
		if (preadv2(faulter->fd, &iov, 1, -1, RWF_NOWAIT) == -1 && errno == EFAULT)
			__atomic_fetch_add(&faulter->faults, 1, __ATOMIC_RELAXED);
		else
			faulter->others++;
	}
	return NULL;
}

static int count_faults(struct faulter *faulters)
{
	return __atomic_load_n(&faulters[0].faults, __ATOMIC_RELAXED) +
	       __atomic_load_n(&faulters[1].faults, __ATOMIC_RELAXED);
}

/* Failing reads neither hide an event from a sleeper nor make it count twice. */
TEST_F_TIMEOUT(edge, failing_reads_do_not_hide_events, 120)
{
	const time_t enough = time(NULL) + 60;
	int fd = open(self->line.path, O_RDWR), met = 0, rounds;
	const int wanted = rounds_of(300, 60);
	struct faulter faulters[2] = {};

	ASSERT_LE(0, fd);
	for (int i = 0; i < ARRAY_SIZE(faulters); i++) {
		faulters[i].fd = fd;
		ASSERT_EQ(0, pthread_create(&faulters[i].thread, NULL, faulter_main, &faulters[i]));
	}
	for (rounds = 0; (rounds < wanted || met < 50) && time(NULL) < enough; rounds++) {
		struct sleeper sleeper;
		int faults, count = 0;

		sleeper_start(&sleeper, fd, &count);
		faults = count_faults(faulters);
		line_trigger(&self->line);
		pthread_join(sleeper.thread, NULL);
		ASSERT_EQ(sizeof(count), sleeper.result);
		ASSERT_EQ(1, count);
		met += count_faults(faulters) != faults;
	}
	TH_LOG("%d of %d events came during a read that failed", met, rounds);
	EXPECT_LE(50, met);
	for (int i = 0; i < ARRAY_SIZE(faulters); i++) {
		__atomic_store_n(&faulters[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(faulters[i].thread, NULL);
	}
}

/* Failing reads leave the event pending all the time, and none of them arms. */
TEST_F_TIMEOUT(intx, failing_reads_do_not_arm, 120)
{
	int fd = open(self->line.path, O_RDWR);
	unsigned int before = line_hw_count(&self->line);
	struct faulter faulters[2] = {};

	ASSERT_LE(0, fd);
	/* The device still asserts: if the line were armed, it would fire again. */
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	for (int i = 0; i < ARRAY_SIZE(faulters); i++) {
		faulters[i].fd = fd;
		faulters[i].limit = rounds_of(100000, 20000);
		ASSERT_EQ(0, pthread_create(&faulters[i].thread, NULL, faulter_main, &faulters[i]));
	}
	for (int i = 0; i < ARRAY_SIZE(faulters); i++) {
		pthread_join(faulters[i].thread, NULL);
		EXPECT_EQ(0, faulters[i].others);
	}
	EXPECT_EQ(before + 1, line_hw_count(&self->line));
	EXPECT_EQ(1, read_count(fd));
}

static int set_policy(int policy, int priority)
{
	struct sched_param param = { .sched_priority = priority };

	return sched_setscheduler(0, policy, &param);
}

/* If another reader takes the event of a sleeper, the sleeper sleeps on and does not arm. */
TEST_F(intx, sleeper_without_an_event_does_not_arm)
{
	int fd = open(self->line.path, O_RDWR), count, last;
	struct sleeper sleeper;
	unsigned int before;

	ASSERT_LE(0, fd);
	/* The sleeper cannot run while this thread has a real-time policy. */
	ASSERT_TRUE(pin_to(0));
	sleeper_start(&sleeper, fd, &last);
	for (int i = 0; i < rounds_of(20, 5); i++) {
		before = line_hw_count(&self->line);
		if (set_policy(SCHED_FIFO, 1))
			SKIP(return, "cannot set a real-time policy");
		line_raise(&self->line);
		do {
			count = read_nowait(fd);
		} while (count == -EAGAIN);
		EXPECT_EQ(1, count);
		ASSERT_EQ(0, set_policy(SCHED_OTHER, 0));
		sleeper_wait(&sleeper);
		/* The device still asserts: if the line were armed, it would fire again. */
		if (sleeper.sleeps != LONG_MAX)
			ASSERT_EQ(before + 1, line_hw_count(&self->line));
		line_ack(&self->line);
		/*
		 * If a real-time thread runs for a second, the kernel gives time to other
		 * threads. Then the sleeper takes the event first.
		 */
		if (sleeper.sleeps == LONG_MAX) {
			pthread_join(sleeper.thread, NULL);
			sleeper_start(&sleeper, fd, &last);
		}
		ASSERT_EQ(0, write_value(fd, 1));
	}
	line_raise(&self->line);
	pthread_join(sleeper.thread, NULL);
	EXPECT_EQ(sizeof(last), sleeper.result);
	EXPECT_EQ(1, last);
}

/* If a signal ends a sleeping read while another reader has the event, the read does not arm. */
TEST_F(intx, interrupted_sleeper_does_not_arm)
{
	int fd = open(self->line.path, O_RDWR), counts[2];

	ASSERT_LE(0, fd);
	ignore_signal(SIGUSR1, 0);
	for (int i = 0; i < rounds_of(50, 10); i++) {
		unsigned int before = line_hw_count(&self->line);
		struct sleeper sleepers[2];
		int first = 0;

		for (int n = 0; n < ARRAY_SIZE(sleepers); n++)
			sleeper_start(&sleepers[n], fd, &counts[n]);
		line_raise(&self->line);
		while (pthread_tryjoin_np(sleepers[first].thread, NULL))
			first = !first;
		ASSERT_EQ(sizeof(int), sleepers[first].result);
		pthread_kill(sleepers[!first].thread, SIGUSR1);
		pthread_join(sleepers[!first].thread, NULL);
		ASSERT_EQ(-EINTR, sleepers[!first].result);
		/* The device still asserts: if the line were armed, it would fire again. */
		ASSERT_EQ(before + 1, line_hw_count(&self->line));
		line_ack(&self->line);
	}
}

/* A buffer in up to four parts: their lengths, with BAD for a part that cannot be accessed. */
#define BAD	0x100

struct split {
	int parts[4];
	int result;			/* a length, or -errno */
};

static ssize_t do_split(int fd, const struct split *split, char *good, char *bad, bool write)
{
	struct iovec iov[ARRAY_SIZE(split->parts)];
	ssize_t len;

	for (int i = 0; i < ARRAY_SIZE(iov); i++) {
		bool is_bad = split->parts[i] & BAD;

		iov[i].iov_len = split->parts[i] & ~BAD;
		iov[i].iov_base = is_bad ? bad : good;
		if (!is_bad)
			good += iov[i].iov_len;
	}
	len = write ? writev(fd, iov, ARRAY_SIZE(iov)) : readv(fd, iov, ARRAY_SIZE(iov));
	return len < 0 ? -errno : len;
}

/* A count may be read in parts; if any of them fails, the event stays. */
TEST_F(intx, read_in_parts)
{
	static const struct split splits[] = {
		{ { 4 },			4 },
		{ { 1, 1, 1, 1 },		4 },
		{ { 2, 2 },			4 },
		{ { 0, 4 },			4 },
		{ { 1, 0, 0, 3 },		4 },
		{ { BAD | 0, 4 },		4 },
		{ { 3, 5 },			-EINVAL },
		{ { 4, 4 },			-EINVAL },
		{ { 4, BAD | 4 },		-EINVAL },
		{ { BAD | 4, 4 },		-EINVAL },
		{ { 1 },			-EINVAL },
		{ { 1, 2 },			-EINVAL },
		{ { 0, 3 },			-EINVAL },
		{ { BAD | 1, BAD | 2 },		-EINVAL },
		{ { 2, BAD | 2 },		-EFAULT },
		{ { 3, BAD | 1 },		-EFAULT },
		{ { 1, BAD | 1, 2 },		-EFAULT },
		{ { BAD | 4 },			-EFAULT },
	};
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	char *page = map_edge();

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, page);
	for (int i = 0; i < ARRAY_SIZE(splits); i++) {
		char buffer[16], rest[16];
		int count;

		memset(buffer, FILL, sizeof(buffer));
		memset(rest, FILL, sizeof(rest));
		EXPECT_GT(0, do_split(fd, &splits[i], buffer, page + PAGE, false))
			TH_LOG("for split %d, without an event", i);
		ASSERT_TRUE(make_event(&self->line, fd));
		EXPECT_EQ(splits[i].result, do_split(fd, &splits[i], buffer, page + PAGE, false))
			TH_LOG("for split %d", i);
		memcpy(&count, buffer, sizeof(count));
		if (splits[i].result < 0)
			count = read_count(fd);
		EXPECT_EQ(1, count)
			TH_LOG("for split %d", i);
		EXPECT_EQ(0, memcmp(buffer + 4, rest + 4, sizeof(rest) - 4))
			TH_LOG("for split %d", i);
		EXPECT_EQ(-EAGAIN, read_count(fd));
	}

	/* A read of no parts returns 0 and takes no event. */
	ASSERT_TRUE(make_event(&self->line, fd));
	EXPECT_EQ(0, readv(fd, NULL, 0));
	EXPECT_EQ(1, read_count(fd));
}

/* Checks that the line is armed: it fires. Takes the event. */
static void check_armed(struct __test_metadata *_metadata, struct line *line, int fd)
{
	unsigned int before = line_hw_count(line);

	line_raise(line);
	line_wait_handled(line, before);
	line_ack(line);
	ASSERT_TRUE(wait_event(fd));
	EXPECT_EQ(1, read_count(fd));
}

/* Checks that the line is masked: it does not fire. */
static void check_masked(struct __test_metadata *_metadata, struct line *line)
{
	unsigned int before = line_hw_count(line);

	line_raise(line);
	line_settle(line);
	EXPECT_EQ(before, line_hw_count(line));
	line_ack(line);
}

/* A value in parts takes effect as a whole or not at all. A bad value changes nothing. */
TEST_F(intx, write_in_parts)
{
	static const struct split splits[] = {
		{ { 4 },			4 },
		{ { 1, 1, 1, 1 },		4 },
		{ { 2, 2 },			4 },
		{ { 3, 1 },			4 },
		{ { 0, 4 },			4 },
		{ { 4, BAD | 0 },		4 },
		{ { 1, 2 },			-EINVAL },
		{ { 5 },			-EINVAL },
		{ { 4, 4 },			-EINVAL },
		{ { 4, BAD | 4 },		-EINVAL },
		{ { BAD | 1, BAD | 1 },		-EINVAL },
		{ { BAD | 4 },			-EFAULT },
		{ { 2, BAD | 2 },		-EFAULT },
		{ { BAD | 1, 3 },		-EFAULT },
	};
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	int zeroes[4] = { 0, 0, 0, 0 }, ones[4] = { 1, 1, 1, 1 };
	char *page = map_edge();

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, page);
	for (int i = 0; i < ARRAY_SIZE(splits); i++) {
		int result = splits[i].result;

		ASSERT_EQ(0, write_value(fd, 1));
		EXPECT_EQ(result, do_split(fd, &splits[i], (char *)zeroes, page + PAGE, true))
			TH_LOG("for split %d of 0", i);
		if (result < 0)
			check_armed(_metadata, &self->line, fd);
		else
			check_masked(_metadata, &self->line);

		ASSERT_EQ(0, write_value(fd, 0));
		EXPECT_EQ(result, do_split(fd, &splits[i], (char *)ones, page + PAGE, true))
			TH_LOG("for split %d of 1", i);
		if (result < 0)
			check_masked(_metadata, &self->line);
		else
			check_armed(_metadata, &self->line, fd);
	}
}

/* A write, valid or not, takes no pending event. */
TEST_F(intx, write_keeps_a_pending_event)
{
	static const struct split splits[] = {
		{ { BAD | 4 },			-EFAULT },
		{ { 2, BAD | 2 },		-EFAULT },
		{ { 2, 1 },			-EINVAL },
		{ { 2, 2 },			4 },
	};
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	char *page = map_edge();

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, page);
	ASSERT_TRUE(make_event(&self->line, fd));
	for (int value = 0; value < 2; value++) {
		for (int i = 0; i < ARRAY_SIZE(splits); i++) {
			EXPECT_EQ(splits[i].result, do_split(fd, &splits[i], (char *)&value,
							     page + PAGE, true));
		}
	}
	EXPECT_EQ(1, read_count(fd));
	EXPECT_EQ(-EAGAIN, read_count(fd));
}

/*
 * Each size but that of a count or a record fails with EINVAL. A read of four bytes writes four
 * bytes.
 */
TEST_F(intx, other_sizes_are_invalid)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK), count;
	char *page = map_edge(), rest[PAGE];

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, page);
	memset(page, FILL, PAGE);
	memset(rest, FILL, sizeof(rest));
	ASSERT_TRUE(make_event(&self->line, fd));
	for (int size = 0; size <= PAGE; size++) {
		if (size == sizeof(count) || size == sizeof(struct irq_user_record))
			continue;
		/* The buffer ends where the page that cannot be accessed begins. */
		ASSERT_EQ(-1, read(fd, page + PAGE - size, size))
			TH_LOG("for %d bytes", size);
		ASSERT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(0, memcmp(page, rest, PAGE));

	ASSERT_EQ(sizeof(count), read(fd, page + PAGE - sizeof(count), sizeof(count)));
	memcpy(&count, page + PAGE - sizeof(count), sizeof(count));
	EXPECT_EQ(1, count);
	EXPECT_EQ(0, memcmp(page, rest, PAGE - sizeof(count)));
	EXPECT_EQ(-EAGAIN, read_count(fd));
}

/* With RWF_NOWAIT a read of a blocking file does not wait. */
TEST_F(intx, rwf_nowait_does_not_sleep)
{
	int fd = open(self->line.path, O_RDWR), count[2] = {};
	struct iovec iov = { .iov_base = count, .iov_len = sizeof(int) };
	struct iovec large = { .iov_base = count, .iov_len = sizeof(count) };

	ASSERT_LE(0, fd);
	for (int i = 0; i < 10; i++) {
		EXPECT_EQ(-1, preadv2(fd, &iov, 1, -1, RWF_NOWAIT));
		EXPECT_EQ(EAGAIN, errno);
		line_raise(&self->line);
		/* That read has armed already, before poll does. */
		ASSERT_TRUE(wait_event(fd));
		line_ack(&self->line);
		count[0] = 0;
		ASSERT_EQ(sizeof(int), preadv2(fd, &iov, 1, -1, RWF_NOWAIT));
		EXPECT_EQ(1, count[0]);
	}
	ASSERT_TRUE(make_event(&self->line, fd));
	EXPECT_EQ(-1, preadv2(fd, &large, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, preadv2(fd, &iov, 1, 0, RWF_NOWAIT));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(1, read_count(fd));
}

/* Calls with a position fail. They take no event and mask nothing. */
TEST_F(intx, positions_are_refused)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK), value = 0;
	struct iovec iov = { .iov_base = &value, .iov_len = sizeof(value) };
	off_t offset = 0;

	ASSERT_LE(0, fd);
	for (int pending = 0; pending < 2; pending++) {
		if (pending)
			ASSERT_TRUE(make_event(&self->line, fd));
		for (int whence = SEEK_SET; whence <= SEEK_HOLE; whence++) {
			EXPECT_EQ(-1, lseek(fd, 0, whence));
			EXPECT_EQ(ESPIPE, errno);
		}
		EXPECT_EQ(-1, pread(fd, &value, sizeof(value), 0));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(-1, preadv(fd, &iov, 1, 4));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(-1, pwrite(fd, &value, sizeof(value), 0));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(-1, pwritev(fd, &iov, 1, 4));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(-1, sendfile(fd, fd, &offset, sizeof(value)));
		if (!pending) {
			check_armed(_metadata, &self->line, fd);
			continue;
		}
		EXPECT_EQ(1, read_count(fd));
	}
}

static ssize_t move_by_splice(int in, int out, size_t len)
{
	return splice(in, NULL, out, NULL, len, SPLICE_F_NONBLOCK);
}

static ssize_t move_by_sendfile(int in, int out, size_t len)
{
	return sendfile(out, in, NULL, len);
}

/* A count that was moved to a pipe is in the pipe. A count that could not be moved stays. */
TEST_F(intx, splice_and_sendfile_lose_no_event)
{
	ssize_t (*const move[])(int in, int out, size_t len) = {
		move_by_splice, move_by_sendfile,
	};
	static const size_t sizes[] = { 1, 3, 4, 5, 8, PAGE, 16 * PAGE };
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK), ends[2];
	char page[PAGE] = {};

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe2(ends, O_NONBLOCK));
	for (int i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(move); i++) {
		size_t size = sizes[i / ARRAY_SIZE(move)];
		ssize_t len;

		EXPECT_GT(0, move[i % ARRAY_SIZE(move)](fd, ends[1], size));
		ASSERT_TRUE(make_event(&self->line, fd));
		len = move[i % ARRAY_SIZE(move)](fd, ends[1], size);
		EXPECT_TRUE(len < 0 || (len == sizeof(int) && size == sizeof(int)))
			TH_LOG("%zd of %zu bytes", len, size);
		EXPECT_EQ(1, read_count(len < 0 ? fd : ends[0]))
			TH_LOG("%zd of %zu bytes", len, size);
		EXPECT_EQ(-EAGAIN, read_count(fd));
		EXPECT_EQ(-EAGAIN, read_count(ends[0]));
	}

	/* The pipe is full. */
	ASSERT_LE(0, fcntl(ends[1], F_SETPIPE_SZ, PAGE));
	while (write(ends[1], page, sizeof(page)) > 0)
		;
	ASSERT_TRUE(make_event(&self->line, fd));
	for (int i = 0; i < ARRAY_SIZE(move); i++)
		EXPECT_GT(0, move[i](fd, ends[1], sizeof(int)));
	EXPECT_EQ(1, read_count(fd));

	/* The pipe has no reader. */
	signal(SIGPIPE, SIG_IGN);
	close(ends[0]);
	ASSERT_TRUE(make_event(&self->line, fd));
	for (int i = 0; i < ARRAY_SIZE(move); i++)
		EXPECT_GT(0, move[i](fd, ends[1], sizeof(int)));
	EXPECT_EQ(1, read_count(fd));
}

/* The process that is killed in a read. A second thread of it sleeps in a read too. */
static void read_until_killed(struct line *line, int said)
{
	int fd = open(line->path, O_RDWR), count;
	struct sleeper sleeper;

	if (fd < 0)
		_exit(1);
	sleeper_start(&sleeper, fd, &count);
	if (write(said, "", 1) != 1)
		_exit(1);
	read_count(fd);
	_exit(1);
}

/* A line whose owner is killed in a read is free after the owner has died. */
TEST_F(intx, killed_owner_frees_the_line)
{
	for (int i = 0; i < rounds_of(20, 5); i++) {
		int said[2], status;
		pid_t child;
		char byte;

		ASSERT_EQ(0, pipe(said));
		child = fork();
		ASSERT_LE(0, child);
		if (!child)
			read_until_killed(&self->line, said[1]);
		close(said[1]);
		ASSERT_EQ(1, read(said[0], &byte, 1));
		close(said[0]);
		wait_asleep(child);
		EXPECT_EQ(-EBUSY, try_open(self->line.path, O_RDWR));
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		check_free(_metadata, &self->line);
	}
}

/* An O_PATH descriptor claims nothing. */
TEST_F(intx, o_path_claims_nothing)
{
	int fd = open(self->line.path, O_PATH);

	ASSERT_LE(0, fd);
	check_free(_metadata, &self->line);
	EXPECT_EQ(-EBADF, read_count(fd));
	EXPECT_EQ(-EBADF, write_value(fd, 1));
	check_free(_metadata, &self->line);
	close(fd);
}

/* Runs @prepare in a child, which then opens the line. Returns 0, or -errno. */
static int open_in_child(struct line *line, int (*prepare)(void))
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(prepare() ? CANNOT : -try_open(line->path, O_RDWR));
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

static int become_user(void)
{
	return !become_nobody(NOBODY);
}

/* A process that may open the file by its mode or owner needs the capability too. */
TEST_F(intx, file_mode_does_not_replace_the_capability)
{
	EXPECT_EQ(-EACCES, open_in_child(&self->line, become_user));
	EXPECT_EQ(0, chmod(self->line.path, 0666));
	EXPECT_EQ(-EPERM, open_in_child(&self->line, become_user));
	check_free(_metadata, &self->line);

	EXPECT_EQ(0, chmod(self->line.path, 0600));
	EXPECT_EQ(0, chown(self->line.path, NOBODY, NOBODY));
	EXPECT_EQ(-EPERM, open_in_child(&self->line, become_user));
	EXPECT_EQ(0, chown(self->line.path, 0, 0));
	check_free(_metadata, &self->line);
}

/* Becomes root in a user namespace, in which root is the same user as outside. */
static int become_namespace_root(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (unshare(CLONE_NEWUSER) || write_file("/proc/self/setgroups", "deny") ||
	    write_file("/proc/self/uid_map", "0 0 1") || write_file("/proc/self/gid_map", "0 0 1"))
		return -1;
	if (syscall(SYS_capget, &header, data))
		return -1;
	return data[0].effective & CAP_TO_MASK(CAP_SYS_RAWIO) ? 0 : -1;
}

/* A capability in a user namespace other than the initial one does not count. */
TEST_F(intx, root_of_a_namespace_is_refused)
{
	int result = open_in_child(&self->line, become_namespace_root);

	if (result == -CANNOT)
		SKIP(return, "cannot make a user namespace");
	EXPECT_EQ(-EPERM, result);
	check_free(_metadata, &self->line);
}

/* Keeps the capabilities that root in a container usually has. */
static int become_container_root(void)
{
	static const int kept[] = {
		CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID,
		CAP_SETUID, CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SYS_CHROOT,
		CAP_MKNOD, CAP_AUDIT_WRITE, CAP_SETFCAP,
	};
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	for (int i = 0; i < ARRAY_SIZE(kept); i++) {
		data[CAP_TO_INDEX(kept[i])].effective |= CAP_TO_MASK(kept[i]);
		data[CAP_TO_INDEX(kept[i])].permitted |= CAP_TO_MASK(kept[i]);
	}
	return syscall(SYS_capset, &header, data);
}

/* Root in a container with the usual capabilities cannot open a line. */
TEST_F(intx, root_of_a_container_is_refused)
{
	EXPECT_EQ(-EPERM, open_in_child(&self->line, become_container_root));
	check_free(_metadata, &self->line);
}

/* An open without a free descriptor does not claim the line. */
TEST_F(intx, no_free_descriptor)
{
	struct rlimit limit, none;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	/* Forbid the lowest free descriptor and those above it. */
	none.rlim_cur = dup(STDERR_FILENO);
	ASSERT_LT(0, (int)none.rlim_cur);
	close(none.rlim_cur);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(-EMFILE, try_open(self->line.path, O_RDWR));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	check_free(_metadata, &self->line);
}

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define FAILSLAB	"/sys/kernel/debug/failslab/"

/* The settings of the kernel's fault injection for allocations, and the old settings. */
struct failslab {
	int fd;				/* takes the number of the allocation to fail */
	char wait[16], verbose[16];
};

static int exchange(const char *path, const char *text, char *old, size_t size)
{
	return read_file(path, old, size) ? write_file(path, text) : -1;
}

/* Has allocations that may sleep fail too, and without messages in the log. */
static const char *failslab_setup(struct failslab *failslab)
{
	failslab->fd = open(FAIL_NTH, O_RDWR);
	if (failslab->fd < 0)
		return "there is no " FAIL_NTH ": the kernel has no CONFIG_FAULT_INJECTION";
	if (exchange(FAILSLAB "ignore-gfp-wait", "N", failslab->wait, sizeof(failslab->wait)))
		return "there is no " FAILSLAB ": no CONFIG_FAILSLAB, or debugfs is not mounted";
	if (exchange(FAILSLAB "verbose", "0", failslab->verbose, sizeof(failslab->verbose)))
		return "cannot silence " FAILSLAB;
	return NULL;
}

static void failslab_teardown(struct failslab *failslab)
{
	write_file(FAILSLAB "ignore-gfp-wait", failslab->wait);
	write_file(FAILSLAB "verbose", failslab->verbose);
	close(failslab->fd);
}

/* Has the @nth allocation from now on fail, or none if @nth is 0. */
static bool fail_nth(struct failslab *failslab, int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	return pwrite(failslab->fd, text, len, 0) == len;
}

/* Returns whether that allocation was reached. No allocation fails from then on. */
static bool has_failed(struct failslab *failslab)
{
	char text[16] = "";

	if (pread(failslab->fd, text, sizeof(text) - 1, 0) <= 0)
		return false;
	fail_nth(failslab, 0);
	return !atoi(text);
}

/* Whichever allocation of open fails, either open succeeds or the line stays free. */
TEST_F_TIMEOUT(intx, failed_allocation_in_open, 120)
{
	struct failslab failslab;
	const char *why = failslab_setup(&failslab);
	int refused = 0, nth = 0;
	bool failed = true;

	if (why)
		SKIP(return, "%s", why);
	while (failed) {
		int fd;

		nth++;
		ASSERT_TRUE(fail_nth(&failslab, nth));
		fd = open(self->line.path, O_RDWR);
		if (fd < 0)
			fd = -errno;
		failed = has_failed(&failslab);
		if (fd < 0) {
			EXPECT_EQ(-ENOMEM, fd)
				TH_LOG("for allocation %d", nth);
			ASSERT_TRUE(failed);
			refused++;
		} else {
			ASSERT_TRUE(make_event(&self->line, fd));
			EXPECT_EQ(1, read_count(fd));
			close(fd);
		}
		check_free(_metadata, &self->line);
	}
	TH_LOG("%d allocations, open needs %d of them", nth - 1, refused);
	EXPECT_LT(0, refused);
	failslab_teardown(&failslab);
}

/* After open, the line works even if allocations fail. */
TEST_F_TIMEOUT(intx, failed_allocation_after_open, 120)
{
	struct failslab failslab;
	const char *why = failslab_setup(&failslab);
	int fd;

	if (why)
		SKIP(return, "%s", why);
	for (int nth = 1; nth <= 3; nth++) {
		fd = open(self->line.path, O_RDWR | O_NONBLOCK);
		ASSERT_LE(0, fd);
		for (int i = 0; i < 3; i++) {
			fail_nth(&failslab, nth);
			EXPECT_EQ(-EAGAIN, read_count(fd));
			fail_nth(&failslab, nth);
			EXPECT_EQ(0, write_value(fd, 0));
			fail_nth(&failslab, nth);
			EXPECT_EQ(0, write_value(fd, 1));
			fail_nth(&failslab, nth);
			EXPECT_TRUE(make_event(&self->line, fd));
			fail_nth(&failslab, nth);
			EXPECT_EQ(1, read_count(fd));
			fail_nth(&failslab, 0);
		}
		fail_nth(&failslab, nth);
		EXPECT_EQ(0, close(fd));
		fail_nth(&failslab, 0);
		check_free(_metadata, &self->line);
	}
	failslab_teardown(&failslab);
}

TEST_HARNESS_MAIN
