#include "shim.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_PAUSE_MS 5u
#define LONGEST_PAUSE_MS 100u

static bool nobody(int error)
{
	return error == ENOENT || error == ECONNREFUSED;
}

/* Connects, trying again while nobody listens or the queue is full. */
static enum talk reach(int fd, const struct sockaddr_un *address, const struct patience *patience)
{
	uint64_t start = now_ms(), pause = FIRST_PAUSE_MS;

	for (;;) {
		if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
			return TALK_DONE;
		if (errno == EINTR)
			continue;
		uint64_t most = nobody(errno)      ? patience->away_ms
				: errno == EAGAIN ? patience->busy_ms
						  : 0;

		if (now_ms() - start >= most)
			return TALK_AWAY;
		sleep_ms(pause);
		pause = pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
	}
}

/* Waits until the socket is ready for `events`. */
static enum talk await(int fd, short events, uint64_t deadline)
{
	struct pollfd peer = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = now_ms();

		if (now >= deadline)
			return TALK_SLOW;
		int ready = poll(&peer, 1, (int)(deadline - now));

		if (ready > 0)
			return TALK_DONE;
		if (ready < 0 && errno != EINTR)
			return TALK_BROKEN;
	}
}

/* Sends the frame; the descriptor travels with the first byte. */
static enum talk deliver(int fd, const struct call *call, int netns, uint64_t deadline)
{
	const unsigned char *at = call->frame;
	size_t left = HEADER + call->env_size + call->stdin_size;
	bool first = netns >= 0;

	while (left > 0) {
		union {
			char room[CMSG_SPACE(sizeof netns)];
			struct cmsghdr align;
		} control = {0};
		struct iovec part = {.iov_base = (void *)(uintptr_t)at, .iov_len = left};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

		if (first) {
			message.msg_control = control.room;
			message.msg_controllen = sizeof control.room;
			struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

			rights->cmsg_level = SOL_SOCKET;
			rights->cmsg_type = SCM_RIGHTS;
			rights->cmsg_len = CMSG_LEN(sizeof netns);
			memcpy(CMSG_DATA(rights), &netns, sizeof netns);
		}
		ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);

		if (sent > 0) {
			first = false;
			at += sent;
			left -= (size_t)sent;
		} else if (errno == EAGAIN) {
			enum talk waited = await(fd, POLLOUT, deadline);

			if (waited != TALK_DONE)
				return waited;
		} else if (errno != EINTR) {
			return TALK_BROKEN;
		}
	}
	return TALK_DONE;
}

static uint32_t number(const unsigned char *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
	       (uint32_t)from[3] << 24;
}

/* Receives the answer, most often in one go; how long it is its header says. */
static enum talk hear(int fd, struct reply *reply, uint64_t deadline)
{
	size_t have = 0, want = HEADER;

	while (have < want) {
		enum talk waited = await(fd, POLLIN, deadline);

		if (waited != TALK_DONE)
			return waited;
		ssize_t got = recv(fd, reply->bytes + have, sizeof reply->bytes - have, 0);

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got == 0)
			errno = ECONNRESET;
		if (got <= 0)
			return TALK_BROKEN;
		have += (size_t)got;
		if (have < HEADER || want > HEADER)
			continue;
		reply->exit_code = number(reply->bytes + 4);
		reply->size = number(reply->bytes + 8);
		if (memcmp(reply->bytes, "MOR1", 4) != 0 || reply->size > LIMIT)
			return TALK_STRANGE;
		want = HEADER + reply->size;
	}
	return TALK_DONE;
}

enum talk talk(const char *path, const struct call *call, int netns,
	       const struct patience *patience, struct reply *reply)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return TALK_AWAY;
	if (strlen(path) >= sizeof address.sun_path) {
		close(fd);
		errno = ENAMETOOLONG;
		return TALK_AWAY;
	}
	memcpy(address.sun_path, path, strlen(path));
	enum talk state = reach(fd, &address, patience);
	uint64_t deadline = now_ms() + patience->reply_ms;

	if (state == TALK_DONE)
		state = deliver(fd, call, netns, deadline);
	if (state == TALK_DONE)
		state = hear(fd, reply, deadline);
	int error = errno;

	close(fd);
	errno = error;
	return state;
}
