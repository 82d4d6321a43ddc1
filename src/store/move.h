/* SPDX-License-Identifier: ISC */
/*
 * An account on its way from one shard to another.  The shard it leaves freezes it and hands out its content piece by
 * piece; the other takes the pieces in; then the first forgets it.  While it is frozen, and after it has left, whatever
 * would change it or open it gets ERR_UNAVAILABLE, or ERR_MOVED once it is gone.  Decision 0007.
 */
#ifndef STORE_MOVE_H
#define STORE_MOVE_H

#include "base/buf.h"
#include "store/store.h"

/* Inside run(): nothing of it changes from now on, also after a restart.  OK when it is frozen already. */
MUST_CHECK enum err store_account_freeze(struct store_tx *tx, uint64_t account);
/* Undoes it; no effect on an account that has left. */
MUST_CHECK enum err store_account_thaw(struct store_tx *tx, uint64_t account);
/*
 * It lives elsewhere, or what came of it is to be forgotten: its folders go, its content is compaction's.  It may come
 * back.  OK also when there is none.
 */
MUST_CHECK enum err store_account_leave(struct store_tx *tx, uint64_t account);
/* OK, ERR_UNAVAILABLE (frozen) or ERR_MOVED. */
enum err store_account_is_here(const struct store *store, uint64_t account);

/* A piece: content from the beginning of fd, then `meta` bytes that say what it is. */
struct store_piece {
	int fd;
	uint64_t length; /* with meta */
	uint32_t meta;
	uint64_t messages;
};
enum { STORE_PIECE_BYTES = 8 << 20, STORE_CURSOR_MAX = 32 };

/*
 * The next piece of a frozen account into fd, which is empty.  cursor: empty for the first; becomes that of the next
 * piece, empty after the last one.  A piece has STORE_PIECE_BYTES of content, or one message that has more.
 * ERR_SEQUENCE: it is not frozen.
 */
MUST_CHECK enum err store_account_export(
	struct store *store, uint64_t account, struct buf *cursor, struct store_piece *piece);

/*
 * Inside run(): takes a piece in, in the order of export.  The account is frozen here until the last piece.
 * ERR_BUSY: what it had here when it left last is still being purged.  ERR_EXISTS: it is here.  ERR_CORRUPT.
 */
MUST_CHECK enum err store_account_import(struct store_tx *tx, uint64_t account, const struct store_piece *piece);

#endif
