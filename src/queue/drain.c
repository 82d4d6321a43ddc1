/* SPDX-License-Identifier: ISC */
/* Tries what is due: one DELIVER a message and shard.  Idempotent: the delivery id is that of
 * the first attempt. */
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/time.h"
#include "ipc/recipients.h"
#include "queue/local.h"
#include "queue/queue_sql.h"

#include <unistd.h>

/* A delivery under way. */
struct queue_attempt {
	struct queue *queue;
	struct queue_job *job;
	struct buf recipients;
	VEC(uint32_t) numbers; /* of the rows, in the order sent */
	VEC(uint64_t) accounts; /* of the same */
	uint64_t trace;
};

/* A recipient whose account is in another shard by now. */
struct queue_moved {
	struct queue *queue;
	uint64_t message;
	uint32_t number;
};

static void free_attempt(struct queue_attempt *attempt)
{
	buf_done(&attempt->recipients);
	vec_done(&attempt->numbers);
	vec_done(&attempt->accounts);
	free(attempt);
}

static void forget_attempt(struct queue_attempt *attempt)
{
	struct queue *queue = attempt->queue;

	for (size_t i = 0; i < queue->attempts.n; i++) {
		if (queue->attempts.v[i] == attempt) {
			queue->attempts.v[i] = queue->attempts.v[--queue->attempts.n];
			break;
		}
	}
	free_attempt(attempt);
}

static void try_later(struct queue *queue, struct queue_job *job)
{
	job->attempts++;
	job->due_ms = time_mono_ms() + queue_backoff(job->attempts, queue->options.retry_first,
					       queue->options.retry_max);
	queue_schedule_add(&queue->schedule, job);
}

/* A mailbox may be emptied: what was accepted is not refused because it is full today. */
static bool is_for_later(enum err e)
{
	return err_is_temporary(e) || e == ERR_OVER_QUOTA;
}

static enum err mark_done(struct queue *queue, uint64_t message, uint32_t number)
{
	struct sql_statement *st = queue->statements[QUEUE_SQL_RECIPIENT_DONE];

	SQL_BIND(st, SQL_I64(message), SQL_I64(number));
	return sql_run(st);
}

static enum err mark_refused(
	struct queue *queue, uint64_t message, uint32_t number, enum err why)
{
	struct sql_statement *st = queue->statements[QUEUE_SQL_RECIPIENT_REFUSED];

	SQL_BIND(st, SQL_I64(message), SQL_I64(number), SQL_TEXT(str_of(err_name(why))));
	return sql_run(st);
}

/* The message goes with its last recipient. */
static enum err remove_if_empty(struct queue *queue, uint64_t message, bool *ret_removed)
{
	struct sql_statement *st = queue->statements[QUEUE_SQL_RECIPIENTS_LEFT];
	enum err e;
	int64_t left;

	SQL_BIND(st, SQL_I64(message));
	e = sql_first(st);
	if (e != OK)
		return e;
	left = sql_column_i64(st, 0);
	sql_reset(st);
	*ret_removed = left == 0;
	if (left > 0)
		return OK;
	st = queue->statements[QUEUE_SQL_MESSAGE_DONE];
	SQL_BIND(st, SQL_I64(message));
	return sql_run(st);
}

struct outcome {
	size_t done, refused, later;
	bool removed;
};

/* ---- accounts that moved ---- */

static enum err write_shard(const struct queue_moved *moved, uint32_t shard)
{
	struct sql_statement *st = moved->queue->statements[QUEUE_SQL_RECIPIENT_MOVED];
	enum err e = queue_commit(moved->queue);

	if (e == OK)
		e = sql_begin(moved->queue->sql);
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(moved->message), SQL_I64(moved->number), SQL_I64(shard));
	return sql_end(moved->queue->sql, sql_run(st));
}

