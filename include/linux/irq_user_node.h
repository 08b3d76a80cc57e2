/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupt lines and registers of a device as files: /dev/irq/<device>/<name>
 *
 * kernel/irq/user_node.c implements the nodes. The driver drivers/irq_user adds them.
 */
#ifndef _LINUX_IRQ_USER_NODE_H
#define _LINUX_IRQ_USER_NODE_H

#include <linux/types.h>

struct device;
struct irq_user_device;

/* Size of a node's name, including the zero at its end */
#define IRQ_USER_NAME_LEN	64

/**
 * struct irq_user_line - An interrupt line of a device
 * @irq:	Number of the line
 * @name:	Name of its node: valid as a file's name, unique within the device
 */
struct irq_user_line {
	unsigned int irq;
	char name[IRQ_USER_NAME_LEN];
};

/**
 * struct irq_user_mem - Registers of a device
 * @start:	Physical address, a multiple of PAGE_SIZE
 * @size:	Number of bytes, a multiple of PAGE_SIZE
 * @nonposted:	A write must not be posted, see IORESOURCE_MEM_NONPOSTED
 * @name:	Name of its node: valid as a file's name, unique within the device
 */
struct irq_user_mem {
	phys_addr_t start;
	resource_size_t size;
	bool nonposted;
	char name[IRQ_USER_NAME_LEN];
};

struct irq_user_device *
irq_user_add_device(struct device *parent, const struct irq_user_line *lines, unsigned int nr_lines,
		    const struct irq_user_mem *mems, unsigned int nr_mems);
void irq_user_remove_device(struct irq_user_device *device);

#ifdef CONFIG_IRQ_USER_NODES
/*
 * Tells the nodes of a line that the line goes away, so that they do not open or evict
 * a later line of that number.
 */
void irq_user_forget_line(unsigned int irq);
#else
static inline void irq_user_forget_line(unsigned int irq) { }
#endif

#endif /* _LINUX_IRQ_USER_NODE_H */
