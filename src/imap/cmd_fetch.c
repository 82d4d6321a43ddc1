/* SPDX-License-Identifier: ISC */
/*
 * FETCH (RFC 3501 6.4.5) with the modifiers of RFC 7162.
 *
 * Messages are answered one by one, ascending; the handler yields between them, and between pieces of a large
 * body.  \Seen is stored when all is sent, in one write, and told as any other change of flags; a store that cannot
 * write does not keep anybody from reading.
 */
#include "base/log.h"
#include "base/time.h"
#include "imap/condstore.h"
#include "imap/fetch_att.h"
#include "imap/message_reader.h"
#include "imap/object_id.h"
#include "message/date.h"

enum { SLICE_ENTRIES = 256, CHUNK_BYTES = 64 << 10 };

struct fetch {
	struct imap_job job;
	struct imap_fetch_atts atts;
	struct imap_fetch_modifiers modifiers;
	struct uidset *uids, *seen;
	bool needs_entries, needs_message, needs_content, sets_seen, tells_modseq;
	uint64_t wanted;  /* messages */
	uint64_t answered;
	enum err failed;  /* of a message that could not be read */

	uint32_t from;    /* UIDs below are done */
	struct arena *slice, *work;
	struct store_entry *entries, one;
	size_t n, at;

	bool in_message;
	size_t att;       /* next item of the message */
	size_t line_at;   /* output before the message's line, while none of it was sent */
	struct imap_message_reader reader;
	struct message_range left; /* of a literal under way */
};

static enum err parse_args(struct imap_cmd *cmd, struct fetch *f)
{
	struct imap_seqset set;
	enum err e = imap_seqset_parse(&cmd->args, &set);

	if (e == OK)
		e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = imap_fetch_atts_parse(&cmd->args, &f->atts);
	if (e == OK)
		e = imap_fetch_modifiers_parse(&cmd->args, &f->modifiers);
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e == OK && f->modifiers.vanished &&
		!(cmd->is_uid && f->modifiers.changed_since && imap_session(cmd)->qresync))
		e = imap_parse_complain(&cmd->args, "VANISHED is for UID FETCH with CHANGEDSINCE, QRESYNC enabled");
	return e == OK ? imap_resolve(cmd, &set, f->uids) : e;
}

/* What is answered though it may not have been asked for. */
static void add_att(struct imap_cmd *cmd, struct imap_fetch_atts *atts, enum imap_fetch_kind kind)
{
	struct imap_fetch_att *v = arena_array(cmd->arena, struct imap_fetch_att, atts->n + 1);

	for (size_t i = 0; i < atts->n; i++)
		if (atts->v[i].kind == kind)
			return;
	v[0].kind = kind;
	memcpy(v + 1, atts->v, atts->n * sizeof(*v));
	*atts = (struct imap_fetch_atts){ v, atts->n + 1 };
}

static void study(struct fetch *f)
{
	for (size_t i = 0; i < f->atts.n; i++) {
		const struct imap_fetch_att *att = &f->atts.v[i];

		f->needs_message |= imap_fetch_att_needs_message(att);
		f->needs_content |= att->kind >= IMAP_FETCH_SECTION;
		f->sets_seen |= imap_fetch_att_sets_seen(att);
		f->needs_entries |= att->kind != IMAP_FETCH_FLAGS && att->kind != IMAP_FETCH_UID &&
			att->kind != IMAP_FETCH_MODSEQ;
		f->tells_modseq |= att->kind == IMAP_FETCH_MODSEQ;
	}
	f->needs_entries |= f->needs_message;
}

