/* SPDX-License-Identifier: ISC */
#include "sql/sqlite_code.h"

#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool is_out_of_space(sqlite3 *handle)
{
	int errnum = handle != NULL ? sqlite3_system_errno(handle) : 0;

	return errnum == ENOSPC || errnum == EDQUOT;
}

enum err sql_sqlite_error(sqlite3 *handle, int code)
{
	int extended = handle != NULL ? sqlite3_extended_errcode(handle) : code;

	if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY)
		return ERR_EXISTS;
	switch (code & 0xff) {
	case SQLITE_FULL:
		return ERR_NO_SPACE;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return is_out_of_space(handle) ? ERR_NO_SPACE : ERR_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_NOMEM:
		return ERR_NO_MEMORY;
	default:
		return ERR_DATABASE;
	}
}

static enum err sync_parent(const char *path)
{
	char parent[OS_PATH_MAX];
	ptrdiff_t slash = str_rindex(str_of(path), '/');

	return os_sync_dir(slash > 0    ? os_path(parent, "%.*s", (int)slash, path)
			   : slash == 0 ? "/"
					: ".");
}

enum err sql_sqlite_make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1)
		return errno == EEXIST ? OK : err_from_errno(errno);
	close(fd);
	return sync_parent(path);
}
