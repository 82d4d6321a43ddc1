/* SPDX-License-Identifier: ISC */
/*
 * Accounts that are frozen, or have left for another shard: a row each, and a map in memory.
 */
#include "store/local.h"

#include "store/move.h"

enum away_state { AWAY_FROZEN = 1, AWAY_LEFT = 2 };

enum err store_account_is_here(const struct store *store, uint64_t account)
{
	uintptr_t state = map_count(store->away) ? (uintptr_t)map_get_u64(store->away, account) : 0;

	return state == 0 ? OK : state == AWAY_FROZEN ? ERR_UNAVAILABLE : ERR_MOVED;
}

enum err away_load(struct store *store)
{
	struct sql_statement *st = ST(store, AWAY_LIST);
	enum err e;

	while (sql_step(st, &e))
		map_put_u64(store->away, (uint64_t)sql_column_i64(st, 0), (void *)(uintptr_t)sql_column_i64(st, 1));
	return e;
}

/* The map follows at once; when the turn fails it is read again. */
static enum err put(struct store_tx *tx, uint64_t account, enum away_state state, uint64_t modseq)
{
	struct sql_statement *st = ST(tx->store, AWAY_PUT);

	SQL_BIND(st, SQL_I64(account), SQL_I64(state), SQL_I64(modseq));
	tx->changed_away = true;
	map_put_u64(tx->store->away, account, (void *)(uintptr_t)state);
	return sql_run(st);
}

enum err away_clear(struct store_tx *tx, uint64_t account)
{
	struct sql_statement *st = ST(tx->store, AWAY_DELETE);

	SQL_BIND(st, SQL_I64(account));
	tx->changed_away = true;
	map_remove_u64(tx->store->away, account);
	return sql_run(st);
}

void away_undo(struct store_tx *tx)
{
	if (!tx->changed_away)
		return;
	tx->changed_away = false;
	map_free(&tx->store->away);
	tx->store->away = map_new();
	/* Not readable now, it is not writable either. */
	(void)!away_load(tx->store);
}

enum err away_freeze(struct store_tx *tx, uint64_t account)
{
	return put(tx, account, AWAY_FROZEN, 0);
}

enum err store_account_freeze(struct store_tx *tx, uint64_t account)
{
	enum err e = store_account_is_here(tx->store, account);

	if (e == ERR_MOVED)
		return e;
	e = tx_write(tx);
	return e == OK ? away_freeze(tx, account) : e;
}

enum err store_account_thaw(struct store_tx *tx, uint64_t account)
{
	enum err e = OK;

	if (store_account_is_here(tx->store, account) == ERR_UNAVAILABLE)
		e = tx_write(tx);
	else
		return OK;
	return e == OK ? away_clear(tx, account) : e;
}

enum err away_leave(struct store_tx *tx, uint64_t account, uint64_t modseq)
{
	return put(tx, account, AWAY_LEFT, modseq);
}

enum err away_clock(struct store_tx *tx, uint64_t account, uint64_t *ret_modseq)
{
	struct sql_statement *st = ST(tx->store, AWAY_CLOCK);
	enum err e;

	SQL_BIND(st, SQL_I64(account));
	e = sql_first(st);
	*ret_modseq = e == OK ? (uint64_t)sql_column_i64(st, 0) : 0;
	sql_reset(st);
	return e == ERR_NOT_FOUND ? OK : e;
}

enum err store_account_leave(struct store_tx *tx, uint64_t account)
{
	uint64_t modseq = 1;
	struct tx_account *a;
	enum err e;

	tx->moves = true;
	/* Said before: what its clock was then counts. */
	if (store_account_is_here(tx->store, account) == ERR_MOVED)
		return OK;
	e = tx_write(tx);
	if (e == OK)
		e = tx_get_account(tx, account, &a);
	if (e == OK)
		e = account_forget(tx, a, &modseq);
	if (e != OK && e != ERR_NOT_FOUND)
		return e;
	note_account_left(tx, account, modseq);
	return away_leave(tx, account, modseq);
}
