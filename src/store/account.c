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

static enum err insert_row(struct store *store, uint64_t account, const struct folder_row *row)
{
	struct sql_statement *st = ST(store, FOLDER_INSERT);

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
	e = insert_row(tx->store, account->account, &row);
	if (e == OK)
		note_folder(tx, account->account, &row);
	return e;
}

static enum err subscribe(struct store_tx *tx, uint64_t account, struct str name)
{
	struct sql_statement *st = ST(tx->store, SUBSCRIPTION_INSERT);

	SQL_BIND(st, SQL_I64(account), SQL_TEXT(name));
	return sql_run(st);
}

/*
 * The first UIDVALIDITY is the time: an account that is deleted and made again under the same address must not
 * meet a client's old cache (RFC 9051 2.3.1.1).
 */
enum err account_make(struct store_tx *tx, uint64_t account)
{
	struct folder_row row = { .id = ACCOUNT_ROW, .counter = 1, .modseq = 1, .name = S("") };
	struct tx_account *a;
	enum err e = tx_write(tx);

	row.uidvalidity = (uint64_t)tx->now_s & UINT32_MAX;
	if (e == OK)
		e = insert_row(tx->store, account, &row);
	if (e == OK) {
		note_account(tx, account, row.uidvalidity);
		e = tx_get_account(tx, account, &a);
	}
	for (int i = 0; e == OK && i < STANDARD_FOLDERS; i++) {
		struct str name = str_of(standard_folders[i].name);

		e = folder_insert(tx, a, i == 0 ? INBOX_ID : 0, name, standard_folders[i].special);
		if (e == OK)
			e = subscribe(tx, account, name);
	}
	return e;
}

enum err account_get_or_make(struct store_tx *tx, uint64_t account, struct tx_account **ret_account)
{
	enum err e = tx_get_account(tx, account, ret_account);

	if (e != ERR_NOT_FOUND)
		return e;
	e = account_make(tx, account);
	return e == OK ? tx_get_account(tx, account, ret_account) : e;
}

enum err store_account_ensure(struct store_tx *tx, uint64_t account)
{
	struct tx_account *a;

	return account_get_or_make(tx, account, &a);
}
