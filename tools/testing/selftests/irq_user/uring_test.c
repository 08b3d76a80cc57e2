// SPDX-License-Identifier: GPL-2.0
/* Tests io_uring on /proc/irq/<N>/irq: reads that wait without a thread, and writes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "edge_fixture.h"
#include "fake.h"
#include "hog.h"
#include "line_fixture.h"
#include "rounds.h"
#include "uring.h"

/* A read waits for the event and returns it. */
TEST_F(intx, read_waits_for_the_event)
{
	int fd = open(self->line.path, O_RDONLY);
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	for (int i = 0; i < rounds_of(1000, 200); i++) {
		int count = 0;

		ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, fd, &count, sizeof(count)));
		ASSERT_TRUE(ring_is_empty(&ring));
		line_raise(&self->line);
		ASSERT_EQ(sizeof(count), ring_wait(&ring));
		ASSERT_EQ(1, count);
		line_ack(&self->line);
	}
}

/* Checks that reads of other sizes fail with EINVAL, into one buffer or a vector. */
static void check_other_sizes(struct __test_metadata *_metadata, struct ring *ring, int fd,
			      void *buffer)
{
	static const unsigned int sizes[] = { 1, 3, 5, 8, 31, 33, 64 };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct iovec iov = { .iov_base = buffer, .iov_len = sizes[i] };

		ASSERT_EQ(0, ring_submit(ring, IORING_OP_READ, fd, buffer, sizes[i]));
		ASSERT_EQ(-EINVAL, ring_wait(ring))
			TH_LOG("%u bytes", sizes[i]);
		ASSERT_EQ(0, ring_submit(ring, IORING_OP_READV, fd, &iov, 1));
		ASSERT_EQ(-EINVAL, ring_wait(ring))
			TH_LOG("a vector of %u bytes", sizes[i]);
	}
}

/*
 * A read of any size but that of a count or a record neither waits nor takes an event, whatever the
 * buffer.
 */
TEST_F(intx, other_sizes_are_invalid)
{
	int fd = open(self->line.path, O_RDONLY);
	char buffer[64];
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	check_other_sizes(_metadata, &ring, fd, buffer);
	check_other_sizes(_metadata, &ring, fd, (void *)8);
	line_raise(&self->line);
	ASSERT_TRUE(wait_event(fd));
	check_other_sizes(_metadata, &ring, fd, buffer);
	check_other_sizes(_metadata, &ring, fd, (void *)8);
	EXPECT_EQ(1, read_count(fd));
}

/* The kernel checks the size before the line, which may be gone. */
TEST(size_is_checked_before_the_line)
{
	struct fake fake;
	const char *why = fake_make(&fake, "edge");
	char buffer[64];
	struct ring ring;
	int fd;

	if (why)
		SKIP(return, "%s", why);
	fd = open(fake.path, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	fake_dispose(&fake);
	check_other_sizes(_metadata, &ring, fd, buffer);
	EXPECT_EQ(-EIO, read_count(fd));
	close(fd);
}

/* Four bytes may be in two parts. */
TEST_F(intx, readv_in_two_parts)
{
	int fd = open(self->line.path, O_RDONLY), count = 0;
	struct iovec iov[] = {
		{ .iov_base = &count, .iov_len = 2 },
		{ .iov_base = (char *)&count + 2, .iov_len = 2 },
	};
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READV, fd, iov, 2));
	ASSERT_TRUE(ring_is_empty(&ring));
	line_raise(&self->line);
	ASSERT_EQ(sizeof(count), ring_wait(&ring));
	EXPECT_EQ(1, count);
	line_ack(&self->line);
}

/* A write completes immediately. */
TEST_F(intx, write_masks_and_arms)
{
	int fd = open(self->line.path, O_RDWR), zero = 0, one = 1, two = 2;
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_WRITE, fd, &zero, sizeof(zero)));
	EXPECT_EQ(sizeof(zero), ring_wait(&ring));
	line_raise(&self->line);
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_WRITE, fd, &one, sizeof(one)));
	EXPECT_EQ(sizeof(one), ring_wait(&ring));
	EXPECT_EQ(1, read_count(fd));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_WRITE, fd, &two, sizeof(two)));
	EXPECT_EQ(-EINVAL, ring_wait(&ring));
}

