// SPDX-License-Identifier: GPL-2.0
/*
 * Tests what happens when nodes of /dev/irq/<device>/ go away: sleeping calls end, removal
 * waits for no program, and a node that comes back has another device number.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "file.h"
#include "node.h"
#include "node_fixture.h"
#include "rounds.h"
#include "sleeper.h"

/* The module that reports errors of a PCI function to its driver. */
#define ERROR_MODULE	"test_pci_error"

/* How many seconds to wait for a signal that must come. */
#define PATIENCE	20

FIXTURE(removal)
{
	struct line line;
	int fd;
};

FIXTURE_VARIANT(removal)
{
	const char *type;
	void (*remove)(struct line *line);
	const char *(*restore)(struct line *line, const char *type);
};

FIXTURE_VARIANT_ADD(removal, unbound)
{
	.type = "msi",
	.remove = node_unbind,
	.restore = node_take,
};

FIXTURE_VARIANT_ADD(removal, intx_unbound)
{
	.type = "intx",
	.remove = node_unbind,
	.restore = node_take,
};

static const char *replug(struct line *line, const char *type)
{
	const char *why = line_replug(line);

	return why ? why : node_take(line, type);
}

FIXTURE_VARIANT_ADD(removal, device_removed)
{
	.type = "msi",
	.remove = line_unplug,
	.restore = replug,
};

/* Open nodes do not keep the module loaded. */
static void unload(struct line *line)
{
	(void)line;
	if (!node_unload())
		fprintf(stderr, "# the module is still there\n");
}

FIXTURE_VARIANT_ADD(removal, module_unloaded)
{
	.type = "msi",
	.remove = unload,
	.restore = node_take,
};

/* Reports what happens to the device to the driver. Returns 0 or -errno. */
static int report(const char *what)
{
	return write_file("/sys/module/" ERROR_MODULE "/parameters/step", what);
}

/*
 * Reports an error of the device, "normal", "frozen" or "dead". Returns whether the driver
 * answered as it should.
 */
static bool report_error(struct line *line, const char *error)
{
	char function[64];

	unload_module(ERROR_MODULE);
	snprintf(function, sizeof(function), "function=%s", node_device(line));
	return load_module_with(ERROR_MODULE, function) && !report(error);
}

static void freeze(struct line *line)
{
	if (!report_error(line, "frozen"))
		fprintf(stderr, "# the error was not reported\n");
}

static const char *recover(struct line *line, const char *type)
{
	if (report("reset") || report("resume"))
		return "the device has not recovered";
	unload_module(ERROR_MODULE);
	return node_take(line, type);
}

FIXTURE_VARIANT_ADD(removal, pci_error)
{
	.type = "msi",
	.remove = freeze,
	.restore = recover,
};

FIXTURE_VARIANT_ADD(removal, intx_pci_error)
{
	.type = "intx",
	.remove = freeze,
	.restore = recover,
};

FIXTURE_SETUP(removal)
{
	const char *why = node_setup(&self->line, variant->type);

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(removal)
{
	close(self->fd);
	node_teardown(&self->line);
}

/* All sleepers wake when the line goes away, and all later calls fail with EIO. */
TEST_F_TIMEOUT(removal, wakes_all_sleepers, 60)
{
	struct sleeper sleepers[SLEEPS];

	for (int i = 0; i < SLEEPS; i++)
		sleeper_start(&sleepers[i], self->fd, sleeps_until_gone[i]);
	variant->remove(&self->line);
	EXPECT_EQ(-ENOENT, try_open(self->line.path, O_RDWR));
	for (int i = 0; i < SLEEPS; i++) {
		EXPECT_TRUE(sleeper_join(&sleepers[i]))
			TH_LOG("sleeper %d", i);
	}
	EXPECT_TRUE(says_gone(self->fd));
	EXPECT_EQ(NULL, variant->restore(&self->line, variant->type));
}

/* An owner with O_ASYNC gets a signal. */
TEST_F_TIMEOUT(removal, signals_the_owner, 60)
{
	struct timespec patience = { .tv_sec = PATIENCE };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_ASYNC));
	variant->remove(&self->line);
	EXPECT_EQ(SIGIO, sigtimedwait(&set, NULL, &patience));
	EXPECT_TRUE(says_gone(self->fd));
	EXPECT_EQ(NULL, variant->restore(&self->line, variant->type));
}

/* Mappings of the device's registers end. */
TEST_F_TIMEOUT(removal, ends_mappings, 60)
{
	int fd = node_open(&self->line, "mem0", O_RDWR);
	uint32_t *regs = node_map(&self->line, "mem0", PAGE);

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, regs);
	EXPECT_FALSE(node_faults(regs));
	variant->remove(&self->line);
	EXPECT_TRUE(node_faults(regs));
	ASSERT_EQ(NULL, variant->restore(&self->line, variant->type));
	EXPECT_TRUE(node_faults(regs));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

/* A node comes back and works while the old file is still open. */
TEST_F_TIMEOUT(removal, new_node_while_the_old_is_open, 60)
{
	struct stat before, after;
	int fd;

	ASSERT_EQ(0, fstat(self->fd, &before));
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(self->fd));
	line_ack(&self->line);
	variant->remove(&self->line);
	ASSERT_EQ(NULL, variant->restore(&self->line, variant->type));

	fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &after));
	EXPECT_NE(before.st_rdev, after.st_rdev);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EAGAIN, read_count(fd));
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		EXPECT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
	EXPECT_TRUE(says_gone(self->fd));
	close(fd);
}

