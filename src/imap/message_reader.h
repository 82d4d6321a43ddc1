/* SPDX-License-Identifier: ISC */
/*
 * A stored message as FETCH and SEARCH see it: the entry's header prefix and the content as one, its structure, and
 * where sections lie.  Offsets are of prefix and content together.  Memory is the arena's.
 */
#ifndef IMAP_MESSAGE_READER_H
#define IMAP_MESSAGE_READER_H

#include "imap/fetch_att.h"
#include "message/structure.h"
#include "store/store.h"

enum { IMAP_HEADER_MAX = 4 << 20, IMAP_SCAN_MAX = 16 << 20 };

struct imap_message_reader {
	struct store *store;
	struct store_entry entry;
	struct store_message message;
	struct message_structure structure;
	struct arena *arena;
};

struct imap_section_bytes {
	bool is_made;      /* the bytes are made: HEADER.FIELDS */
	struct str made;
	struct message_range range; /* else: where they lie */
};

/* content: it will be read too, not only the structure. */
MUST_CHECK enum err imap_message_open(struct imap_message_reader *reader, struct store *store, uint64_t account,
	const struct store_entry *entry, bool content, struct arena *arena);
/* n bytes from offset on, clipped. */
MUST_CHECK enum err imap_message_read(
	struct imap_message_reader *reader, uint64_t offset, size_t n, char *ret_bytes, size_t *ret_n);
/* OK when the first block of the range can be read. */
MUST_CHECK enum err imap_message_check(struct imap_message_reader *reader, uint64_t offset, uint64_t size);
/* ERR_NOT_FOUND: the message has no such part. */
MUST_CHECK enum err imap_message_section(struct imap_message_reader *reader, const struct imap_fetch_att *att,
	struct imap_section_bytes *ret_bytes);
/* The whole header, prefix included, up to IMAP_HEADER_MAX. */
MUST_CHECK enum err imap_message_header(struct imap_message_reader *reader, struct str *ret_header);
/* The content, up to IMAP_SCAN_MAX. */
MUST_CHECK enum err imap_message_content(struct imap_message_reader *reader, struct str *ret_content);

#endif
