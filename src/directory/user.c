/* SPDX-License-Identifier: ISC */
/* The people of an organisation: roles, and what each may do with an address. */
#include "directory/own.h"

#include "base/vec.h"

static const char *const ROLES[] = {
	[DIRECTORY_LEGAL] = "legal",
	[DIRECTORY_ADMINISTRATOR] = "administrator",
	[DIRECTORY_COLLABORATOR] = "collaborator",
	[DIRECTORY_EXTERNAL] = "external",
};

static const char *const PERMISSIONS[DIRECTORY_PERMISSIONS] = {
#define PERMISSION(id, name, help) [DIRECTORY_MAY_##id] = name,
#include "directory/permissions.def"
#undef PERMISSION
};

const char *directory_role_name(enum directory_user_role role)
{
	return role >= DIRECTORY_LEGAL && role <= DIRECTORY_EXTERNAL ? ROLES[role] : "none";
}

enum err directory_role_parse(
	struct directory *directory, struct str text, enum directory_user_role *ret_role)
{
	for (int role = DIRECTORY_LEGAL; role <= DIRECTORY_EXTERNAL; role++)
		if (str_equal(text, str_of(ROLES[role]))) {
			*ret_role = (enum directory_user_role)role;
			return OK;
		}
	return directory_refuse(directory, ERR_SYNTAX,
		"a role is legal, administrator, collaborator or external");
}

static bool find_permission(struct str name, uint32_t *bits)
{
	for (int i = 0; i < DIRECTORY_PERMISSIONS; i++)
		if (str_equal(name, str_of(PERMISSIONS[i]))) {
			*bits |= 1u << i;
			return true;
		}
	return false;
}

enum err directory_permissions_parse(
	struct directory *directory, struct str text, uint32_t *ret_bits)
{
	struct str rest = text, word;

	*ret_bits = 0;
	if (str_equal(text, S("all")))
		*ret_bits = DIRECTORY_MAY_ALL;
	if (str_equal(text, S("all")) || str_equal(text, S("none")))
		return OK;
	while (str_next(&rest, ',', &word))
		if (!find_permission(str_trim(word), ret_bits))
			return directory_refuse(directory, ERR_SYNTAX,
				"%.*s is no permission", STR_FMT(str_trim(word)));
	return OK;
}

enum err directory_find_user(struct directory *directory, int64_t organisation, struct str name,
	struct directory_user *ret_user)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_USER_FIND];

	SQL_BIND(st, SQL_I64(organisation), SQL_TEXT(name));
	enum err e = sql_first(st);
	if (e == ERR_NOT_FOUND)
		return directory_refuse(
			directory, e, "the organisation has no user %.*s", STR_FMT(name));
	if (e != OK)
		return e;
	*ret_user = (struct directory_user){ .organisation = organisation,
		.id = sql_column_i64(st, 0), .role = (enum directory_user_role)sql_column_i64(st, 1) };
	sql_reset(st);
	return OK;
}

static enum err count_legal(struct directory *directory, int64_t organisation, int64_t *ret_count)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_USER_COUNT_ROLE];

	SQL_BIND(st, SQL_I64(organisation), SQL_I64(DIRECTORY_LEGAL));
	enum err e = sql_first(st);
	if (e == OK)
		*ret_count = sql_column_i64(st, 0);
	sql_reset(st);
	return e;
}

/* An organisation with users always has somebody who answers for it. */
static enum err check_legal_stays(
	struct directory *directory, int64_t organisation, enum directory_user_role before, enum directory_user_role after)
{
	int64_t legal = 0;
	enum err e = count_legal(directory, organisation, &legal);

	if (e != OK)
		return e;
	legal += (after == DIRECTORY_LEGAL) - (before == DIRECTORY_LEGAL);
	return legal > 0 ? OK
			 : directory_refuse(directory, ERR_CANNOT,
				   "an organisation needs a legal representative");
}

static enum err audit_user(struct directory *directory, const struct directory_change *by, int64_t organisation,
	const char *action, struct str name, enum directory_user_role before, enum directory_user_role after)
{
	return directory_audit(directory, by, organisation, action, name,
		before ? json_pack("{s:s}", "role", directory_role_name(before)) : NULL,
		after ? json_pack("{s:s}", "role", directory_role_name(after)) : NULL);
}

static enum err insert_user(struct directory *directory, const struct directory_change *by, int64_t organisation,
	struct str name, enum directory_user_role role, int64_t *ret_id)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_USER_ADD];
	enum err e = check_legal_stays(directory, organisation, 0, role);

	if (e == OK)
		e = directory_take_ids(directory, "user", 1, ret_id);
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(organisation), SQL_I64(*ret_id), SQL_TEXT(name), SQL_I64(role),
		SQL_I64(by->now_ms));
	e = sql_run(st);
	if (e == ERR_EXISTS)
		return directory_refuse(directory, e, "user %.*s exists already", STR_FMT(name));
	return e == OK ? audit_user(directory, by, organisation, "user add", name, 0, role) : e;
}

