// SPDX-License-Identifier: GPL-2.0
/*
 * Functions by which the file /proc/irq/<N>/irq masks and unmasks its line, and by
 * which the line is revoked.
 * rust/kernel/irq/proc_user.rs implements the file.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_line_info.h>
#include <linux/irq_user.h>
#include <linux/irq_user_node.h>
#include <linux/irqnr.h>
#include <linux/rcupdate.h>

#include "internals.h"

/* See irq_user.h. */
bool irq_user_may_own(unsigned int irq)
{
	struct irq_line_info info;

	return !irq_get_line_info(irq, &info) && !info.kernel_only;
}

/*
 * Tells lockdep that to take the line from its owner takes the lock of its bus, also if
 * the line has no owner now. Call this first: a refused line does not show its chip.
 */
static void might_take_bus_lock(unsigned int irq)
{
	struct irq_line_info info;

	if (!irq_get_line_info(irq, &info) && info.slow_bus) {
		lock_map_acquire(&irq_bus_lock_map);
		lock_map_release(&irq_bus_lock_map);
	}
}

/* Keeps a line from being requested, and takes it from its owner. */
static void refuse(unsigned int irq)
{
	might_take_bus_lock(irq);

	/* Before irq_user_evict(), so that an open which that does not find sees it. */
	irq_set_status_flags(irq, _IRQ_NOREQUEST);
	irq_user_evict(irq, NULL);
}

/* See irq_user.h. */
void irq_user_revoke(unsigned int irq)
{
	/* First, so that an open of a node which irq_user_evict() does not find sees it. */
	irq_user_forget_line(irq);
	refuse(irq);
}

/* See irq_user.h. */
void irq_user_deny(unsigned int irq)
{
	might_take_bus_lock(irq);

	/* Before irq_user_evict(), so that an open which that does not find sees it. */
	scoped_irqdesc_get_and_lock(irq, 0)
		scoped_irqdesc->istate |= IRQS_NO_USER;
	irq_user_evict(irq, NULL);
}

/* See irq_user.h. */
bool irq_user_is_denied(unsigned int irq)
{
	scoped_irqdesc_get_and_lock(irq, 0)
		return scoped_irqdesc->istate & IRQS_NO_USER;
	return false;
}

/* See irq_user.h. */
void irq_user_allow(unsigned int irq)
{
	scoped_irqdesc_get_and_lock(irq, 0)
		scoped_irqdesc->istate &= ~IRQS_NO_USER;
}

/* See irq_user.h. */
bool irq_user_hold(unsigned int irq)
{
	struct irq_line_info info;

	if (irq_get_line_info(irq, &info) || !info.requestable)
		return false;

	refuse(irq);
	return true;
}

/*
 * See irq_user.h. Few lines have an edge pending, and only for these the open file is
 * searched. The caller has had the lock of each descriptor, to resume the line. An edge
 * that arrives later runs the handler.
 */
void irq_user_resume(void)
{
	unsigned int irq;

	for_each_active_irq(irq) {
		bool pending = false;

		scoped_guard(rcu) {
			struct irq_desc *desc = irq_to_desc(irq);

			/* A handler may run. The line is looked at again under its lock. */
			pending = desc && data_race(desc->istate) & IRQS_PENDING;
		}
		if (pending)
			irq_user_resume_line(irq);
	}
}

static noinline void disable_in_task(struct irq_desc *desc)
{
	chip_bus_lock(desc);
	scoped_guard(raw_spinlock_irqsave, &desc->lock)
		__disable_irq(desc);
	chip_bus_sync_unlock(desc);
}

/**
 * irq_user_disable - Disable a line whose action cannot be freed during the call
 * @desc:	Descriptor of the line
 *
 * Call this from the line's handler, or while something keeps the action from
 * being freed. It does not wait for the handler.
 *
 * Context: Any; if the chip is behind a slow bus, a context that may sleep.
 */
void irq_user_disable(struct irq_desc *desc)
{
	if (!in_hardirq()) {
		disable_in_task(desc);
		return;
	}

	guard(raw_spinlock)(&desc->lock);
	__disable_irq(desc);
}

static bool enable_owned(struct irq_desc *desc, const bool *owned)
{
	bool pending;

	guard(raw_spinlock)(&desc->lock);

	/* @owned is cleared before the action is freed. To free it takes this lock. */
	if (!READ_ONCE(*owned))
		return false;
	if (desc->depth != 1 || !irqd_is_started(&desc->irq_data)) {
		__enable_irq(desc);
		return false;
	}

	/* What __enable_irq() does with a started line, without the resend */
	pending = desc->istate & IRQS_PENDING;
	desc->istate &= ~IRQS_PENDING;
	desc->depth = 0;
	irq_enable(desc);
	return pending;
}

/* Also for the handler of a line without a slow bus, where there is no bus to lock. */
static noinline bool enable_slow(struct irq_desc *desc, const bool *owned)
{
	bool ret;

	chip_bus_lock(desc);
	scoped_guard(irqsave)
		ret = enable_owned(desc, owned);
	chip_bus_sync_unlock(desc);
	return ret;
}

/**
 * irq_user_enable - Undo one irq_user_disable(), unless the action is gone
 * @desc:	Descriptor of the line. May be freed if @owned is false
 * @owned:	Cleared before the action is freed
 * @slow:	Whether the chip is behind a slow bus, or the line's handler calls this
 *
 * If an edge arrived while the line was disabled, this does not resend it: the
 * caller must handle it. So the handler runs for interrupts only, and no softirq
 * is needed.
 *
 * Context: A task, with interrupts on. If @slow, any context in which the bus can be
 * locked, and the caller must keep the action from being freed.
 * Returns: Whether an edge arrived; false also if the action is gone
 */
bool irq_user_enable(struct irq_desc *desc, const bool *owned, bool slow)
{
	if (unlikely(slow))
		return enable_slow(desc, owned);

	/*
	 * With interrupts off, this is an RCU reader. A descriptor is freed after a
	 * grace period that begins after @owned is cleared.
	 */
	lockdep_assert_irqs_enabled();
	guard(irq)();
	return READ_ONCE(*owned) && enable_owned(desc, owned);
}

/**
 * irq_user_take_pending - Take an edge that arrived while a line was suspended
 * @desc:	Descriptor of the line. May be freed if @owned is false
 * @owned:	Cleared before the action is freed
 *
 * The action has IRQF_NO_RESEND, so the core leaves the edge pending.
 *
 * Context: Any.
 * Returns: True if the line is enabled and this took an edge
 */
bool irq_user_take_pending(struct irq_desc *desc, const bool *owned)
{
	guard(irqsave)();
	if (!READ_ONCE(*owned))
		return false;

	guard(raw_spinlock)(&desc->lock);
	if (!READ_ONCE(*owned) || desc->depth || !(desc->istate & IRQS_PENDING))
		return false;
	/* handle_edge_irq() runs: it takes the edge, and unmasks the line that it masked. */
	if (irqd_irq_inprogress(&desc->irq_data))
		return false;
	desc->istate &= ~IRQS_PENDING;
	return true;
}
