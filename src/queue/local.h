/* SPDX-License-Identifier: ISC */
/* Inside the module: what queue.c and drain.c share. */
#ifndef QUEUE_LOCAL_H
#define QUEUE_LOCAL_H

#include "base/vec.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "sql/sql.h"

/* A QUEUE_ADD whose answer waits for the commit. */
struct queue_waiting {
	struct ipc_ticket ticket;
	enum err error;
};

struct queue {
	struct queue_options options;
	struct sql *sql;
	struct sql_statement **statements; /* by QUEUE_SQL_... */
	struct queue_spool *spool;
	uint64_t last_id;
	struct queue_schedule schedule;
	VEC(struct queue_job *) added; /* scheduled when the commit stands */
	VEC(struct queue_waiting) waiting;
	struct loop *loop;
	struct ipc_hub *hub;
	struct loop_timer *timer;
	VEC(struct queue_attempt *) attempts; /* under way */
};

/* Starts what is due, as far as max_parallel allows, and sets the timer. */
void queue_drain(struct queue *queue);
/* Forgets what is under way. */
void queue_drain_stop(struct queue *queue);

#endif
