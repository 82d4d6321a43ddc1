/* SPDX-License-Identifier: ISC */
/* What the SQLite driver and the checkpointer share; inside the module only. */
#ifndef SQL_SQLITE_CODE_H
#define SQL_SQLITE_CODE_H

#include "base/err.h"

#include <sqlite3.h>

struct sql;
/* Of a connection to SQLite. */
sqlite3 *sql_sqlite_handle(const struct sql *sql);
/* The error for a SQLite result code; handle (may be NULL) is asked for the system's errno.
 * Never OK. */
enum err sql_sqlite_error(sqlite3 *handle, int code);
/* An empty file with mode 0600 where none is, its name durable: SQLite's -wal and -shm take
 * over the mode. */
MUST_CHECK enum err sql_sqlite_make_file(const char *path);

#endif
