/* SPDX-License-Identifier: ISC */
/* The grammar: tokens, sets, names, FETCH items, SEARCH keys, patterns, and how commands are gathered. */
#include "base/test.h"

#include "imap/collect.h"
#include "imap/fetch_att.h"
#include "imap/mutf7.h"
#include "imap/pattern.h"
#include "imap/search_key.h"
#include "imap/seqset.h"
#include "imap/write.h"

#include <stdio.h>

static struct arena *arena;

static struct imap_parser on(const char *text)
{
	return imap_parser_of(str_of(text), arena);
}

static int set_up(void **state)
{
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	arena_free(&arena);
	return 0;
}

static void test_strings(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} cases[] = {
		{ "atom", "atom" },
		{ "a]b", "a]b" },
		{ "\"a \\\"b\\\\\"", "a \"b\\" },
		{ "\"\"", "" },
		{ "{3}\r\nx y", "x y" },
		{ "{3+}\r\nx\r\n", "x\r\n" },
		{ "{0}\r\n", "" },
		{ "{4}\r\nx y", NULL },
		{ "\"open", NULL },
		{ "\"bad\\escape\"", NULL },
		{ "\"line\r\n\"", NULL },
		{ "\"end\\", NULL },
		{ "(list)", NULL },
		{ "", NULL },
		{ "{99999999999999999999}\r\n", NULL },
		{ "{}\r\n", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imap_parser ps = on(cases[i].text);
		struct str s;
		enum err e = imap_parse_astring(&ps, &s);

		assert_int_equal(e, cases[i].want ? OK : ERR_SYNTAX);
		if (cases[i].want)
			assert_str(s, cases[i].want);
		else
			assert_non_null(ps.complaint);
	}
}

static void test_nul_in_literal(void **state)
{
	struct imap_parser ps = imap_parser_of(str_make("{3}\r\na\0b", 8), arena);
	struct str s;

	assert_err(imap_parse_astring(&ps, &s), ERR_SYNTAX);
}

static void test_nstring_and_end(void **state)
{
	struct imap_parser ps = on("NIL \"nil\"  ");
	struct str s;

	assert_ok(imap_parse_nstring(&ps, &s));
	assert_null(s.p);
	assert_ok(imap_parse_space(&ps));
	assert_ok(imap_parse_nstring(&ps, &s));
	assert_str(s, "nil");
	assert_ok(imap_parse_end(&ps));
	ps = on("x y");
	assert_err(imap_parse_end(&ps), ERR_SYNTAX);
	assert_string_equal(ps.complaint, "more arguments than this command takes");
	ps = on("x");
	assert_err(imap_parse_char(&ps, '('), ERR_SYNTAX);
	assert_non_null(strstr(ps.complaint, "\"(\""));
}

static void test_numbers(void **state)
{
	struct imap_parser ps = on("4294967295");
	uint32_t n;
	uint64_t n64;

	assert_ok(imap_parse_number(&ps, &n));
	assert_int_equal(n, UINT32_MAX);
	ps = on("4294967296");
	assert_err(imap_parse_number(&ps, &n), ERR_SYNTAX);
	ps = on("4294967296");
	assert_ok(imap_parse_number64(&ps, &n64));
	assert_true(n64 == 4294967296);
	ps = on("9999999999999999999");
	assert_err(imap_parse_number64(&ps, &n64), ERR_SYNTAX);
	ps = on("x");
	assert_err(imap_parse_number(&ps, &n), ERR_SYNTAX);
}

static void check_mutf7(const char *wire, const char *name)
{
	struct buf out = { 0 };

	if (name) {
		assert_ok(imap_mutf7_decode(str_of(wire), &out));
		assert_str(buf_str(&out), name);
		buf_clear(&out);
		imap_mutf7_encode(str_of(name), &out);
		assert_str(buf_str(&out), wire);
	} else {
		assert_err(imap_mutf7_decode(str_of(wire), &out), ERR_SYNTAX);
		assert_int_equal(out.n, 0);
	}
	buf_done(&out);
}

