// SPDX-License-Identifier: GPL-2.0
/*
 * Tests the record that a read of 32 bytes returns: how often the line fired, when, and what was
 * missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "edge.h"
#include "edge_fixture.h"
#include "line_fixture.h"
#include "record.h"
#include "rounds.h"
#include "sleeper.h"
#include "uring.h"

#define THREADS	4

/* The time in which an event came. */
struct span {
	uint64_t begin, end;
};

static bool is_in(uint64_t time, struct span span)
{
	return span.begin <= time && time <= span.end;
}

/* Checks a record of one event. */
static void check_event(struct __test_metadata *_metadata, const struct irq_user_record *record,
			uint64_t total, struct span span)
{
	EXPECT_EQ(1, record->count);
	EXPECT_EQ(total, record->total);
	EXPECT_EQ(record->first, record->last);
	EXPECT_TRUE(is_in(record->first, span))
		TH_LOG("%llu is not from %llu to %llu", (unsigned long long)record->first,
		       (unsigned long long)span.begin, (unsigned long long)span.end);
}

/* A record has the number of events, their total since open, and the time of the handler. */
TEST_F(intx, level_event_has_its_time)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	struct irq_user_record record;

	ASSERT_LE(0, fd);
	ASSERT_EQ(-EAGAIN, read_record(fd, &record));
	for (int i = 1; i <= rounds_of(200, 40); i++) {
		struct span span = { .begin = now() };

		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		span.end = now();
		line_ack(&self->line);
		ASSERT_EQ(0, read_record(fd, &record));
		check_event(_metadata, &record, i, span);
		EXPECT_EQ(0, record.flags);
		ASSERT_EQ(-EAGAIN, read_record(fd, &record));
	}
}

/* The same holds for an edge or a message, without write access too. */
TEST_F(edge, edge_event_has_its_time)
{
	int fd = open(self->line.path, O_RDONLY | O_NONBLOCK);
	struct irq_user_record record;

	ASSERT_LE(0, fd);
	ASSERT_EQ(-EAGAIN, read_record(fd, &record));
	for (int i = 1; i <= rounds_of(200, 40); i++) {
		struct span span = { .begin = now() };

		line_trigger(&self->line);
		ASSERT_TRUE(wait_event(fd));
		span.end = now();
		ASSERT_EQ(0, read_record(fd, &record));
		check_event(_metadata, &record, i, span);
		EXPECT_EQ(0, record.flags);
		ASSERT_EQ(-EAGAIN, read_record(fd, &record));
	}
	close(fd);
}

FIXTURE(kind)
{
	struct fake fake;
};

FIXTURE_VARIANT(kind)
{
	const char *name;
	const char *fire;		/* the command that makes it fire */
	bool in_thread;			/* its chip needs a thread for the handler */
};

FIXTURE_VARIANT_ADD(kind, edge) { .name = "edge", .fire = "fire" };
FIXTURE_VARIANT_ADD(kind, message) { .name = "simple_message", .fire = "fire" };
FIXTURE_VARIANT_ADD(kind, level) { .name = "level", .fire = "assert" };
FIXTURE_VARIANT_ADD(kind, simple) { .name = "simple", .fire = "assert" };
FIXTURE_VARIANT_ADD(kind, slow_bus) { .name = "slow", .fire = "assert", .in_thread = true };
FIXTURE_VARIANT_ADD(kind, slow_edge) { .name = "slow_edge", .fire = "fire", .in_thread = true };
FIXTURE_VARIANT_ADD(kind, nested) { .name = "nested", .fire = "nested", .in_thread = true };
FIXTURE_VARIANT_ADD(kind, nested_edge)
{
	.name = "nested_edge", .fire = "nested", .in_thread = true
};

