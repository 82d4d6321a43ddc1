/* SPDX-License-Identifier: ISC */
#include "directory/own.h"

#include <string.h>

static uint64_t quota_of(
	const struct directory_service *service, const struct directory_entry *entry)
{
	if (entry->target_or_quota != DIRECTORY_NO_QUOTA_OVERRIDE)
		return (uint64_t)entry->target_or_quota;
	return service->offer->storage_bytes;
}

/* Both parts were bounded when they were made. */
static struct str join(struct str local, struct str domain, char *bytes)
{
	memcpy(bytes, local.p, local.n);
	bytes[local.n] = '@';
	memcpy(bytes + local.n + 1, domain.p, domain.n);
	return str_make(bytes, local.n + 1 + domain.n);
}

void directory_fill_target(const struct directory *directory,
	const struct directory_entry *entry, struct directory_target *ret_target)
{
	const struct directory_service *service =
		directory_index_service_at(directory->index, entry->service);

	ret_target->account = entry->id;
	ret_target->service = service->id;
	ret_target->organisation = service->organisation;
	ret_target->shard = entry->shard;
	ret_target->kind = entry->kind;
	ret_target->quota_bytes = quota_of(service, entry);
	ret_target->message_bytes = directory->options.message_bytes;
	ret_target->catch_all = false;
	ret_target->send_allowed = entry->kind == DIRECTORY_REAL;
	ret_target->address = join(directory_index_local(directory->index, entry),
		str_of(service->main_domain), ret_target->address_bytes);
	ret_target->detail = STR_NONE;
}

void directory_add_address(const struct directory *directory,
	const struct directory_entry *entry, struct buf *out)
{
	buf_add(out, directory_index_local(directory->index, entry));
	buf_addc(out, '@');
	buf_adds(out,
		directory_index_service_at(directory->index, entry->service)->main_domain);
}

/* The separator's place in s, or -1; none at its head, where nothing would be left. */
static ptrdiff_t find_separator(const struct directory *directory, struct str s)
{
	ptrdiff_t at = directory->options.detail_separator
			       ? str_index(s, directory->options.detail_separator)
			       : -1;

	return at > 0 ? at : -1;
}

/* The whole local part goes first: an address with the separator in it stays reachable when
 * the option changes. */
static struct directory_entry *find_local(const struct directory *directory,
	const struct directory_service *service, const struct directory_name *name,
	bool with_detail, struct str *ret_detail)
{
	struct str local = directory_name_local(name),
		   written = str_make(name->written, name->written_n);
	struct directory_entry *entry = directory_index_find(directory->index, service, local);
	ptrdiff_t at = find_separator(directory, local);

	if (entry != NULL || !with_detail || at < 0)
		return entry;
	*ret_detail = str_from(written, (size_t)find_separator(directory, written) + 1);
	return directory_index_find(directory->index, service, str_sub(local, 0, (size_t)at));
}

static const struct directory_entry *follow_alias(
	const struct directory *directory, const struct directory_entry *entry)
{
	if (entry != NULL && entry->kind == DIRECTORY_ALIAS && entry->enabled)
		return directory_index_find_id(directory->index, entry->target_or_quota);
	return entry;
}

static const struct directory_entry *catch_all_of(
	const struct directory *directory, const struct directory_service *service)
{
	return service->catch_all
		       ? directory_index_find_id(directory->index, service->catch_all)
		       : NULL;
}

static void set_detail(struct directory_target *target, struct str detail)
{
	if (detail.n > 0)
		memcpy(target->detail_bytes, detail.p, detail.n);
	target->detail = str_make(target->detail_bytes, detail.n);
}

static enum err check_entry(
	const struct directory_entry *entry, enum directory_purpose purpose)
{
	if (entry == NULL || entry->kind == DIRECTORY_REDIRECT)
		return ERR_UNKNOWN_USER;
	if (!entry->enabled)
		return ERR_ADDRESS_DISABLED;
	return purpose == DIRECTORY_FOR_SENDER && entry->kind != DIRECTORY_REAL
		       ? ERR_NOT_ALLOWED
		       : OK;
}

struct directory_entry *directory_resolve(const struct directory *directory, const struct directory_name *name,
	struct directory_service **ret_service, struct str *ret_detail)
{
	*ret_service = directory_index_domain(directory->index, directory_name_domain(name));
	*ret_detail = STR_NONE;
	return *ret_service ? find_local(directory, *ret_service, name, true, ret_detail) : NULL;
}

const struct directory_entry *directory_behind(const struct directory *directory, const struct directory_entry *entry)
{
	const struct directory_entry *behind = follow_alias(directory, entry);

	return behind && behind->kind != DIRECTORY_ALIAS ? behind : NULL;
}

static enum err look_up(const struct directory *directory, const struct directory_name *name,
	enum directory_purpose purpose, struct directory_target *ret_target)
{
	const struct directory_service *service =
		directory_index_domain(directory->index, directory_name_domain(name));
	struct str detail = STR_NONE;

