/* SPDX-License-Identifier: ISC */
#include "mailbox.h"

#include <assert.h>
#include <stdio.h>

#define VANISHED_PER_ROW 128
#define FILL_STEP 1024

static void create_tables(struct db *db, const struct format *format)
{
	static const char columns[] = " next INTEGER NOT NULL, modseq INTEGER NOT NULL,"
		" messages INTEGER NOT NULL, bytes INTEGER NOT NULL,";
	char sql[512];

	snprintf(sql, sizeof(sql), "CREATE TABLE folder(account INTEGER NOT NULL,"
	    " folder INTEGER NOT NULL,%s PRIMARY KEY(account, folder)) WITHOUT ROWID", columns);
	db_exec(db, sql);
	snprintf(sql, sizeof(sql), "CREATE TABLE account(account INTEGER NOT NULL,%s"
	    " PRIMARY KEY(account)) WITHOUT ROWID", columns);
	if (!format->joins_account)
		db_exec(db, sql);
	db_exec(db, "CREATE TABLE delivery(account INTEGER NOT NULL, id BLOB NOT NULL,"
	    " at INTEGER NOT NULL, PRIMARY KEY(account, id)) WITHOUT ROWID");
	db_exec(db, "CREATE TABLE vanished(account INTEGER NOT NULL, folder INTEGER NOT NULL,"
	    " modseq INTEGER NOT NULL, first_uid INTEGER NOT NULL, ranges BLOB NOT NULL,"
	    " PRIMARY KEY(account, folder, modseq, first_uid)) WITHOUT ROWID");
	db_exec(db, "CREATE TABLE journal(account INTEGER NOT NULL, folder INTEGER NOT NULL,"
	    " uid INTEGER NOT NULL, PRIMARY KEY(account, folder)) WITHOUT ROWID");
}

void mailbox_open(struct mailbox *mailbox, const char *dir, const struct format *format)
{
	struct db *db = &mailbox->db;
	const char *set = "SET next=next+?2, modseq=modseq+?3, messages=messages+?4,"
		" bytes=bytes+?5";
	const char *get = "RETURNING next, modseq";

	mailbox->format = format;
	db_open(db, dir, format->page_bytes);
	create_tables(db, format);
	mailbox->state = format->ops->open(db, format);
	mailbox->remember = db_prepare(db, "INSERT INTO delivery VALUES(?,?3,?2)"
	    " ON CONFLICT DO NOTHING");
	mailbox->count_account = db_prepare(db, "UPDATE %s %s WHERE %s account=?1 %s",
	    format->joins_account ? "folder" : "account", set,
	    format->joins_account ? "folder=0 AND" : "", get);
	mailbox->count_folder = db_prepare(db,
	    "UPDATE folder %s WHERE account=?1 AND folder=?6 %s", set, get);
	mailbox->vanish = db_prepare(db, "INSERT INTO vanished VALUES(?,?,?,?,?)");
	mailbox->journal = db_prepare(db, "INSERT INTO journal VALUES(?,?,?)"
	    " ON CONFLICT(account, folder) DO UPDATE SET uid=excluded.uid");
}

void mailbox_close(struct mailbox *mailbox)
{
	mailbox->format->ops->close(mailbox->state);
	db_close(&mailbox->db);
}

static void remember_delivery(struct mailbox *mailbox, int64_t account, uint64_t serial)
{
	uint64_t id[2] = { entry_mix(serial ^ 0x5eed), entry_mix(serial + (1ull << 40)) };

	DB_BIND(mailbox->remember, account, 1700000000 + (int64_t)serial);
	db_bind_blob(mailbox->remember, 3, id, sizeof(id));
	db_run(&mailbox->db, mailbox->remember);
	assert(sqlite3_changes(mailbox->db.conn) == 1);
}

static void create_row(struct mailbox *mailbox, const char *table, int64_t account, int folder)
{
	char sql[256];

	if (folder < 0)
		snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES(%lld,1,0,0,0)", table,
		    (long long)account);
	else
		snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES(%lld,%d,1,0,0,0)", table,
		    (long long)account, folder);
	db_exec(&mailbox->db, sql);
}

