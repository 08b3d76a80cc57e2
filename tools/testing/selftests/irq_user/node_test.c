// SPDX-License-Identifier: GPL-2.0
/*
 * Tests /dev/irq/<device>/<line>: which nodes there are, which processes may open them, and
 * that they open the same file as /proc/irq/<N>/irq.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "node_fixture.h"
#include "rounds.h"
#include "sleeper.h"

#define GROUP		4711

/* The exit status of a child that could not give up its privileges. */
#define CANNOT		255

/* How many seconds to wait for interrupts that must come. */
#define PATIENCE	20

/* Flags of a resource, as in include/linux/ioport.h. */
#define RESOURCE_MEM	0x00000200
#define RESOURCE_UNSET	0x20000000

/* A line of the "edu" device, opened by its node. */
FIXTURE(edu)
{
	struct line line;
	char proc[32];
	const char *name;
};

FIXTURE_VARIANT(edu)
{
	const char *type, *name;
};

FIXTURE_VARIANT_ADD(edu, intx) { .type = "intx", .name = "intx" };
FIXTURE_VARIANT_ADD(edu, msi) { .type = "msi", .name = "msi0" };

FIXTURE_SETUP(edu)
{
	const char *why = node_setup(&self->line, variant->type);

	if (why)
		SKIP(return, "%s", why);
	self->name = variant->name;
	snprintf(self->proc, sizeof(self->proc), "/proc/irq/%d/irq", self->line.irq);
}

FIXTURE_TEARDOWN(edu)
{
	node_teardown(&self->line);
}

/* Returns whether a text has this row. */
static bool has_row(const char *text, const char *format, ...)
{
	char row[128], *all = NULL;
	va_list args;
	bool has;

	row[0] = '\n';
	va_start(args, format);
	vsnprintf(row + 1, sizeof(row) - 2, format, args);
	va_end(args);
	strcat(row, "\n");
	has = asprintf(&all, "\n%s\n", text) > 0 && strstr(all, row);
	free(all);
	return has;
}

