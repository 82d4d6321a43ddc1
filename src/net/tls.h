/* SPDX-License-Identifier: ISC */
/*
 * Server side of TLS (RFC 8446, RFC 5246; RFC 8996 forbids what is older) over OpenSSL.  No
 * client certificate is ever asked for; session tickets and session ids are issued to
 * everybody; any server name, with or without a trailing dot, gets the one certificate.
 * Certificate and key come as PEM text, before the sandbox closes.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"

struct tls_context;
struct ssl_st;

enum { TLS_TICKET_KEYS_SIZE = 80 };

/*
 * cert_pem: the server's certificate, then its chain.  ERR_TLS when unusable or when the key
 * does not fit.
 */
MUST_CHECK enum err tls_context_new(
	struct str cert_pem, struct str key_pem, struct tls_context **ret_context);
/* Connections under way keep what they need. */
void tls_context_free(struct tls_context **context);
/*
 * Processes that share these resume each other's sessions.  Without: random keys of this
 * context.
 */
void tls_context_set_ticket_keys(
	struct tls_context *context, const uint8_t keys[TLS_TICKET_KEYS_SIZE]);
/*
 * A certificate for the names (the first is the subject) and 127.0.0.1, ECDSA P-256, good for
 * ten years. For demos and first starts: clients must be told to trust it.
 */
MUST_CHECK enum err tls_make_self_signed(const struct str *names, size_t count,
	struct buf *ret_cert_pem, struct buf *ret_key_pem);
/*
 * For conn.c: an SSL object on fd, ready for its handshake; NULL when there is no memory for
 * it.
 */
struct ssl_st *tls_new_server(struct tls_context *context, int fd);

#endif
