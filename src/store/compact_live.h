/* SPDX-License-Identifier: ISC */
/*
 * Which parts of the segments still serve: a bit for each few bytes of the log, as coarse as a bound on memory asks.  Pure.
 */
#ifndef STORE_COMPACT_LIVE_H
#define STORE_COMPACT_LIVE_H

#include "base/err.h"
#include "store/segment.h"

#include <stddef.h>

enum { LIVE_BYTES_MAX = 16 << 20 };

struct live_segment {
	struct segment_row row;
	uint64_t first_bit;
	uint64_t live;  /* bytes, rounded up; set by live_count() */
	uint64_t notes; /* bytes of records that are no messages */
	bool is_victim;
};

struct live {
	struct live_segment *v; /* ascending by number */
	size_t n;
	unsigned shift; /* a bit is for 1 << shift bytes */
	uint64_t *bits;
};

/* Takes over rows (malloc), whose `row` is filled in. */
void live_init(struct live *live, struct live_segment *rows, size_t n);
void live_done(struct live *live);
/* NULL: not one of them. */
struct live_segment *live_find(const struct live *live, uint32_t number);
void live_mark(struct live *live, const struct store_extent *extent);
/* Sets `live` of each segment. */
void live_count(struct live *live);

#endif
