/*
 * edu LINE REGISTERS: lets QEMU's card edu compute factorials, and waits for its interrupts.
 *
 * The arguments are paths, such as /dev/irq/0000:00:02.0/msi0 and /dev/irq/0000:00:02.0/mem0.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/irq_user.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static volatile uint32_t *map(const char *path)
{
	int fd = open_file(path, O_RDWR);
	void *registers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (registers == MAP_FAILED)
		err(1, "%s", path);
	close(fd);
	return registers;
}

/* Waits for ten seconds, and arms the line. */
static struct irq_user_record wait_for_event(int line)
{
	struct pollfd wanted = { .fd = line, .events = POLLIN };
	struct irq_user_record record;
	int ready = poll(&wanted, 1, 10000);

	if (ready < 0)
		err(1, "poll");
	if (ready == 0)
		errx(1, "no interrupt");
	if (read(line, &record, sizeof(record)) != sizeof(record))
		err(1, "read");
	return record;
}

int main(int argc, char **argv)
{
	volatile uint32_t *registers;
	struct irq_user_record record;
	uint64_t before = 0;
	int line;

	if (argc != 3)
		errx(1, "usage: edu LINE REGISTERS");
	registers = map(argv[2]);
	line = open_file(argv[1], O_RDONLY | O_NONBLOCK);
	/* The first read of a record lets the kernel take the times of events. */
	if (read(line, &record, sizeof(record)) < 0 && errno != EAGAIN)
		err(1, "%s", argv[1]);

	/* Interrupt when done. */
	registers[0x20 / 4] = 0x80;
	for (uint32_t number = 5; number <= 7; number++) {
		registers[0x08 / 4] = number;
		record = wait_for_event(line);
		/* The card drops its interrupt. The next poll arms the line. */
		registers[0x64 / 4] = registers[0x24 / 4];
		printf("%u interrupt, the factorial is %u\n", record.count, registers[0x08 / 4]);
		if (record.last <= before)
			errx(1, "the time is %llu ns", (unsigned long long)record.last);
		before = record.last;
	}
	return 0;
}
