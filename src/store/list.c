/* SPDX-License-Identifier: ISC */
/*
 * What there is: committed state, or inside a turn what the turn has written.
 */
#include "store/local.h"

static void fill_status(const struct folder_row *row, struct store_status *status)
{
	*status = (struct store_status){
		.name = row->name,
		.id = row->id,
		.special = row->special,
		.uidvalidity = (uint32_t)row->uidvalidity,
		.uidnext = (uint32_t)row->counter,
		.messages = (uint32_t)row->messages,
		.unseen = (uint32_t)row->unseen,
		.deleted = (uint32_t)row->deleted,
		.bytes = row->bytes,
		.highest_modseq = row->modseq,
		.recent_uid = (uint32_t)row->recent,
	};
}

static enum err read_account_row(struct store *store, uint64_t account, struct folder_row *ret_row)
{
	struct sql_statement *st = ST(store, FOLDER_BY_ID);
	struct arena *arena = arena_new();
	enum err e = store_reads(store);

	if (e == OK) {
		SQL_BIND(st, SQL_I64(account), SQL_I64(ACCOUNT_ROW));
		e = sql_first(st);
	}
	if (e == OK)
		e = rows_read(st, arena, ret_row);
	sql_reset(st);
	arena_free(&arena);
	return e;
}

enum err store_account_exists(struct store *store, uint64_t account, bool *ret_exists)
{
	struct folder_row row;
	enum err e = read_account_row(store, account, &row);

	if (e == OK || e == ERR_NOT_FOUND)
		*ret_exists = e == OK;
	return e == ERR_NOT_FOUND ? OK : e;
}

enum err store_account_usage(struct store *store, uint64_t account, uint64_t *ret_bytes, uint64_t *ret_messages)
{
	struct folder_row row = { 0 };
	enum err e = read_account_row(store, account, &row);

	if (e != OK && e != ERR_NOT_FOUND)
		return e;
	*ret_bytes = row.bytes;
	*ret_messages = row.messages;
	return OK;
}

enum err store_folder_list(struct store *store, uint64_t account, struct arena *arena,
	struct store_status **ret_folders, size_t *ret_n)
{
	struct sql_statement *st = ST(store, FOLDER_LIST);
	VEC(struct store_status) list = { 0 };
	struct folder_row row;
	struct store_status status;
	enum err e = store_reads(store);

	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(account));
	while (sql_step(st, &e)) {
		e = rows_read(st, arena, &row);
		if (e != OK)
			break;
		fill_status(&row, &status);
		vec_push(&list, status);
	}
	sql_reset(st);
	if (e == OK) {
		*ret_n = list.n;
		*ret_folders = arena_array(arena, struct store_status, list.n);
		if (list.n)
			memcpy(*ret_folders, list.v, list.n * sizeof(*list.v));
	}
	vec_done(&list);
	return e;
}

enum err store_folder_status(struct store *store, uint64_t account, struct str name, struct arena *arena,
	struct store_status *ret_status)
{
	struct sql_statement *st = ST(store, FOLDER_BY_NAME);
	char bytes[STORE_NAME_MAX];
	struct folder_row row;
	enum err e = name_canonical(name, bytes, &name);

	if (e != OK)
		return ERR_NO_FOLDER;
	e = store_reads(store);
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(account), SQL_TEXT(name));
	e = sql_first(st);
	if (e == OK)
		e = rows_read(st, arena, &row);
	sql_reset(st);
	if (e == OK)
		fill_status(&row, ret_status);
	return e == ERR_NOT_FOUND ? ERR_NO_FOLDER : e;
}

enum err store_subscriptions(struct store *store, uint64_t account, struct arena *arena, struct str **ret_names,
	size_t *ret_n)
{
	struct sql_statement *st = ST(store, SUBSCRIPTION_LIST);
	VEC(struct str) list = { 0 };
	enum err e = store_reads(store);

	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(account));
	while (sql_step(st, &e))
		vec_push(&list, arena_dup(arena, sql_column_str(st, 0)));
	if (e == OK) {
		*ret_n = list.n;
		*ret_names = arena_array(arena, struct str, list.n);
		if (list.n)
			memcpy(*ret_names, list.v, list.n * sizeof(*list.v));
	}
	vec_done(&list);
	return e;
}
