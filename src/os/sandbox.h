/* SPDX-License-Identifier: ISC */
/*
 * Locks this process in: no new privileges, a seccomp allow-list (libseccomp), Landlock file rules, resource limits.
 * Call once, after everything from outside was opened.  What is refused fails with EPERM or EACCES.
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include "base/err.h"

#include <stdbool.h>

/* What a role may do beside computing and using the descriptors it holds; sandbox.def says which calls each means. */
enum sandbox_right {
	SANDBOX_COMPUTE = 1,  /* memory, clocks, polling, reading and writing open descriptors */
	SANDBOX_FILES = 2,    /* open, create, sync, rename below the given directories */
	SANDBOX_CLIENTS = 4,  /* accept and tune sockets of a listening socket it was given; make socket pairs */
	SANDBOX_MEMFD = 8,    /* make sealed memory files */
	SANDBOX_THREADS = 16, /* make threads */
};

struct sandbox_path {
	const char *path;
	bool writable;
};

/*
 * paths (count): what SANDBOX_FILES reaches.  Where the kernel has no Landlock (or too old a one) the rest still
 * holds, and *ret_landlock is false.  ERR_NOT_ALLOWED when seccomp itself cannot be had.
 */
MUST_CHECK enum err os_sandbox(unsigned rights, const struct sandbox_path *paths, unsigned count, bool *ret_landlock);

/* Before lock-in: makes the socket with which os_sandbox_probe() tries connect(2) itself. */
void os_sandbox_probe_prepare(void);
/* Tries what a locked-in role must not do; writes `name=refused|ALLOWED` words to fd; true when all were refused. */
bool os_sandbox_probe(const char *foreign_file, int fd);

#endif
