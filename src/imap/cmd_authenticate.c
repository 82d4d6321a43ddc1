/* SPDX-License-Identifier: ISC */
/* AUTHENTICATE (RFC 3501 6.2.2) with an initial response (RFC 4959). */
#include "imap/prelogin_local.h"
#include "login/sasl.h"

static enum imap_result go_on(struct imap_cmd *cmd, enum sasl_next next, struct buf *challenge)
{
	const struct sasl *sasl = cmd->state;
	enum imap_result result = IMAP_PARK;

	if (next == SASL_CHALLENGE)
		imap_reply_continue(cmd, buf_str(challenge));
	else if (next == SASL_CREDENTIALS)
		result = imap_prelogin_login(cmd, sasl->authzid, sasl->user, sasl->password);
	else if (sasl->error == ERR_SYNTAX)
		result = imap_reply_bad(cmd, sasl->complaint);
	else
		result = imap_reply_error(cmd, sasl->error);
	buf_done(challenge);
	return result;
}

static enum imap_result on_line(struct imap_cmd *cmd, struct str line)
{
	struct buf challenge = { 0 };

	return go_on(cmd, sasl_take(cmd->state, line, &challenge), &challenge);
}

static bool is_base64_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '+' || c == '/' || c == '=';
}

/* ret_initial: STR_NONE when there is none. */
static enum err parse_args(struct imap_cmd *cmd, struct sasl *sasl, struct str *ret_initial)
{
	struct str mechanism;
	enum err e = imap_parse_atom(&cmd->args, &mechanism);

	*ret_initial = STR_NONE;
	if (e == OK && !sasl_begin(sasl, mechanism, cmd->arena))
		e = ERR_AUTH_MECHANISM;
	if (e != OK || imap_parse_at_end(&cmd->args))
		return e;
	e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = imap_parse_run(&cmd->args, is_base64_char, "expected an initial response in base 64", ret_initial);
	return e == OK ? imap_parse_end(&cmd->args) : e;
}

enum imap_result imap_cmd_authenticate(struct imap_cmd *cmd)
{
	struct sasl *sasl = arena_make(cmd->arena, struct sasl);
	struct buf challenge = { 0 };
	struct str initial;
	enum err e = parse_args(cmd, sasl, &initial);

	if (e != OK)
		return imap_reply_error(cmd, e);
	cmd->state = sasl;
	cmd->on_line = on_line;
	return go_on(cmd, sasl_start(sasl, initial, &challenge), &challenge);
}
