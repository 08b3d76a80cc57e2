// SPDX-License-Identifier: GPL-2.0
/*
 * PCI devices: MSI-X vectors, MSI vectors or INTx, as chosen for each device
 *
 * While a device is bound, the choice is an attribute of the device. A write to the
 * attribute sets the device up again: its nodes are removed, and new nodes are added.
 *
 * INTx is unmasked in the device only while its line is armed. A device that cannot mask
 * INTx must not share its line.
 */
#include <linux/cleanup.h>
#include <linux/interrupt.h>
#include <linux/irq_user_node.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "irq_user.h"

/* The bound on the vectors of a device: when it is bound, and the highest */
#define DEFAULT_VECTORS	64
#define MAX_VECTORS	2048

/* The kinds of interrupts, in order of preference */
static const struct {
	const char *name;
	const char *line;
	unsigned int flag;
} types[] = {
	{ "msix",	"msix%d",	PCI_IRQ_MSIX },
	{ "msi",	"msi%d",	PCI_IRQ_MSI },
	{ "intx",	"intx",		PCI_IRQ_INTX },
};

/**
 * struct card - A PCI device that is bound
 * @pdev:	The device
 * @wanted:	The kinds of interrupts to choose from, PCI_IRQ_*
 * @vectors:	The maximum number of vectors
 * @type:	The index of the chosen kind in types, or -1
 * @intx:	The device's share of its INTx line; NULL if another kind was chosen or the
 *		device cannot mask INTx
 * @nodes:	The nodes; NULL if setting the device up again has failed
 * @failed:	A PCI error was reported, and the device has not resumed
 * @decodes:	The kinds of registers that were enabled, PCI_COMMAND_IO and PCI_COMMAND_MEMORY
 * @nr_mems:	Number of entries of @mems
 * @mems:	The registers that can be mapped
 */
struct card {
	struct pci_dev		*pdev;
	/** @lock: Protects the fields below, except @decodes, @nr_mems and @mems */
	struct mutex		lock;
	unsigned int		wanted;
	unsigned int		vectors;
	int			type;
	struct irq_user_intx	*intx;
	struct irq_user_device	*nodes;
	bool			failed;
	u16			decodes;
	unsigned int		nr_mems;
	struct irq_user_mem	mems[PCI_STD_NUM_BARS];
};

static bool has_type(struct pci_dev *pdev, unsigned int flag)
{
	switch (flag) {
	case PCI_IRQ_MSIX:
		return pdev->msix_cap;
	case PCI_IRQ_MSI:
		return pdev->msi_cap;
	default:
		return pdev->irq && pdev->irq != IRQ_NOTCONNECTED;
	}
}

/* Allocates lines of a kind. Returns their number or -errno. */
static int alloc_type(struct card *card, unsigned int flag)
{
	struct pci_dev *pdev = card->pdev;
	int ret;

	if (flag == PCI_IRQ_INTX) {
		card->intx = irq_user_share_intx(pdev);
		if (!card->intx)
			return pci_alloc_irq_vectors(pdev, 1, 1, flag);
		ret = PTR_ERR_OR_ZERO(card->intx);
		if (ret)
			card->intx = NULL;
		return ret ?: 1;
	}

	/* The device sends a message by a write to memory, as a bus master */
	pci_set_master(pdev);
	ret = pci_alloc_irq_vectors(pdev, 1, card->vectors, flag);
	if (ret < 0)
		pci_clear_master(pdev);
	else if (pdev->dev_flags & PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG)
		pci_intx(pdev, 1); /* Where INTx is masked, this device sends no message */
	/* EINVAL means that the machine has no MSI */
	return ret == -EINVAL ? -ENODEV : ret;
}

/* Allocates lines of the first wanted kind that it can. Returns their number or -errno. */
static int alloc_lines(struct card *card)
{
	int ret = -ENODEV;

	for (int i = 0; i < ARRAY_SIZE(types); i++) {
		unsigned int flag = types[i].flag & card->wanted;

		if (!flag || !has_type(card->pdev, flag))
			continue;
		ret = alloc_type(card, flag);
		if (ret > 0) {
			card->type = i;
			return ret;
		}
	}
	return ret;
}

