// SPDX-License-Identifier: GPL-2.0
/* Tests a read that looks for an event for some time before it sleeps. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge.h"
#include "file.h"
#include "line_fixture.h"
#include "record.h"
#include "rounds.h"
#include "sleeper.h"

#define MAX_NS		IRQ_USER_SPIN_MAX_NS
#define SET_SPIN(size)	_IOC(_IOC_WRITE, 0xBB, 0, size)
#define READERS		3

/* Events that come first, after which a read may look for any of its times. */
#define GROWTH		8

/*
 * When an event comes, in nanoseconds after the read has begun: a reader that does not look sleeps
 * by then.
 */
#define LATER		50000

/* Returns 0 or -errno. */
static int call(int fd, unsigned long request, const void *argument)
{
	return ioctl(fd, request, argument) ? -errno : 0;
}

static int set_spin(int fd, uint32_t max_ns)
{
	return call(fd, IRQ_USER_SET_SPIN, &(struct irq_user_spin){ .max_ns = max_ns });
}

/* Returns the limit that fdinfo shows, or -1. */
static long shown_spin(int fd)
{
	char path[64], text[1024], *row;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (!read_file(path, text, sizeof(text)))
		return -1;
	row = strstr(text, "\nspin:\t");
	return row ? strtol(row + strlen("\nspin:\t"), NULL, 10) : -1;
}

/* The call takes a time up to the limit, and no flags. A call that fails changes nothing. */
TEST_F(intx, time_has_a_limit)
{
	static const uint32_t good[] = { 1, 10000, MAX_NS };
	static const struct irq_user_spin bad[] = {
		{ .max_ns = MAX_NS + 1 }, { .max_ns = UINT_MAX }, { .flags = 1 },
		{ .max_ns = 1, .flags = 1U << 31 },
	};

	for (int flags = 0; flags < 2; flags++) {
		int fd = open(self->line.path, flags ? O_RDWR | O_NONBLOCK : O_RDONLY);

		ASSERT_LE(0, fd);
		for (int i = 0; i < ARRAY_SIZE(good); i++) {
			EXPECT_EQ(0, set_spin(fd, good[i]));
			for (int n = 0; n < ARRAY_SIZE(bad); n++) {
				EXPECT_EQ(-EINVAL, call(fd, IRQ_USER_SET_SPIN, &bad[n]))
					TH_LOG("structure %d", n);
			}
			EXPECT_EQ(good[i], shown_spin(fd));
		}
		EXPECT_EQ(0, set_spin(fd, 0));
		EXPECT_GE(0, shown_spin(fd));
		close(fd);
	}
}

/* The time is shown in fdinfo, and belongs to the open file: a new file has none. */
TEST_F(intx, fdinfo_shows_the_time)
{
	for (int i = 0; i < 2; i++) {
		int fd = open(self->line.path, O_RDONLY), copy;

		ASSERT_LE(0, fd);
		EXPECT_EQ(-1, shown_spin(fd));
		EXPECT_EQ(0, set_spin(fd, 12345));
		EXPECT_EQ(12345, shown_spin(fd));
		copy = dup(fd);
		EXPECT_EQ(12345, shown_spin(copy));
		close(copy);
		close(fd);
	}
}

/* A read does not look if the handler runs in a thread, which the look could delay. */
TEST(handler_in_a_thread_is_not_looked_for)
{
	static const char *const kinds[] = { "slow", "slow_edge", "nested" };

	for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct fake fake;
		const char *why = fake_make(&fake, kinds[i]);
		int fd;

		if (why)
			SKIP(return, "%s", why);
		fd = open(fake.path, O_RDONLY);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, set_spin(fd, MAX_NS));
		EXPECT_EQ(-1, shown_spin(fd));
		EXPECT_EQ(-EINVAL, set_spin(fd, MAX_NS + 1));
		close(fd);
		fake_dispose(&fake);
	}
}

/*
 * A structure that is larger than the kernel's is taken if the rest is zero, otherwise it fails
 * with E2BIG. A structure without a time fails with EINVAL.
 */
