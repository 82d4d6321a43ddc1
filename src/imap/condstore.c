/* SPDX-License-Identifier: ISC */
#include "imap/condstore.h"

enum { MATCH_PAIRS_MAX = 1000 };

void imap_condstore_enable(struct imap_session *s)
{
	s->condstore = true;
}

void imap_qresync_enable(struct imap_session *s)
{
	s->condstore = s->qresync = true;
}

enum imap_result imap_reply_expunged(struct imap_cmd *cmd, bool any, const char *text)
{
	struct imap_session *s = imap_session(cmd);

	if (!any || !s->condstore)
		return imap_reply_ok(cmd, "%s", text);
	/* The modseq covers what was told, so the news go first. */
	imap_mailbox_sync(s, &(struct imap_sync){ .may_expunge = true, .with_uid = cmd->is_uid });
	return imap_reply_ok(cmd, "[HIGHESTMODSEQ %llu] %s", (unsigned long long)s->view.modseq, text);
}

void imap_keep_changed(const struct store_index *index, uint64_t modseq, struct uidset *uids)
{
	struct uidset changed = { 0 };

	for (uint32_t i = 0; i < index->count; i++)
		if (index->modseqs[i] > modseq)
			uidset_add(&changed, index->uids[i]);
	uidset_keep(uids, &changed);
	uidset_done(&changed);
}

static void take_existing(const struct store_index *index, struct uidset *uids)
{
	struct uidset existing = { 0 };

	for (uint32_t i = 0; i < index->count; i++)
		uidset_add(&existing, index->uids[i]);
	uidset_remove_set(uids, &existing);
	uidset_done(&existing);
}

enum err imap_tell_vanished(struct imap_cmd *cmd, uint64_t modseq, const struct uidset *among, uint32_t sure)
{
	struct imap_session *s = imap_session(cmd);
	struct uidset *uids = imap_cmd_uidset(cmd);
	struct buf *out = imap_out(cmd);
	const struct store_index *index;
	bool complete = true;
	enum err e = store_folder_index(s->folder, &index);

	if (e == OK)
		e = store_folder_vanished(s->folder, modseq, uids, &complete);
	if (e != OK)
		return e;
	if (!complete && index->uidnext - 1 > sure) {
		uidset_add_range(uids, sure + 1, index->uidnext - 1);
		take_existing(index, uids);
	}
	if (among)
		uidset_keep(uids, among);
	if (uids->n) {
		buf_adds(out, "* VANISHED (EARLIER) ");
		imap_write_uidset(uids, out);
		buf_adds(out, "\r\n");
	}
	return OK;
}

enum err imap_match_known(struct imap_cmd *cmd, const struct imap_select_params *params, uint32_t *ret_sure)
{
	const struct imap_view *view = &imap_session(cmd)->view;
	struct uidset *seqs = imap_cmd_uidset(cmd), *uids = imap_cmd_uidset(cmd);
	uint64_t n;

	*ret_sure = 0;
	if (!params->has_match)
		return OK;
	imap_seqset_resolve(&params->match_seqs, 0, cmd->arena, seqs);
	imap_seqset_resolve(&params->match_uids, 0, cmd->arena, uids);
	n = uidset_count(uids);
	if (n != uidset_count(seqs) || n > UINT32_MAX)
		return imap_parse_complain(&cmd->args, "as many numbers as UIDs must be given");
	/* UIDs only go away: with the same number at the same UID, all before it are the same. */
	for (uint32_t i = 0; i < MATCH_PAIRS_MAX && i < n; i++) {
		uint32_t uid = uidset_nth(uids, (uint32_t)n - i);

		if (imap_view_uid(view, uidset_nth(seqs, (uint32_t)n - i)) == uid) {
			*ret_sure = uid;
			return OK;
		}
	}
	return OK;
}
