// SPDX-License-Identifier: GPL-2.0

#include <sched.h>
#include <stdio.h>

#include "calls.h"
#include "file.h"
#include "hog.h"

static void *hog_main(void *arg)
{
	struct sched_param param = { .sched_priority = 60 };
	struct hog *hog = arg;

	pin_to(1);
	sched_setscheduler(0, SCHED_FIFO, &param);
	__atomic_store_n(&hog->runs, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&hog->may_stop, __ATOMIC_ACQUIRE))
		;
	return NULL;
}

void hog_start(struct hog *hog)
{
	*hog = (struct hog) {};
	pthread_create(&hog->thread, NULL, hog_main, hog);
	while (!__atomic_load_n(&hog->runs, __ATOMIC_ACQUIRE))
		sched_yield();
}

void hog_stop(struct hog *hog)
{
	__atomic_store_n(&hog->may_stop, true, __ATOMIC_RELEASE);
	pthread_join(hog->thread, NULL);
}

void hog_patience(int seconds)
{
	char text[16];

	snprintf(text, sizeof(text), "%d000000000", seconds);
	write_file("/sys/kernel/debug/sched/fair_server/cpu1/period", text);
}
