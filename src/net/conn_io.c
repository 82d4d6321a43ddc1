/* SPDX-License-Identifier: ISC */
/*
 * Input, output and the end of a connection.  Callbacks come only from conn_on_ready() and
 * conn_attend(), which the loop calls; everything else notes what is due.
 */
#include "base/time.h"
#include "net/conn_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_CHUNK = 16 << 10,
	READS_A_TURN = 4,
	SHORT_READ = 4 << 10, /* after less the socket is likely empty */
};

void conn_finish(struct conn *conn, enum err why, bool broken)
{
	conn->broken = conn->broken || broken;
	if (conn->why == OK || broken)
		conn->why = (uint16_t)why;
	if (!conn->told && !conn->closing)
		conn_schedule(conn);
	if (conn->closing)
		conn_queue_flush(conn);
}

static enum err err_of(ssize_t r)
{
	return r == -EPROTO ? ERR_TLS : err_from_errno((int)-r);
}

static ssize_t read_some(struct conn *conn, char *p, size_t n)
{
	ssize_t got;

	if (conn->security == CONN_SECURED)
		return conn_tls_read(conn, p, n);
	do
		got = recv(conn->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static ssize_t write_some(struct conn *conn, const char *p, size_t n)
{
	ssize_t sent;

	if (conn->security == CONN_SECURED)
		return conn_tls_write(conn, p, n);
	do
		sent = send(conn->fd, p, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

/* Room for one read at the end of the input; NULL when it is full. */
static char *input_room(struct conn *conn, size_t *ret_room)
{
	size_t room = conn->in.max - conn_input_left(conn), chunk;

	if (room == 0)
		return NULL;
	if (conn->in_start)
		buf_consume(&conn->in, conn->in_start);
	conn->in_start = 0;
	conn_borrow(conn, &conn->in);
	chunk = conn->in.cap - conn->in.n >= SHORT_READ ? conn->in.cap - conn->in.n :
							  READ_CHUNK;
	*ret_room = room < chunk ? room : chunk;
	return buf_reserve(&conn->in, *ret_room);
}

/* False when there is no point in another read now. */
static bool read_once(struct conn *conn)
{
	size_t room = 0;
	char *p = input_room(conn, &room);
	ssize_t n;

	if (!p)
		return false;
	n = read_some(conn, p, room);
	if (n == -EAGAIN || n == -EWOULDBLOCK)
		return false;
	if (n <= 0) {
		conn->eof = true;
		conn_finish(conn, n == 0 ? ERR_CLOSED : err_of(n), n < 0);
		return false;
	}
	buf_added(&conn->in, (size_t)n);
	conn->input_due = true;
	conn->active_ms = time_mono_ms();
	return n >= SHORT_READ || conn_tls_has_pending(conn);
}

static void read_input(struct conn *conn)
{
	for (int i = 0; i < READS_A_TURN && conn->why == OK; i++)
		if (!read_once(conn))
			break;
}

static bool is_in_handshake(const struct conn *conn)
{
	return conn->security == CONN_HANDSHAKE;
}

static void update_watch(struct conn *conn)
{
	bool reads;

	conn->full = conn_input_left(conn) >= conn->in.max;
	if (conn->closing)
		reads = conn->shut;
	else if (is_in_handshake(conn))
		reads = conn->clear_left == 0 && !conn->why;
	else
		reads = !conn->full && !conn->why;
	loop_fd_watch(conn->watch,
		(reads ? LOOP_READ : 0) | (conn->blocked && !conn->broken ? LOOP_WRITE : 0));
}

/* ERR_CLOSED waits until the reader saw what came before. */
static bool end_is_due(const struct conn *conn)
{
	if (conn->why == OK || conn->told)
		return false;
	return conn->broken || conn->why != ERR_CLOSED || (!conn->paused && !conn->input_due);
}

static void tell_input(struct conn *conn)
{
	conn->input_due = false;
	if (conn_input_left(conn))
		conn->events->readable(conn, conn->arg);
}

/* Every callback may close the conn. */
static void call_back(struct conn *conn)
{
	if (conn->secured_due) {
		conn->secured_due = false;
		if (conn->events->secured)
			conn->events->secured(conn, conn->arg);
	}
	if (!conn->closing && conn->input_due && !conn->paused && !conn->told && !conn->broken)
		tell_input(conn);
	if (!conn->closing && conn->drained_due && !conn->told) {
		conn->drained_due = false;
		if (conn->events->drained)
			conn->events->drained(conn, conn->arg);
	}
	if (!conn->closing && end_is_due(conn)) {
		conn->told = true;
		conn->events->ended(conn, conn->arg, conn->why);
	}
}

static void deliver(struct conn *conn)
{
	conn->delivering = true;
	call_back(conn);
	conn->delivering = false;
	if (conn->closing)
		return;
	if (conn_input_left(conn) == 0) {
		conn->in.n = conn->in_start = 0;
		conn_stow(conn, &conn->in);
	}
	/* The reader may have made room for bytes that no descriptor announces any more. */
	if (!conn->why && conn_tls_has_pending(conn) && conn_input_left(conn) < conn->in.max)
		conn_schedule(conn);
	update_watch(conn);
}

void conn_attend(struct conn *conn)
{
	if (conn->closing)
		return;
	if (conn->why == OK && conn_tls_has_pending(conn))
		read_input(conn);
	deliver(conn);
}

/* After our end of file: what still arrives is thrown away until the peer's. */
static void discard_input(struct conn *conn)
{
	char scrap[4096];
	ssize_t n = recv(conn->fd, scrap, sizeof(scrap), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn_destroy(conn);
}

void conn_on_ready(void *arg, int events)
{
	struct conn *conn = arg;

	if (events & LOOP_WRITE) {
		conn->blocked = false;
		conn_queue_flush(conn);
	}
	if (conn->closing) {
		if (events & LOOP_READ && conn->shut)
			discard_input(conn);
		return;
	}
	if (is_in_handshake(conn) && conn->clear_left == 0)
		conn_tls_handshake(conn);
	if (!is_in_handshake(conn) && (events & LOOP_READ || conn->ssl))
		read_input(conn);
	deliver(conn);
}

/* Sends up to n bytes of the output; false when no more can be sent now. */
static bool send_part(struct conn *conn, size_t n)
{
	ssize_t sent = write_some(conn, conn->out.p + conn->out_start, n);

	if (sent == -EAGAIN || sent == -EWOULDBLOCK) {
		conn->blocked = true;
		return false;
	}
	if (sent <= 0) {
		conn_finish(conn, err_of(sent ? sent : -EPIPE), true);
		return false;
	}
	conn->out_start += (size_t)sent;
	return true;
}

static void send_output(struct conn *conn)
{
	size_t before = conn->out_start;

	while (conn->clear_left > 0) {
		size_t start = conn->out_start;

		if (!send_part(conn, conn->clear_left))
			break;
		conn->clear_left -= conn->out_start - start;
	}
	while (!is_in_handshake(conn) && conn_output_left(conn) > 0)
		if (!send_part(conn, conn_output_left(conn)))
			break;
	/* A peer that takes its backlog is alive. */
	if (conn->out_start != before && conn->past_low_mark)
		conn->active_ms = time_mono_ms();
}

static void tidy_output(struct conn *conn)
{
	if (conn_output_left(conn) == 0) {
		conn->out.n = conn->out_start = 0;
		conn_stow(conn, &conn->out);
		if (conn->past_low_mark && !conn->closing && conn->events->drained) {
			conn->drained_due = true;
			conn_schedule(conn);
		}
		conn->past_low_mark = false;
	} else if (conn->out_start > conn->out.n / 2) {
		buf_consume(&conn->out, conn->out_start);
		conn->out_start = 0;
	}
	/* The ceiling is for what waits. */
	conn->out.max = conn->output_max + conn->out_start;
}

static void flush_output(struct conn *conn)
{
	if (conn->out.overflow && !conn->broken)
		conn_finish(conn, ERR_LIMIT, true);
	if (conn->broken) {
		conn->out.n = conn->out_start = conn->clear_left = 0;
		buf_release(&conn->out);
		return;
	}
	if (conn_output_left(conn) >= CONN_LOW_MARK)
		conn->past_low_mark = true;
	if (conn->corked && !conn->closing)
		return;
	if (!conn->blocked)
		send_output(conn);
	if (!conn->broken)
		tidy_output(conn);
}

/* One step of closing; frees the conn at the last. */
static void close_step(struct conn *conn)
{
	bool done = conn->broken || conn->timeout_ms == 0 || is_in_handshake(conn);

	conn->in.n = conn->in_start = 0;
	conn_stow(conn, &conn->in);
	if (!done && conn_output_left(conn) > 0) {
		update_watch(conn);
		return;
	}
	if (!conn->shut && !conn->broken) {
		conn_tls_shutdown(conn);
		shutdown(conn->fd, SHUT_WR);
		conn->shut = true;
	}
	if (done || conn->eof)
		conn_destroy(conn);
	else
		update_watch(conn);
}

void conn_flush_now(struct conn *conn)
{
	flush_output(conn);
	if (conn->closing) {
		close_step(conn);
		return;
	}
	if (conn->in.p && conn_input_left(conn) == 0) {
		conn->in.n = conn->in_start = 0;
		conn_stow(conn, &conn->in);
	}
	update_watch(conn);
}

void conn_expired(struct conn *conn)
{
	if (conn->closing)
		conn_destroy(conn);
	else
		conn_finish(conn, ERR_TIMEOUT, false);
}

void conn_destroy(struct conn *conn)
{
	link_remove(&conn->work);
	link_remove(&conn->flush);
	link_remove(&conn->wheel);
	loop_fd_remove(&conn->watch);
	SSL_free(conn->ssl);
	close(conn->fd);
	buf_done(&conn->in);
	buf_done(&conn->out);
	free(conn->peer_ip);
	free(conn);
}
