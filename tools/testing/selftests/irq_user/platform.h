/* SPDX-License-Identifier: GPL-2.0 */
/* Devices of the platform bus, which tests bind to drivers and unbind. */
#ifndef IRQ_USER_PLATFORM_H
#define IRQ_USER_PLATFORM_H

#include <stdbool.h>

#include "line.h"

#define PLATFORM_BUS	"/sys/bus/platform"

/* Finds a device whose modalias contains the text. Returns whether there is one. */
bool platform_find(struct line *device, const char *text);

/* Returns whether the device is bound to that driver; NULL: to any driver. */
bool platform_has(struct line *device, const char *driver);

/* Sets the driver that may bind the device; "\n": the driver that matches. */
void platform_override(struct line *device, const char *driver);

/* Has the bus probe the device. */
void platform_probe(struct line *device);

/* Binds the device to that driver by an override. Returns whether it is bound. */
bool platform_give(struct line *device, const char *driver);

/* Unbinds the device from that driver, and removes the override. */
void platform_take(struct line *device, const char *driver);

#endif /* IRQ_USER_PLATFORM_H */
