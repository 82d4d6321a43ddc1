/* SPDX-License-Identifier: ISC */
/* Logins and their limits. */
#include "directory/fixture.h"

#include "base/time.h"
#include "directory/verdicts.h"

static int64_t add_device(
	struct fixture *f, const char *address, const char *password, struct buf *ret_password)
{
	struct directory_device device = {
		.name = S("phone"), .icon = S("mobile"), .password = str_of(password)};
	int64_t id;

	buf_clear(ret_password);
	assert_ok(directory_device_add(
		f->directory, &f->by, str_of(address), &device, &id, ret_password));
	return id;
}

static enum err log_in(struct fixture *f, const char *user, struct str password)
{
	struct directory_identity identity;
	int64_t delay;

	return directory_auth_plain(
		f->directory, str_of(user), password, &f->login, &identity, &delay);
}

static void test_generated(void **state)
{
	struct fixture *f = *state;
	int64_t alice = fixture_address(f, "alice@example.test"),
		bob = fixture_address(f, "bob@example.test"), delay;
	struct buf first = BUF_MAX(100), second = BUF_MAX(100);
	struct directory_identity identity;
	int64_t one = add_device(f, "alice@example.test", "", &first);
	int64_t two = add_device(f, "alice@example.test", "", &second);

	assert_int_equal(first.n, 23);
	assert_int_not_equal(one, two);
	fixture_reopen(f);
	assert_ok(directory_auth_plain(f->directory, S(" Alice@EXAMPLE.test\r\n"),
		buf_str(&first), &f->login, &identity, &delay));
	assert_int_equal(identity.device, one);
	assert_int_equal(identity.target.account, alice);
	assert_str(identity.target.address, "alice@example.test");
	assert_int_equal(delay, 0);
	assert_ok(directory_auth_plain(f->directory, S("alice@example.test"), buf_str(&second),
		&f->login, &identity, &delay));
	assert_int_equal(identity.device, two);
	/* As typed on a printer: capitals, blanks for hyphens. */
	for (size_t i = 0; i < first.n; i++)
		first.p[i] = first.p[i] == '-' ? ' ' : ascii_upper(first.p[i]);
	assert_ok(log_in(f, "alice@example.test", buf_str(&first)));

	assert_err(log_in(f, "bob@example.test", buf_str(&first)), ERR_AUTH_FAILED);
	assert_err(log_in(f, "alice@example.test", str_from(buf_str(&first), 1)),
		ERR_AUTH_FAILED);
	assert_err(log_in(f, "alice@example.test", STR_NONE), ERR_AUTH_FAILED);
	assert_err(log_in(f, "alice+x@example.test", buf_str(&first)), ERR_AUTH_FAILED);
	assert_err(log_in(f, "alice", buf_str(&first)), ERR_AUTH_FAILED);
	assert_err(log_in(f, "", buf_str(&first)), ERR_AUTH_FAILED);
	assert_int_equal(bob, alice + 1);
	buf_done(&first);
	buf_done(&second);
}

static void note_event(void *ctx, const struct directory_event *event)
{
	*(struct directory_event *)ctx = *event;
}

static void test_revoked(void **state)
{
	struct fixture *f = *state;
	struct buf kept = BUF_MAX(100), revoked = BUF_MAX(100), chosen = BUF_MAX(100);
	struct directory_event event = {0};

	fixture_address(f, "alice@example.test");
	add_device(f, "alice@example.test", "", &kept);
	int64_t id = add_device(f, "alice@example.test", "", &revoked);
	int64_t id_chosen = add_device(f, "alice@example.test", "sesame", &chosen);
	assert_ok(log_in(f, "alice@example.test", buf_str(&revoked)));
	assert_ok(log_in(f, "alice@example.test", S("sesame")));
	directory_listen(f->directory, note_event, &event);
	assert_ok(directory_device_revoke(f->directory, &f->by, S("alice@example.test"), id));
	assert_int_equal(event.what, DIRECTORY_DEVICE_REVOKED);
	assert_int_equal(event.device, id);
	/* A success that is remembered is worth nothing without its device. */
	assert_ok(directory_device_revoke(
		f->directory, &f->by, S("alice@example.test"), id_chosen));
	assert_err(directory_device_revoke(f->directory, &f->by, S("alice@example.test"), id),
		ERR_NOT_FOUND);
	for (int opened = 0; opened < 2; opened++) {
		assert_err(
			log_in(f, "alice@example.test", buf_str(&revoked)), ERR_AUTH_FAILED);
		assert_err(log_in(f, "alice@example.test", S("sesame")), ERR_AUTH_FAILED);
		assert_ok(log_in(f, "alice@example.test", buf_str(&kept)));
		fixture_reopen(f);
	}
	buf_done(&kept);
	buf_done(&revoked);
	buf_done(&chosen);
}

