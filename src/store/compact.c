/* SPDX-License-Identifier: ISC */
#include "store/compact_local.h"

#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

enum { PASSES_MAX = 50 };

/* ---- rounds ---- */

static void begin_round(struct compaction *c)
{
	live_done(&c->live);
	c->cursor = (struct compact_cursor){ 0 };
	c->victim = c->clock_at = 0;
	c->scan_at = 0;
	c->passes = 0;
	c->folders.n = 0;
	map_free(&c->known_folders);
	map_free(&c->moved);
	c->known_folders = map_new();
	c->moved = map_new();
	arena_reset(c->arena);
	c->rewalk = false;
	c->phase = COMPACT_COUNT;
}

static enum err start_round(struct compaction *c)
{
	struct live_segment *rows;
	size_t n;
	enum err e;

	begin_round(c);
	e = compact_segments(c->store, &rows, &n);
	if (e != OK) {
		free(rows);
		return e;
	}
	live_init(&c->live, rows, n);
	c->result.looked_at = c->result.looked_at > n ? c->result.looked_at : n;
	return OK;
}

void store_compact_start(struct store *store, uint32_t dead_percent)
{
	struct compaction *c;

	if (store->compaction)
		return;
	c = store->compaction = mem_make(struct compaction);
	c->store = store;
	c->dead_percent = dead_percent;
	c->arena = arena_new();
	c->job.own = c;
	store->compacted = (struct store_compacted){ 0 };
	c->result.error = start_round(c);
	if (c->result.error != OK)
		c->phase = COMPACT_OVER;
}

void compact_free(struct store *store)
{
	struct compaction *c = store->compaction;

	if (!c)
		return;
	store->compacted = c->result;
	live_done(&c->live);
	map_free(&c->known_folders);
	map_free(&c->moved);
	map_free(&c->job.fresh);
	vec_done(&c->job.moved);
	vec_done(&c->job.folders);
	vec_done(&c->folders);
	vec_done(&c->kept);
	arena_free(&c->arena);
	free(c);
	store->compaction = NULL;
}

struct store_compacted store_compact_result(const struct store *store)
{
	return store->compaction ? store->compaction->result : store->compacted;
}

/* ---- jobs ---- */

/* Nothing of it is lost: it stays where it is. */
static void keep_victim(struct compaction *c, uint32_t number)
{
	struct live_segment *s = live_find(&c->live, number);

	s->is_victim = false;
	vec_push(&c->kept, number);
	c->result.kept++;
}

static void take_moved(struct compaction *c)
{
	struct compact_job *j = &c->job;
	uint64_t key[2];

	for (size_t i = 0; i < j->moved.n; i++) {
		struct compact_moved *m = arena_make(c->arena, struct compact_moved);

		*m = j->moved.v[i];
		map_put(c->moved, compact_key(&m->from, key), m);
	}
	c->cursor = j->cursor;
	c->result.records += j->records;
	c->result.written += j->written;
}

static void take_folders(struct compaction *c)
{
	struct compact_job *j = &c->job;

	for (size_t i = 0; i < j->folders.n; i++) {
		struct compact_folder f = j->folders.v[i];

		if (map_put(c->known_folders, str_make((const char *)&f, sizeof(f)), c) == NULL)
			vec_push(&c->folders, f);
	}
	c->scan_at = j->scan_at;
	c->result.written += j->written;
}

static void next_victim(struct compaction *c)
{
	while (c->victim < c->live.n && !c->live.v[c->victim].is_victim)
		c->victim++;
	if (c->victim == c->live.n)
		c->phase = c->folders.n ? COMPACT_CLOCKS : COMPACT_MOVE;
}

static void end_pass(struct compaction *c)
{
	bool again = c->rewalk;

	c->cursor = (struct compact_cursor){ 0 };
	c->rewalk = false;
	if (!again)
		c->phase = COMPACT_DROP;
	else if (++c->passes == PASSES_MAX) {
		c->result.error = ERR_BUSY;
		c->phase = COMPACT_OVER;
	}
}

static void count_removed(struct compaction *c)
{
	for (size_t i = 0; i < c->live.n; i++) {
		if (!c->live.v[i].is_victim)
			continue;
		c->result.removed++;
		c->result.freed += c->live.v[i].row.used;
		store_note_dead(c->store, c->live.v[i].row.number);
	}
}

