// SPDX-License-Identifier: GPL-2.0

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "gpio.h"

#define CONFIGFS	"/sys/kernel/config"
#define SIM		CONFIGFS "/gpio-sim"
#define IRQS		"/sys/kernel/irq"
#define AGGREGATOR	"/sys/bus/platform/drivers/gpio-aggregator"
#define FORWARDER	"gpio-aggregator.0"
#define CONSUMER	"irq_user_test"
#define EDGES		(GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING)

static int configure(struct line *line, uint64_t flags)
{
	struct gpio_v2_line_config config = { .flags = flags };

	return ioctl(line->gpio.request, GPIO_V2_LINE_SET_CONFIG_IOCTL, &config) ? -errno : 0;
}

int gpio_drive(struct line *line, bool on)
{
	return configure(line, on ? GPIO_V2_LINE_FLAG_OUTPUT : GPIO_V2_LINE_FLAG_INPUT);
}

int gpio_watch(struct line *line, bool on)
{
	return configure(line, GPIO_V2_LINE_FLAG_INPUT | (on ? EDGES : 0));
}

/* Requests the first GPIO of a chip as an input. */
static int request_gpio(const char *chip, uint64_t flags)
{
	struct gpio_v2_line_request request = {
		.config.flags = GPIO_V2_LINE_FLAG_INPUT | flags,
		.consumer = CONSUMER,
		.num_lines = 1,
	};
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", chip);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (ioctl(fd, GPIO_V2_GET_LINE_IOCTL, &request))
		request.fd = -1;
	close(fd);
	return request.fd;
}

/* Returns the line that gpiolib has requested, or 0. */
static int find_line(void)
{
	char path[320], actions[64];
	struct dirent *entry;
	int irq = 0;
	DIR *dir;

	dir = opendir(IRQS);
	while (dir && !irq && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), IRQS "/%s/actions", entry->d_name);
		if (read_file(path, actions, sizeof(actions)) && !strcmp(actions, CONSUMER))
			irq = atoi(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return irq;
}

void gpio_release(struct line *line)
{
	close(line->gpio.request);
	line->gpio.request = -1;
}

const char *gpio_restore(struct line *line)
{
	char path[96], device[32], chip[32];

	gpio_release(line);
	snprintf(path, sizeof(path), "%s/live", line->gpio.chip);
	if (write_file(path, "1"))
		return "the simulated chip cannot be made";
	snprintf(path, sizeof(path), "%s/dev_name", line->gpio.chip);
	if (!read_file(path, device, sizeof(device)))
		return "the simulated chip has no device";
	snprintf(path, sizeof(path), "%s/bank/chip_name", line->gpio.chip);
	if (!read_file(path, chip, sizeof(chip)))
		return "the simulated chip has no name";
	snprintf(line->gpio.pull, sizeof(line->gpio.pull),
		 "/sys/devices/platform/%s/%s/sim_gpio0/pull", device, chip);
	line->gpio.up = false;

	/*
	 * gpiolib maps the interrupt of a GPIO at the first request, and the mapping stays. The
	 * simulated GPIO interrupts only while it is an input.
	 */
	line->gpio.request = request_gpio(chip, 0);
	if (line->gpio.request < 0 || gpio_watch(line, true))
		return "gpiolib does not map the line";
	line->irq = find_line();
	snprintf(line->path, sizeof(line->path), "/proc/irq/%d/irq", line->irq);
	gpio_watch(line, false);
	return line->irq ? NULL : "gpiolib has not requested the line";
}

void gpio_remove(struct line *line)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/live", line->gpio.chip);
	write_file(path, "0");
}

/* Requests the first GPIO of the only chip of a device. */
static int request_gpio_of(const char *device, uint64_t flags)
{
	struct dirent *entry;
	int fd = -1;
	DIR *dir;

	dir = opendir(device);
	while (dir && fd < 0 && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "gpiochip", strlen("gpiochip")))
			fd = request_gpio(entry->d_name, flags);
	if (dir)
		closedir(dir);
	return fd;
}

const char *gpio_forward(struct line *line)
{
	char text[80];
	int fd;

	/* The other chip must be able to request the GPIO. */
	gpio_release(line);
	snprintf(text, sizeof(text), "%s 0", strrchr(line->gpio.chip, '/') + 1);
	if (write_file(AGGREGATOR "/new_device", text))
		return "needs gpio-aggregator";
	fd = request_gpio_of("/sys/bus/platform/devices/" FORWARDER, EDGES);
	close(fd);
	write_file(AGGREGATOR "/delete_device", FORWARDER);
	return fd < 0 ? "the chip that forwards does not have the line" : NULL;
}

const char *gpio_setup(struct line *line)
{
	char bank[80], label[96];

	memset(line, 0, sizeof(*line));
	line->gpio.request = -1;
	/* If configfs is missing or mounted already, this fails, which does not matter. */
	mount("configfs", CONFIGFS, "configfs", 0, NULL);
	if (access(SIM, W_OK))
		return "needs root, configfs and gpio-sim";
	snprintf(line->gpio.chip, sizeof(line->gpio.chip), SIM "/irq_user.%d", getpid());
	snprintf(bank, sizeof(bank), "%s/bank", line->gpio.chip);
	if (mkdir(line->gpio.chip, 0700) || mkdir(bank, 0700))
		return "the simulated chip cannot be configured";
	snprintf(label, sizeof(label), "%s/label", bank);
	write_file(label, strrchr(line->gpio.chip, '/') + 1);
	return gpio_restore(line);
}

void gpio_teardown(struct line *line)
{
	char bank[80];

	if (!line->gpio.chip[0])
		return;
	gpio_remove(line);
	gpio_release(line);
	snprintf(bank, sizeof(bank), "%s/bank", line->gpio.chip);
	rmdir(bank);
	rmdir(line->gpio.chip);
}

void gpio_pull(struct line *line)
{
	line->gpio.up = !line->gpio.up;
	write_file(line->gpio.pull, line->gpio.up ? "pull-up" : "pull-down");
}
