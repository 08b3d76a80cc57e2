/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an interrupt line is, at a moment
 */
#ifndef _LINUX_IRQ_LINE_INFO_H
#define _LINUX_IRQ_LINE_INFO_H

#include <linux/types.h>

/**
 * struct irq_line_info - A line as it was when irq_get_line_info() looked
 * @hwirq:	The line's number at its chip
 * @chip:	The chip's name, cut off if it is longer; empty if the line cannot be
 *		requested, since the chip may be gone
 * @trigger:	The configured trigger, IRQ_TYPE_*
 * @level:	It fires for as long as its device asserts it, or it may: its flow is
 *		a simple one, and no trigger is configured
 * @edge:	It is known to fire once for each edge or message
 * @depth:	How many times it is disabled; at least 1 if nobody has requested it
 * @count:	How often it fired, on all CPUs together, since it was mapped
 * @unhandled:	How many interrupts of late nobody wanted, see note_interrupt()
 * @requestable: It may be requested: not IRQ_NOREQUEST, chained nor IRQ_PER_CPU_DEVID
 * @requested:	Somebody has requested it
 * @has_flow:	It has a flow handler; if not, to set the trigger may bring one
 * @per_cpu:	Each CPU has a line of its own behind the number
 * @nested:	Its handler runs in the thread of the line it is demultiplexed from
 * @slow_bus:	Its chip is behind a bus that sleeps
 * @managed:	The core manages its affinity, and shuts it down with its CPUs
 * @kernel_only: User space must not own it: it is per CPU or managed, its chip
 *		cannot keep it from firing, or the chip says so by IRQCHIP_NO_USER
 */
struct irq_line_info {
	unsigned long	hwirq;
	char		chip[32];
	unsigned int	trigger;
	unsigned int	depth;
	unsigned int	count;
	unsigned int	unhandled;
	bool		level;
	bool		edge;
	bool		requestable;
	bool		requested;
	bool		has_flow;
	bool		per_cpu;
	bool		nested;
	bool		slow_bus;
	bool		managed;
	bool		kernel_only;
};

int irq_get_line_info(unsigned int irq, struct irq_line_info *info);
int irq_get_domain_name(unsigned int irq, char *name, size_t size);

/* Copies the name of the line's domain, if it has one. */
void irq_domain_copy_name(unsigned int irq, char *name, size_t size);

#endif /* _LINUX_IRQ_LINE_INFO_H */
