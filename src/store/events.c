/* SPDX-License-Identifier: ISC */
#include "store/events.h"

#include "base/vec.h"
#include "store/events_sql.h"

#include <stdlib.h>
#include <unistd.h>

enum { COMMIT_AFTER = 20000, READ_AT_ONCE = 1000, WAITING_MAX = 300000 /* more than any turn has */ };

/* Which comes first of what has one modseq: the folder a message is in, the message, what presupposes it. */
enum rank { RANK_NOTE, RANK_MESSAGE, RANK_END };

struct place {
	uint64_t account, modseq, rank, number;
};

struct seen {
	uint64_t account, modseq;
};

struct events {
	char path[OS_PATH_MAX];
	struct sql *sql;
	struct sql_statement *statements[EVENTS_SQL_COUNT];
	uint64_t next_number, uncommitted;
	bool reading;
	uint64_t (*base)(void *arg, uint64_t account);
	void *base_arg;
	struct map *bases;        /* what it said, + 1 */
	struct map *clocks;       /* highest modseq of an account before the notes at hand */
	VEC(struct seen) waiting; /* of messages since the last notes */
	/* Reading. */
	struct place at;
	struct arena *arena;
	struct event *read;
	size_t read_n, read_at;
};

static void remove_files(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char name[OS_PATH_MAX];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
		unlink(os_path(name, "%s%s", path, suffixes[i]));
}

enum err events_open(const char *dir, uint64_t (*base)(void *arg, uint64_t account), void *arg, struct events **ret_events)
{
	struct events *events = *ret_events = mem_make(struct events);
	struct sql_options options = { 0 };
	enum err e;

	os_path(events->path, "%s/events.db", dir);
	remove_files(events->path);
	events->base = base;
	events->base_arg = arg;
	events->bases = map_new();
	events->clocks = map_new();
	events->arena = arena_new();
	e = sql_open(events->path, &options, &events->sql);
	if (e == OK)
		e = sql_migrate(events->sql, "events", events_migrations, EVENTS_MIGRATIONS);
	if (e == OK)
		e = sql_prepare_all(events->sql, events_sql, EVENTS_SQL_COUNT, events->statements);
	return e == OK ? sql_begin(events->sql) : e;
}

void events_close(struct events **events)
{
	struct events *x = *events;

	if (!x)
		return;
	sql_close(&x->sql);
	remove_files(x->path);
	map_free(&x->bases);
	map_free(&x->clocks);
	vec_done(&x->waiting);
	arena_free(&x->arena);
	free(x);
	*events = NULL;
}

/* ---- in ---- */

static enum rank rank_of(enum note_kind kind)
{
	if (!kind)
		return RANK_MESSAGE;
	return kind == NOTE_FOLDER_GONE || kind == NOTE_ACCOUNT_GONE || kind == NOTE_ACCOUNT_LEFT || kind == NOTE_CLOCK ? RANK_END : RANK_NOTE;
}

static uint64_t base_of(struct events *x, uint64_t account)
{
	uintptr_t known = x->base ? (uintptr_t)map_get_u64(x->bases, account) : 1;

	if (known == 0) {
		uint64_t base = x->base(x->base_arg, account);

		known = (uintptr_t)(base == UINT64_MAX ? base : base + 1);
		map_put_u64(x->bases, account, (void *)known);
	}
	return known == UINTPTR_MAX ? UINT64_MAX : known - 1;
}

/* Notes that take no modseq of their own are done again; that changes nothing. */
static bool is_known(struct events *x, const struct event *event)
{
	uint64_t base = base_of(x, event->account);
	bool has_own = event->kind == 0 || event->kind == NOTE_FLAGS || event->kind == NOTE_EXPUNGE ||
		event->kind == NOTE_COPY || event->kind == NOTE_FOLDER_GONE || event->kind == NOTE_ACCOUNT_LEFT;

	return event->modseq < base || (has_own && event->modseq == base);
}

static enum err put(struct events *x, const struct event *event, struct str data)
{
	struct sql_statement *st = x->statements[EVENTS_SQL_EVENT_PUT];
	enum err e = OK;

	if (is_known(x, event))
		return OK;
	if (++x->uncommitted > COMMIT_AFTER) {
		x->uncommitted = 0;
		e = sql_commit(x->sql);
		if (e == OK)
			e = sql_begin(x->sql);
	}
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(event->account), SQL_I64(event->modseq), SQL_I64(rank_of(event->kind)),
		SQL_I64(x->next_number++), SQL_I64(event->kind), SQL_I64(event->folder), SQL_BLOB(data));
	return sql_run(st);
}

static uint64_t clock_of(const struct events *x, uint64_t account)
{
	return (uintptr_t)map_get_u64(x->clocks, account);
}

static void advance(struct events *x, uint64_t account, uint64_t modseq)
{
	if (modseq > clock_of(x, account))
		map_put_u64(x->clocks, account, (void *)(uintptr_t)modseq);
}

/* What the notes wait for is behind them. */
static void end_waiting(struct events *x)
{
	for (size_t i = 0; i < x->waiting.n; i++)
		advance(x, x->waiting.v[i].account, x->waiting.v[i].modseq);
	x->waiting.n = 0;
}

enum err events_put_message(struct events *x, uint64_t account, uint64_t folder, const struct store_entry *entry)
{
	struct event event = { .account = account, .folder = folder, .modseq = entry->modseq };
	struct seen seen = { account, entry->modseq };
	char blob[CHUNK_ROOM];

	vec_push(&x->waiting, seen);
	if (x->waiting.n > WAITING_MAX)
		end_waiting(x);
	return put(x, &event, str_make(blob, chunk_encode(entry, 1, blob)));
}

