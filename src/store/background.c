/* SPDX-License-Identifier: ISC */
/*
 * Forgetting, in slices: delivery ids, expunged messages, deleted folders, what deleted accounts had.  A walk over a table goes on where the
 * last slice ended and begins anew some time after its end.
 */
#include "store/local.h"

#include "base/time.h"

enum { WALK_PAUSE_MS = 600000, EXPUNGED_SLICE = 200 };
enum { WALK_DELIVERIES, WALK_EXPUNGED };

static void end_walk(struct store *store, int walk)
{
	store->background.next_ms[walk] = time_mono_ms() + WALK_PAUSE_MS;
}

static bool is_due(const struct store *store, int walk)
{
	return time_mono_ms() >= store->background.next_ms[walk];
}

/* Where a slice of 1,000 rows ends; false: fewer are left. */
static bool find_slice_end(struct store *store, struct str after, uint64_t *ret_account, char *id, size_t *ret_n,
	enum err *ret_error)
{
	struct sql_statement *st = ST(store, DELIVERY_SLICE);
	struct str found;

	SQL_BIND(st, SQL_I64(store->background.account), SQL_BLOB(after));
	*ret_error = sql_first(st);
	if (*ret_error != OK) {
		*ret_error = *ret_error == ERR_NOT_FOUND ? OK : *ret_error;
		return false;
	}
	*ret_account = (uint64_t)sql_column_i64(st, 0);
	found = str_sub(sql_column_blob(st, 1), 0, sizeof(store->background.delivery));
	memcpy(id, found.p, found.n);
	*ret_n = found.n;
	sql_reset(st);
	return true;
}

static enum err forget_deliveries(struct store *store, bool *ret_more)
{
	struct background *b = &store->background;
	int64_t before = time_wall_s() - store->options.delivery_memory_s;
	struct str after = str_make(b->delivery, b->delivery_length);
	struct sql_statement *some = ST(store, DELIVERY_FORGET), *rest = ST(store, DELIVERY_FORGET_REST);
	char id[sizeof(b->delivery)];
	uint64_t account = 0;
	size_t n = 0;
	enum err e;

	*ret_more = find_slice_end(store, after, &account, id, &n, &e);
	if (e != OK)
		return e;
	if (*ret_more) {
		SQL_BIND(some, SQL_I64(b->account), SQL_BLOB(after), SQL_I64(account), SQL_BLOB(str_make(id, n)),
			SQL_I64(before));
		e = sql_run(some);
	} else {
		SQL_BIND(rest, SQL_I64(b->account), SQL_BLOB(after), SQL_I64(before));
		e = sql_run(rest);
		end_walk(store, WALK_DELIVERIES);
	}
	b->account = account;
	memcpy(b->delivery, id, n);
	b->delivery_length = n;
	return e;
}

struct old_expunge {
	uint64_t key[4]; /* account, folder, modseq, first UID */
	int64_t at;
};

static enum err read_expunged(struct store *store, struct old_expunge *rows, size_t *ret_n)
{
	struct sql_statement *st = ST(store, EXPUNGED_SLICE);
	const uint64_t *after = store->background.expunged;
	size_t n = 0;
	enum err e;

	SQL_BIND(st, SQL_I64(after[0]), SQL_I64(after[1]), SQL_I64(after[2]), SQL_I64(after[3]));
	while (sql_step(st, &e) && n < EXPUNGED_SLICE) {
		for (int i = 0; i < 4; i++)
			rows[n].key[i] = (uint64_t)sql_column_i64(st, i);
		rows[n++].at = sql_column_i64(st, 4);
	}
	sql_reset(st);
	*ret_n = n;
	return e;
}

static enum err forget_expunge(struct store *store, const struct old_expunge *row)
{
	struct sql_statement *gone = ST(store, EXPUNGED_FORGET), *raise = ST(store, FOLDER_FLOOR);
	enum err e;

	SQL_BIND(gone, SQL_I64(row->key[0]), SQL_I64(row->key[1]), SQL_I64(row->key[2]), SQL_I64(row->key[3]));
	e = sql_run(gone);
	if (e != OK)
		return e;
	SQL_BIND(raise, SQL_I64(row->key[0]), SQL_I64(row->key[1]), SQL_I64(row->key[2]));
	return sql_run(raise);
}

static enum err forget_expunged(struct store *store, bool *ret_more)
{
	int64_t before = time_wall_s() - store->options.expunged_memory_s;
	struct old_expunge rows[EXPUNGED_SLICE];
	size_t n = 0;
	enum err e = read_expunged(store, rows, &n);

	for (size_t i = 0; e == OK && i < n; i++)
		if (rows[i].at < before)
			e = forget_expunge(store, &rows[i]);
	*ret_more = n == EXPUNGED_SLICE;
	memset(store->background.expunged, 0, sizeof(store->background.expunged));
	if (*ret_more)
		memcpy(store->background.expunged, rows[n - 1].key, sizeof(rows[n - 1].key));
	else
		end_walk(store, WALK_EXPUNGED);
	return e;
}

