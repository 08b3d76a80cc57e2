// SPDX-License-Identifier: GPL-2.0
/*
 * What is promised when the line goes away under its owner. To disable the
 * device disposes of its line's mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "line_fixture.h"

/* The line goes away when somebody sleeps. */
struct remover {
	pthread_t thread;
	struct line *line;
	pid_t sleeper;
};

static void *remover_main(void *arg)
{
	struct remover *remover = arg;

	wait_asleep(remover->sleeper);
	line_enable(remover->line, false);
	return NULL;
}

static void remove_when_asleep(struct remover *remover, struct line *line)
{
	remover->line = line;
	remover->sleeper = syscall(SYS_gettid);
	pthread_create(&remover->thread, NULL, remover_main, remover);
}

/* All calls on a file whose line is gone say so. */
static void check_gone(struct __test_metadata *_metadata, int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	EXPECT_EQ(-EIO, read_count(fd));
	EXPECT_EQ(-EIO, write_value(fd, 0));
	EXPECT_EQ(-EIO, write_value(fd, 1));
	EXPECT_EQ(1, poll(&pollfd, 1, -1));
	EXPECT_EQ(POLLIN | POLLHUP | POLLERR, pollfd.revents);
}

/* The line comes back for others, although the old file is still open. */
static void check_line_returns(struct __test_metadata *_metadata, struct line *line)
{
	int fd;

	line_enable(line, true);
	fd = open(line->path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	line_raise(line);
	ASSERT_TRUE(wait_event(fd));
	EXPECT_EQ(1, read_count(fd));
	line_ack(line);
	close(fd);
}

TEST_F(intx, idle_file)
{
	int fd = open(self->line.path, O_RDWR);

	ASSERT_LE(0, fd);
	line_enable(&self->line, false);
	EXPECT_EQ(-1, access(self->line.path, F_OK));
	check_gone(_metadata, fd);
	check_line_returns(_metadata, &self->line);
	check_gone(_metadata, fd);
	EXPECT_EQ(0, close(fd));
}

TEST_F(intx, pending_event)
{
	int fd = open(self->line.path, O_RDWR);

	ASSERT_LE(0, fd);
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	line_ack(&self->line);
	line_enable(&self->line, false);
	check_gone(_metadata, fd);
	check_line_returns(_metadata, &self->line);
}

/* A sleeping reader wakes at once, and removal does not wait for it. */
TEST_F(intx, sleeping_reader)
{
	int fd = open(self->line.path, O_RDWR);
	struct remover remover;

	ASSERT_LE(0, fd);
	remove_when_asleep(&remover, &self->line);
	EXPECT_EQ(-EIO, read_count(fd));
	pthread_join(remover.thread, NULL);
	check_gone(_metadata, fd);
	check_line_returns(_metadata, &self->line);
}

TEST_F(intx, sleeping_poller)
{
	struct pollfd pollfd = { .events = POLLIN };
	struct remover remover;

	pollfd.fd = open(self->line.path, O_RDWR);
	ASSERT_LE(0, pollfd.fd);
	remove_when_asleep(&remover, &self->line);
	EXPECT_EQ(1, poll(&pollfd, 1, -1));
	EXPECT_EQ(POLLIN | POLLHUP | POLLERR, pollfd.revents);
	pthread_join(remover.thread, NULL);
	check_gone(_metadata, pollfd.fd);
	check_line_returns(_metadata, &self->line);
}

TEST_F(intx, epoll)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = open(self->line.path, O_RDWR);
	int epfd = epoll_create1(0);
	struct remover remover;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event));
	remove_when_asleep(&remover, &self->line);
	EXPECT_EQ(1, epoll_wait(epfd, &event, 1, -1));
	EXPECT_EQ(EPOLLIN | EPOLLHUP | EPOLLERR, event.events);
	pthread_join(remover.thread, NULL);
	close(fd);
	EXPECT_EQ(0, epoll_wait(epfd, &event, 1, 0));
	check_line_returns(_metadata, &self->line);
}

/*
 * The line goes away and comes back again and again, open or not. Each time
 * waits for grace periods, which take long in a kernel with debugging aids.
 */
TEST_F_TIMEOUT(intx, repeated, 240)
{
	for (int i = 0; i < 50; i++) {
		int fd = open(self->line.path, O_RDWR);

		ASSERT_LE(0, fd);
		line_enable(&self->line, false);
		if (i & 1)
			ASSERT_EQ(-EIO, read_count(fd));
		close(fd);
		line_enable(&self->line, true);
	}
}

TEST_HARNESS_MAIN
