/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets.  Accepts a bounded number a turn; pauses a moment when descriptors run out.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/loop.h"

#include <sys/types.h>

struct listener;
struct sockaddr;

/* fd is non-blocking, close-on-exec, TCP_NODELAY; fn takes it over. */
typedef void listener_fn(void *arg, int fd, const struct sockaddr *peer);

/* Watches a listening socket, which stays the caller's. */
struct listener *listener_new(struct loop *loop, int fd, listener_fn *fn, void *arg);
void listener_free(struct listener **listener);

/* address: "127.0.0.1", "::1", "::" (both families).  errno says why it failed. */
MUST_CHECK enum err net_listen(const char *address, uint16_t port, int backlog, int *ret_fd);
/* Replaces what stands at path. */
MUST_CHECK enum err net_listen_unix(const char *path, mode_t mode, int backlog, int *ret_fd);

#endif
