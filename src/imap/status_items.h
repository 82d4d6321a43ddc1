/* SPDX-License-Identifier: ISC */
/* What STATUS, and LIST with RETURN (STATUS (...)), tell of a mailbox (RFC 3501 6.3.10, RFC 5819). */
#ifndef IMAP_STATUS_ITEMS_H
#define IMAP_STATUS_ITEMS_H

#include "imap/session_local.h"

enum imap_status_item {
	IMAP_STATUS_MESSAGES,
	IMAP_STATUS_RECENT,
	IMAP_STATUS_UIDNEXT,
	IMAP_STATUS_UIDVALIDITY,
	IMAP_STATUS_UNSEEN,
	IMAP_STATUS_SIZE,        /* RFC 8438 */
	IMAP_STATUS_DELETED,     /* RFC 9051 */
	IMAP_STATUS_APPENDLIMIT, /* RFC 7889 */
	IMAP_STATUS_HIGHESTMODSEQ, /* RFC 7162 */
	IMAP_STATUS_MAILBOXID,   /* RFC 8474 */
	IMAP_STATUS_ITEMS
};

struct imap_status_items {
	bool wants[IMAP_STATUS_ITEMS];
};

/* "(MESSAGES UNSEEN)" */
MUST_CHECK enum err imap_status_items_parse(struct imap_parser *ps, struct imap_status_items *ret_items);
/* The untagged line.  name: as the client wrote it. */
MUST_CHECK enum err imap_status_write(struct imap_cmd *cmd, struct str name, const struct store_status *status,
	const struct imap_status_items *items);

#endif
