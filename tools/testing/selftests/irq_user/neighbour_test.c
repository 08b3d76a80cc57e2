// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that no event is lost and none counts twice while other programs move the line, look at
 * it or suspend the system.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "file.h"
#include "line.h"
#include "rounds.h"

#define DEBUGFS		"/sys/kernel/debug/irq/irqs/%d"
#define CPU1_ONLINE	"/sys/devices/system/cpu/cpu1/online"

/* A thread that makes and serves the device's events until it is stopped. */
struct server {
	pthread_t thread;
	struct line *line;
	int fd;
	unsigned int before;		/* interrupts */
	unsigned int raised, counted;
	int error;
	bool stop;
};

static void *server_main(void *arg)
{
	struct server *server = arg;
	struct pollfd pollfd = { .fd = server->fd, .events = POLLIN };

	while (!__atomic_load_n(&server->stop, __ATOMIC_SEQ_CST)) {
		int count;

		__atomic_add_fetch(&server->raised, 1, __ATOMIC_SEQ_CST);
		line_raise(server->line);
		/* Sometimes the event comes before this thread waits. */
		if (server->raised % 4 == 0)
			wait_event(server->fd);
		do {
			count = read_count(server->fd);
		} while (count == -EINTR);
		line_ack(server->line);
		/* Sometimes poll without an event. */
		for (int i = 0; count == 1 && server->raised % 16 == 1 && i < 50; i++)
			count = poll(&pollfd, 1, 0) ? -EPROTO : 1;
		if (count != 1) {
			__atomic_store_n(&server->error, count, __ATOMIC_SEQ_CST);
			break;
		}
		__atomic_add_fetch(&server->counted, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static unsigned int served(struct server *server)
{
	return __atomic_load_n(&server->counted, __ATOMIC_SEQ_CST);
}

/* Waits until @counted events were served. Returns false if the server failed. */
static bool wait_served(struct server *server, unsigned int counted)
{
	while (served(server) < counted) {
		if (__atomic_load_n(&server->error, __ATOMIC_SEQ_CST))
			return false;
		sched_yield();
	}
	return true;
}

FIXTURE(served)
{
	struct line line;
	struct server server;
	bool can_trigger;		/* the chip can inject an interrupt */
};

/* Injects an interrupt through debugfs and takes the event. Returns whether that worked. */
static bool try_trigger(struct server *server)
{
	char path[64];

	snprintf(path, sizeof(path), DEBUGFS, server->line->irq);
	return !write_file(path, "trigger") && wait_event(server->fd) &&
	       read_count(server->fd) == 1;
}

FIXTURE_SETUP(served)
{
	const char *why = line_setup(&self->line);
	struct server *server = &self->server;

	if (why)
		SKIP(return, "%s", why);
	server->line = &self->line;
	server->fd = open(self->line.path, O_RDWR);
	ASSERT_LE(0, server->fd);
	self->can_trigger = try_trigger(server);
	server->before = line_hw_count(&self->line);
	ASSERT_EQ(0, pthread_create(&server->thread, NULL, server_main, server));
}

/* Stops the server, if it runs. */
static void server_stop(struct server *server)
{
	if (!server->thread)
		return;
	__atomic_store_n(&server->stop, true, __ATOMIC_SEQ_CST);
	pthread_join(server->thread, NULL);
	server->thread = 0;
}

/* Stops the server, and compares its counts with the kernel's. */
static void check_exact(struct __test_metadata *_metadata, struct server *server)
{
	EXPECT_TRUE(wait_served(server, served(server) + 100));
	server_stop(server);
	TH_LOG("%u events", server->raised);
	EXPECT_EQ(0, server->error);
	EXPECT_EQ(server->raised, server->counted);
	EXPECT_EQ(server->raised, line_hw_count(server->line) - server->before);
	ASSERT_EQ(0, fcntl(server->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, read_count(server->fd));
	EXPECT_GE(0, line_depth(server->line));
}

FIXTURE_TEARDOWN(served)
{
	/* A test that failed may have left the server, and the CPU offline. */
	server_stop(&self->server);
	write_file(CPU1_ONLINE, "1");
	line_leave(&self->line);
}

/* Reads all of a file. Returns its length or -errno. */
static int read_all(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY), length = 0;
	ssize_t len;

	if (fd < 0)
		return -errno;
	do {
		len = read(fd, text + length, size - 1 - length);
		if (len > 0)
			length += len;
	} while (len > 0 && length < size - 1);
	if (len < 0)
		length = -errno;
	else
		text[length] = '\0';
	close(fd);
	return length;
}

/* The line moves from CPU to CPU while it fires. */
TEST_F_TIMEOUT(served, affinity_changes, 300)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char path[64], mask[32];

	if (cpus < 2)
		SKIP(goto out, "needs two CPUs");
	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity", self->line.irq);
	for (int i = 0; i < events_to_have(3000, 200); i++) {
		snprintf(mask, sizeof(mask), "%x", 1 << i % (cpus < 32 ? cpus : 32));
		ASSERT_EQ(0, write_file(path, mask));
		/* Half of the changes meet an event that the change before them delayed. */
		if (i & 1)
			ASSERT_TRUE(wait_served(&self->server, served(&self->server) + 1));
	}
out:
	check_exact(_metadata, &self->server);
}

/* The CPU that takes the line's interrupts goes offline, and comes back. */
TEST_F_TIMEOUT(served, cpu_goes_offline, 600)
{
	char path[64];

	if (access(CPU1_ONLINE, W_OK))
		SKIP(goto out, "there is no CPU that can be taken offline");
	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", self->line.irq);
	for (int i = 0; i < rounds_of(20, 5); i++) {
		ASSERT_EQ(0, write_file(path, "1"));
		ASSERT_TRUE(wait_served(&self->server, served(&self->server) + 10));
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "0"));
		ASSERT_TRUE(wait_served(&self->server, served(&self->server) + 10));
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));
	}
