/* SPDX-License-Identifier: ISC */
/*
 * A buffered byte stream over a socket: plain, or TLS after conn_start_tls().  Both directions
 * have ceilings; reading stops by itself while input_max is reached.  One loop, one thread.
 * Callbacks never nest, and never come from inside a function here.  They may call any
 * function here, conn_close() included; the conn is freed later, at the turn's end.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/buf.h"
#include "net/loop.h"

struct conn;
struct tls_context; /* net/tls.h */

struct conn_events {
	/*
	 * New bytes stand in conn_input().  Consume with conn_consume(); what is left stays
	 * for the next call. When the input is full and nothing is consumed no more can come:
	 * end the session.
	 */
	void (*readable)(struct conn *conn, void *arg);
	/*
	 * Called once: the peer sent end of file (ERR_CLOSED; held back while paused, and
	 * until readable has seen what came before it), the connection failed, timed out
	 * (ERR_TIMEOUT), TLS failed (ERR_TLS) or output passed its ceiling (ERR_LIMIT).  After
	 * ERR_CLOSED output can still be sent.
	 */
	void (*ended)(struct conn *conn, void *arg, enum err why);
	/* Optional: output fell to zero after it had been CONN_LOW_MARK or more. */
	void (*drained)(struct conn *conn, void *arg);
	/* Optional: the TLS handshake is complete. */
	void (*secured)(struct conn *conn, void *arg);
};

enum { CONN_LOW_MARK = 16 << 10 };

struct conn_limits {
	size_t input_max;  /* bytes read ahead of the reader */
	size_t output_max; /* bytes written ahead of the peer: past it the connection ends */
};

/* Takes fd over.  Reading starts at once. */
struct conn *conn_new(struct loop *loop, int fd, const struct conn_limits *limits,
	const struct conn_events *events, void *arg);
/*
 * Sends what is left and waits for the peer's end of file for at most linger_ms, then closes.
 * 0: closes at the turn's end after one try to send.  No callback comes any more.
 */
void conn_close(struct conn **conn, int64_t linger_ms);
/*
 * Replaces callbacks and argument: a session handed to another protocol.  It is told of input
 * that is left.
 */
void conn_set_events(struct conn *conn, const struct conn_events *events, void *arg);

/*
 * Slices of it, even of what was consumed, are good until the callback returns (outside one:
 * the turn ends).
 */
struct str conn_input(const struct conn *conn);
void conn_consume(struct conn *conn, size_t n);
/* Queued; sent at the turn's end, many writes in one packet. */
void conn_write(struct conn *conn, struct str s);
void conn_writef(struct conn *conn, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Bytes not yet taken by the kernel. */
size_t conn_output_size(const struct conn *conn);
/* The output buffer, to be appended to only. */
struct buf *conn_output(struct conn *conn);
/* Holds output back until uncorked (a group commit). Nested calls do not count. */
void conn_cork(struct conn *conn, bool corked);
/* Stops and restarts calling readable (input arrives up to input_max meanwhile). */
void conn_pause(struct conn *conn, bool paused);
/* Calls readable again at this turn's end if input is left: after a parked command is done. */
void conn_kick(struct conn *conn);
/*
 * Ends with ERR_TIMEOUT when nothing is received, and no backlog of output moves, for ms (up
 * to a quarter of a second more); 0: no limit.  Counts anew from now.  A TLS handshake must be
 * complete within ms.
 */
void conn_set_timeout(struct conn *conn, int64_t ms);
/*
 * Server side.  Output written before goes out in clear; what is written later waits for the
 * handshake.  Input already buffered is discarded (STARTTLS injection, RFC 3207 4.2): consume
 * the command first.
 */
MUST_CHECK enum err conn_start_tls(struct conn *conn, struct tls_context *tls);
bool conn_is_tls(const struct conn *conn);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "" in clear.  Valid until the next call. */
const char *conn_tls_text(const struct conn *conn);
/*
 * What a client can bind its login to: tls-exporter (RFC 9266; TLS 1.3, or 1.2 with an extended master secret) and
 * tls-server-end-point (RFC 5929 4).  Empty without TLS.
 */
void conn_tls_bindings(const struct conn *conn, struct buf *ret_exporter, struct buf *ret_end_point);
/* "127.0.0.1", "::1" (mapped IPv4 as IPv4); "" for socketpairs. */
const char *conn_peer_ip(const struct conn *conn);
/*
 * Acknowledges what was received at once.  A client that sends a literal and its CRLF in two small
 * writes (Nagle) would else wait 40 ms for the kernel's delayed acknowledgement.
 */
void conn_acknowledge(struct conn *conn);
/*
 * Gives back buffers while nothing is going on: an idle session.  Empty ones are given back by
 * themselves.
 */
void conn_release_memory(struct conn *conn);

#endif
