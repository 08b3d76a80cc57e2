// SPDX-License-Identifier: GPL-2.0
/*
 * Tests what happens when a line with an owner goes away, for each way to remove it: calls fail
 * with EIO, removal does not wait for user space, and a line that comes back can be opened
 * while the old file is still open.
 *
 * Removing a device waits for grace periods, which take long in a kernel with debugging aids.
 * So the tests have longer time limits.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "gpio.h"
#include "hog.h"
#include "line.h"
#include "msi.h"
#include "rounds.h"
#include "sleeper.h"

/* A line, and how it is removed and restored. */
struct way {
	const char *(*setup)(struct line *line);
	void (*fire)(struct line *line);
	void (*quiet)(struct line *line);
	void (*remove)(struct line *line);
	const char *(*restore)(struct line *line);
	void (*teardown)(struct line *line);
	bool waits;			/* removal waits for threads on any CPU */
};

FIXTURE(removal)
{
	struct line line;
	int fd;
};

FIXTURE_VARIANT(removal)
{
	struct way way;
};

static void disable(struct line *line)
{
	line_enable(line, false);
}

static const char *enable(struct line *line)
{
	line_enable(line, true);
	return NULL;
}

/* The device's attribute "enable" disposes of the mapping of its INTx line. */
FIXTURE_VARIANT_ADD(removal, device_disabled)
{
	.way = {
		.setup = line_setup_removable,
		.fire = line_raise,
		.quiet = line_ack,
		.remove = disable,
		.restore = enable,
		.teardown = line_teardown,
	},
};

FIXTURE_VARIANT_ADD(removal, device_removed)
{
	.way = {
		.setup = line_setup_removable,
		.fire = line_raise,
		.quiet = line_ack,
		.remove = line_unplug,
		.restore = line_replug,
		.teardown = line_teardown,
	},
};

FIXTURE_VARIANT_ADD(removal, msi_freed)
{
	.way = {
		.setup = msi_setup,
		.fire = line_raise,
		.quiet = line_ack,
		.remove = msi_free,
		.restore = msi_alloc,
		.teardown = msi_teardown,
	},
};

FIXTURE_VARIANT_ADD(removal, msi_device_removed)
{
	.way = {
		.setup = msi_setup,
		.fire = line_raise,
		.quiet = line_ack,
		.remove = line_unplug,
		.restore = msi_replug,
		.teardown = msi_teardown,
	},
};

static void leave_alone(struct line *line)
{
	(void)line;
}

FIXTURE_VARIANT_ADD(removal, gpio_chip_unbound)
{
	.way = {
		.setup = gpio_setup,
		.fire = gpio_pull,
		.quiet = leave_alone,
		.remove = gpio_remove,
		.restore = gpio_restore,
		.teardown = gpio_teardown,
		.waits = true,
	},
};

FIXTURE_SETUP(removal)
{
	const char *why = variant->way.setup(&self->line);

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->line.path, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(removal)
{
	/* A test that failed may have changed it. */
	hog_patience(1);
	close(self->fd);
	variant->way.teardown(&self->line);
}

/* Removes the line, and checks that its file is gone. */
static void remove_line(struct __test_metadata *_metadata, const struct way *way,
			struct line *line)
{
	way->remove(line);
	EXPECT_EQ(-1, open(line->path, O_RDWR));
	EXPECT_EQ(ENOENT, errno);
}

/* Checks that the line comes back and can be opened while the old file is still open. */
static void check_line_returns(struct __test_metadata *_metadata, const struct way *way,
			       struct line *line, int old_fd)
{
	int fd;

	ASSERT_EQ(NULL, way->restore(line));
	fd = open(line->path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EAGAIN, read_count(fd));
		way->fire(line);
		ASSERT_TRUE(wait_event(fd));
		EXPECT_EQ(1, read_count(fd));
		way->quiet(line);
	}
	EXPECT_TRUE(says_gone(old_fd));
	close(fd);
}

TEST_F_TIMEOUT(removal, idle_file_gives_eio, 120)
{
	remove_line(_metadata, &variant->way, &self->line);
	EXPECT_TRUE(says_gone(self->fd));
	check_line_returns(_metadata, &variant->way, &self->line, self->fd);
}

/* An event that was not read goes away with the line. */
TEST_F_TIMEOUT(removal, pending_event_is_dropped, 120)
{
	variant->way.fire(&self->line);
	ASSERT_TRUE(wait_event(self->fd));
	variant->way.quiet(&self->line);
	remove_line(_metadata, &variant->way, &self->line);
	EXPECT_TRUE(says_gone(self->fd));
	check_line_returns(_metadata, &variant->way, &self->line, self->fd);
}

