/* SPDX-License-Identifier: ISC */
/* CLOSE (RFC 3501 6.4.2) and UNSELECT (RFC 3691). */
#include "imap/expunge.h"

static enum imap_result closed(struct imap_cmd *cmd, struct imap_expunge *x, enum err e)
{
	struct imap_session *s = imap_session(cmd);

	/* RFC 3501 6.4.2: no EXPUNGE replies; after this there is no mailbox to tell of. */
	s->expunged += x->expunged;
	imap_mailbox_close(s);
	return e == OK || e == ERR_NO_FOLDER ? imap_reply_ok(cmd, "closed") : imap_reply_error(cmd, e);
}

enum imap_result imap_cmd_close(struct imap_cmd *cmd)
{
	struct imap_expunge *x = arena_make(cmd->arena, struct imap_expunge);

	if (imap_parse_end(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	if (imap_session(cmd)->read_only)
		return closed(cmd, x, OK);
	return imap_expunge_start(cmd, x, NULL, closed);
}

enum imap_result imap_cmd_unselect(struct imap_cmd *cmd)
{
	if (imap_parse_end(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	imap_mailbox_close(imap_session(cmd));
	return imap_reply_ok(cmd, "unselected");
}
