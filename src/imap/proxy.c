/* SPDX-License-Identifier: ISC */
/*
 * Copies between a client and its shard, with back-pressure both ways: who does not read stops the other's writing.
 */
#include "imap/prelogin_local.h"

#include "base/metrics.h"

#include <stdlib.h>

enum { HIGH_MARK = 128 << 10, TAIL_BYTES = 128, PROXY_LINGER_MS = 30000 };

struct imap_proxy {
	struct imap_proxy *prev, *next;
	struct imap_prelogin_server *server;
	struct conn *client, *local;
	uint32_t shard;
	uint64_t trace;
	uint8_t tail_n;
	char tail[TAIL_BYTES]; /* of what the shard said: did it end with a BYE? */
};

static const struct conn_limits local_limits = { 64 << 10, HIGH_MARK + (64 << 10) };

static void note_tail(struct imap_proxy *p, struct str s)
{
	size_t keep;

	s = s.n > TAIL_BYTES ? str_from(s, s.n - TAIL_BYTES) : s;
	keep = p->tail_n < TAIL_BYTES - s.n ? p->tail_n : TAIL_BYTES - s.n;
	memmove(p->tail, p->tail + p->tail_n - keep, keep);
	if (s.n)
		memcpy(p->tail + keep, s.p, s.n);
	p->tail_n = (uint8_t)(keep + s.n);
}

static bool has_said_bye(const struct imap_proxy *p)
{
	return str_find(str_make(p->tail, p->tail_n), S("* BYE ")) >= 0;
}

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

static void free_proxy(struct imap_proxy *p, int64_t linger_ms)
{
	struct imap_prelogin_server *server = p->server;

	imap_prelogin_count_out(server, str_of(conn_peer_ip(p->client)));
	conn_close(&p->client, linger_ms);
	conn_close(&p->local, linger_ms);
	if (p->prev)
		p->prev->next = p->next;
	else
		server->proxies = p->next;
	if (p->next)
		p->next->prev = p->prev;
	free(p);
}

static void client_readable(struct conn *conn, void *arg)
{
	copy(conn, ((struct imap_proxy *)arg)->local);
	conn_acknowledge(conn);
}

static void local_readable(struct conn *conn, void *arg)
{
	struct imap_proxy *p = arg;

	note_tail(p, conn_input(conn));
	copy(conn, p->client);
}

static void client_drained(struct conn *conn, void *arg)
{
	struct imap_proxy *p = arg;

	conn_pause(p->local, false);
	conn_kick(p->local);
}

static void local_drained(struct conn *conn, void *arg)
{
	struct imap_proxy *p = arg;

	conn_pause(p->client, false);
	conn_kick(p->client);
}

static void client_ended(struct conn *conn, void *arg, enum err why)
{
	free_proxy(arg, PROXY_LINGER_MS);
}

static void local_ended(struct conn *conn, void *arg, enum err why)
{
	struct imap_proxy *p = arg;

	/* A session that ends by itself says so; else its shard died. */
	if (!has_said_bye(p))
		conn_write(p->client, S("* BYE the mailbox is not available, try again\r\n"));
	free_proxy(p, PROXY_LINGER_MS);
}

void imap_proxy_start(
	struct imap_prelogin_server *server, struct conn *client, int shard_fd, uint32_t shard, uint64_t trace)
{
	static const struct conn_events client_events = { client_readable, client_ended, client_drained, NULL };
	static const struct conn_events local_events = { local_readable, local_ended, local_drained, NULL };
	struct imap_proxy *p = mem_make(struct imap_proxy);

	p->server = server;
	p->client = client;
	p->shard = shard;
	p->trace = trace;
	p->local = conn_new(server->loop, shard_fd, &local_limits, &local_events, p);
	p->next = server->proxies;
	if (p->next)
		p->next->prev = p;
	server->proxies = p;
	/* The shard counts the idle time, and knows what IDLE is. */
	conn_set_timeout(client, 0);
	conn_set_events(client, &client_events, p);
	conn_pause(client, false);
	conn_kick(client);
}

void imap_proxy_end_all(struct imap_prelogin_server *server, uint32_t shard, struct str last)
{
	for (struct imap_proxy *p = server->proxies, *next; p; p = next) {
		next = p->next;
		if (shard != UINT32_MAX && p->shard != shard)
			continue;
		note_tail(p, conn_input(p->local));
		copy(p->local, p->client);
		if (!has_said_bye(p))
			conn_write(p->client, last);
		free_proxy(p, last.n ? IMAP_LINGER_MS : 0);
	}
}
