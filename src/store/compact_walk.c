/* SPDX-License-Identifier: ISC */
/*
 * Compaction's walks: over all entries there are, and over the records of victims.
 */
#include "store/compact_local.h"

#include "store/events.h"

enum { COUNT_ROWS = 32, MOVE_ROWS = 64, MOVE_BYTES = 1 << 20, SCAN_RECORDS = 300, CLOCKS_AT_ONCE = 200, ROWS_AT_ONCE = 8 };

struct row {
	struct compact_cursor at;
	struct str data;
};

/* ---- rows of entries ---- */

static enum err read_chunks(struct store *store, struct compact_cursor from, int max, struct arena *arena,
	struct row *rows, size_t *ret_n)
{
	struct sql_statement *st = ST(store, CHUNK_WALK);
	enum err e;

	SQL_BIND(st, SQL_I64(from.account), SQL_I64(from.folder), SQL_I64(from.first_uid), SQL_I64(max));
	for (*ret_n = 0; sql_step(st, &e); ++*ret_n)
		rows[*ret_n] = (struct row){ { (uint64_t)sql_column_i64(st, 0), (uint64_t)sql_column_i64(st, 1), 0,
			(uint64_t)sql_column_i64(st, 2), false }, arena_dup(arena, sql_column_blob(st, 3)) };
	return e;
}

static enum err read_expunged(struct store *store, struct compact_cursor from, int max, struct arena *arena,
	struct row *rows, size_t *ret_n)
{
	struct sql_statement *st = ST(store, EXPUNGED_WALK);
	enum err e;

	SQL_BIND(st, SQL_I64(from.account), SQL_I64(from.folder), SQL_I64(from.modseq), SQL_I64(from.first_uid),
		SQL_I64(max));
	for (*ret_n = 0; sql_step(st, &e); ++*ret_n)
		rows[*ret_n] = (struct row){ { (uint64_t)sql_column_i64(st, 0), (uint64_t)sql_column_i64(st, 1),
			(uint64_t)sql_column_i64(st, 2), (uint64_t)sql_column_i64(st, 3), true },
			arena_dup(arena, sql_column_blob(st, 4)) };
	return e;
}

/* The next rows after the cursor; none: all were seen. */
static enum err read_rows(struct store *store, struct compact_cursor *cursor, int max, struct arena *arena,
	struct row *rows, size_t *ret_n)
{
	enum err e = OK;

	*ret_n = 0;
	if (!cursor->in_expunged)
		e = read_chunks(store, *cursor, max, arena, rows, ret_n);
	if (e != OK || *ret_n > 0)
		return e;
	if (!cursor->in_expunged)
		*cursor = (struct compact_cursor){ .in_expunged = true };
	return read_expunged(store, *cursor, max, arena, rows, ret_n);
}

enum err compact_count_some(struct compaction *c, bool *ret_end)
{
	struct row rows[COUNT_ROWS];
	struct store_entry entries[CHUNK_ENTRIES];
	struct arena *arena = arena_new();
	size_t n = 0, m;
	enum err e = read_rows(c->store, &c->cursor, COUNT_ROWS, arena, rows, &n);

	for (size_t i = 0; e == OK && i < n; i++) {
		e = chunk_decode(rows[i].data, entries, &m);
		for (size_t k = 0; e == OK && k < m; k++)
			live_mark(&c->live, &entries[k].extent);
		c->cursor = rows[i].at;
	}
	*ret_end = e == OK && n == 0;
	arena_free(&arena);
	return e;
}

/* ---- moving ---- */

static bool refers_to_victim(const struct compaction *c, const struct store_entry *entry)
{
	const struct live_segment *s = live_find(&c->live, entry->extent.segment);

	return s && s->is_victim;
}

void compact_saw(struct store *store, const struct store_entry *entries, size_t n)
{
	struct compaction *c = store->compaction;

	for (size_t i = 0; i < n && !c->rewalk; i++)
		c->rewalk = refers_to_victim(c, &entries[i]);
}

static enum err put_back(struct store_tx *tx, const struct row *row, const struct store_entry *entries, size_t n)
{
	struct chunk_place place = { row->at.account, row->at.folder, row->at.first_uid };
	struct sql_statement *st = ST(tx->store, EXPUNGED_UPDATE);

	if (!row->at.in_expunged)
		return chunks_rewrite(tx, &place, entries, n);
	SQL_BIND(st, SQL_I64(row->at.account), SQL_I64(row->at.folder), SQL_I64(row->at.modseq),
		SQL_I64(row->at.first_uid), SQL_BLOB(str_make(tx->out, chunk_encode(entries, n, tx->out))));
	return sql_run(st);
}

static enum err move_row(struct compact_job *j, struct store_tx *tx, const struct row *row)
{
	struct store_entry *entries = arena_array(tx->arena, struct store_entry, CHUNK_ENTRIES);
	bool changed = false;
	size_t n;
	enum err e = chunk_decode(row->data, entries, &n);

	for (size_t i = 0; e == OK && i < n; i++) {
		struct store_extent from = entries[i].extent;

		if (!refers_to_victim(j->own, &entries[i]))
			continue;
		changed = true;
		e = tx_write(tx);
		if (e == OK)
			e = compact_move_record(j, tx, &from, &entries[i].extent);
		if (e == ERR_CORRUPT)
			j->bad = from.segment;
	}
	return e == OK && changed ? put_back(tx, row, entries, n) : e;
}

