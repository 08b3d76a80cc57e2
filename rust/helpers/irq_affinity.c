// SPDX-License-Identifier: GPL-2.0

#include <linux/interrupt.h>

__rust_helper int rust_helper_irq_update_affinity_hint(unsigned int irq,
						       const struct cpumask *mask)
{
	return irq_update_affinity_hint(irq, mask);
}
