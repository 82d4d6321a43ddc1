/* SPDX-License-Identifier: ISC */
#include "directory/keys.h"

#include "base/base64.h"
#include "base/random.h"
#include "os/file.h"

#include <sodium.h>

enum { CHECK_BYTES = 8, FILE_MAX = 4096 };
#define HEADING "restante directory keys 1\n"

static void derive(const uint8_t *master, const char *purpose, uint8_t *ret_key, size_t n)
{
	crypto_generichash(ret_key, n, (const uint8_t *)purpose, strlen(purpose), master,
		DIRECTORY_KEY_BYTES);
}

static void derive_all(const uint8_t *master, struct directory_keys *ret_keys)
{
	derive(master, "login", ret_keys->login, sizeof(ret_keys->login));
	derive(master, "pretend", ret_keys->pretend, sizeof(ret_keys->pretend));
}

void directory_keys_random(struct directory_keys *ret_keys)
{
	random_bytes(ret_keys, sizeof(*ret_keys));
}

/* A wrong digit would make every password wrong without a word, hence the check value. */
static void write_text(const uint8_t *master, struct buf *out)
{
	uint8_t check[crypto_generichash_BYTES_MIN];

	derive(master, "check", check, sizeof(check));
	buf_adds(out, HEADING);
	hex_encode(str_make(master, DIRECTORY_KEY_BYTES), out);
	buf_addc(out, '\n');
	hex_encode(str_make(check, CHECK_BYTES), out);
	buf_addc(out, '\n');
}

static bool read_text(struct str text, uint8_t *ret_master)
{
	const struct str digits = str_sub(text, sizeof(HEADING) - 1, 2 * DIRECTORY_KEY_BYTES);
	struct buf again = BUF_MAX(FILE_MAX);

	if (hex_decode(digits, ret_master, DIRECTORY_KEY_BYTES) != OK)
		return false;
	write_text(ret_master, &again);
	bool same = str_equal(buf_str(&again), text);
	sodium_memzero(again.p, again.n);
	buf_done(&again);
	return same;
}

static enum err make(const char *path, uint8_t *ret_master)
{
	struct buf text = BUF_MAX(FILE_MAX);

	random_bytes(ret_master, DIRECTORY_KEY_BYTES);
	write_text(ret_master, &text);
	enum err e = os_write_file(path, buf_str(&text), 0600);
	sodium_memzero(text.p, text.n);
	buf_done(&text);
	return e;
}

static enum err read_or_make(const char *path, bool may_make, uint8_t *ret_master)
{
	struct buf text = BUF_MAX(FILE_MAX);
	enum err e = os_read_file(path, &text);

	if (e == ERR_NOT_FOUND)
		e = may_make ? make(path, ret_master) : ERR_CORRUPT;
	else if (e == OK && !read_text(buf_str(&text), ret_master))
		e = ERR_CORRUPT;
	if (text.p != NULL)
		sodium_memzero(text.p, text.n);
	buf_done(&text);
	return e;
}

enum err directory_keys_open(const char *path, bool may_make, struct directory_keys *ret_keys,
	struct buf *ret_detail)
{
	uint8_t master[DIRECTORY_KEY_BYTES];
	enum err e = read_or_make(path, may_make, master);

	if (e == OK)
		derive_all(master, ret_keys);
	else if (e == ERR_CORRUPT)
		buf_addf(ret_detail,
			"%s is damaged or missing: without it no device password is right; "
			"restore it",
			path);
	else
		buf_addf(ret_detail, "%s: %s", path, err_text(e));
	sodium_memzero(master, sizeof(master));
	return e;
}
