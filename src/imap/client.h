/* SPDX-License-Identifier: ISC */
/*
 * What the edge (before login) and the store (after it) have in common: a connection, the command being gathered,
 * the one being answered, and the dispatcher between them.  Commands are answered strictly in order; while one is
 * parked the rest of the input waits.  One loop, one thread.
 */
#ifndef IMAP_CLIENT_H
#define IMAP_CLIENT_H

#include "conf/conf.h"
#include "imap/collect.h"
#include "imap/command.h"
#include "net/conn.h"

enum {
	IMAP_INPUT_MAX = 64 << 10,
	IMAP_OUTPUT_MAX = 96 << 20, /* LIST and SEARCH may be that long; what is longer yields */
	IMAP_OUTPUT_MARK = 256 << 10, /* past it a handler yields */
	IMAP_SLICE_US = 5000,
	IMAP_LINGER_MS = 5000,
	IMAP_PREAUTH_TEXT_MAX = 16 << 10,
	IMAP_RAW_LINE_MAX = 16 << 10, /* of AUTHENTICATE and IDLE */
};

struct imap_client_ops {
	/* Puts the untagged replies that are due before a command's tagged one. */
	void (*before_reply)(struct imap_client *client, bool may_expunge);
	/* Refuses a command that its row allows; OK to go on. */
	enum err (*check)(struct imap_client *client, const struct imap_command *row);
	/* Around every call of a handler, as what may be the death of this process; NULL: not noted.  Refuses: not OK. */
	enum err (*enter)(struct imap_cmd *cmd);
	void (*leave)(struct imap_client *client);
	/* The connection is gone: free everything around the client. */
	void (*ended)(struct imap_client *client, enum err why);
	/* CAPABILITY's words. */
	void (*write_capabilities)(struct imap_client *client, struct buf *out);
};

struct imap_client {
	uint32_t magic;
	enum imap_state state;
	unsigned here; /* IMAP_HERE_EDGE or IMAP_HERE_STORE */
	struct loop *loop;
	struct conn *conn; /* NULL: gone */
	const struct conf *conf;
	const struct imap_client_ops *ops;
	uint64_t trace;

	struct imap_collect collect;
	struct buf early;     /* came before the connection's own bytes */
	struct arena *arena;  /* of the command; NULL between commands */
	void *compact;        /* holds cmd after imap_client_compact() */
	struct imap_cmd *cmd; /* being answered: parked or to be called again */
	bool runs_again, waits_for_drain, is_deferred, is_closing, is_held;
	enum err end_why;
	unsigned bad_in_row;
	uint64_t commands;
	struct str id; /* what ID said: for the log; heap */
};

void imap_client_init(struct imap_client *client, struct loop *loop, struct conn *conn,
	const struct conf *conf, const struct imap_client_ops *ops);
/* Does not close the connection. */
void imap_client_done(struct imap_client *client);
/* The events of a connection whose argument is the client. */
extern const struct conn_events imap_client_events;

/* Bytes that came by another way (IPC_SESSION_OPEN) before those of the connection. */
void imap_client_feed(struct imap_client *client, struct str bytes);
/*
 * Gives back the memory of a command that will wait for long; its arena comes back, empty, with the next line.
 * The struct moves: the old pointer must not be used again.
 */
struct imap_cmd *imap_client_compact(struct imap_client *client);
/* A parked command has come to this result. */
void imap_client_resume(struct imap_client *client, enum imap_result result);
/* The client is gone while its command was parked with the store: `ended` waits for imap_client_release(). */
void imap_client_hold(struct imap_client *client);
void imap_client_release(struct imap_client *client);
/* "* BYE text", then the end. */
void imap_client_bye(struct imap_client *client, const char *code, const char *text);

/* The output; a buffer that is thrown away when the connection is gone. */
struct buf *imap_client_output(struct imap_client *client);
/* A handler has written enough for now. */
bool imap_client_should_yield(const struct imap_client *client, uint64_t since_us);

#endif
