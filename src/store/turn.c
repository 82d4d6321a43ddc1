/* SPDX-License-Identifier: ISC */
/*
 * Group commit.  All waiting jobs run in one transaction; the log is synced, then SQL commits, then they are
 * answered.  When anything fails that concerns more than one job, everything is undone and each runs alone.
 */
#include "store/local.h"

#include "base/metrics.h"
#include "base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOTES_MAX = 64 << 20 };

struct store_tx *tx_new(struct store *store)
{
	struct store_tx *tx = mem_make(struct store_tx);

	tx->store = store;
	tx->arena = arena_new();
	tx->by_account = map_new();
	tx->notes = BUF_MAX(NOTES_MAX);
	return tx;
}

void tx_free(struct store_tx **tx)
{
	struct store_tx *t = *tx;

	if (!t)
		return;
	map_free(&t->by_account);
	vec_done(&t->deltas);
	vec_done(&t->touched);
	vec_done(&t->gone);
	buf_done(&t->notes);
	arena_free(&t->arena);
	free(t);
	*tx = NULL;
}

static enum err begin_turn(struct store *store)
{
	struct store_tx *tx = store->tx;

	tx->now_s = time_wall_s();
	tx->wrote = tx->has_mail = false;
	tx->broken = OK;
	return sql_begin(store->sql);
}

void tx_forget(struct store_tx *tx)
{
	tx_drop(tx);
	tx->deltas.n = tx->touched.n = tx->gone.n = 0;
	buf_clear(&tx->notes);
	tx->notes.overflow = false;
	arena_reset(tx->arena);
}

/*
 * A job that writes by several calls gets a savepoint: an error of a later call is then no reason to run everybody
 * again.  What earlier jobs of the turn left in memory goes to SQL before it, and so survives.
 */
static enum err begin_savepoint(struct store_tx *tx)
{
	enum err e = tx_flush(tx);

	if (e == OK)
		e = sql_savepoint(tx->store->sql);
	if (e != OK)
		return e;
	tx->has_savepoint = true;
	tx->mark.deltas = tx->deltas.n;
	tx->mark.touched = tx->touched.n;
	tx->mark.gone = tx->gone.n;
	tx->mark.notes = tx->notes.n;
	return OK;
}

enum err tx_write(struct store_tx *tx)
{
	bool first = !tx->job_wrote;

	tx->wrote = tx->job_wrote = true;
	return first && tx->job && tx->job->writes_often ? begin_savepoint(tx) : OK;
}

static void undo_savepoint(struct store_tx *tx)
{
	tx_drop(tx);
	tx->deltas.n = tx->mark.deltas;
	tx->touched.n = tx->mark.touched;
	tx->gone.n = tx->mark.gone;
	buf_truncate(&tx->notes, tx->mark.notes);
	away_undo(tx);
	tx->broken = sql_savepoint_undo(tx->store->sql);
}

static void end_job(struct store_tx *tx, enum err e)
{
	if (!tx->job_wrote)
		return;
	if (e == OK && tx->has_savepoint) {
		tx->broken = tx_flush(tx);
		if (tx->broken == OK)
			tx->broken = sql_savepoint_keep(tx->store->sql);
	} else if (e != OK && tx->has_savepoint) {
		undo_savepoint(tx);
	} else if (e != OK) {
		tx->broken = e;
	}
}

static void run_job(struct store_tx *tx, struct store_job *job)
{
	bool noted = job->account != 0;

	job->result = noted ? progress_begin(tx->store->progress, job->account, job->what, job->id) : OK;
	if (job->result != OK)
		return;
	tx->job = job;
	tx->job_wrote = tx->has_savepoint = tx->moves = false;
	job->result = job->run(job, tx);
	end_job(tx, job->result);
	tx->job = NULL;
	if (noted)
		progress_end(tx->store->progress);
	if (sql_failure(tx->store->sql) != OK && tx->broken == OK)
		tx->broken = sql_failure(tx->store->sql);
}

static enum err put_segment_rows(struct store *store)
{
	struct sql_statement *st = ST(store, SEGMENT_PUT);
	size_t n;
	const struct segment_row *rows = segments_rows(store->segments, &n);
	enum err e = OK;

	for (size_t i = 0; e == OK && i < n; i++) {
		SQL_BIND(st, SQL_I64(rows[i].number), SQL_I64(rows[i].id), SQL_I64(rows[i].state),
			SQL_I64(rows[i].used));
		e = sql_run(st);
	}
	return e;
}

/* Segment before database: a row never refers to bytes that a power cut can take. */
static enum err commit_turn(struct store_tx *tx)
{
	struct store *store = tx->store;
	enum err e = tx_flush(tx);

