/* SPDX-License-Identifier: ISC */
/* Redirections: who gets what is sent to an address. */
#include "directory/fixture.h"

/* "account+detail account" of all mailboxes. */
static void note(void *ctx, const struct directory_target *target)
{
	struct buf *out = ctx;

	buf_addf(out, "%s%lld", out->n ? " " : "", (long long)target->account);
	if (target->detail.n > 0)
		buf_addf(out, "+%.*s", STR_FMT(target->detail));
}

static void expect(struct fixture *f, const char *address, enum err want, const char *mailboxes)
{
	struct buf out = {0};
	enum err e = directory_route(f->directory, str_of(address), note, &out);

	if (e != want || !str_equal(buf_str(&out), str_of(mailboxes)))
		fail_msg("%s: %s: \"%.*s\"", address, err_text(e), STR_FMT(buf_str(&out)));
	buf_done(&out);
}

static enum err redirect(struct fixture *f, const char *address, const char *target, enum directory_keep keep)
{
	struct buf code = {0};
	enum err e = directory_redirection_add(f->directory, &f->by, str_of(address), str_of(target), keep, &code);

	if (e == OK)
		assert_int_equal(code.n, str_ends(str_of(target), S("else.test")) ? DIRECTORY_CODE_LETTERS : 0);
	buf_done(&code);
	return e;
}

static int64_t add_redirect_only(struct fixture *f, const char *address)
{
	int64_t id;

	assert_ok(directory_redirect_only_add(f->directory, &f->by, str_of(address), &id));
	return id;
}

static void test_here(void **state)
{
	struct fixture *f = *state;

	fixture_address(f, "a@example.test"); /* 1 */
	fixture_address(f, "b@example.test"); /* 2 */
	fixture_address(f, "c@example.test"); /* 3 */
	assert_ok(directory_alias_add(f->directory, &f->by, S("bee@example.test"), S("b@example.test")));
	expect(f, "a+x@example.test", OK, "1+x");
	assert_ok(redirect(f, "a@example.test", "Bee+In@EXAMPLE.test", DIRECTORY_KEEP_AS_IS));
	expect(f, "a+x@example.test", OK, "2+In 1+x");
	/* The same mailbox twice is one. */
	f->by.now_ms++;
	assert_ok(redirect(f, "a@example.test", "b@example.test", DIRECTORY_KEEP_NONE));
	expect(f, "a@example.test", OK, "2+In");
	assert_int_equal(redirect(f, "a@example.test", "b@example.test", DIRECTORY_KEEP_NONE), ERR_EXISTS);
	assert_ok(redirect(f, "b@example.test", "c@example.test", DIRECTORY_KEEP_COPY));
	expect(f, "a@example.test", OK, "3 2+In");
	assert_int_equal(redirect(f, "c@example.test", "none@example.test", DIRECTORY_KEEP_COPY), ERR_NOT_FOUND);
	assert_int_equal(redirect(f, "bee@example.test", "c@example.test", DIRECTORY_KEEP_COPY), ERR_CANNOT);
	fixture_reopen(f);
	expect(f, "a@example.test", OK, "3 2+In");
	assert_ok(directory_redirection_keep(f->directory, &f->by, S("a@example.test"), true));
	expect(f, "a@example.test", OK, "3 2+In 1");
	assert_ok(directory_redirection_keep(f->directory, &f->by, S("a@example.test"), false));
	/* What cannot be reached leaves a copy here. */
	assert_ok(directory_address_enable(f->directory, &f->by, S("b@example.test"), false));
	expect(f, "a@example.test", OK, "1");
	assert_ok(directory_address_enable(f->directory, &f->by, S("b@example.test"), true));
	assert_ok(directory_address_delete(f->directory, &f->by, S("b@example.test")));
	expect(f, "a@example.test", OK, "1");
	fixture_reopen(f);
	expect(f, "a@example.test", OK, "1");
	fixture_address(f, "b@example.test");
	expect(f, "a@example.test", OK, "1");
}

