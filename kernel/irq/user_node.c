// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes for the interrupt lines and registers of a device: /dev/irq/<device>/<name>
 *
 * A driver adds the nodes of a device when it binds the device, and removes them when it
 * unbinds the device. Files of a node may stay open longer. They use nothing of the driver.
 *
 * open() finds a node by its minor number. A number is used again only after all others
 * were used. So a copy of a node, for example in a container, does not lead to another
 * device soon.
 *
 * A node may be removed while open() uses it. So open() holds the node's lock. Removal
 * sets @gone under that lock before it takes the line from its owner. An open() either
 * ends before that, or fails.
 */
#include <linux/cdev.h>
#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/irq_user.h>
#include <linux/kdev_t.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "user_node.h"

/* The nodes, by their minor number */
static DEFINE_XARRAY_ALLOC(irq_user_nodes);
static u32 irq_user_next_minor;
static dev_t irq_user_first;
static struct cdev irq_user_cdev;

/**
 * struct irq_user_device - The nodes of a device
 * @nr_nodes:	Number of nodes
 * @nodes:	The nodes
 */
struct irq_user_device {
	unsigned int		nr_nodes;
	struct irq_user_node	*nodes[] __counted_by(nr_nodes);
};

static char *irq_user_devnode(const struct device *dev, umode_t *mode)
{
	return kasprintf(GFP_KERNEL, "irq/%s", to_irq_user_node(dev)->path);
}

static int irq_user_uevent(const struct device *dev, struct kobj_uevent_env *env)
{
	const struct irq_user_node *node = to_irq_user_node(dev);

	return add_uevent_var(env, "IRQ_DEVICE=%s", dev_name(dev->parent)) ?:
	       add_uevent_var(env, "IRQ_SUBSYSTEM=%s", dev_bus_name(dev->parent)) ?:
	       add_uevent_var(env, "IRQ_LINE=%s", node->name);
}

static ssize_t line_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_irq_user_node(dev)->name);
}
static DEVICE_ATTR_RO(line);

static struct attribute *irq_user_attrs[] = {
	&dev_attr_line.attr,
	NULL
};
ATTRIBUTE_GROUPS(irq_user);

/* Not "irq": the class's folder in a PCI device would collide with the attribute "irq" */
static const struct class irq_user_class = {
	.name		= "irq_user",
	.dev_groups	= irq_user_groups,
	.devnode	= irq_user_devnode,
	.dev_uevent	= irq_user_uevent,
};

static void irq_user_node_release(struct device *dev)
{
	struct irq_user_node *node = to_irq_user_node(dev);

	if (node->kind->release)
		node->kind->release(node);
	kfree(node->path);
	kfree(node);
}

static struct irq_user_node *find_node(unsigned int minor)
{
	struct irq_user_node *node;

	xa_lock(&irq_user_nodes);
	node = xa_load(&irq_user_nodes, minor);
	if (node)
		get_device(&node->dev);
	xa_unlock(&irq_user_nodes);
	return node;
}

static int irq_user_node_open(struct inode *inode, struct file *file)
{
	struct irq_user_node *node = find_node(iminor(inode));
	int ret = -ENXIO;

	if (!node)
		return ret;

	scoped_guard(mutex, &node->lock) {
		if (!node->gone)
			ret = node->kind->open(node, inode, file);
	}
	put_device(&node->dev);
	return ret;
}

/* Each kind has its own file operations. open() puts them in place of these. */
static const struct file_operations irq_user_node_fops = {
	.open	= irq_user_node_open,
	.llseek	= noop_llseek,
};

static void irq_user_remove_node(struct irq_user_node *node)
{
	xa_erase(&irq_user_nodes, MINOR(node->dev.devt));
	scoped_guard(mutex, &node->lock)
		node->gone = true;
	node->kind->end(node);
	device_unregister(&node->dev);
}

/* Allocates a node, which the caller completes. put_device() frees it. */
static struct irq_user_node *irq_user_create_node(struct device *parent, const char *name,
						  const struct irq_user_node_kind *kind)
{
	struct irq_user_node *node;
	int ret = -ENOMEM;

	node = kzalloc_obj(*node);
	if (!node)
		return ERR_PTR(ret);

	device_initialize(&node->dev);
	node->kind = kind;
	node->dev.parent = parent;
	node->dev.class = &irq_user_class;
	node->dev.type = &kind->type;
	node->dev.release = irq_user_node_release;

	node->path = kasprintf(GFP_KERNEL, "%s/%s", dev_name(parent), name);
	if (!node->path)
		goto err;
	node->name = node->path + strlen(dev_name(parent)) + 1;
	ret = dev_set_name(&node->dev, "%s!%s", dev_name(parent), name);
	if (ret)
		goto err;
	return node;

err:
	put_device(&node->dev);
	return ERR_PTR(ret);
}

