/* SPDX-License-Identifier: ISC */
/* The writer of structure blobs; structure_reader.c reads them and structure_format.h has
 * their form. */
#include "message/structure.h"

#include "message/body_structure.h"
#include "message/envelope.h"
#include "message/header.h"
#include "message/ids.h"
#include "message/imap_string.h"
#include "message/preview.h"
#include "message/structure_format.h"
#include "message/subject.h"
#include "message/text.h"

enum {
	PREVIEW_CHARS = 200,
	SUBJECT_MAX = 4 << 10,
	REFERENCES_MAX = 64,
	IN_REPLY_TO_MAX = 16,
	IDS_BYTES_MAX = 64 << 10,
	/* What ENVELOPE and BODYSTRUCTURE may take of a blob; the rest is for facts and part
	   table. */
	POOL_MAX = 640 << 10,
	/* Bytes of the pool in which a text is looked for before it is stored again. */
	SHARED_MAX = 8 << 10,
};

struct builder {
	struct str raw;
	struct message_mime mime;
	struct message_envelope envelope;
	struct message_envelope_text envelope_text;
	struct message_cuts cuts;
	size_t bodystructure_size;
	unsigned flags;
	struct message_date date;
	struct buf pool;  /* texts; facts are spans of it */
	struct buf facts; /* the spans, in the order of the format */
};

/* Writes a span of the pool that holds s: where it stands already, or at the end. */
static void add_span(struct builder *b, struct str s, struct buf *out)
{
	size_t searched = b->pool.n < SHARED_MAX ? b->pool.n : SHARED_MAX;
	const char *found = s.n ? memmem(b->pool.p, searched, s.p, s.n) : NULL;
	size_t at = found ? (size_t)(found - b->pool.p) : b->pool.n;

	if (s.n == 0)
		at = 0;
	else if (!found)
		buf_add(&b->pool, s);
	buf_varint(out, at);
	buf_varint(out, s.n);
}

static void add_subject(struct builder *b)
{
	struct buf decoded = {0}, collapsed = {0};
	struct str subject;
	bool is_reply;

	message_header_decode(
		str_sub(b->envelope.subject, 0, MESSAGE_IMAP_STRING_MAX), &decoded);
	subject = message_text_cut(buf_str(&decoded), SUBJECT_MAX);
	message_text_add_collapsed(subject, &collapsed);
	add_span(b, subject, &b->facts);
	add_span(b, message_subject_base(buf_str(&collapsed), &is_reply), &b->facts);
	b->flags |= is_reply ? MESSAGE_IS_REPLY : 0;
	buf_done(&decoded);
	buf_done(&collapsed);
}

static void add_preview(struct builder *b, const struct message_structure_options *options)
{
	size_t chars = options->preview_chars ? options->preview_chars : PREVIEW_CHARS;
	struct buf preview = {0};

	if (!options->no_preview)
		message_preview_add(&b->mime, b->raw, chars, &preview);
	add_span(b, buf_str(&preview), &b->facts);
	buf_done(&preview);
}

static size_t count_ids(struct str value)
{
	struct str id;
	size_t n = 0;

	while (message_ids_next(&value, &id))
		n++;
	return n;
}

/* The first id, which names the thread, and the last ones up to max. */
static void add_ids(struct builder *b, struct str value, size_t max)
{
	size_t count, skip;
	struct buf list = {0};
	struct str id;

	value = str_sub(value, 0, IDS_BYTES_MAX);
	count = count_ids(value);
	skip = count > max ? count - max : 0;
	for (size_t i = 0; message_ids_next(&value, &id); i++)
		if (i == 0 || i > skip)
			add_span(b, id, &list);
	buf_blob(&b->facts, buf_str(&list));
	buf_done(&list);
}

static void add_facts(struct builder *b, const struct message_structure_options *options)
{
	add_span(b, message_ids_own(b->envelope.message_id), &b->facts);
	add_subject(b);
	add_preview(b, options);
	add_ids(b, b->envelope.in_reply_to, IN_REPLY_TO_MAX);
	add_ids(b, b->envelope.references, REFERENCES_MAX);
}

static void set_flags(struct builder *b)
{
	const struct message_part *root = b->mime.root;

	b->flags |= b->mime.has_8bit_header ? MESSAGE_HAS_8BIT_HEADER : 0;
	b->flags |= b->mime.has_nul ? MESSAGE_HAS_NUL : 0;
	b->flags |= b->mime.has_bare_newline ? MESSAGE_HAS_BARE_NEWLINE : 0;
	b->flags |= b->mime.is_cut ? MESSAGE_IS_CUT : 0;
	for (const struct message_part *part = root; part;
		part = message_part_next(root, part))
		if (!part->child && message_part_is_attachment(part))
			b->flags |= MESSAGE_HAS_ATTACHMENT;
		else if (part->kind == MESSAGE_MESSAGE && message_part_is_attachment(part))
			b->flags |= MESSAGE_HAS_ATTACHMENT;
	if (message_date_parse(b->envelope.date, &b->date) == OK)
		b->flags |= MESSAGE_HAS_DATE;
}

