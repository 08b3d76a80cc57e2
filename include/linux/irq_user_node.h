/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupt lines and registers of a device as files: /dev/irq/<device>/<name>
 *
 * The nodes are in kernel/irq/user_node.c, the driver that adds them is
 * drivers/irq_user.
 */
#ifndef _LINUX_IRQ_USER_NODE_H
#define _LINUX_IRQ_USER_NODE_H

#include <linux/types.h>

struct device;
struct irq_user_device;

/* The length of a node's name, with the zero at its end */
#define IRQ_USER_NAME_LEN	64

/**
 * struct irq_user_line - An interrupt line of a device
 * @irq:	Number of the line
 * @name:	Name of its node: unique in the device, a file's name
 */
struct irq_user_line {
	unsigned int irq;
	char name[IRQ_USER_NAME_LEN];
};

/**
 * struct irq_user_mem - Registers of a device
 * @start:	Physical address, a multiple of PAGE_SIZE
 * @size:	Number of bytes, a multiple of PAGE_SIZE
 * @name:	Name of its node: unique in the device, a file's name
 */
struct irq_user_mem {
	phys_addr_t start;
	resource_size_t size;
	char name[IRQ_USER_NAME_LEN];
};

struct irq_user_device *
irq_user_add_device(struct device *parent, const struct irq_user_line *lines, unsigned int nr_lines,
		    const struct irq_user_mem *mems, unsigned int nr_mems);
void irq_user_remove_device(struct irq_user_device *device);

#endif /* _LINUX_IRQ_USER_NODE_H */