static void reset_job(struct compact_job *j)
{
	map_free(&j->fresh);
	j->fresh = map_new();
	j->moved.n = j->folders.n = 0;
	j->records = j->written = 0;
	j->bad = 0;
	j->at_end = false;
	j->cursor = j->own->cursor;
	j->scan_at = j->own->scan_at;
	j->clock_at = j->own->clock_at;
}

enum err compact_run_move(struct store_job *job, struct store_tx *tx)
{
	struct compact_job *j = (struct compact_job *)job;
	struct row rows[ROWS_AT_ONCE];
	enum err e = store_reads(tx->store);

	reset_job(j);
	for (int seen = 0; e == OK && !j->at_end && seen < MOVE_ROWS && j->written < MOVE_BYTES; seen += ROWS_AT_ONCE) {
		size_t n = 0;

		e = read_rows(tx->store, &j->cursor, ROWS_AT_ONCE, tx->arena, rows, &n);
		for (size_t i = 0; e == OK && i < n; i++) {
			e = move_row(j, tx, &rows[i]);
			j->cursor = rows[i].at;
		}
		j->at_end = n == 0;
	}
	return e;
}

/* ---- the records of a victim ---- */

static void note_folders(struct compact_job *j, const struct record_head *head)
{
	for (uint32_t i = 0; i < head->header.recipients; i++) {
		struct compact_folder f = { head->recipients[i].account, head->recipients[i].folder };

		if (!map_get(j->own->known_folders, str_make((const char *)&f, sizeof(f))) &&
			(j->folders.n == 0 || memcmp(&j->folders.v[j->folders.n - 1], &f, sizeof(f)) != 0))
			vec_push(&j->folders, f);
	}
}

static enum err keep_notes(
	struct compact_job *j, struct store_tx *tx, uint32_t number, const struct record_head *head)
{
	struct str notes;
	enum err e = segments_read_content(tx->store->segments, number, head, tx->arena, &notes);

	if (e == OK && !events_are_dated(notes))
		e = ERR_CORRUPT;
	if (e == OK)
		e = tx_write(tx);
	if (e != OK)
		return e;
	buf_add(&tx->notes, notes);
	j->written += notes.n;
	return tx->notes.overflow ? ERR_TOO_BIG : OK;
}

static enum err keep_record(
	struct compact_job *j, struct store_tx *tx, uint32_t number, const struct record_header *header)
{
	struct record_head head;
	bool erased;
	enum err e = segments_read_head(tx->store->segments, number, header, tx->arena, &head, &erased);

	if (erased)
		return OK;
	if (e == OK && header->type == RECORD_NOTES)
		return keep_notes(j, tx, number, &head);
	if (e == OK)
		note_folders(j, &head);
	return e;
}

enum err compact_run_notes(struct store_job *job, struct store_tx *tx)
{
	struct compact_job *j = (struct compact_job *)job;
	const struct live_segment *s = &j->own->live.v[j->own->victim];
	struct record_header header;
	enum err e = OK, read = OK;

	reset_job(j);
	for (int n = 0; e == OK && !j->at_end && n < SCAN_RECORDS && j->written < MOVE_BYTES; n++) {
		if (segments_walk(tx->store->segments, s->row.number, s->row.used, &j->scan_at, &header, &read))
			e = keep_record(j, tx, s->row.number, &header);
		else
			j->at_end = true;
	}
	e = e == OK ? read : e;
	/* Records that cannot be passed over may hide others. */
	if (e == OK && j->at_end && j->scan_at != s->row.used)
		e = ERR_CORRUPT;
	j->bad = e == ERR_CORRUPT ? s->row.number : 0;
	return e;
}

/* What was deleted since needs no clock. */
static enum err put_clock(struct store_tx *tx, const struct compact_folder *folder)
{
	struct tx_account *a;
	struct tx_folder *f;
	enum err e = tx_get_account(tx, folder->account, &a);

	if (e == OK)
		e = tx_get_folder(tx, a, folder->folder, &f);
	if (e == OK)
		note_clock(tx, f);
	return e == ERR_NOT_FOUND || e == ERR_NO_FOLDER ? OK : e;
}

enum err compact_run_clocks(struct store_job *job, struct store_tx *tx)
{
	struct compact_job *j = (struct compact_job *)job;
	struct compaction *c = j->own;
	enum err e;

	reset_job(j);
	tx->moves = true;
	e = tx_write(tx);
	for (int n = 0; e == OK && n < CLOCKS_AT_ONCE && j->clock_at < c->folders.n; n++)
		e = put_clock(tx, &c->folders.v[j->clock_at++]);
	j->at_end = j->clock_at == c->folders.n;
	return e;
}

/* ERR_BUSY: another command of this turn referred to a victim. */
enum err compact_run_drop(struct store_job *job, struct store_tx *tx)
{
	struct compact_job *j = (struct compact_job *)job;
	struct compaction *c = j->own;
	enum err e;

	reset_job(j);
	if (c->rewalk)
		return OK;
	e = tx_write(tx);
	for (size_t i = 0; e == OK && i < c->live.n; i++) {
		struct segment_row row = c->live.v[i].row;

		row.state = SEGMENT_DEAD;
		if (c->live.v[i].is_victim)
			e = store_put_segment(tx->store, &row);
	}
	j->at_end = e == OK;
	return e;
}
