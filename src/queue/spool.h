/* SPDX-License-Identifier: ISC */
/* The content of queued messages, one file each, DIR/content/ID.  The row of the database says
 * which are real. */
#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

#include "base/str.h"

struct queue_spool;

MUST_CHECK enum err queue_spool_open(const char *dir, struct queue_spool **ret_spool);
void queue_spool_close(struct queue_spool **spool);
/* Content inline, or length bytes of fd.  The file is on disk when this returns, its name
 * after queue_spool_sync(). */
MUST_CHECK enum err queue_spool_write(
	struct queue_spool *spool, uint64_t id, struct str content, uint64_t length, int fd);
MUST_CHECK enum err queue_spool_sync(struct queue_spool *spool);
/* The content in a sealed memfd, as other roles take it. */
MUST_CHECK enum err queue_spool_read(
	struct queue_spool *spool, uint64_t id, uint64_t length, int *ret_fd);
void queue_spool_remove(struct queue_spool *spool, uint64_t id);
/* Removes files without a row: what a crash left.  is_known(arg, id) ends early on an error.
 */
MUST_CHECK enum err queue_spool_sweep(struct queue_spool *spool,
	enum err (*is_known)(void *arg, uint64_t id, bool *ret_known), void *arg);

#endif
