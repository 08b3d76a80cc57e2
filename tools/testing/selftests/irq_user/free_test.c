// SPDX-License-Identifier: GPL-2.0
/*
 * Tests a free-running line: it is not masked when it fires, each edge is counted, and a storm
 * masks it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "fake.h"
#include "line_fixture.h"

FIXTURE(edge)
{
	struct fake fake;
	int fd;
};

FIXTURE_SETUP(edge)
{
	const char *why = fake_make(&self->fake, "edge");

	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, write_value(self->fd, 2));
}

FIXTURE_TEARDOWN(edge)
{
	close(self->fd);
	fake_dispose(&self->fake);
}

/* A level line cannot run free: it would fire as long as its device asserts it. */
TEST_F(intx, level_lines_are_refused)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, write_value(fd, 2));
	/* The line is armed as before. */
	line_raise(&self->line);
	EXPECT_TRUE(wait_event(fd));
	EXPECT_EQ(1, read_count(fd));
}

/* Each edge is counted, even if no read comes in between. */
TEST_F(edge, each_edge_counts)
{
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(0, fake_do(&self->fake, "fire"));
	EXPECT_EQ(100, read_count(self->fd));
	EXPECT_EQ(-EAGAIN, read_count(self->fd));
}

/* Each edge wakes a blocked reader. */
TEST_F(edge, each_edge_wakes_a_reader)
{
	int sum = 0;

	fcntl(self->fd, F_SETFL, 0);
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, fake_do(&self->fake, "fire"));
		sum += read_count(self->fd);
	}
	EXPECT_EQ(100, sum);
}

/*
 * Writing 1 or 0 ends the free-running mode: then the line is masked when it fires, or
 * immediately.
 */
TEST_F(edge, other_writes_end_free_running)
{
	ASSERT_EQ(0, write_value(self->fd, 1));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, fake_do(&self->fake, "fire"));
	EXPECT_EQ(1, read_count(self->fd));
	/* The edge that came while the line was masked was kept. */
	ASSERT_EQ(0, write_value(self->fd, 2));
	ASSERT_TRUE(wait_event(self->fd));
	EXPECT_EQ(1, read_count(self->fd));

	ASSERT_EQ(0, write_value(self->fd, 0));
	ASSERT_EQ(0, fake_do(&self->fake, "fire"));
	ASSERT_EQ(0, write_value(self->fd, 2));
	ASSERT_TRUE(wait_event(self->fd));
	EXPECT_EQ(1, read_count(self->fd));
}

/* A write that comes before the storm was reported cancels the report. */
TEST_F(edge, write_cancels_the_storm_report)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN | POLLPRI };

	for (int value = 0; value <= 2; value++) {
		int count, events;

		ASSERT_EQ(0, write_value(self->fd, 2));
		events = fake_storm(&self->fake, self->fd);
		if (!events && _metadata->exit_code)
			/* SKIP() would hide that a round has failed. */
			return;
		if (!events)
			SKIP(return, "the machine is too slow for a storm");
		ASSERT_EQ(POLLIN | POLLPRI, events);

		ASSERT_EQ(0, write_value(self->fd, value));
		ASSERT_EQ(1, poll(&pollfd, 1, 0));
		EXPECT_EQ(POLLIN, pollfd.revents);
		do {
			count = read_count(self->fd);
		} while (count > 0);
		EXPECT_EQ(-EAGAIN, count);
	}
}

/* Above the documented rate the line is masked, and poll and read report it. */
TEST_F(edge, storm_is_masked)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN | POLLPRI };
	double begin = seconds();
	int count;

	ASSERT_EQ(0, fake_do(&self->fake, "burst"));
	ASSERT_TRUE(wait_event(self->fd));
	ASSERT_EQ(1, poll(&pollfd, 1, 0));
	count = read_count(self->fd);
	if (count == BURST && BURST / (seconds() - begin) < MAX_RATE)
		SKIP(return, "the machine is too slow for a storm");
	EXPECT_GT(BURST, count);
	EXPECT_EQ(POLLIN | POLLPRI, pollfd.revents);

	/* The report comes once. Then the line is masked, and a read arms it as usual. */
	EXPECT_EQ(-EOVERFLOW, read_count(self->fd));
	/* The edges that came while the line was masked are one event. */
	EXPECT_EQ(1, read_count(self->fd));
	EXPECT_EQ(-EAGAIN, read_count(self->fd));
	ASSERT_EQ(0, fake_do(&self->fake, "fire"));
	EXPECT_LE(1, read_count(self->fd));
}

TEST_HARNESS_MAIN
