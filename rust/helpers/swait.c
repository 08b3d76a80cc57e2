// SPDX-License-Identifier: GPL-2.0

#include <linux/swait.h>

__rust_helper bool rust_helper_swq_has_sleeper(struct swait_queue_head *wq)
{
	return swq_has_sleeper(wq);
}
