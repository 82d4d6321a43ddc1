/* SPDX-License-Identifier: ISC */
/*
 * The mailboxes of one shard: accounts, folders, messages, made durable by group commit.  Owned by the store role,
 * one thread; threads for checkpoints are inside.
 *
 * What is read outside a job is the committed state.  Writes happen in run() of a job; done() comes when the turn
 * is on disk, or with the error.  See struct store_job.  Structs and strings passed in are borrowed for the call.
 *
 * Errors that any function may give: ERR_IO, ERR_NO_SPACE, ERR_DATABASE, ERR_CORRUPT.  They concern the call only:
 * the store goes on.  On-disk formats: docs/decisions/0003-store-formats.md.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "store/uidset.h"

struct store;
struct store_tx;
struct store_folder;
struct store_os; /* store/os.h: file calls that tests replace */

/* Options; 0 means the value in parentheses. */
struct store_options {
	uint64_t segment_bytes;     /* (64 MiB) */
	uint64_t cache_bytes;       /* of the database (32 MiB) */
	uint64_t index_bytes;       /* hot arrays kept for folders that no session is looking at (32 MiB) */
	uint64_t wal_soft_bytes;    /* past it a checkpoint runs beside the mail (16 MiB) */
	uint64_t wal_hard_bytes;    /* past it mail waits for the checkpoint (512 MiB) */
	uint32_t delivery_memory_s; /* how long a delivery id is remembered (86400) */
	uint32_t expunged_memory_s; /* how long expunged messages are remembered (2592000) */
	uint32_t folders_max;       /* an account (10000) */
	uint32_t turn_jobs;         /* a group commit (256) */
	uint32_t compact_grace_s;   /* how long a segment that compaction emptied is still there to be read */
	void (*wake)(void *arg);    /* jobs wait: call store_turn_end() soon; NULL: the caller looks by itself */
	void *wake_arg;
	const struct store_os *os;  /* NULL: the system */
};

/* dir: the shard's directory, made when missing with segments/, index.db, progress, lock.  ERR_BUSY: another has it open.  Under 2 s whatever its size. */
MUST_CHECK enum err store_open(const char *dir, const struct store_options *options, struct store **ret_store);
/* Jobs that wait get ERR_SHUTTING_DOWN; every folder handle must be closed before. */
void store_close(struct store **store);
/* What the database or a file said last; one line, for the log.  Never NULL. */
const char *store_last_error(const struct store *store);

/* ---- Jobs and turns ---- */

/*
 * run() works inside the transaction of the turn and sees what earlier jobs of the turn wrote (store_folder_index
 * alone is not for run(), unless it was called before).  It may run again, alone, when the turn fails: it begins by
 * resetting its results and changes nothing but them.  An error it returns takes back all it wrote.  done() is called exactly once, never inside store_submit(); it may submit and may free
 * the job.  Everything that run() was given stays unchanged until done().
 */
struct store_job {
	enum err (*run)(struct store_job *job, struct store_tx *tx);
	void (*done)(struct store_job *job, enum err e);
	uint64_t account;      /* for the progress record; 0: not watched */
	const char *what;      /* command name, static text, for the progress record */
	struct str id;         /* what tells this command from others, such as a delivery id; may be empty */
	bool writes_often;     /* several writing calls: an error of a later one then costs the others nothing */
	struct store_job *next; /* the store's */
	enum err result;        /* the store's */
};

void store_submit(struct store *store, struct store_job *job);
/* Runs waiting jobs as one group commit, then their done().  Called by the role at the end of each loop turn. */
void store_turn_end(struct store *store);
bool store_has_jobs(const struct store *store);
/* A slice (1-2 ms) of forgetting what expired and purging deleted folders; true: more is left.  Call each second. */
bool store_background(struct store *store);

/* ---- Messages ---- */

