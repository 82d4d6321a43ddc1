/* SPDX-License-Identifier: ISC */
/* address, alias, device. */
#include "directory/command.h"

#include "directory/password.h"

#include <sodium.h>

static const char *kind_name(int64_t kind)
{
	static const char *const NAMES[] = {
		"unknown", "real", "alias", "redirect", "catchall"};

	return kind > 0 && kind <= DIRECTORY_CATCHALL ? NAMES[kind] : NAMES[0];
}

static enum err add_redirect_only(struct directory_call *call)
{
	struct str address = directory_text(call, "address");
	int64_t account;
	enum err e = directory_redirect_only_add(call->directory, call->by, address, &account);

	if (e != OK)
		return e;
	directory_put_text(call->reply, "address", address);
	directory_put_number(call->reply, "account", account);
	return OK;
}

enum err directory_cmd_address_add(struct directory_call *call)
{
	struct directory_target target;

	if (directory_flag(call, "redirect-only"))
		return add_redirect_only(call);
	enum err e = directory_address_add(
		call->directory, call->by, directory_text(call, "address"), &target);

	if (e != OK)
		return e;
	directory_put_text(call->reply, "address", target.address);
	directory_put_number(call->reply, "account", target.account);
	directory_put_number(call->reply, "shard", target.shard);
	return OK;
}

enum err directory_cmd_address_bulk(struct directory_call *call)
{
	int64_t count = directory_number(call, "count", 0),
		first = directory_number(call, "first", 1);

	if (count < 0 || count > UINT32_MAX || first < 0 || first > UINT32_MAX)
		return directory_refuse(
			call->directory, ERR_SYNTAX, "count and first are numbers from 0 on");
	enum err e =
		directory_bulk_add(call->directory, call->by, (uint32_t)count, (uint32_t)first,
			directory_text(call, "pattern"), directory_text(call, "password"));
	if (e == OK)
		directory_put_number(call->reply, "count", count);
	return e;
}

static void put_address(
	json_t *object, struct str local, const struct directory_service *service)
{
	char text[DIRECTORY_ADDRESS_MAX + 2];
	int n = snprintf(text, sizeof(text), "%.*s@%s", STR_FMT(local), service->main_domain);

	directory_put_text(object, "address", str_make(text, (size_t)n));
}

static void put_mailbox(
	json_t *row, const struct directory *directory, const struct directory_entry *entry)
{
	struct directory_target target;

	directory_fill_target(directory, entry, &target);
	directory_put_number(row, "shard", target.shard);
	directory_put_number(row, "quota_bytes", (int64_t)target.quota_bytes);
}

/* What memory knows; creation is only in the database. */
static void put_entry(json_t *row, const struct directory *directory,
	const struct directory_service *service, const struct directory_entry *entry)
{
	put_address(row, directory_index_local(directory->index, entry), service);
	directory_put_number(row, "account", entry->id);
	json_object_set_new(row, "kind", json_string(kind_name(entry->kind)));
	json_object_set_new(row, "enabled", json_boolean(entry->enabled));
	if (entry->kind == DIRECTORY_ALIAS)
		directory_put_number(row, "target", entry->target_or_quota);
	else if (entry->kind != DIRECTORY_REDIRECT)
		put_mailbox(row, directory, entry);
}

enum err directory_cmd_address_list(struct directory_call *call)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_ADDRESS_LIST];
	struct directory_service *service;
	enum err e = directory_find_service(
		call->directory, directory_text(call, "service"), &service);

	if (e != OK)
		return e;
	json_t *list = json_array();
	SQL_BIND(st, SQL_I64(service->id), SQL_TEXT(directory_text(call, "after")),
		SQL_I64(directory_limit(call)));
	while (sql_step(st, &e)) {
		const struct directory_entry *entry =
			directory_index_find_id(call->directory->index, sql_column_i64(st, 0));
		json_t *row = json_object();

		if (entry != NULL)
			put_entry(row, call->directory, service, entry);
		directory_put_time(row, "created", sql_column_i64(st, 7));
		json_array_append_new(list, row);
	}
	json_object_set_new(call->reply, "addresses", list);
	return e;
}

static enum err put_devices(struct directory_call *call, int64_t account)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_DEVICE_LIST];
	enum err e = directory_flush_last_uses(call->directory);

	if (e != OK)
		return e;
	json_t *list = json_array();
	SQL_BIND(st, SQL_I64(account));
	while (sql_step(st, &e)) {
		json_t *row = json_object();

		directory_put_number(row, "device", sql_column_i64(st, 0));
		directory_put_text(row, "name", sql_column_str(st, 1));
		directory_put_text(row, "icon", sql_column_str(st, 2));
		json_object_set_new(
			row, "send_only", json_boolean(sql_column_i64(st, 3) != 0));
		json_object_set_new(
			row, "generated", json_boolean(sql_column_i64(st, 4) != 0));
		directory_put_time(row, "created", sql_column_i64(st, 5));
		if (!sql_column_is_null(st, 6)) {
			directory_put_time(row, "last_used", sql_column_i64(st, 6));
			directory_put_text(row, "last_ip", sql_column_str(st, 7));
		}
		json_array_append_new(list, row);
	}
	json_object_set_new(call->reply, "devices", list);
	return e;
}

