/* SPDX-License-Identifier: ISC */
#include "message/param.h"

#include "message/charset.h"
#include "message/header.h"
#include "message/text.h"

/* A parameter as it stands: "filename*1*" still has its marks. */
struct raw_params {
	struct message_param v[MESSAGE_PARAMS_MAX];
	size_t n;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind a comment at `at` (RFC 5322 3.2.2); the end when it is not closed. */
static size_t skip_comment(struct str s, size_t at)
{
	size_t depth = 0;

	for (; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '(')
			depth++;
		else if (s.p[at] == ')' && --depth == 0)
			return at + 1;
	}
	return s.n;
}

static size_t skip_space(struct str s, size_t at)
{
	while (at < s.n && (is_space(s.p[at]) || s.p[at] == '('))
		at = s.p[at] == '(' ? skip_comment(s, at) : at + 1;
	return at;
}

/* True when s at `at` reads "name =": a parameter whose semicolon is missing. */
static bool is_assignment(struct str s, size_t at)
{
	size_t i = at;

	while (i < s.n && !is_space(s.p[i]) && !strchr(";=\"()", s.p[i]))
		i++;
	return i > at && i < s.n && s.p[i] == '=';
}

/* End of an unquoted value: peers write spaces in them, and forget the semicolon behind them.
 */
static size_t bare_end(struct str s, size_t at)
{
	while (at < s.n && s.p[at] != ';') {
		size_t next = at;

		while (next < s.n && is_space(s.p[next]))
			next++;
		if (next > at && (next == s.n || s.p[next] == ';' || s.p[next] == '(' ||
					 is_assignment(s, next)))
			return at;
		at = next > at ? next : at + 1;
	}
	return at;
}

static bool is_escape(struct str s, size_t at)
{
	return s.p[at] == '\\' && at + 1 < s.n && (s.p[at + 1] == '"' || s.p[at + 1] == '\\');
}

/*
 * Drops escapes and folds.  A backslash before anything but a quote or another one stays, as
 * it is part of a path that somebody did not quote.
 */
static struct str unquote(struct str s, struct arena *arena)
{
	char *to;
	size_t n = 0;

	if (str_index(s, '\\') < 0 && str_index(s, '\n') < 0 && str_index(s, '\r') < 0)
		return s;
	to = arena_bytes(arena, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n')
			continue;
		i += is_escape(s, i);
		to[n++] = s.p[i];
	}
	return str_make(to, n);
}

static size_t parse_value(struct str s, size_t at, struct arena *arena, struct str *ret_value)
{
	size_t end = at + 1;

	at = skip_space(s, at);
	if (at == s.n || s.p[at] != '"') {
		end = bare_end(s, at);
		*ret_value = unquote(str_trim(str_sub(s, at, end - at)), arena);
		return end;
	}
	for (end = at + 1; end < s.n && s.p[end] != '"'; end++)
		end += is_escape(s, end);
	end = end < s.n ? end : s.n;
	*ret_value = unquote(str_sub(s, at + 1, end - at - 1), arena);
	return end + 1;
}

/* One parameter, or one byte of junk; the offset behind it. */
static size_t parse_param(
	struct str s, size_t at, struct arena *arena, struct raw_params *params)
{
	struct message_param *param = &params->v[params->n];
	size_t start = at;

	while (at < s.n && !is_space(s.p[at]) && !strchr(";=\"()", s.p[at]))
		at++;
	param->name = str_sub(s, start, at - start);
	at = skip_space(s, at);
	if (param->name.n == 0 || at == s.n || s.p[at] != '=')
		return at > start ? at : start + 1;
	params->n++;
	return parse_value(s, at + 1, arena, &param->value);
}

static void parse_params(
	struct str s, size_t at, struct arena *arena, struct raw_params *params)
{
	params->n = 0;
	for (;;) {
		while (at < s.n && (s.p[at] == ';' || is_space(s.p[at]) || s.p[at] == '('))
			at = s.p[at] == '(' ? skip_comment(s, at) : at + 1;
		if (at >= s.n || params->n == MESSAGE_PARAMS_MAX)
			return;
		at = parse_param(s, at, arena, params);
	}
}

/*
 * "name*", "name*0", "name*0*" (RFC 2231 3, 4): the bare name, section (-1: none), extended.
 * Any other star is part of the name.
 */
static struct str split_name(struct str whole, int *ret_section, bool *ret_extended)
{
	struct str name = whole;
	ptrdiff_t star;
	uint32_t section = UINT32_MAX;

	if (str_ends(name, S("*")))
		name.n--;
	*ret_extended = name.n < whole.n;
	star = str_rindex(name, '*');
	if (star > 0 && str_to_u32(str_from(name, (size_t)star + 1), &section) == OK &&
		section < MESSAGE_PARAMS_MAX)
		name.n = (size_t)star;
	*ret_section = star == (ptrdiff_t)name.n ? (int)section : -1;
	if (name.n && str_index(name, '*') < 0)
		return name;
	*ret_extended = false;
	*ret_section = -1;
	return whole;
}

