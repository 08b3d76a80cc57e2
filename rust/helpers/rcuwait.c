// SPDX-License-Identifier: GPL-2.0

#include <linux/rcuwait.h>

__rust_helper void rust_helper_rcuwait_init(struct rcuwait *w)
{
	rcuwait_init(w);
}

__rust_helper void rust_helper_prepare_to_rcuwait(struct rcuwait *w)
{
	prepare_to_rcuwait(w);
}

__rust_helper void rust_helper_set_current_state(unsigned int state)
{
	set_current_state(state);
}
