/* SPDX-License-Identifier: ISC */
/*
 * What the preloaded shims of the crash tests share.
 *
 * recorder.c writes down every change below one directory; faults.c makes some of them fail.
 * Both need the name behind a descriptor without asking the kernel, because the roles they
 * live in are locked down: after the constructor a shim makes no system call of its own.
 */
#ifndef CRASH_SHIM_H
#define CRASH_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SHIM_PUBLIC __attribute__((visibility("default")))

/* The function of that name behind this shim. */
void *shim_next(void **slot, const char *name);

#define NEXT(name)                                                                            \
	({                                                                                    \
		static void *slot_##name;                                                     \
		(__typeof__(&name))shim_next(&slot_##name, #name);                            \
	})

/* An open file or directory; path is absolute, below points into it behind the root's slash,
 * or is NULL outside the root. */
struct track_file {
	uint64_t handle;
	const char *below;
	char path[];
};

/* Reads CRASH_ROOT and looks at the descriptors that came with the exec. */
void track_init(void);
/* The absolute name, normalised, of path seen from dirfd; false if dirfd is unknown. */
bool track_resolve(int dirfd, const char *path, char *ret_path, size_t size);
/* The part of an absolute path below the root ("" is the root), NULL if outside or ignored. */
const char *track_below(const char *path);
/* As both together: fills buf and returns a pointer into it, or NULL. */
const char *track_name(int dirfd, const char *path, char *buf, size_t size);
/* NULL if the descriptor is not below the root. */
const struct track_file *track_get(int fd);
void track_set(int fd, const char *path, uint64_t handle);
void track_forget(int fd);
void track_chroot(const char *path);

/* Keeps the shim in the environment of programs started from here. */
void exec_init(void);

/* What each shim supplies; below is relative to the root. */
uint64_t shim_new_handle(void);
int shim_open_fault(const char *below, int flags);
void *shim_open_begin(const char *below, int flags, mode_t mode, uint64_t handle);
void shim_open_end(void *begun, int fd);
/* The stdio stream on fd, opened for writing, was flushed. */
void shim_stdio_flushed(int fd);

#endif
