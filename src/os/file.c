/* SPDX-License-Identifier: ISC */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *os_path(char *out, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(out, OS_PATH_MAX, format, ap);
	va_end(ap);
	if (n < 0 || n >= OS_PATH_MAX) {
		fputs("event=path_too_long\n", stderr);
		abort();
	}
	return out;
}

static enum err read_all(int fd, struct buf *out)
{
	char chunk[4096];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_from_errno(errno) : OK;
		buf_add(out, str_make(chunk, (size_t)n));
		if (out->overflow)
			return ERR_TOO_BIG;
	}
}

enum err os_read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e;

	if (fd < 0)
		return err_from_errno(errno);
	e = read_all(fd, out);
	close(fd);
	return e;
}

static enum err write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		s = str_from(s, (size_t)n);
	}
	return OK;
}

static enum err write_synced(const char *path, struct str content, mode_t mode)
{
	enum err e;
	int fd;

	/* What an interrupted run left, or somebody laid there, is not written through. */
	if (unlink(path) < 0 && errno != ENOENT)
		return err_from_errno(errno);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return err_from_errno(errno);
	e = write_all(fd, content);
	if (e == OK && fsync(fd) < 0)
		e = err_from_errno(errno);
	close(fd);
	return e;
}

enum err os_sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = OK;

	if (fd < 0)
		return err_from_errno(errno);
	if (fsync(fd) < 0)
		e = err_from_errno(errno);
	close(fd);
	return e;
}

static const char *parent_of(char *out, const char *path)
{
	ptrdiff_t slash = str_rindex(str_of(path), '/');

	if (slash < 0)
		return ".";
	return os_path(out, "%.*s", slash ? (int)slash : 1, path);
}

enum err os_write_file(const char *path, struct str content, mode_t mode)
{
	char temporary[OS_PATH_MAX], parent[OS_PATH_MAX];
	enum err e;

	os_path(temporary, "%s.new", path);
	e = write_synced(temporary, content, mode);
	if (e == OK && rename(temporary, path) < 0)
		e = err_from_errno(errno);
	if (e != OK) {
		unlink(temporary);
		return e;
	}
	return os_sync_dir(parent_of(parent, path));
}

enum err os_make_dirs(const char *path, mode_t mode)
{
	char parent[OS_PATH_MAX];
	struct stat st;
	enum err e;

	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? OK : ERR_EXISTS;
	e = os_make_dirs(parent_of(parent, path), mode);
	if (e != OK)
		return e;
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_from_errno(errno);
	return os_sync_dir(parent);
}

bool os_exists(const char *path)
{
	return access(path, F_OK) == 0;
}
