/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the fuzzer share: workers, which do one random operation
 * after the other, and the lines and descriptors that they do it to.
 */
#ifndef IRQ_USER_FUZZ_H
#define IRQ_USER_FUZZ_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../kselftest.h"
#include "line.h"

#define PROCESSES	3
#define THREADS		4		/* of each process */
#define WORKERS		(PROCESSES * THREADS)
#define SLOTS		12		/* for lines; the first is the device's */
#define FIRST_VECTOR	1		/* of those for the card's vectors */
#define VECTORS		2
#define FIRST_FAKE	(FIRST_VECTOR + VECTORS) /* of those for the module's lines */
#define MAX_OPS		40
#define MAX_ERRORS	256
#define TRACES		16

/* An operation, for the one who wants to know what led to a failure. */
struct trace {
	const char *name;
	char text[80];
	bool has_ended;
	long result;
};

/* A thread of one of the processes. All are in memory that all share. */
struct worker {
	int number;
	bool is_mortal;			/* may be killed, and so makes no line that is forgotten */
	pid_t pid, tid;			/* 0 when it does not work */
	uint64_t random;
	uint64_t done;			/* operations: the next one's number, and a heartbeat */
	uint64_t tally[MAX_OPS][MAX_ERRORS];	/* how often it gave which error; 0 is none */
	struct trace traces[TRACES];
};

/* A place for a line, which comes and goes. */
struct slot {
	unsigned int generation;	/* odd while the line is there */
	int irq, kind;
};

/* A card whose vectors are lines while it is bound to the driver irq_user. */
struct card {
	bool is_there;
	bool shares_intx;		/* with the device */
	pthread_mutex_t lock;		/* held to change what follows */
	unsigned int version;		/* odd while its nodes go or come */
	unsigned int unbound;		/* how often it was */
	struct line line;
};

struct fuzz {
	uint64_t seed;
	bool stop;
	bool failed;
	struct worker *culprit;
	char verdict[160];
	pthread_mutex_t making;
	struct slot slots[SLOTS];
	bool has_device;
	struct line device;
	struct card card;
	int sockets[2];			/* for descriptors on their way */
	struct worker workers[WORKERS + 1];	/* the last one watches the others */
};

extern struct fuzz *fuzz;

/* Returns a number below @limit. The worker's next one is always the same one. */
unsigned int pick(struct worker *worker, unsigned int limit);

/* Begins the worker's next operation, and ends it. */
struct trace *begin(struct worker *worker);
void end(struct worker *worker, int op, long result);

/* Says what the operation is about to do, in a few words. */
__printf(2, 3)
void note(struct worker *worker, const char *format, ...);

/* Fails the run: the kernel has broken a promise. The first one is reported. */
__printf(2, 3)
void blame(struct worker *worker, const char *format, ...);

