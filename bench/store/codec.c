/* SPDX-License-Identifier: ISC */
#include "codec.h"

#include <assert.h>
#include <string.h>

static const uint8_t fixed_width[COLUMNS] = {
	[COL_UID] = 4, [COL_FLAGS] = 8, [COL_MODSEQ] = 8, [COL_INTERNAL_DATE] = 8,
	[COL_SAVED_DATE] = 8, [COL_SIZE] = 4, [COL_SEGMENT] = 4, [COL_OFFSET] = 8,
	[COL_LENGTH] = 4, [COL_INSTANCE] = 8, [COL_THREAD] = 8, [COL_EMAIL_NUMBER] = 8,
};

static size_t record_width(unsigned mask)
{
	size_t width = mask & COLS_EMAIL ? EMAIL_ID_BYTES : 0;

	for (unsigned c = 0; c < COLUMNS; c++)
		if (mask & COL_BIT(c))
			width += fixed_width[c];
	return width;
}

static size_t encode_fixed(unsigned mask, const struct entry *entries, size_t n, uint8_t *ret_blob)
{
	uint8_t *to = ret_blob;

	for (size_t i = 0; i < n; i++) {
		for (unsigned c = 0; c < COLUMNS; c++) {
			if (!(mask & COL_BIT(c)))
				continue;
			memcpy(to, &entries[i].col[c], fixed_width[c]);
			to += fixed_width[c];
		}
		if (mask & COLS_EMAIL) {
			memcpy(to, entries[i].email, EMAIL_ID_BYTES);
			to += EMAIL_ID_BYTES;
		}
	}
	return (size_t)(to - ret_blob);
}

static void decode_fixed_column(unsigned column, const uint8_t *from, size_t width, size_t n,
    struct entry *ret_entries)
{
	for (size_t i = 0; i < n; i++, from += width) {
		ret_entries[i].col[column] = 0;
		if (fixed_width[column] == 4)
			memcpy(&ret_entries[i].col[column], from, 4);
		else
			memcpy(&ret_entries[i].col[column], from, 8);
	}
}

static void decode_fixed(unsigned mask, unsigned wanted, const uint8_t *blob, size_t n,
    struct entry *ret_entries)
{
	size_t width = record_width(mask);

	for (unsigned c = 0; c < COLUMNS; c++) {
		if (mask & wanted & COL_BIT(c))
			decode_fixed_column(c, blob, width, n, ret_entries);
		if (mask & COL_BIT(c))
			blob += fixed_width[c];
	}
	if (mask & wanted & COLS_EMAIL)
		for (size_t i = 0; i < n; i++)
			memcpy(ret_entries[i].email, blob + i * width, EMAIL_ID_BYTES);
}

/* UID, flags and modseq are the first 4, 8 and 8 bytes of a record. */
static size_t store_fixed(unsigned mask, const uint8_t *blob, size_t length, size_t n,
    uint64_t add, uint64_t modseq, uint8_t *ret_blob)
{
	size_t width = record_width(mask);
	uint64_t flags;

	memcpy(ret_blob, blob, length);
	for (size_t i = 0; i < n; i++) {
		memcpy(&flags, ret_blob + i * width + 4, 8);
		flags |= add;
		memcpy(ret_blob + i * width + 4, &flags, 8);
		memcpy(ret_blob + i * width + 12, &modseq, 8);
	}
	return length;
}

const struct codec codec_fixed = {
	.encode = encode_fixed,
	.decode = decode_fixed,
	.store = store_fixed,
};

