/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A line for tests: the INTx line of QEMU's "edu" PCI device, whose registers raise and drop
 * its interrupt.
 */
#ifndef IRQ_USER_LINE_H
#define IRQ_USER_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "calls.h"
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
	int debug;			/* an edge line's file in debugfs, or 0 */
	struct fake fake;		/* the module's line, of an edge line */
	struct {
		char chip[64];		/* its folder in configfs */
		char pull[96];		/* the file that pulls it up or down */
		int request;		/* the open request; the GPIO is an input */
		bool up;
	} gpio;				/* a GPIO's line, see gpio.h */
};

/*
 * Returns whether IRQ_USER_DOOR=node is in the environment. Then the lines of these functions
 * are those of devices that are bound to the driver irq_user, and are opened by their nodes.
 */
bool opens_nodes(void);

/*
 * Finds the device and its line. Returns NULL, or why it cannot. The process aborts, as by an
 * assertion, if the line cannot be opened although nothing has it.
 */
const char *line_setup(struct line *line);

/* As line_setup(), for the device of that index, in the order of their addresses. */
const char *line_setup_card(struct line *line, int index);

/*
 * Returns whether an INTx line stays mapped when its device is disabled. It does where a device
 * tree describes the machine. There it is mapped for the first driver.
 */
bool lines_stay(void);

/* As line_setup(), for a line whose file goes away with its device. */
const char *line_setup_removable(struct line *line);

/*
 * As line_setup(), for a free edge-triggered line that has no device, only a trigger. If the
 * machine has none, it is a line of the module test_irq_lines. If lines are opened by nodes, it
 * is a vector of QEMU's "igb" PCI device.
 */
const char *line_setup_edge(struct line *line);

/* Finds the first PCI device of a vendor and a device number. Returns whether there is one. */
bool line_find(struct line *line, long vendor, long device);

/* The same for the device of that index, in the order of their addresses. */
bool line_find_at(struct line *line, long vendor, long device, int index);

/* Maps @size bytes of the device's registers. Returns NULL, or why it cannot. */
const char *line_map(struct line *line, size_t size);

/* Quiets the device and removes its line. */
void line_teardown(struct line *line);

/* As line_teardown(), but leaves the line to the next line_setup() of the program. */
void line_leave(struct line *line);

/* Enables or disables the device, which makes or removes its line. */
void line_enable(struct line *line, bool on);

/* Disables the device, however often it was enabled. */
void line_disable(struct line *line);

/* Sets the driver that may bind the device; "\n": the driver that matches. */
void line_override(struct line *line, const char *driver);

/* Bind the device to that driver, and unbind it. */
void line_bind(struct line *line, const char *driver);
void line_unbind(struct line *line, const char *driver);

/* Removes the device, and so the line, from its bus. */
void line_unplug(struct line *line);

/* Has the bus find the device and its line again. Returns as line_setup(). */
const char *line_replug(struct line *line);

/* Returns the number of the device's physical line. It may be another number each time. */
int line_number(struct line *line);

/* Make the device assert its interrupt, and drop it. */
void line_raise(struct line *line);
void line_ack(struct line *line);

/* Returns whether the device asserts its interrupt. */
bool line_asserts(struct line *line);

/* Opens the line's file in debugfs for line_trigger(). Returns whether that worked. */
bool line_open_trigger(struct line *line);

/* Makes an edge on a line that has no device. */
void line_trigger(struct line *line);

/* Returns what debugfs shows of the line. The text is valid until the next call. */
char *line_state(struct line *line);

/* Returns whether debugfs shows this state of the line. */
bool line_has_state(struct line *line, const char *state);

/* Returns how often the line is disabled, or -1 without debugfs. */
int line_depth(struct line *line);

/* Returns whether debugfs shows that an edge came while the line was masked. */
bool line_keeps_edge(struct line *line);

/* Returns whether debugfs shows that an edge is on its way. */
bool line_expects_edge(struct line *line);

/* Returns how many interrupts the kernel has counted on the line. */
unsigned int line_hw_count(struct line *line);

/*
 * Waits until the line has fired since line_hw_count() returned @before, and its handler has
 * returned.
 */
void line_wait_handled(struct line *line, unsigned int before);

/* Waits until an interrupt that the device has raised has arrived, if the line is not masked. */
void line_settle(struct line *line);

/* Returns the line's row of /proc/interrupts, or "". The caller frees it. */
char *line_row(struct line *line);

/* Binds the line to a CPU, if that is possible. */
void line_move_to(struct line *line, int cpu);

/* Binds the line to one CPU and the calling thread to another CPU, if there is one. */
void line_move_away(struct line *line);

/* Binds both to one CPU, where arming the line takes the least time. */
void line_move_here(struct line *line);

#endif /* IRQ_USER_LINE_H */
