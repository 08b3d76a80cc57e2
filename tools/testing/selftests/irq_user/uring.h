/* SPDX-License-Identifier: GPL-2.0 */
/* io_uring without liburing: one submission at a time. */
#ifndef IRQ_USER_URING_H
#define IRQ_USER_URING_H

#include <linux/io_uring.h>
#include <stdbool.h>

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

int ring_setup(struct ring *ring);

/* As ring_setup(), with room for @completions completions. */
int ring_setup_sized(struct ring *ring, unsigned int completions);

/* Submits an entry. Returns 0 or -1. */
int ring_submit_entry(struct ring *ring, const struct io_uring_sqe *entry);

/* Submits a read or a write. Returns 0 or -1. */
int ring_submit(struct ring *ring, int op, int fd, void *buffer, unsigned int len);

/* Submits a poll that completes once, or with each event if multishot. Returns 0 or -1. */
int ring_submit_poll(struct ring *ring, int fd, unsigned int events, bool multishot);

/*
 * Gives the ring @number buffers, each for a count, and waits until it has them. Their numbers
 * start at @first. Returns 0 or -errno.
 */
int ring_provide(struct ring *ring, int *counts, unsigned int number, unsigned int first);

/*
 * Submits a multishot read: it completes with each event, into another buffer each time.
 * Returns 0 or -1.
 */
int ring_submit_multishot_read(struct ring *ring, int fd, unsigned long user_data);

/* Returns the number of the buffer that a read has used. */
unsigned int buffer_of(const struct io_uring_cqe *completion);

/* Returns whether there is no completion. */
bool ring_is_empty(struct ring *ring);

/* Takes a completion. Returns whether there was one. */
bool ring_take(struct ring *ring, struct io_uring_cqe *completion);

/* Sleeps until there is a completion, or a signal. Returns 0 or -1. */
int ring_sleep(struct ring *ring);

/* As ring_sleep(), for at most @milliseconds. Returns whether there is a completion. */
bool ring_sleep_for(struct ring *ring, int milliseconds);

/* Waits for a completion and returns its result. */
int ring_wait(struct ring *ring);

#endif /* IRQ_USER_URING_H */
