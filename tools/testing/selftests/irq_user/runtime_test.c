// SPDX-License-Identifier: GPL-2.0
/*
 * Tests the usual kinds of event loops: each gets all events, with one interrupt for each
 * event.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "line.h"
#include "rounds.h"
#include "uring.h"

/* A thread that raises the device's next interrupt when the program has served the last one. */
struct device {
	struct line *line;
	pthread_t thread;
	unsigned int before;		/* interrupts */
	unsigned int events;		/* to be raised */
	unsigned int raised, served;	/* events */
	pthread_t program;
	pid_t tid;			/* of the program */
	bool with_signals;
	unsigned int signals;		/* handled by the program */
};

static struct device *signalled;

/* The thread acts as a device, so it does not sleep. */
static void wait_until(unsigned int *word, unsigned int value)
{
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) < value)
		sched_yield();
}

static void advance(unsigned int *word, unsigned int by)
{
	__atomic_add_fetch(word, by, __ATOMIC_SEQ_CST);
}

static void *device_main(void *arg)
{
	struct device *device = arg;

	for (unsigned int i = 0; i < device->events; i++) {
		wait_until(&device->served, i);
		if (device->with_signals) {
			pthread_kill(device->program, SIGUSR1);
			/* The program unblocks the signal only while it waits. */
			wait_until(&device->signals, i + 1);
		} else if (i % 8 == 0) {
			/* A false event would end this sleep. */
			wait_asleep(device->tid);
		}
		advance(&device->raised, 1);
		line_raise(device->line);
	}
	return NULL;
}

static void device_start(struct device *device, struct line *line)
{
	device->line = line;
	device->events = events_to_have(10000, 200);
	device->before = line_hw_count(line);
	device->program = pthread_self();
	device->tid = syscall(SYS_gettid);
	pthread_create(&device->thread, NULL, device_main, device);
}

/* Serves the count of a read. Returns the count, or -EPROTO if fewer events were raised. */
static int serve(struct device *device, int count)
{
	if (count > 0) {
		if (device->served + count > __atomic_load_n(&device->raised, __ATOMIC_SEQ_CST))
			return -EPROTO;
		line_ack(device->line);
		advance(&device->served, count);
	}
	return count;
}

static void device_finish(struct __test_metadata *_metadata, struct device *device, int fd)
{
	pthread_join(device->thread, NULL);
	EXPECT_EQ(device->events, device->served);
	EXPECT_EQ(device->events, line_hw_count(device->line) - device->before);
	/* No event is left. */
	EXPECT_EQ(0, poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0));
}

FIXTURE(loop)
{
	struct line line;
	struct device device;
	int fd;
};

FIXTURE_SETUP(loop)
{
	const char *why = line_setup(&self->line);

	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(loop)
{
	close(self->fd);
	line_leave(&self->line);
}

/* Level-triggered epoll, with one read for each event. */
TEST_F_TIMEOUT(loop, epoll_level_triggered, 300)
{
	int epfd = epoll_on(self->fd, EPOLLIN);
	struct epoll_event event;

	ASSERT_LE(0, epfd);
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		ASSERT_EQ(1, epoll_wait(epfd, &event, 1, -1));
		ASSERT_EQ(1, serve(&self->device, read_count(self->fd)));
	}
	device_finish(_metadata, &self->device, self->fd);
}

/* Edge-triggered epoll, with reads until EAGAIN, as in async runtimes. */
TEST_F_TIMEOUT(loop, epoll_edge_triggered, 300)
{
	int epfd = epoll_on(self->fd, EPOLLIN | EPOLLET);
	struct epoll_event event;

	ASSERT_LE(0, epfd);
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		int count;

		ASSERT_EQ(1, epoll_wait(epfd, &event, 1, -1));
		do {
			count = serve(&self->device, read_count(self->fd));
		} while (count > 0);
		ASSERT_EQ(-EAGAIN, count);
	}
	device_finish(_metadata, &self->device, self->fd);
}

/* One select of several files, one of which is the line. */
TEST_F_TIMEOUT(loop, select, 300)
{
	int other[2];

	ASSERT_EQ(0, pipe(other));
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		int last = self->fd > other[0] ? self->fd : other[0];
		fd_set set;

		FD_ZERO(&set);
		FD_SET(self->fd, &set);
		FD_SET(other[0], &set);
		ASSERT_EQ(1, select(last + 1, &set, NULL, NULL, NULL));
		ASSERT_TRUE(FD_ISSET(self->fd, &set));
		ASSERT_EQ(1, serve(&self->device, read_count(self->fd)));
	}
	device_finish(_metadata, &self->device, self->fd);
}

/* One ppoll of several files, with a time limit that is not reached here. */
TEST_F_TIMEOUT(loop, ppoll, 300)
{
	const struct timespec limit = { .tv_sec = 1000 };
	struct pollfd pollfds[2] = {
		{ .fd = self->fd, .events = POLLIN },
		{ .events = POLLIN },
	};
	int other[2];

	ASSERT_EQ(0, pipe(other));
	pollfds[1].fd = other[0];
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		ASSERT_EQ(1, ppoll(pollfds, 2, &limit, NULL));
		ASSERT_EQ(POLLIN, pollfds[0].revents);
		ASSERT_EQ(1, serve(&self->device, read_count(self->fd)));
	}
	device_finish(_metadata, &self->device, self->fd);
}

