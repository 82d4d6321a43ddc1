/* SPDX-License-Identifier: ISC */
/*
 * One row per message.
 */
#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORE_STEP 2048

struct rows {
	struct db *db;
	unsigned columns;
	sqlite3_stmt *insert;
	sqlite3_stmt *hot;
	sqlite3_stmt *all;
	sqlite3_stmt *store;
	sqlite3_stmt *last;
	sqlite3_stmt *sum;
	sqlite3_stmt *expunge;
};

static void create_tables(struct db *db, const struct format *format)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
	    "CREATE TABLE message(account INTEGER NOT NULL, folder INTEGER NOT NULL,"
	    " uid INTEGER NOT NULL, flags INTEGER NOT NULL, modseq INTEGER NOT NULL,"
	    " internal_date INTEGER NOT NULL, saved_date INTEGER NOT NULL, size INTEGER NOT NULL,"
	    " segment INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL,"
	    " instance INTEGER NOT NULL, thread INTEGER NOT NULL, email BLOB,"
	    " PRIMARY KEY(account, folder, uid))%s",
	    format->has_rowid ? "" : " WITHOUT ROWID");
	db_exec(db, sql);
	if (format->has_modseq_index)
		db_exec(db, "CREATE INDEX changed ON message(account, folder, modseq, uid)");
}

static void *open_rows(struct db *db, const struct format *format)
{
	struct rows *rows = calloc(1, sizeof(*rows));

	create_tables(db, format);
	rows->db = db;
	rows->columns = format->columns;
	rows->insert = db_prepare(db, "INSERT INTO message VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
	rows->hot = db_prepare(db, "SELECT uid, flags FROM message"
	    " WHERE account=? AND folder=? ORDER BY uid");
	rows->all = db_prepare(db, "SELECT uid, flags, modseq, internal_date, saved_date, size,"
	    " segment, at, length, instance, thread, email FROM message"
	    " WHERE account=? AND folder=? ORDER BY uid");
	rows->store = db_prepare(db, "UPDATE message SET flags=flags|?4, modseq=?5"
	    " WHERE account=?1 AND folder=?2 AND uid>=?3 AND uid<?6");
	rows->last = db_prepare(db, "SELECT max(uid) FROM message WHERE account=? AND folder=?");
	rows->sum = db_prepare(db, "SELECT sum(size) FROM message"
	    " WHERE account=? AND folder=? AND uid&1>=?");
	rows->expunge = db_prepare(db, "DELETE FROM message"
	    " WHERE account=? AND folder=? AND uid&1>=?");
	return rows;
}

static void close_rows(void *state)
{
	free(state);
}

static void append_rows(void *state, int64_t account, int64_t folder, const struct entry *entries,
    size_t n)
{
	struct rows *rows = state;

	for (size_t i = 0; i < n; i++) {
		const uint64_t *col = entries[i].col;

		DB_BIND(rows->insert, account, folder);
		for (int c = 0; c < COL_EMAIL_NUMBER; c++)
			sqlite3_bind_int64(rows->insert, 3 + c, (int64_t)col[c]);
		if (rows->columns & COLS_EMAIL)
			db_bind_blob(rows->insert, 14, entries[i].email, EMAIL_ID_BYTES);
		db_run(rows->db, rows->insert);
	}
}

static size_t read_hot_rows(void *state, int64_t account, int64_t folder, struct hot *ret_hot)
{
	struct rows *rows = state;
	size_t n = 0;

	DB_BIND(rows->hot, account, folder);
	for (; db_step(rows->db, rows->hot); n++) {
		ret_hot[n].uid = (uint32_t)sqlite3_column_int64(rows->hot, 0);
		ret_hot[n].flags = (uint64_t)sqlite3_column_int64(rows->hot, 1);
	}
	return n;
}

static size_t read_all_rows(void *state, int64_t account, int64_t folder,
    struct entry *ret_entries)
{
	struct rows *rows = state;
	size_t n = 0;

	DB_BIND(rows->all, account, folder);
	for (; db_step(rows->db, rows->all); n++) {
		for (int c = 0; c < COL_EMAIL_NUMBER; c++)
			ret_entries[n].col[c] = (uint64_t)sqlite3_column_int64(rows->all, c);
		if (rows->columns & COLS_EMAIL)
			memcpy(ret_entries[n].email,
			    sqlite3_column_blob(rows->all, COL_EMAIL_NUMBER), EMAIL_ID_BYTES);
	}
	return n;
}

static uint32_t store_rows(void *state, int64_t account, int64_t folder, uint32_t from,
    uint64_t add, uint64_t modseq)
{
	struct rows *rows = state;
	uint32_t end = from + STORE_STEP;
	uint32_t last;

	DB_BIND(rows->store, account, folder, from, (int64_t)add, (int64_t)modseq, end);
	db_run(rows->db, rows->store);
	DB_BIND(rows->last, account, folder);
	db_step(rows->db, rows->last);
	last = (uint32_t)sqlite3_column_int64(rows->last, 0);
	sqlite3_reset(rows->last);
	return last >= end ? end : 0;
}

static uint64_t expunge_rows(void *state, int64_t account, int64_t folder, bool only_odd)
{
	struct rows *rows = state;
	uint64_t bytes;

	DB_BIND(rows->sum, account, folder, only_odd);
	db_step(rows->db, rows->sum);
	bytes = (uint64_t)sqlite3_column_int64(rows->sum, 0);
	sqlite3_reset(rows->sum);
	DB_BIND(rows->expunge, account, folder, only_odd);
	db_run(rows->db, rows->expunge);
	return bytes;
}

const struct format_ops format_rows = {
	.open = open_rows,
	.close = close_rows,
	.append = append_rows,
	.read_hot = read_hot_rows,
	.read_all = read_all_rows,
	.store = store_rows,
	.expunge = expunge_rows,
};
