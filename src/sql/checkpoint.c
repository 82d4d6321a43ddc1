/* SPDX-License-Identifier: ISC */
#include "sql/sql.h"

#include "base/arena.h"
#include "sql/sqlite_code.h"

#include <stdlib.h>

struct sql_checkpointer {
	sqlite3 *handle;
};

static int read_page_size(sqlite3 *handle)
{
	sqlite3_stmt *statement = NULL;
	int size = 0;

	if (sqlite3_prepare_v2(handle, "PRAGMA page_size", -1, &statement, NULL) ==
			SQLITE_OK &&
		sqlite3_step(statement) == SQLITE_ROW)
		size = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return size;
}

enum err sql_checkpointer_open(const char *path, struct sql_checkpointer **ret_checkpointer)
{
	sqlite3 *handle = NULL;
	int code = sqlite3_open_v2(
		path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_exec(handle,
			"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
			"PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY",
			NULL, NULL, NULL);
	if (code != SQLITE_OK) {
		enum err e = sql_sqlite_error(handle, code);
		sqlite3_close(handle);
		return e;
	}
	*ret_checkpointer = mem_make(struct sql_checkpointer);
	(*ret_checkpointer)->handle = handle;
	return OK;
}

enum err sql_checkpointer_run(struct sql_checkpointer *checkpointer, uint64_t *ret_left)
{
	int frames = 0, moved = 0;
	int code = sqlite3_wal_checkpoint_v2(
		checkpointer->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);

	/* BUSY: another checkpoint is under way, which does this one's work. */
	if (code != SQLITE_OK && code != SQLITE_BUSY)
		return sql_sqlite_error(checkpointer->handle, code);
	*ret_left = frames > moved
			    ? (uint64_t)(frames - moved) *
				      (uint64_t)(read_page_size(checkpointer->handle) + 24)
			    : 0;
	return OK;
}

void sql_checkpointer_close(struct sql_checkpointer **checkpointer)
{
	if (*checkpointer == NULL)
		return;
	sqlite3_close((*checkpointer)->handle);
	free(*checkpointer);
	*checkpointer = NULL;
}
