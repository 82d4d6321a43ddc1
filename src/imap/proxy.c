/* SPDX-License-Identifier: ISC */
/* Clients that are logged in: their bytes go to and from their shard. */
#include "imap/prelogin_local.h"

#include "base/metrics.h"
#include "net/relay.h"

#include <stdlib.h>

enum { TAIL_BYTES = 128, PROXY_LINGER_MS = 30000 };

struct imap_proxy {
	struct imap_proxy *prev, *next;
	struct imap_prelogin_server *server;
	struct relay *relay;
	uint32_t shard;
	uint8_t tail_n;
	char tail[TAIL_BYTES]; /* of what the shard said: did it end with a BYE? */
};

static void note_tail(void *arg, struct str s)
{
	struct imap_proxy *p = arg;
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

/* All but its relay. */
static void free_proxy(struct imap_proxy *p)
{
	imap_prelogin_count_out(p->server, str_of(conn_peer_ip(relay_client(p->relay))));
	if (p->prev)
		p->prev->next = p->next;
	else
		p->server->proxies = p->next;
	if (p->next)
		p->next->prev = p->prev;
	free(p);
}

static void ended(void *arg, bool by_role)
{
	struct imap_proxy *p = arg;

	/* A session that ends by itself says so; else its shard died. */
	if (by_role && !has_said_bye(p))
		conn_write(relay_client(p->relay), S("* BYE the mailbox is not available, try again\r\n"));
	free_proxy(p);
}

void imap_proxy_start(struct imap_prelogin_server *server, struct conn *client, int shard_fd, uint32_t shard)
{
	static const struct relay_events events = { note_tail, ended };
	struct imap_proxy *p = mem_make(struct imap_proxy);

	p->server = server;
	p->shard = shard;
	p->next = server->proxies;
	if (p->next)
		p->next->prev = p;
	server->proxies = p;
	conn_set_timeout(client, 0); /* the shard counts the idle time, and knows what IDLE is */
	p->relay = relay_new(server->loop, &client, shard_fd, PROXY_LINGER_MS, &events, p);
}

void imap_proxy_end_all(struct imap_prelogin_server *server, uint32_t shard, struct str last)
{
	for (struct imap_proxy *p = server->proxies, *next; p; p = next) {
		struct relay *relay = p->relay;

		next = p->next;
		if (shard != UINT32_MAX && p->shard != shard)
			continue;
		relay_flush(relay);
		if (!has_said_bye(p))
			conn_write(relay_client(relay), last);
		free_proxy(p);
		relay_end(&relay, last.n ? IMAP_LINGER_MS : 0);
	}
}
