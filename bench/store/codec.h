/* SPDX-License-Identifier: ISC */
/*
 * Two ways to pack entries into a blob: fixed-width records one after another, and delta/varint
 * columns one after another (hot columns first, so that flags are read and rewritten without
 * touching the rest).  Input is trusted: the benchmark asserts instead of reporting.
 */
#ifndef BENCH_STORE_CODEC_H
#define BENCH_STORE_CODEC_H

#include "entry.h"

#define CHUNK_MAX_ENTRIES 256
#define CHUNK_MAX_BYTES (CHUNK_MAX_ENTRIES * (COLUMNS * 10 + EMAIL_ID_BYTES))

struct codec {
	size_t (*encode)(unsigned mask, const struct entry *entries, size_t n, uint8_t *ret_blob);
	/* Fills the columns of `wanted`; the blob holds those of `mask`. */
	void (*decode)(unsigned mask, unsigned wanted, const uint8_t *blob, size_t n,
	    struct entry *ret_entries);
	/* Sets `add` in the flags of all entries and their modseq; returns the new length. */
	size_t (*store)(unsigned mask, const uint8_t *blob, size_t length, size_t n, uint64_t add,
	    uint64_t modseq, uint8_t *ret_blob);
};

extern const struct codec codec_fixed;
extern const struct codec codec_varint;

#endif