	if (service == NULL)
		return ERR_RELAY_DENIED;
	const struct directory_entry *entry =
		find_local(directory, service, name, purpose != DIRECTORY_FOR_LOGIN, &detail);
	bool caught = entry == NULL && purpose == DIRECTORY_FOR_RCPT;
	entry = caught ? catch_all_of(directory, service) : follow_alias(directory, entry);
	enum err e = check_entry(entry, purpose);
	/* A catch-all that is switched off catches nothing. */
	if (e == ERR_ADDRESS_DISABLED && caught)
		return ERR_UNKNOWN_USER;
	if (e != OK)
		return e;
	directory_fill_target(directory, entry, ret_target);
	ret_target->catch_all = caught;
	set_detail(ret_target, caught ? STR_NONE : detail);
	return OK;
}

/* RFC 5321 4.5.1: <Postmaster> without a domain is to be accepted. */
static enum err take_postmaster(
	const struct directory *directory, struct directory_name *ret_name)
{
	if (directory_index_services(directory->index) == 0)
		return ERR_UNKNOWN_USER;
	struct str domain =
		str_of(directory_index_service_at(directory->index, 0)->main_domain);
	memcpy(ret_name->local, "postmaster", 10);
	memcpy(ret_name->written, "postmaster", 10);
	ret_name->local_n = ret_name->written_n = 10;
	memcpy(ret_name->domain, domain.p, domain.n);
	ret_name->domain_n = domain.n;
	return OK;
}

enum err directory_lookup(struct directory *directory, struct str address,
	enum directory_purpose purpose, struct directory_target *ret_target)
{
	struct directory_name name;
	enum err e;

	if (purpose == DIRECTORY_FOR_RCPT && str_iequal(address, S("postmaster")))
		e = take_postmaster(directory, &name);
	else
		e = directory_name_parse(address, &name);
	return e == OK ? look_up(directory, &name, purpose, ret_target) : e;
}

enum err directory_find_recipient(struct directory *directory, struct str address, struct directory_name *name,
	const struct directory_entry **ret_entry, struct str *ret_detail)
{
	struct directory_service *service;
	struct str detail;
	enum err e = str_iequal(address, S("postmaster")) ? take_postmaster(directory, name)
							  : directory_name_parse(address, name);

	if (e != OK)
		return e;
	const struct directory_entry *entry = directory_resolve(directory, name, &service, &detail), *behind;
	if (!service)
		return ERR_RELAY_DENIED;
	behind = entry ? follow_alias(directory, entry) : catch_all_of(directory, service);
	/* A catch-all that is switched off catches nothing. */
	if (!behind || (!entry && !behind->enabled))
		return ERR_UNKNOWN_USER;
	if (!behind->enabled)
		return ERR_ADDRESS_DISABLED;
	*ret_entry = behind;
	*ret_detail = entry ? detail : STR_NONE;
	return OK;
}

enum err directory_lookup_account(
	struct directory *directory, int64_t account, struct directory_target *ret_target)
{
	const struct directory_entry *entry =
		directory_index_find_id(directory->index, account);

	if (entry != NULL && entry->kind == DIRECTORY_ALIAS)
		return ERR_UNKNOWN_USER;
	enum err e = check_entry(entry, DIRECTORY_FOR_RCPT);
	if (e == OK)
		directory_fill_target(directory, entry, ret_target);
	return e;
}

bool directory_has_domain(struct directory *directory, struct str domain)
{
	char bytes[DIRECTORY_DOMAIN_MAX];
	size_t n;

	return directory_domain_parse(domain, bytes, &n) == OK &&
	       directory_index_domain(directory->index, str_make(bytes, n)) != NULL;
}

enum err directory_find_service(
	struct directory *directory, struct str domain, struct directory_service **ret_service)
{
	char bytes[DIRECTORY_DOMAIN_MAX];
	size_t n;

	if (directory_domain_parse(domain, bytes, &n) != OK)
		return directory_refuse(
			directory, ERR_BAD_ADDRESS, "%.*s is not a domain", STR_FMT(domain));
	*ret_service = directory_index_domain(directory->index, str_make(bytes, n));
	if (*ret_service == NULL)
		return directory_refuse(directory, ERR_NOT_FOUND,
			"domain %.*s is not served here", STR_FMT(domain));
	return OK;
}

enum err directory_find_entry(struct directory *directory, struct str address,
	struct directory_service **ret_service, struct directory_entry **ret_entry)
{
	struct directory_name name;

	if (directory_name_parse(address, &name) != OK)
		return directory_refuse(directory, ERR_BAD_ADDRESS, "%.*s is not an address",
			STR_FMT(address));
	enum err e =
		directory_find_service(directory, directory_name_domain(&name), ret_service);
	if (e != OK)
		return e;
	*ret_entry = directory_index_find(
		directory->index, *ret_service, directory_name_local(&name));
	if (*ret_entry == NULL)
		return directory_refuse(directory, ERR_NOT_FOUND, "there is no address %.*s",
			STR_FMT(address));
	return OK;
}

enum err directory_find_mailbox(struct directory *directory, struct str address,
	struct directory_service **ret_service, struct directory_entry **ret_entry)
{
	enum err e = directory_find_entry(directory, address, ret_service, ret_entry);

	if (e == OK && (*ret_entry)->kind != DIRECTORY_REAL &&
		(*ret_entry)->kind != DIRECTORY_CATCHALL)
		return directory_refuse(directory, ERR_CANNOT,
			"%.*s has no mailbox of its own", STR_FMT(address));
	return e;
}
