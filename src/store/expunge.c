/* SPDX-License-Identifier: ISC */
/*
 * Expunge: entries leave their chunks and are remembered in rows of `expunged`, packed the same way: QRESYNC reads
 * their UIDs, restore and compaction all the rest.
 */
#include "store/local.h"

enum { MERGE_BELOW = 32, MERGE_LAST_BELOW = 16, MERGED_MAX = 96 };

struct expunging {
	struct store_tx *tx;
	struct tx_folder *folder;
	const struct uidset *uids; /* NULL: all */
	bool all, moved;
	uint64_t modseq; /* 0: nothing has gone yet */
	struct uidset *expunged;
	struct store_entry gone[CHUNK_ENTRIES]; /* not yet written */
	size_t gone_n;
	/* Remains of chunks, merged while they are small. */
	struct chunk_place kept_place;
	struct store_entry kept[CHUNK_ENTRIES];
	size_t kept_n;
};

static enum err write_gone(struct expunging *x)
{
	struct sql_statement *st = ST(x->tx->store, EXPUNGED_INSERT);
	enum err e = OK;

	if (x->tx->store->compaction)
		compact_saw(x->tx->store, x->gone, x->gone_n);
	for (size_t at = 0, length; e == OK && at < x->gone_n;) {
		size_t n = chunk_fit(x->gone + at, x->gone_n - at, x->tx->out, &length);

		SQL_BIND(st, SQL_I64(x->folder->account->account), SQL_I64(x->folder->row.id), SQL_I64(x->modseq),
			SQL_I64(x->gone[at].uid), SQL_I64(x->moved), SQL_I64(x->tx->now_s),
			SQL_BLOB(str_make(x->tx->out, length)));
		e = sql_run(st);
		at += n;
	}
	x->gone_n = 0;
	return e;
}

static enum err write_kept(struct expunging *x)
{
	size_t n = x->kept_n;

	x->kept_n = 0;
	return n > 0 ? chunks_rewrite(x->tx, &x->kept_place, x->kept, n) : OK;
}

static enum err take_out(struct expunging *x, const struct store_entry *entry)
{
	if (x->modseq == 0) {
		x->modseq = tx_next_modseq(x->folder);
		tx_touch(x->tx, x->folder);
	}
	tx_count(x->folder, entry, -1);
	uidset_add(x->expunged, entry->uid);
	tx_delta(x->tx, x->folder, DELTA_EXPUNGE, entry->uid, 0, 0);
	x->gone[x->gone_n++] = *entry;
	return x->gone_n == CHUNK_ENTRIES ? write_gone(x) : OK;
}

static bool is_to_go(const struct expunging *x, const struct store_entry *entry)
{
	return (x->all || entry->flags & STORE_DELETED) && (!x->uids || uidset_has(x->uids, entry->uid));
}

/* Entries that stay move to the front. */
static enum err split_chunk(struct expunging *x, size_t n, size_t *ret_kept)
{
	struct store_entry *entries = x->tx->entries;
	size_t kept = 0;
	enum err e = OK;

	for (size_t i = 0; e == OK && i < n; i++) {
		if (is_to_go(x, &entries[i]))
			e = take_out(x, &entries[i]);
		else
			entries[kept++] = entries[i];
	}
	*ret_kept = kept;
	return e;
}

/* Only neighbours may become one: a chunk without a match in between would be overtaken. */
static bool is_merger_good(struct expunging *x, const struct chunk_place *place, size_t kept, enum err *ret_error)
{
	struct chunk_place after = x->kept_place;
	struct str blob;

	*ret_error = OK;
	if (x->kept_n == 0 || x->kept_n + kept > MERGED_MAX || (kept >= MERGE_BELOW && x->kept_n >= MERGE_BELOW))
		return false;
	return chunks_next(x->tx, &after, 0, &blob, ret_error) && after.key == place->key;
}

static enum err keep_rest(struct expunging *x, const struct chunk_place *place, size_t kept)
{
	enum err e = OK;

	if (kept > 0 && !is_merger_good(x, place, kept, &e)) {
		if (e == OK)
			e = write_kept(x);
		x->kept_place = *place;
		memcpy(x->kept, x->tx->entries, kept * sizeof(*x->kept));
		x->kept_n = kept;
		return e;
	}
	if (kept > 0)
		memcpy(x->kept + x->kept_n, x->tx->entries, kept * sizeof(*x->kept));
	x->kept_n += kept;
	return chunks_delete(x->tx, place);
}