#define STORE_SEEN 1ull
#define STORE_ANSWERED 2ull
#define STORE_FLAGGED 4ull
#define STORE_DELETED 8ull
#define STORE_DRAFT 16ull
#define STORE_SYSTEM_FLAGS 31ull
/* Bits 8 to 63 are keywords; keyword i of the folder has bit STORE_KEYWORD_BIT(i). */
enum { STORE_KEYWORDS_MAX = 56, STORE_KEYWORD_FIRST = 8, STORE_KEYWORD_BYTES_MAX = 128 };
#define STORE_KEYWORD_BIT(i) (1ull << (STORE_KEYWORD_FIRST + (i)))

/* Where a record stands: slot is which of its recipients the entry is. */
struct store_extent {
	uint32_t segment;
	uint64_t offset;
	uint32_t length; /* whole record */
	uint32_t slot;
};

struct store_entry {
	uint32_t uid;
	uint32_t size; /* RFC822.SIZE: prefix and content */
	uint64_t flags;
	uint64_t modseq;
	int64_t internal_date; /* s since 1970 */
	int64_t saved_date;    /* s since 1970 (RFC 8514) */
	uint64_t instance;     /* account-wide, never given twice: POP3 UIDL */
	uint64_t thread;
	uint8_t email_id[16];  /* same content, same id (RFC 8474) */
	struct store_extent extent;
};

/* Bytes of a message: in memory, or of a descriptor that is only read. */
struct store_content {
	struct str bytes;
	int fd; /* used when bytes.p is NULL */
	uint64_t length;
	uint64_t at; /* where they begin in the descriptor */
};
#define STORE_CONTENT(s) ((struct store_content){ .bytes = (s), .fd = -1, .length = (s).n })

/*
 * A message opened for reading: what the reader sees is prefix, then content.  Memory is the arena's; nothing to
 * close.  ERR_CORRUPT: a checksum does not match, or the record is another account's.
 */
struct store_message {
	struct str prefix;    /* header lines of this entry: Return-Path, Delivered-To, trace */
	struct str structure; /* as given at delivery; offsets in it count from the content's first byte */
	uint64_t content_length;
	uint8_t content_id[32];
	struct store_extent extent;
	uint64_t account;
	uint64_t content_offset;       /* in the segment */
	const uint32_t *checksums;     /* one per 64 KiB of content */
	struct str cached;             /* the content's first bytes, verified */
};
MUST_CHECK enum err store_message_open(struct store *store, uint64_t account, const struct store_entry *entry,
	struct arena *arena, struct store_message *ret_message);
/* The same for one whose content will not be asked for, or not at once: less is read now. */
MUST_CHECK enum err store_message_open_head(struct store *store, uint64_t account, const struct store_entry *entry,
	struct arena *arena, struct store_message *ret_message);
/* n bytes of content (without prefix) from offset on; clipped at the end.  Reads and verifies 64 KiB blocks. */
MUST_CHECK enum err store_content_read(struct store *store, const struct store_message *message, uint64_t offset,
	size_t n, char *ret_bytes, size_t *ret_n);
/* The same of prefix and content as one. */
MUST_CHECK enum err store_message_read(struct store *store, const struct store_message *message, uint64_t offset,
	size_t n, char *ret_bytes, size_t *ret_n);

/* ---- Folders: reading ---- */

/* SPECIAL-USE (RFC 6154). */
enum store_special {
	STORE_ORDINARY,
	STORE_DRAFTS,
	STORE_SENT,
	STORE_TRASH,
	STORE_ARCHIVE,
	STORE_JUNK,
	STORE_SPECIALS
};

enum { STORE_NAME_MAX = 1024, STORE_LEVEL_MAX = 255, STORE_DEPTH_MAX = 32, STORE_SEPARATOR = '/' };

/* What STATUS says, from the folder's row. */
struct store_status {
	struct str name; /* UTF-8 */
	uint64_t id;     /* in the account, never reused: MAILBOXID */
	enum store_special special;
	uint32_t uidvalidity, uidnext;
	uint32_t messages, unseen, deleted;
	uint64_t bytes;
	uint64_t highest_modseq;
	uint32_t recent_uid; /* messages from this UID on were not yet seen by a session */
};

