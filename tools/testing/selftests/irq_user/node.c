// SPDX-License-Identifier: GPL-2.0

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "node.h"

#define NODES		"/dev/irq"
#define CLASS		"/sys/class/irq_user"

/* How many seconds to wait for a node that must appear. */
#define PATIENCE	10

const char *node_load(void)
{
	if (access(NODE_DRIVER_DIR, F_OK) && !load_module(NODE_DRIVER))
		return "needs the module " NODE_DRIVER;
	return NULL;
}

bool node_unload(void)
{
	unload_module(NODE_DRIVER);
	return access(NODE_DRIVER_DIR, F_OK);
}

const char *node_device(struct line *line)
{
	return strrchr(line->device, '/') + 1;
}

bool node_is_bound(struct line *line)
{
	char path[96];

	snprintf(path, sizeof(path), NODE_DRIVER_DIR "/%.32s", node_device(line));
	return !access(path, F_OK);
}

const char *node_bind(struct line *line)
{
	const char *why = node_load();

	if (why)
		return why;
	line_bind(line, NODE_DRIVER);
	return node_is_bound(line) ? NULL : "the driver " NODE_DRIVER " does not bind the device";
}

void node_unbind(struct line *line)
{
	line_unbind(line, NODE_DRIVER);
}

const char *node_bind_as(struct line *line, const char *type, const char *vectors)
{
	const char *why = node_bind(line);

	if (why)
		return why;
	if (vectors && node_set(line, "irq_user_vectors", vectors))
		return "the driver does not accept that bound on vectors";
	/* The type that the device has already is not set up again. */
	if (type && strcmp(type, node_get(line, "irq_user_type")) &&
	    node_set(line, "irq_user_type", type))
		return "the device does not have that type of interrupts";
	return NULL;
}

const char *node_take(struct line *line, const char *type)
{
	const char *why = node_bind_as(line, type, NULL);
	const char *name = strcmp(type, "intx") ? node_vector(type, 0) : type;

	if (why)
		return why;
	if (!node_appears(line, name))
		return "the line has no node";
	line->irq = node_number(line, name);
	/* The function's share of an INTx line is a line of its own. */
	line->wire = strcmp(type, "intx") ? 0 : line_number(line);
	snprintf(line->path, sizeof(line->path), NODES "/%.32s/%.8s", node_device(line), name);
	return NULL;
}

const char *node_setup(struct line *line, const char *type)
{
	const char *why = line_setup(line);

	return why ? why : node_take(line, type);
}

void node_teardown(struct line *line)
{
	if (line->device[0])
		node_unbind(line);
	line_teardown(line);
}

static const char *read_attribute(const char *path)
{
	static char text[1024];

	return read_file(path, text, sizeof(text)) ? text : "";
}

int node_set(struct line *line, const char *attribute, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", line->device, attribute);
	return write_file(path, value);
}

const char *node_get(struct line *line, const char *attribute)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", line->device, attribute);
	return read_attribute(path);
}

static int open_config(struct line *line, int flags)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/config", line->device);
	return open(path, flags);
}

int node_config(struct line *line, int offset)
{
	unsigned char bytes[2];
	int fd = open_config(line, O_RDONLY);

	if (pread(fd, bytes, sizeof(bytes), offset) != sizeof(bytes))
		memset(bytes, 0xff, sizeof(bytes));
	close(fd);
	return bytes[0] | bytes[1] << 8;
}

void node_set_config(struct line *line, int offset, int bits, bool on)
{
	int value = (node_config(line, offset) & ~bits) | (on ? bits : 0);
	unsigned char bytes[2] = { value, value >> 8 };
	int fd = open_config(line, O_WRONLY);

	if (pwrite(fd, bytes, sizeof(bytes), offset) != sizeof(bytes))
		perror(line->device);
	close(fd);
}

int node_set_of(struct line *line, const char *name, const char *attribute, const char *value)
{
	char path[256];

	snprintf(path, sizeof(path), CLASS "/%s!%s/%s", node_device(line), name, attribute);
	return write_file(path, value);
}

const char *node_get_of(struct line *line, const char *name, const char *attribute)
{
	char path[256];

	snprintf(path, sizeof(path), CLASS "/%s!%s/%s", node_device(line), name, attribute);
	return read_attribute(path);
}

const char *node_path(struct line *line, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), NODES "/%s/%s", node_device(line), name);
	return path;
}

const char *node_vector(const char *type, int index)
{
	static char name[32];

	snprintf(name, sizeof(name), "%s%d", type, index);
	return name;
}

bool node_appears(struct line *line, const char *name)
{
	const time_t enough = time(NULL) + PATIENCE;

	while (access(node_path(line, name), F_OK)) {
		if (time(NULL) > enough)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

int node_count(struct line *line, const char *prefix)
{
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	dir = opendir(node_path(line, ""));
	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.' &&
			 !strncmp(entry->d_name, prefix, strlen(prefix));
	if (dir)
		closedir(dir);
	return count;
}

int node_open(struct line *line, const char *name, int flags)
{
	int fd = open(node_path(line, name), flags);

	return fd < 0 ? -errno : fd;
}

int node_number(struct line *line, const char *name)
{
	return atoi(node_get_of(line, name, "irq"));
}

dev_t node_id(struct line *line, const char *name)
{
	struct stat st;

	return stat(node_path(line, name), &st) ? 0 : st.st_rdev;
}

uint32_t *node_map(struct line *line, const char *name, size_t size)
{
	int fd = node_open(line, name, O_RDWR);
	void *regs;

	if (fd < 0)
		return NULL;
	regs = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return regs == MAP_FAILED ? NULL : regs;
}

static sigjmp_buf after_fault;

static void skip_fault(int signal)
{
	siglongjmp(after_fault, signal);
}

bool node_faults(const uint32_t *regs)
{
	struct sigaction action = { .sa_handler = skip_fault }, old;
	bool faults;

	sigaction(SIGBUS, &action, &old);
	faults = sigsetjmp(after_fault, 1);
	if (!faults)
		__atomic_load_n(regs, __ATOMIC_SEQ_CST);
	sigaction(SIGBUS, &old, NULL);
	return faults;
}
