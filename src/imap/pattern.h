/* SPDX-License-Identifier: ISC */
/* Patterns of LIST (RFC 3501 6.3.8): "*" is anything, "%" anything but the separator "/".  Pure. */
#ifndef IMAP_PATTERN_H
#define IMAP_PATTERN_H

#include "base/str.h"

/* Both UTF-8.  The first level matches INBOX in any case.  Time is at most the product of the lengths. */
bool imap_pattern_matches(struct str pattern, struct str name);

#endif
