/* SPDX-License-Identifier: ISC */
/*
 * Sets of message numbers (UIDs, or sequence numbers): sorted ranges that neither overlap nor touch.  All zero is
 * the empty set.  Growth cannot fail: bound what a peer may send.  Pure; one thread a set.
 */
#ifndef STORE_UIDSET_H
#define STORE_UIDSET_H

#include "base/vec.h"

struct uid_range {
	uint32_t first, last; /* both belong to it; 1 <= first <= last */
};

struct uidset {
	struct uid_range *v;
	size_t n, cap; /* ranges */
};

void uidset_done(struct uidset *set);
/* Empty; keeps the memory. */
void uidset_clear(struct uidset *set);
/* In any order; adding in ascending order costs O(1). */
void uidset_add(struct uidset *set, uint32_t uid);
void uidset_add_range(struct uidset *set, uint32_t first, uint32_t last);
void uidset_add_set(struct uidset *set, const struct uidset *other);
void uidset_remove_range(struct uidset *set, uint32_t first, uint32_t last);
void uidset_remove_set(struct uidset *set, const struct uidset *other);
/* Only what is in other too. */
void uidset_keep(struct uidset *set, const struct uidset *other);
void uidset_copy(struct uidset *set, const struct uidset *other);
bool uidset_has(const struct uidset *set, uint32_t uid);
bool uidset_equal(const struct uidset *a, const struct uidset *b);
/* Numbers in it, not ranges. */
uint64_t uidset_count(const struct uidset *set);
/* The smallest member >= uid, or 0. */
uint32_t uidset_at_least(const struct uidset *set, uint32_t uid);
/* Its place from 1 on in ascending order, or 0 when absent; the member at a place, or 0.  O(ranges). */
uint32_t uidset_place(const struct uidset *set, uint32_t uid);
uint32_t uidset_nth(const struct uidset *set, uint32_t place);
/* 0 when empty. */
uint32_t uidset_min(const struct uidset *set);
uint32_t uidset_max(const struct uidset *set);

/* for (uint32_t uid = 0; (uid = uidset_next(set, uid)) != 0;) */
uint32_t uidset_next(const struct uidset *set, uint32_t after);

#endif
