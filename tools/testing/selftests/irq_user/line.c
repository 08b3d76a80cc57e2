// SPDX-License-Identifier: GPL-2.0

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "igb.h"
#include "line.h"
#include "node.h"

#define PCI_BUS		"/sys/bus/pci"
#define PCI_DEVICES	PCI_BUS "/devices"
#define DEBUGFS_LINES	"/sys/kernel/debug/irq/irqs"

/* Registers of the device, see QEMU's docs/specs/edu.rst. */
#define EDU_STATUS	(0x24 / 4)
#define EDU_RAISE	(0x60 / 4)
#define EDU_ACK		(0x64 / 4)

static uint32_t read_register(struct line *line, int index)
{
	return __atomic_load_n(&line->regs[index], __ATOMIC_SEQ_CST);
}

static void write_register(struct line *line, int index, uint32_t value)
{
	__atomic_store_n(&line->regs[index], value, __ATOMIC_RELEASE);
}

static long read_number(const char *dir, const char *file)
{
	char path[320], text[32];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return read_file(path, text, sizeof(text)) ? strtol(text, NULL, 0) : -1;
}

bool line_find_at(struct line *line, long vendor, long device, int index)
{
	int number, found = 0;
	struct dirent **entries;

	number = scandir(PCI_DEVICES, &entries, NULL, alphasort);
	for (int i = 0; i < number; i++) {
		if (found <= index) {
			snprintf(line->device, sizeof(line->device), PCI_DEVICES "/%.32s",
				 entries[i]->d_name);
			found += read_number(line->device, "vendor") == vendor &&
				 read_number(line->device, "device") == device;
		}
		free(entries[i]);
	}
	if (number >= 0)
		free(entries);
	if (found <= index)
		line->device[0] = '\0';
	return found > index;
}

bool line_find(struct line *line, long vendor, long device)
{
	return line_find_at(line, vendor, device, 0);
}

/* Returns whether a driver has the line, or a file. */
static bool has_owner(struct line *line)
{
	char path[64], names[256];

	snprintf(path, sizeof(path), "/sys/kernel/irq/%d/actions", line->irq);
	return read_file(path, names, sizeof(names)) && names[0];
}

/*
 * QEMU's IO-APIC does not see changes of a pin while its line has no owner: it takes a pin that
 * fell for asserted, and a pin that rose for quiet, until it has seen the pin fall, rise and
 * fall.
 */
static void settle_pin(struct line *line)
{
	const bool owned = has_owner(line);
	int fd = open(line->path, O_RDWR | O_NONBLOCK);

	/* It may be the first open of the line. The tests find out whether there is a file. */
	if (fd < 0 && errno != ENOENT && !(owned && errno == EBUSY)) {
		fprintf(stderr, "# open of %s: %s\n", line->path, strerror(errno));
		/* As a failed assertion */
		abort();
	}
	line_ack(line);
	if (fd < 0)
		return;
	line_raise(line);
	wait_event(fd);
	line_ack(line);
	close(fd);
}

void line_override(struct line *line, const char *driver)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/driver_override", line->device);
	write_file(path, driver);
}

void line_bind(struct line *line, const char *driver)
{
	line_override(line, driver);
	write_file(PCI_BUS "/drivers_probe", strrchr(line->device, '/') + 1);
}

void line_unbind(struct line *line, const char *driver)
{
	char path[96];

	snprintf(path, sizeof(path), PCI_BUS "/drivers/%.32s/unbind", driver);
	write_file(path, strrchr(line->device, '/') + 1);
	line_override(line, "\n");
}

const char *line_map(struct line *line, size_t size)
{
	char resource[80];
	void *regs;
	int fd;

	snprintf(resource, sizeof(resource), "%s/resource0", line->device);
	fd = open(resource, O_RDWR);
	if (fd < 0)
		return "cannot open the device's registers";
	regs = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (regs == MAP_FAILED)
		return "cannot map the device's registers";
	line->regs = regs;
	return NULL;
}

bool opens_nodes(void)
{
	const char *door = getenv("IRQ_USER_DOOR");

	return door && !strcmp(door, "node");
}

