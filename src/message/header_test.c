/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "message/charset.h"
#include "message/header.h"
#include "message/param.h"
#include "message/transfer.h"

static const char letter[] = "From alice@example.test Fri Jul 21 10:11:12 2023\r\n"
			     "From: Alice <alice@example.test>\r\n"
			     "Subject : a\r\n"
			     "\tb\n"
			     "garbage without colon\r\n"
			     "X-Empty:\r\n"
			     "SUBJECT: second\r\n"
			     "\r\n"
			     "Body: no field\r\n";

static void test_fields(void **state)
{
	struct str rest = str_of(letter);
	struct message_field f;

	assert_true(message_header_next(&rest, &f));
	assert_int_equal(f.name.n, 0);
	assert_true(message_header_next(&rest, &f));
	assert_str(f.name, "From");
	assert_str(f.value, " Alice <alice@example.test>");
	assert_str(f.whole, "From: Alice <alice@example.test>\r\n");
	assert_true(message_header_next(&rest, &f));
	assert_str(f.name, "Subject");
	assert_str(f.value, " a\r\n\tb");
	assert_str(f.whole, "Subject : a\r\n\tb\n");
	assert_true(message_header_next(&rest, &f));
	assert_int_equal(f.name.n, 0);
	assert_str(f.whole, "garbage without colon\r\n");
	assert_true(message_header_next(&rest, &f));
	assert_str(f.name, "X-Empty");
	assert_int_equal(f.value.n, 0);
	assert_true(message_header_next(&rest, &f));
	assert_false(message_header_next(&rest, &f));
	assert_str(rest, "\r\nBody: no field\r\n");
	assert_int_equal(message_header_length(str_of(letter)), rest.p + 2 - letter);
}

static void test_find(void **state)
{
	struct str rest = str_of(letter), value;
	struct message_field f;

	assert_true(message_header_find(rest, S("sUBJECT"), &value));
	assert_str(value, " a\r\n\tb");
	assert_false(message_header_find(rest, S("Body"), &value));
	assert_true(message_header_next_named(&rest, S("subject"), &f));
	assert_true(message_header_next_named(&rest, S("subject"), &f));
	assert_str(f.value, " second");
	assert_false(message_header_next_named(&rest, S("subject"), &f));
}

static void test_length(void **state)
{
	assert_int_equal(message_header_length(S("")), 0);
	assert_int_equal(message_header_length(S("\r\nx")), 2);
	assert_int_equal(message_header_length(S("\nx")), 1);
	assert_int_equal(message_header_length(S("A: b\n\nx")), 6);
	assert_int_equal(message_header_length(S("A: b\r\n")), 6);
	assert_int_equal(message_header_length(S("A: b")), 4);
	assert_int_equal(message_header_length(S("A: b\r\n \r\n\r\n")), 11);
	assert_int_equal(message_header_length(S("\r")), 1);
}

static void check_unfold(struct str value, const char *want)
{
	struct buf out = BUF_MAX(1000);

	message_header_unfold(value, &out);
	assert_str(buf_str(&out), want);
	buf_done(&out);
}

static void test_unfold(void **state)
{
	check_unfold(S(" a\r\n b\n\tc \r\n"), "a b\tc");
	check_unfold(S("a\rb\nc\0d"), "a b c d");
	check_unfold(S(" \r\n "), "");
}

static void check_decode(const char *value, const char *want)
{
	struct buf out = BUF_MAX(1000);

	message_header_decode(str_of(value), &out);
	assert_str(buf_str(&out), want);
	buf_done(&out);
}

