/* SPDX-License-Identifier: ISC */
/* Inside of compaction. */
#ifndef STORE_COMPACT_LOCAL_H
#define STORE_COMPACT_LOCAL_H

#include "store/compact.h"
#include "store/compact_live.h"
#include "store/local.h"

enum compact_phase {
	COMPACT_COUNT,  /* what still serves, over all entries */
	COMPACT_CHOOSE, /* victims */
	COMPACT_NOTES,  /* notes of victims to the log's end; folders with messages in them */
	COMPACT_CLOCKS, /* what the records of those folders will not say any more */
	COMPACT_MOVE,   /* over all entries: those in victims get another extent */
	COMPACT_DROP,
	COMPACT_OVER
};

/* A place in the walk over `chunk`, then `expunged`. */
struct compact_cursor {
	uint64_t account, folder, modseq, first_uid;
	bool in_expunged;
};

struct compact_folder {
	uint64_t account, folder;
};

struct compact_moved {
	struct store_extent from, to; /* slot 0 */
};

/* One slice that writes.  run() resets what stands below it; done() takes it over. */
struct compact_job {
	struct store_job job;
	struct compaction *own;
	char id[40];
	struct compact_cursor cursor; /* where it ended */
	bool at_end;
	uint32_t bad; /* the victim that cannot be read */
	uint64_t scan_at;
	size_t clock_at;
	uint64_t records, written;
	struct map *fresh; /* moved by this job */
	VEC(struct compact_moved) moved;
	VEC(struct compact_folder) folders;
};

struct compaction {
	struct store *store;
	uint32_t dead_percent;
	enum compact_phase phase;
	struct live live;
	struct compact_cursor cursor;
	size_t victim;    /* of live.v: at hand */
	uint64_t scan_at; /* in it */
	struct map *known_folders, *moved; /* by extent: struct compact_moved */
	struct arena *arena;
	VEC(struct compact_folder) folders;
	VEC(uint32_t) kept; /* numbers */
	size_t clock_at;
	unsigned passes;
	bool rewalk; /* an entry that refers to a victim was written anew */
	bool busy;
	struct compact_job job;
	struct store_compacted result;
};

static inline struct str compact_key(const struct store_extent *extent, uint64_t key[2])
{
	key[0] = extent->segment;
	key[1] = extent->offset;
	return str_make((const char *)key, 2 * sizeof(*key));
}

/* compact_choose.c: all segments but the last, which may be written to again; *ret_rows: malloc, also after an error. */
MUST_CHECK enum err compact_segments(struct store *store, struct live_segment **ret_rows, size_t *ret_n);
/* A slice of choosing: ends in another phase. */
void compact_choose_some(struct compaction *c);

/* compact_walk.c: run() of the jobs */
MUST_CHECK enum err compact_run_notes(struct store_job *job, struct store_tx *tx);
MUST_CHECK enum err compact_run_clocks(struct store_job *job, struct store_tx *tx);
MUST_CHECK enum err compact_run_move(struct store_job *job, struct store_tx *tx);
MUST_CHECK enum err compact_run_drop(struct store_job *job, struct store_tx *tx);
/* A slice of the walk that only counts.  *ret_end: that was all. */
MUST_CHECK enum err compact_count_some(struct compaction *c, bool *ret_end);

/* compact_move.c: the record of an extent once more; ERR_CORRUPT. */
MUST_CHECK enum err compact_move_record(
	struct compact_job *j, struct store_tx *tx, const struct store_extent *from, struct store_extent *ret_to);

#endif
