/* SPDX-License-Identifier: ISC */
#include "login/bearer.h"

#include "login/scram.h"

/* RFC 7628 3.1: kvsep */
enum { SEPARATOR = '\x01' };

static enum err complain(const char **ret_complaint, const char *why)
{
	*ret_complaint = why;
	return ERR_SYNTAX;
}

static bool is_user(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool is_key(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alpha(s.p[i]))
			return false;
	return s.n > 0;
}

/* RFC 6750 2.1: b64token */
static bool is_token(struct str s)
{
	while (str_ends(s, S("=")))
		s.n--;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alpha(s.p[i]) && !ascii_is_digit(s.p[i]) && str_index(S("-._~+/"), s.p[i]) < 0)
			return false;
	return s.n > 0;
}

static enum err take_auth(struct str value, struct bearer *bearer, const char **ret_complaint)
{
	if (bearer->token.n)
		return complain(ret_complaint, "one token is expected");
	if (!str_istarts(value, S("Bearer ")))
		return complain(ret_complaint, "a bearer token is expected");
	value = str_from(value, 7);
	while (str_starts(value, S(" ")))
		value = str_from(value, 1);
	if (!is_token(value))
		return complain(ret_complaint, "malformed token");
	bearer->token = value;
	return OK;
}

static enum err take_pair(
	struct str pair, bool takes_user, struct bearer *bearer, const char **ret_complaint)
{
	struct str rest = pair, key;

	if (!str_next(&rest, '=', &key) || !rest.p || !is_key(key) || str_index(rest, '\0') >= 0)
		return complain(ret_complaint, "malformed key and value");
	if (str_equal(key, S("auth")))
		return take_auth(rest, bearer, ret_complaint);
	/* RFC 7628 3.1: host and port tell a proxy where to; unknown keys are ignored. */
	if (!takes_user || !str_equal(key, S("user")))
		return OK;
	if (bearer->user.n || !rest.n || !is_user(rest))
		return complain(ret_complaint, "one user name is expected");
	bearer->user = rest;
	return OK;
}

/* Each pair ends with a separator, all of them with one more. */
static enum err take_pairs(struct str rest, bool takes_user, struct bearer *bearer, const char **ret_complaint)
{
	struct str pair;
	enum err e = OK;

	while (e == OK && str_next(&rest, SEPARATOR, &pair) && rest.p && pair.n)
		e = take_pair(pair, takes_user, bearer, ret_complaint);
	if (e != OK)
		return e;
	if (!rest.p || rest.n || pair.n)
		return complain(ret_complaint, "the end of the key and value pairs is expected");
	if (!bearer->token.n || (takes_user && !bearer->user.n))
		return complain(ret_complaint, takes_user ? "a user and a token are expected" : "a token is expected");
	return OK;
}

/* RFC 5801 4: channels are not bound here, whatever the client could do. */
static enum err take_header(
	struct arena *arena, struct str *rest, struct bearer *bearer, const char **ret_complaint)
{
	struct str flag, authzid;

	if (!str_next(rest, ',', &flag) || !rest->p || !str_next(rest, ',', &authzid) || !rest->p)
		return complain(ret_complaint, "malformed header");
	if (!str_equal(flag, S("n")) && !str_equal(flag, S("y")))
		return complain(ret_complaint, "channel binding is not possible with a token");
	if (authzid.n && (!str_starts(authzid, S("a=")) || authzid.n == 2 ||
				 !scram_decode_name(arena, str_from(authzid, 2), &bearer->user) || !is_user(bearer->user)))
		return complain(ret_complaint, "malformed authorization id");
	if (!rest->n || rest->p[0] != SEPARATOR)
		return complain(ret_complaint, "malformed header");
	*rest = str_from(*rest, 1);
	return OK;
}

enum err bearer_parse_oauth(
	struct arena *arena, struct str text, struct bearer *ret_bearer, const char **ret_complaint)
{
	struct bearer bearer = { .user = STR_NONE };
	enum err e = take_header(arena, &text, &bearer, ret_complaint);

	if (e == OK)
		e = take_pairs(text, false, &bearer, ret_complaint);
	if (e == OK)
		*ret_bearer = bearer;
	return e;
}

enum err bearer_parse_xoauth2(struct str text, struct bearer *ret_bearer, const char **ret_complaint)
{
	struct bearer bearer = { .user = STR_NONE };
	enum err e = take_pairs(text, true, &bearer, ret_complaint);

	if (e == OK)
		*ret_bearer = bearer;
	return e;
}

void bearer_add_failure(const char *status, struct buf *out)
{
	buf_addf(out, "{\"status\":\"%s\",\"schemes\":\"bearer\",\"scope\":\"mail\"}", status);
}
