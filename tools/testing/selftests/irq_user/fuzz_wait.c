// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's ways of waiting for events: poll, select, epoll and io_uring. A signal wakes
 * sleeping workers sooner or later.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "fuzz.h"
#include "uring.h"

#define EVENT	(POLLIN | POLLRDNORM)
#define GONE	(POLLHUP | POLLERR)

/*
 * An event is reported as the events that were asked for. The line's end is always reported. A
 * storm is reported beside an event.
 */
static void check_events(struct worker *worker, unsigned int wanted, unsigned int events)
{
	REQUIRE(worker, !(events & ~(EVENT | GONE | (wanted & POLLPRI))));
	REQUIRE(worker, !(events & GONE) || (events & (GONE | POLLPRI)) == GONE);
	REQUIRE(worker, !events || (events & EVENT) == (wanted & EVENT));
}

static void check_poll(struct worker *worker, const struct held *held, const struct pollfd *pollfd)
{
	if (pollfd->revents == POLLNVAL) {
		REQUIRE(worker, !is_open(held));
		return;
	}
	check_events(worker, pollfd->events, pollfd->revents);
	REQUIRE(worker, may_be_open(held));
	REQUIRE(worker, !(pollfd->revents & GONE) || may_be_gone(held));
}

/* Returns how many milliseconds to wait: none, a few, or as long as it takes. */
static int pick_timeout(struct worker *worker)
{
	return (int)pick(worker, 3) - 1;
}

long op_poll(struct worker *worker)
{
	static const short wanted[] = {
		POLLIN, POLLIN, POLLIN | POLLPRI, POLLIN | POLLRDNORM | POLLOUT, POLLOUT, 0,
	};
	struct pollfd pollfds[3];
	struct held held[3];
	int number = 1 + pick(worker, 3), timeout = pick_timeout(worker), ready = 0;
	struct timespec time = { .tv_nsec = timeout * 1000000 };
	long result;

	for (int i = 0; i < number; i++) {
		held[i] = hold(worker);
		pollfds[i].fd = held[i].fd;
		pollfds[i].events = wanted[pick(worker, ARRAY_SIZE(wanted))];
	}
	note(worker, "fds %d to %d, timeout %d", held[0].fd, held[number - 1].fd, timeout);
	result = outcome(ppoll(pollfds, number, timeout < 0 ? NULL : &time, NULL));
	expect(worker, result, ERRORS(EINTR));
	if (result < 0)
		return result;
	for (int i = 0; i < number; i++) {
		check_poll(worker, &held[i], &pollfds[i]);
		ready += !!pollfds[i].revents;
	}
	REQUIRE(worker, result == ready);
	return result;
}

long op_select(struct worker *worker)
{
	struct held held = hold(worker);
	int timeout = pick_timeout(worker);
	struct timeval time = { .tv_usec = timeout * 1000 };
	fd_set in, out;
	long result;

	note(worker, "fd %d, timeout %d", held.fd, timeout);
	FD_ZERO(&in);
	FD_SET(held.fd, &in);
	out = in;
	result = outcome(select(held.fd + 1, &in, &out, NULL, timeout < 0 ? NULL : &time));
	if (result == -EBADF)
		REQUIRE(worker, !is_open(&held));
	else
		expect(worker, result, ERRORS(EINTR));
	/* A line that is gone is ready for reading and writing; so is an O_PATH descriptor. */
	if (result > 0 && is_open(&held) && !may_be_gone(&held))
		REQUIRE(worker, FD_ISSET(held.fd, &in) && !FD_ISSET(held.fd, &out));
	return result;
}

static int sets[2];

void setup_epoll(struct worker *worker)
{
	for (int i = 0; i < ARRAY_SIZE(sets); i++) {
		sets[i] = epoll_create1(EPOLL_CLOEXEC);
		REQUIRE(worker, sets[i] >= 0);
	}
}

long op_epoll_ctl(struct worker *worker)
{
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
	static const unsigned int wanted[] = {
		EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT, EPOLLIN | EPOLLEXCLUSIVE,
		EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLWAKEUP,
		EPOLLIN | EPOLLPRI | EPOLLET,
		EPOLLEXCLUSIVE | EPOLLONESHOT, 0,
	};
	struct epoll_event event = { .events = wanted[pick(worker, ARRAY_SIZE(wanted))] };
	int set = sets[pick(worker, ARRAY_SIZE(sets))];
	int op = ops[pick(worker, ARRAY_SIZE(ops))];
	struct held held = hold(worker);
	long result;

	note(worker, "fd %d, operation %d, events %#x", held.fd, op, event.events);
	/* A waiter on the set needs the events that were asked for. */
	event.data.u32 = event.events & (EVENT | POLLPRI);
	result = outcome(epoll_ctl(set, op, held.fd, &event));
	judge(worker, &held, result, ERRORS(EEXIST, ENOENT,
					    event.events & EPOLLEXCLUSIVE ? EINVAL : 0,
					    op == EPOLL_CTL_MOD ? EINVAL : 0));
	return result;
}

