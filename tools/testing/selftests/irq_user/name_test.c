// SPDX-License-Identifier: GPL-2.0
/*
 * Tests the name of an owner: user:<comm> in /proc/interrupts and as a folder of the line,
 * whatever the opener's comm is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "line_fixture.h"

#define MAX_ENTRIES	32

/* An entry of the line's directory, and the results of using it. */
struct entry {
	char name[64];
	mode_t mode;
	int read, written;		/* 0, or -errno */
};

struct entries {
	int count;
	struct entry entry[MAX_ENTRIES];
};

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Reads the entry and, if it is writable, writes back what was read. */
static void try_entry(struct entry *entry, const char *path)
{
	char text[1024] = "";
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY | O_NONBLOCK);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text));
	entry->read = len < 0 ? -errno : 0;
	close(fd);
	if (entry->read || !(entry->mode & 0200))
		return;
	fd = open(path, O_WRONLY);
	entry->written = fd < 0 || write(fd, text, len) < 0 ? -errno : 0;
	close(fd);
}

/* Reads all entries of the line's directory, except the line's file. */
static int look_at_entries(struct line *line, struct entries *entries)
{
	struct dirent *dirent;
	char path[320];
	DIR *dir;

	memset(entries, 0, sizeof(*entries));
	snprintf(path, sizeof(path), "/proc/irq/%d", line->irq);
	dir = opendir(path);
	if (!dir)
		return -1;
	while ((dirent = readdir(dir)) && entries->count < MAX_ENTRIES) {
		struct entry *entry = &entries->entry[entries->count];
		struct stat st;

		if (!strcmp(dirent->d_name, ".") || !strcmp(dirent->d_name, ".."))
			continue;
		snprintf(entry->name, sizeof(entry->name), "%s", dirent->d_name);
		snprintf(path, sizeof(path), "/proc/irq/%d/%s", line->irq, dirent->d_name);
		if (stat(path, &st))
			continue;
		entry->mode = st.st_mode;
		if (S_ISREG(st.st_mode) && strcmp(dirent->d_name, "irq"))
			try_entry(entry, path);
		entries->count++;
	}
	closedir(dir);
	qsort(entries->entry, entries->count, sizeof(struct entry), compare_entries);
	return 0;
}

/* Removes the owner's directory from the list, and returns whether it was there. */
static bool take_out(struct entries *entries, const char *name)
{
	for (int i = 0; i < entries->count; i++) {
		struct entry *entry = &entries->entry[i];

		if (strcmp(entry->name, name) || !S_ISDIR(entry->mode))
			continue;
		entries->count--;
		memmove(entry, entry + 1, (entries->count - i) * sizeof(*entry));
		memset(&entries->entry[entries->count], 0, sizeof(*entry));
		return true;
	}
	return false;
}

static void check_same_entries(struct __test_metadata *_metadata, const struct entries *expected,
			       const struct entries *seen)
{
	EXPECT_EQ(expected->count, seen->count);
	for (int i = 0; i < expected->count; i++) {
		const struct entry *a = &expected->entry[i], *b = &seen->entry[i];

		EXPECT_STREQ(a->name, b->name);
		EXPECT_EQ(a->mode, b->mode)
			TH_LOG("of %s", a->name);
		EXPECT_EQ(a->read, b->read)
			TH_LOG("of %s", a->name);
		EXPECT_EQ(a->written, b->written)
			TH_LOG("of %s", a->name);
	}
}

/* Checks that the line's row is printable and ends with the owner's name. */
static void check_row(struct __test_metadata *_metadata, struct line *line, const char *name)
{
	char *row = line_row(line), *owner = strstr(row, "  user:");

	ASSERT_NE(NULL, owner)
		TH_LOG("no owner in \"%s\"", row);
	EXPECT_STREQ(name, owner + 2);
	for (char *c = row; *c; c++) {
		EXPECT_TRUE(*c >= ' ' && *c <= '~')
			TH_LOG("byte 0x%02x in \"%s\"", (unsigned char)*c, row);
	}
	free(row);
}

static bool has_owner(struct line *line)
{
	char *row = line_row(line);
	bool found = strstr(row, "user:");

	free(row);
	return found;
}

/* Checks that the line has this owner, and the same entries as before. */
static void check_owner(struct __test_metadata *_metadata, struct line *line, const char *name,
			const struct entries *before)
{
	struct entries now;
	int fd;

	check_row(_metadata, line, name);
	ASSERT_EQ(0, look_at_entries(line, &now));
	EXPECT_TRUE(take_out(&now, name))
		TH_LOG("there is no directory \"%s\"", name);
	check_same_entries(_metadata, before, &now);
	fd = open(line->path, O_RDWR);
	EXPECT_EQ(-1, fd);
	EXPECT_EQ(EBUSY, errno);
}

/* Checks that the line has no owner, and the same entries as before. */
static void check_no_owner(struct __test_metadata *_metadata, struct line *line,
			   const struct entries *before)
{
	struct entries now;

	EXPECT_FALSE(has_owner(line));
	ASSERT_EQ(0, look_at_entries(line, &now));
	check_same_entries(_metadata, before, &now);
}

