/* SPDX-License-Identifier: ISC */
/*
 * A candidate format and the operations every candidate provides.
 */
#ifndef BENCH_STORE_FORMAT_H
#define BENCH_STORE_FORMAT_H

#include "codec.h"
#include "db.h"
#include "entry.h"

/* One table of chunks: `capacity` entries a row, fewer when they outgrow `max_bytes`. */
struct part {
	const struct codec *codec;
	unsigned columns; /* COL_BIT..., COLS_EMAIL */
	unsigned capacity;
	unsigned max_bytes;
};

struct format {
	const char *name;
	const struct format_ops *ops;
	unsigned columns; /* of all parts together */
	unsigned page_bytes;
	bool has_rowid;        /* ordinary table with a unique index, not WITHOUT ROWID */
	bool has_modseq_index; /* rows only */
	bool joins_account;    /* the account's row is row 0 of its folders */
	struct part parts[2];  /* chunks only; the first holds the hot columns */
};

struct hot {
	uint32_t uid;
	uint64_t flags;
};

struct format_ops {
	void *(*open)(struct db *db, const struct format *format);
	void (*close)(void *state);
	void (*append)(void *state, int64_t account, int64_t folder, const struct entry *entries,
	    size_t n);
	size_t (*read_hot)(void *state, int64_t account, int64_t folder, struct hot *ret_hot);
	size_t (*read_all)(void *state, int64_t account, int64_t folder, struct entry *ret_entries);
	/* Adds flags to some messages from UID `from` on; returns where to go on, 0 at the end. */
	uint32_t (*store)(void *state, int64_t account, int64_t folder, uint32_t from,
	    uint64_t add, uint64_t modseq);
	/* Removes all messages, or the odd UIDs; returns the sum of their sizes. */
	uint64_t (*expunge)(void *state, int64_t account, int64_t folder, bool only_odd);
};

extern const struct format_ops format_rows;
extern const struct format_ops format_chunks;

#endif
