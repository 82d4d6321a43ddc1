/* SPDX-License-Identifier: ISC */
/* organisation, offer, service, domain, audit. */
#include "directory/command.h"

enum err directory_call_organisation(struct directory_call *call, int64_t *ret_organisation)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_ORGANISATION_BY_NAME];
	struct str name = directory_text(call, "organisation");

	SQL_BIND(st, SQL_TEXT(name));
	enum err e = sql_first(st);
	if (e == ERR_NOT_FOUND)
		return directory_refuse(
			call->directory, e, "there is no organisation %.*s", STR_FMT(name));
	if (e != OK)
		return e;
	*ret_organisation = sql_column_i64(st, 0);
	sql_reset(st);
	return OK;
}

enum err directory_cmd_organisation_add(struct directory_call *call)
{
	int64_t id;
	enum err e = directory_organisation_add(
		call->directory, call->by, directory_text(call, "name"), &id);

	if (e == OK)
		directory_put_number(call->reply, "organisation", id);
	return e;
}

enum err directory_cmd_organisation_list(struct directory_call *call)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_ORGANISATION_LIST];
	json_t *list = json_array();
	enum err e;

	SQL_BIND(st, SQL_I64(directory_number(call, "after", 0)),
		SQL_I64(directory_limit(call)));
	while (sql_step(st, &e)) {
		json_t *row = json_object();

		directory_put_number(row, "organisation", sql_column_i64(st, 0));
		directory_put_text(row, "name", sql_column_str(st, 1));
		directory_put_time(row, "created", sql_column_i64(st, 3));
		json_array_append_new(list, row);
	}
	json_object_set_new(call->reply, "organisations", list);
	return e;
}

enum err directory_cmd_offer_list(struct directory_call *call)
{
	json_t *list = json_array();

	for (size_t i = 0; i < call->directory->offer_count; i++) {
		const struct directory_offer *offer = &call->directory->offers[i];

		json_array_append_new(list,
			json_pack("{s:s,s:I,s:I,s:I,s:I,s:b,s:b,s:I,s:s}", "name", offer->name,
				"storage_bytes", (json_int_t)offer->storage_bytes,
				"recipients_per_day", (json_int_t)offer->recipients_per_day,
				"redirect_targets", (json_int_t)offer->redirect_targets,
				"redirect_addresses", (json_int_t)offer->redirect_addresses,
				"catch_all", (int)offer->catch_all, "sieve", (int)offer->sieve,
				"restore_days", (json_int_t)offer->restore_days, "notice",
				offer->notice));
	}
	json_object_set_new(call->reply, "offers", list);
	return OK;
}

enum err directory_cmd_service_add(struct directory_call *call)
{
	struct str offer = directory_text(call, "offer");
	int64_t organisation, id;
	enum err e = directory_call_organisation(call, &organisation);

	if (e == OK)
		e = directory_service_add(call->directory, call->by, organisation,
			directory_text(call, "domain"), offer.n > 0 ? offer : S("premium"),
			&id);
	if (e == OK)
		directory_put_number(call->reply, "service", id);
	return e;
}

enum err directory_cmd_service_list(struct directory_call *call)
{
	const struct directory_index *index = call->directory->index;
	int64_t organisation = 0, after = directory_number(call, "after", 0),
		left = directory_limit(call);
	enum err e = directory_text(call, "organisation").p != NULL
			     ? directory_call_organisation(call, &organisation)
			     : OK;

	if (e != OK)
		return e;
	json_t *list = json_array();
	for (uint32_t i = 0; i < directory_index_services(index) && left > 0; i++) {
		const struct directory_service *service = directory_index_service_at(index, i);

		if (service->id <= after ||
			(organisation != 0 && service->organisation != organisation))
			continue;
		json_t *row =
			json_pack("{s:I,s:I,s:s,s:s}", "service", (json_int_t)service->id,
				"organisation", (json_int_t)service->organisation, "domain",
				service->main_domain, "offer", service->offer->name);
		directory_put_time(row, "created", service->created);
		json_array_append_new(list, row);
		left--;
	}
	json_object_set_new(call->reply, "services", list);
	return OK;
}

enum err directory_cmd_domain_add(struct directory_call *call)
{
	return directory_domain_add(call->directory, call->by, directory_text(call, "service"),
		directory_text(call, "domain"));
}

