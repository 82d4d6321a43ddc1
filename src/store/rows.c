/* SPDX-License-Identifier: ISC */
/*
 * Rows of accounts and folders in a turn: read once, changed in memory, written once.
 */
#include "store/local.h"
#include "store/move.h"

enum err rows_read(struct sql_statement *st, struct arena *arena, struct folder_row *ret_row)
{
	uint64_t *numbers[] = { &ret_row->uidvalidity, &ret_row->counter, &ret_row->modseq, &ret_row->floor,
		&ret_row->messages, &ret_row->unseen, &ret_row->deleted, &ret_row->bytes, &ret_row->recent };

	ret_row->id = (uint64_t)sql_column_i64(st, 0);
	ret_row->name = arena_dup(arena, sql_column_str(st, 1));
	ret_row->special = (enum store_special)sql_column_i64(st, 2);
	for (int i = 0; i < 9; i++)
		*numbers[i] = (uint64_t)sql_column_i64(st, 3 + i);
	ret_row->keywords = arena_dup(arena, sql_column_blob(st, 12));
	return (uint64_t)ret_row->special < STORE_SPECIALS ? OK : ERR_CORRUPT;
}

static struct tx_folder *find_loaded(const struct tx_account *account, uint64_t id)
{
	struct tx_folder *f = account->folders;

	while (f && f->row.id != id)
		f = f->next;
	return f;
}

static struct tx_folder *add_folder(struct store_tx *tx, struct tx_account *account, const struct folder_row *row)
{
	struct tx_folder *f = arena_make(tx->arena, struct tx_folder);

	f->account = account;
	f->row = *row;
	f->handle = folders_find(tx->store, account->account, row->id);
	f->next = account->folders;
	account->folders = f;
	return f;
}

static void add_account(struct store_tx *tx, struct tx_account *account)
{
	account->next = tx->accounts;
	tx->accounts = account;
	map_put_u64(tx->by_account, account->account, account);
}

/* The rows of the account and of INBOX stand on one page: both are fetched. */
enum err tx_get_account(struct store_tx *tx, uint64_t account, struct tx_account **ret_account)
{
	struct tx_account *a = map_get_u64(tx->by_account, account);
	struct sql_statement *st = ST(tx->store, FOLDER_PAIR);
	struct folder_row row;
	bool found = false;
	enum err e = tx->moves ? OK : store_account_is_here(tx->store, account);

	if (e != OK)
		return e;
	if (a) {
		*ret_account = a;
		return OK;
	}
	a = arena_make(tx->arena, struct tx_account);
	a->account = account;
	SQL_BIND(st, SQL_I64(account));
	while (sql_step(st, &e)) {
		e = rows_read(st, tx->arena, &row);
		if (e != OK)
			break;
		if (row.id == ACCOUNT_ROW)
			a->row = row;
		else
			(void)add_folder(tx, a, &row);
		found = found || row.id == ACCOUNT_ROW;
	}
	sql_reset(st);
	if (e != OK || !found)
		return e != OK ? e : ERR_NOT_FOUND;
	add_account(tx, a);
	*ret_account = a;
	return OK;
}

static enum err load_folder(struct store_tx *tx, struct tx_account *account, struct sql_statement *st,
	struct tx_folder **ret_folder)
{
	struct folder_row row;
	struct tx_folder *f;
	enum err e = sql_first(st);

	if (e != OK)
		return e == ERR_NOT_FOUND ? ERR_NO_FOLDER : e;
	e = rows_read(st, tx->arena, &row);
	sql_reset(st);
	if (e != OK)
		return e;
	f = find_loaded(account, row.id);
	*ret_folder = f ? f : add_folder(tx, account, &row);
	return OK;
}

enum err tx_get_folder(struct store_tx *tx, struct tx_account *account, uint64_t id, struct tx_folder **ret_folder)
{
	struct sql_statement *st = ST(tx->store, FOLDER_BY_ID);
	struct tx_folder *f = find_loaded(account, id);