FIXTURE_SETUP(kind)
{
	const char *why = fake_make(&self->fake, variant->name);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(kind)
{
	fake_dispose(&self->fake);
}

/* A record says that its times are those of a thread if and only if the chip needs one. */
TEST_F(kind, flag_says_if_the_handler_has_a_thread)
{
	int fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
	struct irq_user_record record;

	ASSERT_LE(0, fd);
	ASSERT_EQ(-EAGAIN, read_record(fd, &record));
	for (int i = 1; i <= rounds_of(50, 10); i++) {
		struct span span = { .begin = now() };

		ASSERT_EQ(0, fake_do(&self->fake, variant->fire));
		ASSERT_TRUE(wait_event(fd));
		span.end = now();
		ASSERT_EQ(0, fake_do(&self->fake, "quiet"));
		ASSERT_EQ(0, read_record(fd, &record));
		check_event(_metadata, &record, i, span);
		EXPECT_EQ(variant->in_thread ? IRQ_USER_RECORD_THREAD : 0, record.flags);
		ASSERT_EQ(-EAGAIN, read_record(fd, &record));
	}
	close(fd);
}

FIXTURE(edges)
{
	struct line line;
	int fd;
};

FIXTURE_VARIANT(edges)
{
	const char *kind;		/* of the module's line; NULL: a GPIO's line */
	const char *fire;
};

FIXTURE_VARIANT_ADD(edges, edge) { .kind = "edge", .fire = "fire" };
FIXTURE_VARIANT_ADD(edges, bare) { .kind = "bare_edge", .fire = "fire" };
FIXTURE_VARIANT_ADD(edges, nested) { .kind = "nested_edge", .fire = "nested" };
FIXTURE_VARIANT_ADD(edges, message) { .kind = "simple_message", .fire = "fire" };
FIXTURE_VARIANT_ADD(edges, gpio) { };

FIXTURE_SETUP(edges)
{
	const char *why = edge_line_setup(&self->line, variant->kind);

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	/* An edge comes on the CPU of the thread that makes it: before that thread runs again. */
	ASSERT_TRUE(pin_to(0));
}

FIXTURE_TEARDOWN(edges)
{
	close(self->fd);
	edge_line_teardown(&self->line);
}

/* Makes an edge, and returns the time in which its handler ran. */
static struct span make_edge(struct line *line, const char *command)
{
	struct span span = { .begin = now() };

	edge_make(line, command);
	span.end = now();
	return span;
}

/* If a line runs free, a record has the times of the first and of the last of its events. */
TEST_F(edges, several_events_have_first_and_last)
{
	struct irq_user_record record;

	ASSERT_EQ(0, write_value(self->fd, 2));
	ASSERT_EQ(-EAGAIN, read_record(self->fd, &record));
	for (int i = 1; i <= rounds_of(20, 5); i++) {
		struct span first = make_edge(&self->line, variant->fire), last;

		for (int n = 0; n < 3; n++)
			make_edge(&self->line, variant->fire);
		last = make_edge(&self->line, variant->fire);
		ASSERT_EQ(0, read_record(self->fd, &record));
		EXPECT_EQ(5, record.count);
		EXPECT_EQ(5 * i, record.total);
		EXPECT_TRUE(is_in(record.first, first));
		EXPECT_TRUE(is_in(record.last, last));
		EXPECT_LT(record.first, record.last);
		EXPECT_EQ(0, record.flags & ~IRQ_USER_RECORD_THREAD);
		ASSERT_EQ(-EAGAIN, read_record(self->fd, &record));
	}
}

/* The time of a kept edge is when the edge came, not when the line was armed. */
TEST_F(edges, kept_edge_has_its_own_time)
{
	struct irq_user_record record;
	uint64_t total = 0;

	ASSERT_EQ(-EAGAIN, read_record(self->fd, &record));
	for (int i = 0; i < rounds_of(50, 10); i++) {
		struct span event = make_edge(&self->line, variant->fire);
		struct span kept = make_edge(&self->line, variant->fire);

		ASSERT_EQ(0, read_record(self->fd, &record));
		check_event(_metadata, &record, ++total, event);
		/* This read arms. */
		ASSERT_EQ(0, read_record(self->fd, &record));
		check_event(_metadata, &record, ++total, kept);
		EXPECT_EQ(0, record.flags & ~IRQ_USER_RECORD_THREAD);

		/* A write masks, and a write arms. */
		ASSERT_EQ(0, write_value(self->fd, 0));
		kept = make_edge(&self->line, variant->fire);
		ASSERT_EQ(0, write_value(self->fd, 1 + i % 2));
		ASSERT_TRUE(wait_event(self->fd));
		ASSERT_EQ(0, read_record(self->fd, &record));
		check_event(_metadata, &record, ++total, kept);
		EXPECT_EQ(0, record.flags & ~IRQ_USER_RECORD_THREAD);
		ASSERT_EQ(0, write_value(self->fd, 1));
		ASSERT_EQ(-EAGAIN, read_record(self->fd, &record));
	}
}

/*
 * Takes all events of a masked line with records. Adds their number to @sum. Returns their
 * flags, or -errno.
 */
static int drain(int fd, uint64_t *sum)
{
	struct irq_user_record record;
	int flags = 0, error;

	while (!(error = read_record(fd, &record))) {
		*sum += record.count;
		flags |= record.flags;
		/* The total has no edge that is in no count. */
		if (record.total != *sum)
			return -EPROTO;
	}
	return error == -EAGAIN ? flags : error;
}

/* If edges were coalesced, and only then, a record has the flag. */
TEST_F(edges, coalesced_edges_set_the_flag)
{
	/* This chip keeps one more edge once the core has masked it, with the fourth. */
	const int most = variant->kind && !strcmp(variant->kind, "edge") ? 3 : 2;
	uint64_t sum = 0;

	for (int i = 0; i < rounds_of(20, 5); i++) {
		for (int edges = 0; edges < 8; edges++) {
			uint64_t before = sum;
			int flags;

			/* One is an event, and one is kept. */
			for (int n = 0; n < edges; n++)
				edge_fire(&self->line, variant->fire);
			flags = drain(self->fd, &sum);
			ASSERT_LE(0, flags);
			EXPECT_EQ(edges < 2 ? edges : edges < 5 ? 2 : most, sum - before)
				TH_LOG("of %d edges", edges);
			EXPECT_EQ(edges > 2, !!(flags & IRQ_USER_RECORD_COALESCED))
				TH_LOG("after %d edges", edges);
		}
	}
}

/* A read of four bytes clears the flag, which the next record does not have. */
TEST_F(edges, count_clears_the_flag)
{
	struct irq_user_record record;

	ASSERT_EQ(-EAGAIN, read_record(self->fd, &record));
	for (int i = 1; i <= rounds_of(20, 5); i++) {
		for (int n = 0; n < 3; n++)
			make_edge(&self->line, variant->fire);
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(0, read_record(self->fd, &record));
		EXPECT_EQ(1, record.count);
		EXPECT_EQ(2 * i, record.total);
		EXPECT_EQ(0, record.flags & ~IRQ_USER_RECORD_THREAD);
		ASSERT_EQ(-EAGAIN, read_record(self->fd, &record));
	}
}

/* The total has all events since open, however they were read. */
TEST_F(edges, total_has_the_events_of_both_sizes)
{
	struct irq_user_record record;
	uint64_t total = 0;

	for (; total < 5; total++) {
		make_edge(&self->line, variant->fire);
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(-EAGAIN, read_count(self->fd));
	}
	for (int i = 0; i < rounds_of(50, 10); i++) {
		struct span span = make_edge(&self->line, variant->fire);

		total++;
		if (i % 3) {
			ASSERT_EQ(1, read_count(self->fd));
		} else {
			ASSERT_EQ(0, read_record(self->fd, &record));
			EXPECT_EQ(1, record.count);
			EXPECT_EQ(total, record.total);
			/* The first record tells the kernel to take times. */
			if (i)
				check_event(_metadata, &record, total, span);
		}
		ASSERT_EQ(-EAGAIN, i % 2 ? read_count(self->fd) : read_record(self->fd, &record));
	}
}

/* An event from before the first record is counted. Its time is not known. */
TEST_F(edges, event_before_the_first_record_has_no_time)
{
	struct irq_user_record record;
	struct span span;

	make_edge(&self->line, variant->fire);
	ASSERT_EQ(0, read_record(self->fd, &record));
	EXPECT_EQ(1, record.count);
	EXPECT_EQ(1, record.total);
	EXPECT_EQ(0, record.first);
	EXPECT_EQ(0, record.last);
	ASSERT_EQ(-EAGAIN, read_record(self->fd, &record));
	span = make_edge(&self->line, variant->fire);
	ASSERT_EQ(0, read_record(self->fd, &record));
	check_event(_metadata, &record, 2, span);
}

/* If the times begin between two events of one record, only the last time is known. */
TEST_F(edges, times_begin_with_the_first_mapping)
{
	const struct irq_user_page *page;
	struct irq_user_record record;
	struct span span;

	ASSERT_EQ(0, write_value(self->fd, 2));
	make_edge(&self->line, variant->fire);
	page = page_map(self->fd);
	ASSERT_NE(NULL, page);
	page_unmap(page);
	span = make_edge(&self->line, variant->fire);
	ASSERT_EQ(0, read_record(self->fd, &record));
	EXPECT_EQ(2, record.count);
	EXPECT_EQ(2, record.total);
	EXPECT_EQ(0, record.first);
	EXPECT_TRUE(is_in(record.last, span));
}

/* A read that fails with EFAULT loses nothing of the record. */
TEST_F(edges, bad_buffer_keeps_the_record)
{
	struct irq_user_record record;
	char *page = map_edge();

	ASSERT_NE(NULL, page);
	ASSERT_EQ(-EAGAIN, read_record(self->fd, &record));
	for (int i = 1; i <= 4; i++) {
		struct span span = make_edge(&self->line, variant->fire);

		/* Edges for the flag. */
		for (int n = 0; n < 2; n++)
			make_edge(&self->line, variant->fire);
		EXPECT_EQ(-EFAULT, read_record(self->fd, (void *)8));
		for (size_t fits = 0; fits < sizeof(record); fits++) {
			ASSERT_EQ(-EFAULT, read_record(self->fd, (void *)(page + PAGE - fits)))
				TH_LOG("%zu bytes fit", fits);
		}
		ASSERT_EQ(0, read_record(self->fd, &record));
		check_event(_metadata, &record, 2 * i - 1, span);
		EXPECT_EQ(IRQ_USER_RECORD_COALESCED, record.flags & ~IRQ_USER_RECORD_THREAD);
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(-EAGAIN, read_record(self->fd, &record));
	}
}

static int read_by(int fd, struct irq_user_record *record, int way)
{
	struct iovec iov[] = {
		{ .iov_base = record, .iov_len = 13 },
		{ .iov_base = (char *)record + 13, .iov_len = sizeof(*record) - 13 },
	};
	struct ring ring;
	ssize_t len;

	switch (way) {
	case 0:
		return read_record(fd, record);
	case 1:
		return read_record_nowait(fd, record);
	case 2:
		len = readv(fd, iov, 2);
		break;
	case 3:
		len = preadv2(fd, iov, 2, -1, RWF_NOWAIT);
		break;
	default:
		if (ring_setup(&ring) ||
		    (way == 4 ? ring_submit(&ring, IORING_OP_READ, fd, record, sizeof(*record)) :
				ring_submit(&ring, IORING_OP_READV, fd, iov, 2)))
			return -EPROTO;
		len = ring_wait(&ring);
		close(ring.fd);
		errno = -len;
	}
	return len < 0 ? -errno : len == sizeof(*record) ? 0 : -EPROTO;
}

#define WAYS	6

/* Each way to read returns the record: read, readv, preadv2 and io_uring, in one part or more. */
TEST_F(intx, record_is_returned_in_each_way)
{
	int fd = open(self->line.path, O_RDONLY);
	struct irq_user_record record;

	ASSERT_LE(0, fd);
	ASSERT_EQ(-EAGAIN, read_record_nowait(fd, &record));
	for (int i = 1; i <= 3 * WAYS; i++) {
		struct span span = { .begin = now() };

		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		span.end = now();
		line_ack(&self->line);
		memset(&record, 0x5a, sizeof(record));
		ASSERT_EQ(0, read_by(fd, &record, i % WAYS))
			TH_LOG("in way %d", i % WAYS);
		check_event(_metadata, &record, i, span);
		EXPECT_EQ(-EAGAIN, read_record_nowait(fd, &record));
	}
}

/* A read of io_uring waits for the event and completes with its record. */
TEST_F(intx, uring_waits_for_the_record)
{
	int fd = open(self->line.path, O_RDONLY);
	struct irq_user_record record;
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	for (int i = 1; i <= rounds_of(200, 40); i++) {
		struct span span;

		ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, fd, &record, sizeof(record)));
		ASSERT_TRUE(ring_is_empty(&ring));
		span.begin = now();
		line_raise(&self->line);
		ASSERT_EQ(sizeof(record), ring_wait(&ring));
		span.end = now();
		check_event(_metadata, &record, i, span);
		line_ack(&self->line);
	}
}

