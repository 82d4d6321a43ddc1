/* SPDX-License-Identifier: ISC */
/* What FETCH asks for (RFC 3501 6.4.5): macros, items, sections, partial ranges.  Pure; memory is the arena's. */
#ifndef IMAP_FETCH_ATT_H
#define IMAP_FETCH_ATT_H

#include "imap/parse.h"

enum { IMAP_FETCH_ATTS_MAX = 100, IMAP_FETCH_NAMES_MAX = 400 };

enum imap_fetch_kind {
	IMAP_FETCH_FLAGS,
	IMAP_FETCH_UID,
	IMAP_FETCH_INTERNALDATE,
	IMAP_FETCH_SIZE,
	IMAP_FETCH_MODSEQ,   /* RFC 7162 */
	IMAP_FETCH_SAVEDATE, /* RFC 8514 */
	IMAP_FETCH_EMAILID,  /* RFC 8474 */
	IMAP_FETCH_THREADID,
	IMAP_FETCH_PREVIEW, /* RFC 8970 */
	IMAP_FETCH_ENVELOPE,
	IMAP_FETCH_BODY,          /* without a section */
	IMAP_FETCH_BODYSTRUCTURE,
	IMAP_FETCH_SECTION,       /* BODY[...] */
	IMAP_FETCH_RFC822,        /* RFC822, RFC822.HEADER and RFC822.TEXT: sections with another name */
	IMAP_FETCH_RFC822_HEADER,
	IMAP_FETCH_RFC822_TEXT,
};

enum imap_fetch_fields { IMAP_FIELDS_ALL, IMAP_FIELDS_ONLY, IMAP_FIELDS_NOT };

struct imap_fetch_att {
	enum imap_fetch_kind kind;
	struct str section; /* upper case, as message_structure_section() takes it: "", "1.2.HEADER" */
	enum imap_fetch_fields fields; /* HEADER.FIELDS: section ends in HEADER */
	const struct str *names;
	size_t names_n;
	bool peek;
	bool partial;
	uint64_t offset, count;
};

struct imap_fetch_atts {
	struct imap_fetch_att *v;
	size_t n;
};

/* A macro, one item, or items in parentheses. */
MUST_CHECK enum err imap_fetch_atts_parse(struct imap_parser *ps, struct imap_fetch_atts *ret_atts);
/* As a client would write it. */
void imap_fetch_atts_write(const struct imap_fetch_atts *atts, struct buf *out);
/* The name of one item as it stands in the reply: "BODY[1.MIME]<0>". */
void imap_fetch_att_write_name(const struct imap_fetch_att *att, struct buf *out);
/* True when it needs the message's bytes or structure, not only its index. */
bool imap_fetch_att_needs_message(const struct imap_fetch_att *att);
/* True when fetching it sets \Seen. */
bool imap_fetch_att_sets_seen(const struct imap_fetch_att *att);

#endif
