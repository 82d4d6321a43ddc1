/* SPDX-License-Identifier: ISC */
#include "imap/condstore_args.h"

static enum err parse_number_after_space(struct imap_parser *ps, uint64_t *ret_number)
{
	enum err e = imap_parse_space(ps);

	return e == OK ? imap_parse_number64(ps, ret_number) : e;
}

/* " (": a list of parameters comes. */
static bool takes_list(struct imap_parser *ps, enum err *e)
{
	*e = OK;
	if (imap_parse_at_end(ps))
		return false;
	*e = imap_parse_space(ps);
	if (*e == OK)
		*e = imap_parse_char(ps, '(');
	return *e == OK;
}

static enum err parse_match(struct imap_parser *ps, struct imap_select_params *p)
{
	enum err e = imap_parse_char(ps, '(');

	p->has_match = true;
	if (e == OK)
		e = imap_seqset_parse(ps, &p->match_seqs);
	if (e == OK)
		e = imap_parse_space(ps);
	if (e == OK)
		e = imap_seqset_parse(ps, &p->match_uids);
	return e == OK ? imap_parse_char(ps, ')') : e;
}

static enum err parse_known(struct imap_parser *ps, struct imap_select_params *p)
{
	enum err e = OK;

	if (imap_parse_take(ps, ' ') && imap_parse_peek(ps) != '(') {
		p->has_known = true;
		e = imap_seqset_parse(ps, &p->known);
		if (e != OK || !imap_parse_take(ps, ' '))
			return e;
	}
	return imap_parse_peek(ps) == '(' ? parse_match(ps, p) : e;
}

static enum err parse_qresync(struct imap_parser *ps, struct imap_select_params *p)
{
	enum err e = imap_parse_space(ps);

	p->qresync = true;
	if (e == OK)
		e = imap_parse_char(ps, '(');
	if (e == OK)
		e = imap_parse_number(ps, &p->uidvalidity);
	if (e == OK)
		e = parse_number_after_space(ps, &p->modseq);
	if (e == OK)
		e = parse_known(ps, p);
	return e == OK ? imap_parse_char(ps, ')') : e;
}

enum err imap_select_params_parse(struct imap_parser *ps, struct imap_select_params *ret_params)
{
	struct imap_select_params p = { 0 };
	enum err e;

	if (takes_list(ps, &e)) {
		do {
			if (imap_parse_take_word(ps, "CONDSTORE"))
				p.condstore = true;
			else if (imap_parse_take_word(ps, "QRESYNC"))
				e = parse_qresync(ps, &p);
			else
				e = imap_parse_complain(ps, "unknown SELECT parameter");
		} while (e == OK && imap_parse_take(ps, ' '));
		if (e == OK)
			e = imap_parse_char(ps, ')');
	}
	if (e == OK)
		*ret_params = p;
	return e;
}

enum err imap_fetch_modifiers_parse(struct imap_parser *ps, struct imap_fetch_modifiers *ret_modifiers)
{
	struct imap_fetch_modifiers m = { 0 };
	enum err e;

	if (takes_list(ps, &e)) {
		do {
			if (imap_parse_take_word(ps, "CHANGEDSINCE")) {
				m.changed_since = true;
				e = parse_number_after_space(ps, &m.modseq);
			} else if (imap_parse_take_word(ps, "VANISHED")) {
				m.vanished = true;
			} else {
				e = imap_parse_complain(ps, "unknown FETCH modifier");
			}
		} while (e == OK && imap_parse_take(ps, ' '));
		if (e == OK)
			e = imap_parse_char(ps, ')');
	}
	if (e == OK)
		*ret_modifiers = m;
	return e;
}

enum err imap_unchanged_since_parse(struct imap_parser *ps, bool *ret_is_given, uint64_t *ret_modseq)
{
	enum err e = OK;

	*ret_is_given = imap_parse_take(ps, '(');
	if (!*ret_is_given)
		return OK;
	if (!imap_parse_take_word(ps, "UNCHANGEDSINCE"))
		return imap_parse_complain(ps, "unknown STORE modifier");
	e = parse_number_after_space(ps, ret_modseq);
	if (e == OK)
		e = imap_parse_char(ps, ')');
	return e == OK ? imap_parse_space(ps) : e;
}
