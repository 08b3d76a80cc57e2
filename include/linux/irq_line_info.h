/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A snapshot of an interrupt line
 */
#ifndef _LINUX_IRQ_LINE_INFO_H
#define _LINUX_IRQ_LINE_INFO_H

#include <linux/types.h>

/**
 * struct irq_line_info - A snapshot of a line, see irq_get_line_info()
 * @level:	The line is level-triggered, or not known to be otherwise: no trigger is
 *		configured, and its flow handler is handle_simple_irq()
 * @edge:	The line is known to fire once for each edge or message
 * @requestable: The line can be requested: it is not IRQ_NOREQUEST, not chained and not
 *		IRQ_PER_CPU_DEVID
 * @requested:	The line is requested
 * @needs_trigger: The line has neither a flow handler nor a trigger: a request must name
 *		a trigger
 * @nested:	The handler runs in the thread of the line that this line is demultiplexed
 *		from
 * @slow_bus:	The chip is behind a bus that sleeps
 * @kernel_only: User space must not own the line: it is per CPU or managed, its chip cannot
 *		mask it, its chip has the flag IRQCHIP_NO_USER, it is being mapped, or what
 *		its chip needs is gone, see irq_user_deny()
 */
struct irq_line_info {
	bool	level;
	bool	edge;
	bool	requestable;
	bool	requested;
	bool	needs_trigger;
	bool	nested;
	bool	slow_bus;
	bool	kernel_only;
};

int irq_get_line_info(unsigned int irq, struct irq_line_info *info);

#endif /* _LINUX_IRQ_LINE_INFO_H */
