/* SPDX-License-Identifier: ISC */
/*
 * MAIL (RFC 5321 4.1.1.2, 3.3).
 *
 * A user's sender has to be an address of the login (RFC 6409 6.1): the login itself at once,
 * alias and detail by asking directory.  The null sender is taken from users too: read
 * receipts are sent with it (RFC 8098 2.1).
 */
#include "base/utf8.h"
#include "smtp/handlers.h"
#include "smtp/session.h"

static enum smtp_result accept_sender(struct smtp_session *s)
{
	s->phase = SMTP_PHASE_MAIL;
	smtp_session_reply(s, SMTP_REPLY_SENDER_OK);
	return SMTP_DONE;
}

static enum smtp_result refuse_sender(
	struct smtp_session *s, enum smtp_reply reply, struct str about)
{
	smtp_session_reply_with(s, reply, about);
	smtp_session_reset(s);
	return SMTP_DONE;
}

/* The reply to the look-up of a sender that is not the login itself. */
static void sender_looked_up(void *arg, enum err e, const void *reply, int *fd)
{
	struct smtp_session *s = arg;
	const struct ipc_dir_lookup_reply *r = reply;
	enum smtp_result result;

	if (e == OK && r->account == s->login_account) {
		result = accept_sender(s);
	} else if (e != OK && err_is_temporary(e)) {
		smtp_session_reply_error(s, ERR_UNAVAILABLE, STR_NONE);
		smtp_session_reset(s);
		result = SMTP_DONE;
	} else {
		result = refuse_sender(s, SMTP_REPLY_NOT_YOUR_ADDRESS, s->envelope.sender);
	}
	smtp_session_resume(s, result);
}

static enum smtp_result check_owner(struct smtp_session *s)
{
	struct ipc_dir_lookup lookup = { .address = s->envelope.sender,
		.purpose = LOOKUP_SENDER };

	if (!s->policy->needs_login || s->envelope.sender.n == 0 ||
		str_iequal(s->envelope.sender, buf_str(&s->login)))
		return accept_sender(s);
	ipc_call(s->server->hub, ROLE_DIRECTORY, 0, IPC_DIR_LOOKUP, &lookup, -1,
		smtp_session_message_trace(s), s->server->options.lookup_timeout,
		sender_looked_up, s);
	return SMTP_PARK;
}

static void keep_sender(struct smtp_envelope *envelope, const struct message_path *path)
{
	struct buf text = BUF_MAX(SMTP_LINE_MAX);

	message_path_write(path, &text);
	envelope->sender = arena_dup(envelope->arena, buf_str(&text));
	buf_done(&text);
}

static enum smtp_result apply_parameters(struct smtp_session *s, struct str rest)
{
	struct smtp_mail_parameters parameters;
	struct str bad;
	enum err e = smtp_mail_parameters_parse(rest, &parameters, &bad);

	if (e != OK)
		return refuse_sender(s,
			e == ERR_SYNTAX ? SMTP_REPLY_BAD_PARAMETER
					: SMTP_REPLY_UNKNOWN_PARAMETER,
			bad);
	/* RFC 1870 6.1: refused before a byte of it is sent. */
	if (parameters.size > s->server->options.max_message_size) {
		smtp_session_reply_too_big(s);
		smtp_session_reset(s);
		return SMTP_DONE;
	}
	s->envelope.size = parameters.size;
	s->envelope.is_8bit = parameters.is_8bit;
	return check_owner(s);
}

enum smtp_result smtp_cmd_mail(struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->session;
	struct message_path path;
	struct str rest;
	enum err e;

	if (s->server->options.max_messages &&
		s->messages >= s->server->options.max_messages) {
		smtp_session_reply(s, SMTP_REPLY_TOO_MANY_MESSAGES);
		return SMTP_CLOSE;
	}
	if (!utf8_is_ascii(cmd->args))
		return refuse_sender(s, SMTP_REPLY_ADDRESS_UTF8, STR_NONE);
	e = smtp_path_take(cmd->args, S("FROM:"), s->policy->path_flags | MESSAGE_PATH_NULL,
		s->envelope.arena, &path, &rest);
	if (e == ERR_SYNTAX)
		return refuse_sender(s, SMTP_REPLY_SYNTAX, cmd->row->syntax);
	if (e != OK) {
		smtp_session_reply_error(s, ERR_BAD_SENDER, STR_NONE);
		smtp_session_reset(s);
		return SMTP_DONE;
	}
	keep_sender(&s->envelope, &path);
	return apply_parameters(s, rest);
}
