/* SPDX-License-Identifier: ISC */
#include "queue/queue.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "ipc/recipients.h"
#include "os/file.h"
#include "queue/local.h"
#include "queue/queue_sql.h"

struct queue_options queue_options_default(void)
{
	return (struct queue_options){
		.dir = ".",
		.retry_first = 5 * 1000,
		.retry_max = 15 * 60 * 1000,
		.deliver_timeout = 2 * 60 * 1000,
		.max_parallel = 32,
		.max_message_size = 512 << 20,
	};
}

static struct sql_statement *statement(struct queue *queue, int name)
{
	return queue->statements[name];
}

static enum err read_last_id(struct queue *queue)
{
	struct sql_statement *st = statement(queue, QUEUE_SQL_LAST_ID);
	enum err e = sql_first(st);

	if (e != OK)
		return e;
	queue->last_id = (uint64_t)sql_column_i64(st, 0);
	sql_reset(st);
	return OK;
}

static enum err is_known(void *arg, uint64_t id, bool *ret_known)
{
	struct sql_statement *st = statement(arg, QUEUE_SQL_MESSAGE_EXISTS);
	enum err e;

	SQL_BIND(st, SQL_I64(id));
	e = sql_first(st);
	if (e == OK)
		sql_reset(st);
	*ret_known = e == OK;
	return e == ERR_NOT_FOUND ? OK : e;
}

static struct queue_job *new_job(uint64_t message, uint32_t shard)
{
	struct queue_job *job = mem_make(struct queue_job);

	job->message = message;
	job->shard = shard;
	return job;
}

/* At start everything is due at once: why it waited may be over. */
static enum err load_jobs(struct queue *queue)
{
	struct sql_statement *st = statement(queue, QUEUE_SQL_JOBS);
	enum err e;

	while (sql_step(st, &e))
		queue_schedule_add(&queue->schedule, new_job((uint64_t)sql_column_i64(st, 0),
							     (uint32_t)sql_column_i64(st, 1)));
	return e;
}

static enum err open_database(struct queue *queue)
{
	char path[OS_PATH_MAX];
	struct sql_options options = { 0 };
	enum err e = sql_open(
		os_path(path, "%s/queue.db", queue->options.dir), &options, &queue->sql);

	if (e == OK)
		e = sql_migrate(queue->sql, "queue", queue_migrations, QUEUE_MIGRATIONS);
	if (e == OK)
		e = sql_prepare_all(queue->sql, queue_sql, QUEUE_SQL_COUNT, queue->statements);
	if (e == OK)
		e = read_last_id(queue);
	return e;
}

enum err queue_open(const struct queue_options *options, struct queue **ret_queue)
{
	struct queue *queue = mem_make(struct queue);
	enum err e;

	queue->options = *options;
	queue->statements = mem_alloc(QUEUE_SQL_COUNT * sizeof(*queue->statements));
	e = open_database(queue);
	if (e == OK)
		e = queue_spool_open(options->dir, &queue->spool);
	if (e == OK)
		e = queue_spool_sweep(queue->spool, is_known, queue);
	if (e == OK)
		e = load_jobs(queue);
	if (e == OK)
		*ret_queue = queue;
	else
		queue_close(&queue);
	return e;
}

void queue_close(struct queue **ref)
{
	struct queue *queue = *ref;

	if (!queue)
		return;
	*ref = NULL;
	queue_drain_stop(queue);
	if (queue->timer)
		loop_timer_remove(&queue->timer);
	for (size_t i = 0; i < queue->added.n; i++)
		free(queue->added.v[i]);
	vec_done(&queue->added);
	vec_done(&queue->waiting);
	queue_schedule_done(&queue->schedule);
	queue_spool_close(&queue->spool);
	sql_close(&queue->sql);
	free(queue->statements);
	free(queue);
}

static enum err add_message(struct queue *queue, uint64_t id, const struct ipc_queue_add *m)
{
	struct sql_statement *st = statement(queue, QUEUE_SQL_MESSAGE_ADD);

	SQL_BIND(st, SQL_I64(id), SQL_BLOB(m->delivery_id), SQL_BLOB(m->sender),
		SQL_BLOB(m->trace_header), SQL_BLOB(m->structure), SQL_BLOB(m->content_id),
		SQL_I64(m->received_s), SQL_I64(m->length));
	return sql_run(st);
}

static enum err add_recipient(
	struct queue *queue, uint64_t id, size_t number, const struct ipc_recipient *r)
{
	struct sql_statement *st = statement(queue, QUEUE_SQL_RECIPIENT_ADD);

	SQL_BIND(st, SQL_I64(id), SQL_I64(number), SQL_I64(r->shard), SQL_I64(r->account),
		SQL_I64(r->quota), SQL_BLOB(r->address), SQL_BLOB(r->detail));
	return sql_run(st);
}

static void note_job(struct queue *queue, uint64_t message, uint32_t shard)
{
	for (size_t i = queue->added.n; i-- > 0 && queue->added.v[i]->message == message;) {
		if (queue->added.v[i]->shard == shard)
			return;
	}
	vec_push(&queue->added, new_job(message, shard));
}

static enum err add_recipients(struct queue *queue, uint64_t id, struct str list)
{
	struct rd rd = rd_of(list);
	struct ipc_recipient r;
	size_t number = 0;

