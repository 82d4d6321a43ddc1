/* SPDX-License-Identifier: ISC */
/* Making and changing addresses. */
#include "directory/own.h"

#include "base/random.h"
#include "directory/password.h"

static const char *kind_text(unsigned kind)
{
	static const char *const TEXT[] = {"", "real", "alias", "redirect", "catchall"};

	return TEXT[kind];
}

enum err directory_insert_address(struct directory *directory,
	const struct directory_change *by, const struct directory_service *service,
	const struct directory_entry *entry, struct str local, struct str salt)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_ADDRESS_ADD];
	uint8_t made[DIRECTORY_SALT_BYTES];
	bool is_alias = entry->kind == DIRECTORY_ALIAS;

	random_bytes(made, sizeof(made));
	SQL_BIND(st, SQL_I64(service->id), SQL_I64(entry->id), SQL_TEXT(local),
		SQL_I64(entry->kind), SQL_I64(is_alias ? entry->target_or_quota : 0),
		SQL_I64(entry->shard),
		is_alias ? SQL_NULL : SQL_BLOB(salt.n ? salt : str_make(made, sizeof(made))),
		is_alias ? SQL_NULL : SQL_I64(directory->options.scram_iterations),
		SQL_I64(by->now_ms));
	return sql_run(st);
}

/* A new address and its service; ERR_EXISTS when something has that name. */
static enum err take_new(struct directory *directory, struct str address,
	struct directory_name *name, struct directory_service **ret_service)
{
	if (directory_name_parse_new(address, name) != OK)
		return directory_refuse(directory, ERR_BAD_ADDRESS,
			"%.*s is not an address that can be made", STR_FMT(address));
	enum err e =
		directory_find_service(directory, directory_name_domain(name), ret_service);
	if (e != OK)
		return e;
	if (directory_index_find(directory->index, *ret_service, directory_name_local(name)) !=
		NULL)
		return directory_refuse(directory, ERR_EXISTS, "address %.*s exists already",
			STR_FMT(address));
	return OK;
}

static bool is_catch_all(const struct directory_name *name)
{
	return str_equal(directory_name_local(name), S("catchall"));
}

/* The entry is complete in the database after this; memory follows when the change was
 * committed. */
static enum err insert(struct directory *directory, const struct directory_change *by,
	const struct directory_service *service, struct directory_entry *entry,
	struct str local)
{
	char subject[DIRECTORY_ADDRESS_MAX + 1];
	int n = snprintf(
		subject, sizeof(subject), "%.*s@%s", STR_FMT(local), service->main_domain);
	enum err e = directory_take_ids(directory, "account", 1, &entry->id);

	if (e != OK)
		return e;
	entry->shard = (uint16_t)((uint64_t)entry->id % directory->options.shards);
	e = directory_insert_address(directory, by, service, entry, local, STR_NONE);
	if (e != OK)
		return e;
	json_t *after = json_pack(
		"{s:I,s:s}", "account", (json_int_t)entry->id, "kind", kind_text(entry->kind));
	if (entry->kind == DIRECTORY_ALIAS)
		json_object_set_new(after, "target", json_integer(entry->target_or_quota));
	return directory_audit(directory, by, service->organisation, "address add",
		str_make(subject, (size_t)n), NULL, after);
}

static enum err add(struct directory *directory, const struct directory_change *by,
	struct directory_service *service, struct directory_entry *entry, struct str local)
{
	enum err e = directory_change_begin(directory);

	if (e != OK)
		return e;
	e = directory_change_end(directory, insert(directory, by, service, entry, local));
	if (e != OK)
		return e;
	directory_index_add(directory->index, *entry, local);
	if (entry->kind == DIRECTORY_CATCHALL)
		service->catch_all = entry->id;
	return OK;
}

enum err directory_address_add(struct directory *directory, const struct directory_change *by,
	struct str address, struct directory_target *ret_target)
{
	struct directory_service *service;
	struct directory_name name;
	enum err e = take_new(directory, address, &name, &service);

	if (e != OK)
		return e;
	if (is_catch_all(&name) && !service->offer->catch_all)
		return directory_refuse(directory, ERR_CANNOT, "the offer %s has no catch-all",
			service->offer->name);
	struct directory_entry entry = {.service = service->number,
		.target_or_quota = DIRECTORY_NO_QUOTA_OVERRIDE,
		.kind = is_catch_all(&name) ? DIRECTORY_CATCHALL : DIRECTORY_REAL,
		.enabled = 1};
	e = add(directory, by, service, &entry, directory_name_local(&name));
	if (e == OK)
		directory_fill_target(directory,
			directory_index_find_id(directory->index, entry.id), ret_target);
	return e;
}

static enum err check_redirect_only(struct directory *directory, const struct directory_service *service)
{
	int64_t each = service->offer->redirect_addresses, real = (int64_t)service->counts[DIRECTORY_REAL],
		have = (int64_t)service->counts[DIRECTORY_REDIRECT];

	if (real > 0 && have / real < each)
		return OK;
	return directory_refuse(directory, ERR_LIMIT,
		"the offer %s has %lld redirect-only addresses for each of the %lld mailboxes", service->offer->name,
		(long long)each, (long long)real);
}

