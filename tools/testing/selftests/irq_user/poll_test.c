// SPDX-License-Identifier: GPL-2.0
/*
 * What poll, select and epoll promise of /proc/irq/<N>/irq.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "file.h"
#include "line_fixture.h"

/* Without an event, poll says nothing; with one, that a read would not wait. */
TEST_F(intx, says_whether_there_is_an_event)
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

/* Polling arms: poll and read are enough for ever. */
TEST_F(intx, poll_arms)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);

	ASSERT_LE(0, fd);
	for (int i = 0; i < 1000; i++) {
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
}

/* Polling with an event pending leaves the line masked. */
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

/* The device raises its interrupt when a poller sleeps. */
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
	for (int i = 0; i < 100; i++) {
		raise_when_asleep(&raiser, &self->line);
		ASSERT_TRUE(wait_event(fd));
		pthread_join(raiser.thread, NULL);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
}

/* Returns the process of a name, or 0. */
static pid_t find_process(const char *name)
{
	struct dirent *entry;
	pid_t found = 0;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && !found && (entry = readdir(dir))) {
		char path[64], comm[32];

		snprintf(path, sizeof(path), "/proc/%.16s/comm", entry->d_name);
		if (read_file(path, comm, sizeof(comm)) && !strcmp(comm, name))
			found = atoi(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool handlers_are_forced_into_threads(void)
{
	char arguments[4096] = "";
	struct utsname system;

	read_file("/proc/cmdline", arguments, sizeof(arguments));
	return strstr(arguments, "threadirqs") ||
	       (!uname(&system) && strstr(system.version, "PREEMPT_RT"));
}

/* The thread that wakes pollers has priority 50, and is there where it is needed. */
TEST_F(intx, waking_thread_has_its_priority)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	pid_t thread = find_process("irq_user");
	struct sched_param param;

	ASSERT_LE(0, fd);
	ASSERT_EQ(handlers_are_forced_into_threads(), thread != 0);
	if (!thread)
		return;
	EXPECT_EQ(SCHED_FIFO, sched_getscheduler(thread));
	ASSERT_EQ(0, sched_getparam(thread, &param));
	EXPECT_EQ(50, param.sched_priority);
}

/* The loop of the programs of 2005: select, then a read of four bytes. */
TEST_F(intx, select_and_read)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	struct raiser raiser;
	fd_set set;

	ASSERT_LE(0, fd);
	for (int i = 0; i < 100; i++) {
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

static int epoll_add(int fd, unsigned int events)
{
	struct epoll_event event = { .events = events };
	int epfd = epoll_create1(0);

	if (epfd >= 0 && epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event))
		return -1;
	return epfd;
}

/* Level-triggered epoll arms by itself, as it asks again after each event. */
TEST_F(intx, epoll_level_triggered)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	int epfd = epoll_add(fd, EPOLLIN);
	struct epoll_event event;
	struct raiser raiser;

	ASSERT_LE(0, epfd);
	EXPECT_EQ(0, epoll_wait(epfd, &event, 1, 0));
	for (int i = 0; i < 100; i++) {
		raise_when_asleep(&raiser, &self->line);
		ASSERT_EQ(1, epoll_wait(epfd, &event, 1, -1));
		EXPECT_EQ(EPOLLIN, event.events);
		pthread_join(raiser.thread, NULL);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
}

/* Edge-triggered epoll is served if its user reads until EAGAIN, which arms. */
TEST_F(intx, epoll_edge_triggered)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	int epfd = epoll_add(fd, EPOLLIN | EPOLLET);
	struct epoll_event event;
	struct raiser raiser;

	ASSERT_LE(0, epfd);
	for (int i = 0; i < 100; i++) {
		raise_when_asleep(&raiser, &self->line);
		ASSERT_EQ(1, epoll_wait(epfd, &event, 1, -1));
		pthread_join(raiser.thread, NULL);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
		ASSERT_EQ(-EAGAIN, read_count(fd));
	}
}

TEST_HARNESS_MAIN
