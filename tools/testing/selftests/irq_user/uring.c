// SPDX-License-Identifier: GPL-2.0

#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uring.h"

int ring_setup(struct ring *ring)
{
	return ring_setup_sized(ring, 8);
}

int ring_setup_sized(struct ring *ring, unsigned int completions)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CQSIZE,
		.cq_entries = completions,
	};
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

int ring_submit_entry(struct ring *ring, const struct io_uring_sqe *entry)
{
	unsigned int tail = *ring->sq_tail;
	unsigned int index = tail & *ring->sq_mask;

	ring->sqes[index] = *entry;
	ring->sq_array[index] = index;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0) == 1)
		return 0;
	/* The kernel has not read the entry, so it was not submitted. */
	*ring->sq_tail = tail;
	return -1;
}

int ring_submit(struct ring *ring, int op, int fd, void *buffer, unsigned int len)
{
	struct io_uring_sqe entry = {
		.opcode = op,
		.fd = fd,
		.addr = (unsigned long)buffer,
		.len = len,
		.off = -1,
	};

	return ring_submit_entry(ring, &entry);
}

int ring_submit_poll(struct ring *ring, int fd, unsigned int events, bool multishot)
{
	struct io_uring_sqe entry = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = fd,
		.poll32_events = events,
		.len = multishot ? IORING_POLL_ADD_MULTI : 0,
	};

	return ring_submit_entry(ring, &entry);
}

int ring_provide(struct ring *ring, int *counts, unsigned int number, unsigned int first)
{
	struct io_uring_sqe entry = {
		.opcode = IORING_OP_PROVIDE_BUFFERS,
		.fd = number,
		.addr = (unsigned long)counts,
		.len = sizeof(*counts),
		.off = first,
	};

	return ring_submit_entry(ring, &entry) ? -1 : ring_wait(ring);
}

int ring_submit_multishot_read(struct ring *ring, int fd, unsigned long user_data)
{
	struct io_uring_sqe entry = {
		.opcode = IORING_OP_READ_MULTISHOT,
		.flags = IOSQE_BUFFER_SELECT,
		.fd = fd,
		.off = -1,
		.user_data = user_data,
	};

	return ring_submit_entry(ring, &entry);
}

unsigned int buffer_of(const struct io_uring_cqe *completion)
{
	return completion->flags >> IORING_CQE_BUFFER_SHIFT;
}

bool ring_is_empty(struct ring *ring)
{
	return *ring->cq_head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE);
}

bool ring_take(struct ring *ring, struct io_uring_cqe *completion)
{
	unsigned int head = *ring->cq_head;

	if (ring_is_empty(ring))
		return false;
	*completion = ring->cqes[head & *ring->cq_mask];
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

int ring_sleep(struct ring *ring)
{
	return syscall(__NR_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
}

bool ring_sleep_for(struct ring *ring, int milliseconds)
{
	struct pollfd pollfd = { .fd = ring->fd, .events = POLLIN };

	return poll(&pollfd, 1, milliseconds) == 1;
}

int ring_wait(struct ring *ring)
{
	struct io_uring_cqe completion;

	while (!ring_take(ring, &completion))
		ring_sleep(ring);
	return completion.res;
}