static void test_not_for_all(void **state)
{
	struct fixture *f = *state;
	struct directory_device device = {.name = S("printer"), .send_only = true};
	struct directory_identity identity;
	struct buf password = BUF_MAX(100);
	int64_t id, delay;

	fixture_address(f, "alice@example.test");
	assert_ok(directory_alias_add(
		f->directory, &f->by, S("sales@example.test"), S("alice@example.test")));
	assert_ok(directory_device_add(
		f->directory, &f->by, S("alice@example.test"), &device, &id, &password));
	assert_ok(directory_auth_plain(f->directory, S("sales@example.test"),
		buf_str(&password), &f->login, &identity, &delay));
	assert_true(identity.send_only);
	assert_str(identity.target.address, "alice@example.test");
	assert_err(directory_device_add(f->directory, &f->by, S("sales@example.test"), &device,
			   &id, &password),
		ERR_CANNOT);
	device.name = S("");
	assert_err(directory_device_add(f->directory, &f->by, S("alice@example.test"), &device,
			   &id, &password),
		ERR_SYNTAX);
	assert_ok(directory_address_enable(
		f->directory, &f->by, S("alice@example.test"), false));
	assert_err(log_in(f, "alice@example.test", buf_str(&password)), ERR_AUTH_FAILED);
	assert_ok(
		directory_address_enable(f->directory, &f->by, S("alice@example.test"), true));
	assert_ok(log_in(f, "alice@example.test", buf_str(&password)));
	assert_ok(directory_address_delete(f->directory, &f->by, S("alice@example.test")));
	assert_err(log_in(f, "alice@example.test", buf_str(&password)), ERR_AUTH_FAILED);
	/* Made again, it has no password. */
	fixture_address(f, "alice@example.test");
	assert_err(log_in(f, "alice@example.test", buf_str(&password)), ERR_AUTH_FAILED);
	buf_done(&password);
}

/* The first login computes argon2id, right or wrong; the next ones do not, nor those of others
 * with that verifier. */
static void test_chosen(void **state)
{
	struct fixture *f = *state;
	struct directory_auth_job *job;
	struct directory_identity identity;
	int64_t delay;

	assert_ok(directory_bulk_add(
		f->directory, &f->by, 3, 1, S("user%@example.test"), S("sesame open")));
	assert_ok(directory_auth_begin(f->directory, S("user1@example.test"), S("sesame open"),
		&f->login, &identity, &delay, &job));
	assert_non_null(job);
	directory_auth_work(job);
	assert_ok(directory_auth_end(f->directory, &job, 6000, &identity, &delay));
	assert_null(job);
	assert_str(identity.target.address, "user1@example.test");
	for (int i = 1; i <= 3; i++) {
		char user[40];
		snprintf(user, sizeof(user), "USER%d@example.test", i);
		assert_ok(directory_auth_begin(f->directory, str_of(user), S("sesame open"),
			&f->login, &identity, &delay, &job));
		assert_null(job);
		assert_int_equal(identity.target.account, i);
	}
	for (int i = 0; i < 2; i++) {
		enum err e = directory_auth_begin(f->directory, S("user2@example.test"),
			S("Sesame open"), &f->login, &identity, &delay, &job);
		assert_int_equal(job != NULL, i == 0);
		if (job != NULL) {
			directory_auth_work(job);
			e = directory_auth_end(f->directory, &job, 6000, &identity, &delay);
		}
		assert_err(e, ERR_AUTH_FAILED);
		assert_true(delay > 0);
	}
}

/* Nobody learns from the way it goes whether there is such a user. */
static void test_unknown_user(void **state)
{
	struct fixture *f = *state;
	struct directory_auth_job *job;
	struct directory_identity identity;
	int64_t delay;

	f->options.auth_delay = 60000;
	f->options.auth_delay_max = 100000;
	directory_set_options(f->directory, &f->options);
	assert_ok(directory_bulk_add(
		f->directory, &f->by, 20, 1, S("user%@example.test"), S("sesame")));
	for (int i = 0; i < 40; i++) {
		char user[40];
		snprintf(user, sizeof(user),
			i % 2 ? "user%d@example.test" : "nobody%d@example.test", i / 2 + 1);
		enum err e = directory_auth_begin(f->directory, str_of(user), S("guess"),
			&f->login, &identity, &delay, &job);
		/* Those of the bulk share one verifier, so only the first known one computes;
		 * the unknown ones each. */
		assert_int_equal(job != NULL, i % 2 == 0 || i == 1);
		if (job != NULL) {
			directory_auth_work(job);
			e = directory_auth_end(f->directory, &job, 6000, &identity, &delay);
		}
		assert_err(e, ERR_AUTH_FAILED);
		assert_true(delay > 50000 && delay <= 60000);
	}
}

