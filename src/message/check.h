/* SPDX-License-Identifier: ISC */
/*
 * What must hold for every message, whatever its bytes: for tests and fuzz targets only.  A
 * violation prints what it is and aborts.  The reader of IMAP text here shares no code with
 * the writer.
 */
#ifndef MESSAGE_CHECK_H
#define MESSAGE_CHECK_H

#include "message/mime.h"
#include "message/structure.h"

/* Builds, opens and checks everything below; returns with the opened structure's blob in
 * *ret_blob. */
void message_check(struct str raw, struct arena *arena, struct buf *ret_blob);
/* One ENVELOPE, all of s. */
void message_check_envelope(struct str s);
/* One BODYSTRUCTURE, or BODY without `extended`, all of s, against the tree. */
void message_check_bodystructure(struct str s, const struct message_part *root, bool extended);

#define MESSAGE_CHECK(condition)                                                              \
	do {                                                                                  \
		if (!(condition))                                                             \
			message_check_failed(#condition, __FILE__, __LINE__);                 \
	} while (0)

_Noreturn void message_check_failed(const char *what, const char *file, int line);

#endif
