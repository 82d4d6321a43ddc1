/* SPDX-License-Identifier: ISC */
/*
 * The message of an APPEND while it arrives: in memory up to 64 KiB, in a memory file up to 1 MiB (sealed at the
 * end, so that it may go to another role), above that in an unlinked file.  The size is announced beforehand.
 * A command with many messages (RFC 3502) has a bounded share of memory: what goes past it is in files.
 */
#ifndef IMAP_SPOOL_H
#define IMAP_SPOOL_H

#include "base/buf.h"

enum {
	IMAP_SPOOL_SMALL = 4096, /* always in memory */
	IMAP_SPOOL_MEMORY_MAX = 64 << 10,
	IMAP_SPOOL_MEMFD_MAX = 1 << 20,
	IMAP_SPOOL_SHARE = 2 << 20, /* memory of all messages of a command that are not small */
};

struct imap_spool {
	struct buf memory;
	int fd; /* -1: in memory */
	bool is_memfd;
	uint64_t size, n; /* announced; arrived */
};

/* In the order of the command. */
struct imap_spools {
	struct imap_spool *v;
	size_t n, cap;
};

void imap_spool_init(struct imap_spool *spool);
void imap_spool_done(struct imap_spool *spool);
/* share: bytes of memory left for it.  dir: where large ones go; NULL: a memory file for them too. */
MUST_CHECK enum err imap_spool_begin(struct imap_spool *spool, uint64_t size, uint64_t share, const char *dir);
MUST_CHECK enum err imap_spool_add(struct imap_spool *spool, struct str s);
/* All has arrived: seals. */
MUST_CHECK enum err imap_spool_end(struct imap_spool *spool);

/* An empty one at the end. */
struct imap_spool *imap_spools_add(struct imap_spools *spools);
/* Frees all. */
void imap_spools_done(struct imap_spools *spools);
/* Bytes announced by all; by those in memory that are not small. */
uint64_t imap_spools_size(const struct imap_spools *spools);
uint64_t imap_spools_memory(const struct imap_spools *spools);

#endif