/* Publishes a node. If that fails, frees it. */
static int irq_user_add_node(struct irq_user_device *device, struct irq_user_node *node)
{
	u32 minor;
	int ret;

	ret = xa_alloc_cyclic(&irq_user_nodes, &minor, NULL, XA_LIMIT(0, MINORMASK),
			      &irq_user_next_minor, GFP_KERNEL);
	if (ret < 0)
		goto err;

	node->dev.devt = MKDEV(MAJOR(irq_user_first), minor);
	/* device_add() announces the node to udev, so programs may open it from then on */
	xa_store(&irq_user_nodes, minor, node, GFP_KERNEL);
	ret = device_add(&node->dev);
	if (ret)
		goto err_erase;
	device->nr_nodes++;
	device->nodes[device->nr_nodes - 1] = node;
	return 0;

err_erase:
	xa_erase(&irq_user_nodes, minor);
	scoped_guard(mutex, &node->lock)
		node->gone = true;
	node->kind->end(node);
err:
	put_device(&node->dev);
	return ret;
}

static int irq_user_add_line(struct irq_user_device *device, struct device *parent,
			     const struct irq_user_line *line)
{
	struct irq_user_node *node;

	node = irq_user_create_node(parent, line->name, &irq_user_line_kind);
	if (IS_ERR(node))
		return PTR_ERR(node);
	/* A lock class per kind: to open a line takes other locks than to map registers */
	mutex_init(&node->lock);
	/* If user space must not own the line, open() would always fail: add no node */
	if (irq_user_line_init(node, line)) {
		put_device(&node->dev);
		return 0;
	}
	return irq_user_add_node(device, node);
}

static int irq_user_add_mem(struct irq_user_device *device, struct device *parent,
			    const struct irq_user_mem *mem)
{
	struct irq_user_node *node;
	int ret;

	node = irq_user_create_node(parent, mem->name, &irq_user_mem_kind);
	if (IS_ERR(node))
		return PTR_ERR(node);
	mutex_init(&node->lock);
	ret = irq_user_mem_init(node, mem);
	if (ret) {
		put_device(&node->dev);
		return ret;
	}
	return irq_user_add_node(device, node);
}

/**
 * irq_user_remove_device - Remove the nodes of a device
 * @device:	The return value of irq_user_add_device()
 *
 * Takes the lines from their owners, whether these opened a node or a file in /proc.
 * Leaves the lines in the state that a driver expects. Unmaps the registers from all
 * programs. Open files stay open, and use nothing of the device.
 *
 * Context: Process context. Does not wait for user space.
 */
void irq_user_remove_device(struct irq_user_device *device)
{
	while (device->nr_nodes) {
		irq_user_remove_node(device->nodes[device->nr_nodes - 1]);
		device->nr_nodes--;
	}
	kfree(device);
}
EXPORT_SYMBOL_GPL(irq_user_remove_device);

/**
 * irq_user_add_device - Add nodes for the lines and registers of a device
 * @parent:	The device
 * @lines:	Its lines. A line that user space must not own gets no node
 * @nr_lines:	Number of entries of @lines
 * @mems:	Its registers
 * @nr_mems:	Number of entries of @mems
 *
 * The lines and the registers must exist until irq_user_remove_device() returns.
 *
 * Context: Process context.
 * Returns: The nodes, or an ERR_PTR
 */
struct irq_user_device *
irq_user_add_device(struct device *parent, const struct irq_user_line *lines, unsigned int nr_lines,
		    const struct irq_user_mem *mems, unsigned int nr_mems)
{
	struct irq_user_device *device;
	int ret = 0;

	device = kzalloc_flex(*device, nodes, nr_lines + nr_mems);
	if (!device)
		return ERR_PTR(-ENOMEM);

	device->nr_nodes = 0;
	for (unsigned int i = 0; i < nr_lines && !ret; i++)
		ret = irq_user_add_line(device, parent, &lines[i]);
	for (unsigned int i = 0; i < nr_mems && !ret; i++)
		ret = irq_user_add_mem(device, parent, &mems[i]);
	if (ret) {
		irq_user_remove_device(device);
		return ERR_PTR(ret);
	}
	return device;
}
EXPORT_SYMBOL_GPL(irq_user_add_device);

static int __init irq_user_nodes_init(void)
{
	const unsigned int count = MINORMASK + 1;
	int ret;

	ret = alloc_chrdev_region(&irq_user_first, 0, count, "irq_user");
	if (ret)
		return ret;
	cdev_init(&irq_user_cdev, &irq_user_node_fops);
	ret = cdev_add(&irq_user_cdev, irq_user_first, count);
	if (ret)
		goto err_region;
	ret = class_register(&irq_user_class);
	if (ret)
		goto err_cdev;
	return 0;

err_cdev:
	cdev_del(&irq_user_cdev);
err_region:
	unregister_chrdev_region(irq_user_first, count);
	return ret;
}
subsys_initcall(irq_user_nodes_init);
