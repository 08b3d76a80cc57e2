// SPDX-License-Identifier: GPL-2.0
/*
 * The node of an interrupt line: it opens the same file as /proc/irq/<N>/irq
 */
#include <linux/irq_line_info.h>
#include <linux/irq_user.h>
#include <linux/spinlock.h>

#include "user_node.h"

/* The nodes of lines */
static LIST_HEAD(line_nodes);
static DEFINE_SPINLOCK(line_nodes_lock);

int irq_user_line_init(struct irq_user_node *node, const struct irq_user_line *line)
{
	struct irq_line_info info;

	node->irq = line->irq;
	node->may_run_free = true;
	scoped_guard(spinlock, &line_nodes_lock)
		list_add(&node->entry, &line_nodes);

	if (irq_get_line_info(line->irq, &info) || info.kernel_only || !info.requestable)
		return -EINVAL;
	return 0;
}

/*
 * See irq_user_node.h. The chip of a line may go away while the line's device is bound.
 *
 * Next, irq_user_revoke() takes the line from its owner. It waits for an open that has
 * entered its file among the open files. An open that enters it later takes the lock of
 * these files after irq_user_evict() has searched them, and so sees @line_gone.
 */
void irq_user_forget_line(unsigned int irq)
{
	struct irq_user_node *node;

	guard(spinlock)(&line_nodes_lock);
	list_for_each_entry(node, &line_nodes, entry) {
		if (node->irq == irq)
			WRITE_ONCE(node->line_gone, true);
	}
}

static int line_open(struct irq_user_node *node, struct inode *inode, struct file *file)
{
	if (READ_ONCE(node->line_gone))
		return -ENXIO;
	return irq_user_open_line(inode, file, node->irq, node->path,
				  READ_ONCE(node->may_run_free), &node->line_gone);
}

static void line_end(struct irq_user_node *node)
{
	irq_user_evict(node->irq, &node->line_gone);
}

static void line_release(struct irq_user_node *node)
{
	guard(spinlock)(&line_nodes_lock);
	/* NULL if the node was never complete */
	if (node->entry.next)
		list_del(&node->entry);
}

static ssize_t irq_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_irq_user_node(dev)->irq);
}
static DEVICE_ATTR_RO(irq);

static ssize_t free_running_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(to_irq_user_node(dev)->may_run_free));
}

static ssize_t free_running_store(struct device *dev, struct device_attribute *attr,
				  const char *buf, size_t count)
{
	bool may;
	int ret;

	ret = kstrtobool(buf, &may);
	if (ret)
		return ret;
	WRITE_ONCE(to_irq_user_node(dev)->may_run_free, may);
	return count;
}
static DEVICE_ATTR_RW(free_running);

static struct attribute *line_attrs[] = {
	&dev_attr_irq.attr,
	&dev_attr_free_running.attr,
	NULL
};
ATTRIBUTE_GROUPS(line);

static int line_uevent(const struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "IRQ_NUMBER=%u", to_irq_user_node(dev)->irq);
}

const struct irq_user_node_kind irq_user_line_kind = {
	.type = {
		.name	= "irq_user_line",
		.groups	= line_groups,
		.uevent	= line_uevent,
	},
	.open	= line_open,
	.end	= line_end,
	.release = line_release,
};
