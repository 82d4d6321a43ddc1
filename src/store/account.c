/* SPDX-License-Identifier: ISC */
/*
 * Accounts come into being when mail or a login first reaches them.
 */
#include "store/local.h"

static const struct {
	const char *name;
	enum store_special special;
} standard_folders[] = {
	{ "INBOX", STORE_ORDINARY },
	{ "Drafts", STORE_DRAFTS },
	{ "Sent", STORE_SENT },
	{ "Trash", STORE_TRASH },
	{ "Archive", STORE_ARCHIVE },
	{ "Spam", STORE_JUNK },
};
enum { STANDARD_FOLDERS = sizeof(standard_folders) / sizeof(standard_folders[0]) };

enum err folder_insert_row(struct store_tx *tx, uint64_t account, const struct folder_row *row)
{
	struct sql_statement *st = ST(tx->store, FOLDER_INSERT);

	SQL_BIND(st, SQL_I64(account), SQL_I64(row->id), SQL_TEXT(row->name), SQL_I64(row->special),
		SQL_I64(row->uidvalidity), SQL_I64(row->counter), SQL_I64(row->modseq), SQL_I64(row->floor),
		SQL_I64(row->recent));
	return sql_run(st);
}

enum err folder_insert(struct store_tx *tx, struct tx_account *account, uint64_t id, struct str name,
	enum store_special special)
{
	struct folder_row row = { .id = id, .name = name, .special = special, .counter = 1, .recent = 1 };
	enum err e;

	row.uidvalidity = ++account->row.uidvalidity;
	row.id = id ? id : row.uidvalidity;
	row.modseq = row.floor = ++account->row.modseq;
	account->dirty = true;
	e = folder_insert_row(tx, account->account, &row);
	if (e == OK)
		note_folder(tx, account->account, &row);
	return e;
}

enum err account_subscribe(struct store_tx *tx, uint64_t account, struct str name)
{
	struct sql_statement *st = ST(tx->store, SUBSCRIPTION_INSERT);

	SQL_BIND(st, SQL_I64(account), SQL_TEXT(name));
	return sql_run(st);
}

enum err account_insert(struct store_tx *tx, uint64_t account, uint64_t uidvalidity, uint64_t modseq)
{
	struct folder_row row = { .id = ACCOUNT_ROW, .uidvalidity = uidvalidity, .counter = 1, .modseq = modseq,
		.name = S("") };
	enum err e = tx_write(tx);

	if (e == OK)
		e = folder_insert_row(tx, account, &row);
	if (e == OK)
		note_account(tx, account, row.uidvalidity, modseq);
	return e;
}

/*
 * The first UIDVALIDITY is the time: an account that is deleted and made again under the same address must not
 * meet a client's old cache (RFC 9051 2.3.1.1).
 */
enum err account_make(struct store_tx *tx, uint64_t account)
{
	struct tx_account *a;
	enum err e = account_insert(tx, account, (uint64_t)tx->now_s & UINT32_MAX, 1);

	if (e == OK)
		e = tx_get_account(tx, account, &a);
	for (int i = 0; e == OK && i < STANDARD_FOLDERS; i++) {
		struct str name = str_of(standard_folders[i].name);

		e = folder_insert(tx, a, i == 0 ? INBOX_ID : 0, name, standard_folders[i].special);
		if (e == OK)
			e = account_subscribe(tx, account, name);
	}
	return e;
}

static enum err check_not_deleted(struct store_tx *tx, uint64_t account)
{
	struct sql_statement *st = ST(tx->store, DROPPED_ACCOUNT);
	enum err e;

	SQL_BIND(st, SQL_I64(account));
	e = sql_first(st);
	sql_reset(st);
	if (e == OK)
		return ERR_UNKNOWN_USER;
	return e == ERR_NOT_FOUND ? OK : e;
}

enum err account_get_or_make(struct store_tx *tx, uint64_t account, struct tx_account **ret_account)
{
	enum err e = tx_get_account(tx, account, ret_account);

