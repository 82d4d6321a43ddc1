/* SPDX-License-Identifier: ISC */
/* LOGOUT (RFC 3501 6.1.3). */
#include "imap/reply.h"

enum imap_result imap_cmd_logout(struct imap_cmd *cmd)
{
	if (imap_parse_end(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	imap_untagged(cmd, "BYE logging out");
	buf_addf(imap_out(cmd), "%.*s OK bye\r\n", STR_FMT(cmd->tag));
	return IMAP_CLOSE;
}
