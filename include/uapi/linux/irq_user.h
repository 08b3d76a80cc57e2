/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What an interrupt line's file returns beyond the count of its events, see
 * Documentation/userspace-api/irq-user.rst
 */
#ifndef _UAPI_LINUX_IRQ_USER_H
#define _UAPI_LINUX_IRQ_USER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Flags of a record */
/* While the line was masked, more than one edge came. One is kept, the others are in no count. */
#define IRQ_USER_RECORD_COALESCED	(1U << 0)
/* The line ran free, fired too fast, and was masked. */
#define IRQ_USER_RECORD_STORM		(1U << 1)
/* The times are those of the handler's thread: the chip of the line needs one. */
#define IRQ_USER_RECORD_THREAD		(1U << 2)

/**
 * struct irq_user_record - The events of a line since the last read
 * @count:	Number of events since the last read. A 4-byte read returns this alone
 * @flags:	IRQ_USER_RECORD_*. A read clears what it has returned
 * @total:	Number of events since the file was opened, with those in @count
 * @first:	When the handler ran for the first event in @count
 * @last:	When the handler ran for the last event in @count
 *
 * A read of exactly this size returns it. Times are in nanoseconds of CLOCK_MONOTONIC,
 * and 0 if they are not known: a file takes times from its first read of this size, or
 * its first mmap().
 */
struct irq_user_record {
	__u32 count;
	__u32 flags;
	__aligned_u64 total;
	__aligned_u64 first;
	__aligned_u64 last;
};

/* State of a line in its page */
/* The line is masked. A write of 1 arms it. */
#define IRQ_USER_STATE_MASKED		(1U << 0)
/* The line is gone. It never fires again. */
#define IRQ_USER_STATE_GONE		(1U << 1)
/* As IRQ_USER_RECORD_COALESCED and IRQ_USER_RECORD_STORM */
#define IRQ_USER_STATE_COALESCED	(1U << 2)
#define IRQ_USER_STATE_STORM		(1U << 3)

/**
 * struct irq_user_page - What mmap() of a line's file shows
 * @sequence:	Changes with each event, and with each edge that is kept until the line is
 *		armed. Its lowest bit is the index of the valid record
 * @state:	IRQ_USER_STATE_*. Not covered by @sequence
 * @records:	The record after the last change of @sequence, and another that the handler
 *		may be writing. @count, @total and @last include a kept edge. @flags has
 *		IRQ_USER_RECORD_THREAD alone. Until the first change, all fields are 0, but
 *		for @total
 * @late:	Number of further edges, for which the handler did not run: they came while
 *		the system was suspended, or while the line was disabled. They are in no
 *		@total of @records, and have no time
 * @reserved:	0
 *
 * To read a record, load @sequence with acquire semantics, then records[sequence & 1],
 * and after a read barrier load @sequence again. If it has changed, start again. A reader
 * never waits for the handler, even if the reader has preempted it. @state and @late
 * follow a change soon, but not together with the record.
 */
struct irq_user_page {
	__u32 sequence;
	__u32 state;
	struct irq_user_record records[2];
	__u32 late;
	__u32 reserved;
};

/* Largest irq_user_spin.max_ns */
#define IRQ_USER_SPIN_MAX_NS		200000

/**
 * struct irq_user_spin - How long a blocking read looks for an event before it sleeps
 * @max_ns:	Largest time in nanoseconds, up to IRQ_USER_SPIN_MAX_NS. 0: the read
 *		sleeps immediately. The kernel adapts the time up to this limit
 * @flags:	Must be 0
 */
struct irq_user_spin {
	__u32 max_ns;
	__u32 flags;
};

/* May grow: the size in the number of the request is that of the caller's structure. */
#define IRQ_USER_SET_SPIN		_IOW(0xBB, 0x00, struct irq_user_spin)

#endif /* _UAPI_LINUX_IRQ_USER_H */
