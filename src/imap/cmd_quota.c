/* SPDX-License-Identifier: ISC */
/*
 * GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 2087).  An account has one quota root, "", with STORAGE in units of 1024
 * bytes; without a limit the root lists nothing.  Limits come with the offer: no user sets them.
 */
#include "imap/session_local.h"

enum { UNIT = 1024 };

static enum err write_root(struct imap_cmd *cmd)
{
	const struct imap_session *s = imap_session(cmd);
	uint64_t bytes, messages;
	enum err e = store_account_usage(s->store, s->account, &bytes, &messages);

	if (e != OK)
		return e;
	if (s->quota)
		imap_untagged(cmd, "QUOTA \"\" (STORAGE %llu %llu)", (unsigned long long)((bytes + UNIT - 1) / UNIT),
			(unsigned long long)(s->quota / UNIT));
	else
		imap_untagged(cmd, "QUOTA \"\" ()");
	return OK;
}

static enum err parse_root(struct imap_cmd *cmd)
{
	struct str root;
	enum err e = imap_parse_astring(&cmd->args, &root);

	return e == OK && root.n ? ERR_NOT_FOUND : e;
}

enum imap_result imap_cmd_getquota(struct imap_cmd *cmd)
{
	enum err e = parse_root(cmd);

	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e == OK)
		e = write_root(cmd);
	return e == OK ? imap_reply_ok(cmd, "that is all") : imap_reply_error(cmd, e);
}

/* RFC 9208 4.1.2: the mailbox need not exist. */
enum imap_result imap_cmd_getquotaroot(struct imap_cmd *cmd)
{
	struct buf *out = imap_out(cmd);
	struct str name;
	enum err e = imap_parse_only_mailbox(cmd, &name);

	if (e != OK)
		return imap_reply_error(cmd, e);
	buf_adds(out, "* QUOTAROOT ");
	imap_write_mailbox(name, out);
	buf_adds(out, " \"\"\r\n");
	e = write_root(cmd);
	return e == OK ? imap_reply_ok(cmd, "that is all") : imap_reply_error(cmd, e);
}

static enum err parse_limits(struct imap_parser *ps)
{
	struct str resource;
	uint64_t limit;
	enum err e = imap_parse_char(ps, '(');

	if (e == OK && imap_parse_take(ps, ')'))
		return OK;
	if (e == OK)
		do {
			e = imap_parse_atom(ps, &resource);
			if (e == OK)
				e = imap_parse_space(ps);
			if (e == OK)
				e = imap_parse_number64(ps, &limit);
		} while (e == OK && imap_parse_take(ps, ' '));
	return e == OK ? imap_parse_char(ps, ')') : e;
}

enum imap_result imap_cmd_setquota(struct imap_cmd *cmd)
{
	enum err e = parse_root(cmd);

	if (e == OK)
		e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = parse_limits(&cmd->args);
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	return imap_reply_error(cmd, e == OK ? ERR_NOT_ALLOWED : e);
}
