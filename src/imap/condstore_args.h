/* SPDX-License-Identifier: ISC */
/* What CONDSTORE and QRESYNC (RFC 7162) add to the arguments of SELECT, FETCH and STORE.  Pure. */
#ifndef IMAP_CONDSTORE_ARGS_H
#define IMAP_CONDSTORE_ARGS_H

#include "imap/seqset.h"

/* " (CONDSTORE)" or " (QRESYNC (uidvalidity modseq [known-uids [(seqs uids)]]))" behind the mailbox (3.1.8, 3.2.5). */
struct imap_select_params {
	bool condstore, qresync;
	bool has_known, has_match;
	uint32_t uidvalidity;
	uint64_t modseq;
	struct imap_seqset known; /* UIDs */
	struct imap_seqset match_seqs, match_uids;
};

/* " (CHANGEDSINCE modseq VANISHED)" behind the items of FETCH (3.1.4.1, 3.2.6). */
struct imap_fetch_modifiers {
	bool changed_since, vanished;
	uint64_t modseq;
};

/* None of them is all zero. */
MUST_CHECK enum err imap_select_params_parse(struct imap_parser *ps, struct imap_select_params *ret_params);
MUST_CHECK enum err imap_fetch_modifiers_parse(struct imap_parser *ps, struct imap_fetch_modifiers *ret_modifiers);
/* "(UNCHANGEDSINCE modseq) " before the item of STORE (3.1.3). */
MUST_CHECK enum err imap_unchanged_since_parse(struct imap_parser *ps, bool *ret_is_given, uint64_t *ret_modseq);

#endif
