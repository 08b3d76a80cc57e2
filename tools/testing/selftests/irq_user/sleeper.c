// SPDX-License-Identifier: GPL-2.0

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "line.h"
#include "sleeper.h"
#include "uring.h"

static void *sleeper_main(void *arg)
{
	struct sleeper *sleeper = arg;

	__atomic_store_n(&sleeper->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	sleeper->right = sleeper->sleep(sleeper->fd);
	__atomic_store_n(&sleeper->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void sleeper_start(struct sleeper *sleeper, int fd, bool (*sleep)(int fd))
{
	*sleeper = (struct sleeper) { .fd = fd, .sleep = sleep };
	pthread_create(&sleeper->thread, NULL, sleeper_main, sleeper);
	while (!__atomic_load_n(&sleeper->tid, __ATOMIC_ACQUIRE))
		sched_yield();
	pthread_getcpuclockid(sleeper->thread, &sleeper->clock);
	wait_asleep(sleeper->tid);
}

bool sleeper_join(struct sleeper *sleeper)
{
	pthread_join(sleeper->thread, NULL);
	return sleeper->right;
}

bool sleeper_is_done(struct sleeper *sleeper)
{
	return __atomic_load_n(&sleeper->done, __ATOMIC_ACQUIRE);
}

int64_t sleeper_runtime(struct sleeper *sleeper)
{
	struct timespec time;

	if (clock_gettime(sleeper->clock, &time))
		return -1;
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int64_t sleeper_settled_runtime(struct sleeper *sleeper)
{
	int64_t before, now = sleeper_runtime(sleeper);

	do {
		before = now;
		nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000 * 1000 }, NULL);
		now = sleeper_runtime(sleeper);
	} while (now != before);
	return now;
}

bool sleep_for_one(int fd)
{
	return read_count(fd) == 1;
}

static bool sleep_in_read(int fd)
{
	return read_count(fd) == -EIO;
}

static bool sleep_in_poll(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, -1) == 1 && pollfd.revents == (POLLIN | POLLHUP | POLLERR);
}

static bool sleep_in_select(int fd)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(fd, &set);
}

static bool sleep_in_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epfd = epoll_create1(0);
	bool right;

	right = !epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) &&
		epoll_wait(epfd, &event, 1, -1) == 1 &&
		event.events == (EPOLLIN | EPOLLHUP | EPOLLERR);
	close(epfd);
	return right;
}

static bool sleep_in_uring_read(int fd)
{
	struct ring ring;
	int count;

	return !ring_setup(&ring) &&
	       !ring_submit(&ring, IORING_OP_READ, fd, &count, sizeof(count)) &&
	       ring_wait(&ring) == -EIO;
}

static bool sleep_in_uring_poll(int fd)
{
	struct ring ring;

	return !ring_setup(&ring) && !ring_submit_poll(&ring, fd, POLLIN, true) &&
	       ring_wait(&ring) & POLLHUP;
}

bool sleep_on_cpu_1_until_closed(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	pin_to(1);
	if (poll(&pollfd, 1, -1) != 1)
		return false;
	/* If that takes long, the scheduler lets this thread run for a moment before. */
	return pollfd.revents == POLLNVAL || pollfd.revents == (POLLIN | POLLHUP | POLLERR);
}

bool (*const sleeps_until_gone[SLEEPS])(int fd) = {
	sleep_in_read, sleep_in_read, sleep_in_poll, sleep_in_select, sleep_in_epoll,
	sleep_in_uring_read, sleep_in_uring_poll,
};

bool says_gone(int fd)
{
	return read_count(fd) == -EIO && write_value(fd, 0) == -EIO &&
	       write_value(fd, 1) == -EIO && sleep_in_poll(fd);
}

void *call_until_gone(void *fd)
{
	struct pollfd pollfd = { .fd = *(int *)fd, .events = POLLIN };

	while (read_count(pollfd.fd) != -EIO) {
		poll(&pollfd, 1, 0);
		write_value(pollfd.fd, 0);
		write_value(pollfd.fd, 1);
	}
	return NULL;
}

void *open_until_gone(void *path)
{
	while (try_open(path, O_RDWR | O_NONBLOCK) != -ENOENT)
		;
	return NULL;
}
