/* SPDX-License-Identifier: ISC */
/*
 * Inside of the store: the shard, its transaction, and what the files of this module give each other.
 */
#ifndef STORE_LOCAL_H
#define STORE_LOCAL_H

#include "base/map.h"
#include "base/vec.h"
#include "os/file.h"
#include "os/progress.h"
#include "store/chunk.h"
#include "store/compact.h"
#include "store/os.h"
#include "store/segment.h"
#include "store/store.h"
#include "store/store_sql.h"
#include "store/worker.h"

enum {
	ACCOUNT_ROW = 0, /* folder id of the account's own row */
	INBOX_ID = 1,
	PENDING_ENTRIES = 1024,
};

enum checkpoint_state { CHECKPOINT_NONE, CHECKPOINT_BESIDE, CHECKPOINT_DONE };

struct background {
	uint64_t account;      /* cursor over delivery ids */
	uint8_t delivery[64];
	size_t delivery_length;
	uint64_t expunged[4];  /* cursor over expunges: account, folder, modseq, first UID */
	int64_t next_ms[2];    /* a walk begins anew then: deliveries, expunges */
};

/* A file that goes at due_ms (monotonic). */
struct dead_segment {
	uint32_t number;
	int64_t due_ms;
};

struct compaction;

struct store {
	char dir[OS_PATH_MAX];
	struct store_options options;
	const struct store_os *os;
	struct sql *sql;
	struct sql_statement *statements[STORE_SQL_COUNT];
	struct segments *segments;
	struct worker *worker;
	struct progress *progress;
	struct store_job *first, **last; /* waiting */
	bool woken;
	struct store_tx *tx; /* the one open transaction, or NULL */
	struct store_tx *spare; /* its memory */
	struct map *away; /* accounts that are frozen or have left: away.c */
	struct map *folders; /* handles by account and id */
	struct store_folder *oldest, *newest; /* handles with arrays that nobody looks at */
	uint64_t idle_bytes;
	struct background background;
	enum checkpoint_state checkpoint;
	struct sql_backup *backup; /* being made: index_backup.c */
	struct compaction *compaction; /* NULL: none runs */
	struct store_compacted compacted; /* the last one */
	VEC(struct dead_segment) dead; /* by due_ms */
	int lock_fd; /* -1: none */
	char error[256];
};

/* A row of `folder`.  Row 0: counter is the next instance id, uidvalidity the last one given. */
struct folder_row {
	uint64_t id, uidvalidity, counter, modseq, floor, messages, unseen, deleted, bytes, recent;
	enum store_special special;
	struct str name;
	struct str keywords; /* packed: keywords.h */
};

struct tx_account {
	uint64_t account;
	struct folder_row row;
	bool dirty;
	struct tx_folder *folders;
	struct tx_account *next;
};

/* What a turn knows of a folder; rows and new entries are written once, at the end. */
struct tx_folder {
	struct tx_account *account;
	struct folder_row row;
	bool dirty, keywords_dirty;
	struct store_folder *handle; /* or NULL: nobody to tell */
	struct store_entry *pending;
	size_t pending_n, pending_cap;
	struct tx_folder *next;
};

enum delta_kind { DELTA_APPEND, DELTA_FLAGS, DELTA_EXPUNGE };
/* A change of hot arrays, applied after the commit.  Ascending by UID within one operation. */
struct delta {
	struct store_folder *handle;
	enum delta_kind kind;
	uint32_t uid;
	uint64_t flags, modseq;
};

struct store_tx {
	struct store *store;
	struct arena *arena; /* lives as long as the transaction */
	struct map *by_account;
	struct tx_account *accounts;
	VEC(struct delta) deltas;
	VEC(struct store_folder *) touched, gone;
	struct buf notes;
	int64_t now_s;
	bool wrote;      /* anything at all */
	bool moves;      /* the job may touch frozen accounts */
	bool changed_away;
	bool has_mail;   /* the log must be synced before the commit */
	struct store_job *job;
	bool job_wrote, has_savepoint;
	struct { size_t deltas, touched, gone, notes; } mark;
	enum err broken; /* the whole turn must be undone */
	struct store_entry entries[2 * CHUNK_ENTRIES];
	struct chunk_hot hot;
	char blob[CHUNK_ROOM], out[CHUNK_ROOM];
};

