/* SPDX-License-Identifier: ISC */
/* The control socket's requests, every command of the table. */
#include "directory/fixture.h"

#include <jansson.h>

/* Sends a request and checks the error and that the reply has text in it. */
static void ask(struct fixture *f, const char *request, enum err want, const char *text)
{
	struct buf reply = {0};
	enum err e = directory_command(f->directory, &f->by, str_of(request), &reply);
	json_t *json = json_loadb(reply.p, reply.n, JSON_REJECT_DUPLICATES, NULL);

	if (e != want || str_find(buf_str(&reply), str_of(text)) < 0)
		fail_msg("%s: %s: %.*s", request, err_text(e), STR_FMT(buf_str(&reply)));
	assert_non_null(json);
	assert_int_equal(json_is_true(json_object_get(json, "ok")), e == OK);
	if (e != OK) {
		assert_string_equal(
			json_string_value(json_object_get(json, "error")), err_name(e));
		assert_true(json_string_length(json_object_get(json, "message")) > 0);
	}
	json_decref(json);
	buf_done(&reply);
}

/* NAME(ARGUMENTS) as a request. */
static void run(struct fixture *f, const char *name, const char *arguments, enum err want,
	const char *text)
{
	char request[1000];

	snprintf(request, sizeof(request), "{\"command\":\"%s\",\"arguments\":{%s}}", name,
		arguments);
	ask(f, request, want, text);
}

static void test_envelope(void **state)
{
	struct fixture *f = *state;

	ask(f, "", ERR_SYNTAX, "the request is not JSON");
	ask(f, "[]", ERR_SYNTAX, "a request is");
	ask(f, "{\"command\":1}", ERR_SYNTAX, "a request is");
	ask(f, "{\"command\":\"offer list\"} {}", ERR_SYNTAX, "not JSON");
	ask(f, "{\"command\":\"offer list\",\"command\":\"offer list\"}", ERR_SYNTAX,
		"not JSON");
	ask(f, "{\"command\":\"offer list\",\"arguments\":[]}", ERR_SYNTAX, "a request is");
	ask(f, "{\"command\":\"offer list\",\"more\":1}", ERR_SYNTAX, "a request is");
	ask(f, "{\"command\":\"offer list\"}", OK, "\"name\":\"premium\"");
	ask(f, "{\"command\":\"offer burn\"}", ERR_UNKNOWN_COMMAND,
		"there is no command offer burn");
	run(f, "offer list", "\"x\":1", ERR_SYNTAX, "offer list has no argument x");
	run(f, "address add", "", ERR_SYNTAX, "address add needs address");
	run(f, "address add", "\"address\":7", ERR_SYNTAX, "address of address add is a text");
	run(f, "address add", "\"address\":\"a\\u0000b@example.test\"", ERR_SYNTAX,
		"not JSON");
	run(f, "device add", "\"address\":\"a@example.test\",\"name\":\"x\",\"send-only\":1",
		ERR_SYNTAX, "true or false");
	run(f, "address list", "\"service\":\"example.test\",\"limit\":\"1\"", ERR_SYNTAX,
		"a whole number");
}

