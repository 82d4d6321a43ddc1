/* SPDX-License-Identifier: ISC */
/*
 * POP3 after login (RFC 1939 5, 6): the sessions of one shard, in the store role.  A session sees INBOX as it was
 * when it began; an account has one at a time (RFC 1939 8: the exclusive-access lock).  One loop, one thread.
 */
#ifndef POP3_SESSION_H
#define POP3_SESSION_H

#include "conf/conf.h"
#include "ipc/ipc.h"
#include "store/store.h"

struct pop3_sessions;

/* All is borrowed and outlives it; conf is looked at anew each time. */
struct pop3_sessions *pop3_sessions_new(struct loop *loop, struct store *store, const struct conf *conf);
/* Ends all: nothing is deleted that QUIT did not ask for. */
void pop3_sessions_stop(struct pop3_sessions *sessions);
void pop3_sessions_free(struct pop3_sessions **sessions);
/* That of an account, or (device not 0) of one of its devices. */
void pop3_sessions_end(struct pop3_sessions *sessions, uint64_t account, uint64_t device);
/* Those of accounts at a domain. */
void pop3_sessions_end_domain(struct pop3_sessions *sessions, struct str domain);
size_t pop3_sessions_count(const struct pop3_sessions *sessions);

/* Takes fd over and answers the login, unless it fails.  ERR_IN_USE: the account has a session. */
MUST_CHECK enum err pop3_session_open(
	struct pop3_sessions *sessions, int fd, const struct ipc_session_open *open, uint64_t trace);

#endif
