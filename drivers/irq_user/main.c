// SPDX-License-Identifier: GPL-2.0
/*
 * The interrupt lines and registers of devices whose driver is a program
 *
 * The driver binds a device and adds its nodes, which kernel/irq/user_node.c implements.
 * Opening the node of a line requests the line. The driver itself requests only the wire
 * of a shared INTx, see intx.c.
 */
#include <linux/module.h>

#include "irq_user.h"

static int __init irq_user_init(void)
{
	int ret = irq_user_register_platform();

	if (ret)
		return ret;
	ret = irq_user_register_pci();
	if (ret)
		irq_user_unregister_platform();
	return ret;
}
module_init(irq_user_init);

static void __exit irq_user_exit(void)
{
	irq_user_unregister_pci();
	irq_user_unregister_platform();
}
module_exit(irq_user_exit);

MODULE_AUTHOR("irq-user contributors");
MODULE_DESCRIPTION("Interrupt lines of devices as files");
MODULE_LICENSE("GPL");
