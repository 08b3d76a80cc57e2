/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A line of any kind, which a command makes fire or removes. It is made by the module
 * test_irq_lines, see lib/test_irq_lines.rs.
 */
#ifndef IRQ_USER_FAKE_H
#define IRQ_USER_FAKE_H

struct fake {
	int irq;
	char path[64];			/* /proc/irq/<irq>/irq */
};

/* The module reads its commands here. */
#define CONTROL		"/sys/kernel/debug/test_irq_lines/control"

/* Loads the module if it is not loaded. Returns NULL, or why it cannot. */
const char *fake_setup(void);

/* Makes a line. Returns NULL, or why it cannot. */
const char *fake_make(struct fake *fake, const char *kind);

/* Gives the module a command for the line: "fire", "assert", ... Returns 0 or -errno. */
int fake_do(struct fake *fake, const char *verb);

/* Suspends the system to idle until the line wakes it by an edge. Returns 0 or -errno. */
int fake_suspend(struct fake *fake);

/* Unmaps the line if it is mapped. */
void fake_dispose(struct fake *fake);

/* Returns how often the line that was unmapped last fired during that, or -1. */
int fake_fires(void);

#endif /* IRQ_USER_FAKE_H */
