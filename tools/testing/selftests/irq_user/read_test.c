// SPDX-License-Identifier: GPL-2.0
/* Tests read of /proc/irq/<N>/irq: the count, sleeping, and the errors. */
#include <errno.h>
#include <fcntl.h>
#include <linux/irq_user.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "line_fixture.h"
#include "rounds.h"

/* A read in its own thread. */
struct reader {
	pthread_t thread;
	pid_t tid;
	int fd;
	int result;
	long sleeps;			/* how often it has slept in the read */
};

static long count_sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

static void *reader_main(void *arg)
{
	struct reader *reader = arg;
	long before = count_sleeps();

	__atomic_store_n(&reader->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	reader->result = read_count(reader->fd);
	reader->sleeps = count_sleeps() - before;
	return NULL;
}

/* Starts a read and waits until it sleeps. */
static void reader_start(struct reader *reader, int fd)
{
	reader->fd = fd;
	reader->tid = 0;
	pthread_create(&reader->thread, NULL, reader_main, reader);
	while (!__atomic_load_n(&reader->tid, __ATOMIC_ACQUIRE))
		;
	wait_asleep(reader->tid);
}

static int reader_join(struct reader *reader)
{
	pthread_join(reader->thread, NULL);
	return reader->result;
}

static ssize_t read_plainly(int fd, void *buffer, size_t size)
{
	return read(fd, buffer, size);
}

static ssize_t read_vector(int fd, void *buffer, size_t size)
{
	struct iovec iov = { .iov_base = buffer, .iov_len = size };

	return readv(fd, &iov, 1);
}

static ssize_t read_in_halves(int fd, void *buffer, size_t size)
{
	struct iovec iov[] = {
		{ .iov_base = buffer, .iov_len = size / 2 },
		{ .iov_base = (char *)buffer + size / 2, .iov_len = size - size / 2 },
	};

	return readv(fd, iov, 2);
}

static ssize_t read_without_waiting(int fd, void *buffer, size_t size)
{
	struct iovec iov = { .iov_base = buffer, .iov_len = size };

	return preadv2(fd, &iov, 1, -1, RWF_NOWAIT);
}

static ssize_t (*const ways[])(int fd, void *buffer, size_t size) = {
	read_plainly, read_vector, read_in_halves, read_without_waiting,
};

#define MAX_SIZE	64

/* Checks that every size but two fails with EINVAL, in each way to read. The file is blocking. */
static void check_other_sizes(struct __test_metadata *_metadata, int fd, void *buffer)
{
	for (size_t size = 0; size <= MAX_SIZE; size++) {
		for (int way = 0; way < ARRAY_SIZE(ways); way++) {
			/* The VFS itself handles a vector of no bytes. */
			if (size == sizeof(int) || size == sizeof(struct irq_user_record) ||
			    (!size && way))
				continue;
			ASSERT_EQ(-1, ways[way](fd, buffer, size))
				TH_LOG("%zu bytes in way %d", size, way);
			ASSERT_EQ(EINVAL, errno)
				TH_LOG("%zu bytes in way %d", size, way);
		}
	}
}

/*
 * A read of any size but that of a count or a record does not sleep, arm, write to the buffer, or
 * take an event.
 */
TEST_F(intx, other_sizes_are_invalid)
{
	int fd = open(self->line.path, O_RDWR);
	char buffer[MAX_SIZE], untouched[MAX_SIZE];
	unsigned int before = line_hw_count(&self->line);

	ASSERT_LE(0, fd);
	memset(buffer, 0x5a, sizeof(buffer));
	memset(untouched, 0x5a, sizeof(untouched));

	/* Nothing is pending, and the line is masked. */
	ASSERT_EQ(0, write_value(fd, 0));
	line_raise(&self->line);
	check_other_sizes(_metadata, fd, buffer);
	line_settle(&self->line);
	EXPECT_EQ(before, line_hw_count(&self->line));

	/* An event is pending. */
	ASSERT_EQ(0, write_value(fd, 1));
	ASSERT_TRUE(wait_event(fd));
	check_other_sizes(_metadata, fd, buffer);
	EXPECT_EQ(0, memcmp(buffer, untouched, sizeof(buffer)));
	EXPECT_EQ(before + 1, line_hw_count(&self->line));
	EXPECT_EQ(1, read_count(fd));
}

/* The kernel checks the size before the buffer. */
TEST_F(intx, size_is_checked_before_the_buffer)
{
	int fd = open(self->line.path, O_RDWR);

	ASSERT_LE(0, fd);
	check_other_sizes(_metadata, fd, (void *)8);
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	check_other_sizes(_metadata, fd, (void *)8);
	EXPECT_EQ(1, read_count(fd));
}

/* The kernel checks the size before the line, which may be gone. */
TEST(size_is_checked_before_the_line)
{
	struct fake fake;
	const char *why = fake_make(&fake, "edge");
	char buffer[MAX_SIZE];
	int fd;

	if (why)
		SKIP(return, "%s", why);
	fd = open(fake.path, O_RDWR);
	ASSERT_LE(0, fd);
	fake_dispose(&fake);
	check_other_sizes(_metadata, fd, buffer);
	EXPECT_EQ(-EIO, read_count(fd));
	close(fd);
}

/* A read of four bytes returns the count, in each way to read. */
TEST_F(intx, four_bytes_return_the_count)
{
	int fd = open(self->line.path, O_RDWR);

	ASSERT_LE(0, fd);
	for (int way = 0; way < ARRAY_SIZE(ways); way++) {
		int count = 0;

		ASSERT_EQ(0, write_value(fd, 1));
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		EXPECT_EQ(sizeof(count), ways[way](fd, &count, sizeof(count)));
		EXPECT_EQ(1, count)
			TH_LOG("in way %d", way);
		line_ack(&self->line);
	}
}

/* Without an event, a non-blocking read fails with EAGAIN, and arms. */
TEST_F(intx, nonblocking_read_gives_eagain_and_arms)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);

	ASSERT_LE(0, fd);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EAGAIN, read_count(fd));
		line_raise(&self->line);
		/* The read has armed the line, before poll does. */
		ASSERT_TRUE(wait_event(fd));
		EXPECT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
	EXPECT_EQ(-EAGAIN, read_count(fd));
}

