/* SPDX-License-Identifier: ISC */
/*
 * New entries of a turn, and what every change of entries counts and tells.
 */
#include "store/local.h"

#include <assert.h>

void tx_count(struct tx_folder *folder, const struct store_entry *entry, int sign)
{
	struct folder_row *row = &folder->row, *all = &folder->account->row;
	uint64_t one = (uint64_t)(int64_t)sign, bytes = sign > 0 ? entry->size : -(uint64_t)entry->size;

	row->messages += one;
	row->bytes += bytes;
	all->messages += one;
	all->bytes += bytes;
	if (!(entry->flags & STORE_SEEN))
		row->unseen += one;
	if (entry->flags & STORE_DELETED)
		row->deleted += one;
}

void tx_count_flags(struct tx_folder *folder, uint64_t before, uint64_t after)
{
	struct folder_row *row = &folder->row;

	row->unseen += (before & STORE_SEEN ? 1 : 0) - (uint64_t)(after & STORE_SEEN ? 1 : 0);
	row->deleted += (after & STORE_DELETED ? 1 : 0) - (uint64_t)(before & STORE_DELETED ? 1 : 0);
}

void tx_delta(struct store_tx *tx, struct tx_folder *folder, enum delta_kind kind, uint32_t uid, uint64_t flags,
	uint64_t modseq)
{
	struct delta delta = { folder->handle, kind, uid, flags, modseq };

	if (folder->handle && folder->handle->loaded)
		vec_push(&tx->deltas, delta);
}

enum err tx_flush_entries(struct store_tx *tx, struct tx_folder *folder)
{
	size_t n = folder->pending_n;

	folder->pending_n = 0;
	if (n == 0)
		return OK;
	return chunks_append(tx, folder->account->account, folder->row.id, folder->pending, n);
}

static void grow_pending(struct store_tx *tx, struct tx_folder *folder)
{
	size_t cap = folder->pending_cap ? 4 * folder->pending_cap : 4;
	struct store_entry *grown = arena_array(tx->arena, struct store_entry, cap);

	if (folder->pending_n)
		memcpy(grown, folder->pending, folder->pending_n * sizeof(*grown));
	folder->pending = grown;
	folder->pending_cap = cap;
}

enum err tx_push(struct store_tx *tx, struct tx_folder *folder, const struct store_entry *entry)
{
	assert(folder->pending_n == 0 || folder->pending[folder->pending_n - 1].uid < entry->uid);
	if (folder->pending_n == folder->pending_cap)
		grow_pending(tx, folder);
	folder->pending[folder->pending_n++] = *entry;
	tx_count(folder, entry, 1);
	tx_delta(tx, folder, DELTA_APPEND, entry->uid, entry->flags, entry->modseq);
	tx_touch(tx, folder);
	return folder->pending_n >= PENDING_ENTRIES ? tx_flush_entries(tx, folder) : OK;
}
