/* SPDX-License-Identifier: ISC */
/* CLOSE (RFC 3501 6.4.2) and UNSELECT (RFC 3691). */
#include "imap/session_local.h"

struct close_job {
	struct imap_job job;
	struct uidset *expunged;
};

static enum err run(struct imap_job *job, struct store_tx *tx)
{
	struct close_job *c = (struct close_job *)job;

	uidset_clear(c->expunged);
	return store_expunge(tx, job->session->folder, NULL, false, c->expunged);
}

static enum imap_result closed(struct imap_cmd *cmd, struct imap_job *job, enum err e)
{
	struct imap_session *s = imap_session(cmd);

	/* RFC 3501 6.4.2: no EXPUNGE replies; after this there is no mailbox to tell of. */
	s->expunged += uidset_count(((struct close_job *)job)->expunged);
	imap_mailbox_close(s);
	return e == OK || e == ERR_NO_FOLDER ? imap_reply_ok(cmd, "closed") : imap_reply_error(cmd, e);
}

static bool has_deleted(const struct imap_session *s)
{
	const struct store_index *index;

	if (store_folder_index(s->folder, &index) != OK)
		return true;
	for (uint32_t i = 0; i < index->count; i++)
		if (index->flags[i] & STORE_DELETED)
			return true;
	return false;
}

enum imap_result imap_cmd_close(struct imap_cmd *cmd)
{
	struct imap_session *s = imap_session(cmd);
	struct close_job *c = arena_make(cmd->arena, struct close_job);

	if (imap_parse_end(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	c->expunged = imap_cmd_uidset(cmd);
	if (s->read_only || !has_deleted(s))
		return closed(cmd, &c->job, OK);
	return imap_job_submit(cmd, &c->job, run, closed);
}

enum imap_result imap_cmd_unselect(struct imap_cmd *cmd)
{
	if (imap_parse_end(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	imap_mailbox_close(imap_session(cmd));
	return imap_reply_ok(cmd, "unselected");
}
