/* SPDX-License-Identifier: ISC */
#include "login/sasl.h"

#include "base/base64.h"

static const char *const names[SASL_MECHANISMS] = { [SASL_PLAIN] = "PLAIN", [SASL_LOGIN] = "LOGIN" };

const char *sasl_mechanism_name(enum sasl_mechanism mechanism)
{
	return names[mechanism];
}

bool sasl_begin(struct sasl *sasl, struct str name, struct arena *arena)
{
	for (int i = 0; i < SASL_MECHANISMS; i++)
		if (str_iequal(name, str_of(names[i]))) {
			*sasl = (struct sasl){ .mechanism = (enum sasl_mechanism)i, .arena = arena };
			return true;
		}
	return false;
}

static enum sasl_next refuse(struct sasl *sasl, enum err e, const char *complaint)
{
	sasl->error = e;
	sasl->complaint = complaint;
	return SASL_REFUSED;
}

static enum sasl_next challenge_with(struct str text, struct buf *challenge)
{
	base64_encode(text, challenge);
	return SASL_CHALLENGE;
}

static enum sasl_next take_plain(struct sasl *sasl, struct str bytes)
{
	ptrdiff_t first = str_index(bytes, '\0');
	struct str rest = str_from(bytes, (size_t)(first + 1));
	ptrdiff_t second = str_index(rest, '\0');

	if (first < 0 || second < 0)
		return refuse(sasl, ERR_SYNTAX, "PLAIN wants an authorization id, a user and a password");
	sasl->authzid = str_sub(bytes, 0, (size_t)first);
	sasl->user = str_sub(rest, 0, (size_t)second);
	sasl->password = str_from(rest, (size_t)second + 1);
	return SASL_CREDENTIALS;
}

static enum sasl_next take_bytes(struct sasl *sasl, struct str bytes, struct buf *challenge)
{
	if (sasl->mechanism == SASL_PLAIN)
		return take_plain(sasl, bytes);
	if (!sasl->has_user) {
		sasl->has_user = true;
		sasl->user = bytes;
		return challenge_with(S("Password:"), challenge); /* some clients compare it */
	}
	sasl->password = bytes;
	return SASL_CREDENTIALS;
}

static enum sasl_next take_encoded(struct sasl *sasl, struct str text, struct buf *challenge)
{
	struct buf bytes = BUF_MAX(SASL_RESPONSE_MAX);
	struct str copy;
	enum err e = base64_decode(text, &bytes);

	if (e != OK) {
		buf_done(&bytes);
		return refuse(sasl, ERR_SYNTAX, "not valid base 64");
	}
	copy = arena_dup(sasl->arena, buf_str(&bytes));
	buf_done(&bytes);
	return take_bytes(sasl, copy, challenge);
}

enum sasl_next sasl_start(struct sasl *sasl, struct str initial, struct buf *challenge)
{
	if (!initial.p)
		return challenge_with(sasl->mechanism == SASL_LOGIN ? S("Username:") : S(""), challenge);
	if (str_equal(initial, S("=")))
		return take_bytes(sasl, S(""), challenge);
	return take_encoded(sasl, initial, challenge);
}

enum sasl_next sasl_take(struct sasl *sasl, struct str line, struct buf *challenge)
{
	if (str_equal(line, S("*")))
		return refuse(sasl, ERR_AUTH_CANCELLED, "cancelled");
	return take_encoded(sasl, line, challenge);
}
