/* The CNI executable: hands each call of the runtime to the node's agent and prints the
 * answer. It decides nothing but what must work with the agent away.
 *
 * No memory is allocated, every buffer has a fixed size, every wait has a deadline.
 */
#ifndef MOORING_SHIM_H
#define MOORING_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef MOORING_VERSION
#define MOORING_VERSION "unknown"
#endif

#define DEFAULT_SOCKET "/run/mooring/agent.sock"
#define DEFAULT_SPOOL "/run/mooring/spool"
#define DEFAULT_WAIT_MS 10000u  /* for an agent that is away */
#define DEFAULT_REPLY_MS 60000u /* for an agent that thinks */
#define STATUS_REPLY_MS 15000u  /* for STATUS: half of what the kubelet grants a runtime */
#define MOST_MS 600000u

#define HEADER 12u           /* "MOR1" and two little-endian 32-bit numbers */
#define LIMIT (1024u * 1024u) /* what a frame carries behind its header */
#define VERSION_ROOM 32u
#define BOOT_ID 36u /* characters of a boot's name */

/* Codes of the CNI specification and of libcni; core/cni/errors.py has the whole table. */
enum code {
	INVALID_ENVIRONMENT = 4,
	IO_FAILURE = 5,
	DECODING_FAILURE = 6,
	TRY_AGAIN_LATER = 11,
	NOT_AVAILABLE = 50,
};

/* A call as a frame: header, variables, standard input. One byte more than the limit, to
 * see that there is more. Small things first, here and below: touching a page for the first
 * time takes as long as ten system calls. */
struct call {
	size_t env_size;
	size_t stdin_size;
	char version[VERSION_ROOM]; /* its cniVersion, "" when not found */
	unsigned char frame[HEADER + LIMIT + 1];
};

/* say.c: standard output */
bool say(int fd, const void *bytes, size_t size);
int answer_version(const char *version);
int refuse(const char *version, enum code code, const char *msg, const char *details);
int about(void);

/* scan.c: the one thing that is read of the configuration */
void scan_version(const unsigned char *json, size_t size, char version[VERSION_ROOM]);

/* call.c: what came with this execution */
enum gathered { GATHERED, ENV_TOO_LARGE, STDIN_TOO_LARGE, STDIN_FAILED };
enum gathered gather(struct call *call, uint64_t deadline);
void add_variable(struct call *call, const char *entry);

/* agent.c: the talk with the agent */
enum talk { TALK_DONE, TALK_AWAY, TALK_BROKEN, TALK_SLOW, TALK_STRANGE };
struct patience {
	uint64_t away_ms; /* for nobody listening */
	uint64_t busy_ms; /* for a full queue */
	uint64_t reply_ms;
};
struct reply {
	size_t size; /* of the output behind the header */
	uint32_t exit_code;
	unsigned char bytes[HEADER + LIMIT];
};
enum talk talk(const char *path, const struct call *call, int netns,
	       const struct patience *patience, struct reply *reply);

/* spool.c: a DEL that waits for the agent */
bool spool(const char *directory, const char *container, struct call *call);

/* clock.c */
uint64_t now_ms(void);
bool since_boot(uint64_t *ns, char boot[BOOT_ID + 1]);
void sleep_ms(uint64_t ms);

#endif
