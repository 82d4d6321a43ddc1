/* SPDX-License-Identifier: ISC */
/*
 * What lies in Trash or Spam for too long is expunged.  UIDs are given on entering, so the messages of a folder stand in
 * the order in which they came: one look at the first tells whether anything is due.
 */
#include "store/local.h"

enum { EXPIRE_AT_ONCE = 1000 };

static enum err next_folder(struct store_tx *tx, struct store_expiry *expiry, enum store_special *ret_special)
{
	struct sql_statement *st = ST(tx->store, FOLDER_EXPIRING);
	enum err e = store_reads(tx->store);

	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(expiry->account), SQL_I64(expiry->folder), SQL_I64(STORE_TRASH), SQL_I64(STORE_JUNK));
	e = sql_first(st);
	if (e == OK && expiry->last_account && (uint64_t)sql_column_i64(st, 0) > expiry->last_account)
		e = ERR_NOT_FOUND;
	if (e == OK) {
		expiry->account = (uint64_t)sql_column_i64(st, 0);
		expiry->folder = (uint64_t)sql_column_i64(st, 1);
		*ret_special = (enum store_special)sql_column_i64(st, 2);
	}
	sql_reset(st);
	return e;
}

static int compare_accounts(const void *key, const void *rule)
{
	uint64_t account = *(const uint64_t *)key, other = ((const struct store_expiry_rule *)rule)->account;

	return (account > other) - (account < other);
}

/* The account's own times go first. */
static int64_t limit_of(const struct store_expiry *expiry, enum store_special special)
{
	struct store_expiry_rule all = { expiry->account, expiry->trash_before_s, expiry->junk_before_s };
	const struct store_expiry_rule *own = expiry->rule_count
		? bsearch(&expiry->account, expiry->rules, expiry->rule_count, sizeof(all), compare_accounts)
		: NULL;

	own = own ? own : &all;
	return special == STORE_TRASH ? own->trash_before_s : own->junk_before_s;
}

static enum err find_due(struct store_tx *tx, const struct store_expiry *expiry, int64_t before_s, struct uidset *uids)
{
	struct chunk_place place = { expiry->account, expiry->folder, 0 };
	bool due = true;
	struct str blob;
	enum err e = OK;

	while (e == OK && due && uidset_count(uids) < EXPIRE_AT_ONCE && chunks_next(tx, &place, 0, &blob, &e)) {
		size_t n = 0;

		e = chunk_decode(blob, tx->entries, &n);
		for (size_t i = 0; e == OK && due && i < n; i++) {
			due = tx->entries[i].saved_date < before_s;
			if (due)
				uidset_add(uids, tx->entries[i].uid);
		}
	}
	return e;
}

static enum err expunge_due(struct store_tx *tx, const struct store_expiry *expiry, const struct uidset *uids)
{
	struct uidset gone = { 0 };
	struct tx_account *a;
	struct tx_folder *f;
	enum err e = tx_get_account(tx, expiry->account, &a);

	if (e == OK)
		e = tx_get_folder(tx, a, expiry->folder, &f);
	if (e == OK)
		e = tx_write(tx);
	if (e == OK)
		e = expunge_messages(tx, f, uids, true, false, &gone);
	uidset_done(&gone);
	return e;
}

enum err store_expire(struct store_tx *tx, struct store_expiry *expiry, bool *ret_more)
{
	enum store_special special = STORE_ORDINARY;
	struct uidset uids = { 0 };
	int64_t before_s;
	enum err e = next_folder(tx, expiry, &special);

	*ret_more = e == OK;
	if (e != OK)
		return e == ERR_NOT_FOUND ? OK : e;
	before_s = limit_of(expiry, special);
	e = find_due(tx, expiry, before_s, &uids);
	if (e == OK && uids.n)
		e = expunge_due(tx, expiry, &uids);
	/* On its way to another shard: that one will do it. */
	if (e == ERR_UNAVAILABLE) {
		uidset_clear(&uids);
		e = OK;
	}
	if (e == OK)
		expiry->expunged += uidset_count(&uids);
	/* The rest of a large one comes next. */
	if (uidset_count(&uids) >= EXPIRE_AT_ONCE)
		expiry->folder--;
	uidset_done(&uids);
	return e;
}
