// SPDX-License-Identifier: GPL-2.0
/*
 * Tests the interrupts of a PCI device under /dev/irq/<device>/: their type and number can be
 * chosen for each device, and each message is an event of its own vector's line.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "node_fixture.h"
#include "rounds.h"

/* The module that marks a function as one that masks INTx wrongly. */
#define INTX_MODULE	"test_pci_intx"

/* How many milliseconds to wait for an event that must come. */
#define PATIENCE	5000

/* QEMU's "pci-testdev" */
#define TESTDEV_VENDOR	0x1b36
#define TESTDEV_DEVICE	0x0005

/* A thread that makes messages of a vector, and takes their events. */
struct owner {
	pthread_t thread;
	struct line line;
	unsigned int rounds, before;
	int vector, fd;
	long sum, error;
};

static void *owner_main(void *arg)
{
	struct owner *owner = arg;

	for (unsigned int i = 0; i < owner->rounds && !owner->error; i++) {
		int count;

		igb_fire(owner->line.regs, 1 << owner->vector);
		/*
		 * The loop waits for each event, so the line never fires as often as in a
		 * storm.
		 */
		count = read_count(owner->fd);
		if (count > 0)
			owner->sum += count;
		else
			owner->error = count ? count : -ENODATA;
	}
	return NULL;
}

/* Takes the events of messages that the device sent beyond those that were asked for. */
static void take_rest(struct owner *owner)
{
	int count;

	line_settle(&owner->line);
	fcntl(owner->fd, F_SETFL, O_NONBLOCK);
	while ((count = read_count(owner->fd)) > 0)
		owner->sum += count;
	close(owner->fd);
}

/*
 * Starts a thread for each vector, and checks that each line has as many events as the kernel
 * counts interrupts.
 */
static void own_all(struct __test_metadata *_metadata, struct line *line, int mode)
{
	struct owner owners[IGB_VECTORS] = {};
	struct owner *owner;

	for (int i = 0; i < IGB_VECTORS; i++) {
		owner = &owners[i];
		owner->line = *line;
		owner->rounds = events_to_have(10000, 200);
		owner->vector = i;
		owner->line.irq = node_number(line, node_vector("msix", i));
		owner->fd = node_open(line, node_vector("msix", i), O_RDWR);
		ASSERT_LE(0, owner->fd);
		ASSERT_EQ(0, write_value(owner->fd, mode));
		owner->before = line_hw_count(&owner->line);
	}
	for (int i = 0; i < IGB_VECTORS; i++)
		pthread_create(&owners[i].thread, NULL, owner_main, &owners[i]);
	for (int i = 0; i < IGB_VECTORS; i++) {
		owner = &owners[i];
		pthread_join(owner->thread, NULL);
		take_rest(owner);
		EXPECT_EQ(0, owner->error);
		EXPECT_LE(owner->rounds, owner->sum);
		EXPECT_EQ(line_hw_count(&owner->line) - owner->before, owner->sum)
			TH_LOG("vector %d, %u messages", i, owner->rounds);
	}
}

/* The message of a vector is an event of the node of its number, and of no other node. */
TEST_F(card, node_has_the_vectors_number)
{
	struct pollfd pollfds[IGB_VECTORS] = {};

	for (int i = 0; i < IGB_VECTORS; i++) {
		pollfds[i].fd = node_open(&self->line, node_vector("msix", i), O_RDWR | O_NONBLOCK);
		pollfds[i].events = POLLIN;
		ASSERT_LE(0, pollfds[i].fd);
	}
	/* The card may have kept a message from before. */
	line_settle(&self->line);
	for (int i = 0; i < IGB_VECTORS; i++)
		read_count(pollfds[i].fd);
	for (int vector = 0; vector < IGB_VECTORS; vector++) {
		igb_fire(self->line.regs, 1 << vector);
		ASSERT_EQ(1, poll(pollfds, IGB_VECTORS, PATIENCE))
			TH_LOG("vector %d", vector);
		ASSERT_EQ(POLLIN, pollfds[vector].revents);
		EXPECT_EQ(1, read_count(pollfds[vector].fd));
	}
}

/*
 * Each owner gets all messages of its vector and no others, if the line is masked after each
 * event.
 */
TEST_F_TIMEOUT(card, each_vector_counts_its_messages, 300)
{
	own_all(_metadata, &self->line, 1);
}

/* The same holds if the lines run free. */
TEST_F_TIMEOUT(card, each_vector_counts_when_free_running, 300)
{
	own_all(_metadata, &self->line, 2);
}

/*
 * A device with fewer vectors than asked for is bound with all that it has. A lower bound
 * holds.
 */
