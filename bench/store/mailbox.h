/* SPDX-License-Identifier: ISC */
/*
 * Whole operations on one format, with every row a store needs for them: account, folder,
 * delivery id, vanished UIDs and the journal of long operations.
 */
#ifndef BENCH_STORE_MAILBOX_H
#define BENCH_STORE_MAILBOX_H

#include "format.h"

#define FOLDERS_PER_ACCOUNT 8

struct mailbox {
	struct db db;
	const struct format *format;
	void *state;
	sqlite3_stmt *remember;
	sqlite3_stmt *count_account;
	sqlite3_stmt *count_folder;
	sqlite3_stmt *vanish;
	sqlite3_stmt *journal;
};

/* What a folder row (or an account's) says. */
struct counters {
	int64_t next;
	int64_t modseq;
	int64_t messages;
	int64_t bytes;
};

void mailbox_open(struct mailbox *mailbox, const char *dir, const struct format *format);
void mailbox_close(struct mailbox *mailbox);

/* The account's row, its folders and the delivery ids of its last day. */
void mailbox_create_account(struct mailbox *mailbox, int64_t account, unsigned delivery_ids);

/* One delivery into folder 1, inside a transaction.  `serial` makes its delivery id. */
void mailbox_deliver(struct mailbox *mailbox, int64_t account, uint64_t serial);

/* Messages 1 to n of an empty folder; instance ids start after the account's last. */
void mailbox_fill(struct mailbox *mailbox, int64_t account, int64_t folder, uint32_t n);

void mailbox_copy(struct mailbox *mailbox, int64_t account, int64_t from, int64_t to,
    struct entry *entries);

/* STORE +FLAGS on a whole folder in the caller's transaction; returns the modseq. */
uint64_t mailbox_store(struct mailbox *mailbox, int64_t account, int64_t folder, uint64_t add);

/* The same in journalled slices; returns how many, and the longest one's duration. */
unsigned mailbox_store_sliced(struct mailbox *mailbox, int64_t account, int64_t folder,
    uint64_t add, uint64_t slice_ns, uint64_t *ret_longest_ns);

void mailbox_expunge(struct mailbox *mailbox, int64_t account, int64_t folder, bool only_odd,
    uint32_t n);

/* `folder` 0 is the account itself. */
struct counters mailbox_counters(struct mailbox *mailbox, int64_t account, int64_t folder);

#endif
