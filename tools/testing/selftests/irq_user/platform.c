// SPDX-License-Identifier: GPL-2.0

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "node.h"
#include "platform.h"

#define DEVICES		PLATFORM_BUS "/devices"

bool platform_find(struct line *device, const char *text)
{
	bool found = false;
	struct dirent *entry;
	DIR *dir;

	memset(device, 0, sizeof(*device));
	dir = opendir(DEVICES);
	while (dir && !found && (entry = readdir(dir))) {
		char path[96], modalias[512];

		snprintf(device->device, sizeof(device->device), DEVICES "/%.32s", entry->d_name);
		snprintf(path, sizeof(path), "%s/modalias", device->device);
		found = read_file(path, modalias, sizeof(modalias)) && strstr(modalias, text);
	}
	if (dir)
		closedir(dir);
	return found;
}

bool platform_has(struct line *device, const char *driver)
{
	char path[96], target[256];
	ssize_t len;

	snprintf(path, sizeof(path), "%s/driver", device->device);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	return !driver || !strcmp(strrchr(target, '/') + 1, driver);
}

void platform_override(struct line *device, const char *driver)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/driver_override", device->device);
	write_file(path, driver);
}

void platform_probe(struct line *device)
{
	write_file(PLATFORM_BUS "/drivers_probe", node_device(device));
}

bool platform_give(struct line *device, const char *driver)
{
	platform_override(device, driver);
	platform_probe(device);
	return platform_has(device, driver);
}

void platform_take(struct line *device, const char *driver)
{
	char path[96];

	snprintf(path, sizeof(path), PLATFORM_BUS "/drivers/%.32s/unbind", driver);
	write_file(path, node_device(device));
	platform_override(device, "\n");
}
