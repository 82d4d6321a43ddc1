/* SPDX-License-Identifier: ISC */
/*
 * Which segments a round of compaction empties.
 */
#include "store/compact_local.h"

enum { SCAN_SLICE = 500 };
/* Live bytes moved in one round: its map of moved records is in memory. */
#define ROUND_BYTES (64ull << 20)

enum err compact_segments(struct store *store, struct live_segment **ret_rows, size_t *ret_n)
{
	struct sql_statement *st = ST(store, SEGMENT_LIST);
	VEC(struct live_segment) rows = { 0 };
	enum err e;

	while (sql_step(st, &e)) {
		struct live_segment s = { .row = { (uint32_t)sql_column_i64(st, 0), (uint64_t)sql_column_i64(st, 1),
			(enum segment_state)sql_column_i64(st, 2), (uint64_t)sql_column_i64(st, 3) } };

		vec_push(&rows, s);
	}
	/* The last one may be written to again. */
	if (rows.n)
		rows.n--;
	*ret_rows = rows.v;
	*ret_n = rows.n;
	return e;
}

static bool was_kept(const struct compaction *c, uint32_t number)
{
	for (size_t i = 0; i < c->kept.n; i++)
		if (c->kept.v[i] == number)
			return true;
	return false;
}

/* Its notes, which live on, counted as living. */
static bool is_candidate(const struct compaction *c, const struct live_segment *s)
{
	uint64_t live = s->live + s->notes;

	return s->row.state == SEGMENT_SEALED && !was_kept(c, s->row.number) && live < s->row.used &&
		(s->row.used - live) * 100 >= s->row.used * c->dead_percent;
}

/* A slice of one candidate's records.  True: it is through. */
static bool scan_notes(struct compaction *c, struct live_segment *s)
{
	struct record_header header;
	enum err e = OK;

	for (int n = 0; n < SCAN_SLICE; n++) {
		if (!segments_walk(c->store->segments, s->row.number, s->row.used, &c->scan_at, &header, &e))
			return true;
		if (header.type != RECORD_MESSAGE)
			s->notes += header.length;
	}
	return false;
}

/* The next candidate whose notes are not counted yet.  True: that was a slice of work. */
static bool scan_candidates(struct compaction *c)
{
	for (; c->victim < c->live.n; c->victim++, c->scan_at = 0) {
		struct live_segment *s = &c->live.v[c->victim];

		if (!is_candidate(c, s))
			continue;
		if (scan_notes(c, s)) {
			c->victim++;
			c->scan_at = 0;
		}
		return true;
	}
	return false;
}

/* The deadest first, until enough has to be moved. */
static size_t choose(struct compaction *c)
{
	uint64_t live = 0;
	size_t n = 0;

	for (;;) {
		struct live_segment *best = NULL;

		for (size_t i = 0; i < c->live.n; i++) {
			struct live_segment *s = &c->live.v[i];

			if (!s->is_victim && is_candidate(c, s) &&
				(!best || s->live + s->notes < best->live + best->notes))
				best = s;
		}
		if (!best || (n > 0 && live + best->live > ROUND_BYTES))
			return n;
		best->is_victim = true;
		live += best->live;
		n++;
	}
}

void compact_choose_some(struct compaction *c)
{
	if (scan_candidates(c))
		return;
	c->victim = 0;
	c->scan_at = 0;
	c->phase = choose(c) ? COMPACT_NOTES : COMPACT_OVER;
}
