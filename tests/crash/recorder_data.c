/* SPDX-License-Identifier: ISC */
/* What is written into files below the root, and when it is made durable. */
#include "reclog.h"
#include "shim.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FRAMES_MAX 24

ssize_t __read_chk(int fd, void *buf, size_t len, size_t room);

/* Written ahead of use by the MiB: kept as a length only. */
static bool is_zero(const struct iovec *iov, int count, size_t total)
{
	if (total < 512)
		return false;
	for (int i = 0; i < count; i++) {
		const char *p = iov[i].iov_base;
		size_t n = iov[i].iov_len;

		if (n > 0 && (p[0] != 0 || memcmp(p, p + 1, n - 1) != 0))
			return false;
	}
	return true;
}

static struct reclog_rec *begin_write(const struct track_file *file, const struct iovec *iov,
	int count, off_t offset, unsigned flags)
{
	struct reclog_body body = {0};
	struct reclog_rec *rec;
	size_t total = 0;
	void *data;

	for (int i = 0; i < count; i++)
		total += iov[i].iov_len;
	if (is_zero(iov, count, total))
		flags |= WRITE_ZERO;
	else
		body.data_len = total;
	rec = reclog_begin(REC_WRITE, &body, &data);
	if (rec == NULL)
		return NULL;
	rec->handle = file->handle;
	rec->a = (uint64_t)offset;
	rec->b = flags;
	rec->c = total;
	for (int i = 0; i < count && (flags & WRITE_ZERO) == 0; i++) {
		if (iov[i].iov_len > 0)
			memcpy(data, iov[i].iov_base, iov[i].iov_len);
		data = (char *)data + iov[i].iov_len;
	}
	return rec;
}

static ssize_t finish(struct reclog_rec *rec, ssize_t ret)
{
	reclog_end(rec, ret);
	return ret;
}

void recorder_sent(const struct iovec *iov, int count);

/* Writes without an offset go to files or to clients. */
static struct reclog_rec *begin_plain(int fd, const struct iovec *iov, int count)
{
	const struct track_file *file = track_get(fd);

	if (file != NULL)
		return begin_write(file, iov, count, 0, 0);
	recorder_sent(iov, count);
	return NULL;
}

SHIM_PUBLIC ssize_t write(int fd, const void *buf, size_t len)
{
	struct iovec iov = {(void *)buf, len};

	return finish(begin_plain(fd, &iov, 1), NEXT(write)(fd, buf, len));
}

SHIM_PUBLIC ssize_t writev(int fd, const struct iovec *iov, int count)
{
	return finish(begin_plain(fd, iov, count), NEXT(writev)(fd, iov, count));
}

static struct reclog_rec *begin_at(
	int fd, const struct iovec *iov, int count, off_t offset, int rwf)
{
	const struct track_file *file = track_get(fd);
	unsigned flags = WRITE_AT;

	if (file == NULL)
		return NULL;
	if ((rwf & (RWF_DSYNC | RWF_SYNC)) != 0)
		flags |= WRITE_SYNC;
	return begin_write(file, iov, count, offset, flags);
}

SHIM_PUBLIC ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	struct iovec iov = {(void *)buf, len};

	return finish(begin_at(fd, &iov, 1, offset, 0), NEXT(pwrite)(fd, buf, len, offset));
}

SHIM_PUBLIC ssize_t pwrite64(int fd, const void *buf, size_t len, off_t offset)
{
	return pwrite(fd, buf, len, offset);
}

SHIM_PUBLIC ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return finish(
		begin_at(fd, iov, count, offset, 0), NEXT(pwritev)(fd, iov, count, offset));
}

SHIM_PUBLIC ssize_t pwritev64(int fd, const struct iovec *iov, int count, off_t offset)
{
	return pwritev(fd, iov, count, offset);
}

SHIM_PUBLIC ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int rwf)
{
	return finish(begin_at(fd, iov, count, offset, rwf),
		NEXT(pwritev2)(fd, iov, count, offset, rwf));
}