static uint8_t *put_varint(uint8_t *to, uint64_t value)
{
	while (value >= 0x80) {
		*to++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*to++ = (uint8_t)value;
	return to;
}

static const uint8_t *get_varint(const uint8_t *from, uint64_t *ret_value)
{
	uint64_t value = *from & 0x7f;

	for (unsigned shift = 7; *from++ & 0x80; shift += 7)
		value |= (uint64_t)(*from & 0x7f) << shift;
	*ret_value = value;
	return from;
}

static uint64_t fold_sign(uint64_t difference)
{
	return difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
}

static uint64_t unfold_sign(uint64_t folded)
{
	return folded >> 1 ^ -(folded & 1);
}

/* What a column is written as: itself, or its distance to the entry before or to a neighbour. */
#define PLAIN COLUMNS
#define BEFORE (COLUMNS + 1)
static const uint8_t reference[COLUMNS] = {
	[COL_UID] = BEFORE, [COL_FLAGS] = PLAIN, [COL_MODSEQ] = BEFORE,
	[COL_INTERNAL_DATE] = BEFORE, [COL_SAVED_DATE] = COL_INTERNAL_DATE, [COL_SIZE] = PLAIN,
	[COL_SEGMENT] = BEFORE, [COL_OFFSET] = PLAIN, [COL_LENGTH] = COL_SIZE,
	[COL_INSTANCE] = BEFORE, [COL_THREAD] = COL_INSTANCE, [COL_EMAIL_NUMBER] = COL_INSTANCE,
};

static uint8_t *encode_column(unsigned c, const struct entry *entries, size_t n, uint8_t *to)
{
	unsigned other = reference[c];
	uint64_t before = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t value = entries[i].col[c];

		if (other == PLAIN)
			to = put_varint(to, value);
		else if (other == BEFORE)
			to = put_varint(to, fold_sign(value - before));
		else
			to = put_varint(to, fold_sign(value - entries[i].col[other]));
		before = value;
	}
	return to;
}

static const uint8_t *decode_column(unsigned c, const uint8_t *from, size_t n,
    struct entry *entries)
{
	unsigned other = reference[c];
	uint64_t before = 0;
	uint64_t value;

	for (size_t i = 0; i < n; i++) {
		from = get_varint(from, &value);
		if (other == BEFORE)
			value = before + unfold_sign(value);
		else if (other != PLAIN)
			value = entries[i].col[other] + unfold_sign(value);
		entries[i].col[c] = before = value;
	}
	return from;
}

static size_t encode_varint(unsigned mask, const struct entry *entries, size_t n,
    uint8_t *ret_blob)
{
	uint8_t *to = ret_blob;

	for (unsigned c = 0; c < COLUMNS; c++)
		if (mask & COL_BIT(c))
			to = encode_column(c, entries, n, to);
	for (size_t i = 0; mask & COLS_EMAIL && i < n; i++, to += EMAIL_ID_BYTES)
		memcpy(to, entries[i].email, EMAIL_ID_BYTES);
	return (size_t)(to - ret_blob);
}

static void decode_varint(unsigned mask, unsigned wanted, const uint8_t *blob, size_t n,
    struct entry *ret_entries)
{
	for (unsigned c = 0; c < COLUMNS && wanted >> c; c++)
		if (mask & COL_BIT(c))
			blob = decode_column(c, blob, n, ret_entries);
	for (size_t i = 0; mask & wanted & COLS_EMAIL && i < n; i++, blob += EMAIL_ID_BYTES)
		memcpy(ret_entries[i].email, blob, EMAIL_ID_BYTES);
}

/* The hot columns come first: they are rewritten, what follows is copied. */
static size_t store_varint(unsigned mask, const uint8_t *blob, size_t length, size_t n,
    uint64_t add, uint64_t modseq, uint8_t *ret_blob)
{
	struct entry entries[CHUNK_MAX_ENTRIES];
	const uint8_t *rest = blob;
	size_t hot;

	assert((mask & COLS_HOT) == COLS_HOT && n <= CHUNK_MAX_ENTRIES);
	for (unsigned c = COL_UID; c <= COL_MODSEQ; c++)
		rest = decode_column(c, rest, n, entries);
	for (size_t i = 0; i < n; i++) {
		entries[i].col[COL_FLAGS] |= add;
		entries[i].col[COL_MODSEQ] = modseq;
	}
	hot = encode_varint(COLS_HOT, entries, n, ret_blob);
	memcpy(ret_blob + hot, rest, length - (size_t)(rest - blob));
	return hot + length - (size_t)(rest - blob);
}

const struct codec codec_varint = {
	.encode = encode_varint,
	.decode = decode_varint,
	.store = store_varint,
};
