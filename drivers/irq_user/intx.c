// SPDX-License-Identifier: GPL-2.0
/*
 * A function's share of an INTx line, as a line of its own
 *
 * A function of PCI 2.3 says in its status whether it asserts INTx, and can mask it
 * (DisINTx). So a handler of the wire, which other functions may share, finds out
 * whether it is this one that interrupts, masks it, and has the function's own line
 * handled. To mask and unmask that line is to mask and unmask the function.
 *
 * The status does not depend on the mask. So a function that was not unmasked since it
 * was masked by the handler has not raised this interrupt, though its status says
 * pending: the handler does not claim it, and there is no second event.
 *
 * Others write to DisINTx as well: a resume, a program by the file "config". If they
 * clear it, the wire is asserted though the core believes the line masked. So the
 * handler masks the function whenever it asserts, whether its line has an owner or
 * not: no other function's handler ever has to care for it. During a reset the
 * function is left alone.
 *
 * On PREEMPT_RT, and with threadirqs, the handlers of other functions run in threads,
 * and the core wants IRQF_ONESHOT of all or of none. A handler which stays in the
 * interrupt then has it as well, and a thread that is never woken. A driver that
 * keeps its handler in the interrupt by IRQF_NO_THREAD cannot share the wire there:
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
 * @name:	Name of the handler on the wire
 * @wire:	Number of the line that is shared
 * @fwnode:	Names the domain
 * @domain:	Has the function's own line
 * @line:	Number of the function's own line
 * @lock:	Guards what follows, and the function's mask
 * @masked:	Whether the function is to be masked
 * @live:	It was unmasked since the handler has masked it
 * @away:	It is masked and must not be touched: in a reset, or in the end
 */
struct irq_user_intx {
	struct pci_dev		*pdev;
	char			*name;
	unsigned int		wire;
	struct fwnode_handle	*fwnode;
	struct irq_domain	*domain;
	unsigned int		line;
	raw_spinlock_t		lock;	/* see above */
	bool			masked;
	bool			live;
	bool			away;
};

static void intx_mask(struct irq_data *data)
{
	struct irq_user_intx *intx = irq_data_get_irq_chip_data(data);

	guard(raw_spinlock_irqsave)(&intx->lock);
	/* As a rule the handler has done so already */
	if (!intx->masked && !intx->away)
		pci_intx(intx->pdev, 0);
	intx->masked = true;
}

static void intx_unmask(struct irq_data *data)
{
	struct irq_user_intx *intx = irq_data_get_irq_chip_data(data);

	guard(raw_spinlock_irqsave)(&intx->lock);
	intx->masked = false;
	intx->live = true;
	if (!intx->away)
		pci_intx(intx->pdev, 1);
}

static struct irq_chip intx_chip = {
	.name		= "PCI-INTx",
	.irq_mask	= intx_mask,
	.irq_unmask	= intx_unmask,
};

static int intx_map(struct irq_domain *domain, unsigned int irq, irq_hw_number_t hwirq)
{
	irq_set_chip_data(irq, domain->host_data);
	irq_set_chip_and_handler(irq, &intx_chip, handle_level_irq);
	irqd_set_trigger_type(irq_get_irq_data(irq), IRQ_TYPE_LEVEL_LOW);
	/* To probe would unmask the function */
	irq_set_status_flags(irq, IRQ_LEVEL | IRQ_NOPROBE);
	return 0;
}

static const struct irq_domain_ops intx_domain_ops = {
	.map	= intx_map,
};

/* Masks the function if it interrupts. Returns whether it has raised this interrupt. */
static bool intx_mask_pending(struct irq_user_intx *intx)
{
	bool was_live;

	guard(raw_spinlock)(&intx->lock);
	if (intx->away || !pci_check_and_mask_intx(intx->pdev))
		return false;
	was_live = intx->live;
	intx->live = false;
	intx->masked = true;
	return was_live;
}

