/* SPDX-License-Identifier: GPL-2.0 */
/* How many events the tests have that count them. */
#ifndef IRQ_USER_EVENTS_H
#define IRQ_USER_EVENTS_H

#include <stdlib.h>

/*
 * Returns how many events a test is to have: as many as IRQ_USER_EVENTS in the
 * environment says, or else 1000; but not more than @most, which prove its point.
 */
static inline unsigned int events_to_have(unsigned int most)
{
	const char *text = getenv("IRQ_USER_EVENTS");
	unsigned long events = text ? strtoul(text, NULL, 0) : 1000;

	return events < most ? events : most;
}

#endif /* IRQ_USER_EVENTS_H */
