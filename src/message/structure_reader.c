/* SPDX-License-Identifier: ISC */
#include "message/mime.h"
#include "message/structure.h"
#include "message/structure_format.h"

enum { FLAGS = MESSAGE_IS_CUT * 2 - 1 };

/* One row of the part table. */
struct row {
	enum message_part_kind kind;
	enum message_encoding encoding;
	uint64_t header_offset, header_size, body_offset, body_size;
	uint64_t children;
};

static uint64_t row_end(const struct row *row)
{
	return row->body_offset + row->body_size;
}

/* Takes n bytes off what is left before `end`; false when there are not so many. */
static bool advance(uint64_t *at, uint64_t n, uint64_t end)
{
	if (n > end - *at)
		return false;
	*at += n;
	return true;
}

/* cursor: where the gap before the header begins.  False for a row that goes past `end`. */
static bool read_row(struct rd *rd, uint64_t cursor, uint64_t end, struct row *ret_row)
{
	uint8_t first = rd_u8(rd);
	uint64_t gap = rd_varint(rd), at = cursor;

	ret_row->kind = first & ((1 << STRUCTURE_KIND_BITS) - 1);
	ret_row->encoding = first >> STRUCTURE_KIND_BITS;
	ret_row->header_size = rd_varint(rd);
	ret_row->body_size = rd_varint(rd);
	rd_varint(rd); /* lines */
	ret_row->children = ret_row->kind == MESSAGE_MULTIPART
				    ? rd_varint(rd)
				    : ret_row->kind == MESSAGE_MESSAGE;
	if (rd->bad || cursor > end || !advance(&at, gap, end))
		return false;
	ret_row->header_offset = at;
	if (!advance(&at, ret_row->header_size, end))
		return false;
	ret_row->body_offset = at;
	return advance(&at, ret_row->body_size, end);
}

/* Rows that are still to come below an open one. */
struct open_row {
	uint64_t left, cursor, end;
};

static bool is_possible(const struct row *row)
{
	return row->kind <= MESSAGE_MESSAGE && row->encoding <= MESSAGE_ENCODING_UNKNOWN &&
	       (row->kind != MESSAGE_MULTIPART || row->children > 0);
}

static bool check_part_table(const struct message_structure *s)
{
	struct open_row stack[MESSAGE_DEPTH_MAX + 1] = {{1, 0, s->size}};
	struct rd rd = rd_of(s->part_table);
	size_t open = 0;
	struct row row;

	for (uint32_t i = 0; i < s->parts; i++) {
		while (stack[open].left == 0 && open > 0)
			open--;
		if (stack[open].left-- == 0 ||
			!read_row(&rd, stack[open].cursor, stack[open].end, &row) ||
			!is_possible(&row))
			return false;
		stack[open].cursor = row_end(&row);
		if (i == 0 && (row.header_offset || row.header_size != s->header_size ||
				      row_end(&row) != s->size))
			return false;
		if (row.children == 0)
			continue;
		if (open == MESSAGE_DEPTH_MAX)
			return false;
		stack[++open] =
			(struct open_row){row.children, row.body_offset, row_end(&row)};
	}
	while (open > 0 && stack[open].left == 0)
		open--;
	return stack[open].left == 0 && rd_left(&rd) == 0;
}

static bool take_span(struct rd *rd, struct str pool, struct str *ret)
{
	uint64_t at = rd_varint(rd), n = rd_varint(rd);

	if (rd->bad || at > pool.n || n > pool.n - at)
		return false;
	*ret = str_sub(pool, at, n);
	return true;
}

static bool check_ids(const struct message_structure *s, struct str list)
{
	struct rd rd = rd_of(list);
	struct str id;

	while (rd_left(&rd))
		if (!take_span(&rd, s->pool, &id))
			return false;
	return !rd.bad;
}

static bool check_cuts(const struct message_structure *s)
{
	struct rd rd = rd_of(s->cuts);
	uint64_t at = 0, end = s->bodystructure.n;

	while (rd_left(&rd)) {
		uint64_t gap = rd_varint(&rd), n = rd_varint(&rd);

		if (rd.bad || !advance(&at, gap, end) || !advance(&at, n, end))
			return false;
	}
	return true;
}