void mailbox_create_account(struct mailbox *mailbox, int64_t account, unsigned delivery_ids)
{
	if (!mailbox->format->joins_account)
		create_row(mailbox, "account", account, -1);
	for (int folder = mailbox->format->joins_account ? 0 : 1; folder <= FOLDERS_PER_ACCOUNT;
	     folder++)
		create_row(mailbox, "folder", account, folder);
	for (unsigned i = 0; i < delivery_ids; i++)
		remember_delivery(mailbox, account, (uint64_t)account << 20 | i);
}

/* Runs an UPDATE ... RETURNING next, modseq. */
static struct counters run_counter(struct mailbox *mailbox, sqlite3_stmt *stmt)
{
	struct counters counters = { 0 };
	int has_row = db_step(&mailbox->db, stmt);

	assert(has_row);
	counters.next = sqlite3_column_int64(stmt, 0);
	counters.modseq = sqlite3_column_int64(stmt, 1);
	has_row = db_step(&mailbox->db, stmt);
	assert(!has_row);
	return counters;
}

/* Counts n more messages in both rows; returns the values after it. */
static void count(struct mailbox *mailbox, int64_t account, int64_t folder, int64_t added_uids,
    int64_t added_modseqs, int64_t messages, int64_t bytes, struct counters *ret_account,
    struct counters *ret_folder)
{
	DB_BIND(mailbox->count_account, account, added_uids, added_modseqs, messages, bytes);
	*ret_account = run_counter(mailbox, mailbox->count_account);
	DB_BIND(mailbox->count_folder, account, added_uids, added_modseqs, messages, bytes,
	    folder);
	*ret_folder = run_counter(mailbox, mailbox->count_folder);
}

void mailbox_deliver(struct mailbox *mailbox, int64_t account, uint64_t serial)
{
	struct counters of_account;
	struct counters of_folder;
	struct entry entry;

	remember_delivery(mailbox, account, serial);
	count(mailbox, account, 1, 1, 1, 1, 4096, &of_account, &of_folder);
	entry_make(account, (uint32_t)of_folder.next - 1,
	    (uint64_t)(of_account.next - of_folder.next), &entry);
	mailbox->format->ops->append(mailbox->state, account, 1, &entry, 1);
}

void mailbox_fill(struct mailbox *mailbox, int64_t account, int64_t folder, uint32_t n)
{
	static struct entry entries[FILL_STEP];
	struct counters of_account;
	struct counters of_folder;
	uint64_t base;
	size_t batch = 0;

	count(mailbox, account, folder, n, n, n, 4096ll * n, &of_account, &of_folder);
	base = (uint64_t)(of_account.next - of_folder.next);
	for (int64_t uid = of_folder.next - n; uid < of_folder.next; uid++) {
		entry_make(account, (uint32_t)uid, base, &entries[batch++]);
		if (batch == FILL_STEP || uid + 1 == of_folder.next) {
			mailbox->format->ops->append(mailbox->state, account, folder, entries,
			    batch);
			batch = 0;
		}
	}
}

void mailbox_copy(struct mailbox *mailbox, int64_t account, int64_t from, int64_t to,
    struct entry *entries)
{
	const struct format_ops *ops = mailbox->format->ops;
	size_t n = ops->read_all(mailbox->state, account, from, entries);
	struct counters of_account;
	struct counters of_folder;

	count(mailbox, account, to, (int64_t)n, 1, (int64_t)n, 4096ll * (int64_t)n, &of_account,
	    &of_folder);
	for (size_t i = 0; i < n; i++) {
		entries[i].col[COL_UID] = (uint64_t)of_folder.next - n + i;
		entries[i].col[COL_INSTANCE] = (uint64_t)of_account.next - n + i;
		entries[i].col[COL_MODSEQ] = (uint64_t)of_account.modseq;
	}
	ops->append(mailbox->state, account, to, entries, n);
}

uint64_t mailbox_store(struct mailbox *mailbox, int64_t account, int64_t folder, uint64_t add)
{
	struct counters of_account;
	struct counters of_folder;
	uint32_t from = 1;

	count(mailbox, account, folder, 0, 1, 0, 0, &of_account, &of_folder);
	while (from)
		from = mailbox->format->ops->store(mailbox->state, account, folder, from, add,
		    (uint64_t)of_account.modseq);
	return (uint64_t)of_account.modseq;
}

