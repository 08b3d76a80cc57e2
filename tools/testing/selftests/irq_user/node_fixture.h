/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gives each test a device that is bound to irq_user, or skips it. A test includes this file
 * once.
 */
#ifndef IRQ_USER_NODE_FIXTURE_H
#define IRQ_USER_NODE_FIXTURE_H

#include "../kselftest_harness.h"
#include "igb.h"
#include "node.h"

/* A card with eight vectors of MSI-X. Its registers are mapped through their node. */
FIXTURE(card)
{
	struct line line;
};

FIXTURE_SETUP(card)
{
	const char *why = igb_setup(&self->line);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(card)
{
	igb_teardown(&self->line);
}

#endif /* IRQ_USER_NODE_FIXTURE_H */
