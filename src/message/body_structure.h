/* SPDX-License-Identifier: ISC */
/* BODYSTRUCTURE (RFC 3501 7.4.2) of a MIME tree.  Internal to message. */
#ifndef MESSAGE_BODY_STRUCTURE_H
#define MESSAGE_BODY_STRUCTURE_H

#include "base/vec.h"
#include "message/mime.h"

/* A stretch of BODYSTRUCTURE that BODY leaves out: the extension fields of one part. */
struct message_cut {
	size_t offset, size;
};

struct message_cuts {
	struct message_cut *v;
	size_t n, cap;
};

/* Appends the text; cuts are relative to its beginning and in order. */
void message_body_structure_add(const struct message_part *root, struct str raw,
	struct buf *out, struct message_cuts *cuts);

#endif
