/* SPDX-License-Identifier: ISC */
/*
 * Packed chunks in one table, or in two that hold hot and cold columns.  A chunk's key is its
 * first UID at the time it was begun; each part is complete in itself (it repeats the UID).
 */
#include "format.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
	const struct part *part;
	sqlite3_stmt *tail;
	sqlite3_stmt *insert;
	sqlite3_stmt *update;
	sqlite3_stmt *remove;
	sqlite3_stmt *from;
	sqlite3_stmt *scan;
};

struct chunks {
	struct db *db;
	unsigned parts;
	struct table tables[2];
	struct entry entries[2 * CHUNK_MAX_ENTRIES];
	uint8_t blob[CHUNK_MAX_BYTES];
};

struct chunk {
	int64_t account;
	int64_t folder;
	int64_t first_uid;
};

static void create_table(struct db *db, const char *name, bool has_rowid)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
	    "CREATE TABLE %s(account INTEGER NOT NULL, folder INTEGER NOT NULL,"
	    " first_uid INTEGER NOT NULL, modseq INTEGER NOT NULL, n INTEGER NOT NULL,"
	    " data BLOB NOT NULL, PRIMARY KEY(account, folder, first_uid))%s",
	    name, has_rowid ? "" : " WITHOUT ROWID");
	db_exec(db, sql);
}

static void open_table(struct db *db, const struct part *part, const char *name, bool has_rowid,
    struct table *ret_table)
{
	create_table(db, name, has_rowid);
	ret_table->part = part;
	ret_table->tail = db_prepare(db, "SELECT first_uid, n, data FROM %s"
	    " WHERE account=? AND folder=? ORDER BY first_uid DESC LIMIT 1", name);
	ret_table->insert = db_prepare(db, "INSERT INTO %s VALUES(?,?,?,?,?,?)", name);
	ret_table->update = db_prepare(db, "UPDATE %s SET modseq=?4, n=?5, data=?6"
	    " WHERE account=?1 AND folder=?2 AND first_uid=?3", name);
	ret_table->remove = db_prepare(db, "DELETE FROM %s"
	    " WHERE account=? AND folder=? AND first_uid=?", name);
	ret_table->from = db_prepare(db, "SELECT first_uid, n, data FROM %s"
	    " WHERE account=? AND folder=? AND first_uid>=? ORDER BY first_uid LIMIT 1", name);
	ret_table->scan = db_prepare(db, "SELECT first_uid, n, data FROM %s"
	    " WHERE account=? AND folder=? ORDER BY first_uid", name);
}

static void *open_chunks(struct db *db, const struct format *format)
{
	struct chunks *chunks = calloc(1, sizeof(*chunks));

	chunks->db = db;
	for (; chunks->parts < 2 && format->parts[chunks->parts].codec; chunks->parts++)
		open_table(db, &format->parts[chunks->parts], chunks->parts ? "cold" : "chunk",
		    format->has_rowid, &chunks->tables[chunks->parts]);
	return chunks;
}

static void close_chunks(void *state)
{
	free(state);
}

static size_t decode_row(const struct part *part, sqlite3_stmt *stmt, unsigned wanted,
    struct entry *ret_entries)
{
	size_t n = (size_t)sqlite3_column_int64(stmt, 1);

	part->codec->decode(part->columns, wanted, sqlite3_column_blob(stmt, 2), n, ret_entries);
	return n;
}

static uint64_t find_modseq(const struct part *part, const struct entry *entries, size_t n)
{
	uint64_t modseq = 0;

	for (size_t i = 0; part->columns & COL_BIT(COL_MODSEQ) && i < n; i++)
		if (entries[i].col[COL_MODSEQ] > modseq)
			modseq = entries[i].col[COL_MODSEQ];
	return modseq;
}

static void write_blob(struct chunks *chunks, sqlite3_stmt *stmt, const struct chunk *chunk,
    uint64_t modseq, size_t n, size_t length)
{
	DB_BIND(stmt, chunk->account, chunk->folder, chunk->first_uid, (int64_t)modseq,
	    (int64_t)n);
	db_bind_blob(stmt, 6, chunks->blob, length);
	db_run(chunks->db, stmt);
}

/* Encodes as many entries as a chunk takes. */
static size_t fill_blob(struct chunks *chunks, const struct part *part,
    const struct entry *entries, size_t n, size_t *ret_length)
{
	size_t length;

	if (n > part->capacity)
		n = part->capacity;
	length = part->codec->encode(part->columns, entries, n, chunks->blob);
	while (part->max_bytes && length > part->max_bytes && n > 1) {
		size_t fits = n * part->max_bytes / length;

		n = fits < n && fits > 0 ? fits : n - 1;
		length = part->codec->encode(part->columns, entries, n, chunks->blob);
	}
	*ret_length = length;
	return n;
}

static void append_chunks(struct chunks *chunks, struct table *table, struct chunk *chunk,
    const struct entry *entries, size_t n)
{
	while (n > 0) {
		size_t length;
		size_t done = fill_blob(chunks, table->part, entries, n, &length);

		chunk->first_uid = (int64_t)entries[0].col[COL_UID];
		write_blob(chunks, table->insert, chunk,
		    find_modseq(table->part, entries, done), done, length);
		entries += done;
		n -= done;
	}
}

