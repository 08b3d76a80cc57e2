/* SPDX-License-Identifier: GPL-2.0 */
/* Edge-triggered lines of each kind: those of the module test_irq_lines, and a GPIO's line. */
#ifndef IRQ_USER_EDGE_H
#define IRQ_USER_EDGE_H

#include "line.h"

/*
 * Makes a line of the module of this kind, or a GPIO's line if @kind is NULL. Returns NULL, or
 * why it cannot.
 */
const char *edge_line_setup(struct line *line, const char *kind);
void edge_line_teardown(struct line *line);

/* Makes an edge of the module's line by a command, or of a GPIO's line if @command is NULL. */
void edge_fire(struct line *line, const char *command);

/* As edge_fire(), and waits until the handler has seen the edge. */
void edge_make(struct line *line, const char *command);

#endif /* IRQ_USER_EDGE_H */
