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

#endif /* IRQ_USER_FILE_H */
