// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU: logs when the guest passes certain points, with the number
 * of instructions that the guest has executed until then, and how many of them are
 * locked operations, and full barriers.
 *
 * The points are addresses of the guest's kernel, given as NAME=ADDRESS, and
 * marks: no-operations whose operand identifies the mark. The guest does not
 * notice the plugin, so the plugin does not change what it counts.
 */

#include "atomic.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From qemu-plugin.h, which Debian does not package: version 7 of the interface. */
typedef uint64_t qemu_plugin_id_t;
typedef struct {
	const char *target_name;
	/* The other members are not used here. */
} qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;

typedef struct {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
} qemu_plugin_u64;

enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
uint64_t qemu_plugin_u64_get(qemu_plugin_u64 entry, unsigned int vcpu);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
		void (*cb)(struct qemu_plugin_tb *tb, void *data), void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
		void (*cb)(unsigned int vcpu, void *data),
		enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn,
		enum qemu_plugin_op op, qemu_plugin_u64 entry, uint64_t imm);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t len);
void qemu_plugin_outs(const char *string);

int qemu_plugin_version = 7;

/*
 * The no-operation of each processor without its mark, and the position of the mark
 * in the operand: see guest/src/mark.  And how to find its atomic operations.
 */
static const struct {
	const char *target;
	size_t length;
	uint64_t code;
	unsigned int shift;
	classify *classify;
} nops[] = {
	/* nopl 0x69727100+N(%rax) */
	{ "x86_64", 7, 0x69727100801f0f, 24, classify_x86_64 },
	/* movz xzr, #0x6970+N */
	{ "aarch64", 4, 0xd280001f | 0x6970 << 5, 5, classify_aarch64 },
	/* dbg #N */
	{ "arm", 4, 0xe320f0f0, 0, classify_arm },
	/* lui zero, 0x69700+N */
	{ "riscv64", 4, 0x69700037, 12, classify_riscv64 },
}, *nop;
static const char *const marks[] = { "begin", "raise", "user", "done", "end" };

static struct {
	const char *name;
	uint64_t address;
} points[64];
static size_t n_points;

static qemu_plugin_u64 executed, locked, barriers;

static void pass(unsigned int vcpu, void *name)
{
	char line[120];

	snprintf(line, sizeof(line), "%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (char *)name,
		 qemu_plugin_u64_get(executed, vcpu), qemu_plugin_u64_get(locked, vcpu),
		 qemu_plugin_u64_get(barriers, vcpu));
	qemu_plugin_outs(line);
}

/* Returns the name of the point at this instruction, or NULL. */
static const char *point_at(const struct qemu_plugin_insn *insn)
{
	uint64_t address = qemu_plugin_insn_vaddr(insn);
	uint64_t code = 0, number;

	for (size_t i = 0; i < n_points; i++)
		if (points[i].address == address)
			return points[i].name;

	if (qemu_plugin_insn_data(insn, &code, nop->length) != nop->length)
		return NULL;
	/* The host and the guest both store the lowest byte first. */
	number = (code - nop->code) >> nop->shift;
	return number < sizeof(marks) / sizeof(*marks) &&
	       code - nop->code == number << nop->shift ? marks[number] : NULL;
}

static void count(struct qemu_plugin_insn *insn, qemu_plugin_u64 counter)
{
	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							    counter, 1);
}

static void count_atomic(struct qemu_plugin_insn *insn)
{
	uint8_t code[16];
	size_t length = qemu_plugin_insn_data(insn, code, sizeof(code));

	switch (nop->classify(code, length)) {
	case LOCKED:
		count(insn, locked);
		break;
	case BARRIER:
		count(insn, barriers);
		break;
	case PLAIN:
		break;
	}
}

static void translate(struct qemu_plugin_tb *tb, void *data)
{
	(void)data;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const char *name = point_at(insn);

		if (name)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, pass, QEMU_PLUGIN_CB_NO_REGS,
							       (void *)name);
		count(insn, executed);
		count_atomic(insn);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	nop = nops;
	while (strcmp(nop->target, info->target_name))
		if (++nop == nops + sizeof(nops) / sizeof(*nops))
			return -1;

	for (int i = 0; i < argc; i++) {
		/* The arguments do not outlive this call. */
		char *name = strdup(argv[i]);
		char *address = strchr(name, '=');

		if (!address || n_points == sizeof(points) / sizeof(*points))
			return -1;
		*address++ = '\0';
		points[n_points].name = name;
		points[n_points++].address = strtoull(address, NULL, 16);
	}

	executed.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	locked.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	barriers.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate, NULL);
	return 0;
}
