/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PCI device that is bound to the driver irq_user, and its nodes, which are named
 * /dev/irq/<device>/<name>.
 */
#ifndef IRQ_USER_NODE_H
#define IRQ_USER_NODE_H

#include <stddef.h>

#include "line.h"

#define NODE_DRIVER		"irq_user"
#define NODE_DRIVER_DIR		"/sys/bus/pci/drivers/" NODE_DRIVER

/* Loads the driver, if it was not. Returns NULL, or why it cannot. */
const char *node_load(void);

/* Unloads the driver. Returns whether it is gone. */
bool node_unload(void);

/* Binds the device to the driver, and unbinds it. Returns NULL, or why it cannot. */
const char *node_bind(struct line *line);
void node_unbind(struct line *line);

/* Returns whether the driver has the device. */
bool node_is_bound(struct line *line);

/* As node_bind(), with a type of interrupts, or NULL, and a bound on their number, or NULL. */
const char *node_bind_as(struct line *line, const char *type, const char *vectors);

/*
 * Binds the "edu" device with one line of that type, "msi" or "intx", whose node becomes the
 * line's path. Returns NULL, or why it cannot.
 */
const char *node_take(struct line *line, const char *type);

/* The same, as line_setup(). */
const char *node_setup(struct line *line, const char *type);
void node_teardown(struct line *line);

/* Returns the name that the device has on its bus. */
const char *node_device(struct line *line);

/* Writes an attribute of the bound device. Returns 0 or -errno. */
int node_set(struct line *line, const char *attribute, const char *value);

/* Reads an attribute. The text is good until the next call, and "" if there is none. */
const char *node_get(struct line *line, const char *attribute);

/* Returns a word of the device's configuration, 0xffff if there is none. */
int node_config(struct line *line, int offset);

/* Sets these bits of a word of the device's configuration, or clears them. */
void node_set_config(struct line *line, int offset, int bits, bool on);

/* The same as node_set() and node_get(), for an attribute of a node. */
int node_set_of(struct line *line, const char *name, const char *attribute, const char *value);
const char *node_get_of(struct line *line, const char *name, const char *attribute);

/* Returns the path of a node, until the next call. */
const char *node_path(struct line *line, const char *name);

/* Returns the name of the vector of that number, as "msix0", until the next call. */
const char *node_vector(const char *type, int index);

/* Returns whether the node is there. Waits for it. */
bool node_appears(struct line *line, const char *name);

/* Returns how many nodes the device has whose names begin so. */
int node_count(struct line *line, const char *prefix);

/* Opens a node. Returns its descriptor or -errno. */
int node_open(struct line *line, const char *name, int flags);

/* Returns the number of the node's line, or 0. */
int node_number(struct line *line, const char *name);

/* Returns the node's device number, or 0. */
dev_t node_id(struct line *line, const char *name);

/* Maps so many bytes of registers for reading and writing. Returns NULL if it cannot. */
uint32_t *node_map(struct line *line, const char *name, size_t size);

/* Returns whether reading a register ends in SIGBUS. */
bool node_faults(const uint32_t *regs);

#endif /* IRQ_USER_NODE_H */