/* A read that finds an event returns it and leaves the line masked. */
TEST_F(intx, read_of_an_event_does_not_arm)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	unsigned int before = line_hw_count(&self->line);

	ASSERT_LE(0, fd);
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	EXPECT_EQ(1, read_count(fd));
	/* The device still asserts: if the line were armed, it would fire again. */
	EXPECT_EQ(before + 1, line_hw_count(&self->line));
	line_ack(&self->line);
	EXPECT_EQ(-EAGAIN, read_count(fd));
	EXPECT_EQ(before + 1, line_hw_count(&self->line));
}

/* A blocking read sleeps until the line fires. */
TEST_F(intx, blocking_read_waits_for_the_event)
{
	int fd = open(self->line.path, O_RDONLY);
	struct reader reader;

	ASSERT_LE(0, fd);
	for (int i = 0; i < rounds_of(100, 20); i++) {
		reader_start(&reader, fd);
		line_raise(&self->line);
		ASSERT_EQ(1, reader_join(&reader));
		line_ack(&self->line);
	}
}

/* The line is armed when open returns. */
TEST_F(intx, event_right_after_open_is_counted)
{
	int fd = open(self->line.path, O_RDONLY);
	unsigned int before = line_hw_count(&self->line);

	ASSERT_LE(0, fd);
	line_raise(&self->line);
	/* Only open can have armed the line. */
	line_wait_handled(&self->line, before);
	EXPECT_EQ(1, read_count(fd));
}

/* Each event is one hardware interrupt, one count and one read. */
TEST_F(intx, each_event_is_one_interrupt)
{
	const unsigned int events = rounds_of(1000, 200);
	int fd = open(self->line.path, O_RDONLY);
	unsigned int before = line_hw_count(&self->line), sum = 0;

	ASSERT_LE(0, fd);
	for (unsigned int i = 0; i < events; i++) {
		line_raise(&self->line);
		sum += read_count(fd);
		line_ack(&self->line);
	}
	EXPECT_EQ(events, sum);
	EXPECT_EQ(events, line_hw_count(&self->line) - before);
}

/*
 * An event that comes during reads is counted once: a read that comes after the line was masked
 * and before the event is counted must not arm the line, because the device still asserts.
 */
