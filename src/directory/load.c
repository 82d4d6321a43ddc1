/* SPDX-License-Identifier: ISC */
/* From the database to memory, at start. */
#include "directory/own.h"

#include "base/vec.h"

#include <stdio.h>

static void copy_text(char *to, size_t size, struct str s)
{
	snprintf(to, size, "%.*s", STR_FMT(s));
}

static enum err load_offers(struct directory *directory)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_OFFER_LIST];
	VEC(struct directory_offer) offers = {0};
	enum err e;

	while (sql_step(st, &e)) {
		struct directory_offer offer = {
			.storage_bytes = (uint64_t)sql_column_i64(st, 1),
			.recipients_per_day = sql_column_i64(st, 2),
			.redirect_targets = sql_column_i64(st, 3),
			.redirect_addresses = sql_column_i64(st, 4),
			.catch_all = sql_column_i64(st, 5) != 0,
			.sieve = sql_column_i64(st, 6) != 0,
			.restore_days = sql_column_i64(st, 7),
		};
		copy_text(offer.name, sizeof(offer.name), sql_column_str(st, 0));
		copy_text(offer.notice, sizeof(offer.notice), sql_column_str(st, 8));
		vec_push(&offers, offer);
	}
	directory->offers = offers.v;
	directory->offer_count = offers.n;
	return e;
}

static const struct directory_offer *offer_named(
	const struct directory *directory, struct str name)
{
	for (size_t i = 0; i < directory->offer_count; i++)
		if (str_equal(str_of(directory->offers[i].name), name))
			return &directory->offers[i];
	return NULL;
}

static enum err load_services(struct directory *directory)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_SERVICE_LIST];
	bool complete = true;
	enum err e;

	while (sql_step(st, &e)) {
		struct directory_service *service = directory_index_add_service(
			directory->index, sql_column_i64(st, 1), sql_column_i64(st, 0));

		service->offer = offer_named(directory, sql_column_str(st, 2));
		service->created = sql_column_i64(st, 4);
		complete &= service->offer != NULL;
	}
	return e == OK && !complete ? ERR_CORRUPT : e;
}

static enum err load_domains(struct directory *directory)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DOMAIN_LIST];
	bool complete = true;
	enum err e;

	while (sql_step(st, &e)) {
		struct directory_service *service =
			directory_index_service(directory->index, sql_column_i64(st, 0));

		if (service != NULL)
			directory_index_add_domain(directory->index, service,
				sql_column_str(st, 1), sql_column_i64(st, 2) != 0);
		else
			complete = false;
	}
	for (uint32_t i = 0; i < directory_index_services(directory->index); i++)
		complete &=
			directory_index_service_at(directory->index, i)->main_domain != NULL;
	return e == OK && !complete ? ERR_CORRUPT : e;
}

static bool load_address(struct directory *directory, const struct sql_statement *st)
{
	struct directory_service *service =
		directory_index_service(directory->index, sql_column_i64(st, 0));
	struct str local = sql_column_str(st, 2);
	int64_t kind = sql_column_i64(st, 3);

	if (service == NULL || local.n == 0 || local.n > DIRECTORY_LOCAL_MAX ||
		kind < DIRECTORY_REAL || kind > DIRECTORY_CATCHALL)
		return false;
	struct directory_entry entry = {.id = sql_column_i64(st, 1),
		.service = service->number,
		.target_or_quota = sql_column_is_null(st, 7) ? DIRECTORY_NO_QUOTA_OVERRIDE
							     : sql_column_i64(st, 7),
		.shard = (uint16_t)sql_column_i64(st, 5),
		.kind = (uint8_t)kind & 7,
		.enabled = sql_column_i64(st, 6) != 0};
	if (kind == DIRECTORY_ALIAS)
		entry.target_or_quota = sql_column_i64(st, 4);
	if (kind == DIRECTORY_CATCHALL)
		service->catch_all = entry.id;
	directory_index_load(directory->index, entry, local);
	return true;
}

static enum err read_count(struct sql_statement *st, uint64_t *ret_count)
{
	enum err e = sql_first(st);

	if (e != OK)
		return e;
	*ret_count = (uint64_t)sql_column_i64(st, 0);
	sql_reset(st);
	return OK;
}

static enum err load_addresses(struct directory *directory)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_ADDRESS_LOAD];
	bool complete = true;
	uint64_t count;
	enum err e = read_count(directory->st[DIRECTORY_SQL_ADDRESS_COUNT], &count);

	if (e != OK)
		return e;
	directory_index_reserve(directory->index, count);
	while (sql_step(st, &e))
		complete &= load_address(directory, st);
	directory_index_loaded(directory->index);
	return e == OK && !complete ? ERR_CORRUPT : e;
}

enum err directory_load(struct directory *directory)
{
	enum err e = load_offers(directory);

	if (e == OK)
		e = load_services(directory);
	if (e == OK)
		e = load_domains(directory);
	if (e == OK)
		e = load_addresses(directory);
	if (e == OK)
		e = directory_redirects_load(directory);
	if (e == OK)
		e = directory_settings_load(directory);
	if (e == OK)
		e = read_count(directory->st[DIRECTORY_SQL_DEVICE_CHOSEN_COUNT],
			&directory->chosen_devices);
	return e;
}
