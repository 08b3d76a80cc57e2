// SPDX-License-Identifier: GPL-2.0
/*
 * Tests /dev/irq/<device>/intx on an INTx line that several functions share: each function has
 * a line of its own. Whatever a program does with one line, the drivers and programs of the
 * other functions keep working.
 *
 * QEMU's machines connect the slots 2 and 6 to one line, and the slots 8 and 12 to another one.
 * See harness/selftests/run for the devices.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "file.h"
#include "node.h"
#include "rounds.h"
#include "sleeper.h"

#define VIRTIO		0x1af4
#define ENTROPY		0x1044		/* as a modern device */
#define OLD_ENTROPY	0x1005		/* as one that is transitional */

/* How many seconds to wait for something that must come. A test ends if it does not. */
#define PATIENCE	60

/* A thread that owns a function's line makes the function interrupt, and takes the events. */
struct owner {
	pthread_t thread;
	struct line *line;
	int fd;
	unsigned int rounds;		/* how many events it makes */
	unsigned int before;		/* interrupts */
	unsigned int events;
	bool storms;			/* never makes the function quiet */
	bool stop;
	int error;
};

static unsigned int load(const unsigned int *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* Takes an event. It comes while the line is armed, or before the read that arms. */
static int take_event(struct owner *owner)
{
	int count;

	if (owner->storms)
		return read_count(owner->fd);
	if (owner->events & 1 && write_value(owner->fd, 1))
		return -EPROTO;
	line_raise(owner->line);
	count = read_count(owner->fd);
	line_ack(owner->line);
	return count;
}

static void *owner_main(void *arg)
{
	struct owner *owner = arg;
	int count = 1;

	while (count == 1 && owner->events < owner->rounds &&
	       !__atomic_load_n(&owner->stop, __ATOMIC_SEQ_CST)) {
		count = take_event(owner);
		if (count == 1)
			__atomic_add_fetch(&owner->events, 1, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&owner->error, count == 1 ? 0 : count ? : -EPROTO, __ATOMIC_SEQ_CST);
	return NULL;
}

static void start(struct owner *owner)
{
	/* If the function asserts already, the open gives an interrupt. */
	owner->before = line_hw_count(owner->line);
	owner->fd = open(owner->line->path, O_RDWR);
	pthread_create(&owner->thread, NULL, owner_main, owner);
}

static void owner_start(struct owner *owner, struct line *line, unsigned int rounds)
{
	*owner = (struct owner) { .line = line, .rounds = rounds };
	start(owner);
}

/*
 * Starts an owner that reads in a loop and never quiets the function, so that each read arms
 * and the function interrupts again.
 */
static void storm_start(struct owner *owner, struct line *line)
{
	*owner = (struct owner) { .line = line, .rounds = UINT_MAX, .storms = true };
	line_raise(line);
	start(owner);
}

/* Waits up to PATIENCE seconds for @more events. Returns whether they came. */
static bool owner_goes_on(struct owner *owner, unsigned int more)
{
	const unsigned int wanted = load(&owner->events) + more;
	const time_t enough = time(NULL) + PATIENCE;

	while (load(&owner->events) < wanted) {
		if (__atomic_load_n(&owner->error, __ATOMIC_SEQ_CST) || time(NULL) > enough)
			return false;
		sched_yield();
	}
	return true;
}

/* Waits until the owner has made all rounds, or has failed. */
static void owner_join(struct owner *owner)
{
	pthread_join(owner->thread, NULL);
	fcntl(owner->fd, F_SETFL, O_NONBLOCK);
}

static void owner_stop(struct owner *owner)
{
	__atomic_store_n(&owner->stop, true, __ATOMIC_SEQ_CST);
	owner_join(owner);
}

/*
 * Checks that each interrupt of the function is an event, and that there is no other event.
 * Closes the file.
 */
static void check_exact(struct __test_metadata *_metadata, struct owner *owner)
{
	EXPECT_EQ(0, owner->error);
	EXPECT_EQ(line_hw_count(owner->line) - owner->before, owner->events);
	/* Reading an event does not arm the line, so no event is left. */
	line_ack(owner->line);
	EXPECT_EQ(-EAGAIN, read_count(owner->fd));
	line_settle(owner->line);
	EXPECT_EQ(-EAGAIN, read_count(owner->fd));
	EXPECT_EQ(line_hw_count(owner->line) - owner->before, owner->events);
	close(owner->fd);
}

/* Checks that each interrupt of the function is one event. */
static void check_works(struct __test_metadata *_metadata, struct line *line)
{
	struct owner owner;

	line_ack(line);
	owner_start(&owner, line, 20);
	owner_join(&owner);
	EXPECT_EQ(20, owner.events);
	check_exact(_metadata, &owner);
}

/* Waits up to PATIENCE seconds until the function is masked. Returns whether it is. */
static bool comes_to_be_masked(struct line *line)
{
	const time_t enough = time(NULL) + PATIENCE;

	while (!(node_config(line, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE)) {
		if (time(NULL) > enough)
			return false;
		sched_yield();
	}
	return true;
}

/* Masks or unmasks the function without the driver's knowledge. */
static void mask_by_hand(struct line *line, bool on)
{
	node_set_config(line, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, on);
}

/*
 * Prepares the device of that index. It is not enabled by sysfs: so unbinding disables it, and
 * leaves it masked.
 */
static const char *find_card(struct line *line, int index)
{
	const char *why = line_setup_card(line, index);

	if (!why)
		line_enable(line, false);
	return why;
}

/* Two "edu" devices on one line, both bound to irq_user. */
FIXTURE(functions)
{
	struct line cards[2];
};

FIXTURE_SETUP(functions)
{
	struct line *cards = self->cards;

	memset(cards, 0, sizeof(self->cards));
	for (int i = 0; i < 2; i++) {
		const char *why = find_card(&cards[i], i);

		if (!why)
			why = node_take(&cards[i], "intx");
		if (why)
			SKIP(return, "%s", why);
	}
	if (cards[0].wire != cards[1].wire)
		SKIP(return, "the \"edu\" devices share no INTx line");
}

FIXTURE_TEARDOWN(functions)
{
	for (int i = 0; i < 2; i++)
		node_teardown(&self->cards[i]);
}

/*
 * Both functions interrupt at the same time. No event is lost, and none is counted for the
 * other function.
 */
TEST_F_TIMEOUT(functions, two_functions_count_their_own, 3600)
{
	const unsigned int rounds = events_to_have(100000, 200);
	struct owner owners[2];

	for (int i = 0; i < 2; i++)
		owner_start(&owners[i], &self->cards[i], rounds);
	for (int i = 0; i < 2; i++)
		owner_join(&owners[i]);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(rounds, owners[i].events);
		check_exact(_metadata, &owners[i]);
	}
}

/* A function that is never acknowledged, armed or not, takes no event from its sibling. */
TEST_F_TIMEOUT(functions, unacknowledged_function_stops_no_sibling, 3600)
{
	const unsigned int rounds = events_to_have(100000, 200);
	struct owner sibling, storm;
	int fd;

	fd = open(self->cards[0].path, O_RDWR);
	ASSERT_LE(0, fd);
	line_raise(&self->cards[0]);
	ASSERT_TRUE(wait_event(fd));
	owner_start(&sibling, &self->cards[1], rounds);
	owner_join(&sibling);
	EXPECT_EQ(rounds, sibling.events);
	check_exact(_metadata, &sibling);
	EXPECT_EQ(1, read_count(fd));
	close(fd);

	storm_start(&storm, &self->cards[0]);
	owner_start(&sibling, &self->cards[1], rounds);
	ASSERT_TRUE(owner_goes_on(&storm, 100));
	owner_join(&sibling);
	EXPECT_EQ(rounds, sibling.events);
	check_exact(_metadata, &sibling);
	owner_stop(&storm);
	check_exact(_metadata, &storm);
}

/* The same holds for a function whose line has no owner, even if a program unmasks it. */
TEST_F_TIMEOUT(functions, line_without_owner_stops_no_sibling, 600)
{
	struct line *line = &self->cards[0];
	struct owner sibling;
	int fd;

	owner_start(&sibling, &self->cards[1], UINT_MAX);
	line_raise(line);
	for (int i = 0; i < rounds_of(100, 20); i++) {
		ASSERT_TRUE(comes_to_be_masked(line));
		ASSERT_TRUE(owner_goes_on(&sibling, 10));
		mask_by_hand(line, false);
	}
	ASSERT_TRUE(comes_to_be_masked(line));

	/* The function still asserts. The next owner gets one event for that. */
	fd = open(line->path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(wait_event(fd));
	EXPECT_EQ(1, read_count(fd));
	line_ack(line);
	EXPECT_EQ(-EAGAIN, read_count(fd));
	line_settle(line);
	EXPECT_EQ(-EAGAIN, read_count(fd));
	close(fd);
	ASSERT_TRUE(comes_to_be_masked(line));
	owner_stop(&sibling);
	check_exact(_metadata, &sibling);
}

/*
 * If a program clears DisINTx while the line is masked, the kernel sets it again, and no event
 * comes.
 */
static void clear_while_masked(struct __test_metadata *_metadata, struct line *line, int fd)
{
	unsigned int before = line_hw_count(line);

	line_raise(line);
	ASSERT_TRUE(wait_event(fd));
	mask_by_hand(line, false);
	ASSERT_TRUE(comes_to_be_masked(line));
	EXPECT_EQ(1, read_count(fd));
	line_ack(line);
	EXPECT_EQ(-EAGAIN, read_count(fd));
	line_settle(line);
	EXPECT_EQ(-EAGAIN, read_count(fd));
	EXPECT_EQ(before + 1, line_hw_count(line));
}

/*
 * If a program sets DisINTx while the line is armed, the function is silent until the line is
 * armed again, or another function interrupts. Then the kernel sees the function's status.
 */
static void set_while_armed(struct __test_metadata *_metadata, struct line *line, int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int count;

	EXPECT_EQ(-EAGAIN, read_count(fd));
	mask_by_hand(line, true);
	line_raise(line);
	line_settle(line);
	ASSERT_EQ(0, write_value(fd, 0));
	ASSERT_EQ(0, write_value(fd, 1));
	ASSERT_TRUE(wait_event(fd));
	/* One event for an interrupt of the other function, if it came, and one for arming. */
	count = read_count(fd);
	EXPECT_LE(1, count);
	line_ack(line);
	line_settle(line);
	if (poll(&pollfd, 1, 0) == 1)
		count += read_count(fd);
	EXPECT_GE(2, count);
	EXPECT_EQ(-EAGAIN, read_count(fd));
}

/*
 * A program that writes to the file "config" disturbs only its own function, and only for a
 * moment.
 */
TEST_F_TIMEOUT(functions, config_written_by_a_program, 600)
{
	struct line *line = &self->cards[0];
	struct owner sibling;
	int fd;

	owner_start(&sibling, &self->cards[1], UINT_MAX);
	for (int i = 0; i < rounds_of(50, 10); i++) {
		fd = open(line->path, O_RDWR | O_NONBLOCK);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-EAGAIN, read_count(fd));
		clear_while_masked(_metadata, line, fd);
		set_while_armed(_metadata, line, fd);
		/* Clearing DisINTx while armed and setting it while masked change nothing. */
		mask_by_hand(line, false);
		line_raise(line);
		ASSERT_TRUE(wait_event(fd));
		mask_by_hand(line, true);
		EXPECT_EQ(1, read_count(fd));
		line_ack(line);
		close(fd);
		/* A quiet function without an owner may be unmasked. */
		mask_by_hand(line, false);
	}
	ASSERT_TRUE(owner_goes_on(&sibling, 10));
	check_works(_metadata, line);
	owner_stop(&sibling);
	check_exact(_metadata, &sibling);
}

/*
 * Each function's line has its own number, and the row of the physical line shows the
 * functions.
 */
TEST_F_TIMEOUT(functions, line_number_is_its_own, 300)
{
	struct line *cards = self->cards, wire = { .irq = cards[0].wire };
	char path[64], handler[64], *row;

	EXPECT_NE(cards[0].irq, cards[1].irq);
	for (int i = 0; i < 2; i++) {
		int fd = open(cards[i].path, O_RDWR);

		ASSERT_LE(0, fd);
		EXPECT_LT(0, cards[i].irq);
		EXPECT_NE(wire.irq, cards[i].irq);
		snprintf(path, sizeof(path), "/proc/irq/%d/irq", cards[i].irq);
		EXPECT_EQ(-EBUSY, try_open(path, O_RDWR));
		close(fd);
		EXPECT_EQ(0, try_open(path, O_RDWR));

		snprintf(handler, sizeof(handler), "irq_user:%s", node_device(&cards[i]));
		row = line_row(&wire);
		EXPECT_NE(NULL, strstr(row, handler))
			TH_LOG("%s", row);
		free(row);
	}
}

/* No file can own the physical line, whether the functions' lines have owners or not. */
TEST_F_TIMEOUT(functions, physical_line_is_busy, 300)
{
	struct line *cards = self->cards;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/irq/%d/irq", cards[0].wire);
	EXPECT_EQ(-EBUSY, try_open(path, O_RDWR));
	fd = open(cards[0].path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_open(path, O_RDWR));
	close(fd);
	/* One bound function is enough. */
	node_unbind(&cards[0]);
	EXPECT_EQ(-EBUSY, try_open(path, O_RDWR));
	EXPECT_EQ(0, try_open(cards[1].path, O_RDWR));
}

/* When no function is bound, a file can own the physical line. */
TEST_F_TIMEOUT(functions, physical_line_is_free_after_unbinding, 300)
{
	struct line *line = &self->cards[0];

	for (int i = 0; i < 2; i++)
		node_unbind(&self->cards[i]);
	ASSERT_EQ(NULL, line_setup(line));
	EXPECT_EQ(0, line->wire);
	check_works(_metadata, line);
}

/* Has the bus find the removed function again, and binds it. */
static const char *replug(struct line *line, int index)
{
	const char *why;

	write_file("/sys/bus/pci/rescan", "1");
	if (!line_find_at(line, EDU_VENDOR, EDU_DEVICE, index))
		return "the bus has not found the device";
	why = node_take(line, "intx");
	return why ? why : line_map(line, EDU_BAR_SIZE);
}

static const char *bind(struct line *line)
{
	return node_take(line, "intx");
}

static void choose_msi(struct line *line)
{
	node_set(line, "irq_user_type", "msi");
}

/* Ways to remove a function's line, and to get it back. */
static const struct {
	const char *name;
	void (*remove)(struct line *line);
	const char *(*restore)(struct line *line);
} ways[] = {
	{ "unbind",	node_unbind,	bind },
	{ "type",	choose_msi,	bind },
};

/* Removes the line while the function interrupts again and again. The function stays asserted. */
static void remove_in_a_storm(struct __test_metadata *_metadata, struct line *line,
			      struct owner *sibling, void (*remove)(struct line *line))
{
	struct owner storm;

	storm_start(&storm, line);
	ASSERT_TRUE(owner_goes_on(&storm, 100));
	ASSERT_TRUE(owner_goes_on(sibling, 10));
	remove(line);
	owner_join(&storm);
	EXPECT_EQ(-EIO, storm.error);
	EXPECT_TRUE(says_gone(storm.fd));
	close(storm.fd);
	ASSERT_TRUE(owner_goes_on(sibling, 100));
}

/*
 * A function's line goes away while it interrupts again and again, and comes back while it is
 * asserted.
 */
TEST_F_TIMEOUT(functions, removal_while_interrupting, 1200)
{
	struct line *line = &self->cards[0];
	struct owner sibling;

	owner_start(&sibling, &self->cards[1], UINT_MAX);
	for (int i = 0; i < rounds_of(4, 1) * ARRAY_SIZE(ways); i++) {
		int way = i % ARRAY_SIZE(ways);

		remove_in_a_storm(_metadata, line, &sibling, ways[way].remove);
		ASSERT_EQ(NULL, ways[way].restore(line));
		ASSERT_TRUE(owner_goes_on(&sibling, 100))
			TH_LOG("after the function came back: %s", ways[way].name);
		check_works(_metadata, line);
	}
	remove_in_a_storm(_metadata, line, &sibling, line_unplug);
	owner_stop(&sibling);
	check_exact(_metadata, &sibling);

	/* When the bus finds the function, it unmasks it to test whether it can be masked. */
	node_unbind(&self->cards[1]);
	ASSERT_EQ(NULL, replug(line, 0));
	check_works(_metadata, line);
}

/*
 * A function that interrupts while it is bound, set up as another type and unbound stays masked
 * all the time: the physical line does not fire.
 */
TEST_F_TIMEOUT(functions, asserted_function_is_bound_quietly, 300)
{
	struct line *line = &self->cards[0], wire = { .irq = line->wire };
	unsigned int before = line_hw_count(&wire);

	line_raise(line);
	for (int i = 0; i < rounds_of(10, 3); i++) {
		node_unbind(line);
		/* With MSI, then with INTx */
		ASSERT_EQ(NULL, node_take(line, "msi"));
		ASSERT_EQ(NULL, node_take(line, "intx"));
	}
	EXPECT_TRUE(line_asserts(line));
	line_settle(line);
	EXPECT_EQ(before, line_hw_count(&wire));
	check_works(_metadata, line);
}

/* Both functions suspend and resume, while owners wait for events. */
TEST_F_TIMEOUT(functions, functions_suspend_and_resume, 600)
{
	struct owner owners[2];
	struct fake waker;
	const char *why;
	int fd;

	why = fake_make(&waker, "bare_edge");
	if (why)
		SKIP(return, "%s", why);
	fd = open(waker.path, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fake_do(&waker, "wake"));
	for (int i = 0; i < 2; i++)
		owner_start(&owners[i], &self->cards[i], UINT_MAX);
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(owner_goes_on(&owners[0], 100));
		ASSERT_EQ(0, fake_suspend(&waker));
		EXPECT_EQ(1, read_count(fd));
		EXPECT_EQ(-EAGAIN, read_count(fd));
		ASSERT_TRUE(owner_goes_on(&owners[1], 100));
	}
	close(fd);
	fake_dispose(&waker);
	for (int i = 0; i < 2; i++) {
		owner_stop(&owners[i]);
		check_exact(_metadata, &owners[i]);
	}
}

/*
 * An "edu" device that is bound to irq_user, and one on the same line that has a driver in the
 * kernel.
 */
FIXTURE(driver)
{
	struct line line, sibling, other;
};

FIXTURE_VARIANT(driver)
{
	bool driver_first;
	const char *parameters;		/* of the driver */
};

FIXTURE_VARIANT_ADD(driver, driver_first)
{
	.driver_first = true,
	.parameters = "repeat=1",
};

FIXTURE_VARIANT_ADD(driver, driver_last)
{
	.parameters = "repeat=1",
};

FIXTURE_VARIANT_ADD(driver, threaded_driver_first)
{
	.driver_first = true,
	.parameters = "repeat=1 threaded=1",
};

FIXTURE_VARIANT_ADD(driver, threaded_driver_last)
{
	.parameters = "repeat=1 threaded=1",
};

/* Returns whether the driver rust_driver_edu is bound to the device. */
static bool driver_has(struct line *line)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/driver", line->device);
	return !access(path, F_OK);
}