static void free_lines(struct card *card)
{
	if (card->type < 0)
		return;
	if (card->intx)
		irq_user_unshare_intx(card->intx);
	card->intx = NULL;
	/* The program may have left the device with a pending interrupt */
	pci_intx(card->pdev, 0);
	pci_free_irq_vectors(card->pdev);
	if (types[card->type].flag != PCI_IRQ_INTX)
		pci_clear_master(card->pdev);
	card->type = -1;
}

/* Returns the number of a line. */
static unsigned int line_of(struct card *card, unsigned int index)
{
	return card->intx ? irq_user_intx_line(card->intx) : pci_irq_vector(card->pdev, index);
}

static int add_nodes(struct card *card, unsigned int nr_lines)
{
	struct irq_user_line *lines __free(kvfree) = NULL;
	struct irq_user_device *nodes;

	lines = kvcalloc(nr_lines, sizeof(*lines), GFP_KERNEL);
	if (!lines)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr_lines; i++) {
		lines[i].irq = line_of(card, i);
		snprintf(lines[i].name, IRQ_USER_NAME_LEN, types[card->type].line, i);
	}

	nodes = irq_user_add_device(&card->pdev->dev, lines, nr_lines, card->mems, card->nr_mems);
	if (IS_ERR(nodes))
		return PTR_ERR(nodes);
	card->nodes = nodes;
	return 0;
}

static void take_down(struct card *card)
{
	if (card->nodes)
		irq_user_remove_device(card->nodes);
	card->nodes = NULL;
	free_lines(card);
}

/* If @may_have_none, a device without interrupts gets nodes for its registers alone. */
static int set_up(struct card *card, bool may_have_none)
{
	int nr, ret;

	nr = alloc_lines(card);
	if (nr < 0) {
		if (!may_have_none)
			return nr;
		nr = 0;
	}
	ret = add_nodes(card, nr);
	if (ret)
		free_lines(card);
	return ret;
}

/* Sets the device up with the new values. If that fails, restores the old values. */
static int set_up_anew(struct card *card, unsigned int wanted, unsigned int bound)
{
	const unsigned int old_wanted = card->wanted, old_bound = card->vectors;
	int ret;

	lockdep_assert_held(&card->lock);
	if (card->failed)
		return -EIO;
	take_down(card);
	card->wanted = wanted;
	card->vectors = bound;
	ret = set_up(card, false);
	if (!ret)
		return 0;

	card->wanted = old_wanted;
	card->vectors = old_bound;
	if (set_up(card, true))
		pci_warn(card->pdev, "cannot set the device up again\n");
	return ret;
}

/*
 * Changes the wanted kinds of interrupts, if @wanted is not 0, and the maximum number of
 * vectors, if @bound is not 0.
 *
 * A reset restores the device's messages under the device's lock. The messages must not
 * be freed at that time, so this function takes the lock. It does not wait for the lock:
 * unbinding the device holds the lock while it waits for this function.
 */
static int change(struct device *dev, unsigned int wanted, unsigned int bound)
{
	struct card *card = dev_get_drvdata(dev);
	int ret;

	if (!device_trylock(dev))
		return restart_syscall();
	scoped_guard(mutex, &card->lock)
		ret = set_up_anew(card, wanted ?: card->wanted, bound ?: card->vectors);
	device_unlock(dev);
	return ret;
}

static ssize_t irq_user_type_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct card *card = dev_get_drvdata(dev);

	guard(mutex)(&card->lock);
	return sysfs_emit(buf, "%s\n", card->type < 0 ? "none" : types[card->type].name);
}

