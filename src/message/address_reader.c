/* SPDX-License-Identifier: ISC */
#include "message/address_reader.h"

#include <assert.h>

/* What the reader finds at its place: white space and comments are passed over before. */
enum token { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_LITERAL, TOKEN_SPECIAL };

/* An entry on its way: where its texts began, what was seen. */
struct entry {
	size_t text_at, tight_at; /* of the phrase or address */
	size_t at_sign;           /* in tight, of the last "@" outside quotes */
	bool has_at, has_word, is_angle;
	bool ended; /* behind "a@b c": further words belong to no address */
	struct str comment;
};

void message_address_reader_begin(
	struct str value, struct arena *arena, struct message_address_reader *ret_reader)
{
	value = str_trim(value);
	*ret_reader = (struct message_address_reader){.s = value, .arena = arena};
	ret_reader->text = arena_bytes(arena, value.n);
	ret_reader->tight = arena_bytes(arena, value.n);
	message_words_begin(value, &ret_reader->words);
}

static void add_text(struct message_address_reader *r, char c)
{
	assert(r->text_n < r->s.n);
	r->text[r->text_n++] = c;
}

static void add_tight(struct message_address_reader *r, char c)
{
	assert(r->tight_n < r->s.n);
	r->tight[r->tight_n++] = c;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

static bool is_special(char c)
{
	return c && strchr("<>@,;:()[]\"\\.", c);
}

/* A comment's text, without escapes and line endings. */
static struct str take_comment(struct message_address_reader *r)
{
	size_t depth = 0, from = r->notes_n;

	if (!r->notes)
		r->notes = arena_bytes(r->arena, r->s.n);
	for (; r->at < r->s.n; r->at++) {
		char c = r->s.p[r->at];

		if (c == '(' && depth++ == 0)
			continue;
		if (c == ')' && --depth == 0)
			break;
		if (c == '\\' && r->at + 1 < r->s.n)
			c = r->s.p[++r->at];
		if (c != '\r' && c != '\n' && c != '\0')
			r->notes[r->notes_n++] = c;
	}
	r->malformed |= r->at == r->s.n;
	r->at += r->at < r->s.n;
	return str_make(r->notes + from, r->notes_n - from);
}

/* True when something was skipped.  The last comment is kept: "a@b.test (Name)". */
static bool skip_space(struct message_address_reader *r, struct str *comment)
{
	size_t from = r->at;

	while (r->at < r->s.n && (is_space(r->s.p[r->at]) || r->s.p[r->at] == '(')) {
		if (r->s.p[r->at] == '(')
			*comment = str_trim(take_comment(r));
		else
			r->at++;
	}
	return r->at > from;
}

static enum token peek(const struct message_address_reader *r)
{
	char c;

	if (r->at >= r->s.n)
		return TOKEN_END;
	c = r->s.p[r->at];
	if (c == '"')
		return TOKEN_QUOTED;
	if (c == '[')
		return TOKEN_LITERAL;
	return is_special(c) && c != '.' ? TOKEN_SPECIAL : TOKEN_WORD;
}

static void add_both(struct message_address_reader *r, const struct entry *e, char c)
{
	add_text(r, c);
	if (!e->ended)
		add_tight(r, c);
}

/* A run of atoms and dots, or an encoded word, in which peers leave commas unquoted. */
static void take_word(struct message_address_reader *r, const struct entry *e)
{
	struct message_word word;
	size_t end = r->at;

	if (!e->has_at && !e->is_angle && message_words_at(&r->words, r->at, false, &word))
		end += word.size;
	else
		while (end < r->s.n && !is_space(r->s.p[end]) &&
			(r->s.p[end] == '.' || !is_special(r->s.p[end])))
			end++;
	for (; r->at < end; r->at++)
		if (!is_space(r->s.p[r->at]))
			add_both(r, e, r->s.p[r->at]);
}

static void take_quoted(struct message_address_reader *r, const struct entry *e)
{
	for (r->at++; r->at < r->s.n && r->s.p[r->at] != '"'; r->at++) {
		if (r->s.p[r->at] == '\\' && r->at + 1 < r->s.n)
			r->at++;
		if (!is_space(r->s.p[r->at]) || r->s.p[r->at] == ' ' || r->s.p[r->at] == '\t')
			add_both(r, e, r->s.p[r->at]);
	}
	r->malformed |= r->at >= r->s.n;
	r->at += r->at < r->s.n;
}

/* "[192.0.2.1]"; without its end the bracket stands alone. */
static void take_literal(struct message_address_reader *r, const struct entry *e)
{
	size_t end = r->at + 1;

	while (end < r->s.n && !is_space(r->s.p[end]) && !strchr("[]<>\"\\,;()", r->s.p[end]))
		end++;
	end += end < r->s.n && r->s.p[end] == ']';
	for (; r->at < end; r->at++)
		add_both(r, e, r->s.p[r->at]);
}

static bool ends_with_dot(const struct message_address_reader *r, const struct entry *e)
{
	return r->tight_n > e->tight_at &&
	       (r->tight[r->tight_n - 1] == '.' || r->tight_n - 1 == e->at_sign);
}

static void take_token(
	struct message_address_reader *r, struct entry *e, enum token token, bool spaced)
{
	if (spaced && r->text_n > e->text_at)
		add_text(r, ' ');
	if (spaced && e->has_at && r->s.p[r->at] != '.' && !ends_with_dot(r, e))
		e->ended = r->malformed = true;
	e->has_word = true;
	if (token == TOKEN_QUOTED)
		take_quoted(r, e);
	else if (token == TOKEN_LITERAL)
		take_literal(r, e);
	else
		take_word(r, e);
}

static void take_at_sign(struct message_address_reader *r, struct entry *e)
{
	r->malformed |= e->has_at;
	e->has_at = true;
	if (!e->ended)
		e->at_sign = r->tight_n;
	add_both(r, e, '@');
	r->at++;
}

static struct str text_of(const struct message_address_reader *r, const struct entry *e)
{
	return str_make(r->text + e->text_at, r->text_n - e->text_at);
}

static void split_tight(const struct message_address_reader *r, const struct entry *e,
	struct message_address *address)
{
	size_t end = r->tight_n;
	size_t local_end = e->has_at ? e->at_sign : end;

	address->local = str_make(r->tight + e->tight_at, local_end - e->tight_at);
	if (e->has_at)
		address->domain = str_make(r->tight + e->at_sign + 1, end - e->at_sign - 1);
}

static void begin_entry(const struct message_address_reader *r, struct entry *e)
{
	*e = (struct entry){.text_at = r->text_n, .tight_at = r->tight_n};
}

/* "@a.test,@b.test:" at the head of an angle address (RFC 5322 4.4). */
static struct str take_route(struct message_address_reader *r)
{
	size_t from = r->at, to = r->tight_n;

	while (r->at < r->s.n && !strchr("<>;()\":\\", r->s.p[r->at])) {
		if (!is_space(r->s.p[r->at]))
			add_tight(r, r->s.p[r->at]);
		r->at++;
	}
	if (r->at < r->s.n && r->s.p[r->at] == ':') {
		r->at++;
		return str_make(r->tight + to, r->tight_n - to);
	}
	r->tight_n = to;
	r->at = from;
	return STR_NONE;
}

/* "<mailto:alice@example.test>" is seen; another colon is kept as it stands. */
static void take_colon(struct message_address_reader *r, struct entry *e)
{
	struct str before = str_make(r->tight + e->tight_at, r->tight_n - e->tight_at);

	if (str_iequal(before, S("mailto")))
		r->tight_n = e->tight_at;
	else
		add_both(r, e, ':');
	r->malformed = true;
	r->at++;
}

/* Tokens up to one of the stops, which is taken and returned, or to the end (NUL). */
static char take_tokens(struct message_address_reader *r, struct entry *e, const char *stops)
{
	for (;;) {
		bool spaced = skip_space(r, &e->comment);
		enum token token = peek(r);

		if (token == TOKEN_END)
			return '\0';
		if (token == TOKEN_SPECIAL && strchr(stops, r->s.p[r->at]))
			return r->s.p[r->at++];
		if (token != TOKEN_SPECIAL) {
			take_token(r, e, token, spaced);
		} else if (r->s.p[r->at] == '@') {
			take_at_sign(r, e);
		} else if (r->s.p[r->at] == ':' && e->is_angle) {
			take_colon(r, e);
		} else {
			r->malformed = true;
			r->at++;
		}
	}
}

/* Behind "<": up to ">" or what ends the entry, which is left. */
static void parse_angle(struct message_address_reader *r, struct message_address *address)
{
	struct entry e;
	struct str comment;
	char stop;

	skip_space(r, &comment);
	if (r->at < r->s.n && r->s.p[r->at] == '@')
		address->route = take_route(r);
	begin_entry(r, &e);
	e.is_angle = true;
	stop = take_tokens(r, &e, ">,;");
	if (stop != '>') {
		r->malformed = true;
		r->at -= stop != '\0';
	}
	r->text_n = e.text_at;
	split_tight(r, &e, address);
}

static void skip_quoted(struct message_address_reader *r)
{
	for (r->at++; r->at < r->s.n && r->s.p[r->at] != '"'; r->at++)
		r->at += r->s.p[r->at] == '\\';
	r->at = r->at < r->s.n ? r->at + 1 : r->s.n;
}

/* Behind ">": what stands there until the next entry is passed over, but for a comment. */
static void skip_rest(struct message_address_reader *r, struct str *comment)
{
	while (skip_space(r, comment), r->at < r->s.n) {
		char c = r->s.p[r->at];

		if (c == ';' && r->in_group)
			return;
		if (c == '"') {
			skip_quoted(r);
			continue;
		}
		r->at++;
		if (c == ',' || c == ';')
			return;
		r->malformed = true;
	}
}

/* What take_tokens() stopped at decides what the entry is.  False: nothing there. */
static bool finish_entry(struct message_address_reader *r, struct entry *e, char stop,
	struct message_address *address)
{
	*address = (struct message_address){.kind = MESSAGE_MAILBOX};
	if (stop == ':') {
		*address =
			(struct message_address){MESSAGE_GROUP_BEGIN, .name = text_of(r, e)};
		r->in_group = e->has_word;
		return e->has_word;
	}
	if (stop == '<') {
		address->name = text_of(r, e);
		parse_angle(r, address);
		skip_rest(r, &e->comment);
	} else {
		split_tight(r, e, address);
		r->at -= stop == ';' && r->in_group;
	}
	if (address->name.n == 0)
		address->name = e->comment;
	return (stop == '<' && address->name.n) || address->local.n || address->domain.n;
}

/* ";" where an entry would begin; a comment before one is kept for it. */
static bool take_group_end(struct message_address_reader *r, struct str *comment)
{
	skip_space(r, comment);
	if (!r->in_group || (r->at < r->s.n && r->s.p[r->at] != ';'))
		return false;
	r->at += r->at < r->s.n;
	r->in_group = false;
	return true;
}

bool message_address_reader_next(
	struct message_address_reader *r, struct message_address *ret_address)
{
	struct entry e;
	char stop;

	for (;;) {
		begin_entry(r, &e);
		if (take_group_end(r, &e.comment)) {
			*ret_address = (struct message_address){MESSAGE_GROUP_END};
			return true;
		}
		if (r->at >= r->s.n)
			return false;
		stop = take_tokens(r, &e, r->in_group ? "<,;" : "<,;:");
		if (finish_entry(r, &e, stop, ret_address))
			return true;
	}
}