TEST_F(intx, structure_may_grow)
{
	static const unsigned int sizes[] = { 4, 8, 9, 12, 16, 64, 256 };
	int fd = open(self->line.path, O_RDONLY);
	union {
		struct irq_user_spin spin;
		unsigned char bytes[256];
	} large = { .bytes = {} };

	ASSERT_LE(0, fd);
	for (int size = 0; size < 4; size++) {
		EXPECT_EQ(-EINVAL, call(fd, SET_SPIN(size), &large))
			TH_LOG("%d bytes", size);
	}
	EXPECT_EQ(-1, shown_spin(fd));
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long request = SET_SPIN(sizes[i]);

		large.spin.max_ns = 100 + i;
		EXPECT_EQ(0, call(fd, request, &large))
			TH_LOG("%u bytes", sizes[i]);
		EXPECT_EQ(100 + i, shown_spin(fd));
		large.spin.max_ns = 1;
		for (int n = sizeof(large.spin); n < sizes[i]; n++) {
			large.bytes[n] = 1;
			EXPECT_EQ(-E2BIG, call(fd, request, &large))
				TH_LOG("byte %d of %u", n, sizes[i]);
			large.bytes[n] = 0;
		}
		EXPECT_EQ(100 + i, shown_spin(fd));
	}
	/* The layout is the same in programs of 32 bits. */
	EXPECT_EQ(8, sizeof(struct irq_user_spin));
	EXPECT_EQ(SET_SPIN(8), IRQ_USER_SET_SPIN);
}

/* A structure that cannot be read fails with EFAULT. */
TEST_F(intx, bad_structure_gives_efault)
{
	int fd = open(self->line.path, O_RDONLY);
	char *page = map_edge();

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, page);
	EXPECT_EQ(-EFAULT, call(fd, IRQ_USER_SET_SPIN, NULL));
	EXPECT_EQ(-EFAULT, call(fd, IRQ_USER_SET_SPIN, (void *)8));
	EXPECT_EQ(-EFAULT, call(fd, IRQ_USER_SET_SPIN, page + PAGE - 4));
	EXPECT_EQ(0, call(fd, IRQ_USER_SET_SPIN, page + PAGE - 8));
	EXPECT_EQ(-EFAULT, call(fd, SET_SPIN(16), page + PAGE - 8));
	EXPECT_GE(0, shown_spin(fd));
}

/* Each other request fails with ENOTTY. */
TEST_F(intx, other_requests_are_unknown)
{
	static const unsigned long requests[] = {
		0, _IOC(_IOC_WRITE, 0xBB, 1, 8), _IOC(_IOC_WRITE, 0xBB, 255, 8),
		_IOC(_IOC_WRITE, 0xBA, 0, 8), _IOC(_IOC_READ, 0xBB, 0, 8), _IO(0xBB, 0),
		_IOC(_IOC_READ | _IOC_WRITE, 0xBB, 0, 8), TIOCGWINSZ,
	};
	int fd = open(self->line.path, O_RDWR);
	struct irq_user_spin spin = {};

	ASSERT_LE(0, fd);
	for (int i = 0; i < ARRAY_SIZE(requests); i++) {
		EXPECT_EQ(-ENOTTY, call(fd, requests[i], &spin))
			TH_LOG("request %#lx", requests[i]);
	}
}

/* If the line is gone, the call fails with EIO. */
TEST(call_on_a_line_that_is_gone)
{
	struct fake fake;
	const char *why = fake_make(&fake, "edge");
	int fd;

	if (why)
		SKIP(return, "%s", why);
	fd = open(fake.path, O_RDONLY);
	ASSERT_LE(0, fd);
	fake_dispose(&fake);
	EXPECT_EQ(-EIO, set_spin(fd, 1));
	EXPECT_EQ(-EIO, set_spin(fd, 0));
	close(fd);
}

/*
 * A thread or a process that reads, quiets the device and reads again, on CPU 1. It publishes what
 * it does, and so the device knows when the read runs.
 */
