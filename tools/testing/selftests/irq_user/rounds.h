/* SPDX-License-Identifier: GPL-2.0 */
/* How many rounds the tests make. */
#ifndef IRQ_USER_ROUNDS_H
#define IRQ_USER_ROUNDS_H

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Returns whether the kernel has lockdep, and so most likely other checks: then it is 10 to 20
 * times slower.
 */
static inline bool kernel_is_slow(void)
{
	static int slow = -1;

	if (slow < 0)
		slow = !access("/proc/lockdep", F_OK);
	return slow;
}

/*
 * Returns how many rounds a test makes: @usual, or on a slow kernel a fifth of them, but at least
 * @least, which is what the test needs to prove its point.
 */
static inline unsigned int rounds_of(unsigned int usual, unsigned int least)
{
	if (!kernel_is_slow())
		return usual;
	return usual / 5 > least ? usual / 5 : least;
}

/*
 * Returns how many events a test makes that counts them: as many as IRQ_USER_EVENTS in the
 * environment says, or else 1000, or on a slow kernel @slow. More than @most prove no more.
 */
static inline unsigned int events_to_have(unsigned int most, unsigned int slow)
{
	const char *text = getenv("IRQ_USER_EVENTS");
	unsigned long events = text ? strtoul(text, NULL, 0) : kernel_is_slow() ? slow : 1000;

	return events < most ? events : most;
}

#endif /* IRQ_USER_ROUNDS_H */
