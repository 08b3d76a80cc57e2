// SPDX-License-Identifier: GPL-2.0
/* Tests poll, select and epoll on /proc/irq/<N>/irq. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fake.h"
#include "hog.h"
#include "line_fixture.h"
#include "rounds.h"
#include "waker.h"

/*
 * Without an event, poll reports nothing. With an event, it reports that a read would not
 * sleep.
 */
TEST_F(intx, reports_a_pending_event)
{
	struct pollfd pollfd = { .events = POLLIN | POLLRDNORM | POLLOUT | POLLPRI };

	pollfd.fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, pollfd.fd);
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	line_raise(&self->line);
	ASSERT_EQ(1, poll(&pollfd, 1, -1));
	EXPECT_EQ(POLLIN | POLLRDNORM, pollfd.revents);
	/* It stays so until the event is taken. */
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
	EXPECT_EQ(1, read_count(pollfd.fd));
	line_ack(&self->line);
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
}

/* poll arms: a loop of poll and read needs no other call. */
TEST_F(intx, poll_arms)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);

	ASSERT_LE(0, fd);
	for (int i = 0; i < rounds_of(1000, 200); i++) {
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
}

/* With an event pending, poll leaves the line masked. */
TEST_F(intx, poll_with_event_does_not_arm)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	unsigned int before = line_hw_count(&self->line);

	ASSERT_LE(0, fd);
	line_raise(&self->line);
	for (int i = 0; i < 100; i++)
		ASSERT_TRUE(wait_event(fd));
	EXPECT_EQ(before + 1, line_hw_count(&self->line));
	EXPECT_EQ(1, read_count(fd));
}

/* A thread that raises the device's interrupt when a poller sleeps. */
struct raiser {
	pthread_t thread;
	struct line *line;
	pid_t poller;
};

static void *raiser_main(void *arg)
{
	struct raiser *raiser = arg;

	wait_asleep(raiser->poller);
	line_raise(raiser->line);
	return NULL;
}

static void raise_when_asleep(struct raiser *raiser, struct line *line)
{
	raiser->line = line;
	raiser->poller = syscall(SYS_gettid);
	pthread_create(&raiser->thread, NULL, raiser_main, raiser);
}

/* A sleeping poller wakes. */
TEST_F(intx, poll_sleeps_until_the_event)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	struct raiser raiser;

	ASSERT_LE(0, fd);
	for (int i = 0; i < rounds_of(100, 20); i++) {
		raise_when_asleep(&raiser, &self->line);
		ASSERT_TRUE(wait_event(fd));
		pthread_join(raiser.thread, NULL);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
}

/*
 * The thread that wakes pollers has priority 50, and exists only where handlers are forced into
 * threads.
 */
TEST_F(intx, waking_thread_has_its_priority)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	pid_t waker = waker_find(self->line.irq);
	struct sched_param param;

	ASSERT_LE(0, fd);
	ASSERT_EQ(handlers_are_forced_into_threads(), waker != 0);
	if (!waker)
		return;
	EXPECT_EQ(SCHED_FIFO, sched_getscheduler(waker));
	ASSERT_EQ(0, sched_getparam(waker, &param));
	EXPECT_EQ(50, param.sched_priority);
}

/* The thread exists while the file is open. An open that fails leaves no thread. */
TEST_F_TIMEOUT(intx, waking_thread_ends_with_the_file, 240)
{
	struct fake refusing;
	const char *why = fake_make(&refusing, "refusing");

	if (why)
		SKIP(return, "%s", why);
	for (int i = 0; i < rounds_of(5, 2); i++) {
		int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
		pid_t waker = waker_find(self->line.irq);

		ASSERT_LE(0, fd);
		EXPECT_EQ(-EBUSY, try_open(self->line.path, O_RDONLY));
		EXPECT_EQ(waker, waker_find(self->line.irq));
		close(fd);
		while (waker_find(self->line.irq))
			sched_yield();

		/* The line's chip refuses the request after the thread was started. */
		EXPECT_EQ(-EOPNOTSUPP, try_open(refusing.path, O_RDONLY));
		while (waker_find(refusing.irq))
			sched_yield();
	}
	fake_dispose(&refusing);
}

/* The loop of older programs: select, then a read of four bytes. */
TEST_F(intx, select_and_read)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	struct raiser raiser;
	fd_set set;

	ASSERT_LE(0, fd);
	for (int i = 0; i < rounds_of(100, 20); i++) {
		raise_when_asleep(&raiser, &self->line);
		FD_ZERO(&set);
		FD_SET(fd, &set);
		ASSERT_EQ(1, select(fd + 1, &set, NULL, NULL, NULL));
		ASSERT_TRUE(FD_ISSET(fd, &set));
		pthread_join(raiser.thread, NULL);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
}

