/* SPDX-License-Identifier: ISC */
/*
 * Compaction: segments that are mostly dead are emptied and removed, beside running mail.  What is still referred to is
 * written again at the end of the log, as it was; notes too, so that the index can still be made from the log alone.
 * Decision 0006.
 */
#ifndef STORE_COMPACT_H
#define STORE_COMPACT_H

#include "store/store.h"

struct store_compacted {
	uint64_t looked_at; /* segments */
	uint64_t removed;   /* segments that nothing refers to any more */
	uint64_t kept;      /* mostly dead, but damaged, or written by a version whose notes tell no order */
	uint64_t records;   /* messages written again */
	uint64_t written, freed; /* bytes */
	enum err error;     /* why it ended early */
};

/* Begins a run; no effect while there is one.  dead_percent: 1 .. 100, how much of a segment must be dead. */
void store_compact_start(struct store *store, uint32_t dead_percent);
/*
 * A slice of it (1-2 ms, or one job submitted).  False: no run, or it is over.  Call while no other jobs wait.
 */
bool store_compact_step(struct store *store);
/* Of the run at hand, or the last one. */
struct store_compacted store_compact_result(const struct store *store);
/*
 * Removes the files of segments that died more than compact_grace_s ago: a session may still be sending a message
 * from one.  At the start of a store all go.
 */
MUST_CHECK enum err store_compact_sweep(struct store *store);

#endif
