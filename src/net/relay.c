/* SPDX-License-Identifier: ISC */
#include "net/relay.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { HIGH_MARK = 128 << 10 };

struct relay {
	struct conn *client, *local;
	const struct relay_events *events;
	void *arg;
	int64_t linger_ms;
};

static const struct conn_limits limits = { 64 << 10, HIGH_MARK + (64 << 10) };

static void copy(struct conn *from, struct conn *to)
{
	struct str input = conn_input(from);

	if (!input.n)
		return;
	conn_write(to, input);
	conn_consume(from, input.n);
	if (conn_output_size(to) > HIGH_MARK)
		conn_pause(from, true);
}

static void resume(struct conn *conn)
{
	conn_pause(conn, false);
	conn_kick(conn);
}

static void client_readable(struct conn *conn, void *arg)
{
	copy(conn, ((struct relay *)arg)->local);
	/* What the role is sent may be the first half of what it waits for. */
	conn_acknowledge(conn);
}

void relay_flush(struct relay *relay)
{
	if (relay->events->said)
		relay->events->said(relay->arg, conn_input(relay->local));
	copy(relay->local, relay->client);
}

static void local_readable(struct conn *conn, void *arg)
{
	relay_flush(arg);
}

static void client_drained(struct conn *conn, void *arg)
{
	resume(((struct relay *)arg)->local);
}

static void local_drained(struct conn *conn, void *arg)
{
	resume(((struct relay *)arg)->client);
}

/* What one side sent before it ended still reaches the other: conn_close() lingers. */
static void finish(struct relay *relay, bool by_role)
{
	relay->events->ended(relay->arg, by_role);
	relay_end(&relay, relay->linger_ms);
}

static void client_ended(struct conn *conn, void *arg, enum err why)
{
	finish(arg, false);
}

static void local_ended(struct conn *conn, void *arg, enum err why)
{
	finish(arg, true);
}

enum err relay_pair(size_t buffer_bytes, int ret_pair[2])
{
	int size = (int)buffer_bytes;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret_pair) < 0)
		return err_from_errno(errno);
	/* Where it fails the system's size works as well. */
	for (int i = 0; i < 2 && size; i++)
		(void)setsockopt(ret_pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return OK;
}

struct relay *relay_new(struct loop *loop, struct conn **client, int fd, int64_t linger_ms,
	const struct relay_events *events, void *arg)
{
	static const struct conn_events client_events = { client_readable, client_ended, client_drained, NULL };
	static const struct conn_events local_events = { local_readable, local_ended, local_drained, NULL };
	struct relay *relay = mem_make(struct relay);

	*relay = (struct relay){ .client = *client, .events = events, .arg = arg, .linger_ms = linger_ms };
	*client = NULL;
	relay->local = conn_new(loop, fd, &limits, &local_events, relay);
	conn_set_events(relay->client, &client_events, relay);
	resume(relay->client);
	return relay;
}

void relay_end(struct relay **relay, int64_t linger_ms)
{
	if (!*relay)
		return;
	conn_close(&(*relay)->client, linger_ms);
	conn_close(&(*relay)->local, linger_ms);
	free(*relay);
	*relay = NULL;
}

struct conn *relay_client(struct relay *relay)
{
	return relay->client;
}