/* False: store_account_ensure() has not been called, no folders. */
MUST_CHECK enum err store_account_exists(struct store *store, uint64_t account, bool *ret_exists);
MUST_CHECK enum err store_account_usage(struct store *store, uint64_t account, uint64_t *ret_bytes,
	uint64_t *ret_messages);
/*
 * All folders of an account in byte order of names.  Ghosts (a folder that is only a path to others) are not in it:
 * a name is a ghost when it is not listed but the beginning of a listed one.
 */
MUST_CHECK enum err store_folder_list(struct store *store, uint64_t account, struct arena *arena,
	struct store_status **ret_folders, size_t *ret_n);
/* ERR_NO_FOLDER.  INBOX in any case. */
MUST_CHECK enum err store_folder_status(struct store *store, uint64_t account, struct str name, struct arena *arena,
	struct store_status *ret_status);
/* Subscribed names in byte order, whether or not such folders exist. */
MUST_CHECK enum err store_subscriptions(struct store *store, uint64_t account, struct arena *arena,
	struct str **ret_names, size_t *ret_n);
/* Canonical form of a name: INBOX in capitals.  ERR_CANNOT: too long, too deep, empty level, control or wildcard. */
MUST_CHECK enum err store_name_check(struct str name, struct arena *arena, struct str *ret_name);

/* The hot part of a folder, committed state; replaced after each commit that changed it: keep no pointer into it. */
struct store_index {
	uint32_t count;
	const uint32_t *uids; /* ascending; message i + 1 has uids[i] */
	const uint64_t *flags;
	const uint64_t *modseqs;
	uint32_t uidvalidity, uidnext;
	uint32_t recent_uid;
	uint64_t highest_modseq;
	uint32_t keyword_count;
	const struct str *keywords; /* names of bits 8, 9, ... */
};

/* A handle shared by all sessions on the folder; each open needs its close.  ERR_NO_FOLDER. */
MUST_CHECK enum err store_folder_open(struct store *store, uint64_t account, struct str name,
	struct store_folder **ret_folder);
void store_folder_close(struct store_folder **folder);
uint64_t store_folder_account(const struct store_folder *folder);
uint64_t store_folder_id(const struct store_folder *folder);
/* Follows renames. */
struct str store_folder_name(const struct store_folder *folder);
/* Deleted meanwhile: reads fail with ERR_NO_FOLDER. */
bool store_folder_is_gone(const struct store_folder *folder);
/* Loads the arrays when they are not in memory (1,000,000 messages: tens of ms). */
MUST_CHECK enum err store_folder_index(struct store_folder *folder, const struct store_index **ret_index);
/* Place of the first UID >= uid: 0 .. count. */
uint32_t store_index_find(const struct store_index *index, uint32_t uid);
/* Bit of a keyword, any case; 0 when the folder has no such. */
uint64_t store_index_keyword(const struct store_index *index, struct str name);
/*
 * Parked by all its sessions, a folder keeps its arrays only while there is room.  Each session parks at most once
 * before it unparks; a parked session hears of changes all the same.
 */
void store_folder_park(struct store_folder *folder);
void store_folder_unpark(struct store_folder *folder);
/* All fields of the messages first .. last, ascending.  ~100,000 take 5 ms: ask for slices. */
MUST_CHECK enum err store_folder_read(struct store_folder *folder, uint32_t first, uint32_t last, struct arena *arena,
	struct store_entry **ret_entries, size_t *ret_n);
/* The first `max` messages of the set.  Go on above the last one's UID. */
MUST_CHECK enum err store_folder_read_set(struct store_folder *folder, const struct uidset *uids, uint32_t from,
	size_t max, struct arena *arena, struct store_entry **ret_entries, size_t *ret_n);
