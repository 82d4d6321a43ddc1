/* SPDX-License-Identifier: ISC */
/*
 * Expunging in slices: RFC 3501 6.4.3 removes messages, one by one if need be, so 100,000 need not be one turn in which
 * everybody else waits.
 */
#ifndef IMAP_EXPUNGE_H
#define IMAP_EXPUNGE_H

#include "imap/session_local.h"

struct imap_expunge {
	struct imap_job job;
	struct uidset *left;  /* still to go, below those of `slice` */
	struct uidset *slice; /* of this turn */
	struct uidset *gone;  /* in this turn */
	uint64_t expunged;    /* in all turns */
	enum imap_result (*finish)(struct imap_cmd *cmd, struct imap_expunge *expunge, enum err e);
};

/*
 * Those of uids (NULL: of the folder) that have \Deleted now.  finish replies; after an error some may have gone.  expunge is the
 * command's arena's.
 */
enum imap_result imap_expunge_start(struct imap_cmd *cmd, struct imap_expunge *expunge, const struct uidset *uids,
	enum imap_result (*finish)(struct imap_cmd *cmd, struct imap_expunge *expunge, enum err e));

#endif
