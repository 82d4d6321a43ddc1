/* SPDX-License-Identifier: ISC */
#include "net/tls.h"

#include "base/arena.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>

enum { SESSIONS_CACHED = 4096 };

struct tls_context {
	SSL_CTX *ctx;
};

/* RFC 9325 4.2, and CBC with ephemeral keys for mail clients of 2012 that stop at it. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES256:ECDHE+AES128:!aNULL:!"
			      "eNULL:!MD5:!DSS:!PSK:!SRP";
static const unsigned char session_scope[] = "restante";

static void set_options(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx,
		SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
			SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* Our protocols say themselves where a message ends, and many clients just hang up. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx,
		SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
			SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER);
	SSL_CTX_sess_set_cache_size(ctx, SESSIONS_CACHED);
}

static bool load_chain(SSL_CTX *ctx, BIO *pem)
{
	X509 *cert = PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL);
	bool good = cert && SSL_CTX_use_certificate(ctx, cert) == 1;

	X509_free(cert);
	while (good && (cert = PEM_read_bio_X509(pem, NULL, NULL, NULL))) {
		good = SSL_CTX_add0_chain_cert(ctx, cert) == 1;
		if (!good)
			X509_free(cert);
	}
	/* The end of the text shows as a missing start line. */
	if (good && ERR_peek_last_error() &&
		ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		good = false;
	ERR_clear_error();
	return good;
}

static bool load_key(SSL_CTX *ctx, BIO *pem)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);
	bool good = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
		SSL_CTX_check_private_key(ctx) == 1;

	EVP_PKEY_free(key);
	return good;
}

static BIO *bio_of(struct str s)
{
	return s.n <= INT32_MAX ? BIO_new_mem_buf(s.n ? s.p : "", (int)s.n) : NULL;
}

static bool set_up(SSL_CTX *ctx, struct str cert_pem, struct str key_pem)
{
	BIO *cert = bio_of(cert_pem), *key = bio_of(key_pem);
	bool good = cert && key && SSL_CTX_set_cipher_list(ctx, ciphers) == 1 &&
		SSL_CTX_set_session_id_context(
			ctx, session_scope, sizeof(session_scope) - 1) == 1 &&
		load_chain(ctx, cert) && load_key(ctx, key);

	BIO_free(cert);
	BIO_free(key);
	return good;
}

enum err tls_context_new(
	struct str cert_pem, struct str key_pem, struct tls_context **ret_context)
{
	SSL_CTX *ctx;
	bool good;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx)
		return ERR_NO_MEMORY;
	set_options(ctx);
	good = set_up(ctx, cert_pem, key_pem);
	ERR_clear_error();
	if (!good) {
		SSL_CTX_free(ctx);
		return ERR_TLS;
	}
	*ret_context = mem_make(struct tls_context);
	(*ret_context)->ctx = ctx;
	return OK;
}

void tls_context_free(struct tls_context **context)
{
	if (!*context)
		return;
	SSL_CTX_free((*context)->ctx);
	free(*context);
	*context = NULL;
}

void tls_context_set_ticket_keys(
	struct tls_context *context, const uint8_t keys[TLS_TICKET_KEYS_SIZE])
{
	uint8_t copy[TLS_TICKET_KEYS_SIZE];
	long done;

	memcpy(copy, keys, sizeof(copy));
	done = SSL_CTX_set_tlsext_ticket_keys(context->ctx, copy, sizeof(copy));
	OPENSSL_cleanse(copy, sizeof(copy));
	assert(done == 1);
}

struct ssl_st *tls_new_server(struct tls_context *context, int fd)
{
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(context->ctx);
	if (ssl && SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ssl = NULL;
	}
	if (ssl)
		SSL_set_accept_state(ssl);
	ERR_clear_error();
	return ssl;
}
