// SPDX-License-Identifier: GPL-2.0
/*
 * A driver whose interrupt handler does nothing
 *
 * An interrupt costs at least as much as with this handler. Bind a function with
 * MSI to the driver by driver_override.
 */
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>

static irqreturn_t handle(int irq, void *data)
{
	return IRQ_HANDLED;
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;

	/* An MSI is a write. */
	pci_set_master(pdev);
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		return ret;

	/* Not in a thread, also on PREEMPT_RT */
	return devm_request_irq(&pdev->dev, pci_irq_vector(pdev, 0), handle, IRQF_NO_THREAD,
				KBUILD_MODNAME, NULL);
}

static struct pci_driver empty_driver = {
	.name = KBUILD_MODNAME,
	.probe = probe,
};
module_pci_driver(empty_driver);

MODULE_AUTHOR("irq-user contributors");
MODULE_DESCRIPTION("PCI driver whose interrupt handler does nothing");
MODULE_LICENSE("GPL");
