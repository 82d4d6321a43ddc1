/* SPDX-License-Identifier: ISC */
#include "imap/collect.h"

#include "imap/parse.h"

enum { KEEP_BYTES = 4096 };

void imap_collect_init(struct imap_collect *c, size_t text_max, uint64_t message_max)
{
	*c = (struct imap_collect){ .text_max = text_max, .message_max = message_max };
	c->text.max = text_max;
}

void imap_collect_done(struct imap_collect *c)
{
	buf_done(&c->text);
	imap_spools_done(&c->messages);
}

void imap_collect_next(struct imap_collect *c)
{
	if (c->text.cap > KEEP_BYTES)
		buf_release(&c->text);
	buf_clear(&c->text);
	c->text.max = c->text_max;
	imap_spools_done(&c->messages);
	c->after_message = false;
	c->error = OK;
	c->step = IMAP_STEP_LINE;
	c->line_start = 0;
	c->tail_n = 0;
}

bool imap_collect_is_idle(const struct imap_collect *c)
{
	return c->step == IMAP_STEP_LINE && c->text.n == 0;
}

/* "(\\Seen) "01-Jan-2026 12:00:00 +0000" ", each of which may be absent. */
static bool takes_append_options(struct imap_parser *ps)
{
	struct imap_flags flags;
	int64_t date;
	bool is_at = true;

	if (imap_parse_peek(ps) == '(')
		is_at = imap_parse_flags(ps, false, &flags) == OK && imap_parse_space(ps) == OK;
	if (is_at && imap_parse_peek(ps) == '"')
		is_at = imap_parse_date_time(ps, &date) == OK && imap_parse_space(ps) == OK;
	return is_at && imap_parse_peek(ps) < 0;
}

bool imap_collect_is_at_next_message(struct str text)
{
	struct arena *arena = arena_new();
	struct imap_parser ps = imap_parser_of(text, arena);
	bool is_at = imap_parse_space(&ps) == OK && takes_append_options(&ps);

	arena_free(&arena);
	return is_at;
}

bool imap_collect_is_at_message(struct str text)
{
	struct arena *arena = arena_new();
	struct imap_parser ps = imap_parser_of(text, arena);
	struct str s;
	bool is_at = imap_parse_tag(&ps, &s) == OK && imap_parse_space(&ps) == OK &&
		imap_parse_take_word(&ps, "APPEND") && imap_parse_space(&ps) == OK &&
		imap_parse_astring(&ps, &s) == OK && imap_parse_space(&ps) == OK && takes_append_options(&ps);

	arena_free(&arena);
	return is_at;
}

/* Passes the rest over.  A client waiting for "+ " sends no literal once it is refused. */
static enum imap_collected refuse(struct imap_collect *c, enum err e, uint64_t size, bool non_sync)
{
	if (c->error == OK)
		c->error = e;
	if (!non_sync)
		return IMAP_COLLECT_REFUSED;
	c->literal_left = size;
	c->step = IMAP_STEP_SKIP_LITERAL;
	return IMAP_COLLECT_MORE;
}

static enum imap_collected begin_message(struct imap_collect *c, uint64_t size, bool non_sync)
{
	uint64_t memory = imap_spools_memory(&c->messages), share = 0;
	enum err e = OK;

	if (memory < IMAP_SPOOL_SHARE)
		share = IMAP_SPOOL_SHARE - memory;
	if (size > c->message_max || imap_spools_size(&c->messages) > c->message_max - size)
		e = ERR_TOO_BIG;
	else if (c->messages.n == IMAP_MESSAGES_MAX)
		e = ERR_LIMIT;
	else
		e = imap_spool_begin(imap_spools_add(&c->messages), size, share, c->spool_dir);
	if (e != OK)
		return refuse(c, e, size, non_sync);
	c->step = IMAP_STEP_MESSAGE;
	return non_sync ? IMAP_COLLECT_MORE : IMAP_COLLECT_CONTINUE;
}

/* The text's last "{" opens the literal at its end. */
static bool is_at_message(const struct imap_collect *c)
{
	struct str text = buf_str(&c->text);

	text.n = (size_t)str_rindex(text, '{');
	if (c->after_message)
		return imap_collect_is_at_next_message(str_from(text, c->line_start));
	return c->messages.n == 0 && imap_collect_is_at_message(text);
}

static enum imap_collected begin_literal(struct imap_collect *c, uint64_t size, bool non_sync)
{
	/* Asked before the text grows, which may move it. */
	bool is_message = c->message_max && is_at_message(c);

	buf_adds(&c->text, "\r\n");
	c->literal_left = size;
	c->line_start = c->text.n;
	c->after_message = is_message;
	if (is_message)
		return begin_message(c, size, non_sync);
	if (c->text.overflow || size > c->text.max - c->text.n)
		return refuse(c, ERR_LINE_TOO_LONG, size, non_sync);
	c->step = IMAP_STEP_LITERAL;
	return non_sync ? IMAP_COLLECT_MORE : IMAP_COLLECT_CONTINUE;
}

