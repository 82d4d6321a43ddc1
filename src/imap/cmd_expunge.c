/* SPDX-License-Identifier: ISC */
/* EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315 2.1). */
#include "imap/condstore.h"
#include "imap/expunge.h"

static enum imap_result expunged(struct imap_cmd *cmd, struct imap_expunge *x, enum err e)
{
	return e == OK ? imap_reply_expunged(cmd, x->expunged > 0, "expunged") : imap_reply_error(cmd, e);
}

static enum err parse_args(struct imap_cmd *cmd, struct uidset **ret_uids)
{
	struct imap_seqset set;
	enum err e = OK;

	*ret_uids = NULL;
	if (cmd->is_uid) {
		*ret_uids = imap_cmd_uidset(cmd);
		e = imap_seqset_parse(&cmd->args, &set);
		if (e == OK)
			e = imap_resolve(cmd, &set, *ret_uids);
	}
	return e == OK ? imap_parse_end(&cmd->args) : e;
}

enum imap_result imap_cmd_expunge(struct imap_cmd *cmd)
{
	struct uidset *uids;
	enum err e = parse_args(cmd, &uids);

	if (e != OK)
		return imap_reply_error(cmd, e);
	return imap_expunge_start(cmd, arena_make(cmd->arena, struct imap_expunge), uids, expunged);
}
