/* SPDX-License-Identifier: ISC */
/* Tokens: who they log in, until when. */
#include "directory/fixture.h"

static int64_t add_token(struct fixture *f, const char *address, int64_t seconds, bool send_only, struct buf *ret_bearer)
{
	const struct directory_token token = {.name = S("sync"), .seconds = seconds, .send_only = send_only};
	int64_t id;

	buf_clear(ret_bearer);
	assert_ok(directory_token_add(f->directory, &f->by, str_of(address), &token, &id, ret_bearer));
	return id;
}

static enum err log_in(
	struct fixture *f, const char *user, struct str token, struct directory_identity *ret_identity)
{
	int64_t delay;

	return directory_auth_bearer(f->directory, str_of(user), token, &f->login, ret_identity, &delay);
}

static void test_login(void **state)
{
	struct fixture *f = *state;
	int64_t alice = fixture_address(f, "alice@example.test");
	struct buf bearer = BUF_MAX(100), other = BUF_MAX(100);
	struct directory_identity who;

	fixture_address(f, "bob@example.test");
	assert_ok(directory_alias_add(f->directory, &f->by, S("sales@example.test"), S("alice@example.test")));
	int64_t id = add_token(f, "alice@example.test", 3600, false, &bearer);
	assert_int_equal(bearer.n, 43);
	assert_true(add_token(f, "alice@example.test", 3600, true, &other) > id);
	fixture_reopen(f);
	for (int i = 0; i < 3; i++) {
		assert_ok(log_in(f, (const char *[]){"", " Sales@example.test ", "alice@example.test"}[i], buf_str(&bearer), &who));
		assert_int_equal(who.target.account, alice);
		assert_str(who.target.address, "alice@example.test");
		assert_int_equal(who.device, id);
		assert_false(who.send_only);
	}
	assert_ok(log_in(f, "", buf_str(&other), &who));
	assert_true(who.send_only);
	assert_err(log_in(f, "bob@example.test", buf_str(&bearer), &who), ERR_AUTH_FAILED);
	assert_err(log_in(f, "nobody@example.test", buf_str(&bearer), &who), ERR_AUTH_FAILED);
	assert_err(log_in(f, "alice@example.test", str_from(buf_str(&bearer), 1), &who), ERR_AUTH_FAILED);
	assert_err(log_in(f, "", S(""), &who), ERR_AUTH_FAILED);
	assert_err(log_in(f, "", S("x"), &who), ERR_AUTH_FAILED);
	/* A token is no password. */
	int64_t delay;
	assert_err(directory_auth_plain(f->directory, S("alice@example.test"), buf_str(&bearer), &f->login, &who, &delay),
		ERR_AUTH_FAILED);
	buf_done(&bearer);
	buf_done(&other);
}

static void test_end(void **state)
{
	struct fixture *f = *state;
	struct buf bearer = BUF_MAX(100), later = BUF_MAX(100);
	struct directory_identity who;
	int64_t bound;

	fixture_address(f, "alice@example.test");
	f->by.now_ms = 1000;
	int64_t id = add_token(f, "alice@example.test", 10, false, &bearer);
	for (bound = 10999; bound <= 11001; bound++) {
		f->login.now_ms = bound;
		assert_err(log_in(f, "", buf_str(&bearer), &who), bound < 11000 ? OK : ERR_AUTH_FAILED);
	}
	f->by.now_ms = 11000;
	add_token(f, "alice@example.test", 10, false, &later);
	/* The next one sweeps it away. */
	assert_err(directory_token_revoke(f->directory, &f->by, S("alice@example.test"), id), ERR_NOT_FOUND);
	assert_ok(log_in(f, "", buf_str(&later), &who));
	assert_ok(directory_address_enable(f->directory, &f->by, S("alice@example.test"), false));
	assert_err(log_in(f, "", buf_str(&later), &who), ERR_AUTH_FAILED);
	assert_ok(directory_address_delete(f->directory, &f->by, S("alice@example.test")));
	fixture_address(f, "alice@example.test");
	assert_err(log_in(f, "", buf_str(&later), &who), ERR_AUTH_FAILED);
	assert_err(log_in(f, "alice@example.test", buf_str(&later), &who), ERR_AUTH_FAILED);
	buf_done(&bearer);
	buf_done(&later);
}

static void note_event(void *ctx, const struct directory_event *event)
{
	*(struct directory_event *)ctx = *event;
}