/* Loads the driver, which takes each device that is not meant for another one. */
static const char *load_driver(struct line *sibling, const char *parameters)
{
	if (!load_module_with("rust_driver_edu", parameters))
		return "needs the module rust_driver_edu";
	return driver_has(sibling) ? NULL : "the driver has not taken the sibling";
}

/* Prepares three devices: the driver takes the sibling alone, and is not loaded yet. */
static const char *find_beside(struct line *line, struct line *sibling, struct line *other)
{
	const char *why;

	memset(sibling, 0, sizeof(*sibling));
	memset(other, 0, sizeof(*other));
	unload_module("rust_driver_edu");
	why = find_card(line, 0);
	if (why)
		return why;
	if (!line_find_at(sibling, EDU_VENDOR, EDU_DEVICE, 1))
		return "there are not enough \"edu\" PCI devices";
	line_override(line, "none");
	if (line_find_at(other, EDU_VENDOR, EDU_DEVICE, 2))
		line_override(other, "none");
	/* A test that was killed may have left it bound. */
	line_unbind(sibling, NODE_DRIVER);
	return NULL;
}

/*
 * Unloads the sibling's driver. The card may interrupt once more after that, which must not reach
 * the line: while the line has no handler, QEMU's interrupt controller would keep the edge, and
 * call the next handler without end.
 */
