/* SPDX-License-Identifier: ISC */
#include "imap/parse.h"

#include "base/time.h"
#include "base/utf8.h"
#include "imap/mutf7.h"
#include "message/date.h"

struct imap_parser imap_parser_of(struct str text, struct arena *arena)
{
	return (struct imap_parser){ .p = text.p, .end = text.p ? text.p + text.n : NULL, .arena = arena };
}

enum err imap_parse_complain(struct imap_parser *ps, const char *complaint)
{
	if (!ps->complaint)
		ps->complaint = complaint;
	return ERR_SYNTAX;
}

static size_t left(const struct imap_parser *ps)
{
	return ps->p ? (size_t)(ps->end - ps->p) : 0;
}

int imap_parse_peek(const struct imap_parser *ps)
{
	return left(ps) ? (unsigned char)*ps->p : -1;
}

bool imap_parse_take(struct imap_parser *ps, char c)
{
	if (imap_parse_peek(ps) != (unsigned char)c)
		return false;
	ps->p++;
	return true;
}

bool imap_is_atom_char(char c)
{
	/* RFC 3501 9: atom-specials; bytes above 127 are none either. */
	return c > 0x20 && c < 0x7f && !strchr("(){%*\"\\]", c);
}

bool imap_parse_take_word(struct imap_parser *ps, const char *word)
{
	struct str want = str_of(word);

	if (left(ps) < want.n || !str_iequal(str_make(ps->p, want.n), want))
		return false;
	if (left(ps) > want.n && imap_is_atom_char(ps->p[want.n]) && ps->p[want.n] != '[')
		return false;
	ps->p += want.n;
	return true;
}

enum err imap_parse_char(struct imap_parser *ps, char c)
{
	if (imap_parse_take(ps, c))
		return OK;
	if (ps->complaint || !ps->arena)
		return ERR_SYNTAX;
	ps->complaint = arena_printf(ps->arena, "expected \"%c\" %s", c,
		left(ps) ? "here" : "but the command ended").p;
	return ERR_SYNTAX;
}

enum err imap_parse_space(struct imap_parser *ps)
{
	if (!imap_parse_take(ps, ' '))
		return imap_parse_complain(ps,
			left(ps) ? "expected a space between arguments" : "an argument is missing");
	while (imap_parse_take(ps, ' '))
		;
	return OK;
}

bool imap_parse_at_end(const struct imap_parser *ps)
{
	for (size_t i = 0; i < left(ps); i++)
		if (ps->p[i] != ' ')
			return false;
	return true;
}

enum err imap_parse_end(struct imap_parser *ps)
{
	if (!imap_parse_at_end(ps))
		return imap_parse_complain(ps, "more arguments than this command takes");
	ps->p = ps->end;
	return OK;
}

enum err imap_parse_run(
	struct imap_parser *ps, bool (*is_member)(char), const char *what, struct str *ret_run)
{
	size_t n = 0;

	while (n < left(ps) && is_member(ps->p[n]))
		n++;
	if (n == 0)
		return imap_parse_complain(ps, what);
	*ret_run = str_make(ps->p, n);
	ps->p += n;
	return OK;
}

static bool is_tag_char(char c)
{
	/* ASTRING-CHAR except "+" (RFC 3501 9). */
	return (imap_is_atom_char(c) || c == ']') && c != '+';
}

static bool is_astring_char(char c)
{
	return imap_is_atom_char(c) || c == ']';
}

