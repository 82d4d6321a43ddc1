/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "message/address.h"

/* want: "local|domain|rest", or NULL for a syntax error. */
static void check_path(const char *text, unsigned flags, const char *want)
{
	struct arena *arena = arena_new();
	struct str rest = str_of(text), got;
	struct message_path path;
	enum err e = message_path_parse(&rest, flags, arena, &path);

	if (!want) {
		if (e != ERR_BAD_ADDRESS)
			fail_msg("accepted: %s", text);
		assert_str(rest, text);
	} else {
		if (e != OK)
			fail_msg("refused: %s", text);
		got = arena_printf(arena, "%.*s|%.*s|%.*s", STR_FMT(path.local),
			STR_FMT(path.domain), STR_FMT(rest));
		assert_str(got, want);
	}
	arena_free(&arena);
}

static void test_paths(void **state)
{
	check_path("<alice@example.test>", 0, "alice|example.test|");
	check_path("<alice@example.test> SIZE=10", 0, "alice|example.test| SIZE=10");
	check_path("<a.b+c_d=e@x-1.test>", 0, "a.b+c_d=e|x-1.test|");
	check_path("<\"a b\\\"@\\\\>\"@x.test> X", 0, "a b\"@\\>|x.test| X");
	check_path("<\"\"@x.test>", 0, "|x.test|");
	check_path("<a@[192.0.2.1]>", 0, "a|[192.0.2.1]|");
	check_path("<a@[IPv6:2001:db8::1]>", 0, "a|[IPv6:2001:db8::1]|");
	check_path("<@r.test,@s.test:a@x.test>", 0, "a|x.test|");
	check_path("<>", MESSAGE_PATH_NULL, "||");
	check_path("<> BODY=8BITMIME", MESSAGE_PATH_NULL, "|| BODY=8BITMIME");
	check_path("<Postmaster>", MESSAGE_PATH_POSTMASTER, "Postmaster||");
	check_path("<a@localhost>", 0, "a|localhost|");
}

