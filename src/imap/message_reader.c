/* SPDX-License-Identifier: ISC */
#include "imap/message_reader.h"

#include "message/header.h"

enum err imap_message_open(struct imap_message_reader *reader, struct store *store, uint64_t account,
	const struct store_entry *entry, bool content, struct arena *arena)
{
	enum err e;

	reader->store = store;
	reader->entry = *entry;
	reader->arena = arena;
	e = content ? store_message_open(store, account, entry, arena, &reader->message)
		    : store_message_open_head(store, account, entry, arena, &reader->message);
	return e == OK ? message_structure_open(reader->message.structure, &reader->structure) : e;
}

enum err imap_message_read(
	struct imap_message_reader *reader, uint64_t offset, size_t n, char *ret_bytes, size_t *ret_n)
{
	return store_message_read(reader->store, &reader->message, offset, n, ret_bytes, ret_n);
}

enum err imap_message_check(struct imap_message_reader *reader, uint64_t offset, uint64_t size)
{
	char byte;
	size_t n;
	enum err e = size ? imap_message_read(reader, offset, 1, &byte, &n) : OK;

	return e == OK && size && n != 1 ? ERR_CORRUPT : e;
}

static uint64_t whole_size(const struct imap_message_reader *reader)
{
	return reader->message.prefix.n + reader->message.content_length;
}

static enum err read_range(struct imap_message_reader *reader, struct message_range range, struct str *ret_bytes)
{
	char *p = arena_bytes(reader->arena, (size_t)range.size + 1);
	size_t n = 0;
	enum err e = range.size ? imap_message_read(reader, range.offset, (size_t)range.size, p, &n) : OK;

	if (e == OK)
		*ret_bytes = str_make(p, n);
	return e;
}

/* The prefix is the head of the message: it belongs to the whole and to its header, to no part. */
static enum err find_range(
	struct imap_message_reader *reader, struct str section, struct message_range *ret_range)
{
	uint64_t prefix = reader->message.prefix.n;
	enum err e;

	if (section.n == 0) {
		*ret_range = (struct message_range){ 0, whole_size(reader) };
		return OK;
	}
	e = message_structure_section(&reader->structure, section, ret_range, NULL);
	if (e != OK)
		return e;
	if (str_equal(section, S("HEADER")))
		ret_range->size += prefix;
	else
		ret_range->offset += prefix;
	return OK;
}

static enum err make_fields(struct imap_message_reader *reader, const struct imap_fetch_att *att,
	struct message_range range, struct str *ret_made)
{
	struct buf out = { 0 };
	struct str header;
	enum err e;

	range.size = range.size < IMAP_HEADER_MAX ? range.size : IMAP_HEADER_MAX;
	e = read_range(reader, range, &header);
	if (e != OK)
		return e;
	message_header_fields(header, att->names, att->names_n, att->fields == IMAP_FIELDS_NOT, &out);
	*ret_made = arena_dup(reader->arena, buf_str(&out));
	buf_done(&out);
	return OK;
}

static void clip(const struct imap_fetch_att *att, uint64_t *offset, uint64_t *size)
{
	uint64_t skip = att->offset < *size ? att->offset : *size;

	if (!att->partial)
		return;
	*offset += skip;
	*size -= skip;
	*size = *size < att->count ? *size : att->count;
}

enum err imap_message_section(struct imap_message_reader *reader, const struct imap_fetch_att *att,
	struct imap_section_bytes *ret_bytes)
{
	struct imap_section_bytes bytes = { .is_made = att->fields != IMAP_FIELDS_ALL };
	uint64_t offset = 0, size;
	enum err e = find_range(reader, att->section, &bytes.range);

	if (e == OK && bytes.is_made)
		e = make_fields(reader, att, bytes.range, &bytes.made);
	if (e != OK)
		return e;
	clip(att, &bytes.range.offset, &bytes.range.size);
	size = bytes.made.n;
	clip(att, &offset, &size);
	bytes.made = str_sub(bytes.made, (size_t)offset, (size_t)size);
	*ret_bytes = bytes;
	return OK;
}

enum err imap_message_header(struct imap_message_reader *reader, struct str *ret_header)
{
	uint64_t size = reader->message.prefix.n + reader->structure.header_size;

	size = size < IMAP_HEADER_MAX ? size : IMAP_HEADER_MAX;
	return read_range(reader, (struct message_range){ 0, size }, ret_header);
}

enum err imap_message_content(struct imap_message_reader *reader, struct str *ret_content)
{
	uint64_t size = reader->message.content_length;

	size = size < IMAP_SCAN_MAX ? size : IMAP_SCAN_MAX;
	return read_range(reader, (struct message_range){ reader->message.prefix.n, size }, ret_content);
}
