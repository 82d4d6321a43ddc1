/* SPDX-License-Identifier: ISC */
#include "message/ids.h"

enum { ID_MAX = 998 }; /* RFC 5322 2.1.1: a line */

static bool is_id(struct str s)
{
	if (s.n == 0 || s.n > ID_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] <= 32 || s.p[i] == 127 || s.p[i] == '<')
			return false;
	return true;
}

bool message_ids_next(struct str *rest, struct str *ret_id)
{
	for (;;) {
		ptrdiff_t open = str_index(*rest, '<');
		size_t n = 1;

		if (open < 0) {
			*rest = STR_NONE;
			return false;
		}
		*rest = str_from(*rest, (size_t)open);
		while (n < rest->n && rest->p[n] != '>' && rest->p[n] != '<')
			n++;
		*ret_id = str_sub(*rest, 1, n - 1);
		if (n < rest->n && rest->p[n] == '>' && is_id(*ret_id)) {
			*rest = str_from(*rest, n + 1);
			return true;
		}
		*rest = str_from(*rest, n);
	}
}

struct str message_ids_own(struct str value)
{
	struct str rest = value, id;

	if (message_ids_next(&rest, &id))
		return id;
	value = str_trim(value);
	return is_id(value) ? value : STR_NONE;
}
