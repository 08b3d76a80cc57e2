/* SPDX-License-Identifier: GPL-2.0 */
/* Records of the events of a line: those that a read returns, and those in the page of a file. */
#ifndef IRQ_USER_RECORD_H
#define IRQ_USER_RECORD_H

#include <linux/irq_user.h>
#include <stdbool.h>
#include <stdint.h>

/* Reads a record. Returns 0 or -errno. */
int read_record(int fd, struct irq_user_record *record);

/* As read_record(), but never sleeps, as read_nowait(). */
int read_record_nowait(int fd, struct irq_user_record *record);

/* Returns the nanoseconds of CLOCK_MONOTONIC. */
uint64_t now(void);

/* Maps the page of a file. Returns NULL and sets errno if it cannot. */
const struct irq_user_page *page_map(int fd);
void page_unmap(const struct irq_user_page *page);

/*
 * Reads the record of a page. Returns how often this function had to start again because the record
 * has changed.
 */
unsigned int page_read(const struct irq_user_page *page, struct irq_user_record *record);

/* Returns the total of the page's record. */
uint64_t page_total(const struct irq_user_page *page);

/* Returns the state of the line. */
uint32_t page_state(const struct irq_user_page *page);

/* Waits until the state has these flags, and no other flags of @mask. */
void page_wait_state(const struct irq_user_page *page, uint32_t mask, uint32_t flags);

/* Waits until the total is at least @total, without a system call. */
void page_wait_total(const struct irq_user_page *page, uint64_t total);

#endif /* IRQ_USER_RECORD_H */
