/* SPDX-License-Identifier: ISC */
/*
 * Content beside messages.  A descriptor comes from a process that may be taken over, so it is
 * only read, never mapped: its size cannot change under our feet into a SIGBUS, only into a
 * short read.
 */
#include "ipc/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SEALED_MAX = 1 << 20, /* up to here seals are required */
	SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
};

static enum err check_descriptor(int fd, uint64_t length)
{
	struct stat st;
	int seals;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
		return ERR_PROTOCOL;
	if ((uint64_t)st.st_size != length)
		return ERR_PROTOCOL;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals >= 0 && (seals & SEALS) == SEALS)
		return OK;
	return length > SEALED_MAX && st.st_nlink == 0 ? OK : ERR_PROTOCOL;
}

static enum err read_whole(int fd, char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, p + done, n - done, (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0)
			return ERR_PROTOCOL;
		done += (size_t)got;
	}
	return OK;
}

enum err ipc_content_read(
	struct str inline_content, uint64_t length, int fd, size_t max, struct buf *out)
{
	enum err e;
	char *p;

	if (fd < 0 && length != inline_content.n)
		return ERR_PROTOCOL;
	if (length > max)
		return ERR_TOO_BIG;
	if (fd < 0) {
		buf_add(out, inline_content);
		return out->overflow ? ERR_TOO_BIG : OK;
	}
	if (inline_content.n)
		return ERR_PROTOCOL;
	e = check_descriptor(fd, length);
	if (e != OK)
		return e;
	p = buf_reserve(out, (size_t)length);
	if (!p)
		return ERR_TOO_BIG;
	e = read_whole(fd, p, (size_t)length);
	if (e == OK)
		buf_added(out, (size_t)length);
	return e;
}

static enum err write_whole(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return err_from_errno(errno);
		if (n > 0)
			s = str_from(s, (size_t)n);
	}
	return OK;
}

static enum err fill_and_seal(int fd, struct str s)
{
	enum err e = write_whole(fd, s);

	if (e == OK && fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) != 0)
		e = err_from_errno(errno);
	return e;
}

enum err ipc_content_write(struct str s, int *ret_fd)
{
	enum err e;
	int fd;

	if (s.n <= IPC_INLINE_CONTENT) {
		*ret_fd = -1;
		return OK;
	}
	fd = memfd_create("content", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_from_errno(errno);
	e = fill_and_seal(fd, s);
	if (e != OK) {
		close(fd);
		return e;
	}
	*ret_fd = fd;
	return OK;
}
