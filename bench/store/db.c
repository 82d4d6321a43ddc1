/* SPDX-License-Identifier: ISC */
#include "db.h"

#include <assert.h>
#include <err.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SEGMENT_BYTES (64u << 20)
#define BODY_BYTES 4096

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static void check(sqlite3 *conn, int code)
{
	if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
		errx(1, "sqlite: %s", sqlite3_errmsg(conn));
}

static void exec_on(sqlite3 *conn, const char *sql)
{
	check(conn, sqlite3_exec(conn, sql, NULL, NULL, NULL));
}

void db_exec(struct db *db, const char *sql)
{
	exec_on(db->conn, sql);
}

static void open_segment(struct db *db, const char *dir)
{
	static uint8_t block[1 << 20];
	char path[600];

	snprintf(path, sizeof(path), "%s/segment", dir);
	db->segment_fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (db->segment_fd == -1)
		err(1, "%s", path);
	for (size_t at = 0; at < SEGMENT_BYTES; at += sizeof(block))
		if (write(db->segment_fd, block, sizeof(block)) != sizeof(block))
			err(1, "%s", path);
	if (fsync(db->segment_fd) != 0)
		err(1, "%s", path);
}

static void remove_old(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char name[600];

	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
}

static void open_connection(const struct db *db, unsigned page_bytes, sqlite3 **ret_conn)
{
	char sql[256];

	check(NULL, sqlite3_open(db->path, ret_conn));
	snprintf(sql, sizeof(sql),
	    "PRAGMA page_size=%u;PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
	    "PRAGMA temp_store=MEMORY;PRAGMA wal_autocheckpoint=0;PRAGMA cache_size=-65536",
	    page_bytes);
	exec_on(*ret_conn, sql);
}

void db_open(struct db *db, const char *dir, unsigned page_bytes)
{
	memset(db, 0, sizeof(*db));
	db->page_bytes = page_bytes;
	snprintf(db->path, sizeof(db->path), "%s/index.db", dir);
	remove_old(db->path);
	open_connection(db, page_bytes, &db->conn);
	open_connection(db, page_bytes, &db->checkpointer);
	db->begin = db_prepare(db, "BEGIN IMMEDIATE");
	db->commit = db_prepare(db, "COMMIT");
	open_segment(db, dir);
}

void db_close(struct db *db)
{
	sqlite3_stmt *stmt;

	while ((stmt = sqlite3_next_stmt(db->conn, NULL)))
		sqlite3_finalize(stmt);
	check(db->conn, sqlite3_close(db->conn));
	check(db->checkpointer, sqlite3_close(db->checkpointer));
	close(db->segment_fd);
	remove_old(db->path);
}

sqlite3_stmt *db_prepare(struct db *db, const char *format, ...)
{
	sqlite3_stmt *stmt;
	char sql[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(sql, sizeof(sql), format, args);
	va_end(args);
	check(db->conn, sqlite3_prepare_v3(db->conn, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
	    NULL));
	return stmt;
}

void db_bind(sqlite3_stmt *stmt, const int64_t *values, int n)
{
	for (int i = 0; i < n; i++)
		check(sqlite3_db_handle(stmt), sqlite3_bind_int64(stmt, i + 1, values[i]));
}

void db_bind_blob(sqlite3_stmt *stmt, int index, const void *blob, size_t length)
{
	check(sqlite3_db_handle(stmt),
	    sqlite3_bind_blob(stmt, index, blob, (int)length, SQLITE_STATIC));
}

int db_step(struct db *db, sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);

	check(db->conn, code);
	if (code == SQLITE_ROW)
		return 1;
	check(db->conn, sqlite3_reset(stmt));
	return 0;
}

void db_run(struct db *db, sqlite3_stmt *stmt)
{
	int has_row = db_step(db, stmt);

	assert(!has_row);
}

int64_t db_number(struct db *db, const char *sql)
{
	sqlite3_stmt *stmt = db_prepare(db, "%s", sql);
	int has_row = db_step(db, stmt);
	int64_t number = sqlite3_column_int64(stmt, 0);

	assert(has_row);
	sqlite3_finalize(stmt);
	return number;
}

void db_begin(struct db *db)
{
	db_run(db, db->begin);
}

static void count_frames(struct db *db)
{
	int frames;
	int unused;

	check(db->conn,
	    sqlite3_db_status(db->conn, SQLITE_DBSTATUS_CACHE_WRITE, &frames, &unused, 1));
	db->wal_frames += (uint64_t)frames;
}

void db_checkpoint(struct db *db)
{
	uint64_t start = clock_wall_ns();

	check(db->checkpointer, sqlite3_wal_checkpoint_v2(db->checkpointer, NULL,
	    SQLITE_CHECKPOINT_RESTART, NULL, NULL));
	db->checkpoint_ns += clock_wall_ns() - start;
}

void db_commit(struct db *db)
{
	db_run(db, db->commit);
	count_frames(db);
}

void db_drop_cache(struct db *db)
{
	check(db->conn, sqlite3_db_release_memory(db->conn));
}

void db_write_segment(struct db *db, size_t n)
{
	static uint8_t bodies[64 * BODY_BYTES];
	size_t length = n * BODY_BYTES;

	assert(length <= sizeof(bodies));
	if (db->segment_at + length > SEGMENT_BYTES)
		db->segment_at = 0;
	memset(bodies, (int)(db->segment_at / BODY_BYTES), length);
	if (pwrite(db->segment_fd, bodies, length, (off_t)db->segment_at) != (ssize_t)length ||
	    fdatasync(db->segment_fd) != 0)
		err(1, "segment");
	db->segment_at += length;
}