void event_read_set(struct rd *rd, struct uidset *set)
{
	uint64_t n = rd_varint(rd), before = 0;

	for (uint64_t i = 0; i < n && !rd->bad; i++) {
		uint64_t first = before + rd_varint(rd), last = first + rd_varint(rd);

		if (first == 0 || last > UINT32_MAX || first <= before)
			rd->bad = true;
		else
			uidset_add_range(set, (uint32_t)first, (uint32_t)last);
		before = last;
	}
}

/* Passes over the fields of a note. */
static void skip_fields(struct rd *rd, enum note_kind kind)
{
	struct uidset set = { 0 };

	switch (kind) {
	case NOTE_FLAGS:
		rd_u8(rd);
		rd_varint(rd);
		event_read_set(rd, &set);
		break;
	case NOTE_EXPUNGE:
		rd_u8(rd);
		event_read_set(rd, &set);
		break;
	case NOTE_COPY:
		rd_varint(rd);
		rd_u8(rd);
		for (int i = 0; i < 3; i++)
			rd_varint(rd);
		event_read_set(rd, &set);
		break;
	case NOTE_FOLDER:
		rd_blob(rd);
		rd_varint(rd);
		rd_varint(rd);
		rd_blob(rd);
		break;
	case NOTE_SUBSCRIBE:
		rd_u8(rd);
		rd_blob(rd);
		break;
	case NOTE_ACCOUNT:
		rd_varint(rd);
		break;
	case NOTE_CLOCK:
		rd_varint(rd);
		rd_varint(rd);
		break;
	case NOTE_FOLDER_GONE:
	case NOTE_ACCOUNT_GONE:
	case NOTE_ACCOUNT_LEFT:
		break;
	default:
		rd->bad = true;
	}
	uidset_done(&set);
}

/* Older logs have notes without a modseq: these stand where they stand among the account's notes, behind all before. */
static void place(struct event *event, const struct event *before, uint64_t clock)
{
	if (event->modseq == 0)
		event->modseq = before->account == event->account && before->modseq > clock ? before->modseq : clock;
}

enum err events_put_notes(struct events *x, struct str notes)
{
	struct rd rd = rd_of(notes);
	struct event before = { 0 };
	enum err e = OK;

	while (e == OK && rd_left(&rd) && !rd.bad) {
		struct event event = { 0 };
		const char *begin;
		struct seen seen;

		event.kind = (enum note_kind)rd_varint(&rd);
		event.account = rd_varint(&rd);
		event.folder = rd_varint(&rd);
		event.modseq = rd_varint(&rd);
		begin = rd.p;
		skip_fields(&rd, event.kind);
		if (rd.bad)
			break;
		place(&event, &before, clock_of(x, event.account));
		e = put(x, &event, str_make(begin, (size_t)(rd.p - begin)));
		seen = (struct seen){ event.account, event.modseq };
		vec_push(&x->waiting, seen);
		before = event;
	}
	end_waiting(x);
	return e == OK && rd.bad ? ERR_CORRUPT : e;
}

bool events_are_dated(struct str notes)
{
	struct rd rd = rd_of(notes);

	while (rd_left(&rd) && !rd.bad) {
		enum note_kind kind = (enum note_kind)rd_varint(&rd);

		rd_varint(&rd);
		rd_varint(&rd);
		if (rd_varint(&rd) == 0)
			return false;
		skip_fields(&rd, kind);
	}
	return !rd.bad;
}

/* ---- out ---- */

static enum err take_row(struct events *x, struct sql_statement *st)
{
	struct event *event = &x->read[x->read_n];
	struct store_entry entries[CHUNK_ENTRIES];
	struct str data = sql_column_blob(st, 6);
	size_t n = 0;
	enum err e = OK;

	x->at = (struct place){ (uint64_t)sql_column_i64(st, 0), (uint64_t)sql_column_i64(st, 1),
		(uint64_t)sql_column_i64(st, 2), (uint64_t)sql_column_i64(st, 3) };
	*event = (struct event){ .account = x->at.account, .modseq = x->at.modseq,
		.kind = (enum note_kind)sql_column_i64(st, 4), .folder = (uint64_t)sql_column_i64(st, 5) };
	if (event->kind)
		event->fields = arena_dup(x->arena, data);
	else
		e = chunk_decode(data, entries, &n);
	if (n)
		event->entry = entries[0];
	x->read_n++;
	return e;
}

static enum err read_some(struct events *x)
{
	struct sql_statement *st = x->statements[EVENTS_SQL_EVENT_AFTER];
	enum err e;

	arena_reset(x->arena);
	x->read = arena_array(x->arena, struct event, READ_AT_ONCE);
	x->read_n = x->read_at = 0;
	SQL_BIND(st, SQL_I64(x->at.account), SQL_I64(x->at.modseq), SQL_I64(x->at.rank), SQL_I64(x->at.number));
	while (sql_step(st, &e)) {
		e = take_row(x, st);
		if (e != OK)
			break;
	}
	sql_reset(st);
	return e;
}

static enum err begin_reading(struct events *x)
{
	x->reading = true;
	return sql_commit(x->sql);
}

bool events_next(struct events *x, const struct event **ret_event, enum err *ret_error)
{
	*ret_error = x->reading ? OK : begin_reading(x);
	if (*ret_error == OK && x->read_at == x->read_n)
		*ret_error = read_some(x);
	if (*ret_error != OK || x->read_at == x->read_n)
		return false;
	*ret_event = &x->read[x->read_at++];
	return true;
}
