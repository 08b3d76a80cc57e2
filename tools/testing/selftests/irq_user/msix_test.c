// SPDX-License-Identifier: GPL-2.0
/*
 * Tests the vectors of MSI-X: their files appear when all vectors are set up, and the device
 * keeps a message that comes while a vector is masked.
 *
 * The device is QEMU's "igb", an Intel 82576. It sends the messages that a program asks for.
 * The driver irq_user leaves the vectors to user space.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "igb.h"
#include "node.h"
#include "rounds.h"

#define VECTORS		IGB_VECTORS
#define ALL		((1 << VECTORS) - 1)

/* How many milliseconds to wait for an event that must come. */
#define PATIENCE	5000

/* How many milliseconds without an event show that all messages have come. */
#define QUIET		200

struct card {
	struct line line;
	int irqs[VECTORS];
	int fds[VECTORS];		/* -1: not open */
};

/* Has the card send the messages of these vectors. */
static void fire(struct card *card, unsigned int vectors)
{
	igb_fire(card->line.regs, vectors);
}

/* Reads the numbers of the lines. */
static void find_lines(struct card *card)
{
	for (int i = 0; i < VECTORS; i++)
		card->irqs[i] = node_number(&card->line, node_vector("msix", i));
}

static void open_line(struct card *card, int index)
{
	char path[32];

	if (card->fds[index] >= 0)
		return;
	snprintf(path, sizeof(path), "/proc/irq/%d/irq", card->irqs[index]);
	card->fds[index] = open(path, O_RDWR | O_NONBLOCK);
}

static bool open_all(struct card *card)
{
	int number = 0;

	for (int i = 0; i < VECTORS; i++) {
		open_line(card, i);
		number += card->fds[i] >= 0;
	}
	return number == VECTORS;
}

static void close_all(struct card *card)
{
	for (int i = 0; i < VECTORS; i++) {
		if (card->fds[i] >= 0)
			close(card->fds[i]);
		card->fds[i] = -1;
	}
}

/* Checks that each line has exactly one event. */
static void check_one_event(struct __test_metadata *_metadata, struct card *card)
{
	for (int i = 0; i < VECTORS; i++) {
		ASSERT_TRUE(wait_event_for(card->fds[i], PATIENCE))
			TH_LOG("line %d has no event", card->irqs[i]);
		ASSERT_EQ(1, read_count(card->fds[i]));
		ASSERT_EQ(-EAGAIN, read_count(card->fds[i]));
	}
}

static const char *card_setup(struct card *card)
{
	memset(card, 0, sizeof(*card));
	memset(card->fds, -1, sizeof(card->fds));
	return igb_setup(&card->line);
}

FIXTURE(vectors)
{
	struct card card;
};

FIXTURE_SETUP(vectors)
{
	const char *why = card_setup(&self->card);

	if (why)
		SKIP(return, "%s", why);
	find_lines(&self->card);
}

FIXTURE_TEARDOWN(vectors)
{
	close_all(&self->card);
	igb_teardown(&self->card.line);
}

/* Each vector's message is an event of one line, and each vector has another line. */
TEST_F(vectors, each_vector_has_its_own_line)
{
	struct card *card = &self->card;
	struct pollfd pollfds[VECTORS];
	bool seen[VECTORS] = {};

	ASSERT_TRUE(open_all(card));
	for (int i = 0; i < VECTORS; i++)
		pollfds[i] = (struct pollfd){ .fd = card->fds[i], .events = POLLIN };
	for (int vector = 0; vector < VECTORS; vector++) {
		fire(card, 1 << vector);
		ASSERT_EQ(1, poll(pollfds, VECTORS, PATIENCE))
			TH_LOG("vector %d", vector);
		for (int i = 0; i < VECTORS; i++) {
			if (!pollfds[i].revents)
				continue;
			EXPECT_EQ(1, read_count(card->fds[i]));
			EXPECT_FALSE(seen[i]);
			seen[i] = true;
		}
	}
}

/* A thread that opens each line as soon as its file is there. */
struct opener {
	pthread_t thread;
	struct card *card;
	bool runs, may_stop;
};

