/* SPDX-License-Identifier: ISC */
#include "message/check.h"

#include "base/utf8.h"

enum { PREVIEW_CHARS = 200 };

static uint64_t end_of(const struct message_part *part)
{
	return part->body_offset + part->body_size;
}

static uint64_t count_lines(struct str raw, const struct message_part *part)
{
	struct str body = str_sub(raw, part->body_offset, part->body_size);
	uint64_t lines = 0;

	for (ptrdiff_t at; (at = str_index(body, '\n')) >= 0; lines++)
		body = str_from(body, (size_t)at + 1);
	return lines;
}

/* Children lie within the body, in order; a message's child is all of it. */
static void check_part(struct str raw, const struct message_part *part)
{
	uint64_t at = part->body_offset;

	MESSAGE_CHECK(part->body_offset == part->header_offset + part->header_size);
	MESSAGE_CHECK(part->body_lines == count_lines(raw, part));
	MESSAGE_CHECK((part->kind == MESSAGE_LEAF) == !part->child);
	MESSAGE_CHECK(part->type.n && part->subtype.n);
	for (const struct message_part *child = part->child; child; child = child->next) {
		MESSAGE_CHECK(child->parent == part && child->depth == part->depth + 1);
		MESSAGE_CHECK(child->header_offset >= at);
		MESSAGE_CHECK(end_of(child) <= end_of(part));
		at = end_of(child);
	}
	if (part->kind == MESSAGE_MESSAGE) {
		MESSAGE_CHECK(!part->child->next);
		MESSAGE_CHECK(part->child->header_offset == part->body_offset);
		MESSAGE_CHECK(end_of(part->child) == end_of(part));
	}
}

static void check_range(const struct message_structure *s, struct str path, const char *word,
	uint64_t offset, uint64_t size, enum message_encoding want)
{
	struct buf section = {0};
	struct message_range range;
	enum message_encoding encoding;

	buf_add(&section, path);
	buf_adds(&section, path.n && *word ? "." : "");
	buf_adds(&section, word);
	MESSAGE_CHECK(
		message_structure_section(s, buf_str(&section), &range, &encoding) == OK);
	MESSAGE_CHECK(range.offset == offset && range.size == size && encoding == want);
	buf_done(&section);
}

/* path: of the part itself, empty for the whole message. */
static void check_sections(
	const struct message_structure *s, const struct message_part *part, struct str path)
{
	enum message_encoding encoding = part->child ? MESSAGE_7BIT : part->encoding;
	const struct message_part *message =
		part->kind == MESSAGE_MESSAGE ? part->child : NULL;

	check_range(s, path, "", part->body_offset, part->body_size, encoding);
	check_range(s, path, "MIME", part->header_offset, part->header_size, MESSAGE_7BIT);
	if (!message)
		return;
	check_range(
		s, path, "HEADER", message->header_offset, message->header_size, MESSAGE_7BIT);
	check_range(s, path, "TEXT", message->body_offset, message->body_size, MESSAGE_7BIT);
}

/* The path of a part: numbers of multipart children and of the lone bodies of messages. */
static void write_path(const struct message_part *part, struct buf *out)
{
	const struct message_part *up[MESSAGE_DEPTH_MAX + 1];
	size_t n = 0;

	for (; part; part = part->parent)
		up[n++] = part;
	while (n-- > 0) {
		const struct message_part *parent = up[n]->parent;
		bool is_message = !parent || parent->kind == MESSAGE_MESSAGE;
		uint64_t number = 1;

		if (is_message && up[n]->kind == MESSAGE_MULTIPART)
			continue; /* its children are numbered in its place */
		if (!is_message)
			for (const struct message_part *p = parent->child; p != up[n];
				p = p->next)
				number++;
		if (out->n)
			buf_addc(out, '.');
		buf_add_u64(out, number);
	}
}

/* Sections are compared for so many parts; each path costs its length. */
enum { SECTIONS_MAX = 300 };

static void check_tree(
	const struct message_structure *s, struct str raw, const struct message_mime *mime)
{
	size_t parts = 0;

	for (const struct message_part *part = mime->root; part;
		part = message_part_next(mime->root, part)) {
		struct buf path = {0};

		check_part(raw, part);
		if (parts++ < SECTIONS_MAX) {
			write_path(part, &path);
			if (path.n && !(part->kind == MESSAGE_MULTIPART &&
					      (!part->parent ||
						      part->parent->kind == MESSAGE_MESSAGE)))
				check_sections(s, part, buf_str(&path));
		}
		buf_done(&path);
	}
	MESSAGE_CHECK(parts == mime->parts && parts == s->parts);
	MESSAGE_CHECK(mime->root->header_offset == 0 && end_of(mime->root) == raw.n);
	check_range(s, STR_NONE, "", 0, raw.n, MESSAGE_7BIT);
	check_range(s, STR_NONE, "HEADER", 0, mime->root->header_size, MESSAGE_7BIT);
	check_range(s, STR_NONE, "TEXT", mime->root->body_offset, mime->root->body_size,
		MESSAGE_7BIT);
}

static void check_text(struct str s, size_t max_chars)
{
	size_t chars = 0;

	MESSAGE_CHECK(utf8_is_valid(s));
	for (; s.n; chars++) {
		uint32_t cp = utf8_next(&s);

		MESSAGE_CHECK(cp >= 0x20 && (cp < 0x7f || cp >= 0xa0));
	}
	MESSAGE_CHECK(chars <= max_chars);
}

static void check_ids(const struct message_structure *s, struct str list)
{
	struct str id;

	while (message_structure_next_id(s, &list, &id))
		MESSAGE_CHECK(id.n && !memchr(id.p, '>', id.n) && !memchr(id.p, ' ', id.n));
	MESSAGE_CHECK(list.n == 0);
}

static void check_facts(const struct message_structure *s)
{
	check_text(s->subject, SIZE_MAX);
	check_text(s->base_subject, SIZE_MAX);
	check_text(s->preview, PREVIEW_CHARS);
	check_ids(s, s->in_reply_to);
	check_ids(s, s->references);
}

static void check_texts(const struct message_structure *s, const struct message_mime *mime)
{
	struct buf text = {0};

	message_structure_add_envelope(s, &text);
	message_check_envelope(buf_str(&text));
	buf_clear(&text);
	message_structure_add_bodystructure(s, &text);
	message_check_bodystructure(buf_str(&text), mime->root, true);
	buf_clear(&text);
	message_structure_add_body(s, &text);
	message_check_bodystructure(buf_str(&text), mime->root, false);
	buf_done(&text);
}

void message_check(struct str raw, struct arena *arena, struct buf *ret_blob)
{
	struct message_structure s;
	struct message_mime mime;
	struct buf again = {0};

	message_structure_build(raw, NULL, arena, ret_blob);
	message_structure_build(raw, NULL, arena, &again);
	MESSAGE_CHECK(str_equal(buf_str(ret_blob), buf_str(&again)));
	buf_done(&again);
	MESSAGE_CHECK(ret_blob->n <= MESSAGE_STRUCTURE_MAX);
	MESSAGE_CHECK(message_structure_open(buf_str(ret_blob), &s) == OK);
	message_mime_parse(raw, arena, &mime);
	if (s.parts == 1 && mime.parts > 1)
		message_mime_parse_max(raw, 1, arena, &mime);
	check_tree(&s, raw, &mime);
	check_texts(&s, &mime);
	check_facts(&s);
}
