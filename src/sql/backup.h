/* SPDX-License-Identifier: ISC */
/* A copy of a database that is in use, made in slices by the connection that writes it.  SQLite only. */
#ifndef SQL_BACKUP_H
#define SQL_BACKUP_H

#include "sql/sql.h"

struct sql_backup;

/*
 * Into path + ".new", which becomes path, durably, when all is copied.  What is written meanwhile goes into the copy too.  The
 * connection must stay open until sql_backup_end().
 */
MUST_CHECK enum err sql_backup_start(struct sql *sql, const char *path, struct sql_backup **ret_backup);
/* Some more pages; outside of transactions. */
MUST_CHECK enum err sql_backup_step(struct sql_backup *backup, unsigned pages, bool *ret_done);
/* One that is not done leaves nothing. */
void sql_backup_end(struct sql_backup **backup);

/* The structure of the database is whole; slow: reads all of it. */
bool sql_is_sound(struct sql *sql);

#endif
