/* SPDX-License-Identifier: ISC */
/*
 * Copies bytes both ways between a client's connection and a local stream to another role, with back-pressure in
 * both directions: a client that does not read stops the role's writing, not this process's memory.
 */
#ifndef NET_RELAY_H
#define NET_RELAY_H

#include "net/conn.h"

struct relay;

/* Called once when either side ended and what was under way is delivered: nothing of the relay is left. */
typedef void relay_fn(void *arg, enum err why);

/*
 * Makes a socket pair with buffers of about buffer_bytes (0: the system's) and keeps one end; *ret_fd, the other, goes
 * to the role.  client is taken over; input it already holds is copied first.
 */
MUST_CHECK enum err relay_new(struct loop *loop, struct conn **client, size_t buffer_bytes, relay_fn *fn, void *arg,
	struct relay **ret_relay, int *ret_fd);
/* Ends both sides; fn is not called.  last (may be empty) is sent to the client before. */
void relay_end(struct relay **relay, struct str last);
/* The client's connection, for its timeouts. */
struct conn *relay_client(struct relay *relay);

#endif
