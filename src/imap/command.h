/* SPDX-License-Identifier: ISC */
/*
 * The table of commands (commands.def) and what a handler gets.  A handler starts when its command is complete and
 * allowed; it reads cmd->args, appends to the output by reply.h, and returns what happens next.  It never reads the
 * socket and never frees: memory is cmd->arena's, sets and further arenas come from imap_cmd_uidset() and imap_cmd_arena().
 */
#ifndef IMAP_COMMAND_H
#define IMAP_COMMAND_H

#include "imap/parse.h"
#include "imap/spool.h"
#include "store/uidset.h"

struct imap_client;
struct imap_cmd;

enum imap_result {
	IMAP_DONE,  /* the tagged reply stands in the output */
	IMAP_MORE,  /* call me again when output has drained */
	IMAP_PARK,  /* waiting: imap_client_resume() tells the end; lines go to on_line if set */
	IMAP_CLOSE, /* end the session when output is sent */
};

enum imap_state { IMAP_PREAUTH = 1, IMAP_AUTH = 2, IMAP_SELECTED = 4, IMAP_ANY = 7 };

enum imap_command_flags {
	IMAP_WRITES = 1,
	IMAP_HAS_UID = 2,
	IMAP_USES_SEQ = 4,
	IMAP_HERE_EDGE = 8,
	IMAP_HERE_STORE = 16,
};

typedef enum imap_result imap_handler_fn(struct imap_cmd *cmd);

struct imap_command {
	const char *verb;
	imap_handler_fn *handler;
	unsigned states, flags;
	const char *capability, *reference;
};

/* What ends with a command though it is not in its arena. */
struct imap_cmd_thing {
	struct uidset set;
	struct arena *arena;
	struct imap_cmd_thing *next;
};

struct imap_cmd {
	struct imap_client *client;
	const struct imap_command *row;
	struct arena *arena;
	struct str tag;
	bool is_uid;
	struct str text; /* from the verb on */
	struct imap_parser args;
	const struct imap_spools *messages; /* APPEND: its literals */
	void *state;                /* the handler's own across MORE and PARK; NULL at first */
	/* While parked: a line from the client, without its end. */
	enum imap_result (*on_line)(struct imap_cmd *cmd, struct str line);
	/* The client went away while parked or before MORE: leave nothing behind.  May be NULL. */
	void (*on_end)(struct imap_cmd *cmd);
	struct imap_cmd_thing *things;
	uint64_t started_us;
};

/* ASCII case ignored; NULL when unknown. */
const struct imap_command *imap_command_find(struct str verb);
/* Rows in order; NULL at the end. */
const struct imap_command *imap_command_at(size_t i);
/* An empty set that ends with the command. */
struct uidset *imap_cmd_uidset(struct imap_cmd *cmd);
/* An arena that ends with the command, for what is reset more often. */
struct arena *imap_cmd_arena(struct imap_cmd *cmd);
void imap_cmd_release(struct imap_cmd *cmd);

/* What the capability list depends on. */
struct imap_offer {
	bool before_login, tls_possible; /* STARTTLS may be offered */
	bool auth_allowed;               /* a clear password may be sent now */
	bool has_tls;
	uint64_t append_max;             /* bytes */
	struct str disabled;             /* words that are left out */
};
/*
 * The capability list of RFC 3501 7.2.1, made of the table and capabilities.def.  Before login all is said that holds
 * after it too, as some clients ask but once.
 */
/* One of the words, blanks between them, ASCII case ignored. */
bool imap_is_disabled(struct str disabled, struct str capability);
void imap_write_capabilities(const struct imap_offer *offer, struct buf *out);

#define IMAP_CMD(verb, handler, states, flags, capability, reference) imap_handler_fn handler;
#include "imap/commands.def"
#undef IMAP_CMD

#endif
