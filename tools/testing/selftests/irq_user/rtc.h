/* SPDX-License-Identifier: GPL-2.0 */
/* Real-time clocks and timers that interrupt at a time, by the registers of each kind. */
#ifndef IRQ_USER_RTC_H
#define IRQ_USER_RTC_H

#include <stdint.h>

/* Times are in nanoseconds of the clock's own counter. */
struct rtc {
	const char *modalias;		/* what the modalias of its device contains */
	uint64_t ahead;			/* how long before its time an alarm is set */

	/* Takes back what was set, and lets alarms interrupt. */
	void (*prepare)(uint32_t *regs);
	uint64_t (*now)(uint32_t *regs);
	/* Has the clock assert its interrupt from that time on. */
	void (*set)(uint32_t *regs, uint64_t time);
	/* Acknowledges the interrupt. When it returns the device is quiet. */
	void (*clear)(uint32_t *regs);
};

#define RTCS	3
extern const struct rtc rtcs[RTCS];

#endif /* IRQ_USER_RTC_H */
