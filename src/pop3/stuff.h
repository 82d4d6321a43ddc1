/* SPDX-License-Identifier: ISC */
/*
 * A message as a multi-line reply (RFC 1939 3): dots at the beginning of lines doubled, the last line ended, and for
 * TOP only the header and the first lines of the body.  Fed in pieces; pure.
 */
#ifndef POP3_STUFF_H
#define POP3_STUFF_H

#include "base/buf.h"

struct pop3_stuff {
	bool limited;        /* TOP: lines_left of the body are written */
	uint64_t lines_left;
	bool in_body;
	size_t column;       /* bytes of the line so far, its CR not counted */
	bool was_cr;
};

/* False: what is still to come is not wanted (TOP). */
bool pop3_stuff_add(struct pop3_stuff *stuff, struct str piece, struct buf *out);
/* Ends the last line and writes the dot. */
void pop3_stuff_end(struct pop3_stuff *stuff, struct buf *out);

#endif
