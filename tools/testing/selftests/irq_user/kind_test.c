// SPDX-License-Identifier: GPL-2.0
/*
 * Tests lines of every kind: those that can be opened, and those that cannot, for which the
 * kernel logs nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fake.h"
#include "file.h"
#include "line.h"
#include "rounds.h"

FIXTURE(kind)
{
	struct fake fake;
};

FIXTURE_VARIANT(kind)
{
	const char *name;
	bool hidden;			/* not in /proc/interrupts */
	const char *fire;		/* the command that makes it fire */
};

FIXTURE_VARIANT_ADD(kind, edge) { .name = "edge", .fire = "fire" };
FIXTURE_VARIANT_ADD(kind, bare_edge) { .name = "bare_edge", .fire = "fire" };
FIXTURE_VARIANT_ADD(kind, slow_edge) { .name = "slow_edge", .fire = "fire" };
FIXTURE_VARIANT_ADD(kind, level) { .name = "level", .fire = "assert" };
FIXTURE_VARIANT_ADD(kind, slow_bus) { .name = "slow", .fire = "assert" };
FIXTURE_VARIANT_ADD(kind, nested) { .name = "nested", .fire = "nested" };
FIXTURE_VARIANT_ADD(kind, simple) { .name = "simple", .fire = "assert" };
FIXTURE_VARIANT_ADD(kind, unmarked_nested) { .name = "unmarked_nested", .fire = "nested" };
FIXTURE_VARIANT_ADD(kind, hidden) { .name = "hidden", .fire = "assert", .hidden = true };

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

/* Returns whether the record is what a kernel says of a busy machine. */
static bool is_of_a_busy_machine(const char *record)
{
	static const char *const subsystems[] = {
		";sched: ", ";clocksource: ", ";hrtimer: ", ";workqueue: ",
	};

	for (int i = 0; i < ARRAY_SIZE(subsystems); i++) {
		if (strstr(record, subsystems[i]))
			return true;
	}
	return false;
}

/* Returns whether the log has no warning and no record with "irq" since then. */
static bool is_silent(int log)
{
	char record[1024];
	ssize_t size;

	while ((size = read(log, record, sizeof(record) - 1)) > 0) {
		record[size] = '\0';
		if (is_of_a_busy_machine(record))
			continue;
		/* A record starts with its facility and level. */
		if ((atoi(record) & 7) <= LOG_WARNING || strcasestr(record, "irq")) {
			fprintf(stderr, "# the kernel's log: %s", record);
			return false;
		}
	}
	return errno == EAGAIN;
}

/* A line can be opened, by one owner at a time. The log stays silent. */
TEST_F(kind, can_be_opened)
{
	int log = log_end();

	for (int i = 0; i < 3; i++) {
		int fd = open(self->fake.path, O_RDWR | O_NONBLOCK);

		ASSERT_LE(0, fd);
		ASSERT_EQ(-1, open(self->fake.path, O_RDWR));
		ASSERT_EQ(EBUSY, errno);
		close(fd);
	}
	EXPECT_TRUE(is_silent(log));
}

/*
 * If the kernel can start no thread, an open that needs one fails with ENOMEM. EAGAIN would tell
 * an opener with O_NONBLOCK to try again.
 */
TEST_F(kind, open_without_a_thread)
{
	static const char path[] = "/proc/sys/kernel/threads-max";
	char max[16];
	int fd;

	ASSERT_TRUE(read_file(path, max, sizeof(max)));
	ASSERT_EQ(0, write_file(path, "1"));
	fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
	if (fd < 0)
		fd = -errno;
	ASSERT_EQ(0, write_file(path, max));

	/* The handler of a line on a slow bus has a thread. Other files may need one to wake. */
	if (!strncmp(variant->name, "slow", 4))
		EXPECT_EQ(-ENOMEM, fd);
	if (fd < 0) {
		EXPECT_EQ(-ENOMEM, fd);
		fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
	}
	ASSERT_LE(0, fd);
	close(fd);
}

