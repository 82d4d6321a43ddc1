/* SPDX-License-Identifier: ISC */
/* How a session tells its client what changed in the selected mailbox. */
#include "imap/session_local.h"

struct telling {
	struct buf *out;
	struct uidset gone;
};

static void note_vanished(void *arg, uint32_t seq, uint32_t uid)
{
	uidset_add(&((struct telling *)arg)->gone, uid);
}

static void tell_expunge(void *arg, uint32_t seq, uint32_t uid)
{
	struct telling *t = arg;

	uidset_add(&t->gone, uid);
	buf_adds(t->out, "* ");
	buf_add_u64(t->out, seq);
	buf_adds(t->out, " EXPUNGE\r\n");
}

static void sync_expunged(struct imap_session *s, const struct store_index *index)
{
	struct telling t = { .out = imap_client_output(&s->client) };
	uint32_t known = s->view.last_uid == UINT32_MAX
		? index->count
		: store_index_find(index, s->view.last_uid + 1);

	if (known == s->view.count)
		return;
	s->expunged += imap_view_expunge(&s->view, index->uids, known, s->qresync ? note_vanished : tell_expunge, &t);
	/* RFC 7162 3.2.10.1: UIDs in place of numbers. */
	if (s->qresync) {
		buf_adds(t.out, "* VANISHED ");
		imap_write_uidset(&t.gone, t.out);
		buf_adds(t.out, "\r\n");
	}
	uidset_remove_set(&s->recent, &t.gone);
	uidset_done(&t.gone);
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

void imap_tell_flags(struct imap_session *s, const struct store_index *index, uint32_t i, uint32_t seq,
	const struct imap_tell *what)
{
	struct buf *out = imap_client_output(&s->client);
	const char *separator = "";

	buf_adds(out, "* ");
	buf_add_u64(out, seq);
	buf_adds(out, " FETCH (");
	if (what->uid) {
		buf_adds(out, "UID ");
		buf_add_u64(out, index->uids[i]);
		separator = " ";
	}
	if (what->flags) {
		buf_adds(out, separator);
		buf_adds(out, "FLAGS ");
		imap_write_flags(index, index->flags[i], uidset_has(&s->recent, index->uids[i]), out);
		separator = " ";
	}
	if (s->condstore) {
		buf_adds(out, separator);
		buf_adds(out, "MODSEQ (");
		buf_add_u64(out, index->modseqs[i]);
		buf_addc(out, ')');
	}
	buf_adds(out, ")\r\n");
}

/* RFC 7162 3.1.3: of a silent STORE the client learns the modseq all the same. */
static bool is_due(const struct imap_session *s, const struct store_index *index, uint32_t i,
	const struct imap_sync *how, bool *ret_quiet)
{
	bool forced = how->forced && uidset_has(how->forced, index->uids[i]);

	*ret_quiet = false;
	if (!forced && index->modseqs[i] <= s->view.modseq)
		return false;
	*ret_quiet = how->quiet && uidset_has(how->quiet, index->uids[i]);
	return !*ret_quiet || s->condstore;
}

static void sync_flags(struct imap_session *s, const struct store_index *index, uint32_t known,
	const struct imap_sync *how)
{
	if (index->highest_modseq == s->view.modseq && !how->forced)
		return;
	for (uint32_t i = 0; i < known; i++) {
		bool quiet;
		uint32_t seq = is_due(s, index, i, how, &quiet) ? imap_view_seq(&s->view, index->uids[i]) : 0;

		if (seq)
			imap_tell_flags(s, index, i, seq,
				&(struct imap_tell){ .uid = how->with_uid || s->qresync, .flags = !quiet });
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
