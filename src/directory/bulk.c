/* SPDX-License-Identifier: ISC */
/*
 * Many addresses with one password, in one transaction.  Argon2id and SCRAM keys are computed once: all
 * devices share their salts, which tells an attacker only that their passwords are the same, as
 * they are.
 */
#include "directory/own.h"

#include "base/random.h"
#include "base/vec.h"
#include "directory/password.h"

#include <sodium.h>

struct bulk {
	const struct directory_change *by;
	struct directory_service *service;
	struct directory_verifier verifier;
	uint8_t salt[DIRECTORY_SALT_BYTES];
	struct str before, after; /* of the number, in the local part */
	uint32_t first, count;
	int64_t account, device; /* the first of each */
};

static enum err parse_pattern(
	struct directory *directory, struct str pattern, struct bulk *bulk)
{
	ptrdiff_t at = str_rindex(pattern, '@'), percent = str_index(pattern, '%');

	if (at < 0 || percent < 0 || percent > at)
		return directory_refuse(
			directory, ERR_BAD_ADDRESS, "the pattern needs a %% before the @");
	bulk->before = str_sub(pattern, 0, (size_t)percent);
	bulk->after = str_sub(pattern, (size_t)percent + 1, (size_t)(at - percent - 1));
	return directory_find_service(
		directory, str_from(pattern, (size_t)at + 1), &bulk->service);
}

static enum err name_of(struct directory *directory, const struct bulk *bulk, uint32_t i,
	struct directory_name *ret_name)
{
	struct buf address = BUF_MAX(DIRECTORY_ADDRESS_MAX);

	buf_add(&address, bulk->before);
	buf_add_u64(&address, (uint64_t)bulk->first + i);
	buf_add(&address, bulk->after);
	buf_addc(&address, '@');
	buf_adds(&address, bulk->service->main_domain);
	enum err e = address.overflow ? ERR_BAD_ADDRESS
				      : directory_name_parse_new(buf_str(&address), ret_name);
	if (e != OK)
		directory_refuse(directory, e, "%.*s is not an address that can be made",
			STR_FMT(buf_str(&address)));
	else if (directory_index_find(directory->index, bulk->service,
			 directory_name_local(ret_name)) != NULL)
		e = directory_refuse(directory, ERR_EXISTS, "address %.*s exists already",
			STR_FMT(buf_str(&address)));
	buf_done(&address);
	return e;
}

static struct directory_entry entry_of(
	const struct directory *directory, const struct bulk *bulk, uint32_t i)
{
	int64_t id = bulk->account + i;

	return (struct directory_entry){.id = id,
		.service = bulk->service->number,
		.target_or_quota = DIRECTORY_NO_QUOTA_OVERRIDE,
		.kind = DIRECTORY_REAL,
		.enabled = 1,
		.shard = (uint16_t)((uint64_t)id % directory->options.shards)};
}

static enum err insert_one(struct directory *directory, const struct bulk *bulk, uint32_t i)
{
	const struct directory_device device = {.name = S("bulk"), .icon = STR_NONE};
	struct directory_entry entry = entry_of(directory, bulk, i);
	struct directory_name name;
	char subject[DIRECTORY_ADDRESS_MAX + 1];
	enum err e = name_of(directory, bulk, i, &name);

	if (e == OK)
		e = directory_insert_address(directory, bulk->by, bulk->service, &entry,
			directory_name_local(&name), str_make(bulk->salt, sizeof(bulk->salt)));
	if (e == OK)
		e = directory_insert_device(directory, entry.id, bulk->device + i, &device,
			&bulk->verifier, bulk->by->now_ms);
	if (e != OK)
		return e;
	int n = snprintf(subject, sizeof(subject), "%.*s@%s",
		STR_FMT(directory_name_local(&name)), bulk->service->main_domain);
	return directory_audit(directory, bulk->by, bulk->service->organisation, "address add",
		str_make(subject, (size_t)n), NULL,
		json_pack("{s:I,s:s,s:I}", "account", (json_int_t)entry.id, "kind", "real",
			"device", (json_int_t)(bulk->device + i)));
}

static enum err insert_all(struct directory *directory, struct bulk *bulk)
{
	enum err e = directory_take_ids(directory, "account", bulk->count, &bulk->account);

	if (e == OK)
		e = directory_take_ids(directory, "device", bulk->count, &bulk->device);
	for (uint32_t i = 0; i < bulk->count && e == OK; i++)
		e = insert_one(directory, bulk, i);
	return e;
}

static void remember_all(struct directory *directory, const struct bulk *bulk)
{
	struct directory_name name;

	for (uint32_t i = 0; i < bulk->count; i++)
		if (name_of(directory, bulk, i, &name) == OK)
			directory_index_add(directory->index, entry_of(directory, bulk, i),
				directory_name_local(&name));
	directory->chosen_devices += bulk->count;
}

enum err directory_bulk_add(struct directory *directory, const struct directory_change *by,
	uint32_t count, uint32_t first, struct str pattern, struct str password)
{
	struct bulk bulk = {.by = by, .first = first, .count = count};
	enum err e = parse_pattern(directory, pattern, &bulk);

	random_bytes(bulk.salt, sizeof(bulk.salt));

	if (e == OK && count > directory->options.bulk_max)
		e = directory_refuse(directory, ERR_LIMIT, "at most %u addresses at once",
			directory->options.bulk_max);
	if (e == OK && count > 0)
		e = directory_choose_verifier(directory, password, str_make(bulk.salt, sizeof(bulk.salt)),
			directory->options.scram_iterations, &bulk.verifier);
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	e = directory_change_end(directory, insert_all(directory, &bulk));
	if (e == OK)
		remember_all(directory, &bulk);
	return e;
}
