/* SPDX-License-Identifier: ISC */
/* user, permission, lock. */
#include "directory/command.h"

enum err directory_cmd_user_add(struct directory_call *call)
{
	struct str role_name = directory_text(call, "role");
	enum directory_user_role role = DIRECTORY_COLLABORATOR;
	int64_t organisation, id = 0;
	enum err e = directory_call_organisation(call, &organisation);

	if (e == OK && role_name.p)
		e = directory_role_parse(call->directory, role_name, &role);
	if (e == OK)
		e = directory_user_add(call->directory, call->by, organisation, directory_text(call, "name"), role, &id);
	if (e == OK)
		directory_put_number(call->reply, "user", id);
	return e;
}

enum err directory_cmd_user_list(struct directory_call *call)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_USER_LIST];
	int64_t organisation;
	enum err e = directory_call_organisation(call, &organisation);

	if (e != OK)
		return e;
	json_t *list = json_array();
	SQL_BIND(st, SQL_I64(organisation), SQL_TEXT(directory_text(call, "after")),
		SQL_I64(directory_limit(call)));
	while (sql_step(st, &e)) {
		json_t *row = json_object();

		directory_put_number(row, "user", sql_column_i64(st, 0));
		directory_put_text(row, "name", sql_column_str(st, 1));
		directory_put_text(row, "role",
			str_of(directory_role_name((enum directory_user_role)sql_column_i64(st, 2))));
		directory_put_time(row, "created", sql_column_i64(st, 3));
		json_array_append_new(list, row);
	}
	json_object_set_new(call->reply, "users", list);
	return e;
}

enum err directory_cmd_user_role(struct directory_call *call)
{
	enum directory_user_role role;
	int64_t organisation;
	enum err e = directory_call_organisation(call, &organisation);

	if (e == OK)
		e = directory_role_parse(call->directory, directory_text(call, "role"), &role);
	if (e == OK)
		e = directory_user_set_role(
			call->directory, call->by, organisation, directory_text(call, "name"), role);
	return e;
}

enum err directory_cmd_user_delete(struct directory_call *call)
{
	int64_t organisation;
	enum err e = directory_call_organisation(call, &organisation);

	return e == OK ? directory_user_delete(
				 call->directory, call->by, organisation, directory_text(call, "name"))
		       : e;
}

enum err directory_cmd_permission_set(struct directory_call *call)
{
	uint32_t bits;
	enum err e = directory_permissions_parse(
		call->directory, directory_text(call, "permissions"), &bits);

	return e == OK ? directory_permission_set(call->directory, call->by, directory_text(call, "user"),
				 directory_text(call, "address"), bits)
		       : e;
}

enum err directory_put_permissions(
	struct directory_call *call, const struct directory_service *service, int64_t account)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_PERMISSION_LIST];
	json_t *list = json_array();
	enum err e;

	SQL_BIND(st, SQL_I64(service->organisation), SQL_I64(account), SQL_I64(DIRECTORY_ADMINISTRATOR));
	while (sql_step(st, &e)) {
		enum directory_user_role role = (enum directory_user_role)sql_column_i64(st, 1);
		uint32_t bits = role <= DIRECTORY_ADMINISTRATOR ? DIRECTORY_MAY_ALL
								: (uint32_t)sql_column_i64(st, 2);
		json_t *row = json_object();

		directory_put_text(row, "user", sql_column_str(st, 0));
		directory_put_text(row, "role", str_of(directory_role_name(role)));
		json_object_set_new(row, "permissions", directory_permissions_json(bits));
		json_array_append_new(list, row);
	}
	json_object_set_new(call->reply, "users", list);
	return e;
}

enum err directory_cmd_permission_list(struct directory_call *call)
{
	struct directory_service *service;
	struct directory_entry *entry;
	enum err e = directory_find_mailbox(
		call->directory, directory_text(call, "address"), &service, &entry);

	return e == OK ? directory_put_permissions(call, service, entry->id) : e;
}

static void put_lock(void *arg, const struct directory_lock *lock)
{
	json_t *row = json_object();

	directory_put_text(row, "kind", str_of(lock->kind));
	if (lock->user.n > 0)
		directory_put_text(row, "user", lock->user);
	if (lock->ip.n > 0)
		directory_put_text(row, "ip", lock->ip);
	directory_put_number(row, "failures", lock->failures);
	directory_put_time(row, "until", lock->until_ms);
	json_array_append_new(arg, row);
}

enum err directory_cmd_lock_list(struct directory_call *call)
{
	json_t *list = json_array();

	directory_attempts_list(
		call->directory->attempts, &call->directory->options, call->by->now_ms, put_lock, list);
	json_object_set_new(call->reply, "locks", list);
	return OK;
}

enum err directory_cmd_lock_lift(struct directory_call *call)
{
	struct str who = directory_text(call, "who");
	size_t n = directory_attempts_lift(call->directory->attempts, who, STR_NONE);

	if (n == 0)
		n = directory_attempts_lift(call->directory->attempts, STR_NONE, who);
	if (n == 0)
		return directory_refuse(
			call->directory, ERR_NOT_FOUND, "%.*s is not locked", STR_FMT(who));
	directory_put_number(call->reply, "lifted", (int64_t)n);
	return OK;
}
