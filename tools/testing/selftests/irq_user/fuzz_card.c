// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's card: QEMU's "igb". Its vectors are lines while it is bound to the driver
 * irq_user. It is bound, set up in another way, reset and unbound while its lines are open and
 * its registers are mapped. A line or a mapping may end once the change has begun, and not
 * before.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "igb.h"
#include "node.h"

#define IGB_STATUS	(0x8 / 4)

bool is_vector(const struct view *view)
{
	return fuzz->card.is_there && view->slot >= FIRST_VECTOR && view->slot < FIRST_FAKE;
}

bool may_be_forbidden(const struct view *view)
{
	return is_vector(view) || !is_there(view);
}

void fire_vector(const struct view *view)
{
	igb_fire(fuzz->card.line.regs, 1 << (view->slot - FIRST_VECTOR));
}

static unsigned int load(unsigned int *number)
{
	return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

static void add_one(unsigned int *number)
{
	__atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST);
}

/* From here on the card's nodes may go. The caller holds the card's lock. */
static void begin_change(struct card *card)
{
	add_one(&card->version);
	for (int i = FIRST_VECTOR; i < FIRST_FAKE; i++) {
		struct view view = look_at(i);

		if (is_there(&view))
			turn(&fuzz->slots[i], view.generation);
	}
}

/* From here on the nodes stay. Makes the nodes of vectors known as lines. */
static void end_change(struct card *card)
{
	igb_prepare(card->line.regs, VECTORS);
	for (int i = FIRST_VECTOR; i < FIRST_FAKE; i++) {
		struct slot *slot = &fuzz->slots[i];
		int irq = node_number(&card->line, node_vector("msix", i - FIRST_VECTOR));

		if (!irq)
			continue;
		slot->irq = irq;
		turn(slot, slot->generation);
	}
	add_one(&card->version);
}

static void unbind(struct card *card, bool unloads)
{
	/* A driver that is built in cannot be unloaded. */
	if (!unloads || !node_unload())
		node_unbind(&card->line);
	add_one(&card->unbound);
}

void unbind_card(void)
{
	begin_change(&fuzz->card);
	unbind(&fuzz->card, false);
	end_change(&fuzz->card);
}

const char *restore_card(void)
{
	struct card *card = &fuzz->card;
	const char *why;

	if (!card->is_there)
		return NULL;
	begin_change(card);
	why = node_bind_as(&card->line, "msix", "8");
	end_change(card);
	return why;
}

/* Where a thread that accesses registers continues if they are gone. */
static __thread sigjmp_buf escape;
static __thread bool may_escape;

static void leave_registers(int number)
{
	if (may_escape)
		siglongjmp(escape, 1);
	signal(number, SIG_DFL);
}

const char *setup_card(void)
{
	struct sigaction action = { .sa_handler = leave_registers };
	struct card *card = &fuzz->card;
	const char *why = igb_find(&card->line);

	for (int i = FIRST_VECTOR; i < FIRST_FAKE; i++)
		fuzz->slots[i].kind = VECTOR_KIND;
	if (!why)
		why = node_bind_as(&card->line, "intx", "8");
	if (why)
		return why;
	/* While the card is bound with INTx, no file can have the physical line. */
	card->shares_intx = line_number(&card->line) == fuzz->device.irq;
	if (node_set(&card->line, "irq_user_type", "msix"))
		why = "the card has no vectors here";
	if (!why)
		why = line_map(&card->line, IGB_BAR_SIZE);
	if (why) {
		node_unbind(&card->line);
		return why;
	}
	sigaction(SIGBUS, &action, NULL);
	add_one(&card->version);
	end_change(card);
	return NULL;
}

/* Locks the card for this worker. Returns 0, or -errno if that is not possible. */
static int claim(struct worker *worker)
{
	/* A worker that is killed would not unlock it. */
	if (worker->is_mortal)
		return -EPERM;
	if (!fuzz->card.is_there)
		return -ENODEV;
	return -pthread_mutex_trylock(&fuzz->card.lock);
}

/* Binds the card, or unbinds it. Unloading the driver unbinds it too. */
long op_bind(struct worker *worker)
{
	bool unloads = !pick(worker, 8);
	struct card *card = &fuzz->card;
	long result = claim(worker);
	const char *why = NULL;

	if (result)
		return result;
	begin_change(card);
	if (node_is_bound(&card->line)) {
		note(worker, "%s", unloads ? "unload" : "unbind");
		unbind(card, unloads);
		REQUIRE(worker, !node_is_bound(&card->line));
	} else {
		note(worker, "bind");
		why = node_bind(&card->line);
	}
	end_change(card);
	pthread_mutex_unlock(&card->lock);
	if (why)
		blame(worker, "%s", why);
	return 0;
}

