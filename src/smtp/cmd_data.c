/* SPDX-License-Identifier: ISC */
/* DATA (RFC 5321 4.1.1.4): the bytes are read by session.c, what happens at their end is
 * transaction.c. */
#include "smtp/handlers.h"
#include "smtp/session.h"

enum smtp_result smtp_cmd_data(struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->session;

	s->data = (struct smtp_data){ 0 };
	smtp_body_init(&s->body, &s->server->pool, s->server->options.max_message_size);
	smtp_session_reply(s, SMTP_REPLY_SEND_DATA);
	smtp_session_set_mode(s, SMTP_MODE_DATA);
	return SMTP_DONE;
}
