/* SPDX-License-Identifier: ISC */
/*
 * SEARCH (RFC 3501 6.4.4), with the replies of RFC 4731.  Keys are put in order of what they cost, so that a message is opened only when
 * everything cheaper agrees; the handler yields between messages.
 */
#include "base/time.h"
#include "imap/condstore.h"
#include "imap/object_id.h"
#include "imap/search_key.h"
#include "imap/search_return.h"
#include "imap/search_text.h"

enum { SLICE_ENTRIES = 512, SECONDS_A_DAY = 86400 };

enum cost { COST_INDEX, COST_ENTRY, COST_HEADER, COST_BODY };

struct search {
	struct imap_search_return what;
	struct imap_search_key *root;
	int64_t now_s;
	enum cost cost;
	struct uidset *found; /* UIDs, or numbers */
	bool tells_modseq;
	uint64_t first_modseq, last_modseq, highest_modseq; /* of what was found */
	uint32_t from;        /* UIDs below are done */
	struct arena *slice, *work;
	struct store_entry *entries;
	size_t n, at;

	struct store_entry entry; /* under test */
	uint32_t seq;
	bool is_open, is_unreadable;
	struct imap_message_reader reader;
};

static enum cost own_cost(const struct imap_search_key *key)
{
	switch (key->test) {
	case IMAP_SEARCH_BEFORE:
	case IMAP_SEARCH_ON:
	case IMAP_SEARCH_SINCE:
	case IMAP_SEARCH_LARGER:
	case IMAP_SEARCH_SMALLER:
	case IMAP_SEARCH_OLDER:
	case IMAP_SEARCH_YOUNGER:
	case IMAP_SEARCH_SAVEDBEFORE:
	case IMAP_SEARCH_SAVEDON:
	case IMAP_SEARCH_SAVEDSINCE:
	case IMAP_SEARCH_EMAILID:
	case IMAP_SEARCH_THREADID:
		return COST_ENTRY;
	case IMAP_SEARCH_SENTBEFORE:
	case IMAP_SEARCH_SENTON:
	case IMAP_SEARCH_SENTSINCE:
	case IMAP_SEARCH_HEADER:
		return COST_HEADER;
	case IMAP_SEARCH_BODY:
	case IMAP_SEARCH_TEXT:
		return COST_BODY;
	default:
		return COST_INDEX;
	}
}

static enum err resolve_key(struct imap_cmd *cmd, const struct store_index *index, struct imap_search_key *key)
{
	struct uidset *set;
	enum err e;

	if (key->test == IMAP_SEARCH_KEYWORD)
		key->bits = store_index_keyword(index, key->text);
	if (key->test != IMAP_SEARCH_UID && key->test != IMAP_SEARCH_SEQ)
		return OK;
	set = imap_cmd_uidset(cmd);
	e = imap_resolve_as(cmd, &key->set, key->test == IMAP_SEARCH_UID, set);
	/* A number that no message has is a test that none stands. */
	e = e == ERR_NOT_FOUND ? OK : e;
	key->resolved = *set; /* borrowed: the command's set owns the memory */
	return e;
}

/* Resolves sets and keywords; cheap children first, those of one cost in the client's order. */
static enum err prepare(struct imap_cmd *cmd, const struct store_index *index, struct imap_search_key *key,
	enum cost *ret_cost)
{
	struct imap_search_key *by_cost[COST_BODY + 1] = { NULL }, **last[COST_BODY + 1], **tail = &key->child;
	enum cost most = own_cost(key);
	enum err e = resolve_key(cmd, index, key);

	for (int i = 0; i <= COST_BODY; i++)
		last[i] = &by_cost[i];
	for (struct imap_search_key *child = key->child, *next; e == OK && child; child = next) {
		enum cost cost = COST_INDEX;

		next = child->next;
		e = prepare(cmd, index, child, &cost);
		*last[cost] = child;
		last[cost] = &child->next;
		most = cost > most ? cost : most;
	}
	for (int i = 0; e == OK && i <= COST_BODY; i++) {
		*last[i] = NULL;
		*tail = by_cost[i];
		tail = by_cost[i] ? last[i] : tail;
	}
	*ret_cost = most;
	return e;
}

static bool open_message(struct imap_session *s, struct search *x)
{
	if (x->is_open || x->is_unreadable)
		return x->is_open;
	arena_reset(x->work);
	x->is_open = imap_message_open(&x->reader, s->store, s->account, &x->entry, x->cost >= COST_HEADER, x->work) == OK;
	x->is_unreadable = !x->is_open;
	return x->is_open;
}