/* One slice, its own transaction; leaves room for the commit.  Returns where to go on. */
static uint32_t store_slice(struct mailbox *mailbox, int64_t account, int64_t folder,
    uint32_t from, uint64_t add, uint64_t modseq, uint64_t slice_ns)
{
	uint64_t start = clock_wall_ns();

	db_begin(&mailbox->db);
	while (from && clock_wall_ns() - start < slice_ns / 2)
		from = mailbox->format->ops->store(mailbox->state, account, folder, from, add,
		    modseq);
	DB_BIND(mailbox->journal, account, folder, from);
	db_run(&mailbox->db, mailbox->journal);
	db_commit(&mailbox->db);
	return from;
}

unsigned mailbox_store_sliced(struct mailbox *mailbox, int64_t account, int64_t folder,
    uint64_t add, uint64_t slice_ns, uint64_t *ret_longest_ns)
{
	struct counters of_account;
	struct counters of_folder;
	uint64_t modseq;
	unsigned slices = 0;
	uint32_t from = 1;

	db_begin(&mailbox->db);
	count(mailbox, account, folder, 0, 1, 0, 0, &of_account, &of_folder);
	db_commit(&mailbox->db);
	modseq = (uint64_t)of_account.modseq;
	for (*ret_longest_ns = 0; from; slices++) {
		uint64_t start = clock_wall_ns();

		from = store_slice(mailbox, account, folder, from, add, modseq, slice_ns);
		if (clock_wall_ns() - start > *ret_longest_ns)
			*ret_longest_ns = clock_wall_ns() - start;
	}
	return slices;
}

/* One row for a run of UIDs, or rows of packed ranges: here pairs of first and last. */
static void log_vanished(struct mailbox *mailbox, int64_t account, int64_t folder,
    int64_t modseq, bool only_odd, uint32_t n)
{
	uint32_t ranges[2 * VANISHED_PER_ROW];
	uint32_t step = only_odd ? 2 : n;

	for (uint32_t uid = 1; uid <= n;) {
		uint32_t first = uid;
		size_t used = 0;

		for (; uid <= n && used < 2 * VANISHED_PER_ROW; uid += step) {
			ranges[used++] = uid;
			ranges[used++] = only_odd ? uid : n;
		}
		DB_BIND(mailbox->vanish, account, folder, modseq, first);
		db_bind_blob(mailbox->vanish, 5, ranges, used * sizeof(*ranges));
		db_run(&mailbox->db, mailbox->vanish);
	}
}

void mailbox_expunge(struct mailbox *mailbox, int64_t account, int64_t folder, bool only_odd,
    uint32_t n)
{
	int64_t gone = only_odd ? n / 2 : n;
	struct counters of_account;
	struct counters of_folder;
	uint64_t bytes =
	    mailbox->format->ops->expunge(mailbox->state, account, folder, only_odd);

	assert(bytes > 0);
	count(mailbox, account, folder, 0, 1, -gone, -4096 * gone, &of_account, &of_folder);
	log_vanished(mailbox, account, folder, of_account.modseq, only_odd, n);
}

struct counters mailbox_counters(struct mailbox *mailbox, int64_t account, int64_t folder)
{
	struct counters counters;
	bool own_table = folder == 0 && !mailbox->format->joins_account;
	sqlite3_stmt *stmt = db_prepare(&mailbox->db,
	    "SELECT next, modseq, messages, bytes FROM %s WHERE account=?1 %s",
	    own_table ? "account" : "folder", own_table ? "AND ?2=0" : "AND folder=?2");
	int has_row;

	DB_BIND(stmt, account, folder);
	has_row = db_step(&mailbox->db, stmt);
	assert(has_row);
	counters.next = sqlite3_column_int64(stmt, 0);
	counters.modseq = sqlite3_column_int64(stmt, 1);
	counters.messages = sqlite3_column_int64(stmt, 2);
	counters.bytes = sqlite3_column_int64(stmt, 3);
	sqlite3_finalize(stmt);
	return counters;
}
