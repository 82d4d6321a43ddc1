/* SPDX-License-Identifier: ISC */
/* Child processes and privileges.  Supervisor only, but for os_die_with_parent. */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include "base/err.h"

#include <sys/types.h>

enum { OS_CONTROL_FD = 3 };

/*
 * Starts this program anew (argv NULL-terminated) with control_fd as descriptor 3 and nothing else open but 0 to 2.
 * user: NULL, or the account to become (root only), group and supplementary groups with it.
 */
MUST_CHECK enum err os_spawn_self(char *const argv[], int control_fd, const char *user, pid_t *ret_pid);
/* The kernel ends this process when its parent goes. */
void os_die_with_parent(void);
/* A million descriptors as root, else as many as the hard limit allows; children inherit it. */
void os_raise_file_limit(void);
/* A descriptor that gets readable on SIGTERM, SIGINT, SIGHUP and SIGCHLD, which are blocked otherwise; -1 on failure. */
int os_signal_fd(void);
/* The next pending signal number, 0 when none. */
int os_signal_next(int signal_fd);

#endif