/* Returns how many of the entries found room in the last chunk. */
static size_t extend_tail(struct chunks *chunks, struct table *table, struct chunk *chunk,
    const struct entry *entries, size_t n)
{
	size_t length;
	size_t had = 0;
	size_t has;
	size_t room;

	DB_BIND(table->tail, chunk->account, chunk->folder);
	if (db_step(chunks->db, table->tail)) {
		chunk->first_uid = sqlite3_column_int64(table->tail, 0);
		had = (size_t)sqlite3_column_int64(table->tail, 1);
		if (had < table->part->capacity)
			decode_row(table->part, table->tail, ~0u, chunks->entries);
		sqlite3_reset(table->tail);
	}
	if (had == 0 || had >= table->part->capacity)
		return 0;
	room = n < table->part->capacity - had ? n : table->part->capacity - had;
	memcpy(chunks->entries + had, entries, room * sizeof(*entries));
	has = fill_blob(chunks, table->part, chunks->entries, had + room, &length);
	if (has <= had)
		return 0;
	write_blob(chunks, table->update, chunk,
	    find_modseq(table->part, chunks->entries, has), has, length);
	return has - had;
}

static void append(void *state, int64_t account, int64_t folder, const struct entry *entries,
    size_t n)
{
	struct chunks *chunks = state;

	for (unsigned i = 0; i < chunks->parts; i++) {
		struct chunk chunk = { account, folder, 0 };
		struct table *table = &chunks->tables[i];
		size_t done = extend_tail(chunks, table, &chunk, entries, n);

		append_chunks(chunks, table, &chunk, entries + done, n - done);
	}
}

static size_t read_hot(void *state, int64_t account, int64_t folder, struct hot *ret_hot)
{
	struct chunks *chunks = state;
	struct table *table = &chunks->tables[0];
	unsigned wanted = COL_BIT(COL_UID) | COL_BIT(COL_FLAGS);
	size_t total = 0;

	DB_BIND(table->scan, account, folder);
	while (db_step(chunks->db, table->scan)) {
		size_t n = decode_row(table->part, table->scan, wanted, chunks->entries);

		for (size_t i = 0; i < n; i++, total++) {
			ret_hot[total].uid = (uint32_t)chunks->entries[i].col[COL_UID];
			ret_hot[total].flags = chunks->entries[i].col[COL_FLAGS];
		}
	}
	return total;
}

static size_t read_all(void *state, int64_t account, int64_t folder, struct entry *ret_entries)
{
	struct chunks *chunks = state;
	size_t total = 0;

	for (unsigned i = 0; i < chunks->parts; i++) {
		struct table *table = &chunks->tables[i];

		total = 0;
		DB_BIND(table->scan, account, folder);
		while (db_step(chunks->db, table->scan))
			total += decode_row(table->part, table->scan, ~0u, ret_entries + total);
	}
	return total;
}

static uint32_t store(void *state, int64_t account, int64_t folder, uint32_t from, uint64_t add,
    uint64_t modseq)
{
	struct chunks *chunks = state;
	struct table *table = &chunks->tables[0];
	const struct part *part = table->part;
	struct chunk chunk = { account, folder, from };
	size_t n;
	size_t length;

	DB_BIND(table->from, account, folder, from);
	if (!db_step(chunks->db, table->from))
		return 0;
	chunk.first_uid = sqlite3_column_int64(table->from, 0);
	n = (size_t)sqlite3_column_int64(table->from, 1);
	length = part->codec->store(part->columns, sqlite3_column_blob(table->from, 2),
	    (size_t)sqlite3_column_bytes(table->from, 2), n, add, modseq, chunks->blob);
	sqlite3_reset(table->from);
	write_blob(chunks, table->update, &chunk, modseq, n, length);
	return (uint32_t)chunk.first_uid + 1;
}

static size_t keep_even(struct entry *entries, size_t n, bool only_odd, uint64_t *bytes)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (only_odd && entries[i].col[COL_UID] % 2 == 0)
			entries[kept++] = entries[i];
		else
			*bytes += entries[i].col[COL_SIZE];
	return kept;
}

static void rewrite_chunk(struct chunks *chunks, struct table *table, const struct chunk *chunk,
    size_t n)
{
	const struct part *part = table->part;
	size_t length;

	if (n > 0) {
		length = part->codec->encode(part->columns, chunks->entries, n, chunks->blob);
		write_blob(chunks, table->update, chunk,
		    find_modseq(part, chunks->entries, n), n, length);
	} else {
		DB_BIND(table->remove, chunk->account, chunk->folder, chunk->first_uid);
		db_run(chunks->db, table->remove);
	}
}

static uint64_t expunge(void *state, int64_t account, int64_t folder, bool only_odd)
{
	struct chunks *chunks = state;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < chunks->parts; i++) {
		struct table *table = &chunks->tables[i];
		struct chunk chunk = { account, folder, 0 };

		for (bytes = 0;; chunk.first_uid++) {
			size_t n;

			DB_BIND(table->from, account, folder, chunk.first_uid);
			if (!db_step(chunks->db, table->from))
				break;
			chunk.first_uid = sqlite3_column_int64(table->from, 0);
			n = decode_row(table->part, table->from, ~0u, chunks->entries);
			sqlite3_reset(table->from);
			n = keep_even(chunks->entries, n, only_odd, &bytes);
			rewrite_chunk(chunks, table, &chunk, n);
		}
	}
	return bytes;
}

const struct format_ops format_chunks = {
	.open = open_chunks,
	.close = close_chunks,
	.append = append,
	.read_hot = read_hot,
	.read_all = read_all,
	.store = store,
	.expunge = expunge,
};
