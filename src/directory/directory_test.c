/* SPDX-License-Identifier: ISC */
/* Addresses and look-ups. */
#include "directory/fixture.h"

static enum err look_up(
	struct fixture *f, const char *address, struct directory_target *ret_target)
{
	return directory_lookup(f->directory, str_of(address), DIRECTORY_FOR_RCPT, ret_target);
}

/* The account that gets mail for address. */
static int64_t receives(struct fixture *f, const char *address)
{
	struct directory_target target;
	enum err e = look_up(f, address, &target);

	if (e != OK)
		fail_msg("%s: %s", address, err_text(e));
	return target.account;
}

static void test_lookup(void **state)
{
	struct fixture *f = *state;
	int64_t alice = fixture_address(f, "alice@example.test"),
		bob = fixture_address(f, "Bob@Example.TEST");
	struct directory_target target;

	for (int opened = 0; opened < 2; opened++) {
		assert_int_equal(receives(f, "alice@example.test"), alice);
		assert_int_equal(receives(f, "ALICE@EXAMPLE.TEST"), alice);
		assert_int_equal(receives(f, "\"alice\"@example.test"), alice);
		assert_int_equal(receives(f, "\"a\\lice\"@example.test"), alice);
		assert_ok(look_up(f, "bOB@example.test", &target));
		assert_int_equal(target.account, bob);
		assert_str(target.address, "bob@example.test");
		assert_str(target.detail, "");
		assert_int_equal(target.shard, bob % 2);
		assert_int_equal(target.kind, DIRECTORY_REAL);
		assert_int_equal(target.quota_bytes, 0);
		assert_int_equal(target.message_bytes, 210763776);
		assert_true(target.send_allowed);
		assert_err(look_up(f, "carol@example.test", &target), ERR_UNKNOWN_USER);
		assert_err(look_up(f, "alice@elsewhere.test", &target), ERR_RELAY_DENIED);
		assert_err(look_up(f, "alice@[127.0.0.1]", &target), ERR_RELAY_DENIED);
		assert_err(look_up(f, "alice@sub.example.test", &target), ERR_RELAY_DENIED);
		assert_ok(directory_lookup_account(f->directory, alice, &target));
		assert_str(target.address, "alice@example.test");
		assert_err(directory_lookup_account(f->directory, 4711, &target),
			ERR_UNKNOWN_USER);
		assert_true(directory_has_domain(f->directory, S("Example.test")));
		assert_false(directory_has_domain(f->directory, S("example.test.")));
		fixture_reopen(f);
	}
}

static void test_bad_addresses(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"", "@", "alice", "alice@", "@example.test",
		"\"@example.test", "\"\"@example.test", "\"alice@example.test",
		"\"al\"ice\"@example.test", "\"alice\\\"@example.test", "al\nice@example.test",
		"alice\xff@example.test",
		("a123456789b123456789c123456789d123456789e123456789f123456789g1234@example."
		 "test")};
	struct directory_target target;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (look_up(f, bad[i], &target) != ERR_BAD_ADDRESS)
			fail_msg("%s", bad[i]);
	assert_err(directory_lookup(f->directory, str_make("al\0ice@example.test", 19),
			   DIRECTORY_FOR_RCPT, &target),
		ERR_BAD_ADDRESS);
}

static void test_new_addresses(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"a b@example.test", ".a@example.test",
		"a.@example.test", "a..b@example.test", "a+b@example.test",
		"\"a\"@example.test", "a%b@example.test", "a/b@example.test",
		"*@example.test"};
	struct directory_target target;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (directory_address_add(f->directory, &f->by, str_of(bad[i]), &target) !=
			ERR_BAD_ADDRESS)
			fail_msg("%s", bad[i]);
	fixture_address(f, "alice@example.test");
	assert_err(
		directory_address_add(f->directory, &f->by, S("Alice@example.test"), &target),
		ERR_EXISTS);
	assert_string_equal(
		directory_message(f->directory), "address Alice@example.test exists already");
	assert_err(directory_address_add(
			   f->directory, &f->by, S("alice@elsewhere.test"), &target),
		ERR_NOT_FOUND);
	assert_string_equal(
		directory_message(f->directory), "domain elsewhere.test is not served here");
	/* A refused change leaves nothing behind. */
	fixture_reopen(f);
	struct directory_counts counts;
	directory_count(f->directory, &counts);
	assert_int_equal(counts.addresses, 1);
}

