// SPDX-License-Identifier: GPL-2.0
/*
 * What the file /proc/irq/<N>/irq needs of the core to mask and unmask its line.
 * The file is implemented in rust/kernel/irq/proc_user.rs.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_line_info.h>
#include <linux/irq_user.h>

#include "internals.h"

/* See irq_user.h. */
bool irq_user_may_own(unsigned int irq)
{
	struct irq_line_info info;

	return !irq_get_line_info(irq, &info) && !info.kernel_only;
}

/**
 * irq_user_might_lock_bus - Tell lockdep that a revocation takes the bus lock
 * @irq:	Interrupt line, any number
 *
 * It does if the line is open.
 */
void irq_user_might_lock_bus(unsigned int irq)
{
	struct irq_line_info info;

	if (!irq_get_line_info(irq, &info) && info.slow_bus) {
		lock_map_acquire(&irq_bus_lock_map);
		lock_map_release(&irq_bus_lock_map);
	}
}

/**
 * irq_user_disable - Disable a line whose action cannot go away meanwhile
 * @desc:	Descriptor of the line
 * @slow:	The chip is behind a slow bus
 *
 * For the line's handler, and for a caller that keeps the action from being
 * freed. Does not wait for the handler.
 *
 * Context: Any. If @slow, only where sleeping is allowed.
 */
void irq_user_disable(struct irq_desc *desc, bool slow)
{
	if (in_hardirq()) {
		guard(raw_spinlock)(&desc->lock);
		__disable_irq(desc);
		return;
	}

	if (slow)
		chip_bus_lock(desc);
	scoped_guard(raw_spinlock_irqsave, &desc->lock)
		__disable_irq(desc);
	if (slow)
		chip_bus_sync_unlock(desc);
}

static int enable_owned(struct irq_desc *desc, const bool *owned)
{
	bool pending;

	guard(raw_spinlock)(&desc->lock);

	/* Cleared before the action is freed, which takes this lock. */
	if (!READ_ONCE(*owned))
		return -EIO;
	if (desc->depth != 1 || !irqd_is_started(&desc->irq_data)) {
		__enable_irq(desc);
		return 0;
	}

	/* What __enable_irq() comes to for a line that was started */
	pending = desc->istate & IRQS_PENDING;
	desc->istate &= ~IRQS_PENDING;
	desc->depth = 0;
	irq_enable(desc);
	return pending;
}

static noinline int enable_slow(struct irq_desc *desc, const bool *owned)
{
	int ret;

	chip_bus_lock(desc);
	scoped_guard(irqsave)
		ret = enable_owned(desc, owned);
	chip_bus_sync_unlock(desc);
	return ret;
}

/**
 * irq_user_enable - Undo one irq_user_disable(), unless the action is gone
 * @desc:	Descriptor of the line. May be freed if @owned is false
 * @owned:	True until the action is about to be freed
 * @slow:	The chip is behind a slow bus
 *
 * Does not resend an edge that came while the line was disabled, but leaves it
 * to the caller: the handler runs for an interrupt alone, and no softirq is
 * needed.
 *
 * Context: Any. If @slow, only where sleeping is allowed, and with the action
 * kept by the caller.
 * Returns: 1 if there was such an edge, 0 if not, -EIO if the action is gone
 */
int irq_user_enable(struct irq_desc *desc, const bool *owned, bool slow)
{
	if (unlikely(slow))
		return enable_slow(desc, owned);

	/*
	 * With interrupts off this is an RCU reader. A descriptor is freed after a
	 * grace period, which begins after @owned is false.
	 */
	guard(irqsave)();
	return READ_ONCE(*owned) ? enable_owned(desc, owned) : -EIO;
}

/**
 * irq_user_take_pending - Take an edge that came while a line was suspended
 * @desc:	Descriptor of the line. May be freed if @owned is false
 * @owned:	True until the action is about to be freed
 *
 * The action has IRQF_NO_RESEND, so the core leaves it there.
 *
 * Context: Any.
 * Returns: Whether there was one, and the line is enabled
 */
bool irq_user_take_pending(struct irq_desc *desc, const bool *owned)
{
	guard(irqsave)();
	if (!READ_ONCE(*owned))
		return false;

	guard(raw_spinlock)(&desc->lock);
	if (!READ_ONCE(*owned) || desc->depth || !(desc->istate & IRQS_PENDING))
		return false;
	/* Then handle_edge_irq() takes it, and unmasks the line that it has masked. */
	if (irqd_irq_inprogress(&desc->irq_data))
		return false;
	desc->istate &= ~IRQS_PENDING;
	return true;
}
