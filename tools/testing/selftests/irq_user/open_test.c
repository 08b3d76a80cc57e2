// SPDX-License-Identifier: GPL-2.0
/* Tests open of /proc/irq/<N>/irq: which lines have the file, and which processes may open it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"
#include "file.h"
#include "igb.h"
#include "line_fixture.h"
#include "node.h"
#include "rounds.h"

/*
 * Every line with a chip has the file, with mode 0600 and owned by root, unless it is per-CPU
 * or cannot be requested.
 */
TEST_F(intx, every_mapped_line_has_the_file)
{
	struct dirent *entry;
	int lines = 0;
	DIR *dir;

	dir = opendir("/sys/kernel/irq");
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir))) {
		struct line line = {};
		char path[300], chip[64];
		struct stat st;

		snprintf(path, sizeof(path), "/sys/kernel/irq/%s/chip_name", entry->d_name);
		/* The chips "none" and "dummy" mask nothing. */
		if (!read_file(path, chip, sizeof(chip)) || !strcmp(chip, "none") ||
		    !strcmp(chip, "dummy"))
			continue;
		snprintf(path, sizeof(path), "/proc/irq/%s/irq", entry->d_name);
		line.irq = atoi(entry->d_name);
		if (line_has_state(&line, "PER_CPU")) {
			EXPECT_EQ(-ENOENT, try_open(path, O_PATH))
				TH_LOG("%s exists", path);
			continue;
		}
		/* Whether the file is there depends on when this flag was set. */
		if (line_has_state(&line, "_IRQ_NOREQUEST"))
			continue;
		EXPECT_EQ(0, stat(path, &st))
			TH_LOG("%s is missing", path);
		EXPECT_EQ(S_IFREG | 0600, st.st_mode);
		EXPECT_EQ(0, st.st_uid);
		EXPECT_EQ(0, st.st_gid);
		lines++;
	}
	closedir(dir);
	EXPECT_LT(0, lines);
}

/* An INTx line has its file from the moment the device is enabled. */
TEST(file_comes_and_goes_with_the_mapping)
{
	struct line line;
	const char *why = line_setup_removable(&line);

	if (why)
		SKIP(return, "%s", why);
	line_enable(&line, false);
	EXPECT_EQ(-ENOENT, try_open(line.path, O_RDWR));
	line_enable(&line, true);
	EXPECT_EQ(0, try_open(line.path, O_RDWR));
	line_teardown(&line);
}

/* The number that the kernel gives to a device without a connected line has no file. */
TEST_F(intx, unconnected_line_has_no_file)
{
	EXPECT_EQ(0, try_open(self->line.path, O_RDWR));
	EXPECT_EQ(-ENOENT, try_open("/proc/irq/2147483648/irq", O_RDWR));
}

/* Lists the files in a line's directory. */
static const char *list_files(int irq)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/irq/%d", irq);
	return list_entries(path, DT_REG);
}

#define MASKS	"affinity_hint effective_affinity effective_affinity_list "