static bool matches_date(enum imap_search_test test, int64_t day, int64_t wanted)
{
	if (test == IMAP_SEARCH_BEFORE || test == IMAP_SEARCH_SENTBEFORE || test == IMAP_SEARCH_SAVEDBEFORE)
		return day < wanted;
	if (test == IMAP_SEARCH_ON || test == IMAP_SEARCH_SENTON || test == IMAP_SEARCH_SAVEDON)
		return day == wanted;
	return day >= wanted;
}

static int64_t day_of(int64_t time_s)
{
	int64_t day = time_s / SECONDS_A_DAY;

	return time_s % SECONDS_A_DAY < 0 ? day - 1 : day;
}

static bool matches_text(struct search *x, const struct imap_search_key *key)
{
	bool found = false;
	enum err e;

	if (key->test == IMAP_SEARCH_HEADER)
		e = imap_search_field(&x->reader, key->field, key->text, &found);
	else if (key->test == IMAP_SEARCH_TEXT)
		e = imap_search_header(&x->reader, key->text, &found);
	else
		e = OK;
	if (e == OK && !found && key->test != IMAP_SEARCH_HEADER)
		e = imap_search_body(&x->reader, key->text, &found);
	/* What cannot be read does not hold the text. */
	return e == OK && found;
}

static bool matches_opened(struct imap_session *s, struct search *x, const struct imap_search_key *key)
{
	if (!open_message(s, x))
		return false;
	if (key->test == IMAP_SEARCH_HEADER || key->test == IMAP_SEARCH_BODY || key->test == IMAP_SEARCH_TEXT)
		return matches_text(x, key);
	return (x->reader.structure.flags & MESSAGE_HAS_DATE) &&
		matches_date(key->test, message_date_day(x->reader.structure.date), key->days);
}

static bool has_object_id(const struct store_entry *entry, const struct imap_search_key *key)
{
	struct buf id = { 0 };
	bool is_it;

	if (key->test == IMAP_SEARCH_EMAILID)
		imap_object_id_email(entry, &id);
	else
		imap_object_id_thread(entry, &id);
	is_it = str_equal(buf_str(&id), key->text);
	buf_done(&id);
	return is_it;
}

static bool matches_plain(struct imap_session *s, struct search *x, const struct imap_search_key *key)
{
	const struct store_entry *entry = &x->entry;

	switch (key->test) {
	case IMAP_SEARCH_ALL:
		return true;
	case IMAP_SEARCH_FLAG:
		return ((entry->flags & key->flag) != 0) == key->wanted;
	case IMAP_SEARCH_KEYWORD:
		return ((entry->flags & key->bits) != 0) == key->wanted;
	case IMAP_SEARCH_RECENT:
		return uidset_has(&s->recent, entry->uid) == key->wanted;
	case IMAP_SEARCH_NEW:
		return uidset_has(&s->recent, entry->uid) && !(entry->flags & STORE_SEEN);
	case IMAP_SEARCH_LARGER:
		return entry->size > key->size;
	case IMAP_SEARCH_SMALLER:
		return entry->size < key->size;
	case IMAP_SEARCH_OLDER:
		return entry->internal_date <= x->now_s - (int64_t)key->size;
	case IMAP_SEARCH_YOUNGER:
		return entry->internal_date >= x->now_s - (int64_t)key->size;
	case IMAP_SEARCH_SAVEDBEFORE:
	case IMAP_SEARCH_SAVEDON:
	case IMAP_SEARCH_SAVEDSINCE:
		return matches_date(key->test, day_of(entry->saved_date), key->days);
	case IMAP_SEARCH_EMAILID:
	case IMAP_SEARCH_THREADID:
		return has_object_id(entry, key);
	case IMAP_SEARCH_MODSEQ:
		return entry->modseq >= key->size;
	case IMAP_SEARCH_UID:
	case IMAP_SEARCH_SEQ:
		return uidset_has(&key->resolved, entry->uid);
	default:
		return matches_date(key->test, day_of(entry->internal_date), key->days);
	}
}

static bool matches(struct imap_session *s, struct search *x, const struct imap_search_key *key)
{
	const struct imap_search_key *child = key->child;

	if (key->test == IMAP_SEARCH_NOT)
		return !matches(s, x, child);
	if (key->test == IMAP_SEARCH_OR)
		return matches(s, x, child) || matches(s, x, child->next);
	if (key->test != IMAP_SEARCH_AND)
		return own_cost(key) >= COST_HEADER ? matches_opened(s, x, key) : matches_plain(s, x, key);
	while (child && matches(s, x, child))
		child = child->next;
	return !child;
}

