/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into the server, writes down what happens to the files below CRASH_ROOT: names
 * here, contents in recorder_data.c, replies to clients in recorder_send.c.  rebuild.py makes
 * of it the disk as it could be after a loss of power.
 */
#include "reclog.h"
#include "shim.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int note_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct reclog_body body = {.path = info->dlpi_name};
	char exe[PATH_MAX] = "";
	struct reclog_rec *rec;

	if (info->dlpi_name[0] == '\0') {
		if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
			return 0;
		body.path = exe;
	}
	rec = reclog_begin(REC_MODULE, &body, NULL);
	if (rec != NULL)
		rec->a = info->dlpi_addr;
	reclog_end(rec, 0);
	return 0;
}

__attribute__((constructor)) static void start_recording(void)
{
	void *frames[2];

	exec_init();
	reclog_init();
	track_init();
	backtrace(frames, 2); /* loads the unwinder while files can still be opened */
	dl_iterate_phdr(note_module, NULL);
}

uint64_t shim_new_handle(void)
{
	return reclog_new_handle();
}

int shim_open_fault(const char *below, int flags)
{
	return 0;
}

void *shim_open_begin(const char *below, int flags, mode_t mode, uint64_t handle)
{
	struct reclog_body body = {.path = below};
	struct reclog_rec *rec = reclog_begin(REC_OPEN, &body, NULL);

	if (rec != NULL) {
		rec->handle = handle;
		rec->a = (uint64_t)flags;
		rec->b = mode;
	}
	return rec;
}

void shim_open_end(void *begun, int fd)
{
	reclog_end(begun, fd);
}

static struct reclog_rec *begin_name(
	enum reclog_type type, int dirfd, const char *path, uint64_t b)
{
	char buf[PATH_MAX];
	struct reclog_body body = {.path = track_name(dirfd, path, buf, sizeof(buf))};
	struct reclog_rec *rec;

	if (body.path == NULL)
		return NULL;
	rec = reclog_begin(type, &body, NULL);
	if (rec != NULL)
		rec->b = b;
	return rec;
}

/* A move over the edge of the root would bring in bytes nobody saw written. */
static struct reclog_rec *begin_two(enum reclog_type type, int fromfd, const char *from,
	int tofd, const char *to, unsigned flags)
{
	char buf[PATH_MAX], buf2[PATH_MAX];
	struct reclog_body body = {
		.path = track_name(fromfd, from, buf, sizeof(buf)),
		.path2 = track_name(tofd, to, buf2, sizeof(buf2)),
	};
	struct reclog_rec *rec;

	if (body.path == NULL && body.path2 == NULL)
		return NULL;
	if (body.path == NULL || body.path2 == NULL)
		type = REC_UNSEEN;
	rec = reclog_begin(type, &body, NULL);
	if (rec != NULL)
		rec->c = flags;
	return rec;
}

/* linkat() of an unnamed file: by AT_EMPTY_PATH or through /proc/self/fd. */
static struct reclog_rec *begin_link(
	int fromfd, const char *from, int tofd, const char *to, int flags)
{
	char buf[PATH_MAX];
	struct reclog_body body = {.path2 = track_name(tofd, to, buf, sizeof(buf))};
	const struct track_file *file;
	struct reclog_rec *rec;
	int fd = fromfd;

	if ((flags & AT_EMPTY_PATH) == 0 && sscanf(from, "/proc/self/fd/%d", &fd) != 1)
		return begin_two(REC_LINK, fromfd, from, tofd, to, 0);
	file = track_get(fd);
	if (body.path2 == NULL || file == NULL)
		return NULL;
	rec = reclog_begin(REC_LINK, &body, NULL);
	if (rec != NULL)
		rec->handle = file->handle;
	return rec;
}

static int finish(struct reclog_rec *rec, int ret)
{
	reclog_end(rec, ret);
	return ret;
}

