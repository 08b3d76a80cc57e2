/* SPDX-License-Identifier: GPL-2.0 */
/* The line of a GPIO of a simulated chip, which interrupts when it is pulled up or down. */
#ifndef IRQ_USER_GPIO_H
#define IRQ_USER_GPIO_H

#include "line.h"

/* Returns NULL, or why there is no such line here. */
const char *gpio_setup(struct line *line);
void gpio_teardown(struct line *line);

/* Unbinds the chip, which takes the line away. The request stays. */
void gpio_remove(struct line *line);

/* Gives the request back. The GPIO does not interrupt any more. */
void gpio_release(struct line *line);

/* Makes the chip and the line again. Returns as gpio_setup(). */
const char *gpio_restore(struct line *line);

/* Makes an edge: pulls the GPIO to where it is not. */
void gpio_pull(struct line *line);

/* Has the GPIO driven, or makes it an input again. Returns 0 or -errno. */
int gpio_drive(struct line *line, bool on);

/* Has gpiolib request the line for edges of the GPIO, and free it. Returns 0 or -errno. */
int gpio_watch(struct line *line, bool on);

/*
 * Has another chip forward the GPIO, somebody watch it through that one, and that
 * one go away again. Returns NULL, or why it could not.
 */
const char *gpio_forward(struct line *line);

#endif /* IRQ_USER_GPIO_H */
