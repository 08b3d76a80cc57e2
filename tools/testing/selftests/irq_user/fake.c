// SPDX-License-Identifier: GPL-2.0

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "fake.h"
#include "file.h"

/* Returns the number of the newest line. */
static int last_line(void)
{
	FILE *file = fopen(CONTROL, "r");
	char row[64];
	int irq = -1;

	while (file && fgets(row, sizeof(row), file))
		irq = atoi(row);
	if (file)
		fclose(file);
	return irq;
}

const char *fake_setup(void)
{
	if (access(CONTROL, W_OK) && (!load_module("test_irq_lines") || access(CONTROL, W_OK)))
		return "needs root, debugfs and the module test_irq_lines";
	return NULL;
}

const char *fake_make(struct fake *fake, const char *kind)
{
	const char *why = fake_setup();
	char text[32];

	memset(fake, 0, sizeof(*fake));
	if (why)
		return why;
	snprintf(text, sizeof(text), "make %s", kind);
	if (write_file(CONTROL, text))
		return "the module test_irq_lines cannot make a line of that kind";
	fake->irq = last_line();
	snprintf(fake->path, sizeof(fake->path), "/proc/irq/%d/irq", fake->irq);
	return NULL;
}

int fake_do(struct fake *fake, const char *verb)
{
	char text[32];

	snprintf(text, sizeof(text), "%s %d", verb, fake->irq);
	return write_file(CONTROL, text);
}

void fake_fire_slowly(struct fake *fake)
{
	double begin = seconds();

	fake_do(fake, "fire");
	while (seconds() - begin < 2.0 / MAX_RATE)
		;
}

int fake_suspend(struct fake *fake)
{
	int error = fake_do(fake, "asleep");

	return error ? : write_file("/sys/power/state", "freeze");
}

int fake_storm(struct fake *fake, int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLPRI };
	double begin;

	pin_to(0);
	begin = seconds();
	if (fake_do(fake, "burst") || poll(&pollfd, 1, -1) != 1)
		return -1;
	if (pollfd.revents == POLLIN && BURST / (seconds() - begin) < MAX_RATE)
		return 0;
	return pollfd.revents;
}

void fake_dispose(struct fake *fake)
{
	if (fake->irq > 0)
		fake_do(fake, "dispose");
	fake->irq = 0;
}

int fake_fires(void)
{
	char text[16];

	if (!read_file("/sys/kernel/debug/test_irq_lines/fires", text, sizeof(text)))
		return -1;
	return atoi(text);
}