/* Without an event, a non-blocking read fails with EAGAIN, and arms. */
TEST_F(intx, nonblocking_read_of_a_record_arms)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	struct irq_user_record record;

	ASSERT_LE(0, fd);
	for (int i = 1; i <= 3; i++) {
		unsigned int before;

		ASSERT_EQ(0, write_value(fd, 0));
		ASSERT_EQ(-EAGAIN, read_record(fd, &record));
		before = line_hw_count(&self->line);
		line_raise(&self->line);
		line_wait_handled(&self->line, before);
		ASSERT_EQ(0, read_record(fd, &record));
		EXPECT_EQ(1, record.count);
		EXPECT_EQ(i, record.total);
		/* The device still asserts: if the read had armed, the line would fire again. */
		line_settle(&self->line);
		EXPECT_EQ(before + 1, line_hw_count(&self->line));
		line_ack(&self->line);
	}
}

static bool sleep_for_record(int fd)
{
	struct irq_user_record record;

	return !read_record(fd, &record) && record.count == 1 && record.first &&
	       record.first == record.last;
}

static bool sleep_for_signal(int fd)
{
	struct irq_user_record record;

	return read_record(fd, &record) == -EINTR;
}

static bool sleep_for_end(int fd)
{
	struct irq_user_record record;

	return read_record(fd, &record) == -EIO;
}

