/* SPDX-License-Identifier: ISC */
/*
 * Makes the rows of a shard again from what its log says: messages and notes, given in the order of the log.  Inside
 * one transaction of a store whose log is only read.
 *
 * A turn writes its messages before its notes.  Within an account the modseq tells the true order, so messages wait
 * until the notes that follow them are there.  What a turn wrote that was never committed stands in the log too; a
 * later record for the same UID takes the place of the earlier one.
 */
#ifndef STORE_REPLAY_H
#define STORE_REPLAY_H

#include "store/local.h"

struct replay_counts {
	uint64_t messages, notes;
	uint64_t lost;     /* records and notes that fit nothing: of folders that nobody made */
	uint64_t replaced; /* messages whose UID another record had */
};

struct replay;

struct replay *replay_new(struct store_tx *tx);
void replay_free(struct replay **replay);
/* One recipient of a message; entry is whole. */
MUST_CHECK enum err replay_message(
	struct replay *replay, uint64_t account, uint64_t folder, const struct store_entry *entry);
/* ERR_CORRUPT: the notes cannot be read. */
MUST_CHECK enum err replay_notes(struct replay *replay, struct str notes);
/* What still waits. */
MUST_CHECK enum err replay_end(struct replay *replay);
struct replay_counts replay_counts(const struct replay *replay);

#endif
