// SPDX-License-Identifier: GPL-2.0

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igb.h"
#include "node.h"

/* Registers. The first four have a bit for each vector. The last is an array. */
#define SEND		(0x1520 / 4)
#define ENABLE		(0x1524 / 4)
#define AUTO_CLEAR	(0x152c / 4)
#define CAUSE		(0x1580 / 4)
#define DELAY		(0x1680 / 4)

static void write_register(uint32_t *regs, int index, uint32_t value)
{
	__atomic_store_n(&regs[index], value, __ATOMIC_RELEASE);
}

const char *igb_find(struct line *line)
{
	memset(line, 0, sizeof(*line));
	if (geteuid())
		return "needs root";
	if (!line_find(line, IGB_VENDOR, IGB_DEVICE))
		return "there is no \"igb\" PCI device: run QEMU with -device igb";
	/* A test that was killed may have left it bound. */
	node_unbind(line);
	return NULL;
}

const char *igb_setup(struct line *line)
{
	char vectors[8];
	const char *why;

	why = igb_find(line);
	if (why)
		return why;
	snprintf(vectors, sizeof(vectors), "%d", IGB_VECTORS);
	why = node_bind_as(line, NULL, vectors);
	if (why)
		return why;
	if (!node_appears(line, node_vector("msix", IGB_VECTORS - 1)))
		return "the vectors have no nodes";
	return igb_map(line);
}

static void unmap(struct line *line)
{
	if (line->regs)
		munmap(line->regs, IGB_BAR_SIZE);
}

const char *igb_map(struct line *line)
{
	unmap(line);
	line->regs = node_map(line, "mem0", IGB_BAR_SIZE);
	if (!line->regs)
		return "the registers cannot be mapped through their node";
	igb_prepare(line->regs, IGB_VECTORS);
	return NULL;
}

void igb_teardown(struct line *line)
{
	unmap(line);
	if (line->device[0])
		node_unbind(line);
}

void igb_prepare(uint32_t *regs, int vectors)
{
	unsigned int all = (1 << vectors) - 1;

	write_register(regs, IGB_MODE, IGB_MODE_MSIX);
	write_register(regs, AUTO_CLEAR, all);
	/*
	 * A cause that stays set sends no second message. A cause that another thread has sent
	 * before AUTO_CLEAR was set stays until it is cleared here.
	 */
	write_register(regs, CAUSE, all);
	for (int i = 0; i < vectors; i++)
		write_register(regs, DELAY + i, 0);
	write_register(regs, ENABLE, all);
}

void igb_fire(uint32_t *regs, unsigned int vectors)
{
	write_register(regs, SEND, vectors);
}
