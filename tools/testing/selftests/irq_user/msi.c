// SPDX-License-Identifier: GPL-2.0

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "msi.h"

#define DRIVER		"rust_driver_irq_vectors"
#define DRIVER_DIR	"/sys/bus/pci/drivers/" DRIVER

/* Returns the number of the device's only MSI, or 0. */
static int find_msi(struct line *line)
{
	struct dirent *entry;
	char path[80];
	int irq = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/msi_irqs", line->device);
	dir = opendir(path);
	while (dir && !irq && (entry = readdir(dir)))
		irq = atoi(entry->d_name);
	if (dir)
		closedir(dir);
	return irq;
}

const char *msi_alloc(struct line *line)
{
	line_bind(line, DRIVER);
	line->irq = find_msi(line);
	snprintf(line->path, sizeof(line->path), "/proc/irq/%d/irq", line->irq);
	return line->irq ? NULL : "the driver has allocated no MSI";
}

void msi_free(struct line *line)
{
	line_unbind(line, DRIVER);
}

const char *msi_setup(struct line *line)
{
	const char *why;

	if (access(DRIVER_DIR, F_OK) && !load_module(DRIVER)) {
		memset(line, 0, sizeof(*line));
		return "needs the module " DRIVER;
	}
	why = line_setup(line);
	return why ? why : msi_alloc(line);
}

void msi_teardown(struct line *line)
{
	if (line->device[0])
		msi_free(line);
	line_teardown(line);
}

const char *msi_replug(struct line *line)
{
	const char *why = line_replug(line);

	return why ? why : msi_alloc(line);
}
