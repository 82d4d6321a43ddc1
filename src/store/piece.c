/* SPDX-License-Identifier: ISC */
#include "store/piece.h"

static void put_bytes(struct buf *meta, const uint8_t *bytes, size_t n)
{
	buf_add(meta, str_make((const char *)bytes, n));
}

static void get_bytes(struct rd *rd, uint8_t *bytes, size_t n)
{
	struct str s = rd_bytes(rd, n);

	if (!rd->bad)
		memcpy(bytes, s.p, n);
}

void piece_put_message(struct buf *meta, const struct piece_message *m)
{
	const struct store_entry *entry = &m->entry;

	buf_u8(meta, PIECE_MESSAGE);
	buf_varint(meta, m->folder);
	buf_varint(meta, entry->uid);
	buf_varint(meta, entry->flags);
	buf_u64(meta, (uint64_t)entry->internal_date);
	buf_u64(meta, (uint64_t)entry->saved_date);
	buf_varint(meta, entry->instance);
	buf_varint(meta, entry->thread);
	put_bytes(meta, entry->email_id, sizeof(entry->email_id));
	put_bytes(meta, m->content_id, sizeof(m->content_id));
	buf_blob(meta, m->prefix);
	buf_blob(meta, m->structure);
	buf_varint(meta, m->content);
}

void piece_get_message(struct rd *rd, struct piece_message *m)
{
	uint64_t uid;

	*m = (struct piece_message){ .folder = rd_varint(rd) };
	uid = rd_varint(rd);
	if (uid == 0 || uid > UINT32_MAX)
		rd->bad = true;
	m->entry.uid = (uint32_t)uid;
	m->entry.flags = rd_varint(rd);
	m->entry.internal_date = (int64_t)rd_u64(rd);
	m->entry.saved_date = (int64_t)rd_u64(rd);
	m->entry.instance = rd_varint(rd);
	m->entry.thread = rd_varint(rd);
	get_bytes(rd, m->entry.email_id, sizeof(m->entry.email_id));
	get_bytes(rd, m->content_id, sizeof(m->content_id));
	m->prefix = rd_blob(rd);
	m->structure = rd_blob(rd);
	m->content = rd_varint(rd);
	if (m->content > STORE_CONTENT_MAX)
		rd->bad = true;
}

void piece_put_folder(struct buf *meta, const struct folder_row *row)
{
	buf_u8(meta, PIECE_FOLDER);
	buf_varint(meta, row->id);
	buf_blob(meta, row->name);
	buf_varint(meta, row->special);
	buf_varint(meta, row->uidvalidity);
	buf_varint(meta, row->counter);
	buf_varint(meta, row->recent);
	buf_blob(meta, row->keywords);
}

void piece_get_folder(struct rd *rd, struct folder_row *row)
{
	uint64_t special;

	*row = (struct folder_row){ .id = rd_varint(rd) };
	row->name = rd_blob(rd);
	special = rd_varint(rd);
	row->uidvalidity = rd_varint(rd);
	row->counter = rd_varint(rd);
	row->recent = rd_varint(rd);
	row->keywords = rd_blob(rd);
	row->special = (enum store_special)special;
	if (row->id == ACCOUNT_ROW || special >= STORE_SPECIALS || row->uidvalidity == 0 ||
		row->uidvalidity > UINT32_MAX || row->counter == 0 || row->counter > (uint64_t)UINT32_MAX + 1)
		rd->bad = true;
}
