/* SPDX-License-Identifier: ISC */
/* The redirections in memory, and the form of one. */
#include "directory/own.h"

#include "base/random.h"

const struct directory_redirects *directory_redirects_of(const struct directory *directory, int64_t address)
{
	return map_get_u64(directory->redirects, (uint64_t)address);
}

void directory_redirect_done(struct directory_redirect *redirect)
{
	free(redirect->target);
	redirect->target = NULL;
}

/* Letters that nobody takes for another. */
void directory_code_make(char ret_code[DIRECTORY_CODE_LETTERS + 1])
{
	static const char LETTERS[] = "abcdefghjkmnpqrstuvwxyz";
	enum { COUNT = sizeof(LETTERS) - 1 };
	size_t n = 0;
	uint8_t byte;

	while (n < DIRECTORY_CODE_LETTERS) {
		random_bytes(&byte, 1);
		if (byte < 256 / COUNT * COUNT)
			ret_code[n++] = LETTERS[byte % COUNT];
	}
	ret_code[n] = '\0';
}

static char *join(struct str local, char separator, struct str detail, struct str domain)
{
	struct buf text = BUF_MAX(2 * DIRECTORY_ADDRESS_MAX);

	buf_add(&text, local);
	if (detail.n > 0) {
		buf_addc(&text, separator);
		buf_add(&text, detail);
	}
	buf_addc(&text, '@');
	buf_add(&text, domain);
	char *made = mem_dup(buf_str(&text));
	buf_done(&text);
	return made;
}

/* Behind the @ of a target elsewhere is a host name. */
static enum err make_elsewhere(struct directory *directory, struct str target, const struct directory_name *name,
	struct directory_redirect *ret_redirect)
{
	char domain[DIRECTORY_DOMAIN_MAX];
	struct str local = str_sub(target, 0, (size_t)str_rindex(target, '@'));
	size_t n;

	if (directory_domain_parse_new(directory_name_domain(name), domain, &n) != OK)
		return directory_refuse(directory, ERR_BAD_ADDRESS, "%.*s is not an address", STR_FMT(target));
	/* What the local part means is its server's business: it stays as it is written. */
	ret_redirect->target = join(local, '\0', STR_NONE, str_make(domain, n));
	directory_code_make(ret_redirect->code);
	return OK;
}

enum err directory_redirect_make(struct directory *directory, struct str target, int64_t now_ms,
	struct directory_redirect *ret_redirect)
{
	struct directory_service *service;
	struct directory_name name;
	struct str detail;

	*ret_redirect = (struct directory_redirect){.created = now_ms};
	if (directory_name_parse(target, &name) != OK)
		return directory_refuse(directory, ERR_BAD_ADDRESS, "%.*s is not an address", STR_FMT(target));
	const struct directory_entry *entry = directory_resolve(directory, &name, &service, &detail);
	if (!service)
		return make_elsewhere(directory, target, &name, ret_redirect);
	if (!entry)
		return directory_refuse(directory, ERR_NOT_FOUND, "there is no address %.*s", STR_FMT(target));
	ret_redirect->named = entry->id;
	ret_redirect->target = join(directory_index_local(directory->index, entry),
		directory->options.detail_separator, detail, str_of(service->main_domain));
	return OK;
}

enum err directory_redirect_insert(struct directory *directory, int64_t address,
	const struct directory_redirect *redirect, bool keep_copy)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_REDIRECTION_ADD],
			     *keep = directory->st[DIRECTORY_SQL_REDIRECTION_KEEP];

	SQL_BIND(st, SQL_I64(address), SQL_TEXT(str_of(redirect->target)), SQL_I64(redirect->named),
		SQL_I64(keep_copy), redirect->code[0] ? SQL_TEXT(str_of(redirect->code)) : SQL_NULL,
		SQL_I64(redirect->created));
	enum err e = sql_run(st);
	if (e != OK)
		return e;
	SQL_BIND(keep, SQL_I64(address), SQL_I64(keep_copy));
	return sql_run(keep);
}

void directory_redirect_remember(
	struct directory *directory, int64_t address, struct directory_redirect redirect, bool keep_copy)
{
	struct directory_redirects *all = map_get_u64(directory->redirects, (uint64_t)address);

	if (!all) {
		all = mem_make(struct directory_redirects);
		map_put_u64(directory->redirects, (uint64_t)address, all);
	}
	all->keep_copy = keep_copy;
	vec_push(&all->list, redirect);
}

static void free_list(struct directory_redirects *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->list.n; i++)
		directory_redirect_done(&all->list.v[i]);
	vec_done(&all->list);
	free(all);
}

static void drop_targets(struct directory_redirects *all, int64_t named)
{
	size_t n = 0;

	for (size_t i = 0; i < all->list.n; i++) {
		if (all->list.v[i].named == named)
			directory_redirect_done(&all->list.v[i]);
		else
			all->list.v[n++] = all->list.v[i];
	}
	all->list.n = n;
}

/* Those of a deleted address, and those of others to it. */
void directory_redirects_forget(struct directory *directory, int64_t address)
{
	struct directory_redirects *all;
	struct str key;
	size_t cursor = 0;

	free_list(map_remove_u64(directory->redirects, (uint64_t)address));
	while ((all = map_next(directory->redirects, &cursor, &key)) != NULL)
		drop_targets(all, address);
}

enum err directory_redirects_load(struct directory *directory)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_REDIRECTION_LOAD];
	enum err e;

	while (sql_step(st, &e)) {
		struct directory_redirect redirect = {.target = mem_dup(sql_column_str(st, 1)),
			.named = sql_column_i64(st, 2), .created = sql_column_i64(st, 5)};

		if (!sql_column_is_null(st, 4))
			snprintf(redirect.code, sizeof(redirect.code), "%.*s", STR_FMT(sql_column_str(st, 4)));
		directory_redirect_remember(
			directory, sql_column_i64(st, 0), redirect, sql_column_i64(st, 3) != 0);
	}
	return e;
}

void directory_redirects_free(struct directory *directory)
{
	struct directory_redirects *all;
	struct str key;
	size_t cursor = 0;

	while ((all = map_next(directory->redirects, &cursor, &key)) != NULL)
		free_list(all);
	map_free(&directory->redirects);
}
