/* SPDX-License-Identifier: GPL-2.0 */
/* Calls that several programs make. */
#ifndef IRQ_USER_CALLS_H
#define IRQ_USER_CALLS_H

#include <stdbool.h>
#include <sys/types.h>

#define PAGE		4096
#define NOBODY		65534

/* Opens a file and closes it. Returns 0 or -errno. */
int try_open(const char *path, int flags);

/* Maps a file and unmaps it. Returns 0 or -errno. */
int try_map(int fd, size_t size, int prot, int flags, off_t offset);

/* Reads. Returns the count or -errno. */
int read_count(int fd);

/*
 * As read_count(), but never sleeps. Does not set O_NONBLOCK: descriptors may share the open file,
 * and so its flags.
 */
int read_nowait(int fd);

/* Writes @value. Returns 0 or -errno. */
int write_value(int fd, int value);

/* Waits for an event, without reading it. Returns whether one came. */
bool wait_event(int fd);

/* As wait_event(), for at most @milliseconds. */
bool wait_event_for(int fd, int milliseconds);

/* Returns an epoll set that has the file, or -1. */
int epoll_on(int fd, unsigned int events);

/* Waits until the task @tid sleeps. */
void wait_asleep(pid_t tid);

/* Binds a thread to a CPU. Returns whether that worked. */
bool move_to_cpu(pid_t tid, int cpu);

/* The same for the calling thread. */
bool pin_to(int cpu);

/* Handles a signal by doing nothing, with the flags of sigaction(2). */
void ignore_signal(int signal, int flags);

/* Gives up all privileges, and stays in one group. Returns whether that worked. */
bool become_nobody(gid_t group);

/* Maps two pages. The second page cannot be accessed. Returns NULL if it cannot. */
char *map_edge(void);

/* Returns the time since some fixed point. */
double seconds(void);

#endif /* IRQ_USER_CALLS_H */
