/* SPDX-License-Identifier: ISC */
#include "net/tls.h"

#include "base/arena.h"
#include "base/random.h"
#include "net/tls_local.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum { SELF_SIGNED_DAYS = 3650, SESSION_SECONDS = 7200 };

struct tls_context {
	SSL_CTX *ssl;
};

static BIO *bio_of(struct str s)
{
	return BIO_new_mem_buf(s.p, (int)s.n);
}

static bool use_chain(SSL_CTX *ssl, struct str pem)
{
	BIO *bio = bio_of(pem);
	X509 *certificate = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL, *next;
	bool ok = certificate && SSL_CTX_use_certificate(ssl, certificate) == 1;

	X509_free(certificate);
	while (ok && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		ok = SSL_CTX_add0_chain_cert(ssl, next) == 1;
	BIO_free(bio);
	return ok;
}

static bool use_key(SSL_CTX *ssl, struct str pem)
{
	BIO *bio = bio_of(pem);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	bool ok = key && SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok;
}

static bool set_rules(SSL_CTX *ssl)
{
	static const unsigned char name[] = "restante";

	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Mail clients close without close_notify; the protocols say themselves where a message ends. */
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE |
		SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_SERVER);
	SSL_CTX_sess_set_cache_size(ssl, 2000);
	SSL_CTX_set_timeout(ssl, SESSION_SECONDS);
	SSL_CTX_set_num_tickets(ssl, 1);
	return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_session_id_context(ssl, name, sizeof(name) - 1) == 1 &&
		SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:!aNULL:!MD5") == 1;
}

enum err tls_server_new(struct str certificate_pem, struct str key_pem, struct tls_context **ret_context)
{
	struct tls_context *context;
	SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
	bool ok = ssl && set_rules(ssl) && use_chain(ssl, certificate_pem) && use_key(ssl, key_pem);

	ERR_clear_error();
	if (!ok) {
		SSL_CTX_free(ssl);
		return ERR_TLS;
	}
	context = mem_make(struct tls_context);
	context->ssl = ssl;
	*ret_context = context;
	return OK;
}

void tls_context_free(struct tls_context **context)
{
	if (!*context)
		return;
	SSL_CTX_free((*context)->ssl);
	free(*context);
	*context = NULL;
}

SSL *tls_new_session(struct tls_context *context, int fd)
{
	SSL *ssl = SSL_new(context->ssl);

	if (ssl && SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ssl = NULL;
	}
	if (ssl)
		SSL_set_accept_state(ssl);
	ERR_clear_error();
	return ssl;
}

/* ---- self-signed ---- */

static bool add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool set_serial(X509 *certificate)
{
	BIGNUM *serial = BN_new();
	bool ok = serial && BN_set_word(serial, random_u64() >> 1) == 1 &&
		BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));

	BN_free(serial);
	return ok;
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *hostname)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	char names[600];

	snprintf(names, sizeof(names), "DNS:%s,DNS:localhost,IP:127.0.0.1,IP:::1", hostname);
	return X509_set_version(certificate, 2) == 1 && set_serial(certificate) &&
		X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
		X509_gmtime_adj(X509_getm_notAfter(certificate), 86400L * SELF_SIGNED_DAYS) &&
		X509_set_pubkey(certificate, key) == 1 &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)hostname, -1, -1, 0) == 1 &&
		X509_set_issuer_name(certificate, name) == 1 &&
		add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
		add_extension(certificate, NID_subject_alt_name, names) && X509_sign(certificate, key, EVP_sha256()) > 0;
}

static bool write_pem(X509 *certificate, EVP_PKEY *key, struct buf *ret_certificate_pem, struct buf *ret_key_pem)
{
	BIO *a = BIO_new(BIO_s_mem()), *b = BIO_new(BIO_s_mem());
	bool ok = a && b && PEM_write_bio_X509(a, certificate) == 1 &&
		PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1;
	char *p;
	long n;

	if (ok) {
		n = BIO_get_mem_data(a, &p);
		buf_add(ret_certificate_pem, str_make(p, (size_t)n));
		n = BIO_get_mem_data(b, &p);
		buf_add(ret_key_pem, str_make(p, (size_t)n));
	}
	BIO_free(a);
	BIO_free(b);
	return ok;
}

enum err tls_make_self_signed(const char *hostname, struct buf *ret_certificate_pem, struct buf *ret_key_pem)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	bool ok = key && certificate && fill(certificate, key, hostname) &&
		write_pem(certificate, key, ret_certificate_pem, ret_key_pem);

	X509_free(certificate);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok ? OK : ERR_TLS;
}