static void test_bad_paths(void **state)
{
	static const char *const bad[] = {"", "<", "<>", "<a>", "<Postmaster>", "a@x.test",
		" <a@x.test>", "<a@x.test", "<a@x.test>x", "<@x.test>", "<a@>", "<a@x.test.>",
		"<a@.x.test>", "<a@x..test>", "<a@-x.test>", "<a@x-.test>", "<.a@x.test>",
		"<a.@x.test>", "<a..b@x.test>", "<a b@x.test>", "<a@x test>", "<a@[1.2.3]>",
		"<a@[IPv6:1]>", "<a@[x]>", "<a@[]>", "<a@[1.2.3.4]", "<\"a@x.test>",
		"<\"a\"b@x.test>", "<a\"b\"@x.test>", "<\"a\\", "<\xc3\xa9@x.test>",
		"<a@\xc3\xa9.test>", "<a@b@x.test>", "<@r.test:>", "<@r.test a@x.test>",
		"<@r.test", "<@:a@x.test>", "<a(c)@x.test>", "<\"a\tb\"@x.test>",
		"<a,b@x.test>", "<a@x.test,b@x.test>", "<a@x/y.test>"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_path(bad[i], 0, NULL);
}

static void test_lenient_paths(void **state)
{
	const unsigned lenient = MESSAGE_PATH_LENIENT;

	check_path("  <a@x.test>", lenient, "a|x.test|");
	check_path("a@x.test", lenient, "a|x.test|");
	check_path(" a@x.test SIZE=1", lenient, "a|x.test| SIZE=1");
	check_path("\"a b\"@x.test Y", lenient, "a b|x.test| Y");
	check_path("< a@x.test >", lenient, "a|x.test|");
	check_path("<a..b.@x.test>", lenient, "a..b.|x.test|");
	check_path("", lenient | MESSAGE_PATH_NULL, NULL);
	check_path("a", lenient, NULL);
	check_path("a@x.test>", lenient, NULL);
}

static void test_utf8_paths(void **state)
{
	const unsigned utf8 = MESSAGE_PATH_UTF8;

	check_path("<\xc3\xa9@\xc3\xa9.test>", utf8, "\xc3\xa9|\xc3\xa9.test|");
	check_path("<\"\xc3\xa9 x\"@xn--9ca.test>", utf8, "\xc3\xa9 x|xn--9ca.test|");
	check_path("<\xc3@x.test>", utf8, NULL);
	check_path("<a@\xff.test>", utf8, NULL);
}

static void check_lengths(int local, int labels, bool good)
{
	struct arena *arena = arena_new();
	struct buf text = BUF_MAX(1000);
	struct str rest;
	struct message_path path;

	buf_addc(&text, '<');
	for (int i = 0; i < local; i++)
		buf_addc(&text, 'a');
	buf_addc(&text, '@');
	for (int i = 0; i < labels; i++)
		buf_adds(&text, "label123.");
	buf_adds(&text, "test>");
	rest = buf_str(&text);
	assert_int_equal(
		message_path_parse(&rest, 0, arena, &path), good ? OK : ERR_BAD_ADDRESS);
	buf_done(&text);
	arena_free(&arena);
}

static void test_lengths(void **state)
{
	check_lengths(64, 1, true);
	check_lengths(65, 1, false);
	check_lengths(64, 20, true); /* 249 */
	check_lengths(64, 21, false);
	check_lengths(1, 27, true);
	check_lengths(8, 27, false);
	check_lengths(1, 28, false);
}

static void check_write(
	const char *local, const char *domain, const char *want, const char *canonical)
{
	struct message_path path = {str_of(local), str_of(domain)};
	struct buf out = BUF_MAX(1000);

	message_path_write(&path, &out);
	assert_str(buf_str(&out), want);
	buf_clear(&out);
	message_path_write_canonical(&path, &out);
	assert_str(buf_str(&out), canonical);
	buf_done(&out);
}

static void test_path_write(void **state)
{
	struct arena *arena = arena_new();
	struct message_path path;

	check_write("", "", "", "");
	check_write("Al", "Example.TEST", "Al@Example.TEST", "Al@example.test");
	check_write(
		"a b\"c\\", "x.test", "\"a b\\\"c\\\\\"@x.test", "\"a b\\\"c\\\\\"@x.test");
	check_write(".a", "x", "\".a\"@x", "\".a\"@x");
	check_write("", "x", "\"\"@x", "\"\"@x");
	check_write("postmaster", "", "postmaster", "postmaster");
	assert_ok(message_mailbox_parse(S("Bob@x.test"), 0, arena, &path));
	assert_str(path.local, "Bob");
	assert_false(message_path_is_null(&path));
	assert_err(message_mailbox_parse(S("Bob@x.test "), 0, arena, &path), ERR_BAD_ADDRESS);
	assert_err(
		message_mailbox_parse(S("postmaster"), MESSAGE_PATH_POSTMASTER, arena, &path),
		ERR_BAD_ADDRESS);
	assert_true(message_domain_is_valid(S("a_b.test"), false));
	assert_false(message_domain_is_valid(S(""), false));
	assert_false(message_domain_is_valid(
		S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test"),
		false));
	arena_free(&arena);
}

/* want: entries as "name|route|local|domain", "group:", ";" joined by ", ". */
static void describe(const struct message_addresses *list, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct message_address *a = &list->v[i];

		if (i)
			buf_adds(out, ", ");
		if (a->kind == MESSAGE_GROUP_BEGIN)
			buf_addf(out, "%.*s:", STR_FMT(a->name));
		else if (a->kind == MESSAGE_GROUP_END)
			buf_adds(out, ";");
		else
			buf_addf(out, "%.*s|%.*s|%.*s|%.*s", STR_FMT(a->name),
				STR_FMT(a->route), STR_FMT(a->local), STR_FMT(a->domain));
	}
}

static void check_list(const char *value, const char *want, bool malformed)
{
	struct arena *arena = arena_new();
	struct message_addresses list, again;
	struct buf got = BUF_MAX(10000), written = BUF_MAX(10000), repeated = BUF_MAX(10000);

	message_addresses_parse(str_of(value), 100, arena, &list);
	describe(&list, &got);
	assert_str(buf_str(&got), want);
	if (list.malformed != malformed)
		fail_msg("malformed: %d for %s", list.malformed, value);
	message_addresses_write(&list, &written);
	message_addresses_parse(buf_str(&written), 100, arena, &again);
	describe(&again, &repeated);
	assert_str(buf_str(&repeated), want);
	buf_done(&got);
	buf_done(&written);
	buf_done(&repeated);
	arena_free(&arena);
}

