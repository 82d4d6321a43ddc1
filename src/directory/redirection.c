/* SPDX-License-Identifier: ISC */
/* Changing redirections. */
#include "directory/own.h"

#include <sodium.h>

/* An address that may have redirections. */
static enum err find(struct directory *directory, struct str address, struct directory_service **ret_service,
	struct directory_entry **ret_entry)
{
	enum err e = directory_find_entry(directory, address, ret_service, ret_entry);

	if (e == OK && (*ret_entry)->kind == DIRECTORY_ALIAS)
		return directory_refuse(directory, ERR_CANNOT,
			"%.*s is an alias: redirections are of its mailbox", STR_FMT(address));
	return e;
}

static struct directory_redirects *list_of(struct directory *directory, int64_t address)
{
	return map_get_u64(directory->redirects, (uint64_t)address);
}

static struct directory_redirect *find_target(const struct directory_redirects *all, const char *target)
{
	for (size_t i = 0; all && i < all->list.n; i++)
		if (str_iequal(str_of(all->list.v[i].target), str_of(target)))
			return &all->list.v[i];
	return NULL;
}

/* The target as it is kept, among those of an address. */
static enum err find_redirect(struct directory *directory, int64_t address, struct str target,
	struct directory_redirect **ret_redirect)
{
	struct directory_redirects *all = list_of(directory, address);
	struct directory_redirect *found = NULL, made;
	char text[2 * DIRECTORY_ADDRESS_MAX];

	snprintf(text, sizeof(text), "%.*s", STR_FMT(target));
	found = find_target(all, text);
	if (!found && directory_redirect_make(directory, target, 0, &made) == OK) {
		found = find_target(all, made.target);
		directory_redirect_done(&made);
	}
	if (!found)
		return directory_refuse(directory, ERR_NOT_FOUND, "%.*s is not a target of the address", STR_FMT(target));
	*ret_redirect = found;
	return OK;
}

/* Addresses already looked at. */
struct walk {
	struct directory *directory;
	int64_t goal;
	VEC(int64_t) seen;
};

static bool has_seen(const struct walk *walk, int64_t id)
{
	for (size_t i = 0; i < walk->seen.n; i++)
		if (walk->seen.v[i] == id)
			return true;
	return false;
}

/* Writes the way from entry to the goal, the last first. */
static bool leads_to_goal(struct walk *walk, const struct directory_entry *entry, struct buf *chain)
{
	entry = directory_behind(walk->directory, entry);
	if (!entry || has_seen(walk, entry->id))
		return false;
	vec_push(&walk->seen, entry->id);
	bool found = entry->id == walk->goal;
	const struct directory_redirects *all = directory_redirects_of(walk->directory, entry->id);
	for (size_t i = 0; !found && all && i < all->list.n; i++)
		found = all->list.v[i].named &&
			leads_to_goal(walk, directory_index_find_id(walk->directory->index, all->list.v[i].named), chain);
	if (found) {
		struct buf rest = {0};

		buf_adds(&rest, " -> ");
		directory_add_address(walk->directory, entry, &rest);
		buf_add(&rest, buf_str(chain));
		buf_clear(chain);
		buf_add(chain, buf_str(&rest));
		buf_done(&rest);
	}
	return found;
}

static enum err check_loop(
	struct directory *directory, const struct directory_entry *entry, const struct directory_redirect *redirect)
{
	const struct directory_entry *named = directory_index_find_id(directory->index, redirect->named),
				     *behind = directory_behind(directory, named);
	struct walk walk = {.directory = directory, .goal = entry->id};
	struct buf chain = {0};
	enum err e = OK;

	if (behind && behind->id == entry->id)
		return directory_refuse(directory, ERR_CANNOT, "%s is the address itself", redirect->target);
	if (leads_to_goal(&walk, named, &chain)) {
		struct buf from = {0};

		directory_add_address(directory, entry, &from);
		e = directory_refuse(directory, ERR_CANNOT, "that would be a loop: %.*s%.*s", STR_FMT(buf_str(&from)),
			STR_FMT(buf_str(&chain)));
		buf_done(&from);
	}
	vec_done(&walk.seen);
	buf_done(&chain);
	return e;
}

static enum err check(struct directory *directory, const struct directory_service *service,
	const struct directory_entry *entry, const struct directory_redirect *redirect, enum directory_keep keep)
{
	const struct directory_redirects *all = directory_redirects_of(directory, entry->id);
	int64_t have = all ? (int64_t)all->list.n : 0;

	if (entry->kind == DIRECTORY_REDIRECT && keep == DIRECTORY_KEEP_COPY)
		return directory_refuse(directory, ERR_CANNOT, "the address has no mailbox to keep a copy in");
	if (find_target(all, redirect->target))
		return directory_refuse(directory, ERR_EXISTS, "%s is a target already", redirect->target);
	if (have >= service->offer->redirect_targets)
		return directory_refuse(directory, ERR_LIMIT, "the offer %s has %lld redirect targets for an address",
			service->offer->name, (long long)service->offer->redirect_targets);
	return redirect->named ? check_loop(directory, entry, redirect) : OK;
}

static bool keeps_copy(const struct directory *directory, const struct directory_entry *entry, enum directory_keep keep)
{
	const struct directory_redirects *all = directory_redirects_of(directory, entry->id);

	if (entry->kind == DIRECTORY_REDIRECT)
		return false;
	if (keep == DIRECTORY_KEEP_AS_IS)
		return all && all->list.n > 0 ? all->keep_copy : true;
	return keep == DIRECTORY_KEEP_COPY;
}

