/* SPDX-License-Identifier: ISC */
#include "store/replay.h"

#include "store/move.h"

struct replay {
	struct store_tx *tx;
	struct replay_counts *counts;
};

/* ---- messages ---- */

static enum err find_folder(struct replay *r, const struct event *event, struct tx_folder **ret_folder)
{
	struct tx_account *a;
	enum err e = tx_get_account(r->tx, event->account, &a);

	if (e == OK)
		e = tx_get_folder(r->tx, a, event->folder, ret_folder);
	return e == ERR_NOT_FOUND ? ERR_NO_FOLDER : e;
}

static void raise_to(uint64_t *value, uint64_t least)
{
	if (*value < least)
		*value = least;
}

/* The UID was given before, to a record that was never committed: this one is the true one. */
static enum err replace_message(struct replay *r, struct tx_folder *f, const struct store_entry *entry)
{
	struct chunk_place place = { f->account->account, f->row.id, 0 };
	struct store_entry *entries = r->tx->entries;
	struct str blob;
	size_t n;
	enum err e = tx_flush_entries(r->tx, f);

	if (e != OK || !chunks_next(r->tx, &place, entry->uid, &blob, &e))
		return e;
	e = chunk_decode(blob, entries, &n);
	for (size_t i = 0; e == OK && i < n; i++) {
		if (entries[i].uid != entry->uid)
			continue;
		tx_count(f, &entries[i], -1);
		entries[i] = *entry;
		tx_count(f, entry, 1);
		r->counts->replaced++;
		return chunks_rewrite(r->tx, &place, entries, n);
	}
	return e;
}

static enum err add_message(struct replay *r, const struct event *event)
{
	const struct store_entry *entry = &event->entry;
	struct tx_folder *f;
	enum err e = find_folder(r, event, &f);

	if (e == ERR_NO_FOLDER) {
		r->counts->lost++;
		return OK;
	}
	if (e != OK)
		return e;
	raise_to(&f->account->row.counter, entry->instance + 1);
	f->row.modseq = entry->modseq;
	raise_to(&f->account->row.modseq, entry->modseq);
	r->counts->messages++;
	tx_touch(r->tx, f);
	if (entry->uid < f->row.counter)
		return replace_message(r, f, entry);
	f->row.counter = f->row.recent = (uint64_t)entry->uid + 1;
	return tx_push(r->tx, f, entry);
}

/* ---- notes ---- */

/* The account's modseq before and as of a note; what it does takes the next one, as it did the first time. */
struct clock {
	uint64_t before, noted;
};

static struct clock turn_back(struct tx_account *account, uint64_t modseq)
{
	struct clock clock = { account->row.modseq, modseq };

	account->row.modseq = modseq ? modseq - 1 : 0;
	return clock;
}

static void turn_on(struct tx_account *account, struct clock clock)
{
	raise_to(&account->row.modseq, clock.before);
	raise_to(&account->row.modseq, clock.noted);
}

static enum err redo_flags(struct replay *r, const struct event *event, struct rd *rd)
{
	struct uidset uids = { 0 }, changed = { 0 };
	struct store_flags change = { .op = (enum store_flags_op)rd_u8(rd) };
	uint64_t bits = rd_varint(rd);
	struct tx_folder *f;
	enum err e;

	event_read_set(rd, &uids);
	e = rd->bad || change.op > STORE_FLAGS_REPLACE ? ERR_CORRUPT : find_folder(r, event, &f);
	if (e == OK) {
		struct clock clock = turn_back(f->account, event->modseq);

		e = flags_change(r->tx, f, &change, bits, &uids, &changed, NULL);
		turn_on(f->account, clock);
	}
	uidset_done(&uids);
	uidset_done(&changed);
	return e;
}

/*
 * Messages whose records compaction has dropped are not remembered as expunged: who asks for what went before is told to
 * look at everything.  Their UIDs are not given again.
 */
static void forget_unseen(struct replay *r, struct tx_folder *f, const struct event *event, const struct uidset *uids,
	const struct uidset *gone)
{
	if (uids->n == 0 || uidset_count(uids) == uidset_count(gone))
		return;
	raise_to(&f->row.counter, (uint64_t)uidset_max(uids) + 1);
	raise_to(&f->row.recent, f->row.counter);
	raise_to(&f->row.modseq, event->modseq);
	raise_to(&f->row.floor, event->modseq);
	tx_touch(r->tx, f);
}

