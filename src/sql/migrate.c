/* SPDX-License-Identifier: ISC */
#include "sql/driver.h"

#include <stdio.h>

static const char VERSIONS[] = "CREATE TABLE IF NOT EXISTS schema_version (module TEXT NOT "
			       "NULL PRIMARY KEY, version INTEGER NOT NULL)";

enum { GET, SET, STATEMENTS };
static const struct sql_statement_row ROWS[STATEMENTS] = {
	[GET] = {"version_get", "SELECT version FROM schema_version WHERE module = $1"},
	[SET] = {"version_set",
		"INSERT INTO schema_version (module, version) VALUES ($1, $2)"
		" ON CONFLICT (module) DO UPDATE SET version = excluded.version"},
};

static enum err read_version(
	struct sql_statement *get, struct str module, int64_t *ret_version)
{
	SQL_BIND(get, SQL_TEXT(module));
	enum err e = sql_first(get);
	if (e == ERR_NOT_FOUND) {
		*ret_version = 0;
		return OK;
	}
	if (e != OK)
		return e;
	*ret_version = sql_column_i64(get, 0);
	sql_reset(get);
	return OK;
}

static enum err write_version(struct sql_statement *set, struct str module, int version)
{
	SQL_BIND(set, SQL_TEXT(module), SQL_I64(version));
	return sql_run(set);
}

static enum err apply(struct sql *sql, struct sql_statement **statements, struct str module,
	const struct sql_migration *migration)
{
	enum err e = sql_begin(sql);

	if (e != OK)
		return e;
	e = sql_exec_script(sql, migration->script);
	if (e == OK)
		e = write_version(statements[SET], module, migration->version);
	return sql_end(sql, e);
}

enum err sql_migrate(
	struct sql *sql, const char *module, const struct sql_migration *list, size_t n)
{
	struct sql_statement *statements[STATEMENTS];
	int64_t version;
	enum err e = sql_exec_script(sql, VERSIONS);

	if (e == OK)
		e = sql_prepare_all(sql, ROWS, STATEMENTS, statements);
	if (e == OK)
		e = read_version(statements[GET], str_of(module), &version);
	if (e != OK)
		return e;
	if (version > (n > 0 ? list[n - 1].version : 0)) {
		snprintf(sql->message, sizeof(sql->message),
			"%s: version %lld was made by a newer program", module,
			(long long)version);
		return ERR_CANNOT;
	}
	for (size_t i = 0; i < n && e == OK; i++)
		if (list[i].version > version)
			e = apply(sql, statements, str_of(module), &list[i]);
	return e;
}