static void test_lists(void **state)
{
	check_list("", "", false);
	check_list(" a@x.test", "||a|x.test", false);
	check_list("a@x.test, b@y.test ,", "||a|x.test, ||b|y.test", false);
	check_list("Alice B. <a@x.test>", "Alice B.||a|x.test", false);
	check_list("\"Lee, \\\"Al\\\"\" <a@x.test>", "Lee, \"Al\"||a|x.test", false);
	check_list("a@x.test (Alice (x) \\) y)", "Alice (x) ) y||a|x.test", false);
	check_list("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
		"Pete||pete|silly.test", false);
	check_list("<@r.test,@s.test:a@x.test>", "|@r.test,@s.test|a|x.test", false);
	check_list("\"a b\"@x.test", "||a b|x.test", false);
	check_list("a@[192.0.2.1]", "||a|[192.0.2.1]", false);
	check_list("a . b @ x . test", "||a.b|x.test", false);
	check_list("=?utf-8?q?Doe,_J?= <a@x.test>", "=?utf-8?q?Doe,_J?=||a|x.test", false);
	check_list("Raw \xc3\xa9 <a@x.test>", "Raw \xc3\xa9||a|x.test", false);
	check_list("A\r\n B <a@x.test>,\r\n\tb@y.test", "A B||a|x.test, ||b|y.test", false);
}

static void test_groups(void **state)
{
	check_list("undisclosed-recipients:;", "undisclosed-recipients:, ;", false);
	check_list("G: a@x.test, B <b@y.test>;, c@z.test",
		"G:, ||a|x.test, B||b|y.test, ;, ||c|z.test", false);
	check_list("A Group(Some people):Chris <c@[192.0.2.1]>, joe@x.test; d@x.test",
		"A Group:, Chris||c|[192.0.2.1], ||joe|x.test, ;, ||d|x.test", false);
	check_list("G: a@x.test", "G:, ||a|x.test, ;", false);
	check_list("G: H: a@x.test;", "G:, ||Ha|x.test, ;", true);
	check_list("\"a: b\": ;", "a: b:, ;", false);
}

static void test_nonsense(void **state)
{
	check_list("root", "||root|", false);
	check_list("Undisclosed recipients", "||Undisclosedrecipients|", false);
	check_list("a@x.test; b@y.test", "||a|x.test, ||b|y.test", false);
	check_list("a@x.test <a@x.test>", "a@x.test||a|x.test", false);
	check_list("Bob <b@x.test", "Bob||b|x.test", true);
	check_list("Bob <b@x.test, c@y.test", "Bob||b|x.test, ||c|y.test", true);
	check_list("<<b@x.test>>", "||b|x.test", true);
	check_list("<>", "", false);
	check_list("Bob <>", "Bob|||", false);
	check_list("a@b@x.test", "||a@b|x.test", true);
	check_list("a@x.test b", "||a|x.test", true);
	check_list("a@x.test\r\n b@y.test", "||a|x.test", true);
	check_list("(Al) <mailto:a@x.test>, <a:b@x.test>", "Al||a|x.test, ||a:b|x.test", true);
	check_list("@x.test", "|||x.test", false);
	check_list("a@", "||a|", false);
	check_list("\"open <a@x.test>", "||open <a@x.test>|", true);
	check_list("(open a@x.test", "", true);
	check_list("Bob <b@x.test> junk \"a, b\" (c), d@y.test", "Bob||b|x.test, ||d|y.test",
		true);
	check_list(",;:<", "", true);
	check_list("a@[1.2.3.4, b@y.test", "||a|[1.2.3.4, ||b|y.test", false);
	check_list("\"=?a?q?x\"@b?=", "||=?a?q?x|b?=", false);
}

static void test_list_limits(void **state)
{
	struct arena *arena = arena_new();
	struct message_addresses list;

	message_addresses_parse(S("a@x, b@x, c@x"), 2, arena, &list);
	assert_int_equal(list.n, 2);
	assert_true(list.malformed);
	message_addresses_parse(S("a@x, b@x"), 2, arena, &list);
	assert_int_equal(list.n, 2);
	assert_false(list.malformed);
	message_addresses_parse(S("G: a@x, b@x, c@x;"), 3, arena, &list);
	assert_int_equal(list.n, 3);
	assert_int_equal(list.v[2].kind, MESSAGE_GROUP_END);
	message_addresses_parse(S("a@x, G: b@x;"), 2, arena, &list);
	assert_int_equal(list.n, 1);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_lenient_paths),
		cmocka_unit_test(test_utf8_paths),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_path_write),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_list_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