static void unload_driver(struct line *sibling)
{
	const uint32_t computing = 1, absent = ~0U;
	uint32_t status;

	if (sibling->device[0])
		node_set_config(sibling, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, true);
	unload_module("rust_driver_edu");
	if (!sibling->device[0] || line_map(sibling, EDU_BAR_SIZE))
		return;
	do {
		sched_yield();
		status = __atomic_load_n(&sibling->regs[0x20 / 4], __ATOMIC_SEQ_CST);
	} while (status & computing && status != absent);
	line_ack(sibling);
	munmap(sibling->regs, EDU_BAR_SIZE);
	sibling->regs = NULL;
}

static void leave_beside(struct line *line, struct line *sibling, struct line *other)
{
	line_unbind(line, NODE_DRIVER);
	unload_driver(sibling);
	/* It leaves the device enabled, which would keep the line that they share */
	if (sibling->device[0])
		line_disable(sibling);
	if (other->device[0])
		line_override(other, "\n");
	node_teardown(line);
}

FIXTURE_SETUP(driver)
{
	const char *why = find_beside(&self->line, &self->sibling, &self->other);

	if (why)
		SKIP(return, "%s", why);
	if (variant->driver_first)
		why = load_driver(&self->sibling, variant->parameters);
	if (!why)
		why = node_take(&self->line, "intx");
	if (!why && !variant->driver_first)
		why = load_driver(&self->sibling, variant->parameters);
	if (why)
		SKIP(return, "%s", why);
	if (self->line.wire != line_number(&self->sibling))
		SKIP(return, "the \"edu\" devices share no INTx line");
}

