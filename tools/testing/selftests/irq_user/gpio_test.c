// SPDX-License-Identifier: GPL-2.0
/* Tests the line of a GPIO. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "file.h"
#include "gpio.h"
#include "rounds.h"

FIXTURE(pin)
{
	struct line line;
	int fd;
};

FIXTURE_SETUP(pin)
{
	const char *why = gpio_setup(&self->line);

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(pin)
{
	close(self->fd);
	gpio_teardown(&self->line);
}

/* Each edge, up or down, is one event and one interrupt. */
TEST_F(pin, edges_are_counted)
{
	const int edges = rounds_of(200, 40);
	unsigned int before = line_hw_count(&self->line);

	for (int i = 0; i < edges; i++) {
		ASSERT_EQ(-EAGAIN, read_count(self->fd));
		gpio_pull(&self->line);
		ASSERT_TRUE(wait_event(self->fd));
		ASSERT_EQ(1, read_count(self->fd));
	}
	ASSERT_EQ(-EAGAIN, read_count(self->fd));
	EXPECT_EQ(before + edges, line_hw_count(&self->line));
}

/*
 * While gpiolib has the line for edges of the GPIO, open fails with EBUSY. Afterwards it works.
 */
TEST_F(pin, busy_while_gpiolib_has_it)
{
	close(self->fd);
	ASSERT_EQ(0, gpio_watch(&self->line, true));
	EXPECT_EQ(-1, open(self->line.path, O_RDWR));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, gpio_watch(&self->line, false));
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	gpio_pull(&self->line);
	ASSERT_TRUE(wait_event(self->fd));
	EXPECT_EQ(1, read_count(self->fd));
}

/* If the chip is unbound, calls fail with EIO even if the owner holds no request of the GPIO. */
TEST_F(pin, removal_without_a_request)
{
	gpio_release(&self->line);
	gpio_remove(&self->line);
	EXPECT_EQ(-EIO, read_count(self->fd));
	EXPECT_EQ(-1, open(self->line.path, O_RDWR));
	EXPECT_EQ(ENOENT, errno);
}

/* When a chip that forwards the GPIO goes away, the line stays. */
TEST_F(pin, forwarding_chip_leaves_the_line)
{
	close(self->fd);
	ASSERT_EQ(NULL, gpio_forward(&self->line));
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	EXPECT_LE(0, self->fd);
}

/* The line of a GPIO that is driven cannot be opened. The log says so, but not each time. */
TEST_F(pin, driven_gpio_is_refused)
{
	const time_t enough = time(NULL) + 20;
	int log, told = 0;

	close(self->fd);
	ASSERT_EQ(0, gpio_drive(&self->line, true));
	log = log_end();
	ASSERT_LE(0, log);
	/*
	 * The log takes 10 messages in five seconds by default. Others may have used those of
	 * the first seconds.
	 */
	for (int i = 0; i < rounds_of(1000, 200) || (!told && time(NULL) < enough); i++) {
		ASSERT_EQ(-1, open(self->line.path, O_RDWR));
		ASSERT_EQ(EIO, errno);
		told += log_count(log, "set as output for IRQ");
	}
	EXPECT_LE(1, told);
	EXPECT_GE(100, told);
	close(log);

	ASSERT_EQ(0, gpio_drive(&self->line, false));
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

TEST_HARNESS_MAIN
