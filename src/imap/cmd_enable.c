/* SPDX-License-Identifier: ISC */
/* ENABLE (RFC 5161): none of the extensions offered needs it yet, and unknown ones are passed over. */
#include "imap/reply.h"

enum imap_result imap_cmd_enable(struct imap_cmd *cmd)
{
	struct str word;
	enum err e;

	do
		e = imap_parse_atom(&cmd->args, &word);
	while (e == OK && !imap_parse_at_end(&cmd->args) && imap_parse_space(&cmd->args) == OK);
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e != OK)
		return imap_reply_error(cmd, e);
	imap_untagged(cmd, "ENABLED");
	return imap_reply_ok(cmd, "nothing to enable");
}
