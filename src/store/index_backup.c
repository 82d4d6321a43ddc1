/* SPDX-License-Identifier: ISC */
#include "store/index_backup.h"

#include "sql/backup.h"
#include "store/local.h"

#include <unistd.h>

enum { PAGES_AT_ONCE = 64 };

static const char *path_of(const struct store *store, char *out)
{
	return os_path(out, "%s/" STORE_INDEX_BACKUP, store->dir);
}

enum err store_index_backup_start(struct store *store)
{
	char path[OS_PATH_MAX];

	return store->backup ? OK : sql_backup_start(store->sql, path_of(store, path), &store->backup);
}

enum err store_index_backup_step(struct store *store, bool *ret_more)
{
	bool done = false;
	enum err e = store->backup ? sql_backup_step(store->backup, PAGES_AT_ONCE, &done) : OK;

	if (e != OK || done)
		sql_backup_end(&store->backup);
	*ret_more = store->backup != NULL;
	return e;
}

/* Also one that is being made: it has pages from before. */
enum err index_backup_drop(struct store *store)
{
	char path[OS_PATH_MAX];

	sql_backup_end(&store->backup);
	if (unlink(path_of(store, path)) != 0)
		return OK;
	return os_sync_dir(store->dir);
}
