// SPDX-License-Identifier: GPL-2.0

#include <linux/swait.h>

__rust_helper int rust_helper_swait_active(struct swait_queue_head *wq)
{
	return swait_active(wq);
}
