/* SPDX-License-Identifier: ISC */
#include "directory/fixture.h"

#include "base/base64.h"
#include "directory/keys.h"
#include "directory/password.h"
#include "os/file.h"

#include <ctype.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

static void path_of(struct fixture *f, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", f->path, name);
}

static void write_bytes(const char *path, struct str bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	close(fd);
}

/* A crash while the file was made leaves a part of a temporary one, or a whole one that was
 * not renamed. */
static void test_made_once(void **state)
{
	struct fixture *f = *state;
	struct directory_keys first, again;
	struct buf detail = BUF_MAX(1000);
	struct stat st;
	char path[200], other[210];

	path_of(f, "other-keys", path, sizeof(path));
	for (int i = 0; i < 2; i++) {
		snprintf(other, sizeof(other), i == 0 ? "%s.new" : "%s.tmp", path);
		write_bytes(other, S("restante directory keys 1\n0123"));
	}
	assert_ok(directory_keys_open(path, true, &first, &detail));
	assert_ok(directory_keys_open(path, false, &again, &detail));
	assert_memory_equal(&first, &again, sizeof(first));
	assert_memory_not_equal(first.login, first.pretend, sizeof(first.login));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_done(&detail);
}

/* Whatever is cut or changed: never a new key, that would make every password wrong for good.
 */
static void test_damaged(void **state)
{
	struct fixture *f = *state;
	struct directory_keys keys;
	struct buf text = BUF_MAX(1000), detail = BUF_MAX(10000);
	char path[200];

	path_of(f, "other-keys", path, sizeof(path));
	assert_err(directory_keys_open(path, false, &keys, &detail), ERR_CORRUPT);
	assert_ok(directory_keys_open(path, true, &keys, &detail));
	assert_ok(os_read_file(path, &text));
	for (size_t n = 0; n < text.n; n++) {
		buf_clear(&detail);
		write_bytes(path, str_sub(buf_str(&text), 0, n));
		assert_err(directory_keys_open(path, true, &keys, &detail), ERR_CORRUPT);
		assert_true(str_find(buf_str(&detail), S("damaged or missing")) > 0);
	}
	for (size_t i = 0; i < text.n; i++) {
		buf_clear(&detail);
		text.p[i] ^= 1;
		write_bytes(path, buf_str(&text));
		assert_err(directory_keys_open(path, true, &keys, &detail), ERR_CORRUPT);
		text.p[i] ^= 1;
	}
	buf_done(&text);
	buf_done(&detail);
}

static void test_keys_lost(void **state)
{
	struct fixture *f = *state;
	struct directory_device device = {.name = S("phone")};
	struct buf password = BUF_MAX(100), detail = BUF_MAX(1000);
	char path[200];
	int64_t id;

	path_of(f, "keys", path, sizeof(path));
	/* Nothing was made with it yet: a new one does no harm. */
	directory_close(&f->directory);
	assert_int_equal(unlink(path), 0);
	fixture_open(f);
	fixture_address(f, "alice@example.test");
	assert_ok(directory_device_add(
		f->directory, &f->by, S("alice@example.test"), &device, &id, &password));
	directory_close(&f->directory);
	assert_int_equal(unlink(path), 0);
	assert_err(directory_open(&f->options, &f->directory, &detail), ERR_CORRUPT);
	assert_null(f->directory);
	buf_done(&password);
	buf_done(&detail);
}

