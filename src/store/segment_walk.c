/* SPDX-License-Identifier: ISC */
/*
 * Going through a segment record by record, as a rebuild and compaction do.
 */
#include "store/segment_local.h"

#include "base/hash.h"

enum { HEAD_MAX = 64 << 20 };

static bool is_plausible(const struct record_header *h, uint64_t id, uint64_t at, uint64_t size)
{
	return h->segment_id == id && h->offset == at && h->length <= size - at && h->head <= HEAD_MAX &&
		h->head <= h->length && h->content <= h->length - h->head;
}

bool segments_walk(struct segments *log, uint32_t number, uint64_t used, uint64_t *at, struct record_header *ret_header,
	enum err *ret_error)
{
	char bytes[RECORD_HEADER_BYTES];
	uint64_t id = 0;

	*at = *at ? *at : SEGMENT_HEADER_BYTES;
	*ret_error = segments_id(log, number, &id);
	if (*ret_error != OK || *at + sizeof(bytes) > used)
		return false;
	*ret_error = segments_read(log, number, *at, bytes, sizeof(bytes));
	/* What cannot be read ends the walk as what was never written does. */
	if (*ret_error == ERR_CORRUPT)
		*ret_error = OK;
	else if (*ret_error != OK)
		return false;
	if (record_decode_header(str_make(bytes, sizeof(bytes)), ret_header) != OK ||
		!is_plausible(ret_header, id, *at, used))
		return false;
	*at += ret_header->length;
	return true;
}

/* A head that is all zeros behind its first bytes was erased with its account. */
static bool is_erased(struct str head)
{
	for (size_t i = RECORD_HEADER_BYTES; i < head.n; i++)
		if (head.p[i])
			return false;
	return true;
}

enum err segments_read_head(struct segments *log, uint32_t number, const struct record_header *header,
	struct arena *arena, struct record_head *ret_head, bool *ret_erased)
{
	char *bytes = arena_bytes(arena, header->head);
	enum err e = segments_read(log, number, header->offset, bytes, header->head);

	*ret_erased = false;
	if (e == OK)
		e = record_decode_head(str_make(bytes, header->head), arena, ret_head);
	else
		return e;
	*ret_erased = e == ERR_CORRUPT && is_erased(str_make(bytes, header->head));
	return e;
}

static bool is_whole(const struct record_head *head, struct str content)
{
	for (size_t block = 0; block < record_blocks(content.n); block++)
		if (hash_crc32c(0, str_sub(content, block * RECORD_BLOCK, RECORD_BLOCK)) != head->checksums[block])
			return false;
	return true;
}

enum err segments_read_content(struct segments *log, uint32_t number, const struct record_head *head,
	struct arena *arena, struct str *ret_content)
{
	const struct record_header *header = &head->header;
	char *bytes;
	enum err e;

	if (header->content > HEAD_MAX)
		return ERR_CORRUPT;
	bytes = arena_bytes(arena, header->content + 1);
	e = segments_read(log, number, header->offset + header->head, bytes, header->content);
	*ret_content = str_make(bytes, header->content);
	return e == OK && !is_whole(head, *ret_content) ? ERR_CORRUPT : e;
}