/* Returns how many threads this process has, including those that io_uring makes. */
static int count_threads(void)
{
	struct dirent *entry;
	int threads = 0;
	DIR *dir;

	dir = opendir("/proc/self/task");
	while (dir && (entry = readdir(dir)))
		threads += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return threads;
}

/* io_uring makes no thread that waits in place of the thread that has submitted the read. */
TEST_F(intx, needs_no_thread)
{
	int fd = open(self->line.path, O_RDWR), zero = 0, count;
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, fd, &count, sizeof(count)));
	EXPECT_EQ(1, count_threads());
	line_raise(&self->line);
	ASSERT_EQ(sizeof(count), ring_wait(&ring));
	EXPECT_EQ(1, count_threads());
	line_ack(&self->line);
	/* A write needs no other thread either. */
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_WRITE, fd, &zero, sizeof(zero)));
	ASSERT_EQ(sizeof(zero), ring_wait(&ring));
	EXPECT_EQ(1, count_threads());
}

/* A waiting read keeps the line, even if the descriptor is closed. */
TEST_F(intx, waiting_request_keeps_the_file_open)
{
	int fd = open(self->line.path, O_RDONLY), count;
	struct ring ring;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, fd, &count, sizeof(count)));
	close(fd);
	EXPECT_EQ(-1, open(self->line.path, O_RDONLY));
	EXPECT_EQ(EBUSY, errno);
	line_raise(&self->line);
	ASSERT_EQ(sizeof(count), ring_wait(&ring));
	EXPECT_EQ(1, count);
	line_ack(&self->line);
	/* io_uring closes the file some time later. */
	do {
		fd = open(self->line.path, O_RDONLY);
	} while (fd < 0 && errno == EBUSY);
	EXPECT_LE(0, fd);
}

/* A waiting read ends when the line goes away. */
TEST(removal_ends_a_read)
{
	struct line line;
	const char *why = line_setup_removable(&line);
	struct ring ring;
	int fd, count;

	if (why)
		SKIP(return, "%s", why);
	fd = open(line.path, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, fd, &count, sizeof(count)));
	line_enable(&line, false);
	EXPECT_EQ(-EIO, ring_wait(&ring));
	line_teardown(&line);
}

#define BUFFERS	64
#define PATIENCE	500		/* milliseconds; no completion comes later */

/* A multishot read: it completes with each event, into one of several buffers. */
struct multishot {
	struct ring ring;
	int counts[BUFFERS];
};

static void multishot_start(struct __test_metadata *_metadata, struct multishot *multishot, int fd)
{
	memset(multishot->counts, 0, sizeof(multishot->counts));
	ASSERT_EQ(0, ring_setup_sized(&multishot->ring, 2 * BUFFERS));
	ASSERT_EQ(0, ring_provide(&multishot->ring, multishot->counts, BUFFERS, 0));
	ASSERT_EQ(0, ring_submit_multishot_read(&multishot->ring, fd, 1));
	ASSERT_TRUE(ring_is_empty(&multishot->ring));
}

static void multishot_wait(struct multishot *multishot, struct io_uring_cqe *completion)
{
	while (!ring_take(&multishot->ring, completion))
		ring_sleep(&multishot->ring);
}

