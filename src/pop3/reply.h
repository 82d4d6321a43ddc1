/* SPDX-License-Identifier: ISC */
/* What POP3 before and after login have in common: lines, capabilities, refusals (RFC 1939, 2449, 3206).  Pure. */
#ifndef POP3_REPLY_H
#define POP3_REPLY_H

#include "base/buf.h"
#include "base/err.h"

enum {
	POP3_LINE_MAX = 12 << 10, /* a SASL response may be long (RFC 5034 4) */
	POP3_INPUT_MAX = 64 << 10,
	POP3_ERRORS_MAX = 50, /* refused commands in a row */
};

/* A line of a client, taken apart. */
struct pop3_line {
	struct str verb, args; /* args: all behind the first space */
};

/*
 * The first line of input without its end (CRLF, or LF alone); *ret_taken: its bytes with it, 0 when it is not
 * complete.
 */
struct str pop3_line_of(struct str input, size_t *ret_taken);
struct pop3_line pop3_line_split(struct str line);
/* One number from 1 on, up to 2^32-1; false when there is none. */
bool pop3_take_number(struct str *args, uint32_t *ret_number);

/* "-ERR [AUTH] wrong user name or password" and its end. */
void pop3_write_error(enum err e, struct buf *out);
/* The reply to CAPA. */
struct pop3_offer {
	bool before_login, stls, auth, has_tls;
};
void pop3_write_capabilities(const struct pop3_offer *offer, struct buf *out);

#endif
