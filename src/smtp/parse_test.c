/* SPDX-License-Identifier: ISC */
/* The pure parts: command lines, parameters, data, replies, the Received field. */
#include "base/test.h"

#include "smtp/command.h"
#include "smtp/data.h"
#include "smtp/policy.h"
#include "smtp/reply.h"
#include "smtp/trace.h"
#include "smtp/transaction.h"

static void test_line_cut(void **state)
{
	static const struct {
		struct str input;
		enum smtp_cut cut;
		size_t n;
	} rows[] = {
		{ S("NOOP\r\n"), SMTP_CUT_LINE, 6 },
		{ S("NOOP\r\nQUIT\r\n"), SMTP_CUT_LINE, 6 },
		{ S("\r\n"), SMTP_CUT_LINE, 2 },
		{ S("NOOP"), SMTP_CUT_MORE, 0 },
		{ S("NOOP\r"), SMTP_CUT_MORE, 0 },
		{ S("NOOP\n"), SMTP_CUT_BARE, 0 },
		{ S("NO\nOP\r\n"), SMTP_CUT_BARE, 0 },
		{ S("NO\rOP\r\n"), SMTP_CUT_BARE, 0 },
		{ S("NOOP\r\r\n"), SMTP_CUT_BARE, 0 },
		{ S("NOOP 56789\r\n"), SMTP_CUT_LINE, 12 },
		{ S("NOOP 567890\r\n"), SMTP_CUT_LONG, 0 },
		{ S("NOOP 56789012"), SMTP_CUT_LONG, 0 },
		{ S("NOOP 5678901"), SMTP_CUT_MORE, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = 0;

		assert_int_equal(smtp_line_cut(rows[i].input, 12, &n), rows[i].cut);
		assert_int_equal(n, rows[i].n);
	}
	assert_int_equal(smtp_line_max(S("auth PLAIN")), SMTP_AUTH_LINE_MAX);
	assert_int_equal(smtp_line_max(S("NOOP")), SMTP_LINE_MAX);
}

static void test_command_find(void **state)
{
	struct str args = STR_NONE;
	const struct smtp_command *row = smtp_command_find(S("mAiL   FROM:<a@b>  "), &args);

	assert_non_null(row);
	assert_str(row->verb, "MAIL");
	assert_str(args, "FROM:<a@b>");
	row = smtp_command_find(S("QUIT"), &args);
	assert_str(row->verb, "QUIT");
	assert_int_equal(args.n, 0);
	assert_null(smtp_command_find(S("MAILX FROM:<a@b>"), &args));
	assert_null(smtp_command_find(S(""), &args));
	assert_null(smtp_command_find(S(" QUIT"), &args));
	assert_null(smtp_command_find(S("\tQUIT"), &args));
	assert_null(smtp_command_find(S("QUIT\x01"), &args));
	assert_ptr_equal(
		smtp_command_find(S("QUIT \t"), &args), smtp_command_find(S("QUIT"), &args));
	for (size_t i = 0; i < smtp_command_count; i++)
		assert_ptr_equal(
			smtp_command_find(smtp_commands[i].verb, &args), &smtp_commands[i]);
}

static void test_paths(void **state)
{
	unsigned mx = smtp_policies[SMTP_MX].path_flags,
		 user = smtp_policies[SMTP_SUBMISSION].path_flags;
	static const struct {
		struct str args;
		unsigned more;
		enum err on_mx, on_submission;
		const char *local, *domain, *rest;
	} rows[] = {
		{ S("FROM:<a@b.test>"), 0, OK, OK, "a", "b.test", "" },
		{ S("from:<a@b.test> SIZE=1"), 0, OK, OK, "a", "b.test", " SIZE=1" },
		{ S("FROM: <a@b.test>"), 0, OK, OK, "a", "b.test", "" },
		{ S("FROM:   <a@b.test> BODY=8BITMIME"), 0, OK, OK, "a", "b.test",
			" BODY=8BITMIME" },
		{ S("FROM:a@b.test"), 0, ERR_BAD_ADDRESS, OK, "a", "b.test", "" },
		{ S("FROM: a@b.test SIZE=1"), 0, ERR_BAD_ADDRESS, OK, "a", "b.test",
			" SIZE=1" },
		{ S("FROM:<>"), MESSAGE_PATH_NULL, OK, OK, "", "", "" },
		{ S("FROM:<>"), 0, ERR_BAD_ADDRESS, ERR_BAD_ADDRESS, NULL, NULL, NULL },
		{ S("FROM:<postmaster>"), MESSAGE_PATH_POSTMASTER, OK, OK, "postmaster", "",
			"" },
		{ S("FROM:<@x.test,@y.test:a@b.test>"), 0, OK, OK, "a", "b.test", "" },
		{ S("FROM:<\"a b\"@b.test>"), 0, OK, OK, "a b", "b.test", "" },
		{ S("FROM:<a@[127.0.0.1]>"), 0, OK, OK, "a", "[127.0.0.1]", "" },
		{ S("FROM:<a@b.test"), 0, ERR_BAD_ADDRESS, ERR_BAD_ADDRESS, NULL, NULL, NULL },
		{ S("FROM:<a@b.test>SIZE=1"), 0, ERR_BAD_ADDRESS, ERR_BAD_ADDRESS, NULL, NULL,
			NULL },
		{ S("FROM:"), MESSAGE_PATH_NULL, ERR_BAD_ADDRESS, ERR_BAD_ADDRESS, NULL, NULL,
			NULL },
		{ S("<a@b.test>"), 0, ERR_SYNTAX, ERR_SYNTAX, NULL, NULL, NULL },
		{ S(""), 0, ERR_SYNTAX, ERR_SYNTAX, NULL, NULL, NULL },
	};
	struct arena *arena = arena_new();

	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		bool on_mx = i % 2;
		struct message_path path;
		struct str rest;
		enum err want = on_mx ? rows[i / 2].on_mx : rows[i / 2].on_submission;

		assert_err(
			smtp_path_take(rows[i / 2].args, S("FROM:"),
				(on_mx ? mx : user) | rows[i / 2].more, arena, &path, &rest),
			want);
		if (want != OK)
			continue;
		assert_str(path.local, rows[i / 2].local);
		assert_str(path.domain, rows[i / 2].domain);
		assert_str(rest, rows[i / 2].rest);
	}
	arena_free(&arena);
}

