/* SPDX-License-Identifier: ISC */
#include "base/map.h"
#include "imap/session_local.h"

static const struct {
	uint64_t bit;
	const char *name;
} system_flags[] = { { STORE_ANSWERED, "\\Answered" }, { STORE_FLAGGED, "\\Flagged" },
	{ STORE_DELETED, "\\Deleted" }, { STORE_SEEN, "\\Seen" }, { STORE_DRAFT, "\\Draft" } };

enum { SYSTEM_FLAGS = sizeof(system_flags) / sizeof(system_flags[0]) };

static void add_word(struct buf *out, size_t begin, struct str word)
{
	if (out->n > begin)
		buf_addc(out, ' ');
	buf_add(out, word);
}

static void add_flags(const struct store_index *index, uint64_t flags, struct buf *out, size_t begin)
{
	for (size_t i = 0; i < SYSTEM_FLAGS; i++)
		if (flags & system_flags[i].bit)
			add_word(out, begin, str_of(system_flags[i].name));
	for (uint32_t i = 0; flags >> STORE_KEYWORD_FIRST && i < index->keyword_count; i++)
		if (flags & STORE_KEYWORD_BIT(i))
			add_word(out, begin, index->keywords[i]);
}

void imap_write_flags(const struct store_index *index, uint64_t flags, bool is_recent, struct buf *out)
{
	size_t begin;

	buf_addc(out, '(');
	begin = out->n;
	add_flags(index, flags, out, begin);
	if (is_recent)
		add_word(out, begin, S("\\Recent"));
	buf_addc(out, ')');
}

void imap_write_flag_names(struct imap_session *s, const struct store_index *index)
{
	struct buf *out = imap_client_output(&s->client);
	size_t begin;

	buf_adds(out, "* FLAGS ");
	imap_write_flags(index, UINT64_MAX, false, out);
	buf_adds(out, "\r\n* OK [PERMANENTFLAGS (");
	begin = out->n;
	if (!s->read_only) {
		add_flags(index, UINT64_MAX, out, begin);
		if (index->keyword_count < STORE_KEYWORDS_MAX)
			add_word(out, begin, S("\\*"));
	}
	buf_adds(out, ")] flags that can be set\r\n");
	s->view.keywords = index->keyword_count;
}

static struct imap_claim *join_claim(struct imap_session *s, const struct store_index *index)
{
	struct imap_claim *claim = map_get_u64(s->all->claims, (uintptr_t)s->folder);

	if (!claim) {
		claim = mem_make(struct imap_claim);
		claim->next_uid = claim->kept_uid = index->recent_uid;
		map_put_u64(s->all->claims, (uintptr_t)s->folder, claim);
	}
	claim->sessions++;
	return claim;
}

struct claim_job {
	struct store_job job;
	struct store_folder *folder;
};

static enum err run_claim(struct store_job *job, struct store_tx *tx)
{
	struct claim_job *c = (struct claim_job *)job;
	uint32_t first;

	return store_folder_is_gone(c->folder) ? OK : store_folder_claim_recent(tx, c->folder, &first);
}

static void claim_done(struct store_job *job, enum err e)
{
	struct claim_job *c = (struct claim_job *)job;

	/* A mark that was not kept shows messages as recent once more: no harm. */
	store_folder_close(&c->folder);
	free(c);
}

/* One write when the last session leaves, not one for each message that arrives. */
static void keep_claim(struct imap_session *s)
{
	struct claim_job *c = mem_make(struct claim_job);
	struct str name = store_folder_name(s->folder);

	c->job.run = run_claim;
	c->job.done = claim_done;
	if (store_folder_open(s->store, s->account, name, &c->folder) != OK)
		free(c);
	else
		store_submit(s->store, &c->job);
}

static void leave_claim(struct imap_session *s)
{
	struct imap_claim *claim = s->claim;

	s->claim = NULL;
	if (!claim || --claim->sessions)
		return;
	if (claim->next_uid > claim->kept_uid && !store_folder_is_gone(s->folder))
		keep_claim(s);
	map_remove_u64(s->all->claims, (uintptr_t)s->folder);
	free(claim);
}

void imap_mailbox_claim_recent(struct imap_session *s, const struct store_index *index)
{
	uint32_t first = store_index_find(index, s->claim->next_uid);

	for (uint32_t i = first; i < index->count; i++)
		uidset_add(&s->recent, index->uids[i]);
	if (!s->read_only && index->uidnext > s->claim->next_uid)
		s->claim->next_uid = index->uidnext;
}