struct reader {
	pthread_t thread;
	struct line *line;
	int fd;
	unsigned int limit;		/* reads, 0: until one fails */
	unsigned int begun, done;	/* reads */
	unsigned int hits;		/* reads in which the reader has not slept */
	int result;			/* of the last read */
};

static unsigned int load(unsigned int *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void advance(unsigned int *word, unsigned int by)
{
	__atomic_add_fetch(word, by, __ATOMIC_SEQ_CST);
}

static long count_sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/* Reads in one size or the other. Returns the count or -errno. */
static int read_either(int fd, bool is_record)
{
	struct irq_user_record record;
	int error;

	if (!is_record)
		return read_count(fd);
	error = read_record(fd, &record);
	return error ? : record.count;
}

static void *reader_main(void *arg)
{
	struct reader *reader = arg;

	pin_to(1);
	for (unsigned int i = 0; !reader->limit || i < reader->limit; i++) {
		long sleeps = count_sleeps();

		advance(&reader->begun, 1);
		reader->result = read_either(reader->fd, i % 2);
		advance(&reader->hits, count_sleeps() == sleeps);
		if (reader->result > 0 && reader->line->regs)
			line_ack(reader->line);
		advance(&reader->done, 1);
		if (reader->result < 0)
			break;
	}
	return NULL;
}

static void reader_start(struct reader *reader, struct line *line, int fd, unsigned int limit)
{
	*reader = (struct reader) { .line = line, .fd = fd, .limit = limit };
	pthread_create(&reader->thread, NULL, reader_main, reader);
}

/* Waits until that read has begun, and then for some time. */
static void wait_begun(struct reader *reader, unsigned int number, unsigned int nanoseconds)
{
	uint64_t begin;

	while (load(&reader->begun) < number)
		;
	begin = now();
	while (now() < begin + nanoseconds)
		;
}

/* Makes an event for each of the next reads, some time after the read has begun. */
static void feed(struct reader *reader, unsigned int events, unsigned int nanoseconds)
{
	unsigned int done = load(&reader->done);

	for (unsigned int i = 0; i < events; i++) {
		wait_begun(reader, ++done, nanoseconds);
		if (reader->line->regs)
			line_raise(reader->line);
		else
			fake_do(&reader->line->fake, "fire");
		while (load(&reader->done) < done)
			;
	}
}

/* Binds the line and the thread that makes its events to CPU 0. The readers are on CPU 1. */
static void part(struct line *line)
{
	pin_to(0);
	line_move_to(line, 0);
}

/*
 * Makes events until as many in a row were found by a read that did not sleep, or until 20 seconds
 * are over. Returns how many it were. A reader that does not look has few in a row: a busy host may
 * stop one of the processors at any time.
 */
static unsigned int hits_in_a_row(struct reader *reader, unsigned int wanted)
{
	double begin = seconds();
	unsigned int row = 0;

	while (row < wanted && seconds() - begin < 20) {
		unsigned int hits = load(&reader->hits);

		feed(reader, 1, LATER);
		if (reader->result != 1)
			return 0;
		row = load(&reader->hits) == hits ? 0 : row + 1;
	}
	return row;
}

/* Ends the read that waits for an event by a signal, and with it the reader. */
static void reader_stop(struct reader *reader)
{
	unsigned int done = load(&reader->done);

	wait_begun(reader, done + 1, 0);
	ignore_signal(SIGUSR1, 0);
	/* The signal may come before the read. */
	while (load(&reader->done) == done) {
		pthread_kill(reader->thread, SIGUSR1);
		sched_yield();
	}
	pthread_join(reader->thread, NULL);
}

/*
 * An event that comes while the read looks for it, or sleeps, is returned. If events come soon,
 * the reader does not sleep.
 */
TEST_F_TIMEOUT(intx, event_while_the_read_looks_is_returned, 120)
{
	int fd = open(self->line.path, O_RDONLY);
	unsigned int before = line_hw_count(&self->line), hits;
	struct reader reader;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_spin(fd, MAX_NS));
	part(&self->line);
	reader_start(&reader, &self->line, fd, 0);
	/* Before the read, while it looks, and while it sleeps. */
	for (unsigned int i = 0; i < rounds_of(500, 100); i++) {
		feed(&reader, 1, i % 50 * 1000 + (i % 25 ? 0 : 2 * MAX_NS));
		ASSERT_EQ(1, reader.result);
	}
	hits = hits_in_a_row(&reader, 5);
	TH_LOG("%u events, %u hits in a row at the end", load(&reader.done), hits);
	EXPECT_EQ(load(&reader.done), line_hw_count(&self->line) - before);
	/* A slow kernel takes more than the time to handle an interrupt. */
	if (!kernel_is_slow())
		EXPECT_EQ(5, hits);
	reader_stop(&reader);
	EXPECT_EQ(-EINTR, reader.result);
}