/* What cannot be told now is asked again at the next attempt. */
static void moved_to(void *arg, enum err e, const void *reply, int *fd)
{
	struct queue_moved *moved = arg;
	const struct ipc_dir_account_reply *r = reply;
	struct queue_job *job;

	e = e == OK ? (enum err)r->error : e;
	if (e == OK)
		e = write_shard(moved, r->shard);
	if (e == OK) {
		job = mem_make(struct queue_job);
		*job = (struct queue_job){ .message = moved->message, .shard = r->shard, .due_ms = time_mono_ms() };
		queue_schedule_add(&moved->queue->schedule, job);
		queue_drain(moved->queue);
	}
	free(moved);
}

static void ask_where(struct queue_attempt *attempt, size_t i)
{
	struct ipc_dir_account ask = { attempt->accounts.v[i] };
	struct queue_moved *moved = mem_make(struct queue_moved);

	*moved = (struct queue_moved){ attempt->queue, attempt->job->message, attempt->numbers.v[i] };
	ipc_call(attempt->queue->hub, ROLE_DIRECTORY, 0, IPC_DIR_ACCOUNT, &ask, -1, attempt->trace,
		attempt->queue->options.deliver_timeout, moved_to, moved);
}

static void ask_where_all(struct queue_attempt *attempt, struct str results)
{
	struct rd rd = rd_of(results);

	for (size_t i = 0; i < attempt->numbers.n; i++)
		if (rd_u32(&rd) == ERR_MOVED)
			ask_where(attempt, i);
}

static enum err record_one(
	struct queue_attempt *attempt, size_t i, enum err result, struct outcome *outcome)
{
	uint64_t message = attempt->job->message;

	if (result == OK) {
		outcome->done++;
		return mark_done(attempt->queue, message, attempt->numbers.v[i]);
	}
	if (is_for_later(result)) {
		outcome->later++;
		return OK;
	}
	outcome->refused++;
	LOG(LOG_ERROR, "queue_recipient_held", F_TRACE(attempt->trace),
		F_U64("message", message), F_U64("recipient", attempt->numbers.v[i]),
		F_ERR(result));
	return mark_refused(attempt->queue, message, attempt->numbers.v[i], result);
}

/* One transaction.  If it fails everybody is tried again, and the shards know the delivery id.
 */
static enum err record(
	struct queue_attempt *attempt, struct str results, struct outcome *outcome)
{
	struct rd rd = rd_of(results);
	enum err e = queue_commit(attempt->queue);

	if (e == OK)
		e = sql_begin(attempt->queue->sql);
	if (e != OK)
		return e;
	for (size_t i = 0; e == OK && i < attempt->numbers.n; i++) {
		uint32_t wire = rd_u32(&rd);

		e = record_one(
			attempt, i, wire < ERR_COUNT ? (enum err)wire : ERR_PROTOCOL, outcome);
	}
	if (e == OK)
		e = remove_if_empty(attempt->queue, attempt->job->message, &outcome->removed);
	return sql_end(attempt->queue->sql, e);
}

static void finish(struct queue_attempt *attempt, struct outcome *outcome)
{
	struct queue *queue = attempt->queue;

	metric_add(METRIC_queue_delivered, outcome->done);
	if (outcome->removed)
		queue_spool_remove(queue->spool, attempt->job->message);
	if (outcome->later > 0)
		try_later(queue, attempt->job);
	else
		free(attempt->job);
}

static void delivered(void *arg, enum err e, const void *reply, int *fd)
{
	struct queue_attempt *attempt = arg;
	const struct ipc_deliver_reply *r = reply;
	struct queue *queue = attempt->queue;
	struct outcome outcome = { 0 };

	if (e == OK && r->results.n != attempt->numbers.n * sizeof(uint32_t))
		e = ERR_PROTOCOL;
	if (e == OK)
		e = record(attempt, r->results, &outcome);
	if (e == OK)
		ask_where_all(attempt, r->results);
	LOG(LOG_INFO, "queue_attempt", F_TRACE(attempt->trace),
		F_U64("message", attempt->job->message), F_U64("shard", attempt->job->shard),
		F_U64("attempt", attempt->job->attempts + 1), F_U64("delivered", outcome.done),
		F_U64("held", outcome.refused), F_U64("later", outcome.later), F_ERR(e));
	if (e == OK)
		finish(attempt, &outcome);
	else
		try_later(queue, attempt->job);
	forget_attempt(attempt);
	queue_drain(queue);
}