static enum err redo_expunge(struct replay *r, const struct event *event, struct rd *rd)
{
	struct uidset uids = { 0 }, gone = { 0 };
	bool moved = rd_u8(rd) != 0;
	struct tx_folder *f;
	enum err e;

	event_read_set(rd, &uids);
	e = rd->bad ? ERR_CORRUPT : find_folder(r, event, &f);
	if (e == OK) {
		struct clock clock = turn_back(f->account, event->modseq);

		e = expunge_messages(r->tx, f, &uids, true, moved, &gone);
		turn_on(f->account, clock);
		forget_unseen(r, f, event, &uids, &gone);
	}
	uidset_done(&uids);
	uidset_done(&gone);
	return e;
}

/* A copy whose UIDs were given before was not committed the first time; it is the same copy. */
static enum err copy_again(struct replay *r, const struct event *event, struct tx_folder *to, uint64_t from_id, bool moved,
	uint64_t first_uid, uint64_t first_instance, const struct uidset *source)
{
	struct uidset copied = { 0 };
	struct tx_folder *from;
	struct clock clock;
	enum err e = tx_get_folder(r->tx, to->account, from_id, &from);

	if (e != OK || first_uid < to->row.counter)
		return e;
	to->row.counter = first_uid;
	raise_to(&to->account->row.counter, first_instance);
	clock = turn_back(to->account, event->modseq);
	e = copy_again_messages(r->tx, from, to, source, moved, &copied);
	turn_on(to->account, clock);
	to->row.recent = to->row.counter;
	uidset_done(&copied);
	return e;
}

static enum err redo_copy(struct replay *r, const struct event *event, struct rd *rd)
{
	struct uidset source = { 0 };
	uint64_t from = rd_varint(rd);
	bool moved = rd_u8(rd) != 0;
	uint64_t first_uid = rd_varint(rd), first_instance = rd_varint(rd);
	int64_t now_s = r->tx->now_s;
	struct tx_folder *to;
	enum err e;

	r->tx->now_s = (int64_t)rd_varint(rd);
	event_read_set(rd, &source);
	e = rd->bad ? ERR_CORRUPT : find_folder(r, event, &to);
	if (e == OK)
		e = copy_again(r, event, to, from, moved, first_uid, first_instance, &source);
	r->tx->now_s = now_s;
	uidset_done(&source);
	return e;
}

static enum err make_folder(struct replay *r, const struct event *event, struct str name, enum store_special special,
	uint64_t uidvalidity)
{
	struct tx_account *a;
	uint64_t highest;
	enum err e = tx_get_account(r->tx, event->account, &a);

	if (e != OK)
		return e == ERR_NOT_FOUND ? ERR_NO_FOLDER : e;
	highest = a->row.uidvalidity;
	a->row.uidvalidity = uidvalidity - 1;
	a->row.modseq = event->modseq - 1;
	e = folder_insert(r->tx, a, event->folder, name, special);
	raise_to(&a->row.uidvalidity, highest);
	/* The standard folders were subscribed to when the account was made. */
	if (e == OK && (special != STORE_ORDINARY || event->folder == INBOX_ID))
		e = account_subscribe(r->tx, event->account, name);
	return e;
}

static enum err redo_folder(struct replay *r, const struct event *event, struct rd *rd)
{
	struct str name = rd_blob(rd);
	uint64_t special = rd_varint(rd), uidvalidity = rd_varint(rd);
	struct str keywords = rd_blob(rd);
	struct tx_folder *f;
	enum err e;

	if (rd->bad || special >= STORE_SPECIALS || uidvalidity == 0 || event->modseq == 0)
		return ERR_CORRUPT;
	e = find_folder(r, event, &f);
	if (e == ERR_NO_FOLDER) {
		e = make_folder(r, event, name, (enum store_special)special, uidvalidity);
		if (e == OK)
			e = find_folder(r, event, &f);
	}
	if (e != OK)
		return e;
	f->row.keywords = arena_dup(r->tx->arena, keywords);
	f->keywords_dirty = true;
	tx_touch(r->tx, f);
	if (str_equal(f->row.name, name) && f->row.special == special)
		return OK;
	f->row.special = (enum store_special)special;
	f->row.modseq = event->modseq;
	raise_to(&f->account->row.modseq, event->modseq);
	return folder_put_name(r->tx, f, name);
}

