/* SPDX-License-Identifier: ISC */
/*
 * TLS contexts for servers (OpenSSL 3): at least TLS 1.2 (RFC 9325), no client certificates asked for, session
 * tickets and ids always issued, buffers of idle connections given back.  One thread.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"

struct tls_context;

/* PEM texts: the certificate with its chain, the private key.  ERR_TLS: not usable, or they do not belong together. */
MUST_CHECK enum err tls_server_new(struct str certificate_pem, struct str key_pem, struct tls_context **ret_context);
/* Connections made with it keep what they use. */
void tls_context_free(struct tls_context **context);
/* ECDSA P-256, ten years, for hostname, localhost, 127.0.0.1 and ::1.  Appends PEM. */
MUST_CHECK enum err tls_make_self_signed(const char *hostname, struct buf *ret_certificate_pem, struct buf *ret_key_pem);

#endif
