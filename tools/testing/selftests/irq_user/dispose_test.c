// SPDX-License-Identifier: GPL-2.0
/*
 * Tests what happens when the mapping of a line is disposed of while the line has an owner, for
 * each kind of line. Removal does not wait for user space.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fake.h"
#include "hog.h"
#include "line.h"
#include "rounds.h"
#include "sleeper.h"

FIXTURE(dispose)
{
	struct fake fake;
	int fd;
};

FIXTURE_VARIANT(dispose)
{
	const char *kind;
	const char *fire;		/* the command that makes it fire */
};

FIXTURE_VARIANT_ADD(dispose, edge) { .kind = "edge", .fire = "fire" };
FIXTURE_VARIANT_ADD(dispose, level) { .kind = "level", .fire = "assert" };
FIXTURE_VARIANT_ADD(dispose, slow_bus) { .kind = "slow", .fire = "assert" };
FIXTURE_VARIANT_ADD(dispose, nested) { .kind = "nested", .fire = "nested" };

FIXTURE_SETUP(dispose)
{
	const char *why = fake_make(&self->fake, variant->kind);

	if (why)
		SKIP(return, "%s", why);
	self->fd = open(self->fake.path, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(dispose)
{
	/* A test that failed may have changed it. */
	hog_patience(1);
	close(self->fd);
	fake_dispose(&self->fake);
}

/* Sleepers of all kinds wake, and later calls fail with EIO. */
TEST_F(dispose, wakes_all_sleepers)
{
	struct sleeper sleepers[SLEEPS];

	for (int i = 0; i < SLEEPS; i++)
		sleeper_start(&sleepers[i], self->fd, sleeps_until_gone[i]);
	EXPECT_EQ(0, fake_do(&self->fake, "dispose"));
	for (int i = 0; i < SLEEPS; i++) {
		EXPECT_TRUE(sleeper_join(&sleepers[i])) {
			TH_LOG("sleeper %d", i);
		}
	}
	EXPECT_EQ(-EIO, read_count(self->fd));
	EXPECT_EQ(-EIO, write_value(self->fd, 1));
	EXPECT_EQ(-1, access(self->fake.path, F_OK));
}

/* An epoll set without a waiter may outlive the line and the file. */
TEST_F(dispose, epoll_set_without_a_waiter)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epfd = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, fake_do(&self->fake, "dispose"));
	EXPECT_EQ(1, epoll_wait(epfd, &event, 1, 0));
	close(self->fd);
	EXPECT_EQ(0, epoll_wait(epfd, &event, 1, 0));
	close(epfd);
}

static bool sleep_exclusively(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int epfd = epoll_create1(0);
	bool woken = !epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) &&
		     epoll_wait(epfd, &event, 1, -1) == 1;

	close(epfd);
	return woken;
}

/* An event wakes one exclusive poller. Removal of the line wakes all of them. */
TEST_F(dispose, wakes_all_exclusive_pollers)
{
	struct sleeper sleepers[3];

	for (int i = 0; i < 3; i++)
		sleeper_start(&sleepers[i], self->fd, sleep_exclusively);
	EXPECT_EQ(0, fake_do(&self->fake, "dispose"));
	for (int i = 0; i < 3; i++)
		EXPECT_TRUE(sleeper_join(&sleepers[i]));
}

#define POLLERS	50

struct storm {
	struct fake fake;
	int fd, epfd;
	int pollers[POLLERS];
};

/* Opens a line with many pollers, so that waking them and removing the line takes long. */
static void storm_setup(struct __test_metadata *_metadata, struct storm *storm, const char *kind)
{
	struct epoll_event event = { .events = EPOLLIN };

	ASSERT_EQ(NULL, fake_make(&storm->fake, kind));
	storm->fd = open(storm->fake.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, storm->fd);
	storm->epfd = epoll_create1(0);
	for (int i = 0; i < POLLERS; i++) {
		storm->pollers[i] = dup(storm->fd);
		ASSERT_EQ(0, epoll_ctl(storm->epfd, EPOLL_CTL_ADD, storm->pollers[i], &event));
	}
}

static void storm_teardown(struct storm *storm)
{
	for (int i = 0; i < POLLERS; i++)
		close(storm->pollers[i]);
	close(storm->epfd);
	close(storm->fd);
}

/* Makes the line fire and arms it in a loop, until the line is unmapped. */
static void *storm_main(void *arg)
{
	struct storm *storm = arg;

	while (!fake_do(&storm->fake, "fire")) {
		read_count(storm->fd);
		write_value(storm->fd, 1);
	}
	return NULL;
}

