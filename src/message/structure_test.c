/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "base/arena.h"
#include "message/structure.h"

#include <stdlib.h>

struct fixture {
	struct arena *arena;
	struct buf blob, text;
	struct str raw;
	struct message_structure s;
};

static void build(struct fixture *f, struct str raw)
{
	*f = (struct fixture){.arena = arena_new(), .raw = raw};
	message_structure_build(raw, NULL, f->arena, &f->blob);
	assert_ok(message_structure_open(buf_str(&f->blob), &f->s));
}

static void done(struct fixture *f)
{
	arena_free(&f->arena);
	buf_done(&f->blob);
	buf_done(&f->text);
}

typedef void add_text(const struct message_structure *s, struct buf *out);

static void check_text(struct fixture *f, add_text *add, const char *want)
{
	buf_clear(&f->text);
	add(&f->s, &f->text);
	assert_str(buf_str(&f->text), want);
}

static void check_section(const struct fixture *f, const char *section, const char *want)
{
	struct message_range range;
	enum err e = message_structure_section(&f->s, str_of(section), &range, NULL);

	if (!want) {
		if (e != ERR_NOT_FOUND)
			fail_msg("section %s: %s", section, err_name(e));
		return;
	}
	if (e != OK)
		fail_msg("section %s: %s", section, err_name(e));
	assert_str(str_sub(f->raw, range.offset, range.size), want);
}

/* RFC 9051 8, the sample session's message. */
static const char simple[] =
	"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
	"From: Terry Gray <gray@cac.washington.edu>\r\n"
	"Subject: IMAP4rev2 WG mtg summary and minutes\r\n"
	"To: imap@cac.washington.edu\r\n"
	"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
	"Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n"
	"\r\n"
	"Minutes:\r\n  none.\r\n";