SHIM_PUBLIC int rename(const char *from, const char *to)
{
	struct reclog_rec *rec = begin_two(REC_RENAME, AT_FDCWD, from, AT_FDCWD, to, 0);

	return finish(rec, NEXT(rename)(from, to));
}

SHIM_PUBLIC int renameat(int fromfd, const char *from, int tofd, const char *to)
{
	struct reclog_rec *rec = begin_two(REC_RENAME, fromfd, from, tofd, to, 0);

	return finish(rec, NEXT(renameat)(fromfd, from, tofd, to));
}

SHIM_PUBLIC int renameat2(
	int fromfd, const char *from, int tofd, const char *to, unsigned int flags)
{
	struct reclog_rec *rec = begin_two(REC_RENAME, fromfd, from, tofd, to, flags);

	return finish(rec, NEXT(renameat2)(fromfd, from, tofd, to, flags));
}

SHIM_PUBLIC int link(const char *from, const char *to)
{
	struct reclog_rec *rec = begin_two(REC_LINK, AT_FDCWD, from, AT_FDCWD, to, 0);

	return finish(rec, NEXT(link)(from, to));
}

SHIM_PUBLIC int linkat(int fromfd, const char *from, int tofd, const char *to, int flags)
{
	struct reclog_rec *rec = begin_link(fromfd, from, tofd, to, flags);

	return finish(rec, NEXT(linkat)(fromfd, from, tofd, to, flags));
}

/* The target is text, not a name below the root. */
SHIM_PUBLIC int symlinkat(const char *target, int dirfd, const char *path)
{
	char buf[PATH_MAX];
	struct reclog_body body = {
		.path = track_name(dirfd, path, buf, sizeof(buf)),
		.path2 = target,
	};
	struct reclog_rec *rec = NULL;

	if (body.path != NULL)
		rec = reclog_begin(REC_SYMLINK, &body, NULL);
	return finish(rec, NEXT(symlinkat)(target, dirfd, path));
}

SHIM_PUBLIC int symlink(const char *target, const char *path)
{
	return symlinkat(target, AT_FDCWD, path);
}

SHIM_PUBLIC int unlink(const char *path)
{
	struct reclog_rec *rec = begin_name(REC_UNLINK, AT_FDCWD, path, 0);

	return finish(rec, NEXT(unlink)(path));
}

SHIM_PUBLIC int unlinkat(int dirfd, const char *path, int flags)
{
	bool is_dir = (flags & AT_REMOVEDIR) != 0;
	struct reclog_rec *rec = begin_name(is_dir ? REC_RMDIR : REC_UNLINK, dirfd, path, 0);

	return finish(rec, NEXT(unlinkat)(dirfd, path, flags));
}

SHIM_PUBLIC int rmdir(const char *path)
{
	struct reclog_rec *rec = begin_name(REC_RMDIR, AT_FDCWD, path, 0);

	return finish(rec, NEXT(rmdir)(path));
}

SHIM_PUBLIC int remove(const char *path)
{
	int ret = unlink(path);

	return ret != 0 && (errno == EISDIR || errno == EPERM) ? rmdir(path) : ret;
}

SHIM_PUBLIC int mkdir(const char *path, mode_t mode)
{
	struct reclog_rec *rec = begin_name(REC_MKDIR, AT_FDCWD, path, mode);

	return finish(rec, NEXT(mkdir)(path, mode));
}

SHIM_PUBLIC int mkdirat(int dirfd, const char *path, mode_t mode)
{
	struct reclog_rec *rec = begin_name(REC_MKDIR, dirfd, path, mode);

	return finish(rec, NEXT(mkdirat)(dirfd, path, mode));
}

SHIM_PUBLIC char *mkdtemp(char *path)
{
	char *ret = NEXT(mkdtemp)(path);

	if (ret != NULL)
		reclog_end(begin_name(REC_MKDIR, AT_FDCWD, path, 0700), 0);
	return ret;
}