#define ST(store, name) ((store)->statements[STORE_SQL_##name])

/* turn.c */
struct store_tx *tx_new(struct store *store);
void tx_free(struct store_tx **tx);
/* Every writer's first call. */
MUST_CHECK enum err tx_write(struct store_tx *tx);
/* Every reader's: what this turn has in memory goes to SQL first. */
MUST_CHECK enum err store_reads(struct store *store);

/* The turn is over: nothing of it is in memory any more. */
void tx_forget(struct store_tx *tx);

/* store.c */
/*
 * A store without a worker, for tools: only its log is read; the database is the file `name` of the directory.  Jobs
 * cannot be submitted.  ERR_NO_FOLDER: no such shard.
 */
MUST_CHECK enum err store_open_bare(const char *dir, const struct store_options *options, const char *name,
	bool read_only, struct store **ret_store);
void store_close_bare(struct store **store);
MUST_CHECK enum err store_put_segment(struct store *store, const struct segment_row *row);

/* index_backup.c */
MUST_CHECK enum err index_backup_drop(struct store *store);

/* compact.c */
void compact_free(struct store *store);
MUST_CHECK enum err compact_sweep_all(struct store *store);
void store_note_dead(struct store *store, uint32_t number);
/* compact_walk.c: entries are written anew somewhere; call it only while a compaction runs. */
void compact_saw(struct store *store, const struct store_entry *entries, size_t n);

/* flags.c: bits are those of the folder; ret_failed may be NULL. */
MUST_CHECK enum err flags_change(struct store_tx *tx, struct tx_folder *folder, const struct store_flags *change,
	uint64_t bits, const struct uidset *uids, struct uidset *ret_changed, struct uidset *ret_failed);

/* rows.c */
MUST_CHECK enum err rows_read(struct sql_statement *st, struct arena *arena, struct folder_row *ret_row);
/* ERR_NOT_FOUND: no such account; ERR_UNAVAILABLE, ERR_MOVED (store/move.h), but for jobs that move. */
MUST_CHECK enum err tx_get_account(struct store_tx *tx, uint64_t account, struct tx_account **ret_account);
/* ERR_NO_FOLDER. */
MUST_CHECK enum err tx_get_folder(struct store_tx *tx, struct tx_account *account, uint64_t id,
	struct tx_folder **ret_folder);
/* name is canonical.  ERR_NO_FOLDER. */
MUST_CHECK enum err tx_find_folder(struct store_tx *tx, struct tx_account *account, struct str name,
	struct tx_folder **ret_folder);
MUST_CHECK enum err tx_open_folder(struct store_tx *tx, const struct store_folder *handle,
	struct tx_folder **ret_folder);
void tx_forget_account(struct store_tx *tx, struct tx_account *account);
void tx_forget_folder(struct store_tx *tx, struct tx_folder *folder);
/* Makes both rows dirty and the handle one of the touched. */
void tx_touch(struct store_tx *tx, struct tx_folder *folder);
uint64_t tx_next_modseq(struct tx_folder *folder);
MUST_CHECK enum err tx_flush(struct store_tx *tx);
void tx_drop(struct store_tx *tx);

/* entries.c */
/* A message more: takes UID and modseq, counts it, remembers the entry. */
MUST_CHECK enum err tx_push(struct store_tx *tx, struct tx_folder *folder, const struct store_entry *entry);
MUST_CHECK enum err tx_flush_entries(struct store_tx *tx, struct tx_folder *folder);
void tx_count(struct tx_folder *folder, const struct store_entry *entry, int sign);
void tx_count_flags(struct tx_folder *folder, uint64_t before, uint64_t after);
void tx_delta(struct store_tx *tx, struct tx_folder *folder, enum delta_kind kind, uint32_t uid, uint64_t flags,
	uint64_t modseq);