/* Flags and UIDs are in memory; all else is read by slices.  NULL: no more. */
static enum err next_entry(struct imap_session *s, struct fetch *f, const struct store_index *index,
	const struct store_entry **ret_entry)
{
	enum err e = OK;

	*ret_entry = NULL;
	if (!f->needs_entries) {
		uint32_t uid = uidset_at_least(f->uids, f->from), i = uid ? store_index_find(index, uid) : 0;

		while (uid && i < index->count && index->uids[i] != uid) {
			uid = uidset_at_least(f->uids, index->uids[i]);
			i = uid ? store_index_find(index, uid) : 0;
		}
		if (!uid || i >= index->count)
			return OK;
		f->one = (struct store_entry){ .uid = uid, .flags = index->flags[i],
			.modseq = index->modseqs[i] };
		*ret_entry = &f->one;
		return OK;
	}
	if (f->at == f->n) {
		arena_reset(f->slice);
		f->at = f->n = 0;
		e = store_folder_read_set(s->folder, f->uids, f->from, SLICE_ENTRIES, f->slice, &f->entries, &f->n);
	}
	if (e == OK && f->at < f->n)
		*ret_entry = &f->entries[f->at++];
	return e;
}

static void write_date(int64_t time_s, struct buf *out)
{
	buf_addc(out, '"');
	message_date_write_imap((struct message_date){ .time_s = time_s }, out);
	buf_addc(out, '"');
}

/* The bytes of a section; the first piece is read before its length is promised. */
static enum err begin_section(
	struct fetch *f, const struct imap_fetch_att *att, struct buf *out)
{
	struct imap_section_bytes bytes;
	enum err e = imap_message_section(&f->reader, att, &bytes);

	if (e == ERR_NOT_FOUND) {
		buf_adds(out, "NIL");
		return OK;
	}
	if (e != OK)
		return e;
	if (bytes.is_made) {
		imap_write_literal_head(bytes.made.n, out);
		buf_add(out, bytes.made);
		return OK;
	}
	e = imap_message_check(&f->reader, bytes.range.offset, bytes.range.size);
	if (e == OK)
		imap_write_literal_head(bytes.range.size, out);
	f->left = bytes.range;
	return e;
}

static enum err write_message_item(struct fetch *f, const struct imap_fetch_att *att, struct buf *out)
{
	switch (att->kind) {
	case IMAP_FETCH_PREVIEW:
		imap_write_string(f->reader.structure.preview, out);
		return OK;
	case IMAP_FETCH_ENVELOPE:
		message_structure_add_envelope(&f->reader.structure, out);
		return OK;
	case IMAP_FETCH_BODY:
		message_structure_add_body(&f->reader.structure, out);
		return OK;
	case IMAP_FETCH_BODYSTRUCTURE:
		message_structure_add_bodystructure(&f->reader.structure, out);
		return OK;
	default:
		return begin_section(f, att, out);
	}
}

static enum err write_item(
	struct imap_session *s, struct fetch *f, const struct imap_fetch_att *att, struct buf *out)
{
	const struct store_entry *entry = &f->reader.entry;
	const struct store_index *index;
	enum err e;

	imap_fetch_att_write_name(att, out);
	buf_addc(out, ' ');
	switch (att->kind) {
	case IMAP_FETCH_FLAGS:
		e = store_folder_index(s->folder, &index);
		if (e == OK)
			imap_write_flags(index, entry->flags, uidset_has(&s->recent, entry->uid), out);
		return e;
	case IMAP_FETCH_UID:
		buf_add_u64(out, entry->uid);
		return OK;
	case IMAP_FETCH_MODSEQ:
		buf_addf(out, "(%llu)", (unsigned long long)entry->modseq);
		return OK;
	case IMAP_FETCH_INTERNALDATE:
		write_date(entry->internal_date, out);
		return OK;
	case IMAP_FETCH_SAVEDATE:
		write_date(entry->saved_date, out);
		return OK;
	case IMAP_FETCH_EMAILID:
		buf_addc(out, '(');
		imap_object_id_email(entry, out);
		buf_addc(out, ')');
		return OK;
	case IMAP_FETCH_THREADID:
		buf_addc(out, '(');
		imap_object_id_thread(entry, out);
		buf_addc(out, ')');
		return OK;
	case IMAP_FETCH_SIZE:
		buf_add_u64(out, entry->size);
		return OK;
	default:
		return write_message_item(f, att, out);
	}
}