/* Level-triggered epoll arms, because it polls the file again after each event. */
TEST_F(intx, epoll_level_triggered)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	int epfd = epoll_on(fd, EPOLLIN);
	struct epoll_event event;
	struct raiser raiser;

	ASSERT_LE(0, epfd);
	EXPECT_EQ(0, epoll_wait(epfd, &event, 1, 0));
	for (int i = 0; i < rounds_of(100, 20); i++) {
		raise_when_asleep(&raiser, &self->line);
		ASSERT_EQ(1, epoll_wait(epfd, &event, 1, -1));
		EXPECT_EQ(EPOLLIN, event.events);
		pthread_join(raiser.thread, NULL);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
}

/* Edge-triggered epoll works if the program reads until EAGAIN, which arms. */
TEST_F(intx, epoll_edge_triggered)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	int epfd = epoll_on(fd, EPOLLIN | EPOLLET);
	struct epoll_event event;
	struct raiser raiser;

	ASSERT_LE(0, epfd);
	for (int i = 0; i < rounds_of(100, 20); i++) {
		raise_when_asleep(&raiser, &self->line);
		ASSERT_EQ(1, epoll_wait(epfd, &event, 1, -1));
		pthread_join(raiser.thread, NULL);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
		ASSERT_EQ(-EAGAIN, read_count(fd));
	}
}

/*
 * A line with an event, and a poller that the line's waking thread must wake. That thread is
 * kept off its CPU.
 */
FIXTURE(waker)
{
	struct fake fake;
	int fd, epfd;
	pid_t waker;			/* the waking thread, or 0 */
	struct hog hog;
	struct line other;
	int other_fd;
};

/*
 * What needs a grace period of RCU is done before the hog starts, which may delay grace
 * periods.
 */
FIXTURE_SETUP(waker)
{
	struct pollfd pollfd = { .events = POLLIN };
	const char *why;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	why = line_setup(&self->other);
	if (!why)
		why = fake_make(&self->fake, "edge");
	if (why)
		SKIP(return, "%s", why);
	pin_to(0);
	self->other_fd = open(self->other.path, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, self->other_fd);
	self->fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	self->epfd = epoll_on(self->fd, EPOLLIN);
	ASSERT_LE(0, self->epfd);
	self->waker = waker_find(self->fake.irq);
	ASSERT_EQ(handlers_are_forced_into_threads(), self->waker != 0);
	if (self->waker) {
		/* Until the thread first sleeps, the kernel chooses its CPUs. */
		wait_asleep(self->waker);
		ASSERT_TRUE(move_to_cpu(self->waker, 1));
	}
	hog_start(&self->hog);
	ASSERT_EQ(0, fake_do(&self->fake, "fire"));
	pollfd.fd = self->fd;
	while (!poll(&pollfd, 1, 0))
		;
}

FIXTURE_TEARDOWN(waker)
{
	hog_stop(&self->hog);
	if (self->fd >= 0)
		close(self->fd);
	if (self->waker)
		waker_wait_ended(self->waker);
	close(self->epfd);
	close(self->other_fd);
	fake_dispose(&self->fake);
	line_teardown(&self->other);
}

/* The pollers of another line do not wait for that thread. */
TEST_F(waker, pollers_of_another_line_wake)
{
	struct epoll_event event;
	struct raiser raiser;

	for (int i = 0; i < rounds_of(100, 20); i++) {
		raise_when_asleep(&raiser, &self->other);
		ASSERT_TRUE(wait_event(self->other_fd));
		pthread_join(raiser.thread, NULL);
		ASSERT_EQ(1, read_count(self->other_fd));
		line_ack(&self->other);
	}
	/* That thread has not run in that time. */
	EXPECT_EQ(self->waker ? 0 : 1, epoll_wait(self->epfd, &event, 1, 0));
	/* It wakes its own poller when another CPU is free for it. */
	if (self->waker)
		ASSERT_TRUE(move_to_cpu(self->waker, 0));
	EXPECT_EQ(1, epoll_wait(self->epfd, &event, 1, -1));
}

/* The last close does not wait for that thread. The thread ends when it can run. */
TEST_F(waker, close_does_not_wait_for_the_waking_thread)
{
	EXPECT_EQ(0, close(self->fd));
	self->fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(-EAGAIN, read_count(self->fd));
	if (self->waker)
		EXPECT_FALSE(waker_has_ended(self->waker));
}

/* Removal, and a close after it, do not wait for that thread. */
TEST_F(waker, removal_does_not_wait_for_the_waking_thread)
{
	struct epoll_event event;

	EXPECT_EQ(0, fake_do(&self->fake, "dispose"));
	self->fake.irq = 0;
	/* Removal wakes pollers itself. */
	EXPECT_EQ(1, epoll_wait(self->epfd, &event, 1, 0));
	EXPECT_EQ(EPOLLIN | EPOLLHUP | EPOLLERR, event.events);
	EXPECT_EQ(-EIO, read_count(self->fd));
	EXPECT_EQ(0, close(self->fd));
	self->fd = -1;
	if (self->waker)
		EXPECT_FALSE(waker_has_ended(self->waker));
}

TEST_HARNESS_MAIN
