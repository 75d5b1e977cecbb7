#include "shim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SUPPORTED "\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\""
#define FALLBACK "1.0.0"
#define LONGEST 512u /* bytes of a message; each becomes six at most */

bool say(int fd, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	while (size > 0) {
		ssize_t written = write(fd, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		at += written;
		size -= (size_t)written;
	}
	return true;
}

/* Quotes text for JSON; what is not ASCII becomes '?', as it may be cut or no UTF-8. */
static size_t quote(char *to, const char *text)
{
	size_t size = 0;

	for (size_t i = 0; text[i] != '\0' && i < LONGEST; i++) {
		unsigned char sign = (unsigned char)text[i];

		if (sign == '"' || sign == '\\') {
			to[size++] = '\\';
			to[size++] = (char)sign;
		} else if (sign < 0x20) {
			static const char digits[] = "0123456789abcdef";

			memcpy(to + size, "\\u00", 4);
			to[size + 4] = digits[sign >> 4];
			to[size + 5] = digits[sign & 15];
			size += 6;
		} else {
			to[size++] = sign < 0x7f ? (char)sign : '?';
		}
	}
	to[size] = '\0';
	return size;
}

int refuse(const char *version, enum code code, const char *msg, const char *details)
{
	static char quoted_msg[6 * LONGEST + 1], quoted_details[6 * LONGEST + 1];
	static char out[2 * sizeof quoted_msg + 256];
	int size;

	quote(quoted_msg, msg);
	if (quote(quoted_details, details) > 0)
		size = snprintf(out, sizeof out,
				"{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"%s\",\"details\":\"%s\"}\n",
				version[0] ? version : FALLBACK, (int)code, quoted_msg,
				quoted_details);
	else
		size = snprintf(out, sizeof out, "{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"%s\"}\n",
				version[0] ? version : FALLBACK, (int)code, quoted_msg);
	if (size > 0 && (size_t)size < sizeof out)
		say(STDOUT_FILENO, out, (size_t)size);
	return 1;
}

int answer_version(const char *version)
{
	char out[VERSION_ROOM + 128];
	int size = snprintf(out, sizeof out,
			    "{\"cniVersion\":\"%s\",\"supportedVersions\":[" SUPPORTED "]}\n",
			    version[0] ? version : FALLBACK);

	return say(STDOUT_FILENO, out, (size_t)size) ? 0 : 1;
}

int about(void)
{
	static const char text[] =
		"mooring " MOORING_VERSION ": VCN-native pod networking; a CNI plugin, run by container "
		"runtimes.\nCNI protocol versions supported: 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n";

	return say(STDERR_FILENO, text, sizeof text - 1) ? 0 : 1;
}
