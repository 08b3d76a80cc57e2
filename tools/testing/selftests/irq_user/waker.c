// SPDX-License-Identifier: GPL-2.0

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "file.h"
#include "waker.h"

bool handlers_are_forced_into_threads(void)
{
	char arguments[4096] = "";
	struct utsname system;

	read_file("/proc/cmdline", arguments, sizeof(arguments));
	return strstr(arguments, "threadirqs") ||
	       (!uname(&system) && strstr(system.version, "PREEMPT_RT"));
}

pid_t waker_find(int irq)
{
	char name[32];

	snprintf(name, sizeof(name), "irq_user/%d", irq);
	return find_process(name);
}

bool waker_has_ended(pid_t waker)
{
	return kill(waker, 0) && errno == ESRCH;
}

void waker_wait_ended(pid_t waker)
{
	while (!waker_has_ended(waker))
		sched_yield();
}
