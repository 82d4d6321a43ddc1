/* SPDX-License-Identifier: ISC */
/*
 * What happens between the final dot and its reply: a table of steps, each of which sets the
 * next one.
 *
 *   INSPECT   inspect parses the content: structure, id, verdict
 *   VERDICT   refused by inspect, or looping (RFC 5321 6.3)
 *   EDIT      submission: the head of the content is replaced (Bcc, Date, Message-ID)
 *   DELIVER   one request to each shard concerned, all at once; wait for all
 *   SETTLE    what the shards said, per recipient
 *   QUEUE     recipients whose shard failed temporarily go to queue, durably
 *   ANSWER
 *
 * 250 when every recipient is done, queued, or permanently refused while another was accepted:
 * its refusal is logged, not bounced.  5xx when all refused.  4xx when somebody is neither
 * served nor in the queue; who was served keeps the message, and the delivery id keeps the
 * client's next attempt from doubling it.  LMTP: each recipient has a reply, and what a shard cannot take now is the
 * client's to send again: nothing is queued. A client that goes away meanwhile changes nothing:
 * its message is delivered or queued all the same (RFC 1047).
 */
#ifndef SMTP_TRANSACTION_H
#define SMTP_TRANSACTION_H

#include "smtp/session.h"

/* The session's envelope and body are complete; it is parked until the end resumes it. */
void smtp_transaction_begin(struct smtp_session *session);
/* NULL inside is fine. */
void smtp_transaction_free(struct smtp_transaction **transaction);

/* First 16 bytes of SHA-256(sender NUL Message-ID NUL content id). */
void smtp_delivery_id(
	struct str sender, struct str message_id, struct str content_id, uint8_t ret_id[16]);

#endif
