// SPDX-License-Identifier: GPL-2.0
/*
 * A function's share of an INTx line, as a line of its own
 *
 * The status of a PCI 2.3 function says whether the function asserts INTx, and the
 * function can mask INTx (DisINTx). The handler of the wire, which other functions may
 * share, checks whether its function interrupts. If so, it masks the function and calls
 * the handler of the function's own line. Masking and unmasking that line masks and
 * unmasks the function.
 *
 * The status does not depend on the mask. If the function was not unmasked since the
 * handler masked it, it has not raised this interrupt, even if its status says pending.
 * The handler then does not claim the interrupt, and there is no second event.
 *
 * Other code also writes DisINTx: a resume, or a program through the file "config". If
 * that clears DisINTx, the wire is asserted although the core has masked the line. So the
 * handler masks the function whenever the function asserts INTx, even if its line has no
 * owner. Handlers of other functions never have to deal with it. During a reset the
 * handler does not touch the function.
 *
 * On PREEMPT_RT and with threadirqs, the handlers of other functions run in threads and
 * have IRQF_ONESHOT. This handler stays in the hard interrupt. It agrees to IRQF_ONESHOT,
 * as all of request_irq() do, if another handler of the wire has it or comes with it.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_line_info.h>
#include <linux/irqdomain.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "irq_user.h"

/**
 * enum intx_mask - Whether the function must be masked
 * @INTX_RAISED:	Masked: the handler has masked it, or it was never unmasked
 * @INTX_MASKED:	Masked: it was unmasked since, so it may have raised an interrupt
 * @INTX_UNMASKED:	Not masked
 */
enum intx_mask {
	INTX_RAISED,
	INTX_MASKED,
	INTX_UNMASKED,
} __packed;

/**
 * struct irq_user_intx - A function's share of an INTx line
 * @lock:	Protects @mask, @away and the function's mask
 * @pdev:	The function
 * @name:	Name of the handler on the wire
 * @wire:	Number of the shared line
 * @fwnode:	Firmware node that names the domain
 * @domain:	Domain of the function's own line
 * @line:	Number of the function's own line
 * @desc:	Descriptor of the function's own line, once it is mapped
 * @mask:	Whether the function must be masked
 * @away:	The function is masked and must not be touched: during a reset, or because
 *		its share is being removed
 */
struct irq_user_intx {
	raw_spinlock_t		lock;
	struct pci_dev		*pdev;
	char			*name;
	unsigned int		wire;
	struct fwnode_handle	*fwnode;
	struct irq_domain	*domain;
	unsigned int		line;
	struct irq_desc		*desc;
	enum intx_mask		mask;
	bool			away;
};

static void intx_mask(struct irq_data *data)
{
	struct irq_user_intx *intx = irq_data_get_irq_chip_data(data);

	/*
	 * Usually the handler has masked the function already. Only intx_unmask() changes that,
	 * and the core never calls both at a time.
	 */
	if (READ_ONCE(intx->mask) != INTX_UNMASKED)
		return;
	guard(raw_spinlock)(&intx->lock);
	if (!intx->away)
		pci_intx(intx->pdev, 0);
	/* The handler may have masked it meanwhile */
	if (intx->mask == INTX_UNMASKED)
		intx->mask = INTX_MASKED;
}

static void intx_unmask(struct irq_data *data)
{
	struct irq_user_intx *intx = irq_data_get_irq_chip_data(data);

	guard(raw_spinlock)(&intx->lock);
	intx->mask = INTX_UNMASKED;
	if (!intx->away)
		pci_intx(intx->pdev, 1);
}

static struct irq_chip intx_chip = {
	.name		= "PCI-INTx",
	/* Usually the function is masked when its line is enabled */
	.irq_enable	= intx_unmask,
	.irq_mask	= intx_mask,
	.irq_unmask	= intx_unmask,
};

static int intx_map(struct irq_domain *domain, unsigned int irq, irq_hw_number_t hwirq)
{
	struct irq_data *irqd = irq_get_irq_data(irq);
	struct irq_user_intx *intx = domain->host_data;

	irq_set_chip_data(irq, intx);
	irq_set_chip_and_handler(irq, &intx_chip, handle_demuxed_level_irq);
	irqd_set_trigger_type(irqd, IRQ_TYPE_LEVEL_LOW);
	/* Probing would unmask the function. The wire has its own check for stray interrupts */
	irq_set_status_flags(irq, IRQ_LEVEL | IRQ_NOPROBE | IRQ_IS_POLLED);
	/* The function is masked until the line has an owner */
	intx->desc = irq_data_to_desc(irqd);
	return 0;
}

static const struct irq_domain_ops intx_domain_ops = {
	.map	= intx_map,
};

/* Masks the function if it interrupts. Returns whether it raised this interrupt. */
static bool intx_mask_pending(struct irq_user_intx *intx)
{
	bool was_live;

	guard(raw_spinlock)(&intx->lock);
	if (intx->away || !pci_check_and_mask_intx(intx->pdev))
		return false;
	was_live = intx->mask != INTX_RAISED;
	WRITE_ONCE(intx->mask, INTX_RAISED);
	return was_live;
}

/* The handler of the wire, in hard interrupt context. */
static irqreturn_t intx_demultiplex(int irq, void *data)
{
	struct irq_user_intx *intx = data;

	if (!intx_mask_pending(intx))
		return IRQ_NONE;
	/* It interrupted since it was unmasked, which takes a line with an owner */
	generic_handle_irq_desc(intx->desc);
	return IRQ_HANDLED;
}

static int intx_request(struct irq_user_intx *intx)
{
	return request_irq(intx->wire, intx_demultiplex,
			   IRQF_SHARED | IRQF_PROBE_SHARED | IRQF_COND_SUSPEND | IRQF_NO_THREAD,
			   intx->name, intx);
}

/* Masks the function, and keeps it masked. */
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

/* Returns whether the function can have a share. The handler must run in the hard interrupt. */
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

	/* As soon as the line is mapped, it may be opened and may interrupt */
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
 * irq_user_unshare_intx - Remove the function's own line
 * @intx:	The share
 *
 * Leaves the function masked. Enabling it for another driver unmasks it.
 *
 * Context: Process context.
 */
void irq_user_unshare_intx(struct irq_user_intx *intx)
{
	/* The line may still have an owner through /proc, which must not unmask any more */
	intx_send_away(intx);
	/* The handler uses the line */
	free_irq(intx->wire, intx);
	irq_dispose_mapping(intx->line);
	intx_free(intx);
}

/**
 * irq_user_suspend_intx - Mask a function before it is reset
 * @intx:	The share
 *
 * The function's configuration is saved after this call, so it is restored masked.
 */
void irq_user_suspend_intx(struct irq_user_intx *intx)
{
	intx_send_away(intx);
}

/**
 * irq_user_resume_intx - Restore the mask of a function after a reset
 * @intx:	The share
 */
void irq_user_resume_intx(struct irq_user_intx *intx)
{
	guard(raw_spinlock_irqsave)(&intx->lock);
	intx->away = false;
	pci_intx(intx->pdev, intx->mask == INTX_UNMASKED);
}

/* Returns the number of the function's own line. */
unsigned int irq_user_intx_line(const struct irq_user_intx *intx)
{
	return intx->line;
}
