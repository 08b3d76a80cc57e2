// SPDX-License-Identifier: GPL-2.0
/*
 * Tests an edge that comes while the line is masked: it is kept, and is an event as soon as the
 * line is armed, whatever the chip is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "edge.h"
#include "fake.h"
#include "file.h"
#include "hog.h"
#include "rounds.h"
#include "sleeper.h"

FIXTURE(kept)
{
	struct line line;
	int fd;
};

FIXTURE_VARIANT(kept)
{
	const char *kind;		/* of the module's line; NULL: a GPIO's line */
	const char *fire;
	bool in_thread;			/* the line's handler has a thread */
};

FIXTURE_VARIANT_ADD(kept, edge) { .kind = "edge", .fire = "fire" };
/* Neither the chip nor the core can make this line fire again. */
FIXTURE_VARIANT_ADD(kept, bare) { .kind = "bare_edge", .fire = "fire" };
FIXTURE_VARIANT_ADD(kept, slow) { .kind = "slow_edge", .fire = "fire", .in_thread = true };
FIXTURE_VARIANT_ADD(kept, nested) { .kind = "nested_edge", .fire = "nested" };
/* The flow handler of this line does not say that it is an edge. */
FIXTURE_VARIANT_ADD(kept, message) { .kind = "simple_message", .fire = "fire" };
/* The core would make this line fire again through a softirq. */
FIXTURE_VARIANT_ADD(kept, gpio) { };

FIXTURE_SETUP(kept)
{
	const char *why = edge_line_setup(&self->line, variant->kind);

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(kept)
{
	close(self->fd);
	edge_line_teardown(&self->line);
}

/* Makes an event, and an edge that is kept. Returns what the read of the event gives. */
static int mask_and_keep(struct line *line, const char *command, int fd)
{
	edge_make(line, command);
	if (!wait_event(fd))
		return -ETIME;
	edge_make(line, command);
	return read_count(fd);
}

/* The read that arms returns the kept edge, with no interrupt in between. */
TEST_F(kept, read_that_arms_returns_the_edge)
{
	for (int i = 0; i < rounds_of(100, 20); i++) {
		unsigned int interrupts;

		ASSERT_EQ(1, mask_and_keep(&self->line, variant->fire, self->fd));
		interrupts = line_hw_count(&self->line);
		if (variant->in_thread)
			ASSERT_TRUE(wait_event(self->fd));
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(-EAGAIN, read_count(self->fd));
		ASSERT_EQ(interrupts, line_hw_count(&self->line));
	}
}

/* The poll that arms reports the kept edge. */
TEST_F(kept, poll_that_arms_reports_the_edge)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN };

	if (variant->in_thread)
		SKIP(return, "the handler of this line has a thread");
	for (int i = 0; i < rounds_of(100, 20); i++) {
		ASSERT_EQ(1, mask_and_keep(&self->line, variant->fire, self->fd));
		ASSERT_EQ(1, poll(&pollfd, 1, 0));
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(-EAGAIN, read_count(self->fd));
	}
}

/* A write that arms makes the kept edge an event, which wakes a sleeping reader. */
TEST_F(kept, write_that_arms_wakes_a_reader)
{
	for (int value = 1; value <= (variant->in_thread ? 0 : 2); value++) {
		ASSERT_EQ(0, write_value(self->fd, 0));
		edge_make(&self->line, variant->fire);
		ASSERT_EQ(0, write_value(self->fd, value));
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(0, write_value(self->fd, 1));
	}
}

/*
 * A reader of high priority gets the kept edge while a thread of lower priority occupies its
 * CPU.
 */
TEST_F(kept, needs_no_softirq)
{
	struct sched_param param = { .sched_priority = 90 };
	struct hog hog;
	int count;

	if (variant->in_thread)
		SKIP(return, "the handler of this line has a thread");
	ASSERT_EQ(1, mask_and_keep(&self->line, variant->fire, self->fd));
	fcntl(self->fd, F_SETFL, 0);
	hog_start(&hog);
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &param));
	pin_to(1);
	/* If the read waited for ksoftirqd, it would wait until the test times out. */
	count = read_count(self->fd);
	hog_stop(&hog);
	EXPECT_EQ(1, count);
}

