/* SPDX-License-Identifier: ISC */
/*
 * Services, domains and addresses in memory, compact: an entry is 32 bytes, its local part
 * stands once in a pool, its hash slot takes 8.  Entries lie in the order of their ids, which
 * only grow.  Pointers to entries are good until the next add or remove.
 */
#ifndef DIRECTORY_INDEX_H
#define DIRECTORY_INDEX_H

#include "directory/directory.h"

struct directory_index;

struct directory_offer {
	char name[32], notice[16];
	uint64_t storage_bytes; /* 0: no limit */
	int64_t recipients_per_day, redirect_targets, redirect_addresses, restore_days;
	bool catch_all, sieve;
};

struct directory_retention {
	int32_t trash_days, spam_days; /* -1: not set */
};

struct directory_service {
	int64_t id, organisation, created;
	const struct directory_offer *offer;
	int64_t catch_all; /* account, 0: none */
	char *main_domain; /* NULL until it is added */
	uint32_t number;   /* of this run of the program */
	bool in_maintenance;
	struct directory_retention retention;
	size_t counts[DIRECTORY_CATCHALL + 1]; /* addresses by kind */
};

#define DIRECTORY_NO_QUOTA_OVERRIDE INT64_MIN

struct directory_entry {
	int64_t id;
	int64_t target_or_quota; /* alias: the account; mailbox: the override of its quota */
	uint32_t service;        /* its number */
	uint32_t name;           /* offset in the pool */
	uint16_t shard;
	uint8_t name_n;
	uint8_t kind : 3, enabled : 1; /* kind 0: removed */
};

struct directory_index *directory_index_new(void);
void directory_index_free(struct directory_index **index);

/* The index owns the service and returns it. */
struct directory_service *directory_index_add_service(
	struct directory_index *index, int64_t id, int64_t organisation);
struct directory_service *directory_index_service(
	const struct directory_index *index, int64_t id);
struct directory_service *directory_index_service_at(
	const struct directory_index *index, uint32_t number);
uint32_t directory_index_services(const struct directory_index *index);
void directory_index_add_domain(struct directory_index *index,
	struct directory_service *service, struct str name, bool is_main);
void directory_index_remove_domain(struct directory_index *index, struct str name);
/* The service a domain belongs to, or NULL.  name is in the compared form. */
struct directory_service *directory_index_domain(
	const struct directory_index *index, struct str name);
size_t directory_index_domains(const struct directory_index *index);

/* Before n adds at start; then adds in any order, then sort.  Later adds have growing ids. */
void directory_index_reserve(struct directory_index *index, size_t n);
void directory_index_load(
	struct directory_index *index, struct directory_entry entry, struct str local);
void directory_index_loaded(struct directory_index *index);
/* entry.name and .name_n are filled in.  The local part must not exist in the service. */
void directory_index_add(
	struct directory_index *index, struct directory_entry entry, struct str local);
void directory_index_remove(struct directory_index *index, int64_t id);
struct directory_entry *directory_index_find(const struct directory_index *index,
	const struct directory_service *service, struct str local);
struct directory_entry *directory_index_find_id(
	const struct directory_index *index, int64_t id);
/* Where entries with a higher id begin; entries at places, NULL behind the last; removed ones have kind 0. */
size_t directory_index_place_after(const struct directory_index *index, int64_t id);
const struct directory_entry *directory_index_at(const struct directory_index *index, size_t place);
struct str directory_index_local(
	const struct directory_index *index, const struct directory_entry *entry);
size_t directory_index_count(const struct directory_index *index);
size_t directory_index_bytes(const struct directory_index *index);

#endif