static void test_parameters(void **state)
{
	struct smtp_mail_parameters p = { 7, true };
	struct str bad = STR_NONE;

	assert_ok(smtp_mail_parameters_parse(S(""), &p, &bad));
	assert_int_equal(p.size, 0);
	assert_false(p.is_8bit);
	assert_ok(smtp_mail_parameters_parse(
		S("  size=210763777 Body=8bitmime  AUTH=<>"), &p, &bad));
	assert_int_equal(p.size, 210763777);
	assert_true(p.is_8bit);
	assert_err(smtp_mail_parameters_parse(S("SIZE=x"), &p, &bad), ERR_SYNTAX);
	assert_str(bad, "SIZE");
	assert_err(smtp_mail_parameters_parse(S("SIZE"), &p, &bad), ERR_SYNTAX);
	assert_err(smtp_mail_parameters_parse(S("SIZE=99999999999999999999"), &p, &bad),
		ERR_SYNTAX);
	assert_err(smtp_mail_parameters_parse(S("BODY=BINARYMIME"), &p, &bad), ERR_SYNTAX);
	assert_err(smtp_mail_parameters_parse(S("SIZE=1 RET=HDRS"), &p, &bad), ERR_CANNOT);
	assert_str(bad, "RET");
	assert_err(smtp_mail_parameters_parse(S("SMTPUTF8"), &p, &bad), ERR_CANNOT);
	assert_int_equal(p.size, 210763777);
}

