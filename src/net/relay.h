/* SPDX-License-Identifier: ISC */
/*
 * Copies bytes both ways between a client's connection and a local stream to another role, with back-pressure in
 * both directions: a client that does not read stops the role's writing, not this process's memory.
 */
#ifndef NET_RELAY_H
#define NET_RELAY_H

#include "net/conn.h"

struct relay;

struct relay_events {
	/* What the role said and the client is sent next; may be NULL. */
	void (*said)(void *arg, struct str bytes);
	/* One side ended.  The client can still be written to; the relay is gone once this returns. */
	void (*ended)(void *arg, bool by_role);
};

/* A pair of local streams with send buffers of about buffer_bytes (0: the system's): one for the relay, one for the
 * role. */
MUST_CHECK enum err relay_pair(size_t buffer_bytes, int ret_pair[2]);
/*
 * Takes client and fd over.  Input that client already holds is copied first.  linger_ms: how long a side may take, once
 * the other has ended, to read what is left for it.  The client keeps its timeout.
 */
struct relay *relay_new(struct loop *loop, struct conn **client, int fd, int64_t linger_ms,
	const struct relay_events *events, void *arg);
/* Copies what the role said until now, so that last words can follow it. */
void relay_flush(struct relay *relay);
/* Ends both sides; no event is told. */
void relay_end(struct relay **relay, int64_t linger_ms);
struct conn *relay_client(struct relay *relay);

#endif
