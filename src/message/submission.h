/* SPDX-License-Identifier: ISC */
/* What a submission server may change in a header (RFC 6409 8), and trace fields (RFC
 * 5321 4.4).  Pure. */
#ifndef MESSAGE_SUBMISSION_H
#define MESSAGE_SUBMISSION_H

#include "base/buf.h"

struct message_submission_options {
	int64_t now_s;       /* for a missing Date */
	struct str hostname; /* right side of a missing Message-ID */
	uint64_t random[2];  /* its left side */
};

/*
 * Appends the header block (header: up to and with its empty line) without Bcc and Resent-Bcc
 * and with Date and Message-ID added before the empty line where missing; every other byte as
 * it was.  *ret_changed: the result differs.  ERR_CONTENT, appending nothing, when there is no
 * From field with an address (RFC 5322 3.6).
 */
MUST_CHECK enum err message_submission_fix(struct str header,
	const struct message_submission_options *options, struct buf *ret_header,
	bool *ret_changed);
/*
 * Offset of the content behind the trace fields at its head (Return-Path, Delivered-To,
 * X-Original-To, Received, Received-SPF, Authentication-Results, X-Spam-*, ARC-*): two tries
 * of one delivery are the same from there on.
 */
size_t message_trace_strip(struct str content);

#endif
