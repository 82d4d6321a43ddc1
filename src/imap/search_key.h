/* SPDX-License-Identifier: ISC */
/* What SEARCH looks for (RFC 3501 6.4.4): a tree of tests.  Pure; memory is the arena's. */
#ifndef IMAP_SEARCH_KEY_H
#define IMAP_SEARCH_KEY_H

#include "imap/seqset.h"

enum { IMAP_SEARCH_DEPTH_MAX = 32, IMAP_SEARCH_KEYS_MAX = 5000 };

enum imap_search_test {
	IMAP_SEARCH_ALL,
	IMAP_SEARCH_FLAG,
	IMAP_SEARCH_KEYWORD,
	IMAP_SEARCH_RECENT,
	IMAP_SEARCH_NEW,
	IMAP_SEARCH_BEFORE,
	IMAP_SEARCH_ON,
	IMAP_SEARCH_SINCE,
	IMAP_SEARCH_SENTBEFORE,
	IMAP_SEARCH_SENTON,
	IMAP_SEARCH_SENTSINCE,
	IMAP_SEARCH_LARGER,
	IMAP_SEARCH_SMALLER,
	IMAP_SEARCH_HEADER,
	IMAP_SEARCH_BODY,
	IMAP_SEARCH_TEXT,
	IMAP_SEARCH_OLDER, /* size: seconds */
	IMAP_SEARCH_YOUNGER,
	IMAP_SEARCH_SAVEDBEFORE,
	IMAP_SEARCH_SAVEDON,
	IMAP_SEARCH_SAVEDSINCE,
	IMAP_SEARCH_EMAILID, /* text */
	IMAP_SEARCH_THREADID,
	IMAP_SEARCH_MODSEQ, /* size */
	IMAP_SEARCH_UID,
	IMAP_SEARCH_SEQ, /* a bare sequence set */
	IMAP_SEARCH_NOT,
	IMAP_SEARCH_OR,
	IMAP_SEARCH_AND, /* keys in parentheses */
};

struct imap_search_key {
	enum imap_search_test test;
	const char *name;
	struct imap_search_key *next, *child; /* child: of NOT (one), OR (two), AND (any) */
	unsigned flag;                        /* FLAG */
	bool wanted;                          /* FLAG, KEYWORD, RECENT: set or not set */
	struct str text, field;               /* text: also the keyword */
	int64_t days;                         /* since 1970 */
	uint64_t size;
	struct imap_seqset set;
	struct uidset resolved;               /* the searcher's: UID and SEQ as UIDs */
	uint64_t bits;                        /* the searcher's: KEYWORD in this folder */
};

/* "[CHARSET name] key key ...", up to the end.  root is an AND.  An unknown charset is ERR_BAD_CHARSET. */
MUST_CHECK enum err imap_search_parse(struct imap_parser *ps, struct imap_search_key **ret_root);
/* The keys of an AND root, as a client would write them. */
void imap_search_write(const struct imap_search_key *root, struct buf *out);

#endif