enum err imap_mailbox_count_recent(
	struct imap_session *s, const struct store_status *status, uint32_t *ret_count)
{
	const struct store_index *index;
	struct store_folder *folder;
	struct imap_claim *claim;
	uint32_t from = status->recent_uid;
	enum err e;

	*ret_count = 0;
	if (from >= status->uidnext)
		return OK;
	e = store_folder_open(s->store, s->account, status->name, &folder);
	if (e != OK)
		return e;
	claim = map_get_u64(s->all->claims, (uintptr_t)folder);
	from = claim && claim->next_uid > from ? claim->next_uid : from;
	e = store_folder_index(folder, &index);
	if (e == OK)
		*ret_count = index->count - store_index_find(index, from);
	store_folder_close(&folder);
	return e;
}

static void on_change(struct store_watch *watch, struct store_folder *folder)
{
	struct imap_session *s = (void *)((char *)watch - offsetof(struct imap_session, watch));

	if (s->is_idling)
		imap_mailbox_sync(s, &(struct imap_sync){ .may_expunge = true });
}

enum err imap_mailbox_open(struct imap_session *s, struct str name, bool read_only)
{
	const struct store_index *index;
	enum err e = store_folder_open(s->store, s->account, name, &s->folder);

	if (e != OK)
		return e;
	e = store_folder_index(s->folder, &index);
	if (e != OK) {
		store_folder_close(&s->folder);
		return e;
	}
	s->read_only = read_only;
	s->claim = join_claim(s, index);
	imap_mailbox_claim_recent(s, index);
	imap_view_append(&s->view, index->uids, index->count);
	s->view.last_uid = index->uidnext - 1;
	s->view.modseq = index->highest_modseq;
	s->watch.fn = on_change;
	store_folder_watch(s->folder, &s->watch);
	s->client.state = IMAP_SELECTED;
	return OK;
}

void imap_mailbox_close(struct imap_session *s)
{
	if (!s->folder)
		return;
	store_folder_unwatch(s->folder, &s->watch);
	leave_claim(s);
	store_folder_close(&s->folder);
	imap_view_done(&s->view);
	uidset_done(&s->recent);
	s->client.state = IMAP_AUTH;
}

bool imap_all_exist(const struct store_index *index, const struct uidset *uids)
{
	for (size_t i = 0; i < uids->n; i++) {
		uint32_t first = uids->v[i].first, last = uids->v[i].last;
		uint32_t after = last == UINT32_MAX ? index->count : store_index_find(index, last + 1);

		if (after - store_index_find(index, first) != last - first + 1)
			return false;
	}
	return true;
}

enum err imap_resolve_as(
	struct imap_cmd *cmd, const struct imap_seqset *set, bool by_uid, struct uidset *uids)
{
	struct imap_session *s = imap_session(cmd);
	uint32_t last = imap_view_uid(&s->view, s->view.count);
	struct uidset *seqs;

	if (by_uid) {
		imap_seqset_resolve(set, last, cmd->arena, uids);
		if (s->view.last_uid < UINT32_MAX)
			uidset_remove_range(uids, s->view.last_uid + 1, UINT32_MAX);
		return OK;
	}
	seqs = imap_cmd_uidset(cmd);
	imap_seqset_resolve(set, s->view.count, cmd->arena, seqs);
	imap_view_uids(&s->view, seqs, uids);
	return uidset_max(seqs) > s->view.count ? ERR_NOT_FOUND : OK;
}

enum err imap_resolve(struct imap_cmd *cmd, const struct imap_seqset *set, struct uidset *uids)
{
	enum err e = imap_resolve_as(cmd, set, cmd->is_uid, uids);

	/* RFC 9051 9: a number above that of the last message is a syntax error; "1:*" in an empty mailbox is
	 * what clients send without thinking. */
	return e == ERR_NOT_FOUND ? imap_parse_complain(&cmd->args, "no message has such a number") : e;
}

enum err imap_parse_only_mailbox(struct imap_cmd *cmd, struct str *ret_name)
{
	enum err e = imap_parse_mailbox(&cmd->args, ret_name);

	return e == OK ? imap_parse_end(&cmd->args) : e;
}