static void test_revoked(void **state)
{
	struct fixture *f = *state;
	struct directory_event event = {0};
	struct directory_identity who;
	struct buf bearer = BUF_MAX(100), password = BUF_MAX(100);
	struct directory_device device = {.name = S("phone")};
	int64_t alice = fixture_address(f, "alice@example.test"), id_device;

	fixture_address(f, "bob@example.test");
	assert_ok(directory_device_add(f->directory, &f->by, S("alice@example.test"), &device, &id_device, &password));
	int64_t id = add_token(f, "alice@example.test", 3600, false, &bearer);
	assert_int_not_equal(id, id_device);
	assert_ok(log_in(f, "", buf_str(&bearer), &who));
	directory_listen(f->directory, note_event, &event);
	assert_err(directory_token_revoke(f->directory, &f->by, S("bob@example.test"), id), ERR_NOT_FOUND);
	assert_err(directory_token_revoke(f->directory, &f->by, S("alice@example.test"), id_device), ERR_NOT_FOUND);
	assert_err(directory_device_revoke(f->directory, &f->by, S("alice@example.test"), id), ERR_NOT_FOUND);
	assert_int_equal(event.account, 0);
	assert_ok(directory_token_revoke(f->directory, &f->by, S("alice@example.test"), id));
	assert_int_equal(event.what, DIRECTORY_DEVICE_REVOKED);
	assert_int_equal(event.account, alice);
	assert_int_equal(event.device, id);
	assert_err(log_in(f, "", buf_str(&bearer), &who), ERR_AUTH_FAILED);
	buf_done(&bearer);
	buf_done(&password);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct directory_token token = {.name = S("sync"), .seconds = 0};
	struct buf bearer = BUF_MAX(100);
	int64_t id;

	fixture_address(f, "alice@example.test");
	assert_ok(directory_alias_add(f->directory, &f->by, S("sales@example.test"), S("alice@example.test")));
	for (int i = 0; i < 3; i++) {
		token.seconds = (const int64_t[]){0, -1, DIRECTORY_TOKEN_SECONDS_MAX + 1}[i];
		assert_err(directory_token_add(f->directory, &f->by, S("alice@example.test"), &token, &id, &bearer), ERR_SYNTAX);
	}
	token.seconds = DIRECTORY_TOKEN_SECONDS_MAX;
	assert_err(directory_token_add(f->directory, &f->by, S("sales@example.test"), &token, &id, &bearer), ERR_CANNOT);
	assert_err(directory_token_add(f->directory, &f->by, S("carol@example.test"), &token, &id, &bearer), ERR_NOT_FOUND);
	for (int i = 0; i < 100; i++)
		add_token(f, "alice@example.test", DIRECTORY_TOKEN_SECONDS_MAX, false, &bearer);
	assert_err(directory_token_add(f->directory, &f->by, S("alice@example.test"), &token, &id, &bearer), ERR_LIMIT);
	token.name = S("");
	assert_err(directory_token_add(f->directory, &f->by, S("alice@example.test"), &token, &id, &bearer), ERR_SYNTAX);
	buf_done(&bearer);
}

/* Failures lock as wrong passwords do, for the owner when nobody is named. */
static void test_locks(void **state)
{
	struct fixture *f = *state;
	struct directory_identity who;
	struct buf bearer = BUF_MAX(100);
	enum err e = OK;

	fixture_address(f, "alice@example.test");
	add_token(f, "alice@example.test", 3600, false, &bearer);
	for (int i = 0; i < 20 && e != ERR_AUTH_LOCKED; i++) {
		char wrong[20];

		snprintf(wrong, sizeof(wrong), "wrong%d", i);
		e = log_in(f, "alice@example.test", str_of(wrong), &who);
		assert_true(e == ERR_AUTH_FAILED || e == ERR_AUTH_LOCKED);
	}
	assert_int_equal(e, ERR_AUTH_LOCKED);
	assert_err(log_in(f, "alice@example.test", buf_str(&bearer), &who), ERR_AUTH_LOCKED);
	assert_err(log_in(f, "", buf_str(&bearer), &who), ERR_AUTH_LOCKED);
	assert_err(log_in(f, "", S("another"), &who), ERR_AUTH_FAILED);
	buf_done(&bearer);
}

static void run(struct fixture *f, const char *request, const char *want)
{
	struct buf reply = {0};

	enum err e = directory_command(f->directory, &f->by, str_of(request), &reply);
	if (str_find(buf_str(&reply), str_of(want)) < 0)
		fail_msg("%s: %.*s (%s)", request, STR_FMT(buf_str(&reply)), err_name(e));
	buf_done(&reply);
}

static void test_commands(void **state)
{
	struct fixture *f = *state;
	struct directory_identity who;
	struct buf bearer = BUF_MAX(100);
	char text[200];

	fixture_address(f, "alice@example.test");
	run(f, "{\"command\":\"token add\",\"arguments\":{\"address\":\"alice@example.test\",\"name\":\"a\"}}",
		"\"expires\":\"1970-01-01T01:00:01");
	run(f, "{\"command\":\"token add\",\"arguments\":{\"address\":\"alice@example.test\",\"name\":\"a\",\"expires\":0}}",
		"ERR_SYNTAX");
	int64_t id = add_token(f, "alice@example.test", 1, true, &bearer);
	assert_err(log_in(f, "", buf_str(&bearer), &who), ERR_AUTH_FAILED);
	f->login.now_ms = 1500;
	assert_ok(log_in(f, "", buf_str(&bearer), &who));
	run(f, "{\"command\":\"token list\",\"arguments\":{\"address\":\"alice@example.test\"}}", "\"expired\":false");
	f->by.now_ms = 5000;
	run(f, "{\"command\":\"token list\",\"arguments\":{\"address\":\"alice@example.test\"}}",
		"\"expired\":true,\"last_used\":\"1970-01-01T00:00:01.500Z\",\"last_ip\":\"127.0.0.1\"");
	snprintf(text, sizeof(text),
		"{\"command\":\"token revoke\",\"arguments\":{\"address\":\"alice@example.test\",\"token\":%lld}}", (long long)id);
	run(f, text, "\"ok\":true");
	run(f, text, "the address has no token");
	run(f, "{\"command\":\"audit list\",\"arguments\":{\"organisation\":\"Example\"}}", "token revoke");
	buf_done(&bearer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {FIXTURE_TEST(test_login), FIXTURE_TEST(test_end), FIXTURE_TEST(test_revoked),
		FIXTURE_TEST(test_refused), FIXTURE_TEST(test_locks), FIXTURE_TEST(test_commands)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
