/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The "edu" device with an MSI. The driver irq_user has allocated it and leaves it to user
 * space.
 */
#ifndef IRQ_USER_MSI_H
#define IRQ_USER_MSI_H

#include "line.h"

/* Finds the device and its MSI. Returns NULL, or why it cannot. */
const char *msi_setup(struct line *line);
void msi_teardown(struct line *line);

/* Unbind the driver, which frees the MSI, and bind it again. */
void msi_free(struct line *line);
const char *msi_alloc(struct line *line);

/* Has the bus find the device that line_unplug() has removed, and allocates its MSI. */
const char *msi_replug(struct line *line);

#endif /* IRQ_USER_MSI_H */
