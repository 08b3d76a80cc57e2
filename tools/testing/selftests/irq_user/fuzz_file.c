// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's descriptors. Each process has a few. Its threads open, use and close them in any
 * order. They have reserved numbers: a thread that uses a descriptor which another thread has
 * just closed may find it closed, or find another line's file, but no other file.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define FIRST	200
#define POOL	4

/* A version is odd while the descriptor is being changed. */
static struct {
	pthread_mutex_t lock;
	unsigned int version;
	struct file file;
} pool[] = {
	[0 ... POOL - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER, .file.flags = CLOSED },
};

static unsigned int version(int index)
{
	return __atomic_load_n(&pool[index].version, __ATOMIC_SEQ_CST);
}

/* Makes the descriptor a copy of @fd, and closes @fd; or closes the descriptor. */
static int change(int index, int fd, const struct file *file)
{
	int result;

	pthread_mutex_lock(&pool[index].lock);
	__atomic_add_fetch(&pool[index].version, 1, __ATOMIC_SEQ_CST);
	if (fd >= 0)
		result = outcome(dup3(fd, FIRST + index, O_CLOEXEC));
	else
		result = outcome(close(FIRST + index));
	pool[index].file = *file;
	__atomic_add_fetch(&pool[index].version, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&pool[index].lock);
	if (fd >= 0)
		close(fd);
	return result;
}

static void keep(struct worker *worker, int fd, const struct file *file)
{
	expect(worker, change(pick(worker, POOL), fd, file), ERRORS(0));
}

/* A descriptor with O_PATH is no open file. */
static bool is_usable(const struct file *file)
{
	return file->flags >= 0 && !(file->flags & O_PATH);
}

static bool may_be_usable(const struct file *file)
{
	return file->flags == UNKNOWN || is_usable(file);
}

struct held hold(struct worker *worker)
{
	int index = pick(worker, POOL);
	int tries = pick(worker, 8) ? POOL : 0;
	struct held held;

	/* Mostly choose an open descriptor, if any is open. */
	while (tries-- && !may_be_usable(&pool[index].file))
		index = (index + 1) % POOL;
	held.fd = FIRST + index;
	held.version = version(index);
	held.file = pool[index].file;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (version(index) != held.version)
		held.version |= 1;
	return held;
}

bool is_held(const struct held *held)
{
	return !(held->version & 1) && version(held->fd - FIRST) == held->version;
}

bool is_open(const struct held *held)
{
	return is_held(held) && is_usable(&held->file);
}

bool may_be_open(const struct held *held)
{
	return !is_held(held) || may_be_usable(&held->file);
}

bool may_be_gone(const struct held *held)
{
	return !is_held(held) || !is_there(&held->file.line);
}

void judge(struct worker *worker, const struct held *held, long result, const int *errors)
{
	if (result == -EBADF)
		REQUIRE(worker, !is_open(held));
	else if (result == -EIO)
		REQUIRE(worker, may_be_gone(held));
	else
		REQUIRE(worker, may_be_open(held));
	if (result != -EBADF && result != -EIO)
		expect(worker, result, errors);
}

static const struct mode {
	int flags;
	bool refused;
} modes[] = {
	{ O_RDWR,		false },
	{ O_RDWR,		false },
	{ O_RDWR,		false },
	{ O_RDWR,		false },
	{ O_RDWR | O_NONBLOCK,	false },
	{ O_RDWR | O_NONBLOCK,	false },
	{ O_RDWR | O_NONBLOCK,	false },
	{ O_RDWR | O_APPEND | O_TRUNC | O_CLOEXEC, false },
	{ O_RDONLY,		false },
	{ O_RDONLY | O_NONBLOCK, false },
	{ O_PATH,		false },
	{ O_WRONLY,		true },
	{ O_ACCMODE,		true },
	{ O_RDWR | O_DIRECT,	true },
};