/* The five pieces of ENVELOPE and BODYSTRUCTURE follow one another in the pool. */
static bool take_texts(struct rd *rd, struct message_structure *s)
{
	uint8_t repeats = rd_u8(rd);
	uint64_t at = 0;

	for (size_t i = 0; i < 6; i++) {
		uint64_t n = rd_varint(rd);
		struct str *to = i < 5 ? &s->envelope[i] : &s->bodystructure;

		*to = str_sub(s->pool, at, n);
		if (rd->bad || !advance(&at, n, s->pool.n))
			return false;
	}
	if (repeats & STRUCTURE_SENDER_IS_FROM)
		s->envelope[2] = s->envelope[1];
	if (repeats & STRUCTURE_REPLY_TO_IS_FROM)
		s->envelope[3] = s->envelope[1];
	return repeats <= (STRUCTURE_SENDER_IS_FROM | STRUCTURE_REPLY_TO_IS_FROM);
}

static bool take_facts(struct rd *rd, struct message_structure *s)
{
	if (!take_span(rd, s->pool, &s->message_id) || !take_span(rd, s->pool, &s->subject) ||
		!take_span(rd, s->pool, &s->base_subject) ||
		!take_span(rd, s->pool, &s->preview))
		return false;
	s->in_reply_to = rd_blob(rd);
	s->references = rd_blob(rd);
	s->cuts = rd_blob(rd);
	s->part_table = rd_blob(rd);
	return !rd->bad && rd_left(rd) == 0;
}

static bool take_numbers(struct rd *rd, struct message_structure *s)
{
	uint64_t flags, received, parts;
	int64_t zone = 0;

	flags = rd_varint(rd);
	s->size = rd_varint(rd);
	s->header_size = rd_varint(rd);
	received = rd_varint(rd);
	if (flags & MESSAGE_HAS_DATE) {
		s->date.time_s = structure_unzigzag(rd_varint(rd));
		zone = structure_unzigzag(rd_varint(rd));
	}
	parts = rd_varint(rd);
	s->flags = (unsigned)flags;
	s->received = (uint32_t)received;
	s->parts = (uint32_t)parts;
	s->date.zone_min = (int32_t)zone;
	return !rd->bad && flags <= FLAGS && received <= UINT32_MAX && parts >= 1 &&
	       parts <= MESSAGE_PARTS_MAX && zone > -1440 && zone < 1440;
}

enum err message_structure_open(struct str blob, struct message_structure *ret_structure)
{
	struct rd rd = rd_of(blob);
	struct message_structure s = {0};

	if (rd_u8(&rd) != STRUCTURE_VERSION || !take_numbers(&rd, &s))
		return ERR_CORRUPT;
	s.pool = rd_blob(&rd);
	if (!take_texts(&rd, &s) || !take_facts(&rd, &s))
		return ERR_CORRUPT;
	if (!check_ids(&s, s.in_reply_to) || !check_ids(&s, s.references) || !check_cuts(&s) ||
		!check_part_table(&s))
		return ERR_CORRUPT;
	*ret_structure = s;
	return OK;
}

void message_structure_add_envelope(const struct message_structure *s, struct buf *out)
{
	for (size_t i = 0; i < 5; i++)
		buf_add(out, s->envelope[i]);
}

void message_structure_add_bodystructure(const struct message_structure *s, struct buf *out)
{
	buf_add(out, s->bodystructure);
}

void message_structure_add_body(const struct message_structure *s, struct buf *out)
{
	struct rd rd = rd_of(s->cuts);
	size_t at = 0;

	while (rd_left(&rd)) {
		size_t gap = rd_varint(&rd), n = rd_varint(&rd);

		buf_add(out, str_sub(s->bodystructure, at, gap));
		at += gap + n;
	}
	buf_add(out, str_from(s->bodystructure, at));
}

bool message_structure_next_id(
	const struct message_structure *s, struct str *list, struct str *ret_id)
{
	struct rd rd = rd_of(*list);

	if (list->n == 0 || !take_span(&rd, s->pool, ret_id))
		return false;
	*list = str_from(*list, list->n - rd_left(&rd));
	return true;
}

