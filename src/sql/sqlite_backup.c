/* SPDX-License-Identifier: ISC */
#include "sql/backup.h"

#include "base/arena.h"
#include "os/file.h"
#include "sql/driver.h"
#include "sql/sqlite_code.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sql_backup {
	char path[OS_PATH_MAX], made[OS_PATH_MAX];
	sqlite3 *to;
	sqlite3_backup *copy;
};

static void close_copy(struct sql_backup *b)
{
	sqlite3_backup_finish(b->copy);
	sqlite3_close(b->to);
	b->copy = NULL;
	b->to = NULL;
}

enum err sql_backup_start(struct sql *sql, const char *path, struct sql_backup **ret_backup)
{
	struct sql_backup *b = mem_make(struct sql_backup);
	int code;
	enum err e;

	os_path(b->path, "%s", path);
	os_path(b->made, "%s.new", path);
	unlink(b->made);
	e = sql_sqlite_make_file(b->made);
	if (e != OK) {
		free(b);
		return e;
	}
	code = sqlite3_open_v2(b->made, &b->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	/* Killed in the middle it is of no use anyway. */
	if (code == SQLITE_OK)
		code = sqlite3_exec(b->to, "PRAGMA journal_mode = OFF", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		b->copy = sqlite3_backup_init(b->to, "main", sql_sqlite_handle(sql), "main");
	if (b->copy) {
		*ret_backup = b;
		return OK;
	}
	e = sql_sqlite_error(b->to, code == SQLITE_OK ? sqlite3_errcode(b->to) : code);
	sql_backup_end(&b);
	return e;
}

static enum err sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e = fd >= 0 && fsync(fd) == 0 ? OK : ERR_IO;

	if (fd >= 0)
		close(fd);
	return e;
}

static enum err put_in_place(struct sql_backup *b)
{
	char dir[OS_PATH_MAX];
	char *slash;
	enum err e;

	close_copy(b);
	e = sync_file(b->made);
	if (e == OK && rename(b->made, b->path) != 0)
		e = ERR_IO;
	os_path(dir, "%s", b->path);
	slash = strrchr(dir, '/');
	if (e != OK || !slash)
		return e;
	*slash = '\0';
	return os_sync_dir(dir);
}

enum err sql_backup_step(struct sql_backup *b, unsigned pages, bool *ret_done)
{
	int code = sqlite3_backup_step(b->copy, (int)pages);

	*ret_done = false;
	if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return OK;
	if (code != SQLITE_DONE)
		return sql_sqlite_error(b->to, code);
	*ret_done = true;
	return put_in_place(b);
}

void sql_backup_end(struct sql_backup **backup)
{
	struct sql_backup *b = *backup;

	if (!b)
		return;
	*backup = NULL;
	close_copy(b);
	unlink(b->made);
	free(b);
}

bool sql_is_sound(struct sql *sql)
{
	sqlite3_stmt *st = NULL;
	bool sound = sqlite3_prepare_v2(sql_sqlite_handle(sql), "PRAGMA quick_check(1)", -1, &st, NULL) == SQLITE_OK &&
		     sqlite3_step(st) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;

	sqlite3_finalize(st);
	return sound;
}
