/* SPDX-License-Identifier: ISC */
#include "net/tls.h"

#include "base/random.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { NAMES_MAX = 64, NAME_MAX_LEN = 253 };
static const long ten_years_s = 3650L * 24 * 3600;

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	bool good;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = extension && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return good;
}

/*
 * The names go into OpenSSL's little language, where a comma or a colon would say more than a
 * name.
 */
static bool is_plain_name(struct str name)
{
	if (name.n == 0 || name.n > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_is_alpha(name.p[i]) && !ascii_is_digit(name.p[i]) &&
			!memchr("-._*", name.p[i], 4))
			return false;
	return true;
}

static bool add_names(X509 *cert, const struct str *names, size_t count)
{
	struct buf value = BUF_MAX(NAMES_MAX * (NAME_MAX_LEN + 8));
	bool good = count > 0 && count <= NAMES_MAX;

	for (size_t i = 0; good && i < count; i++) {
		good = is_plain_name(names[i]);
		buf_addf(&value, "DNS:%.*s,", STR_FMT(names[i]));
	}
	buf_adds(&value, "IP:127.0.0.1");
	buf_addc(&value, '\0');
	good = good && !value.overflow && add_extension(cert, NID_subject_alt_name, value.p);
	buf_done(&value);
	return good;
}

static bool add_subject(X509 *cert, struct str name)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	/*
	 * RFC 5280 allows 64 bytes of common name; longer ones stand in the alternative names
	 * only.
	 */
	if (name.n <= 64 &&
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
			(const unsigned char *)name.p, (int)name.n, -1, 0) != 1)
		return false;
	return X509_set_issuer_name(cert, subject) == 1;
}

static bool fill(X509 *cert, EVP_PKEY *key, const struct str *names, size_t count)
{
	uint64_t serial = random_u64() >> 1 | 1;

	return X509_set_version(cert, X509_VERSION_3) == 1 &&
		ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial) == 1 &&
		X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
		X509_gmtime_adj(X509_getm_notAfter(cert), ten_years_s) &&
		X509_set_pubkey(cert, key) == 1 && add_names(cert, names, count) &&
		add_subject(cert, names[0]) &&
		add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
		add_extension(cert, NID_ext_key_usage, "serverAuth") &&
		X509_sign(cert, key, EVP_sha256()) > 0;
}

static bool take_text(BIO *bio, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	buf_add(out, str_make(p, n > 0 ? (size_t)n : 0));
	return n > 0 && !out->overflow;
}

static bool write_pem(
	X509 *cert, EVP_PKEY *key, struct buf *ret_cert_pem, struct buf *ret_key_pem)
{
	BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_secmem());
	bool good = cert_bio && key_bio && PEM_write_bio_X509(cert_bio, cert) == 1 &&
		PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		take_text(cert_bio, ret_cert_pem) && take_text(key_bio, ret_key_pem);

	BIO_free(cert_bio);
	BIO_free(key_bio);
	return good;
}

enum err tls_make_self_signed(const struct str *names, size_t count, struct buf *ret_cert_pem,
	struct buf *ret_key_pem)
{
	EVP_PKEY *key;
	X509 *cert;
	bool good;

	ERR_clear_error();
	key = EVP_EC_gen("P-256");
	cert = X509_new();
	good = key && cert && fill(cert, key, names, count) &&
		write_pem(cert, key, ret_cert_pem, ret_key_pem);
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return good ? OK : ERR_TLS;
}
