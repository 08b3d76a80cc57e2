// SPDX-License-Identifier: GPL-2.0
/*
 * What io_uring promises of /proc/irq/<N>/irq: reads that wait without a thread
 * and writes, of four bytes each.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include "line_fixture.h"
#include "uring.h"

/* A read waits for the event, and takes it. */
TEST_F(intx, read_waits_for_the_event)
{
	int fd = open(self->line.path, O_RDONLY);
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	for (int i = 0; i < 1000; i++) {
		int count = 0;

		ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, fd, &count, sizeof(count)));
		ASSERT_TRUE(ring_is_empty(&ring));
		line_raise(&self->line);
		ASSERT_EQ(sizeof(count), ring_wait(&ring));
		ASSERT_EQ(1, count);
		line_ack(&self->line);
	}
}

/* A larger read would have to wait for more events, and is refused. */
TEST_F(intx, larger_read_is_invalid)
{
	int fd = open(self->line.path, O_RDONLY), buffer[2];
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	line_raise(&self->line);
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, fd, buffer, sizeof(buffer)));
	EXPECT_EQ(-EINVAL, ring_wait(&ring));
	EXPECT_EQ(1, read_count(fd));
}

/* A write is done at once. */
TEST_F(intx, write_masks_and_arms)
{
	int fd = open(self->line.path, O_RDWR), zero = 0, one = 1, two = 2;
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_WRITE, fd, &zero, sizeof(zero)));
	EXPECT_EQ(sizeof(zero), ring_wait(&ring));
	line_raise(&self->line);
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_WRITE, fd, &one, sizeof(one)));
	EXPECT_EQ(sizeof(one), ring_wait(&ring));
	EXPECT_EQ(1, read_count(fd));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_WRITE, fd, &two, sizeof(two)));
	EXPECT_EQ(-EINVAL, ring_wait(&ring));
}

/* A read in flight ends when the line goes away. */
TEST(line_goes_away)
{
	struct line line;
	const char *why = line_setup_removable(&line);
	struct ring ring;
	int fd, count;

	if (why)
		SKIP(return, "%s", why);
	fd = open(line.path, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, fd, &count, sizeof(count)));
	line_enable(&line, false);
	EXPECT_EQ(-EIO, ring_wait(&ring));
	line_teardown(&line);
}

FIXTURE(edge)
{
	struct line line;
};

FIXTURE_SETUP(edge)
{
	const char *why = line_setup_edge(&self->line);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(edge)
{
	line_teardown(&self->line);
}

/* Takes what there is, again and again. */
struct taker {
	int fd, taken;
	bool stop;
};

static void *taker_main(void *arg)
{
	struct taker *taker = arg;
	int count;
	struct iovec iov = { .iov_base = &count, .iov_len = sizeof(count) };

	while (!__atomic_load_n(&taker->stop, __ATOMIC_RELAXED))
		if (preadv2(taker->fd, &iov, 1, -1, RWF_NOWAIT) == sizeof(count))
			__atomic_fetch_add(&taker->taken, count, __ATOMIC_RELAXED);
	return NULL;
}

/* A read whose event another one takes goes on waiting, as if nothing had been. */
TEST_F_TIMEOUT(edge, late_read_waits_on, 240)
{
	struct taker taker = { .fd = open(self->line.path, O_RDONLY) };
	struct io_uring_cqe completion;
	int taken = 0, count;
	struct ring ring;
	pthread_t thread;

	ASSERT_LE(0, taker.fd);
	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, taker.fd, &count, sizeof(count)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, taker_main, &taker));
	for (int i = 1; i <= 20000; i++) {
		line_trigger(&self->line);
		while (taken + __atomic_load_n(&taker.taken, __ATOMIC_RELAXED) < i) {
			/* The kernel looks for the event when this thread is there. */
			getppid();
			if (!ring_take(&ring, &completion))
				continue;
			ASSERT_EQ(sizeof(count), completion.res);
			taken += count;
			ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, taker.fd, &count,
						 sizeof(count)));
		}
	}
	__atomic_store_n(&taker.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(20000, taken + taker.taken);
}

TEST_HARNESS_MAIN
