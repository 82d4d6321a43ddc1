/* SPDX-License-Identifier: ISC */
/* What SEARCH is to return: RETURN (...) of RFC 4731, and the reply in its form or that of RFC 3501.  Pure. */
#ifndef IMAP_SEARCH_RETURN_H
#define IMAP_SEARCH_RETURN_H

#include "imap/parse.h"
#include "store/uidset.h"

struct imap_search_return {
	bool is_extended; /* RETURN was given: the reply is ESEARCH */
	bool min, max, all, count;
};

/* "RETURN (MIN COUNT) " if it comes next.  "RETURN ()" asks for ALL (RFC 4731 3.1). */
MUST_CHECK enum err imap_search_return_parse(struct imap_parser *ps, struct imap_search_return *ret_what);
/* The first hit answers it. */
bool imap_search_return_wants_first_only(const struct imap_search_return *what);
/* The untagged line.  found holds UIDs when is_uid, else message numbers; modseq 0: not told (RFC 7162 3.1.5). */
void imap_search_return_write(const struct imap_search_return *what, struct str tag, bool is_uid,
	const struct uidset *found, uint64_t modseq, struct buf *out);

#endif
