/* SPDX-License-Identifier: ISC */
/* Replies of a session, and what counts as its error. */
#include "net/conn.h"
#include "smtp/session.h"

#include <stdio.h>

static void note(struct smtp_session *s, const char *code)
{
	s->errors += code[0] == '5';
}

void smtp_session_reply(struct smtp_session *s, enum smtp_reply reply)
{
	smtp_session_reply_with(s, reply, STR_NONE);
}

void smtp_session_reply_with(struct smtp_session *s, enum smtp_reply reply, struct str arg)
{
	note(s, smtp_reply_code(reply));
	smtp_reply_add(conn_output(s->conn), reply, arg);
}

void smtp_session_reply_error(struct smtp_session *s, enum err e, struct str about)
{
	note(s, err_smtp(e));
	smtp_reply_add_error(conn_output(s->conn), e, about);
}

void smtp_session_reply_text(struct smtp_session *s, const char *code, struct str text)
{
	note(s, code);
	smtp_reply_add_text(conn_output(s->conn), code, text);
}

void smtp_session_reply_too_big(struct smtp_session *s)
{
	char max[24];

	snprintf(max, sizeof(max), "%llu",
		(unsigned long long)s->server->options.max_message_size);
	smtp_session_reply_with(s, SMTP_REPLY_TOO_BIG, str_of(max));
}
