// SPDX-License-Identifier: GPL-2.0

#include <linux/export.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_line_info.h>
#include <linux/rcupdate.h>

#include "internals.h"

static bool leaves_mask_to_parent(const struct irq_chip *chip)
{
#ifdef CONFIG_IRQ_DOMAIN_HIERARCHY
	return chip->irq_mask == irq_chip_mask_parent ||
	       chip->irq_disable == irq_chip_disable_parent;
#else
	return false;
#endif
}

/*
 * Returns whether user space can own a line of these chips: no chip forbids it, and
 * if the line needs a mask, a chip can mask it.
 */
static bool chips_suit_user(struct irq_data *data, bool needs_mask)
{
	bool can_mask = !needs_mask, asks_parent = true;

	/* While the line can be requested, its hierarchy does not change. */
	for (; data; data = irqd_get_parent_data(data)) {
		const struct irq_chip *chip = READ_ONCE(data->chip);

		if (IS_ERR_OR_NULL(chip) || chip->flags & IRQCHIP_NO_USER)
			return false;
		if (!asks_parent)
			continue;
		if (chip == &no_irq_chip || chip == &dummy_irq_chip)
			return false;
		asks_parent = leaves_mask_to_parent(chip);
		if (!asks_parent && (chip->irq_mask || chip->irq_disable))
			can_mask = true;
	}
	return can_mask;
}

/**
 * irq_get_line_info - Take a snapshot of a line
 * @irq:	Number of the line, which need not exist
 * @info:	Receives the snapshot
 *
 * All fields are of the same moment. The line may have changed when this returns:
 * unless the caller has requested the line, the snapshot is a hint.
 *
 * Context: Any. This must not take sparse_irq_lock: the removal of a line holds
 * that lock while it waits for files in /proc/irq that are being opened, and
 * their open() calls this.
 * Returns: 0, or -EINVAL if there is no such line
 */
int irq_get_line_info(unsigned int irq, struct irq_line_info *info)
{
	int ret = -EINVAL;

	/* If the line is removed now, its descriptor is not freed yet. */
	guard(rcu)();
	scoped_irqdesc_get_and_lock(irq, 0) {
		struct irq_desc *desc = scoped_irqdesc;
		struct irq_data *data = &desc->irq_data;
		bool can_request = irq_settings_can_request(desc);
		/*
		 * The chip is NULL while irq_domain_push_irq() sets another chip. If a
		 * line was left mapped, its chip may have been freed.
		 */
		struct irq_chip *chip = can_request ? READ_ONCE(data->chip) : NULL;
		unsigned int trigger = irqd_get_trigger_type(data);
		bool per_cpu = irq_settings_is_per_cpu(desc) ||
			       irq_settings_is_per_cpu_devid(desc);

		/*
		 * Before the first request, a level line may have its trigger but not
		 * the flags. If it has no trigger either, the flow handler decides.
		 */
		info->level = irq_settings_is_level(desc) || irqd_is_level_type(data) ||
			      trigger & IRQ_TYPE_LEVEL_MASK ||
			      desc->handle_irq == handle_level_irq ||
			      (desc->handle_irq == handle_simple_irq && !trigger &&
			       !irq_data_get_msi_desc(data));
		/* A message has no trigger. handle_edge_irq() is for edges only. */
		info->edge = !info->level &&
			     (trigger & IRQ_TYPE_EDGE_BOTH ||
			      desc->handle_irq == handle_edge_irq ||
			      irq_data_get_msi_desc(data));
		info->requestable = can_request && !irq_settings_is_per_cpu_devid(desc);
		info->requested = desc->action;
		info->needs_trigger = desc->handle_irq == handle_bad_irq && !trigger;
		info->nested = irq_settings_is_nested_thread(desc);
		info->slow_bus = chip && chip->irq_bus_lock;
		/* handle_percpu_irq() ignores that a line is disabled, or that its handler runs. */
		info->kernel_only = per_cpu || irqd_affinity_is_managed(data) ||
				    desc->handle_irq == handle_percpu_irq || desc->istate & IRQS_NO_USER ||
				    (IS_ENABLED(CONFIG_IRQ_USER) && info->requestable &&
				     !chips_suit_user(data, !info->edge));
		ret = 0;
	}
	return ret;
}
EXPORT_SYMBOL_GPL(irq_get_line_info);
