/* SPDX-License-Identifier: ISC */
/*
 * COPY (RFC 3501 6.4.7) and MOVE (RFC 6851), with their UID forms.
 *
 * RFC 6851 3.3 only asks that each message be moved or left alone.  We move all or none, in one transaction: a
 * client that lost its connection cannot tell where a partial move stopped.
 */
#include "imap/condstore.h"

struct copy_job {
	struct imap_job job;
	struct uidset *uids;
	struct str target;
	struct store_copied copied;
	struct uidset *source; /* where copied.source's memory is kept */
	bool is_move;
};

static enum err run(struct imap_job *job, struct store_tx *tx)
{
	struct copy_job *c = (struct copy_job *)job;
	struct imap_session *s = job->session;

	enum err e;

	c->copied.source = *c->source;
	if (c->is_move)
		e = store_move(tx, s->folder, c->uids, c->target, &c->copied);
	else
		e = store_copy(tx, s->folder, c->uids, c->target, s->quota, &c->copied);
	*c->source = c->copied.source;
	return e;
}

/* "[COPYUID validity source target]" (RFC 4315 3). */
static struct str copyuid(struct imap_cmd *cmd, const struct copy_job *c)
{
	uint64_t n = uidset_count(&c->copied.source);
	struct buf text = { 0 };
	struct str s;

	if (n == 0)
		return S("");
	buf_addf(&text, "[COPYUID %u ", c->copied.uidvalidity);
	imap_write_uidset(&c->copied.source, &text);
	buf_addf(&text, n > 1 ? " %u:%u] " : " %u] ", c->copied.first_uid, c->copied.first_uid + (uint32_t)n - 1);
	s = arena_dup(cmd->arena, buf_str(&text));
	buf_done(&text);
	return s;
}

static enum imap_result copied(struct imap_cmd *cmd, struct imap_job *job, enum err e)
{
	struct copy_job *c = (struct copy_job *)job;
	struct str code = e == OK ? copyuid(cmd, c) : S("");

	if (e != OK)
		return imap_reply_error(cmd, e);
	if (!c->is_move)
		return imap_reply_ok(cmd, "%.*scopied", STR_FMT(code));
	/* RFC 6851 4.3: COPYUID comes before the EXPUNGEs it explains. */
	if (code.n)
		imap_untagged(cmd, "OK %.*smoved", STR_FMT(code));
	return imap_reply_expunged(cmd, code.n > 0, "moved");
}

static enum err parse_args(struct imap_cmd *cmd, struct copy_job *c)
{
	struct imap_seqset set;
	enum err e = imap_seqset_parse(&cmd->args, &set);

	if (e == OK)
		e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = imap_parse_only_mailbox(cmd, &c->target);
	if (e == OK)
		e = imap_resolve(cmd, &set, c->uids);
	return e;
}

/* RFC 2180 4.4.1: a number that stands for an expunged message fails the whole command. */
static enum err check_exist(struct imap_cmd *cmd, const struct copy_job *c)
{
	const struct store_index *index;
	enum err e = store_folder_index(imap_session(cmd)->folder, &index);

	if (e == OK && !cmd->is_uid && !imap_all_exist(index, c->uids))
		e = ERR_EXPUNGED;
	return e;
}

static enum imap_result copy_or_move(struct imap_cmd *cmd, bool is_move)
{
	struct copy_job *c = arena_make(cmd->arena, struct copy_job);
	enum err e;

	c->is_move = is_move;
	c->uids = imap_cmd_uidset(cmd);
	c->source = imap_cmd_uidset(cmd);
	e = parse_args(cmd, c);
	if (e == OK)
		e = check_exist(cmd, c);
	if (e != OK)
		return imap_reply_error(cmd, e);
	return imap_job_submit(cmd, &c->job, run, copied);
}

enum imap_result imap_cmd_copy(struct imap_cmd *cmd)
{
	return copy_or_move(cmd, false);
}

enum imap_result imap_cmd_move(struct imap_cmd *cmd)
{
	return copy_or_move(cmd, true);
}