static void *opener_main(void *arg)
{
	struct opener *opener = arg;

	__atomic_store_n(&opener->runs, true, __ATOMIC_RELEASE);
	for (int i = 0; !__atomic_load_n(&opener->may_stop, __ATOMIC_ACQUIRE); i++)
		open_line(opener->card, i % VECTORS);
	return NULL;
}

static void opener_start(struct opener *opener, struct card *card)
{
	*opener = (struct opener){ .card = card };
	pthread_create(&opener->thread, NULL, opener_main, opener);
	while (!__atomic_load_n(&opener->runs, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void opener_stop(struct opener *opener)
{
	__atomic_store_n(&opener->may_stop, true, __ATOMIC_RELEASE);
	pthread_join(opener->thread, NULL);
}

/* A line that is opened while the driver still allocates vectors works like any other. */
TEST_F_TIMEOUT(vectors, line_works_if_opened_early, 240)
{
	const time_t enough = time(NULL) + 60;
	struct card *card = &self->card;
	int early = 0, rounds;

	for (rounds = 0; rounds < 30 && time(NULL) < enough; rounds++) {
		int numbers[VECTORS];
		struct opener opener;

		/* On a slow kernel, some early opens are enough. */
		if (rounds >= rounds_of(30, 6) && early >= VECTORS)
			break;
		node_unbind(&card->line);
		close_all(card);
		memcpy(numbers, card->irqs, sizeof(numbers));
		/* The thread looks for the numbers of the last round, which are free again. */
		opener_start(&opener, card);
		ASSERT_EQ(NULL, node_bind(&card->line));
		opener_stop(&opener);

		find_lines(card);
		if (memcmp(numbers, card->irqs, sizeof(numbers)))
			close_all(card);
		for (int i = 0; i < VECTORS; i++)
			early += card->fds[i] >= 0;
		ASSERT_TRUE(open_all(card));
		ASSERT_EQ(NULL, igb_map(&card->line));
		fire(card, ALL);
		check_one_event(_metadata, card);
	}
	TH_LOG("%d of %d lines were opened before the driver was bound", early, rounds * VECTORS);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		EXPECT_LT(0, early);
}

/*
 * While the line of a vector has no owner, the device keeps its message. Several messages count
 * as one. The next owner gets it as its first event.
 */
TEST_F(vectors, device_keeps_a_message)
{
	struct card *card = &self->card;

	for (int round = 0; round < 3; round++) {
		fire(card, ALL);
		fire(card, ALL);
		ASSERT_TRUE(open_all(card));
		check_one_event(_metadata, card);
		fire(card, ALL);
		check_one_event(_metadata, card);
		close_all(card);
	}
	/* A message that was not sent does not come. */
	ASSERT_TRUE(open_all(card));
	for (int i = 0; i < VECTORS; i++)
		EXPECT_EQ(-EAGAIN, read_count(card->fds[i]));
}

/*
 * Messages that follow faster than they are handled may coalesce. None counts twice, and a
 * message that comes when all is quiet counts.
 */
TEST_F(vectors, free_running_counts_no_message_twice)
{
	/* Fewer than a storm. */
	const int messages = 500;
	struct card *card = &self->card;
	int events = 0, count;

	open_line(card, 0);
	ASSERT_LE(0, card->fds[0]);
	ASSERT_EQ(0, write_value(card->fds[0], 2));
	for (int i = 0; i < messages; i++)
		fire(card, 1);
	line_settle(&card->line);
	while (wait_event_for(card->fds[0], QUIET)) {
		count = read_count(card->fds[0]);
		ASSERT_LT(0, count);
		events += count;
	}
	TH_LOG("%d messages, %d events", messages, events);
	EXPECT_LE(1, events);
	EXPECT_GE(messages, events);

	for (int i = 0; i < rounds_of(100, 20); i++) {
		fire(card, 1);
		ASSERT_TRUE(wait_event(card->fds[0]));
		ASSERT_EQ(1, read_count(card->fds[0]));
	}
}

TEST_HARNESS_MAIN
