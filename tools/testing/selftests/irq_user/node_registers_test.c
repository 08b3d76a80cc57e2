// SPDX-License-Identifier: GPL-2.0
/*
 * Tests /dev/irq/<device>/mem<N>: the device's registers can be mapped while the device is
 * bound, and nothing else can be done with them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node_fixture.h"

static const int BOTH = PROT_READ | PROT_WRITE;

static uint32_t get(const uint32_t *regs)
{
	return __atomic_load_n(&regs[IGB_MODE], __ATOMIC_SEQ_CST);
}

static void set(uint32_t *regs, uint32_t value)
{
	__atomic_store_n(&regs[IGB_MODE], value, __ATOMIC_SEQ_CST);
}

/* The node's registers are those of the device's resource of the same number. */
TEST_F(card, maps_the_registers)
{
	uint32_t *mine = self->line.regs;

	ASSERT_EQ(NULL, line_map(&self->line, IGB_BAR_SIZE));
	for (int i = 0; i < 10; i++) {
		uint32_t *writer = i & 1 ? mine : self->line.regs;
		uint32_t value = i & 2 ? IGB_MODE_MSIX : 0;

		set(writer, value);
		EXPECT_EQ(value, get(mine) & IGB_MODE_MSIX);
		EXPECT_EQ(get(self->line.regs), get(mine));
	}
	munmap(mine, IGB_BAR_SIZE);
}

/* Reading and writing the file fail with EINVAL. */
TEST_F(card, read_and_write_are_invalid)
{
	int fd = node_open(&self->line, "mem0", O_RDWR);
	uint32_t word = 0;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, &word, sizeof(word)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, &word, sizeof(word)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pread(fd, &word, sizeof(word), 0));
	EXPECT_EQ(EINVAL, errno);
}

/* A mapping cannot go beyond the end of the registers, and cannot grow. */
TEST_F(card, no_mapping_beyond_the_end)
{
	size_t size = strtoul(node_get_of(&self->line, "mem0", "size"), NULL, 10);
	int fd = node_open(&self->line, "mem0", O_RDWR);
	const size_t page = sysconf(_SC_PAGESIZE);
	void *map;

	ASSERT_LE(0, fd);
	ASSERT_LT(page, size);
	EXPECT_EQ(0, try_map(fd, size, BOTH, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, try_map(fd, size + page, BOTH, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, try_map(fd, 1, BOTH, MAP_SHARED, size));
	EXPECT_EQ(-EINVAL, try_map(fd, 2 * page, BOTH, MAP_SHARED, size - page));
	map = mmap(NULL, page, BOTH, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(MAP_FAILED, mremap(map, page, 2 * size, MREMAP_MAYMOVE));
}

/* A private mapping fails: its pages would be copies, not registers. */
TEST_F(card, private_mapping_is_invalid)
{
	int fd = node_open(&self->line, "mem0", O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, try_map(fd, IGB_BAR_SIZE, PROT_READ, MAP_PRIVATE, 0));
	EXPECT_EQ(-EINVAL, try_map(fd, IGB_BAR_SIZE, BOTH, MAP_PRIVATE, 0));
}

/* A file that was opened for reading can be mapped for reading only. */
TEST_F(card, read_only_file_maps_read_only)
{
	int fd = node_open(&self->line, "mem0", O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, try_map(fd, IGB_BAR_SIZE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EACCES, try_map(fd, IGB_BAR_SIZE, BOTH, MAP_SHARED, 0));
}

/* A child has the mapping of its parent, and both see the same registers. */
TEST_F(card, child_keeps_the_mapping)
{
	uint32_t *regs = self->line.regs;
	pid_t child;
	int status;

	set(regs, IGB_MODE_MSIX);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		bool same = get(regs) & IGB_MODE_MSIX;

		set(regs, 0);
		_exit(!same || node_faults(regs));
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, get(regs) & IGB_MODE_MSIX);
}

/*
 * After the device is unbound, an access to its registers raises SIGBUS, in each process that
 * has them mapped, and they cannot be mapped. That stays so when the device is bound again.
 */
TEST_F_TIMEOUT(card, unbinding_ends_mappings, 60)
{
	int fd = node_open(&self->line, "mem0", O_RDWR), gone[2], status;
	uint32_t *regs = self->line.regs, *untouched;
	pid_t child;

	ASSERT_LE(0, fd);
	/* No page of this mapping was used before. */
	untouched = mmap(NULL, IGB_BAR_SIZE, BOTH, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, untouched);
	ASSERT_EQ(0, pipe(gone));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		char byte;

		close(gone[1]);
		if (node_faults(regs))
			_exit(1);
		/* Ends when the parent closes its end. */
		if (read(gone[0], &byte, 1))
			_exit(2);
		_exit(node_faults(regs) && node_faults(untouched) ? 0 : 3);
	}
	close(gone[0]);
	wait_asleep(child);
	EXPECT_FALSE(node_faults(regs));
	node_unbind(&self->line);
	close(gone[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status)
		TH_LOG("the child ended with status %#x", status);

	for (int i = 0; i < 2; i++) {
		EXPECT_TRUE(node_faults(regs));
		EXPECT_TRUE(node_faults(untouched));
		EXPECT_EQ(-ENODEV, try_map(fd, IGB_BAR_SIZE, BOTH, MAP_SHARED, 0));
		if (!i) {
			EXPECT_EQ(-ENOENT, try_open(node_path(&self->line, "mem0"), O_RDWR));
			ASSERT_EQ(NULL, node_bind(&self->line));
		}
	}
	ASSERT_EQ(NULL, igb_map(&self->line));
	EXPECT_FALSE(node_faults(self->line.regs));
}

TEST_HARNESS_MAIN