TEST_F_TIMEOUT(card, number_of_vectors_is_bounded, 120)
{
	static const char *const wrong[] = { "0", "2049", "-1", "many" };
	struct line *line = &self->line;
	int all;

	ASSERT_EQ(0, node_set(line, "irq_user_vectors", "2048"));
	EXPECT_STREQ("2048", node_get(line, "irq_user_vectors"));
	EXPECT_STREQ("msix", node_get(line, "irq_user_type"));
	all = node_count(line, "msix");
	EXPECT_LE(IGB_VECTORS, all);
	EXPECT_GT(2048, all);

	for (int bound = 3; bound >= 1; bound -= 2) {
		char text[8];

		snprintf(text, sizeof(text), "%d", bound);
		ASSERT_EQ(0, node_set(line, "irq_user_vectors", text));
		EXPECT_STREQ(text, node_get(line, "irq_user_vectors"));
		EXPECT_EQ(bound, node_count(line, "msix"));
	}
	for (int i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_GT(0, node_set(line, "irq_user_vectors", wrong[i]))
			TH_LOG("%s", wrong[i]);
		EXPECT_STREQ("1", node_get(line, "irq_user_vectors"));
		EXPECT_EQ(0, try_open(node_path(line, "msix0"), O_RDWR));
	}
	ASSERT_EQ(0, node_set(line, "irq_user_vectors", "2048"));
	EXPECT_EQ(all, node_count(line, "msix"));
}

