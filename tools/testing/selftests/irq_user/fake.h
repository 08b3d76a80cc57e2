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

#define BURST		10001		/* edges, by the command "burst" */
#define MAX_RATE	100000		/* edges a second, of a free-running line */

/* Loads the module if it is not loaded. Returns NULL, or why it cannot. */
const char *fake_setup(void);

/* Makes a line. Returns NULL, or why it cannot. */
const char *fake_make(struct fake *fake, const char *kind);

/* Gives the module a command for the line: "fire", "assert", ... Returns 0 or -errno. */
int fake_do(struct fake *fake, const char *verb);

/* Fires an edge line. Returns when the line may fire again without a storm. */
void fake_fire_slowly(struct fake *fake);

/* Suspends the system to idle until the line wakes it by an edge. Returns 0 or -errno. */
int fake_suspend(struct fake *fake);

/*
 * Fires a free-running line BURST times without a pause, on CPU 0, to which it binds the calling
 * thread: the burst is over when this function returns. If the line fired too often, it fires
 * at least once more, masked. @fd is the line's file. Returns what poll reports, of POLLIN and
 * POLLPRI, or 0 if the machine is too slow for a storm.
 */
int fake_storm(struct fake *fake, int fd);

/* Unmaps the line if it is mapped. */
void fake_dispose(struct fake *fake);

/* Returns how often the line that was unmapped last fired during that, or -1. */
int fake_fires(void);

#endif /* IRQ_USER_FAKE_H */