static void test_detail(void **state)
{
	struct fixture *f = *state;
	int64_t alice = fixture_address(f, "alice@example.test");
	struct directory_target target;

	assert_ok(look_up(f, "Alice+Lists+More@example.test", &target));
	assert_int_equal(target.account, alice);
	assert_str(target.detail, "Lists+More");
	assert_str(target.address, "alice@example.test");
	assert_ok(look_up(f, "alice+@example.test", &target));
	assert_str(target.detail, "");
	assert_err(look_up(f, "+alice@example.test", &target), ERR_UNKNOWN_USER);
	assert_err(look_up(f, "bob+x@example.test", &target), ERR_UNKNOWN_USER);
	f->options.detail_separator = 0;
	directory_set_options(f->directory, &f->options);
	assert_err(look_up(f, "alice+x@example.test", &target), ERR_UNKNOWN_USER);
	f->options.detail_separator = '-';
	directory_set_options(f->directory, &f->options);
	assert_ok(look_up(f, "alice-x@example.test", &target));
}

static void test_alias(void **state)
{
	struct fixture *f = *state;
	int64_t alice = fixture_address(f, "alice@example.test");
	struct directory_target target;

	assert_ok(directory_alias_add(
		f->directory, &f->by, S("Sales@example.test"), S("alice@example.test")));
	assert_err(directory_alias_add(f->directory, &f->by, S("sales@example.test"),
			   S("alice@example.test")),
		ERR_EXISTS);
	assert_err(directory_alias_add(f->directory, &f->by, S("more@example.test"),
			   S("sales@example.test")),
		ERR_CANNOT);
	for (int opened = 0; opened < 2; opened++) {
		assert_int_equal(receives(f, "sales@example.test"), alice);
		assert_ok(look_up(f, "sales+x@example.test", &target));
		assert_str(target.address, "alice@example.test");
		assert_str(target.detail, "x");
		assert_ok(directory_lookup(
			f->directory, S("sales@example.test"), DIRECTORY_FOR_LOGIN, &target));
		assert_err(directory_lookup(f->directory, S("sales+x@example.test"),
				   DIRECTORY_FOR_LOGIN, &target),
			ERR_UNKNOWN_USER);
		fixture_reopen(f);
	}
	assert_ok(directory_address_enable(
		f->directory, &f->by, S("sales@example.test"), false));
	assert_err(look_up(f, "sales@example.test", &target), ERR_ADDRESS_DISABLED);
	assert_int_equal(receives(f, "alice@example.test"), alice);
	/* The mailbox takes its aliases with it. */
	assert_ok(directory_address_delete(f->directory, &f->by, S("alice@example.test")));
	assert_err(look_up(f, "sales@example.test", &target), ERR_UNKNOWN_USER);
	fixture_reopen(f);
	assert_err(look_up(f, "sales@example.test", &target), ERR_UNKNOWN_USER);
}

static void test_catch_all(void **state)
{
	struct fixture *f = *state;
	int64_t alice = fixture_address(f, "alice@example.test"), other, service;
	int64_t all = fixture_address(f, "catchall@example.test");
	struct directory_target target;

	for (int opened = 0; opened < 2; opened++) {
		assert_int_equal(receives(f, "alice+x@example.test"), alice);
		assert_ok(look_up(f, "nobody+x@example.test", &target));
		assert_int_equal(target.account, all);
		assert_true(target.catch_all);
		assert_false(target.send_allowed);
		assert_str(target.address, "catchall@example.test");
		assert_err(directory_lookup(f->directory, S("nobody@example.test"),
				   DIRECTORY_FOR_LOGIN, &target),
			ERR_UNKNOWN_USER);
		assert_ok(directory_lookup(f->directory, S("catchall@example.test"),
			DIRECTORY_FOR_LOGIN, &target));
		assert_err(directory_lookup(f->directory, S("catchall@example.test"),
				   DIRECTORY_FOR_SENDER, &target),
			ERR_NOT_ALLOWED);
		fixture_reopen(f);
	}
	assert_ok(directory_address_enable(
		f->directory, &f->by, S("catchall@example.test"), false));
	assert_err(look_up(f, "nobody@example.test", &target), ERR_UNKNOWN_USER);
	assert_ok(directory_address_delete(f->directory, &f->by, S("catchall@example.test")));
	assert_err(look_up(f, "nobody@example.test", &target), ERR_UNKNOWN_USER);

	assert_ok(directory_organisation_add(f->directory, &f->by, S("Small"), &other));
	assert_ok(directory_service_add(
		f->directory, &f->by, other, S("small.test"), S("starter"), &service));
	assert_err(
		directory_address_add(f->directory, &f->by, S("catchall@small.test"), &target),
		ERR_CANNOT);
	fixture_address(f, "alice@small.test");
	assert_ok(look_up(f, "alice@small.test", &target));
	assert_int_equal(target.quota_bytes, 20000000000);
}

