/* SPDX-License-Identifier: ISC */
#include "queue/schedule.h"

#include "base/random.h"

void queue_schedule_done(struct queue_schedule *schedule)
{
	for (size_t i = 0; i < schedule->heap.n; i++)
		free(schedule->heap.v[i]);
	vec_done(&schedule->heap);
}

static bool is_before(const struct queue_schedule *s, size_t a, size_t b)
{
	return s->heap.v[a]->due_ms < s->heap.v[b]->due_ms;
}

static void swap(struct queue_schedule *s, size_t a, size_t b)
{
	struct queue_job *job = s->heap.v[a];

	s->heap.v[a] = s->heap.v[b];
	s->heap.v[b] = job;
}

void queue_schedule_add(struct queue_schedule *s, struct queue_job *job)
{
	size_t i = s->heap.n;

	vec_push(&s->heap, job);
	for (; i > 0 && is_before(s, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(s, i, (i - 1) / 2);
}

const struct queue_job *queue_schedule_first(const struct queue_schedule *s)
{
	return s->heap.n ? s->heap.v[0] : NULL;
}

static void sink(struct queue_schedule *s)
{
	for (size_t i = 0, child; (child = 2 * i + 1) < s->heap.n; i = child) {
		if (child + 1 < s->heap.n && is_before(s, child + 1, child))
			child++;
		if (!is_before(s, child, i))
			return;
		swap(s, i, child);
	}
}

struct queue_job *queue_schedule_take(struct queue_schedule *s, int64_t now_ms)
{
	struct queue_job *job;

	if (s->heap.n == 0 || s->heap.v[0]->due_ms > now_ms)
		return NULL;
	job = s->heap.v[0];
	s->heap.v[0] = s->heap.v[--s->heap.n];
	sink(s);
	return job;
}

int64_t queue_backoff(uint32_t attempts, int64_t first, int64_t max)
{
	int64_t wait = first;

	while (attempts-- > 1 && wait < max)
		wait *= 2;
	wait = wait < max ? wait : max;
	return wait - wait / 4 + random_below((uint32_t)(wait / 2) + 1);
}