long op_epoll_wait(struct worker *worker)
{
	struct epoll_event events[4];
	int set = sets[pick(worker, ARRAY_SIZE(sets))];
	int limit = 1 + pick(worker, ARRAY_SIZE(events));
	int timeout = pick_timeout(worker);
	long result;

	note(worker, "set %d, timeout %d", set, timeout);
	result = outcome(epoll_wait(set, events, limit, timeout));
	expect(worker, result, ERRORS(EINTR));
	for (int i = 0; i < result; i++)
		check_events(worker, events[i].data.u32, events[i].events);
	return result;
}

/* A request that the worker's ring is processing. */
struct request {
	bool busy;
	int op;
	union {
		int value;		/* to be read or written */
		struct irq_user_record record;
	};
	unsigned int size, wanted;
	bool is_bad;			/* the buffer */
	bool is_good;			/* the descriptor */
	struct view line;
};

/* The user data of a request is its number, that of a cancellation is this. */
#define CANCEL	4

/* Buffers for multishot reads. */
#define BUFFERS	8

static __thread struct ring ring;
static __thread struct request requests[CANCEL];
static __thread int buffers[BUFFERS];
static __thread unsigned int taken;	/* a bit for each used buffer */

void setup_ring(struct worker *worker)
{
	REQUIRE(worker, !ring_setup(&ring));
	REQUIRE(worker, !ring_provide(&ring, buffers, BUFFERS, 0));
}

/* Gives used buffers back to the ring. A success gives no completion. */
static void give_back_buffers(void)
{
	for (int i = 0; i < BUFFERS; i++) {
		struct io_uring_sqe sqe = {
			.opcode = IORING_OP_PROVIDE_BUFFERS,
			.flags = IOSQE_CQE_SKIP_SUCCESS,
			.fd = 1,
			.addr = (unsigned long)&buffers[i],
			.len = sizeof(int),
			.off = i,
			.user_data = CANCEL,
		};

		if (taken & 1 << i && !ring_submit_entry(&ring, &sqe))
			taken &= ~(1 << i);
	}
}

/* Returns whether it is the size of a count, or of a record to be read. */
static bool size_is_right(const struct request *request)
{
	return request->size == 4 ||
	       (request->op == IORING_OP_READ && request->size == sizeof(request->record));
}

static void complete(struct worker *worker, const struct io_uring_cqe *cqe)
{
	struct request *request = &requests[cqe->user_data];
	int result = cqe->res;

	if (cqe->user_data == CANCEL) {
		expect(worker, result, ERRORS(ENOENT, EALREADY));
		return;
	}
	note(worker, "completes %d on line %d (%s): %d", request->op, request->line.irq,
	     kinds[request->line.kind].name, result);
	REQUIRE(worker, request->busy);
	request->busy = cqe->flags & IORING_CQE_F_MORE;
	if (cqe->flags & IORING_CQE_F_BUFFER)
		taken |= 1 << buffer_of(cqe);
	if (result == -EBADF) {
		REQUIRE(worker, !request->is_good);
	} else if (result == -EIO) {
		REQUIRE(worker, !is_there(&request->line));
		/* The kernel checks the size before the line. */
		REQUIRE(worker, request->op != IORING_OP_READ || size_is_right(request));
	} else if (request->op == IORING_OP_POLL_ADD) {
		expect(worker, result, ERRORS(ECANCELED));
		if (result >= 0)
			check_events(worker, request->wanted, result);
		REQUIRE(worker, result < 0 || !(result & GONE) || !is_there(&request->line));
	} else if (request->op == IORING_OP_READ_MULTISHOT) {
		expect(worker, result, ERRORS(ENOBUFS, EAGAIN, EOVERFLOW, EINTR, ECANCELED));
		REQUIRE(worker, result < 0 || result == 4);
		REQUIRE(worker, result < 0 || cqe->flags & IORING_CQE_F_BUFFER);
		REQUIRE(worker, result < 0 || buffers[buffer_of(cqe)] > 0);
	} else {
		bool reads = request->op == IORING_OP_READ;
		bool is_count = request->size == 4;
		bool is_valid = size_is_right(request) && (reads || request->value <= 2);
		bool is_sure = is_valid && (reads || request->value < 2);
		bool may_be_refused = !is_sure && may_be_forbidden(&request->line);

		expect(worker, result, ERRORS(is_sure ? 0 : EINVAL, request->is_bad ? EFAULT : 0,
					      may_be_refused ? EPERM : 0,
					      reads ? EAGAIN : 0, reads && is_count ? EOVERFLOW : 0,
					      EINTR, ECANCELED));
		REQUIRE(worker, result < 0 || (result == request->size && is_valid &&
					       !request->is_bad));
		REQUIRE(worker, result < 0 || !reads || !is_count || request->value > 0);
		if (result >= 0 && reads && !is_count)
			check_record(worker, &request->record);
	}
}

