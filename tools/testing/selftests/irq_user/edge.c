// SPDX-License-Identifier: GPL-2.0

#include <stdio.h>
#include <string.h>

#include "edge.h"
#include "gpio.h"

const char *edge_line_setup(struct line *line, const char *kind)
{
	const char *why;

	if (!kind)
		return gpio_setup(line);
	memset(line, 0, sizeof(*line));
	why = fake_make(&line->fake, kind);
	line->irq = line->fake.irq;
	snprintf(line->path, sizeof(line->path), "%s", line->fake.path);
	return why;
}

void edge_line_teardown(struct line *line)
{
	if (line->fake.path[0])
		fake_dispose(&line->fake);
	else
		gpio_teardown(line);
}

void edge_fire(struct line *line, const char *command)
{
	if (command)
		fake_do(&line->fake, command);
	else
		gpio_pull(line);
}

void edge_make(struct line *line, const char *command)
{
	unsigned int before = line_hw_count(line);

	edge_fire(line, command);
	line_wait_handled(line, before);
}