enum err directory_user_add(struct directory *directory, const struct directory_change *by, int64_t organisation,
	struct str name, enum directory_user_role role, int64_t *ret_user)
{
	int64_t id = 0;
	enum err e = directory_check_name(directory, "the name of a user", name);

	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	e = directory_change_end(directory, insert_user(directory, by, organisation, name, role, &id));
	if (e == OK)
		*ret_user = id;
	return e;
}

static enum err change_role(struct directory *directory, const struct directory_change *by,
	const struct directory_user *user, struct str name, enum directory_user_role role)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_USER_ROLE];
	enum err e = check_legal_stays(directory, user->organisation, user->role, role);

	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(user->organisation), SQL_I64(user->id), SQL_I64(role));
	e = sql_run(st);
	return e == OK ? audit_user(directory, by, user->organisation, "user role", name, user->role, role) : e;
}

enum err directory_user_set_role(struct directory *directory, const struct directory_change *by,
	int64_t organisation, struct str name, enum directory_user_role role)
{
	struct directory_user user;
	enum err e = directory_change_begin(directory);

	if (e != OK)
		return e;
	e = directory_find_user(directory, organisation, name, &user);
	if (e == OK)
		e = change_role(directory, by, &user, name, role);
	return directory_change_end(directory, e);
}

static enum err delete_user(struct directory *directory, const struct directory_change *by,
	const struct directory_user *user, struct str name)
{
	struct sql_statement *gone = directory->st[DIRECTORY_SQL_USER_DELETE],
			     *rights = directory->st[DIRECTORY_SQL_PERMISSION_CLEAR];
	enum err e = check_legal_stays(directory, user->organisation, user->role, 0);

	if (e != OK)
		return e;
	SQL_BIND(gone, SQL_I64(user->organisation), SQL_I64(user->id));
	e = sql_run(gone);
	if (e != OK)
		return e;
	SQL_BIND(rights, SQL_I64(user->id));
	e = sql_run(rights);
	return e == OK ? audit_user(directory, by, user->organisation, "user delete", name, user->role, 0) : e;
}

enum err directory_user_delete(struct directory *directory, const struct directory_change *by,
	int64_t organisation, struct str name)
{
	struct directory_user user;
	enum err e = directory_change_begin(directory);

	if (e != OK)
		return e;
	e = directory_find_user(directory, organisation, name, &user);
	if (e == OK)
		e = delete_user(directory, by, &user, name);
	return directory_change_end(directory, e);
}

/* ---- permissions ---- */

static enum err granted(struct directory *directory, int64_t user, int64_t account, uint32_t *ret_bits)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_PERMISSION_GET];

	SQL_BIND(st, SQL_I64(user), SQL_I64(account));
	enum err e = sql_first(st);
	*ret_bits = e == OK ? (uint32_t)sql_column_i64(st, 0) : 0;
	sql_reset(st);
	return e == ERR_NOT_FOUND ? OK : e;
}

json_t *directory_permissions_json(uint32_t bits)
{
	json_t *list = json_array();

	for (int i = 0; i < DIRECTORY_PERMISSIONS; i++)
		if (bits >> i & 1)
			json_array_append_new(list, json_string(PERMISSIONS[i]));
	return list;
}

static enum err put_bits(struct directory *directory, int64_t user, int64_t account, uint32_t bits)
{
	struct sql_statement *put = directory->st[DIRECTORY_SQL_PERMISSION_PUT],
			     *drop = directory->st[DIRECTORY_SQL_PERMISSION_DROP];

	if (bits == 0) {
		SQL_BIND(drop, SQL_I64(user), SQL_I64(account));
		return sql_run(drop);
	}
	SQL_BIND(put, SQL_I64(user), SQL_I64(account), SQL_I64(bits));
	return sql_run(put);
}

static enum err change_permissions(struct directory *directory, const struct directory_change *by,
	const struct directory_user *user, struct str name, const struct directory_entry *entry, uint32_t bits)
{
	struct buf subject = {0};
	uint32_t before;
	enum err e = granted(directory, user->id, entry->id, &before);

	if (e == OK)
		e = put_bits(directory, user->id, entry->id, bits);
	if (e != OK)
		return e;
	directory_add_address(directory, entry, &subject);
	e = directory_audit(directory, by, user->organisation, "permission set", buf_str(&subject),
		json_pack("{s:s%,s:o}", "user", name.p, name.n, "permissions", directory_permissions_json(before)),
		json_pack("{s:s%,s:o}", "user", name.p, name.n, "permissions", directory_permissions_json(bits)));
	buf_done(&subject);
	return e;
}

enum err directory_permission_set(struct directory *directory, const struct directory_change *by, struct str name,
	struct str address, uint32_t bits)
{
	struct directory_service *service;
	struct directory_entry *entry;
	struct directory_user user;
	enum err e = directory_find_mailbox(directory, address, &service, &entry);

	if (e == OK)
		e = directory_find_user(directory, service->organisation, name, &user);
	if (e == OK && user.role <= DIRECTORY_ADMINISTRATOR)
		e = directory_refuse(directory, ERR_CANNOT, "%s may do everything already",
			user.role == DIRECTORY_LEGAL ? "a legal representative" : "an administrator");
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	return directory_change_end(directory, change_permissions(directory, by, &user, name, entry, bits));
}