static void count_signal(int signal)
{
	(void)signal;
	advance(&signalled->signals, 1);
}

/* From here on SIGUSR1 is delivered only where a mask unblocks it. */
static void block_signal(struct device *device, sigset_t *inside)
{
	struct sigaction action = { .sa_handler = count_signal };
	sigset_t set;

	signalled = device;
	device->with_signals = true;
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, inside);
	sigdelset(inside, SIGUSR1);
}

/* A signal interrupts ppoll before each event. No event is lost. */
TEST_F_TIMEOUT(loop, ppoll_with_signals, 300)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN };
	unsigned int interrupted = 0;
	sigset_t inside;

	block_signal(&self->device, &inside);
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		if (ppoll(&pollfd, 1, NULL, &inside) < 0) {
			ASSERT_EQ(EINTR, errno);
			interrupted++;
			continue;
		}
		ASSERT_EQ(1, serve(&self->device, read_count(self->fd)));
	}
	EXPECT_EQ(self->device.events, interrupted);
	device_finish(_metadata, &self->device, self->fd);
}

/* A signal interrupts pselect before each event. No event is lost. */
TEST_F_TIMEOUT(loop, pselect_with_signals, 300)
{
	unsigned int interrupted = 0;
	sigset_t inside;

	block_signal(&self->device, &inside);
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		fd_set set;

		FD_ZERO(&set);
		FD_SET(self->fd, &set);
		if (pselect(self->fd + 1, &set, NULL, NULL, NULL, &inside) < 0) {
			ASSERT_EQ(EINTR, errno);
			interrupted++;
			continue;
		}
		ASSERT_EQ(1, serve(&self->device, read_count(self->fd)));
	}
	EXPECT_EQ(self->device.events, interrupted);
	device_finish(_metadata, &self->device, self->fd);
}

/* A signal interrupts a blocking read before each event. No event is lost. */
TEST_F_TIMEOUT(loop, blocking_read_with_signals, 300)
{
	unsigned int interrupted = 0;
	sigset_t inside;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	block_signal(&self->device, &inside);
	pthread_sigmask(SIG_SETMASK, &inside, NULL);
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		int count = serve(&self->device, read_count(self->fd));

		/* A signal that comes between two reads interrupts neither of them. */
		if (count == -EINTR)
			interrupted++;
		else
			ASSERT_EQ(1, count);
	}
	EXPECT_LT(0, interrupted);
	EXPECT_EQ(self->device.events, self->device.signals);
	device_finish(_metadata, &self->device, self->fd);
}

/* One read of io_uring after the other, each of which waits for the event. */
TEST_F_TIMEOUT(loop, uring_read, 300)
{
	struct ring ring;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, ring_setup(&ring));
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		int count = 0;

		ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, self->fd, &count, sizeof(count)));
		ASSERT_EQ(sizeof(count), ring_wait(&ring));
		ASSERT_EQ(1, serve(&self->device, count));
	}
	device_finish(_metadata, &self->device, self->fd);
}

/* A poll of io_uring for each event, and then a read. */
TEST_F_TIMEOUT(loop, uring_poll, 300)
{
	struct ring ring;

	ASSERT_EQ(0, ring_setup(&ring));
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		ASSERT_EQ(0, ring_submit_poll(&ring, self->fd, POLLIN, false));
		ASSERT_EQ(POLLIN, ring_wait(&ring));
		ASSERT_EQ(1, serve(&self->device, read_count(self->fd)));
	}
	device_finish(_metadata, &self->device, self->fd);
}

/* One multishot poll of io_uring for all events, with reads until EAGAIN. */
TEST_F_TIMEOUT(loop, uring_multishot_poll, 300)
{
	struct ring ring;

	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit_poll(&ring, self->fd, POLLIN, true));
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		int count;

		ASSERT_EQ(POLLIN, ring_wait(&ring));
		do {
			count = serve(&self->device, read_count(self->fd));
		} while (count > 0);
		ASSERT_EQ(-EAGAIN, count);
	}
	device_finish(_metadata, &self->device, self->fd);
}

/*
 * The loop that board vendors document: the program quiets the device before the read, which
 * returns how often it fired, and select arms.
 */
TEST_F_TIMEOUT(loop, vendor_loop, 300)
{
	device_start(&self->device, &self->line);
	while (self->device.served < self->device.events) {
		fd_set set;
		int count;

		FD_ZERO(&set);
		FD_SET(self->fd, &set);
		ASSERT_EQ(1, select(self->fd + 1, &set, NULL, NULL, NULL));
		line_ack(&self->line);
		ASSERT_EQ(4, read(self->fd, &count, 4));
		ASSERT_EQ(1, serve(&self->device, count));
	}
	device_finish(_metadata, &self->device, self->fd);
}

TEST_HARNESS_MAIN
