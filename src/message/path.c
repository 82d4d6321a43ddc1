/* SPDX-License-Identifier: ISC */
#include "message/address.h"

#include "base/utf8.h"

#include <arpa/inet.h>

enum { LABEL_MAX = 63 };

static bool is_atext(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) ||
	       (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* An octet above 127 may stand wherever atext may (RFC 6531 3.3). */
static bool is_atext_or_utf8(char c, unsigned flags)
{
	return is_atext(c) || ((flags & MESSAGE_PATH_UTF8) && (uint8_t)c >= 0x80);
}

static bool is_label_char(char c, bool utf8)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '_' ||
	       (utf8 && (uint8_t)c >= 0x80);
}

static bool is_valid_label(struct str label, bool utf8)
{
	if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' ||
		label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!is_label_char(label.p[i], utf8))
			return false;
	return true;
}

bool message_domain_is_valid(struct str domain, bool utf8)
{
	struct str rest = domain, label;

	if (domain.n == 0 || domain.n > MESSAGE_DOMAIN_MAX || domain.p[domain.n - 1] == '.' ||
		!utf8_is_valid(domain))
		return false;
	while (str_next(&rest, '.', &label))
		if (!is_valid_label(label, utf8))
			return false;
	return true;
}

bool message_domain_is_literal(struct str domain)
{
	char text[64];
	unsigned char room[16];
	struct str s;

	if (domain.n < 3 || domain.p[0] != '[' || domain.p[domain.n - 1] != ']')
		return false;
	s = str_sub(domain, 1, domain.n - 2);
	if (s.n >= sizeof(text) || memchr(s.p, 0, s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (str_istarts(s, S("IPv6:")))
		return inet_pton(AF_INET6, text + 5, room) == 1;
	return inet_pton(AF_INET, text, room) == 1;
}

/* Dot-string (RFC 5321 4.1.2).  Lenient: dots anywhere, as some phone companies gave them out.
 */
static bool take_dot_string(struct str *s, unsigned flags, struct str *ret_local)
{
	size_t n = 0;

	while (n < s->n && (is_atext_or_utf8(s->p[n], flags) || s->p[n] == '.'))
		n++;
	*ret_local = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	if (n == 0)
		return false;
	return (flags & MESSAGE_PATH_LENIENT) ||
	       (ret_local->p[0] != '.' && ret_local->p[n - 1] != '.' &&
		       str_find(*ret_local, S("..")) < 0);
}

static bool is_quotable(char c, unsigned flags)
{
	return (c >= 32 && c < 127) || ((flags & MESSAGE_PATH_UTF8) && (uint8_t)c >= 0x80);
}

/* Quoted-string, unquoted into the arena. */
static bool take_quoted(
	struct str *s, unsigned flags, struct arena *arena, struct str *ret_local)
{
	char room[MESSAGE_LOCAL_MAX];
	size_t n = 0, i;

	for (i = 1; i < s->n && s->p[i] != '"'; i++) {
		i += s->p[i] == '\\';
		if (i >= s->n || n == sizeof(room) || !is_quotable(s->p[i], flags))
			return false;
		room[n++] = s->p[i];
	}
	if (i >= s->n)
		return false;
	*ret_local = arena_dup(arena, str_make(room, n));
	*s = str_from(*s, i + 1);
	return true;
}

static bool take_domain(struct str *s, unsigned flags, struct str *ret_domain)
{
	bool utf8 = flags & MESSAGE_PATH_UTF8;
	ptrdiff_t close = s->n && s->p[0] == '[' ? str_index(*s, ']') : -1;
	size_t n = 0;

	while (close < 0 && n < s->n && (is_label_char(s->p[n], utf8) || s->p[n] == '.'))
		n++;
	n = close < 0 ? n : (size_t)close + 1;
	*ret_domain = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	return close < 0 ? message_domain_is_valid(*ret_domain, utf8)
			 : message_domain_is_literal(*ret_domain);
}

static bool take_mailbox(
	struct str *s, unsigned flags, struct arena *arena, struct message_path *ret_path)
{
	bool quoted = s->n && s->p[0] == '"';

	if (quoted ? !take_quoted(s, flags, arena, &ret_path->local)
		   : !take_dot_string(s, flags, &ret_path->local))
		return false;
	if (ret_path->local.n > MESSAGE_LOCAL_MAX || !utf8_is_valid(ret_path->local))
		return false;
	if (s->n == 0 && (flags & MESSAGE_PATH_POSTMASTER) &&
		str_iequal(ret_path->local, S("postmaster"))) {
		ret_path->domain = STR_NONE;
		return true;
	}
	if (s->n == 0 || s->p[0] != '@')
		return false;
	*s = str_from(*s, 1);
	return take_domain(s, flags, &ret_path->domain) &&
	       ret_path->local.n + 1 + ret_path->domain.n <= MESSAGE_ADDRESS_MAX;
}

/* "@a.test,@b.test:" is read and forgotten (RFC 5321 4.1.1.3). */
static bool skip_route(struct str *s, unsigned flags)
{
	struct str domain;

	while (s->n && s->p[0] == '@') {
		*s = str_from(*s, 1);
		if (!take_domain(s, flags, &domain) || s->n == 0)
			return false;
		if (s->p[0] == ':') {
			*s = str_from(*s, 1);
			return true;
		}
		if (s->p[0] != ',')
			return false;
		*s = str_from(*s, 1);
	}
	return true;
}

static void skip_spaces(struct str *s)
{
	while (s->n && (s->p[0] == ' ' || s->p[0] == '\t'))
		*s = str_from(*s, 1);
}

/* What stands between the angle brackets, whole. */
static bool parse_inside(
	struct str s, unsigned flags, struct arena *arena, struct message_path *ret_path)
{
	if (flags & MESSAGE_PATH_LENIENT)
		s = str_trim(s);
	if (s.n == 0 && (flags & MESSAGE_PATH_NULL)) {
		*ret_path = (struct message_path){STR_NONE, STR_NONE};
		return true;
	}
	return skip_route(&s, flags) && take_mailbox(&s, flags, arena, ret_path) && s.n == 0;
}

/* Offset of the first c that is not in a quoted string; s.n when there is none. */
static size_t find_unquoted(struct str s, char c)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (!quoted && s.p[i] == c)
			return i;
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted && s.p[i] == '\\')
			i++;
	}
	return s.n;
}