#define REQUIRE(worker, condition) \
	do { \
		if (!(condition)) \
			blame(worker, "%s:%d: not %s", __FILE_NAME__, __LINE__, #condition); \
	} while (0)

/* Errors that a call may give; 0 means nothing. */
#define ERRORS(...)	((const int[]) { __VA_ARGS__, -1 })

/* Blames a result that is an error, but none of these. */
void expect(struct worker *worker, long result, const int *errors);

/* Returns the result of a system call: not -1, but -errno. */
long outcome(long result);

/* Lines: fuzz_line.c. */

struct kind {
	const char *name;
	const char *fire;		/* how it is made to fire, NULL if it cannot be had */
	int error;			/* what opening it gives, 0 if it can be had */
};

/* The device's line is of the first kind, a vector of this one. */
#define VECTOR_KIND	1

extern const struct kind kinds[];

/* What is known of a line. */
struct view {
	int slot, irq, kind;
	unsigned int generation;
};

struct view look_at(int slot);
struct view look(struct worker *worker);

/* Returns whether the line was and is there, and has not been about to go since the look. */
bool is_there(const struct view *view);

/* Makes the line of a slot known, or no longer. Returns whether it was this call that did. */
bool turn(struct slot *slot, unsigned int generation);

/* Returns whether the line is edge-triggered. */
bool is_edge(const struct view *view);

/* Says the path of the line's file: that in /proc, or that of its node, if it has one. */
void name_file(const struct view *view, bool by_node, char *path, size_t size);

/* Makes a line fire, makes it quiet, and takes it away. Return 0 or -errno. */
int line_fire(const struct view *view);
int line_quiet(const struct view *view);
int line_dispose(const struct view *view);

/* Returns whether a line can be taken away at all. */
bool can_dispose(const struct view *view);

/* Makes a line for each slot. */
void make_all(struct worker *worker);

long op_make(struct worker *worker);
long op_dispose(struct worker *worker);
long op_fire(struct worker *worker);
long op_quiet(struct worker *worker);
long op_trigger(struct worker *worker);

/* The card: fuzz_card.c. */

/* Finds the card and binds it, if there is one. Returns NULL, or why it cannot. */
const char *setup_card(void);

/* Gives it its lines back, whatever the workers have left. Returns NULL, or why it cannot. */
const char *restore_card(void);

/* Unbinds it. */
void unbind_card(void);

/* Returns whether the line is one of the card's. */
bool is_vector(const struct view *view);

/* Returns whether the line may be one that must not run free. */
bool may_be_forbidden(const struct view *view);

/* Has the card send the message of a vector. */
void fire_vector(const struct view *view);

long op_bind(struct worker *worker);
long op_choose(struct worker *worker);
long op_touch(struct worker *worker);
long op_forbid(struct worker *worker);

/* Descriptors: fuzz_file.c. */

struct file {
	int flags;			/* that it was opened with, or one of those below */
	struct view line;
};

#define CLOSED	-1
#define UNKNOWN	-2

/* A descriptor of the process, and what is known of it. */
struct held {
	int fd;
	unsigned int version;
	struct file file;
};

struct held hold(struct worker *worker);

/* Returns whether the descriptor stood for the same file all the time. */
bool is_held(const struct held *held);

/* Returns whether it stood for an open file all the time, or may have. */
bool is_open(const struct held *held);
bool may_be_open(const struct held *held);

/* Returns whether its line may be gone. */
bool may_be_gone(const struct held *held);

/* Blames a result that the file cannot have given, or an error that is none of these. */
void judge(struct worker *worker, const struct held *held, long result, const int *errors);

long op_open(struct worker *worker);
long op_close(struct worker *worker);
long op_dup(struct worker *worker);
long op_pass(struct worker *worker);
long op_receive(struct worker *worker);
long op_fork(struct worker *worker);
long op_other(struct worker *worker);

/* Reads and writes: fuzz_io.c. */

void setup_buffers(void);

long op_read(struct worker *worker);
long op_write(struct worker *worker);
long op_move(struct worker *worker);

/* Waiting: fuzz_wait.c. Each process and each of its threads are set up once. */

void setup_epoll(struct worker *worker);
void setup_ring(struct worker *worker);

long op_poll(struct worker *worker);
long op_select(struct worker *worker);
long op_epoll_ctl(struct worker *worker);
long op_epoll_wait(struct worker *worker);
long op_uring_submit(struct worker *worker);
long op_uring_cancel(struct worker *worker);
long op_uring_wait(struct worker *worker);

/* What others do meanwhile: fuzz_around.c. */

/* Brings the last CPU back. */
void plug_cpu(void);

long op_show(struct worker *worker);
long op_list(struct worker *worker);
long op_mode(struct worker *worker);
long op_affinity(struct worker *worker);
long op_migrate(struct worker *worker);
long op_rename(struct worker *worker);
long op_hotplug(struct worker *worker);

#endif /* IRQ_USER_FUZZ_H */