/* The line goes away while it fires again and again. */
TEST_F_TIMEOUT(dispose, removal_while_firing, 300)
{
	const int wanted = rounds_of(10, 2);
	int storms = 0, fires = 0, rounds;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	for (rounds = 0; storms < wanted && rounds < 10000; rounds++) {
		struct storm storm;
		struct line line;
		pthread_t thread;

		storm_setup(_metadata, &storm, variant->kind);
		line.irq = storm.fake.irq;
		pthread_create(&thread, NULL, storm_main, &storm);
		while (line_hw_count(&line) < 10)
			sched_yield();
		ASSERT_EQ(0, fake_do(&storm.fake, "dispose"));
		ASSERT_LE(0, fake_fires());
		/* One may have been under way when removal began. */
		storms += fake_fires() > 1;
		fires += fake_fires();
		pthread_join(thread, NULL);
		EXPECT_EQ(-EIO, read_count(storm.fd));
		storm_teardown(&storm);
	}
	TH_LOG("%d of %d lines fired while they went away, %d times", storms, rounds, fires);
	EXPECT_EQ(wanted, storms);
}

/* Open, read, write, poll and close may race with the line's end. */
TEST_F_TIMEOUT(dispose, races_with_all_calls, 120)
{
	/* An odd step: both kinds of rounds, with up to 30 events. */
	const int step = 30 / rounds_of(30, 6);

	for (int i = 0; i < 30; i += step) {
		struct fake fake;
		pthread_t caller, opener;
		int fd;

		ASSERT_EQ(NULL, fake_make(&fake, variant->kind));
		/* In every other round the opener is the only thread that uses the line. */
		fd = i & 1 ? open(fake.path, O_RDWR | O_NONBLOCK) : -1;
		if (fd >= 0)
			pthread_create(&caller, NULL, call_until_gone, &fd);
		pthread_create(&opener, NULL, open_until_gone, fake.path);
		for (int n = 0; n < i; n++)
			ASSERT_EQ(0, fake_do(&fake, variant->fire));
		ASSERT_EQ(0, fake_do(&fake, "dispose"));
		pthread_join(opener, NULL);
		if (fd >= 0)
			pthread_join(caller, NULL);
		close(fd);
	}
}

/*
 * A poller that was woken, but cannot run, does not delay removal. If removal takes four
 * seconds, the scheduler lets the poller run: then the test tries again.
 */
TEST_F_TIMEOUT(dispose, does_not_wait_for_a_poller, 120)
{
	int path = open("/", O_PATH);
	bool kept_off = false;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	pin_to(0);
	hog_patience(4);
	for (int i = 0; i < 10 && !kept_off; i++) {
		struct fake fake, other;
		struct sleeper sleeper;
		int64_t runtime;
		struct hog hog;
		int fd;

		ASSERT_EQ(NULL, fake_make(&fake, variant->kind));
		fd = open(fake.path, O_RDWR);
		ASSERT_LE(0, fd);
		sleeper_start(&sleeper, fd, sleep_on_cpu_1_until_closed);
		hog_start(&hog);
		runtime = sleeper_runtime(&sleeper);

		EXPECT_EQ(0, fake_do(&fake, "dispose"));
		kept_off = runtime == sleeper_runtime(&sleeper);
		/*
		 * The poller's entry is still on the queue of the removed line. Put a
		 * descriptor that cannot be polled in the place of the one that the poller
		 * waits on.
		 */
		EXPECT_EQ(fd, dup2(path, fd));
		EXPECT_EQ(NULL, fake_make(&other, variant->kind));
		EXPECT_EQ(0, fake_do(&other, "dispose"));

		hog_stop(&hog);
		EXPECT_TRUE(sleeper_join(&sleeper));
		close(fd);
	}
	hog_patience(1);
	EXPECT_TRUE(kept_off);
	close(path);
}

/* Ways in which an edge line becomes unusable while it stays mapped. */
FIXTURE(unusable)
{
	struct fake fake;
};

FIXTURE_VARIANT(unusable)
{
	const char *verb;
};

FIXTURE_VARIANT_ADD(unusable, domain_removed) { .verb = "unbind" };
FIXTURE_VARIANT_ADD(unusable, chained) { .verb = "chain" };

FIXTURE_SETUP(unusable)
{
	const char *why = fake_make(&self->fake, "edge");

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(unusable)
{
	fake_dispose(&self->fake);
}

/* All sleepers wake, later calls fail with EIO, and the line's directory is gone. */
TEST_F(unusable, unusable_line_wakes_all_sleepers)
{
	int fd = open(self->fake.path, O_RDWR);
	struct sleeper sleepers[SLEEPS];
	char directory[32];

	ASSERT_LE(0, fd);
	for (int i = 0; i < SLEEPS; i++)
		sleeper_start(&sleepers[i], fd, sleeps_until_gone[i]);
	EXPECT_EQ(0, fake_do(&self->fake, variant->verb));
	for (int i = 0; i < SLEEPS; i++) {
		EXPECT_TRUE(sleeper_join(&sleepers[i])) {
			TH_LOG("sleeper %d", i);
		}
	}
	EXPECT_EQ(-EIO, read_count(fd));
	EXPECT_EQ(-EIO, write_value(fd, 1));
	snprintf(directory, sizeof(directory), "/proc/irq/%d", self->fake.irq);
	EXPECT_EQ(-1, access(directory, F_OK));
	EXPECT_EQ(ENOENT, errno);
	close(fd);
}

TEST_HARNESS_MAIN
