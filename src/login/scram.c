/* SPDX-License-Identifier: ISC */
#include "login/scram.h"

#include "base/base64.h"

static enum err complain(const char **ret_complaint, const char *why)
{
	*ret_complaint = why;
	return ERR_SYNTAX;
}

/* Takes "x=value," or what is left; false when it begins otherwise. */
static bool take_attribute(struct str *rest, char name, struct str *ret_value)
{
	struct str word;

	if (rest->n < 2 || rest->p[0] != name || rest->p[1] != '=' || !str_next(rest, ',', &word))
		return false;
	*ret_value = str_from(word, 2);
	return true;
}

bool scram_decode_name(struct arena *arena, struct str text, struct str *ret_name)
{
	char *out = arena_bytes(arena, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		struct str code = str_sub(text, i, text.n - i < 3 ? text.n - i : 3);

		if (text.p[i] != '=') {
			out[n++] = text.p[i];
			continue;
		}
		if (!str_iequal(code, S("=2C")) && !str_iequal(code, S("=3D")))
			return false;
		out[n++] = str_iequal(code, S("=2C")) ? ',' : '=';
		i += 2;
	}
	*ret_name = str_make(out, n);
	return true;
}

static bool is_nonce(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == ',')
			return false;
	return s.n > 0 && s.n <= SCRAM_NONCE_MAX;
}

/* RFC 5802 6: who knows that we can bind but does not must be somebody between us and the client. */
static enum err take_binding(struct scram *s, struct str flag, const char **ret_complaint)
{
	bool can_bind = s->binding.exporter.n || s->binding.end_point.n;

	if (s->is_plus != str_starts(flag, S("p=")))
		return complain(ret_complaint, "channel binding and -PLUS belong together");
	if (str_equal(flag, S("y")) && can_bind)
		return complain(ret_complaint, "this server does bind channels: somebody took that from its offer");
	if (!s->is_plus)
		return str_equal(flag, S("y")) || str_equal(flag, S("n")) ? OK
									 : complain(ret_complaint, "malformed header");
	if (str_equal(flag, S("p=tls-exporter")))
		s->bound = s->binding.exporter;
	else if (str_equal(flag, S("p=tls-server-end-point")))
		s->bound = s->binding.end_point;
	return s->bound.n ? OK : complain(ret_complaint, "channel binding type not supported");
}

static enum err take_header(struct scram *s, struct str *rest, const char **ret_complaint)
{
	const char *begin = rest->p;
	struct str flag, authzid;
	enum err e;

	if (!str_next(rest, ',', &flag) || !rest->p || !str_next(rest, ',', &authzid) || !rest->p)
		return complain(ret_complaint, "malformed header");
	e = take_binding(s, flag, ret_complaint);
	if (e != OK)
		return e;
	if (authzid.n && (!str_starts(authzid, S("a=")) || !scram_decode_name(s->arena, str_from(authzid, 2), &s->authzid)))
		return complain(ret_complaint, "malformed authorization id");
	s->gs2 = str_make(begin, (size_t)(rest->p - begin));
	return OK;
}

enum err scram_client_first(struct scram *s, struct str text, const char **ret_complaint)
{
	struct str rest = arena_dup(s->arena, text), name;
	enum err e = take_header(s, &rest, ret_complaint);

	if (e != OK)
		return e;
	s->bare = rest;
	if (!take_attribute(&rest, 'n', &name) || !scram_decode_name(s->arena, name, &s->user) || !s->user.n)
		return complain(ret_complaint, "a user name is expected");
	if (!rest.p || !take_attribute(&rest, 'r', &s->nonce) || !is_nonce(s->nonce))
		return complain(ret_complaint, "a nonce is expected");
	return OK;
}

void scram_server_first(struct scram *s, struct str salt, uint32_t iterations, struct str server_nonce, struct buf *out)
{
	struct buf text = { 0 };

	buf_adds(&text, "r=");
	buf_add(&text, s->nonce);
	buf_add(&text, server_nonce);
	s->nonce = arena_dup(s->arena, str_from(buf_str(&text), 2));
	buf_adds(&text, ",s=");
	base64_encode(salt, &text);
	buf_addf(&text, ",i=%u", iterations);
	s->server_first = arena_dup(s->arena, buf_str(&text));
	buf_add(out, s->server_first);
	buf_done(&text);
}

static bool is_bound(const struct scram *s, struct str text)
{
	struct buf wanted = { 0 }, encoded = { 0 };
	bool same;

	buf_add(&wanted, s->gs2);
	buf_add(&wanted, s->bound);
	base64_encode(buf_str(&wanted), &encoded);
	same = str_equal(buf_str(&encoded), text);
	buf_done(&wanted);
	buf_done(&encoded);
	return same;
}

static bool take_proof(struct scram *s, struct str text)
{
	struct buf bytes = BUF_MAX(SCRAM_PROOF_BYTES);
	bool good = base64_decode(text, &bytes) == OK && bytes.n == SCRAM_PROOF_BYTES;

	if (good)
		memcpy(s->proof, bytes.p, SCRAM_PROOF_BYTES);
	buf_done(&bytes);
	return good;
}

enum err scram_client_final(struct scram *s, struct str text, const char **ret_complaint)
{
	ptrdiff_t comma = str_rindex(text, ',');
	struct str rest = text, before = str_sub(text, 0, comma < 0 ? 0 : (size_t)comma), binding, nonce;
	struct buf message = { 0 };

	if (comma < 0 || !str_starts(str_from(text, (size_t)comma), S(",p=")) ||
		!take_proof(s, str_from(text, (size_t)comma + 3)))
		return complain(ret_complaint, "a proof is expected");
	if (!take_attribute(&rest, 'c', &binding) || !is_bound(s, binding))
		return complain(ret_complaint, "the channel is not the one the client is bound to");
	if (!take_attribute(&rest, 'r', &nonce) || !str_equal(nonce, s->nonce))
		return complain(ret_complaint, "the nonce is not the one that was sent");
	buf_addf(&message, "%.*s,%.*s,%.*s", STR_FMT(s->bare), STR_FMT(s->server_first), STR_FMT(before));
	s->message = arena_dup(s->arena, buf_str(&message));
	buf_done(&message);
	return OK;
}

void scram_server_final(struct str signature, struct buf *out)
{
	buf_adds(out, "v=");
	base64_encode(signature, out);
}