static enum err put_aliases(
	struct directory_call *call, const struct directory_service *service, int64_t account)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_ADDRESS_ALIASES];
	json_t *list = json_array();
	enum err e;

	SQL_BIND(st, SQL_I64(service->id), SQL_I64(account));
	while (sql_step(st, &e)) {
		json_t *row = json_object();

		put_address(row, sql_column_str(st, 1), service);
		json_array_append_new(list, row);
	}
	json_object_set_new(call->reply, "aliases", list);
	return e;
}

static enum err put_created(
	struct directory_call *call, const struct directory_service *service, int64_t id)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_ADDRESS_GET];

	SQL_BIND(st, SQL_I64(service->id), SQL_I64(id));
	enum err e = sql_first(st);
	if (e != OK)
		return e;
	directory_put_time(call->reply, "created", sql_column_i64(st, 6));
	sql_reset(st);
	return OK;
}

static enum err put_all_of_mailbox(
	struct directory_call *call, const struct directory_service *service, int64_t account)
{
	enum err e = put_aliases(call, service, account);

	if (e == OK)
		e = put_devices(call, account);
	if (e == OK)
		e = directory_put_shares(call, account);
	if (e == OK)
		e = directory_put_settings(call, "settings", DIRECTORY_OF_ADDRESS, account);
	if (e == OK)
		e = directory_put_settings(call, "service_settings", DIRECTORY_OF_SERVICE, service->id);
	return e == OK ? directory_put_permissions(call, service, account) : e;
}

enum err directory_cmd_address_show(struct directory_call *call)
{
	struct directory_service *service;
	struct directory_entry *entry;
	enum err e = directory_find_entry(
		call->directory, directory_text(call, "address"), &service, &entry);

	if (e != OK)
		return e;
	put_entry(call->reply, call->directory, service, entry);
	directory_put_text(call->reply, "service", str_of(service->main_domain));
	e = put_created(call, service, entry->id);
	if (e != OK || entry->kind == DIRECTORY_ALIAS)
		return e;
	directory_put_redirections(call, entry);
	if (entry->kind == DIRECTORY_REDIRECT)
		return OK;
	return put_all_of_mailbox(call, service, entry->id);
}

enum err directory_cmd_address_delete(struct directory_call *call)
{
	return directory_address_delete(
		call->directory, call->by, directory_text(call, "address"));
}

enum err directory_cmd_address_enable(struct directory_call *call)
{
	return directory_address_enable(
		call->directory, call->by, directory_text(call, "address"), true);
}

enum err directory_cmd_address_disable(struct directory_call *call)
{
	return directory_address_enable(
		call->directory, call->by, directory_text(call, "address"), false);
}

enum err directory_cmd_address_quota(struct directory_call *call)
{
	return directory_address_quota(call->directory, call->by,
		directory_text(call, "address"), directory_number(call, "bytes", -1));
}

enum err directory_cmd_alias_add(struct directory_call *call)
{
	return directory_alias_add(call->directory, call->by, directory_text(call, "alias"),
		directory_text(call, "address"));
}

enum err directory_cmd_alias_delete(struct directory_call *call)
{
	struct str alias = directory_text(call, "alias");
	struct directory_service *service;
	struct directory_entry *entry;
	enum err e = directory_find_entry(call->directory, alias, &service, &entry);

	if (e == OK && entry->kind != DIRECTORY_ALIAS)
		return directory_refuse(
			call->directory, ERR_CANNOT, "%.*s is no alias", STR_FMT(alias));
	return e == OK ? directory_address_delete(call->directory, call->by, alias) : e;
}

enum err directory_cmd_device_add(struct directory_call *call)
{
	const struct directory_device device = {.name = directory_text(call, "name"),
		.icon = directory_text(call, "icon"),
		.password = directory_text(call, "password"),
		.send_only = directory_flag(call, "send-only")};
	struct buf password = BUF_MAX(DIRECTORY_PASSWORD_MAX + 1);
	int64_t id;
	enum err e = directory_device_add(call->directory, call->by,
		directory_text(call, "address"), &device, &id, &password);

	if (e == OK) {
		directory_put_number(call->reply, "device", id);
		directory_put_text(call->reply, "password", buf_str(&password));
		sodium_memzero(password.p, password.n);
	}
	buf_done(&password);
	return e;
}

enum err directory_cmd_device_list(struct directory_call *call)
{
	struct directory_service *service;
	struct directory_entry *entry;
	enum err e = directory_find_mailbox(
		call->directory, directory_text(call, "address"), &service, &entry);

	return e == OK ? put_devices(call, entry->id) : e;
}

enum err directory_cmd_device_revoke(struct directory_call *call)
{
	return directory_device_revoke(call->directory, call->by,
		directory_text(call, "address"), directory_number(call, "device", 0));
}

enum err directory_cmd_address_set(struct directory_call *call)
{
	return directory_setting_set(call->directory, call->by, DIRECTORY_OF_ADDRESS, directory_text(call, "address"),
		directory_text(call, "name"), directory_text(call, "value"));
}
