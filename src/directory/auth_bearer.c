/* SPDX-License-Identifier: ISC */
/* Logins with a token: found by its hash, so nothing is tried out. */
#include "directory/own.h"

#include <sodium.h>

/* id 0: there is no such token, or it has expired. */
struct found {
	int64_t account;
	struct directory_credential credential;
};

static enum err find(struct directory *directory, struct str token, int64_t now_ms, struct found *ret_found)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_TOKEN_FIND];
	uint8_t hash[crypto_hash_sha256_BYTES];

	*ret_found = (struct found){0};
	directory_token_hash(token, hash);
	SQL_BIND(st, SQL_BLOB(str_make(hash, sizeof(hash))));
	enum err e = sql_first(st);
	if (e != OK)
		return e == ERR_NOT_FOUND ? OK : e;
	ret_found->account = sql_column_i64(st, 0);
	if (sql_column_i64(st, 3) > now_ms)
		ret_found->credential = (struct directory_credential){.id = sql_column_i64(st, 1),
			.send_only = sql_column_i64(st, 2) != 0,
			.is_token = true};
	sql_reset(st);
	return OK;
}

static enum err verify(void *arg, struct directory *directory, const struct directory_target *target,
	struct directory_credential *ret_credential)
{
	const struct found *found = arg;

	if (found->account == target->account)
		*ret_credential = found->credential;
	return OK;
}

enum err directory_auth_bearer(struct directory *directory, struct str user, struct str token,
	const struct directory_login *login, struct directory_identity *ret_identity, int64_t *ret_delay_ms)
{
	struct directory_target owner;
	struct found found;
	enum err e = find(directory, token, login->now_ms, &found);

	*ret_delay_ms = 0;
	if (e != OK)
		return e;
	/* Limits count for the owner then; an unknown token counts for a user without a name. */
	if (str_trim(user).n == 0 && directory_lookup_account(directory, found.account, &owner) == OK)
		user = owner.address;
	return directory_auth_verify(directory, user, token, login, verify, &found, ret_identity, ret_delay_ms);
}
