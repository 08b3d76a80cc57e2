// SPDX-License-Identifier: GPL-2.0
/*
 * Tests the nodes of a platform device that is bound to the driver irq_user: they have the
 * device's names, and a program that may open them can drive the device.
 *
 * The device is a real-time clock. Its alarm is an interrupt at a known time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "file.h"
#include "line.h"
#include "node.h"
#include "platform.h"
#include "rtc.h"
#include "sleeper.h"

#define UIO_DRIVER	"uio_pdrv_genirq"

/* A group that owns nothing else. */
#define GROUP		4712

/* How many milliseconds to wait for an event that must come. */
#define PATIENCE	5000

/* How many alarms to wait for, if the clock does not take seconds for each. */
#define ALARMS		20

/* Returns what opening a node gives, without keeping it: 0 or -errno. */
static int try_node(struct line *device, const char *name, int flags)
{
	return try_open(node_path(device, name), flags);
}

static const char *list_nodes(struct line *device)
{
	return list_entries(node_path(device, ""), DT_CHR);
}

static uint32_t *map_page(int fd, off_t offset)
{
	void *regs = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	return regs == MAP_FAILED ? NULL : regs;
}

/* Sleeps until @alarms alarms have come. Returns NULL, or what went wrong. */
static const char *sleep_until_alarms(const struct rtc *rtc, uint32_t *regs, int fd, int alarms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	for (int i = 0; i < alarms; i++) {
		uint64_t time = rtc->now(regs) + rtc->ahead;
		bool early;
		int count;

		rtc->set(regs, time);
		count = read_count(fd);
		early = rtc->now(regs) < time;
		rtc->clear(regs);
		if (count != 1)
			return "an alarm is not one event";
		if (early)
			return "an event came before its alarm";
	}
	return poll(&pollfd, 1, 0) ? "there is an event without an alarm" : NULL;
}

/* As sleep_until_alarms(), but opens the line first. */
static const char *open_and_sleep(const struct rtc *rtc, uint32_t *regs,
				  struct line *device, int alarms)
{
	const char *why;
	int fd;

	rtc->prepare(regs);
	fd = node_open(device, "0", O_RDWR);
	if (fd < 0)
		return "cannot open the line";
	why = sleep_until_alarms(rtc, regs, fd, alarms);
	close(fd);
	return why;
}

static void check_alarms(struct __test_metadata *_metadata, const struct rtc *rtc, uint32_t *regs,
			 struct line *device)
{
	const char *why = open_and_sleep(rtc, regs, device, 1);

	EXPECT_EQ(NULL, why)
		TH_LOG("%s", why);
}

/* Returns NULL, or why no device can be given to the driver. */
static const char *driver_setup(void)
{
	if (geteuid())
		return "needs root";
	return node_load();
}

/* Finds a clock and its device. Returns NULL, or why there is none. */
static const char *find_clock(const struct rtc **rtc, struct line *device)
{
	for (int i = 0; i < RTCS; i++) {
		if (!platform_find(device, rtcs[i].modalias) || platform_has(device, NULL))
			continue;
		*rtc = &rtcs[i];
		return NULL;
	}
	return "there is no platform device that is a known clock without a driver";
}

FIXTURE(clock)
{
	struct line device;
	const struct rtc *rtc;
	uint32_t *regs;
};

FIXTURE_SETUP(clock)
{
	const char *why = driver_setup();

	if (!why)
		why = find_clock(&self->rtc, &self->device);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_TRUE(platform_give(&self->device, NODE_DRIVER));
	self->regs = node_map(&self->device, "mem0", getpagesize());
	ASSERT_NE(NULL, self->regs);
	self->rtc->prepare(self->regs);
}

FIXTURE_TEARDOWN(clock)
{
	if (self->regs)
		munmap(self->regs, getpagesize());
	if (self->rtc)
		platform_take(&self->device, NODE_DRIVER);
}

static void check_node(struct __test_metadata *_metadata, struct line *device,
		       const char *line)
{
	char path[256], target[256] = "";
	struct stat info;

	ASSERT_EQ(0, stat(node_path(device, line), &info));
	EXPECT_EQ(S_IFCHR | 0600, info.st_mode);
	EXPECT_EQ(0, info.st_uid);
	EXPECT_EQ(0, info.st_gid);
	EXPECT_STREQ(line, node_get_of(device, line, "line"));

	snprintf(path, sizeof(path), "/sys/class/irq_user/%s!%s/device", node_device(device), line);
	ASSERT_LT(0, readlink(path, target, sizeof(target) - 1));
	EXPECT_STREQ(node_device(device), strrchr(target, '/') + 1);
}