out:
	check_exact(_metadata, &self->server);
}

/* Lists a directory and, like "ls -l", reads the status of its entries. */
static int list(const char *path)
{
	struct dirent *entry;
	int entries = 0;
	DIR *dir;

	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		char name[300];
		struct stat st;

		snprintf(name, sizeof(name), "%s/%.200s", path, entry->d_name);
		entries += !stat(name, &st);
	}
	if (dir)
		closedir(dir);
	return entries;
}

/* Other programs read all files of procfs that show the line. */
TEST_F_TIMEOUT(served, procfs_is_read_by_others, 300)
{
	static const char * const files[] = {
		"spurious", "affinity_hint", "smp_affinity", "effective_affinity", "node",
	};
	static char text[65536];
	char path[64];

	for (int i = 0; i < rounds_of(300, 60); i++) {
		for (int n = 0; n < ARRAY_SIZE(files); n++) {
			snprintf(path, sizeof(path), "/proc/irq/%d/%s", self->line.irq, files[n]);
			ASSERT_LT(0, read_all(path, text, sizeof(text)));
		}
		ASSERT_LT(0, read_all("/proc/interrupts", text, sizeof(text)));
		ASSERT_NE(NULL, strstr(text, "user:"));
		ASSERT_LT(0, read_all("/proc/stat", text, sizeof(text)));
		snprintf(path, sizeof(path), "/proc/irq/%d", self->line.irq);
		ASSERT_LT(2, list(path));
		ASSERT_LT(2, list("/proc/irq"));
		ASSERT_TRUE(wait_served(&self->server, served(&self->server) + 1));
	}
	check_exact(_metadata, &self->server);
}

/* Other programs read the line's file in debugfs, and try to trigger the line. */
TEST_F_TIMEOUT(served, debugfs_is_used_by_others, 300)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), DEBUGFS, self->line.irq);
	if (access(path, R_OK | W_OK))
		SKIP(goto out, "there is no %s", path);
	/* An IO-APIC cannot inject an interrupt. */
	if (strstr(line_state(&self->line), "IO-APIC"))
		EXPECT_FALSE(self->can_trigger);
	for (int i = 0; i < events_to_have(2000, 200); i++) {
		ASSERT_LT(0, read_all(path, text, sizeof(text)));
		ASSERT_NE(NULL, strstr(text, "ddepth:"));
		/*
		 * A trigger that fails does no harm. A trigger that works would be an
		 * additional event.
		 */
		if (!self->can_trigger)
			ASSERT_EQ(-EINVAL, write_file(path, "trigger"));
		ASSERT_TRUE(wait_served(&self->server, served(&self->server) + 1));
	}
out:
	check_exact(_metadata, &self->server);
}

/* The system suspends to idle, until another line wakes it. */
TEST_F_TIMEOUT(served, suspend_to_idle, 600)
{
	struct fake waker;
	const char *why = fake_make(&waker, "bare_edge");
	int fd;

	if (why)
		SKIP(goto out, "%s", why);
	fd = open(waker.path, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fake_do(&waker, "wake"));
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(wait_served(&self->server, served(&self->server) + 100));
		ASSERT_EQ(0, fake_suspend(&waker));
		/* That line fires only when the system is asleep. */
		ASSERT_EQ(1, read_count(fd));
		ASSERT_EQ(-EAGAIN, read_count(fd));
		ASSERT_TRUE(wait_served(&self->server, served(&self->server) + 100));
	}
	close(fd);
	fake_dispose(&waker);
out:
	check_exact(_metadata, &self->server);
}

TEST_HARNESS_MAIN
