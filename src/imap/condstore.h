/* SPDX-License-Identifier: ISC */
/* What a session does for CONDSTORE and QRESYNC (RFC 7162). */
#ifndef IMAP_CONDSTORE_H
#define IMAP_CONDSTORE_H

#include "imap/condstore_args.h"
#include "imap/session_local.h"

/* From now on changes are told with MODSEQ (3.1), with QRESYNC also with UIDs and as VANISHED (3.2). */
void imap_condstore_enable(struct imap_session *s);
void imap_qresync_enable(struct imap_session *s);
/* "tag OK [HIGHESTMODSEQ n] text" when messages were expunged and the client keeps modseqs (3.2.7). */
enum imap_result imap_reply_expunged(struct imap_cmd *cmd, bool any, const char *text);
/* Takes out the messages that did not change after modseq. */
void imap_keep_changed(const struct store_index *index, uint64_t modseq, struct uidset *uids);
/*
 * "* VANISHED (EARLIER)" of what was expunged after modseq, of these UIDs (NULL: all).  When the store has forgotten
 * some: all that is not there, but for UIDs up to `sure`, of which the client knows already (3.2.5.2).
 */
MUST_CHECK enum err imap_tell_vanished(
	struct imap_cmd *cmd, uint64_t modseq, const struct uidset *among, uint32_t sure);
/* The last UID up to which the client's messages are those of the mailbox, by the pairs it named; 0: none. */
MUST_CHECK enum err imap_match_known(
	struct imap_cmd *cmd, const struct imap_select_params *params, uint32_t *ret_sure);

#endif
