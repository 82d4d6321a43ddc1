/* SPDX-License-Identifier: ISC */
#include "message/header.h"

#include "base/map.h"

/* Offset behind the line that begins at `at`. */
static size_t end_of_line(struct str s, size_t at)
{
	const char *p = memchr(s.p + at, '\n', s.n - at);

	return p ? (size_t)(p - s.p) + 1 : s.n;
}

/* Length of an empty line at `at`: 0 when there is none. */
static size_t empty_line(struct str s, size_t at)
{
	if (at < s.n && s.p[at] == '\n')
		return 1;
	return at + 1 < s.n && s.p[at] == '\r' && s.p[at + 1] == '\n' ? 2 : 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

size_t message_header_length(struct str raw)
{
	size_t at = 0;

	while (at < raw.n) {
		size_t n = empty_line(raw, at);

		if (n)
			return at + n;
		at = end_of_line(raw, at);
	}
	return raw.n;
}

static struct str without_newline(struct str s)
{
	if (s.n && s.p[s.n - 1] == '\n')
		s.n -= s.n > 1 && s.p[s.n - 2] == '\r' ? 2 : 1;
	return s;
}

/* Splits whole at the colon; no field name there (RFC 5322 2.2, 4.5): all of it is value. */
static void split_field(struct message_field *field)
{
	struct str s = field->whole;
	size_t n = 0, colon;

	while (n < s.n && s.p[n] > 32 && s.p[n] < 127 && s.p[n] != ':')
		n++;
	for (colon = n; colon < s.n && is_blank(s.p[colon]); colon++)
		;
	if (n > 0 && colon < s.n && s.p[colon] == ':') {
		field->name = str_sub(s, 0, n);
		field->value = without_newline(str_from(s, colon + 1));
	} else {
		field->name = STR_NONE;
		field->value = without_newline(s);
	}
}

bool message_header_next(struct str *rest, struct message_field *ret_field)
{
	size_t end;

	if (rest->n == 0 || empty_line(*rest, 0))
		return false;
	end = end_of_line(*rest, 0);
	while (end < rest->n && is_blank(rest->p[end]))
		end = end_of_line(*rest, end);
	ret_field->whole = str_sub(*rest, 0, end);
	*rest = str_from(*rest, end);
	split_field(ret_field);
	return true;
}

bool message_header_next_named(
	struct str *rest, struct str name, struct message_field *ret_field)
{
	struct message_field field;

	while (message_header_next(rest, &field))
		if (field.name.n && str_iequal(field.name, name)) {
			*ret_field = field;
			return true;
		}
	return false;
}

bool message_header_find(struct str header, struct str name, struct str *ret_value)
{
	struct message_field field;

	if (!message_header_next_named(&header, name, &field))
		return false;
	*ret_value = field.value;
	return true;
}

/* Bytes of a line ending before a fold at `at`: what unfolding drops. */
static size_t fold_at(struct str s, size_t at)
{
	size_t n = empty_line(s, at);

	return n && at + n < s.n && is_blank(s.p[at + n]) ? n : 0;
}

static bool is_plain(char c)
{
	return c != '\r' && c != '\n' && c != '\0';
}

void message_header_unfold(struct str value, struct buf *out)
{
	size_t at = 0;

	value = str_trim(value);
	while (at < value.n) {
		size_t run = at, fold;

		while (run < value.n && is_plain(value.p[run]))
			run++;
		buf_add(out, str_sub(value, at, run - at));
		if (run == value.n)
			return;
		fold = fold_at(value, run);
		if (!fold)
			buf_addc(out, ' ');
		at = run + (fold ? fold : 1);
	}
}

/* A set of names in which lookup does not cost more the more a client lists. */
struct names {
	struct map *map; /* lower case; NULL while the list is short */
	const struct str *v;
	size_t n;
};

enum { SHORT_LIST = 8, NAME_MAX_BYTES = 998 }; /* RFC 5322 2.1.1: no longer name fits a line */

static struct str lower_name(struct str name, char *room)
{
	size_t n = name.n < NAME_MAX_BYTES ? name.n : NAME_MAX_BYTES;

	for (size_t i = 0; i < n; i++)
		room[i] = ascii_lower(name.p[i]);
	return str_make(room, n);
}

static void open_names(struct names *names, const struct str *v, size_t n)
{
	char room[NAME_MAX_BYTES];

	*names = (struct names){.v = v, .n = n};
	if (n <= SHORT_LIST)
		return;
	names->map = map_new();
	for (size_t i = 0; i < n; i++)
		map_put(names->map, lower_name(v[i], room), names);
}

static bool has_name(const struct names *names, struct str name)
{
	char room[NAME_MAX_BYTES];

	if (name.n == 0)
		return false;
	if (names->map)
		return map_get(names->map, lower_name(name, room)) != NULL;
	for (size_t i = 0; i < names->n; i++)
		if (str_iequal(names->v[i], name))
			return true;
	return false;
}

void message_header_fields(
	struct str header, const struct str *names, size_t count, bool except, struct buf *out)
{
	struct names wanted;
	struct message_field field;

	open_names(&wanted, names, count);
	while (message_header_next(&header, &field))
		if (has_name(&wanted, field.name) != except)
			buf_add(out, field.whole);
	if (wanted.map)
		map_free(&wanted.map);
	/* RFC 3501 6.4.5: subsetting does not exclude the blank line, where there is one. */
	buf_add(out, str_sub(header, 0, empty_line(header, 0)));
}
