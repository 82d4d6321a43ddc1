/* SPDX-License-Identifier: ISC */
/*
 * The message of an APPEND while it arrives: in memory up to 64 KiB, in a memory file up to 1 MiB (sealed at the
 * end, so that it may go to another role), above that in an unlinked file.  The size is announced beforehand.
 */
#ifndef IMAP_SPOOL_H
#define IMAP_SPOOL_H

#include "base/buf.h"

enum { IMAP_SPOOL_MEMORY_MAX = 64 << 10, IMAP_SPOOL_MEMFD_MAX = 1 << 20 };

struct imap_spool {
	struct buf memory;
	int fd; /* -1: in memory */
	uint64_t size, n; /* announced; arrived */
};

void imap_spool_init(struct imap_spool *spool);
void imap_spool_done(struct imap_spool *spool);
/* dir: where large ones go; NULL: a memory file for them too. */
MUST_CHECK enum err imap_spool_begin(struct imap_spool *spool, uint64_t size, const char *dir);
MUST_CHECK enum err imap_spool_add(struct imap_spool *spool, struct str s);
/* All has arrived: seals. */
MUST_CHECK enum err imap_spool_end(struct imap_spool *spool);

#endif
