/* SPDX-License-Identifier: ISC */
/*
 * Folder names: what is allowed, and making, deleting, renaming, subscribing.  A ghost has no row: it exists while
 * a name below it does (RFC 9051 6.3.4, 6.3.5).
 */
#include "store/local.h"

#include "base/utf8.h"

static bool is_forbidden(char c)
{
	/* The wildcards of LIST could never be named there again. */
	return (unsigned char)c < 0x20 || c == 0x7f || c == '%' || c == '*';
}

static bool are_levels_sound(struct str name)
{
	size_t depth = 0;
	struct str level;

	while (str_next(&name, STORE_SEPARATOR, &level))
		if (level.n == 0 || level.n > STORE_LEVEL_MAX || ++depth > STORE_DEPTH_MAX)
			return false;
	return true;
}

enum err name_canonical(struct str name, char *out, struct str *ret_name)
{
	if (name.n == 0 || name.n > STORE_NAME_MAX || !utf8_is_valid(name) || !are_levels_sound(name) ||
		str_ends(name, S("/")))
		return ERR_CANNOT;
	for (size_t i = 0; i < name.n; i++)
		if (is_forbidden(name.p[i]))
			return ERR_CANNOT;
	memcpy(out, name.p, name.n);
	/* RFC 9051 5.1: INBOX in any case; its children follow it. */
	if (str_istarts(name, S("INBOX")) && (name.n == 5 || name.p[5] == STORE_SEPARATOR))
		memcpy(out, "INBOX", 5);
	*ret_name = str_make(out, name.n);
	return OK;
}

enum err store_name_check(struct str name, struct arena *arena, struct str *ret_name)
{
	char bytes[STORE_NAME_MAX];
	struct str canonical;
	enum err e = name_canonical(name, bytes, &canonical);

	if (e == OK)
		*ret_name = arena_dup(arena, canonical);
	return e;
}

/* Names below `parent` are those from "parent/" up to, not with, "parent0": '0' follows '/'. */
static void bounds_below(struct str parent, char *out, struct str *ret_from, struct str *ret_to)
{
	memcpy(out, parent.p, parent.n);
	out[parent.n] = STORE_SEPARATOR;
	memcpy(out + parent.n + 1, parent.p, parent.n);
	out[2 * parent.n + 1] = STORE_SEPARATOR + 1;
	*ret_from = str_make(out, parent.n + 1);
	*ret_to = str_make(out + parent.n + 1, parent.n + 1);
}

/* Ids of the folders below a name. */
static enum err list_below(struct store_tx *tx, uint64_t account, struct str parent, uint64_t **ret_ids, size_t *ret_n)
{
	struct sql_statement *st = ST(tx->store, FOLDER_BELOW);
	VEC(uint64_t) ids = { 0 };
	char bytes[2 * STORE_NAME_MAX + 2];
	struct str from, to;
	enum err e;

	bounds_below(parent, bytes, &from, &to);
	SQL_BIND(st, SQL_I64(account), SQL_TEXT(from), SQL_TEXT(to));
	while (sql_step(st, &e))
		vec_push(&ids, (uint64_t)sql_column_i64(st, 0));
	*ret_n = ids.n;
	*ret_ids = arena_array(tx->arena, uint64_t, ids.n);
	if (ids.n)
		memcpy(*ret_ids, ids.v, ids.n * sizeof(*ids.v));
	vec_done(&ids);
	return e;
}

static enum err check_room(struct store_tx *tx, uint64_t account)
{
	struct sql_statement *st = ST(tx->store, FOLDER_COUNT);
	enum err e;

	SQL_BIND(st, SQL_I64(account));
	e = sql_first(st);
	if (e == OK && (uint64_t)sql_column_i64(st, 0) > tx->store->options.folders_max)
		e = ERR_LIMIT;
	sql_reset(st);
	return e;
}

/* OK when the name is free. */
static enum err check_free(struct store_tx *tx, struct tx_account *account, struct str name)
{
	struct tx_folder *f;
	enum err e = tx_find_folder(tx, account, name, &f);

	return e == ERR_NO_FOLDER ? OK : e == OK ? ERR_EXISTS : e;
}

enum err store_folder_create(struct store_tx *tx, uint64_t account, struct str name, enum store_special special,
	uint64_t *ret_id)
{
	char bytes[STORE_NAME_MAX];
	struct tx_account *a = NULL;
	enum err e = name_canonical(name, bytes, &name);

	if (e == OK)
		e = account_get_or_make(tx, account, &a);
	if (e == OK)
		e = check_free(tx, a, name);
	if (e == OK)
		e = check_room(tx, account);
	if (e == OK)
		e = tx_write(tx);
	if (e == OK)
		e = folder_insert(tx, a, 0, name, special);
	if (e == OK)
		*ret_id = a->row.uidvalidity;
	return e;
}

static enum err delete_row(struct store_tx *tx, struct tx_folder *f)
{
	struct store *store = tx->store;
	uint64_t account = f->account->account;
	struct sql_statement *drop = ST(store, DROPPED_INSERT), *gone = ST(store, FOLDER_DELETE);
	enum err e;