/* A bound device has a node for its interrupt and one for its registers. Root owns both. */
TEST_F(clock, bound_device_has_nodes)
{
	char size[16];

	EXPECT_STREQ("0 mem0 ", list_nodes(&self->device));
	check_node(_metadata, &self->device, "0");
	check_node(_metadata, &self->device, "mem0");
	EXPECT_LT(0, node_number(&self->device, "0"));
	snprintf(size, sizeof(size), "%d", getpagesize());
	EXPECT_STREQ(size, node_get_of(&self->device, "mem0", "size"));
}

/* A line has one owner, whether its node or its file in /proc was opened. */
TEST_F(clock, line_is_exclusive)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/irq/%d/irq", node_number(&self->device, "0"));
	fd = node_open(&self->device, "0", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_node(&self->device, "0", O_RDWR));
	EXPECT_EQ(-EBUSY, try_open(path, O_RDWR));
	close(fd);
	fd = open(path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_node(&self->device, "0", O_RDWR));
	close(fd);
	EXPECT_EQ(0, try_node(&self->device, "0", O_RDONLY));
	EXPECT_EQ(-EINVAL, try_node(&self->device, "0", O_WRONLY));
}

/* Registers can be mapped up to their size. Everything else fails. */
TEST_F(clock, registers_are_only_mapped)
{
	int fd = node_open(&self->device, "mem0", O_RDWR);
	size_t page = getpagesize();
	uint32_t value = 0;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, &value, sizeof(value)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, &value, sizeof(value)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, map_page(fd, page));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0));
	close(fd);
}

/* Gives a node to a group. */
static int give_to_group(struct line *device, const char *line)
{
	const char *path = node_path(device, line);

	return chown(path, 0, GROUP) || chmod(path, 0660);
}

/* Drives the clock without privileges. Returns NULL, or what went wrong. */
static const char *drive_as_user(const struct rtc *rtc, struct line *device, int irq)
{
	uint32_t *regs;
	char path[64];

	if (!become_nobody(GROUP))
		return "cannot give up all privileges";
	snprintf(path, sizeof(path), "/proc/irq/%d/irq", irq);
	if (try_open(path, O_RDWR) != -EACCES)
		return "the line can be opened by its number";
	regs = node_map(device, "mem0", getpagesize());
	if (!regs)
		return "cannot map the registers";
	return open_and_sleep(rtc, regs, device, rtc->ahead < 1000000000 ? ALARMS : 3);
}

/* A user outside the group cannot open the nodes. */
static const char *try_as_stranger(struct line *device)
{
	if (!become_nobody(GROUP + 1))
		return "cannot give up all privileges";
	if (try_node(device, "0", O_RDWR) != -EACCES || try_node(device, "mem0", O_RDWR) != -EACCES)
		return "a node can be opened without permission";
	return NULL;
}

/*
 * A member of the node's group, without any capability, maps the registers, sets the alarm,
 * sleeps until it comes, and acknowledges it. No event comes before its alarm.
 */
TEST_F_TIMEOUT(clock, unprivileged_user_gets_alarms, 120)
{
	int irq = node_number(&self->device, "0");

	ASSERT_EQ(0, give_to_group(&self->device, "0"));
	ASSERT_EQ(0, give_to_group(&self->device, "mem0"));
	for (int stranger = 0; stranger <= 1; stranger++) {
		pid_t child = fork();
		int status;

		ASSERT_LE(0, child);
		if (!child) {
			const char *why = stranger ? try_as_stranger(&self->device) :
				drive_as_user(self->rtc, &self->device, irq);

			if (why)
				TH_LOG("%s", why);
			_exit(!!why);
		}
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(0, status);
	}
}

/* Only driver_override binds a device, by each way to probe it. */
TEST_F(clock, binds_by_override_only)
{
	const char *const overrides[] = { "\n", "no_such_driver" };

	platform_take(&self->device, NODE_DRIVER);
	for (int i = 0; i < ARRAY_SIZE(overrides); i++) {
		platform_override(&self->device, overrides[i]);
		platform_probe(&self->device);
		EXPECT_FALSE(platform_has(&self->device, NULL));
		EXPECT_EQ(-ENODEV, write_file(PLATFORM_BUS "/drivers/" NODE_DRIVER "/bind",
					      node_device(&self->device)));
		EXPECT_FALSE(platform_has(&self->device, NULL));
		EXPECT_STREQ("", list_nodes(&self->device));
	}
}

/*
 * Unbinding wakes all sleepers of the line and ends mappings of registers. If the device is
 * bound again, it has new nodes. They work while the old files are still open.
 */
