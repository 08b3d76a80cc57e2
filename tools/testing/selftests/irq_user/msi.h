/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The "edu" device with an MSI for its line, which a driver has allocated and
 * left to user space: irq_user.
 */
#ifndef IRQ_USER_MSI_H
#define IRQ_USER_MSI_H

#include "line.h"

/* Returns NULL, or why there is no such line here. */
const char *msi_setup(struct line *line);
void msi_teardown(struct line *line);

/* Unbinds the driver, which frees the MSI, and binds it again. */
void msi_free(struct line *line);
const char *msi_alloc(struct line *line);

/* Has the bus find the device again that line_unplug() has removed, and allocates its MSI. */
const char *msi_replug(struct line *line);

#endif /* IRQ_USER_MSI_H */