/* The sections of one name, by number. */
struct sections {
	const struct message_param *v[MESSAGE_PARAMS_MAX];
	bool extended[MESSAGE_PARAMS_MAX];
	size_t n; /* up to the first missing one */
	size_t bytes;
};

static void gather(const struct raw_params *raw, struct str name, struct sections *ret)
{
	*ret = (struct sections){.n = 0};
	for (size_t i = 0; i < raw->n; i++) {
		int section;
		bool extended;
		struct str base = split_name(raw->v[i].name, &section, &extended);

		if (section < 0 || !str_iequal(base, name) || ret->v[section])
			continue;
		ret->v[section] = &raw->v[i];
		ret->extended[section] = extended;
	}
	while (ret->n < MESSAGE_PARAMS_MAX && ret->v[ret->n])
		ret->bytes += ret->v[ret->n++]->value.n;
}

/* Joined; in an extended value a plain section's percent signs are escaped, so that they stay.
 */
static struct str join(const struct sections *sections, struct arena *arena)
{
	struct buf out = {0};
	struct str joined;

	for (size_t i = 0; i < sections->n; i++) {
		struct str s = sections->v[i]->value;

		for (size_t k = 0; k < s.n; k++) {
			buf_addc(&out, s.p[k]);
			if (s.p[k] == '%' && sections->extended[0] && !sections->extended[i])
				buf_adds(&out, "25");
		}
	}
	joined = arena_dup(arena, buf_str(&out));
	buf_done(&out);
	return joined;
}

/* False: raw parameter i is part of one that was joined, or repeats a part. */
static bool join_param(const struct raw_params *raw, size_t i, struct arena *arena,
	struct message_param *ret_param)
{
	const struct message_param *param = &raw->v[i];
	struct sections sections;
	int section;
	bool extended;
	struct str name = split_name(param->name, &section, &extended);

	*ret_param = (struct message_param){name, param->value, extended};
	if (section < 0)
		return true;
	gather(raw, name, &sections);
	if (sections.n && sections.v[0] == param) {
		ret_param->extended = sections.extended[0];
		ret_param->value = join(&sections, arena);
		return true;
	}
	/* Behind a gap: it stands for itself, under the name it has. */
	*ret_param = (struct message_param){param->name, param->value, false};
	return (size_t)section >= sections.n;
}

static void join_params(
	const struct raw_params *raw, struct arena *arena, struct message_params *ret_params)
{
	struct message_param *v =
		raw->n ? arena_array(arena, struct message_param, raw->n) : NULL;
	size_t n = 0;

	for (size_t i = 0; i < raw->n; i++)
		n += join_param(raw, i, arena, &v[n]);
	*ret_params = (struct message_params){v, n};
}

/* End of the value before the parameters: white space may stand around its slash only. */
static size_t value_end(struct str s, size_t at)
{
	size_t end = at;

	while (at < s.n && s.p[at] != ';' && s.p[at] != '(') {
		if (!is_space(s.p[at])) {
			if (at > end && s.p[at] != '/' && s.p[end - 1] != '/')
				break;
			end = at + 1;
		}
		at++;
	}
	return end;
}

struct str message_params_parse(
	struct str raw, struct arena *arena, struct message_params *ret_params)
{
	struct raw_params params;
	size_t start, end;

	raw = str_trim(raw);
	start = skip_space(raw, 0);
	end = value_end(raw, start);
	parse_params(raw, end, arena, &params);
	join_params(&params, arena, ret_params);
	return str_sub(raw, start, end - start);
}

const struct message_param *message_params_find(
	const struct message_params *params, const char *name)
{
	const struct message_param *found = NULL;

	for (size_t i = 0; i < params->n; i++)
		if (str_iequal(params->v[i].name, str_of(name))) {
			if (params->v[i].extended)
				return &params->v[i];
			found = found ? found : &params->v[i];
		}
	return found;
}

static void decode_percent(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int high =
			s.p[i] == '%' && i + 2 < s.n ? message_text_hex_digit(s.p[i + 1]) : -1;
		int low = high >= 0 ? message_text_hex_digit(s.p[i + 2]) : -1;

		buf_addc(out, low >= 0 ? (char)(high << 4 | low) : s.p[i]);
		i += low >= 0 ? 2 : 0;
	}
}

/* charset'language'text (RFC 2231 4). */
static void decode_extended(struct str value, struct buf *out)
{
	struct str rest = value, charset, language;
	struct buf bytes = {0}, text = {0};

	if (!str_next(&rest, '\'', &charset) || !str_next(&rest, '\'', &language)) {
		charset = STR_NONE;
		rest = value;
	}
	decode_percent(rest, &bytes);
	if (message_charset_to_utf8(charset, buf_str(&bytes), &text) != OK)
		message_charset_guess_to_utf8(buf_str(&bytes), &text);
	message_text_add_clean(buf_str(&text), out);
	buf_done(&bytes);
	buf_done(&text);
}

void message_param_decode(const struct message_param *param, struct buf *out)
{
	if (param->extended)
		decode_extended(param->value, out);
	else
		message_header_decode(param->value, out);
}
