// SPDX-License-Identifier: GPL-2.0

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

struct fuzz *fuzz;

/* SplitMix64: any state is a good seed. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t value = *state += 0x9e3779b97f4a7c15;

	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
	value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
	return value ^ (value >> 31);
}

unsigned int pick(struct worker *worker, unsigned int limit)
{
	return next_random(&worker->random) % limit;
}

static struct trace *trace(struct worker *worker)
{
	return &worker->traces[worker->done % TRACES];
}

/* Each operation has its own random numbers. They do not depend on earlier operations. */
struct trace *begin(struct worker *worker)
{
	uint64_t state = fuzz->seed;

	state = next_random(&state) ^ worker->number;
	state = next_random(&state) ^ worker->done;
	worker->random = next_random(&state);
	*trace(worker) = (struct trace) {};
	return trace(worker);
}

void end(struct worker *worker, int op, long result)
{
	trace(worker)->result = result;
	trace(worker)->has_ended = true;
	worker->tally[op][result < 0 ? -result : 0]++;
	__atomic_add_fetch(&worker->done, 1, __ATOMIC_RELEASE);
}

void note(struct worker *worker, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(trace(worker)->text, sizeof(trace(worker)->text), format, args);
	va_end(args);
}

void blame(struct worker *worker, const char *format, ...)
{
	va_list args;

	if (__atomic_exchange_n(&fuzz->failed, true, __ATOMIC_SEQ_CST))
		return;
	va_start(args, format);
	vsnprintf(fuzz->verdict, sizeof(fuzz->verdict), format, args);
	va_end(args);
	fuzz->culprit = worker;
	__atomic_store_n(&fuzz->stop, true, __ATOMIC_SEQ_CST);
}

void expect(struct worker *worker, long result, const int *errors)
{
	if (result >= 0)
		return;
	for (; *errors >= 0; errors++) {
		if (*errors == -result)
			return;
	}
	blame(worker, "unexpected error: %s", strerror(-result));
}

long outcome(long result)
{
	return result < 0 ? -errno : result;
}
