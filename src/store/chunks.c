/* SPDX-License-Identifier: ISC */
/*
 * Rows of `chunk`.  A chunk's key is the first UID it had when it was begun: entries of a chunk lie between its key
 * and the next one's.
 */
#include "store/local.h"

#include <assert.h>


/* True: a row is in tx->blob, its key in place. */
static bool fetch(struct store_tx *tx, struct sql_statement *st, struct chunk_place *place, struct str *ret_blob,
	enum err *ret_error)
{
	struct str blob;

	*ret_error = sql_first(st);
	if (*ret_error == ERR_NOT_FOUND)
		*ret_error = OK;
	else if (*ret_error == OK) {
		place->key = (uint64_t)sql_column_i64(st, 0);
		blob = sql_column_blob(st, 1);
		*ret_error = blob.n <= sizeof(tx->blob) ? OK : ERR_CORRUPT;
		if (*ret_error == OK)
			memcpy(tx->blob, blob.p, blob.n);
		sql_reset(st);
		*ret_blob = str_make(tx->blob, blob.n);
		return *ret_error == OK;
	}
	return false;
}

static bool fetch_at(struct store_tx *tx, enum store_sql which, struct chunk_place *place, uint64_t key,
	struct str *ret_blob, enum err *ret_error)
{
	struct sql_statement *st = tx->store->statements[which];

	SQL_BIND(st, SQL_I64(place->account), SQL_I64(place->folder), SQL_I64(key));
	return fetch(tx, st, place, ret_blob, ret_error);
}

bool chunks_next(struct store_tx *tx, struct chunk_place *place, uint32_t uid, struct str *ret_blob,
	enum err *ret_error)
{
	struct chunk_place found = *place;

	*ret_error = OK;
	if (uid > place->key && fetch_at(tx, STORE_SQL_CHUNK_AT, &found, uid, ret_blob, ret_error) &&
		found.key > place->key) {
		*place = found;
		return true;
	}
	if (*ret_error != OK)
		return false;
	return fetch_at(tx, STORE_SQL_CHUNK_AFTER, place, place->key, ret_blob, ret_error);
}

static enum err write_row(struct store_tx *tx, enum store_sql which, const struct chunk_place *place, uint64_t modseq,
	struct str blob)
{
	struct sql_statement *st = tx->store->statements[which];

	SQL_BIND(st, SQL_I64(place->account), SQL_I64(place->folder), SQL_I64(place->key), SQL_I64(modseq),
		SQL_BLOB(blob));
	return sql_run(st);
}

enum err chunks_put(struct store_tx *tx, const struct chunk_place *place, uint64_t modseq, struct str blob)
{
	return write_row(tx, STORE_SQL_CHUNK_UPDATE, place, modseq, blob);
}

enum err chunks_delete(struct store_tx *tx, const struct chunk_place *place)
{
	struct sql_statement *st = ST(tx->store, CHUNK_DELETE);

	SQL_BIND(st, SQL_I64(place->account), SQL_I64(place->folder), SQL_I64(place->key));
	return sql_run(st);
}

static uint64_t highest_modseq(const struct store_entry *entries, size_t n)
{
	uint64_t highest = 0;

	for (size_t i = 0; i < n; i++)
		highest = entries[i].modseq > highest ? entries[i].modseq : highest;
	return highest;
}

static void tell_compaction(struct store_tx *tx, const struct store_entry *entries, size_t n)
{
	if (tx->store->compaction)
		compact_saw(tx->store, entries, n);
}

/* New rows, each as full as it gets. */
static enum err insert_rows(struct store_tx *tx, struct chunk_place place, const struct store_entry *entries,
	size_t n)
{
	enum err e = OK;

	tell_compaction(tx, entries, n);
	while (e == OK && n > 0) {
		size_t length, done = chunk_fit(entries, n, tx->out, &length);

		place.key = entries[0].uid;
		e = write_row(tx, STORE_SQL_CHUNK_INSERT, &place, highest_modseq(entries, done),
			str_make(tx->out, length));
		entries += done;
		n -= done;
	}
	return e;
}

enum err chunks_rewrite(struct store_tx *tx, const struct chunk_place *place, const struct store_entry *entries,
	size_t n)
{
	size_t length, done;
	enum err e;

	assert(n > 0 && entries[0].uid >= place->key);
	tell_compaction(tx, entries, n);
	done = chunk_fit(entries, n, tx->out, &length);
	/* What no longer fits is halved, so that the next change does not split again. */
	if (done < n && n <= CHUNK_ENTRIES)
		done = chunk_fit(entries, (n + 1) / 2, tx->out, &length);
	e = chunks_put(tx, place, highest_modseq(entries, done), str_make(tx->out, length));
	return e == OK ? insert_rows(tx, *place, entries + done, n - done) : e;
}

/* How many of the new entries the last chunk took. */
static enum err extend_tail(struct store_tx *tx, struct chunk_place *place, struct str blob,
	const struct store_entry *entries, size_t n, size_t *ret_taken)
{
	size_t had, has, length;
	enum err e = chunk_decode(blob, tx->entries, &had);

	*ret_taken = 0;
	if (e != OK || had >= CHUNK_ENTRIES)
		return e;
	if (tx->entries[had - 1].uid >= entries[0].uid)
		return ERR_CORRUPT;
	n = n < CHUNK_ENTRIES - had ? n : CHUNK_ENTRIES - had;
	memcpy(tx->entries + had, entries, n * sizeof(*entries));
	has = chunk_fit(tx->entries, had + n, tx->out, &length);
	if (has <= had)
		return OK;
	*ret_taken = has - had;
	tell_compaction(tx, entries, *ret_taken);
	return chunks_put(tx, place, highest_modseq(tx->entries, has), str_make(tx->out, length));
}

enum err chunks_append(struct store_tx *tx, uint64_t account, uint64_t folder, const struct store_entry *entries,
	size_t n)
{
	struct sql_statement *st = ST(tx->store, CHUNK_TAIL);
	struct chunk_place place = { account, folder, 0 };
	size_t taken = 0;
	struct str blob;
	enum err e;

	SQL_BIND(st, SQL_I64(account), SQL_I64(folder));
	if (fetch(tx, st, &place, &blob, &e))
		e = extend_tail(tx, &place, blob, entries, n, &taken);
	return e == OK ? insert_rows(tx, place, entries + taken, n - taken) : e;
}