/* A copy of the old node, as in a container, gives ENXIO. */
TEST_F_TIMEOUT(removal, copied_node_gives_enxio, 60)
{
	char folder[] = "/tmp/irq_user.XXXXXX", copy[64];
	dev_t id;

	id = node_id(&self->line, strrchr(self->line.path, '/') + 1);
	ASSERT_NE(NULL, mkdtemp(folder));
	ASSERT_EQ(0, mount("irq_user", folder, "tmpfs", 0, NULL));
	snprintf(copy, sizeof(copy), "%s/line", folder);
	ASSERT_EQ(0, mknod(copy, S_IFCHR | 0600, id));
	EXPECT_EQ(-EBUSY, try_open(copy, O_RDWR));
	variant->remove(&self->line);
	EXPECT_EQ(-ENXIO, try_open(copy, O_RDWR));
	EXPECT_EQ(NULL, variant->restore(&self->line, variant->type));
	EXPECT_EQ(0, try_open(self->line.path, O_RDWR));
	EXPECT_EQ(-ENXIO, try_open(copy, O_RDWR));
	EXPECT_EQ(0, umount(folder));
	rmdir(folder);
}

/* Opens, maps and closes the nodes without end. Counts how often. */
static void open_without_end(struct line *line, unsigned long *count)
{
	for (;;) {
		int fd = open(line->path, O_RDWR | O_NONBLOCK);
		uint32_t *regs = node_map(line, "mem0", PAGE);

		if (regs) {
			node_faults(regs);
			munmap(regs, PAGE);
		}
		if (fd >= 0) {
			read_count(fd);
			close(fd);
		}
		__atomic_fetch_add(count, 1, __ATOMIC_RELEASE);
	}
}

/* Waits until the program has opened and closed the nodes again. */
static void wait_count(unsigned long *count)
{
	unsigned long before = __atomic_load_n(count, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) < before + 2)
		sched_yield();
}

/* A program that opens the nodes again and again does not delay removal. */
TEST_F_TIMEOUT(removal, opener_does_not_delay_it, 120)
{
	unsigned long *count = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;

	ASSERT_NE(MAP_FAILED, count);
	close(self->fd);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		open_without_end(&self->line, count);
	}
	for (int i = 0; i < rounds_of(5, 2); i++) {
		wait_count(count);
		variant->remove(&self->line);
		if (variant->remove == unload)
			EXPECT_FALSE(node_is_bound(&self->line));
		/* The removal has ended, and the program has not. */
		wait_count(count);
		ASSERT_EQ(NULL, variant->restore(&self->line, variant->type));
	}
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	self->fd = open(self->line.path, O_RDWR);
	EXPECT_LE(0, self->fd);
}

/* The lines and registers of a device that was reset because of an error work as before. */
TEST_F_TIMEOUT(card, recovers_from_an_error, 60)
{
	struct line *line = &self->line;
	int fd;

	freeze(line);
	EXPECT_EQ(0, node_count(line, ""));
	EXPECT_EQ(-EIO, node_set(line, "irq_user_type", "auto"));
	ASSERT_EQ(0, report("reset"));
	EXPECT_EQ(0, node_count(line, ""));
	EXPECT_EQ(-EIO, node_set(line, "irq_user_type", "auto"));
	ASSERT_EQ(0, report("resume"));
	unload_module(ERROR_MODULE);

	EXPECT_EQ(IGB_VECTORS, node_count(line, "msix"));
	ASSERT_EQ(NULL, igb_map(line));
	fd = node_open(line, "msix0", O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EAGAIN, read_count(fd));
		igb_fire(line->regs, 1);
		ASSERT_TRUE(wait_event(fd));
		EXPECT_EQ(1, read_count(fd));
	}
	close(fd);
}

/* For an error after which the device still answers, the driver asks for no reset. */
TEST_F_TIMEOUT(card, harmless_error_resets_nothing, 60)
{
	struct line *line = &self->line;

	EXPECT_TRUE(report_error(line, "normal"));
	EXPECT_EQ(0, node_count(line, ""));
	EXPECT_EQ(0, report("resume"));
	unload_module(ERROR_MODULE);
	EXPECT_EQ(IGB_VECTORS, node_count(line, "msix"));
}

/* A reset after an error restores the configuration that the device had when it was bound. */
TEST_F_TIMEOUT(card, error_keeps_the_configuration, 60)
{
	const int size = 0x20;
	struct line *line = &self->line;
	bool on = !(node_config(line, PCI_CACHE_LINE_SIZE) & size);

	node_unbind(line);
	node_set_config(line, PCI_CACHE_LINE_SIZE, size, on);
	ASSERT_EQ(NULL, node_bind(line));
	freeze(line);
	EXPECT_EQ(0, report("reset"));
	EXPECT_EQ(0, report("resume"));
	unload_module(ERROR_MODULE);
	EXPECT_EQ(on, !!(node_config(line, PCI_CACHE_LINE_SIZE) & size));
	node_set_config(line, PCI_CACHE_LINE_SIZE, size, !on);
}

/* A device that does not recover from an error has no nodes until it is bound again. */
TEST_F_TIMEOUT(card, dead_device_has_no_nodes, 60)
{
	struct line *line = &self->line;

	EXPECT_TRUE(report_error(line, "dead"));
	unload_module(ERROR_MODULE);
	EXPECT_EQ(0, node_count(line, ""));
	EXPECT_EQ(-EIO, node_set(line, "irq_user_type", "auto"));
	node_unbind(line);
	ASSERT_EQ(NULL, node_bind(line));
	EXPECT_LT(0, node_count(line, "msix"));
}

TEST_HARNESS_MAIN