static enum err read_slice(struct imap_session *s, struct search *x, const struct store_index *index, uint32_t at)
{
	uint32_t last = index->count - at > SLICE_ENTRIES ? at + SLICE_ENTRIES - 1 : index->count - 1;

	arena_reset(x->slice);
	x->at = x->n = 0;
	return store_folder_read(s->folder, index->uids[at], index->uids[last], x->slice, &x->entries, &x->n);
}

static enum err next_entry(struct imap_session *s, struct search *x, bool *ret_end)
{
	const struct store_index *index;
	enum err e = OK;
	uint32_t at;

	if (x->at < x->n) {
		x->entry = x->entries[x->at++];
		return OK;
	}
	e = store_folder_index(s->folder, &index);
	at = e == OK ? store_index_find(index, x->from) : 0;
	*ret_end = e != OK || at >= index->count;
	if (*ret_end)
		return e;
	if (x->cost == COST_INDEX) {
		x->entry = (struct store_entry){ .uid = index->uids[at], .flags = index->flags[at],
			.modseq = index->modseqs[at] };
		return OK;
	}
	e = read_slice(s, x, index, at);
	if (e == OK && x->n == 0)
		e = ERR_CORRUPT;
	if (e == OK)
		x->entry = x->entries[x->at++];
	return e;
}

static void test_entry(struct imap_cmd *cmd, struct search *x)
{
	struct imap_session *s = imap_session(cmd);

	x->from = x->entry.uid + 1;
	x->seq = imap_view_seq(&s->view, x->entry.uid);
	x->is_open = x->is_unreadable = false;
	if (!x->seq || !matches(s, x, x->root))
		return;
	if (x->found->n == 0)
		x->first_modseq = x->entry.modseq;
	x->last_modseq = x->entry.modseq;
	if (x->entry.modseq > x->highest_modseq)
		x->highest_modseq = x->entry.modseq;
	uidset_add(x->found, cmd->is_uid ? x->entry.uid : x->seq);
}

/* RFC 4731 3.2: of MIN and MAX alone, that of these messages; else the highest.  0: not told. */
static uint64_t modseq_of(const struct search *x)
{
	const struct imap_search_return *what = &x->what;

	if (!x->tells_modseq || x->found->n == 0)
		return 0;
	if (!what->is_extended || what->all || what->count)
		return x->highest_modseq;
	if (what->min && (!what->max || x->first_modseq > x->last_modseq))
		return x->first_modseq;
	return x->last_modseq;
}

static enum imap_result reply(struct imap_cmd *cmd, const struct search *x)
{
	imap_search_return_write(&x->what, cmd->tag, cmd->is_uid, x->found, modseq_of(x),
		imap_out(cmd));
	return imap_reply_ok(cmd, "searched");
}

static bool asks_modseq(const struct imap_search_key *key)
{
	for (const struct imap_search_key *child = key->child; child; child = child->next)
		if (asks_modseq(child))
			return true;
	return key->test == IMAP_SEARCH_MODSEQ;
}

static enum err begin(struct imap_cmd *cmd, struct search *x)
{
	const struct store_index *index;
	enum err e = imap_search_return_parse(&cmd->args, &x->what);

	if (e == OK)
		e = imap_search_parse(&cmd->args, &x->root);
	x->tells_modseq = e == OK && asks_modseq(x->root);
	if (x->tells_modseq)
		imap_condstore_enable(imap_session(cmd));
	x->now_s = time_wall_s();
	x->found = imap_cmd_uidset(cmd);
	x->slice = imap_cmd_arena(cmd);
	x->work = imap_cmd_arena(cmd);
	if (e == OK)
		e = store_folder_index(imap_session(cmd)->folder, &index);
	return e == OK ? prepare(cmd, index, x->root, &x->cost) : e;
}

enum imap_result imap_cmd_search(struct imap_cmd *cmd)
{
	struct search *x = cmd->state ? cmd->state : arena_make(cmd->arena, struct search);
	enum err e = cmd->state ? OK : begin(cmd, x);
	uint64_t since = time_mono_us();
	bool end = false;

	cmd->state = x;
	while (e == OK && !imap_client_should_yield(cmd->client, since)) {
		e = next_entry(imap_session(cmd), x, &end);
		end = end || (x->found->n && imap_search_return_wants_first_only(&x->what));
		if (e == OK && end)
			return reply(cmd, x);
		if (e == OK)
			test_entry(cmd, x);
	}
	return e == OK ? IMAP_MORE : imap_reply_error(cmd, e);
}