/* Returns whether the device may access memory. */
static bool is_master(struct line *line)
{
	return node_config(line, PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* Lets the device access memory, or not. */
static void set_master(struct line *line, bool on)
{
	node_set_config(line, PCI_COMMAND, PCI_COMMAND_MASTER, on);
}

/*
 * Binding switches bus mastering on for a device with MSI-X: each message is a write to memory.
 */
TEST_F(card, msix_switches_bus_mastering_on)
{
	struct line *line = &self->line;

	EXPECT_TRUE(is_master(line));
	node_unbind(line);
	set_master(line, false);
	ASSERT_EQ(NULL, node_bind(line));
	EXPECT_STREQ("msix", node_get(line, "irq_user_type"));
	EXPECT_TRUE(is_master(line));
}

/* The "edu" device, which has INTx and one MSI. */
FIXTURE(edu)
{
	struct line line;
};

FIXTURE_SETUP(edu)
{
	const char *why = line_setup(&self->line);

	if (!why) {
		set_master(&self->line, false);
		why = node_bind(&self->line);
	}
	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(edu)
{
	node_teardown(&self->line);
	unload_module(INTX_MODULE);
}

/*
 * Checks that the device has this node and no other line's, and that its interrupts are events
 * of it.
 */
static void check_choice(struct __test_metadata *_metadata, struct line *line, const char *type,
			 const char *name)
{
	int fd;

	EXPECT_STREQ(type, node_get(line, "irq_user_type"));
	ASSERT_TRUE(node_appears(line, name));
	EXPECT_EQ(1, node_count(line, "msi") + node_count(line, "intx"));
	fd = node_open(line, name, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(-EAGAIN, read_count(fd));
		line_raise(line);
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
		line_ack(line);
	}
	close(fd);
}

/* Without a choice, the driver prefers MSI to INTx. */
TEST_F_TIMEOUT(edu, msi_by_default, 120)
{
	check_choice(_metadata, &self->line, "msi", "msi0");
	ASSERT_EQ(0, node_set(&self->line, "irq_user_type", "intx"));
	ASSERT_EQ(0, node_set(&self->line, "irq_user_type", "auto"));
	check_choice(_metadata, &self->line, "msi", "msi0");
}

/* The type can be changed to INTx and back to MSI. Calls on the old line's file fail with EIO. */
TEST_F_TIMEOUT(edu, intx_and_msi_by_choice, 120)
{
	static const char *const types[] = { "intx", "msi" }, *const names[] = { "intx", "msi0" };
	struct line *line = &self->line;

	for (int i = 0; i < 6; i++) {
		int fd = node_open(line, names[!(i & 1)], O_RDWR);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, node_set(line, "irq_user_type", types[i & 1]));
		EXPECT_EQ(-EIO, read_count(fd));
		EXPECT_EQ(-ENOENT, try_open(node_path(line, names[!(i & 1)]), O_RDWR));
		check_choice(_metadata, line, types[i & 1], names[i & 1]);
		close(fd);
	}
}

/* A type that the device does not have is refused, and the old type comes back. */
TEST_F_TIMEOUT(edu, missing_type_changes_nothing, 120)
{
	struct line *line = &self->line;
	int error = node_set(line, "irq_user_type", "msix");

	EXPECT_TRUE(error == -ENODEV || error == -ENOSPC)
		TH_LOG("error %d", error);
	check_choice(_metadata, line, "msi", "msi0");
	EXPECT_EQ(-EINVAL, node_set(line, "irq_user_type", "legacy"));
	check_choice(_metadata, line, "msi", "msi0");
	ASSERT_EQ(0, node_set(line, "irq_user_type", "intx"));
	EXPECT_GT(0, node_set(line, "irq_user_type", "msix"));
	check_choice(_metadata, line, "intx", "intx");
}

/* Binding with MSI switches bus mastering on. With INTx the driver does not change it. */
TEST_F_TIMEOUT(edu, msi_switches_bus_mastering_on, 120)
{
	struct line *line = &self->line;

	EXPECT_TRUE(is_master(line));
	ASSERT_EQ(0, node_set(line, "irq_user_type", "intx"));
	for (int on = 0; on < 2; on++) {
		set_master(line, on);
		ASSERT_EQ(0, node_set(line, "irq_user_type", "intx"));
		EXPECT_EQ(on, is_master(line));
		check_choice(_metadata, line, "intx", "intx");
	}
}

/* A device without an interrupt */
FIXTURE(testdev)
{
	struct line line;
};

FIXTURE_SETUP(testdev)
{
	if (geteuid())
		SKIP(return, "needs root");
	if (!line_find(&self->line, TESTDEV_VENDOR, TESTDEV_DEVICE))
		SKIP(return, "there is no \"pci-testdev\": run QEMU with -device pci-testdev");
	node_unbind(&self->line);
}

FIXTURE_TEARDOWN(testdev)
{
	node_unbind(&self->line);
}

/* Binding ends what the last driver of the device had left on. */
TEST_F_TIMEOUT(testdev, binding_ends_bus_mastering, 120)
{
	struct line *line = &self->line;

	set_master(line, true);
	EXPECT_TRUE(is_master(line));
	ASSERT_EQ(NULL, node_bind(line));
	EXPECT_FALSE(is_master(line));
	/* It has no interrupt, so it has the node of its registers alone. */
	EXPECT_STREQ("none", node_get(line, "irq_user_type"));
	EXPECT_TRUE(node_appears(line, "mem0"));
	EXPECT_EQ(1, node_count(line, ""));
	set_master(line, true);
	node_unbind(line);
	EXPECT_FALSE(is_master(line));
}

/* INTx stays unmasked in a device that sends no message while INTx is masked. */
TEST_F_TIMEOUT(edu, messages_arrive_if_the_mask_stops_them, 120)
{
	struct line *line = &self->line;
	char parameters[64];

	node_unbind(line);
	line_disable(line);
	snprintf(parameters, sizeof(parameters), "function=%s stops_msi=1", node_device(line));
	if (!load_module_with(INTX_MODULE, parameters))
		SKIP(return, "needs the module %s", INTX_MODULE);
	ASSERT_EQ(NULL, node_bind(line));
	for (int i = 0; i < 2; i++) {
		EXPECT_FALSE(node_config(line, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
		check_choice(_metadata, line, "msi", "msi0");
		ASSERT_EQ(0, node_set(line, "irq_user_type", "intx"));
		check_choice(_metadata, line, "intx", "intx");
		ASSERT_EQ(0, node_set(line, "irq_user_type", "auto"));
	}
	node_unbind(line);
	EXPECT_TRUE(node_config(line, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
}

/* Root can forbid that a line runs free. It holds for later opens. */
TEST_F(edu, free_running_can_be_forbidden)
{
	static const char key[] = "free_running";
	struct line *line = &self->line;
	int fd;

	for (int i = 0; i < 4; i++) {
		bool may = i & 1;

		ASSERT_EQ(0, node_set_of(line, "msi0", key, may ? "1" : "0"));
		EXPECT_STREQ(may ? "1" : "0", node_get_of(line, "msi0", key));
		fd = node_open(line, "msi0", O_RDWR | O_NONBLOCK);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, node_set_of(line, "msi0", key, may ? "0" : "1"));
		EXPECT_EQ(may ? 0 : -EPERM, write_value(fd, 2));
		/* The line works in both cases. */
		line_raise(line);
		ASSERT_TRUE(wait_event(fd));
		line_ack(line);
		EXPECT_EQ(1, read_count(fd));
		close(fd);
	}
	EXPECT_EQ(-EINVAL, node_set_of(line, "msi0", key, "x"));
	/* An INTx line is level-triggered, and never runs free. */
	ASSERT_EQ(0, node_set(line, "irq_user_type", "intx"));
	fd = node_open(line, "intx", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, write_value(fd, 2));
}

TEST_HARNESS_MAIN