/* Each event counts once and masks the line, whatever context its handler needs. */
TEST_F(kind, events_are_counted)
{
	int fd;

	fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	for (int i = 0; i < rounds_of(200, 40); i++) {
		ASSERT_EQ(-EAGAIN, read_count(fd));
		ASSERT_EQ(0, fake_do(&self->fake, variant->fire));
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(0, fake_do(&self->fake, "quiet"));
		ASSERT_EQ(1, read_count(fd));
	}
}

/* An owner shows in /proc/interrupts, unless the kernel hides the line. */
TEST_F(kind, owner_is_shown)
{
	struct line line = { .irq = self->fake.irq };
	char *row;
	int fd;

	fd = open(self->fake.path, O_RDWR);
	ASSERT_LE(0, fd);
	row = line_row(&line);
	EXPECT_EQ(variant->hidden, !strstr(row, "user:"));
	free(row);
}

FIXTURE(refused)
{
	struct fake fake;
};

FIXTURE_VARIANT(refused)
{
	const char *name;
};

FIXTURE_VARIANT_ADD(refused, untriggered) { .name = "untriggered" };
/* This line is marked NOREQUEST after it was mapped, so it keeps its file. */
FIXTURE_VARIANT_ADD(refused, no_request) { .name = "norequest" };

FIXTURE_SETUP(refused)
{
	const char *why = fake_make(&self->fake, variant->name);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(refused)
{
	fake_dispose(&self->fake);
}

/* Opening a line that cannot be requested fails with EINVAL, and the log stays silent. */
TEST_F(refused, open_is_invalid)
{
	int log = log_end();

	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(-1, open(self->fake.path, O_RDWR));
		ASSERT_EQ(EINVAL, errno);
	}
	EXPECT_TRUE(is_silent(log));
}

FIXTURE(absent)
{
	struct fake fake;
};

FIXTURE_VARIANT(absent)
{
	const char *name;
};

FIXTURE_VARIANT_ADD(absent, per_cpu) { .name = "percpu" };
FIXTURE_VARIANT_ADD(absent, per_cpu_devid) { .name = "percpu_devid" };
FIXTURE_VARIANT_ADD(absent, unmaskable) { .name = "unmaskable" };
FIXTURE_VARIANT_ADD(absent, maskless) { .name = "maskless" };
FIXTURE_VARIANT_ADD(absent, dummy) { .name = "dummy" };
FIXTURE_VARIANT_ADD(absent, managed) { .name = "managed" };
FIXTURE_VARIANT_ADD(absent, chained) { .name = "chained" };

FIXTURE_SETUP(absent)
{
	const char *why = fake_make(&self->fake, variant->name);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(absent)
{
	fake_dispose(&self->fake);
}

/*
 * A line that belongs to the kernel, or that nothing can mask, has no file. The log stays
 * silent.
 */
TEST_F(absent, has_no_file)
{
	int log = log_end();

	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(-ENOENT, try_open(self->fake.path, O_RDWR));
		ASSERT_EQ(-ENOENT, try_open(self->fake.path, O_PATH));
	}
	EXPECT_TRUE(is_silent(log));
}

FIXTURE(late)
{
	struct fake fake;
};

FIXTURE_VARIANT(late)
{
	const char *name;
	const char *before;		/* a command before that */
	const char *verb;		/* the command that makes the line suit user space */
};

FIXTURE_VARIANT_ADD(late, chip) { .name = "late_chip", .verb = "chip" };
/* This line cannot be masked, but needs no mask after its trigger is known to be an edge. */
FIXTURE_VARIANT_ADD(late, trigger) { .name = "late_trigger", .verb = "trigger" };
/* The first request makes the line's directory. */
FIXTURE_VARIANT_ADD(late, trigger_after_request)
{
	.name = "late_trigger", .before = "request", .verb = "trigger"
};

