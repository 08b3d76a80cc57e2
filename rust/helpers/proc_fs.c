// SPDX-License-Identifier: GPL-2.0

#include <linux/proc_fs.h>

__rust_helper void *rust_helper_pde_data(const struct inode *inode)
{
	return pde_data(inode);
}
