/* SPDX-License-Identifier: ISC */
#include "base/metrics.h"
#include "net/conn_internal.h"
#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>

/* -errno for what the last call on the SSL object said; 0: the peer is done. */
static ssize_t failure(struct conn *conn, int result)
{
	int saved = errno;

	switch (SSL_get_error(conn->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		conn->blocked = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return saved ? -saved : 0;
	default:
		ERR_clear_error();
		return -EPROTO;
	}
}

static int clip(size_t n)
{
	return n > INT32_MAX ? INT32_MAX : (int)n;
}

ssize_t conn_tls_read(struct conn *conn, char *p, size_t n)
{
	int got;

	ERR_clear_error();
	errno = 0;
	got = SSL_read(conn->ssl, p, clip(n));
	return got > 0 ? got : failure(conn, got);
}

ssize_t conn_tls_write(struct conn *conn, const char *p, size_t n)
{
	int sent;

	ERR_clear_error();
	errno = 0;
	sent = SSL_write(conn->ssl, p, clip(n));
	return sent > 0 ? sent : failure(conn, sent);
}

bool conn_tls_has_pending(const struct conn *conn)
{
	return conn->security == CONN_SECURED && SSL_pending(conn->ssl) > 0;
}

void conn_tls_handshake(struct conn *conn)
{
	ssize_t r;
	int result;

	ERR_clear_error();
	errno = 0;
	result = SSL_do_handshake(conn->ssl);
	if (result == 1) {
		conn->security = CONN_SECURED;
		conn->secured_due = true;
		metric_add(METRIC_tls_handshakes, 1);
		/* What was written meanwhile waits for this. */
		conn_queue_flush(conn);
		return;
	}
	r = failure(conn, result);
	if (r == -EAGAIN)
		return;
	metric_add(METRIC_tls_failures, 1);
	conn_finish(conn, r == -EPROTO ? ERR_TLS : ERR_CLOSED, true);
}

void conn_tls_shutdown(struct conn *conn)
{
	if (conn->security != CONN_SECURED)
		return;
	ERR_clear_error();
	SSL_shutdown(conn->ssl);
	ERR_clear_error();
}

enum err conn_start_tls(struct conn *conn, struct tls_context *tls)
{
	if (conn->security != CONN_CLEAR || conn->closing || conn->broken)
		return ERR_SEQUENCE;
	conn->ssl = tls_new_server(tls, conn->fd);
	if (!conn->ssl)
		return ERR_TLS;
	conn->security = CONN_HANDSHAKE;
	conn->clear_left = conn_output_left(conn);
	/* RFC 3207 4.2: nothing that was said in clear counts any more. */
	conn->in_start = conn->in.n;
	conn->input_due = false;
	conn_queue_flush(conn);
	return OK;
}

bool conn_is_tls(const struct conn *conn)
{
	return conn->security == CONN_SECURED;
}

const char *conn_tls_text(const struct conn *conn)
{
	static _Thread_local char text[96];

	if (!conn_is_tls(conn))
		return "";
	snprintf(text, sizeof(text), "%s %s", SSL_get_version(conn->ssl),
		SSL_get_cipher_name(conn->ssl));
	return text;
}

static void add_exporter(SSL *ssl, struct buf *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char bytes[32];

	if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
		return;
	if (SSL_export_keying_material(ssl, bytes, sizeof(bytes), label, sizeof(label) - 1, NULL, 0, 0) == 1)
		buf_add(out, str_make(bytes, sizeof(bytes)));
}

/* The certificate's hash by the hash of its signature; MD5 and SHA-1 become SHA-256. */
static void add_end_point(SSL *ssl, struct buf *out)
{
	X509 *certificate = SSL_get_certificate(ssl);
	unsigned char bytes[EVP_MAX_MD_SIZE];
	int digest = NID_undef, ignored;
	const EVP_MD *md;
	unsigned n = 0;

	if (!certificate)
		return;
	(void)OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, &ignored);
	if (digest == NID_undef || digest == NID_md5 || digest == NID_sha1)
		digest = NID_sha256;
	md = EVP_get_digestbynid(digest);
	if (md && X509_digest(certificate, md, bytes, &n) == 1)
		buf_add(out, str_make(bytes, n));
}

void conn_tls_bindings(const struct conn *conn, struct buf *ret_exporter, struct buf *ret_end_point)
{
	if (!conn_is_tls(conn))
		return;
	add_exporter(conn->ssl, ret_exporter);
	add_end_point(conn->ssl, ret_end_point);
}
