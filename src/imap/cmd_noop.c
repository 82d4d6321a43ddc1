/* SPDX-License-Identifier: ISC */
/* NOOP and CHECK (RFC 3501 6.1.2, 6.4.1): all is durable anyway, and each tagged reply brings the news. */
#include "imap/reply.h"

enum imap_result imap_cmd_noop(struct imap_cmd *cmd)
{
	if (imap_parse_end(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	return imap_reply_ok(cmd, "done");
}

enum imap_result imap_cmd_check(struct imap_cmd *cmd)
{
	return imap_cmd_noop(cmd);
}
