/* SPDX-License-Identifier: ISC */
/* Whole small files, durably.  Paths are NUL-terminated.  Errors: ERR_NOT_FOUND, ERR_NO_SPACE, ERR_NOT_ALLOWED, ERR_IO. */
#ifndef OS_FILE_H
#define OS_FILE_H

#include "base/buf.h"

#include <sys/types.h>

enum { OS_PATH_MAX = 4096 };

/* Formats a path into out (OS_PATH_MAX bytes); one too long ends the process: it is the operator's own. */
const char *os_path(char *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends the file to out, up to out->max. */
MUST_CHECK enum err os_read_file(const char *path, struct buf *out);
/* All or nothing, durable: temporary file, fsync, rename, fsync of the directory. */
MUST_CHECK enum err os_write_file(const char *path, struct str content, mode_t mode);
/* The directory and its parents; existing ones are fine.  New ones are durable. */
MUST_CHECK enum err os_make_dirs(const char *path, mode_t mode);
MUST_CHECK enum err os_sync_dir(const char *path);
bool os_exists(const char *path);

#endif
