// SPDX-License-Identifier: GPL-2.0
/* Tests the page of a file: how it is mapped, what it shows, and that a reader never waits. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "edge.h"
#include "file.h"
#include "line_fixture.h"
#include "record.h"
#include "rounds.h"

#define MASKED	IRQ_USER_STATE_MASKED
#define BOTH	(PROT_READ | PROT_WRITE)
#define THREADS	3

/* The page is mapped from offset 0 in its length, shared or private. */
TEST_F(intx, one_page_can_be_mapped)
{
	int fd = open(self->line.path, O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, try_map(fd, PAGE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(0, try_map(fd, PAGE, PROT_READ, MAP_PRIVATE, 0));
	EXPECT_EQ(-EINVAL, try_map(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, try_map(fd, 2 * PAGE, PROT_READ, MAP_PRIVATE, 0));
	EXPECT_EQ(-EINVAL, try_map(fd, PAGE, PROT_READ, MAP_SHARED, PAGE));
	EXPECT_EQ(-EINVAL, try_map(fd, PAGE, PROT_READ, MAP_PRIVATE, PAGE));
}

/* The page cannot be written, at the time of the mapping or later, whatever the mode of open. */
TEST_F(intx, page_is_read_only)
{
	for (int write = 0; write < 2; write++) {
		int fd = open(self->line.path, write ? O_RDWR : O_RDONLY), error;
		const struct irq_user_page *page;

		ASSERT_LE(0, fd);
		EXPECT_EQ(write ? -EPERM : -EACCES, try_map(fd, PAGE, BOTH, MAP_SHARED, 0));
		error = try_map(fd, PAGE, BOTH, MAP_PRIVATE, 0);
		EXPECT_TRUE(error == -EPERM || error == -EACCES);
		for (int shared = 0; shared < 2; shared++) {
			page = mmap(NULL, PAGE, PROT_READ, shared ? MAP_SHARED : MAP_PRIVATE,
				    fd, 0);
			ASSERT_NE(MAP_FAILED, page);
			EXPECT_EQ(-1, mprotect((void *)page, PAGE, BOTH));
			EXPECT_EQ(EACCES, errno);
			/* No other page follows it. */
			EXPECT_EQ(MAP_FAILED, mremap((void *)page, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
			page_unmap(page);
		}
		close(fd);
	}
}

/* A mapping owns the line after the descriptor was closed, and shows its events. */
TEST_F(intx, mapping_keeps_the_file_open)
{
	int fd = open(self->line.path, O_RDONLY);
	const struct irq_user_page *page;

	ASSERT_LE(0, fd);
	page = page_map(fd);
	ASSERT_NE(NULL, page);
	close(fd);
	EXPECT_EQ(-EBUSY, try_open(self->line.path, O_RDONLY));
	line_raise(&self->line);
	page_wait_total(page, 1);
	line_ack(&self->line);
	EXPECT_EQ(-EBUSY, try_open(self->line.path, O_RDONLY));
	page_unmap(page);
	EXPECT_EQ(0, try_open(self->line.path, O_RDONLY));
}

/* A child does not inherit the mapping, and so does not own the line. */
TEST_F(intx, fork_does_not_inherit_the_mapping)
{
	int fd = open(self->line.path, O_RDONLY), ends[2], status;
	const struct irq_user_page *page;
	char byte = 0;
	pid_t pid;

	ASSERT_LE(0, fd);
	page = page_map(fd);
	ASSERT_NE(NULL, page);
	ASSERT_EQ(0, pipe(ends));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		unsigned char there;

		close(fd);
		byte = mincore((void *)page, PAGE, &there) == -1 && errno == ENOMEM;
		if (write(ends[1], &byte, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	ASSERT_EQ(1, read(ends[0], &byte, 1));
	EXPECT_EQ(1, byte);
	close(fd);
	EXPECT_EQ(-EBUSY, try_open(self->line.path, O_RDONLY));
	page_unmap(page);
	EXPECT_EQ(0, try_open(self->line.path, O_RDONLY));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

/* A core dump does not contain the page, and a child has no copy of it. */
TEST_F(intx, page_is_not_dumped)
{
	int fd = open(self->line.path, O_RDONLY);
	const struct irq_user_page *page;
	char row[512], range[32];
	bool found = false;
	FILE *file;

	ASSERT_LE(0, fd);
	page = page_map(fd);
	ASSERT_NE(NULL, page);
	snprintf(range, sizeof(range), "%08lx-", (unsigned long)page);
	file = fopen("/proc/self/smaps", "r");
	if (!file)
		SKIP(return, "no CONFIG_PROC_PAGE_MONITOR");
	while (fgets(row, sizeof(row), file)) {
		if (!strncmp(row, range, strlen(range)))
			found = true;
		if (found && !strncmp(row, "VmFlags:", strlen("VmFlags:")))
			break;
	}
	fclose(file);
	ASSERT_TRUE(found);
	EXPECT_NE(NULL, strstr(row, " dd"))
		TH_LOG("%s", row);
	EXPECT_NE(NULL, strstr(row, " dc"))
		TH_LOG("%s", row);
}

FIXTURE(mapped)
{
	struct line line;
	int fd;
	const struct irq_user_page *page;
};

FIXTURE_SETUP(mapped)
{
	const char *why = edge_line_setup(&self->line, "edge");

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	self->page = page_map(self->fd);
	ASSERT_NE(NULL, self->page);
}

FIXTURE_TEARDOWN(mapped)
{
	page_unmap(self->page);
	close(self->fd);
	edge_line_teardown(&self->line);
}

/* The page shows the total and the time of each edge, also of a kept one, without a read. */
TEST_F(mapped, page_shows_each_edge)
{
	struct irq_user_record record, read;

	page_read(self->page, &record);
	EXPECT_EQ(0, record.total);
	EXPECT_EQ(0, record.last);
	for (unsigned int edges = 1; edges < rounds_of(50, 10); edges++) {
		uint64_t begin = now(), end;

		edge_make(&self->line, "fire");
		end = now();
		page_read(self->page, &record);
		EXPECT_EQ(edges, record.total);
		EXPECT_LE(begin, record.last);
		EXPECT_GE(end, record.last);
		EXPECT_GE(record.last, record.first);
		EXPECT_EQ(0, record.flags);
		/* Each second edge is kept. */
		if (edges % 2)
			continue;
		ASSERT_EQ(0, read_record(self->fd, &read));
		EXPECT_EQ(edges - 1, read.total);
		ASSERT_EQ(0, read_record(self->fd, &read));
		EXPECT_EQ(edges, read.total);
		EXPECT_EQ(record.last, read.last);
		ASSERT_EQ(-EAGAIN, read_record(self->fd, &read));
	}
}

/* Behind the records the page has nothing. */
TEST_F(mapped, rest_of_the_page_is_zero)
{
	static const char zeroes[PAGE];
	size_t size = sizeof(struct irq_user_page);

	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, memcmp((char *)self->page + size, zeroes, PAGE - size));
		edge_make(&self->line, "fire");
	}
	fake_dispose(&self->line.fake);
	EXPECT_EQ(0, memcmp((char *)self->page + size, zeroes, PAGE - size));
}

/* The state shows whether the line is masked, by a write or by an event. */
TEST_F(mapped, state_shows_the_mask)
{
	for (int i = 0; i < rounds_of(50, 10); i++) {
		page_wait_state(self->page, ~0, 0);
		ASSERT_EQ(0, write_value(self->fd, 0));
		page_wait_state(self->page, ~0, MASKED);
		ASSERT_EQ(0, write_value(self->fd, 1));
		page_wait_state(self->page, ~0, 0);
		edge_make(&self->line, "fire");
		page_wait_state(self->page, ~0, MASKED);
		ASSERT_EQ(1, read_count(self->fd));
		page_wait_state(self->page, ~0, MASKED);
		/* This edge is kept, and is an event after the write. */
		edge_make(&self->line, "fire");
		ASSERT_EQ(0, write_value(self->fd, 1));
		page_wait_state(self->page, ~0, MASKED);
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(-EAGAIN, read_count(self->fd));
		page_wait_state(self->page, ~0, 0);
		ASSERT_EQ(0, write_value(self->fd, 2));
		edge_make(&self->line, "fire");
		page_wait_state(self->page, ~0, 0);
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(0, write_value(self->fd, 1));
	}
}

/* The state shows that edges were coalesced, until a read of either size. */
TEST_F(mapped, state_shows_coalesced_edges)
{
	struct irq_user_record record;

	for (int i = 0; i < 10; i++) {
		for (int edges = 0; edges < 2; edges++)
			edge_make(&self->line, "fire");
		page_wait_state(self->page, ~0, MASKED);
		edge_make(&self->line, "fire");
		page_wait_state(self->page, ~0, MASKED | IRQ_USER_STATE_COALESCED);
		ASSERT_EQ(i % 2, i % 2 ? read_count(self->fd) : read_record(self->fd, &record));
		page_wait_state(self->page, ~0, MASKED);
		ASSERT_EQ(1, read_count(self->fd));
		ASSERT_EQ(-EAGAIN, read_count(self->fd));
	}
}

/* The state shows a storm until it was reported. */
TEST_F(mapped, state_shows_a_storm)
{
	struct irq_user_record record;
	int events;

	ASSERT_EQ(0, write_value(self->fd, 2));
	events = fake_storm(&self->line.fake, self->fd);
	if (!events)
		SKIP(return, "the machine is too slow for a storm");
	ASSERT_EQ(POLLIN | POLLPRI, events);
	page_wait_state(self->page, MASKED | IRQ_USER_STATE_STORM, MASKED | IRQ_USER_STATE_STORM);
	ASSERT_EQ(0, read_record(self->fd, &record));
	EXPECT_TRUE(record.flags & IRQ_USER_RECORD_STORM);
	page_wait_state(self->page, MASKED | IRQ_USER_STATE_STORM, MASKED);
}

/* When the line is gone, the page says so and stays readable. It cannot be mapped again. */
TEST_F(mapped, page_stays_when_the_line_is_gone)
{
	struct irq_user_record before, after;

	edge_make(&self->line, "fire");
	page_read(self->page, &before);
	EXPECT_EQ(1, before.total);
	EXPECT_FALSE(page_state(self->page) & IRQ_USER_STATE_GONE);
	fake_dispose(&self->line.fake);
	page_wait_state(self->page, IRQ_USER_STATE_GONE, IRQ_USER_STATE_GONE);
	page_read(self->page, &after);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	EXPECT_EQ(-EIO, try_map(self->fd, PAGE, PROT_READ, MAP_SHARED, 0));
	close(self->fd);
	self->fd = -1;
	page_wait_state(self->page, IRQ_USER_STATE_GONE, IRQ_USER_STATE_GONE);
	page_read(self->page, &after);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

/* Threads that make calls at random until they have made enough. */
struct racer {
	pthread_t thread;
	int fd;
	unsigned int random;
	int values;			/* to be written: those below this one */
	bool reads;
};

static void *racer_main(void *arg)
{
	struct racer *racer = arg;
	struct irq_user_record record;

	for (unsigned int i = 0; i < 200; i++) {
		unsigned int choice;

		racer->random = racer->random * 1103515245 + 12345;
		choice = (racer->random >> 16) % 8;
		if (racer->reads && choice == 7)
			read_record(racer->fd, &record);
		else if (racer->reads && choice == 6)
			poll(&(struct pollfd){ .fd = racer->fd, .events = POLLIN }, 1, 0);
		else
			write_value(racer->fd, choice % racer->values);
	}
	return NULL;
}

static void racers_start(struct racer racers[THREADS], struct racer racer, int round)
{
	for (int i = 0; i < THREADS; i++) {
		racers[i] = racer;
		racers[i].random = round * THREADS + i;
		pthread_create(&racers[i].thread, NULL, racer_main, &racers[i]);
	}
}

static void racers_join(struct racer racers[THREADS])
{
	for (int i = 0; i < THREADS; i++)
		pthread_join(racers[i].thread, NULL);
}

/* After calls of several threads and events have raced, the state shows the mask of the line. */
TEST_F_TIMEOUT(intx, state_is_right_after_a_race, 300)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	const struct irq_user_page *page;
	unsigned int masked = 0, rounds = rounds_of(200, 40);

	ASSERT_LE(0, fd);
	page = page_map(fd);
	ASSERT_NE(NULL, page);
	for (int round = 0; round < rounds; round++) {
		struct racer racers[THREADS];
		int depth;

		racers_start(racers, (struct racer){ .fd = fd, .values = 2, .reads = true }, round);
		for (int i = 0; i < 20; i++) {
			line_raise(&self->line);
			sched_yield();
			line_ack(&self->line);
		}
		racers_join(racers);
		line_settle(&self->line);
		while (line_has_state(&self->line, "IRQD_IRQ_INPROGRESS"))
			;
		/* The core disables a level line that is masked. */
		depth = line_depth(&self->line);
		ASSERT_LE(0, depth);
		ASSERT_GE(1, depth);
		ASSERT_EQ(depth, page_state(page) & MASKED ? 1 : 0)
			TH_LOG("in round %d", round);
		masked += depth;
	}
	TH_LOG("the line was masked after %u of %u rounds", masked, rounds);
}

/* The same holds for an edge line, whose mask is in its file alone. */
TEST_F_TIMEOUT(mapped, state_of_an_edge_line_is_right_after_a_race, 300)
{
	for (int round = 0; round < rounds_of(200, 40); round++) {
		struct racer racers[THREADS];
		bool masked;
		int first;

		racers_start(racers, (struct racer){ .fd = self->fd, .values = 3 }, round);
		racers_join(racers);
		masked = page_state(self->page) & MASKED;
		/*
		 * If the line is masked, the edges are one event. If it is armed, the first is an
		 * event, and the second is kept. If it runs free, they are two.
		 */
		for (int i = 0; i < 2; i++)
			edge_make(&self->line, "fire");
		first = read_count(self->fd);
		if (first == 2) {
			ASSERT_FALSE(masked);
		} else {
			ASSERT_EQ(1, first);
			ASSERT_EQ(masked ? -EAGAIN : 1, read_count(self->fd))
				TH_LOG("in round %d", round);
		}
		while (read_count(self->fd) != -EAGAIN)
			;
	}
}

/* A thread that reads the page without a pause, and checks what it reads. */
struct spinner {
	pthread_t thread;
	const struct irq_user_page *page;
	int cpu;
	bool stop;
	unsigned long reads, changes, again;
	unsigned int wrong;
};

static void *spinner_main(void *arg)
{
	struct irq_user_record record, old = {};
	struct spinner *spinner = arg;

	pin_to(spinner->cpu);
	while (!__atomic_load_n(&spinner->stop, __ATOMIC_SEQ_CST)) {
		spinner->again += page_read(spinner->page, &record);
		spinner->reads++;
		spinner->wrong += record.total < old.total || record.flags;
		/* The time of an edge that the core has kept in a storm is not known. */
		spinner->wrong += record.last &&
			(record.last < old.last || record.first > record.last ||
			 (record.total == old.total && record.last != old.last));
		spinner->changes += record.total != old.total;
		if (!record.last)
			record.last = old.last;
		old = record;
	}
	return NULL;
}

static void spinner_start(struct spinner *spinner, const struct irq_user_page *page, int cpu)
{
	*spinner = (struct spinner) { .page = page, .cpu = cpu };
	pthread_create(&spinner->thread, NULL, spinner_main, spinner);
}

static void spinner_join(struct spinner *spinner)
{
	__atomic_store_n(&spinner->stop, true, __ATOMIC_SEQ_CST);
	pthread_join(spinner->thread, NULL);
}

/*
 * While edges come as fast as possible, masked and free, and readers take them, each record of
 * the page is consistent: its total and its time never decrease.
 */
TEST_F_TIMEOUT(mapped, records_are_consistent_while_edges_come, 300)
{
	struct irq_user_record record;
	struct spinner spinners[2];

	for (int i = 0; i < ARRAY_SIZE(spinners); i++)
		spinner_start(&spinners[i], self->page, i);
	ASSERT_TRUE(pin_to(0));
	for (int i = 0; i < rounds_of(40, 8); i++) {
		ASSERT_EQ(0, write_value(self->fd, 2));
		/* Edges without a pause, on the CPU that one of the spinners shares. */
		ASSERT_EQ(0, fake_do(&self->line.fake, "burst"));
		ASSERT_EQ(0, write_value(self->fd, 1));
		for (int n = 0; n < 100; n++) {
			for (int edges = 0; edges <= n % 3; edges++)
				ASSERT_EQ(0, fake_do(&self->line.fake, "fire"));
			while (!read_record(self->fd, &record))
				;
		}
	}
	for (int i = 0; i < ARRAY_SIZE(spinners); i++) {
		spinner_join(&spinners[i]);
		TH_LOG("CPU %d: %lu reads, %lu changes, %lu again", i, spinners[i].reads,
		       spinners[i].changes, spinners[i].again);
		EXPECT_EQ(0, spinners[i].wrong);
	}
}

/* A thread that makes the edges of a line that runs free. */
struct device {
	pthread_t thread;
	struct line *line;
	unsigned int events;
};

static void *device_main(void *arg)
{
	struct device *device = arg;

	pin_to(0);
	for (unsigned int i = 0; i < device->events; i++)
		fake_fire_slowly(&device->line->fake);
	return NULL;
}

/* A program that spins on the page sees each event of a free-running line with no system call. */
TEST_F_TIMEOUT(mapped, free_running_line_needs_no_call, 36000)
{
	struct device device = { .line = &self->line, .events = events_to_have(1000000, 300) };
	unsigned int before = line_hw_count(&self->line), masked = 0;
	struct irq_user_record record;
	uint64_t total = 0, seen = 0;

	ASSERT_EQ(0, write_value(self->fd, 2));
	page_wait_state(self->page, MASKED, 0);
	ASSERT_TRUE(pin_to(1));
	ASSERT_EQ(0, pthread_create(&device.thread, NULL, device_main, &device));
	while (total < device.events) {
		page_wait_total(self->page, total + 1);
		total = page_total(self->page);
		masked += page_state(self->page) & MASKED;
		seen++;
	}
	pthread_join(device.thread, NULL);
	TH_LOG("%u events, seen in %llu steps", device.events, (unsigned long long)seen);
	EXPECT_EQ(0, masked);
	EXPECT_EQ(device.events, total);
	EXPECT_EQ(device.events, line_hw_count(&self->line) - before);
	ASSERT_EQ(0, read_record(self->fd, &record));
	EXPECT_EQ(device.events, record.count);
	EXPECT_EQ(device.events, record.total);
}

/* A program that spins on the page serves a masked line with one write for each event. */
TEST_F(intx, masked_line_needs_one_write)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	unsigned int before = line_hw_count(&self->line);
	const unsigned int events = rounds_of(1000, 200);
	const struct irq_user_page *page;
	struct irq_user_record record;

	ASSERT_LE(0, fd);
	page = page_map(fd);
	ASSERT_NE(NULL, page);
	for (unsigned int i = 1; i <= events; i++) {
		line_raise(&self->line);
		page_wait_total(page, i);
		line_ack(&self->line);
		ASSERT_EQ(i, page_total(page));
		ASSERT_EQ(0, write_value(fd, 1));
	}
	EXPECT_EQ(events, line_hw_count(&self->line) - before);
	ASSERT_EQ(0, read_record(fd, &record));
	EXPECT_EQ(events, record.count);
	EXPECT_EQ(events, record.total);
	EXPECT_EQ(-EAGAIN, read_record(fd, &record));
}

FIXTURE(threaded)
{
	struct line line;
	int fd;
	const struct irq_user_page *page;
};

FIXTURE_VARIANT(threaded)
{
	const char *kind;
	const char *fire;
};

FIXTURE_VARIANT_ADD(threaded, nested) { .kind = "nested", .fire = "nested" };
FIXTURE_VARIANT_ADD(threaded, nested_edge) { .kind = "nested_edge", .fire = "nested" };

FIXTURE_SETUP(threaded)
{
	const char *why = edge_line_setup(&self->line, variant->kind);

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	self->page = page_map(self->fd);
	ASSERT_NE(NULL, self->page);
}

FIXTURE_TEARDOWN(threaded)
{
	page_unmap(self->page);
	close(self->fd);
	edge_line_teardown(&self->line);
}

/* Has the handler run, over and over. */
struct victim {
	pthread_t thread;
	struct line *line;
	const char *fire;
	const struct irq_user_page *page;
	int fd;
	bool stop;
	unsigned long events;
};

static void *victim_main(void *arg)
{
	struct victim *victim = arg;

	pin_to(0);
	while (!__atomic_load_n(&victim->stop, __ATOMIC_SEQ_CST)) {
		fake_do(&victim->line->fake, victim->fire);
		while (page_total(victim->page) == victim->events)
			sched_yield();
		fake_do(&victim->line->fake, "quiet");
		write_value(victim->fd, 1);
		__atomic_add_fetch(&victim->events, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/*
 * A reader of high priority that preempts the handler at any point does not wait for it. While the
 * reader keeps the CPU, the record does not change.
 */
TEST_F_TIMEOUT(threaded, reader_that_preempts_the_handler_does_not_wait, 120)
{
	struct victim victim = {
		.line = &self->line, .fire = variant->fire, .page = self->page, .fd = self->fd,
	};
	struct sched_param param = { .sched_priority = 90 };
	struct irq_user_record record, old = {};
	unsigned int again = 0, wrong = 0, changes = 0;

	ASSERT_TRUE(pin_to(0));
	ASSERT_EQ(0, pthread_create(&victim.thread, NULL, victim_main, &victim));
	while (!__atomic_load_n(&victim.events, __ATOMIC_SEQ_CST))
		sched_yield();
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &param));
	for (unsigned int i = 0; i < rounds_of(5000, 1000); i++) {
		/* The timer ends this sleep anywhere in the victim. */
		nanosleep(&(struct timespec){ .tv_nsec = 1000 + i * 7919 % 50000 }, NULL);
		again += page_read(self->page, &record);
		wrong += record.total < old.total || record.last < old.last ||
			record.first > record.last || record.flags != IRQ_USER_RECORD_THREAD;
		changes += record.total != old.total;
		old = record;
	}
	param.sched_priority = 0;
	sched_setscheduler(0, SCHED_OTHER, &param);
	__atomic_store_n(&victim.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(victim.thread, NULL);
	TH_LOG("%lu events, %u changes seen", victim.events, changes);
	EXPECT_EQ(0, again);
	EXPECT_EQ(0, wrong);
	EXPECT_LT(0, changes);
}

TEST_HARNESS_MAIN