static void note_moved(int fd, enum reclog_type type, int64_t result)
{
	const struct track_file *file = track_get(fd);
	struct reclog_body body = {0};
	struct reclog_rec *rec;

	if (file == NULL || result < 0)
		return;
	rec = reclog_begin(type, &body, NULL);
	if (rec != NULL)
		rec->handle = file->handle;
	reclog_end(rec, result);
}

SHIM_PUBLIC ssize_t read(int fd, void *buf, size_t len)
{
	ssize_t ret = NEXT(read)(fd, buf, len);

	note_moved(fd, REC_READ, ret);
	return ret;
}

SHIM_PUBLIC ssize_t __read_chk(int fd, void *buf, size_t len, size_t room)
{
	ssize_t ret = NEXT(__read_chk)(fd, buf, len, room);

	note_moved(fd, REC_READ, ret);
	return ret;
}

SHIM_PUBLIC ssize_t readv(int fd, const struct iovec *iov, int count)
{
	ssize_t ret = NEXT(readv)(fd, iov, count);

	note_moved(fd, REC_READ, ret);
	return ret;
}

SHIM_PUBLIC off_t lseek(int fd, off_t offset, int whence)
{
	off_t ret = NEXT(lseek)(fd, offset, whence);

	note_moved(fd, REC_SEEK, ret);
	return ret;
}

SHIM_PUBLIC off_t lseek64(int fd, off_t offset, int whence)
{
	return lseek(fd, offset, whence);
}

static struct reclog_rec *begin_fd(
	enum reclog_type type, int fd, uint64_t a, uint64_t b, uint64_t c)
{
	const struct track_file *file = track_get(fd);
	struct reclog_body body = {0};
	struct reclog_rec *rec;

	if (file == NULL)
		return NULL;
	rec = reclog_begin(type, &body, NULL);
	if (rec != NULL) {
		rec->handle = file->handle;
		rec->a = a;
		rec->b = b;
		rec->c = c;
	}
	return rec;
}

SHIM_PUBLIC int ftruncate(int fd, off_t size)
{
	struct reclog_rec *rec = begin_fd(REC_TRUNCATE, fd, (uint64_t)size, 0, 0);

	return (int)finish(rec, NEXT(ftruncate)(fd, size));
}

SHIM_PUBLIC int ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

SHIM_PUBLIC int truncate(const char *path, off_t size)
{
	char buf[PATH_MAX];
	struct reclog_body body = {.path = track_name(AT_FDCWD, path, buf, sizeof(buf))};
	struct reclog_rec *rec = NULL;

	if (body.path != NULL)
		rec = reclog_begin(REC_TRUNCATE, &body, NULL);
	if (rec != NULL)
		rec->a = (uint64_t)size;
	return (int)finish(rec, NEXT(truncate)(path, size));
}

SHIM_PUBLIC int truncate64(const char *path, off_t size)
{
	return truncate(path, size);
}

SHIM_PUBLIC int fallocate(int fd, int mode, off_t offset, off_t len)
{
	struct reclog_rec *rec =
		begin_fd(REC_ALLOCATE, fd, (uint64_t)offset, (uint64_t)len, (uint64_t)mode);

	return (int)finish(rec, NEXT(fallocate)(fd, mode, offset, len));
}

SHIM_PUBLIC int fallocate64(int fd, int mode, off_t offset, off_t len)
{
	return fallocate(fd, mode, offset, len);
}

/* Returns the error instead of setting errno. */
SHIM_PUBLIC int posix_fallocate(int fd, off_t offset, off_t len)
{
	struct reclog_rec *rec =
		begin_fd(REC_ALLOCATE, fd, (uint64_t)offset, (uint64_t)len, 0);
	int ret = NEXT(posix_fallocate)(fd, offset, len);

	reclog_end(rec, ret == 0 ? 0 : -1);
	return ret;
}

SHIM_PUBLIC int posix_fallocate64(int fd, off_t offset, off_t len)
{
	return posix_fallocate(fd, offset, len);
}

/* A sync is recorded with its callers, so that a test can take out the syncs of one place. */
static struct reclog_rec *begin_sync(int fd, uint64_t data_only)
{
	const struct track_file *file = track_get(fd);
	void *frames[FRAMES_MAX];
	struct reclog_body body = {.frames = frames};
	struct reclog_rec *rec;
	int depth;

