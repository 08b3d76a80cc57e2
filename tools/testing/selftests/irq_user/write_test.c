// SPDX-License-Identifier: GPL-2.0
/* Tests write to /proc/irq/<N>/irq: 1 arms, 0 masks, everything else is an error. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "line_fixture.h"
#include "rounds.h"

/* After a 0 the line does not fire until it is armed again. */
TEST_F(intx, zero_masks_until_armed)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	unsigned int before = line_hw_count(&self->line);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, write_value(fd, 0));
	line_raise(&self->line);
	line_settle(&self->line);
	EXPECT_EQ(before, line_hw_count(&self->line));
	ASSERT_EQ(0, write_value(fd, 1));
	ASSERT_TRUE(wait_event(fd));
	/* If it had fired before, it would have fired twice. */
	EXPECT_EQ(1, read_count(fd));
	EXPECT_EQ(before + 1, line_hw_count(&self->line));
}

/* Masked and armed are states: repeating a write changes nothing. */
TEST_F(intx, repeated_writes_stay_balanced)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);

	ASSERT_LE(0, fd);
	for (int i = 0; i < rounds_of(100, 20); i++) {
		for (int n = 0; n < 3; n++)
			ASSERT_EQ(0, write_value(fd, 0));
		for (int n = 0; n < 3; n++)
			ASSERT_EQ(0, write_value(fd, 1));
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		for (int n = 0; n < 3; n++)
			ASSERT_EQ(0, write_value(fd, 0));
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
		ASSERT_EQ(-EAGAIN, read_count(fd));
	}
}

/* A 1 arms even if an event is pending. The counts add up. */
TEST_F(intx, one_arms_with_an_event_pending)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);

	ASSERT_LE(0, fd);
	for (int i = 1; i <= 3; i++) {
		unsigned int before = line_hw_count(&self->line);

		line_raise(&self->line);
		line_wait_handled(&self->line, before);
		line_ack(&self->line);
		ASSERT_EQ(0, write_value(fd, 1));
	}
	EXPECT_EQ(3, read_count(fd));
}

/* Of a level line, only an int of 0 or 1 is valid. */
TEST_F(intx, other_values_and_sizes_are_invalid)
{
	static const int values[] = { 2, -1, 0x100, 0x01000000, INT32_MIN, INT32_MAX };
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	char buffer[16] = { 1, 1 };

	ASSERT_LE(0, fd);
	for (int i = 0; i < ARRAY_SIZE(values); i++)
		EXPECT_EQ(-EINVAL, write_value(fd, values[i]));
	for (int size = 0; size < sizeof(buffer); size++) {
		if (size == sizeof(int))
			continue;
		EXPECT_EQ(-1, write(fd, buffer, size));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-1, write(fd, (void *)8, sizeof(int)));
	EXPECT_EQ(EFAULT, errno);
}

/* A file that was opened for reading alone cannot be written. */
TEST_F(intx, needs_write_access)
{
	int fd = open(self->line.path, O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, write_value(fd, 1));
}

TEST_HARNESS_MAIN
