/* SPDX-License-Identifier: GPL-2.0 */
/* Small text files, as the kernel has them. */
#ifndef IRQ_USER_FILE_H
#define IRQ_USER_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes a text at once. Returns 0 or -errno. */
int write_file(const char *path, const char *text);

/* Reads a text, without the newline at its end. Returns whether there is one. */
bool read_file(const char *path, char *text, size_t size);

/* Loads a module, from beside the program or else by modprobe. Returns whether it could. */
bool load_module(const char *name);

/* The same with parameters, as text. */
bool load_module_with(const char *name, const char *parameters);

/* Unloads a module, if it is loaded and not in use. */
void unload_module(const char *name);

/* Opens the kernel's log at its end. */
int log_end(void);

/*
 * Returns how many records with that text the log has since, and reads them; a million if some
 * records are lost.
 */
int log_count(int log, const char *text);

#endif /* IRQ_USER_FILE_H */