static void test_services(void **state)
{
	struct fixture *f = *state;

	run(f, "organisation add", "\"name\":\"Ex\xc3\xa4mple\"", OK, "\"organisation\":2");
	run(f, "organisation add", "\"name\":\"Example\"", ERR_EXISTS,
		"organisation Example exists already");
	run(f, "organisation add", "\"name\":\"\"", ERR_SYNTAX,
		"the name of an organisation is");
	run(f, "organisation add", "\"name\":\"a\\nb\"", ERR_SYNTAX, "control characters");
	run(f, "organisation list", "", OK, "{\"organisation\":2,\"name\":\"Ex\xc3\xa4mple\"");
	run(f, "organisation list", "\"after\":1,\"limit\":1", OK, "[{\"organisation\":2");
	run(f, "service add",
		"\"domain\":\"two.test\",\"organisation\":\"Ex\xc3\xa4mple\",\"offer\":"
		"\"starter\"",
		OK, "\"service\":2");
	run(f, "service add", "\"domain\":\"two.test\",\"organisation\":\"Example\"",
		ERR_EXISTS, "two.test exists");
	run(f, "service add", "\"domain\":\"3.test\",\"organisation\":\"None\"", ERR_NOT_FOUND,
		"no organisation None");
	run(f, "service list", "\"organisation\":\"Ex\xc3\xa4mple\"", OK,
		"[{\"service\":2,\"organisation\":2,\"domain\":\"two.test\",\"offer\":"
		"\"starter\"");
	run(f, "service list", "\"limit\":1", OK, "\"domain\":\"example.test\"");
	run(f, "domain add",
		"\"service\":\"two.test\",\"domain\":\"b\xc3\xbc"
		"cher.test\"",
		OK, "ok");
	run(f, "domain list", "\"service\":\"two.test\"", OK,
		"{\"domain\":\"xn--bcher-kva.test\",\"main\":false");
	run(f, "service set", "\"service\":\"two.test\",\"name\":\"import-limit\",\"value\":\"7\"", OK, "ok");
	run(f, "service show", "\"service\":\"two.test\"", OK,
		"\"mailboxes\":0,\"aliases\":0,\"redirect_only\":0,\"domains\":[{\"domain\":\"two.test\"");
	run(f, "service show", "\"service\":\"two.test\"", OK, "\"settings\":{\"import-limit\":\"7\"}");
	run(f, "domain delete", "\"domain\":\"two.test\"", ERR_CANNOT,
		"two.test is the main domain of its service");
	run(f, "domain delete", "\"domain\":\"xn--bcher-kva.test\"", OK, "ok");
	run(f, "domain delete", "\"domain\":\"xn--bcher-kva.test\"", ERR_NOT_FOUND,
		"not served here");
}

static void test_addresses(void **state)
{
	struct fixture *f = *state;

	run(f, "address add", "\"address\":\"alice@example.test\"", OK,
		"\"account\":1,\"shard\":1");
	run(f, "address add", "\"address\":\"alice@example.test\"", ERR_EXISTS,
		"\"message\":\"address alice@example.test exists already\"");
	run(f, "alias add",
		"\"alias\":\"sales@example.test\",\"address\":\"alice@example.test\"", OK,
		"ok");
	run(f, "address quota", "\"address\":\"alice@example.test\",\"bytes\":123456", OK,
		"ok");
	run(f, "address disable", "\"address\":\"alice@example.test\"", OK, "ok");
	run(f, "address show", "\"address\":\"alice@example.test\"", OK,
		"\"kind\":\"real\",\"enabled\":false,\"shard\":1,\"quota_bytes\":123456");
	run(f, "address enable", "\"address\":\"alice@example.test\"", OK, "ok");
	run(f, "address show", "\"address\":\"alice@example.test\"", OK,
		"\"aliases\":[{\"address\":\"sales@example.test\"}],\"devices\":[]");
	run(f, "address show", "\"address\":\"sales@example.test\"", OK,
		"\"kind\":\"alias\",\"enabled\":true,\"target\":1");
	run(f, "address bulk",
		"\"count\":3,\"pattern\":\"user%@example.test\",\"password\":\"sesame\"", OK,
		"\"count\":3");
	run(f, "address bulk",
		"\"count\":3,\"first\":3,\"pattern\":\"user%@example.test\",\"password\":"
		"\"sesame\"",
		ERR_EXISTS, "address user3@example.test exists already");
	run(f, "address bulk",
		"\"count\":3,\"pattern\":\"user@example.test\",\"password\":\"sesame\"",
		ERR_BAD_ADDRESS, "pattern");
	run(f, "address bulk",
		"\"count\":-3,\"pattern\":\"u%@example.test\",\"password\":\"x\"", ERR_SYNTAX,
		"from 0");
	run(f, "address list", "\"service\":\"example.test\",\"limit\":2", OK,
		"[{\"address\":\"alice@example.test\",\"account\":1,");
	run(f, "address list", "\"service\":\"example.test\",\"after\":\"user2\"", OK,
		"[{\"address\":\"user3@example.test\"");
	run(f, "alias delete", "\"alias\":\"alice@example.test\"", ERR_CANNOT,
		"alice@example.test is no alias");
	run(f, "alias delete", "\"alias\":\"sales@example.test\"", OK, "ok");
	run(f, "address delete", "\"address\":\"alice@example.test\"", OK, "ok");
	run(f, "address delete", "\"address\":\"alice@example.test\"", ERR_NOT_FOUND,
		"there is no address alice");
	run(f, "address delete", "\"address\":\"alice\"", ERR_BAD_ADDRESS,
		"alice is not an address");
}

