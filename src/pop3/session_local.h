/* SPDX-License-Identifier: ISC */
/* The inside of a session: for its own files only. */
#ifndef POP3_SESSION_LOCAL_H
#define POP3_SESSION_LOCAL_H

#include "net/conn.h"
#include "pop3/reply.h"
#include "pop3/session.h"
#include "pop3/stuff.h"

enum { POP3_OUTPUT_MARK = 256 << 10 };

enum pop3_state {
	POP3_LOADING,  /* what INBOX holds; input waits */
	POP3_READY,
	POP3_SENDING,  /* a message; input waits */
	POP3_UPDATING, /* QUIT: the deletions are with the store */
	POP3_CLOSED,   /* only the store's answer is awaited */
};

struct pop3_item {
	uint64_t instance; /* UIDL */
	uint32_t uid, size;
	bool deleted;
};

struct pop3_session {
	struct store_job job; /* first */
	struct pop3_sessions *all;
	struct pop3_session *prev, *next;
	struct conn *conn; /* NULL: closed */
	uint64_t account, device, trace;
	char *address; /* heap */
	enum pop3_state state;
	bool with_store, is_deferred;
	struct store_folder *folder; /* INBOX; NULL: not open */
	struct {
		struct pop3_item *v;
		size_t n, cap;
	} items; /* message i + 1 is v[i] */
	struct uidset gone;
	unsigned errors;
	uint64_t retrieved;
	int64_t opened_ms;

	/* while sending */
	struct arena *arena;
	struct store_message message;
	struct pop3_stuff stuff;
	uint64_t at, size;
};

struct pop3_sessions {
	struct loop *loop;
	struct store *store;
	const struct conf *conf;
	struct pop3_session *first;
	struct map *by_account;
	size_t count;
	bool is_stopped;
};

/* ---- commands.c ---- */

/* Runs one line of a client that is READY. */
void pop3_session_command(struct pop3_session *s, struct str text);
/* The next bytes of a message, as many as may wait; READY again at its end. */
void pop3_session_send(struct pop3_session *s);

/* ---- session.c ---- */

/* Goes on with what the state asks for, in a later turn. */
void pop3_session_defer(struct pop3_session *s);
/* Deletes what was marked, replies, and ends. */
void pop3_session_update(struct pop3_session *s);

#endif
