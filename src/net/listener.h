/* SPDX-License-Identifier: ISC */
/* Listening sockets, TCP and UNIX.  One loop, one thread. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/str.h"
#include "net/loop.h"

#include <sys/socket.h>

struct listener;

/* fd is the callee's: non-blocking, close-on-exec, without Nagle's delay. */
typedef void listener_fn(void *arg, int fd, const struct sockaddr *peer);

/* Takes fd over.  When the process has no descriptor left, accepting rests a moment. */
struct listener *listener_new(struct loop *loop, int fd, listener_fn *fn, void *arg);
/* Closes; allowed inside fn. */
void listener_free(struct listener **listener);

/*
 * address: "127.0.0.1", "::1", "0.0.0.0", "*" or "::" (both: IPv6 and IPv4 in one socket).
 * port 0: the kernel chooses. reuse_port: several processes may listen, the kernel spreads
 * connections.  ERR_SYNTAX for a bad address, else what the kernel said (ERR_EXISTS: in use).
 */
MUST_CHECK enum err net_listen(
	const char *address, uint16_t port, int backlog, bool reuse_port, int *ret_fd);
/* A stale socket file is replaced; permissions are the caller's umask. */
MUST_CHECK enum err net_listen_unix(const char *path, int backlog, int *ret_fd);
/* Of a bound internet socket; 0 for others. */
uint16_t net_local_port(int fd);

#endif
