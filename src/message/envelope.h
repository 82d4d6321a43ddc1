/* SPDX-License-Identifier: ISC */
/* ENVELOPE (RFC 3501 7.4.2) of a header.  Internal to message. */
#ifndef MESSAGE_ENVELOPE_H
#define MESSAGE_ENVELOPE_H

#include "base/arena.h"
#include "base/buf.h"

/* Raw values of the fields that matter; p is NULL when absent.  Of a repeated field the first.
 */
struct message_envelope {
	struct str date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id;
	struct str references; /* not part of ENVELOPE */
	uint32_t received;     /* how many */
};

/* Where the parts of an envelope lie that a reader may have to repeat. */
struct message_envelope_text {
	size_t from, sender, reply_to, rest,
		end; /* offsets in the buffer; each begins with a space */
	bool sender_is_from, reply_to_is_from; /* then nothing is written for it */
};

void message_envelope_read(struct str header, struct message_envelope *ret_envelope);
/* Appends "(date subject from", sender and reply-to where they differ from it, " to ... id)".
 */
void message_envelope_write(const struct message_envelope *e, struct arena *arena,
	struct buf *out, struct message_envelope_text *ret_text);
/* Appends the whole. */
void message_envelope_add(
	const struct message_envelope *e, struct arena *arena, struct buf *out);

#endif
