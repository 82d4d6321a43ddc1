/* SPDX-License-Identifier: ISC */
/* STATUS (RFC 3501 6.3.10). */
#include "imap/status_items.h"

enum imap_result imap_cmd_status(struct imap_cmd *cmd)
{
	struct imap_session *s = imap_session(cmd);
	struct imap_status_items items;
	struct store_status status;
	struct str name;
	enum err e = imap_parse_mailbox(&cmd->args, &name);

	if (e == OK)
		e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = imap_status_items_parse(&cmd->args, &items);
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e == OK)
		e = store_folder_status(s->store, s->account, name, cmd->arena, &status);
	if (e == OK)
		e = imap_status_write(cmd, name, &status, &items);
	return e == OK ? imap_reply_ok(cmd, "that is all") : imap_reply_error(cmd, e);
}