	if (file == NULL)
		return NULL;
	depth = backtrace(frames, FRAMES_MAX);
	body.nframes = depth > 0 ? (unsigned)depth : 0;
	body.path = file->below;
	rec = reclog_begin(REC_SYNC, &body, NULL);
	if (rec != NULL) {
		rec->handle = file->handle;
		rec->c = data_only;
	}
	return rec;
}

SHIM_PUBLIC int fsync(int fd)
{
	struct reclog_rec *rec = begin_sync(fd, 0);

	return (int)finish(rec, NEXT(fsync)(fd));
}

SHIM_PUBLIC int fdatasync(int fd)
{
	struct reclog_rec *rec = begin_sync(fd, 1);

	return (int)finish(rec, NEXT(fdatasync)(fd));
}

SHIM_PUBLIC int syncfs(int fd)
{
	struct reclog_rec *rec = begin_fd(REC_SYNC_ALL, fd, 0, 0, 0);

	return (int)finish(rec, NEXT(syncfs)(fd));
}

SHIM_PUBLIC int sync_file_range(int fd, off64_t offset, off64_t len, unsigned int flags)
{
	struct reclog_rec *rec =
		begin_fd(REC_RANGE, fd, (uint64_t)offset, (uint64_t)len, flags);

	return (int)finish(rec, NEXT(sync_file_range)(fd, offset, len, flags));
}

static void note_unseen(int fd, const char *what)
{
	const struct track_file *file = track_get(fd);
	struct reclog_body body = {.path = what};

	if (file != NULL) {
		body.path2 = file->below;
		reclog_end(reclog_begin(REC_UNSEEN, &body, NULL), 0);
	}
}

/* The store's note of what it is doing is for the next process, not for after a loss of power. */
static bool is_note(const struct track_file *file)
{
	size_t len = strlen(file->below);

	return len >= 8 && strcmp(file->below + len - 8, "progress") == 0;
}

SHIM_PUBLIC void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	const struct track_file *file = track_get(fd);

	if (file != NULL && (prot & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0 &&
		!is_note(file))
		note_unseen(fd, "mmap");
	return NEXT(mmap)(addr, len, prot, flags, fd, offset);
}

SHIM_PUBLIC void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap(addr, len, prot, flags, fd, offset);
}

SHIM_PUBLIC ssize_t sendfile(int out, int in, off_t *offset, size_t len)
{
	note_unseen(out, "sendfile");
	return NEXT(sendfile)(out, in, offset, len);
}

SHIM_PUBLIC ssize_t sendfile64(int out, int in, off_t *offset, size_t len)
{
	return sendfile(out, in, offset, len);
}

SHIM_PUBLIC ssize_t copy_file_range(
	int in, off64_t *in_off, int out, off64_t *out_off, size_t len, unsigned int flags)
{
	note_unseen(out, "copy_file_range");
	return NEXT(copy_file_range)(in, in_off, out, out_off, len, flags);
}

SHIM_PUBLIC ssize_t splice(
	int in, off64_t *in_off, int out, off64_t *out_off, size_t len, unsigned int flags)
{
	note_unseen(out, "splice");
	return NEXT(splice)(in, in_off, out, out_off, len, flags);
}

/* The whole file as it is now stands for everything the stream wrote so far. */
void shim_stdio_flushed(int fd)
{
	const struct track_file *file = track_get(fd);
	int saved = errno, in = NEXT(open64)(file->path, O_RDONLY | O_CLOEXEC);
	char buf[65536];
	off_t at = 0;
	ssize_t n;

	if (in < 0)
		note_unseen(fd, "stdio");
	while (in >= 0 && (n = NEXT(pread)(in, buf, sizeof(buf), at)) > 0) {
		struct iovec iov = {buf, (size_t)n};

		reclog_end(begin_write(file, &iov, 1, at, WRITE_AT), n);
		at += n;
	}
	if (in >= 0)
		NEXT(close)(in);
	errno = saved;
}
