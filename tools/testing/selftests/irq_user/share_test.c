// SPDX-License-Identifier: GPL-2.0
/*
 * Tests fork, dup and passing of descriptors: they share one open file, and the line is free
 * when the last descriptor is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "line_fixture.h"
#include "uring.h"

/* A duplicate has the same events, and keeps the line. */
TEST_F(intx, dup_shares_the_file)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	int copy;

	ASSERT_LE(0, fd);
	copy = dup(fd);
	ASSERT_LE(0, copy);
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	ASSERT_TRUE(wait_event(copy));
	EXPECT_EQ(1, read_count(copy));
	line_ack(&self->line);
	EXPECT_EQ(-EAGAIN, read_count(fd));

	close(fd);
	EXPECT_EQ(-EBUSY, try_open(self->line.path, O_RDWR));
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(copy));
	EXPECT_EQ(1, read_count(copy));
	close(copy);
	EXPECT_EQ(0, try_open(self->line.path, O_RDWR));
}

/* A child that inherits the descriptor can use it, and keeps the line. */
TEST_F(intx, fork_shares_the_file)
{
	int fd = open(self->line.path, O_RDWR);
	int go[2], status;
	pid_t child;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(go));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		char byte;

		close(go[1]);
		if (read_count(fd) != 1)
			_exit(1);
		line_ack(&self->line);
		/* Ends when the parent closes its end. */
		_exit(read(go[0], &byte, 1) != 0);
	}
	close(go[0]);
	wait_asleep(child);
	close(fd);
	EXPECT_EQ(-EBUSY, try_open(self->line.path, O_RDWR));
	line_raise(&self->line);
	close(go[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, try_open(self->line.path, O_RDWR));
}

static int send_descriptor(int socket, int fd)
{
	union {
		char buffer[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -1;
}

static int receive_descriptor(int socket)
{
	union {
		char buffer[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer),
	};
	int fd = -1;

	if (recvmsg(socket, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* Makes each kind of call, and returns whether all of them work. */
static bool all_calls_work(struct line *line, int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct epoll_event event = { .events = EPOLLIN };
	int epfd = epoll_create1(0), count;
	struct ring ring;
	fd_set set;

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) || ring_setup(&ring))
		return false;
	FD_ZERO(&set);
	FD_SET(fd, &set);

	if (write_value(fd, 0) || write_value(fd, 1))
		return false;
	line_raise(line);
	if (poll(&pollfd, 1, -1) != 1 || select(fd + 1, &set, NULL, NULL, NULL) != 1 ||
	    epoll_wait(epfd, &event, 1, -1) != 1 || read_count(fd) != 1)
		return false;
	line_ack(line);

	if (ring_submit(&ring, IORING_OP_READ, fd, &count, sizeof(count)))
		return false;
	line_raise(line);
	if (ring_wait(&ring) != sizeof(count) || count != 1)
		return false;
	line_ack(line);

	return !fcntl(fd, F_SETFL, O_NONBLOCK) && read_count(fd) == -EAGAIN;
}

/* A process without privileges can use a descriptor that was passed to it. */
TEST_F(intx, passed_descriptor_works_without_privileges)
{
	int sockets[2], fd, status;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(sockets[0]);
		if (!become_nobody(NOBODY))
			_exit(2);
		if (try_open(self->line.path, O_RDWR) != -EACCES)
			_exit(3);
		fd = receive_descriptor(sockets[1]);
		_exit(!all_calls_work(&self->line, fd));
	}
	close(sockets[1]);

	fd = open(self->line.path, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, send_descriptor(sockets[0], fd));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