static enum err begin_message(struct imap_session *s, struct fetch *f, const struct store_entry *entry, bool *ret_skip)
{
	uint32_t seq = imap_view_seq(&s->view, entry->uid);
	struct buf *out = imap_client_output(&s->client);
	enum err e = OK;

	f->from = entry->uid + 1;
	*ret_skip = seq == 0;
	if (seq == 0)
		return OK;
	f->reader.entry = *entry;
	if (f->needs_message) {
		arena_reset(f->work);
		e = imap_message_open(&f->reader, s->store, s->account, entry, f->needs_content, f->work);
	}
	if (e != OK)
		return e;
	f->in_message = true;
	f->att = 0;
	f->line_at = out->n;
	buf_addf(out, "* %u FETCH (", seq);
	return OK;
}

static void end_message(struct imap_session *s, struct fetch *f)
{
	f->in_message = false;
	f->answered++;
	s->fetched += f->needs_message;
	buf_adds(imap_client_output(&s->client), ")\r\n");
	if (f->sets_seen && !s->read_only && !(f->reader.entry.flags & STORE_SEEN))
		uidset_add(f->seen, f->reader.entry.uid);
}

static enum err send_piece(struct imap_session *s, struct fetch *f)
{
	struct buf *out = imap_client_output(&s->client);
	size_t want = f->left.size < CHUNK_BYTES ? (size_t)f->left.size : CHUNK_BYTES, got;
	char *p = buf_reserve(out, want);
	enum err e = p ? imap_message_read(&f->reader, f->left.offset, want, p, &got) : ERR_LIMIT;

	if (e == OK && got != want)
		e = ERR_CORRUPT;
	if (e != OK)
		return e;
	buf_added(out, got);
	f->left.offset += got;
	f->left.size -= got;
	return OK;
}

/* One step: a piece, an item, or the end of the message. */
static enum err continue_message(struct imap_session *s, struct fetch *f)
{
	struct buf *out = imap_client_output(&s->client);

	if (f->left.size)
		return send_piece(s, f);
	if (f->att == f->atts.n) {
		end_message(s, f);
		return OK;
	}
	if (f->att)
		buf_addc(out, ' ');
	return write_item(s, f, &f->atts.v[f->att++], out);
}

/* Takes back a line of which nothing was sent yet; false: the client has half a message, only the end helps. */
static bool take_back(struct imap_session *s, struct fetch *f)
{
	struct buf *out = imap_client_output(&s->client);

	f->in_message = false;
	f->left.size = 0;
	if (f->line_at == SIZE_MAX)
		return false;
	buf_truncate(out, f->line_at);
	return true;
}

static bool note_failure(struct imap_session *s, struct fetch *f, enum err e)
{
	LOG(LOG_ERROR, "imap_fetch_failed", F_TRACE(s->client.trace), F_U64("account", s->account),
		F_U64("uid", f->reader.entry.uid), F_ERR(e));
	f->failed = e;
	return !f->in_message || take_back(s, f);
}

static enum err run_seen(struct imap_job *job, struct store_tx *tx)
{
	struct fetch *f = (struct fetch *)job;
	const struct store_flags change = { .op = STORE_FLAGS_ADD, .flags = STORE_SEEN };
	struct uidset changed = { 0 };
	enum err e = store_store_flags(tx, job->session->folder, f->seen, &change, &changed, NULL);

	uidset_done(&changed);
	return e;
}

static enum imap_result finished(struct imap_cmd *cmd, struct imap_job *job, enum err e)
{
	struct fetch *f = (struct fetch *)job;