/* Ways to set the card up, and their errors; -1: any result is right. */
static const struct choice {
	const char *attribute, *value;
	int error;
} choices[] = {
	{ "reset",		"1",		-1 },
	{ "irq_user_type",	"msix",		0 },
	{ "irq_user_type",	"msix",		0 },
	{ "irq_user_type",	"auto",		0 },
	{ "irq_user_type",	"msi",		0 },
	{ "irq_user_type",	"intx",		0 },
	{ "irq_user_type",	"none",		EINVAL },
	{ "irq_user_vectors",	"1",		0 },
	{ "irq_user_vectors",	"2",		0 },
	{ "irq_user_vectors",	"8",		0 },
	{ "irq_user_vectors",	"2048",		0 },
	{ "irq_user_vectors",	"0",		EINVAL },
	{ "irq_user_vectors",	"2049",		EINVAL },
	{ "irq_user_vectors",	"many",		EINVAL },
};

long op_choose(struct worker *worker)
{
	const struct choice *choice = &choices[pick(worker, ARRAY_SIZE(choices))];
	struct card *card = &fuzz->card;
	long result;

	if (card->shares_intx && choice->value[0] == 'i')
		return -EPERM;
	result = claim(worker);
	if (result)
		return result;
	note(worker, "%s %s", choice->attribute, choice->value);
	begin_change(card);
	result = node_set(&card->line, choice->attribute, choice->value);
	if (choice->error < 0)
		result = 0;
	else if (!node_is_bound(&card->line))
		REQUIRE(worker, result == -ENOENT);
	else if (choice->error)
		REQUIRE(worker, result == -choice->error);
	else
		/* The card has all types, but some machines have no message interrupts. */
		expect(worker, result, ERRORS(ENOSPC, ENODEV));
	end_change(card);
	pthread_mutex_unlock(&card->lock);
	return result;
}

/* The card's registers, as the thread has mapped them. */
static __thread struct {
	uint32_t *regs;
	unsigned int version;		/* of the card, before mapping */
	unsigned int unbound;		/* how often the card was, after mapping */
} window;

static void close_window(void)
{
	if (window.regs)
		munmap(window.regs, IGB_BAR_SIZE);
	window.regs = NULL;
}

/* Returns 0, or -errno if the node or its registers are not there. */
static long open_window(struct worker *worker)
{
	/* The node of registers is there at least as long as that of a vector. */
	struct view view = look_at(FIRST_VECTOR);
	struct card *card = &fuzz->card;
	char path[64];
	void *regs;
	long fd;

	window.version = load(&card->version);
	snprintf(path, sizeof(path), "/dev/irq/%.32s/mem0", node_device(&card->line));
	fd = outcome(open(path, O_RDWR | O_CLOEXEC));
	expect(worker, fd, ERRORS(is_there(&view) ? 0 : ENOENT, is_there(&view) ? 0 : ENXIO));
	if (fd < 0)
		return fd;
	regs = mmap(NULL, IGB_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (regs == MAP_FAILED) {
		long result = -errno;

		expect(worker, result, ERRORS(is_there(&view) ? 0 : ENODEV));
		close(fd);
		return result;
	}
	close(fd);
	window.unbound = load(&card->unbound);
	window.regs = regs;
	return 0;
}

/* Reads a register or fires a vector. Returns false if that raises SIGBUS. */
static bool touch(int vector)
{
	if (sigsetjmp(escape, true)) {
		may_escape = false;
		return false;
	}
	may_escape = true;
	if (vector < VECTORS)
		igb_fire(window.regs, 1 << vector);
	else
		__atomic_load_n(&window.regs[IGB_STATUS], __ATOMIC_SEQ_CST);
	may_escape = false;
	return true;
}

/* Uses the mapped registers. The mapping ends when the card is unbound or set up again. */
long op_touch(struct worker *worker)
{
	bool keeps = pick(worker, 4);
	int vector = pick(worker, 2 * VECTORS);
	struct card *card = &fuzz->card;
	unsigned int unbound;
	long result = 0;

	if (!card->is_there)
		return -ENODEV;
	note(worker, "%s registers", window.regs ? "mapped" : "new");
	if (!window.regs)
		result = open_window(worker);
	if (result)
		return result;
	unbound = load(&card->unbound);
	if (touch(vector)) {
		REQUIRE(worker, unbound == window.unbound);
	} else {
		REQUIRE(worker, window.version & 1 || window.version != load(&card->version));
		result = -EFAULT;
	}
	if (!keeps || result)
		close_window();
	return result;
}

/* Allows or forbids that a vector runs free. It holds for later opens. */
long op_forbid(struct worker *worker)
{
	static const char *const values[] = { "0", "1", "1", "n", "on", "maybe", "2" };
	const int valid = 5;
	int number = pick(worker, ARRAY_SIZE(values)), vector = pick(worker, VECTORS);
	struct view view = look_at(FIRST_VECTOR + vector);
	struct card *card = &fuzz->card;
	char name[16];
	long result;

	if (!card->is_there)
		return -ENODEV;
	note(worker, "vector %d, %s", vector, values[number]);
	snprintf(name, sizeof(name), "msix%d", vector);
	result = node_set_of(&card->line, name, "free_running", values[number]);
	expect(worker, result, ERRORS(number < valid ? 0 : EINVAL,
				      is_there(&view) ? 0 : ENOENT, is_there(&view) ? 0 : ENODEV));
	REQUIRE(worker, result || number < valid);
	return result;
}
