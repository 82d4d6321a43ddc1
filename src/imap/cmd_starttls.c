/* SPDX-License-Identifier: ISC */
/* STARTTLS (RFC 3501 6.2.1). */
#include "imap/prelogin_local.h"

enum imap_result imap_cmd_starttls(struct imap_cmd *cmd)
{
	struct imap_prelogin *p = imap_prelogin_of(cmd);

	if (imap_parse_end(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	imap_reply_ok(cmd, "begin TLS now");
	return conn_start_tls(p->client.conn, p->server->tls) == OK ? IMAP_DONE : IMAP_CLOSE;
}
