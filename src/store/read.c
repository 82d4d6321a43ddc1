/* SPDX-License-Identifier: ISC */
/*
 * Entries of a folder, all fields.
 */
#include "store/local.h"

struct reading {
	struct store_folder *folder;
	const struct uidset *uids;
	uint32_t next; /* UID; 0: done */
	size_t max;
	uint64_t key; /* of the last chunk read */
	VEC(struct store_entry) found;
	struct store_entry entries[CHUNK_ENTRIES];
};

/* The row is decoded where it stands.  False: none, or *ret_error. */
static bool decode_row(struct reading *r, enum store_sql which, uint64_t key, size_t *ret_n, enum err *ret_error)
{
	struct sql_statement *st = r->folder->store->statements[which];

	SQL_BIND(st, SQL_I64(r->folder->account), SQL_I64(r->folder->id), SQL_I64(key));
	*ret_error = sql_first(st);
	if (*ret_error != OK) {
		*ret_error = *ret_error == ERR_NOT_FOUND ? OK : *ret_error;
		return false;
	}
	key = (uint64_t)sql_column_i64(st, 0);
	if (key > r->key) {
		*ret_error = chunk_decode(sql_column_blob(st, 1), r->entries, ret_n);
		r->key = key;
		sql_reset(st);
		return *ret_error == OK;
	}
	sql_reset(st);
	return false;
}

static bool read_chunk(struct reading *r, size_t *ret_n, enum err *ret_error)
{
	*ret_error = OK;
	if (decode_row(r, STORE_SQL_CHUNK_AT, r->next, ret_n, ret_error))
		return true;
	return *ret_error == OK && decode_row(r, STORE_SQL_CHUNK_AFTER, r->key, ret_n, ret_error);
}

static void take_entries(struct reading *r, size_t n)
{
	for (size_t i = 0; i < n && r->next != 0 && r->found.n < r->max; i++) {
		uint32_t uid = r->entries[i].uid;

		if (uid > r->next)
			r->next = uidset_at_least(r->uids, uid);
		if (uid != r->next)
			continue;
		vec_push(&r->found, r->entries[i]);
		r->next = uidset_next(r->uids, uid);
	}
}

enum err store_folder_read_set(struct store_folder *folder, const struct uidset *uids, uint32_t from, size_t max,
	struct arena *arena, struct store_entry **ret_entries, size_t *ret_n)
{
	struct reading r = { .folder = folder, .uids = uids, .max = max, .next = uidset_at_least(uids, from) };
	enum err e = folder->gone ? ERR_NO_FOLDER : store_reads(folder->store);
	size_t n;

	while (e == OK && r.next != 0 && r.found.n < max && read_chunk(&r, &n, &e))
		take_entries(&r, n);
	if (e == OK) {
		*ret_entries = arena_array(arena, struct store_entry, r.found.n);
		*ret_n = r.found.n;
		if (r.found.n)
			memcpy(*ret_entries, r.found.v, r.found.n * sizeof(*r.found.v));
	}
	vec_done(&r.found);
	return e;
}

enum err store_folder_read(struct store_folder *folder, uint32_t first, uint32_t last, struct arena *arena,
	struct store_entry **ret_entries, size_t *ret_n)
{
	struct uid_range range = { first ? first : 1, last };
	struct uidset set = { &range, range.first <= last ? 1 : 0, 1 };

	return store_folder_read_set(folder, &set, 1, SIZE_MAX, arena, ret_entries, ret_n);
}

static enum err add_vanished(struct str blob, struct uidset *uids)
{
	struct chunk_hot hot;
	struct str rest;
	enum err e = chunk_decode_hot(blob, &hot, &rest);

	for (uint32_t i = 0; e == OK && i < hot.n; i++)
		uidset_add(uids, hot.uids[i]);
	return e;
}

static enum err read_floor(struct store_folder *folder, uint64_t *ret_floor)
{
	struct sql_statement *st = ST(folder->store, FOLDER_BY_ID);
	struct arena *arena = arena_new();
	struct folder_row row = { 0 };
	enum err e;

	SQL_BIND(st, SQL_I64(folder->account), SQL_I64(folder->id));
	e = sql_first(st);
	if (e == OK)
		e = rows_read(st, arena, &row);
	sql_reset(st);
	arena_free(&arena);
	*ret_floor = row.floor;
	return e == ERR_NOT_FOUND ? ERR_NO_FOLDER : e;
}

enum err store_folder_vanished(struct store_folder *folder, uint64_t modseq, struct uidset *ret_uids,
	bool *ret_complete)
{
	struct sql_statement *st = ST(folder->store, EXPUNGED_SINCE);
	uint64_t floor = 0;
	enum err e = store_reads(folder->store);

	uidset_clear(ret_uids);
	if (e == OK)
		e = read_floor(folder, &floor);
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(folder->account), SQL_I64(folder->id), SQL_I64(modseq));
	while (sql_step(st, &e)) {
		e = add_vanished(sql_column_blob(st, 0), ret_uids);
		if (e != OK)
			break;
	}
	sql_reset(st);
	*ret_complete = modseq >= floor;
	return e;
}
