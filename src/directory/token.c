/* SPDX-License-Identifier: ISC */
/* Tokens: made, shown once, revoked.  An expired one is swept away when the next one of its address is made. */
#include "directory/own.h"

#include "base/random.h"

#include <sodium.h>

enum {
	TOKEN_BYTES = 32,
	TOKEN_CHARS = 43, /* in base64url without padding */
};

static enum err check(struct directory *directory, const struct directory_token *token)
{
	enum err e = directory_check_name(directory, "the name of a token", token->name);

	if (e == OK && (token->seconds < 1 || token->seconds > DIRECTORY_TOKEN_SECONDS_MAX))
		return directory_refuse(directory, ERR_SYNTAX, "a token expires after 1 to %d seconds",
			DIRECTORY_TOKEN_SECONDS_MAX);
	return e;
}

static enum err make_room(struct directory *directory, int64_t account, int64_t now_ms)
{
	struct sql_statement *expired = directory->st[DIRECTORY_SQL_TOKEN_DELETE_EXPIRED],
			     *count = directory->st[DIRECTORY_SQL_TOKEN_COUNT];

	SQL_BIND(expired, SQL_I64(account), SQL_I64(now_ms));
	enum err e = sql_run(expired);
	if (e != OK)
		return e;
	SQL_BIND(count, SQL_I64(account));
	e = sql_first(count);
	if (e != OK)
		return e;
	int64_t n = sql_column_i64(count, 0);
	sql_reset(count);
	if (n < DIRECTORY_TOKENS_MAX)
		return OK;
	return directory_refuse(
		directory, ERR_LIMIT, "an address has at most %d tokens", DIRECTORY_TOKENS_MAX);
}

static enum err audit(struct directory *directory, const struct directory_change *by,
	const struct directory_service *service, const struct directory_entry *entry, const char *action,
	json_t *before, json_t *after)
{
	struct buf subject = {0};

	directory_add_address(directory, entry, &subject);
	enum err e =
		directory_audit(directory, by, service->organisation, action, buf_str(&subject), before, after);
	buf_done(&subject);
	return e;
}

static enum err insert_row(struct directory *directory, const struct directory_change *by, int64_t account,
	const struct directory_token *token, struct str bearer, int64_t id)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_TOKEN_ADD];
	uint8_t hash[crypto_hash_sha256_BYTES];

	directory_token_hash(bearer, hash);
	SQL_BIND(st, SQL_I64(account), SQL_I64(id), SQL_TEXT(token->name), SQL_I64(token->send_only),
		SQL_BLOB(str_make(hash, sizeof(hash))), SQL_I64(by->now_ms),
		SQL_I64(by->now_ms + token->seconds * 1000));
	return sql_run(st);
}

static enum err insert(struct directory *directory, const struct directory_change *by,
	const struct directory_service *service, const struct directory_entry *entry,
	const struct directory_token *token, struct str bearer, int64_t *ret_id)
{
	enum err e = make_room(directory, entry->id, by->now_ms);

	/* The counter of devices: sessions and their end know one kind of number. */
	if (e == OK)
		e = directory_take_ids(directory, "device", 1, ret_id);
	if (e == OK)
		e = insert_row(directory, by, entry->id, token, bearer, *ret_id);
	if (e != OK)
		return e;
	return audit(directory, by, service, entry, "token add", NULL,
		json_pack("{s:I,s:s%,s:b,s:I}", "token", (json_int_t)*ret_id, "name", token->name.p, token->name.n,
			"send_only", (int)token->send_only, "seconds", (json_int_t)token->seconds));
}

void directory_token_hash(struct str bearer, uint8_t ret_hash[32])
{
	crypto_hash_sha256(ret_hash, (const uint8_t *)bearer.p, bearer.n);
}

enum err directory_token_add(struct directory *directory, const struct directory_change *by, struct str address,
	const struct directory_token *token, int64_t *ret_token, struct buf *ret_bearer)
{
	struct directory_service *service;
	struct directory_entry *entry;
	uint8_t bytes[TOKEN_BYTES];
	char text[TOKEN_CHARS + 1];
	int64_t id = 0;
	enum err e = check(directory, token);

	if (e == OK)
		e = directory_find_mailbox(directory, address, &service, &entry);
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	random_bytes(bytes, sizeof(bytes));
	sodium_bin2base64(text, sizeof(text), bytes, sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	e = directory_change_end(
		directory, insert(directory, by, service, entry, token, str_make(text, TOKEN_CHARS), &id));
	if (e == OK) {
		*ret_token = id;
		buf_add(ret_bearer, str_make(text, TOKEN_CHARS));
	}
	sodium_memzero(bytes, sizeof(bytes));
	sodium_memzero(text, sizeof(text));
	return e;
}

static enum err delete_row(struct directory *directory, int64_t account, int64_t id, json_t **ret_before)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_TOKEN_DELETE];

	SQL_BIND(st, SQL_I64(account), SQL_I64(id));
	enum err e = sql_first(st);
	if (e == ERR_NOT_FOUND)
		return directory_refuse(directory, e, "the address has no token %lld", (long long)id);
	if (e != OK)
		return e;
	struct str name = sql_column_str(st, 0);
	*ret_before = json_pack("{s:I,s:s%,s:b}", "token", (json_int_t)id, "name", name.n ? name.p : "", name.n,
		"send_only", sql_column_i64(st, 1) != 0);
	/* The change is made when the statement ended. */
	while (sql_step(st, &e))
		;
	return e;
}

enum err directory_token_revoke(
	struct directory *directory, const struct directory_change *by, struct str address, int64_t token)
{
	struct directory_service *service;
	struct directory_entry *entry;
	json_t *before = NULL;
	enum err e = directory_find_mailbox(directory, address, &service, &entry);

	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	e = delete_row(directory, entry->id, token, &before);
	if (e == OK)
		e = audit(directory, by, service, entry, "token revoke", before, NULL);
	e = directory_change_end(directory, e);
	if (e != OK)
		return e;
	free(map_remove_u64(directory->last_uses, (uint64_t)token));
	directory_tell(directory, &(struct directory_event){.what = DIRECTORY_DEVICE_REVOKED,
					  .account = entry->id,
					  .device = token,
					  .shard = entry->shard});
	return OK;
}
