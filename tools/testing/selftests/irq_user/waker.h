/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's thread that wakes the pollers of a file. It exists where handlers are forced
 * into threads.
 */
#ifndef IRQ_USER_WAKER_H
#define IRQ_USER_WAKER_H

#include <stdbool.h>
#include <sys/types.h>

bool handlers_are_forced_into_threads(void);

/* Returns the thread of the line's file, or 0. */
pid_t waker_find(int irq);

/* Returns whether the thread has ended. */
bool waker_has_ended(pid_t waker);

/* Waits until the thread has ended. */
void waker_wait_ended(pid_t waker);

#endif /* IRQ_USER_WAKER_H */