static void test_decode(void **state)
{
	check_decode(" plain\r\n text", "plain text");
	check_decode("=?iso-8859-1?q?Andr=E9?= Pirard", "Andr\u00e9 Pirard");
	check_decode("=?utf-8?B?w6k=?=\r\n =?utf-8?Q?=C3=A9?= x", "\u00e9\u00e9 x");
	check_decode("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore");
	/* A character cut in two words, as many senders do. */
	check_decode("=?utf-8?q?=C3?= =?UTF-8?q?=A9?=", "\u00e9");
	check_decode("=?iso-8859-1?q?a?= =?utf-8?q?b?=", "ab");
	check_decode("=?iso-8859-1?q?a?= b", "a b");
	check_decode("\"=?utf-8?q?x?=\"", "\"x\"");
	check_decode("=?utf-8?q?with spaces?=", "with spaces");
	check_decode("=?utf-8?x?abc?= =?utf-8?q?open", "=?utf-8?x?abc?= =?utf-8?q?open");
	check_decode("=?no-such?q?a=C3=A9?=", "a\u00e9");
	check_decode("=?utf-8?q?a=0D=0Ab=00c=C2=85d?=", "a  b c d");
	check_decode("=?utf-8?q?=4?= =?utf-8?q?=zz_?=", "=4=zz ");
	check_decode("raw \xc3\xa9", "raw \u00e9");
	check_decode("raw \xe9 \x80", "raw \u00e9 \u20ac");
	check_decode("=?koi8-r?B?8NLJ18XU?=", "\u041f\u0440\u0438\u0432\u0435\u0442");
	check_decode("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\u65e5\u672c");
	check_decode("=?", "=?");
	check_decode("a =?utf-8?q?", "a =?utf-8?q?");
}

static void check_charset(const char *charset, struct str s, const char *want)
{
	struct buf out = BUF_MAX(100000);

	assert_ok(message_charset_to_utf8(str_of(charset), s, &out));
	assert_str(buf_str(&out), want);
	buf_done(&out);
}

