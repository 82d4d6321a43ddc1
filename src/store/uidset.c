/* SPDX-License-Identifier: ISC */
#include "store/uidset.h"

#include <assert.h>

void uidset_done(struct uidset *set)
{
	vec_done(set);
}

void uidset_clear(struct uidset *set)
{
	set->n = 0;
}

/* Index of the first range that ends at uid or later. */
static size_t find_range(const struct uidset *set, uint32_t uid)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->v[middle].last < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Makes v[from .. to) the `put` ranges at p. */
static void replace_ranges(struct uidset *set, size_t from, size_t to, const struct uid_range *p, size_t put)
{
	size_t tail = set->n - to;

	if (put > to - from)
		vec_reserve(set, put - (to - from));
	if (tail)
		memmove(set->v + from + put, set->v + to, tail * sizeof(*p));
	if (put)
		memcpy(set->v + from, p, put * sizeof(*p));
	set->n = from + put + tail;
}

void uidset_add_range(struct uidset *set, uint32_t first, uint32_t last)
{
	struct uid_range range = { first, last };
	size_t from, to;

	assert(first >= 1 && first <= last);
	if (set->n > 0 && set->v[set->n - 1].first <= first && set->v[set->n - 1].last >= first - 1) {
		if (last > set->v[set->n - 1].last)
			set->v[set->n - 1].last = last;
		return;
	}
	from = set->n > 0 && set->v[set->n - 1].last < first - 1 ? set->n : find_range(set, first - 1);
	for (to = from; to < set->n && (last == UINT32_MAX || set->v[to].first <= last + 1); to++) {
		range.first = set->v[to].first < range.first ? set->v[to].first : range.first;
		range.last = set->v[to].last > range.last ? set->v[to].last : range.last;
	}
	replace_ranges(set, from, to, &range, 1);
}

void uidset_add(struct uidset *set, uint32_t uid)
{
	uidset_add_range(set, uid, uid);
}

void uidset_add_set(struct uidset *set, const struct uidset *other)
{
	for (size_t i = 0; i < other->n; i++)
		uidset_add_range(set, other->v[i].first, other->v[i].last);
}

void uidset_remove_range(struct uidset *set, uint32_t first, uint32_t last)
{
	struct uid_range keep[2];
	size_t kept = 0, from = find_range(set, first), to = from;

	assert(first >= 1 && first <= last);
	for (; to < set->n && set->v[to].first <= last; to++) {
		if (set->v[to].first < first)
			keep[kept++] = (struct uid_range){ set->v[to].first, first - 1 };
		if (set->v[to].last > last)
			keep[kept++] = (struct uid_range){ last + 1, set->v[to].last };
	}
	if (to > from)
		replace_ranges(set, from, to, keep, kept);
}

/* Puts what was made in place of the set. */
static void take(struct uidset *set, struct uidset *made)
{
	free(set->v);
	*set = *made;
}

void uidset_remove_set(struct uidset *set, const struct uidset *other)
{
	struct uidset left = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < set->n; i++) {
		uint64_t first = set->v[i].first, last = set->v[i].last;

		while (at < other->n && other->v[at].last < first)
			at++;
		for (size_t k = at; k < other->n && other->v[k].first <= last; k++) {
			if (other->v[k].first > first)
				uidset_add_range(&left, (uint32_t)first, other->v[k].first - 1);
			first = (uint64_t)other->v[k].last + 1;
		}
		if (first <= last)
			uidset_add_range(&left, (uint32_t)first, (uint32_t)last);
	}
	take(set, &left);
}

void uidset_keep(struct uidset *set, const struct uidset *other)
{
	struct uidset both = { 0 };

	for (size_t i = 0, k = 0; i < set->n && k < other->n;) {
		struct uid_range a = set->v[i], b = other->v[k];
		uint32_t first = a.first > b.first ? a.first : b.first, last = a.last < b.last ? a.last : b.last;

		if (first <= last)
			uidset_add_range(&both, first, last);
		if (a.last < b.last)
			i++;
		else
			k++;
	}
	take(set, &both);
}

void uidset_copy(struct uidset *set, const struct uidset *other)
{
	set->n = 0;
	replace_ranges(set, 0, 0, other->v, other->n);
}

bool uidset_has(const struct uidset *set, uint32_t uid)
{
	size_t i = find_range(set, uid);

	return i < set->n && set->v[i].first <= uid;
}

bool uidset_equal(const struct uidset *a, const struct uidset *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0);
}

uint64_t uidset_count(const struct uidset *set)
{
	uint64_t count = 0;

	for (size_t i = 0; i < set->n; i++)
		count += (uint64_t)set->v[i].last - set->v[i].first + 1;
	return count;
}

uint32_t uidset_at_least(const struct uidset *set, uint32_t uid)
{
	size_t i = find_range(set, uid);

	if (i == set->n)
		return 0;
	return set->v[i].first > uid ? set->v[i].first : uid;
}

uint32_t uidset_place(const struct uidset *set, uint32_t uid)
{
	uint64_t before = 0;

	for (size_t i = 0; i < set->n && set->v[i].first <= uid; i++) {
		if (uid <= set->v[i].last)
			return (uint32_t)(before + uid - set->v[i].first + 1);
		before += (uint64_t)set->v[i].last - set->v[i].first + 1;
	}
	return 0;
}

uint32_t uidset_nth(const struct uidset *set, uint32_t place)
{
	uint64_t left = place;

	for (size_t i = 0; place > 0 && i < set->n; i++) {
		uint64_t here = (uint64_t)set->v[i].last - set->v[i].first + 1;

		if (left <= here)
			return (uint32_t)(set->v[i].first + left - 1);
		left -= here;
	}
	return 0;
}

uint32_t uidset_min(const struct uidset *set)
{
	return set->n > 0 ? set->v[0].first : 0;
}

uint32_t uidset_max(const struct uidset *set)
{
	return set->n > 0 ? set->v[set->n - 1].last : 0;
}

uint32_t uidset_next(const struct uidset *set, uint32_t after)
{
	return after == UINT32_MAX ? 0 : uidset_at_least(set, after + 1);
}