	SQL_BIND(drop, SQL_I64(account), SQL_I64(f->row.id), SQL_TEXT(f->row.name), SQL_I64(tx->now_s));
	e = sql_run(drop);
	if (e != OK)
		return e;
	SQL_BIND(gone, SQL_I64(account), SQL_I64(f->row.id));
	return sql_run(gone);
}

/* Whatever its size: the chunks stay behind and are purged later. */
enum err folder_drop(struct store_tx *tx, struct tx_folder *f)
{
	struct tx_account *a = f->account;
	enum err e = tx_flush_entries(tx, f);

	if (e == OK)
		e = delete_row(tx, f);
	if (e != OK)
		return e;
	a->row.messages -= f->row.messages;
	a->row.bytes -= f->row.bytes;
	a->row.modseq++;
	a->dirty = true;
	note_folder_gone(tx, a, f->row.id);
	if (f->handle)
		vec_push(&tx->gone, f->handle);
	tx_forget_folder(tx, f);
	return OK;
}

static enum err why_not_there(struct store_tx *tx, uint64_t account, struct str name)
{
	uint64_t *ids;
	size_t n;
	enum err e = list_below(tx, account, name, &ids, &n);

	return e != OK ? e : n > 0 ? ERR_HAS_CHILDREN : ERR_NO_FOLDER;
}

enum err store_folder_delete(struct store_tx *tx, uint64_t account, struct str name)
{
	char bytes[STORE_NAME_MAX];
	struct tx_account *a = NULL;
	struct tx_folder *f = NULL;
	enum err e = name_canonical(name, bytes, &name);

	if (e != OK)
		return ERR_NO_FOLDER;
	e = tx_get_account(tx, account, &a);
	if (e == OK)
		e = tx_find_folder(tx, a, name, &f);
	if (e == ERR_NO_FOLDER)
		return why_not_there(tx, account, name);
	if (e != OK)
		return e == ERR_NOT_FOUND ? ERR_NO_FOLDER : e;
	if (f->row.id == INBOX_ID)
		return ERR_CANNOT;
	e = tx_write(tx);
	return e == OK ? folder_drop(tx, f) : e;
}

enum err folder_put_name(struct store_tx *tx, struct tx_folder *f, struct str name)
{
	struct sql_statement *st = ST(tx->store, FOLDER_RENAME);
	enum err e;

	SQL_BIND(st, SQL_I64(f->account->account), SQL_I64(f->row.id), SQL_TEXT(name), SQL_I64(f->row.special));
	e = sql_run(st);
	if (e == OK)
		f->row.name = arena_dup(tx->arena, name);
	return e;
}

static enum err rename_row(struct store_tx *tx, struct tx_folder *f, struct str name)
{
	enum err e = folder_put_name(tx, f, name);

	if (e != OK)
		return e;
	(void)tx_next_modseq(f);
	tx_touch(tx, f);
	note_folder(tx, f->account->account, &f->row);
	return OK;
}

/* "from/x" becomes "to/x". */
static enum err moved_name(struct str name, struct str from, struct str to, char *out, struct str *ret_name)
{
	char joined[2 * STORE_NAME_MAX + 2];
	struct str rest = str_from(name, from.n);

	memcpy(joined, to.p, to.n);
	memcpy(joined + to.n, rest.p, rest.n);
	return name_canonical(str_make(joined, to.n + rest.n), out, ret_name);
}

struct renaming {
	struct str from, to;
	uint64_t *ids; /* of the folders below */
	size_t n;
};

static enum err rename_below(struct store_tx *tx, struct tx_account *a, const struct renaming *r, bool only_check)
{
	char bytes[STORE_NAME_MAX];
	enum err e = OK;

	for (size_t i = 0; e == OK && i < r->n; i++) {
		struct tx_folder *f = NULL;
		struct str name;

		e = tx_get_folder(tx, a, r->ids[i], &f);
		if (e == OK)
			e = moved_name(f->row.name, r->from, r->to, bytes, &name);
		if (e == OK)
			e = only_check ? check_free(tx, a, name) : rename_row(tx, f, name);
	}
	return e;
}

static enum err empty_inbox_to(struct store_tx *tx, struct tx_account *a, struct str to)
{
	struct store_copied copied = { 0 };
	struct tx_folder *inbox = NULL, *target = NULL;
	struct uidset all = { 0 };
	enum err e = tx_write(tx);

	if (e == OK)
		e = folder_insert(tx, a, 0, to, STORE_ORDINARY);
	if (e == OK)
		e = tx_find_folder(tx, a, to, &target);
	if (e == OK)
		e = tx_get_folder(tx, a, INBOX_ID, &inbox);
	if (e == OK) {
		uidset_add_range(&all, 1, UINT32_MAX);
		e = copy_messages(tx, inbox, target, &all, true, &copied);
	}
	uidset_done(&all);
	uidset_done(&copied.source);
	return e;
}

