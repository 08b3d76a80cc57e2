// SPDX-License-Identifier: GPL-2.0

#include <linux/interrupt.h>

__rust_helper bool rust_helper_force_irqthreads(void)
{
	return force_irqthreads();
}
