// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's lines: that of the edu device, the card's vectors, and those of the module
 * test_irq_lines, which are made and disposed of during the run.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"
#include "fuzz.h"
#include "node.h"

/* The first kind is the edu device's, the second the card's. */
const struct kind kinds[] = {
	{ "intx", "assert", 0 },
	{ "vector", "message", 0 },
	{ "edge", "fire", 0 },
	{ "bare_edge", "fire", 0 },
	{ "slow_edge", "fire", 0 },
	{ "nested_edge", "nested", 0 },
	{ "level", "assert", 0 },
	{ "slow", "assert", 0 },
	{ "nested", "nested", 0 },
	{ "unmarked_nested", "nested", 0 },
	{ "simple", "assert", 0 },
	{ "hidden", "assert", 0 },
	{ "percpu", NULL, ENOENT },
	{ "percpu_devid", NULL, ENOENT },
	{ "unmaskable", NULL, ENOENT },
	{ "dummy", NULL, ENOENT },
	{ "chained", NULL, ENOENT },
	{ "norequest", NULL, EINVAL },
};

#define FAKE_KINDS	2
#define REFUSED_KINDS	6

struct view look_at(int number)
{
	struct slot *slot = &fuzz->slots[number];
	struct view view = { .slot = number };

	view.generation = __atomic_load_n(&slot->generation, __ATOMIC_SEQ_CST);
	view.irq = __atomic_load_n(&slot->irq, __ATOMIC_SEQ_CST);
	view.kind = __atomic_load_n(&slot->kind, __ATOMIC_SEQ_CST);
	return view;
}

struct view look(struct worker *worker)
{
	return look_at(pick(worker, SLOTS));
}

bool is_there(const struct view *view)
{
	return view->generation & 1 && view->generation ==
		__atomic_load_n(&fuzz->slots[view->slot].generation, __ATOMIC_SEQ_CST);
}

bool is_edge(const struct view *view)
{
	return is_vector(view) || strstr(kinds[view->kind].name, "edge");
}

void name_file(const struct view *view, bool by_node, char *path, size_t size)
{
	if (by_node && is_vector(view))
		snprintf(path, size, "/dev/irq/%.32s/msix%d", node_device(&fuzz->card.line),
			 view->slot - FIRST_VECTOR);
	else
		snprintf(path, size, "/proc/irq/%d/irq", view->irq);
}