static enum err guess(struct fixture *f, const char *user, const char *ip, int number,
	int64_t at, int64_t *ret_delay)
{
	struct directory_identity identity;
	char password[20];

	snprintf(password, sizeof(password), "guess%d", number);
	f->login.ip = str_of(ip);
	f->login.now_ms = at;
	return directory_auth_plain(
		f->directory, str_of(user), str_of(password), &f->login, &identity, ret_delay);
}

static void set_limits(struct fixture *f, uint32_t pair, uint32_t account, uint32_t network)
{
	f->options.auth_pair_failures = pair;
	f->options.auth_account_failures = account;
	f->options.auth_network_failures = network;
	directory_set_options(f->directory, &f->options);
}

static void test_lock_of_pair(void **state)
{
	struct fixture *f = *state;
	struct buf password = BUF_MAX(100);
	int64_t delay, last = 0;

	fixture_address(f, "alice@example.test");
	add_device(f, "alice@example.test", "", &password);
	set_limits(f, 4, 1000, 1000);
	for (int i = 0; i < 4; i++) {
		/* One network in two spellings. */
		assert_err(guess(f, i % 2 ? "ALICE@example.test" : "alice@example.test",
				   i % 2 ? "::ffff:192.0.2.9" : "192.0.2.1", i, 10000, &delay),
			ERR_AUTH_FAILED);
		assert_true(delay > last);
		last = delay;
	}
	f->login.ip = S("192.0.2.77");
	assert_err(log_in(f, "alice@example.test", buf_str(&password)), ERR_AUTH_LOCKED);
	f->login.ip = S("198.51.100.1");
	assert_ok(log_in(f, "alice@example.test", buf_str(&password)));
	f->login.ip = S("192.0.2.77");
	f->login.now_ms = 10000 + f->options.auth_lock - 1;
	assert_err(log_in(f, "alice@example.test", buf_str(&password)), ERR_AUTH_LOCKED);
	f->login.now_ms++;
	assert_ok(log_in(f, "alice@example.test", buf_str(&password)));
	buf_done(&password);
}

/* A telephone that was not told the new password tries the old one for ever. */
static void test_same_wrong_password(void **state)
{
	struct fixture *f = *state;
	struct buf password = BUF_MAX(100);
	int64_t delay;

	fixture_address(f, "alice@example.test");
	add_device(f, "alice@example.test", "", &password);
	set_limits(f, 3, 1000, 1000);
	for (int i = 0; i < 50; i++)
		assert_err(guess(f, "alice@example.test", "192.0.2.1", 7, 10000 + i, &delay),
			ERR_AUTH_FAILED);
	assert_ok(log_in(f, "alice@example.test", buf_str(&password)));
	buf_done(&password);
}

/* Guesses from everywhere, or at everyone, do not lock out who was right before. */
static void test_lock_of_account_and_network(void **state)
{
	struct fixture *f = *state;
	struct buf alice = BUF_MAX(100), bob = BUF_MAX(100);
	int64_t delay;
	char text[40];

	fixture_address(f, "alice@example.test");
	fixture_address(f, "bob@example.test");
	add_device(f, "alice@example.test", "", &alice);
	add_device(f, "bob@example.test", "", &bob);
	set_limits(f, 10, 20, 30);
	f->login.ip = S("192.0.2.1");
	assert_ok(log_in(f, "alice@example.test", buf_str(&alice)));
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "2001:db8:0:%x::1", i);
		assert_err(guess(f, "alice@example.test", text, i, 10000, &delay),
			ERR_AUTH_FAILED);
	}
	assert_err(guess(f, "alice@example.test", "2001:db8:0:99::1", 99, 10000, &delay),
		ERR_AUTH_LOCKED);
	f->login.ip = S("192.0.2.200");
	assert_ok(log_in(f, "alice@example.test", buf_str(&alice)));

	for (int i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "nobody%d@example.test", i);
		assert_err(guess(f, text, "192.0.2.1", i, 10000, &delay), ERR_AUTH_FAILED);
	}
	assert_err(log_in(f, "bob@example.test", buf_str(&bob)), ERR_AUTH_LOCKED);
	assert_ok(log_in(f, "alice@example.test", buf_str(&alice)));
	f->login.ip = S("192.0.3.1");
	assert_ok(log_in(f, "bob@example.test", buf_str(&bob)));
	buf_done(&alice);
	buf_done(&bob);
}

