/* SPDX-License-Identifier: ISC */
#include "imap/fetch_att.h"

#include "imap/write.h"

static const struct {
	const char *name, *section;
	enum imap_fetch_kind kind;
	bool needs_message, sets_seen;
} kinds[] = {
	/* Longer names stand before those they begin with. */
	{ "FLAGS", "", IMAP_FETCH_FLAGS, false, false },
	{ "UID", "", IMAP_FETCH_UID, false, false },
	{ "INTERNALDATE", "", IMAP_FETCH_INTERNALDATE, false, false },
	{ "MODSEQ", "", IMAP_FETCH_MODSEQ, false, false },
	{ "SAVEDATE", "", IMAP_FETCH_SAVEDATE, false, false },
	{ "EMAILID", "", IMAP_FETCH_EMAILID, false, false },
	{ "THREADID", "", IMAP_FETCH_THREADID, false, false },
	{ "PREVIEW", "", IMAP_FETCH_PREVIEW, true, false },
	{ "ENVELOPE", "", IMAP_FETCH_ENVELOPE, true, false },
	{ "BODYSTRUCTURE", "", IMAP_FETCH_BODYSTRUCTURE, true, false },
	{ "BODY.PEEK", "", IMAP_FETCH_SECTION, true, false },
	{ "BODY", "", IMAP_FETCH_BODY, true, false },
	{ "RFC822.SIZE", "", IMAP_FETCH_SIZE, false, false },
	{ "RFC822.HEADER", "HEADER", IMAP_FETCH_RFC822_HEADER, true, false },
	{ "RFC822.TEXT", "TEXT", IMAP_FETCH_RFC822_TEXT, true, true },
	{ "RFC822", "", IMAP_FETCH_RFC822, true, true },
};

static const struct {
	const char *name;
	unsigned n;
	enum imap_fetch_kind kinds[5];
} macros[] = {
	{ "ALL", 4, { IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE, IMAP_FETCH_SIZE, IMAP_FETCH_ENVELOPE } },
	{ "FAST", 3, { IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE, IMAP_FETCH_SIZE } },
	{ "FULL", 5,
		{ IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE, IMAP_FETCH_SIZE, IMAP_FETCH_ENVELOPE,
			IMAP_FETCH_BODY } },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), MACROS = sizeof(macros) / sizeof(macros[0]) };

static const char *name_of(enum imap_fetch_kind kind)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].kind == kind && kind != IMAP_FETCH_SECTION)
			return kinds[i].name;
	return "BODY";
}

bool imap_fetch_att_needs_message(const struct imap_fetch_att *att)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].kind == att->kind)
			return kinds[i].needs_message;
	return true;
}

bool imap_fetch_att_sets_seen(const struct imap_fetch_att *att)
{
	if (att->kind == IMAP_FETCH_SECTION)
		return !att->peek;
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].kind == att->kind)
			return kinds[i].sets_seen;
	return false;
}

static bool is_section_char(char c)
{
	return ascii_is_digit(c) || ascii_is_alpha(c) || c == '.';
}

/* "1.2.3": section-part, numbers from 1 without signs (RFC 3501 9). Returns its length with the last dot. */
static size_t part_length(struct str s)
{
	size_t at = 0;

	while (at < s.n && s.p[at] >= '1' && s.p[at] <= '9') {
		size_t n = at;

		while (n < s.n && ascii_is_digit(s.p[n]))
			n++;
		if (n - at > 9)
			return 0;
		if (n == s.n)
			return n;
		if (s.p[n] != '.')
			return 0;
		at = n + 1;
	}
	return at;
}

static bool is_text_of(struct str text, bool has_part)
{
	return str_equal(text, S("HEADER")) || str_equal(text, S("TEXT")) ||
		(has_part && str_equal(text, S("MIME")));
}

static enum err parse_names(struct imap_parser *ps, struct imap_fetch_att *att)
{
	struct str *names = arena_array(ps->arena, struct str, IMAP_FETCH_NAMES_MAX);
	enum err e = imap_parse_space(ps);

	if (e == OK)
		e = imap_parse_char(ps, '(');
	if (e != OK)
		return e;
	do {
		if (att->names_n == IMAP_FETCH_NAMES_MAX)
			return imap_parse_complain(ps, "too many header field names");
		e = imap_parse_astring(ps, &names[att->names_n]);
		att->names_n += e == OK;
	} while (e == OK && imap_parse_take(ps, ' '));
	att->names = names;
	return e == OK ? imap_parse_char(ps, ')') : e;
}

static struct str upper(struct imap_parser *ps, struct str s)
{
	char *out = arena_bytes(ps->arena, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		out[i] = ascii_upper(s.p[i]);
	return str_make(out, s.n);
}

/* Between the brackets. */
static enum err parse_spec(struct imap_parser *ps, struct imap_fetch_att *att)
{
	struct str spec, text;
	size_t part;
	enum err e;

	if (imap_parse_peek(ps) == ']')
		return OK;
	e = imap_parse_run(ps, is_section_char, "expected a section", &spec);
	if (e != OK)
		return e;
	spec = upper(ps, spec);
	if (str_ends(spec, S("HEADER.FIELDS.NOT")))
		att->fields = IMAP_FIELDS_NOT;
	else if (str_ends(spec, S("HEADER.FIELDS")))
		att->fields = IMAP_FIELDS_ONLY;
	if (att->fields)
		spec.n -= att->fields == IMAP_FIELDS_NOT ? sizeof(".FIELDS.NOT") - 1 : sizeof(".FIELDS") - 1;
	part = part_length(spec);
	text = str_from(spec, part);
	if (text.n ? !is_text_of(text, part > 0) : part == 0 || spec.p[spec.n - 1] == '.')
		return imap_parse_complain(ps, "no such section");
	att->section = spec;
	return att->fields ? parse_names(ps, att) : OK;
}

static enum err parse_partial(struct imap_parser *ps, struct imap_fetch_att *att)
{
	uint32_t offset, count = 0;
	enum err e;