	while (ipc_recipient_next(&rd, &r)) {
		enum err e = add_recipient(queue, id, number++, &r);

		if (e != OK)
			return e;
		note_job(queue, id, r.shard);
	}
	return OK;
}

/* 0: malformed or empty. */
static size_t count_recipients(struct str list)
{
	struct rd rd = rd_of(list);
	struct ipc_recipient r;
	size_t n = 0;

	while (ipc_recipient_next(&rd, &r))
		n++;
	return rd.bad ? 0 : n;
}

static bool is_sane(const struct queue *queue, const struct ipc_queue_add *m, int fd)
{
	return m->length <= queue->options.max_message_size &&
	       (fd >= 0 || m->length == m->content.n) && count_recipients(m->recipients) > 0;
}

enum err queue_put(struct queue *queue, const struct ipc_queue_add *m, int fd)
{
	uint64_t id = queue->last_id + 1;
	enum err e = is_sane(queue, m, fd) ? OK : ERR_PROTOCOL;

	if (e == OK)
		e = queue_spool_write(queue->spool, id, m->content, m->length, fd);
	if (e != OK)
		return e;
	queue->last_id = id;
	if (!sql_in_transaction(queue->sql))
		e = sql_begin(queue->sql);
	if (e == OK)
		e = add_message(queue, id, m);
	if (e == OK)
		e = add_recipients(queue, id, m->recipients);
	return e;
}

/* In memory only what is on disk: jobs of a transaction that failed are forgotten, their files
 * swept at start. */
static void settle_added(struct queue *queue, enum err e)
{
	for (size_t i = 0; i < queue->added.n; i++) {
		struct queue_job *job = queue->added.v[i];

		if (e != OK) {
			queue_spool_remove(queue->spool, job->message);
			free(job);
			continue;
		}
		if (queue->loop)
			job->due_ms =
				time_mono_ms() + queue_backoff(1, queue->options.retry_first,
							 queue->options.retry_max);
		queue_schedule_add(&queue->schedule, job);
	}
	queue->added.n = 0;
}

enum err queue_commit(struct queue *queue)
{
	enum err e = OK;

	if (!sql_in_transaction(queue->sql))
		return OK;
	/* A row must never name a file that is not there. */
	e = sql_end(queue->sql, queue_spool_sync(queue->spool));
	settle_added(queue, e);
	return e;
}

static void answer_waiting(struct queue *queue, enum err e)
{
	for (size_t i = 0; i < queue->waiting.n; i++) {
		struct queue_waiting *w = &queue->waiting.v[i];
		struct ipc_queue_add_reply reply = { .error = w->error != OK ? w->error : e };

		ipc_reply(w->ticket, IPC_QUEUE_ADD_REPLY, &reply, -1);
	}
	queue->waiting.n = 0;
}

static void end_turn(void *arg)
{
	struct queue *queue = arg;
	enum err e;

	if (queue->waiting.n == 0)
		return;
	e = queue_commit(queue);
	if (e != OK)
		LOG(LOG_ERROR, "queue_commit_failed", F_ERR(e),
			F_CSTR("database", sql_last_error(queue->sql)));
	answer_waiting(queue, e);
	queue_drain(queue);
}

void queue_handle_add(struct queue *queue, struct ipc_request *request)
{
	const struct ipc_queue_add *m = request->body;
	struct queue_waiting w = { .ticket = ipc_ticket_of(request) };

	w.error = queue_put(queue, m, request->fd);
	if (w.error == OK)
		metric_add(METRIC_queue_accepted, count_recipients(m->recipients));
	LOG(w.error == OK ? LOG_INFO : LOG_WARNING, "queue_message_added",
		F_TRACE(request->trace), F_U64("message", queue->last_id),
		F_U64("bytes", m->length), F_ERR(w.error));
	vec_push(&queue->waiting, w);
}

static void on_timer(void *arg)
{
	queue_drain(arg);
}

void queue_start(struct queue *queue, struct loop *loop, struct ipc_hub *hub)
{
	queue->loop = loop;
	queue->hub = hub;
	queue->timer = loop_timer_add(loop, on_timer, queue);
	loop_at_turn_end(loop, end_turn, queue);
	loop_timer_start(queue->timer, 0);
}

static enum err count_one(
	struct queue *queue, int name, uint64_t *ret_first, uint64_t *ret_second)
{
	struct sql_statement *st = statement(queue, name);
	enum err e = sql_first(st);

	if (e != OK)
		return e;
	*ret_first = (uint64_t)sql_column_i64(st, 0);
	if (ret_second)
		*ret_second = (uint64_t)sql_column_i64(st, 1);
	sql_reset(st);
	return OK;
}

enum err queue_count(struct queue *queue, struct queue_counts *ret_counts)
{
	struct queue_counts c = { 0 };
	enum err e = count_one(queue, QUEUE_SQL_COUNT_MESSAGES, &c.messages, &c.bytes);

	if (e == OK)
		e = count_one(queue, QUEUE_SQL_COUNT_WAITING, &c.waiting, NULL);
	if (e == OK)
		e = count_one(queue, QUEUE_SQL_COUNT_HELD, &c.held, NULL);
	if (e == OK)
		*ret_counts = c;
	return e;
}
