/* SPDX-License-Identifier: ISC */
/*
 * From a password to a session, for every protocol with mailboxes: directory checks the password, then the account's
 * shard gets one end of a stream (IPC_SESSION_OPEN).  A refusal is held back as long as directory says.  In edge;
 * one loop, one thread.
 */
#ifndef LOGIN_LOGIN_H
#define LOGIN_LOGIN_H

#include "conf/conf.h"
#include "ipc/ipc.h"
#include "ipc/recipients.h"
#include "net/conn.h"

struct login;

/* All is borrowed for the call. */
struct login_ask {
	enum session_protocol protocol;
	struct str authzid, user, password; /* blanks around user do not matter */
	struct str tag;                     /* of the login command, for the session to answer it */
	const struct conn *conn;
	uint64_t trace;
};

struct login_result {
	enum err error;     /* OK, or why not; the rest stands for OK only */
	int fd;             /* of the stream to the session: the receiver's */
	uint32_t shard;
	struct str address; /* canonical; until done returns */
};

/* Called once, never from inside login_start(); the login is gone then. */
typedef void login_done_fn(void *arg, const struct login_result *result);

struct login *login_start(
	struct loop *loop, struct ipc_hub *hub, const struct login_ask *ask, login_done_fn *done, void *arg);
/* done will not come.  NULL is fine. */
void login_cancel(struct login **login);

/* May a password be sent on this connection now?  With TLS, or from loopback where an option allows it. */
bool login_is_safe(const struct conf *conf, const struct conn *conn);

#endif
