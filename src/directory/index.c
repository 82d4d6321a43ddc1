/* SPDX-License-Identifier: ISC */
#include "directory/index.h"

#include "base/hash.h"
#include "base/map.h"
#include "base/random.h"
#include "base/vec.h"

#include <assert.h>

enum { FIRST_SLOTS = 64, COMPACT_ABOVE = 1000 };

/* A slot is the upper half of the hash beside 1 + the entry's place; 0 is a free one. */
struct directory_index {
	VEC(struct directory_entry) entries;
	struct buf pool;
	uint64_t *slots;
	size_t slot_count; /* a power of two */
	size_t live;
	VEC(struct directory_service *) services;
	struct map *services_by_id, *domains;
	uint8_t secret[16];
};

static_assert(sizeof(struct directory_entry) == 32, "a million of them are kept");

struct directory_index *directory_index_new(void)
{
	struct directory_index *index = mem_make(struct directory_index);

	*index = (struct directory_index){
		.services_by_id = map_new(), .domains = map_new(), .slot_count = FIRST_SLOTS};
	index->slots = mem_alloc(FIRST_SLOTS * sizeof(*index->slots));
	random_bytes(index->secret, sizeof(index->secret));
	return index;
}

void directory_index_free(struct directory_index **index)
{
	if (*index == NULL)
		return;
	for (size_t i = 0; i < (*index)->services.n; i++) {
		free((*index)->services.v[i]->main_domain);
		free((*index)->services.v[i]);
	}
	vec_done(&(*index)->services);
	vec_done(&(*index)->entries);
	buf_done(&(*index)->pool);
	map_free(&(*index)->services_by_id);
	map_free(&(*index)->domains);
	free((*index)->slots);
	free(*index);
	*index = NULL;
}

struct directory_service *directory_index_add_service(
	struct directory_index *index, int64_t id, int64_t organisation)
{
	struct directory_service *service = mem_make(struct directory_service);

	*service = (struct directory_service){
		.id = id, .organisation = organisation, .number = (uint32_t)index->services.n,
		.retention = {-1, -1}};
	vec_push(&index->services, service);
	void *old = map_put_u64(index->services_by_id, (uint64_t)id, service);
	assert(old == NULL);
	return service;
}

struct directory_service *directory_index_service(
	const struct directory_index *index, int64_t id)
{
	return map_get_u64(index->services_by_id, (uint64_t)id);
}

struct directory_service *directory_index_service_at(
	const struct directory_index *index, uint32_t number)
{
	return index->services.v[number];
}

uint32_t directory_index_services(const struct directory_index *index)
{
	return (uint32_t)index->services.n;
}

void directory_index_add_domain(struct directory_index *index,
	struct directory_service *service, struct str name, bool is_main)
{
	void *old = map_put(index->domains, name, service);

	assert(old == NULL);
	if (is_main)
		service->main_domain = mem_dup(name);
}

void directory_index_remove_domain(struct directory_index *index, struct str name)
{
	map_remove(index->domains, name);
}

struct directory_service *directory_index_domain(
	const struct directory_index *index, struct str name)
{
	return map_get(index->domains, name);
}

size_t directory_index_domains(const struct directory_index *index)
{
	return map_count(index->domains);
}

struct str directory_index_local(
	const struct directory_index *index, const struct directory_entry *entry)
{
	return str_make(index->pool.p + entry->name, entry->name_n);
}

static uint64_t hash_of(
	const struct directory_index *index, uint32_t service, struct str local)
{
	char key[sizeof(service) + DIRECTORY_LOCAL_MAX];

	assert(local.n <= DIRECTORY_LOCAL_MAX);
	memcpy(key, &service, sizeof(service));
	memcpy(key + sizeof(service), local.p, local.n);
	return hash_sip(index->secret, str_make(key, sizeof(service) + local.n));
}

static void put_slot(struct directory_index *index, uint64_t hash, size_t place)
{
	size_t at = hash & (index->slot_count - 1);

	while (index->slots[at] != 0)
		at = (at + 1) & (index->slot_count - 1);
	index->slots[at] = (hash >> 32 << 32) | (place + 1);
}

static void build_slots(struct directory_index *index, size_t count)
{
	free(index->slots);
	index->slot_count = count;
	index->slots = mem_alloc(count * sizeof(*index->slots));
	for (size_t i = 0; i < index->entries.n; i++) {
		const struct directory_entry *entry = &index->entries.v[i];

		if (entry->kind != 0)
			put_slot(index,
				hash_of(index, entry->service,
					directory_index_local(index, entry)),
				i);
	}
}

/* At most three quarters full. */
static size_t slots_for(size_t entries)
{
	size_t count = FIRST_SLOTS;

	while (count / 4 * 3 < entries)
		count *= 2;
	return count;
}

/* The slot that holds the entry, or the free one where the search ends. */
static size_t find_slot(
	const struct directory_index *index, uint32_t service, struct str local)
{
	uint64_t hash = hash_of(index, service, local);
	size_t at = hash & (index->slot_count - 1);

	for (; index->slots[at] != 0; at = (at + 1) & (index->slot_count - 1)) {
		if (index->slots[at] >> 32 != hash >> 32)
			continue;
		const struct directory_entry *entry =
			&index->entries.v[(uint32_t)index->slots[at] - 1];
		if (entry->service == service &&
			str_equal(directory_index_local(index, entry), local))
			break;
	}
	return at;
}

