// SPDX-License-Identifier: GPL-2.0

#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_line_info.h>
#include <linux/irqdomain.h>
#include <linux/kernel_stat.h>
#include <linux/string.h>

#include "internals.h"

/**
 * irq_get_line_info - Tell what a line is
 * @irq:	Interrupt line, any number
 * @info:	Where to put it
 *
 * All but the count is of one moment. It may be another one when this returns:
 * except for who holds the line, it tells people what to expect.
 *
 * Context: Process context, sleeps.
 * Returns: 0, or -EINVAL if there is no such line
 */
int irq_get_line_info(unsigned int irq, struct irq_line_info *info)
{
	int ret = -EINVAL;

	*info = (struct irq_line_info) { .count = kstat_irqs_usr(irq) };

	/* Keeps the domain: its owner frees the descriptors first. */
	irq_lock_sparse();

	scoped_irqdesc_get_and_lock(irq, 0) {
		struct irq_desc *desc = scoped_irqdesc;
		struct irq_data *data = &desc->irq_data;

		info->hwirq = data->hwirq;
		if (data->chip->name)
			strscpy(info->chip, data->chip->name);
		if (data->domain && data->domain->name)
			strscpy(info->domain, data->domain->name);
		info->trigger = irqd_get_trigger_type(data);
		info->depth = desc->depth;
		info->unhandled = desc->irqs_unhandled;
		info->requestable = irq_settings_can_request(desc);
		info->requested = desc->action;
		info->has_flow = desc->handle_irq != handle_bad_irq;
		info->per_cpu = irq_settings_is_per_cpu(desc) ||
				irq_settings_is_per_cpu_devid(desc);
		info->nested = irq_settings_is_nested_thread(desc);
		info->slow_bus = data->chip->irq_bus_lock;
		info->managed = irqd_affinity_is_managed(data);
		ret = 0;
	}

	irq_unlock_sparse();
	return ret;
}
