// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of the lines of a chip's domain when the chip is removed.
 */

#include <linux/gpio/consumer.h>
#include <linux/gpio/driver.h>
#include <linux/gpio/machine.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/property.h>

#include <kunit/resource.h>
#include <kunit/test.h>

struct provider {
	struct gpio_chip gc;
	struct irq_domain *domain;
	struct fwnode_handle *fwnode;
	unsigned int irq;
	unsigned int asked;
};

static int get(struct gpio_chip *gc, unsigned int offset)
{
	return 0;
}

static int to_irq(struct gpio_chip *gc, unsigned int offset)
{
	struct provider *provider = gpiochip_get_data(gc);

	provider->asked++;
	return irq_create_mapping(provider->domain, offset);
}

static int request_resources(struct irq_data *data)
{
	return 0;
}

static void ignore(struct irq_data *data) { }

/* As a chip of GPIOs, which takes the GPIO when its line is requested */
static struct irq_chip asking_chip = {
	.name = "asking",
	.irq_mask = ignore,
	.irq_unmask = ignore,
	.irq_ack = ignore,
	.irq_request_resources = request_resources,
};

/* As that of a device which GPIOs are a part of */
static struct irq_chip other_chip = {
	.name = "other",
	.irq_mask = ignore,
	.irq_unmask = ignore,
	.irq_ack = ignore,
};

static int map(struct irq_domain *domain, unsigned int irq, irq_hw_number_t hwirq)
{
	irq_set_chip_and_handler(irq, domain->host_data, handle_edge_irq);
	return 0;
}

static const struct irq_domain_ops domain_ops = { .map = map };

static void remove_domain(struct provider *provider)
{
	irq_dispose_mapping(irq_find_mapping(provider->domain, 0));
	irq_domain_remove(provider->domain);
	provider->domain = NULL;
}

/* Adds a chip with a line, which was asked for, and is in a domain of its own. */
static struct provider *add_provider(struct kunit *test, struct irq_chip *chip)
{
	struct provider *provider = kunit_kzalloc(test, sizeof(*provider), GFP_KERNEL);
	struct gpio_chip *gc = &provider->gc;
	struct gpio_desc *desc;

	KUNIT_ASSERT_NOT_NULL(test, provider);
	test->priv = provider;
	provider->fwnode = fwnode_create_software_node(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, provider->fwnode);
	provider->domain = irq_domain_create_linear(provider->fwnode, 1, &domain_ops, chip);
	KUNIT_ASSERT_NOT_NULL(test, provider->domain);

	gc->label = "gpiolib-revoke";
	gc->fwnode = provider->fwnode;
	gc->owner = THIS_MODULE;
	gc->base = -1;
	gc->ngpio = 1;
	gc->get = get;
	gc->to_irq = to_irq;
	KUNIT_ASSERT_EQ(test, 0, gpiochip_add_data(gc, provider));

	desc = gpiochip_request_own_desc(gc, 0, "test", GPIO_ACTIVE_HIGH, GPIOD_ASIS);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, desc);
	provider->irq = gpiod_to_irq(desc);
	KUNIT_EXPECT_GT(test, (int)provider->irq, 0);
	KUNIT_EXPECT_EQ(test, 1, provider->asked);
	gpiochip_free_own_desc(desc);
	return provider;
}

static void revoke_exit(struct kunit *test)
{
	struct provider *provider = test->priv;

	if (provider && provider->domain)
		remove_domain(provider);
	if (provider)
		fwnode_remove_software_node(provider->fwnode);
}

static irqreturn_t handler(int irq, void *data)
{
	return IRQ_HANDLED;
}

static int request_and_free(struct provider *provider)
{
	int ret = request_irq(provider->irq, handler, 0, "test", provider);

	if (!ret)
		free_irq(provider->irq, provider);
	return ret;
}

/* Some drivers remove their domain first. */
static void chip_without_domain_is_not_asked(struct kunit *test)
{
	struct provider *provider = add_provider(test, &asking_chip);

	remove_domain(provider);
	gpiochip_remove(&provider->gc);
	KUNIT_EXPECT_EQ(test, 1, provider->asked);
}

/* What the line needs when it is requested is not there any more. */
static void line_without_chip_is_refused(struct kunit *test)
{
	struct provider *provider = add_provider(test, &asking_chip);

	KUNIT_EXPECT_EQ(test, 0, request_and_free(provider));
	gpiochip_remove(&provider->gc);
	if (IS_ENABLED(CONFIG_IRQ_USER))
		KUNIT_EXPECT_EQ(test, -EINVAL, request_and_free(provider));
}

/* It may be of a device that the chip is only a part of. */
static void line_without_need_stays(struct kunit *test)
{
	struct provider *provider = add_provider(test, &other_chip);

	gpiochip_remove(&provider->gc);
	KUNIT_EXPECT_EQ(test, 0, request_and_free(provider));
}

static struct kunit_case revoke_cases[] = {
	KUNIT_CASE(chip_without_domain_is_not_asked),
	KUNIT_CASE(line_without_chip_is_refused),
	KUNIT_CASE(line_without_need_stays),
	{ }
};

static struct kunit_suite revoke_suite = {
	.name = "gpiolib-revoke",
	.test_cases = revoke_cases,
	.exit = revoke_exit,
};

kunit_test_suite(revoke_suite);

MODULE_DESCRIPTION("Tests of what gpiolib takes back when a chip is removed");
MODULE_LICENSE("GPL");
