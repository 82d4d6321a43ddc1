/* SPDX-License-Identifier: ISC */
/*
 * Records of a segment: one message with all its recipients, or notes of what else changed.  Form: decision 0003.
 * Pure: bytes and structs.  Decoding reads what a disk may have damaged: ERR_CORRUPT, never a read out of bounds.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	RECORD_HEADER_BYTES = 64,
	RECORD_ALIGN = 8,
	RECORD_BLOCK = 64 << 10, /* content under one checksum */
	SEGMENT_HEADER_BYTES = 64,
};

enum record_type { RECORD_MESSAGE = 1, RECORD_NOTES = 2 };

/* One recipient of a message: all that its index entry has but the extent. */
struct record_recipient {
	uint64_t account, folder;
	uint32_t uid;
	uint64_t flags, modseq;
	int64_t internal_date, saved_date;
	uint64_t instance, thread;
	struct str prefix;
};

struct record_header {
	uint8_t type;
	uint32_t recipients;
	uint64_t segment_id;
	uint64_t offset; /* its own, in the segment */
	uint32_t length, head;
	uint64_t content;
	uint32_t head_checksum;
	uint32_t key_id;   /* 0: not encrypted */
	uint8_t nonce[16]; /* 0 */
};

struct record_head {
	struct record_header header;
	uint8_t content_id[32];
	uint8_t delivery_id[16];
	struct str structure;
	const uint32_t *checksums; /* record_blocks(content) */
	struct record_recipient *recipients;
};

static inline size_t record_blocks(uint64_t content)
{
	return (size_t)((content + RECORD_BLOCK - 1) / RECORD_BLOCK);
}

/* Bytes before the content. */
size_t record_head_size(const struct record_head *head);
/* Whole, padded. */
uint64_t record_size(size_t head, uint64_t content);
/* Appends record_head_size() bytes; header.head, .length and .head_checksum are computed. */
void record_encode_head(const struct record_head *head, struct buf *out);
/* Of the first 64 bytes only. */
MUST_CHECK enum err record_decode_header(struct str s, struct record_header *ret_header);
/* s holds at least header.head bytes.  Strings point into s; arrays are the arena's. */
MUST_CHECK enum err record_decode_head(struct str s, struct arena *arena, struct record_head *ret_head);

/* The first 64 bytes of a segment file. */
struct segment_header {
	uint32_t number;
	uint64_t id; /* random: bytes of an earlier use of the blocks cannot pass for records */
	int64_t created_s;
};
void segment_encode_header(const struct segment_header *header, char out[SEGMENT_HEADER_BYTES]);
MUST_CHECK enum err segment_decode_header(struct str s, struct segment_header *ret_header);

#endif
