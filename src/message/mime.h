/* SPDX-License-Identifier: ISC */
/*
 * The MIME tree of a message (RFC 2045, 2046), found in one pass that knows all enclosing
 * boundaries at once. Offsets are into the message.  At most MESSAGE_DEPTH_MAX levels and
 * MESSAGE_PARTS_MAX parts; beyond, the rest is one leaf.  A multipart without boundary or
 * delimiter line is a text/plain leaf; a message/rfc822 that is encoded (against RFC
 * 2046 5.2.1) or too deep is an application/octet-stream leaf.
 */
#ifndef MESSAGE_MIME_H
#define MESSAGE_MIME_H

#include "message/param.h"
#include "message/transfer.h"

enum { MESSAGE_DEPTH_MAX = 100, MESSAGE_PARTS_MAX = 10000 };

enum message_part_kind { MESSAGE_LEAF, MESSAGE_MULTIPART, MESSAGE_MESSAGE };

/* Strings are trimmed raw values, empty when the field is absent. */
struct message_part {
	struct message_part *parent, *next,
		*child; /* child of MESSAGE_MESSAGE: the one root of that message */
	struct message_part *last_child;
	enum message_part_kind kind;
	enum message_encoding encoding;
	unsigned depth;           /* 0: the message itself */
	struct str type, subtype; /* as written; "text" "plain" by default, "message" "rfc822"
				     in a digest */
	struct message_params params;
	struct str disposition; /* without its parameters */
	struct message_params disposition_params;
	struct str language, location, id, description, encoding_name, md5;
	uint64_t header_offset, header_size; /* the empty line included */
	uint64_t body_offset, body_size;     /* body_offset is header_offset + header_size */
	uint64_t body_lines;                 /* line feeds in the body */
};

struct message_mime {
	struct message_part *root;
	size_t parts;
	bool has_nul;          /* in header or body */
	bool has_bare_newline; /* CR without LF or LF without CR */
	bool has_8bit_header;  /* the root's header */
	bool is_cut;           /* a limit was reached */
};

/* Cannot fail.  The tree lives in the arena, its strings in raw or in the arena. */
void message_mime_parse(struct str raw, struct arena *arena, struct message_mime *ret_mime);
/* The same with a lower ceiling on parts (at least 1). */
void message_mime_parse_max(
	struct str raw, size_t max_parts, struct arena *arena, struct message_mime *ret_mime);
/* Next in preorder below root, NULL at the end. */
struct message_part *message_part_next(
	const struct message_part *root, const struct message_part *part);
/* True when a client should offer the leaf for download: what JMAP's hasAttachment means (RFC
 * 8621 4.1.4). */
bool message_part_is_attachment(const struct message_part *part);

#endif
