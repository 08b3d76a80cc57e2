// SPDX-License-Identifier: GPL-2.0

#include "rtc.h"

#define NS_PER_MS	1000000ULL
#define NS_PER_S	1000000000ULL
#define FS_PER_NS	1000000ULL

static uint32_t read_register(uint32_t *regs, int index)
{
	return __atomic_load_n(&regs[index], __ATOMIC_SEQ_CST);
}

static void write_register(uint32_t *regs, int index, uint32_t value)
{
	__atomic_store_n(&regs[index], value, __ATOMIC_RELEASE);
}

/* Google's goldfish, in QEMU's riscv64 machine. It counts nanoseconds. */
#define GOLDFISH_TIME_LOW	(0x00 / 4)	/* latches the other half */
#define GOLDFISH_TIME_HIGH	(0x04 / 4)
#define GOLDFISH_ALARM_LOW	(0x08 / 4)	/* sets the alarm */
#define GOLDFISH_ALARM_HIGH	(0x0c / 4)
#define GOLDFISH_ENABLE		(0x10 / 4)
#define GOLDFISH_CLEAR_ALARM	(0x14 / 4)
#define GOLDFISH_STATUS		(0x18 / 4)
#define GOLDFISH_CLEAR		(0x1c / 4)

static void goldfish_clear(uint32_t *regs)
{
	write_register(regs, GOLDFISH_CLEAR, 1);
	/* A read of a register ends after the write has reached the device. */
	read_register(regs, GOLDFISH_STATUS);
}

static void goldfish_prepare(uint32_t *regs)
{
	write_register(regs, GOLDFISH_CLEAR_ALARM, 1);
	goldfish_clear(regs);
	write_register(regs, GOLDFISH_ENABLE, 1);
}

static uint64_t goldfish_now(uint32_t *regs)
{
	uint32_t low = read_register(regs, GOLDFISH_TIME_LOW);

	return (uint64_t)read_register(regs, GOLDFISH_TIME_HIGH) << 32 | low;
}

static void goldfish_set(uint32_t *regs, uint64_t time)
{
	write_register(regs, GOLDFISH_ALARM_HIGH, time >> 32);
	write_register(regs, GOLDFISH_ALARM_LOW, time);
}

/* Arm's PL031, in QEMU's arm64 machine. It counts seconds. */
#define PL031_DATA	(0x00 / 4)
#define PL031_MATCH	(0x04 / 4)
#define PL031_MASK	(0x10 / 4)
#define PL031_STATUS	(0x14 / 4)
#define PL031_CLEAR	(0x1c / 4)

static void pl031_clear(uint32_t *regs)
{
	write_register(regs, PL031_CLEAR, 1);
	read_register(regs, PL031_STATUS);
}

static void pl031_prepare(uint32_t *regs)
{
	pl031_clear(regs);
	write_register(regs, PL031_MASK, 1);
}

static uint64_t pl031_now(uint32_t *regs)
{
	return read_register(regs, PL031_DATA) * NS_PER_S;
}

static void pl031_set(uint32_t *regs, uint64_t time)
{
	write_register(regs, PL031_MATCH, time / NS_PER_S);
}

/*
 * The HPET, in QEMU's x86_64 machine. An ACPI device describes it for these tests. The kernel
 * must not use it: hpet=disable. Its third timer asserts a pin of the IO-APIC.
 */
#define HPET_PERIOD	(0x04 / 4)	/* of the counter, in femtoseconds */
#define HPET_CONFIG	(0x10 / 4)
#define HPET_STATUS	(0x20 / 4)
#define HPET_COUNTER	(0xf0 / 4)
#define HPET_TIMER	(0x140 / 4)
#define HPET_COMPARATOR	(0x148 / 4)

#define HPET_RUNS	1
#define HPET_LEVEL	0x2
#define HPET_ENABLE	0x4
#define HPET_PIN	(18 << 9)
#define HPET_THIRD	0x4

static void hpet_clear(uint32_t *regs)
{
	write_register(regs, HPET_STATUS, HPET_THIRD);
	read_register(regs, HPET_STATUS);
}

static void hpet_prepare(uint32_t *regs)
{
	/* No timer fires while the counter stands. */
	write_register(regs, HPET_CONFIG, 0);
	write_register(regs, HPET_TIMER, HPET_LEVEL | HPET_ENABLE | HPET_PIN);
	hpet_clear(regs);
}

static uint64_t hpet_now(uint32_t *regs)
{
	uint32_t low, high;

	do {
		high = read_register(regs, HPET_COUNTER + 1);
		low = read_register(regs, HPET_COUNTER);
	} while (high != read_register(regs, HPET_COUNTER + 1));
	return ((uint64_t)high << 32 | low) * read_register(regs, HPET_PERIOD) / FS_PER_NS;
}

static void hpet_set(uint32_t *regs, uint64_t time)
{
	uint32_t period = read_register(regs, HPET_PERIOD);
	uint64_t ticks = (time * FS_PER_NS + period - 1) / period;

	/* If the counter ran, half of the new comparator could match. */
	write_register(regs, HPET_CONFIG, 0);
	write_register(regs, HPET_COMPARATOR + 1, ticks >> 32);
	write_register(regs, HPET_COMPARATOR, ticks);
	write_register(regs, HPET_CONFIG, HPET_RUNS);
}

const struct rtc rtcs[RTCS] = {
	{
		.modalias = "Cgoogle,goldfish-rtc",
		.ahead = 5 * NS_PER_MS,
		.prepare = goldfish_prepare,
		.now = goldfish_now,
		.set = goldfish_set,
		.clear = goldfish_clear,
	}, {
		.modalias = "Cirq-user,pl031",
		/* An alarm for a second that is over comes after 136 years. */
		.ahead = 2 * NS_PER_S,
		.prepare = pl031_prepare,
		.now = pl031_now,
		.set = pl031_set,
		.clear = pl031_clear,
	}, {
		.modalias = "acpi:IRQU0001:",
		.ahead = 5 * NS_PER_MS,
		.prepare = hpet_prepare,
		.now = hpet_now,
		.set = hpet_set,
		.clear = hpet_clear,
	},
};