static bool shows(struct fixture *f, const char *want)
{
	struct buf reply = {0};

	assert_ok(directory_command(f->directory, &f->by,
		S("{\"command\":\"device "
		  "list\",\"arguments\":{\"address\":\"alice@example.test\"}}"),
		&reply));
	bool found = str_find(buf_str(&reply), str_of(want)) >= 0;
	buf_done(&reply);
	return found;
}

static void test_last_use(void **state)
{
	struct fixture *f = *state;
	struct buf password = BUF_MAX(100);

	fixture_address(f, "alice@example.test");
	add_device(f, "alice@example.test", "", &password);
	assert_false(shows(f, "last_used"));
	f->login.ip = S("192.0.2.5");
	assert_ok(log_in(f, "alice@example.test", buf_str(&password)));
	assert_true(shows(
		f, "\"last_used\":\"1970-01-01T00:00:05.000Z\",\"last_ip\":\"192.0.2.5\""));
	f->login.now_ms = 7000;
	assert_ok(log_in(f, "alice@example.test", buf_str(&password)));
	assert_ok(directory_tick(f->directory, 7000));
	fixture_reopen(f);
	assert_true(shows(f, "00:00:07"));
	/* What is not due yet is written at the end. */
	f->login.now_ms = 9000;
	assert_ok(log_in(f, "alice@example.test", buf_str(&password)));
	fixture_reopen(f);
	assert_true(shows(f, "00:00:09"));
	buf_done(&password);
}

static void test_many_devices(void **state)
{
	struct fixture *f = *state;
	struct directory_device device = {.name = S("phone")};
	struct buf password = BUF_MAX(100), last = BUF_MAX(100);
	int64_t id;

	f->options.scram_iterations = 1;
	directory_set_options(f->directory, &f->options);
	fixture_address(f, "alice@example.test");
	for (int i = 0; i < 100; i++)
		add_device(f, "alice@example.test", i == 50 ? "sesame" : "", &last);
	assert_err(directory_device_add(f->directory, &f->by, S("alice@example.test"), &device,
			   &id, &password),
		ERR_LIMIT);
	assert_ok(log_in(f, "alice@example.test", buf_str(&last)));
	assert_ok(log_in(f, "alice@example.test", S("sesame")));
	buf_done(&password);
	buf_done(&last);
}

static void test_verdicts(void **state)
{
	struct directory_verdicts *verdicts = directory_verdicts_new();
	char password[20];

	assert_int_equal(
		directory_verdicts_get(verdicts, "v", S("p")), DIRECTORY_VERDICT_UNKNOWN);
	directory_verdicts_put(verdicts, "v", S("p"), true);
	directory_verdicts_put(verdicts, "v", S("q"), false);
	assert_int_equal(
		directory_verdicts_get(verdicts, "v", S("p")), DIRECTORY_VERDICT_RIGHT);
	assert_int_equal(
		directory_verdicts_get(verdicts, "v", S("q")), DIRECTORY_VERDICT_WRONG);
	assert_int_equal(
		directory_verdicts_get(verdicts, "w", S("p")), DIRECTORY_VERDICT_UNKNOWN);
	assert_int_equal(
		directory_verdicts_get(verdicts, "", S("vp")), DIRECTORY_VERDICT_UNKNOWN);
	/* Guesses push out guesses, never what is right. */
	for (int i = 0; i < 20000; i++) {
		snprintf(password, sizeof(password), "g%d", i);
		directory_verdicts_put(verdicts, "v", str_of(password), false);
	}
	assert_int_equal(
		directory_verdicts_get(verdicts, "v", S("p")), DIRECTORY_VERDICT_RIGHT);
	directory_verdicts_free(&verdicts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_generated),
		FIXTURE_TEST(test_revoked),
		FIXTURE_TEST(test_not_for_all),
		FIXTURE_TEST(test_chosen),
		FIXTURE_TEST(test_unknown_user),
		FIXTURE_TEST(test_lock_of_pair),
		FIXTURE_TEST(test_same_wrong_password),
		FIXTURE_TEST(test_lock_of_account_and_network),
		FIXTURE_TEST(test_last_use),
		FIXTURE_TEST(test_many_devices),
		cmocka_unit_test(test_verdicts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
