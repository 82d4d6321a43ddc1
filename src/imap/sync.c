/* SPDX-License-Identifier: ISC */
/* How a session tells its client what changed in the selected mailbox. */
#include "imap/session_local.h"

static void tell_expunge(void *arg, uint32_t seq)
{
	struct buf *out = arg;

	buf_adds(out, "* ");
	buf_add_u64(out, seq);
	buf_adds(out, " EXPUNGE\r\n");
}

static void sync_expunged(struct imap_session *s, const struct store_index *index)
{
	uint32_t known = s->view.last_uid == UINT32_MAX
		? index->count
		: store_index_find(index, s->view.last_uid + 1);

	if (known == s->view.count)
		return;
	s->expunged += imap_view_expunge(&s->view, index->uids, known, tell_expunge,
		imap_client_output(&s->client));
}

static void sync_new(struct imap_session *s, const struct store_index *index)
{
	uint32_t first = s->view.last_uid == UINT32_MAX
		? index->count
		: store_index_find(index, s->view.last_uid + 1);
	struct buf *out = imap_client_output(&s->client);

	if (first == index->count)
		return;
	imap_mailbox_claim_recent(s, index);
	imap_view_append(&s->view, index->uids + first, index->count - first);
	buf_addf(out, "* %u EXISTS\r\n* %llu RECENT\r\n", s->view.count,
		(unsigned long long)uidset_count(&s->recent));
}

static void tell_flags(struct imap_session *s, const struct store_index *index, uint32_t i, uint32_t seq,
	bool with_uid)
{
	struct buf *out = imap_client_output(&s->client);

	buf_adds(out, "* ");
	buf_add_u64(out, seq);
	buf_adds(out, " FETCH (");
	if (with_uid) {
		buf_adds(out, "UID ");
		buf_add_u64(out, index->uids[i]);
		buf_addc(out, ' ');
	}
	buf_adds(out, "FLAGS ");
	imap_write_flags(index, index->flags[i], uidset_has(&s->recent, index->uids[i]), out);
	buf_adds(out, ")\r\n");
}

static bool is_due(const struct imap_session *s, const struct store_index *index, uint32_t i,
	const struct imap_sync *how)
{
	if (how->forced && uidset_has(how->forced, index->uids[i]))
		return true;
	if (index->modseqs[i] <= s->view.modseq)
		return false;
	return !how->quiet || !uidset_has(how->quiet, index->uids[i]);
}

static void sync_flags(struct imap_session *s, const struct store_index *index, uint32_t known,
	const struct imap_sync *how)
{
	if (index->highest_modseq == s->view.modseq && !how->forced)
		return;
	for (uint32_t i = 0; i < known; i++) {
		uint32_t seq = is_due(s, index, i, how) ? imap_view_seq(&s->view, index->uids[i]) : 0;

		if (seq)
			tell_flags(s, index, i, seq, how->with_uid);
	}
	s->view.modseq = index->highest_modseq;
}

void imap_mailbox_sync(struct imap_session *s, const struct imap_sync *how)
{
	const struct store_index *index;
	uint32_t known;

	if (!s->folder)
		return;
	if (store_folder_is_gone(s->folder)) {
		imap_client_bye(&s->client, "", "the selected mailbox was deleted");
		return;
	}
	/* What cannot be read now is told later. */
	if (store_folder_index(s->folder, &index) != OK)
		return;
	if (how->may_expunge)
		sync_expunged(s, index);
	if (index->keyword_count != s->view.keywords)
		imap_write_flag_names(s, index);
	known = s->view.last_uid == UINT32_MAX ? index->count : store_index_find(index, s->view.last_uid + 1);
	sync_new(s, index);
	sync_flags(s, index, known, how);
	s->view.last_uid = index->uidnext - 1;
}