enum err directory_redirect_only_add(
	struct directory *directory, const struct directory_change *by, struct str address, int64_t *ret_account)
{
	struct directory_service *service;
	struct directory_name name;
	enum err e = take_new(directory, address, &name, &service);

	if (e == OK && is_catch_all(&name))
		e = directory_refuse(directory, ERR_CANNOT, "the catch-all is a mailbox");
	if (e == OK)
		e = check_redirect_only(directory, service);
	if (e != OK)
		return e;
	struct directory_entry entry = {.service = service->number,
		.target_or_quota = DIRECTORY_NO_QUOTA_OVERRIDE,
		.kind = DIRECTORY_REDIRECT,
		.enabled = 1};
	e = add(directory, by, service, &entry, directory_name_local(&name));
	if (e == OK)
		*ret_account = entry.id;
	return e;
}

enum err directory_alias_add(struct directory *directory, const struct directory_change *by,
	struct str alias, struct str target)
{
	struct directory_service *service, *target_service;
	struct directory_entry *mailbox;
	struct directory_name name;
	enum err e = take_new(directory, alias, &name, &service);

	if (e == OK)
		e = directory_find_mailbox(directory, target, &target_service, &mailbox);
	if (e != OK)
		return e;
	if (is_catch_all(&name) || target_service != service)
		return directory_refuse(directory, ERR_CANNOT,
			"%.*s cannot be an alias of %.*s", STR_FMT(alias), STR_FMT(target));
	struct directory_entry entry = {.service = service->number,
		.target_or_quota = mailbox->id,
		.kind = DIRECTORY_ALIAS,
		.enabled = 1};
	return add(directory, by, service, &entry, directory_name_local(&name));
}

static enum err run_on(struct directory *directory, int statement, int64_t service, int64_t id)
{
	struct sql_statement *st = directory->st[statement];

	SQL_BIND(st, SQL_I64(service), SQL_I64(id));
	return sql_run(st);
}

/* Of an address, and to it. */
static enum err delete_redirections(struct directory *directory, int64_t id)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_REDIRECTION_FORGET];

	SQL_BIND(st, SQL_I64(id));
	return sql_run(st);
}

/* Ids of the aliases, which go with their mailbox. */
static enum err list_aliases(
	struct directory *directory, int64_t service, int64_t id, struct buf *ret_ids)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_ADDRESS_ALIASES];
	enum err e;

	SQL_BIND(st, SQL_I64(service), SQL_I64(id));
	while (sql_step(st, &e))
		buf_u64(ret_ids, (uint64_t)sql_column_i64(st, 0));
	return e;
}

static enum err delete_mailbox(struct directory *directory, const struct directory_change *by,
	int64_t service, const struct directory_entry *entry, struct buf *ret_aliases)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DEVICE_DELETE_ALL];
	enum err e = list_aliases(directory, service, entry->id, ret_aliases);

	for (struct rd rd = rd_of(buf_str(ret_aliases)); rd_left(&rd) > 0 && e == OK;) {
		int64_t alias = (int64_t)rd_u64(&rd);

		e = run_on(directory, DIRECTORY_SQL_ADDRESS_DELETE, service, alias);
		if (e == OK)
			e = delete_redirections(directory, alias);
	}
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(entry->id));
	e = sql_run(st);
	st = directory->st[DIRECTORY_SQL_TOKEN_DELETE_ALL];
	SQL_BIND(st, SQL_I64(entry->id));
	if (e == OK)
		e = sql_run(st);
	st = directory->st[DIRECTORY_SQL_PERMISSION_FORGET];
	SQL_BIND(st, SQL_I64(entry->id));
	if (e == OK)
		e = sql_run(st);
	if (e != OK)
		return e;
	st = directory->st[DIRECTORY_SQL_SHARE_FORGET];
	SQL_BIND(st, SQL_I64(entry->id));
	e = sql_run(st);
	if (e != OK)
		return e;
	e = run_on(directory, DIRECTORY_SQL_SETTING_FORGET, DIRECTORY_OF_ADDRESS, entry->id);
	if (e != OK)
		return e;
	st = directory->st[DIRECTORY_SQL_REMOVAL_ADD];
	SQL_BIND(st, SQL_I64(entry->shard), SQL_I64(entry->id), SQL_I64(by->now_ms));
	return sql_run(st);
}

static bool is_mailbox(const struct directory_entry *entry)
{
	return entry->kind == DIRECTORY_REAL || entry->kind == DIRECTORY_CATCHALL;
}

static enum err delete_rows(struct directory *directory, const struct directory_change *by,
	const struct directory_service *service, const struct directory_entry *entry,
	struct buf *ret_aliases)
{
	struct buf subject = {0};
	enum err e = OK;

