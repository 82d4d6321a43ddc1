/* SPDX-License-Identifier: ISC */
#include "net/relay.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { HIGH_MARK = 256 << 10, LINGER_MS = 5000 };

struct relay {
	struct conn *client, *local;
	relay_fn *fn;
	void *arg;
};

static const struct conn_limits limits = { 64 << 10, HIGH_MARK + (128 << 10) };

static void copy(struct conn *from, struct conn *to)
{
	struct str input = conn_input(from);

	conn_write(to, input);
	conn_consume(from, input.n);
	if (conn_output_size(to) > HIGH_MARK)
		conn_pause(from, true);
}

static void finish(struct relay *relay, enum err why)
{
	relay_fn *fn = relay->fn;
	void *arg = relay->arg;

	conn_close(&relay->client, LINGER_MS);
	conn_close(&relay->local, LINGER_MS);
	free(relay);
	fn(arg, why);
}

static void client_readable(struct conn *conn, void *arg)
{
	struct relay *relay = arg;

	copy(conn, relay->local);
}

static void local_readable(struct conn *conn, void *arg)
{
	struct relay *relay = arg;

	copy(conn, relay->client);
}

static void client_drained(struct conn *conn, void *arg)
{
	struct relay *relay = arg;

	conn_pause(relay->local, false);
	conn_kick(relay->local);
}

static void local_drained(struct conn *conn, void *arg)
{
	struct relay *relay = arg;

	conn_pause(relay->client, false);
	conn_kick(relay->client);
}

/* What one side sent before it ended still reaches the other: conn_close() lingers. */
static void ended(struct conn *conn, void *arg, enum err why)
{
	finish(arg, why);
}

enum err relay_new(struct loop *loop, struct conn **client, size_t buffer_bytes, relay_fn *fn, void *arg,
	struct relay **ret_relay, int *ret_fd)
{
	static const struct conn_events client_events = { client_readable, ended, client_drained, NULL };
	static const struct conn_events local_events = { local_readable, ended, local_drained, NULL };
	struct relay *relay;
	int pair[2], size = (int)buffer_bytes;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return err_from_errno(errno);
	for (int i = 0; i < 2 && size; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	relay = mem_make(struct relay);
	relay->client = *client;
	*client = NULL;
	relay->fn = fn;
	relay->arg = arg;
	relay->local = conn_new(loop, pair[0], &limits, &local_events, relay);
	conn_set_events(relay->client, &client_events, relay);
	conn_kick(relay->client);
	*ret_relay = relay;
	*ret_fd = pair[1];
	return OK;
}

void relay_end(struct relay **relay, struct str last)
{
	if (!*relay)
		return;
	conn_write((*relay)->client, last);
	conn_close(&(*relay)->client, LINGER_MS);
	conn_close(&(*relay)->local, 0);
	free(*relay);
	*relay = NULL;
}

struct conn *relay_client(struct relay *relay)
{
	return relay->client;
}
