/* SPDX-License-Identifier: ISC */
/*
 * SQL as data: named statements from .sql files (script/embed-sql makes <file>_sql.h and .c of
 * each), prepared at start, bound, stepped.  One connection belongs to one thread.  Text is
 * UTF-8 without NUL.
 *
 * Any error inside a transaction makes it fail as a whole (PostgreSQL knows no other way;
 * SQLite does it by itself when the disk is full): until sql_rollback, or sql_savepoint_undo
 * inside a savepoint, every step and sql_commit give that first error again, so nothing can be
 * committed by halves.
 *
 * Errors: ERR_NO_SPACE, ERR_IO, ERR_CORRUPT, ERR_BUSY, ERR_EXISTS (unique constraint),
 * ERR_NO_MEMORY, ERR_DATABASE for all others; sql_last_error has the database's words.  The
 * dialect: src/sql/README.md.
 */
#ifndef SQL_SQL_H
#define SQL_SQL_H

#include "base/err.h"
#include "base/str.h"

struct sql;
struct sql_statement;

struct sql_options {
	uint32_t page_size;   /* bytes, 0: 4096; only a database that is made new takes it */
	uint64_t cache_bytes; /* 0: 8 MiB */
	int busy_timeout_ms;  /* 0: 1000 */
	bool read_only; /* the database exists already; nothing is written but the -shm file */
};

/* Rows of the generated tables. */
struct sql_statement_row {
	const char *name, *text;
};
struct sql_migration {
	int version; /* 1, 2, ... */
	const char *script;
};

/* path ":memory:" makes a private one without durability.  The file is made 0600, its
 * directory must exist. */
MUST_CHECK enum err sql_open(
	const char *path, const struct sql_options *options, struct sql **ret_sql);
/* Rolls back what is open; frees the statements.  NULL inside is fine. */
void sql_close(struct sql **sql);
/* What the database said last, one line; valid until the next call.  Never NULL. */
const char *sql_last_error(const struct sql *sql);

/*
 * Brings the module's tables to the newest version: one transaction a version, nothing to do
 * when done. ERR_CANNOT: the database was made by a newer program.
 */
MUST_CHECK enum err sql_migrate(
	struct sql *sql, const char *module, const struct sql_migration *list, size_t n);
/* Several statements separated by ';', no parameters, @CLUSTERED@ replaced.  For schemas and
 * tests. */
MUST_CHECK enum err sql_exec_script(struct sql *sql, const char *script);

/* ret_statements[i] is rows[i] prepared; the connection owns them.  All or none. */
MUST_CHECK enum err sql_prepare_all(struct sql *sql, const struct sql_statement_row *rows,
	size_t n, struct sql_statement **ret_statements);

/* A write transaction.  Commit is durable when it returns OK; when it fails the transaction is
 * rolled back. */
MUST_CHECK enum err sql_begin(struct sql *sql);
/* A read transaction: one unchanging view over several statements; never keep one over a turn
 * of the loop. */
MUST_CHECK enum err sql_begin_read(struct sql *sql);
MUST_CHECK enum err sql_commit(struct sql *sql);
/* No effect without a transaction; cannot fail. */
void sql_rollback(struct sql *sql);
/* Ends in one place: commits when e is OK, rolls back otherwise; returns e or what the commit
 * said. */
MUST_CHECK enum err sql_end(struct sql *sql, enum err e);
bool sql_in_transaction(const struct sql *sql);
/* The error that made the open transaction fail, or OK. */
enum err sql_failure(const struct sql *sql);
/* One level of savepoint.  Undo takes back what came after sql_savepoint (and an error that
 * was not fatal). */
MUST_CHECK enum err sql_savepoint(struct sql *sql);
MUST_CHECK enum err sql_savepoint_keep(struct sql *sql);
MUST_CHECK enum err sql_savepoint_undo(struct sql *sql);

/*
 * Parameters $1, $2, ... have index 1, 2, ...; every one is bound before each execution. Bytes
 * are not copied: they stay unchanged until the statement is done or reset.  STR_NONE is an
 * empty value, not NULL.
 */
void sql_bind_i64(struct sql_statement *statement, int index, int64_t value);
void sql_bind_text(struct sql_statement *statement, int index, struct str text);
void sql_bind_blob(struct sql_statement *statement, int index, struct str bytes);
void sql_bind_null(struct sql_statement *statement, int index);

/* The same for parameters 1 .. n at once: SQL_BIND(st, SQL_I64(account), SQL_TEXT(name)); */
struct sql_value {
	enum sql_type { SQL_TYPE_NULL, SQL_TYPE_I64, SQL_TYPE_TEXT, SQL_TYPE_BLOB } type;
	int64_t i64;
	struct str bytes;
};
#define SQL_NULL ((struct sql_value){.type = SQL_TYPE_NULL})
#define SQL_I64(v) ((struct sql_value){.type = SQL_TYPE_I64, .i64 = (int64_t)(v)})
#define SQL_TEXT(s) ((struct sql_value){.type = SQL_TYPE_TEXT, .bytes = (s)})
#define SQL_BLOB(s) ((struct sql_value){.type = SQL_TYPE_BLOB, .bytes = (s)})
#define SQL_BIND(statement, ...)                                                              \
	sql_bind_values((statement), (const struct sql_value[]){__VA_ARGS__},                 \
		sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value))
void sql_bind_values(
	struct sql_statement *statement, const struct sql_value *values, size_t n);

/*
 * Executes, or goes on to the next row.  True: a row is there.  False: done (*ret_error is OK)
 *or failed, and the statement is reset.  *ret_error is always set.  Leave early with
 *sql_reset.
 *
 *	while (sql_step(st, &e))
 *		...sql_column_i64(st, 0)...
 */
bool sql_step(struct sql_statement *statement, enum err *ret_error);
/* Executes to the end, rows ignored, reset. */
MUST_CHECK enum err sql_run(struct sql_statement *statement);
/* Executes; OK: the first row is there until sql_reset.  ERR_NOT_FOUND: no row, reset. */
MUST_CHECK enum err sql_first(struct sql_statement *statement);
void sql_reset(struct sql_statement *statement);
/* Rows that the last statement done inserted, updated or deleted. */
int64_t sql_changes(const struct sql *sql);

/* Columns count from 0.  NULL reads as 0 and empty.  Bytes are valid until the next step or
 * reset. */
int64_t sql_column_i64(const struct sql_statement *statement, int column);
struct str sql_column_str(const struct sql_statement *statement, int column);
struct str sql_column_blob(const struct sql_statement *statement, int column);
bool sql_column_is_null(const struct sql_statement *statement, int column);

/* Bytes in the write-ahead log that a checkpoint has not taken over, as of the last commit; 0
 * with other databases. */
uint64_t sql_wal_bytes(const struct sql *sql);

/*
 * Nothing is checkpointed by a commit.  A checkpointer is a connection of its own for another
 * thread; running it never blocks the writer.  ret_left: bytes it could not move (an open
 * reader), 0 when the log starts afresh.
 */
struct sql_checkpointer;
MUST_CHECK enum err sql_checkpointer_open(
	const char *path, struct sql_checkpointer **ret_checkpointer);
MUST_CHECK enum err sql_checkpointer_run(
	struct sql_checkpointer *checkpointer, uint64_t *ret_left);
void sql_checkpointer_close(struct sql_checkpointer **checkpointer);

#endif
