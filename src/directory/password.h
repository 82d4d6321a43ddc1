/* SPDX-License-Identifier: ISC */
/*
 * Passwords and what is kept of them.  Generated ones have 99 bits: a keyed hash (for PLAIN,
 * microseconds) and SCRAM keys with few iterations are safe.  Chosen ones get argon2id, and
 * SCRAM keys that are hidden.  Pure, any thread.
 */
#ifndef DIRECTORY_PASSWORD_H
#define DIRECTORY_PASSWORD_H

#include "directory/keys.h"

enum {
	DIRECTORY_LOGIN_HASH_BYTES = 32,
	DIRECTORY_SALT_BYTES = 16,
	DIRECTORY_SCRAM_KEY_BYTES = 32,
	DIRECTORY_CHOSEN_HASH_MAX = 128, /* with its NUL */
	DIRECTORY_GENERATED_CHARS = 23,
};

/* "abcde-fghjk-mnpqr-stuvw": 20 of 31 characters that nobody confuses, in groups that any
 * keyboard has. */
void directory_password_generate(struct buf *out);
/* Of the generated form, as it may be typed: capitals, blanks and missing hyphens do not
 * matter. */
void directory_password_login_hash(const struct directory_keys *keys, int64_t account,
	struct str password, uint8_t ret_hash[DIRECTORY_LOGIN_HASH_BYTES]);
/* RFC 5802 3: StoredKey and ServerKey, with SHA-256 (RFC 7677).  Takes milliseconds. */
void directory_password_scram(struct str password, struct str salt, uint32_t iterations,
	uint8_t ret_stored_key[DIRECTORY_SCRAM_KEY_BYTES],
	uint8_t ret_server_key[DIRECTORY_SCRAM_KEY_BYTES]);
/*
 * SCRAM keys of a chosen password can be guessed from faster than its argon2id: kept, they are hidden by the key file.
 * Doing it again shows them.
 */
void directory_password_hide(const struct directory_keys *keys, int64_t account,
	uint8_t stored_key[DIRECTORY_SCRAM_KEY_BYTES], uint8_t server_key[DIRECTORY_SCRAM_KEY_BYTES]);
/* "$argon2id$...", with a salt of its own.  Takes tens of milliseconds and bytes of memory. */
MUST_CHECK enum err directory_password_choose(struct str password, uint64_t ops,
	uint64_t bytes, char ret_hash[DIRECTORY_CHOSEN_HASH_MAX]);
bool directory_password_is_chosen(const char *hash, struct str password);

#endif