/* Writes to the device's attribute "enable", which also makes and removes its line. */
static void switch_device(struct line *line, bool on)
{
	char path[80];

	/* Disabling a disabled device is an error, which does not matter. */
	snprintf(path, sizeof(path), "%s/enable", line->device);
	write_file(path, on ? "1" : "0");
}

static bool is_enabled(struct line *line)
{
	return read_number(line->device, "enable") > 0;
}

/*
 * Makes the device's line, or finds the line that was left. Its file is in /proc, or is its
 * node.
 */
static const char *make_line(struct line *line)
{
	if (opens_nodes())
		return node_take(line, "intx");
	if (!is_enabled(line))
		switch_device(line, true);
	line->irq = line_number(line);
	if (!line->irq && lines_stay()) {
		line_bind(line, "pci-stub");
		line_unbind(line, "pci-stub");
		line->irq = line_number(line);
	}
	if (!line->irq)
		return "the device has no line: is there CONFIG_PCI_STUB?";
	snprintf(line->path, sizeof(line->path), "/proc/irq/%d/irq", line->irq);
	return NULL;
}

/*
 * Whether a test has left the first device's line to the next test. The processes of the tests
 * share this. Making and removing the line runs ACPI's byte code twice, which takes long if the
 * kernel is slow.
 */
static bool *left;

__attribute__((constructor))
static void share_left(void)
{
	void *map = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);

	left = map == MAP_FAILED ? NULL : map;
}

/* Removes the line that the program's last test has left. */
__attribute__((destructor))
static void remove_left(void)
{
	struct line line = {};

	if (left && *left && line_find(&line, EDU_VENDOR, EDU_DEVICE))
		line_enable(&line, false);
}

/* Lets all CPUs have the line again. */
static void reset_affinity(int irq)
{
	char path[64], mask[128];

	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity", irq);
	if (read_file("/proc/irq/default_smp_affinity", mask, sizeof(mask)))
		write_file(path, mask);
}

/*
 * Opens the file of a line and closes it. If a process that has ended had it, io_uring may close it
 * some time later. Returns 0 or -errno.
 */
static int open_when_free(const char *path)
{
	int error;

	for (int i = 0; i < 2000; i++) {
		error = try_open(path, O_RDWR);
		if (error != -EBUSY)
			break;
		poll(NULL, 0, 1);
	}
	return error;
}

