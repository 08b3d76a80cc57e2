// SPDX-License-Identifier: GPL-2.0

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	close(fd);
	if (len <= 0)
		return false;
	if (text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return true;
}

const char *list_entries(const char *path, unsigned char type)
{
	static char text[512];
	struct dirent **entries;
	int count;

	text[0] = '\0';
	count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		size_t len = strlen(text);

		if (entries[i]->d_type == type)
			snprintf(text + len, sizeof(text) - len, "%s ", entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return text;
}

bool load_module(const char *name)
{
	return load_module_with(name, "");
}

bool load_module_with(const char *name, const char *parameters)
{
	char path[PATH_MAX] = "", command[96];
	char *end;
	int fd, ret;

	if (readlink("/proc/self/exe", path, sizeof(path) - sizeof(command)) < 0)
		return false;
	end = strrchr(path, '/') + 1;
	sprintf(end, "%.32s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = syscall(SYS_finit_module, fd, parameters, 0);
	close(fd);
	snprintf(command, sizeof(command), "modprobe -q %.32s %.32s", name, parameters);
	return !ret || !system(command);
}

void unload_module(const char *name)
{
	syscall(SYS_delete_module, name, O_NONBLOCK);
}

pid_t find_process(const char *pattern)
{
	struct dirent *entry;
	pid_t found = 0;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && !found && (entry = readdir(dir))) {
		char path[64], comm[32];

		snprintf(path, sizeof(path), "/proc/%.16s/comm", entry->d_name);
		if (read_file(path, comm, sizeof(comm)) && !fnmatch(pattern, comm, 0))
			found = atoi(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

int log_end(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	lseek(fd, 0, SEEK_END);
	return fd;
}

int log_count(int log, const char *text)
{
	char record[1024];
	int count = 0;
	ssize_t len;

	while ((len = read(log, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		count += !!strstr(record, text);
	}
	return errno == EPIPE ? 1000000 : count;
}
