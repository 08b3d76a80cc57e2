/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupt lines as files: /proc/irq/<N>/irq
 *
 * The file is implemented in rust/kernel/irq/proc_user.rs. This is all that C
 * knows of it.
 */
#ifndef _LINUX_IRQ_USER_H
#define _LINUX_IRQ_USER_H

#include <linux/cleanup.h>
#include <linux/irq.h>
#include <linux/types.h>

struct device;

#ifdef CONFIG_IRQ_USER

struct file;
struct fwnode_handle;
struct inode;
struct proc_ops;

/* The file's operations. Its data is the number of the line. */
extern const struct proc_ops irq_user_proc_ops;

/*
 * Opens a file of a line's node, which is the same as that of procfs. @node is the
 * node's name, for fdinfo; it is copied. The line runs free only if @may_run_free.
 * Returns 0 or -errno, as open() of procfs's file, but asks for no capability. In
 * process context, while the node is kept from being removed.
 */
int irq_user_open_line(struct inode *inode, struct file *file, unsigned int irq,
		       const char *node, bool may_run_free);

/* Called once, before the first file is made. */
void irq_user_init(void);

/* Returns whether user space may ever own the line: if not, it has no file. */
bool irq_user_may_own(unsigned int irq);

/*
 * Takes a line that is about to go away from whoever opened its file, and
 * keeps it from being requested again: when this returns, no handler runs and
 * the action is gone. Does nothing to lines that are not open. May sleep; waits
 * for no user space.
 *
 * Must be called before the chip or the MSI descriptor is taken from the line,
 * and not under a lock that is needed to request or free it, such as
 * sparse_irq_lock.
 */
void irq_user_revoke(unsigned int irq);

/*
 * Takes a line from its owner, and lets others request it: for a line that stays, when
 * what gave it to user space goes away. As irq_user_revoke() otherwise.
 */
void irq_user_evict(unsigned int irq);

/*
 * Does as irq_user_revoke() with all lines of the domains of a firmware node whose
 * chip needs something of its own when a line is requested (irq_request_resources),
 * as those of GPIOs do: for who takes that away while the domain stays.
 */
void irq_user_revoke_fwnode(const struct fwnode_handle *fwnode);

/*
 * Called when the core has resumed all lines after the system was suspended: takes
 * the edges that came meanwhile. In process context.
 */
void irq_user_resume(void);

/* What the file needs of the core, see user.c */
void irq_user_might_lock_bus(unsigned int irq);
void irq_user_disable(struct irq_desc *desc, bool slow);
int irq_user_enable(struct irq_desc *desc, const bool *owned, bool slow);
bool irq_user_take_pending(struct irq_desc *desc, const bool *owned);

/*
 * Takes a line that stays from its owner, as irq_user_revoke(), if it can be
 * requested, and returns that.
 */
bool irq_user_hold(unsigned int irq);

/*
 * Keep the MSIs of a device that are allocated meanwhile without a file, until all
 * of its set-up is complete. In process context, not under the lock of its MSI
 * descriptors.
 */
void irq_user_hold_msis(struct device *dev);
void irq_user_show_msis(struct device *dev);

#else /* CONFIG_IRQ_USER */

static inline void irq_user_init(void) { }
static inline void irq_user_revoke(unsigned int irq) { }
static inline void irq_user_revoke_fwnode(const struct fwnode_handle *fwnode) { }
static inline void irq_user_resume(void) { }
static inline bool irq_user_hold(unsigned int irq) { return false; }
static inline void irq_user_hold_msis(struct device *dev) { }
static inline void irq_user_show_msis(struct device *dev) { }

#endif /* !CONFIG_IRQ_USER */

/* Keeps user space from a line until the end of the scope */
struct irq_user_hold {
	unsigned int irq;
	bool could_request;
};

static inline void irq_user_end_hold(struct irq_user_hold *hold)
{
	if (hold->could_request)
		irq_clear_status_flags(hold->irq, IRQ_NOREQUEST);
}

DEFINE_CLASS(irq_user_hold, struct irq_user_hold, irq_user_end_hold(&_T),
	     ((struct irq_user_hold){ .irq = irq, .could_request = irq_user_hold(irq) }),
	     unsigned int irq)

#endif /* _LINUX_IRQ_USER_H */