static bool is_list_char(char c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

static bool is_mailbox_char(char c)
{
	/* Clients are seen that send UTF-8 in atoms; the name's own check follows. */
	return is_astring_char(c) || (unsigned char)c >= 0x80;
}

static bool is_pattern_char(char c)
{
	return is_list_char(c) || (unsigned char)c >= 0x80;
}

enum err imap_parse_tag(struct imap_parser *ps, struct str *ret_tag)
{
	return imap_parse_run(ps, is_tag_char, "a command begins with a tag", ret_tag);
}

enum err imap_parse_atom(struct imap_parser *ps, struct str *ret_atom)
{
	return imap_parse_run(ps, imap_is_atom_char, "expected an atom", ret_atom);
}

enum err imap_parse_number64(struct imap_parser *ps, uint64_t *ret_number)
{
	uint64_t v = 0;
	size_t n = 0;

	while (n < left(ps) && ascii_is_digit(ps->p[n])) {
		v = v * 10 + (uint64_t)(ps->p[n++] - '0');
		if (n > 18)
			return imap_parse_complain(ps, "number too large");
	}
	if (n == 0)
		return imap_parse_complain(ps, "expected a number");
	ps->p += n;
	*ret_number = v;
	return OK;
}

enum err imap_parse_number(struct imap_parser *ps, uint32_t *ret_number)
{
	uint64_t v;
	enum err e = imap_parse_number64(ps, &v);

	if (e != OK)
		return e;
	if (v > UINT32_MAX)
		return imap_parse_complain(ps, "number too large");
	*ret_number = (uint32_t)v;
	return OK;
}

static struct str unescape(struct imap_parser *ps, struct str raw)
{
	char *out = arena_bytes(ps->arena, raw.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\')
			i++;
		out[n++] = raw.p[i];
	}
	return str_make(out, n);
}

static enum err parse_quoted(struct imap_parser *ps, struct str *ret_string)
{
	const char *p = ps->p + 1;
	bool escaped = false;

	for (; p < ps->end && *p != '"'; p++) {
		if (*p == '\r' || *p == '\n' || *p == '\0')
			return imap_parse_complain(ps, "line break or NUL in a quoted string");
		if (*p != '\\')
			continue;
		escaped = true;
		if (++p == ps->end || (*p != '"' && *p != '\\'))
			return imap_parse_complain(ps, "bad escape in a quoted string");
	}
	if (p >= ps->end)
		return imap_parse_complain(ps, "quoted string without its closing quote");
	*ret_string = str_make(ps->p + 1, (size_t)(p - ps->p - 1));
	if (escaped)
		*ret_string = unescape(ps, *ret_string);
	ps->p = p + 1;
	return OK;
}

enum err imap_parse_literal(struct imap_parser *ps, struct str *ret_bytes)
{
	struct imap_parser at = *ps;
	uint64_t size;

	if (!imap_parse_take(&at, '{') || imap_parse_number64(&at, &size) != OK)
		return imap_parse_complain(ps, "expected a literal");
	imap_parse_take(&at, '+');
	if (!imap_parse_take(&at, '}') || !imap_parse_take(&at, '\r') || !imap_parse_take(&at, '\n') ||
		size > left(&at))
		return imap_parse_complain(ps, "malformed literal");
	*ret_bytes = str_make(at.p, (size_t)size);
	ps->p = at.p + size;
	return OK;
}

enum err imap_parse_string(struct imap_parser *ps, struct str *ret_string)
{
	enum err e;

	if (imap_parse_peek(ps) == '"')
		return parse_quoted(ps, ret_string);
	if (imap_parse_peek(ps) != '{')
		return imap_parse_complain(ps, "expected a string");
	e = imap_parse_literal(ps, ret_string);
	if (e == OK && ret_string->n && memchr(ret_string->p, '\0', ret_string->n))
		return imap_parse_complain(ps, "NUL in a literal");
	return e;
}

static enum err parse_string_or(struct imap_parser *ps, bool (*is_member)(char), const char *what,
	struct str *ret_string)
{
	int c = imap_parse_peek(ps);

	if (c == '"' || c == '{')
		return imap_parse_string(ps, ret_string);
	return imap_parse_run(ps, is_member, what, ret_string);
}

enum err imap_parse_astring(struct imap_parser *ps, struct str *ret_string)
{
	return parse_string_or(ps, is_astring_char, "expected a string or an atom", ret_string);
}

enum err imap_parse_nstring(struct imap_parser *ps, struct str *ret_string)
{
	if (!imap_parse_take_word(ps, "NIL"))
		return imap_parse_string(ps, ret_string);
	*ret_string = STR_NONE;
	return OK;
}

enum err imap_parse_list_mailbox(struct imap_parser *ps, struct str *ret_pattern)
{
	return parse_string_or(ps, is_pattern_char, "expected a mailbox pattern", ret_pattern);
}

static struct str canonical_inbox(struct imap_parser *ps, struct str name)
{
	char *copy;

	/* RFC 3501 5.1: INBOX is the same in any case; its children are written alike. */
	if (!str_istarts(name, S("INBOX")) || (name.n > 5 && name.p[5] != '/'))
		return name;
	copy = arena_bytes(ps->arena, name.n);
	memcpy(copy, name.p, name.n);
	memcpy(copy, "INBOX", 5);
	return str_make(copy, name.n);
}

enum err imap_parse_mailbox(struct imap_parser *ps, struct str *ret_name)
{
	struct str raw;
	struct buf out = { 0 };
	enum err e = parse_string_or(ps, is_mailbox_char, "expected a mailbox name", &raw);

	if (e != OK)
		return e;
	if (imap_mutf7_decode(raw, &out) == OK)
		raw = arena_dup(ps->arena, buf_str(&out));
	else if (utf8_is_ascii(raw) || !utf8_is_valid(raw))
		e = ERR_MAILBOX_NAME; /* the command is well formed: NO, not BAD */
	buf_done(&out);
	if (e == OK)
		*ret_name = canonical_inbox(ps, raw);
	return e;
}

enum err imap_parse_keyword(struct imap_parser *ps, struct str *ret_keyword)
{
	struct str atom;
	enum err e = imap_parse_run(ps, imap_is_atom_char, "expected a flag", &atom);

	if (e != OK)
		return e;
	if (atom.n > IMAP_KEYWORD_BYTES_MAX)
		return imap_parse_complain(ps, "flag name too long");
	*ret_keyword = atom;
	return OK;
}

static enum err parse_system_flag(struct imap_parser *ps, struct imap_flags *flags)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = { { "Seen", IMAP_SEEN }, { "Answered", IMAP_ANSWERED }, { "Flagged", IMAP_FLAGGED },
		{ "Deleted", IMAP_DELETED }, { "Draft", IMAP_DRAFT } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (imap_parse_take_word(ps, names[i].name)) {
			flags->system |= names[i].bit;
			return OK;
		}
	return imap_parse_complain(ps, "no such flag can be set");
}

static enum err parse_one_flag(struct imap_parser *ps, struct imap_flags *flags)
{
	struct str keyword;
	enum err e;

	if (imap_parse_take(ps, '\\'))
		return parse_system_flag(ps, flags);
	e = imap_parse_keyword(ps, &keyword);
	if (e != OK)
		return e;
	for (size_t i = 0; i < flags->keywords_n; i++)
		if (str_iequal(flags->keywords[i], keyword))
			return OK;
	if (flags->keywords_n == IMAP_KEYWORDS_MAX)
		return imap_parse_complain(ps, "too many flags");
	flags->keywords[flags->keywords_n++] = keyword;
	return OK;
}

enum err imap_parse_flags(struct imap_parser *ps, bool bare, struct imap_flags *ret_flags)
{
	struct imap_flags flags = { .keywords = arena_array(ps->arena, struct str, IMAP_KEYWORDS_MAX) };
	bool parenthesised = imap_parse_take(ps, '(');
	enum err e = OK;

	if (!parenthesised && !bare)
		return imap_parse_complain(ps, "expected a list of flags in parentheses");
	if (!parenthesised || imap_parse_peek(ps) != ')')
		do
			e = parse_one_flag(ps, &flags);
		while (e == OK && imap_parse_take(ps, ' '));
	if (e == OK && parenthesised)
		e = imap_parse_char(ps, ')');
	if (e == OK)
		*ret_flags = flags;
	return e;
}

static bool is_date_char(char c)
{
	return ascii_is_digit(c) || ascii_is_alpha(c) || c == '-';
}

enum err imap_parse_date(struct imap_parser *ps, int64_t *ret_days)
{
	struct str s;
	enum err e = parse_string_or(ps, is_date_char, "expected a date", &s);

	if (e == OK && message_date_parse_imap_day(s, ret_days) != OK)
		e = imap_parse_complain(ps, "expected a date like 1-Feb-1994");
	return e;
}

enum err imap_parse_date_time(struct imap_parser *ps, int64_t *ret_time_s)
{
	struct message_date date;
	struct str s;
	enum err e = imap_parse_peek(ps) == '"'
		? parse_quoted(ps, &s)
		: imap_parse_complain(ps, "expected a date and time in quotes");

	if (e == OK && message_date_parse_imap(s, &date) != OK)
		e = imap_parse_complain(ps, "expected a date like \"17-Jul-1996 02:44:25 -0700\"");
	if (e == OK)
		*ret_time_s = date.time_s;
	return e;
}

bool imap_parse_literal_head(struct str line, uint64_t *ret_size, bool *ret_non_sync, bool *ret_bad)
{
	ptrdiff_t open = line.n && line.p[line.n - 1] == '}' ? str_rindex(line, '{') : -1;
	struct str digits;
	bool non_sync;
	uint64_t size;

	*ret_bad = false;
	if (open < 0)
		return false;
	digits = str_sub(line, (size_t)open + 1, line.n - (size_t)open - 2);
	non_sync = str_ends(digits, S("+"));
	digits.n -= non_sync;
	for (size_t i = 0; i < digits.n; i++)
		if (!ascii_is_digit(digits.p[i]))
			return false;
	*ret_bad = digits.n == 0 || digits.n > 18 || str_to_u64(digits, &size) != OK;
	if (*ret_bad)
		return false;
	*ret_size = size;
	*ret_non_sync = non_sync;
	return true;
}
