/* SPDX-License-Identifier: ISC */
/* Device passwords: made, shown once, revoked. */
#include "directory/own.h"

#include "directory/password.h"

#include <sodium.h>

enum err directory_choose_verifier(struct directory *directory, struct str password, struct str salt,
	uint32_t iterations, struct directory_verifier *ret_verifier)
{
	if (password.n == 0 || password.n > DIRECTORY_PASSWORD_MAX)
		return directory_refuse(directory, ERR_SYNTAX, "a password has 1 to %d bytes",
			DIRECTORY_PASSWORD_MAX);
	ret_verifier->is_chosen = true;
	directory_password_scram(
		password, salt, iterations, ret_verifier->stored_key, ret_verifier->server_key);
	enum err e = directory_password_choose(password, directory->options.argon2_ops,
		directory->options.argon2_bytes, ret_verifier->chosen_hash);
	return e == OK ? OK
		       : directory_refuse(
				 directory, e, "too little memory to protect the password");
}

/* RFC 5802 2.2: one salt and iteration count for all devices of an address, as the server must
 * name them before it knows which device is asking. */
static enum err make_keys(struct directory *directory, const struct directory_service *service, int64_t account,
	struct str password, bool is_chosen, struct directory_verifier *ret_verifier)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_ADDRESS_SECRET];

	SQL_BIND(st, SQL_I64(service->id), SQL_I64(account));
	enum err e = sql_first(st);
	if (e != OK)
		return e;
	if (is_chosen)
		e = directory_choose_verifier(directory, password, sql_column_blob(st, 0),
			(uint32_t)sql_column_i64(st, 1), ret_verifier);
	else
		directory_password_scram(password, sql_column_blob(st, 0), (uint32_t)sql_column_i64(st, 1),
			ret_verifier->stored_key, ret_verifier->server_key);
	sql_reset(st);
	directory_password_login_hash(
		&directory->keys, account, password, ret_verifier->login_hash);
	ret_verifier->is_chosen = is_chosen;
	return e;
}

static struct sql_value bytes_unless(bool absent, const uint8_t bytes[32])
{
	return absent ? SQL_NULL : SQL_BLOB(str_make(bytes, 32));
}

enum err directory_insert_device(struct directory *directory, int64_t account, int64_t id,
	const struct directory_device *device, const struct directory_verifier *verifier,
	int64_t now_ms)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DEVICE_ADD];
	bool chosen = verifier->is_chosen;
	uint8_t stored[DIRECTORY_SCRAM_KEY_BYTES], server[DIRECTORY_SCRAM_KEY_BYTES];

	memcpy(stored, verifier->stored_key, sizeof(stored));
	memcpy(server, verifier->server_key, sizeof(server));
	if (chosen)
		directory_password_hide(&directory->keys, account, stored, server);

	SQL_BIND(st, SQL_I64(account), SQL_I64(id), SQL_TEXT(device->name),
		SQL_TEXT(device->icon), SQL_I64(device->send_only),
		bytes_unless(chosen, verifier->login_hash),
		SQL_BLOB(str_make(stored, sizeof(stored))), SQL_BLOB(str_make(server, sizeof(server))),
		chosen ? SQL_TEXT(str_of(verifier->chosen_hash)) : SQL_NULL, SQL_I64(now_ms));
	return sql_run(st);
}

static enum err check_room(struct directory *directory, int64_t account)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DEVICE_COUNT];

	SQL_BIND(st, SQL_I64(account));
	enum err e = sql_first(st);
	if (e != OK)
		return e;
	int64_t count = sql_column_i64(st, 0);
	sql_reset(st);
	if (count < DIRECTORY_DEVICES_MAX)
		return OK;
	return directory_refuse(directory, ERR_LIMIT, "an address has at most %d devices",
		DIRECTORY_DEVICES_MAX);
}

static enum err check_device(
	struct directory *directory, const struct directory_device *device)
{
	enum err e = directory_check_name(directory, "the name of a device", device->name);

	if (e == OK && device->icon.n > 0)
		e = directory_check_name(directory, "an icon", device->icon);
	return e;
}

static enum err audit_device(struct directory *directory, const struct directory_change *by,
	const struct directory_service *service, const struct directory_entry *entry,
	const char *action, json_t *before, json_t *after)
{
	struct buf subject = {0};

	directory_add_address(directory, entry, &subject);
	enum err e = directory_audit(directory, by, service->organisation, action,
		buf_str(&subject), before, after);
	buf_done(&subject);
	return e;
}

