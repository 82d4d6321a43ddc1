/* SPDX-License-Identifier: ISC */
#include "directory/password.h"

#include "base/random.h"
#include "directory/directory.h"

#include <assert.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>

enum { GROUP = 5, GROUPS = 4 };
/* Without i, l, o, 0 and 1: log2(31) * 20 = 99 bits. */
static const char ALPHABET[] = "abcdefghjkmnpqrstuvwxyz23456789";

static_assert(DIRECTORY_CHOSEN_HASH_MAX >= crypto_pwhash_STRBYTES, "libsodium's string fits");
static_assert(DIRECTORY_GENERATED_CHARS == GROUPS * GROUP + GROUPS - 1, "");

void directory_password_generate(struct buf *out)
{
	for (int i = 0; i < GROUPS * GROUP; i++) {
		if (i > 0 && i % GROUP == 0)
			buf_addc(out, '-');
		buf_addc(out, ALPHABET[random_below(sizeof(ALPHABET) - 1)]);
	}
}

void directory_password_login_hash(const struct directory_keys *keys, int64_t account,
	struct str password, uint8_t ret_hash[DIRECTORY_LOGIN_HASH_BYTES])
{
	char plain[sizeof(account) + DIRECTORY_PASSWORD_MAX];
	size_t n = sizeof(account);

	assert(password.n <= DIRECTORY_PASSWORD_MAX);
	for (size_t i = 0; i < sizeof(account); i++)
		plain[i] = (char)((uint64_t)account >> (8 * i));
	for (size_t i = 0; i < password.n; i++)
		if (password.p[i] != '-' && password.p[i] != ' ')
			plain[n++] = ascii_lower(password.p[i]);
	crypto_generichash(ret_hash, DIRECTORY_LOGIN_HASH_BYTES, (const uint8_t *)plain, n,
		keys->login, sizeof(keys->login));
	sodium_memzero(plain, sizeof(plain));
}

static void hmac(const uint8_t *key, const char *text, uint8_t *ret_mac)
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, DIRECTORY_SCRAM_KEY_BYTES);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)text, strlen(text));
	crypto_auth_hmacsha256_final(&state, ret_mac);
}

void directory_password_scram(struct str password, struct str salt, uint32_t iterations,
	uint8_t ret_stored_key[DIRECTORY_SCRAM_KEY_BYTES],
	uint8_t ret_server_key[DIRECTORY_SCRAM_KEY_BYTES])
{
	uint8_t salted[DIRECTORY_SCRAM_KEY_BYTES], client_key[DIRECTORY_SCRAM_KEY_BYTES];
	int made = PKCS5_PBKDF2_HMAC(password.p, (int)password.n, (const uint8_t *)salt.p,
		(int)salt.n, (int)iterations, EVP_sha256(), sizeof(salted), salted);

	assert(made == 1);
	hmac(salted, "Client Key", client_key);
	crypto_hash_sha256(ret_stored_key, client_key, sizeof(client_key));
	hmac(salted, "Server Key", ret_server_key);
	sodium_memzero(salted, sizeof(salted));
	sodium_memzero(client_key, sizeof(client_key));
}

static void hide(const struct directory_keys *keys, int64_t account, const char *which, uint8_t *key)
{
	uint8_t mask[DIRECTORY_SCRAM_KEY_BYTES];
	char text[64];

	snprintf(text, sizeof(text), "scram %s %lld", which, (long long)account);
	hmac(keys->login, text, mask);
	for (size_t i = 0; i < sizeof(mask); i++)
		key[i] ^= mask[i];
}

void directory_password_hide(const struct directory_keys *keys, int64_t account,
	uint8_t stored_key[DIRECTORY_SCRAM_KEY_BYTES], uint8_t server_key[DIRECTORY_SCRAM_KEY_BYTES])
{
	hide(keys, account, "stored", stored_key);
	hide(keys, account, "server", server_key);
}

enum err directory_password_choose(struct str password, uint64_t ops, uint64_t bytes,
	char ret_hash[DIRECTORY_CHOSEN_HASH_MAX])
{
	int failed = crypto_pwhash_str_alg(
		ret_hash, password.p, password.n, ops, bytes, crypto_pwhash_ALG_ARGON2ID13);

	return failed ? ERR_NO_MEMORY : OK;
}

bool directory_password_is_chosen(const char *hash, struct str password)
{
	return crypto_pwhash_str_verify(hash, password.p, password.n) == 0;
}
