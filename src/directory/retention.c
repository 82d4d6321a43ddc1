/* SPDX-License-Identifier: ISC */
/* For how long Trash and Spam of each account keep their messages, where that was set for it or its service. */
#include "directory/own.h"

enum { SCAN_MAX = 50000 /* addresses looked at for one answer */ };

static const struct directory_retention NONE = {-1, -1};

static int32_t days_of(struct str value)
{
	uint32_t days;

	return value.n > 0 && str_to_u32(value, &days) == OK ? (int32_t)days : -1;
}

static bool set(struct directory_retention *retention, struct str name, struct str value)
{
	if (str_equal(name, S("trash-retention")))
		retention->trash_days = days_of(value);
	else if (str_equal(name, S("spam-retention")))
		retention->spam_days = days_of(value);
	else
		return false;
	return true;
}

void directory_retention_of_service(struct directory_service *service, struct str name, struct str value)
{
	set(&service->retention, name, value);
}

void directory_retention_of_address(struct directory *directory, int64_t address, struct str name, struct str value)
{
	struct directory_retention *old = map_get_u64(directory->retention, (uint64_t)address), changed = old ? *old : NONE;

	if (!set(&changed, name, value))
		return;
	if (changed.trash_days < 0 && changed.spam_days < 0) {
		directory_retention_forget(directory, address);
		return;
	}
	if (!old) {
		old = mem_make(struct directory_retention);
		map_put_u64(directory->retention, (uint64_t)address, old);
	}
	*old = changed;
}

void directory_retention_forget(struct directory *directory, int64_t address)
{
	free(map_remove_u64(directory->retention, (uint64_t)address));
}

void directory_retention_free(struct directory *directory)
{
	struct str key;
	size_t cursor = 0;

	for (void *one; (one = map_next(directory->retention, &cursor, &key)) != NULL;)
		free(one);
	map_free(&directory->retention);
}

static bool find_rule(
	const struct directory *directory, const struct directory_entry *entry, struct directory_retention_rule *ret_rule)
{
	const struct directory_retention *own = map_get_u64(directory->retention, (uint64_t)entry->id);
	struct directory_retention all = directory_index_service_at(directory->index, entry->service)->retention;

	own = own ? own : &NONE;
	*ret_rule = (struct directory_retention_rule){.account = entry->id,
		.trash_days = own->trash_days >= 0 ? own->trash_days : all.trash_days,
		.spam_days = own->spam_days >= 0 ? own->spam_days : all.spam_days};
	return ret_rule->trash_days >= 0 || ret_rule->spam_days >= 0;
}

size_t directory_retention_rules(const struct directory *directory, int64_t after,
	struct directory_retention_rule *ret_rules, size_t max, int64_t *ret_until)
{
	size_t place = directory_index_place_after(directory->index, after), n = 0;
	const struct directory_entry *entry = NULL;

	*ret_until = after;
	for (size_t i = 0; i < SCAN_MAX && n < max; i++) {
		entry = directory_index_at(directory->index, place + i);
		if (!entry)
			break;
		*ret_until = entry->id;
		/* Of any shard: an account that is being moved may be on two. */
		if ((entry->kind == DIRECTORY_REAL || entry->kind == DIRECTORY_CATCHALL) &&
			find_rule(directory, entry, &ret_rules[n]))
			n++;
	}
	if (!entry)
		*ret_until = INT64_MAX;
	return n;
}
