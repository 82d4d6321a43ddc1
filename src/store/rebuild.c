/* SPDX-License-Identifier: ISC */
#include "store/rebuild.h"

#include "base/time.h"
#include "sql/backup.h"
#include "store/index_backup.h"
#include "store/replay.h"
#include "store/segment_local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH_EVENTS = 2000 };

struct rebuild {
	struct store *store;
	struct store_tx *tx;
	struct events *events;
	struct replay_counts replayed;
	struct arena *arena; /* of one record */
	struct store_rebuilt counts;
};

static enum err end_batch(struct rebuild *b)
{
	enum err e = tx_flush(b->tx);

	if (e == OK)
		e = sql_commit(b->store->sql);
	tx_forget(b->tx);
	return e;
}

static enum err begin_batch(struct rebuild *b)
{
	b->tx->now_s = time_wall_s();
	return sql_begin(b->store->sql);
}

static enum err take_message(struct rebuild *b, uint32_t segment, const struct record_head *head)
{
	enum err e = OK;

	for (uint32_t i = 0; e == OK && i < head->header.recipients; i++) {
		const struct record_recipient *to = &head->recipients[i];
		struct store_entry entry = { .uid = to->uid, .size = (uint32_t)(to->prefix.n + head->header.content),
			.flags = to->flags, .modseq = to->modseq, .internal_date = to->internal_date,
			.saved_date = to->saved_date, .instance = to->instance, .thread = to->thread,
			.extent = { segment, head->header.offset, head->header.length, i } };

		memcpy(entry.email_id, head->content_id, sizeof(entry.email_id));
		e = events_put_message(b->events, to->account, to->folder, &entry);
	}
	return e;
}

static enum err take_notes(struct rebuild *b, uint32_t segment, const struct record_head *head)
{
	struct str notes;
	enum err e = segments_read_content(b->store->segments, segment, head, b->arena, &notes);

	return e == OK ? events_put_notes(b->events, notes) : e;
}

static enum err take_record(struct rebuild *b, uint32_t segment, const struct record_header *header)
{
	struct record_head head;
	bool erased = false;
	enum err e = segments_read_head(b->store->segments, segment, header, b->arena, &head, &erased);

	b->counts.records++;
	if (erased) {
		b->counts.erased++;
		return OK;
	}
	if (e != OK)
		return e;
	return header->type == RECORD_MESSAGE ? take_message(b, segment, &head) : take_notes(b, segment, &head);
}

/* A record that cannot be read is passed over; what is behind it may be whole. */
static enum err walk_records(struct rebuild *b, uint32_t segment, uint64_t size, uint64_t *ret_end)
{
	struct record_header header;
	enum err e = OK, read = OK;

	while (e == OK && segments_walk(b->store->segments, segment, size, ret_end, &header, &read)) {
		e = take_record(b, segment, &header);
		arena_reset(b->arena);
		if (e == ERR_CORRUPT) {
			b->counts.damaged++;
			e = OK;
		}
	}
	return e == OK ? read : e;
}

/* Of a segment that was sealed when the copy was made the copy knows everything. */
static enum err is_sealed(struct rebuild *b, const struct segment_row *row, bool *ret_sealed)
{
	struct sql_statement *st = ST(b->store, SEGMENT_GET);
	enum err e;

	SQL_BIND(st, SQL_I64(row->number));
	e = sql_first(st);
	*ret_sealed = e == OK && (uint64_t)sql_column_i64(st, 0) == row->id && sql_column_i64(st, 1) == SEGMENT_SEALED;
	sql_reset(st);
	return e == ERR_NOT_FOUND ? OK : e;
}

static enum err take_segment(struct rebuild *b, uint32_t number)
{
	bool sealed = false;
	struct segment_row row = { .number = number, .state = SEGMENT_SEALED };
	char path[OS_PATH_MAX];
	struct stat st;
	enum err e;

	if (stat(segment_path(b->store->segments, number, "seg", path), &st) != 0)
		return errno == ENOENT ? OK : err_from_errno(errno);
	e = segments_id(b->store->segments, number, &row.id);
	if (e == ERR_CORRUPT) {
		b->counts.damaged++;
		return OK;
	}
	if (e == OK)
		e = is_sealed(b, &row, &sealed);
	if (e != OK || sealed)
		return e;
	e = walk_records(b, number, (uint64_t)st.st_size, &row.used);
	b->counts.segments++;
	return e == OK ? store_put_segment(b->store, &row) : e;
}

static enum err walk_log(struct rebuild *b)
{
	enum err e = begin_batch(b);

	for (uint32_t number = 1; e == OK && number <= b->store->segments->last_number; number++)
		e = take_segment(b, number);
	return e == OK ? end_batch(b) : e;
}

static enum err replay_log(struct rebuild *b)
{
	const struct event *event;
	uint64_t in_batch = 0;
	enum err e = begin_batch(b), read = OK;

	while (e == OK && events_next(b->events, &event, &read)) {
		e = replay_event(b->tx, event, &b->replayed);
		if (e != OK || ++in_batch < BATCH_EVENTS)
			continue;
		in_batch = 0;
		e = end_batch(b);
		if (e == OK)
			e = begin_batch(b);
	}
	e = e == OK ? read : e;
	return e == OK ? end_batch(b) : e;
}

static void remove_database(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char name[OS_PATH_MAX];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
		unlink(os_path(name, "%s%s", path, suffixes[i]));
}