/* Returns whether a test has left the line, and the line is in the state of a new one. */
static bool take_left(struct line *line)
{
	char path[64];

	if (!left || !*left)
		return false;
	*left = false;
	if (opens_nodes() != node_is_bound(line))
		return false;
	if (opens_nodes()) {
		if (strcmp(node_get(line, "irq_user_type"), "intx"))
			return false;
		snprintf(path, sizeof(path), "%s", node_path(line, "intx"));
	} else {
		if (node_config(line, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE)
			return false;
		snprintf(path, sizeof(path), "/proc/irq/%d/irq", line_number(line));
	}
	if (!is_enabled(line) || open_when_free(path))
		return false;
	reset_affinity(line_number(line));
	return true;
}

const char *line_setup_card(struct line *line, int index)
{
	const char *why;

	memset(line, 0, sizeof(*line));
	if (geteuid())
		return "needs root";
	if (!line_find_at(line, EDU_VENDOR, EDU_DEVICE, index))
		return index ? "there are not enough \"edu\" PCI devices" :
			       "there is no \"edu\" PCI device: run QEMU with -device edu";

	/*
	 * A test that was killed may have left it bound or enabled. The kernel counts how often
	 * it is enabled.
	 */
	if (index || !take_left(line)) {
		line_unbind(line, NODE_DRIVER);
		line_disable(line);
	}
	why = make_line(line);
	if (!why)
		why = line_map(line, EDU_BAR_SIZE);
	if (why)
		return why;
	settle_pin(line);

	if (access("/proc/irq", F_OK) || (access(line->path, F_OK) && errno != ENOENT))
		return "there is no /proc/irq";
	return NULL;
}

const char *line_setup(struct line *line)
{
	return line_setup_card(line, 0);
}

bool lines_stay(void)
{
	/* A kernel that can read device trees has an empty one where ACPI describes the machine. */
	return !access("/sys/firmware/devicetree/base/compatible", F_OK);
}

const char *line_setup_removable(struct line *line)
{
	memset(line, 0, sizeof(*line));
	/* A node goes away when its device is unbound. */
	if (lines_stay() && !opens_nodes())
		return "lines of disabled devices stay mapped here";
	return line_setup(line);
}

static bool is_edge(int irq)
{
	char path[64], type[16];

	snprintf(path, sizeof(path), "/sys/kernel/irq/%d/type", irq);
	return read_file(path, type, sizeof(type)) && !strcmp(type, "edge");
}

/* Uses the line if it is free and edge-triggered, and an edge can be injected. */
static bool try_edge_line(struct line *line, int irq, const char *file)
{
	bool works;
	int fd;

	if (!is_edge(irq))
		return false;
	line->irq = irq;
	snprintf(line->path, sizeof(line->path), "%s", file);
	fd = open(line->path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return false;
	works = line_open_trigger(line);
	/* A line's type may be wrong until its first owner sets it up. */
	works = works && is_edge(irq) && write(line->debug, "trigger", 7) == 7 &&
		wait_event_for(fd, 2000);
	if (!works) {
		close(line->debug);
		line->debug = 0;
	}
	close(fd);
	return works;
}

/* As line_setup_edge(), for a vector of the card, which has a node. */
static const char *setup_vector(struct line *line)
{
	const char *why = igb_find(line);

	if (!why)
		why = node_bind_as(line, "msix", NULL);
	if (why)
		return why;
	for (int i = 0; i < node_count(line, "msix"); i++) {
		const char *name = node_vector("msix", i);

		if (try_edge_line(line, node_number(line, name), node_path(line, name)))
			return NULL;
	}
	return "the card has no free vector that debugfs can trigger";
}

const char *line_setup_edge(struct line *line)
{
	bool found = false;
	struct dirent *entry;
	char path[64];
	DIR *dir;

	memset(line, 0, sizeof(*line));
	if (geteuid())
		return "needs root";
	if (opens_nodes())
		return setup_vector(line);
	dir = opendir("/sys/kernel/irq");
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/irq/%.16s/irq", entry->d_name);
		found = entry->d_name[0] != '.' && try_edge_line(line, atoi(entry->d_name), path);
	}
	if (dir)
		closedir(dir);
	if (found || (!fake_make(&line->fake, "bare_edge") &&
		      try_edge_line(line, line->fake.irq, line->fake.path)))
		return NULL;
	fake_dispose(&line->fake);
	return "there is no free edge-triggered line that debugfs can trigger";
}

/* Quiets the device, and closes and unmaps what a test has opened of the line. */
static void release(struct line *line)
{
	if (line->debug > 0)
		close(line->debug);
	fake_dispose(&line->fake);
	if (line->regs) {
		line_ack(line);
		munmap(line->regs, EDU_BAR_SIZE);
	}
}

void line_teardown(struct line *line)
{
	release(line);
	if (line->device[0])
		line_enable(line, false);
}

void line_leave(struct line *line)
{
	if (!line->regs || !left) {
		line_teardown(line);
		return;
	}
	release(line);
	*left = true;
}

void line_enable(struct line *line, bool on)
{
	if (!opens_nodes())
		switch_device(line, on);
	else if (on)
		node_take(line, "intx");
	else
		node_unbind(line);
}

void line_disable(struct line *line)
{
	while (is_enabled(line))
		switch_device(line, false);
}

void line_unplug(struct line *line)
{
	char path[80];

	/* An access to the registers of a removed device raises SIGBUS. */
	munmap(line->regs, EDU_BAR_SIZE);
	line->regs = NULL;
	snprintf(path, sizeof(path), "%s/remove", line->device);
	write_file(path, "1");
}

const char *line_replug(struct line *line)
{
	write_file(PCI_BUS "/rescan", "1");
	return line_setup(line);
}

int line_number(struct line *line)
{
	return read_number(line->device, "irq");
}

void line_raise(struct line *line)
{
	write_register(line, EDU_RAISE, 1);
}

void line_ack(struct line *line)
{
	write_register(line, EDU_ACK, read_register(line, EDU_STATUS));
}

bool line_asserts(struct line *line)
{
	return read_register(line, EDU_STATUS);
}

bool line_open_trigger(struct line *line)
{
	char path[64];

	snprintf(path, sizeof(path), DEBUGFS_LINES "/%d", line->irq);
	line->debug = open(path, O_WRONLY);
	return line->debug >= 0;
}

void line_trigger(struct line *line)
{
	/* EBUSY: the last edge is still on its way, and this edge would coalesce with it. */
	while (write(line->debug, "trigger", 7) < 0 && errno == EBUSY)
		sched_yield();
}

static bool read_debug(struct line *line, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), DEBUGFS_LINES "/%d", line->irq);
	return read_file(path, text, size);
}