long op_open(struct worker *worker)
{
	const struct mode *mode = &modes[pick(worker, ARRAY_SIZE(modes))];
	struct file file = { .flags = mode->flags, .line = look(worker) };
	const struct kind *kind = &kinds[file.line.kind];
	bool refused = mode->refused || (kind->error && !(mode->flags & O_PATH));
	char path[64];
	int fd;

	name_file(&file.line, pick(worker, 2), path, sizeof(path));
	note(worker, "%s (%s), flags %#o", path, kind->name, mode->flags);
	fd = outcome(open(path, mode->flags));

	if (!is_there(&file.line)) {
		/* It is not known which line this was. */
		file.line.generation = 0;
		expect(worker, fd, ERRORS(ENOENT, EINVAL, EBUSY,
					  is_vector(&file.line) ? ENXIO : 0));
	} else if (kind->error == ENOENT) {
		REQUIRE(worker, fd == -ENOENT);
	} else if (refused) {
		REQUIRE(worker, fd < 0);
		/* O_DIRECT is refused only after the line is claimed. */
		expect(worker, fd, ERRORS(EINVAL, mode->flags & O_DIRECT ? EBUSY : 0));
	} else {
		expect(worker, fd, ERRORS(mode->flags & O_PATH ? 0 : EBUSY));
	}
	if (fd >= 0)
		keep(worker, fd, &file);
	return fd;
}

long op_close(struct worker *worker)
{
	int index = pick(worker, POOL);
	const struct file closed = { .flags = CLOSED };
	long result;

	note(worker, "fd %d", FIRST + index);
	result = change(index, -1, &closed);
	expect(worker, result, ERRORS(EBADF));
	return result;
}

/* Returns a copy of a descriptor, and what it stands for, or -EBADF. */
static int copy(struct worker *worker, struct file *file)
{
	struct held held = hold(worker);
	int fd;

	note(worker, "fd %d", held.fd);
	fd = outcome(fcntl(held.fd, F_DUPFD_CLOEXEC, 0));
	if (fd < 0) {
		expect(worker, fd, ERRORS(EBADF));
		REQUIRE(worker, !is_open(&held));
	}
	*file = held.file;
	if (!is_held(&held))
		*file = (struct file) { .flags = UNKNOWN };
	return fd;
}

long op_dup(struct worker *worker)
{
	struct file file;
	int fd = copy(worker, &file);

	if (fd >= 0)
		keep(worker, fd, &file);
	return fd;
}