static void test_loops(void **state)
{
	struct fixture *f = *state;

	fixture_address(f, "a@example.test"); /* 1 */
	fixture_address(f, "b@example.test"); /* 2 */
	add_redirect_only(f, "r@example.test"); /* 3 */
	assert_ok(directory_alias_add(f->directory, &f->by, S("aa@example.test"), S("a@example.test")));
	assert_int_equal(redirect(f, "a@example.test", "a+x@example.test", DIRECTORY_KEEP_COPY), ERR_CANNOT);
	assert_int_equal(redirect(f, "a@example.test", "aa@example.test", DIRECTORY_KEEP_COPY), ERR_CANNOT);
	assert_string_equal(directory_message(f->directory), "aa@example.test is the address itself");
	assert_ok(redirect(f, "a@example.test", "r@example.test", DIRECTORY_KEEP_COPY));
	assert_ok(redirect(f, "r@example.test", "b@example.test", DIRECTORY_KEEP_AS_IS));
	assert_int_equal(redirect(f, "b@example.test", "aa@example.test", DIRECTORY_KEEP_COPY), ERR_CANNOT);
	assert_string_equal(directory_message(f->directory),
		"that would be a loop: b@example.test -> a@example.test -> r@example.test -> b@example.test");
	expect(f, "a@example.test", OK, "2 1");
	/* Closed behind our back: somebody keeps it. */
	assert_ok(redirect(f, "b@example.test", "a@else.test", DIRECTORY_KEEP_NONE));
	assert_ok(directory_redirection_confirm(f->directory, &f->by, S("b@example.test"), S("a@else.test"), STR_NONE));
	assert_ok(directory_redirection_keep(f->directory, &f->by, S("a@example.test"), false));
	assert_ok(directory_domain_add(f->directory, &f->by, S("example.test"), S("else.test")));
	expect(f, "a@example.test", OK, "2");
	expect(f, "b@example.test", OK, "1");
}

static void test_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct buf code = {0};

	fixture_address(f, "a@example.test"); /* 1 */
	add_redirect_only(f, "r@example.test");
	assert_int_equal(redirect(f, "a@example.test", "x@not a host", DIRECTORY_KEEP_COPY), ERR_BAD_ADDRESS);
	assert_ok(directory_redirection_add(
		f->directory, &f->by, S("a@example.test"), S("Bob@Else.test"), DIRECTORY_KEEP_NONE, &code));
	assert_int_equal(redirect(f, "a@example.test", "bob@else.test", DIRECTORY_KEEP_COPY), ERR_EXISTS);
	expect(f, "a@example.test", OK, "1");
	fixture_reopen(f);
	assert_int_equal(directory_redirection_confirm(f->directory, &f->by, S("a@example.test"), S("Bob@else.test"), S("abcdefgh")),
		ERR_NOT_ALLOWED);
	assert_ok(directory_redirection_confirm(
		f->directory, &f->by, S("a@example.test"), S("bob@else.test"), buf_str(&code)));
	assert_int_equal(directory_redirection_confirm(
				 f->directory, &f->by, S("a@example.test"), S("bob@else.test"), buf_str(&code)),
		ERR_EXISTS);
	/* Nothing is sent elsewhere: the copy stays. */
	expect(f, "a@example.test", OK, "1");
	/* No target, one that waits, one elsewhere. */
	expect(f, "r@example.test", ERR_UNKNOWN_USER, "");
	assert_ok(redirect(f, "r@example.test", "r@else.test", DIRECTORY_KEEP_AS_IS));
	expect(f, "r@example.test", ERR_ELSEWHERE, "");
	assert_ok(directory_redirection_confirm(f->directory, &f->by, S("r@example.test"), S("r@else.test"), STR_NONE));
	expect(f, "r@example.test", ERR_ELSEWHERE, "");
	assert_ok(redirect(f, "r@example.test", "a@example.test", DIRECTORY_KEEP_AS_IS));
	expect(f, "r@example.test", ERR_ELSEWHERE, "");
	assert_ok(directory_redirection_delete(f->directory, &f->by, S("r@example.test"), S("R@ELSE.test")));
	expect(f, "r@example.test", OK, "1");
	assert_int_equal(redirect(f, "r@example.test", "z@else.test", DIRECTORY_KEEP_COPY), ERR_CANNOT);
	assert_int_equal(directory_redirection_keep(f->directory, &f->by, S("r@example.test"), true), ERR_CANNOT);
	buf_done(&code);
}

