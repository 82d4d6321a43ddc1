/* SPDX-License-Identifier: ISC */
/*
 * Hash maps from bytes or from a number to a pointer.  Keys are hashed with SipHash under a random key of the
 * process, so a peer cannot choose collisions.  Byte keys are copied.  One thread.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map;

struct map *map_new(void);
/* Frees the map, not the values. */
void map_free(struct map **map);
size_t map_count(const struct map *map);
/* NULL when absent. */
void *map_get(const struct map *map, struct str key);
/* Returns the value it replaced, or NULL.  value is not NULL. */
void *map_put(struct map *map, struct str key, void *value);
/* Returns what was there, or NULL. */
void *map_remove(struct map *map, struct str key);
void *map_get_u64(const struct map *map, uint64_t key);
void *map_put_u64(struct map *map, uint64_t key, void *value);
void *map_remove_u64(struct map *map, uint64_t key);
/* Start with *cursor = 0; NULL at the end.  The map must not change meanwhile; map_remove of the returned one may. */
void *map_next(const struct map *map, size_t *cursor, struct str *ret_key);

#endif
