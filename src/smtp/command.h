/* SPDX-License-Identifier: ISC */
/*
 * Command lines: where one ends, which row of commands.def it names, ESMTP parameters.  Pure.
 *
 * Only CR LF ends a line.  A CR or LF alone is never taken for an end, nor for a part of the
 * line: two servers that disagree on that can be made to see different commands (SMTP
 * smuggling).
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "message/address.h"

struct smtp_cmd; /* session.h */

/* What a handler says: go on; wait until smtp_session_resume(); end the connection. */
enum smtp_result { SMTP_DONE, SMTP_PARK, SMTP_CLOSE };

/* Where a session stands, as far as it decides which commands are allowed. */
enum smtp_phase {
	SMTP_PHASE_START, /* no EHLO yet */
	SMTP_PHASE_READY, /* no transaction */
	SMTP_PHASE_MAIL,  /* sender given */
	SMTP_PHASE_RCPT,  /* at least one recipient accepted */
};
#define SMTP_IN(phase) (1u << SMTP_PHASE_##phase)
#define SMTP_ALWAYS (~0u)

enum smtp_flags {
	SMTP_JUNK = 1,        /* brings no mail forward: counted, and too many are errors */
	SMTP_NEEDS_LOGIN = 2, /* where the policy asks for one */
	SMTP_NO_ARGS = 4,
	SMTP_HIDDEN = 8, /* not in HELP */
	SMTP_ONLY_SMTP = 16, /* unknown to LMTP (RFC 2033 4.1) */
	SMTP_ONLY_LMTP = 32,
};

struct smtp_command {
	struct str verb;
	enum smtp_result (*handler)(struct smtp_cmd *cmd);
	unsigned phases, flags;
	struct str syntax;
};

extern const struct smtp_command smtp_commands[];
extern const size_t smtp_command_count;

enum {
	SMTP_LINE_MAX = 4096,       /* RFC 5321 4.5.3.1.4 asks for 512; clients send more */
	SMTP_AUTH_LINE_MAX = 12288, /* RFC 4954 4 */
};

enum smtp_cut { SMTP_CUT_MORE, SMTP_CUT_LINE, SMTP_CUT_LONG, SMTP_CUT_BARE };

/* The first line of input; *ret_n counts its CR LF.  The answer does not depend on how the
 * bytes arrived. */
enum smtp_cut smtp_line_cut(struct str input, size_t max, size_t *ret_n);
/* max for smtp_line_cut of a command: AUTH may be longer. */
size_t smtp_line_max(struct str input);

/* line without its CR LF.  NULL: no such command.  ret_args is trimmed. */
const struct smtp_command *smtp_command_find(struct str line, struct str *ret_args);

/*
 * The path of MAIL and RCPT: prefix is "FROM:" or "TO:", path_flags are enum
 * message_path_flags.  White space after the colon is passed over: Outlook sends it, and so do
 * scripts that write to port 25.  *ret_rest is what follows the path.  ERR_SYNTAX: no such
 * prefix; ERR_BAD_ADDRESS.
 */
MUST_CHECK enum err smtp_path_take(struct str args, struct str prefix, unsigned path_flags,
	struct arena *arena, struct message_path *ret_path, struct str *ret_rest);

struct smtp_mail_parameters {
	uint64_t size; /* 0: not said */
	bool is_8bit;  /* BODY=8BITMIME */
};
/*
 * What follows the path of MAIL (RFC 5321 4.1.2 Mail-parameters).  ERR_SYNTAX: a value is
 * wrong; ERR_CANNOT: not supported; either way *ret_bad is the parameter's name.
 */
MUST_CHECK enum err smtp_mail_parameters_parse(
	struct str rest, struct smtp_mail_parameters *ret_parameters, struct str *ret_bad);

/* A HELO argument as RFC 5321 wants it: a host name or an address literal. */
bool smtp_hello_is_valid(struct str name);

#endif