/* A blocking read sleeps until the line fires. */
TEST_F(intx, blocking_read_waits_for_the_record)
{
	int fd = open(self->line.path, O_RDONLY);
	struct sleeper sleeper;

	ASSERT_LE(0, fd);
	for (int i = 0; i < rounds_of(50, 10); i++) {
		sleeper_start(&sleeper, fd, sleep_for_record);
		line_raise(&self->line);
		ASSERT_TRUE(sleeper_join(&sleeper));
		line_ack(&self->line);
	}
}

/* A signal ends a read that sleeps. No event is lost. */
TEST_F(intx, signal_interrupts_a_read_of_a_record)
{
	int fd = open(self->line.path, O_RDONLY);
	struct irq_user_record record;
	struct sleeper sleeper;

	ASSERT_LE(0, fd);
	ignore_signal(SIGUSR1, 0);
	sleeper_start(&sleeper, fd, sleep_for_signal);
	pthread_kill(sleeper.thread, SIGUSR1);
	EXPECT_TRUE(sleeper_join(&sleeper));
	line_raise(&self->line);
	EXPECT_EQ(0, read_record(fd, &record));
	EXPECT_EQ(1, record.total);
	line_ack(&self->line);
}

FIXTURE(module)
{
	struct line line;
	int fd;
};