/* The handler of the wire. In hard interrupt context. */
static irqreturn_t intx_demultiplex(int irq, void *data)
{
	struct irq_user_intx *intx = data;

	if (!intx_mask_pending(intx))
		return IRQ_NONE;
	/* The line may not be mapped yet */
	generic_handle_domain_irq(intx->domain, 0);
	return IRQ_HANDLED;
}

static irqreturn_t intx_thread(int irq, void *data)
{
	/* Is never woken */
	return IRQ_NONE;
}

static int intx_request(struct irq_user_intx *intx)
{
	unsigned long flags = IRQF_SHARED | IRQF_PROBE_SHARED | IRQF_COND_SUSPEND;
	irq_handler_t thread = NULL;

	if (force_irqthreads()) {
		/* What the core gives those that it forces into threads */
		flags |= IRQF_ONESHOT;
		thread = intx_thread;
	} else {
		flags |= IRQF_COND_ONESHOT;
	}
	return request_threaded_irq(intx->wire, intx_demultiplex, thread, flags, intx->name, intx);
}

/* Masks the function, and leaves it so. */
static void intx_send_away(struct irq_user_intx *intx)
{
	guard(raw_spinlock_irqsave)(&intx->lock);
	pci_intx(intx->pdev, 0);
	intx->away = true;
}

static void intx_free(struct irq_user_intx *intx)
{
	if (intx->domain)
		irq_domain_remove(intx->domain);
	if (intx->fwnode)
		irq_domain_free_fwnode(intx->fwnode);
	kfree(intx->name);
	kfree(intx);
}

/* Whether the function can have a share: the handler has to run in the interrupt */
static bool can_share(struct pci_dev *pdev)
{
	struct irq_line_info info;

	return pci_intx_mask_supported(pdev) && !irq_get_line_info(pdev->irq, &info) &&
	       !info.nested;
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
	intx->wire = pdev->irq;
	raw_spin_lock_init(&intx->lock);
	intx->masked = true;
	pci_intx(pdev, 0);

	intx->name = kasprintf(GFP_KERNEL, IRQ_USER_DRIVER ":%s", pci_name(pdev));
	if (!intx->name)
		goto err;
	intx->fwnode = irq_domain_alloc_named_fwnode(intx->name);
	if (!intx->fwnode)
		goto err;
	intx->domain = irq_domain_create_linear(intx->fwnode, 1, &intx_domain_ops, intx);
	if (!intx->domain)
		goto err;

	/* Once the line is mapped it may be opened, and interrupt */
	ret = intx_request(intx);
	if (ret) {
		pci_info_ratelimited(pdev, "cannot share INTx, line %u: %pe\n", intx->wire,
				     ERR_PTR(ret));
		goto err;
	}
	intx->line = irq_create_mapping(intx->domain, 0);
	if (!intx->line) {
		ret = -ENOMEM;
		free_irq(intx->wire, intx);
		goto err;
	}
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
	/* The line may still have an owner, by /proc. It must not unmask any more */
	intx_send_away(intx);
	/* The handler looks for the line by its domain */
	free_irq(intx->wire, intx);
	irq_dispose_mapping(intx->line);
	intx_free(intx);
}

/**
 * irq_user_suspend_intx - Mask a function that is about to be reset
 * @intx:	The share
 *
 * Its configuration is saved after this, and restored with the mask.
 */
void irq_user_suspend_intx(struct irq_user_intx *intx)
{
	intx_send_away(intx);
}

/**
 * irq_user_resume_intx - Mask a function, or not, as before a reset
 * @intx:	The share
 */
void irq_user_resume_intx(struct irq_user_intx *intx)
{
	guard(raw_spinlock_irqsave)(&intx->lock);
	intx->away = false;
	pci_intx(intx->pdev, !intx->masked);
}

/* Returns the number of the function's own line. */
unsigned int irq_user_intx_line(const struct irq_user_intx *intx)
{
	return intx->line;
}
