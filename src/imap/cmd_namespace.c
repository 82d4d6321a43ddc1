/* SPDX-License-Identifier: ISC */
/* NAMESPACE (RFC 2342): one personal namespace without prefix. */
#include "imap/reply.h"

enum imap_result imap_cmd_namespace(struct imap_cmd *cmd)
{
	if (imap_parse_end(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	imap_untagged(cmd, "NAMESPACE ((\"\" \"/\")) NIL NIL");
	return imap_reply_ok(cmd, "that is all");
}
