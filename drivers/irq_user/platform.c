// SPDX-License-Identifier: GPL-2.0
/*
 * Devices of the platform bus, described by a device tree or ACPI
 *
 * While a device is bound, its interrupts are mapped, its clocks and power are on, and the
 * memory that has a node is reserved.
 */
#include <linux/clk.h>
#include <linux/ctype.h>
#include <linux/irq_user_node.h>
#include <linux/of_irq.h>
#include <linux/platform_device.h>
#include <linux/pm_runtime.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "irq_user.h"

/* Returns whether the name could be that of a memory node or of an unnamed line. */
static bool is_reserved(const char *name)
{
	if (!strncmp(name, "mem", 3) && name[3])
		name += 3;
	return !name[strspn(name, "0123456789")];
}

/*
 * Gives a line its name in firmware, and replaces characters that the name of a file
 * cannot have. A line without a unique valid name is named by its index.
 */
static void name_line(struct irq_user_line *lines, unsigned int index, const char *name)
{
	char *own = lines[index].name;
	ssize_t len;

	len = name ? strscpy(own, name, IRQ_USER_NAME_LEN) : 0;
	for (char *c = own; *c; c++) {
		if (!isascii(*c) || !isgraph(*c) || *c == '/' || *c == '!')
			*c = '_';
	}

	if (len <= 0 || is_reserved(own) || !strcmp(own, ".") || !strcmp(own, ".."))
		goto unnamed;
	for (unsigned int i = 0; i < index; i++) {
		if (!strcmp(lines[i].name, own))
			goto unnamed;
	}
	return;

unnamed:
	snprintf(own, IRQ_USER_NAME_LEN, "%u", index);
}

/* Returns the number of the device's interrupts, or -errno if some cannot be mapped. */
static int count_lines(struct platform_device *pdev)
{
	int nr;

	/* In firmware, line 0 means that there is none. The core would warn of it. */
	for (unsigned int i = 0; i < pdev->num_resources; i++) {
		if (resource_type(&pdev->resource[i]) == IORESOURCE_IRQ &&
		    !pdev->resource[i].start)
			return -EINVAL;
	}

	nr = platform_irq_count(pdev);
	if (nr >= 0 && nr < of_irq_count(pdev->dev.of_node))
		return -EINVAL;
	return nr;
}

/* Maps all interrupts. Returns their number or -errno. */
static int map_lines(struct platform_device *pdev, struct irq_user_line **lines)
{
	const char **names;
	int nr, nr_names;

	nr = count_lines(pdev);
	if (nr <= 0)
		return nr;

	*lines = devm_kcalloc(&pdev->dev, nr, sizeof(**lines), GFP_KERNEL);
	names = devm_kcalloc(&pdev->dev, nr, sizeof(*names), GFP_KERNEL);
	if (!*lines || !names)
		return -ENOMEM;
	nr_names = device_property_read_string_array(&pdev->dev, "interrupt-names", names, nr);

	for (int i = 0; i < nr; i++) {
		int irq = platform_get_irq(pdev, i);

		if (irq < 0)
			return irq;
		(*lines)[i].irq = irq;
		name_line(*lines, i, i < nr_names ? names[i] : NULL);
	}
	return nr;
}

/*
 * Reserves registers, in parts if necessary: firmware may describe a part of them twice, and
 * the kernel refuses a reservation that contains a described part or crosses its end. Returns
 * false if a driver has reserved any of the registers. A part that firmware describes as
 * another device's is reserved as well, so that device cannot be bound then.
 */
static bool reserve_mem(struct platform_device *pdev, const struct resource *res)
{
	resource_size_t start = res->start, left = resource_size(res), size;
	void *parts = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);

	if (!parts)
		return false;
	for (; left; start += size, left -= size) {
		size = left;
		while (!devm_request_mem_region(&pdev->dev, start, size, dev_name(&pdev->dev))) {
			size >>= 1;
			if (!size) {
				devres_release_group(&pdev->dev, parts);
				return false;
			}
		}
	}
	devres_remove_group(&pdev->dev, parts);
	return true;
}

/* Reserves the registers that can be mapped. Returns the number of their ranges or -errno. */
static int reserve_mems(struct platform_device *pdev, struct irq_user_mem **mems)
{
	struct resource *res;
	int nr = 0;

	*mems = devm_kcalloc(&pdev->dev, pdev->num_resources, sizeof(**mems), GFP_KERNEL);
	if (pdev->num_resources && !*mems)
		return -ENOMEM;

	for (int i = 0; (res = platform_get_resource(pdev, IORESOURCE_MEM, i)); i++) {
		struct irq_user_mem *mem = *mems + nr;

		if (!irq_user_has_whole_pages(res))
			continue;
		if (!reserve_mem(pdev, res)) {
			dev_info(&pdev->dev, "%pR is in use, so it has no node\n", res);
			continue;
		}
		mem->start = res->start;
		mem->size = resource_size(res);
		mem->nonposted = res->flags & IORESOURCE_MEM_NONPOSTED;
		snprintf(mem->name, IRQ_USER_NAME_LEN, "mem%d", i);
		nr++;
	}
	return nr;
}

static int power_on(struct platform_device *pdev)
{
	struct clk_bulk_data *clks;
	int ret;

	ret = devm_clk_bulk_get_all_enabled(&pdev->dev, &clks);
	if (ret < 0)
		return dev_err_probe(&pdev->dev, ret, "cannot switch on the clocks\n");

	pm_runtime_enable(&pdev->dev);
	ret = pm_runtime_resume_and_get(&pdev->dev);
	if (ret) {
		pm_runtime_disable(&pdev->dev);
		return dev_err_probe(&pdev->dev, ret, "cannot switch on the power\n");
	}
	return 0;
}

static void power_off(struct platform_device *pdev)
{
	pm_runtime_put_sync(&pdev->dev);
	pm_runtime_disable(&pdev->dev);
}

static int irq_user_platform_probe(struct platform_device *pdev)
{
	struct irq_user_line *lines = NULL;
	struct irq_user_device *nodes;
	struct irq_user_mem *mems;
	int nr_lines, nr_mems, ret;

	if (!irq_user_is_wanted(&pdev->dev))
		return -ENODEV;

	nr_lines = map_lines(pdev, &lines);
	if (nr_lines < 0)
		return dev_err_probe(&pdev->dev, nr_lines, "cannot map the interrupts\n");
	nr_mems = reserve_mems(pdev, &mems);
	if (nr_mems < 0)
		return nr_mems;
	ret = power_on(pdev);
	if (ret)
		return ret;

	nodes = irq_user_add_device(&pdev->dev, lines, nr_lines, mems, nr_mems);
	if (IS_ERR(nodes)) {
		power_off(pdev);
		return dev_err_probe(&pdev->dev, PTR_ERR(nodes), "cannot make the nodes\n");
	}
	platform_set_drvdata(pdev, nodes);
	if (!nr_lines)
		dev_info(&pdev->dev, "the device has no interrupt\n");
	return 0;
}

static void irq_user_platform_remove(struct platform_device *pdev)
{
	irq_user_remove_device(platform_get_drvdata(pdev));
	power_off(pdev);
}

static struct platform_driver irq_user_platform_driver = {
	.probe		= irq_user_platform_probe,
	.remove		= irq_user_platform_remove,
	.driver.name	= IRQ_USER_DRIVER,
};

int irq_user_register_platform(void)
{
	return platform_driver_register(&irq_user_platform_driver);
}

void irq_user_unregister_platform(void)
{
	platform_driver_unregister(&irq_user_platform_driver);
}
