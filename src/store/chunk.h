/* SPDX-License-Identifier: ISC */
/*
 * The packed form of up to 128 entries of a folder, ascending by UID: columns of delta-coded varints, those that
 * change first (decision 0003).  Pure.  Decoding checks everything: ERR_CORRUPT.
 */
#ifndef STORE_CHUNK_H
#define STORE_CHUNK_H

#include "store/store.h"

enum {
	CHUNK_ENTRIES = 128,
	CHUNK_BYTES = 3800,                             /* more only when a single entry needs it */
	CHUNK_ROOM = 2 + CHUNK_ENTRIES * (12 * 10 + 16), /* longest encoding */
};

/* The columns that STORE changes. */
struct chunk_hot {
	uint32_t n;
	uint32_t uids[CHUNK_ENTRIES];
	uint64_t flags[CHUNK_ENTRIES], modseqs[CHUNK_ENTRIES];
};

/* Returns the length; n is 1 .. CHUNK_ENTRIES. */
size_t chunk_encode(const struct store_entry *entries, size_t n, char ret_blob[CHUNK_ROOM]);
MUST_CHECK enum err chunk_decode(struct str blob, struct store_entry ret_entries[CHUNK_ENTRIES], size_t *ret_n);
/* ret_rest: where the other columns begin. */
MUST_CHECK enum err chunk_decode_hot(struct str blob, struct chunk_hot *ret_hot, struct str *ret_rest);
/* The same chunk with other flags and modseqs. */
size_t chunk_encode_hot(const struct chunk_hot *hot, struct str rest, char ret_blob[CHUNK_ROOM]);
/* How many of the n entries fit into one chunk: at least 1. */
size_t chunk_fit(const struct store_entry *entries, size_t n, char ret_blob[CHUNK_ROOM], size_t *ret_length);

#endif
