/* SPDX-License-Identifier: ISC */
#include "sql/driver.h"

#include "base/arena.h"

#include <assert.h>
#include <stdio.h>

enum err sql_open(const char *path, const struct sql_options *options, struct sql **ret_sql)
{
	return sql_sqlite_open(path, options, ret_sql);
}

static void unlink_statement(struct sql_statement *statement)
{
	struct sql_statement **at = &statement->sql->statements;

	while (*at != statement)
		at = &(*at)->next;
	*at = statement->next;
	statement->driver->finalize(statement);
}

void sql_close(struct sql **sql)
{
	if (*sql == NULL)
		return;
	sql_rollback(*sql);
	while ((*sql)->statements != NULL)
		unlink_statement((*sql)->statements);
	(*sql)->driver->close(*sql);
	*sql = NULL;
}

const char *sql_last_error(const struct sql *sql)
{
	return sql->message;
}

enum err sql_prepare_all(struct sql *sql, const struct sql_statement_row *rows, size_t n,
	struct sql_statement **ret_statements)
{
	for (size_t i = 0; i < n; i++) {
		enum err e = sql->driver->prepare(sql, &rows[i], &ret_statements[i]);

		if (e != OK) {
			while (i-- > 0)
				unlink_statement(ret_statements[i]);
			return e;
		}
		ret_statements[i]->sql = sql;
		ret_statements[i]->driver = sql->driver;
		ret_statements[i]->name = rows[i].name;
		ret_statements[i]->next = sql->statements;
		sql->statements = ret_statements[i];
	}
	return OK;
}

/*
 * After these the database may have rolled back a part, the whole or nothing (SQLite:
 * "Response To Errors Within A Transaction"); none is worth going on in the same transaction.
 */
static bool is_fatal(enum err e)
{
	return e == ERR_NO_SPACE || e == ERR_IO || e == ERR_CORRUPT || e == ERR_NO_MEMORY;
}

static enum err note_failure(struct sql *sql, enum err e)
{
	if (sql->in_transaction && sql->failure == OK) {
		sql->failure = e;
		sql->lost = is_fatal(e) || !sql->driver->is_open(sql);
	}
	return e;
}

static enum err begin(struct sql *sql, enum sql_control how)
{
	enum err e;

	assert(!sql->in_transaction);
	e = sql->driver->control(sql, how);
	if (e != OK)
		return e;
	sql->in_transaction = true;
	sql->in_savepoint = sql->lost = false;
	sql->failure = OK;
	return OK;
}

enum err sql_begin(struct sql *sql)
{
	return begin(sql, SQL_CONTROL_BEGIN);
}

enum err sql_begin_read(struct sql *sql)
{
	return begin(sql, SQL_CONTROL_BEGIN_READ);
}

static void reset_all(struct sql *sql)
{
	for (struct sql_statement *s = sql->statements; s != NULL && sql->active_count > 0;
		s = s->next)
		sql_reset(s);
}

void sql_rollback(struct sql *sql)
{
	char message[sizeof(sql->message)];
	enum err e;

	if (!sql->in_transaction)
		return;
	reset_all(sql);
	/* A rollback on a database that is failing may complain too; the first complaint is
	 * the one to keep. */
	memcpy(message, sql->message, sizeof(message));
	e = sql->driver->is_open(sql) ? sql->driver->control(sql, SQL_CONTROL_ROLLBACK) : OK;
	assert(e == OK || !sql->driver->is_open(sql));
	memcpy(sql->message, message, sizeof(message));
	sql->in_transaction = sql->in_savepoint = sql->lost = false;
	sql->failure = OK;
}

enum err sql_commit(struct sql *sql)
{
	enum err e = sql->failure;

	assert(sql->in_transaction);
	/* A statement left open would keep the write-ahead log from being taken over, turn
	 * after turn. */
	assert(sql->active_count == 0);
	if (e == OK)
		e = sql->driver->control(sql, SQL_CONTROL_COMMIT);
	if (e == OK)
		sql->in_transaction = sql->in_savepoint = false;
	else
		sql_rollback(sql);
	return e;
}

enum err sql_end(struct sql *sql, enum err e)
{
	if (e == OK)
		return sql_commit(sql);
	sql_rollback(sql);
	return e;
}

bool sql_in_transaction(const struct sql *sql)
{
	return sql->in_transaction;
}