	if (!imap_parse_take(ps, '<'))
		return OK;
	e = imap_parse_number(ps, &offset);
	if (e == OK)
		e = imap_parse_char(ps, '.');
	if (e == OK)
		e = imap_parse_number(ps, &count);
	if (e == OK && count == 0)
		e = imap_parse_complain(ps, "a partial range is at least one byte long");
	if (e == OK)
		e = imap_parse_char(ps, '>');
	att->partial = true;
	att->offset = offset;
	att->count = count;
	return e;
}

static enum err parse_section(struct imap_parser *ps, struct imap_fetch_att *att)
{
	enum err e = imap_parse_char(ps, '[');

	att->kind = IMAP_FETCH_SECTION;
	if (e == OK)
		e = parse_spec(ps, att);
	if (e == OK)
		e = imap_parse_char(ps, ']');
	return e == OK ? parse_partial(ps, att) : e;
}

/* " (LAZY)" (RFC 8970 4.1): ours are made when the mail comes in, so lazy or not is one. */
static enum err parse_preview(struct imap_parser *ps)
{
	enum err e = OK;

	if (ps->end - ps->p < 2 || ps->p[0] != ' ' || ps->p[1] != '(')
		return OK;
	ps->p += 2;
	if (!imap_parse_take_word(ps, "LAZY"))
		e = imap_parse_complain(ps, "unknown PREVIEW modifier");
	return e == OK ? imap_parse_char(ps, ')') : e;
}

static enum err parse_att(struct imap_parser *ps, struct imap_fetch_att *att)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (!imap_parse_take_word(ps, kinds[i].name))
			continue;
		att->kind = kinds[i].kind;
		att->section = str_of(kinds[i].section);
		att->peek = att->kind == IMAP_FETCH_SECTION;
		if (att->peek || (att->kind == IMAP_FETCH_BODY && imap_parse_peek(ps) == '['))
			return parse_section(ps, att);
		return att->kind == IMAP_FETCH_PREVIEW ? parse_preview(ps) : OK;
	}
	return imap_parse_complain(ps, "unknown FETCH item");
}

static bool parse_macro(struct imap_parser *ps, struct imap_fetch_atts *atts)
{
	for (size_t i = 0; i < MACROS; i++) {
		if (!imap_parse_take_word(ps, macros[i].name))
			continue;
		for (size_t k = 0; k < macros[i].n; k++)
			atts->v[atts->n++] = (struct imap_fetch_att){ .kind = macros[i].kinds[k] };
		return true;
	}
	return false;
}

enum err imap_fetch_atts_parse(struct imap_parser *ps, struct imap_fetch_atts *ret_atts)
{
	struct imap_fetch_atts atts = { arena_array(ps->arena, struct imap_fetch_att, IMAP_FETCH_ATTS_MAX), 0 };
	bool many = imap_parse_take(ps, '(');
	enum err e = OK;

	if (many || !parse_macro(ps, &atts))
		do {
			if (atts.n == IMAP_FETCH_ATTS_MAX)
				return imap_parse_complain(ps, "too many FETCH items");
			e = parse_att(ps, &atts.v[atts.n]);
			atts.n += e == OK;
		} while (e == OK && many && imap_parse_take(ps, ' '));
	if (e == OK && many)
		e = imap_parse_char(ps, ')');
	if (e == OK)
		*ret_atts = atts;
	return e;
}

static void write_spec(const struct imap_fetch_att *att, struct buf *out)
{
	buf_add(out, att->section);
	if (att->fields == IMAP_FIELDS_ALL)
		return;
	buf_adds(out, att->fields == IMAP_FIELDS_NOT ? ".FIELDS.NOT (" : ".FIELDS (");
	for (size_t i = 0; i < att->names_n; i++) {
		if (i)
			buf_addc(out, ' ');
		imap_write_astring(att->names[i], out);
	}
	buf_addc(out, ')');
}

static void write_att(const struct imap_fetch_att *att, bool is_request, struct buf *out)
{
	buf_adds(out, name_of(att->kind));
	if (att->kind != IMAP_FETCH_SECTION)
		return;
	buf_adds(out, is_request && att->peek ? ".PEEK[" : "[");
	write_spec(att, out);
	buf_addc(out, ']');
	if (!att->partial)
		return;
	/* RFC 3501 7.4.2: the reply names the offset only. */
	buf_addc(out, '<');
	buf_add_u64(out, att->offset);
	if (is_request) {
		buf_addc(out, '.');
		buf_add_u64(out, att->count);
	}
	buf_addc(out, '>');
}

void imap_fetch_att_write_name(const struct imap_fetch_att *att, struct buf *out)
{
	write_att(att, false, out);
}

void imap_fetch_atts_write(const struct imap_fetch_atts *atts, struct buf *out)
{
	buf_addc(out, '(');
	for (size_t i = 0; i < atts->n; i++) {
		if (i)
			buf_addc(out, ' ');
		write_att(&atts->v[i], true, out);
	}
	buf_addc(out, ')');
}
