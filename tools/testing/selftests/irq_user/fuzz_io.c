// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's reads and writes, with buffers good and bad.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuzz.h"
#include "record.h"

enum how { PLAIN, PARTS, NOWAIT, POSITIONED };

static const char *const hows[] = { "plain", "in parts", "without waiting", "at a position" };

#define RECORD	sizeof(struct irq_user_record)

static const size_t sizes[] = {
	4, 4, 4, 4, 4, 4, 4, 4, RECORD, RECORD, RECORD, RECORD, 0, 1, 3, 5, 8, 31, 33, PAGE,
};

/* Buffers of at least four bytes that cannot be read or written as a whole. */
static char *bad[4];

void setup_buffers(void)
{
	char *page = map_edge();

	bad[1] = page + PAGE;
	bad[2] = page + PAGE - 3;
	bad[3] = (char *)-PAGE;
}

/* A call and its arguments. */
struct io {
	enum how how;
	size_t size, first;		/* the length of the first part */
	bool is_bad;
	char *buffer;
	int good[PAGE / sizeof(int)];
};

static void choose(struct worker *worker, struct io *io)
{
	io->how = pick(worker, ARRAY_SIZE(hows));
	io->size = sizes[pick(worker, ARRAY_SIZE(sizes))];
	io->first = pick(worker, io->size + 1);
	io->is_bad = !pick(worker, 8);
	io->buffer = io->is_bad ? bad[pick(worker, ARRAY_SIZE(bad))] : (char *)io->good;
	memset(io->good, 0, sizeof(io->good));
}

static void describe(struct worker *worker, struct io *io, int fd)
{
	note(worker, "fd %d, %zu bytes %s%s", fd, io->size, hows[io->how],
	     io->is_bad ? ", bad buffer" : "");
}

/* The error that follows from the arguments alone, or 0. */
static int error_of(struct io *io, bool size_is_right)
{
	if (io->how == POSITIONED)
		return -ESPIPE;
	return size_is_right ? 0 : -EINVAL;
}

void check_record(struct worker *worker, const struct irq_user_record *record)
{
	const unsigned int flags = IRQ_USER_RECORD_COALESCED | IRQ_USER_RECORD_STORM |
		IRQ_USER_RECORD_THREAD;

	REQUIRE(worker, record->count || record->flags & IRQ_USER_RECORD_STORM);
	REQUIRE(worker, record->count <= INT_MAX && record->count <= record->total);
	REQUIRE(worker, !(record->flags & ~flags));
	/* A time that is not known is 0. */
	REQUIRE(worker, !record->last || record->first <= record->last);
	REQUIRE(worker, record->last <= now());
}

long op_read(struct worker *worker)
{
	struct irq_user_record record;
	struct held held = hold(worker);
	struct iovec iov[2];
	struct io io;
	long result;
	int error;

	choose(worker, &io);
	describe(worker, &io, held.fd);
	iov[0] = (struct iovec) { io.buffer, io.first };
	iov[1] = (struct iovec) { io.buffer + io.first, io.size - io.first };
	switch (io.how) {
	case PLAIN:
		result = outcome(read(held.fd, io.buffer, io.size));
		break;
	case PARTS:
		result = outcome(readv(held.fd, iov, 2));
		break;
	case NOWAIT:
		result = outcome(preadv2(held.fd, iov, 2, -1, RWF_NOWAIT));
		break;
	case POSITIONED:
		result = outcome(pread(held.fd, io.buffer, io.size, 0));
		break;
	}

	error = error_of(&io, io.size == 4 || io.size == RECORD);
	/* The kernel checks the size before the line. */
	REQUIRE(worker, !error || result != -EIO);
	if (error)
		judge(worker, &held, result, ERRORS(-error, io.is_bad ? EFAULT : 0));
	else
		judge(worker, &held, result, ERRORS(EAGAIN, io.size == 4 ? EOVERFLOW : 0,
						    io.how == NOWAIT ? 0 : EINTR,
						    io.is_bad ? EFAULT : 0));
	if (result >= 0 && (io.size || io.how == PLAIN)) {
		REQUIRE(worker, !error && !io.is_bad);
		REQUIRE(worker, result == io.size);
		memcpy(&record, io.good, sizeof(record));
		if (io.size == RECORD)
			check_record(worker, &record);
		else
			REQUIRE(worker, io.good[0] > 0);
	}
	return result;
}

long op_write(struct worker *worker)
{
	static const int values[] = { 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 3, -1, 0x100 };
	struct held held = hold(worker);
	int value = values[pick(worker, ARRAY_SIZE(values))], error;
	bool is_valid, may_be_refused;
	struct iovec iov[2];
	struct io io;
	long result;

	choose(worker, &io);
	io.good[0] = value;
	describe(worker, &io, held.fd);
	iov[0] = (struct iovec) { io.buffer, io.first };
	iov[1] = (struct iovec) { io.buffer + io.first, io.size - io.first };
	switch (io.how) {
	case PLAIN:
		result = outcome(write(held.fd, io.buffer, io.size));
		break;
	case PARTS:
		result = outcome(writev(held.fd, iov, 2));
		break;
	case NOWAIT:
		result = outcome(pwritev2(held.fd, iov, 2, -1, RWF_NOWAIT));
		break;
	case POSITIONED:
		result = outcome(pwrite(held.fd, io.buffer, io.size, 0));
		break;
	}

	if (is_open(&held) && !(held.file.flags & O_RDWR) && io.how != POSITIONED) {
		REQUIRE(worker, result == -EBADF);
		return result;
	}
	/* Only edge lines can run free. If the line is not known, it may be of any kind. */
	is_valid = value == 0 || value == 1 ||
		(value == 2 && (may_be_gone(&held) || is_edge(&held.file.line)));
	error = error_of(&io, io.size == 4 && is_valid);
	may_be_refused = value == 2 && (may_be_gone(&held) || may_be_forbidden(&held.file.line));
	judge(worker, &held, result, ERRORS(-error, io.is_bad ? EFAULT : 0,
					    value == 2 && may_be_gone(&held) ? EINVAL : 0,
					    may_be_refused ? EPERM : 0));
	if (result >= 0 && (io.size || io.how == PLAIN)) {
		REQUIRE(worker, !error && !io.is_bad);
		REQUIRE(worker, result == sizeof(int));
	}
	return result;
}

/* Moves a count into a pipe of the worker's own. */
long op_move(struct worker *worker)
{
	static __thread int ends[2];
	struct held held = hold(worker);
	bool by_splice = pick(worker, 2);
	int count = 0;
	long result;

	note(worker, "fd %d by %s", held.fd, by_splice ? "splice" : "sendfile");
	if (!ends[0] && pipe2(ends, O_NONBLOCK))
		return -errno;
	if (by_splice)
		result = outcome(splice(held.fd, NULL, ends[1], NULL, 4, SPLICE_F_NONBLOCK));
	else
		result = outcome(sendfile(ends[1], held.fd, NULL, 4));
	judge(worker, &held, result, ERRORS(EINVAL, EAGAIN, EINTR, EOVERFLOW));
	if (result >= 0) {
		REQUIRE(worker, read(ends[0], &count, sizeof(count)) == result);
		REQUIRE(worker, result == sizeof(count) && count > 0);
	}
	return result;
}
