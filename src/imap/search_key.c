/* SPDX-License-Identifier: ISC */
#include "imap/search_key.h"

#include "base/utf8.h"
#include "imap/write.h"
#include "message/charset.h"
#include "message/date.h"

enum argument { NONE, TEXT, DATE, SIZE, INTERVAL, MODSEQ, SET, KEYWORD, HEADER, KEY, KEYS };

static const struct row {
	const char *name;
	enum imap_search_test test;
	enum argument argument;
	unsigned flag;
	bool wanted;
} rows[] = {
#define SEARCH_KEY(name, test, argument, flag, wanted) { name, IMAP_SEARCH_##test, argument, flag, wanted },
#include "imap/search_keys.def"
#undef SEARCH_KEY
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

struct reader {
	struct imap_parser *ps;
	struct str charset;
	unsigned keys;
};

static enum err parse_text(struct reader *r, struct str *ret_text)
{
	struct str raw;
	struct buf out = { 0 };
	enum err e = imap_parse_astring(r->ps, &raw);

	if (e != OK)
		return e;
	if (r->charset.n && !utf8_is_ascii(raw))
		e = message_charset_to_utf8(r->charset, raw, &out);
	else
		/* RFC 3501 6.4.4 makes US-ASCII the default; clients send UTF-8 all the same. */
		message_charset_guess_to_utf8(raw, &out);
	if (e == OK)
		*ret_text = arena_dup(r->ps->arena, buf_str(&out));
	buf_done(&out);
	return e;
}

static enum err parse_key(struct reader *r, unsigned depth, struct imap_search_key **ret_key);

static enum err parse_child(struct reader *r, unsigned depth, struct imap_search_key **ret_key)
{
	enum err e = imap_parse_space(r->ps);

	return e == OK ? parse_key(r, depth + 1, ret_key) : e;
}

static enum err parse_two(struct reader *r, unsigned depth, struct imap_search_key *key)
{
	enum err e = parse_child(r, depth, &key->child);

	return e == OK ? parse_child(r, depth, &key->child->next) : e;
}

static enum err parse_header(struct reader *r, struct imap_search_key *key)
{
	enum err e = imap_parse_astring(r->ps, &key->field);

	if (e == OK)
		e = imap_parse_space(r->ps);
	return e == OK ? parse_text(r, &key->text) : e;
}

/* RFC 5032 3: seconds, not 0. */
static enum err parse_interval(struct imap_parser *ps, uint64_t *ret_seconds)
{
	uint32_t seconds;
	enum err e = imap_parse_number(ps, &seconds);

	if (e == OK && seconds == 0)
		e = imap_parse_complain(ps, "an interval is at least one second");
	if (e == OK)
		*ret_seconds = seconds;
	return e;
}

/* [entry-name SP entry-type-req SP] mod-sequence (RFC 7162 3.1.5): we keep one modseq for all of a message. */
static enum err parse_modseq(struct imap_parser *ps, uint64_t *ret_modseq)
{
	struct str entry;
	enum err e = OK;

	if (imap_parse_peek(ps) == '"') {
		e = imap_parse_string(ps, &entry);
		if (e == OK)
			e = imap_parse_space(ps);
		if (e == OK && !imap_parse_take_word(ps, "ALL") && !imap_parse_take_word(ps, "PRIV") &&
			!imap_parse_take_word(ps, "SHARED"))
			e = imap_parse_complain(ps, "expected all, priv or shared");
		if (e == OK)
			e = imap_parse_space(ps);
	}
	return e == OK ? imap_parse_number64(ps, ret_modseq) : e;
}

static enum err parse_argument(
	struct reader *r, enum argument argument, unsigned depth, struct imap_search_key *key)
{
	enum err e;

	if (argument == NONE)
		return OK;
	if (argument == KEY)
		return parse_child(r, depth, &key->child);
	if (argument == KEYS)
		return parse_two(r, depth, key);
	e = imap_parse_space(r->ps);
	if (e != OK)
		return e;
	switch (argument) {
	case TEXT:
		key->field = str_of(key->name);
		return parse_text(r, &key->text);
	case DATE:
		return imap_parse_date(r->ps, &key->days);
	case SIZE:
		return imap_parse_number64(r->ps, &key->size);
	case INTERVAL:
		return parse_interval(r->ps, &key->size);
	case MODSEQ:
		return parse_modseq(r->ps, &key->size);
	case SET:
		return imap_seqset_parse(r->ps, &key->set);
	case KEYWORD:
		return imap_parse_keyword(r->ps, &key->text);
	default:
		return parse_header(r, key);
	}
}

static enum err parse_list(struct reader *r, unsigned depth, struct imap_search_key *root)
{
	struct imap_search_key **last = &root->child;
	enum err e;

	do {
		e = parse_key(r, depth + 1, last);
		if (e == OK)
			last = &(*last)->next;
	} while (e == OK && imap_parse_peek(r->ps) == ' ' && !imap_parse_at_end(r->ps) &&
		imap_parse_space(r->ps) == OK);
	return e;
}

static enum err parse_named(struct reader *r, unsigned depth, struct imap_search_key *key)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (!imap_parse_take_word(r->ps, rows[i].name))
			continue;
		key->name = rows[i].name;
		key->test = rows[i].test;
		key->flag = rows[i].flag;
		key->wanted = rows[i].wanted;
		return parse_argument(r, rows[i].argument, depth, key);
	}
	return imap_parse_complain(r->ps, "unknown search key");
}