/*
 * UIDs expunged after modseq.  *ret_complete false: modseq is below the floor, expunges may have been forgotten
 * (RFC 7162 3.2.5.2: then everything not there counts as vanished).
 */
MUST_CHECK enum err store_folder_vanished(struct store_folder *folder, uint64_t modseq, struct uidset *ret_uids,
	bool *ret_complete);

/*
 * fn is called after every commit that changed the folder's messages, keywords, name or existence.  It may read,
 * and submit; it must not close the folder of another session.  The watch is the caller's memory; remove before close.
 */
struct store_watch {
	void (*fn)(struct store_watch *watch, struct store_folder *folder);
	struct store_watch *next; /* the store's */
};
void store_folder_watch(struct store_folder *folder, struct store_watch *watch);
void store_folder_unwatch(struct store_folder *folder, struct store_watch *watch);

/* ---- Writes: inside run() only ---- */

/* Makes the account's row and its standard folders when they are missing.  ERR_UNKNOWN_USER: it was deleted. */
MUST_CHECK enum err store_account_ensure(struct store_tx *tx, uint64_t account);

/*
 * Drops all folders of an account; store_background() then erases its content, slice by slice: bytes of records that are
 * nobody else's are overwritten.  The account is never made again: mail and logins get ERR_UNKNOWN_USER.  OK also when
 * there is none.
 */
MUST_CHECK enum err store_account_delete(struct store_tx *tx, uint64_t account);

struct store_recipient {
	uint64_t account;
	uint64_t quota;    /* bytes, 0: none */
	struct str prefix; /* header lines of this recipient's copy, CRLF each */
	struct str folder; /* empty, or no such folder: INBOX */
	uint64_t flags;    /* system flags only */
};

struct store_delivery {
	struct str delivery_id; /* 16 bytes; or empty: not remembered */
	struct str content_id;  /* 32 bytes; or empty */
	struct str structure;
	struct store_content content;
	int64_t received_s;
	const struct store_recipient *recipients;
	size_t n; /* 1 .. STORE_RECIPIENTS_MAX */
};
enum { STORE_RECIPIENTS_MAX = 1000, STORE_PREFIX_MAX = 65536, STORE_STRUCTURE_MAX = 8 << 20 };
#define STORE_CONTENT_MAX (1ull << 30)

/*
 * ret_results[i]: OK (also when the id shows that it was delivered before), ERR_OVER_QUOTA ERR_UNKNOWN_USER (deleted),
 * ERR_UNAVAILABLE or ERR_MOVED (store/move.h).  The function itself
 * fails for all: ERR_TOO_BIG and the general ones.
 */
MUST_CHECK enum err store_deliver(struct store_tx *tx, const struct store_delivery *delivery, enum err *ret_results);

struct store_append {
	uint64_t account, quota;
	struct str folder;
	struct str structure, content_id;
	struct store_content content;
	int64_t internal_date;
	uint64_t flags; /* system flags */
	const struct str *keywords;
	size_t keyword_count;
};
struct store_appended {
	uint32_t uidvalidity, uid;
};
/* ERR_TRYCREATE, ERR_OVER_QUOTA, ERR_LIMIT (keywords), ERR_TOO_BIG. */
MUST_CHECK enum err store_append(struct store_tx *tx, const struct store_append *append,
	struct store_appended *ret_appended);

enum store_flags_op { STORE_FLAGS_ADD, STORE_FLAGS_REMOVE, STORE_FLAGS_REPLACE };
struct store_flags {
	enum store_flags_op op;
	uint64_t flags; /* system flags */
	const struct str *keywords;
	size_t keyword_count;
	bool conditional;
	uint64_t unchanged_since; /* when conditional (RFC 7162 3.1.3) */
};
/*
 * ret_changed: messages whose flags are now others; ret_failed (may be NULL): those that `conditional` left alone.
 * UIDs without a message are ignored.  ERR_NO_FOLDER, ERR_LIMIT (keywords).
 */