static void skip_children(struct rd *rd, const struct row *row)
{
	struct row below;

	for (uint64_t left = row->children; left > 0; left--) {
		read_row(rd, 0, UINT64_MAX, &below);
		left += below.children;
	}
}

/* A place in the table: rd stands behind the row. */
struct place {
	struct rd rd;
	struct row row;
	bool is_message; /* the row was reached as a message, not as a part of one */
};

static bool enter_child(struct place *place, uint64_t number)
{
	uint64_t cursor = place->row.body_offset, end = row_end(&place->row);
	struct row child;

	if (number == 0 || number > place->row.children)
		return false;
	for (;;) {
		if (!read_row(&place->rd, cursor, end, &child))
			return false;
		if (--number == 0)
			break;
		skip_children(&place->rd, &child);
		cursor = row_end(&child);
	}
	place->row = child;
	return true;
}

/* RFC 3501 6.4.5: part 1 of a message that is no multipart is its body. */
static bool enter_part(struct place *place, uint64_t number)
{
	if (!place->is_message && place->row.kind == MESSAGE_MESSAGE) {
		enter_child(place, 1);
		place->is_message = true;
	}
	if (place->row.kind == MESSAGE_MULTIPART) {
		place->is_message = false;
		return enter_child(place, number);
	}
	if (!place->is_message || number != 1)
		return false;
	place->is_message = false;
	return true;
}

static struct message_range header_of(const struct row *row)
{
	return (struct message_range){row->header_offset, row->header_size};
}

static struct message_range body_of(const struct row *row)
{
	return (struct message_range){row->body_offset, row->body_size};
}

/* The word at the end of a section; numbered: part numbers stand before it. */
static enum err find_word(
	struct place *place, struct str word, bool numbered, struct message_range *ret_range)
{
	bool header = str_iequal(word, S("HEADER"));

	if (str_iequal(word, S("MIME"))) {
		if (!numbered)
			return ERR_SYNTAX;
		*ret_range = header_of(&place->row);
		return OK;
	}
	if (!header && !str_iequal(word, S("TEXT")))
		return ERR_SYNTAX;
	if (numbered && (place->row.kind != MESSAGE_MESSAGE || !enter_child(place, 1)))
		return ERR_NOT_FOUND;
	*ret_range = header ? header_of(&place->row) : body_of(&place->row);
	return OK;
}

/* nz-number "." ...: true when a number was taken off *rest. */
static bool take_number(struct str *rest, uint32_t *ret_number)
{
	struct str after = *rest, word;

	if (!rest->n || rest->p[0] < '1' || rest->p[0] > '9' || rest->p[rest->n - 1] == '.' ||
		!str_next(&after, '.', &word) || str_to_u32(word, ret_number) != OK)
		return false;
	*rest = after;
	return true;
}

static enum err check_section(struct str section)
{
	uint32_t number;

	while (take_number(&section, &number))
		;
	return section.n == 0 || str_iequal(section, S("HEADER")) ||
			       str_iequal(section, S("TEXT")) || str_iequal(section, S("MIME"))
		       ? OK
		       : ERR_SYNTAX;
}

enum err message_structure_section(const struct message_structure *s, struct str section,
	struct message_range *ret_range, enum message_encoding *ret_encoding)
{
	struct place place = {.rd = rd_of(s->part_table), .is_message = true};
	enum message_encoding encoding = MESSAGE_7BIT;
	struct message_range range;
	struct str rest = section;
	uint32_t number;
	enum err e = check_section(section);

	if (e != OK)
		return e;
	if (!read_row(&place.rd, 0, s->size, &place.row))
		return ERR_CORRUPT;
	while (take_number(&rest, &number))
		if (!enter_part(&place, number))
			return ERR_NOT_FOUND;
	if (rest.n)
		e = find_word(&place, rest, rest.n < section.n, &range);
	else if (section.n)
		range = body_of(&place.row);
	else
		range = (struct message_range){0, s->size};
	if (e != OK)
		return e;
	if (rest.n == 0 && section.n)
		encoding = place.row.encoding;
	*ret_range = range;
	if (ret_encoding)
		*ret_encoding = encoding;
	return OK;
}
