/* SPDX-License-Identifier: ISC */
/*
 * Makes the rows of a shard again from what its log says, event by event in their true order (store/events.h).  Inside a
 * transaction of a store whose log is only read.
 *
 * What a turn wrote that was never committed stands in the log too; a later record for the same UID takes the place of
 * the earlier one.  Records of messages that are gone may be missing: compaction drops them.
 */
#ifndef STORE_REPLAY_H
#define STORE_REPLAY_H

#include "store/events.h"

struct replay_counts {
	uint64_t messages, notes;
	uint64_t lost;     /* records and notes that fit nothing: of folders that nobody made */
	uint64_t replaced; /* messages whose UID another record had */
};

MUST_CHECK enum err replay_event(struct store_tx *tx, const struct event *event, struct replay_counts *counts);

#endif
