/* SPDX-License-Identifier: ISC */
/* What differs between mail from other servers and from users: one row each, no test of the
 * port elsewhere. */
#ifndef SMTP_POLICY_H
#define SMTP_POLICY_H

#include "ipc/recipients.h"
#include "smtp/reply.h"
#include "smtp/server.h"

struct smtp_policy_row {
	enum smtp_policy policy;
	const char *name;            /* in logs, and the protocol of a login */
	bool needs_login;            /* else AUTH is refused */
	bool delays_greeting;        /* as long as options say */
	bool takes_any_hello;        /* RFC 6409 clients send what they like */
	bool is_lmtp; /* LHLO for EHLO, a reply for each recipient, and nothing is queued */
	unsigned path_flags;         /* enum message_path_flags */
	enum lookup_purpose purpose; /* of a recipient's look-up */
	enum inspect_kind inspect;
	enum smtp_reply not_local; /* to a recipient that is not ours */
};

extern const struct smtp_policy_row smtp_policies[SMTP_POLICIES];

#endif
