#include "shim.h"

#include <string.h>

#define KEY "cniVersion"

struct scan {
	const unsigned char *at;
	const unsigned char *end;
};

static void skip_blanks(struct scan *scan)
{
	while (scan->at < scan->end &&
	       (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n'))
		scan->at++;
}

/* Steps over a string, with `at` behind its first quote; false when it does not end. */
static bool skip_string(struct scan *scan, const unsigned char **text, size_t *size)
{
	*text = scan->at;
	while (scan->at < scan->end) {
		if (*scan->at == '"') {
			*size = (size_t)(scan->at - *text);
			scan->at++;
			return true;
		}
		if (*scan->at == '\\' && scan->end - scan->at > 1)
			scan->at++;
		scan->at++;
	}
	return false;
}

static bool plain(unsigned char sign)
{
	return (sign >= '0' && sign <= '9') || (sign >= 'a' && sign <= 'z') ||
	       (sign >= 'A' && sign <= 'Z') || sign == '.' || sign == '+' || sign == '-';
}

/* Takes the value behind a key, if it is a version that may be repeated as it stands. */
static void take_value(struct scan *scan, char version[VERSION_ROOM])
{
	const unsigned char *text;
	size_t size;

	skip_blanks(scan);
	if (scan->at == scan->end || *scan->at != ':')
		return;
	scan->at++;
	skip_blanks(scan);
	if (scan->at == scan->end || *scan->at != '"')
		return;
	scan->at++;
	if (!skip_string(scan, &text, &size) || size == 0 || size >= VERSION_ROOM)
		return;
	for (size_t i = 0; i < size; i++)
		if (!plain(text[i]))
			return;
	memcpy(version, text, size);
	version[size] = '\0';
}

/* Finds "cniVersion": "…" among the members of the outermost object. No validation: what
 * is no JSON finds nothing or something harmless, and the agent judges it anyway. */
void scan_version(const unsigned char *json, size_t size, char version[VERSION_ROOM])
{
	struct scan scan = {json, json + size};
	const unsigned char *text;
	size_t length, depth = 0;

	version[0] = '\0';
	while (scan.at < scan.end) {
		unsigned char sign = *scan.at++;

		if (sign == '{' || sign == '[') {
			depth++;
		} else if (sign == '}' || sign == ']') {
			if (depth <= 1)
				return;
			depth--;
		} else if (sign == '"') {
			if (!skip_string(&scan, &text, &length))
				return;
			if (depth == 1 && length == strlen(KEY) && memcmp(text, KEY, length) == 0)
				take_value(&scan, version);
		}
	}
}
