/* SPDX-License-Identifier: ISC */
/* The recipients of one delivery on the wire, and enums that messages carry.  Pure. */
#ifndef IPC_RECIPIENTS_H
#define IPC_RECIPIENTS_H

#include "base/buf.h"

struct ipc_recipient {
	uint64_t account;
	uint32_t shard;
	uint64_t quota;     /* bytes, 0: none */
	struct str address; /* canonical, for Delivered-To */
	struct str detail;  /* plus addressing */
};

enum inspect_kind {
	INSPECT_INBOUND,    /* from another server: nothing is changed */
	INSPECT_SUBMISSION, /* Bcc stripped, Date and Message-ID added (RFC 6409 8) */
	INSPECT_APPEND,     /* by IMAP: nothing is changed or refused */
};

/* Why edge asks for an address (DIR_LOOKUP.purpose). */
enum lookup_purpose {
	LOOKUP_INBOUND,    /* RCPT from another server: ERR_RELAY_DENIED when the domain is not
			      ours */
	LOOKUP_SUBMISSION, /* RCPT from a user who logged in */
	LOOKUP_SENDER, /* MAIL from such a user: whose address it is, with alias and detail,
			  without catch-all */
};

enum session_protocol { SESSION_IMAP, SESSION_POP3, SESSION_NONE };

void ipc_recipient_add(struct buf *out, const struct ipc_recipient *recipient);
/*
 * Takes one off *list; false at the end, and with list->bad set when the bytes are malformed.
 */
bool ipc_recipient_next(struct rd *list, struct ipc_recipient *ret_recipient);

#endif
