/* SPDX-License-Identifier: ISC */
/*
 * One record, written again at the log's end.
 */
#include "store/compact_local.h"

static const struct compact_moved *find_moved(const struct compact_job *j, const struct store_extent *from)
{
	uint64_t key[2];
	struct str bytes = compact_key(from, key);
	const struct compact_moved *m = map_get(j->own->moved, bytes);

	return m ? m : map_get(j->fresh, bytes);
}

/* What stands before the content of a deleted account's copy is nobody's any more. */
static enum err blank_deleted(struct store_tx *tx, struct record_head *head)
{
	struct sql_statement *st = ST(tx->store, DROPPED_ACCOUNT);

	for (uint32_t i = 0; i < head->header.recipients; i++) {
		enum err e;

		SQL_BIND(st, SQL_I64(head->recipients[i].account));
		e = sql_first(st);
		sql_reset(st);
		if (e == OK)
			head->recipients[i].prefix = STR_NONE;
		else if (e != ERR_NOT_FOUND)
			return e;
	}
	return OK;
}

/* Checksums are computed anew as the bytes pass by: damage must not get a new name. */
static enum err append(struct store_tx *tx, struct record_head *head, uint32_t number, struct store_extent *ret_to)
{
	const uint32_t *before = head->checksums;
	size_t n = record_blocks(head->header.content);
	struct store_content content = { .fd = -1, .length = head->header.content,
		.at = head->header.offset + head->header.head };
	enum err e = segments_descriptor(tx->store->segments, number, &content.fd);

	if (e == OK)
		e = segments_append(tx->store->segments, head, &content, ret_to);
	if (e != OK)
		return e;
	return n && memcmp(before, head->checksums, n * sizeof(*before)) != 0 ? ERR_CORRUPT : OK;
}

static enum err read_head(struct store_tx *tx, const struct store_extent *from, struct record_head *ret_head)
{
	struct segments *log = tx->store->segments;
	struct record_header header;
	uint64_t at = from->offset;
	bool erased;
	enum err e;

	if (!segments_walk(log, from->segment, from->offset + from->length, &at, &header, &e))
		return e == OK ? ERR_CORRUPT : e;
	if (header.length != from->length || header.type != RECORD_MESSAGE)
		return ERR_CORRUPT;
	return segments_read_head(log, from->segment, &header, tx->arena, ret_head, &erased);
}

static void remember(struct compact_job *j, struct store_tx *tx, const struct store_extent *from,
	const struct store_extent *to)
{
	struct compact_moved *m = arena_make(tx->arena, struct compact_moved);
	uint64_t key[2];

	*m = (struct compact_moved){ *from, *to };
	m->from.slot = m->to.slot = 0;
	vec_push(&j->moved, *m);
	map_put(j->fresh, compact_key(from, key), m);
}

enum err compact_move_record(
	struct compact_job *j, struct store_tx *tx, const struct store_extent *from, struct store_extent *ret_to)
{
	const struct compact_moved *known = find_moved(j, from);
	struct record_head head;
	enum err e;

	if (known) {
		*ret_to = known->to;
		ret_to->slot = from->slot;
		return OK;
	}
	e = read_head(tx, from, &head);
	if (e == OK && head.header.recipients > 1)
		e = blank_deleted(tx, &head);
	if (e == OK)
		e = append(tx, &head, from->segment, ret_to);
	if (e != OK)
		return e;
	tx->has_mail = true;
	remember(j, tx, from, ret_to);
	ret_to->slot = from->slot;
	j->records++;
	j->written += ret_to->length;
	return OK;
}