static enum err is_account_deleted(struct store *store, uint64_t account, bool *ret_deleted)
{
	struct sql_statement *st = ST(store, DROPPED_ACCOUNT);
	enum err e;

	SQL_BIND(st, SQL_I64(account));
	e = sql_first(st);
	sql_reset(st);
	*ret_deleted = e == OK;
	return e == ERR_NOT_FOUND ? OK : e;
}

/* Nothing can bring a deleted account back, so this need not wait for the commit. */
static enum err erase_entries(struct store *store, struct str chunk)
{
	struct store_entry entries[CHUNK_ENTRIES];
	size_t n = 0;
	enum err e = chunk_decode(chunk, entries, &n);

	/* A damaged chunk names nothing that could be erased. */
	for (size_t i = 0; e == OK && i < n; i++)
		e = segments_erase(store->segments, &entries[i].extent);
	return e == ERR_CORRUPT ? OK : e;
}

/* One chunk of a deleted account's folder: its content, then the row. */
static enum err erase_chunk(struct store *store, uint64_t account, uint64_t id, bool *ret_more)
{
	struct sql_statement *first = ST(store, CHUNK_FIRST), *gone = ST(store, CHUNK_DELETE);
	uint64_t first_uid;
	enum err e;

	SQL_BIND(first, SQL_I64(account), SQL_I64(id));
	e = sql_first(first);
	*ret_more = e == OK;
	if (e != OK)
		return e == ERR_NOT_FOUND ? OK : e;
	first_uid = (uint64_t)sql_column_i64(first, 0);
	e = erase_entries(store, sql_column_blob(first, 1));
	sql_reset(first);
	if (e != OK)
		return e;
	SQL_BIND(gone, SQL_I64(account), SQL_I64(id), SQL_I64(first_uid));
	return sql_run(gone);
}

/* The memory of expunges holds entries too. */
static enum err purge_expunged(struct store *store, uint64_t account, uint64_t id, bool erases, bool *ret_more)
{
	struct sql_statement *first = ST(store, EXPUNGED_FIRST), *purge = ST(store, EXPUNGED_PURGE);
	enum err e = OK;

	if (erases) {
		SQL_BIND(first, SQL_I64(account), SQL_I64(id));
		e = sql_first(first);
		if (e == OK)
			e = erase_entries(store, sql_column_blob(first, 0));
		sql_reset(first);
		e = e == ERR_NOT_FOUND ? OK : e;
	}
	if (e != OK)
		return e;
	SQL_BIND(purge, SQL_I64(account), SQL_I64(id), SQL_I64(erases ? 1 : 64));
	e = sql_run(purge);
	*ret_more = e == OK && sql_changes(store->sql) > 0;
	return e;
}

static enum err purge_chunks(struct store *store, uint64_t account, uint64_t id, bool *ret_more)
{
	struct sql_statement *purge = ST(store, CHUNK_PURGE);
	enum err e;

	SQL_BIND(purge, SQL_I64(account), SQL_I64(id));
	e = sql_run(purge);
	*ret_more = e == OK && sql_changes(store->sql) > 0;
	return e;
}

static enum err purge_folder(struct store *store, uint64_t account, uint64_t id)
{
	struct sql_statement *done = ST(store, DROPPED_DELETE);
	bool deleted = false, more = false;
	enum err e = is_account_deleted(store, account, &deleted);

	if (e == OK)
		e = deleted ? erase_chunk(store, account, id, &more) : purge_chunks(store, account, id, &more);
	if (e == OK && !more)
		e = purge_expunged(store, account, id, deleted, &more);
	if (e != OK || more)
		return e;
	SQL_BIND(done, SQL_I64(account), SQL_I64(id));
	return sql_run(done);
}

static enum err purge_dropped(struct store *store, bool *ret_more)
{
	struct sql_statement *st = ST(store, DROPPED_BEFORE);
	uint64_t account, id;
	enum err e;

	SQL_BIND(st, SQL_I64(time_wall_s() - store->options.expunged_memory_s));
	e = sql_first(st);
	*ret_more = e == OK;
	if (e != OK)
		return e == ERR_NOT_FOUND ? OK : e;
	account = (uint64_t)sql_column_i64(st, 0);
	id = (uint64_t)sql_column_i64(st, 1);
	sql_reset(st);
	return purge_folder(store, account, id);
}

bool store_background(struct store *store)
{
	bool deliveries = false, expunged = false, dropped = false;
	enum err e = sql_begin(store->sql);

	if (e == OK && is_due(store, WALK_DELIVERIES))
		e = forget_deliveries(store, &deliveries);
	if (e == OK && is_due(store, WALK_EXPUNGED))
		e = forget_expunged(store, &expunged);
	if (e == OK)
		e = purge_dropped(store, &dropped);
	/* What failed is met again by the next walk. */
	if (e == OK)
		e = store->os->sql_commit(store->sql);
	if (e != OK)
		sql_rollback(store->sql);
	return e == OK && (deliveries || expunged || dropped);
}
