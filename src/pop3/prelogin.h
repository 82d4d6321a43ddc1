/* SPDX-License-Identifier: ISC */
/*
 * POP3 before login, in the edge role: greeting, STLS, USER and PASS, AUTH.  After it edge copies bytes between the
 * client and its shard.  One loop, one thread.
 */
#ifndef POP3_PRELOGIN_H
#define POP3_PRELOGIN_H

#include "conf/conf.h"
#include "ipc/ipc.h"
#include "net/tls.h"

struct pop3_prelogin_server;

/* tls may be NULL: no TLS is offered.  All are borrowed; conf is looked at anew for each connection. */
struct pop3_prelogin_server *pop3_prelogin_new(
	struct loop *loop, struct ipc_hub *hub, struct tls_context *tls, const struct conf *conf);
void pop3_prelogin_free(struct pop3_prelogin_server **server);
/* Takes fd over; implicit_tls: the handshake comes first. */
void pop3_prelogin_accept(struct pop3_prelogin_server *server, int fd, bool implicit_tls);
/* For connections from now on. */
void pop3_prelogin_reload(struct pop3_prelogin_server *server, const struct conf *conf);
void pop3_prelogin_set_tls(struct pop3_prelogin_server *server, struct tls_context *tls);
/* Ends all and takes nobody any more. */
void pop3_prelogin_stop(struct pop3_prelogin_server *server);
/* Connections, logged in or not. */
size_t pop3_prelogin_sessions(const struct pop3_prelogin_server *server);

#endif
