// SPDX-License-Identifier: GPL-2.0
#include "atomic.h"

#include <stdbool.h>
#include <string.h>

static bool is_prefix(uint8_t byte)
{
	return byte && strchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", byte);
}

static bool begins(const uint8_t *code, size_t length, const char *with)
{
	return length >= strlen(with) && !memcmp(code, with, strlen(with));
}

enum atomic classify_x86_64(const uint8_t *code, size_t length)
{
	size_t at = 0;

	/* mfence, and smp_mb(): lock addl $0,-4(%rsp), whose last byte is 0 */
	if (begins(code, length, "\x0f\xae\xf0") || begins(code, length, "\xf0\x83\x44\x24\xfc"))
		return BARRIER;

	for (; at < length && is_prefix(code[at]); at++)
		if (code[at] == 0xf0)
			return LOCKED;
	/* REX */
	if (at < length && (code[at] & 0xf0) == 0x40)
		at++;
	/* xchg with memory */
	if (at + 1 < length && (code[at] & 0xfe) == 0x86 && code[at + 1] >> 6 != 3)
		return LOCKED;
	return PLAIN;
}

static uint32_t word(const uint8_t *code)
{
	uint32_t word;

	/* The host and the guest both store the lowest byte first. */
	memcpy(&word, code, sizeof(word));
	return word;
}

enum atomic classify_aarch64(const uint8_t *code, size_t length)
{
	uint32_t insn = length == 4 ? word(code) : 0;

	/* dmb and dsb with the options sy and ish */
	if ((insn & 0xfffffbdf) == 0xd5033b9f)
		return BARRIER;
	/* stxr; cas; ldadd, swp and their like, but not ldapr */
	if ((insn & 0x3fe00000) == 0x08000000 || (insn & 0x3fa07c00) == 0x08a07c00 ||
	    ((insn & 0x3f200c00) == 0x38200000 && (insn & 0xfc00) != 0xc000))
		return LOCKED;
	return PLAIN;
}

enum atomic classify_arm(const uint8_t *code, size_t length)
{
	uint32_t insn = length == 4 ? word(code) : 0;

	/* dmb and dsb with the options sy and ish */
	if ((insn & 0xffffffeb) == 0xf57ff04b)
		return BARRIER;
	/* strex, strexd, strexb and strexh */
	if ((insn & 0x0f900ff0) == 0x01800f90)
		return LOCKED;
	return PLAIN;
}

enum atomic classify_riscv64(const uint8_t *code, size_t length)
{
	uint32_t insn = length == 4 ? word(code) : 0;

	/* fence rw,rw and fence iorw,iorw */
	if (insn == 0x0330000f || insn == 0x0ff0000f)
		return BARRIER;
	/* All of the extension but lr */
	if ((insn & 0x7f) == 0x2f && insn >> 27 != 2)
		return LOCKED;
	return PLAIN;
}
