/* SPDX-License-Identifier: ISC */
/* Files of addresses: how they are read, what is refused, what is made. */
#include "directory/csv.h"
#include "directory/fixture.h"

#include <jansson.h>

/* Rows as text: line:a|b|c, or line!cause. */
static void expect_rows(const char *text, const char *want)
{
	struct arena *arena = arena_new();
	struct directory_csv csv;
	struct directory_csv_row row;
	struct buf got = {0};

	directory_csv_begin(&csv, str_of(text), arena);
	while (directory_csv_next(&csv, &row)) {
		buf_addf(&got, "%s%zu%s", got.n ? " " : "", row.line, row.cause ? "!" : ":");
		for (size_t i = 0; i < row.count && !row.cause && i < DIRECTORY_CSV_FIELDS_MAX; i++)
			buf_addf(&got, "%s%.*s", i ? "|" : "", STR_FMT(row.fields[i]));
		if (row.cause)
			buf_add(&got, str_sub(str_of(row.cause), 0, 7));
	}
	assert_str(buf_str(&got), want);
	buf_done(&got);
	arena_free(&arena);
}

static void test_csv(void **state)
{
	expect_rows("", "");
	expect_rows("\n\r\n\n", "");
	expect_rows("a,b\nc,d", "1:a|b 2:c|d");
	expect_rows("\xef\xbb\xbf" "a,b\r\n\r\nc,d\r\n", "1:a|b 3:c|d");
	expect_rows("a,,\n", "1:a||");
	expect_rows("\"a,\"\"b\"\"\r\nc\",d\ne", "1:a,\"b\"\r\nc|d 3:e");
	expect_rows("\"\",\"\"\n", "1:|");
	expect_rows("a\"b,c\nd\n", "1!a quote 2:d");
	expect_rows("\"a\"b,c\nd\n", "1!somethi 2:d");
	expect_rows("d\n\"a\nb\n", "1:d 2!a quote 3:b");
	expect_rows("a\rb\nd", "1!a carri 2:d");
	expect_rows("\"a\"\rb\nd", "1!somethi 2:d");
	expect_rows("1,2,3,4,5,6,7,8,9,10\n", "1:1|2|3|4|5|6|7|8");
}

/* The answer to an import; freed by the caller. */
static json_t *import(struct fixture *f, const char *text, enum err want)
{
	json_t *request = json_pack("{s:s,s:{s:s,s:s}}", "command", "address import", "arguments", "service",
		"example.test", "file", text);
	char *line = json_dumps(request, 0);
	struct buf reply = {0};
	enum err e = directory_command(f->directory, &f->by, str_of(line), &reply);

	if (e != want)
		fail_msg("%s: %.*s", err_text(e), STR_FMT(buf_str(&reply)));
	json_t *answer = json_loadb(reply.p, reply.n, 0, NULL);
	assert_int_equal(json_is_true(json_object_get(answer, "ok")), e == OK);
	buf_done(&reply);
	free(line);
	json_decref(request);
	return answer;
}

static void import_ok(struct fixture *f, const char *text, int count)
{
	json_t *answer = import(f, text, OK);

	assert_int_equal(json_integer_value(json_object_get(answer, "count")), count);
	json_decref(answer);
}

/* All errors as "line column cause; ...". */
static void import_fails(struct fixture *f, const char *text, const char *want)
{
	json_t *answer = import(f, text, ERR_SYNTAX), *error;
	struct directory_counts before, after;
	struct buf got = {0};
	size_t i;

	directory_count(f->directory, &before);
	json_array_foreach(json_object_get(answer, "errors"), i, error)
		buf_addf(&got, "%s%lld %s: %s", i ? "; " : "", json_integer_value(json_object_get(error, "line")),
			json_string_value(json_object_get(error, "column")),
			json_string_value(json_object_get(error, "cause")));
	assert_str(buf_str(&got), want);
	directory_count(f->directory, &after);
	assert_int_equal(before.addresses, after.addresses);
	buf_done(&got);
	json_decref(answer);
}

