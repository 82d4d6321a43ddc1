/* SPDX-License-Identifier: ISC */
#include "imap/search_return.h"

#include "imap/seqset.h"

static enum err parse_option(struct imap_parser *ps, struct imap_search_return *what)
{
	if (imap_parse_take_word(ps, "MIN"))
		what->min = true;
	else if (imap_parse_take_word(ps, "MAX"))
		what->max = true;
	else if (imap_parse_take_word(ps, "ALL"))
		what->all = true;
	else if (imap_parse_take_word(ps, "COUNT"))
		what->count = true;
	else
		return imap_parse_complain(ps, "unknown RETURN option");
	return OK;
}

static enum err parse_options(struct imap_parser *ps, struct imap_search_return *what)
{
	enum err e = imap_parse_char(ps, '(');

	if (e == OK && imap_parse_take(ps, ')')) {
		what->all = true;
		return OK;
	}
	if (e == OK)
		do
			e = parse_option(ps, what);
		while (e == OK && imap_parse_take(ps, ' '));
	return e == OK ? imap_parse_char(ps, ')') : e;
}

enum err imap_search_return_parse(struct imap_parser *ps, struct imap_search_return *ret_what)
{
	struct imap_search_return what = { .is_extended = imap_parse_take_word(ps, "RETURN") };
	enum err e = OK;

	if (what.is_extended) {
		e = imap_parse_space(ps);
		if (e == OK)
			e = parse_options(ps, &what);
		if (e == OK)
			e = imap_parse_space(ps);
	}
	if (e == OK)
		*ret_what = what;
	return e;
}

bool imap_search_return_wants_first_only(const struct imap_search_return *what)
{
	return what->min && !what->max && !what->all && !what->count;
}

static void write_numbers(const struct uidset *found, uint64_t modseq, struct buf *out)
{
	buf_adds(out, "* SEARCH");
	for (size_t i = 0; i < found->n; i++)
		for (uint64_t v = found->v[i].first; v <= found->v[i].last; v++) {
			buf_addc(out, ' ');
			buf_add_u64(out, v);
		}
	if (modseq)
		buf_addf(out, " (MODSEQ %llu)", (unsigned long long)modseq);
	buf_adds(out, "\r\n");
}

static void write_number(const char *name, uint64_t n, struct buf *out)
{
	buf_adds(out, name);
	buf_add_u64(out, n);
}

void imap_search_return_write(const struct imap_search_return *what, struct str tag, bool is_uid,
	const struct uidset *found, uint64_t modseq, struct buf *out)
{
	if (!what->is_extended) {
		write_numbers(found, modseq, out);
		return;
	}
	/* Quoted, as some clients insist, though the tag may be an atom too (RFC 4466 2.6.2). */
	buf_addf(out, "* ESEARCH (TAG \"%.*s\")%s", STR_FMT(tag), is_uid ? " UID" : "");
	/* RFC 4731 3.1: without a hit MIN, MAX and ALL are left out. */
	if (what->min && found->n)
		write_number(" MIN ", found->v[0].first, out);
	if (what->max && found->n)
		write_number(" MAX ", found->v[found->n - 1].last, out);
	if (what->all && found->n) {
		buf_adds(out, " ALL ");
		imap_write_uidset(found, out);
	}
	if (what->count)
		write_number(" COUNT ", uidset_count(found), out);
	if (modseq)
		write_number(" MODSEQ ", modseq, out);
	buf_adds(out, "\r\n");
}
