/* SPDX-License-Identifier: ISC */
/* What a database driver provides to sql.c; inside the module only.  Transactions' rules live
 * in sql.c, not here. */
#ifndef SQL_DRIVER_H
#define SQL_DRIVER_H

#include "sql/sql.h"

enum sql_control {
	SQL_CONTROL_BEGIN,
	SQL_CONTROL_BEGIN_READ,
	SQL_CONTROL_COMMIT,
	SQL_CONTROL_ROLLBACK,
	SQL_CONTROL_SAVEPOINT,
	SQL_CONTROL_KEEP,
	SQL_CONTROL_UNDO,
	SQL_CONTROLS
};

/* The first member of a driver's own connection and statement. */
struct sql {
	const struct sql_driver *driver;
	struct sql_statement *statements; /* all prepared ones, linked by next */
	unsigned active_count;            /* statements that have a row */
	enum err failure;                 /* made the open transaction fail */
	bool in_transaction, in_savepoint;
	bool lost; /* the database rolled back by itself, or cannot be trusted to go on */
	char message[400];
};
struct sql_statement {
	struct sql *sql;
	const struct sql_driver *driver;
	const char *name;
	struct sql_statement *next;
	enum err bind_error;
	bool active;
};

/* All required.  Functions that fail leave words in sql->message. */
struct sql_driver {
	const char *name;
	void (*close)(struct sql *sql);
	enum err (*exec)(struct sql *sql, const char *script);
	enum err (*control)(struct sql *sql, enum sql_control what);
	/* True while the database itself still has a transaction open. */
	bool (*is_open)(const struct sql *sql);
	enum err (*prepare)(struct sql *sql, const struct sql_statement_row *row,
		struct sql_statement **ret_statement);
	void (*finalize)(struct sql_statement *statement);
	void (*bind)(
		struct sql_statement *statement, int index, const struct sql_value *value);
	enum err (*step)(struct sql_statement *statement, bool *ret_row);
	void (*reset)(struct sql_statement *statement);
	int64_t (*column_i64)(const struct sql_statement *statement, int column);
	struct str (*column_bytes)(const struct sql_statement *statement, int column);
	bool (*column_is_null)(const struct sql_statement *statement, int column);
	int64_t (*changes)(const struct sql *sql);
	uint64_t (*wal_bytes)(const struct sql *sql);
};

MUST_CHECK enum err sql_sqlite_open(
	const char *path, const struct sql_options *options, struct sql **ret_sql);

#endif
