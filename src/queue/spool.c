/* SPDX-License-Identifier: ISC */
#include "queue/spool.h"

#include "base/arena.h"
#include "base/base64.h"
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct queue_spool {
	int dir;
};

enum { NAME_SIZE = 17, COPY_SIZE = 1 << 16 };

static const char *name_of(uint64_t id, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%016llx", (unsigned long long)id);
	return name;
}

enum err queue_spool_open(const char *dir, struct queue_spool **ret_spool)
{
	char path[OS_PATH_MAX];
	struct queue_spool *spool;
	enum err e = os_make_dirs(os_path(path, "%s/content", dir), 0700);
	int fd;

	if (e != OK)
		return e;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	spool = mem_make(struct queue_spool);
	spool->dir = fd;
	*ret_spool = spool;
	return OK;
}

void queue_spool_close(struct queue_spool **spool)
{
	if (!*spool)
		return;
	close((*spool)->dir);
	free(*spool);
	*spool = NULL;
}

static enum err write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return err_from_errno(errno);
		if (n > 0)
			s = str_from(s, (size_t)n);
	}
	return OK;
}

/* The source may belong to a process that was taken over: read, never mapped, and a short one
 * is refused. */
static enum err copy(int from, int to, uint64_t length)
{
	char *piece = mem_alloc(COPY_SIZE);
	enum err e = OK;

	for (uint64_t at = 0; e == OK && at < length;) {
		size_t want = length - at < COPY_SIZE ? (size_t)(length - at) : COPY_SIZE;
		ssize_t n = pread(from, piece, want, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			e = n < 0 ? err_from_errno(errno) : ERR_PROTOCOL;
		else
			e = write_all(to, str_make(piece, (size_t)n));
		at += n > 0 ? (uint64_t)n : 0;
	}
	free(piece);
	return e;
}

enum err queue_spool_write(struct queue_spool *spool, uint64_t id, struct str content,
	uint64_t length, int source)
{
	char name[NAME_SIZE];
	enum err e;
	int fd = openat(spool->dir, name_of(id, name),
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_from_errno(errno);
	e = source < 0 ? write_all(fd, content) : copy(source, fd, length);
	if (e == OK && fdatasync(fd) != 0)
		e = err_from_errno(errno);
	if (close(fd) != 0 && e == OK)
		e = err_from_errno(errno);
	if (e != OK)
		queue_spool_remove(spool, id);
	return e;
}

enum err queue_spool_sync(struct queue_spool *spool)
{
	return fsync(spool->dir) == 0 ? OK : err_from_errno(errno);
}

static enum err copy_and_seal(int from, int to, uint64_t length)
{
	enum err e = copy(from, to, length);

	if (e == OK && fcntl(to, F_ADD_SEALS,
			       F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		e = err_from_errno(errno);
	return e == ERR_PROTOCOL ? ERR_CORRUPT : e;
}

enum err queue_spool_read(struct queue_spool *spool, uint64_t id, uint64_t length, int *ret_fd)
{
	char name[NAME_SIZE];
	int file = openat(spool->dir, name_of(id, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW),
	    fd;
	enum err e;

	if (file < 0)
		return err_from_errno(errno);
	fd = memfd_create("queued", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	e = fd < 0 ? err_from_errno(errno) : copy_and_seal(file, fd, length);
	close(file);
	if (e == OK)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return e;
}

void queue_spool_remove(struct queue_spool *spool, uint64_t id)
{
	char name[NAME_SIZE];

	/* One that stays is found by the sweep. */
	(void)unlinkat(spool->dir, name_of(id, name), 0);
}

static bool id_of(const char *name, uint64_t *ret_id)
{
	uint8_t bytes[8];

	if (hex_decode(str_of(name), bytes, sizeof(bytes)) != OK)
		return false;
	*ret_id = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*ret_id = *ret_id << 8 | bytes[i];
	return true;
}

enum err queue_spool_sweep(struct queue_spool *spool,
	enum err (*is_known)(void *arg, uint64_t id, bool *ret_known), void *arg)
{
	int fd = dup(spool->dir);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	enum err e = OK;

	if (!dir) {
		e = err_from_errno(errno);
		if (fd >= 0)
			close(fd);
		return e;
	}
	rewinddir(dir);
	while (e == OK && (entry = readdir(dir))) {
		uint64_t id;
		bool known = true;

		if (!id_of(entry->d_name, &id))
			continue;
		e = is_known(arg, id, &known);
		if (e == OK && !known)
			queue_spool_remove(spool, id);
	}
	closedir(dir);
	return e;
}
