/* SPDX-License-Identifier: GPL-2.0 */
/* io_uring without its library: one submission at a time. */
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

/* Submits an entry. Returns 0 or -1. */
int ring_submit_entry(struct ring *ring, const struct io_uring_sqe *entry);

/* Submits a read or a write. Returns 0 or -1. */
int ring_submit(struct ring *ring, int op, int fd, void *buffer, unsigned int len);

/* Submits a poll that completes once, or with each event. Returns 0 or -1. */
int ring_submit_poll(struct ring *ring, int fd, unsigned int events, bool multishot);

/* Returns whether there is no completion. */
bool ring_is_empty(struct ring *ring);

/* Takes a completion. Returns whether there was one. */
bool ring_take(struct ring *ring, struct io_uring_cqe *completion);

/* Sleeps until there is a completion, or a signal. Returns 0 or -1. */
int ring_sleep(struct ring *ring);

/* Waits for a completion and returns its result. */
int ring_wait(struct ring *ring);

#endif /* IRQ_USER_URING_H */