static void test_generated(void **state)
{
	struct buf a = BUF_MAX(100), b = BUF_MAX(100);
	bool seen[256] = {false};
	int different = 0;

	for (int i = 0; i < 300; i++) {
		buf_clear(&a);
		directory_password_generate(&a);
		assert_int_equal(a.n, DIRECTORY_GENERATED_CHARS);
		for (size_t j = 0; j < a.n; j++)
			seen[(unsigned char)a.p[j]] = true;
		assert_true(a.p[5] == '-' && a.p[11] == '-' && a.p[17] == '-');
		buf_clear(&b);
		directory_password_generate(&b);
		assert_false(str_equal(buf_str(&a), buf_str(&b)));
	}
	for (int c = 0; c < 256; c++) {
		different += seen[c];
		assert_true(!seen[c] || c == '-' || islower(c) || isdigit(c));
	}
	/* 31 letters and the hyphen: 20 * log2(31) is 99 bits. */
	assert_int_equal(different, 32);
	for (const char *p = "ilo01"; *p != '\0'; p++)
		assert_false(seen[(unsigned char)*p]);
	buf_done(&a);
	buf_done(&b);
}

static void test_login_hash(void **state)
{
	struct directory_keys keys;
	uint8_t a[32], b[32];

	directory_keys_random(&keys);
	directory_password_login_hash(&keys, 7, S("abcde-fghjk"), a);
	directory_password_login_hash(&keys, 7, S("ABCDE fghjk"), b);
	assert_memory_equal(a, b, 32);
	directory_password_login_hash(&keys, 8, S("abcde-fghjk"), b);
	assert_memory_not_equal(a, b, 32);
	directory_password_login_hash(&keys, 7, S("abcde-fghjm"), b);
	assert_memory_not_equal(a, b, 32);
	directory_keys_random(&keys);
	directory_password_login_hash(&keys, 7, S("abcde-fghjk"), b);
	assert_memory_not_equal(a, b, 32);
}

static void hmac_is(const uint8_t *key, struct str text, const char *base64)
{
	crypto_auth_hmacsha256_state hmac;
	struct buf out = BUF_MAX(100);
	uint8_t mac[32];

	crypto_auth_hmacsha256_init(&hmac, key, 32);
	crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)text.p, text.n);
	crypto_auth_hmacsha256_final(&hmac, mac);
	base64_encode(str_make(mac, 32), &out);
	assert_str(buf_str(&out), base64);
	buf_done(&out);
}

/* The exchange of RFC 7677 3: both signatures over it must come out of the two keys. */
static void test_scram(void **state)
{
	const struct str message =
		S("n=user,r=rOprNGfwEbeRWgbNEkqO,"
		  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s="
		  "W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
		  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
	struct buf salt = BUF_MAX(100), proof = BUF_MAX(100);
	uint8_t stored[32], server[32], signature[32], client[32], hash[32];
	crypto_auth_hmacsha256_state hmac;

	assert_ok(base64_decode(S("W22ZaJ0SNY7soEsUEjb6gQ=="), &salt));
	assert_ok(base64_decode(S("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), &proof));
	directory_password_scram(S("pencil"), buf_str(&salt), 4096, stored, server);
	hmac_is(server, message, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	crypto_auth_hmacsha256_init(&hmac, stored, 32);
	crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)message.p, message.n);
	crypto_auth_hmacsha256_final(&hmac, signature);
	for (int i = 0; i < 32; i++)
		client[i] = signature[i] ^ (uint8_t)proof.p[i];
	crypto_hash_sha256(hash, client, 32);
	assert_memory_equal(hash, stored, 32);
	buf_done(&salt);
	buf_done(&proof);
}

static void test_damaged_database(void **state)
{
	struct fixture *f = *state;
	struct buf detail = BUF_MAX(1000);
	char path[300];

	directory_close(&f->directory);
	snprintf(path, sizeof(path), "%s/directory.db", f->path);
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "garbage at the head", 19, 0), 19);
	close(fd);
	assert_err(directory_open(&f->options, &f->directory, &detail), ERR_CORRUPT);
	assert_true(detail.n > 0);
	buf_done(&detail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_made_once),
		FIXTURE_TEST(test_damaged),
		FIXTURE_TEST(test_keys_lost),
		cmocka_unit_test(test_generated),
		cmocka_unit_test(test_login_hash),
		cmocka_unit_test(test_scram),
		FIXTURE_TEST(test_damaged_database),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
