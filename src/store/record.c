/* SPDX-License-Identifier: ISC */
#include "store/record.h"

#include "base/hash.h"

#include <assert.h>

enum {
	RECORD_MAGIC = 0x52545352, /* "RSTR" */
	RECORD_VERSION = 1,
	SEGMENT_VERSION = 1,
	FIXED_HEAD = RECORD_HEADER_BYTES + 32 + 16 + 8,
	RECIPIENT_MIN = 10, /* bytes of the shortest */
};
static const char segment_magic[8] = { 'R', 'S', 'T', 'S', 'E', 'G', '\r', '\n' };

static size_t pad(size_t n)
{
	return (n + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

static size_t varint_size(uint64_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

/* Small negative numbers stay short; dates before 1970 exist. */
static uint64_t fold_sign(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static int64_t unfold_sign(uint64_t v)
{
	return (int64_t)(v >> 1 ^ -(v & 1));
}

static size_t recipient_size(const struct record_recipient *r)
{
	return varint_size(r->account) + varint_size(r->folder) + varint_size(r->uid) + varint_size(r->flags) +
		varint_size(r->modseq) + varint_size(fold_sign(r->internal_date)) +
		varint_size(fold_sign(r->saved_date)) + varint_size(r->instance) + varint_size(r->thread) +
		varint_size(r->prefix.n) + r->prefix.n;
}

static size_t recipients_size(const struct record_head *head)
{
	size_t size = 0;

	for (uint32_t i = 0; i < head->header.recipients; i++)
		size += recipient_size(&head->recipients[i]);
	return size;
}

size_t record_head_size(const struct record_head *head)
{
	return pad(FIXED_HEAD + 4 * record_blocks(head->header.content) + recipients_size(head) + head->structure.n);
}

uint64_t record_size(size_t head, uint64_t content)
{
	return head + ((content + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1));
}

static void encode_recipient(const struct record_recipient *r, struct buf *out)
{
	buf_varint(out, r->account);
	buf_varint(out, r->folder);
	buf_varint(out, r->uid);
	buf_varint(out, r->flags);
	buf_varint(out, r->modseq);
	buf_varint(out, fold_sign(r->internal_date));
	buf_varint(out, fold_sign(r->saved_date));
	buf_varint(out, r->instance);
	buf_varint(out, r->thread);
	buf_blob(out, r->prefix);
}

static void encode_header(const struct record_header *h, struct buf *out)
{
	size_t start = out->n;

	buf_u32(out, RECORD_MAGIC);
	buf_u8(out, RECORD_VERSION);
	buf_u8(out, h->type);
	buf_u16(out, (uint16_t)h->recipients);
	buf_u64(out, h->segment_id);
	buf_u32(out, h->length);
	buf_u32(out, h->head);
	buf_u64(out, h->content);
	buf_u32(out, h->head_checksum);
	buf_u32(out, h->key_id);
	buf_add(out, str_make(h->nonce, sizeof(h->nonce)));
	buf_u32(out, (uint32_t)(h->offset / RECORD_ALIGN));
	buf_u32(out, hash_crc32c(0, str_make(out->p + start, out->n - start)));
}

static void encode_body(const struct record_head *head, struct buf *out)
{
	size_t blocks = record_blocks(head->header.content);

	buf_add(out, str_make(head->content_id, sizeof(head->content_id)));
	buf_add(out, str_make(head->delivery_id, sizeof(head->delivery_id)));
	buf_u32(out, (uint32_t)recipients_size(head));
	buf_u32(out, (uint32_t)head->structure.n);
	for (size_t i = 0; i < blocks; i++)
		buf_u32(out, head->checksums[i]);
	for (uint32_t i = 0; i < head->header.recipients; i++)
		encode_recipient(&head->recipients[i], out);
	buf_add(out, head->structure);
}

void record_encode_head(const struct record_head *head, struct buf *out)
{
	struct record_header header = head->header;
	size_t start = out->n, size = record_head_size(head);
	static const char zeros[RECORD_HEADER_BYTES];

	assert(header.recipients <= UINT16_MAX && record_size(size, header.content) <= UINT32_MAX);
	if (!buf_reserve(out, size))
		return;
	buf_add(out, str_make(zeros, RECORD_HEADER_BYTES));
	encode_body(head, out);
	buf_add(out, str_make(zeros, start + size - out->n));
	header.head = (uint32_t)size;
	header.length = (uint32_t)record_size(size, header.content);
	header.head_checksum = hash_crc32c(0,
		str_make(out->p + start + RECORD_HEADER_BYTES, size - RECORD_HEADER_BYTES));
	out->n = start;
	encode_header(&header, out);
	buf_added(out, size - RECORD_HEADER_BYTES);
}

static bool is_header_sound(const struct record_header *h)
{
	return (h->type == RECORD_MESSAGE || h->type == RECORD_NOTES) && h->head >= FIXED_HEAD &&
		h->head % RECORD_ALIGN == 0 && h->content < UINT32_MAX &&
		record_size(h->head, h->content) == h->length;
}

enum err record_decode_header(struct str s, struct record_header *ret_header)
{
	struct rd rd = rd_of(s);
	struct record_header h = { 0 };
	bool known = rd_u32(&rd) == RECORD_MAGIC && rd_u8(&rd) == RECORD_VERSION;
	struct str nonce;

	h.type = rd_u8(&rd);
	h.recipients = rd_u16(&rd);
	h.segment_id = rd_u64(&rd);
	h.length = rd_u32(&rd);
	h.head = rd_u32(&rd);
	h.content = rd_u64(&rd);
	h.head_checksum = rd_u32(&rd);
	h.key_id = rd_u32(&rd);
	nonce = rd_bytes(&rd, sizeof(h.nonce));
	h.offset = (uint64_t)rd_u32(&rd) * RECORD_ALIGN;
	if (rd.bad || !known || rd_u32(&rd) != hash_crc32c(0, str_sub(s, 0, RECORD_HEADER_BYTES - 4)) || rd.bad)
		return ERR_CORRUPT;
	if (!is_header_sound(&h))
		return ERR_CORRUPT;
	memcpy(h.nonce, nonce.p, sizeof(h.nonce));
	*ret_header = h;
	return OK;
}

static bool decode_recipient(struct rd *rd, struct record_recipient *r)
{
	uint64_t uid;

	r->account = rd_varint(rd);
	r->folder = rd_varint(rd);
	uid = rd_varint(rd);
	r->uid = (uint32_t)uid;
	r->flags = rd_varint(rd);
	r->modseq = rd_varint(rd);
	r->internal_date = unfold_sign(rd_varint(rd));
	r->saved_date = unfold_sign(rd_varint(rd));
	r->instance = rd_varint(rd);
	r->thread = rd_varint(rd);
	r->prefix = rd_blob(rd);
	return !rd->bad && uid <= UINT32_MAX;
}

static enum err decode_recipients(struct rd rd, struct arena *arena, struct record_head *head)
{
	if (head->header.recipients > rd_left(&rd) / RECIPIENT_MIN)
		return ERR_CORRUPT;
	head->recipients = arena_array(arena, struct record_recipient, head->header.recipients);
	for (uint32_t i = 0; i < head->header.recipients; i++)
		if (!decode_recipient(&rd, &head->recipients[i]))
			return ERR_CORRUPT;
	return rd_left(&rd) == 0 ? OK : ERR_CORRUPT;
}

static const uint32_t *decode_checksums(struct rd *rd, struct arena *arena, size_t blocks)
{
	uint32_t *checksums;

	if (blocks > rd_left(rd) / 4) {
		rd->bad = true;
		return NULL;
	}
	checksums = arena_array(arena, uint32_t, blocks);
	for (size_t i = 0; i < blocks; i++)
		checksums[i] = rd_u32(rd);
	return checksums;
}

static enum err decode_body(struct rd rd, struct arena *arena, struct record_head *head)
{
	struct str content_id = rd_bytes(&rd, sizeof(head->content_id));
	struct str delivery_id = rd_bytes(&rd, sizeof(head->delivery_id));
	uint32_t recipients = rd_u32(&rd), structure = rd_u32(&rd);
	struct str list;

	head->checksums = decode_checksums(&rd, arena, record_blocks(head->header.content));
	list = rd_bytes(&rd, recipients);
	head->structure = rd_bytes(&rd, structure);
	if (rd.bad || rd_left(&rd) >= RECORD_ALIGN)
		return ERR_CORRUPT;
	memcpy(head->content_id, content_id.p, content_id.n);
	memcpy(head->delivery_id, delivery_id.p, delivery_id.n);
	return decode_recipients(rd_of(list), arena, head);
}

enum err record_decode_head(struct str s, struct arena *arena, struct record_head *ret_head)
{
	struct record_head head = { 0 };
	struct str body;
	enum err e = record_decode_header(s, &head.header);

	if (e != OK)
		return e;
	if (s.n < head.header.head)
		return ERR_CORRUPT;
	body = str_sub(s, RECORD_HEADER_BYTES, head.header.head - RECORD_HEADER_BYTES);
	if (hash_crc32c(0, body) != head.header.head_checksum)
		return ERR_CORRUPT;
	e = decode_body(rd_of(body), arena, &head);
	if (e == OK)
		*ret_head = head;
	return e;
}

void segment_encode_header(const struct segment_header *header, char out[SEGMENT_HEADER_BYTES])
{
	struct buf buf = BUF_MAX(0);

	buf_add(&buf, str_make(segment_magic, sizeof(segment_magic)));
	buf_u32(&buf, SEGMENT_VERSION);
	buf_u32(&buf, header->number);
	buf_u64(&buf, header->id);
	buf_u64(&buf, (uint64_t)header->created_s);
	for (size_t i = buf.n; i < SEGMENT_HEADER_BYTES - 4; i++)
		buf_u8(&buf, 0);
	buf_u32(&buf, hash_crc32c(0, buf_str(&buf)));
	memcpy(out, buf.p, SEGMENT_HEADER_BYTES);
	buf_done(&buf);
}

enum err segment_decode_header(struct str s, struct segment_header *ret_header)
{
	struct rd rd = rd_of(s);
	struct segment_header header;
	bool known = str_equal(rd_bytes(&rd, sizeof(segment_magic)), str_make(segment_magic, sizeof(segment_magic)));

	known = rd_u32(&rd) == SEGMENT_VERSION && known;
	header.number = rd_u32(&rd);
	header.id = rd_u64(&rd);
	header.created_s = (int64_t)rd_u64(&rd);
	(void)rd_bytes(&rd, SEGMENT_HEADER_BYTES - 4 - 32);
	if (!known || rd_u32(&rd) != hash_crc32c(0, str_sub(s, 0, SEGMENT_HEADER_BYTES - 4)) || rd.bad)
		return ERR_CORRUPT;
	*ret_header = header;
	return OK;
}
