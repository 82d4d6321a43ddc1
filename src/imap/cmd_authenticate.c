/* SPDX-License-Identifier: ISC */
/* AUTHENTICATE (RFC 3501 6.2.2) with an initial response (RFC 4959): PLAIN (RFC 4616) and LOGIN. */
#include "imap/prelogin_local.h"

#include "base/base64.h"

enum { RESPONSE_MAX = 8192 };

struct sasl {
	bool is_login, has_user;
	struct str user;
};

static enum err decode(struct imap_cmd *cmd, struct str text, struct str *ret_bytes)
{
	struct buf out = BUF_MAX(RESPONSE_MAX);
	enum err e = base64_decode(text, &out);

	if (e == OK)
		*ret_bytes = arena_dup(cmd->arena, buf_str(&out));
	else
		e = imap_parse_complain(&cmd->args, "not valid base 64");
	buf_done(&out);
	return e;
}

static enum imap_result login_by_plain(struct imap_cmd *cmd, struct str bytes)
{
	ptrdiff_t first = str_index(bytes, '\0');
	struct str authzid, user, password = str_from(bytes, (size_t)(first + 1));
	ptrdiff_t second = str_index(password, '\0');

	if (first < 0 || second < 0)
		return imap_reply_bad(cmd, "PLAIN wants an authorization id, a user and a password");
	authzid = str_sub(bytes, 0, (size_t)first);
	user = str_sub(password, 0, (size_t)second);
	password = str_from(password, (size_t)second + 1);
	return imap_prelogin_login(cmd, authzid, user, password);
}

static enum imap_result take_response(struct imap_cmd *cmd, struct str bytes)
{
	struct sasl *sasl = cmd->state;

	if (!sasl->is_login)
		return login_by_plain(cmd, bytes);
	if (sasl->has_user)
		return imap_prelogin_login(cmd, STR_NONE, sasl->user, bytes);
	sasl->has_user = true;
	sasl->user = bytes;
	/* "Password:"; some clients compare it. */
	imap_reply_continue(cmd, S("UGFzc3dvcmQ6"));
	return IMAP_PARK;
}

static enum imap_result on_line(struct imap_cmd *cmd, struct str line)
{
	struct str bytes;

	if (str_equal(line, S("*")))
		return imap_reply_error(cmd, ERR_AUTH_CANCELLED);
	if (decode(cmd, line, &bytes) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	return take_response(cmd, bytes);
}

static bool is_base64_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '+' || c == '/' || c == '=';
}

/* ret_initial: STR_NONE when there is none; "=" stands for an empty one (RFC 4959 3). */
static enum err parse_args(struct imap_cmd *cmd, struct sasl *sasl, struct str *ret_initial)
{
	struct str text = STR_NONE;
	enum err e = OK;

	*ret_initial = STR_NONE;
	sasl->is_login = imap_parse_take_word(&cmd->args, "LOGIN");
	if (!sasl->is_login && !imap_parse_take_word(&cmd->args, "PLAIN"))
		return ERR_AUTH_MECHANISM;
	if (imap_parse_at_end(&cmd->args))
		return OK;
	e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = imap_parse_run(&cmd->args, is_base64_char, "expected an initial response in base 64", &text);
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e == OK && str_equal(text, S("=")))
		*ret_initial = S("");
	else if (e == OK)
		e = decode(cmd, text, ret_initial);
	return e;
}

enum imap_result imap_cmd_authenticate(struct imap_cmd *cmd)
{
	struct sasl *sasl = arena_make(cmd->arena, struct sasl);
	struct str initial;
	enum err e = parse_args(cmd, sasl, &initial);

	if (e != OK)
		return imap_reply_error(cmd, e);
	cmd->state = sasl;
	cmd->on_line = on_line;
	if (initial.p)
		return take_response(cmd, initial);
	imap_reply_continue(cmd, sasl->is_login ? S("VXNlcm5hbWU6") : S(""));
	return IMAP_PARK;
}
