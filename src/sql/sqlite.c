/* SPDX-License-Identifier: ISC */
#include "sql/driver.h"

#include "base/arena.h"
#include "base/buf.h"
#include "sql/sqlite_code.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FRAME_HEADER_BYTES = 24, DEFAULT_PAGE_BYTES = 4096 };
static const uint64_t DEFAULT_CACHE_BYTES = 8u << 20;

struct connection {
	struct sql sql;
	sqlite3 *handle;
	sqlite3_stmt *controls[SQL_CONTROLS];
	uint32_t page_size;
	int wal_frames;
};
struct prepared {
	struct sql_statement statement;
	sqlite3_stmt *handle;
};

static const char *const CONTROL_TEXT[SQL_CONTROLS] = {
	[SQL_CONTROL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_CONTROL_BEGIN_READ] = "BEGIN",
	[SQL_CONTROL_COMMIT] = "COMMIT",
	[SQL_CONTROL_ROLLBACK] = "ROLLBACK",
	[SQL_CONTROL_SAVEPOINT] = "SAVEPOINT command",
	[SQL_CONTROL_KEEP] = "RELEASE SAVEPOINT command",
	[SQL_CONTROL_UNDO] = "ROLLBACK TO SAVEPOINT command",
};

static struct connection *connection_of(const struct sql *sql)
{
	return (struct connection *)sql;
}

sqlite3 *sql_sqlite_handle(const struct sql *sql)
{
	return connection_of(sql)->handle;
}

static sqlite3_stmt *handle_of(const struct sql_statement *statement)
{
	return ((const struct prepared *)statement)->handle;
}

static enum err fail(struct connection *conn, const char *what, int code)
{
	snprintf(conn->sql.message, sizeof(conn->sql.message), "%s: %s (%d)", what,
		conn->handle ? sqlite3_errmsg(conn->handle) : sqlite3_errstr(code),
		conn->handle ? sqlite3_extended_errcode(conn->handle) : code);
	return sql_sqlite_error(conn->handle, code);
}

/* $1 becomes ?1 (SQLite would number $1 by where it stands first), @CLUSTERED@ its own words
 * for it. */
static void translate(const char *text, struct buf *out)
{
	const struct str token = S("@CLUSTERED@");
	struct str rest = str_of(text);

	while (rest.n > 0) {
		if (str_starts(rest, token)) {
			buf_adds(out, "WITHOUT ROWID");
			rest = str_from(rest, token.n);
			continue;
		}
		buf_addc(out, *rest.p == '$' ? '?' : *rest.p);
		rest = str_from(rest, 1);
	}
	buf_addc(out, '\0');
}

static enum err execute(struct sql *sql, const char *script)
{
	struct connection *conn = connection_of(sql);
	struct buf text = {0};

	translate(script, &text);
	int code = sqlite3_exec(conn->handle, text.p, NULL, NULL, NULL);
	buf_done(&text);
	return code == SQLITE_OK ? OK : fail(conn, "script", code);
}

static enum err control(struct sql *sql, enum sql_control what)
{
	struct connection *conn = connection_of(sql);
	int code = sqlite3_step(conn->controls[what]);
	enum err e = code == SQLITE_DONE ? OK : fail(conn, CONTROL_TEXT[what], code);

	sqlite3_reset(conn->controls[what]);
	return e;
}

static bool is_open(const struct sql *sql)
{
	return !sqlite3_get_autocommit(connection_of(sql)->handle);
}

static enum err prepare(struct sql *sql, const struct sql_statement_row *row,
	struct sql_statement **ret_statement)
{
	struct connection *conn = connection_of(sql);
	struct buf text = {0};
	sqlite3_stmt *handle = NULL;

