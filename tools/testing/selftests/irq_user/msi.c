// SPDX-License-Identifier: GPL-2.0

#include <stdio.h>

#include "msi.h"
#include "node.h"

const char *msi_alloc(struct line *line)
{
	const char *why = node_bind_as(line, "msi", NULL);

	if (why)
		return why;
	line->irq = node_number(line, "msi0");
	snprintf(line->path, sizeof(line->path), "/proc/irq/%d/irq", line->irq);
	return line->irq ? NULL : "the driver has allocated no MSI";
}

void msi_free(struct line *line)
{
	node_unbind(line);
}

const char *msi_setup(struct line *line)
{
	const char *why = line_setup(line);

	return why ? why : msi_alloc(line);
}

void msi_teardown(struct line *line)
{
	node_teardown(line);
}

const char *msi_replug(struct line *line)
{
	const char *why = line_replug(line);

	return why ? why : msi_alloc(line);
}
