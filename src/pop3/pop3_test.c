/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "pop3/reply.h"
#include "pop3/stuff.h"

/* In pieces of every size the same comes out. */
static void check(const char *message, struct pop3_stuff how, const char *want)
{
	struct str all = str_of(message);

	for (size_t step = 1; step <= all.n + 1; step++) {
		struct pop3_stuff stuff = how;
		struct buf out = { 0 };
		bool more = true;

		for (size_t at = 0; more && at < all.n; at += step)
			more = pop3_stuff_add(&stuff, str_sub(all, at, all.n - at < step ? all.n - at : step), &out);
		pop3_stuff_end(&stuff, &out);
		assert_str(buf_str(&out), want);
		buf_done(&out);
	}
}

static void test_stuff(void **state)
{
	const struct pop3_stuff all = { 0 };

	check("", all, ".\r\n");
	check("a: b\r\n\r\nhi\r\n", all, "a: b\r\n\r\nhi\r\n.\r\n");
	check(".\r\n..\r\na.\r\n.x", all, "..\r\n...\r\na.\r\n..x\r\n.\r\n");
	check("a\nb\r\n\nc", all, "a\r\nb\r\n\r\nc\r\n.\r\n");
	check("a\r\rb\r", all, "a\r\rb\r\n.\r\n");
	check("\r.\r\n", all, "\r.\r\n.\r\n");
}

static void test_top(void **state)
{
	const char *message = "h: 1\r\n.i: 2\r\n\r\n1\r\n.2\r\n3";

	check(message, (struct pop3_stuff){ .limited = true }, "h: 1\r\n..i: 2\r\n\r\n.\r\n");
	check(message, (struct pop3_stuff){ .limited = true, .lines_left = 2 },
		"h: 1\r\n..i: 2\r\n\r\n1\r\n..2\r\n.\r\n");
	check(message, (struct pop3_stuff){ .limited = true, .lines_left = 9 },
		"h: 1\r\n..i: 2\r\n\r\n1\r\n..2\r\n3\r\n.\r\n");
	check("a\r\n\r\r\nb\r\n", (struct pop3_stuff){ .limited = true }, "a\r\n\r\r\nb\r\n.\r\n");
	check("no body", (struct pop3_stuff){ .limited = true, .lines_left = 9 }, "no body\r\n.\r\n");
}

static void test_lines(void **state)
{
	struct str args = S(" 12  34 x");
	uint32_t n;
	size_t taken;

	assert_str(pop3_line_of(S("USER a\r\nPASS"), &taken), "USER a");
	assert_int_equal(taken, 8);
	assert_str(pop3_line_of(S("\n"), &taken), "");
	assert_int_equal(taken, 1);
	pop3_line_of(S("QUI"), &taken);
	assert_int_equal(taken, 0);
	assert_str(pop3_line_split(S("PASS a b ")).args, "a b ");
	assert_str(pop3_line_split(S("QUIT")).verb, "QUIT");
	assert_true(pop3_take_number(&args, &n) && n == 12);
	assert_true(pop3_take_number(&args, &n) && n == 34);
	assert_false(pop3_take_number(&args, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_stuff), cmocka_unit_test(test_top),
		cmocka_unit_test(test_lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