static void test_simple(void **state)
{
	struct fixture f;

	build(&f, str_of(simple));
	check_text(&f, message_structure_add_envelope,
		"(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and "
		"minutes\" "
		"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		"((NIL NIL \"imap\" \"cac.washington.edu\")) "
		"((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL "
		"\"KLENSIN\" \"MIT.EDU\")) "
		"NIL NIL \"<B27397-0100000@cac.washington.edu>\")");
	check_text(&f, message_structure_add_body,
		"(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7bit\" 19 2)");
	check_text(&f, message_structure_add_bodystructure,
		"(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7bit\" 19 2 NIL NIL "
		"NIL NIL)");
	assert_int_equal(f.s.flags, MESSAGE_HAS_DATE);
	assert_int_equal(f.s.date.time_s, 837595405);
	assert_int_equal(f.s.size, sizeof(simple) - 1);
	assert_str(f.s.message_id, "B27397-0100000@cac.washington.edu");
	assert_str(f.s.subject, "IMAP4rev2 WG mtg summary and minutes");
	assert_str(f.s.preview, "Minutes: none.");
	assert_true(f.blob.n < 600);
	check_section(&f, "", simple);
	check_section(&f, "1", "Minutes:\r\n  none.\r\n");
	check_section(&f, "TEXT", "Minutes:\r\n  none.\r\n");
	check_section(&f, "2", NULL);
	check_section(&f, "1.1", NULL);
	check_section(&f, "1.TEXT", NULL);
	done(&f);
}

static void test_envelope(void **state)
{
	struct fixture f;

	build(&f, S("\r\n"));
	check_text(&f, message_structure_add_envelope,
		"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
	done(&f);
	build(&f, S("From: a@x.test\r\nSender: b@x.test\r\nReply-To: a@x.test\r\nTo: G: "
		    ";\r\nBcc: root\r\n"
		    "Subject: a \"b\"\\\r\n c\xe9 \0\rd\r\nIn-Reply-To: <1@x>\r\n\r\n"));
	check_text(&f, message_structure_add_envelope,
		"(NIL {13}\r\na \"b\"\\ c\xe9   d ((NIL NIL \"a\" \"x.test\")) ((NIL NIL "
		"\"b\" \"x.test\")) "
		"((NIL NIL \"a\" \"x.test\")) ((NIL NIL \"G\" NIL)(NIL NIL NIL NIL)) NIL "
		"((NIL NIL \"root\" \"\")) \"<1@x>\" NIL)");
	assert_int_equal(f.s.flags,
		MESSAGE_HAS_8BIT_HEADER | MESSAGE_HAS_NUL | MESSAGE_HAS_BARE_NEWLINE);
	done(&f);
	build(&f, S("Subject: a \"b\" \\c\r\nFrom: \"x\\\"y\" <@r:\"a "
		    "b\"@x.test>\r\nReply-To: c@y.test\r\n"
		    "Sender: \r\n\r\n"));
	check_text(&f, message_structure_add_envelope,
		"(NIL \"a \\\"b\\\" \\\\c\" ((\"x\\\"y\" \"@r\" \"a b\" \"x.test\")) "
		"((\"x\\\"y\" \"@r\" \"a b\" \"x.test\")) ((NIL NIL \"c\" \"y.test\")) NIL "
		"NIL NIL NIL NIL)");
	done(&f);
}

static const char nested[] = "Subject: outer\r\n"
			     "Content-Type: multipart/mixed; boundary=B\r\n"
			     "Content-Language: en, fr\r\n"
			     "\r\n"
			     "--B\r\n"
			     "\r\n"
			     "one\r\n"
			     "--B\r\n"
			     "Content-Type: message/rfc822\r\n"
			     "Content-Disposition: attachment; filename*=utf-8''%C3%A9.eml\r\n"
			     "Content-Location: x\r\n"
			     "\r\n"
			     "Subject: inner\r\n"
			     "Content-Type: multipart/alternative; boundary=C\r\n"
			     "\r\n"
			     "--C\r\n"
			     "Content-Type: text/html\r\n"
			     "Content-Transfer-Encoding: base64\r\n"
			     "Content-MD5: q\r\n"
			     "Content-Language: de\r\n"
			     "\r\n"
			     "aGk=\r\n"
			     "--C\r\n"
			     "Content-Type: image/gif; name=\"a b\"\r\n"
			     "Content-ID: <i@x>\r\n"
			     "Content-Description: d\r\n"
			     "Content-Transfer-Encoding: x-weird\r\n"
			     "\r\n"
			     "gif\r\n"
			     "--C--\r\n"
			     "--B\r\n"
			     "Content-Type: message/rfc822\r\n"
			     "\r\n"
			     "A: b\r\n"
			     "\r\n"
			     "plain\r\n"
			     "--B--\r\n";

static void test_nested(void **state)
{
	struct fixture f;

	build(&f, str_of(nested));
	check_text(&f, message_structure_add_body,
		"((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0)"
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 311 "
		"(NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		"((\"text\" \"html\" (\"charset\" \"us-ascii\") NIL NIL \"base64\" 4 0)"
		"(\"image\" \"gif\" (\"name\" \"a b\") \"<i@x>\" \"d\" \"x-weird\" 3) "
		"\"alternative\") 17)"
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 13 (NIL NIL NIL NIL NIL NIL NIL "
		"NIL NIL NIL) "
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0) 2) "
		"\"mixed\")");
	check_text(&f, message_structure_add_bodystructure,
		"((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0 NIL NIL "
		"NIL NIL)"
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 311 "
		"(NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		"((\"text\" \"html\" (\"charset\" \"us-ascii\") NIL NIL \"base64\" 4 0 \"q\" "
		"NIL \"de\" NIL)"
		"(\"image\" \"gif\" (\"name\" \"a b\") \"<i@x>\" \"d\" \"x-weird\" 3 NIL NIL "
		"NIL NIL) "
		"\"alternative\" (\"boundary\" \"C\") NIL NIL NIL) 17 NIL "
		"(\"attachment\" (\"filename*\" \"utf-8''%C3%A9.eml\")) NIL \"x\")"
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 13 (NIL NIL NIL NIL NIL NIL NIL "
		"NIL NIL NIL) "
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0 NIL NIL "
		"NIL NIL) 2 "
		"NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"B\") NIL (\"en\" \"fr\") NIL)");
	assert_true(f.s.flags & MESSAGE_HAS_ATTACHMENT);
	assert_int_equal(f.s.parts, 8);
	done(&f);
}

static void test_sections(void **state)
{
	static const char *const bad[] = {"0", "01", "1.", ".1", "MIME", "1.HEADERS",
		"HEADER.1", "x", "1..2", "99999999999", "-1", "1 ", "HEADER.FIELDS"};
	struct message_range range = {7, 7};
	enum message_encoding encoding;
	struct fixture f;

	build(&f, str_of(nested));
	check_section(&f, "1", "one");
	check_section(&f, "1.MIME", "\r\n");
	check_section(&f, "header",
		"Subject: outer\r\nContent-Type: multipart/mixed; boundary=B\r\n"
		"Content-Language: en, fr\r\n\r\n");
	check_section(&f, "2.HEADER",
		"Subject: inner\r\nContent-Type: multipart/alternative; boundary=C\r\n\r\n");
	check_section(&f, "2.2", "gif");
	check_section(&f, "2.1.Mime",
		"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n"
		"Content-MD5: q\r\nContent-Language: de\r\n\r\n");
	check_section(&f, "3", "A: b\r\n\r\nplain");
	check_section(&f, "3.HEADER", "A: b\r\n\r\n");
	check_section(&f, "3.TEXT", "plain");
	check_section(&f, "3.1", "plain");
	check_section(&f, "3.1.MIME", "A: b\r\n\r\n");
	check_section(&f, "3.MIME", "Content-Type: message/rfc822\r\n\r\n");
	check_section(&f, "3.1.1", NULL);
	check_section(&f, "3.2", NULL);
	check_section(&f, "4", NULL);
	check_section(&f, "1.1", NULL);
	check_section(&f, "1.HEADER", NULL);
	check_section(&f, "2.1.TEXT", NULL);
	check_section(&f, "2.3", NULL);
	assert_ok(message_structure_section(&f.s, S("2.1"), &range, &encoding));
	assert_int_equal(encoding, MESSAGE_BASE64);
	assert_ok(message_structure_section(&f.s, S("2.2"), &range, &encoding));
	assert_int_equal(encoding, MESSAGE_ENCODING_UNKNOWN);
	assert_ok(message_structure_section(&f.s, S("2.1.MIME"), &range, &encoding));
	assert_int_equal(encoding, MESSAGE_7BIT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (message_structure_section(&f.s, str_of(bad[i]), &range, NULL) !=
			ERR_SYNTAX)
			fail_msg("accepted: %s", bad[i]);
	done(&f);
}

/* A message that is itself message/rfc822, twice. */
static void test_message_sections(void **state)
{
	struct fixture f;

	build(&f, S("Content-Type: message/rfc822\r\n\r\nContent-Type: "
		    "message/rfc822\r\n\r\nA: b\r\n\r\nhello"));
	check_section(&f, "1.HEADER", "Content-Type: message/rfc822\r\n\r\n");
	check_section(&f, "1.TEXT", "A: b\r\n\r\nhello");
	check_section(&f, "1.1", "A: b\r\n\r\nhello");
	check_section(&f, "1.1.HEADER", "A: b\r\n\r\n");
	check_section(&f, "1.1.1", "hello");
	check_section(&f, "1.1.1.1", NULL);
	check_section(&f, "1.1.1.TEXT", NULL);
	done(&f);
}

static void test_facts(void **state)
{
	struct str list, id;
	struct fixture f;

	build(&f, S("Received: x\r\nReceived: y\r\nMessage-ID: no-brackets@x\r\nSubject: Re:  "
		    "[l] "
		    "=?utf-8?q?=C3=A9?=  z\r\nIn-Reply-To: \"quoted <no id>\" <a@x>\r\n"
		    "References: <r1@x> <r2@x>\r\n\t<a@x>junk<b\r\nDate: nonsense\r\n\r\n"));
	assert_int_equal(f.s.received, 2);
	assert_str(f.s.message_id, "no-brackets@x");
	assert_str(f.s.subject, "Re:  [l] \u00e9  z");
	assert_str(f.s.base_subject, "\u00e9 z");
	assert_int_equal(f.s.flags, MESSAGE_IS_REPLY);
	list = f.s.in_reply_to;
	assert_true(message_structure_next_id(&f.s, &list, &id));
	assert_str(id, "a@x");
	assert_false(message_structure_next_id(&f.s, &list, &id));
	list = f.s.references;
	assert_true(message_structure_next_id(&f.s, &list, &id));
	assert_str(id, "r1@x");
	assert_true(message_structure_next_id(&f.s, &list, &id));
	assert_true(message_structure_next_id(&f.s, &list, &id));
	assert_str(id, "a@x");
	assert_false(message_structure_next_id(&f.s, &list, &id));
	done(&f);
}

/* Of many references the first, which names the thread, and the last. */
static void test_many_references(void **state)
{
	struct buf raw = BUF_MAX(100000);
	struct str list, id;
	struct fixture f;
	int n = 0;

	buf_adds(&raw, "References:");
	for (int i = 0; i < 1000; i++)
		buf_addf(&raw, " <%d@x>", i);
	buf_adds(&raw, "\r\n\r\n");
	build(&f, buf_str(&raw));
	for (list = f.s.references; message_structure_next_id(&f.s, &list, &id); n++)
		if (n < 2)
			assert_str(id, n ? "937@x" : "0@x");
	assert_int_equal(n, 64);
	assert_str(id, "999@x");
	done(&f);
	buf_done(&raw);
}

static void check_preview(struct str raw, const char *want)
{
	struct fixture f;

	build(&f, raw);
	assert_str(f.s.preview, want);
	done(&f);
}

#define HTML "Content-Type: text/html; charset=utf-8\r\n\r\n"

static void test_preview(void **state)
{
	check_preview(S("\r\n  Hello,\r\n\r\n\tworld\r\n> quoted\r\nmore\r\n-- \r\nsignature"),
		"Hello, world more");
	check_preview(S("\r\nYes.\r\n\r\nOn Monday Alice wrote:\r\n\r\n> quoted\r\n"), "Yes.");
	check_preview(S("\r\nThis: is kept:\r\nindeed"), "This: is kept: indeed");
	check_preview(
		S("Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain; "
		  "charset=iso-8859-1\r\n\r\nGr=FC=DFe =\r\naus B=E4rn"),
		"Gr\u00fc\u00dfe aus B\u00e4rn");
	check_preview(S("Content-Transfer-Encoding: base64\r\n\r\naGVs\r\nbG8="), "hello");
	check_preview(
		S(HTML "<html><head><title>no</title><STYLE>p {}</STYLE></head><body><!-- no "
		       "> -->"
		       "<p>One &amp; t<b>w</b>o</p><div>three&nbsp;&#x41;&#66;&eacute;&bogus; "
		       "&lt;</div>"
		       "<script>no</script><blockquote "
		       "type=\"cite\">no<blockquote>no</blockquote>no"
		       "</blockquote>end 1 < 2 <3&zwnj;</body>"),
		"One & two three AB\u00e9&bogus; < end 1 < 2 <3");
	check_preview(S(HTML "a<style>never closed"), "a");
	check_preview(S(HTML "a<!-- never closed"), "a");
	check_preview(S(HTML "a<never closed"), "a");
	check_preview(S(HTML "\xe2\x80\x8b\xc2\xad \xe3\x80\x80x&#xd800;&#9999999999;&"),
		"x\ufffd&#9999999999;&");
	check_preview(S("Content-Type: multipart/mixed; "
			"boundary=B\r\n\r\n--B\r\nContent-Type: text/html\r\n\r\n"
			"<p>html</p>\r\n--B\r\nContent-Disposition: "
			"attachment\r\n\r\nno\r\n--B\r\n\r\n> only "
			"quoted\r\n--B--"),
		"html");
	check_preview(S("Content-Type: image/png\r\n\r\nabc"), "");
	check_preview(
		S("Content-Type: text/plain; charset=x-none\r\n\r\n\xe9\0z"), "\u00e9 z");
}

/* Never more than 200 characters, whatever their size; long messages are not read to their
 * end. */
static void test_long_preview(void **state)
{
	struct buf raw = BUF_MAX(10 << 20);
	const struct message_structure_options none = {.no_preview = true},
					       ten = {.preview_chars = 10};
	struct message_structure s;
	struct fixture f;

	buf_adds(&raw, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
	for (int i = 0; i < 100000; i++)
		buf_adds(&raw, "\xc3\xa9 ");
	build(&f, buf_str(&raw));
	assert_int_equal(f.s.preview.n, 299); /* the 200th would be white space */
	buf_clear(&f.blob);
	message_structure_build(buf_str(&raw), &none, f.arena, &f.blob);
	assert_ok(message_structure_open(buf_str(&f.blob), &s));
	assert_int_equal(s.preview.n, 0);
	buf_clear(&f.blob);
	message_structure_build(buf_str(&raw), &ten, f.arena, &f.blob);
	assert_ok(message_structure_open(buf_str(&f.blob), &s));
	assert_int_equal(s.preview.n, 14);
	done(&f);
	buf_clear(&raw);
	buf_adds(&raw, HTML "<style>");
	for (int i = 0; i < 20000; i++)
		buf_adds(&raw, "p { } ");
	buf_adds(&raw, "</style>text");
	build(&f, buf_str(&raw));
	assert_str(f.s.preview, "text");
	done(&f);
	buf_done(&raw);
}

/* However large the header or the tree, the blob stays below its ceiling and can be read. */
static void test_ceiling(void **state)
{
	struct buf raw = BUF_MAX(64 << 20);
	struct fixture f;

	static const char *const lists[] = { "From: ", "\r\nSender: ", "\r\nReply-To: ", "\r\nTo: ", "\r\nCc: ",
		"\r\nBcc: " };

	for (int i = 0; i < 300000; i++)
		buf_adds(&raw, i % 50000 ? "a, \xe9 <\"\"@b>," : lists[i / 50000]);
	buf_adds(&raw, "\r\nReferences: ");
	for (int i = 0; i < 50000; i++)
		buf_addf(&raw, "<%d%0*d@b> ", i, i % 900, 0);
	buf_adds(&raw, "\r\nSubject: ");
	for (int i = 0; i < 100000; i++)
		buf_adds(&raw, "\"\\\xc3\xa9");
	buf_adds(&raw, "\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n");
	for (int i = 0; i < 9000; i++) {
		buf_adds(&raw, "--B\r\nContent-Type: text/plain");
		for (int k = 0; k < 60; k++)
			buf_adds(&raw, "; name=\"\\\"\\\"\\\"\\\"\\\"\\\"\"");
		buf_adds(&raw, "\r\n\r\n");
	}
	build(&f, buf_str(&raw));
	assert_true(f.blob.n <= MESSAGE_STRUCTURE_MAX);
	assert_int_equal(f.s.parts, 1);
	assert_true(f.s.flags & MESSAGE_IS_CUT);
	done(&f);
	buf_done(&raw);
}

/* Every byte of a blob changed, every prefix: refused, or safe to use. */
static void test_corrupt(void **state)
{
	struct message_structure s;
	struct message_range range;
	struct fixture f;
	char *copy;

	build(&f, str_of(nested));
	copy = mem_dup(buf_str(&f.blob));
	for (size_t n = 0; n < f.blob.n; n++)
		assert_err(message_structure_open(str_make(copy, n), &s), ERR_CORRUPT);
	for (size_t i = 0; i < 256 * f.blob.n; i++) {
		copy[i / 256] = (char)i;
		buf_clear(&f.text);
		if (message_structure_open(str_make(copy, f.blob.n), &s) == OK) {
			struct str list = s.references, id;

			message_structure_add_envelope(&s, &f.text);
			message_structure_add_body(&s, &f.text);
			while (message_structure_next_id(&s, &list, &id))
				buf_add(&f.text, id);
			if (message_structure_section(&s, S("2.2.MIME"), &range, NULL) == OK)
				assert_true(range.offset + range.size <= s.size);
		}
		copy[i / 256] = f.blob.p[i / 256];
	}
	free(copy);
	buf_addc(&f.blob, 0);
	assert_err(message_structure_open(buf_str(&f.blob), &s), ERR_CORRUPT);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_message_sections),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_many_references),
		cmocka_unit_test(test_preview),
		cmocka_unit_test(test_long_preview),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_corrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