static void complete_all(struct worker *worker)
{
	struct io_uring_cqe cqe;

	while (ring_take(&ring, &cqe))
		complete(worker, &cqe);
}

long op_uring_submit(struct worker *worker)
{
	static const int ops[] = {
		IORING_OP_READ, IORING_OP_READ, IORING_OP_WRITE, IORING_OP_POLL_ADD,
		IORING_OP_READ_MULTISHOT,
	};
	static const unsigned int sizes[] = { 4, 4, 4, 4, 32, 32, 8, 3 };
	static const unsigned int wanted[] = {
		POLLIN, POLLIN, POLLIN | POLLPRI, POLLIN | EPOLLEXCLUSIVE, POLLOUT,
	};
	int op = ops[pick(worker, ARRAY_SIZE(ops))];
	int number = pick(worker, CANCEL);
	struct request *request = &requests[number];
	bool multishot = pick(worker, 2);
	struct held held = hold(worker);
	struct io_uring_sqe sqe = {
		.opcode = op,
		.flags = pick(worker, 4) ? 0 : IOSQE_ASYNC,
		.fd = held.fd,
		.user_data = number,
	};
	long result;

	complete_all(worker);
	if (request->busy)
		return -EBUSY;
	note(worker, "fd %d, request %d, operation %d", held.fd, number, op);
	*request = (struct request) {
		.busy = true,
		.op = op,
		.value = op == IORING_OP_WRITE ? pick(worker, 4) : 0,
		.size = sizes[pick(worker, ARRAY_SIZE(sizes))],
		.wanted = wanted[pick(worker, ARRAY_SIZE(wanted))],
		.is_bad = !pick(worker, 8),
	};
	if (op == IORING_OP_POLL_ADD) {
		sqe.poll32_events = request->wanted;
		sqe.len = multishot ? IORING_POLL_ADD_MULTI : 0;
	} else if (op == IORING_OP_READ_MULTISHOT) {
		give_back_buffers();
		sqe.flags |= IOSQE_BUFFER_SELECT;
		sqe.off = -1;
	} else {
		sqe.addr = request->is_bad ? 0 : (unsigned long)&request->value;
		sqe.len = request->size;
		sqe.off = -1;
	}
	result = outcome(ring_submit_entry(&ring, &sqe));
	expect(worker, result, ERRORS(EAGAIN, EBUSY, EINTR));
	request->busy = result >= 0;
	request->is_good = is_open(&held) &&
		(op != IORING_OP_WRITE || held.file.flags & O_RDWR);
	/* If it is no descriptor now, the kernel may look it up again later, when it is one. */
	if (is_open(&held))
		request->line = held.file.line;
	return result;
}

long op_uring_cancel(struct worker *worker)
{
	static const unsigned int flags[] = {
		0, 0, 0, IORING_ASYNC_CANCEL_ALL, IORING_ASYNC_CANCEL_ANY,
	};
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_ASYNC_CANCEL,
		.addr = pick(worker, CANCEL),
		.cancel_flags = flags[pick(worker, ARRAY_SIZE(flags))],
		.user_data = CANCEL,
	};
	long result;

	note(worker, "request %d, flags %#x", (int)sqe.addr, sqe.cancel_flags);
	result = outcome(ring_submit_entry(&ring, &sqe));
	expect(worker, result, ERRORS(EAGAIN, EBUSY, EINTR));
	complete_all(worker);
	return result;
}

long op_uring_wait(struct worker *worker)
{
	long result = -ENODATA;

	complete_all(worker);
	for (int i = 0; i < CANCEL && result == -ENODATA; i++) {
		if (requests[i].busy)
			result = outcome(ring_sleep(&ring));
	}
	expect(worker, result, ERRORS(ENODATA, EINTR));
	complete_all(worker);
	return result;
}
