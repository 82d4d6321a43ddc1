/* SPDX-License-Identifier: ISC */
/*
 * IMAP before login, in the edge role: greeting, STARTTLS, LOGIN and AUTHENTICATE.  Directory checks the password;
 * the account's shard then gets one end of a socket pair (IPC_SESSION_OPEN), and edge copies bytes between it and the
 * client until either ends.  When the shard dies the client is told BYE.  One loop, one thread.
 */
#ifndef IMAP_PRELOGIN_H
#define IMAP_PRELOGIN_H

#include "conf/conf.h"
#include "ipc/ipc.h"
#include "net/tls.h"

struct imap_prelogin_server;

/* tls may be NULL: no TLS is offered.  All are borrowed; conf is looked at anew for each connection. */
struct imap_prelogin_server *imap_prelogin_new(
	struct loop *loop, struct ipc_hub *hub, struct tls_context *tls, const struct conf *conf);
/* Drops what is left without a word. */
void imap_prelogin_free(struct imap_prelogin_server **server);
/* Takes fd over; implicit_tls: the handshake comes first. */
void imap_prelogin_accept(struct imap_prelogin_server *server, int fd, bool implicit_tls);
/* For connections from now on. */
void imap_prelogin_reload(struct imap_prelogin_server *server, const struct conf *conf);
void imap_prelogin_set_tls(struct imap_prelogin_server *server, struct tls_context *tls);
/* Says BYE to all and takes nobody any more. */
void imap_prelogin_stop(struct imap_prelogin_server *server);
/* Connections, logged in or not. */
size_t imap_prelogin_sessions(const struct imap_prelogin_server *server);

#endif