MUST_CHECK enum err store_store_flags(struct store_tx *tx, const struct store_folder *folder, const struct uidset *uids,
	const struct store_flags *change, struct uidset *ret_changed, struct uidset *ret_failed);

/*
 * Removes the messages of uids (NULL: of the folder), only those with \Deleted unless `all`.  ret_expunged: which.
 */
MUST_CHECK enum err store_expunge(struct store_tx *tx, const struct store_folder *folder, const struct uidset *uids,
	bool all, struct uidset *ret_expunged);

struct store_expiry_rule {
	uint64_t account;
	int64_t trash_before_s, junk_before_s;
};
/* A walk over the Trash and Spam folders of all accounts; all zero but the times: from the beginning. */
struct store_expiry {
	int64_t trash_before_s, junk_before_s; /* what entered before goes; s since 1970 */
	uint64_t account, folder;              /* the last one looked at */
	/* Accounts with times of their own, ascending; borrowed. */
	const struct store_expiry_rule *rules;
	size_t rule_count;
	uint64_t last_account; /* the walk ends behind it; 0: at the end */
	uint64_t expunged;
};
/* Expunges what is due in the next of them, 1,000 messages at most.  *ret_more false: the walk is over. */
MUST_CHECK enum err store_expire(struct store_tx *tx, struct store_expiry *expiry, bool *ret_more);

/* Source UID number i of `source`, ascending, became first_uid + i. */
struct store_copied {
	uint32_t uidvalidity, first_uid;
	struct uidset source;
};
/*
 * All or none; same account.  ERR_TRYCREATE, ERR_OVER_QUOTA (copy), ERR_LIMIT (keywords).  ret_copied->source is
 * cleared and filled.  An empty result is OK.  Moving to the folder itself gives new UIDs.
 */
MUST_CHECK enum err store_copy(struct store_tx *tx, const struct store_folder *folder, const struct uidset *uids,
	struct str target, uint64_t quota, struct store_copied *ret_copied);
MUST_CHECK enum err store_move(struct store_tx *tx, const struct store_folder *folder, const struct uidset *uids,
	struct str target, struct store_copied *ret_copied);

/* No parents are made (product: ghost folders).  ERR_EXISTS, ERR_CANNOT, ERR_LIMIT. */
MUST_CHECK enum err store_folder_create(struct store_tx *tx, uint64_t account, struct str name,
	enum store_special special, uint64_t *ret_id);
/* Children stay.  ERR_NO_FOLDER, ERR_HAS_CHILDREN (a ghost), ERR_CANNOT (INBOX). */
MUST_CHECK enum err store_folder_delete(struct store_tx *tx, uint64_t account, struct str name);
/* With its children; a ghost too.  INBOX: its messages move (RFC 9051 6.3.6).  ERR_NO_FOLDER, ERR_EXISTS, ERR_CANNOT. */
MUST_CHECK enum err store_folder_rename(struct store_tx *tx, uint64_t account, struct str from, struct str to);
/*
 * Gives a folder a special use (RFC 6154), which another one loses; STORE_ORDINARY is no use to give.  ERR_NO_FOLDER, ERR_CANNOT (INBOX).
 */
MUST_CHECK enum err store_folder_set_special(
	struct store_tx *tx, uint64_t account, enum store_special special, struct str name);
MUST_CHECK enum err store_folder_subscribe(struct store_tx *tx, uint64_t account, struct str name, bool subscribed);
/* A session claims the recent messages: those from *ret_first on are its own. */
MUST_CHECK enum err store_folder_claim_recent(struct store_tx *tx, const struct store_folder *folder,
	uint32_t *ret_first);

/* ---- Quarantine ---- */

/*
 * Notes in memory that outlives the process what is being worked on; jobs with an account are noted by the store.
 * ERR_QUARANTINED: the process died twice while it worked on the same.  No nesting.
 */
MUST_CHECK enum err store_progress_begin(struct store *store, uint64_t account, const char *what, struct str id);
void store_progress_end(struct store *store);

#endif
