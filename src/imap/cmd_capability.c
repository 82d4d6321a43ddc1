/* SPDX-License-Identifier: ISC */
/* CAPABILITY (RFC 3501 6.1.1). */
#include "imap/reply.h"

enum imap_result imap_cmd_capability(struct imap_cmd *cmd)
{
	struct buf *out = imap_out(cmd);

	if (imap_parse_end(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	buf_adds(out, "* CAPABILITY ");
	cmd->client->ops->write_capabilities(cmd->client, out);
	buf_adds(out, "\r\n");
	return imap_reply_ok(cmd, "that is all");
}
