/* SPDX-License-Identifier: ISC */
/* LOGIN (RFC 3501 6.2.3). */
#include "imap/prelogin_local.h"

enum imap_result imap_cmd_login(struct imap_cmd *cmd)
{
	struct str user, password;
	enum err e = imap_parse_astring(&cmd->args, &user);

	if (e == OK)
		e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = imap_parse_astring(&cmd->args, &password);
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e != OK)
		return imap_reply_error(cmd, e);
	return imap_prelogin_login(cmd, user, password);
}
