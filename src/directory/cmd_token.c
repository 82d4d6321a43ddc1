/* SPDX-License-Identifier: ISC */
/* token. */
#include "directory/command.h"

#include <sodium.h>

enum err directory_cmd_token_add(struct directory_call *call)
{
	const struct directory_token token = {.name = directory_text(call, "name"),
		.seconds = directory_number(call, "expires", DIRECTORY_TOKEN_SECONDS),
		.send_only = directory_flag(call, "send-only")};
	struct buf bearer = BUF_MAX(DIRECTORY_PASSWORD_MAX);
	int64_t id;
	enum err e = directory_token_add(
		call->directory, call->by, directory_text(call, "address"), &token, &id, &bearer);

	if (e == OK) {
		directory_put_number(call->reply, "token", id);
		directory_put_text(call->reply, "bearer", buf_str(&bearer));
		directory_put_time(call->reply, "expires", call->by->now_ms + token.seconds * 1000);
		sodium_memzero(bearer.p, bearer.n);
	}
	buf_done(&bearer);
	return e;
}

static json_t *row_of(const struct sql_statement *st, int64_t now_ms)
{
	json_t *row = json_object();

	directory_put_number(row, "token", sql_column_i64(st, 0));
	directory_put_text(row, "name", sql_column_str(st, 1));
	json_object_set_new(row, "send_only", json_boolean(sql_column_i64(st, 2) != 0));
	directory_put_time(row, "created", sql_column_i64(st, 3));
	directory_put_time(row, "expires", sql_column_i64(st, 4));
	json_object_set_new(row, "expired", json_boolean(sql_column_i64(st, 4) <= now_ms));
	if (!sql_column_is_null(st, 5)) {
		directory_put_time(row, "last_used", sql_column_i64(st, 5));
		directory_put_text(row, "last_ip", sql_column_str(st, 6));
	}
	return row;
}

enum err directory_cmd_token_list(struct directory_call *call)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_TOKEN_LIST];
	struct directory_service *service;
	struct directory_entry *entry;
	enum err e = directory_find_mailbox(
		call->directory, directory_text(call, "address"), &service, &entry);

	if (e == OK)
		e = directory_flush_last_uses(call->directory);
	if (e != OK)
		return e;
	json_t *list = json_array();
	SQL_BIND(st, SQL_I64(entry->id));
	while (sql_step(st, &e))
		json_array_append_new(list, row_of(st, call->by->now_ms));
	json_object_set_new(call->reply, "tokens", list);
	return e;
}

enum err directory_cmd_token_revoke(struct directory_call *call)
{
	return directory_token_revoke(call->directory, call->by, directory_text(call, "address"),
		directory_number(call, "token", 0));
}