/* A descriptor on its way to another process, or back. */
struct parcel {
	struct file file;
	struct iovec iov;
	struct msghdr msg;
	union {
		char buffer[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
};

static struct cmsghdr *prepare(struct parcel *parcel)
{
	parcel->iov.iov_base = &parcel->file;
	parcel->iov.iov_len = sizeof(parcel->file);
	parcel->msg.msg_iov = &parcel->iov;
	parcel->msg.msg_iovlen = 1;
	parcel->msg.msg_control = parcel->control.buffer;
	parcel->msg.msg_controllen = sizeof(parcel->control.buffer);
	return CMSG_FIRSTHDR(&parcel->msg);
}

long op_pass(struct worker *worker)
{
	struct parcel parcel = {};
	struct cmsghdr *header = prepare(&parcel);
	int fd = copy(worker, &parcel.file);
	long result;

	if (fd < 0)
		return fd;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	result = outcome(sendmsg(fuzz->sockets[0], &parcel.msg, MSG_DONTWAIT));
	expect(worker, result, ERRORS(EAGAIN));
	close(fd);
	return result;
}

long op_receive(struct worker *worker)
{
	struct parcel parcel = {};
	struct cmsghdr *header = prepare(&parcel);
	long result;
	int fd;

	result = outcome(recvmsg(fuzz->sockets[1], &parcel.msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
	expect(worker, result, ERRORS(EAGAIN));
	if (result < 0)
		return result;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	note(worker, "line %d", parcel.file.line.irq);
	keep(worker, fd, &parcel.file);
	return result;
}

/* A child that shares all descriptors for some time. */
static void child(pid_t parent, int fd, int what)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int count;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	if (what == 1)
		poll(&pollfd, 1, -1);
	if (what == 2 && read(fd, &count, sizeof(count)) < 0)
		pause();
	_exit(0);
}

/* The child exits immediately, or is killed wherever it is. */
long op_fork(struct worker *worker)
{
	int what = pick(worker, 3), patience = pick(worker, 100);
	struct held held = hold(worker);
	pid_t parent = getpid(), pid;
	int status;

	note(worker, "%d with fd %d", what, held.fd);
	pid = fork();
	if (!pid)
		child(parent, held.fd, what);
	if (pid < 0)
		return -errno;
	while (what && patience--)
		sched_yield();
	if (what)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	REQUIRE(worker, WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
	return 0;
}

/* Stand for the descriptor and for the process among the arguments of a call. */
#define FD	LONG_MIN
#define SELF	(LONG_MIN + 1)

static const int one = 1;

/* On 32 bits, the older call has 16-bit owners, and a kernel without CONFIG_UID16 lacks it. */
#ifdef SYS_fchown32
#define CHOWN	SYS_fchown32
#else
#define CHOWN	SYS_fchown
#endif

/* Calls that the file does not implement, and their errors. */
static const struct {
	const char *name;
	long number, args[6];
	int error;
} calls[] = {
	{ "block",		SYS_fcntl,	{ FD, F_SETFL, 0 }, 0 },
	{ "do not block",	SYS_fcntl,	{ FD, F_SETFL, O_NONBLOCK }, 0 },
	{ "be asynchronous",	SYS_fcntl,	{ FD, F_SETFL, O_ASYNC | O_APPEND }, 0 },
	{ "be direct",		SYS_fcntl,	{ FD, F_SETFL, O_DIRECT },		EINVAL },
	{ "set owner",		SYS_fcntl,	{ FD, F_SETOWN, SELF }, 0 },
	{ "set no owner",	SYS_fcntl,	{ FD, F_SETOWN, 0 }, 0 },
	{ "set signal",		SYS_fcntl,	{ FD, F_SETSIG, SIGUSR1 }, 0 },
	{ "set no signal",	SYS_fcntl,	{ FD, F_SETSIG, 0 }, 0 },
	{ "do not block",	SYS_ioctl,	{ FD, FIONBIO, (long)&one }, 0 },
	{ "window size",	SYS_ioctl,	{ FD, TIOCGWINSZ, 0 },			ENOTTY },
	{ "unknown ioctl",	SYS_ioctl,	{ FD, 0xdeadbeef, 0 },			ENOTTY },
	{ "seek",		SYS_lseek,	{ FD, 4, SEEK_SET },			ESPIPE },
	{ "sync",		SYS_fsync,	{ FD },					EINVAL },
#ifdef SYS_arm_fadvise64_64
	/* The advice is the second argument */
	{ "advise",		SYS_arm_fadvise64_64, { FD, POSIX_FADV_DONTNEED },	0 },
#else
	{ "advise",		SYS_fadvise64,	{ FD, 0, 0, POSIX_FADV_DONTNEED }, 0 },
#endif
	{ "list",		SYS_getdents64,	{ FD, 0, 0 },				ENOTDIR },
	{ "change mode",	SYS_fchmod,	{ FD, 0600 }, 0 },
	{ "change owner",	CHOWN,		{ FD, 0, 0 }, 0 },
};

long op_other(struct worker *worker)
{
	int number = pick(worker, ARRAY_SIZE(calls)), error = calls[number].error;
	struct held held = hold(worker);
	long args[6], result;

	note(worker, "fd %d: %s", held.fd, calls[number].name);
	for (int i = 0; i < ARRAY_SIZE(args); i++) {
		args[i] = calls[number].args[i];
		if (args[i] == FD)
			args[i] = held.fd;
		if (args[i] == SELF)
			args[i] = getpid();
	}
	result = outcome(syscall(calls[number].number, args[0], args[1], args[2], args[3],
				 args[4], args[5]));
	judge(worker, &held, result, ERRORS(error));
	REQUIRE(worker, result < 0 || !error);
	return result;
}