FIXTURE_SETUP(late)
{
	const char *why = fake_make(&self->fake, variant->name);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(late)
{
	fake_dispose(&self->fake);
}

/* A line that suits user space only some time after it was mapped has its file from then on. */
TEST_F(late, file_appears_later)
{
	int fd;

	if (variant->before)
		ASSERT_EQ(0, fake_do(&self->fake, variant->before));
	EXPECT_EQ(-ENOENT, try_open(self->fake.path, O_PATH));
	ASSERT_EQ(0, fake_do(&self->fake, variant->verb));
	fd = open(self->fake.path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_open(self->fake.path, O_RDWR));
	fake_dispose(&self->fake);
	EXPECT_EQ(-EIO, read_count(fd));
	close(fd);
	EXPECT_EQ(-ENOENT, try_open(self->fake.path, O_PATH));
}

FIXTURE(simple)
{
	struct fake fake;
	struct line line;
	int fd;
};

FIXTURE_SETUP(simple)
{
	const char *why = fake_make(&self->fake, "simple");

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->line.irq = self->fake.irq;
	self->fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(simple)
{
	close(self->fd);
	fake_dispose(&self->fake);
}

/* Gives the line time to fire. It must not fire. */
static void wait_in_vain(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000 * 1000 }, NULL);
}

/* A simple flow does not mask, so the handler masks the line: one assertion is one interrupt. */
TEST_F(simple, assertion_is_one_event)
{
	unsigned int before = line_hw_count(&self->line);

	for (int i = 1; i <= rounds_of(20, 5); i++) {
		ASSERT_EQ(0, fake_do(&self->fake, "assert"));
		ASSERT_TRUE(wait_event(self->fd));
		wait_in_vain();
		EXPECT_EQ(before + i, line_hw_count(&self->line));
		EXPECT_EQ(1, read_count(self->fd));
		ASSERT_EQ(0, fake_do(&self->fake, "quiet"));
		/* Arming the line brings no second event. */
		EXPECT_EQ(-EAGAIN, read_count(self->fd));
		wait_in_vain();
		EXPECT_EQ(-EAGAIN, read_count(self->fd));
	}
	EXPECT_EQ(-EINVAL, write_value(self->fd, 2));
}

/*
 * An assertion that came and went while the line was masked gives no event, neither to this
 * owner nor to the next.
 */
TEST_F(simple, masked_assertion_leaves_no_event)
{
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, write_value(self->fd, 0));
		ASSERT_EQ(0, fake_do(&self->fake, "assert"));
		wait_in_vain();
		ASSERT_EQ(0, fake_do(&self->fake, "quiet"));
		if (i) {
			close(self->fd);
			self->fd = open(self->fake.path, O_RDWR | O_NONBLOCK);
			ASSERT_LE(0, self->fd);
		}
		EXPECT_EQ(-EAGAIN, read_count(self->fd));
		wait_in_vain();
		EXPECT_EQ(-EAGAIN, read_count(self->fd));
	}
	ASSERT_EQ(0, fake_do(&self->fake, "assert"));
	ASSERT_TRUE(wait_event(self->fd));
	ASSERT_EQ(0, fake_do(&self->fake, "quiet"));
	EXPECT_EQ(1, read_count(self->fd));
}

/*
 * If the chip refuses the trigger, open fails with the chip's error. The log says so, but not
 * each time.
 */
TEST(trigger_refused_by_the_chip)
{
	const time_t enough = time(NULL) + 20;
	struct fake fake;
	const char *why = fake_make(&fake, "refusing");
	int log = log_end(), told = 0;
	char text[32];

	if (why)
		SKIP(return, "%s", why);
	ASSERT_LE(0, log);
	snprintf(text, sizeof(text), "irq %d failed", fake.irq);
	/*
	 * The log takes 10 messages in five seconds by default. Others may have used those of
	 * the first seconds.
	 */
	for (int i = 0; i < rounds_of(1000, 200) || (!told && time(NULL) < enough); i++) {
		ASSERT_EQ(-1, open(fake.path, O_RDWR));
		ASSERT_EQ(EOPNOTSUPP, errno);
		told += log_count(log, text);
	}
	EXPECT_LE(1, told);
	EXPECT_GE(100, told);
	close(log);
	fake_dispose(&fake);
}

TEST_HARNESS_MAIN
