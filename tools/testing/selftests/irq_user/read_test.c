// SPDX-License-Identifier: GPL-2.0
/*
 * What reading /proc/irq/<N>/irq promises: the count, the wait, and the errors.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "line_fixture.h"

/* A read in a thread of its own. */
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

/* A buffer that is too small for the count is refused. */
TEST_F(intx, small_buffer_is_invalid)
{
	int fd = open(self->line.path, O_RDWR);
	char buffer[4];

	ASSERT_LE(0, fd);
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	for (int size = 0; size < 4; size++) {
		EXPECT_EQ(-1, read(fd, buffer, size));
		EXPECT_EQ(EINVAL, errno);
	}
	/* And nothing is lost. */
	EXPECT_EQ(1, read_count(fd));
}

/* A larger buffer gets the four bytes of the count, and is otherwise left alone. */
TEST_F(intx, large_buffer_gets_four_bytes)
{
	int fd = open(self->line.path, O_RDWR);
	char buffer[4096], rest[4096];
	int count;

	ASSERT_LE(0, fd);
	memset(buffer, 0x5a, sizeof(buffer));
	memset(rest, 0x5a, sizeof(rest));
	line_raise(&self->line);
	ASSERT_EQ(4, read(fd, buffer, sizeof(buffer)));
	memcpy(&count, buffer, sizeof(count));
	EXPECT_EQ(1, count);
	EXPECT_EQ(0, memcmp(buffer + 4, rest + 4, sizeof(rest) - 4));
}

/* Without an event, a non-blocking read says so, and arms. */
TEST_F(intx, nonblocking_without_event)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);

	ASSERT_LE(0, fd);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EAGAIN, read_count(fd));
		line_raise(&self->line);
		/* The read arms: poll does not have to, nor does it change a thing. */
		ASSERT_TRUE(wait_event(fd));
		EXPECT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
	EXPECT_EQ(-EAGAIN, read_count(fd));
}

/* A read that finds an event returns it and leaves the line masked. */
TEST_F(intx, taking_an_event_does_not_arm)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	unsigned int before = line_hw_count(&self->line);

	ASSERT_LE(0, fd);
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	EXPECT_EQ(1, read_count(fd));
	/* The device still asserts: were the line armed it would fire again. */
	EXPECT_EQ(before + 1, line_hw_count(&self->line));
	line_ack(&self->line);
	EXPECT_EQ(-EAGAIN, read_count(fd));
	EXPECT_EQ(before + 1, line_hw_count(&self->line));
}

/* A blocking read sleeps until the line fires. */
TEST_F(intx, blocking_waits_for_the_event)
{
	int fd = open(self->line.path, O_RDONLY);
	struct reader reader;

	ASSERT_LE(0, fd);
	for (int i = 0; i < 100; i++) {
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
	/* Nothing but open can have armed it. */
	while (line_hw_count(&self->line) == before)
		;
	EXPECT_EQ(1, read_count(fd));
}

/* Each event is one hardware interrupt, one count and one read. */
TEST_F(intx, one_event_one_interrupt)
{
	const unsigned int events = 1000;
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
 * An event that comes while another thread asks for it is counted once: who
 * looks between the line's being masked and the event's being counted must not
 * arm the line, since the device still asserts.
 */
TEST_F_TIMEOUT(intx, event_meets_reader, 300)
{
	/* Some controllers take to the next tick to unmask, and 30,000 take minutes. */
	const time_t enough = time(NULL) + 20;
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	unsigned int before = line_hw_count(&self->line), sum = 0, met = 0, events;

	ASSERT_LE(0, fd);
	line_move_away(&self->line);
	for (events = 0; events < 30000 && (time(NULL) < enough || met < 100); events++) {
		int count, reads = 0;

		line_raise(&self->line);
		do {
			count = read_count(fd);
			reads++;
		} while (count == -EAGAIN);
		ASSERT_LT(0, count);
		line_ack(&self->line);
		sum += count;
		/* The first read arms. If another one finds no event, it met the event. */
		met += reads > 2;
	}
	TH_LOG("%u of %u events met a read", met, events);
	EXPECT_LE(100, met);
	EXPECT_EQ(events, sum);
	EXPECT_EQ(events, line_hw_count(&self->line) - before);
}

/* An unreadable buffer fails, and the event stays. */
TEST_F(intx, bad_address_loses_nothing)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	char *page;

	ASSERT_LE(0, fd);
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));

	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	EXPECT_EQ(-1, read(fd, (void *)8, 4));
	EXPECT_EQ(EFAULT, errno);
	/* Half of the count fits. */
	EXPECT_EQ(-1, read(fd, page + 4094, 4));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, read_count(fd));
	line_ack(&self->line);
	EXPECT_EQ(-EAGAIN, read_count(fd));
}

static void ignore(int signal)
{
	(void)signal;
}

static void handle_signal(int flags)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = flags };

	sigaction(SIGUSR1, &action, NULL);
}

/* A signal ends a sleeping read, which loses nothing. */
TEST_F(intx, signal_interrupts)
{
	int fd = open(self->line.path, O_RDONLY);
	struct reader reader;

	ASSERT_LE(0, fd);
	handle_signal(0);
	reader_start(&reader, fd);
	pthread_kill(reader.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, reader_join(&reader));

	line_raise(&self->line);
	EXPECT_EQ(1, read_count(fd));
}

/* With SA_RESTART the read goes on. */
TEST_F(intx, signal_restarts)
{
	int fd = open(self->line.path, O_RDONLY);
	struct reader reader;

	ASSERT_LE(0, fd);
	handle_signal(SA_RESTART);
	reader_start(&reader, fd);
	for (int i = 0; i < 20; i++) {
		pthread_kill(reader.thread, SIGUSR1);
		wait_asleep(reader.tid);
	}
	line_raise(&self->line);
	EXPECT_EQ(1, reader_join(&reader));
}

/* Of several readers one wakes, and gets the event; the others sleep on and do not arm. */
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
		/* Had it been woken for another one's event, it would have slept again. */
		EXPECT_GE(1, readers[first].sleeps);

		for (int i = 0; i < n; i++) {
			if (!joined[i])
				wait_asleep(readers[i].tid);
		}
		/* The device still asserts: were the line armed it would fire again. */
		EXPECT_EQ(before + 1, line_hw_count(&self->line));
		line_ack(&self->line);
		ASSERT_EQ(0, write_value(fd, 1));
	}
}

/* A reader that sleeps keeps the line, although the descriptor is closed. */
TEST_F(intx, sleeping_read_keeps_the_line)
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

/* The file is a stream: it has no position, no memory and no commands. */
TEST_F(intx, not_seekable_nor_mappable)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	int count;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(fd, &count, sizeof(count), 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, ioctl(fd, TCGETS, &count));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_HARNESS_MAIN