/* A mailbox below an address that waits must not be left out elsewhere on the way. */
static void test_given_up_branch(void **state)
{
	struct fixture *f = *state;

	fixture_address(f, "a@example.test"); /* 1 */
	fixture_address(f, "b@example.test"); /* 2 */
	add_redirect_only(f, "r@example.test");
	assert_ok(redirect(f, "r@example.test", "b@example.test", DIRECTORY_KEEP_AS_IS));
	assert_ok(redirect(f, "r@example.test", "r@else.test", DIRECTORY_KEEP_AS_IS));
	assert_ok(redirect(f, "a@example.test", "r@example.test", DIRECTORY_KEEP_NONE));
	expect(f, "a@example.test", OK, "1");
	assert_ok(redirect(f, "a@example.test", "b@example.test", DIRECTORY_KEEP_NONE));
	expect(f, "a@example.test", OK, "2 1");
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	int64_t id;

	assert_int_equal(directory_redirect_only_add(f->directory, &f->by, S("r@example.test"), &id), ERR_LIMIT);
	fixture_address(f, "a@example.test");
	assert_ok(directory_offer_set(f->directory, &f->by, S("premium"), S("redirect_addresses"), 2));
	assert_ok(directory_offer_set(f->directory, &f->by, S("premium"), S("redirect_targets"), 1));
	add_redirect_only(f, "r1@example.test");
	add_redirect_only(f, "r2@example.test");
	assert_int_equal(directory_redirect_only_add(f->directory, &f->by, S("r3@example.test"), &id), ERR_LIMIT);
	fixture_address(f, "b@example.test");
	fixture_reopen(f);
	add_redirect_only(f, "r3@example.test");
	add_redirect_only(f, "r4@example.test");
	assert_int_equal(directory_redirect_only_add(f->directory, &f->by, S("r5@example.test"), &id), ERR_LIMIT);
	assert_ok(directory_address_delete(f->directory, &f->by, S("r4@example.test")));
	add_redirect_only(f, "r5@example.test");
	assert_int_equal(directory_redirect_only_add(f->directory, &f->by, S("catchall@example.test"), &id), ERR_CANNOT);
	assert_ok(redirect(f, "a@example.test", "b@example.test", DIRECTORY_KEEP_COPY));
	assert_int_equal(redirect(f, "a@example.test", "r1@example.test", DIRECTORY_KEEP_COPY), ERR_LIMIT);
}

/* What directory_lookup() says of an address without redirections, this says too. */
static void test_as_lookup(void **state)
{
	struct fixture *f = *state;

	fixture_address(f, "catchall@example.test"); /* 1 */
	fixture_address(f, "a@example.test");        /* 2 */
	expect(f, "nobody+x@example.test", OK, "1");
	expect(f, "postmaster", OK, "1");
	expect(f, "a@other.test", ERR_RELAY_DENIED, "");
	expect(f, "a", ERR_BAD_ADDRESS, "");
	assert_ok(redirect(f, "catchall@example.test", "a@example.test", DIRECTORY_KEEP_NONE));
	expect(f, "nobody@example.test", OK, "2");
	assert_ok(directory_address_enable(f->directory, &f->by, S("catchall@example.test"), false));
	expect(f, "nobody@example.test", ERR_UNKNOWN_USER, "");
	assert_ok(directory_address_enable(f->directory, &f->by, S("a@example.test"), false));
	expect(f, "a@example.test", ERR_ADDRESS_DISABLED, "");
}

static void test_many(void **state)
{
	struct fixture *f = *state;
	char address[64], target[64];

	assert_ok(directory_bulk_add(f->directory, &f->by, 1100, 1, S("u%@example.test"), S("x")));
	assert_ok(directory_offer_set(f->directory, &f->by, S("premium"), S("redirect_targets"), 2000));
	/* A chain longer than is followed: the last one followed keeps it. */
	for (int i = 1; i < 60; i++) {
		snprintf(address, sizeof(address), "u%d@example.test", i);
		snprintf(target, sizeof(target), "u%d@example.test", i + 1);
		assert_ok(redirect(f, address, target, DIRECTORY_KEEP_NONE));
	}
	expect(f, "u1@example.test", OK, "50");
	for (int i = 101; i <= 1100; i++) {
		snprintf(target, sizeof(target), "u%d@example.test", i);
		assert_ok(redirect(f, "u100@example.test", target, DIRECTORY_KEEP_COPY));
	}
	expect(f, "u100@example.test", ERR_TOO_MANY_RCPT, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_here),
		FIXTURE_TEST(test_loops),
		FIXTURE_TEST(test_elsewhere),
		FIXTURE_TEST(test_given_up_branch),
		FIXTURE_TEST(test_limits),
		FIXTURE_TEST(test_as_lookup),
		FIXTURE_TEST(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