static enum err insert(struct directory *directory, const struct directory_change *by,
	const struct directory_service *service, const struct directory_entry *entry,
	const struct directory_device *device, const struct directory_verifier *verifier,
	int64_t *ret_id)
{
	enum err e = check_room(directory, entry->id);

	if (e == OK)
		e = directory_take_ids(directory, "device", 1, ret_id);
	if (e == OK)
		e = directory_insert_device(
			directory, entry->id, *ret_id, device, verifier, by->now_ms);
	if (e != OK)
		return e;
	return audit_device(directory, by, service, entry, "device add", NULL,
		json_pack("{s:I,s:s%,s:b,s:b}", "device", (json_int_t)*ret_id, "name",
			device->name.p, device->name.n, "send_only", (int)device->send_only,
			"chosen", (int)verifier->is_chosen));
}

static enum err make_verifier(struct directory *directory,
	const struct directory_service *service, int64_t account, struct str chosen,
	struct buf *password, struct directory_verifier *ret_verifier)
{
	if (chosen.n > 0)
		buf_add(password, chosen);
	else
		directory_password_generate(password);
	return make_keys(directory, service, account, buf_str(password), chosen.n > 0, ret_verifier);
}

enum err directory_device_add(struct directory *directory, const struct directory_change *by,
	struct str address, const struct directory_device *device, int64_t *ret_device,
	struct buf *ret_password)
{
	struct directory_service *service;
	struct directory_entry *entry;
	struct directory_verifier verifier;
	struct buf password = BUF_MAX(DIRECTORY_PASSWORD_MAX + 1);
	int64_t id = 0;
	enum err e = check_device(directory, device);

	if (e == OK)
		e = directory_find_mailbox(directory, address, &service, &entry);
	if (e != OK)
		return e;
	e = make_verifier(
		directory, service, entry->id, device->password, &password, &verifier);
	if (e == OK)
		e = directory_change_begin(directory);
	if (e == OK)
		e = directory_change_end(directory,
			insert(directory, by, service, entry, device, &verifier, &id));
	if (e == OK) {
		directory->chosen_devices += verifier.is_chosen;
		*ret_device = id;
		buf_add(ret_password, buf_str(&password));
	}
	if (password.p != NULL)
		sodium_memzero(password.p, password.n);
	buf_done(&password);
	return e;
}

/* ret_chosen: whether it was one with argon2id. */
static enum err delete_row(struct directory *directory, int64_t account, int64_t id,
	json_t **ret_before, bool *ret_chosen)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DEVICE_DELETE];

	SQL_BIND(st, SQL_I64(account), SQL_I64(id));
	enum err e = sql_first(st);
	if (e == ERR_NOT_FOUND)
		return directory_refuse(
			directory, e, "the address has no device %lld", (long long)id);
	if (e != OK)
		return e;
	struct str name = sql_column_str(st, 0);
	*ret_before = json_pack("{s:I,s:s%,s:b}", "device", (json_int_t)id, "name",
		name.n ? name.p : "", name.n, "send_only", sql_column_i64(st, 2) != 0);
	*ret_chosen = sql_column_i64(st, 3) != 0;
	/* The change is made when the statement ended. */
	while (sql_step(st, &e))
		;
	return e;
}

enum err directory_device_revoke(struct directory *directory,
	const struct directory_change *by, struct str address, int64_t device)
{
	struct directory_service *service;
	struct directory_entry *entry;
	json_t *before = NULL;
	bool chosen = false;
	enum err e = directory_find_mailbox(directory, address, &service, &entry);

	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	e = delete_row(directory, entry->id, device, &before, &chosen);
	if (e == OK)
		e = audit_device(directory, by, service, entry, "device revoke", before, NULL);
	e = directory_change_end(directory, e);
	if (e != OK)
		return e;
	directory->chosen_devices -= chosen;
	free(map_remove_u64(directory->last_uses, (uint64_t)device));
	directory_tell(directory, &(struct directory_event){.what = DIRECTORY_DEVICE_REVOKED,
					  .account = entry->id,
					  .device = device,
					  .shard = entry->shard});
	return OK;
}
