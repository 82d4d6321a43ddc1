/* SPDX-License-Identifier: ISC */
/* Message ids in header fields (RFC 5322 3.6.4).  Internal to message. */
#ifndef MESSAGE_IDS_H
#define MESSAGE_IDS_H

#include "base/str.h"

/* Takes the next "<id>" off *rest, without its brackets; ids with white space or above 998
 * bytes are none. */
bool message_ids_next(struct str *rest, struct str *ret_id);
/* The id of a Message-ID field: the first, or the whole value where the sender forgot the
 * brackets; else empty. */
struct str message_ids_own(struct str value);

#endif