	translate(row->text, &text);
	int code = sqlite3_prepare_v3(
		conn->handle, text.p, (int)text.n, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
	buf_done(&text);
	if (code != SQLITE_OK)
		return fail(conn, row->name, code);
	struct prepared *prepared = mem_make(struct prepared);
	*prepared = (struct prepared){.handle = handle};
	*ret_statement = &prepared->statement;
	return OK;
}

static void finalize(struct sql_statement *statement)
{
	sqlite3_finalize(handle_of(statement));
	free(statement);
}

static int bind_value(sqlite3_stmt *handle, int index, const struct sql_value *value)
{
	const char *p = value->bytes.p != NULL ? value->bytes.p : "";

	switch (value->type) {
	case SQL_TYPE_I64:
		return sqlite3_bind_int64(handle, index, value->i64);
	case SQL_TYPE_TEXT:
		return sqlite3_bind_text64(
			handle, index, p, value->bytes.n, SQLITE_STATIC, SQLITE_UTF8);
	case SQL_TYPE_BLOB:
		return sqlite3_bind_blob64(handle, index, p, value->bytes.n, SQLITE_STATIC);
	case SQL_TYPE_NULL:
		break;
	}
	return sqlite3_bind_null(handle, index);
}

static void bind(struct sql_statement *statement, int index, const struct sql_value *value)
{
	int code = bind_value(handle_of(statement), index, value);

	/* Binding a statement that still has a row, or a parameter it does not have, is a
	 * mistake of the caller. */
	assert(code != SQLITE_MISUSE && code != SQLITE_RANGE);
	if (code != SQLITE_OK)
		statement->bind_error =
			fail(connection_of(statement->sql), statement->name, code);
}

static enum err step(struct sql_statement *statement, bool *ret_row)
{
	int code = sqlite3_step(handle_of(statement));

	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return fail(connection_of(statement->sql), statement->name, code);
	*ret_row = code == SQLITE_ROW;
	return OK;
}

static void reset(struct sql_statement *statement)
{
	sqlite3_reset(handle_of(statement));
}

static int64_t column_i64(const struct sql_statement *statement, int column)
{
	return sqlite3_column_int64(handle_of(statement), column);
}

static struct str column_bytes(const struct sql_statement *statement, int column)
{
	sqlite3_stmt *handle = handle_of(statement);
	/* For a text column this gives its bytes as they are; the pointer comes first, then
	 * its length. */
	const void *p = sqlite3_column_blob(handle, column);

