/* SPDX-License-Identifier: ISC */
/*
 * Reply lines (RFC 5321 4.2): "code[ enhanced] text", one table, no other reply text in this
 * module.  Pure. Whatever stands in an argument, a reply stays one printable line of at most
 * 512 octets.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/buf.h"

enum smtp_reply {
#define SMTP_REPLY(name, code, text) SMTP_REPLY_##name,
#include "smtp/replies.def"
#undef SMTP_REPLY
	SMTP_REPLIES
};

enum { SMTP_REPLY_MAX = 512 }; /* RFC 5321 4.5.3.1.5, CR LF included */

/* "550 5.7.1" */
const char *smtp_reply_code(enum smtp_reply reply);
/* One line; {} in the row's text becomes arg. */
void smtp_reply_add(struct buf *out, enum smtp_reply reply, struct str arg);
/* "550 5.1.1 <about>: no such user here", or, about being empty, "451 4.3.2 Busy, try again".
 */
void smtp_reply_add_error(struct buf *out, enum err e, struct str about);
/* code with a text that comes from elsewhere (the verdict of inspect): "554 5.6.0 text". */
void smtp_reply_add_text(struct buf *out, const char *code, struct str text);
/* One line of several: "250-text" or, the last, "250 text". */
void smtp_reply_add_part(struct buf *out, struct str code, struct str text, bool is_last);

#endif
