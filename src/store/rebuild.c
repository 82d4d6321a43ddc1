/* SPDX-License-Identifier: ISC */
#include "store/rebuild.h"

#include "base/time.h"
#include "store/replay.h"
#include "store/segment_local.h"

#include <dirent.h>
#include <errno.h>
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

static enum err take_segment(struct rebuild *b, uint32_t number)
{
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

static enum err build(struct store *store, struct store_rebuilt *ret_rebuilt)
{
	struct rebuild b = { .store = store, .tx = store->spare, .arena = arena_new() };
	enum err e = events_open(store->dir, &b.events);

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
