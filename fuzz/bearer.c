/* SPDX-License-Identifier: ISC */
/* Tokens in SASL: whatever is taken, written anew, is taken the same; XOAUTH2 and OAUTHBEARER agree on one token. */
#include "login/bearer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void write_oauth(const struct bearer *bearer, struct buf *out)
{
	buf_adds(out, bearer->user.n ? "n,a=" : "n,");
	for (size_t i = 0; i < bearer->user.n; i++) {
		if (bearer->user.p[i] == ',' || bearer->user.p[i] == '=')
			buf_adds(out, bearer->user.p[i] == ',' ? "=2C" : "=3D");
		else
			buf_addc(out, bearer->user.p[i]);
	}
	buf_addf(out, ",\x01" "auth=Bearer %.*s\x01\x01", STR_FMT(bearer->token));
}

static void write_xoauth2(const struct bearer *bearer, struct buf *out)
{
	buf_addf(out, "user=%.*s\x01" "auth=Bearer %.*s\x01\x01", STR_FMT(bearer->user), STR_FMT(bearer->token));
}

static void check_again(struct arena *arena, const struct bearer *bearer)
{
	struct buf oauth = { 0 }, xoauth2 = { 0 };
	const char *complaint = NULL;
	struct bearer again = { .user = STR_NONE };

	require(bearer->token.n > 0);
	write_oauth(bearer, &oauth);
	require(bearer_parse_oauth(arena, buf_str(&oauth), &again, &complaint) == OK);
	require(str_equal(again.user, bearer->user) && str_equal(again.token, bearer->token));
	write_xoauth2(bearer, &xoauth2);
	if (bearer->user.n) {
		require(bearer_parse_xoauth2(buf_str(&xoauth2), &again, &complaint) == OK);
		require(str_equal(again.user, bearer->user) && str_equal(again.token, bearer->token));
	} else {
		require(bearer_parse_xoauth2(buf_str(&xoauth2), &again, &complaint) == ERR_SYNTAX);
	}
	buf_done(&oauth);
	buf_done(&xoauth2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str text = str_make(data, size);
	const char *complaint = NULL;
	struct bearer bearer;

	if (bearer_parse_oauth(arena, text, &bearer, &complaint) == OK)
		check_again(arena, &bearer);
	else
		require(complaint != NULL);
	complaint = NULL;
	if (bearer_parse_xoauth2(text, &bearer, &complaint) == OK)
		check_again(arena, &bearer);
	else
		require(complaint != NULL);
	arena_free(&arena);
	return 0;
}