static void test_hello(void **state)
{
	assert_true(smtp_hello_is_valid(S("mail.example.test")));
	assert_true(smtp_hello_is_valid(S("localhost")));
	assert_true(smtp_hello_is_valid(S("[127.0.0.1]")));
	assert_true(smtp_hello_is_valid(S("[IPv6:::1]")));
	assert_false(smtp_hello_is_valid(S("::1")));
	assert_false(smtp_hello_is_valid(S("a b")));
	assert_false(smtp_hello_is_valid(S("")));
}

static void collect(void *arg, struct str piece)
{
	buf_add(arg, piece);
}

/* Every way to cut s in two gives the same content, end and verdict; ret_taken: bytes up to
 * the end. */
static void scan_all_splits(
	struct str s, const char *want, bool want_end, bool want_bare, size_t want_taken)
{
	for (size_t cut = 0; cut <= s.n; cut++) {
		struct smtp_data data = { 0 };
		struct buf out = { 0 };
		size_t taken = smtp_data_scan(&data, str_sub(s, 0, cut), collect, &out);

		if (data.state != SMTP_DATA_END)
			taken += smtp_data_scan(&data, str_from(s, cut), collect, &out);
		assert_int_equal(data.state == SMTP_DATA_END, want_end);
		assert_int_equal(data.has_bare, want_bare);
		assert_int_equal(taken, want_taken);
		if (!want_bare)
			assert_str(buf_str(&out), want);
		buf_done(&out);
	}
}

static void test_data(void **state)
{
	scan_all_splits(S(".\r\n"), "", true, false, 3);
	scan_all_splits(S("a\r\n.\r\nQUIT\r\n"), "a\r\n", true, false, 6);
	scan_all_splits(S("..a\r\n...\r\n.b\r\n.\r\n"), ".a\r\n..\r\nb\r\n", true, false, 17);
	scan_all_splits(S("a.b\r\n..\r\n.\r\n.\r\n"), "a.b\r\n.\r\n", true, false, 12);
	scan_all_splits(S("a\r\n.\r"), "a\r\n", false, false, 5);
	scan_all_splits(S("a.\r\nb"), "a.\r\nb", false, false, 5);
}

/* The ways in which servers were made to see an end that is none: each stays one message, and
 * a refused one. */
static void test_smuggling(void **state)
{
	static const char *const ends[] = { "\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n",
		"\r\n.\r", "\r\r\n.\r\r\n", "\r\n\r.\r\n", "\n\r\n\r.\r\n", "\r\n.\r\r\n" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct buf s = { 0 };

		buf_addf(&s, "a%sMAIL FROM:<x@y.test>\r\n.\r\nQUIT\r\n", ends[i]);
		scan_all_splits(buf_str(&s), NULL, true, true, s.n - 6);
		buf_done(&s);
	}
}

/* The block scanner against the plain rule, with the special bytes at every place. */
static void test_data_blocks(void **state)
{
	enum { SIZE = 700 };
	static const char *const marks[] = { "\r\n", "\r\n.", "\r\n..", ".", "\r", "\n",
		"\r\n.x\r\n" };

	for (size_t m = 0; m < sizeof(marks) / sizeof(*marks); m++) {
		for (size_t at = 0; at < SIZE; at++) {
			struct str mark = str_of(marks[m]);
			struct buf wire = { 0 }, out = { 0 };
			struct smtp_data data = { 0 };
			bool bare = mark.n == 1 && *mark.p != '.';

			for (size_t i = 0; i < SIZE; i++)
				buf_addc(&wire, (char)('a' + i % 26));
			memcpy(wire.p + at, mark.p, mark.n < SIZE - at ? mark.n : SIZE - at);
			buf_adds(&wire, "z\r\n.\r\n");
			assert_int_equal(
				smtp_data_scan(&data, buf_str(&wire), collect, &out), wire.n);
			assert_int_equal(data.state, SMTP_DATA_END);
			if (bare || (at + mark.n > SIZE && wire.p[SIZE - 1] == '\r'))
				assert_true(data.has_bare);
			else if (mark.n < 3 && at > 0)
				assert_int_equal(out.n, wire.n - 3);
			buf_done(&wire);
			buf_done(&out);
		}
	}
}

