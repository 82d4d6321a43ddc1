/* SPDX-License-Identifier: ISC */
/*
 * What a folder index knows of one message, and the made-up messages of this benchmark.
 *
 * A message is a function of its account, UID and base, so every content can be checked against
 * the model without keeping a copy.
 */
#ifndef BENCH_STORE_ENTRY_H
#define BENCH_STORE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column {
	COL_UID,
	COL_FLAGS,
	COL_MODSEQ,
	COL_INTERNAL_DATE,
	COL_SAVED_DATE,
	COL_SIZE,
	COL_SEGMENT,
	COL_OFFSET,
	COL_LENGTH,
	COL_INSTANCE,
	COL_THREAD,
	COL_EMAIL_NUMBER, /* instance id of the first copy: a short stand-in for the email id */
	COLUMNS
};

#define COL_BIT(c) (1u << (c))
#define COLS_HOT (COL_BIT(COL_UID) | COL_BIT(COL_FLAGS) | COL_BIT(COL_MODSEQ))
#define COLS_ALL (COL_BIT(COL_EMAIL_NUMBER) - 1)
#define COLS_COLD ((COLS_ALL & ~COLS_HOT) | COL_BIT(COL_UID))
#define COLS_EMAIL COL_BIT(COLUMNS) /* the 16 raw bytes */

#define EMAIL_ID_BYTES 16

struct entry {
	uint64_t col[COLUMNS];
	uint8_t email[EMAIL_ID_BYTES];
};

/* A well spread 64-bit function of its argument (the finalizer of splitmix64). */
uint64_t entry_mix(uint64_t x);

/* The message `uid` of a folder whose instance ids and modseqs start after `base`. */
void entry_make(int64_t account, uint32_t uid, uint64_t base, struct entry *ret_entry);

/* Whether both agree in the columns of `mask` (COL_BIT..., COLS_EMAIL). */
bool entry_is_equal(const struct entry *a, const struct entry *b, unsigned mask);

#endif
