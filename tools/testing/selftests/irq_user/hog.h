/* SPDX-License-Identifier: GPL-2.0 */
/* A thread that keeps other threads off a CPU. */
#ifndef IRQ_USER_HOG_H
#define IRQ_USER_HOG_H

#include <pthread.h>
#include <stdbool.h>

struct hog {
	pthread_t thread;
	bool runs, may_stop;
};

/* Keeps normal threads and the kernel's interrupt threads off CPU 1. */
void hog_start(struct hog *hog);
void hog_stop(struct hog *hog);

/*
 * Sets after how many seconds, at most four, the scheduler lets the threads run that are kept
 * off. The default is one.
 */
void hog_patience(int seconds);

#endif /* IRQ_USER_HOG_H */
