/* SPDX-License-Identifier: ISC */
/*
 * The calls by which the store makes data durable, as a table: tests put faults in.  Semantics are those of the
 * system calls of the same name (-1 and errno).  Called by the shard's thread and its worker.
 */
#ifndef STORE_OS_H
#define STORE_OS_H

#include "sql/sql.h"

#include <sys/types.h>
#include <sys/uio.h>

struct store_os {
	int (*open)(const char *path, int flags, mode_t mode);
	ssize_t (*pread)(int fd, void *p, size_t n, off_t offset);
	ssize_t (*pwritev)(int fd, const struct iovec *parts, int n, off_t offset);
	int (*fdatasync)(int fd);
	int (*fsync)(int fd);
	int (*fallocate)(int fd, int mode, off_t offset, off_t n);
	enum err (*sql_commit)(struct sql *sql);
};

extern const struct store_os store_os_system;

/* All n bytes or an error; reading past the end of the file is ERR_CORRUPT. */
MUST_CHECK enum err store_os_read(const struct store_os *os, int fd, uint64_t offset, void *p, size_t n);
MUST_CHECK enum err store_os_write(const struct store_os *os, int fd, uint64_t offset, struct iovec *parts, size_t n);

#endif
