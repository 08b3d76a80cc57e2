// SPDX-License-Identifier: GPL-2.0
/*
 * Tests O_ASYNC on /proc/irq/<N>/irq: a signal for each event and for the line's end, also
 * where handlers are forced into threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"
#include "line_fixture.h"
#include "rounds.h"

/* A real-time signal, which is queued with its siginfo. */
#define SIGNAL		SIGRTMIN

/* How many seconds to wait for a signal that must come. */
#define PATIENCE	10

static void block(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Waits for a signal that is blocked. Returns whether it has come. */
static bool wait_signal(int signal, siginfo_t *info)
{
	struct timespec time = { .tv_sec = PATIENCE };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	return sigtimedwait(&set, info, &time) == signal;
}

/* Returns whether no signal comes for a moment. */
static bool is_quiet(int signal)
{
	struct timespec time = { .tv_nsec = 50 * 1000 * 1000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	return sigtimedwait(&set, NULL, &time) < 0 && errno == EAGAIN;
}

static bool set_async(int fd, bool on)
{
	return !fcntl(fd, F_SETFL, O_NONBLOCK | (on ? O_ASYNC : 0));
}

/* Has a process, or a group if negative, get a signal for each event of the file. */
static bool signal_to(int fd, pid_t owner)
{
	block(SIGNAL);
	return !fcntl(fd, F_SETOWN, owner) && !fcntl(fd, F_SETSIG, SIGNAL) && set_async(fd, true);
}

/* Each event is one signal, which has the descriptor and POLLIN. */
TEST_F(intx, each_event_is_one_signal)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	siginfo_t info;

	ASSERT_LE(0, fd);
	ASSERT_TRUE(signal_to(fd, getpid()));
	EXPECT_TRUE(is_quiet(SIGNAL));
	for (int i = 0; i < rounds_of(100, 20); i++) {
		line_raise(&self->line);
		ASSERT_TRUE(wait_signal(SIGNAL, &info));
		ASSERT_EQ(fd, info.si_fd);
		ASSERT_EQ(POLL_IN, info.si_code);
		ASSERT_TRUE(info.si_band & POLLIN);
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
		/* This read arms. */
		ASSERT_EQ(-EAGAIN, read_count(fd));
	}
	EXPECT_TRUE(is_quiet(SIGNAL));
}

/* Without F_SETSIG, the signal is SIGIO. */
TEST_F(intx, default_signal_is_sigio)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	siginfo_t info;

	ASSERT_LE(0, fd);
	block(SIGIO);
	ASSERT_EQ(0, fcntl(fd, F_SETOWN, getpid()));
	ASSERT_TRUE(set_async(fd, true));
	line_raise(&self->line);
	EXPECT_TRUE(wait_signal(SIGIO, &info));
	EXPECT_EQ(1, read_count(fd));
}

/*
 * Without O_ASYNC no signal comes: not before it is set, not after it is cleared, and not after
 * the next open.
 */
TEST_F(intx, no_signal_without_o_async)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);

	ASSERT_LE(0, fd);
	ASSERT_TRUE(signal_to(fd, getpid()));
	for (int i = 0; i < 3; i++) {
		if (i == 2) {
			/* The file is closed with O_ASYNC set. */
			ASSERT_TRUE(set_async(fd, true));
			close(fd);
			fd = open(self->line.path, O_RDWR | O_NONBLOCK);
			ASSERT_LE(0, fd);
		} else {
			ASSERT_TRUE(set_async(fd, i));
			ASSERT_TRUE(set_async(fd, false));
		}
		for (int n = 0; n < 20; n++) {
			line_raise(&self->line);
			ASSERT_TRUE(wait_event(fd));
			ASSERT_EQ(1, read_count(fd));
			line_ack(&self->line);
		}
		EXPECT_TRUE(is_quiet(SIGNAL));
	}
}

/* Each process of a group gets the signal. */
TEST_F(intx, signals_each_process_of_a_group)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK), status;
	pid_t children[2];

	ASSERT_LE(0, fd);
	block(SIGNAL);
	for (int i = 0; i < ARRAY_SIZE(children); i++) {
		siginfo_t info;

		children[i] = fork();
		ASSERT_LE(0, children[i]);
		if (!children[i])
			_exit(!wait_signal(SIGNAL, &info) || info.si_fd != fd);
		ASSERT_EQ(0, setpgid(children[i], children[0]));
	}
	ASSERT_TRUE(signal_to(fd, -children[0]));
	line_raise(&self->line);
	for (int i = 0; i < ARRAY_SIZE(children); i++) {
		ASSERT_EQ(children[i], waitpid(children[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	/* The parent is not in the group. */
	EXPECT_TRUE(is_quiet(SIGNAL));
	EXPECT_EQ(1, read_count(fd));
}

FIXTURE(edge)
{
	struct fake fake;
	int fd;
};

FIXTURE_SETUP(edge)
{
	const char *why = fake_make(&self->fake, "edge");

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(signal_to(self->fd, getpid()));
}

FIXTURE_TEARDOWN(edge)
{
	close(self->fd);
	fake_dispose(&self->fake);
}

/* The line's end is a signal too. */
TEST_F(edge, removal_is_a_signal)
{
	siginfo_t info;

	fake_dispose(&self->fake);
	ASSERT_TRUE(wait_signal(SIGNAL, &info));
	EXPECT_EQ(self->fd, info.si_fd);
	EXPECT_EQ(-EIO, read_count(self->fd));
	EXPECT_TRUE(set_async(self->fd, false));
}

/* A kept edge is an event, and so a signal, when a write arms the line. */
TEST_F(edge, kept_edge_is_a_signal_when_armed)
{
	siginfo_t info;

	ASSERT_EQ(0, write_value(self->fd, 0));
	ASSERT_EQ(0, fake_do(&self->fake, "fire"));
	EXPECT_TRUE(is_quiet(SIGNAL));
	ASSERT_EQ(0, write_value(self->fd, 1));
	ASSERT_TRUE(wait_signal(SIGNAL, &info));
	EXPECT_EQ(self->fd, info.si_fd);
	EXPECT_EQ(1, read_count(self->fd));
}

/* A kept edge is a signal when a poll arms the line, which does not take the event. */
TEST_F(edge, kept_edge_is_a_signal_when_polled)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN };
	siginfo_t info;

	ASSERT_EQ(0, write_value(self->fd, 0));
	ASSERT_EQ(0, fake_do(&self->fake, "fire"));
	EXPECT_TRUE(is_quiet(SIGNAL));
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
	ASSERT_TRUE(wait_signal(SIGNAL, &info));
	EXPECT_EQ(1, read_count(self->fd));
}

/* A kept edge that the read which arms the line returns is no signal. */
TEST_F(edge, kept_edge_that_is_read_is_no_signal)
{
	ASSERT_EQ(0, write_value(self->fd, 0));
	ASSERT_EQ(0, fake_do(&self->fake, "fire"));
	EXPECT_EQ(1, read_count(self->fd));
	EXPECT_TRUE(is_quiet(SIGNAL));
}

/* Each edge of a free-running line is a signal. */
TEST_F(edge, free_running_edges_are_signals)
{
	siginfo_t info;

	ASSERT_EQ(0, write_value(self->fd, 2));
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, fake_do(&self->fake, "fire"));
		ASSERT_TRUE(wait_signal(SIGNAL, &info));
		ASSERT_EQ(1, read_count(self->fd));
	}
}

TEST_HARNESS_MAIN
