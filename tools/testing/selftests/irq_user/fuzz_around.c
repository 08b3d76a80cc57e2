// SPDX-License-Identifier: GPL-2.0
/*
 * What happens around the fuzzer's lines: they are shown, moved from one CPU to another, and a
 * CPU goes away.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "fuzz.h"

/* Files show text, whatever the names of owners are. */
static void check_text(struct worker *worker, const char *text, size_t size)
{
	for (const char *c = text; c < text + size; c++) {
		if (!(*c >= ' ' && *c <= '~') && *c != '\n' && *c != '\t') {
			blame(worker, "shows byte %#x", *c);
			return;
		}
	}
}

/* A worker that masks a masked line disables it a second time for a moment. */
static void check_depth(struct worker *worker, const char *text)
{
	static const char key[] = "ddepth:";
	char *value = strstr(text, key);

	if (value) {
		int depth = atoi(value + strlen(key));

		REQUIRE(worker, depth >= 0 && depth <= 2 * WORKERS);
	}
}

/* Reads the first page of a file. */
long op_show(struct worker *worker)
{
	static const char *const paths[] = {
		"/proc/interrupts",
		"/proc/irq/%d/spurious",
		"/proc/irq/%d/smp_affinity",
		"/proc/irq/%d/effective_affinity_list",
		"/sys/kernel/irq/%d/actions",
		"/sys/kernel/irq/%d/per_cpu_count",
		"/sys/kernel/irq/%d/type",
		"/sys/kernel/debug/irq/irqs/%d",
		CONTROL,
	};
	const char *path = paths[pick(worker, ARRAY_SIZE(paths))];
	struct view view = look(worker);
	char name[64], text[4096];
	long result;
	int fd;

	snprintf(name, sizeof(name), path, view.irq);
	note(worker, "%s", name);
	fd = open(name, O_RDONLY);
	if (fd < 0)
		return -errno;
	result = outcome(read(fd, text, sizeof(text) - 1));
	close(fd);
	if (result >= 0) {
		text[result] = '\0';
		check_text(worker, text, result);
		check_depth(worker, text);
	}
	return result;
}

/* An owner has a directory beside the line's files. */
long op_list(struct worker *worker)
{
	struct view view = look(worker);
	struct dirent *entry;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/irq/%d", view.irq);
	note(worker, "%s", path);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		check_text(worker, entry->d_name, strlen(entry->d_name));
	closedir(dir);
	return 0;
}

long op_mode(struct worker *worker)
{
	static const mode_t modes[] = { 0, 0400, 0600, 0666, 04777 };
	struct view view = look(worker);
	bool has_file = is_there(&view) && kinds[view.kind].error != ENOENT;
	mode_t mode = modes[pick(worker, ARRAY_SIZE(modes))];
	char path[64];
	long result;

	name_file(&view, pick(worker, 2), path, sizeof(path));
	note(worker, "%s, %#o", path, mode);
	result = outcome(chmod(path, mode));
	expect(worker, result, ERRORS(has_file && is_there(&view) ? 0 : ENOENT));
	return result;
}

long op_affinity(struct worker *worker)
{
	static const char *const masks[] = { "1", "2", "3", "4", "8", "f", "0", "none" };
	const char *mask = masks[pick(worker, ARRAY_SIZE(masks))];
	struct view view = look(worker);
	char path[48];

	note(worker, "line %d, mask %s", view.irq, mask);
	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity", view.irq);
	return write_file(path, mask);
}

/* The worker itself goes to another CPU. */
long op_migrate(struct worker *worker)
{
	int cpu = pick(worker, 8);
	cpu_set_t cpus;

	note(worker, "to CPU %d", cpu);
	CPU_ZERO(&cpus);
	/* A number above 3 stands for all CPUs. */
	for (int i = 0; i < 8; i++) {
		if (i == cpu || cpu > 3)
			CPU_SET(i, &cpus);
	}
	return outcome(sched_setaffinity(0, sizeof(cpus), &cpus));
}

/* Later opens of this thread show this name. */
long op_rename(struct worker *worker)
{
	static const char *const names[] = {
		"fuzz", "", "/", "..", "a/b", "irq", "spurious", "user:", "\n\t\x1b[2J", "\xff\xfe",
		"fifteen letters", " ", "%s%n",
	};

	return outcome(prctl(PR_SET_NAME, names[pick(worker, ARRAY_SIZE(names))]));
}

static long switch_cpu(bool on)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%ld/online",
		 sysconf(_SC_NPROCESSORS_CONF) - 1);
	return write_file(path, on ? "1" : "0");
}

void plug_cpu(void)
{
	switch_cpu(true);
}

/* Takes the last CPU offline, or brings it back. */
long op_hotplug(struct worker *worker)
{
	bool on = pick(worker, 2);

	note(worker, "%s", on ? "on" : "off");
	return switch_cpu(on);
}
