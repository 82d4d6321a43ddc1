/* SPDX-License-Identifier: ISC */
/*
 * Opening and closing a shard.
 */
#include "store/local.h"

#include "sql/backup.h"


#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIB = 1 << 20, SEGMENT_MAX = 256 * MIB };

static void set_default(uint64_t *value, uint64_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void complete_options(struct store_options *o)
{
	set_default(&o->segment_bytes, 64 * MIB);
	set_default(&o->cache_bytes, 32 * MIB);
	set_default(&o->index_bytes, 32 * MIB);
	set_default(&o->wal_soft_bytes, 16 * MIB);
	set_default(&o->wal_hard_bytes, 512ull * MIB);
	o->segment_bytes = o->segment_bytes < SEGMENT_MAX ? o->segment_bytes : SEGMENT_MAX;
	o->delivery_memory_s = o->delivery_memory_s ? o->delivery_memory_s : 86400;
	o->expunged_memory_s = o->expunged_memory_s ? o->expunged_memory_s : 30 * 86400;
	o->folders_max = o->folders_max ? o->folders_max : 10000;
	o->turn_jobs = o->turn_jobs ? o->turn_jobs : 256;
}

static enum err open_database(struct store *store, const char *path, bool read_only)
{
	struct sql_options options = { .cache_bytes = store->options.cache_bytes, .read_only = read_only };
	enum err e = sql_open(path, &options, &store->sql);

	if (e == OK && !read_only)
		e = sql_migrate(store->sql, "store", store_migrations, STORE_MIGRATIONS);
	if (e == OK)
		e = sql_prepare_all(store->sql, store_sql, STORE_SQL_COUNT, store->statements);
	return e;
}

static enum err read_last_segment(struct store *store, struct segment_row *ret_row, bool *ret_found)
{
	struct sql_statement *st = ST(store, SEGMENT_LAST);
	enum err e = sql_first(st);

	*ret_found = e == OK;
	if (e != OK)
		return e == ERR_NOT_FOUND ? OK : e;
	ret_row->number = (uint32_t)sql_column_i64(st, 0);
	ret_row->id = (uint64_t)sql_column_i64(st, 1);
	ret_row->state = (enum segment_state)sql_column_i64(st, 2);
	ret_row->used = (uint64_t)sql_column_i64(st, 3);
	sql_reset(st);
	return OK;
}

enum err store_put_segment(struct store *store, const struct segment_row *row)
{
	struct sql_statement *st = ST(store, SEGMENT_PUT);

	SQL_BIND(st, SQL_I64(row->number), SQL_I64(row->id), SQL_I64(row->state), SQL_I64(row->used));
	return sql_run(st);
}

/* Before the first append the table says that the last segment is open again, or never will be. */
static enum err put_rows(struct store *store)
{
	size_t n;
	const struct segment_row *rows = segments_rows(store->segments, &n);
	enum err e = n > 0 ? sql_begin(store->sql) : OK;

	if (e != OK || n == 0)
		return e;
	for (size_t i = 0; e == OK && i < n; i++)
		e = store_put_segment(store, &rows[i]);
	e = sql_end(store->sql, e);
	if (e == OK)
		segments_committed(store->segments);
	return e;
}

static enum err open_log(struct store *store, const char *dir)
{
	struct segment_row last;
	bool found;
	enum err e = read_last_segment(store, &last, &found);

	if (e == OK)
		e = segments_open(dir, store->options.segment_bytes, store->os, store->worker, found ? &last : NULL,
			&store->segments);
	return e == OK ? put_rows(store) : e;
}

/* Two at once would each take the other's segments for its own. */
static enum err lock(struct store *store)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[OS_PATH_MAX];

	store->lock_fd = open(os_path(path, "%s/lock", store->dir), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return err_from_errno(errno);
	if (fcntl(store->lock_fd, F_OFD_SETLK, &whole) == 0)
		return OK;
	return errno == EAGAIN || errno == EACCES ? ERR_BUSY : err_from_errno(errno);
}

static enum err open_files(struct store *store)
{
	char path[OS_PATH_MAX], database[OS_PATH_MAX];
	enum err e;

	os_path(path, "%s/segments", store->dir);
	os_path(database, "%s/index.db", store->dir);
	e = os_make_dirs(path, 0700);
	if (e == OK)
		e = lock(store);
	if (e == OK)
		e = open_database(store, database, false);
	if (e == OK)
		e = worker_start(database, store->os, &store->worker);
	if (e == OK)
		e = open_log(store, path);
	if (e == OK)
		e = compact_sweep_all(store);
	if (e == OK)
		e = away_load(store);
	if (e == OK)
		e = progress_open(os_path(path, "%s/progress", store->dir), &store->progress);
	/* The database file and its log were made in this directory. */
	return e == OK ? os_sync_dir(store->dir) : e;
}

static void close_files(struct store *store)
{
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	sql_backup_end(&store->backup);
	compact_free(store);
	map_free(&store->away);
	vec_done(&store->dead);
	segments_close(&store->segments);
	worker_stop(&store->worker);
	progress_close(&store->progress);
	sql_close(&store->sql);
	tx_free(&store->spare);
	free(store);
}

static struct store *new_store(const char *dir, const struct store_options *options)
{
	struct store *store = mem_make(struct store);

	snprintf(store->dir, sizeof(store->dir), "%s", dir);
	if (options)
		store->options = *options;
	complete_options(&store->options);
	store->os = store->options.os ? store->options.os : &store_os_system;
	store->last = &store->first;
	store->lock_fd = -1;
	store->spare = tx_new(store);
	store->folders = map_new();
	store->away = map_new();
	return store;
}

enum err store_open_bare(const char *dir, const struct store_options *options, const char *name, bool read_only,
	struct store **ret_store)
{
	struct store *store = *ret_store = new_store(dir, options);
	char segments[OS_PATH_MAX], database[OS_PATH_MAX];
	struct stat st;
	enum err e = OK;

	os_path(segments, "%s/segments", dir);
	os_path(database, "%s/%s", dir, name);
	if (stat(segments, &st) != 0 || (read_only && stat(database, &st) != 0))
		return ERR_NO_FOLDER;
	if (!read_only)
		e = lock(store);
	if (e == OK)
		e = open_database(store, database, read_only);
	if (e == OK)
		e = segments_open(segments, store->options.segment_bytes, store->os, NULL, NULL, &store->segments);
	return e;
}

void store_close_bare(struct store **store)
{
	if (!*store)
		return;
	map_free(&(*store)->folders);
	close_files(*store);
	*store = NULL;
}

enum err store_open(const char *dir, const struct store_options *options, struct store **ret_store)
{
	struct store *store = new_store(dir, options);
	enum err e = open_files(store);

	if (e != OK) {
		map_free(&store->folders);
		close_files(store);
		return e;
	}
	*ret_store = store;
	return OK;
}

static void refuse_jobs(struct store *store)
{
	struct store_job *job;

	while ((job = store->first) != NULL) {
		store->first = job->next;
		if (!store->first)
			store->last = &store->first;
		job->done(job, ERR_SHUTTING_DOWN);
	}
}

/* Failing costs the next start a new segment, nothing else. */
static void say_clean_end(struct store *store)
{
	struct segment_row row;
	enum err e;

	if (!segments_finish(store->segments, &row) || sql_begin(store->sql) != OK)
		return;
	e = store_put_segment(store, &row);
	(void)!sql_end(store->sql, e);
}

void store_close(struct store **store)
{
	struct store *s = *store;

	if (!s)
		return;
	refuse_jobs(s);
	folders_close_all(s);
	say_clean_end(s);
	close_files(s);
	*store = NULL;
}

const char *store_last_error(const struct store *store)
{
	return store->error;
}

enum err store_folder_claim_recent(struct store_tx *tx, const struct store_folder *folder, uint32_t *ret_first)
{
	struct tx_folder *f = NULL;
	enum err e = tx_open_folder(tx, folder, &f);

	if (e != OK)
		return e;
	*ret_first = (uint32_t)f->row.recent;
	if (f->row.recent == f->row.counter)
		return OK;
	e = tx_write(tx);
	if (e == OK) {
		f->row.recent = f->row.counter;
		tx_touch(tx, f);
	}
	return e;
}

enum err store_progress_begin(struct store *store, uint64_t account, const char *what, struct str id)
{
	return progress_begin(store->progress, account, what, id);
}

void store_progress_end(struct store *store)
{
	progress_end(store->progress);
}