/* The job is done, and durable. */
static void go_on(struct compaction *c)
{
	struct compact_job *j = &c->job;

	switch (c->phase) {
	case COMPACT_NOTES:
		take_folders(c);
		if (j->at_end) {
			c->victim++;
			c->scan_at = 0;
		}
		break;
	case COMPACT_CLOCKS:
		c->clock_at = j->clock_at;
		if (j->at_end)
			c->phase = COMPACT_MOVE;
		break;
	case COMPACT_MOVE:
		take_moved(c);
		if (j->at_end)
			end_pass(c);
		break;
	case COMPACT_DROP:
		if (!j->at_end) {
			end_pass(c);
			c->phase = c->phase == COMPACT_DROP ? COMPACT_MOVE : c->phase;
			break;
		}
		count_removed(c);
		c->result.error = start_round(c);
		break;
	default:
		break;
	}
}

static void end_job(struct store_job *job, enum err e)
{
	struct compact_job *j = (struct compact_job *)job;
	struct compaction *c = j->own;

	c->busy = false;
	if (e == ERR_CORRUPT && j->bad) {
		keep_victim(c, j->bad);
		c->scan_at = 0;
		return;
	}
	if (e == OK)
		go_on(c);
	else
		c->result.error = e;
	if (c->result.error != OK)
		c->phase = COMPACT_OVER;
}

/* Twice dead of the same slice, it is not tried a third time. */
static void submit(struct compaction *c, enum err (*run)(struct store_job *, struct store_tx *))
{
	struct compact_job *j = &c->job;
	int n = snprintf(j->id, sizeof(j->id), "%d %u %llx %llx", c->phase, c->victim < c->live.n ?
		c->live.v[c->victim].row.number : 0, (unsigned long long)c->scan_at, (unsigned long long)c->cursor.account);

	c->busy = true;
	j->job = (struct store_job){ .run = run, .done = end_job, .what = "compact", .account = UINT64_MAX,
		.id = str_make(j->id, (size_t)n), .writes_often = true };
	store_submit(c->store, &j->job);
}

static void step_count(struct compaction *c)
{
	bool end = false;
	enum err e = compact_count_some(c, &end);

	if (e != OK) {
		c->result.error = e;
		c->phase = COMPACT_OVER;
	} else if (end) {
		live_count(&c->live);
		c->cursor = (struct compact_cursor){ 0 };
		c->phase = COMPACT_CHOOSE;
	}
}

static void step(struct compaction *c)
{
	if (c->phase == COMPACT_NOTES)
		next_victim(c);
	switch (c->phase) {
	case COMPACT_COUNT:
		step_count(c);
		break;
	case COMPACT_CHOOSE:
		compact_choose_some(c);
		break;
	case COMPACT_NOTES:
		submit(c, compact_run_notes);
		break;
	case COMPACT_CLOCKS:
		submit(c, compact_run_clocks);
		break;
	case COMPACT_MOVE:
		submit(c, compact_run_move);
		break;
	case COMPACT_DROP:
		submit(c, compact_run_drop);
		break;
	case COMPACT_OVER:
		break;
	}
}

bool store_compact_step(struct store *store)
{
	struct compaction *c = store->compaction;

	if (!c)
		return false;
	if (!c->busy)
		step(c);
	if (c->phase != COMPACT_OVER || c->busy)
		return true;
	compact_free(store);
	return false;
}

/* ---- files ---- */

void store_note_dead(struct store *store, uint32_t number)
{
	struct dead_segment dead = { number, time_mono_ms() + (int64_t)store->options.compact_grace_s * 1000 };

	vec_push(&store->dead, dead);
}

static enum err forget(struct store *store, uint32_t number)
{
	struct sql_statement *st = ST(store, SEGMENT_FORGET);
	enum err e = segments_remove(store->segments, number);

	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(number));
	return sql_run(st);
}

enum err store_compact_sweep(struct store *store)
{
	int64_t now = time_mono_ms();
	enum err e = OK;

	/* It may refer to them. */
	if (store->dead.n > 0 && store->dead.v[0].due_ms <= now)
		e = index_backup_drop(store);
	while (e == OK && store->dead.n > 0 && store->dead.v[0].due_ms <= now) {
		e = forget(store, store->dead.v[0].number);
		if (e != OK)
			break;
		store->dead.n--;
		memmove(store->dead.v, store->dead.v + 1, store->dead.n * sizeof(*store->dead.v));
	}
	return e;
}

/* After a start nobody reads from them. */
enum err compact_sweep_all(struct store *store)
{
	struct live_segment *rows = NULL;
	size_t n = 0;
	enum err e = compact_segments(store, &rows, &n);

	for (size_t i = 0; e == OK && i < n; i++) {
		if (rows[i].row.state != SEGMENT_DEAD)
			continue;
		e = index_backup_drop(store);
		if (e == OK)
			e = forget(store, rows[i].row.number);
	}
	free(rows);
	return e;
}
