// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of the lines of a chip's domain when the chip is removed.
 */

#include <linux/gpio/consumer.h>
#include <linux/gpio/driver.h>
#include <linux/gpio/machine.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_line_info.h>
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
	bool is_added;
};

static int gpiolib_revoke_get(struct gpio_chip *gc, unsigned int offset)
{
	return 0;
}

static int gpiolib_revoke_to_irq(struct gpio_chip *gc, unsigned int offset)
{
	struct provider *provider = gpiochip_get_data(gc);

	provider->asked++;
	return irq_create_mapping(provider->domain, offset);
}

static int gpiolib_revoke_request_resources(struct irq_data *data)
{
	return 0;
}

static void gpiolib_revoke_ignore(struct irq_data *data) { }

/* As a chip of GPIOs, which takes the GPIO when its line is requested */
static struct irq_chip asking_chip = {
	.name = "asking",
	.irq_mask = gpiolib_revoke_ignore,
	.irq_unmask = gpiolib_revoke_ignore,
	.irq_ack = gpiolib_revoke_ignore,
	.irq_request_resources = gpiolib_revoke_request_resources,
};

/* As that of a device which GPIOs are a part of */
static struct irq_chip other_chip = {
	.name = "other",
	.irq_mask = gpiolib_revoke_ignore,
	.irq_unmask = gpiolib_revoke_ignore,
	.irq_ack = gpiolib_revoke_ignore,
};

static int gpiolib_revoke_map(struct irq_domain *domain, unsigned int irq, irq_hw_number_t hwirq)
{
	irq_set_chip_and_handler(irq, domain->host_data, handle_edge_irq);
	return 0;
}

static const struct irq_domain_ops domain_ops = { .map = gpiolib_revoke_map };

static void remove_domain(struct provider *provider)
{
	irq_dispose_mapping(irq_find_mapping(provider->domain, 0));
	irq_domain_remove(provider->domain);
	provider->domain = NULL;
}

static void remove_chip(struct provider *provider)
{
	gpiochip_remove(&provider->gc);
	provider->is_added = false;
}

/* Called when a test ends, also if an assertion failed */
static void remove_provider(void *data)
{
	struct provider *provider = data;

	if (provider->is_added)
		remove_chip(provider);
	if (provider->domain)
		remove_domain(provider);
	if (!IS_ERR_OR_NULL(provider->fwnode))
		fwnode_remove_software_node(provider->fwnode);
}

static void add_chip(struct kunit *test, struct provider *provider)
{
	struct gpio_chip *gc = &provider->gc;

	memset(gc, 0, sizeof(*gc));
	gc->label = "gpiolib-revoke";
	gc->fwnode = provider->fwnode;
	gc->owner = THIS_MODULE;
	gc->base = -1;
	gc->ngpio = 1;
	gc->get = gpiolib_revoke_get;
	gc->to_irq = gpiolib_revoke_to_irq;
	KUNIT_ASSERT_EQ(test, 0, gpiochip_add_data(gc, provider));
	provider->is_added = true;
}

/* Adds a chip with a line, which was asked for, and is in a domain of its own. */
static struct provider *add_provider(struct kunit *test, struct irq_chip *chip)
{
	struct provider *provider = kunit_kzalloc(test, sizeof(*provider), GFP_KERNEL);
	struct gpio_desc *desc;

	KUNIT_ASSERT_NOT_NULL(test, provider);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, remove_provider, provider));
	provider->fwnode = fwnode_create_software_node(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, provider->fwnode);
	provider->domain = irq_domain_create_linear(provider->fwnode, 1, &domain_ops, chip);
	KUNIT_ASSERT_NOT_NULL(test, provider->domain);
	add_chip(test, provider);

	desc = gpiochip_request_own_desc(&provider->gc, 0, "test", GPIO_ACTIVE_HIGH, GPIOD_ASIS);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, desc);
	provider->irq = gpiod_to_irq(desc);
	gpiochip_free_own_desc(desc);
	KUNIT_ASSERT_GT(test, (int)provider->irq, 0);
	KUNIT_EXPECT_EQ(test, 1, provider->asked);
	return provider;
}

static irqreturn_t gpiolib_revoke_handler(int irq, void *data)
{
	return IRQ_HANDLED;
}

/* What a driver can do, whether user space can own the line or not */
static void expect_request(struct kunit *test, struct provider *provider)
{
	int ret = request_irq(provider->irq, gpiolib_revoke_handler, 0, "test", provider);

	KUNIT_EXPECT_EQ(test, 0, ret);
	if (!ret)
		free_irq(provider->irq, provider);
}

static bool user_may_own(struct provider *provider)
{
	struct irq_line_info info;

	return !irq_get_line_info(provider->irq, &info) && info.requestable && !info.kernel_only;
}

/* Some drivers remove their domain first. */
static void chip_without_domain_is_not_asked(struct kunit *test)
{
	struct provider *provider = add_provider(test, &asking_chip);

	remove_domain(provider);
	remove_chip(provider);
	KUNIT_EXPECT_EQ(test, 1, provider->asked);
}

/* What the line needs when it is requested is not there any more. */
static void line_without_chip_is_refused_to_user_space(struct kunit *test)
{
	struct provider *provider = add_provider(test, &asking_chip);

	KUNIT_EXPECT_TRUE(test, user_may_own(provider));
	remove_chip(provider);
	KUNIT_EXPECT_FALSE(test, user_may_own(provider));
}

/* The domain may be that of a device, whose other drivers stay. */
static void line_without_chip_can_be_requested(struct kunit *test)
{
	struct provider *provider = add_provider(test, &asking_chip);

	remove_chip(provider);
	expect_request(test, provider);
}

static void line_of_a_chip_that_is_back_is_allowed(struct kunit *test)
{
	struct provider *provider = add_provider(test, &asking_chip);

	remove_chip(provider);
	add_chip(test, provider);
	KUNIT_EXPECT_TRUE(test, user_may_own(provider));
	expect_request(test, provider);
}

/* It may be of a device that the chip is only a part of. */
static void line_without_need_stays(struct kunit *test)
{
	struct provider *provider = add_provider(test, &other_chip);

	remove_chip(provider);
	KUNIT_EXPECT_TRUE(test, user_may_own(provider));
	expect_request(test, provider);
}

static struct kunit_case revoke_cases[] = {
	KUNIT_CASE(chip_without_domain_is_not_asked),
	KUNIT_CASE(line_without_chip_is_refused_to_user_space),
	KUNIT_CASE(line_without_chip_can_be_requested),
	KUNIT_CASE(line_of_a_chip_that_is_back_is_allowed),
	KUNIT_CASE(line_without_need_stays),
	{ }
};

static struct kunit_suite revoke_suite = {
	.name = "gpiolib-revoke",
	.test_cases = revoke_cases,
};

kunit_test_suite(revoke_suite);

MODULE_DESCRIPTION("Tests of interrupt lines whose GPIO chip is removed");
MODULE_LICENSE("GPL");