static void test_mutf7(void **state)
{
	check_mutf7("INBOX", "INBOX");
	check_mutf7("", "");
	check_mutf7("A&-B", "A&B");
	check_mutf7("&AMk-l&AOk-ments envoy&AOk-s", "\u00c9l\u00e9ments envoy\u00e9s");
	check_mutf7("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e");
	check_mutf7("&2D3eAA-", "\U0001f600");
	check_mutf7("&", NULL);
	check_mutf7("&AMk", NULL);
	check_mutf7("&AGE-", NULL);     /* "a", which needs no shift */
	check_mutf7("&AMl-", NULL);     /* bits left over */
	check_mutf7("&2D0-", NULL);     /* half a surrogate pair */
	check_mutf7("&3gA-", NULL);
	check_mutf7("&AMk-&AOk-", NULL); /* two shifts that could be one */
	check_mutf7("&A$-", NULL);
	check_mutf7("\xc3\xa9", NULL);
	check_mutf7("a\tb", NULL);
}

static void test_mailboxes(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "inbox", "INBOX" },
		{ "InBoX/Sub", "INBOX/Sub" },
		{ "inboxes", "inboxes" },
		{ "\"Sent Items\"", "Sent Items" },
		{ "&AMk-", "\u00c9" },
		{ "\"\u00c9t\u00e9\"", "\u00c9t\u00e9" },
		{ "\"a & b\"", NULL },
		{ "\"\xff\"", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imap_parser ps = on(cases[i].text);
		struct str s;

		assert_int_equal(imap_parse_mailbox(&ps, &s) == OK, cases[i].want != NULL);
		if (cases[i].want)
			assert_str(s, cases[i].want);
	}
}

static void test_flags(void **state)
{
	struct imap_parser ps = on("(\\Seen $Junk \\deleted $JUNK)");
	struct imap_flags flags;

	assert_ok(imap_parse_flags(&ps, false, &flags));
	assert_int_equal(flags.system, IMAP_SEEN | IMAP_DELETED);
	assert_int_equal(flags.keywords_n, 1);
	assert_str(flags.keywords[0], "$Junk");
	ps = on("()");
	assert_ok(imap_parse_flags(&ps, false, &flags));
	assert_int_equal(flags.system, 0);
	ps = on("\\Seen NIL");
	assert_ok(imap_parse_flags(&ps, true, &flags));
	assert_int_equal(flags.keywords_n, 1);
	ps = on("\\Seen");
	assert_err(imap_parse_flags(&ps, false, &flags), ERR_SYNTAX);
	ps = on("(\\Recent)");
	assert_err(imap_parse_flags(&ps, false, &flags), ERR_SYNTAX);
	ps = on("(\\Seen");
	assert_err(imap_parse_flags(&ps, false, &flags), ERR_SYNTAX);
	ps = on("(a b c{)");
	assert_err(imap_parse_flags(&ps, false, &flags), ERR_SYNTAX);
}

static void test_too_many_flags(void **state)
{
	struct buf text = { 0 };
	struct imap_flags flags;
	struct imap_parser ps;

	buf_adds(&text, "(f");
	for (int i = 0; i < IMAP_KEYWORDS_MAX; i++)
		buf_addf(&text, " f%d", i);
	buf_adds(&text, ")");
	ps = imap_parser_of(buf_str(&text), arena);
	assert_err(imap_parse_flags(&ps, false, &flags), ERR_SYNTAX);
	buf_clear(&text);
	for (int i = 0; i <= IMAP_KEYWORD_BYTES_MAX; i++)
		buf_addc(&text, 'k');
	ps = imap_parser_of(buf_str(&text), arena);
	assert_err(imap_parse_flags(&ps, true, &flags), ERR_SYNTAX);
	buf_done(&text);
}

static void test_dates(void **state)
{
	struct imap_parser ps = on("1-Feb-1994");
	int64_t v;

	assert_ok(imap_parse_date(&ps, &v));
	assert_int_equal(v, 8797);
	ps = on("\"01-Feb-1994\"");
	assert_ok(imap_parse_date(&ps, &v));
	assert_int_equal(v, 8797);
	ps = on("32-Feb-1994");
	assert_err(imap_parse_date(&ps, &v), ERR_SYNTAX);
	ps = on("\" 1-Jan-1970 00:00:10 +0000\"");
	assert_ok(imap_parse_date_time(&ps, &v));
	assert_int_equal(v, 10);
	/* Outlook on Android sends no leading space. */
	ps = on("\"1-Jan-1970 01:00:10 +0100\"");
	assert_ok(imap_parse_date_time(&ps, &v));
	assert_int_equal(v, 10);
	ps = on("1-Jan-1970");
	assert_err(imap_parse_date_time(&ps, &v), ERR_SYNTAX);
}

