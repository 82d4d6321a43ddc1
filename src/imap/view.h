/* SPDX-License-Identifier: ISC */
/*
 * What one client knows of its mailbox: which UID each message sequence number means (RFC 3501 2.3.1.2), and up to
 * which modseq it was told of flags.  UIDs that follow each other are one run, so a large mailbox costs little.
 * Pure.
 */
#ifndef IMAP_VIEW_H
#define IMAP_VIEW_H

#include "store/uidset.h"

struct imap_view_run {
	uint32_t uid, seq; /* of its first message */
};

struct imap_view {
	struct imap_view_run *v;
	size_t n, cap;
	uint32_t count;      /* messages */
	uint32_t last_uid;   /* highest UID the client was told of, expunged since or not */
	uint64_t modseq;     /* changes up to here were told */
	uint32_t keywords;   /* of the folder, told by FLAGS */
};

void imap_view_done(struct imap_view *view);
/* UIDs, ascending, above last_uid. */
void imap_view_append(struct imap_view *view, const uint32_t *uids, size_t n);
/* 0: no such message. */
uint32_t imap_view_uid(const struct imap_view *view, uint32_t seq);
uint32_t imap_view_seq(const struct imap_view *view, uint32_t uid);
/* Adds the UIDs of messages with these numbers. */
void imap_view_uids(const struct imap_view *view, const struct uidset *seqs, struct uidset *uids);
/*
 * uids (n, ascending) are the messages left.  Takes out the others of the view; tell is called for each with the UID and the
 * number it has at that moment, as EXPUNGE wants it (RFC 3501 7.4.1).  Returns how many.
 */
uint32_t imap_view_expunge(struct imap_view *view, const uint32_t *uids, size_t n,
	void (*tell)(void *arg, uint32_t seq, uint32_t uid), void *arg);

#endif
