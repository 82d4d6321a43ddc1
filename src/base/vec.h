/* SPDX-License-Identifier: ISC */
/*
 * Typed growable arrays: struct { T *v; size_t n, cap; }.  Growth cannot fail; bound n yourself where a peer
 * chooses it.  All zero is a valid empty one.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/arena.h"

#include <stdlib.h>

#define VEC(type) \
	struct { \
		type *v; \
		size_t n, cap; \
	}

#define vec_push(vec, item) \
	do { \
		vec_reserve((vec), 1); \
		(vec)->v[(vec)->n++] = (item); \
	} while (0)

#define vec_reserve(vec, more) \
	do { \
		if ((vec)->n + (more) > (vec)->cap) { \
			(vec)->cap = (vec)->n + (more) > 2 * (vec)->cap ? (vec)->n + (more) : 2 * (vec)->cap; \
			(vec)->cap = (vec)->cap < 8 ? 8 : (vec)->cap; \
			(vec)->v = mem_grow((vec)->v, arena_array_size((vec)->cap, sizeof(*(vec)->v))); \
		} \
	} while (0)

#define vec_done(vec) \
	do { \
		free((vec)->v); \
		(vec)->v = NULL; \
		(vec)->n = (vec)->cap = 0; \
	} while (0)

#endif
