/* SPDX-License-Identifier: ISC */
/*
 * A copy of the index beside it, index.db.backup, made again every hour or so, in slices.  A rebuild begins with it and
 * reads only what the log got since (decision 0005).  A segment's file is never removed while the copy refers to it.
 */
#ifndef STORE_INDEX_BACKUP_H
#define STORE_INDEX_BACKUP_H

#include "store/store.h"

#define STORE_INDEX_BACKUP "index.db.backup"

/* Begins a new one; no effect while one is being made. */
MUST_CHECK enum err store_index_backup_start(struct store *store);
/* A slice, ~1 ms; outside of jobs.  *ret_more false: none is being made, or it is done. */
MUST_CHECK enum err store_index_backup_step(struct store *store, bool *ret_more);

#endif