/* e: how the statements of the change went. */
static enum err end(struct directory *directory, const struct directory_change *by, const struct directory_service *service,
	const struct directory_entry *entry, const char *action, json_t *before, json_t *after, enum err e)
{
	struct buf subject = {0};

	directory_add_address(directory, entry, &subject);
	if (e == OK)
		e = directory_audit(directory, by, service->organisation, action, buf_str(&subject), before, after);
	else {
		json_decref(before);
		json_decref(after);
	}
	buf_done(&subject);
	return directory_change_end(directory, e);
}

static json_t *target_json(const struct directory_redirect *redirect, bool keep_copy)
{
	return json_pack("{s:s,s:b,s:b}", "target", redirect->target, "confirmed", redirect->code[0] == '\0',
		"keep_copy", (int)keep_copy);
}

enum err directory_redirection_add(struct directory *directory, const struct directory_change *by, struct str address,
	struct str target, enum directory_keep keep, struct buf *ret_code)
{
	struct directory_service *service;
	struct directory_entry *entry;
	struct directory_redirect redirect = {0};
	enum err e = find(directory, address, &service, &entry);

	if (e == OK)
		e = directory_redirect_make(directory, target, by->now_ms, &redirect);
	if (e == OK)
		e = check(directory, service, entry, &redirect, keep);
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK) {
		directory_redirect_done(&redirect);
		return e;
	}
	bool keep_copy = keeps_copy(directory, entry, keep);
	e = directory_redirect_insert(directory, entry->id, &redirect, keep_copy);
	e = end(directory, by, service, entry, "redirection add", NULL, target_json(&redirect, keep_copy), e);
	if (e != OK) {
		directory_redirect_done(&redirect);
		return e;
	}
	buf_adds(ret_code, redirect.code);
	directory_redirect_remember(directory, entry->id, redirect, keep_copy);
	return OK;
}

/* One statement on one redirection, audited. */
static enum err run_on(struct directory *directory, const struct directory_change *by, const struct directory_service *service,
	const struct directory_entry *entry, int statement, const char *action, const struct directory_redirect *redirect,
	json_t *before, json_t *after)
{
	struct sql_statement *st = directory->st[statement];
	enum err e = directory_change_begin(directory);

	if (e != OK) {
		json_decref(before);
		json_decref(after);
		return e;
	}
	SQL_BIND(st, SQL_I64(entry->id), SQL_TEXT(str_of(redirect->target)));
	return end(directory, by, service, entry, action, before, after, sql_run(st));
}

static bool is_code(const struct directory_redirect *redirect, struct str code)
{
	char folded[DIRECTORY_CODE_LETTERS];

	code = str_trim(code);
	if (code.n != DIRECTORY_CODE_LETTERS)
		return false;
	for (size_t i = 0; i < code.n; i++)
		folded[i] = ascii_lower(code.p[i]);
	return sodium_memcmp(folded, redirect->code, sizeof(folded)) == 0;
}

enum err directory_redirection_confirm(struct directory *directory, const struct directory_change *by, struct str address,
	struct str target, struct str code)
{
	struct directory_service *service;
	struct directory_entry *entry;
	struct directory_redirect *redirect;
	enum err e = find(directory, address, &service, &entry);

	if (e == OK)
		e = find_redirect(directory, entry->id, target, &redirect);
	if (e == OK && !redirect->code[0])
		e = directory_refuse(directory, ERR_EXISTS, "%s is confirmed already", redirect->target);
	if (e == OK && code.p && !is_code(redirect, code))
		e = directory_refuse(directory, ERR_NOT_ALLOWED, "that is not the code of %s", redirect->target);
	if (e != OK)
		return e;
	e = run_on(directory, by, service, entry, DIRECTORY_SQL_REDIRECTION_CONFIRM, "redirection confirm", redirect, NULL,
		json_pack("{s:s,s:b}", "target", redirect->target, "by_code", code.p != NULL));
	if (e == OK)
		redirect->code[0] = '\0';
	return e;
}

enum err directory_redirection_delete(
	struct directory *directory, const struct directory_change *by, struct str address, struct str target)
{
	struct directory_service *service;
	struct directory_entry *entry;
	struct directory_redirect *redirect;
	enum err e = find(directory, address, &service, &entry);

	if (e == OK)
		e = find_redirect(directory, entry->id, target, &redirect);
	if (e != OK)
		return e;
	struct directory_redirects *all = list_of(directory, entry->id);
	e = run_on(directory, by, service, entry, DIRECTORY_SQL_REDIRECTION_DELETE, "redirection delete", redirect,
		target_json(redirect, all->keep_copy), NULL);
	if (e != OK)
		return e;
	directory_redirect_done(redirect);
	size_t place = (size_t)(redirect - all->list.v);
	memmove(redirect, redirect + 1, (all->list.n - place - 1) * sizeof(*redirect));
	all->list.n--;
	return OK;
}

enum err directory_redirection_keep(
	struct directory *directory, const struct directory_change *by, struct str address, bool keep_copy)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_REDIRECTION_KEEP];
	struct directory_service *service;
	struct directory_entry *entry;
	struct directory_redirects *all = NULL;
	enum err e = find(directory, address, &service, &entry);

	if (e == OK && entry->kind == DIRECTORY_REDIRECT)
		e = directory_refuse(directory, ERR_CANNOT, "the address has no mailbox to keep a copy in");
	if (e == OK && (!(all = list_of(directory, entry->id)) || all->list.n == 0))
		e = directory_refuse(directory, ERR_NOT_FOUND, "the address has no redirection");
	if (e == OK)
		e = directory_change_begin(directory);
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(entry->id), SQL_I64(keep_copy));
	e = end(directory, by, service, entry, "redirection keep", json_pack("{s:b}", "keep_copy", (int)all->keep_copy),
		json_pack("{s:b}", "keep_copy", (int)keep_copy), sql_run(st));
	if (e == OK)
		all->keep_copy = keep_copy;
	return e;
}
