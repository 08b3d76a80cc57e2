// SPDX-License-Identifier: GPL-2.0
/*
 * Tests two sleeping readers of which one gets a signal while an event comes: the event is not
 * lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fake.h"
#include "hog.h"
#include "line.h"
#include "rounds.h"
#include "sleeper.h"

/* At least 32: each order of the calls, with each length of dawdle(). */
#define ROUNDS	((int)rounds_of(200, 40))

/* What the victim records in shared memory. */
struct trace {
	int count;			/* written by the kernel */
	bool returned;			/* the victim's read has returned */
};

FIXTURE(pair)
{
	struct fake fake;
	struct line line;		/* for its interrupt count */
	struct sleeper survivor;
	struct trace *trace;
	int fd;
};

FIXTURE_SETUP(pair)
{
	const char *why = fake_make(&self->fake, "edge");

	self->fd = -1;
	if (why)
		SKIP(return, "%s", why);
	self->line.irq = self->fake.irq;
	self->fd = open(self->fake.path, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->trace = mmap(NULL, sizeof(*self->trace), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->trace);
}

FIXTURE_TEARDOWN(pair)
{
	close(self->fd);
	fake_dispose(&self->fake);
}

/* Starts a process that reads, and then sleeps until it is killed. */
static pid_t victim_start(int fd, struct trace *trace)
{
	pid_t victim;

	*trace = (struct trace) {};
	victim = fork();
	if (!victim) {
		if (read(fd, &trace->count, sizeof(trace->count)) == sizeof(trace->count))
			trace->returned = true;
		for (;;)
			pause();
	}
	wait_asleep(victim);
	return victim;
}

/* Lets time pass, from almost none to more than it takes to wake a reader. */
static void dawdle(int round)
{
	for (int n = 0; n < 1 << round % 16; n++)
		asm volatile("" ::: "memory");
}

/*
 * Waits until one of the two readers has got the event. Returns whether it was the survivor. If
 * it was not, the survivor sleeps, and the line is armed.
 */
static bool survivor_has_it(struct sleeper *survivor, struct trace *trace)
{
	while (!__atomic_load_n(&trace->count, __ATOMIC_ACQUIRE) && !sleeper_is_done(survivor))
		sched_yield();
	/*
	 * The kernel writes the count before it takes the event, which the other reader may
	 * take.
	 */
	while (wait_event_for(survivor->fd, 0))
		sched_yield();
	wait_asleep(survivor->tid);
	return sleeper_is_done(survivor);
}

/*
 * A reader is killed at the time of the event.
 *
 * A read that has taken the event returns it, but a process that was killed in the meantime
 * cannot report that. The read can have taken the event only if the kernel had written the
 * count before. So the survivor gets the event unless the count was written, and does not get
 * it if the victim's read is known to have returned. In both cases the line keeps working: if
 * the survivor did not get this event, it gets the next one.
 */
TEST_F_TIMEOUT(pair, killed_reader_loses_no_event, 120)
{
	unsigned int before = line_hw_count(&self->line), events = 0;
	int returned = 0, died = 0, passed_on = 0, i;
	const time_t enough = time(NULL) + 60;

	for (i = 0; i < ROUNDS || (time(NULL) < enough && (returned < 5 || passed_on < 2)); i++) {
		struct trace *trace = self->trace;
		pid_t victim;

		/* The reader that went to sleep first is woken first. */
		if (i & 1) {
			victim = victim_start(self->fd, trace);
			sleeper_start(&self->survivor, self->fd, sleep_for_one);
		} else {
			sleeper_start(&self->survivor, self->fd, sleep_for_one);
			victim = victim_start(self->fd, trace);
		}

		if (i & 2) {
			kill(victim, SIGKILL);
			dawdle(i / 2);
			fake_do(&self->fake, "fire");
		} else {
			fake_do(&self->fake, "fire");
			dawdle(i / 2);
			kill(victim, SIGKILL);
		}
		events++;
		ASSERT_EQ(victim, waitpid(victim, NULL, 0));

		if (survivor_has_it(&self->survivor, trace)) {
			ASSERT_FALSE(trace->returned);
			/* The victim was woken, but was killed before it could read. */
			passed_on += (i & 3) == 1;
		} else {
			ASSERT_EQ(1, trace->count);
			returned += trace->returned;
			died += !trace->returned;
			fake_do(&self->fake, "fire");
			events++;
		}
		ASSERT_TRUE(sleeper_join(&self->survivor));
	}
	TH_LOG("of %d victims %d read the event, %d were killed after taking it, %d left it",
	       i, returned, died, passed_on);
	EXPECT_LE(5, returned);
	EXPECT_LE(2, passed_on);
	EXPECT_EQ(events, line_hw_count(&self->line) - before);
}

static int interrupted_result;

static bool sleep_until_interrupted(int fd)
{
	interrupted_result = read_count(fd);
	return interrupted_result == 1 || interrupted_result == -EINTR;
}

/* A signal interrupts a reader at the time of the event. Its read returns the event or EINTR. */
TEST_F_TIMEOUT(pair, interrupted_reader_loses_no_event, 120)
{
	unsigned int before = line_hw_count(&self->line), events = 0;
	int victims = 0;

	ignore_signal(SIGUSR1, 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct sleeper victim;

		if (i & 1) {
			sleeper_start(&victim, self->fd, sleep_until_interrupted);
			sleeper_start(&self->survivor, self->fd, sleep_for_one);
		} else {
			sleeper_start(&self->survivor, self->fd, sleep_for_one);
			sleeper_start(&victim, self->fd, sleep_until_interrupted);
		}

		if (i & 2) {
			pthread_kill(victim.thread, SIGUSR1);
			dawdle(i / 2);
			fake_do(&self->fake, "fire");
		} else {
			fake_do(&self->fake, "fire");
			dawdle(i / 2);
			pthread_kill(victim.thread, SIGUSR1);
		}
		events++;
		ASSERT_TRUE(sleeper_join(&victim));

		if (interrupted_result == 1) {
			victims++;
			ASSERT_FALSE(wait_event_for(self->fd, 0));
			fake_do(&self->fake, "fire");
			events++;
		}
		ASSERT_TRUE(sleeper_join(&self->survivor));
	}
	TH_LOG("the victim read %d events", victims);
	EXPECT_EQ(events, line_hw_count(&self->line) - before);
}

/* Starts a victim on CPU 1, which a hog will occupy, and keeps this thread off it. */
static pid_t victim_on_cpu_1(int fd, struct trace *trace)
{
	pid_t victim;

	pin_to(0);
	victim = victim_start(fd, trace);
	move_to_cpu(victim, 1);
	return victim;
}

/* A killed reader that has not run yet is not woken in place of another reader. */
TEST_F(pair, killed_reader_is_not_woken)
{
	struct hog hog;
	double begin;
	pid_t victim;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	victim = victim_on_cpu_1(self->fd, self->trace);
	sleeper_start(&self->survivor, self->fd, sleep_for_one);
	/* When the victim runs, it passes the event on: not before the survivor was woken. */
	hog_patience(4);
	hog_start(&hog);
	kill(victim, SIGKILL);
	fake_do(&self->fake, "fire");
	begin = seconds();
	while (!sleeper_is_done(&self->survivor) && seconds() - begin < 2)
		sched_yield();
	EXPECT_TRUE(sleeper_is_done(&self->survivor));
	hog_stop(&hog);
	hog_patience(1);
	EXPECT_EQ(victim, waitpid(victim, NULL, 0));
	EXPECT_TRUE(sleeper_join(&self->survivor));
}

/* A reader that was woken, but is killed before it runs, leaves the event to another reader. */
TEST_F(pair, killed_reader_passes_the_event_on)
{
	struct hog hog;
	pid_t victim;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	victim = victim_on_cpu_1(self->fd, self->trace);
	sleeper_start(&self->survivor, self->fd, sleep_for_one);
	hog_start(&hog);
	fake_do(&self->fake, "fire");
	kill(victim, SIGKILL);
	hog_stop(&hog);
	EXPECT_EQ(victim, waitpid(victim, NULL, 0));
	EXPECT_TRUE(sleeper_join(&self->survivor));
}

TEST_HARNESS_MAIN