static enum err log_in(struct fixture *f, const char *user, const char *password)
{
	struct directory_identity identity;
	int64_t delay;

	return directory_auth_plain(f->directory, str_of(user), str_of(password), &f->login, &identity, &delay);
}

static void add_account(void *ctx, const struct directory_target *target)
{
	buf_addf(ctx, "%lld ", (long long)target->account);
}

static void expect_route(struct fixture *f, const char *address, const char *want)
{
	struct buf out = {0};

	assert_ok(directory_route(f->directory, str_of(address), add_account, &out));
	assert_str(buf_str(&out), want);
	buf_done(&out);
}

static void test_import(void **state)
{
	struct fixture *f = *state;
	json_t *answer;

	fixture_address(f, "old@example.test"); /* 1 */
	answer = import(f,
		"Local Part,Password,Redirect target,keep\r\n"
		"Ann,\"pass, \"\"word\"\"\",,\r\n"       /* 2 */
		"ben, secret ,old+in@example.test,0\r\n" /* 3 */
		"cid,,ann@example.test,1\r\n"            /* 4 */
		"dan,,dan@else.test,1\n"                 /* 5 */
		"catchall,x,,0",                         /* 6 */
		OK);
	json_t *dan = json_array_get(json_object_get(answer, "addresses"), 3);
	assert_string_equal(json_string_value(json_object_get(dan, "address")), "dan@example.test");
	assert_int_equal(json_string_length(json_object_get(dan, "code")), DIRECTORY_CODE_LETTERS);
	for (int round = 0; round < 2; round++) {
		assert_ok(log_in(f, "ann@example.test", "pass, \"word\""));
		assert_ok(log_in(f, "ben@example.test", " secret "));
		assert_int_equal(log_in(f, "cid@example.test", ""), ERR_AUTH_FAILED);
		expect_route(f, "ann@example.test", "2 ");
		expect_route(f, "ben@example.test", "1 3 ");
		expect_route(f, "cid@example.test", "2 ");
		expect_route(f, "dan@example.test", "5 ");
		expect_route(f, "nobody@example.test", "6 ");
		fixture_reopen(f);
	}
	assert_ok(directory_address_delete(f->directory, &f->by, S("ann@example.test")));
	expect_route(f, "cid@example.test", "4 ");
	json_decref(answer);
}

static void test_all_errors_are_listed(void **state)
{
	struct fixture *f = *state;

	fixture_address(f, "old@example.test");
	import_fails(f, "", "1 : there is no row");
	import_fails(f, "local_part,password,target,keep\n", "1 : there is no row");
	import_fails(f,
		"ann,ok,,0\n"
		"old,x,,\n"
		"a b,\"x\ny\",nobody@example.test,2\n"
		"ann,,,1\n"
		"x,y\n"
		"b\"c,,,\n"
		"ben,,ben@EXAMPLE.test,\n"
		"cid,,not an address,\n"
		"dan,,eve@example.test,\n"
		"eve,,dan@example.test,\n"
		"a@example.test,,,\n",
		"2 local part: old@example.test exists already; "
		"3 local part: a b is not a local part that can be made; "
		"3 password: there are control characters in it; "
		"3 keep: 0 keeps a copy in the mailbox, 1 deletes it; there is nothing else; "
		"5 local part: ann stands on line 1 already; "
		"5 keep: no copy is kept and there is no redirect target: all mail would be lost; "
		"6 : there are 2 columns; a row has 4: local part, password, redirect target, 0 keep/1 delete; "
		"7 : a quote stands in a field that does not begin with one; "
		"12 local part: a@example.test is not a local part that can be made; "
		"3 redirect target: there is no address nobody@example.test; "
		"8 redirect target: ben@example.test is the address itself; "
		"9 redirect target: not an address is not an address; "
		"10 redirect target: that would be a loop: dan -> eve -> dan; "
		"11 redirect target: that would be a loop: eve -> dan -> eve");
	import_ok(f, "ann,ok,,0\n", 1);
	assert_ok(directory_offer_set(f->directory, &f->by, S("premium"), S("redirect_targets"), 0));
	assert_ok(directory_offer_set(f->directory, &f->by, S("premium"), S("catch_all"), 0));
	import_fails(f, "ben,,ann@example.test,1\ncatchall,,,\n",
		"2 local part: the offer premium has no catch-all; 1 redirect target: the offer premium has no redirect targets");
}

