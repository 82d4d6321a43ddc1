/* SPDX-License-Identifier: ISC */
/*
 * From a password to a session, for every protocol with a login: directory checks the password, or the proof of a SASL
 * exchange; then the account's shard gets one end of a stream (IPC_SESSION_OPEN), unless the protocol has none.  A
 * refusal is held back as long as directory says.  In edge; one loop, one thread.
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
	const char *name; /* of the protocol, for limits and logs: "imap", "submission" */
	struct str tag;   /* of the login command, for the session to answer it */
	const struct conn *conn;
	uint64_t trace;
};

struct login_result {
	enum err error;        /* OK, or why not */
	const char *complaint; /* of ERR_SYNTAX: what was wrong with a response; static */
	struct str user;       /* who tried; may be empty */
	/* For OK only. */
	int fd;                /* of the stream to the session: the receiver's; -1: SESSION_NONE */
	uint64_t account;
	uint32_t shard;
	struct str address;    /* canonical; until done returns */
};

/* Called from the loop, never from inside a function here. */
struct login_events {
	/* Send this (base 64), then give the client's answer to login_line().  May be NULL for login_start(). */
	void (*challenge)(void *arg, struct str text);
	/* Once; the login is gone then. */
	void (*done)(void *arg, const struct login_result *result);
};

/* With user and password at hand.  Blanks around user do not matter. */
struct login *login_start(struct loop *loop, struct ipc_hub *hub, const struct login_ask *ask, struct str user,
	struct str password, const struct login_events *events, void *arg);
/* By SASL; initial: STR_NONE when there is none.  NULL: the mechanism is not offered. */
struct login *login_sasl(struct loop *loop, struct ipc_hub *hub, const struct login_ask *ask, struct str mechanism,
	struct str initial, const struct login_events *events, void *arg);
/* What the client answered to a challenge, without its line end. */
void login_line(struct login *login, struct str line);
/* done will not come.  NULL is fine. */
void login_cancel(struct login **login);

/* May a password be sent on this connection now?  With TLS, or from loopback where an option allows it. */
bool login_is_safe(bool clear_on_loopback, const struct conn *conn);

#endif