/* chunks.c: rows of `chunk` */
struct chunk_place {
	uint64_t account, folder, key; /* key 0: before the first */
};
/* The next chunk after place->key that may hold a UID >= uid; copied to tx->blob.  False: none, or *ret_error. */
bool chunks_next(struct store_tx *tx, struct chunk_place *place, uint32_t uid, struct str *ret_blob,
	enum err *ret_error);
/* Instead of the row at place; split where it must be. */
MUST_CHECK enum err chunks_rewrite(struct store_tx *tx, const struct chunk_place *place,
	const struct store_entry *entries, size_t n);
MUST_CHECK enum err chunks_put(struct store_tx *tx, const struct chunk_place *place, uint64_t modseq, struct str blob);
MUST_CHECK enum err chunks_delete(struct store_tx *tx, const struct chunk_place *place);
MUST_CHECK enum err chunks_append(struct store_tx *tx, uint64_t account, uint64_t folder,
	const struct store_entry *entries, size_t n);

/* keywords.c: names of a folder's flag bits, packed as blobs */
MUST_CHECK enum err keywords_parse(struct str packed, struct arena *arena, struct str **ret_names, uint32_t *ret_n);
/* Bits of the names in the folder's list; adds what is missing when add is set.  ERR_LIMIT. */
MUST_CHECK enum err keywords_bits(struct store_tx *tx, struct tx_folder *folder, const struct str *names, size_t n,
	bool add, uint64_t *ret_bits);
/* For each bit of `from` the bit in `to`. */
MUST_CHECK enum err keywords_map(struct store_tx *tx, struct tx_folder *from, struct tx_folder *to, uint64_t used,
	uint64_t map[64]);

/* names.c */
/* As store_name_check; out has STORE_NAME_MAX bytes. */
MUST_CHECK enum err name_canonical(struct str name, char *out, struct str *ret_name);

/* notes.c: what the log says of changes that are not mail (decision 0003) */
enum note_kind { NOTE_FLAGS = 1, NOTE_EXPUNGE, NOTE_COPY, NOTE_FOLDER, NOTE_FOLDER_GONE, NOTE_SUBSCRIBE, NOTE_ACCOUNT, NOTE_ACCOUNT_GONE, NOTE_CLOCK,
	NOTE_ACCOUNT_LEFT };
void note_flags(struct store_tx *tx, const struct tx_folder *folder, const struct store_flags *change, uint64_t bits,
	const struct uidset *uids);
void note_expunge(struct store_tx *tx, const struct tx_folder *folder, const struct uidset *uids, bool moved);
struct note_copy {
	const struct tx_folder *from, *to;
	const struct uidset *source;
	uint64_t first_uid, first_instance, first_modseq;
	bool moved;
};
void note_copy(struct store_tx *tx, const struct note_copy *copy);
void note_folder(struct store_tx *tx, uint64_t account, const struct folder_row *row);
void note_folder_gone(struct store_tx *tx, const struct tx_account *account, uint64_t id);
void note_subscribe(struct store_tx *tx, const struct tx_account *account, struct str name, bool subscribed);
void note_account_gone(struct store_tx *tx, const struct tx_account *account);
/* What no record of the folder may say any more. */
void note_clock(struct store_tx *tx, const struct tx_folder *folder);
void note_account_left(struct store_tx *tx, uint64_t account, uint64_t modseq);
void note_account(struct store_tx *tx, uint64_t account, uint64_t uidvalidity, uint64_t modseq);
/* Puts the notes of the turn into the log. */
MUST_CHECK enum err notes_append(struct store_tx *tx);

