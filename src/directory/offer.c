/* SPDX-License-Identifier: ISC */
/* Changing what an offer holds; services on it have the new limits at once. */
#include "directory/own.h"

/* Numbers have 64 bits; the others are booleans. */
static const struct field {
	const char *name;
	size_t offset;
	bool is_number;
} FIELDS[] = {
#define FIELD(name) {#name, offsetof(struct directory_offer, name), sizeof(((struct directory_offer *)0)->name) == 8}
	FIELD(storage_bytes),
	FIELD(recipients_per_day),
	FIELD(redirect_targets),
	FIELD(redirect_addresses),
	FIELD(catch_all),
	FIELD(sieve),
	FIELD(restore_days),
#undef FIELD
};

static void set_field(struct directory_offer *offer, const struct field *field, uint64_t value)
{
	char *at = (char *)offer + field->offset;

	if (field->is_number)
		memcpy(at, &value, sizeof(value));
	else
		*(bool *)at = value != 0;
}

static json_int_t field_of(const struct directory_offer *offer, const struct field *field)
{
	const char *at = (const char *)offer + field->offset;
	uint64_t value;

	if (!field->is_number)
		return *(const bool *)at;
	memcpy(&value, at, sizeof(value));
	return (json_int_t)value;
}

static enum err find(struct directory *directory, struct str offer_name, struct str field_name,
	struct directory_offer **ret_offer, const struct field **ret_field)
{
	*ret_offer = NULL;
	*ret_field = NULL;
	for (size_t i = 0; i < directory->offer_count; i++)
		if (str_equal(str_of(directory->offers[i].name), offer_name))
			*ret_offer = &directory->offers[i];
	for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++)
		if (str_equal(str_of(FIELDS[i].name), field_name))
			*ret_field = &FIELDS[i];
	if (!*ret_offer)
		return directory_refuse(directory, ERR_NOT_FOUND, "there is no offer %.*s", STR_FMT(offer_name));
	return *ret_field ? OK
			  : directory_refuse(directory, ERR_SYNTAX,
				    "an offer has storage_bytes, recipients_per_day, redirect_targets, "
				    "redirect_addresses, catch_all, sieve and restore_days");
}

static enum err write_offer(
	struct directory *directory, const struct directory_change *by, const struct directory_offer *before,
	const struct directory_offer *after, const struct field *field)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_OFFER_UPDATE];

	SQL_BIND(st, SQL_TEXT(str_of(after->name)), SQL_I64(after->storage_bytes), SQL_I64(after->recipients_per_day),
		SQL_I64(after->redirect_targets), SQL_I64(after->redirect_addresses), SQL_I64(after->catch_all),
		SQL_I64(after->sieve), SQL_I64(after->restore_days));
	enum err e = sql_run(st);
	/* Of no organisation: of the host. */
	return e == OK ? directory_audit(directory, by, 0, "offer set", str_of(after->name),
				 json_pack("{s:I}", field->name, field_of(before, field)),
				 json_pack("{s:I}", field->name, field_of(after, field)))
		       : e;
}

enum err directory_offer_set(struct directory *directory, const struct directory_change *by, struct str offer_name,
	struct str field_name, int64_t value)
{
	struct directory_offer *offer, changed;
	const struct field *field;
	enum err e = find(directory, offer_name, field_name, &offer, &field);

	if (e == OK && (value < 0 || (!field->is_number && value > 1)))
		e = directory_refuse(directory, ERR_SYNTAX, "%s cannot be %lld", field->name, (long long)value);
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	changed = *offer;
	set_field(&changed, field, (uint64_t)value);
	e = directory_change_end(directory, write_offer(directory, by, offer, &changed, field));
	if (e == OK)
		*offer = changed;
	return e;
}
