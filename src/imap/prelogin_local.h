/* SPDX-License-Identifier: ISC */
/* The inside of IMAP in edge: for its own files only. */
#ifndef IMAP_PRELOGIN_LOCAL_H
#define IMAP_PRELOGIN_LOCAL_H

#include "imap/prelogin.h"
#include "imap/reply.h"

struct map;
struct imap_proxy;

enum { IMAP_AUTH_TRIES_MAX = 10 };

struct imap_prelogin_server {
	struct loop *loop;
	struct ipc_hub *hub;
	struct tls_context *tls;
	const struct conf *conf;
	struct imap_prelogin *first;
	struct imap_proxy *proxies;
	struct map *per_ip; /* number of connections, as a pointer */
	size_t count;
	bool is_stopped;
};

struct imap_prelogin {
	struct imap_client client; /* first */
	struct imap_prelogin_server *server;
	struct imap_prelogin *prev, *next;
	struct loop_timer *login_timer, *delay_timer;
	int shard_fd; /* our end of the pair while the shard is asked; -1: none */
	char *ip; /* heap */
	unsigned tries;
	struct str user; /* in the command's arena */
	struct ipc_dir_auth_reply who; /* strings in the command's arena */
};

static inline struct imap_prelogin *imap_prelogin_of(struct imap_cmd *cmd)
{
	return (struct imap_prelogin *)cmd->client;
}

/* user and password are known: asks directory, then the shard.  IMAP_PARK. */
enum imap_result imap_prelogin_login(
	struct imap_cmd *cmd, struct str authzid, struct str user, struct str password);
/* The timer of an answer that was held back. */
void imap_prelogin_delay_over(void *arg);
/* Takes the client's connection and the session apart: bytes go to and fro from now on. */
void imap_prelogin_hand_over(struct imap_prelogin *p);
/* Counts one connection of an address in or out. */
bool imap_prelogin_count_in(struct imap_prelogin_server *server, struct str ip);
void imap_prelogin_count_out(struct imap_prelogin_server *server, struct str ip);

/* ---- proxy.c ---- */

/* Takes client and shard_fd over; registers itself with the server. */
void imap_proxy_start(struct imap_prelogin_server *server, struct conn *client, int shard_fd, uint32_t shard);
/* Ends those of one shard, or (shard UINT32_MAX) all, with these last words unless the stream ended with BYE. */
void imap_proxy_end_all(struct imap_prelogin_server *server, uint32_t shard, struct str last);

#endif
