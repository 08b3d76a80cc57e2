/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A snapshot of an interrupt line
 */
#ifndef _LINUX_IRQ_LINE_INFO_H
#define _LINUX_IRQ_LINE_INFO_H

#include <linux/types.h>

/**
 * struct irq_line_info - A snapshot of a line, see irq_get_line_info()
 * @hwirq:	The line's number at its chip
 * @chip:	The chip's name, truncated to the size of the field; empty if the line
 *		cannot be requested, because the chip may have been freed
 * @trigger:	The configured trigger, IRQ_TYPE_*
 * @level:	The line fires for as long as its device asserts it, or may do so: its
 *		flow handler is handle_simple_irq() and no trigger is configured
 * @edge:	The line is known to fire once for each edge or message
 * @depth:	How many times the line is disabled; at least 1 if it is not requested
 * @count:	How often the line fired, on all CPUs together, since it was mapped
 * @unhandled:	Number of recent interrupts that no handler claimed, see note_interrupt()
 * @requestable: The line can be requested: it is not IRQ_NOREQUEST, not chained and not
 *		IRQ_PER_CPU_DEVID
 * @requested:	The line is requested
 * @has_flow:	The line has a flow handler; if not, setting the trigger may set one
 * @per_cpu:	Each CPU has a line of its own with this number
 * @nested:	The handler runs in the thread of the line that this line is demultiplexed
 *		from
 * @slow_bus:	The chip is behind a bus that sleeps
 * @managed:	The core manages the line's affinity, and shuts the line down with its CPUs
 * @kernel_only: User space must not own the line: it is per CPU or managed, its chip cannot
 *		mask it, or its chip has the flag IRQCHIP_NO_USER
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