/* Each kind of sleeper wakes if it is the only sleeper. */
TEST_F_TIMEOUT(removal, wakes_a_single_sleeper, 120)
{
	const int step = 6 / rounds_of(6, 3);
	struct sleeper sleeper;

	/* The first two sleepers are the same. */
	for (int i = 1; i < SLEEPS; i += step) {
		sleeper_start(&sleeper, self->fd, sleeps_until_gone[i]);
		remove_line(_metadata, &variant->way, &self->line);
		EXPECT_TRUE(sleeper_join(&sleeper)) {
			TH_LOG("sleeper %d", i);
		}
		EXPECT_TRUE(says_gone(self->fd));
		close(self->fd);
		ASSERT_EQ(NULL, variant->way.restore(&self->line));
		self->fd = open(self->line.path, O_RDWR);
		ASSERT_LE(0, self->fd);
	}
}

/* All sleepers wake. */
TEST_F_TIMEOUT(removal, wakes_all_sleepers, 120)
{
	struct sleeper sleepers[SLEEPS];

	for (int i = 0; i < SLEEPS; i++)
		sleeper_start(&sleepers[i], self->fd, sleeps_until_gone[i]);
	remove_line(_metadata, &variant->way, &self->line);
	for (int i = 0; i < SLEEPS; i++) {
		EXPECT_TRUE(sleeper_join(&sleepers[i])) {
			TH_LOG("sleeper %d", i);
		}
	}
	EXPECT_TRUE(says_gone(self->fd));
	check_line_returns(_metadata, &variant->way, &self->line, self->fd);
}

/* An epoll set without a waiter may outlive the line and the file. */
TEST_F_TIMEOUT(removal, epoll_set_without_a_waiter, 120)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epfd = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &event));
	remove_line(_metadata, &variant->way, &self->line);
	EXPECT_EQ(1, epoll_wait(epfd, &event, 1, 0));
	EXPECT_EQ(EPOLLIN | EPOLLHUP | EPOLLERR, event.events);
	check_line_returns(_metadata, &variant->way, &self->line, self->fd);
	close(self->fd);
	EXPECT_EQ(0, epoll_wait(epfd, &event, 1, 0));
	close(epfd);
}

/*
 * A poller that was woken, but cannot run, does not delay removal. If removal takes four
 * seconds, the scheduler lets the poller run: then the test tries again. If removal waited for
 * a thread of the kernel that cannot run either, it would always take that long.
 */
TEST_F_TIMEOUT(removal, does_not_wait_for_a_poller, 120)
{
	int path = open("/", O_PATH);
	bool kept_off = false;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	pin_to(0);
	/* If removal waits for threads on the CPU anyway, it often does. */
	hog_patience(variant->way.waits ? 1 : 4);
	for (int i = 0; i < 10 && !kept_off; i++) {
		struct sleeper sleeper;
		int64_t runtime;
		struct hog hog;

		line_move_to(&self->line, 1);
		sleeper_start(&sleeper, self->fd, sleep_on_cpu_1_until_closed);
		hog_start(&hog);
		runtime = sleeper_runtime(&sleeper);
		remove_line(_metadata, &variant->way, &self->line);
		kept_off = variant->way.waits || runtime == sleeper_runtime(&sleeper);
		/*
		 * The poller's entry is still on the queue of the removed line. Put a
		 * descriptor that cannot be polled in the place of the one that the poller
		 * waits on.
		 */
		dup2(path, self->fd);
		EXPECT_EQ(NULL, variant->way.restore(&self->line));
		hog_stop(&hog);
		EXPECT_TRUE(sleeper_join(&sleeper));
		close(self->fd);
		self->fd = open(self->line.path, O_RDWR);
		ASSERT_LE(0, self->fd);
	}
	hog_patience(1);
	EXPECT_TRUE(kept_off);
	close(path);
}

/* Calls of every kind may race with the removal, while the device interrupts. */
TEST_F_TIMEOUT(removal, races_with_all_calls, 120)
{
	for (int i = 0; i < rounds_of(6, 3); i++) {
		pthread_t caller, opener;

		/* In every other round the opener is the only thread that uses the line. */
		if (i & 1)
			close(self->fd);
		fcntl(self->fd, F_SETFL, O_NONBLOCK);
		if (!(i & 1))
			pthread_create(&caller, NULL, call_until_gone, &self->fd);
		pthread_create(&opener, NULL, open_until_gone, self->line.path);
		for (int n = 0; n < i * 20; n++)
			variant->way.fire(&self->line);
		remove_line(_metadata, &variant->way, &self->line);
		pthread_join(opener, NULL);
		if (!(i & 1)) {
			pthread_join(caller, NULL);
			close(self->fd);
		}
		ASSERT_EQ(NULL, variant->way.restore(&self->line));
		variant->way.quiet(&self->line);
		self->fd = open(self->line.path, O_RDWR);
		ASSERT_LE(0, self->fd);
	}
}

TEST_HARNESS_MAIN