static void check_set(const char *text, uint32_t star, const char *want)
{
	struct imap_parser ps = on(text);
	struct imap_seqset set;
	struct uidset uids = { 0 };
	struct buf out = { 0 };

	assert_ok(imap_seqset_parse(&ps, &set));
	imap_seqset_write(&set, &out);
	assert_str(buf_str(&out), text);
	buf_clear(&out);
	imap_seqset_resolve(&set, star, arena, &uids);
	imap_write_uidset(&uids, &out);
	assert_str(buf_str(&out), want);
	uidset_done(&uids);
	buf_done(&out);
}

static void test_sets(void **state)
{
	check_set("1", 10, "1");
	check_set("2,4:7,9,12:*", 15, "2,4:7,9,12:15");
	check_set("*", 10, "10");
	check_set("*:4,5:7", 10, "4:10");
	check_set("20:*", 10, "10:20");
	check_set("4:2", 10, "2:4");
	check_set("9,1,5,3:4", 10, "1,3:5,9");
	check_set("1:*", 0, "");
	check_set("4294967295", 1, "4294967295");
}

static void test_bad_sets(void **state)
{
	static const char *const bad[] = { "", "0", "1,", "1:", ":1", "a", "1,,2", "4294967296", "1:0" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct imap_parser ps = on(bad[i]);
		struct imap_seqset set;
		enum err e = imap_seqset_parse(&ps, &set);

		assert_int_equal(e == OK ? imap_parse_end(&ps) : e, ERR_SYNTAX);
	}
}

static void check_atts(const char *text, const char *want)
{
	struct imap_parser ps = on(text);
	struct imap_fetch_atts atts;
	struct buf out = { 0 };
	enum err e = imap_fetch_atts_parse(&ps, &atts);

	if (e == OK)
		e = imap_parse_end(&ps);
	assert_int_equal(e, want ? OK : ERR_SYNTAX);
	if (want) {
		imap_fetch_atts_write(&atts, &out);
		assert_str(buf_str(&out), want);
	}
	buf_done(&out);
}

static void test_fetch_items(void **state)
{
	check_atts("ALL", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)");
	check_atts("fast", "(FLAGS INTERNALDATE RFC822.SIZE)");
	check_atts("FULL", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY)");
	check_atts("uid", "(UID)");
	check_atts("(FLAGS BODYSTRUCTURE)", "(FLAGS BODYSTRUCTURE)");
	check_atts("rfc822", "(RFC822)");
	check_atts("(RFC822.HEADER RFC822.TEXT)", "(RFC822.HEADER RFC822.TEXT)");
	check_atts("BODY", "(BODY)");
	check_atts("BODY[]", "(BODY[])");
	check_atts("BODY.PEEK[1.2.MIME]<0.393216>", "(BODY.PEEK[1.2.MIME]<0.393216>)");
	check_atts("body[header.fields (from \"to\")]", "(BODY[HEADER.FIELDS (from to)])");
	check_atts("BODY[1.HEADER.FIELDS.NOT (X {3}\r\na b)]", "(BODY[1.HEADER.FIELDS.NOT (X \"a b\")])");
	check_atts("BODY[TEXT]", "(BODY[TEXT])");
}