FIXTURE_TEARDOWN(driver)
{
	leave_beside(&self->line, &self->sibling, &self->other);
}

/*
 * Waits up to PATIENCE seconds for @more interrupts of the physical line. Returns whether they
 * came.
 */
static bool fires_on(struct line *line, unsigned int more)
{
	const unsigned int wanted = line_hw_count(line) + more;
	const time_t enough = time(NULL) + PATIENCE;

	while (line_hw_count(line) < wanted) {
		if (time(NULL) > enough)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

/*
 * A driver in the kernel gets its interrupts, and the program gets its own, whichever was bound
 * first.
 */
TEST_F_TIMEOUT(driver, sibling_driver_keeps_working, 3600)
{
	const unsigned int rounds = events_to_have(100000, 200);
	struct line wire = { .irq = self->line.wire };
	struct owner owner, storm;
	int log = log_end();

	/* The driver requests the next interrupt in each one: if it loses one, no more come. */
	owner_start(&owner, &self->line, rounds);
	owner_join(&owner);
	EXPECT_EQ(rounds, owner.events);
	check_exact(_metadata, &owner);
	ASSERT_TRUE(fires_on(&wire, 100));

	storm_start(&storm, &self->line);
	ASSERT_TRUE(owner_goes_on(&storm, rounds_of(1000, 200)));
	owner_stop(&storm);
	EXPECT_EQ(0, storm.error);
	close(storm.fd);
	/* The function asserts without an owner, and then without a driver. */
	ASSERT_TRUE(fires_on(&wire, 100));
	node_unbind(&self->line);
	ASSERT_TRUE(fires_on(&wire, 100));
	ASSERT_EQ(NULL, node_take(&self->line, "intx"));
	check_works(_metadata, &self->line);
	ASSERT_TRUE(fires_on(&wire, 100));
	/* The driver logs this if a factorial is wrong. */
	EXPECT_EQ(0, log_count(log, "! is not "));
	close(log);
}

/*
 * An "edu" device behind a bridge, and a virtio device on the same line that gives random
 * numbers to the kernel.
 */
FIXTURE(virtio)
{
	struct line line, entropy;
};

FIXTURE_VARIANT(virtio)
{
	bool driver_first;
};

FIXTURE_VARIANT_ADD(virtio, driver_first) { .driver_first = true };
FIXTURE_VARIANT_ADD(virtio, driver_last) { .driver_first = false };

FIXTURE_SETUP(virtio)
{
	struct line *line = &self->line, *entropy = &self->entropy;
	const char *why;

	memset(entropy, 0, sizeof(*entropy));
	memset(line, 0, sizeof(*line));
	if (!line_find(entropy, VIRTIO, ENTROPY) && !line_find(entropy, VIRTIO, OLD_ENTROPY))
		SKIP(return, "there is no virtio device with random numbers");
	if (!variant->driver_first)
		line_unbind(entropy, "virtio-pci");
	why = find_card(line, 2);
	if (!why)
		why = node_take(line, "intx");
	line_bind(entropy, "virtio-pci");
	if (why)
		SKIP(return, "%s", why);
	if (line->wire != line_number(entropy))
		SKIP(return, "the devices share no INTx line");
}

FIXTURE_TEARDOWN(virtio)
{
	if (self->entropy.device[0])
		line_bind(&self->entropy, "virtio-pci");
	if (self->line.device[0])
		node_teardown(&self->line);
}

/*
 * A thread that reads random numbers. Each read needs interrupts of the device that gives them.
 */
struct reader {
	pthread_t thread;
	unsigned int reads;
	bool stop;
	int error;
};

static void *reader_main(void *arg)
{
	struct reader *reader = arg;
	int fd = open("/dev/hwrng", O_RDONLY);
	char bytes[512];

	while (!__atomic_load_n(&reader->stop, __ATOMIC_SEQ_CST)) {
		if (read(fd, bytes, sizeof(bytes)) <= 0) {
			__atomic_store_n(&reader->error, errno ? : EIO, __ATOMIC_SEQ_CST);
			break;
		}
		__atomic_add_fetch(&reader->reads, 1, __ATOMIC_SEQ_CST);
	}
	close(fd);
	return NULL;
}

static void reader_start(struct reader *reader)
{
	*reader = (struct reader) {};
	pthread_create(&reader->thread, NULL, reader_main, reader);
}

/* Waits up to PATIENCE seconds for more reads. Returns whether they came. */
static bool reader_goes_on(struct reader *reader)
{
	const unsigned int wanted = load(&reader->reads) + 10;
	const time_t enough = time(NULL) + PATIENCE;

	while (load(&reader->reads) < wanted) {
		if (__atomic_load_n(&reader->error, __ATOMIC_SEQ_CST) || time(NULL) > enough)
			return false;
		sched_yield();
	}
	return true;
}

static int reader_stop(struct reader *reader)
{
	__atomic_store_n(&reader->stop, true, __ATOMIC_SEQ_CST);
	pthread_join(reader->thread, NULL);
	return reader->error;
}

/* A virtio device keeps working beside a function that interrupts, or is never acknowledged. */
TEST_F_TIMEOUT(virtio, sibling_device_keeps_working, 3600)
{
	const unsigned int rounds = events_to_have(100000, 200);
	struct line wire = { .irq = self->line.wire };
	unsigned int before = line_hw_count(&wire);
	struct owner owner, storm;
	struct reader reader;

	reader_start(&reader);
	ASSERT_TRUE(reader_goes_on(&reader));
	/* The reads have used interrupts of this line. */
	EXPECT_LT(before, line_hw_count(&wire));
	owner_start(&owner, &self->line, rounds);
	ASSERT_TRUE(reader_goes_on(&reader));
	owner_join(&owner);
	EXPECT_EQ(rounds, owner.events);
	check_exact(_metadata, &owner);

	storm_start(&storm, &self->line);
	ASSERT_TRUE(owner_goes_on(&storm, 100));
	ASSERT_TRUE(reader_goes_on(&reader));
	owner_stop(&storm);
	EXPECT_EQ(0, storm.error);
	close(storm.fd);
	ASSERT_TRUE(reader_goes_on(&reader));
	node_unbind(&self->line);
	ASSERT_TRUE(reader_goes_on(&reader));
	EXPECT_EQ(0, reader_stop(&reader));
}

/*
 * A reset by sysfs leaves the function masked or armed as it was, and does not affect its
 * sibling.
 */
TEST_F_TIMEOUT(virtio, reset_keeps_the_mask, 300)
{
	struct line *line = &self->line;
	int fd = open(line->path, O_RDWR);
	struct sleeper sleeper;
	struct reader reader;

	ASSERT_LE(0, fd);
	if (!node_get(line, "reset_method")[0])
		SKIP(return, "the device cannot be reset");
	reader_start(&reader);
	for (int i = 0; i < 3; i++) {
		/* The line is armed: the reader sleeps on. */
		sleeper_start(&sleeper, fd, sleep_for_one);
		ASSERT_EQ(0, node_set(line, "reset", "1"));
		EXPECT_FALSE(sleeper_is_done(&sleeper));
		line_raise(line);
		ASSERT_TRUE(sleeper_join(&sleeper));
		line_ack(line);

		/* The line is masked by an event that is not read yet. */
		ASSERT_EQ(0, write_value(fd, 1));
		line_raise(line);
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(0, node_set(line, "reset", "1"));
		EXPECT_TRUE(node_config(line, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
		line_raise(line);
		line_settle(line);
		EXPECT_EQ(1, read_count(fd));
		EXPECT_TRUE(wait_event(fd));
		EXPECT_EQ(1, read_count(fd));
		line_ack(line);
		ASSERT_TRUE(reader_goes_on(&reader));
	}
	close(fd);
	check_works(_metadata, line);
	EXPECT_EQ(0, reader_stop(&reader));
}

/* Finds the bridge above the function. Returns whether its slot has a power switch. */
static bool find_slot(struct line *line, struct line *slot, int *control)
{
	char path[96], folder[PATH_MAX];
	int capability;

	snprintf(path, sizeof(path), "%s/..", line->device);
	if (!realpath(path, folder))
		return false;
	*slot = (struct line) {};
	snprintf(slot->device, sizeof(slot->device), "/sys/bus/pci/devices/%.32s",
		 strrchr(folder, '/') + 1);
	if (access(slot->device, F_OK))
		return false;
	capability = node_config(slot, PCI_CAPABILITY_LIST) & 0xfc;
	while (capability && (node_config(slot, capability) & 0xff) != PCI_CAP_ID_EXP)
		capability = node_config(slot, capability) >> 8 & 0xfc;
	*control = capability + PCI_EXP_SLTCTL;
	return capability && node_config(slot, capability + PCI_EXP_SLTCAP) & PCI_EXP_SLTCAP_PCP;
}

/*
 * The configuration of an absent function reads as ones, and so does the bit that says that it
 * asserts. No interrupt of its sibling is counted for it, and it can be removed.
 */
TEST_F_TIMEOUT(virtio, absent_function_counts_nothing, 300)
{
	struct line *line = &self->line, slot;
	unsigned int before = line_hw_count(line);
	struct pollfd pollfd = { .events = POLLIN };
	struct reader reader;
	int control;

	if (!find_slot(line, &slot, &control))
		SKIP(return, "the slot of the device has no power switch");
	pollfd.fd = open(line->path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, pollfd.fd);
	ASSERT_EQ(EDU_VENDOR, node_config(line, PCI_VENDOR_ID));
	reader_start(&reader);
	/* If the slot's indicator is off as well, QEMU unplugs the device. */
	node_set_config(&slot, control, PCI_EXP_SLTCTL_PIC, false);
	node_set_config(&slot, control, PCI_EXP_SLTCTL_PWR_IND_ON, true);
	/* Setting the bit switches the power off. */
	node_set_config(&slot, control, PCI_EXP_SLTCTL_PCC, true);
	ASSERT_EQ(0xffff, node_config(line, PCI_VENDOR_ID));
	ASSERT_TRUE(reader_goes_on(&reader));
	EXPECT_EQ(0, write_value(pollfd.fd, 0));
	ASSERT_TRUE(reader_goes_on(&reader));
	EXPECT_EQ(0, write_value(pollfd.fd, 1));
	ASSERT_TRUE(reader_goes_on(&reader));
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	EXPECT_EQ(before, line_hw_count(line));

	line_unplug(line);
	EXPECT_TRUE(says_gone(pollfd.fd));
	close(pollfd.fd);
	ASSERT_TRUE(reader_goes_on(&reader));
	node_set_config(&slot, control, PCI_EXP_SLTCTL_PCC, false);
	ASSERT_EQ(NULL, replug(line, 2));
	check_works(_metadata, line);
	ASSERT_TRUE(reader_goes_on(&reader));
	EXPECT_EQ(0, reader_stop(&reader));
}

/* As "driver", but the driver uses IRQF_NO_THREAD. */
FIXTURE(unthreaded)
{
	struct line line, sibling, other;
};

FIXTURE_VARIANT(unthreaded)
{
	bool driver_first;
};

FIXTURE_VARIANT_ADD(unthreaded, driver_first) { .driver_first = true };
FIXTURE_VARIANT_ADD(unthreaded, driver_last) { .driver_first = false };

FIXTURE_SETUP(unthreaded)
{
	const char *why = find_beside(&self->line, &self->sibling, &self->other);

	if (!why)
		why = node_bind_as(&self->line, "msi", NULL);
	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(unthreaded)
{
	leave_beside(&self->line, &self->sibling, &self->other);
}

/* A bound function and a driver that uses IRQF_NO_THREAD share the line in any order. */
TEST_F_TIMEOUT(unthreaded, unthreaded_driver, 600)
{
	struct line *line = &self->line, *sibling = &self->sibling, wire = {};
	int log = log_end();

	if (!variant->driver_first)
		ASSERT_EQ(NULL, node_take(line, "intx"));
	if (!load_module_with("rust_driver_edu", "repeat=1 no_thread=1"))
		SKIP(return, "needs the module rust_driver_edu");
	if (variant->driver_first)
		ASSERT_EQ(NULL, node_take(line, "intx"));
	wire.irq = line_number(sibling);
	if (line->wire != wire.irq)
		SKIP(return, "the \"edu\" devices share no INTx line");

	EXPECT_TRUE(driver_has(sibling));
	EXPECT_TRUE(fires_on(&wire, 100));
	check_works(_metadata, line);
	EXPECT_TRUE(fires_on(&wire, 100));
	EXPECT_EQ(0, log_count(log, "! is not "));
	close(log);
}

/* An "edu" device that passes for one that cannot mask INTx, and one on the same line. */
FIXTURE(maskless)
{
	struct line line, sibling;
};

/* Binds the device when the kernel takes it for one that cannot. */
static const char *take_maskless(struct line *line)
{
	char parameters[64];

	snprintf(parameters, sizeof(parameters), "function=%s", node_device(line));
	if (!load_module_with("test_pci_intx", parameters))
		return "needs the module test_pci_intx";
	return node_take(line, "intx");
}

FIXTURE_SETUP(maskless)
{
	struct line *line = &self->line, *sibling = &self->sibling;
	const char *why;

	memset(sibling, 0, sizeof(*sibling));
	unload_module("test_pci_intx");
	why = find_card(line, 0);
	if (!why)
		why = find_card(sibling, 1);
	if (!why)
		why = node_take(sibling, "intx");
	if (!why)
		why = take_maskless(line);
	if (why)
		SKIP(return, "%s", why);
	if (line->wire != sibling->wire)
		SKIP(return, "the \"edu\" devices share no INTx line");
	node_unbind(sibling);
}

FIXTURE_TEARDOWN(maskless)
{
	node_teardown(&self->sibling);
	node_teardown(&self->line);
	unload_module("test_pci_intx");
}

/* A function that cannot mask INTx has the physical line itself. The driver requests nothing. */
TEST_F_TIMEOUT(maskless, maskless_function_has_the_physical_line, 300)
{
	struct line *line = &self->line;
	char path[64], *row;
	int fd;

	EXPECT_EQ(line->wire, line->irq);
	snprintf(path, sizeof(path), "/proc/irq/%d/irq", line->wire);
	fd = open(line->path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_open(path, O_RDWR));
	row = line_row(line);
	EXPECT_NE(NULL, strstr(row, "user:"))
		TH_LOG("%s", row);
	EXPECT_EQ(NULL, strstr(row, "irq_user:"))
		TH_LOG("%s", row);
	free(row);
	close(fd);

	fd = open(path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_open(line->path, O_RDWR));
	close(fd);
	check_works(_metadata, line);
}

/* It does not share the line: not with a sibling that has it, and not when a program has it. */
TEST_F_TIMEOUT(maskless, maskless_function_is_exclusive, 300)
{
	struct line *line = &self->line, *sibling = &self->sibling;
	int fd;

	ASSERT_EQ(NULL, node_take(sibling, "intx"));
	EXPECT_EQ(-EBUSY, try_open(line->path, O_RDWR));
	check_works(_metadata, sibling);
	EXPECT_EQ(-EBUSY, try_open(line->path, O_RDWR));
	node_unbind(sibling);

	fd = open(line->path, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(NULL, node_bind_as(sibling, "msi", NULL));
	EXPECT_EQ(-EBUSY, node_set(sibling, "irq_user_type", "intx"));
	EXPECT_STREQ("msi", node_get(sibling, "irq_user_type"));
	close(fd);
	EXPECT_EQ(0, node_set(sibling, "irq_user_type", "intx"));
	EXPECT_EQ(-EBUSY, try_open(line->path, O_RDWR));
}

TEST_HARNESS_MAIN