bool turn(struct slot *slot, unsigned int generation)
{
	return __atomic_compare_exchange_n(&slot->generation, &generation, generation + 1, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* As fake_do(), but opens the file only once. */
static int obey(const struct view *view, const char *verb)
{
	static __thread int control;
	char text[32];
	int size;

	if (!control)
		control = open(CONTROL, O_WRONLY | O_CLOEXEC);
	size = snprintf(text, sizeof(text), "%s %d", verb, view->irq);
	return write(control, text, size) < 0 ? -errno : 0;
}

bool can_dispose(const struct view *view)
{
	return view->slot || !lines_stay();
}

int line_dispose(const struct view *view)
{
	if (view->slot && !is_vector(view))
		return obey(view, "dispose");
	if (view->slot)
		unbind_card();
	else
		line_enable(&fuzz->device, false);
	return 0;
}

static long make(struct worker *worker, struct slot *slot, int kind)
{
	struct fake fake;

	if (slot->generation & 1)
		return -EEXIST;
	if (slot == fuzz->slots) {
		line_enable(&fuzz->device, true);
		fake.irq = line_number(&fuzz->device);
	} else {
		const char *why = fake_make(&fake, kinds[kind].name);

		if (why)
			blame(worker, "%s", why);
	}
	slot->irq = fake.irq;
	slot->kind = kind;
	turn(slot, slot->generation);
	return 0;
}

void make_all(struct worker *worker)
{
	int kinds_of_module = ARRAY_SIZE(kinds) - FAKE_KINDS;

	if (fuzz->has_device)
		make(worker, fuzz->slots, 0);
	for (int i = FIRST_FAKE; i < SLOTS; i++)
		make(worker, &fuzz->slots[i], FAKE_KINDS + (i - FIRST_FAKE) % kinds_of_module);
}

long op_make(struct worker *worker)
{
	int number = pick(worker, SLOTS);
	int all = ARRAY_SIZE(kinds) - FAKE_KINDS, kind = 0;
	long result;

	/* The card's lines appear when the card is bound. */
	if (worker->is_mortal || (number && number < FIRST_FAKE))
		return -EPERM;
	if (number)
		kind = FAKE_KINDS + pick(worker, pick(worker, 3) ? all - REFUSED_KINDS : all);
	else if (!fuzz->has_device)
		return -ENODEV;
	note(worker, "slot %d, %s", number, kinds[kind].name);
	if (look_at(number).generation & 1)
		return -EEXIST;
	/* One at a time: so the newest line is the line that was made here. */
	if (pthread_mutex_trylock(&fuzz->making))
		return -EBUSY;
	result = make(worker, &fuzz->slots[number], kind);
	pthread_mutex_unlock(&fuzz->making);
	return result;
}

long op_dispose(struct worker *worker)
{
	struct view view = look(worker);
	long result;

	if (worker->is_mortal || is_vector(&view) || !can_dispose(&view))
		return -EPERM;
	if (!is_there(&view) || !turn(&fuzz->slots[view.slot], view.generation))
		return -ENOENT;
	note(worker, "line %d (%s)", view.irq, kinds[view.kind].name);
	result = line_dispose(&view);
	expect(worker, result, ERRORS(0));
	return result;
}

int line_fire(const struct view *view)
{
	if (!kinds[view->kind].fire)
		return -EINVAL;
	if (view->slot && !is_vector(view))
		return obey(view, kinds[view->kind].fire);
	if (view->slot)
		fire_vector(view);
	else
		line_raise(&fuzz->device);
	return 0;
}

int line_quiet(const struct view *view)
{
	/* A message is over when it was sent. */
	if (is_vector(view))
		return 0;
	if (view->slot)
		return obey(view, "quiet");
	line_ack(&fuzz->device);
	return 0;
}

/* Asserts a level line for a moment, or until another operation quiets it. */
long op_fire(struct worker *worker)
{
	bool is_burst = !pick(worker, 32), is_pulse = pick(worker, 8);
	int patience = pick(worker, 4);
	struct view view = look(worker);
	long result;

	note(worker, "line %d (%s)", view.irq, kinds[view.kind].name);
	if (is_burst && is_edge(&view) && !strcmp(kinds[view.kind].fire, "fire"))
		result = obey(&view, "burst");
	else
		result = line_fire(&view);
	if (is_there(&view))
		expect(worker, result, ERRORS(kinds[view.kind].fire ? 0 : EINVAL));
	else
		expect(worker, result, ERRORS(EINVAL, ENOENT));
	if (is_pulse && !is_edge(&view)) {
		while (patience--)
			sched_yield();
		line_quiet(&view);
	}
	return result;
}

long op_quiet(struct worker *worker)
{
	struct view view = look(worker);
	long result;

	note(worker, "line %d (%s)", view.irq, kinds[view.kind].name);
	result = line_quiet(&view);
	expect(worker, result, ERRORS(is_there(&view) ? 0 : ENOENT));
	return result;
}

/*
 * Has the kernel inject an edge.
 *
 * Not into a line whose chip is behind a slow bus: irq_inject_interrupt() locks the bus through
 * the line's chip. If the line is disposed of meanwhile, the core has removed the chip before
 * irq_inject_interrupt() unlocks the bus, which stays locked. Only debugfs reaches this race of
 * the core.
 */
long op_trigger(struct worker *worker)
{
	struct view view = look(worker);
	char path[64];
	long result;
	int fd;

	note(worker, "line %d (%s)", view.irq, kinds[view.kind].name);
	if (!strncmp(kinds[view.kind].name, "slow", 4))
		return 0;
	snprintf(path, sizeof(path), "/sys/kernel/debug/irq/irqs/%d", view.irq);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	result = outcome(write(fd, "trigger", 7));
	close(fd);
	return result;
}
