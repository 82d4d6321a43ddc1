/* SPDX-License-Identifier: ISC */
/* Accounts on their way to another shard: a setting each, "FROM TO STATE", so that a restart knows of them. */
#include "directory/own.h"

#include <stdio.h>

static const struct str NAME = S("moving");
enum { BEGUN = 0, SWITCHED = 1 };

static enum err put(struct directory *directory, const struct directory_move *move)
{
	struct buf value = BUF_MAX(100);
	enum err e;

	buf_addf(&value, "%u %u %d", move->from, move->to, move->switched ? SWITCHED : BEGUN);
	e = directory_setting_put(directory, DIRECTORY_OF_ADDRESS, move->account, NAME, buf_str(&value));
	buf_done(&value);
	return e;
}

static bool parse(struct str value, struct directory_move *move)
{
	struct str word;
	uint32_t numbers[3] = {0};
	size_t n = 0;

	while (n < 3 && str_next(&value, ' ', &word) && str_to_u32(word, &numbers[n]) == OK)
		n++;
	move->from = numbers[0];
	move->to = numbers[1];
	move->switched = numbers[2] == SWITCHED;
	return n == 3;
}

enum err directory_move_begin(struct directory *directory, struct str address, struct directory_move *move)
{
	struct directory_service *service;
	struct directory_entry *entry;
	struct buf value = {0};
	enum err e = directory_find_mailbox(directory, address, &service, &entry);

	if (e == OK)
		e = directory_setting_get(directory, DIRECTORY_OF_ADDRESS, entry->id, NAME, &value);
	if (e == OK && value.n > 0)
		e = directory_refuse(directory, ERR_BUSY, "%.*s is on its way already", STR_FMT(address));
	if (e == OK && entry->shard == move->to)
		e = directory_refuse(directory, ERR_EXISTS, "%.*s is in shard %u", STR_FMT(address), move->to);
	buf_done(&value);
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	move->account = entry->id;
	move->from = entry->shard;
	return directory_change_end(directory, put(directory, move));
}

enum err directory_moves(struct directory *directory, int64_t after, struct directory_move *ret_moves, size_t max,
	size_t *ret_count)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_SETTING_NAMED];
	enum err e;

	*ret_count = 0;
	SQL_BIND(st, SQL_I64(DIRECTORY_OF_ADDRESS), SQL_TEXT(NAME), SQL_I64(after), SQL_I64(max));
	while (sql_step(st, &e)) {
		struct directory_move *move = &ret_moves[*ret_count];

		*move = (struct directory_move){.account = sql_column_i64(st, 0)};
		move->deleted = directory_index_find_id(directory->index, move->account) == NULL;
		*ret_count += parse(sql_column_str(st, 1), move);
	}
	return e;
}

static enum err switch_row(struct directory *directory, const struct directory_change *by,
	const struct directory_entry *entry, const struct directory_move *move)
{
	const struct directory_service *service = directory_index_service_at(directory->index, entry->service);
	struct directory_move after = *move;
	struct sql_statement *st = directory->st[DIRECTORY_SQL_ADDRESS_SET_SHARD];
	struct buf subject = {0};
	enum err e;

	after.switched = true;
	SQL_BIND(st, SQL_I64(service->id), SQL_I64(entry->id), SQL_I64(move->to));
	e = sql_run(st);
	if (e == OK)
		e = put(directory, &after);
	directory_add_address(directory, entry, &subject);
	if (e == OK)
		e = directory_audit(directory, by, service->organisation, "account move", buf_str(&subject),
			json_pack("{s:i}", "shard", (int)move->from), json_pack("{s:i}", "shard", (int)move->to));
	buf_done(&subject);
	return e;
}

enum err directory_move_switch(
	struct directory *directory, const struct directory_change *by, const struct directory_move *move)
{
	struct directory_entry *entry = directory_index_find_id(directory->index, move->account);
	enum err e = entry == NULL ? ERR_NOT_FOUND : directory_change_begin(directory);

	if (e != OK)
		return e;
	e = directory_change_end(directory, switch_row(directory, by, entry, move));
	if (e == OK)
		entry->shard = move->to;
	return e;
}

/* Of an address deleted meanwhile nothing may stay in either shard. */
static enum err remove_from(struct directory *directory, uint32_t shard, int64_t account)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_REMOVAL_AGAIN];

	SQL_BIND(st, SQL_I64(shard), SQL_I64(account));
	return sql_run(st);
}

enum err directory_move_end(struct directory *directory, int64_t account)
{
	struct directory_move move;
	size_t n = 0;
	enum err e = directory_moves(directory, account - 1, &move, 1, &n);

	if (e == OK && (n == 0 || move.account != account))
		return OK;
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	if (move.deleted)
		e = remove_from(directory, move.from, account);
	if (e == OK && move.deleted)
		e = remove_from(directory, move.to, account);
	if (e == OK)
		e = directory_setting_put(directory, DIRECTORY_OF_ADDRESS, account, NAME, STR_NONE);
	return directory_change_end(directory, e);
}
