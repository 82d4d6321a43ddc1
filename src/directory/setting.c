/* SPDX-License-Identifier: ISC */
/* What is set for one service or one address, in place of what holds for all. */
#include "directory/own.h"

enum { VALUE_MAX = 1000, DAYS_MAX = 36500 };

/* NULL: fine; else what it has to be. */
typedef const char *check_fn(struct str value);

static const char *check_words(struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '-' && c != '=' && c != '+' && c != ' ')
			return "a list of capabilities with blanks between them";
	}
	return NULL;
}

static const char *check_count(struct str value)
{
	uint32_t number;

	return value.n == 0 || str_to_u32(value, &number) == OK ? NULL : "a number; 0: no limit";
}

static const char *check_days(struct str value)
{
	uint32_t days;

	return value.n == 0 || (str_to_u32(value, &days) == OK && days <= DAYS_MAX) ? NULL
										  : "a number of days, 0: for ever";
}

static const char *check_switch(struct str value)
{
	bool fine = value.n == 0 || str_equal(value, S("on")) || str_equal(value, S("off"));

	return fine ? NULL : "on or off";
}

static const struct setting {
	const char *name;
	unsigned scopes; /* of enum directory_scope */
	check_fn *check;
} SETTINGS[] = {
#define SETTING(name, scopes, check, help) {name, scopes, check},
#define SERVICE DIRECTORY_OF_SERVICE
#define ADDRESS DIRECTORY_OF_ADDRESS
#include "directory/settings.def"
#undef SETTING
#undef SERVICE
#undef ADDRESS
};

static enum err refuse_name(struct directory *directory, enum directory_scope scope)
{
	struct buf names = {0};

	for (size_t i = 0; i < sizeof(SETTINGS) / sizeof(SETTINGS[0]); i++)
		if (SETTINGS[i].scopes & scope)
			buf_addf(&names, "%s%s", names.n ? ", " : "", SETTINGS[i].name);
	directory_refuse(directory, ERR_SYNTAX, "the settings are: %.*s", STR_FMT(buf_str(&names)));
	buf_done(&names);
	return ERR_SYNTAX;
}

static enum err check(struct directory *directory, enum directory_scope scope, struct str name, struct str value)
{
	const struct setting *found = NULL;
	const char *wanted;

	for (size_t i = 0; i < sizeof(SETTINGS) / sizeof(SETTINGS[0]); i++)
		if ((SETTINGS[i].scopes & scope) && str_equal(name, str_of(SETTINGS[i].name)))
			found = &SETTINGS[i];
	if (!found)
		return refuse_name(directory, scope);
	if ((wanted = found->check(value)) != NULL)
		return directory_refuse(directory, ERR_SYNTAX, "%s is %s", found->name, wanted);
	return value.n <= VALUE_MAX ? OK : directory_refuse(directory, ERR_LIMIT, "the value is too long");
}

enum err directory_setting_get(struct directory *directory, enum directory_scope scope, int64_t id, struct str name,
	struct buf *ret_value)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_SETTING_GET];

	SQL_BIND(st, SQL_I64(scope), SQL_I64(id), SQL_TEXT(name));
	enum err e = sql_first(st);
	if (e == OK)
		buf_add(ret_value, sql_column_str(st, 0));
	sql_reset(st);
	return e == ERR_NOT_FOUND ? OK : e;
}

enum err directory_setting_put(struct directory *directory, enum directory_scope scope, int64_t id, struct str name,
	struct str value)
{
	struct sql_statement *set = directory->st[DIRECTORY_SQL_SETTING_PUT],
			     *drop = directory->st[DIRECTORY_SQL_SETTING_DROP];

	if (value.n == 0) {
		SQL_BIND(drop, SQL_I64(scope), SQL_I64(id), SQL_TEXT(name));
		return sql_run(drop);
	}
	SQL_BIND(set, SQL_I64(scope), SQL_I64(id), SQL_TEXT(name), SQL_TEXT(value));
	return sql_run(set);
}

static enum err change(struct directory *directory, const struct directory_change *by, int64_t organisation,
	enum directory_scope scope, int64_t id, struct str subject, struct str name, struct str value)
{
	struct buf before = {0};
	enum err e = directory_setting_get(directory, scope, id, name, &before);

	if (e == OK)
		e = directory_setting_put(directory, scope, id, name, value);
	if (e == OK)
		e = directory_audit(directory, by, organisation, scope == DIRECTORY_OF_SERVICE ? "service set" : "address set",
			subject, json_pack("{s:s%,s:s%}", "name", name.p, name.n, "value", before.p ? before.p : "", before.n),
			json_pack("{s:s%,s:s%}", "name", name.p, name.n, "value", value.n ? value.p : "", value.n));
	buf_done(&before);
	return e;
}

/* What look-ups and logins need is in memory too. */
static void remember(struct directory *directory, enum directory_scope scope, int64_t id, struct str name, struct str value)
{
	struct directory_service *service = scope == DIRECTORY_OF_SERVICE ? directory_index_service(directory->index, id) : NULL;

	if (service && str_equal(name, S("maintenance")))
		service->in_maintenance = str_equal(value, S("on"));
	if (service)
		directory_retention_of_service(service, name, value);
	else if (scope == DIRECTORY_OF_ADDRESS)
		directory_retention_of_address(directory, id, name, value);
}

enum err directory_settings_load(struct directory *directory)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_SETTING_LOAD];
	enum err e;

	while (sql_step(st, &e))
		remember(directory, (enum directory_scope)sql_column_i64(st, 0), sql_column_i64(st, 1), sql_column_str(st, 2),
			sql_column_str(st, 3));
	return e;
}

bool directory_in_maintenance(const struct directory *directory, int64_t service)
{
	return directory_index_service(directory->index, service)->in_maintenance;
}

/* Sessions end when maintenance begins. */
static void tell(struct directory *directory, const struct directory_service *service, struct str name, struct str value)
{
	if (str_equal(name, S("maintenance")) && str_equal(value, S("on")))
		directory_tell(directory, &(struct directory_event){.what = DIRECTORY_MAINTENANCE,
						  .domain = str_of(service->main_domain)});
}

enum err directory_setting_set(struct directory *directory, const struct directory_change *by, enum directory_scope scope,
	struct str subject, struct str name, struct str value)
{
	struct directory_service *service;
	struct directory_entry *entry;
	int64_t id = 0;
	enum err e = check(directory, scope, name, value);

	if (e == OK && scope == DIRECTORY_OF_SERVICE)
		e = directory_find_service(directory, subject, &service);
	else if (e == OK)
		e = directory_find_mailbox(directory, subject, &service, &entry);
	if (e == OK)
		id = scope == DIRECTORY_OF_SERVICE ? service->id : entry->id;
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	e = directory_change_end(
		directory, change(directory, by, service->organisation, scope, id, subject, name, value));
	if (e != OK)
		return e;
	remember(directory, scope, id, name, value);
	tell(directory, service, name, value);
	return OK;
}

/* Of an account: what its service says, then what it says itself; both count. */
enum err directory_imap_disabled(
	struct directory *directory, const struct directory_target *target, struct buf *ret_words)
{
	enum err e = directory_setting_get(
		directory, DIRECTORY_OF_SERVICE, target->service, S("imap-disabled"), ret_words);

	buf_addc(ret_words, ' ');
	return e == OK ? directory_setting_get(
				 directory, DIRECTORY_OF_ADDRESS, target->account, S("imap-disabled"), ret_words)
		       : e;
}
