/* SPDX-License-Identifier: GPL-2.0 */
/* Gives each test a free edge-triggered line, or skips it. To be included once, by a test. */
#ifndef IRQ_USER_EDGE_FIXTURE_H
#define IRQ_USER_EDGE_FIXTURE_H

#include "../kselftest_harness.h"
#include "line.h"

/* An edge is one event, whenever the line is armed: to arm it too often adds none. */
FIXTURE(edge)
{
	struct line line;
};

FIXTURE_SETUP(edge)
{
	const char *why = line_setup_edge(&self->line);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(edge)
{
	line_teardown(&self->line);
}

#endif /* IRQ_USER_EDGE_FIXTURE_H */