TEST_F_TIMEOUT(intx, event_during_a_read_counts_once, 300)
{
	/* Some controllers unmask at the next tick only: 30,000 events would take minutes. */
	const time_t enough = time(NULL) + 20;
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	unsigned int before = line_hw_count(&self->line), sum = 0, met = 0, events;

	ASSERT_LE(0, fd);
	line_move_away(&self->line);
	for (events = 0; events < 30000; events++) {
		int count, reads = 0;

		if (met >= 100 && (events >= rounds_of(30000, 1000) || time(NULL) >= enough))
			break;
		line_raise(&self->line);
		do {
			count = read_count(fd);
			reads++;
		} while (count == -EAGAIN);
		ASSERT_LT(0, count);
		line_ack(&self->line);
		sum += count;
		/*
		 * The first read arms. If a later read finds no event, it ran during the event.
		 */
		met += reads > 2;
	}
	TH_LOG("%u of %u events came during a read", met, events);
	EXPECT_LE(100, met);
	EXPECT_EQ(events, sum);
	EXPECT_EQ(events, line_hw_count(&self->line) - before);
}

/* A read into a bad buffer fails with EFAULT, and the event stays. */
TEST_F(intx, bad_buffer_keeps_the_event)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	char *page;

	ASSERT_LE(0, fd);
	page = map_edge();
	ASSERT_NE(NULL, page);

	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	EXPECT_EQ(-1, read(fd, (void *)8, 4));
	EXPECT_EQ(EFAULT, errno);
	/* Half of the count fits. */
	EXPECT_EQ(-1, read(fd, page + PAGE - 2, 4));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, read_count(fd));
	line_ack(&self->line);
	EXPECT_EQ(-EAGAIN, read_count(fd));
}

/* A signal ends a sleeping read. No event is lost. */
TEST_F(intx, signal_interrupts_a_read)
{
	int fd = open(self->line.path, O_RDONLY);
	struct reader reader;

	ASSERT_LE(0, fd);
	ignore_signal(SIGUSR1, 0);
	reader_start(&reader, fd);
	pthread_kill(reader.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, reader_join(&reader));

	line_raise(&self->line);
	EXPECT_EQ(1, read_count(fd));
}

/* With SA_RESTART the read is restarted. */
TEST_F(intx, sa_restart_restarts_a_read)
{
	int fd = open(self->line.path, O_RDONLY);
	struct reader reader;

	ASSERT_LE(0, fd);
	ignore_signal(SIGUSR1, SA_RESTART);
	reader_start(&reader, fd);
	for (int i = 0; i < rounds_of(20, 5); i++) {
		pthread_kill(reader.thread, SIGUSR1);
		wait_asleep(reader.tid);
	}
	line_raise(&self->line);
	EXPECT_EQ(1, reader_join(&reader));
}

/* One of several readers wakes and gets the event. The others sleep on and do not arm. */
TEST_F(intx, one_reader_gets_the_event)
{
	int fd = open(self->line.path, O_RDWR);
	struct reader readers[4];
	const int n = 4;
	bool joined[4] = {};

	ASSERT_LE(0, fd);
	for (int i = 0; i < n; i++)
		reader_start(&readers[i], fd);

	for (int round = 0; round < n; round++) {
		unsigned int before = line_hw_count(&self->line);
		int first = 0;

		line_raise(&self->line);
		while (joined[first] || pthread_tryjoin_np(readers[first].thread, NULL))
			first = (first + 1) % n;
		joined[first] = true;
		EXPECT_EQ(1, readers[first].result);
		/*
		 * If it had been woken for an event that another reader took, it would have
		 * slept twice.
		 */
		EXPECT_GE(1, readers[first].sleeps);

		for (int i = 0; i < n; i++) {
			if (!joined[i])
				wait_asleep(readers[i].tid);
		}
		/* The device still asserts: if the line were armed, it would fire again. */
		EXPECT_EQ(before + 1, line_hw_count(&self->line));
		line_ack(&self->line);
		ASSERT_EQ(0, write_value(fd, 1));
	}
}

/* A sleeping read keeps the line, even if the descriptor is closed. */
TEST_F(intx, sleeping_read_keeps_the_file_open)
{
	int fd = open(self->line.path, O_RDONLY);
	struct reader reader;

	ASSERT_LE(0, fd);
	reader_start(&reader, fd);
	close(fd);
	EXPECT_EQ(-1, open(self->line.path, O_RDONLY));
	EXPECT_EQ(EBUSY, errno);
	line_raise(&self->line);
	EXPECT_EQ(1, reader_join(&reader));
	line_ack(&self->line);
	fd = open(self->line.path, O_RDONLY);
	EXPECT_LE(0, fd);
}

/* The file is a stream: no seek. It is no terminal. */
TEST_F(intx, no_seek_or_terminal)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	int count;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(fd, &count, sizeof(count), 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, ioctl(fd, TCGETS, &count));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_HARNESS_MAIN
