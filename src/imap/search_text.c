/* SPDX-License-Identifier: ISC */
#include "imap/search_text.h"

#include "message/charset.h"
#include "message/header.h"
#include "message/mime.h"

static bool has_text(const struct buf *buf, struct str text)
{
	return text.n == 0 || str_ifind(buf_str(buf), text) >= 0;
}

static bool field_has(struct str value, struct str text, struct buf *work)
{
	buf_clear(work);
	message_header_decode(value, work);
	return has_text(work, text);
}

enum err imap_search_field(
	struct imap_message_reader *reader, struct str field, struct str text, bool *ret_found)
{
	struct message_field f;
	struct buf work = { 0 };
	struct str rest;
	bool found = false;
	enum err e = imap_message_header(reader, &rest);

	while (e == OK && !found && message_header_next_named(&rest, field, &f))
		found = field_has(f.value, text, &work);
	buf_done(&work);
	if (e == OK)
		*ret_found = found;
	return e;
}

static bool header_has(struct str rest, struct str text, struct buf *work)
{
	struct message_field f;

	while (message_header_next(&rest, &f)) {
		buf_clear(work);
		buf_add(work, f.name);
		buf_adds(work, ": ");
		message_header_decode(f.value, work);
		if (has_text(work, text))
			return true;
	}
	return false;
}

enum err imap_search_header(struct imap_message_reader *reader, struct str text, bool *ret_found)
{
	struct buf work = { 0 };
	struct str header;
	enum err e = imap_message_header(reader, &header);

	if (e == OK)
		*ret_found = header_has(header, text, &work);
	buf_done(&work);
	return e;
}

static void to_utf8(const struct message_part *part, struct str bytes, struct buf *out)
{
	const struct message_param *charset = message_params_find(&part->params, "charset");

	if (!charset || message_charset_to_utf8(charset->value, bytes, out) != OK)
		message_charset_guess_to_utf8(bytes, out);
}

static bool part_has(
	const struct message_part *part, struct str content, struct str text, struct buf *work)
{
	struct str body = str_sub(content, (size_t)part->body_offset, (size_t)part->body_size);
	struct buf decoded = { 0 };
	bool found;

	if (part->parent && part->parent->kind == MESSAGE_MESSAGE &&
		header_has(str_sub(content, (size_t)part->header_offset, (size_t)part->header_size), text, work))
		return true;
	if (part->kind != MESSAGE_LEAF || !str_iequal(part->type, S("text")))
		return false;
	buf_clear(work);
	message_decode(part->encoding, body, &decoded);
	to_utf8(part, buf_str(&decoded), work);
	found = has_text(work, text);
	buf_done(&decoded);
	return found;
}

enum err imap_search_body(struct imap_message_reader *reader, struct str text, bool *ret_found)
{
	struct message_mime mime;
	struct buf work = { 0 };
	struct str content;
	bool found = text.n == 0;
	enum err e = imap_message_content(reader, &content);

	if (e != OK)
		return e;
	message_mime_parse(content, reader->arena, &mime);
	for (struct message_part *p = mime.root; p && !found; p = message_part_next(mime.root, p))
		found = part_has(p, content, text, &work);
	buf_done(&work);
	*ret_found = found;
	return OK;
}
