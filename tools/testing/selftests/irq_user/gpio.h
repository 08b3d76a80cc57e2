/* SPDX-License-Identifier: GPL-2.0 */
/* The line of a simulated GPIO, which interrupts when it is pulled up or down. */
#ifndef IRQ_USER_GPIO_H
#define IRQ_USER_GPIO_H

#include "line.h"

/* Makes the chip and the line. Returns NULL, or why it cannot. */
const char *gpio_setup(struct line *line);
void gpio_teardown(struct line *line);

/* Unbinds the chip, which removes the line. The request stays open. */
void gpio_remove(struct line *line);

/* Closes the request. The GPIO does not interrupt any more. */
void gpio_release(struct line *line);

/* Makes the chip and the line again. Returns as gpio_setup(). */
const char *gpio_restore(struct line *line);

/* Makes an edge: pulls the GPIO to the other level. */
void gpio_pull(struct line *line);

/* Makes the GPIO an output, or an input again. Returns 0 or -errno. */
int gpio_drive(struct line *line, bool on);

/* Has gpiolib request the line for edges of the GPIO, and free it. Returns 0 or -errno. */
int gpio_watch(struct line *line, bool on);

/*
 * Has another chip forward the GPIO, requests it through that chip, and removes that chip.
 * Returns NULL, or why it cannot.
 */
const char *gpio_forward(struct line *line);

#endif /* IRQ_USER_GPIO_H */
