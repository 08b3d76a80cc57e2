/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds instructions that take long on a real machine with several processors
 */
#ifndef BENCH_ATOMIC_H
#define BENCH_ATOMIC_H

#include <stddef.h>
#include <stdint.h>

enum atomic {
	PLAIN,
	/* Changes memory atomically. On x86_64, also a full barrier */
	LOCKED,
	/* A full memory barrier without another purpose */
	BARRIER,
};

typedef enum atomic classify(const uint8_t *code, size_t length);

classify classify_x86_64, classify_aarch64, classify_arm, classify_riscv64;

#endif /* BENCH_ATOMIC_H */
