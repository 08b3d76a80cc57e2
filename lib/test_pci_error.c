// SPDX-License-Identifier: GPL-2.0
/*
 * Reports errors of a PCI function, and recoveries, to its driver on command
 *
 * For tests: the parameter "step" makes the calls to the function's driver by which the
 * kernel reports an error and recovers from it, one call for each write.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/string.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "The function, as 0000:00:02.0");

static struct pci_dev *pdev;

static int report(const struct pci_error_handlers *handlers, pci_channel_state_t state,
		  pci_ers_result_t wanted)
{
	pdev->error_state = state;
	return handlers->error_detected(pdev, state) == wanted ? 0 : -EIO;
}

/* Resets the function, and clears the configuration as a reset of its slot does. */
static int reset(const struct pci_error_handlers *handlers)
{
	int ret = __pci_reset_function_locked(pdev);

	if (ret && ret != -ENOTTY)
		return ret;
	pci_write_config_word(pdev, PCI_COMMAND, 0);
	pdev->error_state = pci_channel_io_normal;
	return handlers->slot_reset(pdev) == PCI_ERS_RESULT_RECOVERED ? 0 : -EIO;
}

static int set_step(const char *step, const struct kernel_param *param)
{
	const struct pci_error_handlers *handlers;

	/* The function is known once the module is loaded */
	if (!pdev)
		return -ENODEV;
	guard(device)(&pdev->dev);
	handlers = pdev->driver ? pdev->driver->err_handler : NULL;
	if (!handlers || !handlers->error_detected || !handlers->slot_reset || !handlers->resume)
		return -ENODEV;

	if (sysfs_streq(step, "normal"))
		return report(handlers, pci_channel_io_normal, PCI_ERS_RESULT_CAN_RECOVER);
	if (sysfs_streq(step, "frozen"))
		return report(handlers, pci_channel_io_frozen, PCI_ERS_RESULT_NEED_RESET);
	if (sysfs_streq(step, "dead"))
		return report(handlers, pci_channel_io_perm_failure, PCI_ERS_RESULT_DISCONNECT);
	if (sysfs_streq(step, "reset"))
		return reset(handlers);
	if (!sysfs_streq(step, "resume"))
		return -EINVAL;
	handlers->resume(pdev);
	return 0;
}

static const struct kernel_param_ops step_ops = {
	.set	= set_step,
};
module_param_cb(step, &step_ops, NULL, 0200);
MODULE_PARM_DESC(step, "What happens now: normal, frozen, dead, reset or resume");

static int __init test_pci_error_init(void)
{
	struct device *dev;

	if (!function)
		return -EINVAL;
	dev = bus_find_device_by_name(&pci_bus_type, NULL, function);
	if (!dev)
		return -ENODEV;
	pdev = to_pci_dev(dev);
	return 0;
}
module_init(test_pci_error_init);

static void __exit test_pci_error_exit(void)
{
	struct pci_dev *old = pdev;

	scoped_guard(device, &old->dev)
		old->error_state = pci_channel_io_normal;
	/* The file "step" goes away later */
	kernel_param_lock(THIS_MODULE);
	pdev = NULL;
	kernel_param_unlock(THIS_MODULE);
	pci_dev_put(old);
}
module_exit(test_pci_error_exit);

MODULE_AUTHOR("irq-user contributors");
MODULE_DESCRIPTION("Reports errors of a PCI function to its driver on command");
MODULE_LICENSE("GPL");
