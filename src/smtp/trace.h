/* SPDX-License-Identifier: ISC */
/* The Received field that a message gets here (RFC 5321 4.4).  Pure. */
#ifndef SMTP_TRACE_H
#define SMTP_TRACE_H

#include "base/buf.h"

struct smtp_received {
	struct str hello;          /* what the client called itself; anything */
	struct str ip;             /* "192.0.2.1" or "2001:db8::1"; empty: not known */
	struct str hostname;       /* ours */
	struct str tls;            /* "TLS1.3 ..."; empty: in clear */
	struct str only_recipient; /* empty when there are several: they must not learn of each
				      other */
	bool is_esmtp, is_authenticated, is_lmtp;
	uint64_t trace;
	int64_t time_s;
};

/* Appends whole lines, the last CR LF included. */
void smtp_received_add(struct buf *out, const struct smtp_received *received);

#endif
