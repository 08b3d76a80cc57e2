/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupt lines as files: /proc/irq/<N>/irq
 *
 * rust/kernel/irq/proc_user.rs implements the file. C uses only what is declared
 * here.
 */
#ifndef _LINUX_IRQ_USER_H
#define _LINUX_IRQ_USER_H

#include <linux/cleanup.h>
#include <linux/irq.h>
#include <linux/types.h>
#include <uapi/linux/irq_user.h>

struct device;

#ifdef CONFIG_IRQ_USER

struct file;
struct fwnode_handle;
struct inode;
struct proc_ops;

/* The file's operations. The data of its procfs entry is the number of the line. */
extern const struct proc_ops irq_user_proc_ops;

/*
 * Opens the node of a line. This gives the same file as procfs does. @node is the
 * node's name for fdinfo; it is copied. The line can run free only if @may_run_free.
 * Fails with -ENXIO if @gone becomes true before the line is claimed: the number is
 * then no longer this line's. Otherwise returns 0 or -errno like open() of the procfs
 * file, but needs no capability. Call this in process context, and keep the node from
 * being removed.
 */
int irq_user_open_line(struct inode *inode, struct file *file, unsigned int irq,
		       const char *node, bool may_run_free, const bool *gone);

/* Must be called once, in process context, before the first file is created. */
void irq_user_init(void);

/* Returns whether user space may ever own the line. If not, the line has no file. */
bool irq_user_may_own(unsigned int irq);

/*
 * Revokes a line before it goes away: keeps it from being requested again and, if
 * its file is open, takes it from its owner. When this returns, the handler of the
 * file does not run and its action is freed. May sleep. Does not wait for user space.
 *
 * Must be called before the line loses its chip or its MSI descriptor, and not under
 * a lock that requesting or freeing the line takes, for example sparse_irq_lock.
 */
void irq_user_revoke(unsigned int irq);

/*
 * Takes a line from its owner like irq_user_revoke(), but lets others request it: for
 * a line that stays when the driver that gave it to user space unbinds its device. If
 * @gone is not NULL and true once the owner is known, the number is another line's:
 * then this does nothing.
 */
void irq_user_evict(unsigned int irq, const bool *gone);

/*
 * Takes a line from its owner, and refuses it to user space until the line is mapped
 * anew or irq_user_allow() is called. Drivers can request it.
 */
void irq_user_deny(unsigned int irq);
bool irq_user_is_denied(unsigned int irq);
void irq_user_allow(unsigned int irq);

/*
 * Denies lines of a firmware node's domains: those whose chip has the callback
 * irq_request_resources, as the chips of GPIOs have. For a caller that removes what
 * this callback needs while the domain stays. A device of several parts may have one
 * domain for all; then user space loses the lines of the other parts, too. Without a
 * node, nothing is denied.
 */
void irq_user_deny_fwnode(const struct fwnode_handle *fwnode);

/* Allows the lines again, when what they need is back. */
void irq_user_allow_fwnode(const struct fwnode_handle *fwnode);

/*
 * Takes the edges that arrived while the system was suspended. Called in process
 * context, after the core has resumed all lines.
 */
void irq_user_resume(void);

/* Does the same for one line. Called by irq_user_resume(). */
void irq_user_resume_line(unsigned int irq);

/* Functions of the core that the file uses, see user.c */
void irq_user_disable(struct irq_desc *desc);
bool irq_user_enable(struct irq_desc *desc, const bool *owned, bool slow);
bool irq_user_take_pending(struct irq_desc *desc, const bool *owned);

/*
 * If a line can be requested, does the same as irq_user_revoke(), though the line
 * stays. Returns whether the line could be requested.
 */
bool irq_user_hold(unsigned int irq);

/*
 * MSIs of a device that are allocated between these two calls get their files with
 * the second call, when the set-up of the device is complete. Call these in process
 * context, and not under the lock of the device's MSI descriptors.
 */
void irq_user_hold_msis(struct device *dev);
void irq_user_show_msis(struct device *dev);

#else /* CONFIG_IRQ_USER */

static inline void irq_user_init(void) { }
static inline void irq_user_revoke(unsigned int irq) { }
static inline void irq_user_deny(unsigned int irq) { }
static inline void irq_user_deny_fwnode(const struct fwnode_handle *fwnode) { }
static inline void irq_user_allow_fwnode(const struct fwnode_handle *fwnode) { }
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
