/* SPDX-License-Identifier: ISC */
/* What conn.c needs of a context.  Internal to net. */
#ifndef NET_TLS_LOCAL_H
#define NET_TLS_LOCAL_H

#include <openssl/ssl.h>

struct tls_context;

/* A server's side of a connection on fd, handshake not begun; free with SSL_free(). */
SSL *tls_new_session(struct tls_context *context, int fd);

#endif
