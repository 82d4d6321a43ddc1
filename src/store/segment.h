/* SPDX-License-Identifier: ISC */
/*
 * The segment log of a shard: records are appended in turns, synced, read by extent.  The caller keeps the rows of
 * the `segment` table (segments_rows) in the same transaction as what refers to the records.
 *
 * A segment in which a write or sync failed is never written again; the turn fails and its rerun uses another one.
 * Shard's thread only.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "store/os.h"
#include "store/record.h"
#include "store/store.h"

struct segments;
struct worker;

enum segment_state {
	SEGMENT_OPEN = 1,
	SEGMENT_SEALED = 2,
	SEGMENT_CLEAN = 3,
	SEGMENT_DEAD = 4, /* nothing refers to it any more; the file goes when nobody can still be reading it */
};

struct segment_row {
	uint32_t number;
	uint64_t id;
	enum segment_state state;
	uint64_t used;
};

/*
 * last: the newest row of the table, NULL when there is none.  Goes on in a segment that was closed cleanly; any
 * other is sealed where its records end.  segments_rows() has what must be committed before the first append.
 */
MUST_CHECK enum err segments_open(const char *dir, uint64_t segment_bytes, const struct store_os *os,
	struct worker *worker, const struct segment_row *last, struct segments **ret_log);
/* ret_row: to be written as the last thing; state SEGMENT_CLEAN.  False: there is nothing to say. */
bool segments_finish(struct segments *log, struct segment_row *ret_row);
void segments_close(struct segments **log);

/*
 * Content and head's strings stay unchanged until segments_sync().  Fills header, checksums and ret_extent (slot 0).
 * After an error the turn must be given up with segments_abort().
 */
MUST_CHECK enum err segments_append(struct segments *log, struct record_head *head,
	const struct store_content *content, struct store_extent *ret_extent);
/* Writes what is pending; durable when `durable`. */
MUST_CHECK enum err segments_sync(struct segments *log, bool durable);
/* Rows to put in this transaction. */
const struct segment_row *segments_rows(struct segments *log, size_t *ret_n);
/* The transaction stands; or not. */
void segments_committed(struct segments *log);
void segments_abort(struct segments *log);

/*
 * Overwrites what a record holds, all but its first RECORD_HEADER_BYTES, by which a scan of the log passes over it; one
 * with more than one recipient is left alone.  Durable after the next fsync of the file: the caller may ask again.
 */
MUST_CHECK enum err segments_erase(struct segments *log, const struct store_extent *extent);
/* ERR_CORRUPT: no such segment, a foreign file, or past its end. */
MUST_CHECK enum err segments_read(struct segments *log, uint32_t number, uint64_t offset, void *p, size_t n);
/* A descriptor of its file, until the next call. */
MUST_CHECK enum err segments_descriptor(struct segments *log, uint32_t number, int *ret_fd);
/* Removes the file of a sealed segment for good; one that is gone already is fine. */
MUST_CHECK enum err segments_remove(struct segments *log, uint32_t number);
/* Where the next record goes: everything before is of older segments.  0: none is open. */
uint32_t segments_open_number(const struct segments *log);

/*
 * Walks the records of a segment: the header of the one at *at, which begins at 0; *at becomes the next one's place.  False: there is none, or
 * *ret_error.
 */
bool segments_walk(struct segments *log, uint32_t number, uint64_t used, uint64_t *at, struct record_header *ret_header,
	enum err *ret_error);
/* The head of the record that `header` is of, in the arena.  ERR_CORRUPT; *ret_erased then: it has been erased. */
MUST_CHECK enum err segments_read_head(struct segments *log, uint32_t number, const struct record_header *header,
	struct arena *arena, struct record_head *ret_head, bool *ret_erased);
/* Whole content of a record, at most 64 MiB, verified. */
MUST_CHECK enum err segments_read_content(struct segments *log, uint32_t number, const struct record_head *head,
	struct arena *arena, struct str *ret_content);
MUST_CHECK enum err segments_id(struct segments *log, uint32_t number, uint64_t *ret_id);

#endif
