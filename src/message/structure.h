/* SPDX-License-Identifier: ISC */
/*
 * The structure blob: what IMAP, POP3, search and threading need to know of a message without
 * reading it, made once (role inspect, or store on APPEND) and kept beside the message.  The
 * writer fixes its form; the reader copies nothing, so a struct message_structure is valid as
 * long as its blob.  Offsets are relative to the content given to the builder: whoever puts a
 * trace header before it adds that length.
 */
#ifndef MESSAGE_STRUCTURE_H
#define MESSAGE_STRUCTURE_H

#include "base/arena.h"
#include "base/buf.h"
#include "message/date.h"
#include "message/transfer.h"

/* Bytes of the largest blob, so that it fits into an IPC frame with a message's recipients; a message
 * that would need more is described as one leaf. */
enum { MESSAGE_STRUCTURE_MAX = 860 << 10 };

enum message_structure_flags {
	MESSAGE_HAS_8BIT_HEADER = 1, /* bytes above 127 in the header */
	MESSAGE_HAS_NUL = 2,
	MESSAGE_HAS_BARE_NEWLINE = 4, /* a CR or an LF alone */
	MESSAGE_HAS_ATTACHMENT = 8,
	MESSAGE_HAS_DATE = 16, /* a Date field that could be read */
	MESSAGE_IS_REPLY = 32, /* base subject: "is a reply or forward" (RFC 5256 2.1) */
	MESSAGE_IS_CUT = 64,   /* a limit on parts, depth or size was reached */
};

struct message_structure_options {
	size_t preview_chars; /* 0: 200 (RFC 8970 3.1) */
	bool no_preview;
};

/* An opened blob. */
struct message_structure {
	uint64_t size;            /* of the content */
	uint64_t header_size;     /* its empty line included */
	unsigned flags;           /* enum message_structure_flags */
	uint32_t received;        /* Received fields */
	uint32_t parts;           /* rows of the part table, at least 1 */
	struct message_date date; /* when MESSAGE_HAS_DATE */
	struct str message_id;    /* without angle brackets; empty when absent */
	struct str subject;       /* decoded, UTF-8 */
	struct str base_subject;  /* RFC 5256 2.1; upper and lower case as written */
	struct str preview;       /* UTF-8, one line */
	struct str in_reply_to;   /* packed ids: read with message_structure_next_id */
	struct str references;    /* likewise */

	/* The reader's own. */
	struct str pool, part_table, cuts;
	struct str envelope[5]; /* to From, From, Sender, Reply-To, the rest */
	struct str bodystructure;
};

/* A place in the content. */
struct message_range {
	uint64_t offset, size;
};

/* Cannot fail: whatever the bytes, something is described.  Appends the blob; the arena is for
 * the work. */
void message_structure_build(struct str raw, const struct message_structure_options *options,
	struct arena *arena, struct buf *ret_blob);
/* ERR_CORRUPT when the blob is not one this program wrote, whole; every later call on it is
 * then safe. */
MUST_CHECK enum err message_structure_open(
	struct str blob, struct message_structure *ret_structure);

/* Append what IMAP sends after "ENVELOPE ", "BODY " and "BODYSTRUCTURE ": 7-bit outside
 * literals, no NUL. */
void message_structure_add_envelope(const struct message_structure *s, struct buf *out);
void message_structure_add_body(const struct message_structure *s, struct buf *out);
void message_structure_add_bodystructure(const struct message_structure *s, struct buf *out);

/* Takes the next id (without angle brackets) off *list, which starts as s->references or
 * s->in_reply_to. */
bool message_structure_next_id(
	const struct message_structure *s, struct str *list, struct str *ret_id);

/*
 * Where a section lies: "", "HEADER", "TEXT", "1.2", "1.2.MIME", "1.HEADER", "1.TEXT" (RFC
 * 3501 6.4.5; ASCII case ignored; HEADER.FIELDS is HEADER, then message_header_fields).
 * ERR_SYNTAX for what is no section, ERR_NOT_FOUND when this message has no such part.
 * ret_encoding (may be NULL) is the part's, for BINARY (RFC 3516).
 */
MUST_CHECK enum err message_structure_section(const struct message_structure *s,
	struct str section, struct message_range *ret_range,
	enum message_encoding *ret_encoding);

#endif
