/* SPDX-License-Identifier: GPL-2.0 */
/* Threads that use a line until it is gone, and threads that sleep on it in each possible way. */
#ifndef IRQ_USER_SLEEPER_H
#define IRQ_USER_SLEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sleeper {
	pthread_t thread;
	int fd;
	pid_t tid;
	clockid_t clock;		/* of its CPU time */
	/* Sleeps, and returns whether the results are right. */
	bool (*sleep)(int fd);
	bool right;
	bool done;
};

/* Sleeps in a read until there is one event. */
bool sleep_for_one(int fd);

/* Starts the sleeper, and returns when it is asleep. */
void sleeper_start(struct sleeper *sleeper, int fd, bool (*sleep)(int fd));

/* Waits until it has ended. Returns whether its results are right. */
bool sleeper_join(struct sleeper *sleeper);

/* Returns whether it has ended. */
bool sleeper_is_done(struct sleeper *sleeper);

/* Returns how many nanoseconds it has run, or -1 if it has ended. */
int64_t sleeper_runtime(struct sleeper *sleeper);

/* Waits until it no longer runs. Returns how long it has run. */
int64_t sleeper_settled_runtime(struct sleeper *sleeper);

/* All ways to sleep until the line goes away. Two of them are reads. */
#define SLEEPS	7
extern bool (*const sleeps_until_gone[SLEEPS])(int fd);

/* Returns whether all calls on a file report that its line is gone. */
bool says_gone(int fd);

/*
 * Threads that do not sleep: one makes calls of every kind on the descriptor that @fd points
 * to, one opens the line's file, both until the line is gone.
 */
void *call_until_gone(void *fd);
void *open_until_gone(void *path);

/* Sleeps in poll on CPU 1. A hog must keep it off that CPU until the descriptor is closed. */
bool sleep_on_cpu_1_until_closed(int fd);

#endif /* IRQ_USER_SLEEPER_H */
