/* SPDX-License-Identifier: ISC */
#include "login/sasl.h"

#include "base/base64.h"
#include "base/random.h"
#include "login/bearer.h"

enum { NONCE_BYTES = 18 };

static const char *const names[SASL_MECHANISMS] = { [SASL_SCRAM_PLUS] = "SCRAM-SHA-256-PLUS",
	[SASL_SCRAM] = "SCRAM-SHA-256", [SASL_PLAIN] = "PLAIN", [SASL_LOGIN] = "LOGIN",
	[SASL_OAUTHBEARER] = "OAUTHBEARER", [SASL_XOAUTH2] = "XOAUTH2" };

const char *sasl_mechanism_name(enum sasl_mechanism mechanism)
{
	return names[mechanism];
}

bool sasl_is_offered(enum sasl_mechanism mechanism, bool has_tls)
{
	return mechanism != SASL_SCRAM_PLUS || has_tls;
}

bool sasl_is_scram(enum sasl_mechanism mechanism)
{
	return mechanism == SASL_SCRAM || mechanism == SASL_SCRAM_PLUS;
}

bool sasl_is_bearer(enum sasl_mechanism mechanism)
{
	return mechanism == SASL_OAUTHBEARER || mechanism == SASL_XOAUTH2;
}

bool sasl_begin(struct sasl *sasl, struct str name, const struct scram_binding *binding, struct arena *arena)
{
	for (int i = 0; i < SASL_MECHANISMS; i++) {
		if (!str_iequal(name, str_of(names[i])) || !sasl_is_offered((enum sasl_mechanism)i, binding != NULL))
			continue;
		*sasl = (struct sasl){ .mechanism = (enum sasl_mechanism)i, .arena = arena };
		sasl->scram.arena = arena;
		sasl->scram.is_plus = i == SASL_SCRAM_PLUS;
		if (binding)
			sasl->scram.binding = *binding;
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

static enum sasl_next take_plain(struct sasl *sasl, struct str bytes, struct buf *challenge)
{
	ptrdiff_t first = str_index(bytes, '\0');
	struct str rest = str_from(bytes, (size_t)(first + 1));
	ptrdiff_t second = str_index(rest, '\0');

	if (first < 0 || second < 0 || str_index(str_from(rest, (size_t)second + 1), '\0') >= 0)
		return refuse(sasl, ERR_SYNTAX, "PLAIN wants an authorization id, a user and a password");
	sasl->authzid = str_sub(bytes, 0, (size_t)first);
	sasl->user = str_sub(rest, 0, (size_t)second);
	sasl->password = str_from(rest, (size_t)second + 1);
	return SASL_CREDENTIALS;
}

static enum sasl_next take_login(struct sasl *sasl, struct str bytes, struct buf *challenge)
{
	if (!sasl->has_user) {
		sasl->has_user = true;
		sasl->user = bytes;
		return challenge_with(S("Password:"), challenge); /* some clients compare it */
	}
	sasl->password = bytes;
	return SASL_CREDENTIALS;
}

static enum sasl_next take_scram(struct sasl *sasl, struct str bytes, struct buf *challenge)
{
	const char *complaint = NULL;
	enum err e;

	if (sasl->is_proven)
		return SASL_ENDED;
	if (!sasl->has_first) {
		e = scram_client_first(&sasl->scram, bytes, &complaint);
		sasl->has_first = true;
		sasl->user = sasl->scram.user;
		sasl->authzid = sasl->scram.authzid;
		return e == OK ? SASL_LOOKUP : refuse(sasl, e, complaint);
	}
	e = scram_client_final(&sasl->scram, bytes, &complaint);
	return e == OK ? SASL_CREDENTIALS : refuse(sasl, e, complaint);
}

static enum sasl_next take_bearer(struct sasl *sasl, struct str bytes, struct buf *challenge)
{
	const char *complaint = NULL;
	struct bearer bearer;
	enum err e = sasl->mechanism == SASL_XOAUTH2
			     ? bearer_parse_xoauth2(bytes, &bearer, &complaint)
			     : bearer_parse_oauth(sasl->arena, bytes, &bearer, &complaint);

	if (e != OK)
		return refuse(sasl, e, complaint);
	sasl->user = bearer.user;
	sasl->password = bearer.token;
	return SASL_CREDENTIALS;
}

static enum sasl_next take_bytes(struct sasl *sasl, struct str bytes, struct buf *challenge)
{
	static enum sasl_next (*const takers[SASL_MECHANISMS])(struct sasl *, struct str, struct buf *) = {
		[SASL_SCRAM_PLUS] = take_scram, [SASL_SCRAM] = take_scram, [SASL_PLAIN] = take_plain,
		[SASL_LOGIN] = take_login, [SASL_OAUTHBEARER] = take_bearer, [SASL_XOAUTH2] = take_bearer };

	return takers[sasl->mechanism](sasl, bytes, challenge);
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
	if (bytes.p)
		explicit_bzero(bytes.p, bytes.cap);
	buf_done(&bytes);
	return take_bytes(sasl, copy, challenge);
}

enum sasl_next sasl_start(struct sasl *sasl, struct str initial, struct buf *challenge)
{
	bool is_empty = str_equal(initial, S("="));

	/* An empty user name is never right, so LOGIN asks for it. */
	if (!initial.p || (is_empty && sasl->mechanism == SASL_LOGIN))
		return challenge_with(sasl->mechanism == SASL_LOGIN ? S("Username:") : S(""), challenge);
	if (is_empty)
		return take_bytes(sasl, S(""), challenge);
	return take_encoded(sasl, initial, challenge);
}

enum sasl_next sasl_take(struct sasl *sasl, struct str line, struct buf *challenge)
{
	if (sasl->is_failed)
		return SASL_REFUSED;
	if (str_equal(line, S("*")))
		return refuse(sasl, ERR_AUTH_CANCELLED, "cancelled");
	return take_encoded(sasl, line, challenge);
}

enum sasl_next sasl_salt(struct sasl *sasl, struct str salt, uint32_t iterations, struct buf *challenge)
{
	uint8_t bytes[NONCE_BYTES];
	struct buf nonce = { 0 }, text = { 0 };

	random_bytes(bytes, sizeof(bytes));
	base64_encode(str_make(bytes, sizeof(bytes)), &nonce);
	scram_server_first(&sasl->scram, salt, iterations, buf_str(&nonce), &text);
	challenge_with(buf_str(&text), challenge);
	buf_done(&nonce);
	buf_done(&text);
	return SASL_CHALLENGE;
}

enum sasl_next sasl_proven(struct sasl *sasl, struct str signature, struct buf *challenge)
{
	struct buf text = { 0 };

	sasl->is_proven = true;
	scram_server_final(signature, &text);
	challenge_with(buf_str(&text), challenge);
	buf_done(&text);
	return SASL_CHALLENGE;
}

enum sasl_next sasl_failed(struct sasl *sasl, enum err e, struct buf *challenge)
{
	struct buf text = { 0 };

	refuse(sasl, e, NULL);
	if (!sasl_is_bearer(sasl->mechanism) || (e != ERR_AUTH_FAILED && e != ERR_NOT_ALLOWED))
		return SASL_REFUSED;
	sasl->is_failed = true;
	bearer_add_failure(e == ERR_AUTH_FAILED ? "invalid_token" : "insufficient_scope", &text);
	challenge_with(buf_str(&text), challenge);
	buf_done(&text);
	return SASL_CHALLENGE;
}
