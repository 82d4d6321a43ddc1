/* SPDX-License-Identifier: ISC */
/* What conn.c, conn_io.c, conn_tls.c and conn_pool.c share.  Internal to net. */
#ifndef NET_CONN_INTERNAL_H
#define NET_CONN_INTERNAL_H

#include "net/conn.h"
#include "net/link.h"

#include <openssl/ssl.h>
#include <sys/types.h>

enum conn_security {
	CONN_CLEAR,
	CONN_HANDSHAKE, /* once clear_left is 0 */
	CONN_SECURED,
};

struct conn {
	struct conn_pool *pool;
	struct loop_fd *watch;
	const struct conn_events *events;
	void *arg;
	SSL *ssl;
	char *peer_ip; /* NULL: not an internet socket */
	struct buf in, out;
	size_t in_start, out_start; /* what was consumed, what was sent */
	size_t output_max;
	size_t clear_left;  /* bytes of output that go out before the handshake */
	struct link work;   /* pool->pending: callbacks are due */
	struct link flush;  /* pool->flush */
	struct link wheel;  /* a slot of the timer wheel */
	int64_t active_ms;  /* when something last arrived or moved */
	int32_t timeout_ms; /* 0: none; of a closing conn: the linger */
	uint32_t wheel_tick;
	int fd;
	uint16_t why; /* enum err: the connection is at its end */
	uint8_t security;
	bool told : 1, broken : 1, eof : 1, closing : 1, shut : 1;
	bool paused : 1, corked : 1, blocked : 1, full : 1, delivering : 1;
	bool input_due : 1, drained_due : 1, secured_due : 1, past_low_mark : 1;
};

static inline size_t conn_input_left(const struct conn *conn)
{
	return conn->in.n - conn->in_start;
}

static inline size_t conn_output_left(const struct conn *conn)
{
	return conn->out.n - conn->out_start;
}

/* conn_pool.c: what all conns of a loop share. */
struct conn_pool *conn_pool_of(struct loop *loop);
/* Callbacks are due, from the loop. */
void conn_schedule(struct conn *conn);
/* Output, a close or an empty buffer is due at the turn's end. */
void conn_queue_flush(struct conn *conn);
/* An empty buf gets memory that another gave back, and gives it back. */
void conn_borrow(struct conn *conn, struct buf *buf);
void conn_stow(struct conn *conn, struct buf *buf);
/* timeout_ms or active_ms changed for an earlier end. */
void conn_wheel_set(struct conn *conn);

/* conn_io.c */
void conn_on_ready(void *conn, int events);
void conn_attend(struct conn *conn);
void conn_flush_now(struct conn *conn);
void conn_expired(struct conn *conn);
/* The connection is at its end; broken: nothing can be sent any more. */
void conn_finish(struct conn *conn, enum err why, bool broken);
void conn_destroy(struct conn *conn);

/*
 * conn_tls.c: as read(2) and write(2), but -errno on failure: -EAGAIN, and -EPROTO for TLS.
 * Where TLS must write before it goes on, blocked is set.
 */
ssize_t conn_tls_read(struct conn *conn, char *p, size_t n);
ssize_t conn_tls_write(struct conn *conn, const char *p, size_t n);
bool conn_tls_has_pending(const struct conn *conn);
void conn_tls_handshake(struct conn *conn);
void conn_tls_shutdown(struct conn *conn);

#endif