static bool may_hold_some(const struct expunging *x, const struct chunk_hot *hot)
{
	uint32_t next = x->uids ? uidset_at_least(x->uids, hot->uids[0]) : hot->uids[0];

	if (next == 0 || next > hot->uids[hot->n - 1])
		return false;
	for (uint32_t i = 0; i < hot->n; i++)
		if (x->all || hot->flags[i] & STORE_DELETED)
			return true;
	return false;
}

static enum err expunge_chunk(struct expunging *x, const struct chunk_place *place, struct str blob, uint32_t *next)
{
	struct chunk_hot *hot = &x->tx->hot;
	struct str rest;
	size_t n, kept;
	enum err e = chunk_decode_hot(blob, hot, &rest);

	if (e != OK)
		return e;
	*next = hot->uids[hot->n - 1] == UINT32_MAX ? 0 : hot->uids[hot->n - 1] + 1;
	if (*next != 0 && x->uids)
		*next = uidset_at_least(x->uids, *next);
	if (!may_hold_some(x, hot))
		return OK;
	e = chunk_decode(blob, x->tx->entries, &n);
	if (e == OK)
		e = split_chunk(x, n, &kept);
	return e == OK && kept < n ? keep_rest(x, place, kept) : e;
}

/* Messages that go one by one leave small chunks: the last one joins the chunk before it. */
static enum err join_before(struct expunging *x)
{
	struct chunk_place before = { x->kept_place.account, x->kept_place.folder, 0 };
	struct store_entry *entries = x->tx->entries;
	struct str blob;
	size_t n;
	enum err e;

	if (x->kept_n == 0 || x->kept_n >= MERGE_LAST_BELOW || x->kept_place.key <= 1)
		return OK;
	if (!chunks_next(x->tx, &before, (uint32_t)(x->kept_place.key - 1), &blob, &e) ||
		before.key >= x->kept_place.key)
		return e;
	e = chunk_decode(blob, entries, &n);
	if (e != OK || n + x->kept_n > MERGED_MAX)
		return e;
	memcpy(entries + n, x->kept, x->kept_n * sizeof(*entries));
	n += x->kept_n;
	x->kept_n = 0;
	e = chunks_delete(x->tx, &x->kept_place);
	return e == OK ? chunks_rewrite(x->tx, &before, entries, n) : e;
}

static enum err expunge_all(struct expunging *x)
{
	struct chunk_place place = { x->folder->account->account, x->folder->row.id, 0 };
	uint32_t next = x->uids ? uidset_min(x->uids) : 1;
	struct str blob;
	enum err e = OK;

	while (e == OK && next != 0 && chunks_next(x->tx, &place, next, &blob, &e))
		e = expunge_chunk(x, &place, blob, &next);
	if (e == OK)
		e = join_before(x);
	if (e == OK)
		e = write_kept(x);
	return e == OK ? write_gone(x) : e;
}

enum err expunge_messages(struct store_tx *tx, struct tx_folder *folder, const struct uidset *uids, bool all,
	bool moved, struct uidset *ret_expunged)
{
	struct expunging *x = arena_make(tx->arena, struct expunging);
	enum err e;

	uidset_clear(ret_expunged);
	if (!all && folder->row.deleted == 0)
		return OK;
	/* Before chunks are read: a savepoint begins with writing others. */
	e = tx_write(tx);
	if (e == OK)
		e = tx_flush_entries(tx, folder);
	if (e != OK)
		return e;
	x->tx = tx;
	x->folder = folder;
	x->uids = uids;
	x->all = all;
	x->moved = moved;
	x->expunged = ret_expunged;
	e = expunge_all(x);
	if (e == OK && x->modseq != 0)
		note_expunge(tx, folder, ret_expunged, moved);
	return e;
}

enum err store_expunge(struct store_tx *tx, const struct store_folder *folder, const struct uidset *uids, bool all,
	struct uidset *ret_expunged)
{
	struct tx_folder *f = NULL;
	enum err e = tx_open_folder(tx, folder, &f);

	return e == OK ? expunge_messages(tx, f, uids, all, false, ret_expunged) : e;
}
