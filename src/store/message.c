/* SPDX-License-Identifier: ISC */
/*
 * Reading messages.  Every byte handed out was verified: the head by its checksum, content by blocks of 64 KiB.
 */
#include "store/local.h"

#include "base/hash.h"

#include <stdlib.h>

enum { HEAD_READ = 2 << 10 /* structure and recipients of most */, FIRST_READ = 16 << 10 }; /* a small message whole, of a large one what stands before its content */

static bool is_entrys(const struct record_head *head, uint64_t segment_id, uint64_t account,
	const struct store_extent *extent)
{
	const struct record_header *h = &head->header;

	return h->type == RECORD_MESSAGE && h->segment_id == segment_id && h->offset == extent->offset &&
		h->length == extent->length && extent->slot < h->recipients &&
		head->recipients[extent->slot].account == account;
}

/* ret_bytes: head, and content as far as the first read went. */
static enum err read_head(struct store *store, const struct store_extent *extent, size_t first, struct arena *arena,
	struct str *ret_bytes)
{
	size_t n = extent->length < first ? extent->length : first;
	char *p = arena_bytes(arena, n), *whole;
	struct record_header header;
	enum err e = segments_read(store->segments, extent->segment, extent->offset, p, n);

	if (e == OK)
		e = record_decode_header(str_make(p, n), &header);
	if (e == OK && (header.length != extent->length || header.key_id != 0))
		e = ERR_CORRUPT;
	if (e != OK)
		return e;
	*ret_bytes = str_make(p, n);
	if (header.head <= n)
		return OK;
	whole = arena_bytes(arena, header.head);
	memcpy(whole, p, n);
	*ret_bytes = str_make(whole, header.head);
	return segments_read(store->segments, extent->segment, extent->offset + n, whole + n, header.head - n);
}

static enum err verify_cached(struct store_message *m, struct str rest)
{
	if (rest.n < m->content_length || m->content_length > RECORD_BLOCK)
		return OK;
	m->cached = str_sub(rest, 0, (size_t)m->content_length);
	return m->content_length == 0 || hash_crc32c(0, m->cached) == m->checksums[0] ? OK : ERR_CORRUPT;
}

static enum err open_message(struct store *store, uint64_t account, const struct store_entry *entry, size_t first,
	struct arena *arena, struct store_message *ret_message)
{
	struct store_message m = { .account = account, .extent = entry->extent };
	struct record_head head = { 0 };
	struct str bytes = STR_NONE;
	uint64_t segment_id = 0;
	enum err e = read_head(store, &entry->extent, first, arena, &bytes);

	if (e == OK)
		e = record_decode_head(bytes, arena, &head);
	if (e == OK)
		e = segments_id(store->segments, entry->extent.segment, &segment_id);
	if (e == OK && !is_entrys(&head, segment_id, account, &entry->extent))
		e = ERR_CORRUPT;
	if (e != OK)
		return e;
	m.prefix = head.recipients[entry->extent.slot].prefix;
	m.structure = head.structure;
	m.content_length = head.header.content;
	memcpy(m.content_id, head.content_id, sizeof(m.content_id));
	m.content_offset = entry->extent.offset + head.header.head;
	m.checksums = head.checksums;
	e = m.prefix.n + m.content_length == entry->size ? verify_cached(&m, str_from(bytes, head.header.head)) : ERR_CORRUPT;
	if (e == OK)
		*ret_message = m;
	return e;
}

enum err store_message_open(struct store *store, uint64_t account, const struct store_entry *entry,
	struct arena *arena, struct store_message *ret_message)
{
	return open_message(store, account, entry, FIRST_READ, arena, ret_message);
}

enum err store_message_open_head(struct store *store, uint64_t account, const struct store_entry *entry,
	struct arena *arena, struct store_message *ret_message)
{
	return open_message(store, account, entry, HEAD_READ, arena, ret_message);
}

static size_t block_size(const struct store_message *m, size_t block)
{
	uint64_t left = m->content_length - (uint64_t)block * RECORD_BLOCK;

	return left < RECORD_BLOCK ? (size_t)left : RECORD_BLOCK;
}

static enum err read_block(struct store *store, const struct store_message *m, size_t block, char *ret_bytes)
{
	size_t n = block_size(m, block);
	enum err e = segments_read(store->segments, m->extent.segment,
		m->content_offset + (uint64_t)block * RECORD_BLOCK, ret_bytes, n);

	if (e == OK && hash_crc32c(0, str_make(ret_bytes, n)) != m->checksums[block])
		e = ERR_CORRUPT;
	return e;
}

/* Whole blocks go where they are wanted; parts of one through a buffer. */
static enum err read_blocks(struct store *store, const struct store_message *m, uint64_t offset, size_t n, char *to)
{
	char *buffer = NULL;
	enum err e = OK;

	while (e == OK && n > 0) {
		size_t block = (size_t)(offset / RECORD_BLOCK), skip = (size_t)(offset % RECORD_BLOCK);
		size_t size = block_size(m, block), take = size - skip < n ? size - skip : n;

		if (take == size) {
			e = read_block(store, m, block, to);
		} else {
			buffer = buffer ? buffer : mem_alloc(RECORD_BLOCK);
			e = read_block(store, m, block, buffer);
			if (e == OK)
				memcpy(to, buffer + skip, take);
		}
		to += take;
		offset += take;
		n -= take;
	}
	free(buffer);
	return e;
}

enum err store_content_read(struct store *store, const struct store_message *message, uint64_t offset, size_t n,
	char *ret_bytes, size_t *ret_n)
{
	uint64_t left = offset < message->content_length ? message->content_length - offset : 0;
	enum err e = OK;

	n = left < n ? (size_t)left : n;
	if (n > 0 && message->cached.n > 0)
		memcpy(ret_bytes, message->cached.p + offset, n);
	else if (n > 0)
		e = read_blocks(store, message, offset, n, ret_bytes);
	if (e == OK)
		*ret_n = n;
	return e;
}

enum err store_message_read(struct store *store, const struct store_message *message, uint64_t offset, size_t n,
	char *ret_bytes, size_t *ret_n)
{
	struct str head = offset < message->prefix.n ? str_sub(message->prefix, (size_t)offset, n) : STR_NONE;
	uint64_t from = offset > message->prefix.n ? offset - message->prefix.n : 0;
	size_t got = 0;
	enum err e;

	if (head.n)
		memcpy(ret_bytes, head.p, head.n);
	e = store_content_read(store, message, from, n - head.n, ret_bytes + head.n, &got);
	if (e == OK)
		*ret_n = head.n + got;
	return e;
}