	if (f->failed != OK)
		return imap_reply_error(cmd, f->failed);
	if (!cmd->is_uid && f->answered < f->wanted)
		return imap_reply_ok(cmd, "[EXPUNGEISSUED] some messages were expunged");
	return imap_reply_ok(cmd, "fetched");
}

static enum imap_result finish(struct imap_cmd *cmd, struct fetch *f)
{
	if (f->seen->n)
		return imap_job_submit(cmd, &f->job, run_seen, finished);
	return finished(cmd, &f->job, OK);
}

/* OK, or an error that concerns the whole command; *ret_end: no message is left. */
static enum err next_message(struct imap_session *s, struct fetch *f, bool *ret_end)
{
	const struct store_index *index;
	const struct store_entry *entry;
	bool skip = true;
	enum err e = store_folder_index(s->folder, &index);

	if (e == OK)
		e = next_entry(s, f, index, &entry);
	*ret_end = e != OK || !entry;
	if (*ret_end)
		return e;
	e = begin_message(s, f, entry, &skip);
	if (e != OK)
		note_failure(s, f, e);
	return OK;
}

static enum imap_result work(struct imap_cmd *cmd, struct fetch *f)
{
	struct imap_session *s = imap_session(cmd);
	uint64_t since = time_mono_us();
	bool end = false;

	while (!imap_client_should_yield(&s->client, since)) {
		if (f->in_message) {
			enum err e = continue_message(s, f);

			if (e != OK && !note_failure(s, f, e))
				return IMAP_CLOSE;
			continue;
		}
		enum err e = next_message(s, f, &end);

		if (e != OK)
			return imap_reply_error(cmd, e);
		if (end)
			return finish(cmd, f);
	}
	/* What is in the output may be on its way from here on. */
	f->line_at = SIZE_MAX;
	return IMAP_MORE;
}

static struct fetch *begin(struct imap_cmd *cmd)
{
	struct fetch *f = arena_make(cmd->arena, struct fetch);

	f->uids = imap_cmd_uidset(cmd);
	f->seen = imap_cmd_uidset(cmd);
	f->slice = imap_cmd_arena(cmd);
	f->work = imap_cmd_arena(cmd);
	return f;
}

/* RFC 7162 3.1.4.1, 3.2.6 */
static enum err limit_to_changed(struct imap_cmd *cmd, struct fetch *f)
{
	struct imap_session *s = imap_session(cmd);
	const struct store_index *index;
	enum err e = OK;

	/* What the client has not been told of yet did not vanish earlier. */
	if (f->modifiers.vanished) {
		imap_mailbox_sync(s, &(struct imap_sync){ .may_expunge = true, .with_uid = true });
		e = s->client.is_closing ? ERR_NO_FOLDER : imap_tell_vanished(cmd, f->modifiers.modseq, f->uids, 0);
	}
	if (e == OK)
		e = store_folder_index(s->folder, &index);
	if (e == OK)
		imap_keep_changed(index, f->modifiers.modseq, f->uids);
	return e;
}

static enum err prepare(struct imap_cmd *cmd, struct fetch *f)
{
	enum err e = parse_args(cmd, f);

	if (e == OK && f->modifiers.changed_since) {
		add_att(cmd, &f->atts, IMAP_FETCH_MODSEQ);
		e = limit_to_changed(cmd, f);
	}
	/* RFC 3501 6.4.8 */
	if (e == OK && cmd->is_uid)
		add_att(cmd, &f->atts, IMAP_FETCH_UID);
	study(f);
	if (e == OK && f->tells_modseq)
		imap_condstore_enable(imap_session(cmd));
	f->wanted = uidset_count(f->uids);
	return e;
}

enum imap_result imap_cmd_fetch(struct imap_cmd *cmd)
{
	struct fetch *f = cmd->state ? cmd->state : begin(cmd);
	enum err e;

	if (!cmd->state) {
		e = prepare(cmd, f);
		if (e != OK)
			return imap_reply_error(cmd, e);
		cmd->state = f;
	}
	return work(cmd, f);
}
