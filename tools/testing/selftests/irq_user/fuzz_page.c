// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's mappings of the page of a file, and its calls that set how long a read looks for an
 * event.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "record.h"

#define BOTH	(PROT_READ | PROT_WRITE)

/* A mapping, and the line that it shows if that is known. */
struct mapping {
	const struct irq_user_page *page;
	bool is_known;
	struct view line;
};

static void check_page(struct worker *worker, const struct mapping *mapping)
{
	const unsigned int states = IRQ_USER_STATE_MASKED | IRQ_USER_STATE_GONE |
		IRQ_USER_STATE_COALESCED | IRQ_USER_STATE_STORM;
	const char *bytes = (const char *)mapping->page;
	size_t size = sizeof(struct irq_user_page);
	int times = 1 + pick(worker, 100);
	uint64_t total = 0;

	while (times--) {
		struct irq_user_record record;
		uint32_t state;

		page_read(mapping->page, &record);
		REQUIRE(worker, record.total >= total);
		REQUIRE(worker, !record.last || record.first <= record.last);
		REQUIRE(worker, record.last <= now());
		REQUIRE(worker, !(record.flags & ~IRQ_USER_RECORD_THREAD));
		total = record.total;

		state = page_state(mapping->page);
		REQUIRE(worker, !(state & ~states));
		if (state & IRQ_USER_STATE_GONE)
			REQUIRE(worker, !mapping->is_known || !is_there(&mapping->line));
	}
	REQUIRE(worker, !bytes[size + pick(worker, PAGE - size)]);
}

static const struct map_call {
	const char *name;
	size_t size;
	int prot, flags;
	off_t offset;
	int errors[2];
} map_calls[] = {
	{ "shared",		PAGE,	  PROT_READ, MAP_SHARED, 0, {} },
	{ "shared",		PAGE,	  PROT_READ, MAP_SHARED, 0, {} },
	{ "shared",		PAGE,	  PROT_READ, MAP_SHARED, 0, {} },
	{ "private",		PAGE,	  PROT_READ, MAP_PRIVATE, 0, {} },
	{ "two pages",		2 * PAGE, PROT_READ, MAP_SHARED, 0, { EINVAL } },
	{ "second page",	PAGE,	  PROT_READ, MAP_SHARED, PAGE, { EINVAL } },
	{ "for writing",	PAGE,	  BOTH, MAP_SHARED, 0, { EPERM, EACCES } },
	{ "private, for writing", PAGE,	  BOTH, MAP_PRIVATE, 0, { EPERM, EACCES } },
};

/* What op_map() has left mapped. */
static __thread struct mapping kept;

/* Maps a page for a moment, or until a later operation. */
long op_map(struct worker *worker)
{
	const struct map_call *call = &map_calls[pick(worker, ARRAY_SIZE(map_calls))];
	bool is_to_be_kept = !pick(worker, 8), protects = !pick(worker, 8);
	struct mapping mapping = {};
	struct held held;
	long result;
	void *page;

	/* A mapping claims a line, so only one is kept, and not for long. */
	if (kept.page) {
		note(worker, "unmap line %d", kept.line.irq);
		check_page(worker, &kept);
		page_unmap(kept.page);
		kept.page = NULL;
		return 0;
	}

	held = hold(worker);
	note(worker, "fd %d, %s", held.fd, call->name);
	page = mmap(NULL, call->size, call->prot, call->flags, held.fd, call->offset);
	result = page == MAP_FAILED ? -errno : 0;
	judge(worker, &held, result, ERRORS(call->errors[0], call->errors[1]));
	if (result)
		return result;
	REQUIRE(worker, !call->errors[0]);
	mapping.page = page;
	mapping.is_known = is_open(&held);
	mapping.line = held.file.line;
	if (protects)
		REQUIRE(worker, outcome(mprotect(page, PAGE, BOTH)) == -EACCES);
	check_page(worker, &mapping);
	if (is_to_be_kept)
		kept = mapping;
	else
		page_unmap(page);
	return 0;
}

/* What a call is given: the structure, and what a later kernel may add to it. */
struct argument {
	struct irq_user_spin spin;
	unsigned int rest;
};

static const struct spin_call {
	struct argument argument;
	unsigned int size;
	bool is_bad;			/* the pointer */
	int error;
} spin_calls[] = {
	{ { { 0, 0 }, 0 },				8, false, 0 },
	{ { { 1, 0 }, 0 },				8, false, 0 },
	{ { { 50000, 0 }, 0 },				4, false, 0 },
	{ { { IRQ_USER_SPIN_MAX_NS, 0 }, 0 },		8, false, 0 },
	{ { { IRQ_USER_SPIN_MAX_NS, 0 }, 0 },		12, false, 0 },
	{ { { IRQ_USER_SPIN_MAX_NS, 0 }, 1 },		12, false, E2BIG },
	{ { { IRQ_USER_SPIN_MAX_NS + 1, 0 }, 0 },	8, false, EINVAL },
	{ { { 0, 1 }, 0 },				8, false, EINVAL },
	{ { { 0, 0 }, 0 },				0, false, EINVAL },
	{ { { 0, 0 }, 0 },				3, false, EINVAL },
	{ { { 0, 0 }, 0 },				8, true, EFAULT },
};

long op_spin(struct worker *worker)
{
	const struct spin_call *call = &spin_calls[pick(worker, ARRAY_SIZE(spin_calls))];
	unsigned long request = _IOC(_IOC_WRITE, 0xBB, 0, call->size);
	const void *argument = call->is_bad ? NULL : &call->argument;
	struct held held = hold(worker);
	long result;

	note(worker, "fd %d, %u ns, flags %#x, %u bytes%s", held.fd, call->argument.spin.max_ns,
	     call->argument.spin.flags, call->size, call->is_bad ? ", bad pointer" : "");
	result = outcome(ioctl(held.fd, request, argument));
	judge(worker, &held, result, ERRORS(call->error));
	REQUIRE(worker, result < 0 || !call->error);
	return result;
}
