// SPDX-License-Identifier: GPL-2.0
/*
 * Marks a PCI function as one that cannot mask INTx, or only with its messages
 *
 * For tests: few functions are so, and no device of QEMU's is one. While the module is loaded,
 * a driver that is bound to the function finds that INTx cannot be masked, or that masking
 * INTx also stops MSI and MSI-X.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/module.h>
#include <linux/pci.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "The function, as 0000:00:02.0");

static bool stops_msi;
module_param(stops_msi, bool, 0444);
MODULE_PARM_DESC(stops_msi, "Masking INTx works, and stops MSI and MSI-X");

static struct pci_dev *pdev;

static void set_broken(bool broken)
{
	guard(device)(&pdev->dev);
	if (!stops_msi)
		pdev->broken_intx_masking = broken;
	else if (broken)
		pdev->dev_flags |= PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
	else
		pdev->dev_flags &= ~PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
}

static int __init test_pci_intx_init(void)
{
	struct device *dev;

	if (!function)
		return -EINVAL;
	dev = bus_find_device_by_name(&pci_bus_type, NULL, function);
	if (!dev)
		return -ENODEV;
	pdev = to_pci_dev(dev);
	if (!pci_intx_mask_supported(pdev)) {
		pci_dev_put(pdev);
		return -EBUSY;
	}

	set_broken(true);
	return 0;
}
module_init(test_pci_intx_init);

static void __exit test_pci_intx_exit(void)
{
	set_broken(false);
	pci_dev_put(pdev);
}
module_exit(test_pci_intx_exit);

MODULE_AUTHOR("irq-user contributors");
MODULE_DESCRIPTION("Marks a PCI function as one that masks INTx wrongly");
MODULE_LICENSE("GPL");
