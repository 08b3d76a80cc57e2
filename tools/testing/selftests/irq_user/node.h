/* SPDX-License-Identifier: GPL-2.0 */
/* A PCI device that is bound to the driver irq_user, and its nodes, /dev/irq/<device>/<name>. */
#ifndef IRQ_USER_NODE_H
#define IRQ_USER_NODE_H

#include <stddef.h>

#include "line.h"

#define NODE_DRIVER		"irq_user"
#define NODE_DRIVER_DIR		"/sys/bus/pci/drivers/" NODE_DRIVER

/* Loads the driver if it is not loaded. Returns NULL, or why it cannot. */
const char *node_load(void);

/* Unloads the driver. Returns whether it is gone. */
bool node_unload(void);

/* Bind the device to the driver, and unbind it. node_bind() returns NULL, or why it cannot. */
const char *node_bind(struct line *line);
void node_unbind(struct line *line);

/* Returns whether the device is bound to the driver. */
bool node_is_bound(struct line *line);

/* As node_bind(), with a type of interrupts or NULL, and a bound on their number or NULL. */
const char *node_bind_as(struct line *line, const char *type, const char *vectors);

/*
 * Binds the "edu" device with one line of that type, "msi" or "intx". The line's path becomes
 * that of its node. Returns NULL, or why it cannot.
 */
const char *node_take(struct line *line, const char *type);

/* As node_take(), but finds the device first. */
const char *node_setup(struct line *line, const char *type);
void node_teardown(struct line *line);

/* Returns the device's name on its bus. */
const char *node_device(struct line *line);

/* Writes an attribute of the bound device. Returns 0 or -errno. */
int node_set(struct line *line, const char *attribute, const char *value);

/* Reads an attribute. The text is valid until the next call, and "" if there is no attribute. */
const char *node_get(struct line *line, const char *attribute);

/* Returns a 16-bit word of the device's configuration, or 0xffff if it cannot be read. */
int node_config(struct line *line, int offset);

/* Sets or clears these bits of a 16-bit word of the device's configuration. */
void node_set_config(struct line *line, int offset, int bits, bool on);

/* As node_set() and node_get(), for an attribute of a node. */
int node_set_of(struct line *line, const char *name, const char *attribute, const char *value);
const char *node_get_of(struct line *line, const char *name, const char *attribute);

/* Returns the path of a node. The text is valid until the next call. */
const char *node_path(struct line *line, const char *name);

/*
 * Returns the name of the vector of that number, as "msix0". The text is valid until the next
 * call.
 */
const char *node_vector(const char *type, int index);

/* Waits some seconds for the node. Returns whether it is there. */
bool node_appears(struct line *line, const char *name);

/* Returns how many nodes of the device have a name that begins with @prefix. */
int node_count(struct line *line, const char *prefix);

/* Opens a node. Returns its descriptor or -errno. */
int node_open(struct line *line, const char *name, int flags);

/* Returns the number of the node's line, or 0. */
int node_number(struct line *line, const char *name);

/* Returns the node's device number, or 0. */
dev_t node_id(struct line *line, const char *name);

/* Maps @size bytes of registers for reading and writing. Returns NULL if it cannot. */
uint32_t *node_map(struct line *line, const char *name, size_t size);

/* Returns whether reading a register raises SIGBUS. */
bool node_faults(const uint32_t *regs);

#endif /* IRQ_USER_NODE_H */
