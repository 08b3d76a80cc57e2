/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A line to test on: the INTx line of QEMU's "edu" PCI device, which raises and
 * drops its interrupt as it is told to.
 */
#ifndef IRQ_USER_LINE_H
#define IRQ_USER_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fake.h"

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8
#define EDU_BAR_SIZE	0x100000

struct line {
	char device[64];		/* its folder in sysfs */
	uint32_t *regs;
	int irq;
	int wire;			/* the physical line of a shared INTx, or 0: it is irq */
	char path[64];			/* /proc/irq/<irq>/irq, or the line's node */
	int debug;			/* the line's file in debugfs, of an edge line */
	struct fake fake;		/* an edge line of the module */
	struct {
		char chip[64];		/* its folder in configfs */
		char pull[96];		/* the file that pulls it up or down */
		int request;		/* makes it an input */
		bool up;
	} gpio;				/* of a GPIO's line, see gpio.h */
};

/*
 * Returns whether IRQ_USER_DOOR=node is in the environment. Then the lines of these functions
 * are those of devices that are bound to the driver irq_user, and are opened by their nodes.
 */
bool opens_nodes(void);

/*
 * Returns NULL, or why there is no such line here. The process aborts, as by an assertion, if
 * the line cannot be opened although nothing has it.
 */
const char *line_setup(struct line *line);

/* As line_setup(), for the device of that index, in the order of their addresses. */
const char *line_setup_card(struct line *line, int index);

/*
 * Returns whether an INTx line, once made, stays when its device is disabled. Where
 * a device tree describes the machine it does, and is made for the first driver.
 */
bool lines_stay(void);

/* As line_setup(), for a line whose file goes away with its device. */
const char *line_setup_removable(struct line *line);

/*
 * As line_setup(), for a free edge-triggered line, which has no device: only a
 * trigger. If the machine has none it is one of the module test_irq_lines. One that is
 * opened by its node is a vector of QEMU's "igb" PCI device.
 */
const char *line_setup_edge(struct line *line);

/* Finds the first PCI device of a vendor and a device number. Returns whether there is one. */
bool line_find(struct line *line, long vendor, long device);

/* The same for the device of that index, in the order of their addresses. */
bool line_find_at(struct line *line, long vendor, long device, int index);

/* Maps the device's registers, so many bytes of them. Returns NULL, or why it cannot. */
const char *line_map(struct line *line, size_t size);

/* Makes the device quiet and takes its line away. */
void line_teardown(struct line *line);

/* Has the device make its line, and remove it. */
void line_enable(struct line *line, bool on);

/* Disables the device, however often it was enabled. */
void line_disable(struct line *line);

/* Says which driver may have the device, if not the one that matches: "\n" takes that back. */
void line_override(struct line *line, const char *driver);

/* Gives the device to that driver, and takes it back. */
void line_bind(struct line *line, const char *driver);
void line_unbind(struct line *line, const char *driver);

/* Removes the device from its bus, and with it the line. */
void line_unplug(struct line *line);

/* Has the bus find the device again, and its line. Returns as line_setup(). */
const char *line_replug(struct line *line);

/* Returns the number of the device's physical line, which may be another one each time. */
int line_number(struct line *line);

/* Makes the device assert its interrupt, and drop it. */
void line_raise(struct line *line);
void line_ack(struct line *line);

/* Returns whether the device asserts its interrupt. */
bool line_asserts(struct line *line);

/* Makes an edge on a line that has no device. */
void line_trigger(struct line *line);

/* Returns what debugfs tells of the line, until the next call. */
char *line_state(struct line *line);

/* Returns how often the line is disabled, or -1 without debugfs. */
int line_depth(struct line *line);

/* Returns whether debugfs says that an edge came while the line was masked. */
bool line_keeps_edge(struct line *line);

/* Returns whether debugfs says that an edge is on its way. */
bool line_expects_edge(struct line *line);

/* Returns how many interrupts the kernel has seen on the line. */
unsigned int line_hw_count(struct line *line);

/* Waits until an interrupt that the device has raised has come, if it is not masked. */
void line_settle(struct line *line);

/* Returns the line's row of /proc/interrupts, "" if there is none. To be freed. */
char *line_row(struct line *line);

/* Binds the line to a CPU, if it can be. */
void line_move_to(struct line *line, int cpu);

/* Binds the line to one CPU and the caller to another one, if there is one. */
void line_move_away(struct line *line);

/* Binds both to one CPU, where it takes the least to arm the line. */
void line_move_here(struct line *line);

/* Waits until the task @tid sleeps. */
void wait_asleep(pid_t tid);

/* Waits for an event, without taking it. Returns whether there is one. */
bool wait_event(int fd);

/* Returns what opening gives, without keeping it: 0 or -errno. */
int try_open(const char *path, int flags);

/* Returns the count that a read gives, or -errno. */
int read_count(int fd);

/* Returns what writing @value gives: 0, or -errno. */
int write_value(int fd, int value);

#endif /* IRQ_USER_LINE_H */
