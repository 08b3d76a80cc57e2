/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the fuzzer share: workers, which do one random operation after the other,
 * and the lines and descriptors that they use.
 */
#ifndef IRQ_USER_FUZZ_H
#define IRQ_USER_FUZZ_H

#include <linux/irq_user.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../kselftest.h"
#include "line.h"

#define PROCESSES	3
#define THREADS		4		/* of each process */
#define WORKERS		(PROCESSES * THREADS)
#define SLOTS		12		/* for lines; the first is the edu device's */
#define FIRST_VECTOR	1		/* the first slot of the card's vectors */
#define VECTORS		2
#define FIRST_FAKE	(FIRST_VECTOR + VECTORS) /* the first slot of the module's lines */
#define MAX_OPS		40
#define MAX_ERRORS	256
#define TRACES		16

/* An operation, kept to show what led to a failure. */
struct trace {
	const char *name;
	char text[80];
	bool has_ended;
	long result;
};

/* A thread of one of the processes. All workers are in shared memory. */
struct worker {
	int number;
	bool is_mortal;			/* may be killed; so it makes no lines */
	pid_t pid, tid;			/* 0 when it does not work */
	uint64_t random;
	uint64_t done;			/* operations; also the next one's number */
	uint64_t tally[MAX_OPS][MAX_ERRORS];	/* how often each error came; 0: success */
	struct trace traces[TRACES];
};

/* A place for a line. Lines come and go. */
struct slot {
	unsigned int generation;	/* odd while the line is there */
	int irq, kind;
};

/* A card whose vectors are lines while it is bound to irq_user. */
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

/*
 * Returns a random number below @limit. The sequence follows from the seed, the worker and its
 * operation.
 */
unsigned int pick(struct worker *worker, unsigned int limit);

/* Begin and end the worker's next operation. */
struct trace *begin(struct worker *worker);
void end(struct worker *worker, int op, long result);

/* Records in a few words what the operation does. */
__printf(2, 3)
void note(struct worker *worker, const char *format, ...);

/* Fails the run because the kernel has broken a promise. Only the first failure is reported. */
__printf(2, 3)
void blame(struct worker *worker, const char *format, ...);

#define REQUIRE(worker, condition) \
	do { \
		if (!(condition)) \
			blame(worker, "%s:%d: not %s", __FILE_NAME__, __LINE__, #condition); \
	} while (0)

/* Errors that a call may give. 0 is ignored. */
#define ERRORS(...)	((const int[]) { __VA_ARGS__, -1 })

/* Fails the run if the result is an error that is not in the list. */
void expect(struct worker *worker, long result, const int *errors);

/* Returns the result of a system call: not -1, but -errno. */
long outcome(long result);

/* Lines: fuzz_line.c. */

struct kind {
	const char *name;
	const char *fire;		/* the command to fire it, NULL if it cannot be opened */
	int error;			/* of open, 0 if it can be opened */
};

/* The edu device's line is of the first kind, a vector of this one. */
#define VECTOR_KIND	1

extern const struct kind kinds[];

/* What a worker knows of a line. */
struct view {
	int slot, irq, kind;
	unsigned int generation;
};

struct view look_at(int slot);
struct view look(struct worker *worker);

/* Returns whether the line exists and was not removed or about to be removed since the look. */
bool is_there(const struct view *view);

/* Marks the line of a slot as there, or as gone. Returns whether this call changed it. */
bool turn(struct slot *slot, unsigned int generation);

/* Returns whether the line is edge-triggered. */
bool is_edge(const struct view *view);

/* Gives the path of the line's file: in /proc, or its node, if it has one. */
void name_file(const struct view *view, bool by_node, char *path, size_t size);

/* Make a line fire, quiet it, and remove it. Return 0 or -errno. */
int line_fire(const struct view *view);
int line_quiet(const struct view *view);
int line_dispose(const struct view *view);

/* Returns whether a line can be removed. */
bool can_dispose(const struct view *view);

/* Makes a line for each slot. */
void make_all(struct worker *worker);

long op_make(struct worker *worker);
long op_dispose(struct worker *worker);
long op_fire(struct worker *worker);
long op_quiet(struct worker *worker);
long op_trigger(struct worker *worker);

/* The card: fuzz_card.c. */

/* Finds the card and binds it. Returns NULL, or why it cannot. */
const char *setup_card(void);

/*
 * Sets the card up with its lines, in whatever state the workers have left it. Returns NULL, or
 * why it cannot.
 */
const char *restore_card(void);

/* Unbinds the card. */
void unbind_card(void);

/* Returns whether the line is one of the card's. */
bool is_vector(const struct view *view);

/* Returns whether free-running may be forbidden for the line. */
bool may_be_forbidden(const struct view *view);

/* Has the card send the message of a vector. */
void fire_vector(const struct view *view);

long op_bind(struct worker *worker);
long op_choose(struct worker *worker);
long op_touch(struct worker *worker);
long op_forbid(struct worker *worker);

/* Descriptors: fuzz_file.c. */

struct file {
	int flags;			/* of open, or one of the values below */
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

/* Returns whether the descriptor has stood for the same file since hold(). */
bool is_held(const struct held *held);

/*
 * Return whether the descriptor has stood for an open file since hold(), for certain or
 * possibly.
 */
bool is_open(const struct held *held);
bool may_be_open(const struct held *held);

/* Returns whether its line may be gone. */
bool may_be_gone(const struct held *held);

/*
 * Fails the run if the file cannot have given this result, or if the result is an error that is
 * not in the list.
 */
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

/* Fails the run if a read cannot have returned this record. */
void check_record(struct worker *worker, const struct irq_user_record *record);

/* The page of a file, and the time that its reads look for an event: fuzz_page.c. */

long op_map(struct worker *worker);
long op_spin(struct worker *worker);

/* Waiting: fuzz_wait.c. Each process and each of its threads is set up once. */

void setup_epoll(struct worker *worker);
void setup_ring(struct worker *worker);

long op_poll(struct worker *worker);
long op_select(struct worker *worker);
long op_epoll_ctl(struct worker *worker);
long op_epoll_wait(struct worker *worker);
long op_uring_submit(struct worker *worker);
long op_uring_cancel(struct worker *worker);
long op_uring_wait(struct worker *worker);

/* What happens around the lines: fuzz_around.c. */

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
