/* SPDX-License-Identifier: ISC */
/* Organisations, services and domains. */
#include "directory/own.h"

static enum err insert_organisation(struct directory *directory,
	const struct directory_change *by, struct str name, int64_t *ret_organisation)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_ORGANISATION_ADD];
	enum err e = directory_take_ids(directory, "organisation", 1, ret_organisation);

	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(*ret_organisation), SQL_TEXT(name), SQL_I64(by->now_ms));
	e = sql_run(st);
	if (e == ERR_EXISTS)
		return directory_refuse(
			directory, e, "organisation %.*s exists already", STR_FMT(name));
	if (e != OK)
		return e;
	return directory_audit(
		directory, by, *ret_organisation, "organisation add", name, NULL, NULL);
}

enum err directory_organisation_add(struct directory *directory,
	const struct directory_change *by, struct str name, int64_t *ret_organisation)
{
	int64_t id = 0;
	enum err e = directory_check_name(directory, "the name of an organisation", name);

	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	e = directory_change_end(directory, insert_organisation(directory, by, name, &id));
	if (e == OK)
		*ret_organisation = id;
	return e;
}

static const struct directory_offer *find_offer(
	const struct directory *directory, struct str name)
{
	for (size_t i = 0; i < directory->offer_count; i++)
		if (str_equal(str_of(directory->offers[i].name), name))
			return &directory->offers[i];
	return NULL;
}

static enum err check_organisation(struct directory *directory, int64_t organisation)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_ORGANISATION_BY_ID];

	SQL_BIND(st, SQL_I64(organisation));
	enum err e = sql_first(st);
	if (e == ERR_NOT_FOUND)
		return directory_refuse(directory, e, "there is no organisation %lld",
			(long long)organisation);
	sql_reset(st);
	return e;
}

/* A new domain in its compared form; ERR_EXISTS when it is served here. */
static enum err take_domain(
	struct directory *directory, struct str domain, char *bytes, struct str *ret_name)
{
	size_t n;

	if (directory_domain_parse_new(domain, bytes, &n) != OK)
		return directory_refuse(
			directory, ERR_BAD_ADDRESS, "%.*s is not a domain", STR_FMT(domain));
	*ret_name = str_make(bytes, n);
	if (directory_index_domain(directory->index, *ret_name) != NULL)
		return directory_refuse(directory, ERR_EXISTS, "domain %.*s exists already",
			STR_FMT(*ret_name));
	return OK;
}

static enum err insert_domain(struct directory *directory, const struct directory_change *by,
	int64_t service, struct str name, bool is_main)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DOMAIN_ADD];

	SQL_BIND(st, SQL_I64(service), SQL_TEXT(name), SQL_I64(is_main), SQL_I64(by->now_ms));
	return sql_run(st);
}

static enum err insert_service(struct directory *directory, const struct directory_change *by,
	int64_t organisation, struct str domain, const struct directory_offer *offer,
	int64_t *ret_service)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_SERVICE_ADD];
	enum err e = check_organisation(directory, organisation);

	if (e == OK)
		e = directory_take_ids(directory, "service", 1, ret_service);
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(organisation), SQL_I64(*ret_service),
		SQL_TEXT(str_of(offer->name)), SQL_I64(by->now_ms));
	e = sql_run(st);
	if (e == OK)
		e = insert_domain(directory, by, *ret_service, domain, true);
	if (e != OK)
		return e;
	return directory_audit(directory, by, organisation, "service add", domain, NULL,
		json_pack("{s:s}", "offer", offer->name));
}

enum err directory_service_add(struct directory *directory, const struct directory_change *by,
	int64_t organisation, struct str domain, struct str offer_name, int64_t *ret_service)
{
	const struct directory_offer *offer = find_offer(directory, offer_name);
	char bytes[DIRECTORY_DOMAIN_MAX];
	struct str name;
	int64_t id = 0;
	enum err e = take_domain(directory, domain, bytes, &name);

	if (e == OK && offer == NULL)
		e = directory_refuse(directory, ERR_NOT_FOUND, "there is no offer %.*s",
			STR_FMT(offer_name));
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	e = directory_change_end(
		directory, insert_service(directory, by, organisation, name, offer, &id));
	if (e != OK)
		return e;
	struct directory_service *service =
		directory_index_add_service(directory->index, id, organisation);
	service->offer = offer;
	service->created = by->now_ms;
	directory_index_add_domain(directory->index, service, name, true);
	*ret_service = id;
	return OK;
}

enum err directory_domain_add(struct directory *directory, const struct directory_change *by,
	struct str service_domain, struct str domain)
{
	struct directory_service *service;
	char bytes[DIRECTORY_DOMAIN_MAX];
	struct str name;
	enum err e = directory_find_service(directory, service_domain, &service);

	if (e == OK)
		e = take_domain(directory, domain, bytes, &name);
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	e = insert_domain(directory, by, service->id, name, false);
	if (e == OK)
		e = directory_audit(directory, by, service->organisation, "domain add", name,
			NULL, json_pack("{s:s}", "service", service->main_domain));
	e = directory_change_end(directory, e);
	if (e == OK)
		directory_index_add_domain(directory->index, service, name, false);
	return e;
}

enum err directory_domain_delete(
	struct directory *directory, const struct directory_change *by, struct str domain)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DOMAIN_DELETE];
	struct directory_service *service;
	char bytes[DIRECTORY_DOMAIN_MAX];
	size_t n = 0;
	enum err e = directory_find_service(directory, domain, &service);

	if (e == OK)
		e = directory_domain_parse(domain, bytes, &n);
	struct str name = str_make(bytes, n);
	if (e == OK && str_equal(name, str_of(service->main_domain)))
		e = directory_refuse(directory, ERR_CANNOT,
			"%.*s is the main domain of its service", STR_FMT(name));
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(service->id), SQL_TEXT(name));
	e = sql_run(st);
	if (e == OK)
		e = directory_audit(directory, by, service->organisation, "domain delete",
			name, json_pack("{s:s}", "service", service->main_domain), NULL);
	e = directory_change_end(directory, e);
	if (e == OK)
		directory_index_remove_domain(directory->index, name);
	return e;
}
