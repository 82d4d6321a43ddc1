/* SPDX-License-Identifier: ISC */
/* The rows of a file and everything that is wrong with them. */
#include "directory/import.h"

#include <stdarg.h>

static const int64_t DAY_MS = 86400000;

static void complain(struct directory_import *import, size_t line, const char *column, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* column may be NULL: the whole row. */
static void complain(struct directory_import *import, size_t line, const char *column, const char *format, ...)
{
	json_t *error = json_object();
	struct buf cause = {0};
	va_list ap;

	va_start(ap, format);
	buf_vaddf(&cause, format, ap);
	va_end(ap);
	directory_put_number(error, "line", (int64_t)line);
	directory_put_text(error, "column", column ? str_of(column) : STR_NONE);
	directory_put_text(error, "cause", buf_str(&cause));
	json_array_append_new(import->errors, error);
	buf_done(&cause);
}

static bool is_header(const struct directory_csv_row *row)
{
	struct str first = str_trim(row->fields[0]);

	return row->count == DIRECTORY_IMPORT_COLUMNS && str_iequal(str_trim(row->fields[1]), S("password")) &&
		(str_iequal(first, S("local part")) || str_iequal(first, S("local_part")) ||
			str_iequal(first, S("local-part")));
}

static bool has_controls(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* ---- columns ---- */

static void check_free(struct directory_import *import, const struct directory_import_row *row, struct str local)
{
	size_t place = (uintptr_t)map_get(import->by_local, local);

	if (directory_index_find(import->directory->index, import->service, local))
		complain(import, row->line, "local part", "%.*s@%.*s exists already", STR_FMT(local), STR_FMT(import->domain));
	else if (place > 0)
		complain(import, row->line, "local part", "%.*s stands on line %zu already", STR_FMT(local),
			import->rows.v[place - 1].line);
	else if (str_equal(local, S("catchall")) && !import->service->offer->catch_all)
		complain(import, row->line, "local part", "the offer %s has no catch-all", import->service->offer->name);
}

static void take_local(struct directory_import *import, struct directory_import_row *row, struct str local)
{
	struct buf address = BUF_MAX(4 * DIRECTORY_ADDRESS_MAX);
	struct directory_name name;

	buf_add(&address, local);
	buf_addc(&address, '@');
	buf_add(&address, import->domain);
	if (local.n == 0 || str_index(local, '@') >= 0 || address.overflow ||
		directory_name_parse_new(buf_str(&address), &name) != OK) {
		complain(import, row->line, "local part", "%.*s is not a local part that can be made", STR_FMT(local));
	} else {
		row->local = arena_dup(import->arena, directory_name_local(&name));
		check_free(import, row, row->local);
	}
	buf_done(&address);
}

static void take_password(struct directory_import *import, struct directory_import_row *row, struct str password)
{
	row->password = password;
	if (password.n > DIRECTORY_PASSWORD_MAX)
		complain(import, row->line, "password", "a password has at most %d bytes", DIRECTORY_PASSWORD_MAX);
	else if (has_controls(password))
		complain(import, row->line, "password", "there are control characters in it");
}

static void take_keep(struct directory_import *import, struct directory_import_row *row, struct str keep)
{
	if (keep.n > 0 && !str_equal(keep, S("0")) && !str_equal(keep, S("1"))) {
		complain(import, row->line, "keep", "0 keeps a copy in the mailbox, 1 deletes it; there is nothing else");
		return;
	}
	row->drop_copy = str_equal(keep, S("1"));
	if (row->drop_copy && row->target.n == 0)
		complain(import, row->line, "keep", "no copy is kept and there is no redirect target: all mail would be lost");
}

static void take_row(struct directory_import *import, const struct directory_csv_row *csv)
{
	struct directory_import_row row = {.line = csv->line, .named_row = SIZE_MAX};

	if (csv->cause) {
		complain(import, csv->line, NULL, "%s", csv->cause);
		return;
	}
	if (csv->count != DIRECTORY_IMPORT_COLUMNS) {
		complain(import, csv->line, NULL,
			"there are %zu columns; a row has 4: local part, password, redirect target, 0 keep/1 delete", csv->count);
		return;
	}
	row.target = str_trim(csv->fields[2]);
	take_local(import, &row, str_trim(csv->fields[0]));
	take_password(import, &row, csv->fields[1]);
	take_keep(import, &row, str_trim(csv->fields[3]));
	vec_push(&import->rows, row);
	if (row.local.n > 0 && !map_get(import->by_local, row.local))
		map_put(import->by_local, row.local, (void *)(uintptr_t)import->rows.n);
}

static void take_rows(struct directory_import *import)
{
	struct directory_csv csv;
	struct directory_csv_row row;
	bool first = true;

	directory_csv_begin(&csv, import->text, import->arena);
	while (directory_csv_next(&csv, &row)) {
		if (import->rows.n == DIRECTORY_IMPORT_ROWS_MAX) {
			complain(import, row.line, NULL, "a file has at most %d rows", DIRECTORY_IMPORT_ROWS_MAX);
			return;
		}
		if (!first || row.cause || !is_header(&row))
			take_row(import, &row);
		first = false;
	}
	if (import->rows.n == 0 && json_array_size(import->errors) == 0)
		complain(import, 1, NULL, "there is no row");
}

/* ---- redirect targets, when all rows are known ---- */

/* 1 + the place of the row that an address names; 0: none. */
static size_t find_row(const struct directory_import *import, struct str address)
{
	struct directory_name name;

	if (directory_name_parse(address, &name) != OK ||
		directory_index_domain(import->directory->index, directory_name_domain(&name)) != import->service)
		return 0;
	return (uintptr_t)map_get(import->by_local, directory_name_local(&name));
}

static void name_row(struct directory_import *import, struct directory_import_row *row, size_t place, int64_t now_ms)
{
	struct buf text = {0};

	buf_addf(&text, "%.*s@%.*s", STR_FMT(import->rows.v[place].local), STR_FMT(import->domain));
	row->named_row = place;
	row->redirect = (struct directory_redirect){.target = mem_dup(buf_str(&text)), .created = now_ms};
	buf_done(&text);
	if (row == &import->rows.v[place])
		complain(import, row->line, "redirect target", "%s is the address itself", row->redirect.target);
}

static void check_target(struct directory_import *import, struct directory_import_row *row, int64_t now_ms)
{
	size_t place = find_row(import, row->target);

	if (row->target.n == 0)
		return;
	if (import->service->offer->redirect_targets == 0)
		complain(import, row->line, "redirect target", "the offer %s has no redirect targets",
			import->service->offer->name);
	else if (place > 0)
		name_row(import, row, place - 1, now_ms);
	else if (directory_redirect_make(import->directory, row->target, now_ms, &row->redirect) != OK)
		complain(import, row->line, "redirect target", "%s", directory_message(import->directory));
}

/* An address that exists leads to none of this file: a loop is one of rows. */
static void check_loop(struct directory_import *import, size_t start)
{
	struct buf chain = {0};
	size_t at = start, steps = 0;

	do {
		buf_addf(&chain, "%s%.*s", steps ? " -> " : "", STR_FMT(import->rows.v[at].local));
		at = import->rows.v[at].named_row;
	} while (at != SIZE_MAX && at != start && steps++ < import->rows.n);
	if (at == start && steps > 0)
		complain(import, import->rows.v[start].line, "redirect target", "that would be a loop: %.*s -> %.*s",
			STR_FMT(str_sub(buf_str(&chain), 0, 2000)), STR_FMT(import->rows.v[start].local));
	buf_done(&chain);
}

/* ---- the limit of a day ---- */

static enum err count_made(struct directory_import *import, int64_t since_ms, int64_t *ret_count)
{
	struct sql_statement *st = import->directory->st[DIRECTORY_SQL_IMPORT_COUNT];

	SQL_BIND(st, SQL_I64(import->service->id), SQL_I64(since_ms));
	enum err e = sql_first(st);
	if (e == OK)
		*ret_count = sql_column_i64(st, 0);
	sql_reset(st);
	return e;
}

static enum err read_limit(struct directory_import *import, int64_t *ret_limit)
{
	struct buf text = {0};
	uint64_t value = import->directory->options.import_per_day;
	enum err e = directory_setting_get(
		import->directory, DIRECTORY_OF_SERVICE, import->service->id, S("import-limit"), &text);

	if (e == OK && text.n > 0)
		e = str_to_u64(buf_str(&text), &value);
	*ret_limit = value > INT64_MAX ? INT64_MAX : (int64_t)value;
	buf_done(&text);
	return e;
}

static enum err check_limit(struct directory_import *import, int64_t now_ms)
{
	int64_t limit = 0, made = 0, left;
	enum err e = read_limit(import, &limit);

	if (e == OK && limit > 0)
		e = count_made(import, now_ms - DAY_MS, &made);
	if (e != OK || limit == 0)
		return e;
	left = made < limit ? limit - made : 0;
	if ((int64_t)import->rows.n > left)
		complain(import, import->rows.v[left].line, NULL,
			"the service makes at most %lld addresses from files in 24 hours, and %lld are made", (long long)limit,
			(long long)made);
	return OK;
}

static void forget_rows(struct directory_import *import)
{
	for (size_t i = 0; i < import->rows.n; i++)
		directory_redirect_done(&import->rows.v[i].redirect);
	import->rows.n = 0;
	map_free(&import->by_local);
	import->by_local = map_new();
}

enum err directory_import_check(struct directory_import *import, int64_t now_ms)
{
	struct directory_service *service;
	enum err e = directory_find_service(import->directory, import->domain, &service);

	if (e != OK)
		return e;
	import->service = service;
	import->domain = arena_dup(import->arena, str_of(service->main_domain));
	forget_rows(import);
	json_array_clear(import->errors);
	take_rows(import);
	for (size_t i = 0; i < import->rows.n; i++)
		check_target(import, &import->rows.v[i], now_ms);
	for (size_t i = 0; i < import->rows.n; i++)
		check_loop(import, i);
	import->directory->message[0] = '\0';
	return import->rows.n > 0 ? check_limit(import, now_ms) : OK;
}
