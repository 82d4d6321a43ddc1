/* SPDX-License-Identifier: ISC */
/* What the pieces of an account on its way are made of (decision 0007). */
#ifndef STORE_PIECE_H
#define STORE_PIECE_H

#include "store/local.h"
#include "store/move.h"

enum piece_item { PIECE_ACCOUNT = 1, PIECE_FOLDER, PIECE_SUBSCRIBED, PIECE_DELIVERY, PIECE_MESSAGE, PIECE_END };

enum { PIECE_VERSION = 1, PIECE_META_MAX = 64 << 20 };

struct piece_message {
	uint64_t folder;
	struct store_entry entry; /* extent aside */
	uint8_t content_id[32];
	struct str prefix, structure;
	uint64_t content; /* bytes, at the place where the last one's ended */
};

void piece_put_message(struct buf *meta, const struct piece_message *message);
void piece_get_message(struct rd *rd, struct piece_message *ret_message);
void piece_put_folder(struct buf *meta, const struct folder_row *row);
void piece_get_folder(struct rd *rd, struct folder_row *ret_row);

#endif
