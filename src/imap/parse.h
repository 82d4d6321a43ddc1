/* SPDX-License-Identifier: ISC */
/*
 * The tokens of IMAP commands (RFC 3501 9, RFC 7888 literals).  Pure: reads one complete command, literals
 * included, as collect.h gathered it.  Functions return ERR_SYNTAX (or ERR_BAD_DATE, ERR_LIMIT) and leave a
 * text for the client in `complaint`: the first one stays.  Slices returned point into the command, or into the
 * arena where quoting had to be undone.
 */
#ifndef IMAP_PARSE_H
#define IMAP_PARSE_H

#include "base/arena.h"
#include "base/buf.h"

struct imap_parser {
	const char *p, *end;
	struct arena *arena;
	const char *complaint; /* NULL: none */
};

/* The four bits of the system flags stand as in the store: \Seen 1 \Answered 2 \Flagged 4 \Deleted 8 \Draft 16. */
enum imap_flag {
	IMAP_SEEN = 1,
	IMAP_ANSWERED = 2,
	IMAP_FLAGGED = 4,
	IMAP_DELETED = 8,
	IMAP_DRAFT = 16,
	IMAP_SYSTEM_FLAGS = 31,
};

enum { IMAP_KEYWORDS_MAX = 64, IMAP_KEYWORD_BYTES_MAX = 100 };

struct imap_flags {
	unsigned system;      /* enum imap_flag */
	struct str *keywords; /* each once, ASCII case ignored */
	size_t keywords_n;
};

struct imap_parser imap_parser_of(struct str text, struct arena *arena);
/* ERR_SYNTAX; notes why, when nothing else was noted before. */
MUST_CHECK enum err imap_parse_complain(struct imap_parser *ps, const char *complaint);

/* The next byte, or -1 at the end. */
int imap_parse_peek(const struct imap_parser *ps);
/* Takes c if it comes next. */
bool imap_parse_take(struct imap_parser *ps, char c);
/* Takes a keyword (ASCII case ignored) that no atom character follows. */
bool imap_parse_take_word(struct imap_parser *ps, const char *word);
MUST_CHECK enum err imap_parse_char(struct imap_parser *ps, char c);
/* One space; several are taken too, as some clients send them. */
MUST_CHECK enum err imap_parse_space(struct imap_parser *ps);
/* The end of the command; trailing spaces are passed over. */
MUST_CHECK enum err imap_parse_end(struct imap_parser *ps);
/* Nothing, or a space and something more. */
bool imap_parse_at_end(const struct imap_parser *ps);

bool imap_is_atom_char(char c);
/* Takes the bytes for which is_member holds; at least one. */
MUST_CHECK enum err imap_parse_run(
	struct imap_parser *ps, bool (*is_member)(char), const char *what, struct str *ret_run);
MUST_CHECK enum err imap_parse_tag(struct imap_parser *ps, struct str *ret_tag);
MUST_CHECK enum err imap_parse_atom(struct imap_parser *ps, struct str *ret_atom);
MUST_CHECK enum err imap_parse_number(struct imap_parser *ps, uint32_t *ret_number);
/* Up to 2^63-1: sizes. */
MUST_CHECK enum err imap_parse_number64(struct imap_parser *ps, uint64_t *ret_number);
/* Quoted or literal. */
MUST_CHECK enum err imap_parse_string(struct imap_parser *ps, struct str *ret_string);
/* Atom (with "]"), quoted or literal. */
MUST_CHECK enum err imap_parse_astring(struct imap_parser *ps, struct str *ret_string);
/* A string, or NIL: *ret_string is STR_NONE. */
MUST_CHECK enum err imap_parse_nstring(struct imap_parser *ps, struct str *ret_string);
/* Atom with wildcards, quoted or literal. */
MUST_CHECK enum err imap_parse_list_mailbox(struct imap_parser *ps, struct str *ret_pattern);
/*
 * A mailbox name as UTF-8 (RFC 3501 5.1.3): INBOX in any case becomes "INBOX", also as the first level.
 * What is no valid modified UTF-7 but valid UTF-8 is taken as it is; else ERR_MAILBOX_NAME.
 */
MUST_CHECK enum err imap_parse_mailbox(struct imap_parser *ps, struct str *ret_name);
/* "{N}" or "{N+}" with its bytes following CRLF. */
MUST_CHECK enum err imap_parse_literal(struct imap_parser *ps, struct str *ret_bytes);
/* "(\Seen $Junk)", with bare: also without parentheses.  \Recent is refused. */
MUST_CHECK enum err imap_parse_flags(
	struct imap_parser *ps, bool bare, struct imap_flags *ret_flags);
/* One flag keyword: an atom.  ERR_SYNTAX when it is too long. */
MUST_CHECK enum err imap_parse_keyword(struct imap_parser *ps, struct str *ret_keyword);
/* Days since 1970-01-01 of "1-Feb-1994", quoted or not. */
MUST_CHECK enum err imap_parse_date(struct imap_parser *ps, int64_t *ret_days);
/* Quoted date-time: seconds since 1970-01-01 UTC. */
MUST_CHECK enum err imap_parse_date_time(struct imap_parser *ps, int64_t *ret_time_s);

/*
 * A literal at the end of a line: "... {12}" or "... {12+}" (without the CRLF).  False when the line ends in
 * no literal; *ret_bad: looks like one, but its number is none.
 */
bool imap_parse_literal_head(
	struct str line, uint64_t *ret_size, bool *ret_non_sync, bool *ret_bad);

#endif