char *line_state(struct line *line)
{
	static char text[2048];

	return read_debug(line, text, sizeof(text)) ? text : "not known";
}

int line_depth(struct line *line)
{
	static const char key[] = "ddepth:";
	char text[2048], *value;

	if (!read_debug(line, text, sizeof(text)))
		return -1;
	value = strstr(text, key);
	return value ? atoi(value + strlen(key)) : -1;
}

bool line_has_state(struct line *line, const char *state)
{
	char text[2048];

	return read_debug(line, text, sizeof(text)) && strstr(text, state);
}

bool line_keeps_edge(struct line *line)
{
	return line_has_state(line, "IRQS_PENDING");
}

bool line_expects_edge(struct line *line)
{
	return line_has_state(line, "IRQS_REPLAY");
}

unsigned int line_hw_count(struct line *line)
{
	char path[64], text[1024], *next = text;
	unsigned int sum = 0;

	snprintf(path, sizeof(path), "/sys/kernel/irq/%d/per_cpu_count", line->irq);
	if (!read_file(path, text, sizeof(text)))
		return 0;
	while (next && *next) {
		sum += strtoul(next, NULL, 10);
		next = strchr(next, ',');
		if (next)
			next++;
	}
	return sum;
}

void line_wait_handled(struct line *line, unsigned int before)
{
	while (line_hw_count(line) == before)
		;
	/* The kernel counts an interrupt before it calls the handler. */
	while (line_has_state(line, "IRQD_IRQ_INPROGRESS"))
		;
}

void line_settle(struct line *line)
{
	cpu_set_t old;

	/* When the device answers, the interrupt is pending at the CPU that takes it. */
	line_asserts(line);
	/* When a CPU runs this thread, it has taken what was pending. */
	sched_getaffinity(0, sizeof(old), &old);
	for (int cpu = sysconf(_SC_NPROCESSORS_CONF) - 1; cpu >= 0; cpu--)
		pin_to(cpu);
	sched_setaffinity(0, sizeof(old), &old);
}

char *line_row(struct line *line)
{
	char *row = NULL, *end;
	bool found = false;
	size_t size = 0;
	FILE *file;

	file = fopen("/proc/interrupts", "r");
	while (file && !found && getline(&row, &size, file) > 0)
		found = strtol(row, &end, 10) == line->irq && end != row && *end == ':';
	if (file)
		fclose(file);
	if (!found) {
		free(row);
		return strdup("");
	}
	row[strcspn(row, "\n")] = '\0';
	return row;
}

void line_move_to(struct line *line, int cpu)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", line->wire ? : line->irq);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	/* With a single CPU this may fail, and the line stays where it is. */
	if (dprintf(fd, "%d", cpu) < 0)
		errno = 0;
	close(fd);
}

/* Binds the caller to CPU 0, and then the line to @cpu. */
static void bind_both(struct line *line, int cpu)
{
	if (pin_to(0))
		line_move_to(line, cpu);
}

void line_move_away(struct line *line)
{
	bind_both(line, 1);
}

void line_move_here(struct line *line)
{
	bind_both(line, 0);
}