enum err message_path_parse(
	struct str *rest, unsigned flags, struct arena *arena, struct message_path *ret_path)
{
	struct str s = *rest, inside;
	struct message_path path;
	size_t end;
	bool bracket;

	if (flags & MESSAGE_PATH_LENIENT)
		skip_spaces(&s);
	bracket = s.n && s.p[0] == '<';
	if (!bracket && !(flags & MESSAGE_PATH_LENIENT))
		return ERR_BAD_ADDRESS;
	s = str_from(s, bracket);
	end = find_unquoted(s, bracket ? '>' : ' ');
	if ((bracket && end == s.n) || (!bracket && end == 0))
		return ERR_BAD_ADDRESS;
	inside = str_sub(s, 0, end);
	s = str_from(s, end + bracket);
	if ((s.n && s.p[0] != ' ') || !parse_inside(inside, flags, arena, &path))
		return ERR_BAD_ADDRESS;
	*rest = s;
	*ret_path = path;
	return OK;
}

enum err message_mailbox_parse(
	struct str s, unsigned flags, struct arena *arena, struct message_path *ret_path)
{
	struct message_path path;

	if (!take_mailbox(&s, flags & MESSAGE_PATH_UTF8, arena, &path) || s.n)
		return ERR_BAD_ADDRESS;
	*ret_path = path;
	return OK;
}

bool message_path_is_null(const struct message_path *path)
{
	return path->local.n == 0 && path->domain.n == 0;
}

static bool needs_quotes(struct str local)
{
	if (local.n == 0 || local.p[0] == '.' || local.p[local.n - 1] == '.' ||
		str_find(local, S("..")) >= 0)
		return true;
	for (size_t i = 0; i < local.n; i++)
		if (!is_atext_or_utf8(local.p[i], MESSAGE_PATH_UTF8) && local.p[i] != '.')
			return true;
	return false;
}

static void add_local(struct str local, struct buf *out)
{
	if (!needs_quotes(local)) {
		buf_add(out, local);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, local.p[i]);
	}
	buf_addc(out, '"');
}

static void write_path(const struct message_path *path, bool lower, struct buf *out)
{
	if (message_path_is_null(path))
		return;
	add_local(path->local, out);
	if (path->domain.n == 0)
		return;
	buf_addc(out, '@');
	for (size_t i = 0; i < path->domain.n; i++)
		buf_addc(out, lower ? ascii_lower(path->domain.p[i]) : path->domain.p[i]);
}

void message_path_write(const struct message_path *path, struct buf *out)
{
	write_path(path, false, out);
}

void message_path_write_canonical(const struct message_path *path, struct buf *out)
{
	write_path(path, true, out);
}
