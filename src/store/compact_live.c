/* SPDX-License-Identifier: ISC */
#include "store/compact_live.h"

#include "base/arena.h"

#include <stdlib.h>

enum { SHIFT_MIN = 6 };

static uint64_t bits_of(const struct live *live, const struct live_segment *s)
{
	return (s->row.used >> live->shift) + 1;
}

static uint64_t lay_out(struct live *live)
{
	uint64_t at = 0;

	for (size_t i = 0; i < live->n; i++) {
		live->v[i].first_bit = at;
		at += bits_of(live, &live->v[i]);
	}
	return at;
}

void live_init(struct live *live, struct live_segment *rows, size_t n)
{
	uint64_t bits;

	*live = (struct live){ .v = rows, .n = n, .shift = SHIFT_MIN };
	while ((bits = lay_out(live)) > 8ull * LIVE_BYTES_MAX && live->shift < 40)
		live->shift++;
	live->bits = mem_alloc((size_t)(bits / 64 + 1) * sizeof(uint64_t));
}

void live_done(struct live *live)
{
	free(live->v);
	free(live->bits);
	*live = (struct live){ 0 };
}

struct live_segment *live_find(const struct live *live, uint32_t number)
{
	size_t low = 0, high = live->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (live->v[middle].row.number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < live->n && live->v[low].row.number == number ? &live->v[low] : NULL;
}

void live_mark(struct live *live, const struct store_extent *extent)
{
	struct live_segment *s = live_find(live, extent->segment);
	uint64_t first = extent->offset >> live->shift, last = (extent->offset + extent->length - 1) >> live->shift;

	if (!s || extent->length == 0)
		return;
	/* A record that was written after the segments were listed is not counted. */
	last = last < bits_of(live, s) ? last : bits_of(live, s) - 1;
	for (uint64_t bit = s->first_bit + first; first <= last; first++, bit++)
		live->bits[bit / 64] |= 1ull << (bit % 64);
}

void live_count(struct live *live)
{
	for (size_t i = 0; i < live->n; i++) {
		struct live_segment *s = &live->v[i];
		uint64_t end = s->first_bit + bits_of(live, s), count = 0;

		for (uint64_t bit = s->first_bit; bit < end; bit++)
			count += live->bits[bit / 64] >> (bit % 64) & 1;
		s->live = count << live->shift;
	}
}
