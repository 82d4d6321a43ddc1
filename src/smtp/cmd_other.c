/* SPDX-License-Identifier: ISC */
/* The commands that move no mail. */
#include "net/conn.h"
#include "smtp/handlers.h"
#include "smtp/session.h"

enum smtp_result smtp_cmd_rset(struct smtp_cmd *cmd)
{
	smtp_session_reset(cmd->session);
	smtp_session_reply(cmd->session, SMTP_REPLY_RESET);
	return SMTP_DONE;
}

enum smtp_result smtp_cmd_noop(struct smtp_cmd *cmd)
{
	smtp_session_reply(cmd->session, SMTP_REPLY_OK);
	return SMTP_DONE;
}

/* RFC 5321 7.3: a server that does not want its users listed says 252. */
enum smtp_result smtp_cmd_vrfy(struct smtp_cmd *cmd)
{
	if (cmd->args.n == 0)
		smtp_session_reply_with(cmd->session, SMTP_REPLY_SYNTAX, cmd->row->syntax);
	else
		smtp_session_reply(cmd->session, SMTP_REPLY_CANNOT_VERIFY);
	return SMTP_DONE;
}

enum smtp_result smtp_cmd_help(struct smtp_cmd *cmd)
{
	struct buf verbs = BUF_MAX(SMTP_REPLY_MAX);

	for (size_t i = 0; i < smtp_command_count; i++) {
		if (smtp_commands[i].flags & SMTP_HIDDEN)
			continue;
		if (verbs.n)
			buf_addc(&verbs, ' ');
		buf_add(&verbs, smtp_commands[i].verb);
	}
	smtp_session_reply_with(cmd->session, SMTP_REPLY_HELP, buf_str(&verbs));
	buf_done(&verbs);
	return SMTP_DONE;
}

enum smtp_result smtp_cmd_quit(struct smtp_cmd *cmd)
{
	smtp_session_reply(cmd->session, SMTP_REPLY_BYE);
	return SMTP_CLOSE;
}

enum smtp_result smtp_cmd_unimplemented(struct smtp_cmd *cmd)
{
	smtp_session_reply(cmd->session, SMTP_REPLY_UNIMPLEMENTED);
	return SMTP_DONE;
}

enum smtp_result smtp_cmd_foreign(struct smtp_cmd *cmd)
{
	smtp_session_reply(cmd->session, SMTP_REPLY_FOREIGN);
	return SMTP_CLOSE;
}

/*
 * RFC 3207 4: what came before the handshake is forgotten, and what was sent together with the
 * command is thrown away by conn_start_tls(), or an attacker could put commands into the
 * session of the victim.
 */
enum smtp_result smtp_cmd_starttls(struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->session;

	if (!s->server->tls || conn_is_tls(s->conn)) {
		smtp_session_reply(
			s, s->server->tls ? SMTP_REPLY_TLS_ALREADY : SMTP_REPLY_TLS_NOT_HERE);
		return SMTP_DONE;
	}
	smtp_session_reply(s, SMTP_REPLY_START_TLS);
	smtp_session_reset(s);
	s->phase = SMTP_PHASE_START;
	buf_clear(&s->hello);
	buf_clear(&s->login);
	smtp_session_set_mode(s, SMTP_MODE_HANDSHAKE);
	return conn_start_tls(s->conn, s->server->tls) == OK ? SMTP_DONE : SMTP_CLOSE;
}
