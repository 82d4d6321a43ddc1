/* SPDX-License-Identifier: ISC */
/*
 * STORE: only the hot columns of a chunk are decoded; all changes of one call share one modseq.
 */
#include "store/local.h"

struct flagging {
	struct store_tx *tx;
	struct tx_folder *folder;
	const struct store_flags *change;
	uint64_t bits, modseq; /* modseq 0: nothing has changed yet */
	size_t count;
	struct uidset *changed, *failed;
};

static uint64_t new_flags(const struct flagging *f, uint64_t flags)
{
	if (f->change->op == STORE_FLAGS_ADD)
		return flags | f->bits;
	if (f->change->op == STORE_FLAGS_REMOVE)
		return flags & ~f->bits;
	return f->bits;
}

static void change_one(struct flagging *f, uint32_t i)
{
	struct chunk_hot *hot = &f->tx->hot;
	uint64_t flags = new_flags(f, hot->flags[i]);

	if (f->change->conditional && hot->modseqs[i] > f->change->unchanged_since && hot->modseqs[i] != f->modseq) {
		if (f->failed)
			uidset_add(f->failed, hot->uids[i]);
		return;
	}
	if (flags == hot->flags[i])
		return;
	if (f->modseq == 0) {
		f->modseq = tx_next_modseq(f->folder);
		tx_touch(f->tx, f->folder);
	}
	tx_count_flags(f->folder, hot->flags[i], flags);
	hot->flags[i] = flags;
	hot->modseqs[i] = f->modseq;
	uidset_add(f->changed, hot->uids[i]);
	f->count++;
	tx_delta(f->tx, f->folder, DELTA_FLAGS, hot->uids[i], flags, f->modseq);
}

/* A chunk that outgrows its row is taken apart and split. */
static enum err write_chunk(struct store_tx *tx, const struct chunk_place *place, struct str rest, uint64_t modseq)
{
	size_t n, length = chunk_encode_hot(&tx->hot, rest, tx->out);
	enum err e;

	if (length <= CHUNK_BYTES || tx->hot.n == 1)
		return chunks_put(tx, place, modseq, str_make(tx->out, length));
	memcpy(tx->blob, tx->out, length);
	e = chunk_decode(str_make(tx->blob, length), tx->entries, &n);
	return e == OK ? chunks_rewrite(tx, place, tx->entries, n) : e;
}

static enum err change_chunk(struct flagging *f, const struct chunk_place *place, struct str blob,
	const struct uidset *uids, uint32_t *next)
{
	struct chunk_hot *hot = &f->tx->hot;
	struct str rest;
	enum err e = chunk_decode_hot(blob, hot, &rest);
	size_t before = f->count;

	for (uint32_t i = 0; e == OK && i < hot->n && *next != 0; i++) {
		if (hot->uids[i] > *next)
			*next = uidset_at_least(uids, hot->uids[i]);
		if (hot->uids[i] != *next)
			continue;
		change_one(f, i);
		*next = uidset_next(uids, *next);
	}
	if (e == OK && f->count > before)
		e = write_chunk(f->tx, place, rest, f->modseq);
	return e;
}

static enum err change_all(struct flagging *f, const struct uidset *uids)
{
	struct chunk_place place = { f->folder->account->account, f->folder->row.id, 0 };
	uint32_t next = uidset_min(uids);
	struct str blob;
	enum err e = OK;

	while (e == OK && next != 0 && chunks_next(f->tx, &place, next, &blob, &e))
		e = change_chunk(f, &place, blob, uids, &next);
	return e;
}

enum err flags_change(struct store_tx *tx, struct tx_folder *folder, const struct store_flags *change, uint64_t bits,
	const struct uidset *uids, struct uidset *ret_changed, struct uidset *ret_failed)
{
	struct flagging f = { .tx = tx, .folder = folder, .change = change, .bits = bits, .changed = ret_changed,
		.failed = ret_failed };
	/* Before chunks are read: a savepoint begins with writing others. */
	enum err e = tx_write(tx);

	if (e == OK)
		e = tx_flush_entries(tx, folder);
	if (e == OK)
		e = change_all(&f, uids);
	if (e == OK && f.modseq != 0)
		note_flags(tx, folder, change, bits, ret_changed);
	return e;
}

enum err store_store_flags(struct store_tx *tx, const struct store_folder *folder, const struct uidset *uids,
	const struct store_flags *change, struct uidset *ret_changed, struct uidset *ret_failed)
{
	struct tx_folder *f;
	bool add = change->op != STORE_FLAGS_REMOVE;
	uint64_t keywords = 0;
	enum err e = tx_open_folder(tx, folder, &f);

	uidset_clear(ret_changed);
	if (ret_failed)
		uidset_clear(ret_failed);
	if (e == OK)
		e = keywords_bits(tx, f, change->keywords, change->keyword_count, add, &keywords);
	if (e != OK)
		return e;
	return flags_change(tx, f, change, (change->flags & STORE_SYSTEM_FLAGS) | keywords, uids, ret_changed, ret_failed);
}