/* A read on a quiet line sleeps when the time is over, and then does not run. */
TEST_F(intx, read_on_a_quiet_line_sleeps)
{
	int fd = open(self->line.path, O_RDONLY);
	struct sleeper sleeper;
	struct reader reader;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_spin(fd, MAX_NS));
	part(&self->line);
	for (int i = 0; i < rounds_of(10, 3); i++) {
		int64_t runtime;

		reader_start(&reader, &self->line, fd, GROWTH);
		feed(&reader, GROWTH, 0);
		pthread_join(reader.thread, NULL);
		EXPECT_EQ(1, reader.result);
		sleeper_start(&sleeper, fd, sleep_for_one);
		runtime = sleeper_settled_runtime(&sleeper);
		EXPECT_FALSE(sleeper_is_done(&sleeper));
		EXPECT_EQ(runtime, sleeper_runtime(&sleeper));
		line_raise(&self->line);
		ASSERT_TRUE(sleeper_join(&sleeper));
		line_ack(&self->line);
	}
}

/* A signal ends the read while it looks, and loses no event. */
TEST_F_TIMEOUT(intx, signal_interrupts_a_read_that_looks, 120)
{
	int fd = open(self->line.path, O_RDONLY);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_spin(fd, MAX_NS));
	ignore_signal(SIGUSR1, 0);
	part(&self->line);
	for (int i = 0; i < rounds_of(100, 20); i++) {
		struct reader reader;

		reader_start(&reader, &self->line, fd, 0);
		feed(&reader, GROWTH, 0);
		wait_begun(&reader, GROWTH + 1, i % 20 * 5000);
		reader_stop(&reader);
		ASSERT_EQ(-EINTR, reader.result);
		line_raise(&self->line);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
}

/* A process can be killed while its read looks, and the next event goes to another reader. */
TEST_F_TIMEOUT(intx, reader_that_looks_can_be_killed, 120)
{
	int fd = open(self->line.path, O_RDONLY), status;
	struct reader *reader;

	ASSERT_LE(0, fd);
	reader = mmap(NULL, sizeof(*reader), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, reader);
	ASSERT_EQ(0, set_spin(fd, MAX_NS));
	part(&self->line);
	for (int i = 0; i < rounds_of(50, 10); i++) {
		pid_t pid;

		*reader = (struct reader) { .line = &self->line, .fd = fd };
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			reader_main(reader);
			_exit(0);
		}
		feed(reader, GROWTH, 0);
		wait_begun(reader, GROWTH + 1, i % 10 * 10000);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		line_raise(&self->line);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
}

/* When the line goes away, a read that looks ends with EIO. */
TEST(removal_ends_a_read_that_looks)
{
	for (int i = 0; i < rounds_of(50, 10); i++) {
		struct reader reader;
		struct line line;
		const char *why = edge_line_setup(&line, "edge");
		int fd;

		if (why)
			SKIP(return, "%s", why);
		fd = open(line.path, O_RDONLY);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, set_spin(fd, MAX_NS));
		pin_to(0);
		reader_start(&reader, &line, fd, 0);
		feed(&reader, GROWTH, 0);
		wait_begun(&reader, GROWTH + 1, i % 10 * 10000);
		fake_dispose(&line.fake);
		pthread_join(reader.thread, NULL);
		ASSERT_EQ(-EIO, reader.result);
		ASSERT_EQ(GROWTH + 1, reader.done);
		close(fd);
	}
}