/* Checks the properties that nodes of lines and of registers have. */
static void check_node(struct __test_metadata *_metadata, struct line *line, const char *name)
{
	const char *device = node_device(line), *text;
	struct stat st = {};
	char id[32];

	EXPECT_TRUE(node_appears(line, name))
		TH_LOG("%s is missing", name);
	EXPECT_EQ(0, stat(node_path(line, name), &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);

	snprintf(id, sizeof(id), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	EXPECT_STREQ(id, node_get_of(line, name, "dev"));
	EXPECT_STREQ(name, node_get_of(line, name, "line"));
	/* The link leads to the device. */
	EXPECT_TRUE(has_row(node_get_of(line, name, "device/uevent"), "PCI_SLOT_NAME=%s", device));

	text = node_get_of(line, name, "uevent");
	EXPECT_TRUE(has_row(text, "DEVNAME=irq/%s/%s", device, name));
	EXPECT_TRUE(has_row(text, "IRQ_DEVICE=%s", device));
	EXPECT_TRUE(has_row(text, "IRQ_SUBSYSTEM=pci"));
	EXPECT_TRUE(has_row(text, "IRQ_LINE=%s", name));
}

/* Each vector has a node, mode 0600 root, with its number and what udev rules match. */
TEST_F(card, names_and_modes)
{
	struct line *line = &self->line;

	ASSERT_EQ(IGB_VECTORS, node_count(line, "msix"));
	ASSERT_EQ(0, node_count(line, "msi0"));
	ASSERT_EQ(0, node_count(line, "intx"));
	for (int i = 0; i < IGB_VECTORS; i++) {
		char name[32], path[64];
		int irq;

		strcpy(name, node_vector("msix", i));
		check_node(_metadata, line, name);
		irq = node_number(line, name);
		EXPECT_LT(0, irq);
		snprintf(path, sizeof(path), "msi_irqs/%d", irq);
		EXPECT_STREQ("msix", node_get(line, path));
		EXPECT_TRUE(has_row(node_get_of(line, name, "uevent"), "IRQ_NUMBER=%d", irq));
		EXPECT_STREQ("1", node_get_of(line, name, "free_running"));
	}
}

/* Each memory resource that starts and ends on a page has a node. Other resources have none. */
TEST_F(card, registers_have_nodes)
{
	const unsigned long page = sysconf(_SC_PAGESIZE);
	char resources[1024], *row = resources;
	struct line *line = &self->line;
	int number = 0;

	strcpy(resources, node_get(line, "resource"));
	for (int bar = 0; bar < 6 && row; bar++) {
		unsigned long long start, end, flags, size;
		char name[8], text[32];
		int fields;

		fields = sscanf(row, "%llx %llx %llx", &start, &end, &flags);
		ASSERT_EQ(3, fields);
		row = strchr(row + 1, '\n');
		size = end - start + 1;
		if (!(flags & RESOURCE_MEM) || flags & RESOURCE_UNSET || (start | size) % page)
			continue;
		snprintf(name, sizeof(name), "mem%d", bar);
		check_node(_metadata, line, name);
		snprintf(text, sizeof(text), "%llu", size);
		EXPECT_STREQ(text, node_get_of(line, name, "size"));
		EXPECT_TRUE(has_row(node_get_of(line, name, "uevent"), "IRQ_SIZE=%llu", size));
		number++;
	}
	EXPECT_LE(1, number);
	EXPECT_EQ(number, node_count(line, "mem"));
}

/* The driver does not bind a device by its identity, only by its driver_override. */
TEST(binds_by_override_only)
{
	const char *device, *why;
	struct line line;
	char id[16];

	why = igb_find(&line);
	why = why ? why : node_load();
	if (why)
		SKIP(return, "%s", why);
	device = node_device(&line);
	snprintf(id, sizeof(id), "%x %x", IGB_VENDOR, IGB_DEVICE);
	/* A driver without dynamic identities has no such file. */
	write_file(NODE_DRIVER_DIR "/new_id", id);
	EXPECT_FALSE(node_is_bound(&line));
	write_file("/sys/bus/pci/drivers_probe", device);
	EXPECT_FALSE(node_is_bound(&line));
	write_file(NODE_DRIVER_DIR "/bind", device);
	EXPECT_FALSE(node_is_bound(&line));
	write_file(NODE_DRIVER_DIR "/remove_id", id);
	EXPECT_EQ(NULL, node_bind(&line));
	node_unbind(&line);
	EXPECT_FALSE(node_is_bound(&line));
}

/* Runs @act in a process of that group without privileges. Returns the exit status. */
static int as_member_of(gid_t group, struct line *line, int (*act)(struct line *line))
{
	pid_t child = fork();
	int status;

	if (!child) {
		if (!become_nobody(group))
			_exit(CANNOT);
		_exit(act(line));
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return CANNOT;
	return WEXITSTATUS(status);
}

static int open_node(struct line *line)
{
	return -try_open(node_path(line, "msix0"), O_RDWR);
}

static int open_registers(struct line *line)
{
	return -try_open(node_path(line, "mem0"), O_RDWR);
}

static int open_proc(struct line *line)
{
	return -try_open(line->path, O_RDWR);
}

/* Drives the device by its nodes. Returns 0, or the number of the step that fails. */
static int drive(struct line *line)
{
	int fd = node_open(line, "msix0", O_RDWR);
	uint32_t *regs;

	if (fd < 0)
		return 1;
	regs = node_map(line, "mem0", IGB_BAR_SIZE);
	if (!regs)
		return 2;
	igb_prepare(regs, 1);
	for (int i = 0; i < rounds_of(100, 20); i++) {
		igb_fire(regs, 1);
		if (read_count(fd) != 1)
			return 3;
		if (write_value(fd, 1))
			return 4;
		igb_fire(regs, 1);
		if (!wait_event(fd) || read_count(fd) != 1)
			return 5;
	}
	return 0;
}

/* Only the node's mode decides who may open it: a member of its group needs no capability. */
TEST_F(card, group_member_needs_no_capability)
{
	static const char *const names[] = { "msix0", "mem0" };
	struct line *line = &self->line;

	for (int i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_EQ(0, chown(node_path(line, names[i]), 0, GROUP));
		ASSERT_EQ(0, chmod(node_path(line, names[i]), 0660));
	}
	EXPECT_EQ(0, as_member_of(GROUP, line, drive));
	EXPECT_EQ(EACCES, as_member_of(GROUP + 1, line, open_node));
	EXPECT_EQ(EACCES, as_member_of(GROUP + 1, line, open_registers));

	/* The file in /proc needs the capability, whatever its mode. */
	snprintf(line->path, sizeof(line->path), "/proc/irq/%d/irq", node_number(line, "msix0"));
	EXPECT_EQ(EACCES, as_member_of(GROUP, line, open_proc));
	ASSERT_EQ(0, chmod(line->path, 0666));
	EXPECT_EQ(EPERM, as_member_of(GROUP, line, open_proc));
}

/* A line that is open by its node is busy for /proc, and the other way around. */
TEST_F(edu, proc_and_node_exclude_each_other)
{
	const char *const doors[] = { self->line.path, self->proc };

	for (int i = 0; i < ARRAY_SIZE(doors); i++) {
		int fd = open(doors[i], O_RDWR);

		ASSERT_LE(0, fd);
		EXPECT_EQ(-EBUSY, try_open(doors[0], O_RDWR));
		EXPECT_EQ(-EBUSY, try_open(doors[1], O_RDWR));
		close(fd);
	}
	EXPECT_EQ(0, try_open(doors[0], O_RDWR));
	EXPECT_EQ(0, try_open(doors[1], O_RDWR));
}

/* A node can be opened for reading, or for reading and writing. */
TEST_F(edu, write_only_is_invalid)
{
	EXPECT_EQ(-EINVAL, try_open(self->line.path, O_WRONLY));
	EXPECT_EQ(0, try_open(self->line.path, O_RDONLY));
	EXPECT_EQ(0, try_open(self->line.path, O_RDONLY | O_NONBLOCK));
	EXPECT_EQ(0, try_open(self->line.path, O_RDWR));
}

/* The file that the node opens has the same calls, and each interrupt is one event. */
TEST_F(edu, node_opens_the_same_file)
{
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK);
	const int events = rounds_of(100, 20);
	unsigned int before = line_hw_count(&self->line);

	ASSERT_LE(0, fd);
	for (int i = 0; i < events; i++) {
		ASSERT_EQ(-EAGAIN, read_count(fd));
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
	}
	EXPECT_EQ(-EAGAIN, read_count(fd));
	EXPECT_EQ(before + events, line_hw_count(&self->line));
	ASSERT_EQ(0, write_value(fd, 0));
	line_raise(&self->line);
	EXPECT_EQ(-EINVAL, write_value(fd, 3));
	ASSERT_EQ(0, write_value(fd, 1));
	ASSERT_TRUE(wait_event(fd));
	line_ack(&self->line);
}

static bool fdinfo_has(int fd, const char *key, const char *value)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return read_file(path, text, sizeof(text)) && has_row(text, "%s:\t%s", key, value);
}

/* /proc/<pid>/fdinfo/<fd> shows the line and the node, or the size of registers. */
TEST_F(edu, fdinfo_names_line_and_node)
{
	char number[16], node[96], size[32];
	int fd = open(self->line.path, O_RDWR), mem;

	ASSERT_LE(0, fd);
	snprintf(number, sizeof(number), "%d", self->line.irq);
	EXPECT_TRUE(fdinfo_has(fd, "irq", number));
	snprintf(node, sizeof(node), "%s/%s", node_device(&self->line), self->name);
	EXPECT_TRUE(fdinfo_has(fd, "node", node));

	mem = node_open(&self->line, "mem0", O_RDONLY);
	ASSERT_LE(0, mem);
	snprintf(size, sizeof(size), "%s", node_get_of(&self->line, "mem0", "size"));
	EXPECT_TRUE(fdinfo_has(mem, "size", size));
}

/* A node that is made again has another device number each time: an old copy opens nothing. */
TEST_F_TIMEOUT(edu, minors_are_not_reused, 120)
{
	dev_t ids[2 * 20];

	for (int i = 0; i < 2 * rounds_of(20, 5); i += 2) {
		ids[i] = node_id(&self->line, self->name);
		ids[i + 1] = node_id(&self->line, "mem0");
		for (int n = 0; n < i + 2; n++) {
			ASSERT_NE(0, ids[n]);
			for (int m = 0; m < n; m++)
				ASSERT_NE(ids[m], ids[n]);
		}
		node_unbind(&self->line);
		ASSERT_EQ(NULL, node_take(&self->line, variant->type));
	}
}

/* A reader sleeps through a reset of the device, and the line works as before. */
TEST_F_TIMEOUT(card, reader_sleeps_through_reset, 60)
{
	struct line *line = &self->line;
	int fd = node_open(line, "msix0", O_RDWR);
	struct sleeper sleeper;

	ASSERT_LE(0, fd);
	if (!node_get(line, "reset_method")[0])
		SKIP(return, "the device cannot be reset");
	for (int i = 0; i < 3; i++) {
		sleeper_start(&sleeper, fd, sleep_for_one);
		ASSERT_EQ(0, node_set(line, "reset", "1"));
		EXPECT_FALSE(sleeper_is_done(&sleeper));
		/* The reset has cleared the registers. The mapping stays. */
		igb_prepare(line->regs, IGB_VECTORS);
		igb_fire(line->regs, 1);
		ASSERT_TRUE(sleeper_join(&sleeper));
	}
}

/* After unbinding, another driver can have the device, and /proc opens its INTx line. */
TEST_F_TIMEOUT(edu, other_driver_binds_afterwards, 120)
{
	struct line *line = &self->line;
	char path[96];
	int fd;

	/* The owner leaves the line masked. */
	fd = open(line->path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	line_raise(line);
	ASSERT_TRUE(wait_event(fd));
	line_ack(line);
	node_unbind(line);
	EXPECT_TRUE(says_gone(fd));

	line_bind(line, "pci-stub");
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/pci-stub/%s", node_device(line));
	EXPECT_EQ(0, access(path, F_OK));
	line_unbind(line, "pci-stub");

	ASSERT_EQ(NULL, line_setup(line));
	fd = open(line->path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	for (int i = 0; i < rounds_of(100, 20); i++) {
		ASSERT_EQ(-EAGAIN, read_count(fd));
		line_raise(line);
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
		line_ack(line);
	}
	close(fd);
}

/* Keeps the driver that matches from binding the other cards, or allows it again. */
static void hide_other_cards(bool hide)
{
	struct line other;

	for (int i = 1; line_find_at(&other, EDU_VENDOR, EDU_DEVICE, i); i++)
		line_override(&other, hide ? "none" : "\n");
}

/* A driver in the kernel that binds the device gets its interrupts. */
TEST_F_TIMEOUT(edu, other_driver_gets_interrupts, 120)
{
	const time_t enough = time(NULL) + PATIENCE;
	const unsigned int wanted = rounds_of(100, 20);
	struct line *line = &self->line;
	unsigned int before;

	ASSERT_EQ(0, try_open(line->path, O_RDWR));
	node_unbind(line);
	line->irq = line_number(line);
	before = line_hw_count(line);
	hide_other_cards(true);
	if (!load_module_with("rust_driver_edu", "repeat=1")) {
		hide_other_cards(false);
		SKIP(return, "needs the module rust_driver_edu");
	}
	while (line_hw_count(line) < before + wanted && time(NULL) < enough)
		poll(NULL, 0, 1);
	EXPECT_LE(before + wanted, line_hw_count(line));
	snprintf(self->proc, sizeof(self->proc), "/proc/irq/%d/irq", line->irq);
	EXPECT_EQ(-EBUSY, try_open(self->proc, O_RDWR));
	unload_module("rust_driver_edu");
	hide_other_cards(false);
	EXPECT_EQ(NULL, node_take(line, variant->type));
	EXPECT_EQ(0, try_open(line->path, O_RDWR));
}

TEST_HARNESS_MAIN
