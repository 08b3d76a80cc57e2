// SPDX-License-Identifier: GPL-2.0

#include <linux/export.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
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

/* Returns the data of a line if its domain finds the line, otherwise NULL. */
static struct irq_data *find_mapped(struct irq_data *data, struct irq_domain *domain)
{
#ifdef CONFIG_IRQ_DOMAIN
	struct irq_desc *desc = irq_resolve_mapping(domain, READ_ONCE(data->hwirq));

	if (desc && irq_desc_get_irq(desc) == data->irq)
		return &desc->irq_data;
#endif
	return NULL;
}

/*
 * Returns whether user space can own a line of these chips: no chip forbids it, and
 * if the line needs a mask, a chip can mask it. A line that is being mapped is not
 * suitable yet.
 *
 * The parents of a line may be freed while it is mapped or unmapped, under a mutex that
 * cannot be taken here. What keeps the parents that this looks at:
 *
 * - When a domain finds the line, irq_domain_trim_hierarchy() has freed what it frees.
 *   If the mapping fails, no domain finds the line.
 * - The caller holds desc->lock, and the line can be requested. Before the parents of a
 *   mapped line change or are freed, and before its domain is, IRQ_NOREQUEST is set
 *   under this lock.
 *
 * The search reads the data of the line by RCU, so its parents are read after it.
 */
static bool chips_suit_user(struct irq_data *data, bool needs_mask)
{
	struct irq_domain *domain = READ_ONCE(data->domain);
	bool can_mask = !needs_mask, asks_parent = true;

	if (domain)
		data = find_mapped(data, domain);
	if (!data)
		return false;

	/* A line without a domain has no parents. It may be given both at this moment. */
	for (; data; data = domain ? irqd_get_parent_data(data) : NULL) {
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
 * Context: Any but NMI. This must not take sparse_irq_lock: the removal of a line
 * holds that lock while it waits for files in /proc/irq that are being opened, and
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
		 * The chip is NULL while irq_domain_push_irq() sets another chip. If the
		 * line's domain was removed, the line was revoked, so it cannot be
		 * requested, and its chip may have been freed.
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
				    desc->handle_irq == handle_percpu_irq ||
				    desc->istate & IRQS_NO_USER ||
				    (IS_ENABLED(CONFIG_IRQ_USER) && info->requestable &&
				     !chips_suit_user(data, !info->edge));
		ret = 0;
	}
	return ret;
}
EXPORT_SYMBOL_GPL(irq_get_line_info);