	if (f) {
		*ret_folder = f;
		return OK;
	}
	SQL_BIND(st, SQL_I64(account->account), SQL_I64(id));
	return load_folder(tx, account, st, ret_folder);
}

enum err tx_find_folder(struct store_tx *tx, struct tx_account *account, struct str name,
	struct tx_folder **ret_folder)
{
	struct sql_statement *st = ST(tx->store, FOLDER_BY_NAME);

	if (str_equal(name, S("INBOX")))
		return tx_get_folder(tx, account, INBOX_ID, ret_folder);
	SQL_BIND(st, SQL_I64(account->account), SQL_TEXT(name));
	return load_folder(tx, account, st, ret_folder);
}

enum err tx_open_folder(struct store_tx *tx, const struct store_folder *handle, struct tx_folder **ret_folder)
{
	struct tx_account *a = NULL;
	enum err e = tx_get_account(tx, store_folder_account(handle), &a);

	if (e != OK)
		return e == ERR_NOT_FOUND ? ERR_NO_FOLDER : e;
	return tx_get_folder(tx, a, store_folder_id(handle), ret_folder);
}

void tx_forget_folder(struct store_tx *tx, struct tx_folder *folder)
{
	struct tx_folder **at = &folder->account->folders;

	while (*at != folder)
		at = &(*at)->next;
	*at = folder->next;
}

void tx_forget_account(struct store_tx *tx, struct tx_account *account)
{
	struct tx_account **at = &tx->accounts;

	while (*at != account)
		at = &(*at)->next;
	*at = account->next;
	map_remove_u64(tx->by_account, account->account);
}

void tx_touch(struct store_tx *tx, struct tx_folder *folder)
{
	folder->account->dirty = true;
	folder->dirty = true;
	if (folder->handle && (tx->touched.n == 0 || tx->touched.v[tx->touched.n - 1] != folder->handle))
		vec_push(&tx->touched, folder->handle);
}

uint64_t tx_next_modseq(struct tx_folder *folder)
{
	folder->row.modseq = ++folder->account->row.modseq;
	return folder->row.modseq;
}

static enum err write_row(struct store *store, uint64_t account, const struct folder_row *row)
{
	struct sql_statement *st = ST(store, FOLDER_UPDATE);

	SQL_BIND(st, SQL_I64(account), SQL_I64(row->id), SQL_I64(row->uidvalidity), SQL_I64(row->counter),
		SQL_I64(row->modseq), SQL_I64(row->floor), SQL_I64(row->messages), SQL_I64(row->unseen),
		SQL_I64(row->deleted), SQL_I64(row->bytes), SQL_I64(row->recent));
	return sql_run(st);
}

static enum err write_keywords(struct store *store, const struct tx_folder *f)
{
	struct sql_statement *st = ST(store, FOLDER_KEYWORDS);

	SQL_BIND(st, SQL_I64(f->account->account), SQL_I64(f->row.id), SQL_BLOB(f->row.keywords));
	return sql_run(st);
}

static enum err flush_folder(struct store_tx *tx, struct tx_folder *f)
{
	enum err e = tx_flush_entries(tx, f);

	if (e == OK && f->dirty)
		e = write_row(tx->store, f->account->account, &f->row);
	if (e == OK && f->keywords_dirty)
		e = write_keywords(tx->store, f);
	if (e == OK)
		f->dirty = f->keywords_dirty = false;
	return e;
}

enum err tx_flush(struct store_tx *tx)
{
	enum err e = OK;

	for (struct tx_account *a = tx->accounts; e == OK && a; a = a->next) {
		if (!a->dirty)
			continue;
		for (struct tx_folder *f = a->folders; e == OK && f; f = f->next)
			e = flush_folder(tx, f);
		if (e == OK)
			e = write_row(tx->store, a->account, &a->row);
		if (e == OK)
			a->dirty = false;
	}
	return e;
}

void tx_drop(struct store_tx *tx)
{
	for (struct tx_account *a = tx->accounts; a; a = a->next)
		map_remove_u64(tx->by_account, a->account);
	tx->accounts = NULL;
}
