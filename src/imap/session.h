/* SPDX-License-Identifier: ISC */
/*
 * IMAP after login: all sessions of one shard, in the store role.  A session begins with IPC_SESSION_OPEN, which
 * brings the clear stream of a client that edge let in, and ends by itself.  One loop, one thread.
 * The role calls store_turn_end() at the end of its turns; sessions only submit jobs.
 */
#ifndef IMAP_SESSION_H
#define IMAP_SESSION_H

#include "conf/conf.h"
#include "ipc/ipc.h"
#include "store/store.h"

struct imap_sessions;

/*
 * spool_dir: where large messages of APPEND wait, unlinked; NULL: in memory.  All arguments are borrowed and
 * outlive it; conf is looked at anew each time, so a reload takes effect.
 */
struct imap_sessions *imap_sessions_new(struct loop *loop, struct store *store, struct ipc_hub *hub,
	const struct conf *conf, const char *spool_dir);
/* Says BYE to all; they are gone some turns later. */
void imap_sessions_stop(struct imap_sessions *sessions);
/* Stopped and empty, or the loop runs no more: drops what is left without a word. */
void imap_sessions_free(struct imap_sessions **sessions);
/* Those of an account, or (device not 0) of one of its devices, get BYE. */
void imap_sessions_end(struct imap_sessions *sessions, uint64_t account, uint64_t device);
/* Those of accounts at a domain; why is told to the client. */
void imap_sessions_end_domain(struct imap_sessions *sessions, struct str domain, const char *why);
size_t imap_sessions_count(const struct imap_sessions *sessions);

/* Takes fd over.  Answers the login command of open->tag, then the client's next commands, open->pending first. */
void imap_session_open(struct imap_sessions *sessions, int fd, const struct ipc_session_open *open, uint64_t trace);

#endif
