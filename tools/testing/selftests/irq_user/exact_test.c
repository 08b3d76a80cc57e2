// SPDX-License-Identifier: GPL-2.0
/*
 * Tests many readers of one file: each event is returned exactly once, while others read, poll
 * and write, and masks stay balanced.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "line.h"
#include "rounds.h"

#define THREADS		4
#define WORKERS		8

/* What the workers share. Some of them are processes. */
struct board {
	pthread_mutex_t turn;
	unsigned int sum;		/* of all counts */
	unsigned int alive;		/* workers */
	unsigned int news;		/* how often the two changed; a futex */
	bool stop;
	int error;			/* a wrong result of a call */
};

struct crowd;

struct worker {
	struct crowd *crowd;
	unsigned int random;
	int fd;
	int level_epoll, edge_epoll;
	pthread_t thread;
	pid_t id;			/* of the thread or the process */
};

struct crowd {
	struct line line;
	struct board *board;
	bool in_turns;
	int fd;
	struct worker workers[WORKERS];
};

static unsigned int load(unsigned int *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* Waits until the number of changes is no longer @news. */
static void board_wait(struct board *board, unsigned int news)
{
	syscall(SYS_futex, &board->news, FUTEX_WAIT, news, NULL, NULL, 0);
}

static void board_add(struct board *board, unsigned int *word, int number)
{
	__atomic_add_fetch(word, number, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&board->news, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &board->news, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void board_expect(struct board *board, int expected, int result)
{
	int none = 0;

	if (result != expected)
		__atomic_compare_exchange_n(&board->error, &none, result ? : -EPROTO, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* If the call returned a count, quiets the device and adds the count to the sum. */
static bool take(struct worker *worker, int result)
{
	struct crowd *crowd = worker->crowd;

	if (result <= 0) {
		board_expect(crowd->board, -EAGAIN, result);
		return false;
	}
	if (crowd->line.regs)
		line_ack(&crowd->line);
	/* The device is quiet, and the next event has not come: arm in all ways. */
	if (crowd->in_turns && result & 1) {
		if (worker->random & 0x100)
			board_expect(crowd->board, 0, write_value(worker->fd, 0));
		board_expect(crowd->board, 0, write_value(worker->fd, 1));
	}
	board_add(crowd->board, &crowd->board->sum, result);
	return true;
}

static void await(struct worker *worker, int epfd)
{
	struct epoll_event event;

	board_expect(worker->crowd->board, 1, epoll_wait(epfd, &event, 1, -1));
	take(worker, read_nowait(worker->fd));
}

static void work(struct worker *worker)
{
	struct board *board = worker->crowd->board;

	worker->random = worker->random * 1103515245 + 12345;
	switch ((worker->random >> 16) % 7) {
	case 0:
		take(worker, read_count(worker->fd));
		break;
	case 1:
		take(worker, read_nowait(worker->fd));
		break;
	case 2:
		if (!wait_event(worker->fd))
			board_expect(board, 0, -errno);
		take(worker, read_nowait(worker->fd));
		break;
	case 3:
		await(worker, worker->level_epoll);
		break;
	case 4:
		/* Edge-triggered epoll needs reads until EAGAIN. */
		if (!take(worker, read_nowait(worker->fd)))
			await(worker, worker->edge_epoll);
		break;
	case 5:
		board_expect(board, 0, write_value(worker->fd, 0));
		/*
		 * A 1 arms even if an event is pending. If workers do not take turns, the
		 * device may still assert.
		 */
		if (worker->crowd->in_turns)
			take(worker, read_nowait(worker->fd));
		else
			board_expect(board, 0, write_value(worker->fd, 1));
		break;
	case 6:
		if (!worker->crowd->in_turns)
			board_expect(board, 0, write_value(worker->fd, 1));
		break;
	}
}

static void turn_begin(struct worker *worker)
{
	if (worker->crowd->in_turns)
		pthread_mutex_lock(&worker->crowd->board->turn);
}

static void turn_end(struct worker *worker)
{
	if (worker->crowd->in_turns)
		pthread_mutex_unlock(&worker->crowd->board->turn);
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct board *board = worker->crowd->board;
	bool go_on = true;

	worker->fd = dup(worker->crowd->fd);
	/* Adding a file to an epoll set polls it, which arms. */
	turn_begin(worker);
	worker->level_epoll = epoll_on(worker->fd, EPOLLIN);
	worker->edge_epoll = epoll_on(worker->fd, EPOLLIN | EPOLLET);
	__atomic_store_n(&worker->id, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	if (worker->level_epoll < 0 || worker->edge_epoll < 0)
		board_expect(board, 0, -errno);
	turn_end(worker);
	while (go_on) {
		turn_begin(worker);
		go_on = !__atomic_load_n(&board->stop, __ATOMIC_SEQ_CST);
		if (go_on) {
			work(worker);
		} else {
			/*
			 * A worker that took an event must arm the line for sleeping workers
			 * before it ends.
			 */
			while (take(worker, read_nowait(worker->fd)))
				;
		}
		turn_end(worker);
	}
	close(worker->level_epoll);
	close(worker->edge_epoll);
	close(worker->fd);
	board_add(board, &board->alive, -1);
	return NULL;
}

static bool crowd_start(struct crowd *crowd)
{
	pthread_mutexattr_t attr;
	struct board *board;

	crowd->fd = open(crowd->line.path, O_RDWR);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (crowd->fd < 0 || board == MAP_FAILED)
		return false;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&board->turn, &attr);
	board->alive = WORKERS;
	crowd->board = board;

	for (int i = WORKERS - 1; i >= 0; i--) {
		struct worker *worker = &crowd->workers[i];
		pid_t pid;

		worker->crowd = crowd;
		worker->random = i;
		if (i < THREADS) {
			if (pthread_create(&worker->thread, NULL, worker_main, worker))
				return false;
			continue;
		}
		pid = fork();
		if (pid < 0)
			return false;
		if (!pid) {
			worker_main(worker);
			_exit(0);
		}
		worker->id = pid;
	}
	return true;
}

static void crowd_raise(struct crowd *crowd)
{
	if (crowd->line.regs)
		line_raise(&crowd->line);
	else
		line_trigger(&crowd->line);
}

/* Raises an interrupt, and waits until a worker has got a count. */
static void crowd_event(struct crowd *crowd)
{
	struct board *board = crowd->board;
	unsigned int sum = load(&board->sum), news, alive;

	crowd_raise(crowd);
	for (;;) {
		news = load(&board->news);
		alive = load(&board->alive);
		if (load(&board->sum) != sum)
			return;
		if (alive) {
			board_wait(board, news);
		} else {
			/* The last worker ended before: take this event here. */
			wait_event(crowd->fd);
			take(&(struct worker){ .crowd = crowd, .fd = crowd->fd },
			     read_nowait(crowd->fd));
		}
	}
}

/*
 * Has the workers end, and raises interrupts for sleeping workers. Each interrupt ends at least
 * one worker. Returns how many were raised.
 */
static unsigned int crowd_stop(struct crowd *crowd)
{
	unsigned int raised = 0;

	__atomic_store_n(&crowd->board->stop, true, __ATOMIC_SEQ_CST);
	while (load(&crowd->board->alive)) {
		crowd_event(crowd);
		raised++;
	}
	for (int i = 0; i < WORKERS; i++) {
		if (i < THREADS)
			pthread_join(crowd->workers[i].thread, NULL);
		else
			waitpid(crowd->workers[i].id, NULL, 0);
	}
	return raised;
}

/* Returns whether debugfs shows no interrupt that is kept, on its way, or being handled. */
static bool line_rests(struct line *line)
{
	const char *state = line_state(line);

	return !strstr(state, "IRQS_PENDING") && !strstr(state, "IRQS_REPLAY") &&
	       !strstr(state, "IRQD_IRQ_INPROGRESS");
}

/* Takes an edge that the line has kept, and an event that the handler has not counted yet. */
static void crowd_drain(struct crowd *crowd)
{
	struct board *board = crowd->board;

	for (int i = 0; i < 100000; i++) {
		bool rests = line_rests(&crowd->line);
		int count = read_nowait(crowd->fd);

		if (count > 0)
			board_add(board, &board->sum, count);
		else if (rests)
			break;
	}
}

/* Checks that the line works like a line that was just opened, and is free after close. */
static void check_line_afterwards(struct __test_metadata *_metadata, struct crowd *crowd)
{
	struct line *line = &crowd->line;
	unsigned int before;

	ASSERT_EQ(-EAGAIN, read_nowait(crowd->fd));
	EXPECT_GE(0, line_depth(line));
	before = line_hw_count(line);
	crowd_raise(crowd);
	ASSERT_TRUE(wait_event(crowd->fd));
	EXPECT_GE(1, line_depth(line));
	EXPECT_EQ(1, read_nowait(crowd->fd));
	EXPECT_EQ(before + 1, line_hw_count(line));
	if (line->regs)
		line_ack(line);
	ASSERT_EQ(-EAGAIN, read_nowait(crowd->fd));
	EXPECT_GE(0, line_depth(line));
	close(crowd->fd);

	crowd->fd = open(line->path, O_RDWR);
	ASSERT_LE(0, crowd->fd);
	EXPECT_EQ(-EAGAIN, read_nowait(crowd->fd));
	close(crowd->fd);
}

FIXTURE(readers)
{
	struct crowd crowd;
};

FIXTURE_VARIANT(readers)
{
	bool edge, in_turns;
};

/*
 * A level line that is armed before its device is quiet gives another event. If all workers
 * take turns, the number of events is known.
 */
FIXTURE_VARIANT_ADD(readers, level_in_turns)
{
	.in_turns = true,
};

/* If workers do not take turns, only the kernel's count of interrupts gives the number. */
FIXTURE_VARIANT_ADD(readers, level_concurrent)
{
};

/* An edge is one event, whenever the line is armed. */
FIXTURE_VARIANT_ADD(readers, edge_concurrent)
{
	.edge = true,
};

FIXTURE_SETUP(readers)
{
	struct line *line = &self->crowd.line;
	const char *why = variant->edge ? line_setup_edge(line) : line_setup(line);

	if (why)
		SKIP(return, "%s", why);
	self->crowd.in_turns = variant->in_turns;
}

FIXTURE_TEARDOWN(readers)
{
	line_leave(&self->crowd.line);
}

/* Eight workers read as many events as were raised, and all workers end. */
TEST_F_TIMEOUT(readers, each_event_counts_once, 36000)
{
	unsigned int before = line_hw_count(&self->crowd.line);
	unsigned int wanted = events_to_have(UINT_MAX, 1000);
	struct crowd *crowd = &self->crowd;
	unsigned int raised, sum, hw;

	ASSERT_TRUE(crowd_start(crowd));
	for (raised = 0; raised < wanted; raised++)
		crowd_event(crowd);
	raised += crowd_stop(crowd);
	crowd_drain(crowd);

	sum = load(&crowd->board->sum);
	hw = line_hw_count(&crowd->line) - before;
	TH_LOG("%u raised, %u interrupts, %u counted", raised, hw, sum);
	EXPECT_EQ(0, crowd->board->error);
	if (variant->edge || variant->in_turns)
		EXPECT_EQ(raised, sum);
	if (!variant->edge)
		EXPECT_EQ(hw, sum);
	check_line_afterwards(_metadata, crowd);
}

FIXTURE(storm)
{
	struct crowd crowd;
};

FIXTURE_SETUP(storm)
{
	const char *why = line_setup_edge(&self->crowd.line);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(storm)
{
	line_leave(&self->crowd.line);
}

/*
 * Edges that come faster than they are read coalesce: the sum is never more than the edges, and
 * never zero.
 */
TEST_F_TIMEOUT(storm, edges_coalesce, 36000)
{
	unsigned int before = line_hw_count(&self->crowd.line);
	unsigned int wanted = events_to_have(UINT_MAX, 1000);
	struct crowd *crowd = &self->crowd;
	unsigned int edges = 0, rests = 0, sum, hw;

	ASSERT_TRUE(crowd_start(crowd));
	while (edges < wanted) {
		unsigned int burst = 1 + edges % 16;

		for (unsigned int i = 0; i < burst; i++)
			crowd_raise(crowd);
		edges += burst;
		ASSERT_GE(edges, load(&crowd->board->sum));
		/* When all workers sleep, the line is armed and no edge is left. */
		if (edges & 0x100) {
			for (int i = 0; i < WORKERS; i++) {
				pid_t *id = &crowd->workers[i].id;

				while (!__atomic_load_n(id, __ATOMIC_SEQ_CST))
					;
				wait_asleep(*id);
			}
			rests++;
		}
	}
	crowd_event(crowd);
	edges += 1 + crowd_stop(crowd);
	crowd_drain(crowd);

	sum = load(&crowd->board->sum);
	hw = line_hw_count(&crowd->line) - before;
	TH_LOG("%u edges, %u interrupts, %u counted", edges, hw, sum);
	EXPECT_EQ(0, crowd->board->error);
	/* After each rest an edge comes on an armed line. */
	EXPECT_LT(rests, sum);
	EXPECT_GE(edges, sum);
	check_line_afterwards(_metadata, crowd);
}

TEST_HARNESS_MAIN
