/* SPDX-License-Identifier: ISC */
#include "imap/expunge.h"

enum { SLICE_MESSAGES = 10000 };

static enum err find_deleted(struct imap_session *s, const struct uidset *uids, struct uidset *found)
{
	const struct store_index *index;
	enum err e = store_folder_index(s->folder, &index);

	for (uint32_t i = 0; e == OK && i < index->count; i++)
		if (index->flags[i] & STORE_DELETED)
			uidset_add(found, index->uids[i]);
	if (e == OK && uids)
		uidset_keep(found, uids);
	return e;
}

/* The last ones first: what is cut off an ordered set's end costs nothing. */
static void take_slice(struct imap_expunge *x)
{
	uint64_t count = uidset_count(x->left);
	uint32_t first = count > SLICE_MESSAGES ? uidset_nth(x->left, (uint32_t)(count - SLICE_MESSAGES + 1)) : 1;

	uidset_copy(x->slice, x->left);
	if (first > 1)
		uidset_remove_range(x->slice, 1, first - 1);
	uidset_remove_range(x->left, first, UINT32_MAX);
}

static enum err run(struct imap_job *job, struct store_tx *tx)
{
	struct imap_expunge *x = (struct imap_expunge *)job;

	uidset_clear(x->gone);
	return store_expunge(tx, job->session->folder, x->slice, false, x->gone);
}

static enum imap_result submit(struct imap_cmd *cmd, struct imap_expunge *x);

static enum imap_result next(struct imap_cmd *cmd, struct imap_job *job, enum err e)
{
	struct imap_expunge *x = (struct imap_expunge *)job;

	x->expunged += e == OK ? uidset_count(x->gone) : 0;
	return e == OK && x->left->n > 0 ? submit(cmd, x) : x->finish(cmd, x, e);
}

static enum imap_result submit(struct imap_cmd *cmd, struct imap_expunge *x)
{
	take_slice(x);
	return imap_job_submit(cmd, &x->job, run, next);
}

enum imap_result imap_expunge_start(struct imap_cmd *cmd, struct imap_expunge *x, const struct uidset *uids,
	enum imap_result (*finish)(struct imap_cmd *cmd, struct imap_expunge *expunge, enum err e))
{
	enum err e;

	x->left = imap_cmd_uidset(cmd);
	x->slice = imap_cmd_uidset(cmd);
	x->gone = imap_cmd_uidset(cmd);
	x->finish = finish;
	e = find_deleted(imap_session(cmd), uids, x->left);
	return e == OK && x->left->n > 0 ? submit(cmd, x) : finish(cmd, x, e);
}
