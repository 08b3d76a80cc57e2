// SPDX-License-Identifier: GPL-2.0
/*
 * The node of a device's registers: it can be mapped, and nothing else
 *
 * Each node has an inode of its own, and all files of the node use that inode's mapping.
 * So removal finds all areas that map the registers, whichever inode was opened.
 *
 * When a program first touches a page, the page is entered in its page table under the
 * node's lock. Removal sets @gone under that lock and then unmaps all pages. No page is
 * entered after @gone is set.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pfn.h>
#include <linux/pseudo_fs.h>
#include <linux/security.h>
#include <linux/seq_file.h>

#include "user_node.h"

#define IRQ_USER_MAGIC	0x69727175	/* "irqu" */

static struct vfsmount *irq_user_mnt;

static int irq_user_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, IRQ_USER_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type irq_user_fs_type = {
	.name			= "irq_user",
	.init_fs_context	= irq_user_init_fs_context,
	.kill_sb		= kill_anon_super,
};

int irq_user_mem_init(struct irq_user_node *node, const struct irq_user_mem *mem)
{
	struct inode *inode;

	if (IS_ERR(irq_user_mnt))
		return PTR_ERR(irq_user_mnt);
	inode = alloc_anon_inode(irq_user_mnt->mnt_sb);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	node->inode = inode;
	node->start = mem->start;
	node->size = mem->size;
	node->nonposted = mem->nonposted;
	return 0;
}

/* Enters the pages around the fault that belong to the same page table */
static vm_fault_t mem_fault(struct vm_fault *vmf)
{
	struct irq_user_node *node = vmf->vma->vm_private_data;
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr, end;
	vm_fault_t ret;

	addr = max(vmf->address & PMD_MASK, vma->vm_start);
	end = min((vmf->address & PMD_MASK) + PMD_SIZE - 1, vma->vm_end - 1);

	guard(mutex)(&node->lock);
	if (node->gone)
		return VM_FAULT_SIGBUS;
	for (; addr <= end; addr += PAGE_SIZE) {
		ret = vmf_insert_pfn(vma, addr,
				     PHYS_PFN(node->start) + linear_page_index(vma, addr));
		if (ret != VM_FAULT_NOPAGE)
			return ret;
	}
	return VM_FAULT_NOPAGE;
}

static const struct vm_operations_struct mem_vm_ops = {
	.fault	= mem_fault,
};

static int mem_mmap_prepare(struct vm_area_desc *desc)
{
	struct irq_user_node *node = desc->file->private_data;
	unsigned long pages = node->size >> PAGE_SHIFT;
	pgprot_t prot = desc->page_prot;

	/* A private page would be a copy, which the device does not see */
	if (!vma_desc_test(desc, VMA_MAYSHARE_BIT))
		return -EINVAL;
	if (desc->pgoff >= pages || vma_desc_pages(desc) > pages - desc->pgoff)
		return -EINVAL;
	scoped_guard(mutex, &node->lock) {
		if (node->gone)
			return -ENODEV;
	}

	vma_desc_set_flags(desc, VMA_IO_BIT, VMA_PFNMAP_BIT, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);
	/* As ioremap() or ioremap_np() maps them for a driver */
	prot = node->nonposted ? pgprot_noncached(prot) : pgprot_device(prot);
	desc->page_prot = pgprot_decrypted(prot);
	desc->private_data = node;
	desc->vm_ops = &mem_vm_ops;
	return 0;
}

static int mem_release(struct inode *inode, struct file *file)
{
	struct irq_user_node *node = file->private_data;

	put_device(&node->dev);
	return 0;
}

static void mem_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct irq_user_node *node = file->private_data;

	seq_printf(seq, "size:\t%llu\nnode:\t%s\n", (u64)node->size, node->path);
}

static const struct file_operations mem_fops = {
	.mmap_prepare	= mem_mmap_prepare,
	.release	= mem_release,
	.show_fdinfo	= mem_show_fdinfo,
	.llseek		= noop_llseek,
};

static int mem_open(struct irq_user_node *node, struct inode *inode, struct file *file)
{
	int ret = security_locked_down(LOCKDOWN_IRQ_USER);

	if (ret)
		return ret;
	get_device(&node->dev);
	file->private_data = node;
	file->f_mapping = node->inode->i_mapping;
	file->f_op = &mem_fops;
	return 0;
}

static void mem_end(struct irq_user_node *node)
{
	unmap_mapping_range(node->inode->i_mapping, 0, 0, true);
}

static void mem_kind_release(struct irq_user_node *node)
{
	iput(node->inode);
}

static ssize_t size_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", (u64)to_irq_user_node(dev)->size);
}
static DEVICE_ATTR_RO(size);

static struct attribute *mem_attrs[] = {
	&dev_attr_size.attr,
	NULL
};
ATTRIBUTE_GROUPS(mem);

static int mem_uevent(const struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "IRQ_SIZE=%llu", (u64)to_irq_user_node(dev)->size);
}

const struct irq_user_node_kind irq_user_mem_kind = {
	.type = {
		.name	= "irq_user_mem",
		.groups	= mem_groups,
		.uevent	= mem_uevent,
	},
	.open		= mem_open,
	.end		= mem_end,
	.release	= mem_kind_release,
};

static int __init irq_user_mem_nodes_init(void)
{
	irq_user_mnt = kern_mount(&irq_user_fs_type);
	return PTR_ERR_OR_ZERO(irq_user_mnt);
}
fs_initcall(irq_user_mem_nodes_init);
