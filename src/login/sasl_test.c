/* SPDX-License-Identifier: ISC */
/* Tokens in SASL: frames, and the way a refusal goes. */
#include "base/test.h"

#include "base/base64.h"
#include "login/bearer.h"
#include "login/sasl.h"

#include <stdio.h>

#define A "\x01"

/* "user token", or what is wrong. */
static void check(bool is_xoauth2, struct str text, const char *want)
{
	struct arena *arena = arena_new();
	const char *complaint = NULL;
	struct bearer bearer;
	char got[300];
	enum err e = is_xoauth2 ? bearer_parse_xoauth2(text, &bearer, &complaint)
				: bearer_parse_oauth(arena, text, &bearer, &complaint);

	if (e == OK)
		snprintf(got, sizeof(got), "%.*s %.*s", STR_FMT(bearer.user), STR_FMT(bearer.token));
	else
		snprintf(got, sizeof(got), "%s: %s", err_name(e), complaint);
	assert_string_equal(got, want);
	arena_free(&arena);
}

static void oauth(const char *text, const char *want)
{
	check(false, str_of(text), want);
}

static void xoauth2(const char *text, const char *want)
{
	check(true, str_of(text), want);
}

static void test_oauth(void **state)
{
	/* RFC 7628 4.1 */
	oauth("n,a=user@example.com," A "host=server.example.com" A "port=143" A
	      "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" A A,
		"user@example.com vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
	oauth("n,," A "auth=Bearer x" A A, " x");
	oauth("y,a=a=2Cb=3Dc," A "auth=bEARER   x" A "other=" A A, "a,b=c x");
	oauth("n,a=\xc3\xa9@example.test," A "auth=Bearer aZ09-._~+/" A A, "\xc3\xa9@example.test aZ09-._~+/");
	oauth("", "ERR_SYNTAX: malformed header");
	oauth(A, "ERR_SYNTAX: malformed header");
	oauth("n,a=x", "ERR_SYNTAX: malformed header");
	oauth("n,a=x,auth=Bearer x" A A, "ERR_SYNTAX: malformed header");
	oauth("n,a=x,", "ERR_SYNTAX: malformed header");
	oauth("p=tls-exporter,," A "auth=Bearer x" A A, "ERR_SYNTAX: channel binding is not possible with a token");
	oauth("F,n,," A "auth=Bearer x" A A, "ERR_SYNTAX: channel binding is not possible with a token");
	oauth("n,b=x," A "auth=Bearer x" A A, "ERR_SYNTAX: malformed authorization id");
	oauth("n,a=," A "auth=Bearer x" A A, "ERR_SYNTAX: malformed authorization id");
	oauth("n,a=x=20y," A "auth=Bearer x" A A, "ERR_SYNTAX: malformed authorization id");
	oauth("n,a=x\ty," A "auth=Bearer x" A A, "ERR_SYNTAX: malformed authorization id");
	oauth("n,," A A, "ERR_SYNTAX: a token is expected");
	oauth("n,," A "host=x" A A, "ERR_SYNTAX: a token is expected");
	oauth("n,," A, "ERR_SYNTAX: the end of the key and value pairs is expected");
	oauth("n,," A "auth=Bearer x", "ERR_SYNTAX: the end of the key and value pairs is expected");
	oauth("n,," A "auth=Bearer x" A, "ERR_SYNTAX: the end of the key and value pairs is expected");
	oauth("n,," A "auth=Bearer x" A A "y", "ERR_SYNTAX: the end of the key and value pairs is expected");
	oauth("n,," A "auth=Bearer x" A A A, "ERR_SYNTAX: the end of the key and value pairs is expected");
	oauth("n,," A "auth" A A, "ERR_SYNTAX: malformed key and value");
	oauth("n,," A "=x" A A, "ERR_SYNTAX: malformed key and value");
	oauth("n,," A "a1=x" A A, "ERR_SYNTAX: malformed key and value");
	check(false, S("n,," A "host=\0" A "auth=Bearer x" A A), "ERR_SYNTAX: malformed key and value");
	oauth("n,," A "auth=Basic x" A A, "ERR_SYNTAX: a bearer token is expected");
	oauth("n,," A "auth=Bearer " A A, "ERR_SYNTAX: malformed token");
	oauth("n,," A "auth=Bearer ==" A A, "ERR_SYNTAX: malformed token");
	oauth("n,," A "auth=Bearer x=y" A A, "ERR_SYNTAX: malformed token");
	oauth("n,," A "auth=Bearer x y" A A, "ERR_SYNTAX: malformed token");
	oauth("n,," A "auth=Bearer x" A "auth=Bearer y" A A, "ERR_SYNTAX: one token is expected");
}

static void test_xoauth2(void **state)
{
	xoauth2("user=someuser@example.com" A "auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg" A A,
		"someuser@example.com ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
	xoauth2("auth=Bearer x" A "user=a" A A, "a x");
	xoauth2("auth=Bearer x" A A, "ERR_SYNTAX: a user and a token are expected");
	xoauth2("user=a" A A, "ERR_SYNTAX: a user and a token are expected");
	xoauth2("user=" A "auth=Bearer x" A A, "ERR_SYNTAX: one user name is expected");
	xoauth2("user=a" A "user=b" A "auth=Bearer x" A A, "ERR_SYNTAX: one user name is expected");
	xoauth2("user=a\nb" A "auth=Bearer x" A A, "ERR_SYNTAX: one user name is expected");
	xoauth2("user=a" A "auth=Bearer x" A, "ERR_SYNTAX: the end of the key and value pairs is expected");
	xoauth2("n,a=x," A "auth=Bearer x" A A, "ERR_SYNTAX: malformed key and value");
	xoauth2("", "ERR_SYNTAX: the end of the key and value pairs is expected");
	xoauth2(A, "ERR_SYNTAX: a user and a token are expected");
}

static void assert_challenge(struct buf *challenge, const char *want)
{
	struct buf text = { 0 };

	assert_ok(base64_decode(buf_str(challenge), &text));
	assert_str(buf_str(&text), want);
	buf_clear(challenge);
	buf_done(&text);
}

static void refuse_with(enum err e, const char *answer, const char *want)
{
	struct arena *arena = arena_new();
	struct buf challenge = { 0 }, initial = { 0 };
	struct sasl sasl;

	base64_encode(S("user=a" A "auth=Bearer x" A A), &initial);
	assert_true(sasl_begin(&sasl, S("xoauth2"), NULL, arena));
	assert_int_equal(sasl_start(&sasl, buf_str(&initial), &challenge), SASL_CREDENTIALS);
	assert_str(sasl.user, "a");
	assert_str(sasl.password, "x");
	assert_int_equal(challenge.n, 0);
	assert_int_equal(sasl_failed(&sasl, e, &challenge), want ? SASL_CHALLENGE : SASL_REFUSED);
	if (want) {
		assert_challenge(&challenge, want);
		assert_int_equal(sasl_take(&sasl, str_of(answer), &challenge), SASL_REFUSED);
	}
	assert_int_equal(sasl.error, e);
	assert_null(sasl.complaint);
	buf_done(&challenge);
	buf_done(&initial);
	arena_free(&arena);
}

static void test_refusal(void **state)
{
	const char *invalid = "{\"status\":\"invalid_token\",\"schemes\":\"bearer\",\"scope\":\"mail\"}";

	refuse_with(ERR_AUTH_FAILED, "AQ==", invalid);
	refuse_with(ERR_AUTH_FAILED, "", invalid);
	refuse_with(ERR_AUTH_FAILED, "*", invalid);
	refuse_with(ERR_AUTH_FAILED, "not base 64", invalid);
	refuse_with(ERR_NOT_ALLOWED, "", "{\"status\":\"insufficient_scope\",\"schemes\":\"bearer\",\"scope\":\"mail\"}");
	refuse_with(ERR_AUTH_LOCKED, "", NULL);
	refuse_with(ERR_UNAVAILABLE, "", NULL);
}

static void test_late(void **state)
{
	struct arena *arena = arena_new();
	struct buf challenge = { 0 };
	struct sasl sasl;

	assert_true(sasl_begin(&sasl, S("OAUTHBEARER"), NULL, arena));
	assert_int_equal(sasl_start(&sasl, STR_NONE, &challenge), SASL_CHALLENGE);
	assert_challenge(&challenge, "");
	assert_int_equal(sasl_take(&sasl, S("AQ=="), &challenge), SASL_REFUSED);
	assert_int_equal(sasl.error, ERR_SYNTAX);
	assert_non_null(sasl.complaint);
	assert_true(sasl_begin(&sasl, S("OAUTHBEARER"), NULL, arena));
	assert_int_equal(sasl_start(&sasl, S("="), &challenge), SASL_REFUSED);
	assert_int_equal(sasl_failed(&(struct sasl){ .mechanism = SASL_PLAIN }, ERR_AUTH_FAILED, &challenge), SASL_REFUSED);
	assert_int_equal(challenge.n, 0);
	buf_done(&challenge);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_oauth), cmocka_unit_test(test_xoauth2),
		cmocka_unit_test(test_refusal), cmocka_unit_test(test_late) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