static enum err load_recipients(struct queue_attempt *attempt)
{
	struct sql_statement *st = attempt->queue->statements[QUEUE_SQL_RECIPIENTS_OF];
	enum err e;

	SQL_BIND(st, SQL_I64(attempt->job->message), SQL_I64(attempt->job->shard));
	while (sql_step(st, &e)) {
		struct ipc_recipient r = {
			.shard = attempt->job->shard,
			.account = (uint64_t)sql_column_i64(st, 1),
			.quota = (uint64_t)sql_column_i64(st, 2),
			.address = sql_column_blob(st, 3),
			.detail = sql_column_blob(st, 4),
		};

		ipc_recipient_add(&attempt->recipients, &r);
		vec_push(&attempt->numbers, (uint32_t)sql_column_i64(st, 0));
		vec_push(&attempt->accounts, r.account);
	}
	return e;
}

/* The statement's columns are valid until it is reset: sent first. */
static enum err send_message(struct queue_attempt *attempt)
{
	struct queue *queue = attempt->queue;
	struct sql_statement *st = queue->statements[QUEUE_SQL_MESSAGE_GET];
	struct ipc_deliver request = { .recipients = buf_str(&attempt->recipients) };
	int fd = -1;
	enum err e;

	SQL_BIND(st, SQL_I64(attempt->job->message));
	e = sql_first(st);
	if (e != OK)
		return e;
	request.delivery_id = sql_column_blob(st, 0);
	request.sender = sql_column_blob(st, 1);
	request.trace_header = sql_column_blob(st, 2);
	request.structure = sql_column_blob(st, 3);
	request.content_id = sql_column_blob(st, 4);
	request.received_s = sql_column_i64(st, 5);
	request.length = (uint64_t)sql_column_i64(st, 6);
	e = queue_spool_read(queue->spool, attempt->job->message, request.length, &fd);
	if (e == OK) {
		ipc_call(queue->hub, ROLE_STORE, attempt->job->shard, IPC_DELIVER, &request,
			fd, attempt->trace, queue->options.deliver_timeout, delivered,
			attempt);
		close(fd);
	}
	sql_reset(st);
	return e;
}

static void start_attempt(struct queue *queue, struct queue_job *job)
{
	struct queue_attempt *attempt = mem_make(struct queue_attempt);
	enum err e;

	attempt->queue = queue;
	attempt->job = job;
	attempt->trace = random_u64();
	e = load_recipients(attempt);
	/* They are in other shards now. */
	if (e == OK && attempt->numbers.n == 0) {
		free(job);
		free_attempt(attempt);
		return;
	}
	if (e == OK)
		e = send_message(attempt);
	if (e == OK) {
		vec_push(&queue->attempts, attempt);
		return;
	}
	LOG(LOG_ERROR, "queue_attempt_failed", F_TRACE(attempt->trace),
		F_U64("message", job->message), F_ERR(e));
	try_later(queue, job);
	free_attempt(attempt);
}

void queue_drain(struct queue *queue)
{
	const struct queue_job *first;
	struct queue_job *job;
	int64_t now = time_mono_ms();

	while (queue->attempts.n < queue->options.max_parallel &&
		(job = queue_schedule_take(&queue->schedule, now)))
		start_attempt(queue, job);
	first = queue_schedule_first(&queue->schedule);
	/* At the limit the next reply comes here again. */
	if (first && queue->attempts.n < queue->options.max_parallel)
		loop_timer_start(queue->timer, first->due_ms > now ? first->due_ms - now : 0);
}

void queue_drain_stop(struct queue *queue)
{
	for (size_t i = 0; i < queue->attempts.n; i++) {
		ipc_cancel(queue->hub, queue->attempts.v[i]);
		free(queue->attempts.v[i]->job);
		free_attempt(queue->attempts.v[i]);
	}
	vec_done(&queue->attempts);
}