	return str_make(p, p == NULL ? 0 : (size_t)sqlite3_column_bytes(handle, column));
}

static bool column_is_null(const struct sql_statement *statement, int column)
{
	return sqlite3_column_type(handle_of(statement), column) == SQLITE_NULL;
}

static int64_t changes(const struct sql *sql)
{
	return sqlite3_changes64(connection_of(sql)->handle);
}

static uint64_t wal_bytes(const struct sql *sql)
{
	const struct connection *conn = connection_of(sql);

	return (uint64_t)conn->wal_frames * (conn->page_size + FRAME_HEADER_BYTES);
}

static void close_connection(struct sql *sql)
{
	struct connection *conn = connection_of(sql);

	for (int i = 0; i < SQL_CONTROLS; i++)
		sqlite3_finalize(conn->controls[i]);
	sqlite3_close(conn->handle);
	free(conn);
}

static const struct sql_driver SQLITE = {
	.name = "sqlite",
	.close = close_connection,
	.exec = execute,
	.control = control,
	.is_open = is_open,
	.prepare = prepare,
	.finalize = finalize,
	.bind = bind,
	.step = step,
	.reset = reset,
	.column_i64 = column_i64,
	.column_bytes = column_bytes,
	.column_is_null = column_is_null,
	.changes = changes,
	.wal_bytes = wal_bytes,
};

static void configure_library(void)
{
	/* Its statistics cost a global lock at each allocation.  Too late is no harm. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int count_frames(void *context, sqlite3 *handle, const char *schema, int frames)
{
	((struct connection *)context)->wal_frames = frames;
	return SQLITE_OK;
}

/* The value of a PRAGMA that gives one; false when it differs from want. */
static bool pragma_is(struct connection *conn, const char *pragma, const char *want)
{
	sqlite3_stmt *handle = NULL;
	bool same =
		sqlite3_prepare_v2(conn->handle, pragma, -1, &handle, NULL) == SQLITE_OK &&
		sqlite3_step(handle) == SQLITE_ROW &&
		str_equal(str_of((const char *)sqlite3_column_text(handle, 0)), str_of(want));

	sqlite3_finalize(handle);
	return same;
}

static enum err set_up(struct connection *conn, bool memory, const struct sql_options *options)
{
	char pragmas[600];
	uint64_t cache = options->cache_bytes ? options->cache_bytes : DEFAULT_CACHE_BYTES;

	sqlite3_extended_result_codes(conn->handle, 1);
	sqlite3_busy_timeout(
		conn->handle, options->busy_timeout_ms ? options->busy_timeout_ms : 1000);
	sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* "x" is a name in PostgreSQL, never a string. */
	sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA page_size = %u; PRAGMA cache_size = -%llu; PRAGMA temp_store = MEMORY;"
		"PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = "
		"ON;"
		"PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;",
		conn->page_size, (unsigned long long)(cache / 1024 + 1));
	enum err e = execute(&conn->sql, pragmas);
	if (e == OK && !memory && !options->read_only &&
		!pragma_is(conn, "PRAGMA journal_mode = WAL", "wal"))
		return fail(conn, "write-ahead log", sqlite3_errcode(conn->handle));
	if (e == OK)
		e = execute(&conn->sql,
			"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;");
	sqlite3_wal_hook(conn->handle, count_frames, conn);
	return e;
}

static enum err read_page_size(struct connection *conn)
{
	sqlite3_stmt *handle = NULL;
	int code = sqlite3_prepare_v2(conn->handle, "PRAGMA page_size", -1, &handle, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(handle);
	if (code == SQLITE_ROW)
		conn->page_size = (uint32_t)sqlite3_column_int(handle, 0);
	sqlite3_finalize(handle);
	return code == SQLITE_ROW ? OK : fail(conn, "page size", code);
}

static enum err prepare_controls(struct connection *conn)
{
	for (int i = 0; i < SQL_CONTROLS; i++) {
		int code = sqlite3_prepare_v3(conn->handle, CONTROL_TEXT[i], -1,
			SQLITE_PREPARE_PERSISTENT, &conn->controls[i], NULL);

		if (code != SQLITE_OK)
			return fail(conn, CONTROL_TEXT[i], code);
	}
	return OK;
}

static enum err connect(
	struct connection *conn, const char *path, const struct sql_options *options)
{
	int flags = SQLITE_OPEN_NOMUTEX |
		    (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	bool memory = strcmp(path, ":memory:") == 0;
	enum err e = memory || options->read_only ? OK : sql_sqlite_make_file(path);

	if (e != OK) {
		snprintf(conn->sql.message, sizeof(conn->sql.message), "%s: %s", path,
			err_text(e));
		return e;
	}
	int code = sqlite3_open_v2(path, &conn->handle, flags, NULL);
	if (code != SQLITE_OK)
		return fail(conn, path, code);
	e = set_up(conn, memory, options);
	if (e == OK)
		e = read_page_size(conn);
	return e == OK ? prepare_controls(conn) : e;
}

enum err sql_sqlite_open(
	const char *path, const struct sql_options *options, struct sql **ret_sql)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct connection *conn = mem_make(struct connection);

	pthread_once(&once, configure_library);
	*conn = (struct connection){.sql.driver = &SQLITE,
		.page_size = options->page_size ? options->page_size : DEFAULT_PAGE_BYTES};
	enum err e = connect(conn, path, options);
	if (e != OK) {
		close_connection(&conn->sql);
		return e;
	}
	*ret_sql = &conn->sql;
	return OK;
}
