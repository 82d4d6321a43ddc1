/* SPDX-License-Identifier: ISC */
/* Open addressing, linear probing, tombstones; grows at three quarters full. */
#include "base/map.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/random.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 16 };

struct slot {
	uint64_t hash;
	char *key;
	size_t key_len;
	void *value; /* NULL: free when key is NULL too, else a tombstone */
};

struct map {
	struct slot *slots;
	size_t size, used, live; /* size is a power of two; used counts tombstones */
	uint8_t secret[16];
};

static char tombstone[1];

struct map *map_new(void)
{
	struct map *map = mem_make(struct map);

	random_bytes(map->secret, sizeof(map->secret));
	map->size = FIRST_SLOTS;
	map->slots = mem_alloc(map->size * sizeof(*map->slots));
	return map;
}

static void free_key(struct slot *slot)
{
	if (slot->key != tombstone)
		free(slot->key);
}

void map_free(struct map **map)
{
	if (!*map)
		return;
	for (size_t i = 0; i < (*map)->size; i++)
		free_key(&(*map)->slots[i]);
	free((*map)->slots);
	free(*map);
	*map = NULL;
}

size_t map_count(const struct map *map)
{
	return map->live;
}

static struct slot *find(const struct map *map, struct str key, uint64_t hash)
{
	for (size_t i = hash & (map->size - 1); map->slots[i].key; i = (i + 1) & (map->size - 1)) {
		struct slot *s = &map->slots[i];

		if (s->value && s->hash == hash && str_equal(str_make(s->key, s->key_len), key))
			return s;
	}
	return NULL;
}

static void place(struct map *map, struct slot slot)
{
	size_t i = slot.hash & (map->size - 1);

	while (map->slots[i].key)
		i = (i + 1) & (map->size - 1);
	map->slots[i] = slot;
}

static void rehash(struct map *map)
{
	struct slot *old = map->slots;
	size_t old_size = map->size;

	while (map->size < (map->live + 1) * 2)
		map->size *= 2;
	map->slots = mem_alloc(map->size * sizeof(*map->slots));
	map->used = map->live;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].value)
			place(map, old[i]);
		else
			free_key(&old[i]);
	}
	free(old);
}

static uint64_t hash_of(const struct map *map, struct str key)
{
	return hash_sip(map->secret, key);
}

void *map_get(const struct map *map, struct str key)
{
	struct slot *s = find(map, key, hash_of(map, key));

	return s ? s->value : NULL;
}

void *map_put(struct map *map, struct str key, void *value)
{
	uint64_t hash = hash_of(map, key);
	struct slot *s = find(map, key, hash);

	if (s) {
		void *old = s->value;

		s->value = value;
		return old;
	}
	if ((map->used + 1) * 4 > map->size * 3)
		rehash(map);
	place(map, (struct slot){ hash, mem_dup(key), key.n, value });
	map->used++;
	map->live++;
	return NULL;
}

void *map_remove(struct map *map, struct str key)
{
	struct slot *s = find(map, key, hash_of(map, key));
	void *old = s ? s->value : NULL;

	if (s) {
		free(s->key);
		*s = (struct slot){ .key = tombstone };
		map->live--;
	}
	return old;
}

static struct str number_key(const uint64_t *key)
{
	return str_make(key, sizeof(*key));
}

void *map_get_u64(const struct map *map, uint64_t key)
{
	return map_get(map, number_key(&key));
}

void *map_put_u64(struct map *map, uint64_t key, void *value)
{
	return map_put(map, number_key(&key), value);
}

void *map_remove_u64(struct map *map, uint64_t key)
{
	return map_remove(map, number_key(&key));
}

void *map_next(const struct map *map, size_t *cursor, struct str *ret_key)
{
	while (*cursor < map->size) {
		struct slot *s = &map->slots[(*cursor)++];

		if (s->value) {
			if (ret_key)
				*ret_key = str_make(s->key, s->key_len);
			return s->value;
		}
	}
	return NULL;
}