	if (is_mailbox(entry))
		e = delete_mailbox(directory, by, service->id, entry, ret_aliases);
	if (e == OK)
		e = delete_redirections(directory, entry->id);
	if (e == OK)
		e = run_on(directory, DIRECTORY_SQL_ADDRESS_DELETE, service->id, entry->id);
	directory_add_address(directory, entry, &subject);
	if (e == OK)
		e = directory_audit(directory, by, service->organisation, "address delete",
			buf_str(&subject),
			json_pack("{s:I,s:s}", "account", (json_int_t)entry->id, "kind",
				kind_text(entry->kind)),
			NULL);
	buf_done(&subject);
	return e;
}

/* How many devices with argon2id are left matters to what unknown users seem to have. */
static enum err count_chosen(struct directory *directory, uint64_t *ret_count)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DEVICE_CHOSEN_COUNT];
	enum err e = sql_first(st);

	if (e == OK) {
		*ret_count = (uint64_t)sql_column_i64(st, 0);
		sql_reset(st);
	}
	return e;
}

static void forget(struct directory *directory, struct directory_service *service,
	struct directory_entry entry, struct str aliases)
{
	for (struct rd rd = rd_of(aliases); rd_left(&rd) > 0;) {
		int64_t alias = (int64_t)rd_u64(&rd);

		directory_index_remove(directory->index, alias);
		directory_redirects_forget(directory, alias);
	}
	directory_index_remove(directory->index, entry.id);
	directory_redirects_forget(directory, entry.id);
	directory_retention_forget(directory, entry.id);
	if (service->catch_all == entry.id)
		service->catch_all = 0;
	if (is_mailbox(&entry))
		directory_tell(
			directory, &(struct directory_event){.what = DIRECTORY_ADDRESS_DELETED,
					   .account = entry.id,
					   .shard = entry.shard});
}

enum err directory_address_delete(
	struct directory *directory, const struct directory_change *by, struct str address)
{
	struct directory_service *service;
	struct directory_entry *entry;
	struct buf aliases = {0};
	uint64_t chosen = 0;
	enum err e = directory_find_entry(directory, address, &service, &entry);

	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	e = delete_rows(directory, by, service, entry, &aliases);
	if (e == OK)
		e = count_chosen(directory, &chosen);
	e = directory_change_end(directory, e);
	if (e == OK) {
		directory->chosen_devices = chosen;
		forget(directory, service, *entry, buf_str(&aliases));
	}
	buf_done(&aliases);
	return e;
}

/* One column of one address, audited. */
static enum err set(struct directory *directory, const struct directory_change *by,
	const struct directory_service *service, const struct directory_entry *entry,
	int statement, struct sql_value value, const char *action, json_t *before,
	json_t *after)
{
	struct sql_statement *st = directory->st[statement];
	struct buf subject = {0};
	enum err e = directory_change_begin(directory);

	if (e != OK) {
		json_decref(before);
		json_decref(after);
		return e;
	}
	SQL_BIND(st, SQL_I64(service->id), SQL_I64(entry->id), value);
	directory_add_address(directory, entry, &subject);
	e = sql_run(st);
	if (e == OK)
		e = directory_audit(directory, by, service->organisation, action,
			buf_str(&subject), before, after);
	buf_done(&subject);
	return directory_change_end(directory, e);
}

enum err directory_address_enable(struct directory *directory,
	const struct directory_change *by, struct str address, bool enabled)
{
	struct directory_service *service;
	struct directory_entry *entry;
	enum err e = directory_find_entry(directory, address, &service, &entry);

	if (e == OK)
		e = set(directory, by, service, entry, DIRECTORY_SQL_ADDRESS_SET_STATE,
			SQL_I64(enabled), enabled ? "address enable" : "address disable",
			json_pack("{s:b}", "enabled", (int)entry->enabled),
			json_pack("{s:b}", "enabled", (int)enabled));
	if (e != OK)
		return e;
	entry->enabled = enabled;
	if (!enabled && is_mailbox(entry))
		directory_tell(directory,
			&(struct directory_event){.what = DIRECTORY_ADDRESS_DISABLED,
				.account = entry->id,
				.shard = entry->shard});
	return OK;
}

static json_t *quota_json(int64_t value)
{
	return value == DIRECTORY_NO_QUOTA_OVERRIDE
		       ? json_pack("{s:n}", "quota_bytes")
		       : json_pack("{s:I}", "quota_bytes", (json_int_t)value);
}

enum err directory_address_quota(struct directory *directory,
	const struct directory_change *by, struct str address, int64_t bytes)
{
	struct directory_service *service;
	struct directory_entry *entry;
	int64_t value = bytes == -1 ? DIRECTORY_NO_QUOTA_OVERRIDE : bytes;
	enum err e = directory_find_mailbox(directory, address, &service, &entry);

	if (e == OK && bytes < -1)
		e = directory_refuse(directory, ERR_SYNTAX,
			"a quota is a number of bytes, 0 for none, or -1");
	if (e == OK)
		e = set(directory, by, service, entry, DIRECTORY_SQL_ADDRESS_SET_QUOTA,
			bytes == -1 ? SQL_NULL : SQL_I64(bytes), "address quota",
			quota_json(entry->target_or_quota), quota_json(value));
	if (e == OK)
		entry->target_or_quota = value;
	return e;
}
