/* SPDX-License-Identifier: ISC */
/*
 * IDLE (RFC 2177): parked until the line DONE.  What changes is told at once; a line goes out every
 * imap_idle_keepalive, so that no box on the way forgets the connection.
 */
#include "imap/session_local.h"

static void stop(struct imap_cmd *cmd)
{
	struct imap_session *s = imap_session(cmd);

	s->is_idling = false;
	loop_timer_remove(&s->keepalive);
	if (s->folder)
		store_folder_unpark(s->folder);
}

static enum imap_result on_line(struct imap_cmd *cmd, struct str line)
{
	stop(cmd);
	if (!str_iequal(line, S("DONE")))
		return imap_reply_bad(cmd, "expected DONE");
	return imap_reply_ok(cmd, "idled");
}

static void keep_alive(void *arg)
{
	struct imap_session *s = arg;

	buf_adds(imap_client_output(&s->client), "* OK Still here\r\n");
	loop_timer_start(s->keepalive, s->client.conf->imap_idle_keepalive);
}

enum imap_result imap_cmd_idle(struct imap_cmd *cmd)
{
	struct imap_session *s = imap_session(cmd);

	if (imap_parse_end(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	/* What is pending comes first, else the client would wait for it until the next change. */
	imap_mailbox_sync(s, &(struct imap_sync){ .may_expunge = true });
	if (s->client.is_closing)
		return IMAP_CLOSE;
	imap_reply_continue(cmd, S("idling"));
	s->is_idling = true;
	s->keepalive = loop_timer_add(s->client.loop, keep_alive, s);
	loop_timer_start(s->keepalive, s->client.conf->imap_idle_keepalive);
	if (s->folder)
		store_folder_park(s->folder);
	cmd = imap_client_compact(&s->client);
	cmd->on_line = on_line;
	cmd->on_end = stop;
	return IMAP_PARK;
}
