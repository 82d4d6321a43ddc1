/* SPDX-License-Identifier: ISC */
/*
 * Notes: one record a turn that changed something else than by new mail.  Each note is kind, account, folder, the
 * modseq it got, then its own fields.  They are not synced by themselves: whoever needs them has lost the database.
 */
#include "store/local.h"

static void begin_note(struct store_tx *tx, enum note_kind kind, uint64_t account, uint64_t folder, uint64_t modseq)
{
	buf_varint(&tx->notes, kind);
	buf_varint(&tx->notes, account);
	buf_varint(&tx->notes, folder);
	buf_varint(&tx->notes, modseq);
	tx->wrote = true;
}

static void add_set(struct buf *out, const struct uidset *set)
{
	uint32_t before = 0;

	buf_varint(out, set->n);
	for (size_t i = 0; i < set->n; before = set->v[i++].last) {
		buf_varint(out, set->v[i].first - before);
		buf_varint(out, set->v[i].last - set->v[i].first);
	}
}

void note_flags(struct store_tx *tx, const struct tx_folder *folder, const struct store_flags *change, uint64_t bits,
	const struct uidset *uids)
{
	begin_note(tx, NOTE_FLAGS, folder->account->account, folder->row.id, folder->row.modseq);
	buf_u8(&tx->notes, (uint8_t)change->op);
	buf_varint(&tx->notes, bits);
	add_set(&tx->notes, uids);
}

void note_expunge(struct store_tx *tx, const struct tx_folder *folder, const struct uidset *uids, bool moved)
{
	begin_note(tx, NOTE_EXPUNGE, folder->account->account, folder->row.id, folder->row.modseq);
	buf_u8(&tx->notes, moved);
	add_set(&tx->notes, uids);
}

void note_copy(struct store_tx *tx, const struct note_copy *copy)
{
	begin_note(tx, NOTE_COPY, copy->to->account->account, copy->to->row.id, copy->first_modseq);
	buf_varint(&tx->notes, copy->from->row.id);
	buf_u8(&tx->notes, copy->moved);
	buf_varint(&tx->notes, copy->first_uid);
	buf_varint(&tx->notes, copy->first_instance);
	buf_varint(&tx->notes, (uint64_t)tx->now_s);
	add_set(&tx->notes, copy->source);
}

void note_folder(struct store_tx *tx, uint64_t account, const struct folder_row *row)
{
	begin_note(tx, NOTE_FOLDER, account, row->id, row->modseq);
	buf_blob(&tx->notes, row->name);
	buf_varint(&tx->notes, row->special);
	buf_varint(&tx->notes, row->uidvalidity);
	buf_blob(&tx->notes, row->keywords);
}

void note_folder_gone(struct store_tx *tx, const struct tx_account *account, uint64_t id)
{
	begin_note(tx, NOTE_FOLDER_GONE, account->account, id, account->row.modseq);
}

void note_subscribe(struct store_tx *tx, const struct tx_account *account, struct str name, bool subscribed)
{
	begin_note(tx, NOTE_SUBSCRIBE, account->account, 0, account->row.modseq);
	buf_u8(&tx->notes, subscribed);
	buf_blob(&tx->notes, name);
}

void note_account(struct store_tx *tx, uint64_t account, uint64_t uidvalidity, uint64_t modseq)
{
	begin_note(tx, NOTE_ACCOUNT, account, 0, modseq);
	buf_varint(&tx->notes, uidvalidity);
}

void note_account_gone(struct store_tx *tx, const struct tx_account *account)
{
	begin_note(tx, NOTE_ACCOUNT_GONE, account->account, 0, account->row.modseq);
}

void note_account_left(struct store_tx *tx, uint64_t account, uint64_t modseq)
{
	begin_note(tx, NOTE_ACCOUNT_LEFT, account, 0, modseq);
}

void note_clock(struct store_tx *tx, const struct tx_folder *folder)
{
	begin_note(tx, NOTE_CLOCK, folder->account->account, folder->row.id, folder->row.modseq);
	buf_varint(&tx->notes, folder->row.counter);
	buf_varint(&tx->notes, folder->account->row.counter);
}

enum err notes_append(struct store_tx *tx)
{
	struct record_head head = { .header.type = RECORD_NOTES };
	struct store_content content = STORE_CONTENT(buf_str(&tx->notes));
	struct store_extent extent;

	if (tx->notes.overflow)
		return ERR_TOO_BIG;
	return tx->notes.n > 0 ? segments_append(tx->store->segments, &head, &content, &extent) : OK;
}
