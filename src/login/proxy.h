/* SPDX-License-Identifier: ISC */
/* Clients that are logged in: edge copies bytes between them and their shard until either ends.  One thread. */
#ifndef LOGIN_PROXY_H
#define LOGIN_PROXY_H

#include "login/crowd.h"
#include "net/relay.h"

struct login_proxy;

/* Those of one protocol. */
struct login_proxies {
	struct loop *loop;
	struct crowd *crowd;  /* each leaves it at its end */
	struct str farewell;  /* a session that ends by itself has this in its last words; empty: it says nothing */
	struct str lost;      /* what the client is told when its shard is gone; may be empty */
	struct login_proxy *first;
};

/* Takes client and fd over. */
void login_proxy_start(struct login_proxies *proxies, struct conn *client, int fd, uint32_t shard);
/* Ends those of one shard, or (shard UINT32_MAX) all, with these last words unless the session has said farewell. */
void login_proxy_end_all(struct login_proxies *proxies, uint32_t shard, struct str last);

#endif