static void test_charsets(void **state)
{
	struct buf out = BUF_MAX(100);

	check_charset("UTF-8", S("a\xff\xc3"), "a\ufffd\ufffd");
	check_charset("us-ascii", S("a\xc3\xa9"), "a\u00e9");
	check_charset("ISO_8859-1", S("\xe9\x93\x94"), "\u00e9\u201c\u201d");
	check_charset("gb2312", S("\xc4\xe3\xba\xc3"), "\u4f60\u597d");
	check_charset("\"Shift_JIS\"", S("\x93\xfa\x96\x7b"), "\u65e5\u672c");
	check_charset("utf-16le", S("a\0b"), "a\ufffd");
	check_charset("windows-1251", S("\xcf\x98"), "\u041f\ufffd");
	check_charset("euc-kr", S("\xff\xff\xb0\xa1"), "\ufffd\ufffd\uac00");
	assert_err(message_charset_to_utf8(S("x-martian"), S("a"), &out), ERR_BAD_CHARSET);
	assert_err(
		message_charset_to_utf8(S("utf-8//TRANSLIT"), S("a"), &out), ERR_BAD_CHARSET);
	assert_err(message_charset_to_utf8(S(""), S("a"), &out), ERR_BAD_CHARSET);
	assert_int_equal(out.n, 0);
	assert_true(message_charset_is_known(S("Windows-1252")));
	assert_false(message_charset_is_known(S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
}

/* Every row of the table has a converter in this C library, and long input crosses its chunks.
 */
static void test_all_charsets(void **state)
{
	static const char *const labels[] = {
#define CHARSET(label, converter) label,
#include "message/charsets.def"
#undef CHARSET
	};
	char text[10000];

	message_charset_open();
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct buf out = BUF_MAX(100000);

		if (message_charset_to_utf8(
			    str_of(labels[i]), str_make(text, sizeof(text)), &out) != OK)
			fail_msg("no converter for %s", labels[i]);
		assert_true(out.n >= sizeof(text));
		buf_done(&out);
	}
	message_charset_close();
}

static void check_fields(const char *names, bool except, const char *want)
{
	struct str list[16], rest = str_of(names);
	struct buf out = BUF_MAX(10000);
	size_t n = 0;

	while (n < 16 && str_next(&rest, ' ', &list[n]))
		n++;
	message_header_fields(
		S("From: a\r\nTo: b,\r\n c\r\nX: y\r\nto: d\r\n\r\n"), list, n, except, &out);
	assert_str(buf_str(&out), want);
	buf_done(&out);
}

static void test_header_fields(void **state)
{
	struct str name = S("X");
	struct buf out = BUF_MAX(100);

	check_fields("TO", false, "To: b,\r\n c\r\nto: d\r\n\r\n");
	check_fields("TO", true, "From: a\r\nX: y\r\n\r\n");
	check_fields("nothing", false, "\r\n");
	check_fields("nothing", true, "From: a\r\nTo: b,\r\n c\r\nX: y\r\nto: d\r\n\r\n");
	check_fields("a b c d e f g h i j from x", false, "From: a\r\nX: y\r\n\r\n");
	check_fields("a b c d e f g h i j from x", true, "To: b,\r\n c\r\nto: d\r\n\r\n");
	message_header_fields(S("X: y\nZ: z"), &name, 1, false, &out);
	assert_str(buf_str(&out), "X: y\n");
	buf_done(&out);
}

struct expected {
	const char *name, *value;
	bool extended;
};

static void check_params(
	const char *raw, const char *value, const struct expected *want, size_t n)
{
	struct arena *arena = arena_new();
	struct message_params params;

	assert_str(message_params_parse(str_of(raw), arena, &params), value);
	assert_int_equal(params.n, n);
	for (size_t i = 0; i < n; i++) {
		assert_str(params.v[i].name, want[i].name);
		assert_str(params.v[i].value, want[i].value);
		assert_int_equal(params.v[i].extended, want[i].extended);
	}
	arena_free(&arena);
}

#define CHECK_PARAMS(raw, value, ...)                                                         \
	check_params((raw), (value), (const struct expected[]){__VA_ARGS__},                  \
		sizeof((const struct expected[]){__VA_ARGS__}) / sizeof(struct expected))

static void test_params(void **state)
{
	check_params("text/plain", "text/plain", NULL, 0);
	check_params("", "", NULL, 0);
	check_params(" (c) message / rfc822 (x)", "message / rfc822", NULL, 0);
	check_params("text/plain; ; =x;novalue", "text/plain", NULL, 0);
	CHECK_PARAMS("text/plain; charset =us-ascii (Plain text)", "text/plain",
		{"charset", "us-ascii"});
	CHECK_PARAMS("text/plain charset=utf-8 format=flowed", "text/plain",
		{"charset", "utf-8"}, {"format", "flowed"});
	CHECK_PARAMS(
		"a; name=my old file.pdf; x=y", "a", {"name", "my old file.pdf"}, {"x", "y"});
	CHECK_PARAMS("a; boundary=\"foo\r\n bar\"", "a", {"boundary", "foo bar"});
	CHECK_PARAMS("a; name=\"a\\\"b\\\\c\\d\"; y=", "a", {"name", "a\"b\\c\\d"}, {"y", ""});
	CHECK_PARAMS("a; name=\"open", "a", {"name", "open"});
	CHECK_PARAMS("a; name=file(1).txt; z=(c) 1", "a", {"name", "file(1).txt"}, {"z", "1"});
}

static void test_continuations(void **state)
{
	CHECK_PARAMS("a; f*0=\"x;\"; f*1=y; g=z", "a", {"f", "x;y"}, {"g", "z"});
	CHECK_PARAMS("a; f*1=y; f*0=x", "a", {"f", "xy"});
	CHECK_PARAMS("a; f*0*=utf-8'en'%C3; f*1*=%A9; f*2=%41", "a",
		{"f", "utf-8'en'%C3%A9%2541", true});
	CHECK_PARAMS("a; f*=utf-8''%41; f=B", "a", {"f", "utf-8''%41", true}, {"f", "B"});
	CHECK_PARAMS("a; f*1=y; f*3=z", "a", {"f*1", "y"}, {"f*3", "z"});
	CHECK_PARAMS("a; f*0=x; f*2=z; f*0=again", "a", {"f", "x"}, {"f*2", "z"});
	CHECK_PARAMS("a; f*99999=x; *=y", "a", {"f*99999", "x"}, {"*", "y"});
}

static void check_param_decode(const char *raw, const char *want)
{
	struct arena *arena = arena_new();
	struct message_params params;
	struct buf out = BUF_MAX(1000);

	message_params_parse(str_of(raw), arena, &params);
	message_param_decode(message_params_find(&params, "NAME"), &out);
	assert_str(buf_str(&out), want);
	buf_done(&out);
	arena_free(&arena);
}

static void test_param_decode(void **state)
{
	struct arena *arena = arena_new();
	struct message_params params;
	struct buf many = BUF_MAX(10000);

	check_param_decode("a; name*=iso-8859-1'de'Gr%FC%DFe; name=x", "Gr\u00fc\u00dfe");
	check_param_decode("a; name=\"=?utf-8?q?=C3=A9?=\"", "\u00e9");
	check_param_decode("a; name=\"\xe9\"", "\u00e9");
	check_param_decode("a; name*=no%20charset%2", "no charset%2");
	check_param_decode("a; name*0*=''%41; name*1=%41", "A%41");
	buf_adds(&many, "a");
	for (int i = 0; i < 200; i++)
		buf_addf(&many, "; n%d=v", i);
	message_params_parse(buf_str(&many), arena, &params);
	assert_int_equal(params.n, MESSAGE_PARAMS_MAX);
	assert_non_null(message_params_find(&params, "n63"));
	assert_null(message_params_find(&params, "n64"));
	buf_done(&many);
	arena_free(&arena);
}

static void check_transfer(enum message_encoding encoding, const char *raw, const char *want)
{
	struct buf out = BUF_MAX(1000);

	assert_ok(message_decode_strict(encoding, str_of(raw), &out));
	assert_str(buf_str(&out), want);
	buf_done(&out);
}

static void test_transfer(void **state)
{
	struct buf out = BUF_MAX(4);

	assert_int_equal(message_encoding_of(S(" BASE64 (x)")), MESSAGE_BASE64);
	assert_int_equal(
		message_encoding_of(S("\"quoted-printable\";")), MESSAGE_QUOTED_PRINTABLE);
	assert_int_equal(message_encoding_of(S("")), MESSAGE_7BIT);
	assert_int_equal(message_encoding_of(S("x-uuencode")), MESSAGE_ENCODING_UNKNOWN);
	check_transfer(MESSAGE_BASE64, "aGVs\r\nbG8=", "hello");
	check_transfer(MESSAGE_BASE64, "aGVsbG8", "hello");
	check_transfer(MESSAGE_BASE64, "aG!Vs*bA==aGVs", "hell");
	check_transfer(MESSAGE_BASE64, "a", "");
	check_transfer(MESSAGE_QUOTED_PRINTABLE, "a=3Db =C3=a9=\r\nc \t\r\nd=  \ne=",
		"a=b \xc3\xa9"
		"c\r\nde");
	check_transfer(MESSAGE_QUOTED_PRINTABLE, "=zz =4 x=", "=zz =4 x");
	check_transfer(MESSAGE_8BIT, "as it is=3D", "as it is=3D");
	assert_err(message_decode_strict(MESSAGE_ENCODING_UNKNOWN, S("x"), &out),
		ERR_UNKNOWN_CTE);
	assert_int_equal(out.n, 0);
	message_decode(MESSAGE_QUOTED_PRINTABLE, S("too long for it"), &out);
	assert_true(out.overflow);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_unfold),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_all_charsets),
		cmocka_unit_test(test_header_fields),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_continuations),
		cmocka_unit_test(test_param_decode),
		cmocka_unit_test(test_transfer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
