#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONTAINER_ROOM 64u /* a label for people; what counts is in the file */
#define WRITTEN "MOORING_WRITTEN=" /* core/cni/spool.py reads it */

/* Makes the directory and those above it, as far as they are missing. */
static bool make_directory(const char *directory)
{
	char path[PATH_MAX];
	size_t size = strlen(directory);

	if (size == 0 || size >= sizeof path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(path, directory, size + 1);
	for (size_t i = 1; i < size; i++) {
		if (path[i] != '/')
			continue;
		path[i] = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return false;
		path[i] = '/';
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static void label(char to[CONTAINER_ROOM + 1], const char *container)
{
	size_t size = 0;

	for (; *container != '\0' && size < CONTAINER_ROOM; container++) {
		char sign = *container;

		if ((sign >= '0' && sign <= '9') || (sign >= 'a' && sign <= 'z') ||
		    (sign >= 'A' && sign <= 'Z') || sign == '.' || sign == '_' || sign == '-')
			to[size++] = sign;
	}
	to[size] = '\0';
}

/* Says in the call when it was written down, by a clock that no step of the calendar moves:
 * the agent tells by that whether the container was added again since. */
static void stamp(struct call *call)
{
	char boot[BOOT_ID + 1], entry[sizeof WRITTEN + BOOT_ID + 24];
	uint64_t ns;

	if (!since_boot(&ns, boot))
		return;
	snprintf(entry, sizeof entry, WRITTEN "%llu/%s", (unsigned long long)ns, boot);
	add_variable(call, entry);
}

static bool write_out(int directory, const char *name, const struct call *call)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	bool fine = say(fd, call->frame, HEADER + call->env_size + call->stdin_size) &&
		    fsync(fd) == 0;
	int error = errno;

	close(fd);
	errno = error;
	return fine;
}

/* The file appears whole or not at all, and is there after a loss of power. */
static bool place(int directory, const char *container, const struct call *call)
{
	char who[CONTAINER_ROOM + 1], name[CONTAINER_ROOM + 64], aside[CONTAINER_ROOM + 64];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	label(who, container);
	snprintf(name, sizeof name, "%020llu-%d-%s.del",
		 (unsigned long long)now.tv_sec * 1000000000ull + (unsigned long long)now.tv_nsec,
		 (int)getpid(), who);
	snprintf(aside, sizeof aside, "%.*s.tmp", (int)(strlen(name) - strlen(".del")), name);
	if (write_out(directory, aside, call) && renameat(directory, aside, directory, name) == 0 &&
	    fsync(directory) == 0)
		return true;
	int error = errno;

	unlinkat(directory, aside, 0);
	errno = error;
	return false;
}

bool spool(const char *directory, const char *container, struct call *call)
{
	if (!make_directory(directory))
		return false;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return false;
	stamp(call);
	/* An agent that starts sweeps away what is half written: then once more. */
	bool fine = place(fd, container, call) || (errno == ENOENT && place(fd, container, call));
	int error = errno;

	close(fd);
	errno = error;
	return fine;
}
