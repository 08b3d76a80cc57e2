// SPDX-License-Identifier: GPL-2.0
/*
 * Tests an MSI: it is an edge. It comes once for each message that the device sends, whether
 * the device still asserts later or not.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "msi.h"
#include "rounds.h"

FIXTURE(message)
{
	struct line line;
	int fd;
};

FIXTURE_SETUP(message)
{
	const char *why = msi_setup(&self->line);

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(message)
{
	close(self->fd);
	msi_teardown(&self->line);
}

/* Each message is one event and one interrupt. */
TEST_F(message, messages_are_counted)
{
	const int messages = rounds_of(500, 100);
	unsigned int before = line_hw_count(&self->line);

	for (int i = 0; i < messages; i++) {
		ASSERT_EQ(-EAGAIN, read_count(self->fd));
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(self->fd));
		ASSERT_EQ(1, read_count(self->fd));
		line_ack(&self->line);
	}
	ASSERT_EQ(-EAGAIN, read_count(self->fd));
	EXPECT_EQ(before + messages, line_hw_count(&self->line));
}

/* Arming the line of a device that is not quiet gives no event. */
TEST_F(message, asserted_device_gives_no_second_event)
{
	unsigned int before = line_hw_count(&self->line);

	line_raise(&self->line);
	ASSERT_TRUE(wait_event(self->fd));
	EXPECT_EQ(1, read_count(self->fd));
	for (int i = 0; i < 100; i++) {
		ASSERT_TRUE(line_asserts(&self->line));
		ASSERT_EQ(-EAGAIN, read_count(self->fd));
		ASSERT_EQ(0, write_value(self->fd, 0));
	}
	EXPECT_EQ(before + 1, line_hw_count(&self->line));
}

/* Of the messages that come while the line is masked, one is kept. */
TEST_F(message, masked_messages_coalesce)
{
	int extra;

	line_raise(&self->line);
	ASSERT_TRUE(wait_event(self->fd));
	for (int i = 0; i < 100; i++)
		line_raise(&self->line);
	line_settle(&self->line);
	line_ack(&self->line);
	EXPECT_EQ(1, read_count(self->fd));
	/* Waiting arms the line, so the kept message becomes an event. */
	ASSERT_TRUE(wait_event(self->fd));
	EXPECT_EQ(1, read_count(self->fd));
	/* A controller that has masked the line may latch one, which is one more event. */
	extra = read_count(self->fd);
	if (extra != -EAGAIN) {
		EXPECT_EQ(1, extra);
		EXPECT_EQ(-EAGAIN, read_count(self->fd));
	}
}

/* A message that came before open is no event. */
TEST_F(message, no_event_from_before_open)
{
	ASSERT_EQ(0, write_value(self->fd, 0));
	line_raise(&self->line);
	line_settle(&self->line);
	close(self->fd);
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(-EAGAIN, read_count(self->fd));
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(self->fd));
	EXPECT_EQ(1, read_count(self->fd));
}

/* The line has its file while the MSI is allocated, and has one owner. */
TEST_F(message, file_exists_while_allocated)
{
	EXPECT_EQ(-1, open(self->line.path, O_RDWR));
	EXPECT_EQ(EBUSY, errno);
	msi_free(&self->line);
	EXPECT_EQ(-1, open(self->line.path, O_RDWR));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(NULL, msi_alloc(&self->line));
	EXPECT_EQ(-EIO, read_count(self->fd));
}

TEST_HARNESS_MAIN
