/* SPDX-License-Identifier: ISC */
/*
 * What a damaged disk may hand to the store: record heads and headers of segments (with their sums made right, or
 * nothing would get past them), and packed chunks of a folder index.  What decodes must encode to what decodes to the
 * same again.
 */
#include "base/hash.h"
#include "store/chunk.h"
#include "store/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void put_u32(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> (8 * i));
}

/* Head length stands at 20, the head's sum at 32, the header's at 60. */
static void make_sums_right(char *p, size_t n)
{
	struct rd rd = rd_of(str_make(p + 20, 4));
	uint32_t head = rd_u32(&rd);

	if (head >= RECORD_HEADER_BYTES && head <= n)
		put_u32(p + 32, hash_crc32c(0, str_make(p + RECORD_HEADER_BYTES, head - RECORD_HEADER_BYTES)));
	put_u32(p + RECORD_HEADER_BYTES - 4, hash_crc32c(0, str_make(p, RECORD_HEADER_BYTES - 4)));
}

static void check_record(struct str s)
{
	struct arena *arena = arena_new();
	struct buf first = BUF_MAX(0), second = BUF_MAX(0);
	char *copy = mem_dup(s);
	struct record_head head, again;

	if (s.n >= RECORD_HEADER_BYTES)
		make_sums_right(copy, s.n);
	if (record_decode_head(str_make(copy, s.n), arena, &head) == OK) {
		record_encode_head(&head, &first);
		require(record_decode_head(buf_str(&first), arena, &again) == OK);
		record_encode_head(&again, &second);
		require(str_equal(buf_str(&first), buf_str(&second)));
		require(str_equal(head.structure, again.structure) && head.header.content == again.header.content);
	}
	buf_done(&first);
	buf_done(&second);
	free(copy);
	arena_free(&arena);
}

static void check_segment_header(struct str s)
{
	struct segment_header header;
	char bytes[SEGMENT_HEADER_BYTES], again[SEGMENT_HEADER_BYTES];

	if (s.n < SEGMENT_HEADER_BYTES)
		return;
	memcpy(bytes, s.p, sizeof(bytes));
	put_u32(bytes + SEGMENT_HEADER_BYTES - 4, hash_crc32c(0, str_make(bytes, SEGMENT_HEADER_BYTES - 4)));
	if (segment_decode_header(str_make(bytes, sizeof(bytes)), &header) != OK)
		return;
	segment_encode_header(&header, again);
	require(segment_decode_header(str_make(again, sizeof(again)), &header) == OK);
}

static void check_hot(struct str s, const struct store_entry *entries, size_t n)
{
	static char blob[CHUNK_ROOM];
	static struct store_entry back[CHUNK_ENTRIES];
	struct chunk_hot hot;
	struct str rest;
	size_t length, got;

	require(chunk_decode_hot(s, &hot, &rest) == OK && hot.n == n);
	for (size_t i = 0; i < n; i++) {
		require(hot.uids[i] == entries[i].uid && hot.modseqs[i] == entries[i].modseq);
		hot.flags[i] ^= 1;
	}
	length = chunk_encode_hot(&hot, rest, blob);
	require(chunk_decode(str_make(blob, length), back, &got) == OK && got == n);
	require((back[0].flags ^ 1) == entries[0].flags && back[n - 1].size == entries[n - 1].size);
}

static void check_chunk(struct str s)
{
	static struct store_entry entries[CHUNK_ENTRIES], back[CHUNK_ENTRIES];
	static char first[CHUNK_ROOM], second[CHUNK_ROOM];
	struct chunk_hot hot;
	struct str rest;
	size_t n, got, length;

	if (chunk_decode(s, entries, &n) != OK) {
		(void)!chunk_decode_hot(s, &hot, &rest);
		return;
	}
	length = chunk_encode(entries, n, first);
	require(chunk_decode(str_make(first, length), back, &got) == OK && got == n);
	require(chunk_encode(back, n, second) == length && memcmp(first, second, length) == 0);
	check_hot(str_make(first, length), entries, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make(data, size);

	if (size == 0)
		return 0;
	if (data[0] == 'c')
		check_chunk(str_from(s, 1));
	else if (data[0] == 's')
		check_segment_header(str_from(s, 1));
	else
		check_record(str_from(s, 1));
	return 0;
}
