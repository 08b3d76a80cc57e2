// SPDX-License-Identifier: GPL-2.0

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "file.h"

int try_open(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int try_map(int fd, size_t size, int prot, int flags, off_t offset)
{
	void *map = mmap(NULL, size, prot, flags, fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, size);
	return 0;
}

int read_count(int fd)
{
	int count;
	ssize_t len = read(fd, &count, sizeof(count));

	if (len < 0)
		return -errno;
	return len == sizeof(count) ? count : -EPROTO;
}

int read_nowait(int fd)
{
	int count;
	struct iovec iov = { .iov_base = &count, .iov_len = sizeof(count) };
	ssize_t len = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);

	if (len < 0)
		return -errno;
	return len == sizeof(count) ? count : -EPROTO;
}

int write_value(int fd, int value)
{
	ssize_t len = write(fd, &value, sizeof(value));

	if (len < 0)
		return -errno;
	return len == sizeof(value) ? 0 : -EPROTO;
}

bool wait_event(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, -1) == 1 && (pollfd.revents & POLLIN);
}

bool wait_event_for(int fd, int milliseconds)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, milliseconds) == 1;
}

int epoll_on(int fd, unsigned int events)
{
	struct epoll_event event = { .events = events };
	int epfd = epoll_create1(0);

	return epfd >= 0 && !epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) ? epfd : -1;
}

void wait_asleep(pid_t tid)
{
	char path[64], text[256], *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	while (read_file(path, text, sizeof(text))) {
		/* The state follows the name, which may contain any character. */
		state = strrchr(text, ')');
		if (state && state[2] == 'S')
			return;
		sched_yield();
	}
}

bool move_to_cpu(pid_t tid, int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return !sched_setaffinity(tid, sizeof(cpus), &cpus);
}

bool pin_to(int cpu)
{
	return move_to_cpu(0, cpu);
}

static void do_nothing(int signal)
{
	(void)signal;
}

void ignore_signal(int signal, int flags)
{
	struct sigaction action = { .sa_handler = do_nothing, .sa_flags = flags };

	sigaction(signal, &action, NULL);
}

bool become_nobody(gid_t group)
{
	return !setgroups(1, &group) && !setresgid(group, group, group) &&
	       !setresuid(NOBODY, NOBODY, NOBODY);
}

char *map_edge(void)
{
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (page == MAP_FAILED || mprotect(page + PAGE, PAGE, PROT_NONE))
		return NULL;
	return page;
}

double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}