static void test_replies(void **state)
{
	struct buf out = { 0 };
	char longest[1000];

	smtp_reply_add(&out, SMTP_REPLY_GREETING, S("mx.example.test"));
	assert_str(buf_str(&out), "220 mx.example.test ESMTP ready\r\n");
	buf_clear(&out);
	smtp_reply_add_error(&out, ERR_UNKNOWN_USER, S("a\r\n250 b\xff@c"));
	assert_str(buf_str(&out), "550 5.1.1 <a??250 b?@c>: no such user here\r\n");
	buf_clear(&out);
	smtp_reply_add_error(&out, ERR_UNKNOWN_USER, STR_NONE);
	assert_str(buf_str(&out), "550 5.1.1 No such user here\r\n");
	buf_clear(&out);
	smtp_reply_add_part(&out, S("250"), S("PIPELINING"), false);
	smtp_reply_add_part(&out, S("250"), S("SIZE 1"), true);
	assert_str(buf_str(&out), "250-PIPELINING\r\n250 SIZE 1\r\n");
	memset(longest, 'x', sizeof(longest));
	buf_clear(&out);
	smtp_reply_add(&out, SMTP_REPLY_NO_RELAY, str_make(longest, sizeof(longest)));
	assert_true(out.n <= SMTP_REPLY_MAX);
	assert_true(str_ends(buf_str(&out), S(" is not served here\r\n")));
	buf_clear(&out);
	smtp_reply_add_text(&out, "554 5.6.0", str_make(longest, sizeof(longest)));
	assert_int_equal(out.n, SMTP_REPLY_MAX);
	buf_done(&out);
}

/* RFC 2034 4: every 2xx, 4xx and 5xx reply but to EHLO, HELO and the greeting; the class
 * agrees with the code. */
static void test_reply_codes(void **state)
{
	for (int i = 0; i < SMTP_REPLIES; i++) {
		const char *code = smtp_reply_code((enum smtp_reply)i);

		if (i == SMTP_REPLY_GREETING || i == SMTP_REPLY_GREETING_LMTP || i == SMTP_REPLY_HELO || code[0] == '3')
			assert_int_equal(strlen(code), 3);
		else
			assert_true(strlen(code) >= 9 && code[4] == code[0] && code[5] == '.');
	}
}

static void test_received(void **state)
{
	struct buf out = { 0 };
	struct smtp_received r = {
		.hello = S("a(b)\r\nX: c.test"),
		.ip = S("::1"),
		.hostname = S("mx.example.test"),
		.tls = S("TLS1.3 X"),
		.only_recipient = S("alice@example.test"),
		.is_esmtp = true,
		.is_authenticated = true,
		.trace = 0xab,
		.time_s = 0,
	};

	smtp_received_add(&out, &r);
	assert_str(buf_str(&out),
		"Received: from a?b???X:?c.test ([IPv6:::1])\r\n"
		"\tby mx.example.test with ESMTPSA id 00000000000000ab\r\n\t(TLS1.3 X)\r\n"
		"\tfor <alice@example.test>;\r\n\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
	buf_clear(&out);
	r = (struct smtp_received){
		.hello = S("c"), .ip = S("127.0.0.1"), .hostname = S("mx")
	};
	smtp_received_add(&out, &r);
	assert_str(buf_str(&out),
		"Received: from c ([127.0.0.1])\r\n\tby mx with SMTP id 0000000000000000;\r\n"
		"\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
	buf_done(&out);
}

static void test_delivery_id(void **state)
{
	uint8_t a[16], b[16];

	smtp_delivery_id(S("a@b"), S("<1@c>"), S("0123"), a);
	smtp_delivery_id(S("a@b"), S("<1@c>"), S("0123"), b);
	assert_memory_equal(a, b, 16);
	smtp_delivery_id(S("a@b<1@c>"), S(""), S("0123"), b);
	assert_memory_not_equal(a, b, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_cut),
		cmocka_unit_test(test_command_find),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_smuggling),
		cmocka_unit_test(test_data_blocks),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_reply_codes),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_delivery_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
