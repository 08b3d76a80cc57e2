// SPDX-License-Identifier: GPL-2.0
/*
 * What io_uring promises of /proc/irq/<N>/irq: reads that wait without a thread
 * and writes, of four bytes each.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "line_fixture.h"

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static int ring_setup(struct ring *ring)
{
	struct io_uring_params params = {};
	size_t size;
	char *map;

	ring->fd = syscall(__NR_io_uring_setup, 4, &params);
	if (ring->fd < 0 || !(params.features & IORING_FEAT_SINGLE_MMAP))
		return -1;
	size = params.sq_off.array + params.sq_entries * sizeof(unsigned int);
	if (size < params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe))
		size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, params.sq_entries * sizeof(struct io_uring_sqe),
			  PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (map == MAP_FAILED || ring->sqes == MAP_FAILED)
		return -1;
	ring->sq_tail = (void *)(map + params.sq_off.tail);
	ring->sq_mask = (void *)(map + params.sq_off.ring_mask);
	ring->sq_array = (void *)(map + params.sq_off.array);
	ring->cq_head = (void *)(map + params.cq_off.head);
	ring->cq_tail = (void *)(map + params.cq_off.tail);
	ring->cq_mask = (void *)(map + params.cq_off.ring_mask);
	ring->cqes = (void *)(map + params.cq_off.cqes);
	return 0;
}

static int ring_submit(struct ring *ring, int op, int fd, void *buffer, unsigned int len)
{
	unsigned int tail = *ring->sq_tail, index = tail & *ring->sq_mask;
	struct io_uring_sqe *sqe = &ring->sqes[index];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = op;
	sqe->fd = fd;
	sqe->addr = (unsigned long)buffer;
	sqe->len = len;
	sqe->off = -1;
	ring->sq_array[index] = index;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	return syscall(__NR_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0) == 1 ? 0 : -1;
}

static bool ring_is_empty(struct ring *ring)
{
	return *ring->cq_head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE);
}

/* Waits for a completion and returns its result. */
static int ring_wait(struct ring *ring)
{
	unsigned int head = *ring->cq_head;
	int result;

	while (ring_is_empty(ring))
		syscall(__NR_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	result = ring->cqes[head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

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
TEST_F(intx, line_goes_away)
{
	int fd = open(self->line.path, O_RDONLY), count;
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, fd, &count, sizeof(count)));
	line_enable(&self->line, false);
	EXPECT_EQ(-EIO, ring_wait(&ring));
}

TEST_HARNESS_MAIN