static ssize_t irq_user_type_store(struct device *dev, struct device_attribute *attr,
				   const char *buf, size_t count)
{
	unsigned int wanted = 0;

	for (int i = 0; i < ARRAY_SIZE(types); i++) {
		if (sysfs_streq(buf, types[i].name) || sysfs_streq(buf, "auto"))
			wanted |= types[i].flag;
	}
	if (!wanted)
		return -EINVAL;

	return change(dev, wanted, 0) ?: count;
}
static DEVICE_ATTR_RW(irq_user_type);

static ssize_t irq_user_vectors_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct card *card = dev_get_drvdata(dev);

	guard(mutex)(&card->lock);
	return sysfs_emit(buf, "%u\n", card->vectors);
}

static ssize_t irq_user_vectors_store(struct device *dev, struct device_attribute *attr,
				      const char *buf, size_t count)
{
	unsigned int bound;
	int ret;

	ret = kstrtouint(buf, 0, &bound);
	if (ret)
		return ret;
	if (!bound || bound > MAX_VECTORS)
		return -EINVAL;

	return change(dev, 0, bound) ?: count;
}
static DEVICE_ATTR_RW(irq_user_vectors);

static struct attribute *irq_user_pci_attrs[] = {
	&dev_attr_irq_user_type.attr,
	&dev_attr_irq_user_vectors.attr,
	NULL
};
ATTRIBUTE_GROUPS(irq_user_pci);

/* Reserves the registers that can be mapped */
static void reserve_mems(struct card *card)
{
	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		struct resource *res = &card->pdev->resource[bar];
		struct irq_user_mem *mem = &card->mems[card->nr_mems];

		if (!(pci_resource_flags(card->pdev, bar) & IORESOURCE_MEM) ||
		    !irq_user_has_whole_pages(res))
			continue;
		if (pcim_request_region(card->pdev, bar, IRQ_USER_DRIVER)) {
			pci_info(card->pdev, "BAR %d is in use, so it has no node\n", bar);
			continue;
		}
		mem->start = res->start;
		mem->size = resource_size(res);
		snprintf(mem->name, IRQ_USER_NAME_LEN, "mem%d", bar);
		card->nr_mems++;
	}
}

/* If the machine has no room for the device's ports, interrupts work without them */
static int enable(struct pci_dev *pdev)
{
	return pci_enable_device(pdev) ? pci_enable_device_mem(pdev) : 0;
}

/*
 * If the device is disabled, leaves INTx masked: enabling the device for another driver
 * unmasks it. If the device stays enabled, because sysfs enabled it before, unmasks INTx.
 * If the device interrupts now, INTx stays masked for the sake of the other functions on
 * the line.
 */
static void give_intx_back(struct pci_dev *pdev)
{
	if (pci_is_enabled(pdev))
		pci_check_and_unmask_intx(pdev);
}

static int irq_user_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct card *card;
	int ret;

	/* A bridge has devices below it, not only registers */
	if (!irq_user_is_wanted(&pdev->dev) || pdev->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return -ENODEV;

	card = devm_kzalloc(&pdev->dev, sizeof(*card), GFP_KERNEL);
	if (!card)
		return -ENOMEM;
	card->pdev = pdev;
	card->wanted = PCI_IRQ_ALL_TYPES;
	card->vectors = DEFAULT_VECTORS;
	card->type = -1;
	ret = devm_mutex_init(&pdev->dev, &card->lock);
	if (ret)
		return ret;

	/*
	 * For slot_reset: the configuration may have changed since the kernel saved it. The PM
	 * core saves it anew.
	 */
	pci_save_state(pdev);
	pdev->state_saved = false;

	/* The program that drove the device last may have left it interrupting, or a bus master */
	pci_intx(pdev, 0);
	pci_clear_master(pdev);
	ret = enable(pdev);
	if (ret)
		goto err;
	pci_read_config_word(pdev, PCI_COMMAND, &card->decodes);
	card->decodes &= PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	reserve_mems(card);

	scoped_guard(mutex, &card->lock)
		ret = set_up(card, true);
	if (ret) {
		pci_disable_device(pdev);
		goto err;
	}
	if (card->type < 0)
		pci_info(pdev, "the device has no interrupt\n");
	/* The driver core adds the attributes, which use this, after probe */
	pci_set_drvdata(pdev, card);
	return 0;

err:
	give_intx_back(pdev);
	return ret;
}