/* The directory of a line has all its entries before the line has had an owner. */
TEST(entries_appear_with_the_file)
{
	const char *all = "irq spurious ";
	struct fake fake;
	const char *why = fake_make(&fake, "edge");
	int fd;

	if (why)
		SKIP(return, "%s", why);
	/* A kernel for several CPUs has more of them. */
	if (!access("/proc/irq/default_smp_affinity", F_OK))
		all = MASKS "irq node smp_affinity smp_affinity_list spurious ";
	EXPECT_STREQ(all, list_files(fake.irq));
	fd = open(fake.path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_STREQ(all, list_files(fake.irq));
	close(fd);
	EXPECT_STREQ(all, list_files(fake.irq));
	fake_dispose(&fake);
}

/* The chip gets the affinity of a line without an owner when the line is opened. */
TEST_F(intx, affinity_of_a_free_line_is_kept)
{
	static const char *const cpus[] = { "0", "1", "0" };
	char wanted[64], used[64], before[32] = "", text[32] = "";
	int fd;

	snprintf(wanted, sizeof(wanted), "/proc/irq/%d/smp_affinity_list", self->line.irq);
	snprintf(used, sizeof(used), "/proc/irq/%d/effective_affinity_list", self->line.irq);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	for (size_t i = 0; i < sizeof(cpus) / sizeof(*cpus); i++) {
		ASSERT_TRUE(read_file(used, before, sizeof(before)));
		ASSERT_EQ(0, write_file(wanted, cpus[i]));
		ASSERT_TRUE(read_file(wanted, text, sizeof(text)));
		EXPECT_STREQ(cpus[i], text);
		ASSERT_TRUE(read_file(used, text, sizeof(text)));
		EXPECT_STREQ(before, text);

		fd = open(self->line.path, O_RDWR);
		ASSERT_LE(0, fd);
		ASSERT_TRUE(read_file(used, text, sizeof(text)));
		EXPECT_STREQ(cpus[i], text);
		close(fd);
	}
}

TEST_F(intx, opens_read_only_and_read_write)
{
	EXPECT_EQ(0, try_open(self->line.path, O_RDONLY));
	EXPECT_EQ(0, try_open(self->line.path, O_RDWR));
	EXPECT_EQ(0, try_open(self->line.path, O_RDONLY | O_NONBLOCK));
}

/* An open for writing alone fails with EINVAL. */
TEST_F(intx, write_only_is_refused)
{
	EXPECT_EQ(-EINVAL, try_open(self->line.path, O_WRONLY));
}

static int drop_capability(int cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -1;
	data[CAP_TO_INDEX(cap)].effective &= ~CAP_TO_MASK(cap);
	return syscall(SYS_capset, &header, data);
}

/* Root without CAP_SYS_RAWIO gets EPERM, and the line stays free. */
TEST_F(intx, needs_cap_sys_rawio)
{
	int status;
	pid_t child;

	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (drop_capability(CAP_SYS_RAWIO))
			_exit(255);
		_exit(-try_open(self->line.path, O_RDWR));
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
	EXPECT_EQ(0, try_open(self->line.path, O_RDWR));
}

/* A line has one owner at a time. */
TEST_F(intx, second_open_is_busy)
{
	int fd = open(self->line.path, O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_open(self->line.path, O_RDWR));
	EXPECT_EQ(-EBUSY, try_open(self->line.path, O_RDONLY));
	close(fd);
	EXPECT_EQ(0, try_open(self->line.path, O_RDWR));
}

/* Returns whether a driver has requested the line. */
static bool has_driver(const char *irq)
{
	char path[300], name[64];

	snprintf(path, sizeof(path), "/sys/kernel/irq/%s/actions", irq);
	return read_file(path, name, sizeof(name)) && name[0] && strncmp(name, "user:", 5);
}

/* A line that a driver has requested is busy, and stays the driver's. */
TEST(line_of_a_driver_is_busy)
{
	struct dirent *entry;
	int busy = 0;
	DIR *dir;

	if (geteuid())
		SKIP(return, "needs root");
	dir = opendir("/sys/kernel/irq");
	if (!dir)
		SKIP(return, "there is no /sys/kernel/irq");
	while ((entry = readdir(dir))) {
		char path[300];

		snprintf(path, sizeof(path), "/proc/irq/%s/irq", entry->d_name);
		if (!has_driver(entry->d_name) || access(path, F_OK))
			continue;
		EXPECT_EQ(-EBUSY, try_open(path, O_RDWR))
			TH_LOG("%s", path);
		busy++;
	}
	closedir(dir);
	EXPECT_LT(0, busy);
}

/* /proc/<pid>/fdinfo/<fd> shows the number of the line, for each descriptor. */
TEST_F(intx, fdinfo_names_the_line)
{
	int fd = open(self->line.path, O_RDWR), fds[] = { fd, dup(fd) };
	char row[32];

	snprintf(row, sizeof(row), "\nirq:\t%d\n", self->line.irq);
	for (int i = 0; i < ARRAY_SIZE(fds); i++) {
		char path[64], text[512];

		ASSERT_LE(0, fds[i]);
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fds[i]);
		ASSERT_TRUE(read_file(path, text, sizeof(text) - 1));
		/* read_file() has removed the newline at the end. */
		strcat(text, "\n");
		EXPECT_NE(NULL, strstr(text, row))
			TH_LOG("%s", text);
	}
}

/* Opening and closing repeatedly does not fail and keeps masks balanced. */
TEST_F(intx, close_frees_the_line)
{
	for (int i = 0; i < rounds_of(200, 40); i++) {
		int fd = open(self->line.path, O_RDWR);

		ASSERT_LE(0, fd);
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		line_ack(&self->line);
		/* In turn with the event read and the line armed, and with neither. */
		if (i & 1) {
			ASSERT_EQ(1, read_count(fd));
			ASSERT_EQ(0, write_value(fd, 1));
		}
		close(fd);
	}
}

/* Opens the physical INTx line of a card that no test opens so, unless a driver has it. */
static void open_intx_of_card(struct __test_metadata *_metadata)
{
	struct line card;
	char irq[16];

	if (igb_find(&card))
		return;
	/* Where a device tree describes the machine, the line is made for a driver. */
	line_bind(&card, "pci-stub");
	line_unbind(&card, "pci-stub");
	line_enable(&card, true);
	snprintf(irq, sizeof(irq), "%d", line_number(&card));
	snprintf(card.path, sizeof(card.path), "/proc/irq/%s/irq", irq);
	if (!has_driver(irq)) {
		EXPECT_EQ(0, try_open(card.path, O_RDWR))
			TH_LOG("%s", card.path);
	}
	line_enable(&card, false);
}

/* A device has new lines when it is bound. */
FIXTURE(unopened)
{
	struct line line;
};

FIXTURE_VARIANT(unopened)
{
	const char *type;
};

FIXTURE_VARIANT_ADD(unopened, msi) { .type = "msi" };
FIXTURE_VARIANT_ADD(unopened, intx) { .type = "intx" };

FIXTURE_SETUP(unopened)
{
	const char *why = node_setup(&self->line, variant->type);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(unopened)
{
	node_teardown(&self->line);
}

/* A line that was never requested opens at the first try. */
TEST_F_TIMEOUT(unopened, first_open_of_a_line, 60)
{
	EXPECT_EQ(0, try_open(self->line.path, O_RDWR))
		TH_LOG("%s", self->line.path);
	if (!strcmp(variant->type, "intx"))
		open_intx_of_card(_metadata);
}

TEST_HARNESS_MAIN
