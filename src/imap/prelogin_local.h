/* SPDX-License-Identifier: ISC */
/* The inside of IMAP in edge: for its own files only. */
#ifndef IMAP_PRELOGIN_LOCAL_H
#define IMAP_PRELOGIN_LOCAL_H

#include "imap/prelogin.h"
#include "imap/reply.h"
#include "login/login.h"
#include "login/proxy.h"

enum { IMAP_AUTH_TRIES_MAX = 10 };

struct imap_prelogin_server {
	struct loop *loop;
	struct ipc_hub *hub;
	struct tls_context *tls;
	const struct conf *conf;
	struct imap_prelogin *first;
	struct login_proxies proxies;
	struct crowd *crowd;
	bool is_stopped;
};

struct imap_prelogin {
	struct imap_client client; /* first */
	struct imap_prelogin_server *server;
	struct imap_prelogin *prev, *next;
	struct loop_timer *login_timer;
	struct login *login; /* under way */
	char *ip; /* heap */
	unsigned tries;
	bool is_implicit_tls;
};

static inline struct imap_prelogin *imap_prelogin_of(struct imap_cmd *cmd)
{
	return (struct imap_prelogin *)cmd->client;
}

/* LOGIN: user and password are known.  IMAP_PARK. */
enum imap_result imap_prelogin_login(struct imap_cmd *cmd, struct str user, struct str password);
/* AUTHENTICATE; initial: STR_NONE when there is none. */
enum imap_result imap_prelogin_sasl(struct imap_cmd *cmd, struct str mechanism, struct str initial);
/* Takes the client's connection and the session apart: bytes go to and fro from now on. */
void imap_prelogin_hand_over(struct imap_prelogin *p, const struct login_result *login);

#endif