static void test_bad_fetch_items(void **state)
{
	static const char *const bad[] = { "", "()", "(FLAGS", "FLAGS UID", "NOTHING", "BODY[", "BODY[MIME]", "BODY[1.]",
		"BODY[0]", "BODY[1.0]", "BODY[HEADER.FIELDS]", "BODY[HEADER.FIELDS ()]", "BODY[]<1>", "BODY[]<1.0>",
		"BODY[]<-1.5>", "BODY[1234567890]", "BODY.PEEK", "(ALL)", "BODY[TEXT.1]", "BODY[1..2]",
		"BODY[]<0.4294967296>" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_atts(bad[i], NULL);
}

static void test_fetch_names(void **state)
{
	struct imap_parser ps = on("(BODY.PEEK[1]<5.10> RFC822.TEXT FLAGS BODY[])");
	struct imap_fetch_atts atts;
	struct buf out = { 0 };

	assert_ok(imap_fetch_atts_parse(&ps, &atts));
	imap_fetch_att_write_name(&atts.v[0], &out);
	assert_str(buf_str(&out), "BODY[1]<5>");
	assert_false(imap_fetch_att_sets_seen(&atts.v[0]));
	assert_true(imap_fetch_att_sets_seen(&atts.v[1]));
	assert_false(imap_fetch_att_needs_message(&atts.v[2]));
	assert_true(imap_fetch_att_needs_message(&atts.v[3]));
	assert_true(imap_fetch_att_sets_seen(&atts.v[3]));
	buf_done(&out);
}

static void check_search(const char *text, const char *want, enum err error)
{
	struct imap_parser ps = on(text);
	struct imap_search_key *root;
	struct buf out = { 0 };

	assert_int_equal(imap_search_parse(&ps, &root), error);
	if (want) {
		imap_search_write(root, &out);
		assert_str(buf_str(&out), want);
	}
	buf_done(&out);
}

static void test_search(void **state)
{
	check_search("ALL", "ALL", OK);
	check_search("seen UNDELETED", "SEEN UNDELETED", OK);
	check_search("1:5,* UID 7", "1:5,* UID 7", OK);
	check_search("NOT (FROM alice OR TO bob CC \"c d\")", "NOT (FROM alice OR TO bob CC \"c d\")", OK);
	check_search("SINCE 01-Feb-1994 BEFORE \"2-Mar-1994\"", "SINCE 1-Feb-1994 BEFORE 2-Mar-1994", OK);
	check_search("LARGER 1000 SMALLER 2000000", "LARGER 1000 SMALLER 2000000", OK);
	check_search("HEADER X-Spam \"\"", "HEADER X-Spam \"\"", OK);
	check_search("KEYWORD $Junk UNKEYWORD NIL", "KEYWORD $Junk UNKEYWORD NIL", OK);
	check_search("CHARSET UTF-8 SUBJECT {2}\r\n\u00e9", "SUBJECT {2}\r\n\u00e9", OK);
	check_search("CHARSET ISO-8859-1 SUBJECT {1}\r\n\xe9", "SUBJECT {2}\r\n\u00e9", OK);
	check_search("CHARSET US-ASCII TEXT x BODY y", "TEXT x BODY y", OK);
	check_search("SENTON 1-Jan-2020 SENTBEFORE 1-Jan-2021 SENTSINCE 1-Jan-2019 ON 3-Jan-2020 NEW OLD RECENT",
		"SENTON 1-Jan-2020 SENTBEFORE 1-Jan-2021 SENTSINCE 1-Jan-2019 ON 3-Jan-2020 NEW OLD RECENT", OK);
}

static void test_bad_search(void **state)
{
	struct buf text = { 0 };

	check_search("", NULL, ERR_SYNTAX);
	check_search("CHARSET X-NONE ALL", NULL, ERR_BAD_CHARSET);
	check_search("FROM", NULL, ERR_SYNTAX);
	check_search("NOT", NULL, ERR_SYNTAX);
	check_search("OR SEEN", NULL, ERR_SYNTAX);
	check_search("(SEEN", NULL, ERR_SYNTAX);
	check_search("()", NULL, ERR_SYNTAX);
	check_search("BEFORE yesterday", NULL, ERR_SYNTAX);
	check_search("SEENX", NULL, ERR_SYNTAX);
	for (int i = 0; i < IMAP_SEARCH_DEPTH_MAX + 2; i++)
		buf_adds(&text, "NOT ");
	buf_adds(&text, "SEEN");
	buf_addc(&text, '\0');
	check_search(text.p, NULL, ERR_SYNTAX);
	buf_clear(&text);
	for (int i = 0; i < IMAP_SEARCH_KEYS_MAX + 1; i++)
		buf_adds(&text, "ALL ");
	buf_addc(&text, '\0');
	check_search(text.p, NULL, ERR_SYNTAX);
	buf_done(&text);
}

static void test_patterns(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool want;
	} cases[] = {
		{ "*", "a/b/c", true },
		{ "%", "a", true },
		{ "%", "a/b", false },
		{ "a/%", "a/b", true },
		{ "a/%", "a/b/c", false },
		{ "a/*", "a/b/c", true },
		{ "%/%", "a/b", true },
		{ "*b*", "abc", true },
		{ "inbox", "INBOX", true },
		{ "iNb%", "INBOX", true },
		{ "inbox/x", "INBOX/x", true },
		{ "inbox/X", "INBOX/x", false },
		{ "sent", "Sent", false },
		{ "", "a", false },
		{ "", "", true },
		{ "a%c%e", "abcde", true },
		{ "a*", "a", true },
		{ "a/%", "a", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(imap_pattern_matches(str_of(cases[i].pattern), str_of(cases[i].name)),
			cases[i].want);
}

static void test_written_strings(void **state)
{
	struct buf out = { 0 };

	imap_write_astring(S("atom"), &out);
	imap_write_astring(S(""), &out);
	imap_write_astring(S("nil"), &out);
	imap_write_astring(S("a\"b\\"), &out);
	imap_write_astring(S("\xc3\xa9"), &out);
	imap_write_astring(str_make("\0", 1), &out);
	assert_str(buf_str(&out), "atom\"\"\"nil\"\"a\\\"b\\\\\"{2}\r\n\xc3\xa9{1}\r\n\x80");
	buf_clear(&out);
	imap_write_mailbox(S("\u00c9t\u00e9 1"), &out);
	assert_str(buf_str(&out), "\"&AMk-t&AOk- 1\"");
	buf_done(&out);
}

static void log_command(const struct imap_collect *c, struct buf *log)
{
	buf_addf(log, "[%.*s", STR_FMT(buf_str(&c->text)));
	for (size_t i = 0; i < c->messages.n; i++)
		buf_addf(log, "|%.*s", STR_FMT(buf_str(&c->messages.v[i].memory)));
	buf_addc(log, ']');
}

/* Feeds input in pieces of `step` bytes and writes down what the collector says: C continue, [text] command, !error. */
static void collect(const char *input, size_t n, size_t step, struct buf *log)
{
	struct imap_collect c;

	imap_collect_init(&c, 60, 20);
	for (size_t at = 0, end; at < n; at = end) {
		end = at + step < n ? at + step : n;
		for (size_t taken; at < end; at += taken) {
			enum imap_collected r = imap_collect_feed(&c, str_make(input + at, end - at), &taken);

			if (r == IMAP_COLLECT_CONTINUE)
				buf_addc(log, 'C');
			if (r == IMAP_COLLECT_COMMAND)
				log_command(&c, log);
			if (r == IMAP_COLLECT_REFUSED)
				buf_addf(log, "!%s", err_name(c.error));
			if (r == IMAP_COLLECT_COMMAND || r == IMAP_COLLECT_REFUSED)
				imap_collect_next(&c);
		}
	}
	assert_true(imap_collect_is_idle(&c) || c.text.n);
	imap_collect_done(&c);
}

static void check_collect(const char *input, const char *want)
{
	for (size_t step = 1; step < 8; step++) {
		struct buf log = { 0 };

		collect(input, strlen(input), step, &log);
		assert_str(buf_str(&log), want);
		buf_done(&log);
	}
}

#define FORTY "0123456789012345678901234567890123456789"

static void test_collect(void **state)
{
	check_collect("a NOOP\r\nb NOOP\n", "[a NOOP][b NOOP]");
	check_collect("a LOGIN {1}\r\nx {2+}\r\nyz\r\nb\r\n", "C[a LOGIN {1}\r\nx {2+}\r\nyz][b]");
	check_collect("a X {0+}\r\n\r\nb\r\n", "[a X {0+}\r\n][b]");
	check_collect("a APPEND i {3}\r\nxyz\r\nb\r\n", "C[a APPEND i {3}\r\n|xyz][b]");
	check_collect("a append i (\\Seen) {3+}\r\nx\r\n\r\nb\r\n", "[a append i (\\Seen) {3+}\r\n|x\r\n][b]");
	check_collect("a APPEND i {1+}\r\nx (\\Seen) {2}\r\nyz\r\nb\r\n", "C[a APPEND i {1+}\r\n (\\Seen) {2}\r\n|x|yz][b]");
	check_collect("a APPEND i {1+}\r\nx y {2+}\r\nyz\r\nb\r\n", "[a APPEND i {1+}\r\n y {2+}\r\nyz|x][b]");
	check_collect("a APPEND {1+}\r\ni {0+}\r\n\r\nb\r\n", "[a APPEND {1+}\r\ni {0+}\r\n|][b]");
}

static void test_collect_too_large(void **state)
{
	/* A synchronising literal is refused before it is sent, another one is passed over. */
	check_collect("a APPEND i {21}\r\nb NOOP\r\n", "!ERR_TOO_BIG[b NOOP]");
	check_collect("a APPEND i {21+}\r\n012345678901234567890\r\nb NOOP\r\n", "!ERR_TOO_BIG[b NOOP]");
	check_collect("a APPEND i {11+}\r\n01234567890 {10}\r\nb NOOP\r\n", "!ERR_TOO_BIG[b NOOP]");
	check_collect("a APPEND i {11+}\r\n01234567890 {9+}\r\n012345678\r\nb NOOP\r\n",
		"[a APPEND i {11+}\r\n {9+}\r\n|01234567890|012345678][b NOOP]");
	check_collect("a " FORTY FORTY "\r\nb\r\n", "!ERR_LINE_TOO_LONG[b]");
	check_collect("a " FORTY FORTY " {3+}\r\nb\r\n\r\nc\r\n", "!ERR_LINE_TOO_LONG[c]");
	check_collect("a " FORTY FORTY " {3}\r\nb\r\n", "!ERR_LINE_TOO_LONG[b]");
	check_collect("a X {61}\r\nb\r\n", "!ERR_LINE_TOO_LONG[b]");
	check_collect("a X {61+}\r\n" FORTY "\r\n 678901234567890123\r\nb\r\n", "!ERR_LINE_TOO_LONG[b]");
	check_collect("a X {99999999999999999999}\r\nb\r\n", "!ERR_SYNTAX[b]");
	check_collect("a X {9}9}\r\nb\r\n", "[a X {9}9}][b]");
}

static void test_spool_in_file(void **state)
{
	struct imap_spool spool;
	char *chunk = mem_alloc(IMAP_SPOOL_MEMFD_MAX);
	static const uint64_t sizes[] = { IMAP_SPOOL_MEMORY_MAX + 1, IMAP_SPOOL_MEMFD_MAX,
		IMAP_SPOOL_MEMFD_MAX + 1000 };

	imap_spool_init(&spool);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_ok(imap_spool_begin(&spool, sizes[i], IMAP_SPOOL_SHARE, "/tmp"));
		assert_true(spool.fd >= 0);
		for (uint64_t left = sizes[i], n; left; left -= n) {
			n = left < IMAP_SPOOL_MEMFD_MAX ? left : IMAP_SPOOL_MEMFD_MAX;
			assert_ok(imap_spool_add(&spool, str_make(chunk, (size_t)n)));
		}
		assert_ok(imap_spool_end(&spool));
		assert_err(imap_spool_add(&spool, S("x")), ERR_TOO_BIG);
	}
	assert_ok(imap_spool_begin(&spool, 5, IMAP_SPOOL_SHARE, NULL));
	assert_err(imap_spool_end(&spool), ERR_PROTOCOL);
	assert_err(imap_spool_begin(&spool, IMAP_SPOOL_MEMFD_MAX + 1, IMAP_SPOOL_SHARE, "/nowhere"), ERR_NOT_FOUND);
	imap_spool_done(&spool);
	free(chunk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_strings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nul_in_literal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nstring_and_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers, set_up, tear_down),
		cmocka_unit_test(test_mutf7),
		cmocka_unit_test_setup_teardown(test_mailboxes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flags, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_flags, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_sets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fetch_items, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_fetch_items, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fetch_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_search, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_search, set_up, tear_down),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_written_strings),
		cmocka_unit_test(test_collect),
		cmocka_unit_test(test_collect_too_large),
		cmocka_unit_test(test_spool_in_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