/* index.c, handle.c: hot arrays and handles */
struct store_folder {
	struct store *store;
	uint64_t account, id;
	char *name;
	size_t refs, parked;
	bool gone, loaded;
	bool touched; /* by the commit at hand */
	struct store_index index;
	uint32_t *uids; /* the arrays of index, with room for cap */
	uint64_t *flags, *modseqs;
	uint32_t cap;
	struct arena *words; /* keyword names */
	struct store_watch *watches;
	struct store_folder *older, *newer; /* in the list of idle ones */
	bool idle;
	uint64_t idle_bytes; /* as counted in store->idle_bytes */
};
struct store_folder *folders_find(struct store *store, uint64_t account, uint64_t id);
/* Reads the arrays from SQL. */
MUST_CHECK enum err index_load(struct store_folder *folder);
void index_drop(struct store_folder *folder);
uint64_t index_bytes(const struct store_folder *folder);
/* Row and keywords of the index as committed; ERR_NO_FOLDER. */
MUST_CHECK enum err index_load_row(struct store_folder *folder);
/* A run of deltas of one folder and kind. */
void index_apply(struct store_folder *folder, const struct delta *deltas, size_t n);
void folders_commit(struct store_tx *tx);
void folders_close_all(struct store *store);

/* expunge.c */
MUST_CHECK enum err expunge_messages(struct store_tx *tx, struct tx_folder *folder, const struct uidset *uids, bool all,
	bool moved, struct uidset *ret_expunged);
/* copy.c */
MUST_CHECK enum err copy_messages(struct store_tx *tx, struct tx_folder *from, struct tx_folder *to,
	const struct uidset *uids, bool moved, struct store_copied *ret_copied);

/* The same again, from the log: UIDs and instance ids go by the place in `uids`; who moves is expunged by a note. */
MUST_CHECK enum err copy_again_messages(struct store_tx *tx, struct tx_folder *from, struct tx_folder *to,
	const struct uidset *uids, bool moved, struct uidset *ret_source);

/* append.c */
/* Fills content id and email id; random when there is no digest. */
void entry_identify(struct str content_id, uint8_t ret_content_id[32], uint8_t ret_email_id[16]);
MUST_CHECK enum err check_sizes(const struct store_content *content, struct str structure);


/* account.c */
/* Row 0 alone. */
MUST_CHECK enum err account_insert(struct store_tx *tx, uint64_t account, uint64_t uidvalidity, uint64_t modseq);
/* A folder's row as it is, keywords and counts aside. */
MUST_CHECK enum err folder_insert_row(struct store_tx *tx, uint64_t account, const struct folder_row *row);
/* All folders and rows of an account that has left. */
MUST_CHECK enum err account_forget(struct store_tx *tx, struct tx_account *a, uint64_t *ret_modseq);

/* away.c */
MUST_CHECK enum err away_load(struct store *store);
MUST_CHECK enum err away_freeze(struct store_tx *tx, uint64_t account);
MUST_CHECK enum err away_leave(struct store_tx *tx, uint64_t account, uint64_t modseq);
/* The clock when it left here last; 0: it never did. */
MUST_CHECK enum err away_clock(struct store_tx *tx, uint64_t account, uint64_t *ret_modseq);
MUST_CHECK enum err away_clear(struct store_tx *tx, uint64_t account);
/* The turn, or the job, was undone. */
void away_undo(struct store_tx *tx);
MUST_CHECK enum err account_subscribe(struct store_tx *tx, uint64_t account, struct str name);
MUST_CHECK enum err account_make(struct store_tx *tx, uint64_t account);
/* names.c: the row alone. */
MUST_CHECK enum err folder_put_name(struct store_tx *tx, struct tx_folder *folder, struct str name);
/* names.c: takes a folder away, whatever is in it. */
MUST_CHECK enum err folder_drop(struct store_tx *tx, struct tx_folder *folder);
MUST_CHECK enum err account_get_or_make(struct store_tx *tx, uint64_t account, struct tx_account **ret_account);
MUST_CHECK enum err folder_insert(struct store_tx *tx, struct tx_account *account, uint64_t id, struct str name,
	enum store_special special);

#endif
