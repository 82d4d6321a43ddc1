/* SPDX-License-Identifier: ISC */
#include "store/os.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PARTS_AT_ONCE = 1024 }; /* IOV_MAX of Linux */

static int system_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags | O_CLOEXEC, mode);
}

const struct store_os store_os_system = {
	.open = system_open,
	.pread = pread,
	.pwritev = pwritev,
	.fdatasync = fdatasync,
	.fsync = fsync,
	.fallocate = fallocate,
	.sql_commit = sql_commit,
};

enum err store_os_read(const struct store_os *os, int fd, uint64_t offset, void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = os->pread(fd, (char *)p + done, n - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_from_errno(errno);
		if (got == 0)
			return ERR_CORRUPT;
		done += (size_t)got;
	}
	return OK;
}

/* Drops what was written; returns how many parts are done. */
static size_t advance(struct iovec *parts, size_t n, size_t written)
{
	size_t i = 0;

	while (i < n && written >= parts[i].iov_len)
		written -= parts[i++].iov_len;
	if (i < n) {
		parts[i].iov_base = (char *)parts[i].iov_base + written;
		parts[i].iov_len -= written;
	}
	return i;
}

enum err store_os_write(const struct store_os *os, int fd, uint64_t offset, struct iovec *parts, size_t n)
{
	while (n > 0) {
		ssize_t put = os->pwritev(fd, parts, n < PARTS_AT_ONCE ? (int)n : PARTS_AT_ONCE, (off_t)offset);
		size_t done;

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_from_errno(errno);
		done = advance(parts, n, (size_t)put);
		if (put == 0 && done == 0)
			return ERR_NO_SPACE;
		offset += (uint64_t)put;
		parts += done;
		n -= done;
	}
	return OK;
}