/* One submission reads each event of an edge-triggered line. Each event is a completion. */
TEST(multishot_read_of_an_edge_line)
{
	struct io_uring_cqe completion;
	struct multishot multishot;
	struct fake fake;
	const char *why = fake_make(&fake, "edge");
	int fd;

	if (why)
		SKIP(return, "%s", why);
	fd = open(fake.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	multishot_start(_metadata, &multishot, fd);
	for (int i = 0; i < BUFFERS; i++) {
		ASSERT_EQ(0, fake_do(&fake, "fire"));
		multishot_wait(&multishot, &completion);
		ASSERT_EQ(sizeof(int), completion.res);
		ASSERT_TRUE(completion.flags & IORING_CQE_F_MORE);
		ASSERT_TRUE(completion.flags & IORING_CQE_F_BUFFER);
		ASSERT_EQ(1, multishot.counts[buffer_of(&completion)]);
	}
	/* Without a free buffer the read ends, and takes no event. */
	ASSERT_EQ(0, fake_do(&fake, "fire"));
	multishot_wait(&multishot, &completion);
	EXPECT_EQ(-ENOBUFS, completion.res);
	EXPECT_FALSE(completion.flags & IORING_CQE_F_MORE);
	EXPECT_EQ(1, read_count(fd));
	EXPECT_EQ(-EAGAIN, read_count(fd));
	close(fd);
	fake_dispose(&fake);
}

/* A multishot read ends when the line goes away. */
TEST(removal_ends_a_multishot_read)
{
	struct io_uring_cqe completion;
	struct multishot multishot;
	struct fake fake;
	const char *why = fake_make(&fake, "edge");
	int fd;

	if (why)
		SKIP(return, "%s", why);
	fd = open(fake.path, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	multishot_start(_metadata, &multishot, fd);
	fake_dispose(&fake);
	multishot_wait(&multishot, &completion);
	EXPECT_EQ(-EIO, completion.res);
	EXPECT_FALSE(completion.flags & IORING_CQE_F_MORE);
	close(fd);
}

/* Waits for some time for another completion, and takes it. Returns whether it came. */
static bool another_comes(struct ring *ring, struct io_uring_cqe *completion)
{
	while (ring_sleep_for(ring, PATIENCE)) {
		if (ring_take(ring, completion))
			return true;
	}
	return false;
}

/*
 * The kernel reads again, which arms, before the program has quieted the device. So a multishot
 * read does not suit a level-triggered line. While it has buffers, it may count one assertion
 * several times. Then it ends, and the line works as before.
 */
TEST_F(intx, multishot_read_of_a_level_line)
{
	struct io_uring_sqe cancel = {
		.opcode = IORING_OP_ASYNC_CANCEL, .addr = 1, .user_data = 2,
	};
	int fd = open(self->line.path, O_RDWR | O_NONBLOCK), counts = 0, count;
	struct io_uring_cqe completion;
	struct multishot multishot;
	bool more;

	ASSERT_LE(0, fd);
	multishot_start(_metadata, &multishot, fd);
	line_raise(&self->line);
	multishot_wait(&multishot, &completion);
	do {
		more = completion.flags & IORING_CQE_F_MORE;
		if (completion.res < 0)
			continue;
		ASSERT_EQ(sizeof(int), completion.res);
		EXPECT_LT(0, multishot.counts[buffer_of(&completion)]);
		counts++;
	} while (more && another_comes(&multishot.ring, &completion));
	TH_LOG("%d counts of one assertion, the read %s", counts, more ? "waits on" : "has ended");
	EXPECT_LE(1, counts);
	EXPECT_GE(BUFFERS, counts);
	line_ack(&self->line);

	if (more) {
		ASSERT_EQ(0, ring_submit_entry(&multishot.ring, &cancel));
		do {
			multishot_wait(&multishot, &completion);
		} while (completion.user_data != 1 || completion.flags & IORING_CQE_F_MORE);
	}
	/* Events from before line_ack() may be pending. */
	do {
		count = read_count(fd);
	} while (count > 0);
	EXPECT_EQ(-EAGAIN, count);
	for (int i = 0; i < 10; i++) {
		line_raise(&self->line);
		ASSERT_TRUE(wait_event(fd));
		ASSERT_EQ(1, read_count(fd));
		line_ack(&self->line);
		ASSERT_EQ(-EAGAIN, read_count(fd));
	}
}

/* A thread that takes all events in a loop. */
struct taker {
	int fd, taken;
	bool stop;
};

static void *taker_main(void *arg)
{
	struct taker *taker = arg;

	while (!__atomic_load_n(&taker->stop, __ATOMIC_RELAXED)) {
		int count = read_nowait(taker->fd);

		if (count > 0)
			__atomic_fetch_add(&taker->taken, count, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* If another reader takes the event of a waiting read, the read waits on. */
TEST_F_TIMEOUT(edge, read_waits_on_if_the_event_was_taken, 240)
{
	struct taker taker = { .fd = open(self->line.path, O_RDONLY) };
	const time_t enough = time(NULL) + 120;
	const int wanted = rounds_of(2000, 400);
	struct io_uring_cqe completion;
	int events = 0, taken = 0, lost = 0, *count;
	struct ring ring;
	pthread_t thread;

	ASSERT_LE(0, taker.fd);
	count = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, count);
	ASSERT_EQ(0, ring_setup(&ring));
	ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, taker.fd, count, sizeof(*count)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, taker_main, &taker));
	do {
		events++;
		/* Writing the count takes long if the page has no memory yet. */
		madvise(count, PAGE, MADV_DONTNEED);
		line_trigger(&self->line);
		while (taken + __atomic_load_n(&taker.taken, __ATOMIC_RELAXED) < events) {
			/* The kernel continues the read when this thread enters it. */
			getppid();
			if (!ring_take(&ring, &completion))
				continue;
			ASSERT_EQ(sizeof(*count), completion.res);
			taken += *count;
			*count = 0;
			ASSERT_EQ(0, ring_submit(&ring, IORING_OP_READ, taker.fd, count,
						 sizeof(*count)));
		}
		/* If the count was written, the other reader took the event. */
		if (__atomic_load_n(count, __ATOMIC_RELAXED)) {
			lost++;
			getppid();
			ASSERT_FALSE(ring_take(&ring, &completion));
		}
	} while ((events < wanted || taken < 5 || lost < 3) && time(NULL) < enough);
	__atomic_store_n(&taker.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	TH_LOG("of %d events the other reader took %d, %d of them after the count was written",
	       events, taker.taken, lost);
	EXPECT_LE(5, taken);
	EXPECT_LE(3, lost);
	EXPECT_EQ(events, taken + taker.taken);
}

/* A thread that polls, and is kept off its CPU when the poll is woken. */
struct poller {
	int fd;
	bool polls, may_look, has_looked;
	bool ended;			/* at that time */
	int result;
};

static void *poller_main(void *arg)
{
	struct poller *poller = arg;
	struct ring ring;

	pin_to(1);
	if (ring_setup(&ring) || ring_submit_poll(&ring, poller->fd, POLLIN, false))
		poller->ended = true;
	__atomic_store_n(&poller->polls, true, __ATOMIC_RELEASE);
	/* Does not sleep, so that the kernel polls the file when this thread runs again. */
	while (!__atomic_load_n(&poller->may_look, __ATOMIC_ACQUIRE))
		;
	poller->ended = poller->ended || !ring_is_empty(&ring);
	__atomic_store_n(&poller->has_looked, true, __ATOMIC_RELEASE);
	if (!poller->ended)
		poller->result = ring_wait(&ring);
	return NULL;
}

static void wait_for(bool *flag)
{
	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
		sched_yield();
}

/* If another reader takes the event, a poll waits on. */
TEST(poll_waits_on_if_the_event_was_taken)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epfd = epoll_create1(0);
	struct poller poller = {};
	struct fake fake;
	const char *why = fake_make(&fake, "edge");
	pthread_t thread;
	struct hog hog;

	if (why)
		SKIP(return, "%s", why);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	pin_to(0);
	poller.fd = open(fake.path, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, poller.fd);
	/*
	 * It is first on the queue, so it is woken last: when it has an event, the poll was
	 * woken.
	 */
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, poller.fd, &event));
	ASSERT_EQ(0, pthread_create(&thread, NULL, poller_main, &poller));
	wait_for(&poller.polls);

	hog_start(&hog);
	ASSERT_EQ(0, fake_do(&fake, "fire"));
	ASSERT_EQ(1, epoll_wait(epfd, &event, 1, -1));
	ASSERT_EQ(1, read_count(poller.fd));
	__atomic_store_n(&poller.may_look, true, __ATOMIC_RELEASE);
	hog_stop(&hog);

	wait_for(&poller.has_looked);
	ASSERT_FALSE(poller.ended);
	ASSERT_EQ(0, fake_do(&fake, "fire"));
	pthread_join(thread, NULL);
	EXPECT_EQ(POLLIN, poller.result);
	EXPECT_EQ(1, read_count(poller.fd));
	close(poller.fd);
	fake_dispose(&fake);
}

TEST_HARNESS_MAIN