FIXTURE_SETUP(module)
{
	const char *why = edge_line_setup(&self->line, "edge");

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(module)
{
	close(self->fd);
	edge_line_teardown(&self->line);
}

/* When the line goes away, reads that sleep and later reads fail with EIO. */
TEST_F(module, removal_ends_a_read_of_a_record)
{
	struct irq_user_record record;
	struct sleeper sleepers[2];

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	for (int i = 0; i < ARRAY_SIZE(sleepers); i++)
		sleeper_start(&sleepers[i], self->fd, sleep_for_end);
	fake_dispose(&self->line.fake);
	for (int i = 0; i < ARRAY_SIZE(sleepers); i++)
		EXPECT_TRUE(sleeper_join(&sleepers[i]));
	EXPECT_EQ(-EIO, read_record(self->fd, &record));
	EXPECT_EQ(-EIO, read_record_nowait(self->fd, &record));
}

/*
 * The record of a storm has the events and a flag, which is set once. If a read of four bytes has
 * taken the events, the next record has the flag alone.
 */
TEST_F(module, storm_is_in_the_record)
{
	for (int is_first = 0; is_first < 2; is_first++) {
		struct irq_user_record record;
		uint64_t begin;
		int events;

		ASSERT_EQ(0, write_value(self->fd, 2));
		ASSERT_EQ(-EAGAIN, read_record(self->fd, &record));
		begin = now();
		events = fake_storm(&self->line.fake, self->fd);
		if (!events && _metadata->exit_code)
			/* SKIP() would hide that a round has failed. */
			return;
		if (!events)
			SKIP(return, "the machine is too slow for a storm");
		ASSERT_EQ(POLLIN | POLLPRI, events);

		if (!is_first)
			EXPECT_LT(0, read_count(self->fd));
		ASSERT_EQ(0, read_record(self->fd, &record));
		EXPECT_TRUE(record.flags & IRQ_USER_RECORD_STORM);
		EXPECT_GT(BURST, record.count);
		EXPECT_EQ(is_first, record.count > 0);
		EXPECT_LE(record.count, record.total);
		if (is_first) {
			EXPECT_LE(begin, record.first);
			EXPECT_LT(record.first, record.last);
			EXPECT_GE(now(), record.last);
		}

		/* The edges that came while the line was masked are one event. */
		ASSERT_EQ(0, read_record(self->fd, &record));
		EXPECT_EQ(1, record.count);
		EXPECT_FALSE(record.flags & IRQ_USER_RECORD_STORM);
		EXPECT_EQ(-EAGAIN, read_record(self->fd, &record));
	}
}

/* Threads that read records of a line. */
struct readers {
	int fd;
	unsigned int events;		/* the device's own count */
	unsigned int sum;		/* of all counts */
	unsigned int flagged;		/* records of coalesced edges */
	unsigned int wrong;		/* records */
	unsigned int greatest;		/* total */
	bool *seen;			/* totals */
	pid_t tid;			/* of one of them */
};

static bool is_right(struct readers *readers, const struct irq_user_record *record)
{
	return record->count && record->total >= record->count &&
	       record->total <= readers->events && record->first && record->first <= record->last &&
	       record->last <= now() &&
	       !__atomic_exchange_n(&readers->seen[record->total], true, __ATOMIC_SEQ_CST);
}

static void *readers_main(void *arg)
{
	struct irq_user_record record;
	struct readers *readers = arg;
	unsigned int greatest = 0;
	int error;

	pin_to(0);
	__atomic_store_n(&readers->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	while (!(error = read_record(readers->fd, &record))) {
		unsigned int total = record.total;

		if (!is_right(readers, &record))
			__atomic_add_fetch(&readers->wrong, 1, __ATOMIC_SEQ_CST);
		if (record.flags & IRQ_USER_RECORD_COALESCED)
			__atomic_add_fetch(&readers->flagged, 1, __ATOMIC_SEQ_CST);
		while (greatest < total &&
		       !__atomic_compare_exchange_n(&readers->greatest, &greatest, total, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			;
		__atomic_add_fetch(&readers->sum, record.count, __ATOMIC_SEQ_CST);
	}
	if (error != -EIO)
		__atomic_add_fetch(&readers->wrong, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/*
 * Threads that read records of a free-running line share its events: the counts add up to the
 * device's own count, no two records have the same total, and the greatest is that count.
 */
TEST_F_TIMEOUT(module, records_of_several_threads_add_up, 36000)
{
	struct readers readers = { .fd = self->fd, .events = events_to_have(1000000, 300) };
	unsigned int before = line_hw_count(&self->line);
	pthread_t threads[THREADS];
	struct irq_user_record none;

	readers.seen = calloc(readers.events + 1, sizeof(*readers.seen));
	ASSERT_NE(NULL, readers.seen);
	ASSERT_EQ(-EAGAIN, read_record(self->fd, &none));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, write_value(self->fd, 2));
	/* The readers are on CPU 0. */
	pin_to(1);
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, readers_main, &readers));
	for (unsigned int i = 0; i < readers.events; i++)
		fake_fire_slowly(&self->line.fake);
	while (__atomic_load_n(&readers.sum, __ATOMIC_SEQ_CST) < readers.events)
		sched_yield();
	EXPECT_EQ(readers.events, line_hw_count(&self->line) - before);
	fake_dispose(&self->line.fake);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(readers.events, readers.sum);
	EXPECT_EQ(readers.events, readers.greatest);
	EXPECT_EQ(0, readers.wrong);
	EXPECT_EQ(0, readers.flagged);
	free(readers.seen);
}

/*
 * If more edges come than are read, the counts and the edges that the device has made differ by
 * those that were coalesced, and exactly then a record has the flag.
 */
TEST_F_TIMEOUT(module, each_overrun_is_flagged, 36000)
{
	unsigned int wanted = events_to_have(1000000, 1000), edges = 0, missed = 0;
	uint64_t sum = 0;

	/* An edge comes on the CPU of the thread that makes it: before that thread runs again. */
	ASSERT_TRUE(pin_to(0));
	for (unsigned int round = 0; edges < wanted; round++) {
		unsigned int burst = 1 + round % 6;
		uint64_t before = sum;
		int flags;

		for (unsigned int i = 0; i < burst; i++)
			ASSERT_EQ(0, fake_do(&self->line.fake, "fire"));
		edges += burst;
		flags = drain(self->fd, &sum);
		ASSERT_LE(0, flags);
		ASSERT_LT(before, sum);
		ASSERT_GE(burst, sum - before);
		ASSERT_EQ(burst > sum - before, !!(flags & IRQ_USER_RECORD_COALESCED))
			TH_LOG("%llu of %u edges", (unsigned long long)(sum - before), burst);
		missed += burst - (sum - before);
	}
	TH_LOG("%u edges, %llu counted, %u coalesced", edges, (unsigned long long)sum, missed);
	EXPECT_EQ(edges, sum + missed);
	EXPECT_LT(0, missed);
}

/* The same holds while a thread reads. */
TEST_F_TIMEOUT(module, overruns_during_reads_are_flagged, 36000)
{
	struct readers readers = { .fd = self->fd, .events = events_to_have(1000000, 1000) };
	struct irq_user_record none;
	pthread_t thread;

	readers.seen = calloc(readers.events + 1, sizeof(*readers.seen));
	ASSERT_NE(NULL, readers.seen);
	ASSERT_EQ(-EAGAIN, read_record(self->fd, &none));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, readers_main, &readers));
	/*
	 * If two CPUs use the fake chip, it may lose an edge before the line sees it. So the
	 * reader, which unmasks the chip, is on the same CPU.
	 */
	ASSERT_TRUE(pin_to(0));
	for (unsigned int edges = 0; edges < readers.events; edges++) {
		ASSERT_EQ(0, fake_do(&self->line.fake, "fire"));
		if (edges % 7 == edges % 11)
			sched_yield();
	}
	while (!__atomic_load_n(&readers.tid, __ATOMIC_SEQ_CST))
		sched_yield();
	/* When the reader sleeps, the line is armed and no edge is left. */
	wait_asleep(readers.tid);
	TH_LOG("%u edges, %u counted, %u flags", readers.events, readers.sum, readers.flagged);
	EXPECT_GE(readers.events, readers.sum);
	EXPECT_EQ(readers.events > readers.sum, readers.flagged > 0);
	EXPECT_EQ(readers.sum, readers.greatest);
	fake_dispose(&self->line.fake);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, readers.wrong);
	free(readers.seen);
}

TEST_HARNESS_MAIN