static enum err rename_all(struct store_tx *tx, struct tx_account *a, const struct renaming *r)
{
	struct tx_folder *f = NULL;
	enum err e = tx_write(tx);

	if (e == OK)
		e = tx_find_folder(tx, a, r->from, &f);
	if (e == OK)
		e = rename_row(tx, f, r->to);
	if (e == ERR_NO_FOLDER)
		e = OK; /* a ghost: only what is below it has a name */
	return e == OK ? rename_below(tx, a, r, false) : e;
}

static enum err check_rename(struct store_tx *tx, struct tx_account *a, struct renaming *r)
{
	struct tx_folder *f;
	enum err found = tx_find_folder(tx, a, r->from, &f), e;

	if (found != OK && found != ERR_NO_FOLDER)
		return found;
	e = list_below(tx, a->account, r->from, &r->ids, &r->n);
	if (e == OK && found == ERR_NO_FOLDER && r->n == 0)
		e = ERR_NO_FOLDER;
	if (e == OK && str_starts(r->to, r->from) &&
		(r->to.n == r->from.n || r->to.p[r->from.n] == STORE_SEPARATOR))
		e = r->to.n == r->from.n ? ERR_EXISTS : ERR_CANNOT;
	if (e == OK)
		e = check_free(tx, a, r->to);
	return e == OK ? rename_below(tx, a, r, true) : e;
}

enum err store_folder_rename(struct store_tx *tx, uint64_t account, struct str from, struct str to)
{
	char from_bytes[STORE_NAME_MAX], to_bytes[STORE_NAME_MAX];
	struct renaming r = { 0 };
	struct tx_account *a = NULL;
	enum err e = name_canonical(from, from_bytes, &r.from) == OK ? OK : ERR_NO_FOLDER;

	if (e == OK)
		e = name_canonical(to, to_bytes, &r.to);
	if (e == OK)
		e = tx_get_account(tx, account, &a);
	if (e != OK)
		return e == ERR_NOT_FOUND ? ERR_NO_FOLDER : e;
	if (str_equal(r.from, S("INBOX"))) {
		e = check_free(tx, a, r.to);
		return e == OK ? empty_inbox_to(tx, a, r.to) : e;
	}
	e = check_rename(tx, a, &r);
	return e == OK ? rename_all(tx, a, &r) : e;
}

static enum err put_special(struct store_tx *tx, struct tx_folder *f, enum store_special special)
{
	f->row.special = special;
	return rename_row(tx, f, f->row.name);
}

/* The folder that has the use now; NULL: none. */
static enum err find_special(
	struct store_tx *tx, struct tx_account *a, enum store_special special, struct tx_folder **ret_folder)
{
	struct sql_statement *st = ST(tx->store, FOLDER_WITH_SPECIAL);
	uint64_t id = 0;
	enum err e;

	*ret_folder = NULL;
	SQL_BIND(st, SQL_I64(a->account), SQL_I64(special));
	e = sql_first(st);
	if (e == OK)
		id = (uint64_t)sql_column_i64(st, 0);
	sql_reset(st);
	if (e != OK)
		return e == ERR_NOT_FOUND ? OK : e;
	return tx_get_folder(tx, a, id, ret_folder);
}

enum err store_folder_set_special(
	struct store_tx *tx, uint64_t account, enum store_special special, struct str name)
{
	char bytes[STORE_NAME_MAX];
	struct tx_account *a;
	struct tx_folder *f, *before;
	enum err e = name_canonical(name, bytes, &name);

	if (e == OK && (special <= STORE_ORDINARY || special >= STORE_SPECIALS))
		e = ERR_CANNOT;
	if (e == OK)
		e = account_get_or_make(tx, account, &a);
	if (e == OK)
		e = tx_find_folder(tx, a, name, &f);
	if (e == OK && (f->row.id == INBOX_ID || (f->row.special != STORE_ORDINARY && f->row.special != special)))
		e = ERR_CANNOT;
	if (e == OK)
		e = tx_write(tx);
	if (e == OK)
		e = find_special(tx, a, special, &before);
	if (e != OK || before == f)
		return e;
	e = before ? put_special(tx, before, STORE_ORDINARY) : OK;
	return e == OK ? put_special(tx, f, special) : e;
}

enum err store_folder_subscribe(struct store_tx *tx, uint64_t account, struct str name, bool subscribed)
{
	struct sql_statement *st = subscribed ? ST(tx->store, SUBSCRIPTION_INSERT) : ST(tx->store, SUBSCRIPTION_DELETE);
	char bytes[STORE_NAME_MAX];
	struct tx_account *a;
	enum err e = name_canonical(name, bytes, &name);

	if (e == OK)
		e = account_get_or_make(tx, account, &a);
	if (e == OK)
		e = tx_write(tx);
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(account), SQL_TEXT(name));
	e = sql_run(st);
	if (e == OK)
		note_subscribe(tx, a, name, subscribed);
	return e;
}