	if (e == OK)
		e = notes_append(tx);
	if (e == OK)
		e = segments_sync(store->segments, tx->has_mail);
	if (e == OK)
		e = put_segment_rows(store);
	return e == OK ? store->os->sql_commit(store->sql) : e;
}

static void note_error(struct store *store)
{
	snprintf(store->error, sizeof(store->error), "%s", sql_last_error(store->sql));
}

static enum err end_turn(struct store_tx *tx, enum err e)
{
	struct store *store = tx->store;

	if (e == OK && tx->wrote)
		e = commit_turn(tx);
	else
		sql_rollback(store->sql);
	if (e == OK && tx->wrote) {
		segments_committed(store->segments);
		folders_commit(tx);
	} else if (e != OK || tx->wrote) {
		note_error(store);
		sql_rollback(store->sql);
		segments_abort(store->segments);
		away_undo(tx);
	}
	tx->changed_away = false;
	tx_forget(tx);
	return e;
}

/* One transaction for n jobs of the list.  An error concerns all of them. */
static enum err run_turn(struct store *store, struct store_job *jobs, size_t n)
{
	struct store_tx *tx = store->tx = store->spare;
	enum err e = begin_turn(store);

	for (; e == OK && n > 0; n--, jobs = jobs->next) {
		run_job(tx, jobs);
		e = tx->broken;
	}
	e = end_turn(tx, e);
	store->tx = NULL;
	return e;
}

/* The first failure may be of the segment, which is another one now; or of another job. */
static void run_singly(struct store *store, struct store_job *jobs, size_t n)
{
	metric_add(METRIC_turns_rerun, 1);
	for (; n > 0; n--, jobs = jobs->next) {
		enum err e = run_turn(store, jobs, 1);

		if (e != OK)
			jobs->result = e;
	}
}

static struct store_job *take_jobs(struct store *store, size_t *ret_n)
{
	struct store_job *jobs = store->first, *last = NULL;
	size_t n = 0;

	for (struct store_job *job = jobs; job && n < store->options.turn_jobs; job = job->next, n++)
		last = job;
	if (last) {
		store->first = last->next;
		last->next = NULL;
	}
	if (!store->first)
		store->last = &store->first;
	*ret_n = n;
	return jobs;
}

static void answer(struct store_job *jobs)
{
	while (jobs) {
		struct store_job *job = jobs;

		jobs = job->next;
		job->done(job, job->result);
	}
}

static void wake_role(struct store *store)
{
	if (!store->first || store->woken || !store->options.wake)
		return;
	store->woken = true;
	store->options.wake(store->options.wake_arg);
}

/*
 * A checkpoint beside running mail never reaches the end of the log, and the log begins anew only when one does: so
 * the worker first moves nearly all of it, then mail waits a moment for the rest.
 */
static void bound_wal(struct store *store)
{
	uint64_t bytes = sql_wal_bytes(store->sql);

	if (bytes <= store->options.wal_soft_bytes) {
		store->checkpoint = CHECKPOINT_NONE;
		return;
	}
	if (store->checkpoint == CHECKPOINT_NONE) {
		worker_checkpoint(store->worker);
		store->checkpoint = CHECKPOINT_BESIDE;
	}
	if (store->checkpoint == CHECKPOINT_BESIDE && worker_is_idle(store->worker)) {
		worker_checkpoint(store->worker);
		worker_wait(store->worker);
		store->checkpoint = CHECKPOINT_DONE;
	}
	if (bytes > store->options.wal_hard_bytes) {
		worker_checkpoint(store->worker);
		worker_wait(store->worker);
		store->checkpoint = CHECKPOINT_NONE;
	}
}

void store_turn_end(struct store *store)
{
	uint64_t start = time_mono_us();
	size_t n;
	struct store_job *jobs = take_jobs(store, &n);

	assert(!store->tx);
	store->woken = false;
	if (n == 0)
		return;
	if (run_turn(store, jobs, n) != OK)
		run_singly(store, jobs, n);
	metric_add(METRIC_turns, 1);
	metric_add(METRIC_turn_commands, n);
	metric_observe_us(METRIC_commit_latency, time_mono_us() - start);
	bound_wal(store);
	answer(jobs);
	wake_role(store);
}

void store_submit(struct store *store, struct store_job *job)
{
	job->next = NULL;
	job->result = ERR_INTERNAL;
	*store->last = job;
	store->last = &job->next;
	wake_role(store);
}

bool store_has_jobs(const struct store *store)
{
	return store->first != NULL;
}

enum err store_reads(struct store *store)
{
	return store->tx ? tx_flush(store->tx) : OK;
}