enum err directory_cmd_domain_delete(struct directory_call *call)
{
	return directory_domain_delete(
		call->directory, call->by, directory_text(call, "domain"));
}

static enum err put_domains(struct directory_call *call, const struct directory_service *service)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_DOMAIN_LIST_OF];
	json_t *list = json_array();
	enum err e;

	SQL_BIND(st, SQL_I64(service->id));
	while (sql_step(st, &e)) {
		json_t *row = json_object();

		directory_put_text(row, "domain", sql_column_str(st, 0));
		json_object_set_new(row, "main", json_boolean(sql_column_i64(st, 1) != 0));
		directory_put_time(row, "created", sql_column_i64(st, 2));
		json_array_append_new(list, row);
	}
	json_object_set_new(call->reply, "domains", list);
	return e;
}

enum err directory_cmd_domain_list(struct directory_call *call)
{
	struct directory_service *service;
	enum err e = directory_find_service(
		call->directory, directory_text(call, "service"), &service);

	return e == OK ? put_domains(call, service) : e;
}

static void put_json(json_t *object, const char *key, struct str text)
{
	if (text.n > 0)
		json_object_set_new(object, key, json_loadb(text.p, text.n, 0, NULL));
}

enum err directory_cmd_audit_list(struct directory_call *call)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_AUDIT_LIST];
	int64_t organisation;
	enum err e = directory_call_organisation(call, &organisation);

	if (e != OK)
		return e;
	json_t *list = json_array();
	SQL_BIND(st, SQL_I64(organisation),
		SQL_I64(directory_number(call, "before", INT64_MAX)),
		SQL_I64(directory_limit(call)));
	while (sql_step(st, &e)) {
		json_t *row = json_object();

		directory_put_number(row, "number", sql_column_i64(st, 0));
		directory_put_time(row, "at", sql_column_i64(st, 1));
		directory_put_text(row, "actor", sql_column_str(st, 2));
		directory_put_text(row, "action", sql_column_str(st, 3));
		directory_put_text(row, "subject", sql_column_str(st, 4));
		put_json(row, "before", sql_column_str(st, 5));
		put_json(row, "after", sql_column_str(st, 6));
		json_array_append_new(list, row);
	}
	json_object_set_new(call->reply, "entries", list);
	return e;
}

enum err directory_put_settings(struct directory_call *call, const char *key, enum directory_scope scope, int64_t id)
{
	struct sql_statement *st = call->directory->st[DIRECTORY_SQL_SETTING_LIST];
	json_t *all = json_object();
	enum err e;

	SQL_BIND(st, SQL_I64(scope), SQL_I64(id));
	while (sql_step(st, &e)) {
		struct str name = sql_column_str(st, 0), value = sql_column_str(st, 1);

		json_object_setn_new(all, name.p, name.n, json_stringn(value.n ? value.p : "", value.n));
	}
	json_object_set_new(call->reply, key, all);
	return e;
}

enum err directory_cmd_service_set(struct directory_call *call)
{
	return directory_setting_set(call->directory, call->by, DIRECTORY_OF_SERVICE, directory_text(call, "service"),
		directory_text(call, "name"), directory_text(call, "value"));
}

enum err directory_cmd_offer_set(struct directory_call *call)
{
	return directory_offer_set(call->directory, call->by, directory_text(call, "offer"), directory_text(call, "field"),
		directory_number(call, "value", 0));
}

enum err directory_cmd_service_show(struct directory_call *call)
{
	struct directory_service *service;
	enum err e = directory_find_service(
		call->directory, directory_text(call, "service"), &service);

	if (e != OK)
		return e;
	directory_put_number(call->reply, "service", service->id);
	directory_put_number(call->reply, "organisation", service->organisation);
	directory_put_text(call->reply, "domain", str_of(service->main_domain));
	directory_put_text(call->reply, "offer", str_of(service->offer->name));
	directory_put_time(call->reply, "created", service->created);
	directory_put_number(call->reply, "mailboxes",
		(int64_t)(service->counts[DIRECTORY_REAL] + service->counts[DIRECTORY_CATCHALL]));
	directory_put_number(call->reply, "aliases", (int64_t)service->counts[DIRECTORY_ALIAS]);
	directory_put_number(call->reply, "redirect_only", (int64_t)service->counts[DIRECTORY_REDIRECT]);
	e = put_domains(call, service);
	return e == OK ? directory_put_settings(call, "settings", DIRECTORY_OF_SERVICE, service->id) : e;
}