/* A whole line stands in text, without its end. */
static enum imap_collected end_line(struct imap_collect *c)
{
	struct str line = str_from(buf_str(&c->text), c->line_start);
	uint64_t size;
	bool non_sync, bad;

	if (imap_parse_literal_head(line, &size, &non_sync, &bad))
		return begin_literal(c, size, non_sync);
	if (bad)
		c->error = ERR_SYNTAX;
	return bad ? IMAP_COLLECT_REFUSED : IMAP_COLLECT_COMMAND;
}

static enum imap_collected take_line(struct imap_collect *c, struct str input, size_t *ret_taken)
{
	ptrdiff_t lf = str_index(input, '\n');
	size_t n = lf < 0 ? input.n : (size_t)lf;

	if (n > c->text.max - c->text.n) {
		c->error = ERR_LINE_TOO_LONG;
		c->step = IMAP_STEP_SKIP_LINE;
		return IMAP_COLLECT_MORE;
	}
	buf_add(&c->text, str_sub(input, 0, n));
	*ret_taken = n + (lf >= 0);
	if (lf < 0)
		return IMAP_COLLECT_MORE;
	if (c->text.n > c->line_start && c->text.p[c->text.n - 1] == '\r')
		c->text.n--;
	return end_line(c);
}

static void note_tail(struct imap_collect *c, struct str s)
{
	s = s.n > sizeof(c->tail) ? str_from(s, s.n - sizeof(c->tail)) : s;
	if (c->tail_n + s.n > sizeof(c->tail)) {
		size_t drop = c->tail_n + s.n - sizeof(c->tail);

		memmove(c->tail, c->tail + drop, c->tail_n - drop);
		c->tail_n -= drop;
	}
	if (s.n)
		memcpy(c->tail + c->tail_n, s.p, s.n);
	c->tail_n += s.n;
}

static enum imap_collected skip_line(struct imap_collect *c, struct str input, size_t *ret_taken)
{
	ptrdiff_t lf = str_index(input, '\n');
	size_t n = lf < 0 ? input.n : (size_t)lf;
	struct str tail;
	uint64_t size;
	bool non_sync, bad;

	note_tail(c, str_sub(input, 0, n));
	*ret_taken = n + (lf >= 0);
	if (lf < 0)
		return IMAP_COLLECT_MORE;
	tail = str_make(c->tail, c->tail_n);
	if (str_ends(tail, S("\r")))
		tail.n--;
	c->tail_n = 0;
	if (imap_parse_literal_head(tail, &size, &non_sync, &bad))
		return refuse(c, c->error, size, non_sync);
	return IMAP_COLLECT_REFUSED;
}

static enum imap_collected take_literal(struct imap_collect *c, struct str input, size_t *ret_taken)
{
	size_t n = input.n < c->literal_left ? input.n : (size_t)c->literal_left;
	struct str s = str_sub(input, 0, n);
	enum err e = OK;

	*ret_taken = n;
	c->literal_left -= n;
	if (c->step == IMAP_STEP_LITERAL)
		buf_add(&c->text, s);
	else if (c->step == IMAP_STEP_MESSAGE)
		e = imap_spool_add(&c->messages.v[c->messages.n - 1], s);
	if (e == OK && c->literal_left == 0 && c->step == IMAP_STEP_MESSAGE)
		e = imap_spool_end(&c->messages.v[c->messages.n - 1]);
	if (e != OK)
		c->error = e;
	if (e != OK || c->step == IMAP_STEP_SKIP_LITERAL)
		c->step = c->literal_left ? IMAP_STEP_SKIP_LITERAL : IMAP_STEP_SKIP_LINE;
	else if (c->literal_left == 0)
		c->step = IMAP_STEP_LINE;
	if (c->literal_left == 0)
		c->line_start = c->text.n;
	return IMAP_COLLECT_MORE;
}

static enum imap_collected take(struct imap_collect *c, struct str input, size_t *ret_taken)
{
	*ret_taken = 0;
	switch (c->step) {
	case IMAP_STEP_LINE:
		return take_line(c, input, ret_taken);
	case IMAP_STEP_SKIP_LINE:
		return skip_line(c, input, ret_taken);
	default:
		return take_literal(c, input, ret_taken);
	}
}

enum imap_collected imap_collect_feed(struct imap_collect *c, struct str input, size_t *ret_taken)
{
	enum imap_collected r = IMAP_COLLECT_MORE;
	size_t taken;

	*ret_taken = 0;
	/* A literal of no bytes is taken without input. */
	while (r == IMAP_COLLECT_MORE && (input.n > *ret_taken ||
		(c->step != IMAP_STEP_LINE && c->step != IMAP_STEP_SKIP_LINE && c->literal_left == 0))) {
		r = take(c, str_from(input, *ret_taken), &taken);
		*ret_taken += taken;
	}
	return r;
}
