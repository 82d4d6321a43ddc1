/* SPDX-License-Identifier: ISC */
#include "net/conn.h"

#include "base/arena.h"
#include "base/time.h"
#include "net/conn_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

static char *find_peer_ip(int fd)
{
	struct sockaddr_storage storage;
	socklen_t n = sizeof(storage);
	const struct sockaddr_in6 *six = (const void *)&storage;
	const struct sockaddr_in *four = (const void *)&storage;
	const void *address = &four->sin_addr;
	int family = AF_INET;
	char text[INET6_ADDRSTRLEN];

	if (getpeername(fd, (struct sockaddr *)&storage, &n) != 0)
		return NULL;
	if (storage.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		address = &six->sin6_addr.s6_addr[12];
	} else if (storage.ss_family == AF_INET6) {
		address = &six->sin6_addr;
		family = AF_INET6;
	} else if (storage.ss_family != AF_INET) {
		return NULL;
	}
	return inet_ntop(family, address, text, sizeof(text)) ? mem_dup(str_of(text)) : NULL;
}

struct conn *conn_new(struct loop *loop, int fd, const struct conn_limits *limits,
	const struct conn_events *events, void *arg)
{
	struct conn *conn = mem_make(struct conn);

	assert(limits->input_max > 0 && limits->output_max > 0);
	conn->pool = conn_pool_of(loop);
	conn->fd = fd;
	conn->events = events;
	conn->arg = arg;
	conn->in.max = limits->input_max;
	conn->out.max = conn->output_max = limits->output_max;
	conn->peer_ip = find_peer_ip(fd);
	conn->active_ms = time_mono_ms();
	link_init(&conn->work);
	link_init(&conn->flush);
	link_init(&conn->wheel);
	conn->watch = loop_fd_add(loop, fd, conn_on_ready, conn);
	loop_fd_watch(conn->watch, LOOP_READ);
	return conn;
}

static int32_t clamp_ms(int64_t ms)
{
	if (ms < 0)
		return 0;
	return ms > INT32_MAX ? INT32_MAX : (int32_t)ms;
}

void conn_close(struct conn **conn, int64_t linger_ms)
{
	struct conn *c = *conn;

	if (!c)
		return;
	*conn = NULL;
	c->closing = true;
	c->events = NULL;
	link_remove(&c->work);
	c->active_ms = time_mono_ms();
	c->timeout_ms = clamp_ms(linger_ms);
	conn_wheel_set(c);
	conn_queue_flush(c);
}

void conn_set_events(struct conn *conn, const struct conn_events *events, void *arg)
{
	conn->events = events;
	conn->arg = arg;
	conn_kick(conn);
}

struct str conn_input(const struct conn *conn)
{
	/* Empty input has no memory to point into. */
	if (conn_input_left(conn) == 0)
		return STR_NONE;
	return str_make(conn->in.p + conn->in_start, conn_input_left(conn));
}

void conn_consume(struct conn *conn, size_t n)
{
	assert(n <= conn_input_left(conn));
	conn->in_start += n;
	if (conn->delivering)
		return;
	if (conn->full)
		conn_schedule(conn);
	/* The memory goes at the turn's end: the caller may still look at what it consumed. */
	if (conn_input_left(conn) == 0)
		conn_queue_flush(conn);
}

struct buf *conn_output(struct conn *conn)
{
	conn_borrow(conn, &conn->out);
	conn_queue_flush(conn);
	return &conn->out;
}

void conn_write(struct conn *conn, struct str s)
{
	buf_add(conn_output(conn), s);
}

void conn_writef(struct conn *conn, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	buf_vaddf(conn_output(conn), format, ap);
	va_end(ap);
}

size_t conn_output_size(const struct conn *conn)
{
	return conn_output_left(conn);
}

void conn_cork(struct conn *conn, bool corked)
{
	if (conn->corked && !corked)
		conn_queue_flush(conn);
	conn->corked = corked;
}

void conn_pause(struct conn *conn, bool paused)
{
	if (conn->paused && !paused) {
		conn->paused = false;
		conn_kick(conn);
	}
	conn->paused = paused;
}

void conn_kick(struct conn *conn)
{
	if (conn_input_left(conn))
		conn->input_due = true;
	if (conn->input_due || conn->why)
		conn_schedule(conn);
}

void conn_set_timeout(struct conn *conn, int64_t ms)
{
	conn->active_ms = time_mono_ms();
	conn->timeout_ms = clamp_ms(ms);
	conn_wheel_set(conn);
}

const char *conn_peer_ip(const struct conn *conn)
{
	return conn->peer_ip ? conn->peer_ip : "";
}

static void shrink(struct conn *conn, struct buf *buf)
{
	if (buf->n == 0)
		conn_stow(conn, buf);
	else if (buf->cap > buf->n)
		buf->p = mem_grow(buf->p, buf->cap = buf->n);
}

void conn_release_memory(struct conn *conn)
{
	/*
	 * Inside readable the caller may still look at its input; it goes when that returns.
	 */
	if (!conn->delivering) {
		buf_consume(&conn->in, conn->in_start);
		conn->in_start = 0;
		shrink(conn, &conn->in);
	}
	if (conn_output_left(conn))
		return;
	conn->out.n = conn->out_start = 0;
	shrink(conn, &conn->out);
}

void conn_acknowledge(struct conn *conn)
{
	int one = 1;

	/* Not a TCP socket: nothing to do, and no matter. */
	if (setsockopt(conn->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one)) != 0)
		return;
}