/* A tree whose text would not fit is described as one leaf instead. */
static void add_bodystructure(struct builder *b, struct arena *arena)
{
	size_t start = b->pool.n;

	b->pool.max = POOL_MAX;
	message_body_structure_add(b->mime.root, b->raw, &b->pool, &b->cuts);
	if (b->pool.overflow) {
		buf_truncate(&b->pool, start);
		b->cuts.n = 0;
		message_mime_parse_max(b->raw, 1, arena, &b->mime);
		message_body_structure_add(b->mime.root, b->raw, &b->pool, &b->cuts);
	}
	b->pool.max = 0;
	b->bodystructure_size = b->pool.n - start;
}

static uint64_t count_children(const struct message_part *part)
{
	uint64_t n = 0;

	for (const struct message_part *child = part->child; child; child = child->next)
		n++;
	return n;
}

static void add_row(const struct message_part *part, uint64_t cursor, struct buf *out)
{
	enum message_encoding encoding = part->child ? MESSAGE_7BIT : part->encoding;

	buf_u8(out, (uint8_t)(part->kind | encoding << STRUCTURE_KIND_BITS));
	buf_varint(out, part->header_offset - cursor);
	buf_varint(out, part->header_size);
	buf_varint(out, part->body_size);
	buf_varint(out, part->body_lines);
	if (part->kind == MESSAGE_MULTIPART)
		buf_varint(out, count_children(part));
}

static void add_part_table(const struct message_part *root, struct buf *out)
{
	struct buf table = {0};
	const struct message_part *part = root, *before = NULL; /* sibling */
	uint64_t cursor = 0;

	while (part) {
		add_row(part, cursor, &table);
		if (part->child) {
			cursor = part->body_offset;
			part = part->child;
			continue;
		}
		before = part;
		while (before != root && !before->next)
			before = before->parent;
		part = before == root ? NULL : before->next;
		cursor = before->body_offset + before->body_size;
	}
	buf_blob(out, buf_str(&table));
	buf_done(&table);
}

static void add_cuts(const struct message_cuts *cuts, struct buf *out)
{
	struct buf list = {0};
	size_t end = 0;

	for (size_t i = 0; i < cuts->n; i++) {
		buf_varint(&list, cuts->v[i].offset - end);
		buf_varint(&list, cuts->v[i].size);
		end = cuts->v[i].offset + cuts->v[i].size;
	}
	buf_blob(out, buf_str(&list));
	buf_done(&list);
}

static void add_envelope_places(const struct message_envelope_text *at, struct buf *out)
{
	buf_u8(out, (uint8_t)((at->sender_is_from ? STRUCTURE_SENDER_IS_FROM : 0) |
			      (at->reply_to_is_from ? STRUCTURE_REPLY_TO_IS_FROM : 0)));
	buf_varint(out, at->from);
	buf_varint(out, at->sender - at->from);
	buf_varint(out, at->reply_to - at->sender);
	buf_varint(out, at->rest - at->reply_to);
	buf_varint(out, at->end - at->rest);
}

static void add_blob(const struct builder *b, struct buf *out)
{
	buf_u8(out, STRUCTURE_VERSION);
	buf_varint(out, b->flags);
	buf_varint(out, b->raw.n);
	buf_varint(out, b->mime.root->header_size);
	buf_varint(out, b->envelope.received);
	if (b->flags & MESSAGE_HAS_DATE) {
		buf_varint(out, structure_zigzag(b->date.time_s));
		buf_varint(out, structure_zigzag(b->date.zone_min));
	}
	buf_varint(out, b->mime.parts);
	buf_blob(out, buf_str(&b->pool));
	add_envelope_places(&b->envelope_text, out);
	buf_varint(out, b->bodystructure_size);
	buf_add(out, buf_str(&b->facts));
	add_cuts(&b->cuts, out);
	add_part_table(b->mime.root, out);
}

void message_structure_build(struct str raw, const struct message_structure_options *options,
	struct arena *arena, struct buf *ret_blob)
{
	static const struct message_structure_options defaults = {0};
	struct builder b = {.raw = raw};

	message_mime_parse(raw, arena, &b.mime);
	message_envelope_read(str_sub(raw, 0, b.mime.root->header_size), &b.envelope);
	message_envelope_write(&b.envelope, arena, &b.pool, &b.envelope_text);
	add_bodystructure(&b, arena);
	set_flags(&b);
	add_facts(&b, options ? options : &defaults);
	add_blob(&b, ret_blob);
	vec_done(&b.cuts);
	buf_done(&b.pool);
	buf_done(&b.facts);
}