static void test_devices_and_audit(void **state)
{
	struct fixture *f = *state;

	run(f, "address add", "\"address\":\"alice@example.test\"", OK, "");
	run(f, "device add",
		"\"address\":\"alice@example.test\",\"name\":\"phone\",\"icon\":\"mobile\"",
		OK, "\"device\":1,\"password\":\"");
	run(f, "device add",
		"\"address\":\"alice@example.test\",\"name\":\"lamp\",\"password\":\"sesame\","
		"\"send-only\":true",
		OK, "\"device\":2,\"password\":\"sesame\"");
	run(f, "device list", "\"address\":\"alice@example.test\"", OK,
		"[{\"device\":1,\"name\":\"phone\",\"icon\":\"mobile\",\"send_only\":false,"
		"\"generated\":true,"
		"\"created\":\"1970-01-01T00:00:01.000Z\"},{\"device\":2,\"name\":\"lamp\","
		"\"icon\":\"\",\"send_only\":true,"
		"\"generated\":false");
	run(f, "device revoke", "\"address\":\"alice@example.test\",\"device\":2", OK, "ok");
	run(f, "device revoke", "\"address\":\"alice@example.test\",\"device\":2",
		ERR_NOT_FOUND, "has no device 2");
	run(f, "audit list", "\"organisation\":\"Example\",\"limit\":1", OK,
		"{\"ok\":true,\"entries\":[{\"number\":6,\"at\":\"1970-01-01T00:00:01.000Z\","
		"\"actor\":\"test\","
		"\"action\":\"device "
		"revoke\",\"subject\":\"alice@example.test\",\"before\":{\"device\":2,"
		"\"name\":\"lamp\","
		"\"send_only\":true}}]}");
	run(f, "address quota", "\"address\":\"alice@example.test\",\"bytes\":5", OK, "");
	run(f, "audit list", "\"organisation\":\"Example\"", OK,
		"\"before\":{\"quota_bytes\":null},\"after\":{\"quota_bytes\":5}");
	run(f, "audit list", "\"organisation\":\"Example\",\"before\":2", OK,
		"\"action\":\"organisation add\"");
	run(f, "audit list", "\"organisation\":\"None\"", ERR_NOT_FOUND,
		"no organisation None");
}

/* What the command line derives from the table must hold for every row. */
static void test_table(void **state)
{
	size_t count;
	const struct directory_command_row *rows = directory_commands(&count);

	assert_true(count >= 20);
	for (size_t i = 0; i < count; i++) {
		bool optional = false;

		assert_true(strchr(rows[i].name, ' ') != NULL &&
			    rows[i].help[strlen(rows[i].help) - 1] == '.');
		for (size_t j = 0; j < rows[i].argument_count; j++) {
			const struct directory_argument *arg = &rows[i].arguments[j];

			assert_true(strlen(arg->name) > 0 && strlen(arg->help) > 0);
			/* Positional ones come first and are required, flags are not. */
			assert_false(optional && (arg->flags & DIRECTORY_POSITIONAL));
			assert_true(!(arg->flags & DIRECTORY_POSITIONAL) ||
				    (arg->flags & DIRECTORY_REQUIRED));
			assert_false(arg->type == DIRECTORY_ARG_FLAG &&
				     (arg->flags & DIRECTORY_REQUIRED));
			optional |= !(arg->flags & DIRECTORY_POSITIONAL);
		}
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(rows[i].name, rows[j].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_envelope),
		FIXTURE_TEST(test_services),
		FIXTURE_TEST(test_addresses),
		FIXTURE_TEST(test_devices_and_audit),
		cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
