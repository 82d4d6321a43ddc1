/* SPDX-License-Identifier: ISC */
/*
 * The form of a structure blob, version 1.  Numbers are varints unless said; "span" is an
 * offset into the pool and a length; "list" and "text" carry their length in front.
 *
 *   u8 version | flags | size | header size | Received fields | date (zigzag seconds, zigzag
 * minutes; only with MESSAGE_HAS_DATE) | parts | text pool | u8 what ENVELOPE repeats |
 * lengths of its five pieces | length of BODYSTRUCTURE, which follows it in the pool | spans:
 * Message-ID, subject, base subject, preview | lists of spans: In-Reply-To, References | list
 * of cuts (gap, length) that make BODY of BODYSTRUCTURE | list of part rows
 *
 * A row, in preorder: u8 kind and encoding | gap before its header (from the parent's body or
 * the sibling's end) | header size | body size | lines | for a multipart its number of
 * children.  Internal to message.
 */
#ifndef MESSAGE_STRUCTURE_FORMAT_H
#define MESSAGE_STRUCTURE_FORMAT_H

#include <stdint.h>

enum {
	STRUCTURE_VERSION = 1,
	STRUCTURE_SENDER_IS_FROM = 1,
	STRUCTURE_REPLY_TO_IS_FROM = 2,
	STRUCTURE_KIND_BITS = 2,
};

/* Small numbers of either sign as small unsigned ones. */
static inline uint64_t structure_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t structure_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (~(v & 1) + 1));
}

#endif
