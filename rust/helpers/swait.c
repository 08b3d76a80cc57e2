// SPDX-License-Identifier: GPL-2.0

#include <linux/list.h>
#include <linux/swait.h>

__rust_helper int rust_helper_list_empty_careful(const struct list_head *head)
{
	return list_empty_careful(head);
}

__rust_helper bool rust_helper_swq_has_sleeper(struct swait_queue_head *wq)
{
	return swq_has_sleeper(wq);
}
