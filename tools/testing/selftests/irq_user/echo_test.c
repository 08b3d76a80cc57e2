// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that no interrupt is counted twice: a count is never left over from an interrupt that
 * was served already. A device that stays asserted interrupts only as often as its owner arms
 * the line.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge_fixture.h"
#include "fake.h"
#include "file.h"
#include "hog.h"
#include "line_fixture.h"
#include "rounds.h"

/* A thread that runs on the line's CPU whenever no interrupt is handled there. */
struct spinner {
	pthread_t thread;
	unsigned long turns;
	bool stop;
};

static void *spinner_main(void *arg)
{
	struct spinner *spinner = arg;

	/* With a single CPU this fails, and the thread shares that CPU. */
	pin_to(1);
	while (!__atomic_load_n(&spinner->stop, __ATOMIC_SEQ_CST)) {
		__atomic_add_fetch(&spinner->turns, 1, __ATOMIC_SEQ_CST);
		sched_yield();
	}
	return NULL;
}

/* Waits until the thread has run. Then its CPU has taken all pending interrupts. */
static void spinner_check(struct spinner *spinner)
{
	unsigned long turns = __atomic_load_n(&spinner->turns, __ATOMIC_SEQ_CST);

	while (__atomic_load_n(&spinner->turns, __ATOMIC_SEQ_CST) < turns + 2)
		sched_yield();
}

static void spinner_stop(struct spinner *spinner)
{
	__atomic_store_n(&spinner->stop, true, __ATOMIC_SEQ_CST);
	pthread_join(spinner->thread, NULL);
}

/* A count comes while the device asserts its interrupt. No count comes while it is quiet. */
TEST_F_TIMEOUT(intx, no_count_while_quiet, 300)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	unsigned int before = line_hw_count(&self->line);
	const unsigned int rounds = events_to_have(10000, 200);
	struct spinner spinner = {};

	ASSERT_LE(0, fd);
	line_move_away(&self->line);
	pthread_create(&spinner.thread, NULL, spinner_main, &spinner);
	for (unsigned int i = 0; i < rounds; i++) {
		int count;

		line_raise(&self->line);
		do {
			count = read_count(fd);
		} while (count == -EAGAIN);
		ASSERT_EQ(1, count);
		ASSERT_TRUE(line_asserts(&self->line));
		line_ack(&self->line);
		/*
		 * This read arms. Then wait until the line's CPU could have taken an interrupt.
		 */
		ASSERT_EQ(-EAGAIN, read_count(fd));
		if (i & 1)
			ASSERT_EQ(0, write_value(fd, 0));
		ASSERT_EQ(0, write_value(fd, 1));
		spinner_check(&spinner);
		ASSERT_EQ(-EAGAIN, read_count(fd));
	}
	EXPECT_EQ(rounds, line_hw_count(&self->line) - before);
	spinner_stop(&spinner);
}

/* Returns how many interrupts of the line the kernel has counted as unhandled. */
static int count_unhandled(struct line *line)
{
	char path[64], text[256], *value;

	snprintf(path, sizeof(path), "/proc/irq/%d/spurious", line->irq);
	value = read_file(path, text, sizeof(text)) ? strstr(text, "unhandled ") : NULL;
	return value ? atoi(value + strlen("unhandled ")) : -1;
}

/* A device that is never quiet interrupts once for each time that the line is armed. */
TEST_F_TIMEOUT(intx, one_interrupt_for_each_arm, 300)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	unsigned int before = line_hw_count(&self->line);
	struct spinner spinner = {};

	ASSERT_LE(0, fd);
	line_move_away(&self->line);
	pthread_create(&spinner.thread, NULL, spinner_main, &spinner);
	line_raise(&self->line);
	for (unsigned int i = 1; i <= rounds_of(1000, 200); i++) {
		/* Armed in turn by poll (at first by open), by a read, and by a write. */
		if (i > 1 && i % 3 == 1)
			ASSERT_EQ(-EAGAIN, read_count(fd));
		if (i > 1 && i % 3 == 2)
			ASSERT_EQ(0, write_value(fd, 1));
		ASSERT_TRUE(wait_event(fd));
		/* The line's CPU runs other threads, however long the owner takes. */
		spinner_check(&spinner);
		ASSERT_EQ(i, line_hw_count(&self->line) - before);
		ASSERT_EQ(1, read_count(fd));
		spinner_check(&spinner);
		ASSERT_EQ(i, line_hw_count(&self->line) - before);
	}
	spinner_stop(&spinner);
	EXPECT_EQ(0, count_unhandled(&self->line));
}

/* The kernel does not disable the line as spurious, even if its owner never quiets the device. */
TEST_F_TIMEOUT(intx, never_disabled_as_spurious, 600)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	unsigned int before = line_hw_count(&self->line);
	/* The kernel disables a line if 99,900 of 100,000 interrupts were not handled. */
	const unsigned int rounds = 110000;

	ASSERT_LE(0, fd);
	line_move_here(&self->line);
	line_raise(&self->line);
	for (unsigned int i = 0; i < rounds; i++) {
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
	}
	EXPECT_EQ(rounds, line_hw_count(&self->line) - before);
	EXPECT_EQ(0, count_unhandled(&self->line));

	line_ack(&self->line);
	ASSERT_EQ(-EAGAIN, read_count(fd));
	EXPECT_GE(0, line_depth(&self->line));
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	EXPECT_EQ(1, read_count(fd));
}

