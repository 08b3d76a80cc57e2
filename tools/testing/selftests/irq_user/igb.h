/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's "igb", an Intel 82576: a PCI device with ten vectors of MSI-X. It sends their messages
 * when a program writes a register.
 */
#ifndef IRQ_USER_IGB_H
#define IRQ_USER_IGB_H

#include "line.h"

#define IGB_VENDOR	0x8086
#define IGB_DEVICE	0x10c9
#define IGB_BAR_SIZE	0x20000

/* A register that a program can write and read back, by its index. */
#define IGB_MODE	(0x1514 / 4)
#define IGB_MODE_MSIX	0x10

/* Finds the device, and unbinds it from irq_user. Returns NULL, or why it cannot. */
const char *igb_find(struct line *line);

/*
 * Binds the device to irq_user with this many vectors, maps its registers through their node,
 * and prepares it. Returns NULL, or why it cannot.
 */
#define IGB_VECTORS	8
const char *igb_setup(struct line *line);
void igb_teardown(struct line *line);

/* Maps and prepares the device again after it was bound again. Returns NULL, or why it cannot. */
const char *igb_map(struct line *line);

/* Prepares the device to send the messages of @vectors vectors. */
void igb_prepare(uint32_t *regs, int vectors);

/* Has the device send the messages of the vectors whose bits are set. */
void igb_fire(uint32_t *regs, unsigned int vectors);

#endif /* IRQ_USER_IGB_H */
