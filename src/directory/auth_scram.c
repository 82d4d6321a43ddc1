/* SPDX-License-Identifier: ISC */
/* SCRAM-SHA-256: salts for everybody, proofs against the keys of each device. */
#include "directory/own.h"

#include "directory/password.h"

#include <sodium.h>

struct proof {
	struct str proof, message;
	uint8_t *signature;
};

/* The same unknown name has the same salt each time, as an existing one has. */
static void pretend_salt(struct directory *directory, struct str user, struct buf *ret_salt)
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	struct buf text = {0};

	buf_adds(&text, "scram salt ");
	buf_add(&text, user);
	crypto_auth_hmacsha256(mac, (const uint8_t *)text.p, text.n, directory->keys.pretend);
	buf_add(ret_salt, str_make(mac, DIRECTORY_SALT_BYTES));
	buf_done(&text);
}

enum err directory_scram_salt(
	struct directory *directory, struct str user, struct buf *ret_salt, uint32_t *ret_iterations)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_ADDRESS_SECRET];
	struct directory_target target;
	struct buf folded = {0};
	enum err e = directory_lookup(directory, str_trim(user), DIRECTORY_FOR_LOGIN, &target);

	*ret_iterations = directory->options.scram_iterations;
	if (e == OK) {
		SQL_BIND(st, SQL_I64(target.service), SQL_I64(target.account));
		e = sql_first(st);
		if (e == OK) {
			buf_add(ret_salt, sql_column_blob(st, 0));
			*ret_iterations = (uint32_t)sql_column_i64(st, 1);
		}
		sql_reset(st);
		return e;
	}
	for (size_t i = 0; i < str_trim(user).n; i++)
		buf_addc(&folded, ascii_lower(str_trim(user).p[i]));
	pretend_salt(directory, buf_str(&folded), ret_salt);
	buf_done(&folded);
	return OK;
}

/* RFC 5802 3 */
static bool is_proof_of(const struct proof *p, const uint8_t *stored_key)
{
	uint8_t client_key[DIRECTORY_SCRAM_KEY_BYTES], made[DIRECTORY_SCRAM_KEY_BYTES];

	crypto_auth_hmacsha256_state state;
	crypto_auth_hmacsha256_init(&state, stored_key, DIRECTORY_SCRAM_KEY_BYTES);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)p->message.p, p->message.n);
	crypto_auth_hmacsha256_final(&state, client_key);
	for (size_t i = 0; i < sizeof(client_key); i++)
		client_key[i] ^= (uint8_t)p->proof.p[i];
	crypto_hash_sha256(made, client_key, sizeof(client_key));
	return sodium_memcmp(made, stored_key, sizeof(made)) == 0;
}

static void sign(const struct proof *p, const uint8_t *server_key)
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, server_key, DIRECTORY_SCRAM_KEY_BYTES);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)p->message.p, p->message.n);
	crypto_auth_hmacsha256_final(&state, p->signature);
}

static enum err verify(void *arg, struct directory *directory, const struct directory_target *target,
	struct directory_credential *ret_credential)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DEVICE_VERIFIERS];
	const struct proof *p = arg;
	enum err e;

	SQL_BIND(st, SQL_I64(target->account));
	while (sql_step(st, &e)) {
		uint8_t stored[DIRECTORY_SCRAM_KEY_BYTES], server[DIRECTORY_SCRAM_KEY_BYTES];
		bool chosen = sql_column_is_null(st, 2);

		if (sql_column_blob(st, 4).n != sizeof(stored) || sql_column_blob(st, 5).n != sizeof(server))
			continue;
		memcpy(stored, sql_column_blob(st, 4).p, sizeof(stored));
		memcpy(server, sql_column_blob(st, 5).p, sizeof(server));
		if (chosen)
			directory_password_hide(&directory->keys, target->account, stored, server);
		if (!is_proof_of(p, stored))
			continue;
		sign(p, server);
		ret_credential->id = sql_column_i64(st, 0);
		ret_credential->send_only = sql_column_i64(st, 1) != 0;
	}
	return e;
}

enum err directory_auth_scram(struct directory *directory, struct str user, struct str proof, struct str message,
	const struct directory_login *login, struct directory_identity *ret_identity,
	uint8_t ret_signature[DIRECTORY_SCRAM_BYTES], int64_t *ret_delay_ms)
{
	struct proof p = {proof, message, ret_signature};

	if (proof.n != DIRECTORY_SCRAM_KEY_BYTES) {
		*ret_delay_ms = directory->options.auth_delay;
		return ERR_AUTH_FAILED;
	}
	return directory_auth_verify(directory, user, proof, login, verify, &p, ret_identity, ret_delay_ms);
}
