// SPDX-License-Identifier: GPL-2.0

#include <dirent.h>
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

/* Returns the process of that name, or 0. */
static pid_t find_process(const char *name)
{
	struct dirent *entry;
	pid_t found = 0;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && !found && (entry = readdir(dir))) {
		char path[64], comm[32];

		snprintf(path, sizeof(path), "/proc/%.16s/comm", entry->d_name);
		if (read_file(path, comm, sizeof(comm)) && !strcmp(comm, name))
			found = atoi(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
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
