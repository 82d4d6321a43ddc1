/* SPDX-License-Identifier: ISC */
/* Folders that one mailbox lets another one see.  Only who may do what: nothing shows them yet. */
#include "directory/own.h"

#include "base/utf8.h"

enum { FOLDER_MAX = 1024 /* bytes of a name */, SHARES_MAX = 1000 /* of one mailbox */ };

/* RFC 4314 2.1, in its order. */
static const char RIGHTS[] = "lrswipkxtea";

/* Each letter once, in that order.  ret_rights holds sizeof(RIGHTS). */
static enum err parse_rights(struct directory *directory, struct str text, char *ret_rights)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\0' || !strchr(RIGHTS, text.p[i]))
			text.n = 0;
	if (text.n == 0)
		return directory_refuse(directory, ERR_SYNTAX, "rights are letters of %s", RIGHTS);
	for (const char *letter = RIGHTS; *letter; letter++)
		if (str_index(text, *letter) >= 0)
			ret_rights[n++] = *letter;
	ret_rights[n] = '\0';
	return OK;
}

static enum err check_folder(struct directory *directory, struct str folder)
{
	bool fine = folder.n > 0 && folder.n <= FOLDER_MAX && utf8_is_valid(folder);

	for (size_t i = 0; i < folder.n && fine; i++)
		fine = (unsigned char)folder.p[i] >= 0x20 && folder.p[i] != 0x7f;
	return fine ? OK
		    : directory_refuse(directory, ERR_SYNTAX,
			      "the name of a folder is 1 to %d bytes of UTF-8 without control characters", FOLDER_MAX);
}

/* Both ends of a share. */
struct pair {
	struct directory_service *service, *other_service;
	struct directory_entry *owner, *grantee;
};

static enum err find_pair(struct directory *directory, struct str address, struct str user, struct pair *pair)
{
	enum err e = directory_find_mailbox(directory, address, &pair->service, &pair->owner);

	if (e == OK)
		e = directory_find_mailbox(directory, user, &pair->other_service, &pair->grantee);
	if (e == OK && pair->owner == pair->grantee)
		return directory_refuse(directory, ERR_CANNOT, "a mailbox is not shared with itself");
	if (e == OK && pair->service->organisation != pair->other_service->organisation)
		return directory_refuse(
			directory, ERR_CANNOT, "%.*s is of another organisation", STR_FMT(user));
	return e;
}

/* Empty: there is none. */
static enum err read_rights(struct directory *directory, const struct pair *pair, struct str folder, struct buf *ret_rights)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_SHARE_GET];

	SQL_BIND(st, SQL_I64(pair->owner->id), SQL_TEXT(folder), SQL_I64(pair->grantee->id));
	enum err e = sql_first(st);
	if (e == OK)
		buf_add(ret_rights, sql_column_str(st, 0));
	sql_reset(st);
	return e == ERR_NOT_FOUND ? OK : e;
}

static enum err check_room(struct directory *directory, int64_t owner)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_SHARE_COUNT];

	SQL_BIND(st, SQL_I64(owner));
	enum err e = sql_first(st);
	if (e != OK)
		return e;
	int64_t count = sql_column_i64(st, 0);
	sql_reset(st);
	return count < SHARES_MAX ? OK
				  : directory_refuse(directory, ERR_LIMIT, "a mailbox has at most %d shares", SHARES_MAX);
}

static json_t *share_json(const struct directory *directory, const struct pair *pair, struct str folder, struct str rights)
{
	struct buf with = {0};

	directory_add_address(directory, pair->grantee, &with);
	json_t *json = json_pack("{s:s%,s:s%,s:s%}", "folder", folder.p, folder.n, "with", with.p, with.n, "rights",
		rights.p, rights.n);
	buf_done(&with);
	return json;
}

static enum err audit(struct directory *directory, const struct directory_change *by, const struct pair *pair,
	const char *action, json_t *before, json_t *after)
{
	struct buf subject = {0};

	directory_add_address(directory, pair->owner, &subject);
	enum err e = directory_audit(
		directory, by, pair->service->organisation, action, buf_str(&subject), before, after);
	buf_done(&subject);
	return e;
}

static enum err put(struct directory *directory, const struct directory_change *by, const struct pair *pair,
	struct str folder, struct str rights)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_SHARE_PUT];
	struct buf before = {0};
	enum err e = read_rights(directory, pair, folder, &before);

	if (e == OK && before.n == 0)
		e = check_room(directory, pair->owner->id);
	if (e == OK) {
		SQL_BIND(st, SQL_I64(pair->owner->id), SQL_TEXT(folder), SQL_I64(pair->grantee->id), SQL_TEXT(rights),
			SQL_I64(by->now_ms));
		e = sql_run(st);
	}
	if (e == OK)
		e = audit(directory, by, pair, "share add",
			before.n ? share_json(directory, pair, folder, buf_str(&before)) : NULL,
			share_json(directory, pair, folder, rights));
	buf_done(&before);
	return e;
}

enum err directory_share_add(struct directory *directory, const struct directory_change *by, struct str address,
	struct str folder, struct str user, struct str rights)
{
	char letters[sizeof(RIGHTS)];
	struct pair pair;
	enum err e = parse_rights(directory, rights, letters);

	if (e == OK)
		e = check_folder(directory, folder);
	if (e == OK)
		e = find_pair(directory, address, user, &pair);
	if (e == OK)
		e = directory_change_begin(directory);
	return e == OK ? directory_change_end(directory, put(directory, by, &pair, folder, str_of(letters))) : e;
}

static enum err drop(
	struct directory *directory, const struct directory_change *by, const struct pair *pair, struct str folder)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_SHARE_DELETE];
	struct buf before = {0};
	enum err e = read_rights(directory, pair, folder, &before);

	if (e == OK && before.n == 0)
		e = directory_refuse(directory, ERR_NOT_FOUND, "%.*s is not shared with that address", STR_FMT(folder));
	if (e == OK) {
		SQL_BIND(st, SQL_I64(pair->owner->id), SQL_TEXT(folder), SQL_I64(pair->grantee->id));
		e = sql_run(st);
	}
	if (e == OK)
		e = audit(directory, by, pair, "share delete", share_json(directory, pair, folder, buf_str(&before)), NULL);
	buf_done(&before);
	return e;
}

enum err directory_share_delete(struct directory *directory, const struct directory_change *by, struct str address,
	struct str folder, struct str user)
{
	struct pair pair;
	enum err e = find_pair(directory, address, user, &pair);

	if (e == OK)
		e = directory_change_begin(directory);
	return e == OK ? directory_change_end(directory, drop(directory, by, &pair, folder)) : e;
}
