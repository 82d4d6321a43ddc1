/* SPDX-License-Identifier: ISC */
/*
 * A database in the store's setting: WAL, synchronous=FULL, checkpoints on a second connection;
 * and a segment that is overwritten in place.  Any error ends the program.
 */
#ifndef BENCH_STORE_DB_H
#define BENCH_STORE_DB_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct db {
	sqlite3 *conn;
	sqlite3 *checkpointer;
	sqlite3_stmt *begin;
	sqlite3_stmt *commit;
	char path[512];
	int segment_fd;
	uint64_t segment_at;
	uint64_t wal_frames; /* since db_open */
	uint64_t checkpoint_ns;
	unsigned page_bytes;
};

void db_open(struct db *db, const char *dir, unsigned page_bytes);
void db_close(struct db *db);
void db_exec(struct db *db, const char *sql);

/* `format` takes snprintf's arguments. */
__attribute__((format(printf, 2, 3))) sqlite3_stmt *db_prepare(struct db *db, const char *format,
    ...);
void db_bind(sqlite3_stmt *stmt, const int64_t *values, int n);
#define DB_BIND(stmt, ...)                                                                        \
	db_bind(stmt, (const int64_t[]){ __VA_ARGS__ },                                           \
	    (int)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)))
void db_bind_blob(sqlite3_stmt *stmt, int index, const void *blob, size_t length);

/* Whether there is a row; after the last the statement is reset. */
int db_step(struct db *db, sqlite3_stmt *stmt);
/* For a statement without rows: runs it and resets it. */
void db_run(struct db *db, sqlite3_stmt *stmt);
/* The first column of the first row. */
int64_t db_number(struct db *db, const char *sql);

void db_begin(struct db *db);
void db_commit(struct db *db); /* counts the frames */
void db_checkpoint(struct db *db);
void db_drop_cache(struct db *db);

/* Appends `n` bodies of 4 KiB to the segment and makes them durable. */
void db_write_segment(struct db *db, size_t n);

uint64_t clock_wall_ns(void);
uint64_t clock_cpu_ns(void);

#endif
