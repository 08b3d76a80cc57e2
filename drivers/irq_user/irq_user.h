/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IRQ_USER_H
#define _IRQ_USER_H

#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/mm.h>

#define IRQ_USER_DRIVER	"irq_user"

int irq_user_register_platform(void);
void irq_user_unregister_platform(void);

struct irq_user_intx;
struct pci_dev;

struct irq_user_intx *irq_user_share_intx(struct pci_dev *pdev);
void irq_user_unshare_intx(struct irq_user_intx *intx);
void irq_user_suspend_intx(struct irq_user_intx *intx);
void irq_user_resume_intx(struct irq_user_intx *intx);
unsigned int irq_user_intx_line(const struct irq_user_intx *intx);

#ifdef CONFIG_PCI
int irq_user_register_pci(void);
void irq_user_unregister_pci(void);
#else
static inline int irq_user_register_pci(void) { return 0; }
static inline void irq_user_unregister_pci(void) { }
#endif

/*
 * Returns whether an administrator chose this driver by the device's driver_override.
 * A match by name or by new_id is not enough.
 */
static inline bool irq_user_is_wanted(struct device *dev)
{
	return device_match_driver_override(dev, dev->driver) > 0;
}

/* Returns whether the resource fills whole pages, so that no other resource is in them. */
static inline bool irq_user_has_whole_pages(const struct resource *res)
{
	return resource_size(res) && PAGE_ALIGNED(res->start) && PAGE_ALIGNED(resource_size(res));
}

#endif /* _IRQ_USER_H */