/* Further edges are coalesced with the kept edge: together they are one event. */
TEST_F(kept, further_edges_coalesce)
{
	int count;

	ASSERT_EQ(1, mask_and_keep(&self->line, variant->fire, self->fd));
	for (int i = 0; i < 20; i++)
		edge_fire(&self->line, variant->fire);
	ASSERT_TRUE(wait_event(self->fd));
	EXPECT_EQ(1, read_count(self->fd));
	/* The controller may have latched one more of them. */
	do {
		count = read_count(self->fd);
	} while (count > 0);
	ASSERT_EQ(-EAGAIN, count);
	edge_make(&self->line, variant->fire);
	ASSERT_TRUE(wait_event(self->fd));
	EXPECT_EQ(1, read_count(self->fd));
}

FIXTURE(edge)
{
	struct line line;
	int fd;
};

FIXTURE_SETUP(edge)
{
	const char *why = line_setup_edge(&self->line);

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(edge)
{
	close(self->fd);
	line_teardown(&self->line);
}

/* An edge stays kept when the line moves to another CPU. */
TEST_F(edge, stays_kept_on_another_cpu)
{
	for (int i = 0; i < rounds_of(100, 20); i++) {
		unsigned int before;

		line_trigger(&self->line);
		ASSERT_TRUE(wait_event(self->fd));
		before = line_hw_count(&self->line);
		line_trigger(&self->line);
		line_wait_handled(&self->line, before);
		line_move_to(&self->line, i % 2);
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(-EAGAIN, read_count(self->fd));
	}
}

FIXTURE(suspended)
{
	struct fake fake;
	int fd;
};

FIXTURE_VARIANT(suspended)
{
	const char *kind;
	bool masked;			/* at the time of the suspend */
	bool wakes;			/* the system; else another interrupt does */
};

FIXTURE_VARIANT_ADD(suspended, armed) { .kind = "bare_edge" };
FIXTURE_VARIANT_ADD(suspended, masked) { .kind = "bare_edge", .masked = true };
FIXTURE_VARIANT_ADD(suspended, waking) { .kind = "bare_edge", .wakes = true };

FIXTURE_SETUP(suspended)
{
	const char *why = fake_make(&self->fake, variant->kind);

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(suspended)
{
	close(self->fd);
	fake_dispose(&self->fake);
}

#define WOKEN_BY	"/sys/power/pm_wakeup_irq"

/* An edge that comes while the system is suspended is an event after the resume. */
TEST_F(suspended, edge_in_suspend_is_an_event_after_resume)
{
	char number[16] = "";

	if (variant->masked)
		ASSERT_EQ(0, write_value(self->fd, 0));
	if (variant->wakes)
		ASSERT_EQ(0, fake_do(&self->fake, "wake"));
	ASSERT_EQ(0, fake_suspend(&self->fake));
	if (variant->wakes && read_file(WOKEN_BY, number, sizeof(number)))
		EXPECT_EQ(self->fake.irq, atoi(number));

	if (variant->masked)
		ASSERT_EQ(0, write_value(self->fd, 1));
	ASSERT_TRUE(wait_event(self->fd));
	EXPECT_EQ(1, read_count(self->fd));
	EXPECT_EQ(-EAGAIN, read_count(self->fd));
}

/*
 * A reader sleeps on while the system suspends and resumes. It does not run, and so does not
 * arm.
 */
TEST(reader_sleeps_through_suspend)
{
	struct sleeper sleeper;
	struct fake fake, waker;
	const char *why = fake_make(&fake, "edge");
	int64_t runtime;
	int fd;

	if (!why)
		why = fake_make(&waker, "bare_edge");
	if (why)
		SKIP(return, "%s", why);
	fd = open(fake.path, O_RDWR);
	ASSERT_LE(0, fd);
	sleeper_start(&sleeper, fd, sleep_for_one);
	runtime = sleeper_settled_runtime(&sleeper);
	/* This line wakes the system. */
	ASSERT_EQ(0, fake_suspend(&waker));
	EXPECT_EQ(runtime, sleeper_settled_runtime(&sleeper));
	ASSERT_FALSE(sleeper_is_done(&sleeper));
	ASSERT_EQ(0, fake_do(&fake, "fire"));
	EXPECT_TRUE(sleeper_join(&sleeper));
	close(fd);
	fake_dispose(&fake);
	fake_dispose(&waker);
}

TEST_HARNESS_MAIN
