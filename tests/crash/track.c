/* SPDX-License-Identifier: ISC */
/* The table of descriptors and the names behind them; see shim.h. */
#include "shim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRACK_MAX 65536

static _Atomic(struct track_file *) files[TRACK_MAX];
static char root[PATH_MAX];
static size_t root_len;
static char cwd[PATH_MAX];
static char jail[PATH_MAX];

void *shim_next(void **slot, const char *name)
{
	void *f = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

	if (f == NULL) {
		f = dlsym(RTLD_NEXT, name);
		__atomic_store_n(slot, f, __ATOMIC_RELEASE);
	}
	return f;
}

/* Appends the parts of path to out, taking out empty ones, "." and "..". */
static bool append_parts(char *out, size_t size, const char *path)
{
	size_t len = strlen(out);

	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			char *slash = strrchr(out, '/');

			len = slash == NULL ? 0 : (size_t)(slash - out);
			out[len] = '\0';
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			if (len + n + 2 > size)
				return false;
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
			out[len] = '\0';
		}
		path += n + (path[n] == '/');
	}
	return true;
}

bool track_resolve(int dirfd, const char *path, char *ret_path, size_t size)
{
	const char *start = "";

	if (path[0] == '/') {
		start = jail;
	} else if (dirfd == AT_FDCWD) {
		start = cwd;
	} else {
		struct track_file *dir = NULL;

		if (dirfd >= 0 && dirfd < TRACK_MAX)
			dir = atomic_load(&files[dirfd]);
		if (dir == NULL)
			return false;
		start = dir->path;
	}
	ret_path[0] = '\0';
	return append_parts(ret_path, size, start) && append_parts(ret_path, size, path);
}

/* SQLite's shared-memory files are rebuilt from the log of the database: they may be lost. */
static bool is_shared_index(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcmp(path + len - 4, "-shm") == 0;
}

const char *track_below(const char *path)
{
	if (root_len == 0 || strncmp(path, root, root_len) != 0 || is_shared_index(path))
		return NULL;
	if (path[root_len] == '\0')
		return path + root_len;
	return path[root_len] == '/' ? path + root_len + 1 : NULL;
}

const char *track_name(int dirfd, const char *path, char *buf, size_t size)
{
	return track_resolve(dirfd, path, buf, size) ? track_below(buf) : NULL;
}

const struct track_file *track_get(int fd)
{
	struct track_file *file;

	if (fd < 0 || fd >= TRACK_MAX)
		return NULL;
	file = atomic_load(&files[fd]);
	return file != NULL && file->below != NULL ? file : NULL;
}

/* An entry is never freed: another thread may still be reading it, and tests are short. */
void track_set(int fd, const char *path, uint64_t handle)
{
	size_t len = strlen(path);
	struct track_file *file;

	if (fd < 0 || fd >= TRACK_MAX)
		return;
	file = malloc(sizeof(*file) + len + 1);
	if (file == NULL)
		abort();
	memcpy(file->path, path, len + 1);
	file->handle = handle;
	file->below = track_below(file->path);
	atomic_store(&files[fd], file);
}

void track_forget(int fd)
{
	if (fd >= 0 && fd < TRACK_MAX && atomic_load(&files[fd]) != NULL)
		atomic_store(&files[fd], NULL);
}

static void share_entry(int from, int to)
{
	if (from >= 0 && from < TRACK_MAX && to >= 0 && to < TRACK_MAX)
		atomic_store(&files[to], atomic_load(&files[from]));
}

static void set_cwd(const char *path)
{
	size_t len = strlen(path);

	if (len < sizeof(cwd))
		memcpy(cwd, path, len + 1);
}

/* Descriptors kept over an exec have names only in /proc; asked before any sandbox exists. */
static void find_inherited(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *ent;

	if (dir == NULL)
		return;
	while ((ent = readdir(dir)) != NULL) {
		char path[PATH_MAX];
		int fd = atoi(ent->d_name);
		ssize_t n = readlinkat(dirfd(dir), ent->d_name, path, sizeof(path) - 1);

		if (n <= 0 || path[0] != '/' || fd == dirfd(dir))
			continue;
		path[n] = '\0';
		if (track_below(path) != NULL) {
			uint64_t handle = shim_new_handle();
			void *begun = shim_open_begin(track_below(path), O_RDWR, 0, handle);

			shim_open_end(begun, fd);
			track_set(fd, path, handle);
		}
	}
	closedir(dir);
}

void track_init(void)
{
	const char *path = getenv("CRASH_ROOT");

	if (getcwd(cwd, sizeof(cwd)) == NULL)
		cwd[0] = '\0';
	if (path == NULL || realpath(path, root) == NULL)
		return;
	root_len = strlen(root);
	find_inherited();
}

void track_chroot(const char *path)
{
	char name[PATH_MAX];

	if (track_resolve(AT_FDCWD, path, name, sizeof(name)))
		memcpy(jail, name, strlen(name) + 1);
}

SHIM_PUBLIC int chroot(const char *path)
{
	int ret = NEXT(chroot)(path);

	if (ret == 0)
		track_chroot(path);
	return ret;
}

SHIM_PUBLIC int chdir(const char *path)
{
	char name[PATH_MAX];
	int ret = NEXT(chdir)(path);

	if (ret == 0 && track_resolve(AT_FDCWD, path, name, sizeof(name)))
		set_cwd(name);
	return ret;
}

SHIM_PUBLIC int fchdir(int fd)
{
	char name[PATH_MAX];
	int ret = NEXT(fchdir)(fd);

	if (ret == 0 && track_resolve(fd, ".", name, sizeof(name)))
		set_cwd(name);
	return ret;
}

SHIM_PUBLIC int close(int fd)
{
	track_forget(fd);
	return NEXT(close)(fd);
}

SHIM_PUBLIC int close_range(unsigned int first, unsigned int last, int flags)
{
	for (unsigned int fd = first; fd <= last && fd < TRACK_MAX && flags == 0; fd++)
		track_forget((int)fd);
	return NEXT(close_range)(first, last, flags);
}

SHIM_PUBLIC void closefrom(int first)
{
	for (int fd = first; fd < TRACK_MAX; fd++)
		track_forget(fd);
	NEXT(closefrom)(first);
}

SHIM_PUBLIC int dup(int fd)
{
	int ret = NEXT(dup)(fd);

	share_entry(fd, ret);
	return ret;
}

SHIM_PUBLIC int dup2(int fd, int to)
{
	int ret = NEXT(dup2)(fd, to);

	share_entry(fd, ret);
	return ret;
}

SHIM_PUBLIC int dup3(int fd, int to, int flags)
{
	int ret = NEXT(dup3)(fd, to, flags);

	share_entry(fd, ret);
	return ret;
}

static int track_fcntl(int ret, int fd, int cmd)
{
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		share_entry(fd, ret);
	return ret;
}

/* Every command takes at most one word after itself, so one is always handed on. */
SHIM_PUBLIC int fcntl(int fd, int cmd, ...)
{
	__builtin_va_list ap;
	void *arg;

	__builtin_va_start(ap, cmd);
	arg = __builtin_va_arg(ap, void *);
	__builtin_va_end(ap);
	return track_fcntl(NEXT(fcntl)(fd, cmd, arg), fd, cmd);
}

SHIM_PUBLIC int fcntl64(int fd, int cmd, ...)
{
	__builtin_va_list ap;
	void *arg;

	__builtin_va_start(ap, cmd);
	arg = __builtin_va_arg(ap, void *);
	__builtin_va_end(ap);
	return track_fcntl(NEXT(fcntl64)(fd, cmd, arg), fd, cmd);
}