TEST_F_TIMEOUT(clock, unbinding_takes_line_and_registers, 120)
{
	int mem = node_open(&self->device, "mem0", O_RDWR);
	int fd = node_open(&self->device, "0", O_RDWR);
	dev_t line_number = node_id(&self->device, "0");
	dev_t mem_number = node_id(&self->device, "mem0");
	struct sleeper sleepers[SLEEPS];

	ASSERT_LE(0, fd);
	ASSERT_LE(0, mem);
	EXPECT_FALSE(node_faults(self->regs));
	for (int i = 0; i < SLEEPS; i++)
		sleeper_start(&sleepers[i], fd, sleeps_until_gone[i]);
	platform_take(&self->device, NODE_DRIVER);
	for (int i = 0; i < SLEEPS; i++) {
		EXPECT_TRUE(sleeper_join(&sleepers[i]))
			TH_LOG("sleeper %d", i);
	}
	EXPECT_EQ(-EIO, read_count(fd));
	EXPECT_TRUE(node_faults(self->regs));
	EXPECT_EQ(NULL, map_page(mem, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENOENT, try_node(&self->device, "0", O_RDWR));
	EXPECT_EQ(-ENOENT, try_node(&self->device, "mem0", O_RDWR));

	munmap(self->regs, getpagesize());
	self->regs = NULL;
	ASSERT_TRUE(platform_give(&self->device, NODE_DRIVER));
	EXPECT_NE(line_number, node_id(&self->device, "0"));
	EXPECT_NE(mem_number, node_id(&self->device, "mem0"));
	self->regs = node_map(&self->device, "mem0", getpagesize());
	ASSERT_NE(NULL, self->regs);
	check_alarms(_metadata, self->rtc, self->regs, &self->device);
	EXPECT_EQ(-EIO, read_count(fd));
	close(fd);
	close(mem);
}

/* Opens the UIO file of a device that the UIO driver has bound. */
static int open_uio(struct line *device)
{
	char path[288];
	int fd = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/uio", device->device);
	dir = opendir(path);
	for (struct dirent *entry; dir && fd < 0 && (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR);
	}
	if (dir)
		closedir(dir);
	return fd;
}

/*
 * After the device is unbound, a driver in the kernel can request the line, and its handler
 * runs. This test uses the UIO driver. Afterwards irq_user can bind the device again.
 */
TEST_F_TIMEOUT(clock, kernel_driver_gets_the_line_afterwards, 120)
{
	uint32_t *regs;
	int fd;

	if (access(PLATFORM_BUS "/drivers/" UIO_DRIVER, F_OK))
		SKIP(return, "needs CONFIG_UIO_PDRV_GENIRQ");
	/* The owner leaves the line masked. */
	fd = node_open(&self->device, "0", O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, write_value(fd, 0));
	platform_take(&self->device, NODE_DRIVER);

	ASSERT_TRUE(platform_give(&self->device, UIO_DRIVER));
	close(fd);
	fd = open_uio(&self->device);
	ASSERT_LE(0, fd);
	regs = map_page(fd, 0);
	ASSERT_NE(NULL, regs);
	self->rtc->prepare(regs);
	for (int i = 1; i <= 2; i++) {
		self->rtc->set(regs, self->rtc->now(regs) + self->rtc->ahead);
		/* UIO counts from the time that the device was bound. */
		EXPECT_EQ(i, read_count(fd));
		self->rtc->clear(regs);
		EXPECT_EQ(0, write_value(fd, 1));
	}
	munmap(regs, getpagesize());
	close(fd);
	platform_take(&self->device, UIO_DRIVER);

	munmap(self->regs, getpagesize());
	self->regs = NULL;
	ASSERT_TRUE(platform_give(&self->device, NODE_DRIVER));
	self->regs = node_map(&self->device, "mem0", getpagesize());
	ASSERT_NE(NULL, self->regs);
	check_alarms(_metadata, self->rtc, self->regs, &self->device);
}

/* Finds a device that firmware describes for these tests. */
static bool find_made(struct line *device, const char *compatible, const char *acpi)
{
	return platform_find(device, compatible) || platform_find(device, acpi);
}

/*
 * Two devices that share a line can both be bound. Each has a node. The line has one owner. If
 * either device is unbound, the owner loses the line.
 */
TEST_F_TIMEOUT(clock, devices_share_a_line, 120)
{
	struct line other;
	int fd;

	if (!find_made(&other, "Cirq-user,shared", "acpi:IRQU0003:"))
		SKIP(return, "there is no platform device that shares the line of the clock");
	ASSERT_TRUE(platform_give(&other, NODE_DRIVER));
	EXPECT_STREQ("0 ", list_nodes(&other));
	EXPECT_EQ(node_number(&self->device, "0"), node_number(&other, "0"));

	fd = node_open(&self->device, "0", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_node(&other, "0", O_RDWR));
	close(fd);
	check_alarms(_metadata, self->rtc, self->regs, &other);

	fd = node_open(&self->device, "0", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_node(&other, "0", O_RDWR));
	platform_take(&other, NODE_DRIVER);
	EXPECT_EQ(-EIO, read_count(fd));
	close(fd);
	check_alarms(_metadata, self->rtc, self->regs, &self->device);
}

/* Returns how many bytes /proc/iomem shows under the name of a device. */
static unsigned long long named_memory(struct line *device)
{
	unsigned long long start, end, size = 0;
	FILE *file = fopen("/proc/iomem", "r");
	char text[256], name[128];

	while (file && fgets(text, sizeof(text), file)) {
		if (sscanf(text, " %llx-%llx : %127[^\n]", &start, &end, name) == 3 &&
		    !strcmp(name, node_device(device)))
			size += end - start + 1;
	}
	if (file)
		fclose(file);
	return size;
}

/* While a device is bound, all of the memory that has a node is reserved. */
TEST_F(clock, registers_are_reserved)
{
	unsigned long long bound = named_memory(&self->device);

	platform_take(&self->device, NODE_DRIVER);
	EXPECT_EQ(getpagesize(), bound - named_memory(&self->device));
}

/* Registers that another driver has reserved have no node. */
TEST_F(clock, registers_in_use_have_no_node)
{
	struct line other;

	if (!find_made(&other, "Cirq-user,overlap", "acpi:IRQU0004:"))
		SKIP(return, "there is no platform device that has the registers of the clock");
	ASSERT_TRUE(platform_give(&other, NODE_DRIVER));
	EXPECT_STREQ("", list_nodes(&other));
	platform_take(&other, NODE_DRIVER);

	platform_take(&self->device, NODE_DRIVER);
	ASSERT_TRUE(platform_give(&other, NODE_DRIVER));
	EXPECT_STREQ("mem0 ", list_nodes(&other));
	platform_take(&other, NODE_DRIVER);
}

/* A device with several interrupts. Some of their names cannot be names of nodes. */
#define LINES	3

FIXTURE(named)
{
	struct line device;
	struct line lines[LINES];
	int fds[LINES];
	bool found;
};

/*
 * A character that a node's name cannot have is replaced. A name that is taken becomes the
 * index.
 */
static const char *const names[LINES] = { "ready", "tx_rx", "2" };

FIXTURE_SETUP(named)
{
	const char *why = driver_setup();

	if (why)
		SKIP(return, "%s", why);
	if (!find_made(&self->device, "Cirq-user,named", "acpi:IRQU0002:"))
		SKIP(return, "there is no platform device with named interrupts for these tests");
	self->found = true;
	ASSERT_TRUE(platform_give(&self->device, NODE_DRIVER));
}

FIXTURE_TEARDOWN(named)
{
	for (int i = 0; i < LINES; i++) {
		if (self->fds[i] > 0)
			close(self->fds[i]);
		if (self->lines[i].debug > 0)
			close(self->lines[i].debug);
	}
	if (self->found)
		platform_take(&self->device, NODE_DRIVER);
}

/* Opens the debugfs file that triggers the line of that name. */
static void open_trigger(struct __test_metadata *_metadata, struct line *device,
			 const char *name, struct line *line)
{
	EXPECT_STREQ(name, node_get_of(device, name, "line"));
	line->irq = node_number(device, name);
	ASSERT_LT(0, line->irq);
	ASSERT_TRUE(line_open_trigger(line));
}

/* Each interrupt of a device is a line with a node. The node has the name that firmware gives. */
TEST_F(named, interrupts_have_their_names)
{
	struct pollfd pollfds[LINES];

	EXPECT_STREQ("2 ready tx_rx ", list_nodes(&self->device));
	for (int i = 0; i < LINES; i++) {
		open_trigger(_metadata, &self->device, names[i], &self->lines[i]);
		self->fds[i] = node_open(&self->device, names[i], O_RDWR);
		ASSERT_LE(0, self->fds[i]);
		pollfds[i] = (struct pollfd){ .fd = self->fds[i], .events = POLLIN };
	}
	for (int i = 0; i < 10 * LINES; i++) {
		int index = i % LINES;

		line_trigger(&self->lines[index]);
		ASSERT_EQ(1, poll(pollfds, LINES, PATIENCE))
			TH_LOG("of %s", names[index]);
		EXPECT_EQ(POLLIN, pollfds[index].revents);
		EXPECT_EQ(1, read_count(self->fds[index]));
	}
}

TEST_HARNESS_MAIN
