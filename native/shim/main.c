#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What must be known of a command when no answer comes. */
struct verb {
	const char *name;
	bool enters;  /* the agent works in the namespace: it goes along as a descriptor */
	bool waits;   /* for an agent that is away */
	bool spooled; /* rather written down than failed */
	bool hasty;   /* a runtime asks every few seconds: no waiting */
	enum code without_agent;
};

static const struct verb VERBS[] = {
	{"ADD", .enters = true, .waits = true, .without_agent = TRY_AGAIN_LATER},
	{"DEL", .spooled = true, .without_agent = IO_FAILURE},
	{"CHECK", .enters = true, .without_agent = TRY_AGAIN_LATER},
	{"GC", .without_agent = TRY_AGAIN_LATER},
	{"STATUS", .hasty = true, .without_agent = NOT_AVAILABLE},
};

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : otherwise;
}

/* Reads a number of milliseconds; what is none, or too many, counts as not set. */
static uint64_t milliseconds(const char *name, uint64_t otherwise)
{
	const char *text = setting(name, "");
	uint64_t number = 0;

	if (text[0] == '\0')
		return otherwise;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return otherwise;
		number = number * 10 + (uint64_t)(*text - '0');
		if (number > MOST_MS)
			return otherwise;
	}
	return number;
}

static const struct verb *find(const char *command)
{
	for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++)
		if (strcmp(VERBS[i].name, command) == 0)
			return &VERBS[i];
	return NULL;
}

/* A closed 0, 1 or 2 would be the number of the next file opened, the socket perhaps. */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(1);
}

/* The namespace, or -1. O_NONBLOCK: a path to a pipe must not hang us. */
static int open_netns(void)
{
	const char *path = setting("CNI_NETNS", "");

	if (path[0] == '\0')
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static int refuse_gathered(const struct call *call, enum gathered gathered)
{
	switch (gathered) {
	case ENV_TOO_LARGE:
		return refuse(call->version, INVALID_ENVIRONMENT,
			      "the CNI_* variables are larger than 1 MiB", "");
	case STDIN_TOO_LARGE:
		return refuse(call->version, DECODING_FAILURE,
			      "variables and standard input are larger than 1 MiB", "");
	default:
		return refuse(call->version, IO_FAILURE, "cannot read standard input",
			      strerror(errno));
	}
}

/* No answer came: DEL is written down, the others fail with the code of their table row. */
static int without_answer(const struct verb *verb, struct call *call, enum talk state,
			  const char *path)
{
	static const char *const words[] = {
		[TALK_AWAY] = "nobody answers at",
		[TALK_BROKEN] = "the connection broke to the agent at",
		[TALK_SLOW] = "no answer in time from the agent at",
		[TALK_STRANGE] = "no answer that can be read from the agent at",
	};
	int error = state == TALK_SLOW ? ETIMEDOUT : state == TALK_STRANGE ? EPROTO : errno;
	const char *directory = setting("MOORING_SPOOL", DEFAULT_SPOOL);
	char msg[512];

	if (verb->spooled) {
		if (spool(directory, setting("CNI_CONTAINERID", ""), call))
			return 0;
		error = errno;
		snprintf(msg, sizeof msg, "%s %s, and the DEL cannot be kept in %s", words[state], path,
			 directory);
	} else {
		snprintf(msg, sizeof msg, "%s: %s %s", verb->name, words[state], path);
	}
	return refuse(call->version, verb->without_agent, msg, strerror(error));
}

static int execute(void)
{
	static struct call call;
	static struct reply reply;
	const char *command = setting("CNI_COMMAND", "");
	const char *path = setting("MOORING_SOCKET", DEFAULT_SOCKET);
	uint64_t wait_ms = milliseconds("MOORING_WAIT_MS", DEFAULT_WAIT_MS);
	uint64_t reply_ms = milliseconds("MOORING_REPLY_MS", DEFAULT_REPLY_MS);

	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	if (command[0] == '\0')
		return about();
	enum gathered gathered = gather(&call, now_ms() + reply_ms);

	if (gathered != GATHERED)
		return refuse_gathered(&call, gathered);
	if (strcmp(command, "VERSION") == 0)
		return answer_version(call.version);
	const struct verb *verb = find(command);

	if (verb == NULL)
		return refuse(call.version, INVALID_ENVIRONMENT,
			      "CNI_COMMAND must be one of ADD, DEL, CHECK, GC, STATUS, VERSION", command);
	struct patience patience = {
		.away_ms = verb->waits ? wait_ms : 0,
		.busy_ms = verb->hasty ? 0 : wait_ms,
		.reply_ms = verb->hasty && reply_ms > STATUS_REPLY_MS ? STATUS_REPLY_MS : reply_ms,
	};
	int netns = verb->enters ? open_netns() : -1;
	enum talk state = talk(path, &call, netns, &patience, &reply);

	if (state != TALK_DONE)
		return without_answer(verb, &call, state, path);
	if (!say(STDOUT_FILENO, reply.bytes + HEADER, reply.size))
		return 1;
	return reply.exit_code <= 255 ? (int)reply.exit_code : 1;
}

/* Nothing is buffered, so nothing is to be done at the end: the library's exit only touches pages. */
int main(void)
{
	_exit(execute());
}