static enum err parse_key(struct reader *r, unsigned depth, struct imap_search_key **ret_key)
{
	struct imap_search_key *key = arena_make(r->ps->arena, struct imap_search_key);
	int c = imap_parse_peek(r->ps);
	enum err e;

	if (depth > IMAP_SEARCH_DEPTH_MAX)
		return imap_parse_complain(r->ps, "search keys nested too deep");
	if (++r->keys > IMAP_SEARCH_KEYS_MAX)
		return imap_parse_complain(r->ps, "too many search keys");
	*ret_key = key;
	if (c == '*' || (c >= '0' && c <= '9')) {
		key->test = IMAP_SEARCH_SEQ;
		return imap_seqset_parse(r->ps, &key->set);
	}
	if (!imap_parse_take(r->ps, '('))
		return parse_named(r, depth, key);
	key->test = IMAP_SEARCH_AND;
	e = parse_list(r, depth, key);
	return e == OK ? imap_parse_char(r->ps, ')') : e;
}

static enum err parse_charset(struct reader *r)
{
	enum err e;

	if (!imap_parse_take_word(r->ps, "CHARSET"))
		return OK;
	e = imap_parse_space(r->ps);
	if (e == OK)
		e = imap_parse_astring(r->ps, &r->charset);
	if (e == OK)
		e = imap_parse_space(r->ps);
	if (e == OK && !message_charset_is_known(r->charset))
		e = ERR_BAD_CHARSET;
	return e;
}

enum err imap_search_parse(struct imap_parser *ps, struct imap_search_key **ret_root)
{
	struct reader r = { .ps = ps };
	struct imap_search_key *root = arena_make(ps->arena, struct imap_search_key);
	enum err e = parse_charset(&r);

	root->test = IMAP_SEARCH_AND;
	if (e == OK)
		e = parse_list(&r, 0, root);
	if (e == OK)
		e = imap_parse_end(ps);
	if (e == OK)
		*ret_root = root;
	return e;
}

static void write_day(int64_t days, struct buf *out)
{
	struct buf date = { 0 };
	struct str s;

	message_date_write_imap((struct message_date){ .time_s = days * 86400 }, &date);
	s = str_trim(str_sub(buf_str(&date), 0, 11));
	buf_add(out, s);
	buf_done(&date);
}

static const struct row *row_of(const struct imap_search_key *key)
{
	for (size_t i = 0; i < ROWS; i++)
		if (key->name == rows[i].name)
			return &rows[i];
	return NULL;
}

static void write_key(const struct imap_search_key *key, struct buf *out);

static void write_argument(const struct imap_search_key *key, enum argument argument, struct buf *out)
{
	if (argument != NONE)
		buf_addc(out, ' ');
	if (argument == HEADER) {
		imap_write_astring(key->field, out);
		buf_addc(out, ' ');
	}
	if (argument == TEXT || argument == HEADER)
		imap_write_astring(key->text, out);
	else if (argument == KEYWORD)
		buf_add(out, key->text);
	else if (argument == DATE)
		write_day(key->days, out);
	else if (argument == SIZE || argument == INTERVAL || argument == MODSEQ)
		buf_add_u64(out, key->size);
	else if (argument == SET)
		imap_seqset_write(&key->set, out);
	else if (argument == KEY || argument == KEYS)
		write_key(key->child, out);
	if (argument == KEYS) {
		buf_addc(out, ' ');
		write_key(key->child->next, out);
	}
}

static void write_key(const struct imap_search_key *key, struct buf *out)
{
	const struct row *row = row_of(key);

	if (key->test == IMAP_SEARCH_SEQ) {
		imap_seqset_write(&key->set, out);
	} else if (key->test == IMAP_SEARCH_AND) {
		buf_addc(out, '(');
		imap_search_write(key, out);
		buf_addc(out, ')');
	} else if (row) {
		buf_adds(out, row->name);
		write_argument(key, row->argument, out);
	}
}

void imap_search_write(const struct imap_search_key *root, struct buf *out)
{
	for (const struct imap_search_key *key = root->child; key; key = key->next) {
		write_key(key, out);
		if (key->next)
			buf_addc(out, ' ');
	}
}
