/* SPDX-License-Identifier: ISC */
/* The attributes of special-use mailboxes (RFC 6154 2).  Pure. */
#ifndef IMAP_SPECIAL_USE_H
#define IMAP_SPECIAL_USE_H

#include "imap/parse.h"
#include "store/store.h"

/* "\Drafts"; "" for an ordinary folder. */
const char *imap_special_use_word(enum store_special special);
/* "\Sent".  Uses that no folder here can have, such as \All, are told by *ret_special STORE_ORDINARY. */
MUST_CHECK enum err imap_special_use_parse(struct imap_parser *ps, enum store_special *ret_special);

#endif
