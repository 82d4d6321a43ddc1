/* SPDX-License-Identifier: ISC */
#include "imap/list_options.h"

#include "imap/mutf7.h"
#include "imap/pattern.h"

static enum err parse_selection(struct imap_parser *ps, struct imap_list_options *o)
{
	if (imap_parse_take_word(ps, "SUBSCRIBED"))
		o->only_subscribed = o->tells_subscribed = true;
	else if (imap_parse_take_word(ps, "SPECIAL-USE"))
		o->only_special = true;
	else if (imap_parse_take_word(ps, "RECURSIVEMATCH"))
		o->recursive = true;
	else if (!imap_parse_take_word(ps, "REMOTE"))
		return imap_parse_complain(ps, "unknown selection option");
	return OK;
}

static enum err parse_return(struct imap_parser *ps, struct imap_list_options *o)
{
	enum err e = OK;

	if (imap_parse_take_word(ps, "SUBSCRIBED")) {
		o->tells_subscribed = true;
	} else if (imap_parse_take_word(ps, "STATUS")) {
		o->tells_status = true;
		e = imap_parse_space(ps);
		if (e == OK)
			e = imap_status_items_parse(ps, &o->status);
	} else if (!imap_parse_take_word(ps, "CHILDREN") && !imap_parse_take_word(ps, "SPECIAL-USE")) {
		e = imap_parse_complain(ps, "unknown RETURN option");
	}
	return e;
}

/* "(option option)", which may be empty. */
static enum err parse_list(struct imap_parser *ps, struct imap_list_options *o,
	enum err (*parse_one)(struct imap_parser *ps, struct imap_list_options *o))
{
	enum err e = imap_parse_char(ps, '(');

	if (e == OK && imap_parse_take(ps, ')'))
		return OK;
	if (e == OK)
		do
			e = parse_one(ps, o);
		while (e == OK && imap_parse_take(ps, ' '));
	return e == OK ? imap_parse_char(ps, ')') : e;
}

static enum err parse_selections(struct imap_parser *ps, struct imap_list_options *o)
{
	enum err e = parse_list(ps, o, parse_selection);

	/* RFC 5258 3.1: RECURSIVEMATCH is of use only with another one. */
	if (e == OK && o->recursive && !o->only_subscribed && !o->only_special)
		e = imap_parse_complain(ps, "RECURSIVEMATCH needs another selection option");
	o->is_extended = true;
	return e == OK ? imap_parse_space(ps) : e;
}

static enum err parse_pattern(struct imap_parser *ps, struct imap_list_options *o)
{
	if (o->n == IMAP_LIST_PATTERNS_MAX)
		return imap_parse_complain(ps, "too many patterns");
	return imap_parse_list_mailbox(ps, &o->patterns[o->n++]);
}

static enum err parse_patterns(struct imap_parser *ps, bool basic, struct imap_list_options *o)
{
	o->patterns = arena_array(ps->arena, struct str, IMAP_LIST_PATTERNS_MAX);
	if (basic || imap_parse_peek(ps) != '(')
		return parse_pattern(ps, o);
	o->is_extended = true;
	return parse_list(ps, o, parse_pattern);
}

static enum err parse_returns(struct imap_parser *ps, struct imap_list_options *o)
{
	enum err e = imap_parse_space(ps);

	o->is_extended = true;
	if (e == OK && !imap_parse_take_word(ps, "RETURN"))
		e = imap_parse_complain(ps, "expected RETURN");
	if (e == OK)
		e = imap_parse_space(ps);
	return e == OK ? parse_list(ps, o, parse_return) : e;
}

/* Patterns are in modified UTF-7 as names are; what is none matches nothing but may be UTF-8. */
static enum err join(struct imap_cmd *cmd, struct str reference, struct str *pattern)
{
	struct str joined = arena_printf(cmd->arena, "%.*s%.*s", STR_FMT(reference), STR_FMT(*pattern));
	struct buf out = { 0 };

	if (joined.n > IMAP_LIST_PATTERN_MAX)
		return imap_parse_complain(&cmd->args, "pattern too long");
	if (imap_mutf7_decode(joined, &out) == OK)
		joined = arena_dup(cmd->arena, buf_str(&out));
	buf_done(&out);
	*pattern = joined;
	return OK;
}

enum err imap_list_options_parse(struct imap_cmd *cmd, bool basic, struct imap_list_options *ret_options)
{
	struct imap_parser *ps = &cmd->args;
	struct imap_list_options o = { .is_extended = false };
	struct str reference;
	enum err e = !basic && imap_parse_peek(ps) == '(' ? parse_selections(ps, &o) : OK;

	if (e == OK)
		e = imap_parse_list_mailbox(ps, &reference);
	if (e == OK)
		e = imap_parse_space(ps);
	if (e == OK)
		e = parse_patterns(ps, basic, &o);
	if (e == OK && !basic && !imap_parse_at_end(ps))
		e = parse_returns(ps, &o);
	if (e == OK)
		e = imap_parse_end(ps);
	/* RFC 5258 3: an empty name is no special case in the extended form. */
	o.asks_separator = !o.is_extended && o.n == 1 && o.patterns[0].n == 0;
	for (size_t i = 0; e == OK && i < o.n; i++)
		e = join(cmd, reference, &o.patterns[i]);
	if (e == OK)
		*ret_options = o;
	return e;
}

bool imap_list_options_match(const struct imap_list_options *options, struct str name)
{
	for (size_t i = 0; i < options->n; i++)
		if (imap_pattern_matches(options->patterns[i], name))
			return true;
	return false;
}
