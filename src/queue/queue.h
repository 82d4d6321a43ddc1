/* SPDX-License-Identifier: ISC */
/*
 * Mail on its way: the spool of deliveries whose shard failed temporarily, and their retries.
 * Owned by the queue role, one loop, one thread.  Files: DIR/queue.db and DIR/content/ID, one
 * file a message.
 *
 * QUEUE_ADD is answered when the message is durable; those of one turn of the loop share one
 * commit.  A recipient leaves when its shard said that it is durable there, or that it knows
 * the delivery id.  One that is refused for good stays, held, with the reason: what was
 * accepted is never dropped.  A full mailbox is tried again.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "ipc/ipc.h"

struct queue;

struct queue_options {
	const char *dir;     /* exists */
	int64_t retry_first; /* ms; each retry waits twice as long as the one before, +- 25 %
			      */
	int64_t retry_max;   /* ms; then for ever at this pace */
	int64_t deliver_timeout; /* ms */
	uint64_t max_parallel;   /* deliveries under way */
	uint64_t max_message_size;
};

struct queue_options queue_options_default(void);

/* Opens files only: the role locks itself in afterwards.  ERR_CANNOT: made by a newer program.
 */
MUST_CHECK enum err queue_open(const struct queue_options *options, struct queue **ret_queue);
/* Starts to deliver what was left, on this hub.  Once a process. */
void queue_start(struct queue *queue, struct loop *loop, struct ipc_hub *hub);
/* The role's handler of QUEUE_ADD: answers at the turn's end, when the message is durable. */
void queue_handle_add(struct queue *queue, struct ipc_request *request);
/* After the loop has stopped.  What is under way is tried again at the next start. */
void queue_close(struct queue **queue);

struct queue_counts {
	uint64_t messages, waiting, held, bytes;
};
/* waiting and held are recipients. */
MUST_CHECK enum err queue_count(struct queue *queue, struct queue_counts *ret_counts);

/*
 * The steps behind queue_handle_add(), for tests: queue_put() is durable once queue_commit()
 * is OK.  fd (-1: none) as in messages with content.
 */
MUST_CHECK enum err queue_put(
	struct queue *queue, const struct ipc_queue_add *message, int fd);
MUST_CHECK enum err queue_commit(struct queue *queue);

#endif