static void irq_user_pci_remove(struct pci_dev *pdev)
{
	struct card *card = pci_get_drvdata(pdev);

	scoped_guard(mutex, &card->lock)
		take_down(card);
	pci_disable_device(pdev);
	give_intx_back(pdev);
}

/* The device must not interrupt the kernel that is booted next */
static void irq_user_pci_shutdown(struct pci_dev *pdev)
{
	struct card *card = pci_get_drvdata(pdev);

	guard(mutex)(&card->lock);
	take_down(card);
}

static void irq_user_pci_reset_prepare(struct pci_dev *pdev)
{
	struct card *card = pci_get_drvdata(pdev);

	guard(mutex)(&card->lock);
	if (card->intx)
		irq_user_suspend_intx(card->intx);
}

static void irq_user_pci_reset_done(struct pci_dev *pdev)
{
	struct card *card = pci_get_drvdata(pdev);

	guard(mutex)(&card->lock);
	if (card->intx)
		irq_user_resume_intx(card->intx);
}

/*
 * The program learns of an error by the end of its lines and mappings. The device has new nodes
 * when it resumes.
 */
static void take_down_failed(struct card *card)
{
	guard(mutex)(&card->lock);
	card->failed = true;
	take_down(card);
}

static pci_ers_result_t irq_user_pci_error_detected(struct pci_dev *pdev,
						    pci_channel_state_t state)
{
	take_down_failed(pci_get_drvdata(pdev));
	switch (state) {
	case pci_channel_io_normal:
		/* A reset would affect other devices, too */
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_perm_failure:
		return PCI_ERS_RESULT_DISCONNECT;
	default:
		return PCI_ERS_RESULT_NEED_RESET;
	}
}

static pci_ers_result_t irq_user_pci_slot_reset(struct pci_dev *pdev)
{
	struct card *card = pci_get_drvdata(pdev);
	u16 command;

	/* If the device was bound after the error was reported, it has nodes */
	take_down_failed(card);

	/* What was saved may be of an armed line, or of the device before it was bound */
	pci_restore_state(pdev);
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command))
		return PCI_ERS_RESULT_DISCONNECT;
	command &= ~PCI_COMMAND_MASTER;
	command |= card->decodes | PCI_COMMAND_INTX_DISABLE;
	pci_write_config_word(pdev, PCI_COMMAND, command);
	return PCI_ERS_RESULT_RECOVERED;
}

static void irq_user_pci_resume(struct pci_dev *pdev)
{
	struct card *card = pci_get_drvdata(pdev);

	guard(mutex)(&card->lock);
	if (!card->failed)
		return;
	card->failed = false;
	if (set_up(card, true))
		pci_warn(pdev, "cannot set the device up again\n");
}

static const struct pci_error_handlers irq_user_pci_err_handler = {
	.error_detected	= irq_user_pci_error_detected,
	.slot_reset	= irq_user_pci_slot_reset,
	.resume		= irq_user_pci_resume,
	.reset_prepare	= irq_user_pci_reset_prepare,
	.reset_done	= irq_user_pci_reset_done,
};

static struct pci_driver irq_user_pci_driver = {
	.name		= IRQ_USER_DRIVER,
	.probe		= irq_user_pci_probe,
	.remove		= irq_user_pci_remove,
	.shutdown	= irq_user_pci_shutdown,
	.dev_groups	= irq_user_pci_groups,
	.err_handler	= &irq_user_pci_err_handler,
	.keep_intx_masked = true,
};

int irq_user_register_pci(void)
{
	return pci_register_driver(&irq_user_pci_driver);
}

void irq_user_unregister_pci(void)
{
	pci_unregister_driver(&irq_user_pci_driver);
}
