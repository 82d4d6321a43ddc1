/* SPDX-License-Identifier: ISC */
/*
 * The index of a shard, made again from its segment log: what is done when index.db is lost or damaged.  Nobody may
 * have the shard open.  Killed at any point it leaves the old index, or the whole new one.
 */
#ifndef STORE_REBUILD_H
#define STORE_REBUILD_H

#include "store/store.h"

struct store_rebuilt {
	bool from_copy; /* it began with index.db.backup; the counts are of what came since */
	uint64_t segments, records, messages, notes;
	uint64_t erased;   /* records of deleted accounts */
	uint64_t lost;     /* what fits no folder: of turns that were never committed */
	uint64_t replaced;
	uint64_t damaged;  /* segments whose records end before the file's marks say so, or that cannot be read */
};

/* dir: the shard's.  The old index.db stays as index.db.old.  ERR_NO_FOLDER: no such shard;
 * ERR_BUSY: somebody has it open. */
MUST_CHECK enum err store_rebuild_index(
	const char *dir, const struct store_options *options, struct store_rebuilt *ret_rebuilt);

/* There is mail in the log, but no index. */
bool store_has_lost_index(const char *dir);

#endif