static int poll_once(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) ? -EPROTO : -EAGAIN;
}

static int read_nonblocking(int fd)
{
	int result;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	result = read_count(fd);
	fcntl(fd, F_SETFL, 0);
	return result;
}

/* Returns the least time that some calls take. Each call must find no event. */
static uint64_t least_time(int fd, int (*call)(int fd))
{
	uint64_t least = UINT64_MAX;

	/* A busy host may stop the processor, but not each time. */
	for (int n = 0; n < 200; n++) {
		uint64_t begin = now(), time;

		if (call(fd) != -EAGAIN)
			return UINT64_MAX;
		time = now() - begin;
		if (time < least)
			least = time;
	}
	return least;
}

/* Poll and non-blocking reads do not look: they return as soon as without a time to look. */
TEST_F_TIMEOUT(intx, poll_and_nonblocking_reads_do_not_look, 120)
{
	static int (*const calls[])(int fd) = { read_nowait, read_nonblocking, poll_once };
	int fd = open(self->line.path, O_RDONLY);
	struct reader reader;

	ASSERT_LE(0, fd);
	part(&self->line);
	for (int i = 0; i < ARRAY_SIZE(calls); i++) {
		uint64_t plain, time;

		ASSERT_EQ(0, set_spin(fd, 0));
		plain = least_time(fd, calls[i]);
		ASSERT_EQ(0, set_spin(fd, MAX_NS));
		reader_start(&reader, &self->line, fd, 0);
		/* Then a read looks for longer than LATER. On a slow kernel, it may never do so. */
		hits_in_a_row(&reader, 2);
		reader_stop(&reader);
		time = least_time(fd, calls[i]);
		EXPECT_GT(plain + LATER / 2, time)
			TH_LOG("call %d takes %llu ns instead of %llu", i, (unsigned long long)time,
			       (unsigned long long)plain);
		EXPECT_NE(UINT64_MAX, time);
	}
}

/* Readers that share a file and its events. */
struct crowd {
	int fd;
	unsigned int sum;		/* of their counts */
	unsigned int wrong;		/* results */
};

static void *crowd_main(void *arg)
{
	struct crowd *crowd = arg;
	bool is_record = false;
	int count;

	while ((count = read_either(crowd->fd, is_record)) > 0) {
		advance(&crowd->sum, count);
		is_record = !is_record;
	}
	if (count != -EIO)
		advance(&crowd->wrong, 1);
	return NULL;
}

/* Several readers that look or sleep get each event once, masked or free, and none is left. */
TEST(readers_that_look_share_the_events)
{
	pthread_t threads[READERS];
	const unsigned int events = rounds_of(3000, 600);
	struct crowd crowd = {};
	struct line line;
	const char *why = edge_line_setup(&line, "edge");

	if (why)
		SKIP(return, "%s", why);
	crowd.fd = open(line.path, O_RDWR);
	ASSERT_LE(0, crowd.fd);
	ASSERT_EQ(0, set_spin(crowd.fd, MAX_NS));
	for (int i = 0; i < READERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, crowd_main, &crowd));
	for (unsigned int i = 1; i <= events; i++) {
		if (i == events / 2)
			ASSERT_EQ(0, write_value(crowd.fd, 2));
		fake_fire_slowly(&line.fake);
		while (load(&crowd.sum) < i)
			sched_yield();
	}
	EXPECT_EQ(events, crowd.sum);
	fake_dispose(&line.fake);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(events, crowd.sum);
	EXPECT_EQ(0, crowd.wrong);
	close(crowd.fd);
}

TEST_HARNESS_MAIN
