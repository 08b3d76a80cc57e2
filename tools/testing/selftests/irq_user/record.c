// SPDX-License-Identifier: GPL-2.0

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "record.h"

static int result_of(ssize_t len)
{
	if (len < 0)
		return -errno;
	return len == sizeof(struct irq_user_record) ? 0 : -EPROTO;
}

int read_record(int fd, struct irq_user_record *record)
{
	return result_of(read(fd, record, sizeof(*record)));
}

int read_record_nowait(int fd, struct irq_user_record *record)
{
	struct iovec iov = { .iov_base = record, .iov_len = sizeof(*record) };

	return result_of(preadv2(fd, &iov, 1, -1, RWF_NOWAIT));
}

uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

const struct irq_user_page *page_map(int fd)
{
	void *page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

void page_unmap(const struct irq_user_page *page)
{
	if (page)
		munmap((void *)page, PAGE);
}

unsigned int page_read(const struct irq_user_page *page, struct irq_user_record *record)
{
	unsigned int again = 0;
	uint32_t sequence;

	for (;; again++) {
		sequence = __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
		*record = page->records[sequence & 1];
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&page->sequence, __ATOMIC_RELAXED) == sequence)
			return again;
	}
}

uint64_t page_total(const struct irq_user_page *page)
{
	struct irq_user_record record;

	page_read(page, &record);
	return record.total;
}

uint32_t page_state(const struct irq_user_page *page)
{
	return __atomic_load_n(&page->state, __ATOMIC_ACQUIRE);
}

void page_wait_state(const struct irq_user_page *page, uint32_t mask, uint32_t flags)
{
	while ((page_state(page) & mask) != flags)
		;
}

void page_wait_total(const struct irq_user_page *page, uint64_t total)
{
	while (page_total(page) < total)
		;
}
