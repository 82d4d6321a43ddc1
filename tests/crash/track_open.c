/* SPDX-License-Identifier: ISC */
/* Every way to open a file: each ends in open_named(), so that no name escapes the table. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What headers compiled with _FORTIFY_SOURCE call instead of open. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);

static int open_named(int dirfd, const char *path, int flags, mode_t mode)
{
	char buf[PATH_MAX];
	const char *below = NULL;
	bool known = track_resolve(dirfd, path, buf, sizeof(buf));
	uint64_t handle = 0;
	void *begun = NULL;
	int fd, fault;

	if (known)
		below = track_below(buf);
	if (below != NULL) {
		fault = shim_open_fault(below, flags);
		if (fault != 0) {
			errno = fault;
			return -1;
		}
		handle = shim_new_handle();
		begun = shim_open_begin(below, flags, mode, handle);
	}
	fd = NEXT(openat)(dirfd, path, flags, mode);
	if (begun != NULL)
		shim_open_end(begun, fd);
	if (fd >= 0 && known && (below != NULL || (flags & (O_DIRECTORY | O_PATH)) != 0))
		track_set(fd, buf, handle);
	else
		track_forget(fd);
	return fd;
}

static mode_t mode_of(int flags, va_list ap)
{
	bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;

	return creates ? (mode_t)va_arg(ap, int) : 0;
}

SHIM_PUBLIC int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return open_named(AT_FDCWD, path, flags, mode);
}

SHIM_PUBLIC int open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return open_named(AT_FDCWD, path, flags, mode);
}

SHIM_PUBLIC int openat(int dirfd, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return open_named(dirfd, path, flags, mode);
}

SHIM_PUBLIC int openat64(int dirfd, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return open_named(dirfd, path, flags, mode);
}

SHIM_PUBLIC int __open_2(const char *path, int flags)
{
	return open_named(AT_FDCWD, path, flags, 0);
}

SHIM_PUBLIC int __open64_2(const char *path, int flags)
{
	return open_named(AT_FDCWD, path, flags, 0);
}

SHIM_PUBLIC int __openat_2(int dirfd, const char *path, int flags)
{
	return open_named(dirfd, path, flags, 0);
}

SHIM_PUBLIC int __openat64_2(int dirfd, const char *path, int flags)
{
	return open_named(dirfd, path, flags, 0);
}

SHIM_PUBLIC int creat(const char *path, mode_t mode)
{
	return open_named(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

SHIM_PUBLIC int creat64(const char *path, mode_t mode)
{
	return open_named(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* A name made by the C library is known only afterwards. */
static int opened_as(int fd, const char *path)
{
	char buf[PATH_MAX];
	const char *below;
	uint64_t handle;

	track_forget(fd);
	if (fd < 0)
		return fd;
	below = track_name(AT_FDCWD, path, buf, sizeof(buf));
	if (below != NULL) {
		handle = shim_new_handle();
		shim_open_end(
			shim_open_begin(below, O_CREAT | O_EXCL | O_RDWR, 0600, handle), fd);
		track_set(fd, buf, handle);
	}
	return fd;
}

SHIM_PUBLIC int mkstemp(char *path)
{
	int fd = NEXT(mkstemp)(path);

	return opened_as(fd, path);
}

SHIM_PUBLIC int mkstemp64(char *path)
{
	int fd = NEXT(mkstemp64)(path);

	return opened_as(fd, path);
}

SHIM_PUBLIC int mkostemp(char *path, int flags)
{
	int fd = NEXT(mkostemp)(path, flags);

	return opened_as(fd, path);
}

SHIM_PUBLIC int mkostemp64(char *path, int flags)
{
	int fd = NEXT(mkostemp64)(path, flags);

	return opened_as(fd, path);
}

/* The O_ flags of a stdio mode; reading only is of no interest. */
static int flags_of(const char *mode)
{
	int flags = strchr(mode, '+') != NULL ? O_RDWR : O_WRONLY;

	if (mode[0] == 'w')
		return flags | O_CREAT | O_TRUNC;
	if (mode[0] == 'a')
		return flags | O_CREAT | O_APPEND;
	return strchr(mode, '+') != NULL ? O_RDWR : O_RDONLY;
}

/* Streams write inside the C library, out of sight: what they wrote is read when flushed. */
SHIM_PUBLIC FILE *fopen(const char *path, const char *mode)
{
	int flags = flags_of(mode), fd;
	char buf[PATH_MAX];
	FILE *file;

	if (flags == O_RDONLY || track_name(AT_FDCWD, path, buf, sizeof(buf)) == NULL) {
		file = NEXT(fopen)(path, mode);
		if (file != NULL)
			track_forget(fileno(file));
		return file;
	}
	fd = open_named(AT_FDCWD, path, flags, 0666);
	if (fd < 0)
		return NULL;
	file = fdopen(fd, mode);
	if (file == NULL)
		close(fd);
	return file;
}

SHIM_PUBLIC FILE *fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}

SHIM_PUBLIC int fflush(FILE *file)
{
	int ret = NEXT(fflush)(file);

	if (file != NULL && track_get(fileno(file)) != NULL)
		shim_stdio_flushed(fileno(file));
	return ret;
}

SHIM_PUBLIC int fclose(FILE *file)
{
	int fd = fileno(file);

	if (track_get(fd) != NULL)
		fflush(file);
	track_forget(fd);
	return NEXT(fclose)(file);
}
