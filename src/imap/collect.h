/* SPDX-License-Identifier: ISC */
/*
 * Gathers one command with its literals (RFC 3501 4.3, RFC 7888) from the bytes of a client, whatever the pieces
 * they come in.  The messages of an APPEND (RFC 3502: several) go to spools; everything else is one text of at most text_max
 * bytes.  What is too large is passed over as far as the client will send it, so the stream stays in step.
 */
#ifndef IMAP_COLLECT_H
#define IMAP_COLLECT_H

#include "imap/spool.h"

enum { IMAP_MESSAGES_MAX = 1000 }; /* of one command */

enum imap_collected {
	IMAP_COLLECT_MORE,     /* all input was taken: wait */
	IMAP_COLLECT_CONTINUE, /* send "+ " and go on feeding */
	IMAP_COLLECT_COMMAND,  /* complete: text, and the messages */
	IMAP_COLLECT_REFUSED,  /* complete, but passed over: error; text holds its beginning */
};

enum imap_collect_step {
	IMAP_STEP_LINE,
	IMAP_STEP_LITERAL,
	IMAP_STEP_MESSAGE,
	IMAP_STEP_SKIP_LINE,
	IMAP_STEP_SKIP_LITERAL,
};

struct imap_collect {
	size_t text_max;      /* set by the owner, as are the next two; may change between commands */
	uint64_t message_max; /* of all messages of a command; 0: no APPEND here */
	const char *spool_dir;

	struct buf text; /* without its last line end; "{N}" CRLF stand where a message was spooled */
	struct imap_spools messages;
	enum err error;

	enum imap_collect_step step;
	size_t line_start;     /* in text */
	bool after_message;    /* the line stands behind a message */
	uint64_t literal_left;
	char tail[32];         /* of a line passed over: its end may announce a literal */
	size_t tail_n;
};

void imap_collect_init(struct imap_collect *c, size_t text_max, uint64_t message_max);
void imap_collect_done(struct imap_collect *c);
/* Takes *ret_taken bytes; call again while it is not MORE and input is left. */
enum imap_collected imap_collect_feed(struct imap_collect *c, struct str input, size_t *ret_taken);
/* For the next command; keeps a small buffer only. */
void imap_collect_next(struct imap_collect *c);
/* True between commands. */
bool imap_collect_is_idle(const struct imap_collect *c);
/* True when text, which ends before a "{", is an APPEND whose message comes next. */
bool imap_collect_is_at_message(struct str text);
/* The same for what stands between one message and the next (RFC 3502). */
bool imap_collect_is_at_next_message(struct str text);

#endif
