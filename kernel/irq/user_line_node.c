// SPDX-License-Identifier: GPL-2.0
/*
 * The node of an interrupt line: it opens the same file as /proc/irq/<N>/irq
 */
#include <linux/irq.h>
#include <linux/irq_user.h>

#include "user_node.h"

static int line_open(struct irq_user_node *node, struct inode *inode, struct file *file)
{
	return irq_user_open_line(inode, file, node->irq, node->path,
				  READ_ONCE(node->may_run_free));
}

static void line_end(struct irq_user_node *node)
{
	/* Its end lets others request the line again */
	CLASS(irq_user_hold, hold)(node->irq);
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
};
