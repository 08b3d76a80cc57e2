/* SPDX-License-Identifier: GPL-2.0 */
/* Small text files of procfs, sysfs and debugfs, the kernel's modules and its log. */
#ifndef IRQ_USER_FILE_H
#define IRQ_USER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes a text in one call. Returns 0 or -errno. */
int write_file(const char *path, const char *text);

/* Reads a text without the newline at its end. Returns whether the file can be read. */
bool read_file(const char *path, char *text, size_t size);

/*
 * Lists the entries of a directory that have this type, as DT_REG, in alphabetical order, each
 * followed by a space. The text is valid until the next call.
 */
const char *list_entries(const char *path, unsigned char type);

/* Loads a module from the program's folder, or else by modprobe. Returns whether that worked. */
bool load_module(const char *name);

/* As load_module(), with parameters. */
bool load_module_with(const char *name, const char *parameters);

/* Unloads a module, if it is loaded and not in use. */
void unload_module(const char *name);

/* Returns a process or a thread of the kernel whose name matches a pattern of fnmatch(3), or 0. */
pid_t find_process(const char *pattern);

/* Opens the kernel's log at its end. */
int log_end(void);

/*
 * Reads the records since then, and returns how many contain the text; a million if some
 * records are lost.
 */
int log_count(int log, const char *text);

#endif /* IRQ_USER_FILE_H */