enum err sql_failure(const struct sql *sql)
{
	return sql->failure;
}

static enum err savepoint(struct sql *sql, enum sql_control what)
{
	assert(sql->in_transaction && sql->in_savepoint == (what != SQL_CONTROL_SAVEPOINT));
	if (sql->failure != OK)
		return sql->failure;
	enum err e = sql->driver->control(sql, what);
	if (e != OK)
		return note_failure(sql, e);
	sql->in_savepoint = what == SQL_CONTROL_SAVEPOINT;
	return OK;
}

enum err sql_savepoint(struct sql *sql)
{
	return savepoint(sql, SQL_CONTROL_SAVEPOINT);
}

enum err sql_savepoint_keep(struct sql *sql)
{
	return savepoint(sql, SQL_CONTROL_KEEP);
}

enum err sql_savepoint_undo(struct sql *sql)
{
	if (!sql->lost)
		sql->failure = OK;
	reset_all(sql);
	enum err e = savepoint(sql, SQL_CONTROL_UNDO);
	/* Undone, it would stay on the stack and slow down the rest of the transaction. */
	sql->in_savepoint = true;
	return e == OK ? savepoint(sql, SQL_CONTROL_KEEP) : e;
}

enum err sql_exec_script(struct sql *sql, const char *script)
{
	if (sql->failure != OK)
		return sql->failure;
	enum err e = sql->driver->exec(sql, script);
	return e == OK ? OK : note_failure(sql, e);
}

void sql_bind_values(struct sql_statement *statement, const struct sql_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		statement->driver->bind(statement, (int)i + 1, &values[i]);
}

void sql_bind_i64(struct sql_statement *statement, int index, int64_t value)
{
	statement->driver->bind(statement, index, &SQL_I64(value));
}

void sql_bind_text(struct sql_statement *statement, int index, struct str text)
{
	statement->driver->bind(statement, index, &SQL_TEXT(text));
}

void sql_bind_blob(struct sql_statement *statement, int index, struct str bytes)
{
	statement->driver->bind(statement, index, &SQL_BLOB(bytes));
}

void sql_bind_null(struct sql_statement *statement, int index)
{
	statement->driver->bind(statement, index, &SQL_NULL);
}

static void set_active(struct sql_statement *statement, bool active)
{
	statement->sql->active_count += (unsigned)active - (unsigned)statement->active;
	statement->active = active;
}

/* One execution in a failed transaction must not happen: SQLite may have left it, and would
 * commit this one alone. */
static enum err step(struct sql_statement *statement, bool *ret_row)
{
	struct sql *sql = statement->sql;
	enum err e = sql->failure != OK ? sql->failure : statement->bind_error;

	if (e == OK)
		e = statement->driver->step(statement, ret_row);
	return e == OK ? OK : note_failure(sql, e);
}

bool sql_step(struct sql_statement *statement, enum err *ret_error)
{
	bool row = false;
	enum err e = step(statement, &row);

	if (e == OK && row) {
		if (!statement->active)
			set_active(statement, true);
	} else {
		sql_reset(statement);
		row = false;
	}
	*ret_error = e;
	return row;
}

enum err sql_run(struct sql_statement *statement)
{
	enum err e;

	while (sql_step(statement, &e))
		;
	return e;
}

enum err sql_first(struct sql_statement *statement)
{
	enum err e;

	if (sql_step(statement, &e))
		return OK;
	return e == OK ? ERR_NOT_FOUND : e;
}

void sql_reset(struct sql_statement *statement)
{
	statement->driver->reset(statement);
	statement->bind_error = OK;
	if (statement->active)
		set_active(statement, false);
}

int64_t sql_changes(const struct sql *sql)
{
	return sql->driver->changes(sql);
}

int64_t sql_column_i64(const struct sql_statement *statement, int column)
{
	return statement->driver->column_i64(statement, column);
}

struct str sql_column_str(const struct sql_statement *statement, int column)
{
	return statement->driver->column_bytes(statement, column);
}

struct str sql_column_blob(const struct sql_statement *statement, int column)
{
	return statement->driver->column_bytes(statement, column);
}

bool sql_column_is_null(const struct sql_statement *statement, int column)
{
	return statement->driver->column_is_null(statement, column);
}

uint64_t sql_wal_bytes(const struct sql *sql)
{
	return sql->driver->wal_bytes(sql);
}
