/* SPDX-License-Identifier: ISC */
/* All rows of a file in one transaction. */
#include "directory/import.h"

static const int64_t KEPT_MS = 2 * 86400000; /* longer than the limit looks back */

static struct directory_entry entry_of(const struct directory_import *import, size_t i)
{
	int64_t id = import->account + (int64_t)i;
	bool is_catch_all = str_equal(import->rows.v[i].local, S("catchall"));

	return (struct directory_entry){.id = id,
		.service = import->service->number,
		.target_or_quota = DIRECTORY_NO_QUOTA_OVERRIDE,
		.kind = is_catch_all ? DIRECTORY_CATCHALL : DIRECTORY_REAL,
		.enabled = 1,
		.shard = (uint16_t)((uint64_t)id % import->directory->options.shards)};
}

static enum err insert_redirect(struct directory_import *import, struct directory_import_row *row, int64_t account)
{
	if (!row->redirect.target)
		return OK;
	if (row->named_row != SIZE_MAX)
		row->redirect.named = import->account + (int64_t)row->named_row;
	return directory_redirect_insert(import->directory, account, &row->redirect, !row->drop_copy);
}

static enum err audit(struct directory_import *import, const struct directory_change *by,
	const struct directory_import_row *row, const struct directory_entry *entry)
{
	struct buf subject = {0};
	json_t *after = json_pack("{s:I,s:s,s:b,s:b}", "account", (json_int_t)entry->id, "kind",
		entry->kind == DIRECTORY_CATCHALL ? "catchall" : "real", "imported", 1, "password", row->password.n > 0);

	if (row->redirect.target) {
		json_object_set_new(after, "target", json_string(row->redirect.target));
		json_object_set_new(after, "keep_copy", json_boolean(!row->drop_copy));
	}
	buf_addf(&subject, "%.*s@%s", STR_FMT(row->local), import->service->main_domain);
	enum err e = directory_audit(import->directory, by, import->service->organisation, "address add",
		buf_str(&subject), NULL, after);
	buf_done(&subject);
	return e;
}

static enum err insert_row(
	struct directory_import *import, const struct directory_change *by, size_t i, int64_t *device)
{
	const struct directory_device made = {.name = S("import"), .icon = STR_NONE};
	struct directory_import_row *row = &import->rows.v[i];
	struct directory_entry entry = entry_of(import, i);
	enum err e = directory_insert_address(import->directory, by, import->service, &entry, row->local,
		str_make(row->salt, sizeof(row->salt)));

	if (e == OK && row->password.n > 0)
		e = directory_insert_device(
			import->directory, entry.id, (*device)++, &made, &row->verifier, by->now_ms);
	if (e == OK)
		e = insert_redirect(import, row, entry.id);
	return e == OK ? audit(import, by, row, &entry) : e;
}

static enum err note_import(struct directory_import *import, int64_t now_ms)
{
	struct sql_statement *add = import->directory->st[DIRECTORY_SQL_IMPORT_ADD],
			     *expire = import->directory->st[DIRECTORY_SQL_IMPORT_EXPIRE];

	SQL_BIND(expire, SQL_I64(import->service->id), SQL_I64(now_ms - KEPT_MS));
	enum err e = sql_run(expire);
	if (e != OK)
		return e;
	SQL_BIND(add, SQL_I64(import->service->id), SQL_I64(import->account), SQL_I64(now_ms),
		SQL_I64(import->rows.n));
	return sql_run(add);
}

static size_t count_passwords(const struct directory_import *import)
{
	size_t n = 0;

	for (size_t i = 0; i < import->rows.n; i++)
		n += import->rows.v[i].password.n > 0;
	return n;
}

static enum err insert_all(struct directory_import *import, const struct directory_change *by)
{
	int64_t device = 0;
	enum err e = directory_take_ids(import->directory, "account", (int64_t)import->rows.n, &import->account);

	if (e == OK)
		e = directory_take_ids(import->directory, "device", (int64_t)count_passwords(import), &import->device);
	device = import->device;
	for (size_t i = 0; i < import->rows.n && e == OK; i++)
		e = insert_row(import, by, i, &device);
	return e == OK ? note_import(import, by->now_ms) : e;
}

static void remember_all(struct directory_import *import)
{
	for (size_t i = 0; i < import->rows.n; i++) {
		struct directory_import_row *row = &import->rows.v[i];
		struct directory_entry entry = entry_of(import, i);

		directory_index_add(import->directory->index, entry, row->local);
		if (entry.kind == DIRECTORY_CATCHALL)
			import->service->catch_all = entry.id;
		if (row->redirect.target)
			directory_redirect_remember(import->directory, entry.id, row->redirect, !row->drop_copy);
	}
	import->directory->chosen_devices += count_passwords(import);
}

static void put_row(json_t *list, const struct directory_import *import, size_t i)
{
	const struct directory_import_row *row = &import->rows.v[i];
	json_t *object = json_object();
	struct buf address = {0};

	buf_addf(&address, "%.*s@%s", STR_FMT(row->local), import->service->main_domain);
	directory_put_text(object, "address", buf_str(&address));
	directory_put_number(object, "account", import->account + (int64_t)i);
	if (row->redirect.target)
		directory_put_text(object, "target", str_of(row->redirect.target));
	if (row->redirect.code[0])
		directory_put_text(object, "code", str_of(row->redirect.code));
	json_array_append_new(list, object);
	buf_done(&address);
}

enum err directory_import_write(struct directory_import *import, struct directory_call *call)
{
	json_t *list;
	enum err e = directory_change_begin(import->directory);

	if (e == OK)
		e = directory_change_end(import->directory, insert_all(import, call->by));
	if (e != OK)
		return e;
	list = json_array();
	for (size_t i = 0; i < import->rows.n; i++)
		put_row(list, import, i);
	directory_put_number(call->reply, "count", (int64_t)import->rows.n);
	json_object_set_new(call->reply, "addresses", list);
	remember_all(import);
	/* The directory has the redirections now. */
	for (size_t i = 0; i < import->rows.n; i++)
		import->rows.v[i].redirect.target = NULL;
	return OK;
}
