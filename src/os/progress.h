/* SPDX-License-Identifier: ISC */
/*
 * What a process is working on, in a mapped file: the kernel keeps it when the process dies (not when the machine
 * does, which nobody's command caused).  Writing it is a copy in memory.  Work that two processes died at is
 * quarantined: refused for a week.
 */
#ifndef OS_PROGRESS_H
#define OS_PROGRESS_H

#include "base/err.h"
#include "base/str.h"

struct progress;

/* Makes the file when missing; what it says of the process before is counted and logged.  One process a file. */
MUST_CHECK enum err progress_open(const char *path, struct progress **ret_progress);
void progress_close(struct progress **progress);
/* account (0: nobody's), what and id together are the work; no nesting.  ERR_QUARANTINED. */
MUST_CHECK enum err progress_begin(struct progress *progress, uint64_t account, const char *what, struct str id);
void progress_end(struct progress *progress);

#endif