static void add_rows(struct buf *text, int from, int count)
{
	buf_clear(text);
	for (int i = from; i < from + count; i++)
		buf_addf(text, "n%d,,,\n", i);
	buf_addc(text, '\0');
}

static void test_limit(void **state)
{
	struct fixture *f = *state;
	const int64_t hour = 3600000;
	struct buf text = {0};

	f->by.now_ms = 100 * hour;
	add_rows(&text, 0, 51);
	import_fails(f, text.p, "51 : the service makes at most 50 addresses from files in 24 hours, and 0 are made");
	add_rows(&text, 0, 40);
	import_ok(f, text.p, 40);
	fixture_reopen(f);
	f->by.now_ms += 10 * hour;
	add_rows(&text, 40, 11);
	import_fails(f, text.p, "11 : the service makes at most 50 addresses from files in 24 hours, and 40 are made");
	add_rows(&text, 40, 10);
	import_ok(f, text.p, 10);
	add_rows(&text, 50, 1);
	import_fails(f, text.p, "1 : the service makes at most 50 addresses from files in 24 hours, and 50 are made");
	f->by.now_ms += 14 * hour;
	import_ok(f, text.p, 1);
	/* Lifted for this service, then for all. */
	assert_ok(directory_setting_set(f->directory, &f->by, DIRECTORY_OF_SERVICE, S("example.test"), S("import-limit"), S("0")));
	add_rows(&text, 100, 200);
	import_ok(f, text.p, 200);
	assert_ok(directory_setting_set(f->directory, &f->by, DIRECTORY_OF_SERVICE, S("example.test"), S("import-limit"), S("")));
	add_rows(&text, 300, 1);
	import_fails(f, text.p, "1 : the service makes at most 50 addresses from files in 24 hours, and 211 are made");
	f->options.import_per_day = 0;
	directory_set_options(f->directory, &f->options);
	import_ok(f, text.p, 1);
	assert_int_equal(directory_setting_set(f->directory, &f->by, DIRECTORY_OF_SERVICE, S("example.test"), S("import-limit"), S("x")),
		ERR_SYNTAX);
	buf_done(&text);
}

/* Between the first check and the end somebody took a name. */
static void test_taken_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct directory_job *job = NULL;
	struct buf reply = {0};

	assert_ok(directory_command_begin(f->directory, &f->by,
		S("{\"command\":\"address import\",\"arguments\":{\"service\":\"example.test\",\"file\":\"ann,x,,\\nben,y,,\"}}"),
		&reply, &job));
	assert_non_null(job);
	assert_true(directory_job_work(job));
	fixture_address(f, "ben@example.test");
	assert_true(directory_job_work(job));
	assert_false(directory_job_work(job));
	assert_int_equal(directory_command_end(f->directory, &job, &f->by, &reply), ERR_SYNTAX);
	assert_true(str_find(buf_str(&reply), S("ben@example.test exists already")) > 0);
	assert_int_equal(log_in(f, "ann@example.test", "x"), ERR_AUTH_FAILED);
	buf_done(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),
		FIXTURE_TEST(test_import),
		FIXTURE_TEST(test_all_errors_are_listed),
		FIXTURE_TEST(test_limit),
		FIXTURE_TEST(test_taken_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