static enum err redo_subscribe(struct replay *r, const struct event *event, struct rd *rd)
{
	bool subscribed = rd_u8(rd) != 0;
	struct str name = rd_blob(rd);

	if (rd->bad)
		return ERR_CORRUPT;
	return store_folder_subscribe(r->tx, event->account, name, subscribed);
}

static enum err redo_account(struct replay *r, const struct event *event, struct rd *rd)
{
	uint64_t uidvalidity = rd_varint(rd);
	struct tx_account *a;
	enum err e = rd->bad ? ERR_CORRUPT : tx_get_account(r->tx, event->account, &a);

	if (e != ERR_NOT_FOUND)
		return e;
	e = account_insert(r->tx, event->account, uidvalidity, event->modseq);
	/* It may have left before. */
	return e == OK ? away_clear(r->tx, event->account) : e;
}

static enum err redo_folder_gone(struct replay *r, const struct event *event)
{
	struct tx_folder *f;
	enum err e = find_folder(r, event, &f);

	return e == OK ? folder_drop(r->tx, f) : e;
}

/* Counters as they were when records of the folder were dropped. */
static enum err redo_clock(struct replay *r, const struct event *event, struct rd *rd)
{
	uint64_t next_uid = rd_varint(rd), next_instance = rd_varint(rd);
	struct tx_folder *f;
	enum err e = rd->bad ? ERR_CORRUPT : find_folder(r, event, &f);

	if (e != OK)
		return e;
	raise_to(&f->row.counter, next_uid);
	raise_to(&f->row.recent, next_uid);
	raise_to(&f->row.modseq, event->modseq);
	raise_to(&f->account->row.counter, next_instance);
	raise_to(&f->account->row.modseq, event->modseq);
	tx_touch(r->tx, f);
	return OK;
}

/* It may have come back since, with the same folders: what is left of it goes at once. */
static enum err redo_left(struct replay *r, const struct event *event)
{
	static const enum store_sql all[] = { STORE_SQL_CHUNK_CLEAR, STORE_SQL_EXPUNGED_CLEAR, STORE_SQL_DROPPED_PURGE };
	enum err e = store_account_leave(r->tx, event->account);

	for (size_t i = 0; e == OK && i < sizeof(all) / sizeof(*all); i++) {
		struct sql_statement *st = r->tx->store->statements[all[i]];

		SQL_BIND(st, SQL_I64(event->account));
		e = sql_run(st);
	}
	return e == OK ? away_leave(r->tx, event->account, event->modseq) : e;
}

static enum err redo(struct replay *r, const struct event *event)
{
	struct rd rd = rd_of(event->fields);

	switch (event->kind) {
	case NOTE_FLAGS:
		return redo_flags(r, event, &rd);
	case NOTE_EXPUNGE:
		return redo_expunge(r, event, &rd);
	case NOTE_COPY:
		return redo_copy(r, event, &rd);
	case NOTE_FOLDER:
		return redo_folder(r, event, &rd);
	case NOTE_FOLDER_GONE:
		return redo_folder_gone(r, event);
	case NOTE_SUBSCRIBE:
		return redo_subscribe(r, event, &rd);
	case NOTE_ACCOUNT:
		return redo_account(r, event, &rd);
	case NOTE_ACCOUNT_GONE:
		return store_account_delete(r->tx, event->account);
	case NOTE_ACCOUNT_LEFT:
		return redo_left(r, event);
	case NOTE_CLOCK:
		return redo_clock(r, event, &rd);
	}
	return add_message(r, event);
}

enum err replay_event(struct store_tx *tx, const struct event *event, struct replay_counts *counts)
{
	struct replay replay = { tx, counts }, *r = &replay;
	enum err e;

	tx->moves = true;
	e = redo(r, event);

	/* The notes that these steps make are in the log already. */
	buf_clear(&r->tx->notes);
	r->counts->notes += event->kind != 0;
	/* Of a folder that is not there: its making was never committed, or came from an aborted turn. */
	if (e == ERR_NO_FOLDER || e == ERR_NOT_FOUND || e == ERR_UNKNOWN_USER) {
		r->counts->lost++;
		return OK;
	}
	return e;
}
