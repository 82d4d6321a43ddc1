/* SPDX-License-Identifier: ISC */
/*
 * HTTP/1.1 by libmicrohttpd on streams handed over by edge.  Routes are the rows of routes.def.  One thread, driven
 * by the loop.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "ipc/ipc.h"

struct http_server;

/* Ends the process when libmicrohttpd cannot start: there is nothing to serve then. */
struct http_server *http_server_new(struct loop *loop, struct ipc_hub *hub);
void http_server_free(struct http_server **server);
/* Takes over fd, a connected stream socket. */
void http_server_add(struct http_server *server, int fd);

#endif
