/* SPDX-License-Identifier: ISC */
/* EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315 2.1). */
#include "imap/condstore.h"

struct expunge_job {
	struct imap_job job;
	struct uidset *uids; /* NULL: all with \Deleted */
	struct uidset *expunged;
};

static enum err run(struct imap_job *job, struct store_tx *tx)
{
	struct expunge_job *x = (struct expunge_job *)job;

	uidset_clear(x->expunged);
	return store_expunge(tx, job->session->folder, x->uids, false, x->expunged);
}

static enum imap_result expunged(struct imap_cmd *cmd, struct imap_job *job, enum err e)
{
	const struct expunge_job *x = (struct expunge_job *)job;

	return e == OK ? imap_reply_expunged(cmd, x->expunged->n > 0, "expunged") : imap_reply_error(cmd, e);
}

static enum err parse_args(struct imap_cmd *cmd, struct expunge_job *x)
{
	struct imap_seqset set;
	enum err e = OK;

	if (cmd->is_uid) {
		x->uids = imap_cmd_uidset(cmd);
		e = imap_seqset_parse(&cmd->args, &set);
		if (e == OK)
			e = imap_resolve(cmd, &set, x->uids);
	}
	return e == OK ? imap_parse_end(&cmd->args) : e;
}

enum imap_result imap_cmd_expunge(struct imap_cmd *cmd)
{
	struct expunge_job *x = arena_make(cmd->arena, struct expunge_job);
	enum err e = parse_args(cmd, x);

	if (e != OK)
		return imap_reply_error(cmd, e);
	x->expunged = imap_cmd_uidset(cmd);
	return imap_job_submit(cmd, &x->job, run, expunged);
}
