/* SPDX-License-Identifier: ISC */
#include "login/proxy.h"

#include "base/arena.h"

#include <stdlib.h>

enum { TAIL_BYTES = 128, PROXY_LINGER_MS = 30000, LAST_WORDS_LINGER_MS = 5000 };

struct login_proxy {
	struct login_proxy *prev, *next;
	struct login_proxies *all;
	struct relay *relay;
	uint32_t shard;
	uint8_t tail_n;
	char tail[TAIL_BYTES]; /* of what the shard said: did it end with its farewell? */
};

static void note_tail(void *arg, struct str s)
{
	struct login_proxy *p = arg;
	size_t keep;

	s = s.n > TAIL_BYTES ? str_from(s, s.n - TAIL_BYTES) : s;
	keep = p->tail_n < TAIL_BYTES - s.n ? p->tail_n : TAIL_BYTES - s.n;
	memmove(p->tail, p->tail + p->tail_n - keep, keep);
	if (s.n)
		memcpy(p->tail + keep, s.p, s.n);
	p->tail_n = (uint8_t)(keep + s.n);
}

static bool has_said_farewell(const struct login_proxy *p)
{
	struct str farewell = p->all->farewell;

	return farewell.n && str_find(str_make(p->tail, p->tail_n), farewell) >= 0;
}

/* All but its relay. */
static void free_proxy(struct login_proxy *p)
{
	crowd_leave(p->all->crowd, str_of(conn_peer_ip(relay_client(p->relay))));
	if (p->prev)
		p->prev->next = p->next;
	else
		p->all->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
	free(p);
}

static void ended(void *arg, bool by_role)
{
	struct login_proxy *p = arg;

	/* A session that ends by itself says so; else its shard died. */
	if (by_role && !has_said_farewell(p))
		conn_write(relay_client(p->relay), p->all->lost);
	free_proxy(p);
}

void login_proxy_start(struct login_proxies *proxies, struct conn *client, int fd, uint32_t shard)
{
	static const struct relay_events events = { note_tail, ended };
	struct login_proxy *p = mem_make(struct login_proxy);

	p->all = proxies;
	p->shard = shard;
	p->next = proxies->first;
	if (p->next)
		p->next->prev = p;
	proxies->first = p;
	conn_set_timeout(client, 0); /* the shard counts the idle time, and knows what the client waits for */
	p->relay = relay_new(proxies->loop, &client, fd, PROXY_LINGER_MS, &events, p);
}

void login_proxy_end_all(struct login_proxies *proxies, uint32_t shard, struct str last)
{
	for (struct login_proxy *p = proxies->first, *next; p; p = next) {
		struct relay *relay = p->relay;

		next = p->next;
		if (shard != UINT32_MAX && p->shard != shard)
			continue;
		relay_flush(relay);
		if (!has_said_farewell(p))
			conn_write(relay_client(relay), last);
		free_proxy(p);
		relay_end(&relay, last.n ? LAST_WORDS_LINGER_MS : 0);
	}
}
