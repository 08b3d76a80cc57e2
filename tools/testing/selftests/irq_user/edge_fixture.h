/* SPDX-License-Identifier: GPL-2.0 */
/* Gives each test a free edge-triggered line, or skips it. A test includes this file once. */
#ifndef IRQ_USER_EDGE_FIXTURE_H
#define IRQ_USER_EDGE_FIXTURE_H

#include "../kselftest_harness.h"
#include "line.h"

/* An edge is one event, whenever the line is armed. Arming it more often adds none. */
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
