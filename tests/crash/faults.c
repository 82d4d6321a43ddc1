/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into the server, makes changes of chosen files fail while the harness says so.
 *
 * CRASH_FAULTS names a file of struct faults_control that is mapped once (crash_faults.py
 * writes it), so faults begin and end while every role keeps running in its sandbox.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault_kind {
	FAULT_WRITE = 1,
	FAULT_SYNC = 2,
	FAULT_SIZE = 4,   /* ftruncate, fallocate */
	FAULT_CREATE = 8, /* open with O_CREAT, mkdir, rename, link */
	FAULT_SHORT = 16, /* the first half of a large write still arrives */
};

struct faults_control {
	uint32_t active; /* written last by the harness */
	uint32_t error;
	uint32_t kinds;
	uint32_t hits;
	char match[256]; /* parts of names divided by '|'; empty matches all */
};

static struct faults_control *control;

__attribute__((constructor)) static void start_faults(void)
{
	const char *path = getenv("CRASH_FAULTS");
	void *map;
	int fd;

	exec_init();
	track_init();
	if (path == NULL)
		return;
	fd = NEXT(open64)(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		abort();
	NEXT(close)(fd);
	control = map;
}

static bool is_matched(const char *below)
{
	const char *part = control->match;

	if (*part == '\0')
		return true;
	while (*part != '\0') {
		size_t n = strcspn(part, "|");

		if (memmem(below, strlen(below), part, n) != NULL)
			return true;
		part += n + (part[n] == '|');
	}
	return false;
}

/* The error this change is to fail with, or 0. */
static int fault_for(const char *below, uint32_t kind)
{
	if (control == NULL || below == NULL ||
		__atomic_load_n(&control->active, __ATOMIC_ACQUIRE) == 0 ||
		(control->kinds & kind) == 0 || !is_matched(below))
		return 0;
	__atomic_fetch_add(&control->hits, 1, __ATOMIC_RELAXED);
	return (int)control->error;
}

static bool fails(int fd, uint32_t kind)
{
	const struct track_file *file = track_get(fd);
	int error = file == NULL ? 0 : fault_for(file->below, kind);

	if (error != 0)
		errno = error;
	return error != 0;
}

static bool name_fails(int dirfd, const char *path)
{
	char buf[PATH_MAX];
	int error = fault_for(track_name(dirfd, path, buf, sizeof(buf)), FAULT_CREATE);

	if (error != 0)
		errno = error;
	return error != 0;
}

/* How much of a failing write still goes through: a full disk takes what it can. */
static size_t short_part(size_t len)
{
	return (control->kinds & FAULT_SHORT) != 0 && len > 1024 ? len / 2 : 0;
}

uint64_t shim_new_handle(void)
{
	return 0;
}

/* Opening a file that exists needs no room: only EIO hits it, and only where asked. */
int shim_open_fault(const char *below, int flags)
{
	char path[PATH_MAX];
	const char *root = getenv("CRASH_ROOT");
	size_t n = root == NULL ? 0 : strlen(root), m = strlen(below);

	if ((flags & O_CREAT) == 0 || control == NULL || control->active == 0)
		return 0;
	if (n + m + 2 > sizeof(path))
		return 0;
	memcpy(path, root, n);
	path[n] = '/';
	memcpy(path + n + 1, below, m + 1);
	return NEXT(access)(path, F_OK) == 0 ? 0 : fault_for(below, FAULT_CREATE);
}

void *shim_open_begin(const char *below, int flags, mode_t mode, uint64_t handle)
{
	return NULL;
}

void shim_open_end(void *begun, int fd)
{
}

void shim_stdio_flushed(int fd)
{
}

SHIM_PUBLIC ssize_t write(int fd, const void *buf, size_t len)
{
	if (!fails(fd, FAULT_WRITE))
		return NEXT(write)(fd, buf, len);
	len = short_part(len);
	return len > 0 ? NEXT(write)(fd, buf, len) : -1;
}

SHIM_PUBLIC ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	if (!fails(fd, FAULT_WRITE))
		return NEXT(pwrite)(fd, buf, len, offset);
	len = short_part(len);
	return len > 0 ? NEXT(pwrite)(fd, buf, len, offset) : -1;
}

SHIM_PUBLIC ssize_t pwrite64(int fd, const void *buf, size_t len, off_t offset)
{
	return pwrite(fd, buf, len, offset);
}

SHIM_PUBLIC ssize_t writev(int fd, const struct iovec *iov, int count)
{
	return fails(fd, FAULT_WRITE) ? -1 : NEXT(writev)(fd, iov, count);
}

SHIM_PUBLIC ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return fails(fd, FAULT_WRITE) ? -1 : NEXT(pwritev)(fd, iov, count, offset);
}

SHIM_PUBLIC ssize_t pwritev64(int fd, const struct iovec *iov, int count, off_t offset)
{
	return pwritev(fd, iov, count, offset);
}

SHIM_PUBLIC ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int rwf)
{
	if (fails(fd, FAULT_WRITE) ||
		((rwf & (RWF_DSYNC | RWF_SYNC)) != 0 && fails(fd, FAULT_SYNC)))
		return -1;
	return NEXT(pwritev2)(fd, iov, count, offset, rwf);
}

SHIM_PUBLIC int fsync(int fd)
{
	return fails(fd, FAULT_SYNC) ? -1 : NEXT(fsync)(fd);
}

SHIM_PUBLIC int fdatasync(int fd)
{
	return fails(fd, FAULT_SYNC) ? -1 : NEXT(fdatasync)(fd);
}

SHIM_PUBLIC int ftruncate(int fd, off_t size)
{
	return fails(fd, FAULT_SIZE) ? -1 : NEXT(ftruncate)(fd, size);
}

SHIM_PUBLIC int ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

SHIM_PUBLIC int fallocate(int fd, int mode, off_t offset, off_t len)
{
	return fails(fd, FAULT_SIZE) ? -1 : NEXT(fallocate)(fd, mode, offset, len);
}

SHIM_PUBLIC int fallocate64(int fd, int mode, off_t offset, off_t len)
{
	return fallocate(fd, mode, offset, len);
}

SHIM_PUBLIC int posix_fallocate(int fd, off_t offset, off_t len)
{
	return fails(fd, FAULT_SIZE) ? errno : NEXT(posix_fallocate)(fd, offset, len);
}

SHIM_PUBLIC int posix_fallocate64(int fd, off_t offset, off_t len)
{
	return posix_fallocate(fd, offset, len);
}

SHIM_PUBLIC int mkdir(const char *path, mode_t mode)
{
	return name_fails(AT_FDCWD, path) ? -1 : NEXT(mkdir)(path, mode);
}

SHIM_PUBLIC int mkdirat(int dirfd, const char *path, mode_t mode)
{
	return name_fails(dirfd, path) ? -1 : NEXT(mkdirat)(dirfd, path, mode);
}

SHIM_PUBLIC int rename(const char *from, const char *to)
{
	return name_fails(AT_FDCWD, to) ? -1 : NEXT(rename)(from, to);
}

SHIM_PUBLIC int renameat(int fromfd, const char *from, int tofd, const char *to)
{
	return name_fails(tofd, to) ? -1 : NEXT(renameat)(fromfd, from, tofd, to);
}

SHIM_PUBLIC int linkat(int fromfd, const char *from, int tofd, const char *to, int flags)
{
	return name_fails(tofd, to) ? -1 : NEXT(linkat)(fromfd, from, tofd, to, flags);
}
