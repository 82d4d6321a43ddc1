/* SPDX-License-Identifier: ISC */
/* Sequence sets as clients write them (RFC 3501 9: "2,4:7,9,12:*").  Pure; memory is the parser's arena. */
#ifndef IMAP_SEQSET_H
#define IMAP_SEQSET_H

#include "imap/parse.h"
#include "store/uidset.h"

/* 0 stands for "*". */
struct imap_seq_range {
	uint32_t first, last;
};

struct imap_seqset {
	const struct imap_seq_range *v;
	size_t n;
};

MUST_CHECK enum err imap_seqset_parse(struct imap_parser *ps, struct imap_seqset *ret_set);
void imap_seqset_write(const struct imap_seqset *set, struct buf *out);
/*
 * Adds the numbers meant to *out, "*" being star (0: there is none, so "*" and what it bounds add nothing).
 */
void imap_seqset_resolve(
	const struct imap_seqset *set, uint32_t star, struct arena *arena, struct uidset *out);
/* Writes a set of UIDs: "1:3,7". */
void imap_write_uidset(const struct uidset *set, struct buf *out);

#endif
