/* SPDX-License-Identifier: ISC */
/* What is to be tried when: a heap by time, in memory, rebuilt at start.  Pure but for the
 * jitter's random number. */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include "base/vec.h"

/* The recipients of one message on one shard. */
struct queue_job {
	uint64_t message;
	uint32_t shard;
	uint32_t attempts;
	int64_t due_ms; /* monotonic clock */
};

struct queue_schedule {
	VEC(struct queue_job *) heap;
};

/* Frees the jobs. */
void queue_schedule_done(struct queue_schedule *schedule);
/* Takes the job over. */
void queue_schedule_add(struct queue_schedule *schedule, struct queue_job *job);
/* The earliest; NULL when empty. */
const struct queue_job *queue_schedule_first(const struct queue_schedule *schedule);
/* Takes the earliest off if it is due, else NULL; the caller frees it or adds it again. */
struct queue_job *queue_schedule_take(struct queue_schedule *schedule, int64_t now_ms);
/* How long to wait after so many attempts: first * 2^(attempts - 1) up to max, +- 25 %. */
int64_t queue_backoff(uint32_t attempts, int64_t first, int64_t max);

#endif