static enum err move(const char *from, const char *to)
{
	if (rename(from, to) != 0 && errno != ENOENT)
		return err_from_errno(errno);
	return OK;
}

/* Its log must go too: it would be taken for the new database's. */
static enum err put_in_place(const char *dir, const char *made)
{
	char path[OS_PATH_MAX], old[OS_PATH_MAX], log[OS_PATH_MAX], old_log[OS_PATH_MAX];
	enum err e;

	os_path(path, "%s/index.db", dir);
	os_path(old, "%s/index.db.old", dir);
	remove_database(old);
	e = move(os_path(log, "%s/index.db-wal", dir), os_path(old_log, "%s/index.db.old-wal", dir));
	if (e == OK)
		e = move(path, old);
	unlink(os_path(log, "%s/index.db-shm", dir));
	if (e == OK && rename(made, path) != 0)
		e = err_from_errno(errno);
	return e == OK ? os_sync_dir(dir) : e;
}

/* ---- beginning with the copy ---- */

static enum err find_i64(struct sql_statement *st, uint64_t account, uint64_t *ret_value)
{
	enum err e;

	SQL_BIND(st, SQL_I64(account));
	e = sql_first(st);
	if (e == OK)
		*ret_value = (uint64_t)sql_column_i64(st, 0);
	sql_reset(st);
	return e;
}

/* Deleted accounts are never made again; an account that left had a clock too.  What cannot be read is not known. */
static uint64_t known_until(void *arg, uint64_t account)
{
	struct store *store = arg;
	uint64_t value = 0;

	if (find_i64(ST(store, DROPPED_ACCOUNT), account, &value) == OK)
		return UINT64_MAX;
	if (find_i64(ST(store, ACCOUNT_CLOCK), account, &value) == OK)
		return value;
	return find_i64(ST(store, AWAY_CLOCK), account, &value) == OK ? value : 0;
}

static bool has_file(const struct store *store, uint32_t number)
{
	char path[OS_PATH_MAX];
	struct stat st;

	return stat(segment_path(store->segments, number, "seg", path), &st) == 0;
}

/* True: it can be read, and every file it speaks of is there. */
static bool is_good(struct store *store)
{
	struct sql_statement *st = ST(store, SEGMENT_LIST);
	bool good = sql_is_sound(store->sql);
	enum err e = OK;

	while (good && sql_step(st, &e))
		good = has_file(store, (uint32_t)sql_column_i64(st, 0));
	sql_reset(st);
	return good && e == OK;
}

static enum err copy_file(const char *from, const char *to)
{
	char block[64 << 10];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	ssize_t n = -1;

	if (in >= 0)
		out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (out >= 0 && (n = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)n) != n) {
			n = -1;
			break;
		}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return n == 0 ? OK : ERR_IO;
}

/* A store whose database is the copy; ERR_NOT_FOUND: there is none that is good. */
static enum err open_copy(const char *dir, const struct store_options *options, const char *database,
	struct store **ret_store)
{
	char copy[OS_PATH_MAX];
	enum err e = copy_file(os_path(copy, "%s/" STORE_INDEX_BACKUP, dir), database);

	if (e == OK)
		e = store_open_bare(dir, options, "index.db.new", false, ret_store);
	if (e == OK && is_good(*ret_store))
		return OK;
	store_close_bare(ret_store);
	remove_database(database);
	return e == ERR_BUSY ? e : ERR_NOT_FOUND;
}

static enum err build(struct store *store, struct store_rebuilt *ret_rebuilt)
{
	struct rebuild b = { .store = store, .tx = store->spare, .arena = arena_new() };
	enum err e = events_open(store->dir, known_until, store, &b.events);

	store->tx = store->spare;
	if (e == OK)
		e = walk_log(&b);
	if (e == OK)
		e = replay_log(&b);
	store->tx = NULL;
	b.counts.messages = b.replayed.messages;
	b.counts.notes = b.replayed.notes;
	b.counts.lost = b.replayed.lost;
	b.counts.replaced = b.replayed.replaced;
	b.counts.from_copy = ret_rebuilt->from_copy;
	*ret_rebuilt = b.counts;
	events_close(&b.events);
	arena_free(&b.arena);
	return e;
}

enum err store_rebuild_index(const char *dir, const struct store_options *options, struct store_rebuilt *ret_rebuilt)
{
	struct store *store = NULL;
	char database[OS_PATH_MAX];
	enum err e;

	/* What an attempt before left. */
	remove_database(os_path(database, "%s/index.db.new", dir));
	e = open_copy(dir, options, database, &store);
	ret_rebuilt->from_copy = e == OK;
	if (e == ERR_NOT_FOUND)
		e = store_open_bare(dir, options, "index.db.new", false, &store);
	if (e == OK)
		e = build(store, ret_rebuilt);
	store_close_bare(&store);
	return e == OK ? put_in_place(dir, database) : e;
}

bool store_has_lost_index(const char *dir)
{
	char path[OS_PATH_MAX];
	struct dirent *entry;
	struct stat st;
	bool found = false;
	DIR *segments;

	if (stat(os_path(path, "%s/index.db", dir), &st) == 0)
		return false;
	segments = opendir(os_path(path, "%s/segments", dir));
	while (segments && !found && (entry = readdir(segments)) != NULL)
		found = str_ends(str_of(entry->d_name), S(".seg"));
	if (segments)
		closedir(segments);
	return found;
}