struct directory_entry *directory_index_find(const struct directory_index *index,
	const struct directory_service *service, struct str local)
{
	if (local.n > DIRECTORY_LOCAL_MAX)
		return NULL;
	uint64_t slot = index->slots[find_slot(index, service->number, local)];
	return slot == 0 ? NULL : &index->entries.v[(uint32_t)slot - 1];
}

/* The first entry whose id is at least that. */
static size_t place_of(const struct directory_index *index, int64_t id)
{
	size_t low = 0, high = index->entries.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->entries.v[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct directory_entry *directory_index_find_id(
	const struct directory_index *index, int64_t id)
{
	size_t place = place_of(index, id);

	if (place == index->entries.n)
		return NULL;
	struct directory_entry *entry = &index->entries.v[place];
	return entry->id == id && entry->kind != 0 ? entry : NULL;
}

size_t directory_index_place_after(const struct directory_index *index, int64_t id)
{
	return id == INT64_MAX ? index->entries.n : place_of(index, id + 1);
}

const struct directory_entry *directory_index_at(const struct directory_index *index, size_t place)
{
	return place < index->entries.n ? &index->entries.v[place] : NULL;
}

void directory_index_reserve(struct directory_index *index, size_t n)
{
	vec_reserve(&index->entries, n);
}

static struct directory_entry *append(
	struct directory_index *index, struct directory_entry entry, struct str local)
{
	entry.name = (uint32_t)index->pool.n;
	entry.name_n = (uint8_t)local.n;
	assert(local.n > 0 && local.n <= DIRECTORY_LOCAL_MAX &&
		index->pool.n + local.n <= UINT32_MAX);
	buf_add(&index->pool, local);
	vec_push(&index->entries, entry);
	index->live++;
	index->services.v[entry.service]->counts[entry.kind]++;
	return &index->entries.v[index->entries.n - 1];
}

void directory_index_load(
	struct directory_index *index, struct directory_entry entry, struct str local)
{
	append(index, entry, local);
}

static int compare_ids(const void *a, const void *b)
{
	int64_t x = ((const struct directory_entry *)a)->id,
		y = ((const struct directory_entry *)b)->id;

	return (x > y) - (x < y);
}

void directory_index_loaded(struct directory_index *index)
{
	bool sorted = true;

	for (size_t i = 1; i < index->entries.n && sorted; i++)
		sorted = index->entries.v[i - 1].id < index->entries.v[i].id;
	if (!sorted)
		qsort(index->entries.v, index->entries.n, sizeof(*index->entries.v),
			compare_ids);
	build_slots(index, slots_for(index->live));
}

void directory_index_add(
	struct directory_index *index, struct directory_entry entry, struct str local)
{
	assert(index->entries.n == 0 || index->entries.v[index->entries.n - 1].id < entry.id);
	append(index, entry, local);
	if (index->live > index->slot_count / 4 * 3)
		build_slots(index, index->slot_count * 2);
	else
		put_slot(index, hash_of(index, entry.service, local), index->entries.n - 1);
}

static uint64_t slot_home(const struct directory_index *index, size_t at)
{
	const struct directory_entry *entry =
		&index->entries.v[(uint32_t)index->slots[at] - 1];

	return hash_of(index, entry->service, directory_index_local(index, entry)) &
	       (index->slot_count - 1);
}

/* Moves later slots of the run up, so that no search ends early (Knuth 6.4, algorithm R). */
static void free_slot(struct directory_index *index, size_t hole)
{
	size_t mask = index->slot_count - 1;

	for (size_t at = (hole + 1) & mask; index->slots[at] != 0; at = (at + 1) & mask) {
		if (((at - slot_home(index, at)) & mask) < ((at - hole) & mask))
			continue;
		index->slots[hole] = index->slots[at];
		hole = at;
	}
	index->slots[hole] = 0;
}

static void compact(struct directory_index *index)
{
	struct buf pool = {0};
	size_t n = 0;

	for (size_t i = 0; i < index->entries.n; i++) {
		struct directory_entry entry = index->entries.v[i];
		struct str local = directory_index_local(index, &entry);

		if (entry.kind == 0)
			continue;
		entry.name = (uint32_t)pool.n;
		buf_add(&pool, local);
		index->entries.v[n++] = entry;
	}
	index->entries.n = n;
	buf_done(&index->pool);
	index->pool = pool;
	build_slots(index, slots_for(n));
}

void directory_index_remove(struct directory_index *index, int64_t id)
{
	struct directory_entry *entry = directory_index_find_id(index, id);

	assert(entry != NULL);
	free_slot(
		index, find_slot(index, entry->service, directory_index_local(index, entry)));
	index->services.v[entry->service]->counts[entry->kind]--;
	entry->kind = 0;
	index->live--;
	if (index->entries.n - index->live > index->live / 2 + COMPACT_ABOVE)
		compact(index);
}

size_t directory_index_count(const struct directory_index *index)
{
	return index->live;
}

size_t directory_index_bytes(const struct directory_index *index)
{
	return index->entries.cap * sizeof(*index->entries.v) + index->pool.cap +
	       index->slot_count * sizeof(*index->slots);
}
