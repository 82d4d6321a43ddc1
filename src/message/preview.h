/* SPDX-License-Identifier: ISC */
/* The first words of a message (RFC 8970).  Internal to message. */
#ifndef MESSAGE_PREVIEW_H
#define MESSAGE_PREVIEW_H

#include "message/mime.h"

/* Appends up to `chars` characters of UTF-8 on one line; nothing when there is no text. */
void message_preview_add(
	const struct message_mime *mime, struct str raw, size_t chars, struct buf *out);

#endif
