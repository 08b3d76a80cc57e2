// SPDX-License-Identifier: GPL-2.0
/*
 * A function's share of an INTx line, as a line of its own
 *
 * A function of PCI 2.3 says in its status whether it asserts INTx, and can mask it
 * (DisINTx). So a handler of the line, which other functions may share, finds out
 * whether it is this one that interrupts, masks it, and has the function's own line
 * handled. To mask and unmask that line is to mask and unmask the function.
 *
 * Others write to DisINTx as well: a reset, a resume, a program by the file "config".
 * If they clear it, the line is asserted though the core believes it masked. So the
 * handler masks the function whenever it asserts, whether its line has an owner or
 * not: no other function's handler ever has to care for it.
 *
 * On PREEMPT_RT, and with threadirqs, the handlers of other functions run in threads,
 * and the core wants IRQF_ONESHOT of all or of none. A handler which stays in the
 * interrupt then has it as well, and a thread that is never woken. A driver that
 * keeps its handler in the interrupt by IRQF_NO_THREAD cannot share the line there:
 * the one that comes second fails.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_line_info.h>
#include <linux/irqdomain.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "irq_user.h"

/**
 * struct irq_user_intx - A function's share of an INTx line
 * @pdev:	The function
 * @name:	Name of the handler on the line that is shared
 * @fwnode:	Names the domain
 * @domain:	Has the function's own line
 * @irq:	The function's own line
 * @lock:	Guards @masked, and the function's mask
 * @masked:	Whether the function shall be masked
 * @ended:	The function shall stay masked
 */
struct irq_user_intx {
	struct pci_dev		*pdev;
	char			*name;
	struct fwnode_handle	*fwnode;
	struct irq_domain	*domain;
	unsigned int		irq;
	raw_spinlock_t		lock;
	bool			masked;
	bool			ended;
};

static void intx_mask(struct irq_data *data)
{
	struct irq_user_intx *intx = irq_data_get_irq_chip_data(data);

	guard(raw_spinlock_irqsave)(&intx->lock);
	/* As a rule the handler has done so already */
	if (!intx->masked)
		pci_set_intx_mask(intx->pdev, true);
	intx->masked = true;
}

static void intx_unmask(struct irq_data *data)
{
	struct irq_user_intx *intx = irq_data_get_irq_chip_data(data);

	guard(raw_spinlock_irqsave)(&intx->lock);
	if (intx->ended)
		return;
	intx->masked = false;
	pci_set_intx_mask(intx->pdev, false);
}

static struct irq_chip intx_chip = {
	.name		= "PCI-INTx",
	.irq_mask	= intx_mask,
	.irq_unmask	= intx_unmask,
	.flags		= IRQCHIP_SKIP_SET_WAKE,
};

static int intx_map(struct irq_domain *domain, unsigned int irq, irq_hw_number_t hwirq)
{
	irq_set_chip_data(irq, domain->host_data);
	irq_set_chip_and_handler(irq, &intx_chip, handle_level_irq);
	irqd_set_trigger_type(irq_get_irq_data(irq), IRQ_TYPE_LEVEL_LOW);
	return 0;
}

static const struct irq_domain_ops intx_domain_ops = {
	.map	= intx_map,
};

/* The handler of the line that is shared. In hard interrupt context. */
static irqreturn_t intx_demultiplex(int irq, void *data)
{
	struct irq_user_intx *intx = data;

	scoped_guard(raw_spinlock, &intx->lock) {
		if (!pci_check_and_mask_intx(intx->pdev))
			return IRQ_NONE;
		intx->masked = true;
	}
	generic_handle_irq(intx->irq);
	return IRQ_HANDLED;
}

static irqreturn_t intx_thread(int irq, void *data)
{
	/* Is never woken */
	return IRQ_NONE;
}

static int intx_request(struct irq_user_intx *intx)
{
	unsigned long flags = IRQF_SHARED | IRQF_PROBE_SHARED;

	/* What the core gives those that it forces into threads, or as the others have it */
	flags |= force_irqthreads() ? IRQF_ONESHOT : IRQF_COND_ONESHOT;
	return request_threaded_irq(intx->pdev->irq, intx_demultiplex, intx_thread, flags,
				    intx->name, intx);
}

static void intx_free(struct irq_user_intx *intx)
{
	if (intx->irq)
		irq_dispose_mapping(intx->irq);
	if (intx->domain)
		irq_domain_remove(intx->domain);
	if (intx->fwnode)
		irq_domain_free_fwnode(intx->fwnode);
	kfree(intx->name);
	kfree(intx);
}

/* Whether the function can have a share */
static bool can_share(struct pci_dev *pdev)
{
	struct irq_line_info info;

	/* The handler has to run in the interrupt */
	return pci_intx_mask_supported(pdev) && !pdev->broken_intx_masking &&
	       !irq_get_line_info(pdev->irq, &info) && !info.nested;
}

/**
 * irq_user_share_intx - Give a function a line of its own for its share of INTx
 * @pdev:	The function
 *
 * The function is masked until the line is requested.
 *
 * Context: Process context.
 * Returns: The share, NULL if the function cannot mask INTx, or an ERR_PTR
 */
struct irq_user_intx *irq_user_share_intx(struct pci_dev *pdev)
{
	struct irq_user_intx *intx;
	int ret = -ENOMEM;

	if (!can_share(pdev))
		return NULL;

	intx = kzalloc_obj(*intx);
	if (!intx)
		return ERR_PTR(ret);
	intx->pdev = pdev;
	raw_spin_lock_init(&intx->lock);
	intx->masked = true;
	pci_set_intx_mask(pdev, true);

	intx->name = kasprintf(GFP_KERNEL, IRQ_USER_DRIVER ":%s", pci_name(pdev));
	if (!intx->name)
		goto err;
	intx->fwnode = irq_domain_alloc_named_fwnode(intx->name);
	if (!intx->fwnode)
		goto err;
	intx->domain = irq_domain_create_linear(intx->fwnode, 1, &intx_domain_ops, intx);
	if (!intx->domain)
		goto err;
	intx->irq = irq_create_mapping(intx->domain, 0);
	if (!intx->irq)
		goto err;
	ret = intx_request(intx);
	if (ret)
		goto err;
	return intx;

err:
	intx_free(intx);
	return ERR_PTR(ret);
}

/**
 * irq_user_unshare_intx - Take the function's own line away
 * @intx:	The share
 *
 * The function is left masked: to enable it for another driver unmasks it.
 *
 * Context: Process context.
 */
void irq_user_unshare_intx(struct irq_user_intx *intx)
{
	/* The line may still have an owner, by /proc, which must not unmask any more */
	scoped_guard(raw_spinlock_irqsave, &intx->lock) {
		intx->ended = true;
		pci_set_intx_mask(intx->pdev, true);
	}
	free_irq(intx->pdev->irq, intx);
	intx_free(intx);
}

/**
 * irq_user_settle_intx - Mask the function as it shall be, after a reset
 * @intx:	The share
 *
 * To restore the function's configuration may have masked it, as it was before.
 */
void irq_user_settle_intx(struct irq_user_intx *intx)
{
	guard(raw_spinlock_irqsave)(&intx->lock);
	pci_set_intx_mask(intx->pdev, intx->masked);
}

/* Returns the number of the function's own line. */
unsigned int irq_user_intx_line(const struct irq_user_intx *intx)
{
	return intx->irq;
}