	if (e != ERR_NOT_FOUND)
		return e;
	e = check_not_deleted(tx, account);
	if (e == OK)
		e = account_make(tx, account);
	return e == OK ? tx_get_account(tx, account, ret_account) : e;
}

enum err store_account_ensure(struct store_tx *tx, uint64_t account)
{
	struct tx_account *a;

	return account_get_or_make(tx, account, &a);
}

static enum err list_ids(struct store_tx *tx, uint64_t account, uint64_t **ret_ids, size_t *ret_n)
{
	struct sql_statement *st = ST(tx->store, FOLDER_IDS);
	uint64_t *ids = arena_array(tx->arena, uint64_t, tx->store->options.folders_max + STANDARD_FOLDERS);
	size_t n = 0;
	enum err e;

	SQL_BIND(st, SQL_I64(account));
	while (n < tx->store->options.folders_max + STANDARD_FOLDERS && sql_step(st, &e))
		ids[n++] = (uint64_t)sql_column_i64(st, 0);
	sql_reset(st);
	*ret_ids = ids;
	*ret_n = n;
	return e;
}

static enum err drop_folders(struct store_tx *tx, struct tx_account *a)
{
	uint64_t *ids;
	size_t n;
	enum err e = list_ids(tx, a->account, &ids, &n);

	for (size_t i = 0; e == OK && i < n; i++) {
		struct tx_folder *f;

		e = tx_get_folder(tx, a, ids[i], &f);
		if (e == OK)
			e = folder_drop(tx, f);
	}
	return e;
}

static enum err run_of_account(struct store_tx *tx, enum store_sql name, uint64_t account)
{
	struct sql_statement *st = tx->store->statements[name];

	SQL_BIND(st, SQL_I64(account));
	return sql_run(st);
}

/* What it had is purged at once. */
static enum err delete_account_rows(struct store_tx *tx, struct tx_account *a)
{
	struct sql_statement *gone = ST(tx->store, FOLDER_DELETE);
	enum err e = run_of_account(tx, STORE_SQL_DROPPED_HURRY, a->account);

	if (e == OK)
		e = run_of_account(tx, STORE_SQL_SUBSCRIPTION_CLEAR, a->account);
	if (e == OK)
		e = run_of_account(tx, STORE_SQL_DELIVERY_CLEAR, a->account);
	if (e != OK)
		return e;
	SQL_BIND(gone, SQL_I64(a->account), SQL_I64(ACCOUNT_ROW));
	return sql_run(gone);
}

enum err account_forget(struct store_tx *tx, struct tx_account *a, uint64_t *ret_modseq)
{
	enum err e = drop_folders(tx, a);

	*ret_modseq = ++a->row.modseq;
	if (e == OK)
		e = delete_account_rows(tx, a);
	if (e == OK)
		tx_forget_account(tx, a);
	return e;
}

/* The mark by which it never comes back. */
static enum err bury(struct store_tx *tx, struct tx_account *a)
{
	struct sql_statement *drop = ST(tx->store, DROPPED_INSERT);
	enum err e = delete_account_rows(tx, a);

	if (e != OK)
		return e;
	SQL_BIND(drop, SQL_I64(a->account), SQL_I64(ACCOUNT_ROW), SQL_TEXT(S("")), SQL_I64(INT64_MAX));
	e = sql_run(drop);
	if (e == OK)
		tx_forget_account(tx, a);
	return e;
}

enum err store_account_delete(struct store_tx *tx, uint64_t account)
{
	struct tx_account *a;
	enum err e;

	tx->moves = true;
	e = tx_get_account(tx, account, &a);
	if (e != OK)
		return e == ERR_NOT_FOUND ? OK : e;
	e = tx_write(tx);
	if (e == OK)
		e = drop_folders(tx, a);
	if (e == OK)
		note_account_gone(tx, a);
	return e == OK ? bury(tx, a) : e;
}
