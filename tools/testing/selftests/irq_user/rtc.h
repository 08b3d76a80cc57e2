/* SPDX-License-Identifier: GPL-2.0 */
/* Real-time clocks and timers that interrupt at a set time, by their registers. */
#ifndef IRQ_USER_RTC_H
#define IRQ_USER_RTC_H

#include <stdint.h>

/* Times are in nanoseconds of the clock's own counter. */
struct rtc {
	const char *modalias;		/* what the modalias of its device contains */
	uint64_t ahead;			/* how long before its time to set an alarm */

	/* Clears old settings, and enables interrupts of alarms. */
	void (*prepare)(uint32_t *regs);
	uint64_t (*now)(uint32_t *regs);
	/* Has the clock assert its interrupt from that time on. */
	void (*set)(uint32_t *regs, uint64_t time);
	/* Acknowledges the interrupt. The device is quiet when this returns. */
	void (*clear)(uint32_t *regs);
};

#define RTCS	3
extern const struct rtc rtcs[RTCS];

#endif /* IRQ_USER_RTC_H */