/* The same holds if the owner's priority keeps the kernel's interrupt threads from running. */
TEST_F(intx, not_spurious_at_any_priority)
{
	struct sched_param above_irq_threads = { .sched_priority = 60 };
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);

	ASSERT_LE(0, fd);
	line_move_here(&self->line);
	line_raise(&self->line);
	for (unsigned int i = 0; i < 1000; i++) {
		/* In the first rounds an interrupt thread can move to this CPU. */
		if (i == 100)
			ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &above_irq_threads));
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
	}
	EXPECT_EQ(0, count_unhandled(&self->line));
}

/* An event that the last owner has not read is not given to the next owner. */
TEST_F(intx, next_owner_gets_no_old_event)
{
	for (int i = 0; i < rounds_of(100, 20); i++) {
		int fd = open(self->line.path, O_RDWR | O_NONBLOCK);

		ASSERT_LE(0, fd);
		/*
		 * Left in turn as a count, and as an interrupt that ends while the line is
		 * masked.
		 */
		if (i & 1)
			ASSERT_EQ(0, write_value(fd, 0));
		line_raise(&self->line);
		if (!(i & 1))
			ASSERT_TRUE(wait_event(fd));
		/*
		 * Not after close: QEMU's IO-APIC does not see that a line without an owner
		 * drops.
		 */
		line_ack(&self->line);
		close(fd);

		fd = open(self->line.path, O_RDWR | O_NONBLOCK);
		ASSERT_LE(0, fd);
		ASSERT_EQ(-EAGAIN, read_count(fd));
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
		ASSERT_EQ(-EAGAIN, read_count(fd));
		close(fd);
	}
}

/* Of the edges that come while the line is masked, one is kept. */
TEST_F_TIMEOUT(edge, edges_while_masked_are_one_event, 300)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);

	ASSERT_LE(0, fd);
	for (unsigned int i = 1; i <= rounds_of(200, 40); i++) {
		unsigned int before = line_hw_count(&self->line);
		bool by_write = i & 1;

		/* Masked in turn by a write, and by an event that is read later. */
		if (by_write) {
			ASSERT_EQ(0, write_value(fd, 0));
		} else {
			line_trigger(&self->line);
			ASSERT_TRUE(wait_event(fd));
		}
		for (int n = 0; n < 50; n++)
			line_trigger(&self->line);
		/* The last edge may still be on its way to another CPU. */
		while (line_expects_edge(&self->line))
			;
		if (!by_write)
			ASSERT_EQ(1, read_count(fd));
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
		ASSERT_EQ(-EAGAIN, read_count(fd));
		/*
		 * At most three: the event, the kept edge, and the edge that disables the line.
		 */
		ASSERT_GE(by_write ? 2 : 3, line_hw_count(&self->line) - before);
	}
}

/* An edge of a free-running line counts as handled even if no thread can run on its CPU. */
TEST_F(edge, not_spurious_at_any_priority)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	struct hog hog;

	ASSERT_LE(0, fd);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	line_move_away(&self->line);
	ASSERT_EQ(0, write_value(fd, 2));
	hog_start(&hog);
	for (int i = 0; i < 1000; i++)
		line_trigger(&self->line);
	EXPECT_EQ(0, count_unhandled(&self->line));
	hog_stop(&hog);
	EXPECT_LT(0, read_count(fd));
}

/* An edge that came while the last owner had the line masked is not given to the next owner. */
TEST_F_TIMEOUT(edge, next_owner_gets_no_old_event, 300)
{
	for (int i = 0; i < rounds_of(200, 40); i++) {
		int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
		unsigned int before;

		ASSERT_LE(0, fd);
		line_trigger(&self->line);
		ASSERT_TRUE(wait_event(fd));
		/* The file keeps one edge, and disables the line at the next one. */
		while (!line_keeps_edge(&self->line))
			line_trigger(&self->line);
		close(fd);

		before = line_hw_count(&self->line);
		fd = open(self->line.path, O_RDWR | O_NONBLOCK);
		ASSERT_LE(0, fd);
		ASSERT_EQ(-EAGAIN, read_count(fd));
		/* The first event is the edge that comes now. There is no other event. */
		line_trigger(&self->line);
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
		ASSERT_EQ(-EAGAIN, read_count(fd));
		ASSERT_EQ(before + 1, line_hw_count(&self->line));
		close(fd);
	}
}

/* An edge that a chip has kept while the line had no owner is not given to the next owner. */
TEST(edge_without_an_owner_is_discarded)
{
	struct fake fake;
	const char *why = fake_make(&fake, "edge");

	if (why)
		SKIP(return, "%s", why);
	for (int i = 0; i < rounds_of(100, 20); i++) {
		int fd;

		ASSERT_EQ(0, fake_do(&fake, "fire"));
		fd = open(fake.path, O_RDONLY | O_NONBLOCK);
		ASSERT_LE(0, fd);
		ASSERT_EQ(-EAGAIN, read_count(fd));
		ASSERT_EQ(0, fake_do(&fake, "fire"));
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
		ASSERT_EQ(-EAGAIN, read_count(fd));
		close(fd);
	}
	fake_dispose(&fake);
}

TEST_HARNESS_MAIN
