/* SPDX-License-Identifier: ISC */
/* ID (RFC 2971): what the client says goes to the log. */
#include "imap/reply.h"

#include <stdlib.h>

enum { PAIRS_MAX = 30, LOGGED_MAX = 200 };

static void note(struct buf *seen, struct str key, struct str value)
{
	if (!value.p || seen->n + value.n > LOGGED_MAX)
		return;
	if (!str_iequal(key, S("name")) && !str_iequal(key, S("version")))
		return;
	if (seen->n)
		buf_addc(seen, ' ');
	buf_add(seen, value);
}

static enum err parse_pairs(struct imap_cmd *cmd, struct buf *seen)
{
	struct str key, value;
	enum err e = OK;

	for (int i = 0; e == OK && !imap_parse_take(&cmd->args, ')'); i++) {
		if (i == PAIRS_MAX)
			return imap_parse_complain(&cmd->args, "at most 30 pairs (RFC 2971 3.3)");
		if (i)
			e = imap_parse_space(&cmd->args);
		if (e == OK)
			e = imap_parse_string(&cmd->args, &key);
		if (e == OK)
			e = imap_parse_space(&cmd->args);
		if (e == OK)
			e = imap_parse_nstring(&cmd->args, &value);
		if (e == OK)
			note(seen, key, value);
	}
	return e;
}

static enum err parse_args(struct imap_cmd *cmd, struct buf *seen)
{
	enum err e = OK;

	if (imap_parse_at_end(&cmd->args) || imap_parse_take_word(&cmd->args, "NIL"))
		return imap_parse_end(&cmd->args);
	e = imap_parse_char(&cmd->args, '(');
	if (e == OK)
		e = parse_pairs(cmd, seen);
	return e == OK ? imap_parse_end(&cmd->args) : e;
}

enum imap_result imap_cmd_id(struct imap_cmd *cmd)
{
	struct buf seen = BUF_MAX(LOGGED_MAX + 1);
	enum err e = parse_args(cmd, &seen);

	if (e == OK && seen.n) {
		free((char *)cmd->client->id.p);
		cmd->client->id = str_make(mem_dup(buf_str(&seen)), seen.n);
	}
	buf_done(&seen);
	if (e != OK)
		return imap_reply_error(cmd, e);
	imap_untagged(cmd, "ID (\"name\" \"Restante\")");
	return imap_reply_ok(cmd, "pleased to meet you");
}
