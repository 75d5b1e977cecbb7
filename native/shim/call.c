#include "shim.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* Tells whether the agent wants to know a variable. Runtimes hand on trace contexts. */
static bool wanted(const char *entry)
{
	static const char *const names[] = {"CNI_", "TRACEPARENT=", "TRACESTATE=", "BAGGAGE="};

	if (strchr(entry, '=') == NULL)
		return false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(entry, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static bool copy_env(struct call *call)
{
	for (char **entry = environ; *entry != NULL; entry++) {
		size_t size = strlen(*entry) + 1;

		if (!wanted(*entry))
			continue;
		if (size > LIMIT - call->env_size)
			return false;
		memcpy(call->frame + HEADER + call->env_size, *entry, size);
		call->env_size += size;
	}
	return true;
}

/* Reads standard input to its end; poll(2), because a runtime may forget to close it. */
static enum gathered copy_stdin(struct call *call, uint64_t deadline)
{
	unsigned char *to = call->frame + HEADER + call->env_size;
	size_t room = LIMIT - call->env_size;

	for (;;) {
		struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
		uint64_t now = now_ms();
		int ready = poll(&input, 1, now < deadline ? (int)(deadline - now) : 0);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			errno = ETIMEDOUT;
		if (ready <= 0)
			return STDIN_FAILED;
		ssize_t got = read(STDIN_FILENO, to + call->stdin_size, room + 1 - call->stdin_size);

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return STDIN_FAILED;
		if (got == 0)
			return GATHERED;
		call->stdin_size += (size_t)got;
		if (call->stdin_size > room)
			return STDIN_TOO_LARGE;
	}
}

static void put_number(unsigned char *to, size_t number)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (unsigned char)(number >> (8 * i));
}

/* Puts a variable behind the others, if the frame has room for it. */
void add_variable(struct call *call, const char *entry)
{
	size_t size = strlen(entry) + 1;
	unsigned char *at = call->frame + HEADER + call->env_size;

	if (size > LIMIT - call->env_size - call->stdin_size)
		return;
	memmove(at + size, at, call->stdin_size);
	memcpy(at, entry, size);
	call->env_size += size;
	put_number(call->frame + 4, call->env_size);
}

enum gathered gather(struct call *call, uint64_t deadline)
{
	if (!copy_env(call))
		return ENV_TOO_LARGE;
	enum gathered gathered = copy_stdin(call, deadline);

	scan_version(call->frame + HEADER + call->env_size, call->stdin_size, call->version);
	memcpy(call->frame, "MOR1", 4);
	put_number(call->frame + 4, call->env_size);
	put_number(call->frame + 8, call->stdin_size);
	return gathered;
}
