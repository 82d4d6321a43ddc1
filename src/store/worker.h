/* SPDX-License-Identifier: ISC */
/*
 * The thread beside a shard: checkpoints of the database and zero-filled files for coming segments.  It owns its
 * own database connection; nothing it does is waited for but worker_wait().
 */
#ifndef STORE_WORKER_H
#define STORE_WORKER_H

#include "store/os.h"

struct worker;

MUST_CHECK enum err worker_start(const char *database, const struct store_os *os, struct worker **ret_worker);
void worker_stop(struct worker **worker);
/* Asks for a checkpoint, if none is under way. */
void worker_checkpoint(struct worker *worker);
/* Returns when no checkpoint is asked for or under way. */
void worker_wait(struct worker *worker);
bool worker_is_idle(struct worker *worker);
/* Asks for a file of `bytes` zeros, durable; ignored while one is in the making or ready. */
void worker_prepare(struct worker *worker, const char *path, uint64_t bytes);
/* Takes the descriptor of the file that is ready, -1 when none is; ret_path has OS_PATH_MAX bytes. */
int worker_take(struct worker *worker, char *ret_path);
bool worker_has_file(struct worker *worker);

#endif
