/* SPDX-License-Identifier: ISC */
#include "imap/pattern.h"

enum { NAME_MAX_BYTES = 4096 };

static bool is_inbox_name(struct str name)
{
	return str_starts(name, S("INBOX")) && (name.n == 5 || name.p[5] == '/');
}

/*
 * states[i]: the pattern so far matches the first i bytes of the name.  One pass a pattern byte, so no pattern
 * costs more than the product of the lengths.
 */
static void step(bool *states, struct str name, char c, size_t ignore_case)
{
	if (c == '*' || c == '%') {
		for (size_t i = 0; i < name.n; i++)
			if (states[i] && (c == '*' || name.p[i] != '/'))
				states[i + 1] = true;
		return;
	}
	for (size_t i = name.n; i > 0; i--) {
		char n = name.p[i - 1];
		bool same = n == c || (i <= ignore_case && ascii_upper(n) == ascii_upper(c));

		states[i] = states[i - 1] && same;
	}
	states[0] = false;
}

bool imap_pattern_matches(struct str pattern, struct str name)
{
	bool states[NAME_MAX_BYTES + 1] = { true };
	size_t ignore_case = is_inbox_name(name) ? 5 : 0;

	if (name.n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < pattern.n; i++)
		step(states, name, pattern.p[i], ignore_case);
	return states[name.n];
}