static void test_sender(void **state)
{
	struct fixture *f = *state;
	int64_t alice = fixture_address(f, "alice@example.test");
	struct directory_target target;

	assert_ok(directory_alias_add(
		f->directory, &f->by, S("sales@example.test"), S("alice@example.test")));
	assert_ok(directory_domain_add(
		f->directory, &f->by, S("example.test"), S("alias.test")));
	fixture_address(f, "catchall@example.test");
	static const char *const hers[] = {
		"alice@example.test", "sales@alias.test", "Alice+x@alias.test"};
	for (int i = 0; i < 3; i++) {
		assert_ok(directory_lookup(
			f->directory, str_of(hers[i]), DIRECTORY_FOR_SENDER, &target));
		assert_int_equal(target.account, alice);
	}
	assert_err(directory_lookup(f->directory, S("nobody@example.test"),
			   DIRECTORY_FOR_SENDER, &target),
		ERR_UNKNOWN_USER);
	assert_err(directory_lookup(f->directory, S("alice@elsewhere.test"),
			   DIRECTORY_FOR_SENDER, &target),
		ERR_RELAY_DENIED);
}

static void test_domains(void **state)
{
	struct fixture *f = *state;
	int64_t alice = fixture_address(f, "alice@example.test"), organisation, service;
	struct directory_target target;

	assert_ok(directory_domain_add(
		f->directory, &f->by, S("example.test"), S("Alias.test")));
	assert_err(
		directory_domain_add(f->directory, &f->by, S("example.test"), S("alias.test")),
		ERR_EXISTS);
	assert_ok(directory_organisation_add(f->directory, &f->by, S("Two"), &organisation));
	assert_err(directory_organisation_add(f->directory, &f->by, S("Two"), &organisation),
		ERR_EXISTS);
	assert_err(directory_service_add(f->directory, &f->by, organisation, S("alias.test"),
			   S("premium"), &service),
		ERR_EXISTS);
	assert_err(directory_service_add(f->directory, &f->by, organisation, S("two.test"),
			   S("golden"), &service),
		ERR_NOT_FOUND);
	assert_err(directory_service_add(
			   f->directory, &f->by, 99, S("two.test"), S("premium"), &service),
		ERR_NOT_FOUND);
	static const char *const bad[] = {
		"", "-a.test", "a..test", "a_b.test", "a.test.", "[127.0.0.1]", "a b.test"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (directory_domain_add(f->directory, &f->by, S("example.test"),
			    str_of(bad[i])) != ERR_BAD_ADDRESS)
			fail_msg("%s", bad[i]);
	for (int opened = 0; opened < 2; opened++) {
		assert_ok(look_up(f, "alice@alias.test", &target));
		assert_int_equal(target.account, alice);
		assert_str(target.address, "alice@example.test");
		fixture_reopen(f);
	}
	assert_err(
		directory_domain_delete(f->directory, &f->by, S("example.test")), ERR_CANNOT);
	assert_ok(directory_domain_delete(f->directory, &f->by, S("alias.test")));
	assert_err(look_up(f, "alice@alias.test", &target), ERR_RELAY_DENIED);
	fixture_reopen(f);
	assert_err(look_up(f, "alice@alias.test", &target), ERR_RELAY_DENIED);
}

/* RFC 5891: the same domain in any of its forms; local parts fold beyond ASCII. */
static void test_international(void **state)
{
	struct fixture *f = *state;
	struct directory_target target;

	assert_ok(directory_domain_add(f->directory, &f->by, S("example.test"),
		S("b\xc3\xbc"
		  "cher.test")));
	int64_t account = fixture_address(f, "j\xc3\xbcrgen@B\xc3\x9c"
					     "CHER.test");
	assert_int_equal(receives(f, "J\xc3\x9cRGEN@xn--bcher-kva.test"), account);
	assert_int_equal(receives(f, "ju\xcc\x88rgen@XN--BCHER-KVA.test"), account);
	assert_int_equal(receives(f, "j\xc3\xbcrgen+x@bu\xcc\x88"
				     "cher.test"),
		account);
	assert_true(directory_has_domain(f->directory, S("b\xc3\xbc"
							 "cher.test")));
	assert_err(look_up(f, "jurgen@xn--bcher-kva.test", &target), ERR_UNKNOWN_USER);
	assert_err(look_up(f,
			   "a@b\xc3\xbc"
			   "cher\xff.test",
			   &target),
		ERR_BAD_ADDRESS);
	assert_err(look_up(f,
			   "a@b_\xc3\xbc"
			   "cher.test",
			   &target),
		ERR_RELAY_DENIED);
	assert_err(look_up(f, "a@m\xc3\xbcller.test", &target), ERR_RELAY_DENIED);
}

static void test_postmaster(void **state)
{
	struct fixture *f = *state;
	struct directory_target target;

	assert_err(look_up(f, "Postmaster", &target), ERR_UNKNOWN_USER);
	int64_t account = fixture_address(f, "postmaster@example.test");
	assert_int_equal(receives(f, "Postmaster"), account);
	assert_err(
		directory_lookup(f->directory, S("postmaster"), DIRECTORY_FOR_LOGIN, &target),
		ERR_BAD_ADDRESS);
}

static void note_event(void *ctx, const struct directory_event *event)
{
	*(struct directory_event *)ctx = *event;
}

static void test_delete(void **state)
{
	struct fixture *f = *state;
	int64_t alice = fixture_address(f, "alice@example.test"), gone[4];
	struct directory_event event = {0};
	struct directory_target target;
	size_t count = 0;

	directory_listen(f->directory, note_event, &event);
	assert_ok(directory_address_delete(f->directory, &f->by, S("alice@example.test")));
	assert_int_equal(event.what, DIRECTORY_ADDRESS_DELETED);
	assert_int_equal(event.account, alice);
	assert_int_equal(event.shard, alice % 2);
	assert_err(look_up(f, "alice@example.test", &target), ERR_UNKNOWN_USER);
	assert_err(directory_address_delete(f->directory, &f->by, S("alice@example.test")),
		ERR_NOT_FOUND);
	fixture_reopen(f);
	assert_ok(directory_removals(f->directory, (uint32_t)alice % 2, gone, 4, &count));
	assert_int_equal(count, 1);
	assert_int_equal(gone[0], alice);
	assert_ok(
		directory_removals(f->directory, (uint32_t)(alice + 1) % 2, gone, 4, &count));
	assert_int_equal(count, 0);
	assert_ok(directory_removal_done(f->directory, (uint32_t)alice % 2, alice));
	assert_ok(directory_removals(f->directory, (uint32_t)alice % 2, gone, 4, &count));
	assert_int_equal(count, 0);
	/* The same address again is another account. */
	assert_true(fixture_address(f, "alice@example.test") > alice);
}

static void test_disable_and_quota(void **state)
{
	struct fixture *f = *state;
	struct directory_event event = {0};
	struct directory_target target;

	directory_listen(f->directory, note_event, &event);
	fixture_address(f, "alice@example.test");
	assert_ok(
		directory_address_quota(f->directory, &f->by, S("alice@example.test"), 5000));
	assert_ok(directory_address_enable(
		f->directory, &f->by, S("alice@example.test"), false));
	assert_int_equal(event.what, DIRECTORY_ADDRESS_DISABLED);
	fixture_reopen(f);
	assert_err(look_up(f, "alice@example.test", &target), ERR_ADDRESS_DISABLED);
	assert_ok(
		directory_address_enable(f->directory, &f->by, S("alice@example.test"), true));
	assert_ok(look_up(f, "alice@example.test", &target));
	assert_int_equal(target.quota_bytes, 5000);
	assert_ok(directory_address_quota(f->directory, &f->by, S("alice@example.test"), 0));
	assert_ok(look_up(f, "alice@example.test", &target));
	assert_int_equal(target.quota_bytes, 0);
	assert_ok(directory_address_quota(f->directory, &f->by, S("alice@example.test"), -1));
	assert_err(directory_address_quota(f->directory, &f->by, S("alice@example.test"), -2),
		ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_lookup),
		FIXTURE_TEST(test_bad_addresses),
		FIXTURE_TEST(test_new_addresses),
		FIXTURE_TEST(test_detail),
		FIXTURE_TEST(test_alias),
		FIXTURE_TEST(test_catch_all),
		FIXTURE_TEST(test_sender),
		FIXTURE_TEST(test_domains),
		FIXTURE_TEST(test_international),
		FIXTURE_TEST(test_postmaster),
		FIXTURE_TEST(test_delete),
		FIXTURE_TEST(test_disable_and_quota),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
