/* SPDX-License-Identifier: ISC */
/* SELECT and EXAMINE (RFC 3501 6.3.1, 6.3.2) with the parameters of RFC 7162. */
#include "base/time.h"
#include "imap/condstore.h"

struct selecting {
	struct imap_select_params params;
	struct uidset *known; /* what the resync is limited to; NULL: nothing */
	uint32_t from;        /* UIDs below were told */
};

static uint32_t first_unseen(const struct store_index *index)
{
	for (uint32_t i = 0; i < index->count; i++)
		if (!(index->flags[i] & STORE_SEEN))
			return i + 1;
	return 0;
}

static void describe(struct imap_cmd *cmd, const struct store_index *index)
{
	struct imap_session *s = imap_session(cmd);
	uint32_t unseen = first_unseen(index);

	imap_write_flag_names(s, index);
	imap_untagged(cmd, "%u EXISTS", index->count);
	imap_untagged(cmd, "%llu RECENT", (unsigned long long)uidset_count(&s->recent));
	if (unseen)
		imap_untagged(cmd, "OK [UNSEEN %u] first unseen message", unseen);
	imap_untagged(cmd, "OK [UIDVALIDITY %u] UIDs are valid", index->uidvalidity);
	imap_untagged(cmd, "OK [UIDNEXT %u] next UID", index->uidnext);
	imap_untagged(cmd, "OK [HIGHESTMODSEQ %llu] highest", (unsigned long long)index->highest_modseq);
	/* RFC 8474 4.2 */
	imap_untagged(cmd, "OK [MAILBOXID (F%llu)] mailbox id", (unsigned long long)store_folder_id(s->folder));
}

static enum imap_result selected(struct imap_cmd *cmd)
{
	bool read_only = imap_session(cmd)->read_only;

	return imap_reply_ok(cmd, "[%s] %s", read_only ? "READ-ONLY" : "READ-WRITE",
		read_only ? "examined" : "selected");
}

/* The flags of messages that changed since the client was here (RFC 7162 3.2.5.1), a slice at a time. */
static enum imap_result tell_changed(struct imap_cmd *cmd, struct selecting *x)
{
	struct imap_session *s = imap_session(cmd);
	uint64_t since = time_mono_us();
	const struct store_index *index;
	enum err e = store_folder_index(s->folder, &index);

	if (e != OK)
		return imap_reply_error(cmd, e);
	for (uint32_t i = store_index_find(index, x->from); i < index->count; i++) {
		uint32_t uid = index->uids[i], seq;

		if (imap_client_should_yield(&s->client, since)) {
			x->from = uid;
			return IMAP_MORE;
		}
		if (index->modseqs[i] <= x->params.modseq || (x->known && !uidset_has(x->known, uid)))
			continue;
		seq = imap_view_seq(&s->view, uid);
		if (seq)
			imap_tell_flags(s, index, i, seq, &(struct imap_tell){ .uid = true, .flags = true });
	}
	return selected(cmd);
}

static enum imap_result resync(struct imap_cmd *cmd, struct selecting *x)
{
	uint32_t sure;
	enum err e = imap_match_known(cmd, &x->params, &sure);

	if (e == OK && x->params.has_known) {
		x->known = imap_cmd_uidset(cmd);
		imap_seqset_resolve(&x->params.known, 0, cmd->arena, x->known);
	}
	if (e == OK)
		e = imap_tell_vanished(cmd, x->params.modseq, x->known, sure);
	if (e != OK)
		return imap_reply_error(cmd, e);
	x->from = 1;
	return tell_changed(cmd, x);
}

static enum err parse_args(struct imap_cmd *cmd, struct str *ret_name, struct selecting *x)
{
	struct imap_session *s = imap_session(cmd);
	enum err e = imap_parse_mailbox(&cmd->args, ret_name);

	if (e == OK)
		e = imap_select_params_parse(&cmd->args, &x->params);
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e == OK && x->params.qresync && !s->qresync)
		e = imap_parse_complain(&cmd->args, "QRESYNC must be enabled first");
	if (e == OK && x->params.condstore)
		imap_condstore_enable(s);
	return e;
}

static enum imap_result select_mailbox(struct imap_cmd *cmd, bool read_only)
{
	struct imap_session *s = imap_session(cmd);
	struct selecting *x = cmd->state;
	const struct store_index *index;
	struct str name;
	enum err e;

	if (x)
		return tell_changed(cmd, x);
	x = cmd->state = arena_make(cmd->arena, struct selecting);
	e = parse_args(cmd, &name, x);
	if (e != OK)
		return imap_reply_error(cmd, e);
	/* RFC 3501 6.3.1: the old mailbox is deselected even if the new one cannot be selected; RFC 7162 3.2.11. */
	if (s->folder)
		imap_untagged(cmd, "OK [CLOSED] previous mailbox closed");
	imap_mailbox_close(s);
	e = imap_mailbox_open(s, name, read_only);
	if (e == OK)
		e = store_folder_index(s->folder, &index);
	if (e != OK)
		return imap_reply_error(cmd, e);
	describe(cmd, index);
	if (x->params.qresync && x->params.uidvalidity == index->uidvalidity)
		return resync(cmd, x);
	return selected(cmd);
}

enum imap_result imap_cmd_select(struct imap_cmd *cmd)
{
	return select_mailbox(cmd, false);
}

enum imap_result imap_cmd_examine(struct imap_cmd *cmd)
{
	return select_mailbox(cmd, true);
}