static int set_comm_by_prctl(const char *comm)
{
	return prctl(PR_SET_NAME, comm);
}

static int set_comm_by_file(const char *comm)
{
	return write_file("/proc/self/comm", comm);
}

static int (*const set_comm[])(const char *comm) = { set_comm_by_prctl, set_comm_by_file };

/* The owner is shown as user:<comm>, in which harmful bytes are replaced. */
TEST_F(intx, owner_is_shown_by_its_comm)
{
	static const struct {
		const char *comm, *name;
	} names[] = {
		{ "driver",			"user:driver" },
		{ "my driver",			"user:my driver" },
		{ "  two  spaces ",		"user:  two  spaces " },
		{ "abcdefghijklmno",		"user:abcdefghijklmno" },
		{ " !\"#$%&'()*+,-.",		"user: !\"#$%&'()*+,-." },
		{ ":;<=>?@[\\]^_`{|",		"user::;<=>?@[\\]^_`{|" },
		{ "}~",				"user:}~" },
		{ "%s%n%p%d",			"user:%s%n%p%d" },
		{ "user:x",			"user:user:x" },
		{ "a/b",			"user:a_b" },
		{ "/",				"user:_" },
		{ "../../../etc",		"user:.._.._.._etc" },
		{ "///////////////",		"user:_______________" },
		{ ".",				"user:." },
		{ "..",				"user:.." },
		{ "",				"user:" },
		{ "a\nb",			"user:a_b" },
		{ "\x01\x02\x03\x04\x05\x06\a\b\t\n\v\f\r\x0e\x0f", "user:_______________" },
		{ "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e",
						"user:_______________" },
		{ "\x1f\x7f",			"user:__" },
		{ "\xff\xfe\xc3",		"user:___" },
		{ "\xc3\xa9t\xc3\xa9",		"user:__t__" },
		{ "\x80\x81\x9b\xa0\xad\xbf\xc0\xc1\xf5\xf8\xfc\xfe\xff\xed\xa0",
						"user:_______________" },
	};
	struct entries before;

	ASSERT_EQ(0, look_at_entries(&self->line, &before));
	for (int i = 0; i < ARRAY_SIZE(names) * ARRAY_SIZE(set_comm); i++) {
		const char *comm = names[i / ARRAY_SIZE(set_comm)].comm;
		const char *name = names[i / ARRAY_SIZE(set_comm)].name;
		int fd;

		ASSERT_EQ(0, set_comm[i % ARRAY_SIZE(set_comm)](comm));
		fd = open(self->line.path, O_RDWR);
		ASSERT_LE(0, fd)
			TH_LOG("cannot open as \"%s\"", name);
		check_owner(_metadata, &self->line, name, &before);
		close(fd);
		check_no_owner(_metadata, &self->line, &before);
	}
}

/* An owner whose comm is the name of an entry of the line's directory hides no entry. */
TEST_F(intx, comm_hides_no_entry)
{
	struct entries before;

	ASSERT_EQ(0, look_at_entries(&self->line, &before));
	ASSERT_LT(0, before.count);
	for (int i = 0; i < before.count; i++) {
		char comm[16], name[32];
		int fd;

		/* A comm has at most 15 bytes. */
		snprintf(comm, sizeof(comm), "%.15s", before.entry[i].name);
		snprintf(name, sizeof(name), "user:%s", comm);
		ASSERT_EQ(0, set_comm_by_prctl(comm));
		fd = open(self->line.path, O_RDWR | O_NONBLOCK);
		ASSERT_LE(0, fd)
			TH_LOG("cannot open as \"%s\"", name);
		check_owner(_metadata, &self->line, name, &before);
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		EXPECT_EQ(1, read_count(fd));
		line_ack(&self->line);
		close(fd);
		check_no_owner(_metadata, &self->line, &before);
	}
}

static void *open_as_thread(void *path)
{
	set_comm_by_prctl("a thread");
	return (void *)(long)open(path, O_RDWR);
}

/* The name is that of the thread that opens, and stays after the thread has ended. */
TEST_F(intx, comm_of_the_thread_is_shown)
{
	struct entries before;
	pthread_t thread;
	void *fd;

	ASSERT_EQ(0, look_at_entries(&self->line, &before));
	ASSERT_EQ(0, set_comm_by_prctl("the process"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, open_as_thread, self->line.path));
	ASSERT_EQ(0, pthread_join(thread, &fd));
	ASSERT_LE(0, (long)fd);
	check_owner(_metadata, &self->line, "user:a thread", &before);
	close((long)fd);
	check_no_owner(_metadata, &self->line, &before);
}

/* The name is the opener's comm at the time of open: a later change of the comm is not shown. */
TEST_F(intx, later_comm_is_not_shown)
{
	struct entries before;
	int fd;

	ASSERT_EQ(0, look_at_entries(&self->line, &before));
	ASSERT_EQ(0, set_comm_by_prctl("early"));
	fd = open(self->line.path, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_comm_by_prctl("late"));
	check_owner(_metadata, &self->line, "user:early", &before);
	close(fd);
	check_no_owner(_metadata, &self->line, &before);
}

TEST_HARNESS_MAIN
