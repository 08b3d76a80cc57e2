/* SPDX-License-Identifier: GPL-2.0 */
/* Gives each test an INTx line, or skips it. A test includes this file once. */
#ifndef IRQ_USER_LINE_FIXTURE_H
#define IRQ_USER_LINE_FIXTURE_H

#include "../kselftest_harness.h"
#include "line.h"

FIXTURE(intx)
{
	struct line line;
};

FIXTURE_SETUP(intx)
{
	const char *why = line_setup(&self->line);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(intx)
{
	line_leave(&self->line);
}

#endif /* IRQ_USER_LINE_FIXTURE_H */
