/* SPDX-License-Identifier: ISC */
/* share. */
#include "directory/command.h"

enum err directory_cmd_share_add(struct directory_call *call)
{
	return directory_share_add(call->directory, call->by, directory_text(call, "address"),
		directory_text(call, "folder"), directory_text(call, "user"), directory_text(call, "rights"));
}

enum err directory_cmd_share_delete(struct directory_call *call)
{
	return directory_share_delete(call->directory, call->by, directory_text(call, "address"),
		directory_text(call, "folder"), directory_text(call, "user"));
}

/* Columns: folder, the other mailbox, rights, created. */
static enum err put_list(
	struct directory_call *call, int statement, int64_t account, const char *name, const char *other_name)
{
	struct sql_statement *st = call->directory->st[statement];
	json_t *list = json_array();
	struct buf address = {0};
	enum err e;

	SQL_BIND(st, SQL_I64(account));
	while (sql_step(st, &e)) {
		const struct directory_entry *other =
			directory_index_find_id(call->directory->index, sql_column_i64(st, 1));
		json_t *row = json_object();

		buf_clear(&address);
		if (other)
			directory_add_address(call->directory, other, &address);
		directory_put_text(row, "folder", sql_column_str(st, 0));
		directory_put_text(row, other_name, buf_str(&address));
		directory_put_text(row, "rights", sql_column_str(st, 2));
		directory_put_time(row, "created", sql_column_i64(st, 3));
		json_array_append_new(list, row);
	}
	json_object_set_new(call->reply, name, list);
	buf_done(&address);
	return e;
}

enum err directory_put_shares(struct directory_call *call, int64_t account)
{
	enum err e = put_list(call, DIRECTORY_SQL_SHARE_OF, account, "shared", "with");

	return e == OK ? put_list(call, DIRECTORY_SQL_SHARE_WITH, account, "received", "owner") : e;
}

enum err directory_cmd_share_list(struct directory_call *call)
{
	struct directory_service *service;
	struct directory_entry *entry;
	enum err e = directory_find_mailbox(call->directory, directory_text(call, "address"), &service, &entry);

	return e == OK ? directory_put_shares(call, entry->id) : e;
}
